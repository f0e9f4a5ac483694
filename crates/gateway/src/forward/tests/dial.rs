//! From a host to addresses.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdpoint_store::config::Upstream;
use holdpoint_wire::http::Scheme;
use tokio::net::TcpListener;

use crate::{
    forward::{
        Dialer, Hop, Override, Proxies, Resolver, Unreached, dial::Offer, pool::Key,
        resolver::Looking,
    },
    tls::trust,
};

fn check_override(text: &str, expect: Option<(&str, u16, &str)>) {
    let parsed = text.parse::<Override>().ok();
    let expect = expect.map(|(host, port, address)| Override {
        host: host.to_owned(),
        port,
        address: address.parse().unwrap(),
    });
    assert_eq!(parsed, expect, "{text}");
}

#[test]
fn overrides_name_two_hosts_and_two_ports() {
    let local = "127.0.0.1:8443";
    check_override("api.example.com:443:127.0.0.1:8443", Some(("api.example.com", 443, local)));
    check_override("API.example.com.:443:127.0.0.1:8443", Some(("api.example.com", 443, local)));
    check_override("a.example:80:[::1]:8080", Some(("a.example", 80, "[::1]:8080")));
    check_override("[2001:db8::1]:80:[::1]:8080", Some(("2001:db8::1", 80, "[::1]:8080")));
    for bad in [
        "",
        "a.example",
        "a.example:443",
        "a.example:443:127.0.0.1",
        "a.example:x:127.0.0.1:1",
        ":443:127.0.0.1:1",
        "a.example:443:localhost:1",
        "a.example:99999:127.0.0.1:1",
        "a.example:443:::1:1",
    ] {
        check_override(bad, None);
    }
}

fn dialer(overrides: &[&str]) -> Dialer {
    let overrides = overrides.iter().map(|text| text.parse().unwrap());
    Dialer::new(overrides, trust(&[]).unwrap(), Duration::from_secs(5))
}

/// Where `dialer` would go for a host that speaks plain HTTP.
async fn resolve(
    dialer: &Dialer,
    host: &str,
    port: u16,
    listed_privately: bool,
) -> Result<Vec<Hop>, Unreached> {
    dialer.resolve(Scheme::Http, host, port, listed_privately).await
}

fn upstreams(addresses: &[&str]) -> Vec<Hop> {
    addresses.iter().map(|address| Hop::Upstream(address.parse().unwrap())).collect()
}

#[tokio::test]
async fn an_override_may_lead_inside_and_holds_for_its_port_only() {
    let dialer = dialer(&["127.0.0.1:80:127.0.0.1:9"]);
    let found = resolve(&dialer, "127.0.0.1", 80, false).await.unwrap();
    assert_eq!(found, upstreams(&["127.0.0.1:9"]));
    let other = resolve(&dialer, "127.0.0.1", 81, false).await;
    assert!(matches!(other, Err(Unreached::Refused { .. })), "{other:?}");
}

