//! Which messages there are, and which are refused before they are one.

use holdpoint_core::{Code, Message as _};

use super::*;
use crate::http::Scheme;

#[test]
fn hosts_have_one_spelling() {
    let check = |url: &str, host: &str, port: u16| {
        let message = message(&format!("GET {url}"), &[], "");
        assert_eq!((message.host.as_str(), message.port), (host, port), "{url}");
    };
    check("https://API.Example.COM/x", "api.example.com", 443);
    check("HTTPS://api.example.com./x", "api.example.com", 443);
    check("https://api.example.com:443", "api.example.com", 443);
    check("https://api.example.com:/x", "api.example.com", 443);
    check("http://api.example.com", "api.example.com", 80);
    check("http://api.example.com:8080?q=1", "api.example.com", 8080);
    check("http://[::1]:3000/", "::1", 3000);
    check("http://[0:0::0:1]/", "::1", 80);
    check("http://[::ffff:127.0.0.1]/", "127.0.0.1", 80);
    check("http://127.0.0.1/", "127.0.0.1", 80);
    check("http://my_service/", "my_service", 80);
}

#[test]
fn what_could_be_two_messages_is_none() {
    let check = |raw: RawMessage, why: &str| match Message::try_from(raw) {
        Ok(message) => panic!("{message:?} should have been refused: {why}"),
        Err(unreadable) => assert!(unreadable.text.contains(why), "{why}: {}", unreadable.text),
    };
    let url = |url: &str, why: &str| check(raw(&format!("GET {url}"), &[], ""), why);
    for host in
        ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.01", "0x7f.1", "1.2.3.4.5"]
    {
        url(&format!("http://{host}/"), "odd notation");
    }
    url("http://ex%61mple.com/", "characters");
    url("http://exämple.com/", "characters");
    url("http://a..b/", "characters");
    url("http://example.com../", "characters");
    url("http://[example.com]/", "brackets");
    url("http://[fe80::1%25eth0]/", "brackets");
    url("http://::1/", "brackets");
    url("http://example.com:0/", "port");
    url("http://example.com:+80/", "port");
    url("http://example.com:99999/", "port");
    url("http://a@b@example.com/", "more than one `@`");
    url("http://example.com\\@evil.example/", "backslash");
    url("http://example.com/a\\b", "backslash");
    url("http://example.com/#x", "fragment");
    url("http://example.com/a b", "spaces");
    url("ftp://example.com/", "only http");
    url("example.com/", "does not begin");
    let headers = |headers: &[(&str, &str)], body: &str, why: &str| {
        check(raw("POST https://a.example/x", headers, body), why);
    };
    headers(&[("Host", "b.example")], "", "different hosts");
    headers(&[("Host", "a.example:8443")], "", "different hosts");
    headers(&[("Host", "a.example"), ("host", "a.example")], "", "more than once");
    headers(&[("Content-Length", "1"), ("Content-Length", "1")], "x", "more than once");
    headers(&[("Content-Length", "2")], "x", "number of bytes");
    headers(&[("Content-Length", "+1")], "x", "number of bytes");
    headers(&[("Content-Length", "1, 1")], "x", "number of bytes");
    headers(&[("Content-Length", "1"), ("Transfer-Encoding", "chunked")], "x", "exclude");
    headers(&[("Transfer-Encoding", "gzip, chunked")], "x", "chunked");
    headers(&[("Content-Type", "a/b"), ("Content-Type", "c/d")], "x", "more than once");
    headers(&[("X-Folded", "a\r\n b")], "", "control characters");
    headers(&[("X Y", "a")], "", "no name has");
    check(raw("GET /x", &[], ""), "does not begin");
    check(raw("CONNECT https://a.example/", &[], ""), "tunnel");
    check(raw("G(T https://a.example/", &[], ""), "no word");
    let asked = || raw("GET https://a.example/", &[], "");
    check(RawMessage { sni: Some("b.example".into()), ..asked() }, "different hosts");
    check(RawMessage { connect: Some("b.example:443".into()), ..asked() }, "different hosts");
    check(RawMessage { connect: Some("a.example:80".into()), ..asked() }, "different hosts");
    check(RawMessage { authority: Some("b.example".into()), ..asked() }, "different hosts");
    let star = Address::Origin {
        scheme: Scheme::Https,
        authority: "a.example".into(),
        target: "*".into(),
    };
    check(RawMessage::new("OPTIONS", star), "slash");
    headers(&[("Authorization", "Bearer a"), ("authorization", "Bearer b")], "", "more than once");
    check(
        raw("GET https://u:p@a.example/", &[("Authorization", "Bearer a")], ""),
        "more than once",
    );
}

