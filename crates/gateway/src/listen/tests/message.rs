//! Targets and Host headers that agree, and those that do not.

use bytes::Bytes;
use holdpoint_wire::http::Scheme;
use http::{HeaderMap, Request};

use crate::listen::message::{Authority, Parts, Via, connect_authority, message_of};

fn tunnel(scheme: Scheme, host: &str, port: u16) -> Via {
    Via::Tunnel { scheme, authority: Authority { host: host.to_owned(), port } }
}

/// Method, destination and target of a message, or why it is none.
fn check(via: Via, target: &str, hosts: &[&str], expect: Result<&str, &str>) {
    let mut request = Request::new(());
    *request.uri_mut() = target.parse().unwrap();
    for host in hosts {
        request.headers_mut().append("host", host.parse().unwrap());
    }
    let parts = Parts { via, head: request.into_parts().0 };
    let got = message_of(parts);
    match (got, expect) {
        (Ok(message), Ok(expect)) => {
            let scheme = match message.scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            };
            let said = format!("{scheme} {} {} {}", message.host, message.port, message.target);
            assert_eq!(said, expect, "{target} {hosts:?}");
            assert!(message.headers.is_empty());
        }
        (Err(unreadable), Err(expect)) => {
            assert!(unreadable.text.contains(expect), "{target} {hosts:?}: {unreadable}");
        }
        (got, _) => panic!("{target} {hosts:?} became {got:?}"),
    }
}

#[test]
fn a_target_names_one_place() {
    let https = || tunnel(Scheme::Https, "api.example.com", 443);
    let api = "api.example.com";
    let here = Ok("https api.example.com 443 /a?b");
    check(https(), "/a?b", &[api], here);
    check(https(), "/a?b", &["API.example.com.:443"], here);
    check(https(), "https://api.example.com/a?b", &[api], here);
    check(https(), "https://API.example.com:443/a?b", &[api], here);
    check(https(), "http://api.example.com/a?b", &[api], Err("scheme is not that of the tunnel"));
    check(https(), "https://api.example.com:444/", &[api], Err("different"));
    check(https(), "/", &["api.example.com:80"], Err("different"));
    check(https(), "/", &["a b"], Err("no host name has"));
    check(https(), "/", &[], Err("exactly one Host"));
    check(https(), "/", &[api, api], Err("exactly one Host"));
    check(https(), "*", &[api], Err("begin with a slash"));

    let odd = || tunnel(Scheme::Https, "2001:db8::1", 8443);
    check(odd(), "/", &["[2001:db8::1]:8443"], Ok("https 2001:db8::1 8443 /"));
    check(odd(), "/", &["[2001:db8::1]"], Err("different"));

    check(Via::Proxy, "http://a.example", &["a.example"], Ok("http a.example 80 /"));
    check(Via::Proxy, "http://a.example?x", &["a.example"], Ok("http a.example 80 /?x"));
    check(
        Via::Proxy,
        "http://a.example:8080/%2e%2E//;x",
        &["a.example:8080"],
        Ok("http a.example 8080 /%2e%2E//;x"),
    );
    check(Via::Proxy, "http://a.example/", &["b.example"], Err("different"));
    check(Via::Proxy, "https://a.example/", &["a.example"], Err("goes through CONNECT"));
    check(Via::Proxy, "http://u@p@a.example/", &["a.example"], Err("more than one `@`"));
    check(Via::Proxy, "http://a.example:0/", &["a.example:0"], Err("from 1 to 65535"));
    check(Via::Proxy, "/", &["a.example"], Err("forward proxy"));
}

#[test]
fn connect_names_host_and_port() {
    let check = |target: &str, expect: Option<(&str, u16)>| {
        let got = connect_authority(&target.parse().unwrap()).ok();
        let expect = expect.map(|(host, port)| Authority { host: host.to_owned(), port });
        assert_eq!(got, expect, "{target}");
    };
    check("api.example.com:443", Some(("api.example.com", 443)));
    check("API.EXAMPLE.COM.:443", Some(("api.example.com", 443)));
    check("[2001:db8::1]:443", Some(("2001:db8::1", 443)));
    check("api.example.com", None);
    check("u@api.example.com:443", None);
    check("api.example.com:0", None);
    check("http://api.example.com:443/", None);
    check("/", None);
}

#[test]
fn headers_keep_their_bytes_and_lose_what_ends_here() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-b", &b"1"[..]),
        ("x-a", b" caf\xe9 "),
        ("x-b", b"2"),
        ("connection", b"close, X-Gone"),
        ("x-gone", b"1"),
        ("proxy-authorization", b"Basic eA=="),
        ("te", b"trailers"),
        ("expect", b"100-continue"),
        ("content-length", b"0"),
        ("host", b"a.example"),
    ] {
        let value = http::HeaderValue::from_bytes(value).unwrap();
        headers.append(http::HeaderName::from_static(name), value);
    }
    let mut request = Request::new(());
    *request.uri_mut() = "http://a.example/".parse().unwrap();
    *request.headers_mut() = headers;
    let parts = Parts { via: Via::Proxy, head: request.into_parts().0 };
    let message = message_of(parts).unwrap();
    let expect: [(String, Bytes); 4] = [
        ("x-b".to_owned(), "1".into()),
        ("x-b".to_owned(), "2".into()),
        ("x-a".to_owned(), Bytes::from_static(b" caf\xe9 ")),
        ("te".to_owned(), "trailers".into()),
    ];
    assert_eq!(message.headers, expect);
}
