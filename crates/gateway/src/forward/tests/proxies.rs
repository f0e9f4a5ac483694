//! From file and environment to the proxy of one host.

use holdpoint_store::config::{Chosen, NoProxy, Upstream};
use holdpoint_wire::http::Scheme;

use crate::forward::Proxies;

fn chosen(file: &Upstream, environment: &[(&str, &str)]) -> Result<Proxies, String> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Proxies::chosen(file, variable).map_err(|error| error.to_string())
}

fn file(proxy: Option<&str>, no_proxy: Option<&str>) -> Upstream {
    let proxy = match proxy {
        None => Chosen::Environment,
        Some("") => Chosen::Direct,
        Some(proxy) => Chosen::Proxy(proxy.parse().unwrap()),
    };
    Upstream { proxy, no_proxy: no_proxy.map(|value| NoProxy::read(value).0) }
}

/// The ports of the proxies for https and http to `api.example.com`; 0 is none.
fn check(file: &Upstream, environment: &[(&str, &str)], https: u16, http: u16) {
    let proxies = chosen(file, environment).unwrap();
    for (scheme, expect) in [(Scheme::Https, https), (Scheme::Http, http)] {
        let found = proxies.towards(scheme, "api.example.com", 443);
        let found = found.map_or(0, holdpoint_store::config::ProxyUrl::port);
        assert_eq!(found, expect, "{scheme:?} {file:?} {environment:?}");
    }
}

#[test]
fn the_file_wins_over_the_environment_key_by_key() {
    let nothing = file(None, None);
    check(&nothing, &[], 0, 0);
    check(&nothing, &[("HTTPS_PROXY", "http://p:1")], 1, 0);
    check(&nothing, &[("HTTP_PROXY", "http://p:1")], 0, 1);
    check(&nothing, &[("https_proxy", "p:2"), ("HTTPS_PROXY", "p:1")], 2, 0);
    check(&nothing, &[("https_proxy", ""), ("HTTPS_PROXY", "p:1")], 1, 0);
    check(&nothing, &[("http_proxy", "p:2"), ("HTTP_PROXY", "p:1"), ("all_proxy", "p:3")], 3, 2);
    check(&nothing, &[("ALL_PROXY", "p:4"), ("HTTP_PROXY", "p:1")], 4, 1);
    let both = [("HTTPS_PROXY", "p:1"), ("NO_PROXY", "example.com")];
    check(&nothing, &both, 0, 0);
    check(&nothing, &[("HTTPS_PROXY", "p:1"), ("no_proxy", "other"), both[1]], 1, 0);
    check(&file(Some("http://f:9"), None), &[("HTTPS_PROXY", "p:1")], 9, 9);
    check(&file(Some("http://f:9"), None), &both, 0, 0);
    check(&file(Some("http://f:9"), Some("")), &both, 9, 9);
    check(&file(None, Some("other.example")), &both, 1, 0);
    check(&file(Some(""), None), &[("HTTPS_PROXY", "p:1"), ("ALL_PROXY", "socks5://p:1")], 0, 0);
}

#[test]
fn a_proxy_that_is_not_understood_is_not_gone_around() {
    for (environment, mend) in [
        (("ALL_PROXY", "socks5://user:hunter2@proxy:1080"), "SOCKS"),
        (("HTTPS_PROXY", "ftp://user:hunter2@proxy"), "http://HOST:PORT"),
        (("http_proxy", "http://user:hunter2@proxy:none"), "65535"),
    ] {
        let error = chosen(&file(None, None), &[environment]).unwrap_err();
        assert!(error.contains(environment.0) && error.contains(mend), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_gateway_is_not_its_own_proxy() {
    for (proxy, own, expect) in [
        ("http://agent:x@127.0.0.1:7080", "127.0.0.1:7080", true),
        ("http://localhost:7080", "127.0.0.1:7080", true),
        ("http://[::1]:7080", "[::1]:7080", true),
        ("http://10.0.0.5:7080", "10.0.0.5:7080", true),
        ("http://127.0.0.1:3128", "127.0.0.1:7080", false),
        ("http://proxy.example.com:7080", "127.0.0.1:7080", false),
    ] {
        let proxies = chosen(&file(None, None), &[("HTTP_PROXY", proxy)]).unwrap();
        let refused = proxies.refuse_ourselves(own.parse().unwrap());
        assert_eq!(refused.is_err(), expect, "{proxy} {own}");
    }
}

#[test]
fn a_human_is_told_of_the_proxy_and_not_of_its_password() {
    let both = [("ALL_PROXY", "http://user:hunter2@p:1"), ("NO_PROXY", "a.example, 10.0.0.0/8")];
    let one = [("HTTPS_PROXY", "https://p")];
    for (environment, expect) in [
        (&both[..], "http://p:1, except for a.example,10.0.0.0/8"),
        (&one[..], "https://p:443 for https, no proxy for http"),
        (&both[1..], "no proxy"),
    ] {
        assert_eq!(chosen(&file(None, None), environment).unwrap().describe(), expect);
    }
}