#[tokio::test]
async fn names_are_judged_by_what_they_resolve_to() {
    let dialer = dialer(&[]);
    let refused = resolve(&dialer, "localhost", 80, false).await;
    assert!(matches!(refused, Err(Unreached::Refused { .. })), "{refused:?}");
    let listed = resolve(&dialer, "localhost", 80, true).await.unwrap();
    let inside = |hop: &Hop| matches!(hop, Hop::Upstream(address) if address.ip().is_loopback());
    assert!(listed.iter().all(inside), "{listed:?}");
    // Spellings of loopback that some resolvers understand are judged by what they become.
    for spelling in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"] {
        let answer = resolve(&dialer, spelling, 80, false).await;
        assert!(answer.is_err(), "{spelling}: {answer:?}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_not_resolved() {
    let unknown = resolve(&dialer(&[]), "nobody.invalid", 443, true).await;
    assert!(matches!(unknown, Err(Unreached::Resolve { .. })), "{unknown:?}");
}

/// Answers each look-up with the next of its answers, and counts.
#[derive(Debug, Default)]
struct Rebinding {
    answers: Vec<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Rebinding {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Rebinding {
    fn look_up<'a>(&'a self, _: &'a str, _: u16) -> Looking<'a> {
        let time = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(time).cloned().unwrap_or_default();
        Box::pin(async move { Ok(answer) })
    }
}

#[tokio::test]
async fn one_bad_address_condemns_a_name() {
    let public = ["1.1.1.1:443", "[2606:4700::1111]:443"];
    for (bad, while_inside) in [
        ("127.0.0.1:443", true),
        ("10.0.0.1:443", true),
        ("[::1]:443", true),
        ("[::ffff:10.0.0.1]:443", true),
        ("[64:ff9b::a00:1]:443", true),
        ("[2002:a00:1::]:443", true),
        ("169.254.169.254:443", false),
        ("[::ffff:169.254.169.254]:443", false),
        ("0.0.0.0:443", false),
    ] {
        let answer = [public[0], public[1], bad];
        for (listed_privately, expect) in [(false, false), (true, while_inside)] {
            let dialer = dialer(&[]).asking(Rebinding::new(&[&answer]));
            let found = resolve(&dialer, "api.example.com", 443, listed_privately).await;
            assert_eq!(found.is_ok(), expect, "{bad} {listed_privately}: {found:?}");
        }
    }
}

#[tokio::test]
async fn more_addresses_than_a_few_are_not_tried_and_both_families_are() {
    let answer: Vec<String> = (1..=9).map(|n| format!("1.1.1.{n}:443")).collect();
    let answer = answer.iter().map(String::as_str).chain(["[2606:4700::1111]:443"]);
    let dialer = dialer(&[]).asking(Rebinding::new(&[&answer.collect::<Vec<_>>()]));
    let found = resolve(&dialer, "api.example.com", 443, false).await.unwrap();
    let expect = ["1.1.1.1:443", "[2606:4700::1111]:443", "1.1.1.2:443", "1.1.1.3:443"];
    assert_eq!(found, upstreams(&expect));
}

/// A name that means one server when it is checked and another one when it is asked again.
#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    let checked = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let resolver = Rebinding::new(&[&[&address(&checked)], &[&address(&other)]]);
    let dialer = dialer(&[]).asking(Arc::clone(&resolver) as Arc<dyn Resolver>);
    let port = checked.local_addr().unwrap().port();
    let hops = resolve(&dialer, "rebound.example.com", port, true).await.unwrap();
    for hop in hops {
        let key = Key { scheme: Scheme::Http, host: "rebound.example.com".into(), port, hop };
        dialer.dial(&key, Offer::Both).await.unwrap();
    }
    checked.accept().await.unwrap();
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1, "a second look-up");
}

#[tokio::test]
async fn with_a_proxy_nothing_is_looked_up_and_what_can_be_checked_is() {
    let resolver = Rebinding::new(&[&["1.1.1.1:443"]]);
    let said = |name: &str| (name == "ALL_PROXY").then(|| "http://proxy.example:3128".to_owned());
    let proxies = Proxies::chosen(&Upstream::default(), said).unwrap();
    let overrides = ["fixed.example.com:443:127.0.0.1:9"];
    let dialer = dialer(&overrides).through(proxies).asking(Arc::clone(&resolver) as _);
    for (host, listed_privately, expect) in [
        ("api.example.com", false, Some(Hop::Proxy)),
        ("fixed.example.com", false, Some(Hop::Upstream("127.0.0.1:9".parse().unwrap()))),
        ("1.1.1.1", false, Some(Hop::Proxy)),
        ("2606:4700::1111", false, Some(Hop::Proxy)),
        ("10.0.0.1", false, None),
        ("10.0.0.1", true, Some(Hop::Proxy)),
        ("fd00::1", false, None),
        ("64:ff9b::a9fe:a9fe", true, None),
        ("169.254.169.254", true, None),
        ("metadata.google.internal", true, None),
        ("intranet", false, None),
        ("intranet", true, Some(Hop::Proxy)),
        // This machine is never the proxy's.
        ("127.0.0.1", false, None),
        ("127.0.0.1", true, Some(Hop::Upstream("127.0.0.1:443".parse().unwrap()))),
        ("::1", true, Some(Hop::Upstream("[::1]:443".parse().unwrap()))),
    ] {
        let found = dialer.resolve(Scheme::Https, host, 443, listed_privately).await;
        let expect = expect.map(|hop| vec![hop]);
        assert_eq!(found.ok(), expect, "{host} {listed_privately}");
    }
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}
