//! Addresses, one by one.

use crate::forward::reachable::{Kind, Refused, reachable, reachable_by_name};

/// What is said of an address: for a host that is listed as private, and for any other.
fn check(address: &str, public: &str, private: &str) {
    let ip = address.parse().unwrap();
    let word = |verdict| match verdict {
        Ok(()) => "yes",
        Err(Refused::Inside(at, _)) if at == ip => "inside",
        Err(Refused::Metadata(at)) if at == ip => "metadata",
        Err(Refused::NoHost(at, _)) if at == ip => "no host",
        Err(other) => panic!("{other} is about another address than {address}"),
    };
    assert_eq!(word(reachable(ip, false)), public, "{address}, of a public host");
    assert_eq!(word(reachable(ip, true)), private, "{address}, of a private host");
}

#[test]
fn public_addresses_are_reachable() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        check(address, "yes", "yes");
    }
}

#[test]
fn addresses_inside_are_reachable_for_hosts_that_are_listed_so() {
    for address in [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "169.254.0.1",
        "169.254.169.253",
        "100.64.0.1",
        "100.127.255.255",
        "::1",
        "fe80::1",
        "febf::1",
        "fc00::1",
        "fdff::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::7f00:1",
        "2002:c0a8:1::1",
    ] {
        check(address, "inside", "yes");
    }
}

#[test]
fn metadata_services_are_never_reachable() {
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ] {
        check(address, "metadata", "metadata");
    }
}

#[test]
fn what_is_no_host_is_never_reachable() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "192.88.99.1",
        "192.0.0.1",
        "::",
        "ff02::1",
        "2001:db8::1",
        "3fff::1",
        "2001::1",
        "2001:1ff::1",
        "100::1",
        "fec0::1",
        "4000::1",
        "5f00::1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "64:ff9b:1:7f00:0:100::",
    ] {
        check(address, "no host", "no host");
    }
}

#[test]
fn names_that_a_proxy_resolves_are_judged_by_what_they_say() {
    for (name, public, private) in [
        ("api.example.com", true, true),
        ("mylocal.example.com", true, true),
        ("internal.example.com", true, true),
        ("intranet", false, true),
        ("db.corp", false, true),
        ("printer.local", false, true),
        ("git.eu.internal", false, true),
        ("nas.home.arpa", false, true),
        ("metadata", false, false),
        ("metadata.google.internal", false, false),
        ("x.metadata.goog", false, false),
        ("instance-data.ec2.internal", false, false),
    ] {
        assert_eq!(reachable_by_name(name, false).is_ok(), public, "{name}, of a public host");
        assert_eq!(reachable_by_name(name, true).is_ok(), private, "{name}, of a private host");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let refused = reachable("10.0.0.1".parse().unwrap(), false).unwrap_err();
    assert_eq!(refused, Refused::Inside("10.0.0.1".parse().unwrap(), Kind::Private));
    let text = refused.to_string();
    assert!(text.contains("a private address") && text.contains("list it as private"), "{text}");
}
