//! From a host to addresses.

use std::time::Duration;

use crate::{
    forward::{Dialer, Override, Unreached},
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

#[tokio::test]
async fn an_override_may_lead_inside_and_holds_for_its_port_only() {
    let dialer = dialer(&["127.0.0.1:80:127.0.0.1:9"]);
    let found = dialer.resolve("127.0.0.1", 80, false).await.unwrap();
    assert_eq!(found, ["127.0.0.1:9".parse().unwrap()]);
    let other = dialer.resolve("127.0.0.1", 81, false).await;
    assert!(matches!(other, Err(Unreached::Refused { .. })), "{other:?}");
}

#[tokio::test]
async fn names_are_judged_by_what_they_resolve_to() {
    let dialer = dialer(&[]);
    let refused = dialer.resolve("localhost", 80, false).await;
    assert!(matches!(refused, Err(Unreached::Refused { .. })), "{refused:?}");
    let listed = dialer.resolve("localhost", 80, true).await.unwrap();
    assert!(listed.iter().all(|address| address.ip().is_loopback()), "{listed:?}");
    // Spellings of loopback that some resolvers understand are judged by what they become.
    for spelling in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"] {
        let answer = dialer.resolve(spelling, 80, false).await;
        assert!(answer.is_err(), "{spelling}: {answer:?}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_not_resolved() {
    let unknown = dialer(&[]).resolve("nobody.invalid", 443, true).await;
    assert!(matches!(unknown, Err(Unreached::Resolve { .. })), "{unknown:?}");
}