#[test]
fn the_same_host_said_in_several_places_is_one() {
    let everywhere = RawMessage {
        authority: Some("A.example".into()),
        sni: Some("a.EXAMPLE.".into()),
        connect: Some("a.example:443".into()),
        ..raw("GET https://a.example:443/", &[("Host", "A.Example")], "")
    };
    assert_eq!(Message::try_from(everywhere).unwrap().host, "a.example");
}

#[test]
fn origin_and_absolute_form_are_the_same_message() {
    let origin = RawMessage::new(
        "GET",
        Address::Origin {
            scheme: Scheme::Https,
            authority: "a.example:8443".into(),
            target: "/x?y=1".into(),
        },
    );
    let absolute = message("GET https://a.example:8443/x?y=1", &[], "");
    assert_eq!(Message::try_from(origin).unwrap(), absolute);
}

#[test]
fn limits_are_limits() {
    let check = |raw: RawMessage| {
        assert_eq!(Message::try_from(raw).unwrap_err().code, Code::OverLimit);
    };
    check(raw(&format!("GET https://a.example/{}", "x".repeat(40_000)), &[], ""));
    check(raw("GET https://a.example/", &[("x", "y"); 300], ""));
    let long = "y".repeat(300_000);
    check(raw("GET https://a.example/", &[("x", &long)], ""));
}

#[test]
fn the_digest_is_over_what_has_a_meaning() {
    let line = "POST https://a.example/x";
    let base = message(line, &[("x-team", "1"), ("Content-Type", "text/plain")], "body").digest();
    let same = |headers: &[(&str, &str)]| {
        assert_eq!(message(line, headers, "body").digest(), base, "{headers:?}");
    };
    same(&[("Content-Type", "text/plain"), ("X-Team", "1")]);
    same(&[("x-team", "1"), ("content-type", "text/plain"), ("user-agent", "curl"), ("date", "x")]);
    same(&[("x-team", "1"), ("content-type", "text/plain"), ("content-length", "4")]);
    let other = |line: &str, headers: &[(&str, &str)], body: &str| {
        assert_ne!(message(line, headers, body).digest(), base, "{line} {headers:?} {body}");
    };
    let headers = &[("x-team", "1"), ("content-type", "text/plain")];
    other("PUT https://a.example/x", headers, "body");
    other("POST http://a.example:443/x", headers, "body");
    other("POST https://b.example/x", headers, "body");
    other("POST https://a.example:444/x", headers, "body");
    other("POST https://a.example/x?", headers, "body");
    other(line, headers, "body2");
    other(line, &headers[..1], "body");
    other(line, &[("x-team", "1"), ("content-type", "text/html")], "body");
    let more = [headers[0], headers[1], ("x-http-method-override", "DELETE")];
    other(line, &more, "body");
    let prefix = RawMessage { body: Body::Prefix("body".into()), ..raw(line, headers, "") };
    assert_ne!(Message::try_from(prefix).unwrap().digest(), base);
}

#[test]
fn debug_shows_no_value() {
    let secret = "hunter2hunter2";
    let line = format!("POST https://u:{secret}@a.example/x?token={secret}");
    let shown = format!("{:?}", message(&line, &[("x-api-key", secret)], secret));
    assert!(!shown.contains(secret) && shown.contains("x-api-key"), "{shown}");
}

#[test]
fn headers_without_meaning_are_found() {
    assert!(crate::http::message::WITHOUT_MEANING.is_sorted());
}
