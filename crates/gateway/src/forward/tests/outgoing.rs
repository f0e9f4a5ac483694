//! A message as it is written.

use std::sync::Arc;

use bytes::Bytes;
use holdpoint_wire::http::{Body, Message, Scheme};
use http::HeaderMap;

use crate::{body::whole, forward::outgoing::outgoing};

fn message(method: &str, body: Body, headers: &[(&str, &str)]) -> Message {
    Message {
        method: method.to_owned(),
        scheme: Scheme::Https,
        host: "api.example.com".to_owned(),
        port: 443,
        target: "/a//b?c=%2F".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes())))
            .collect(),
        body,
        coded: None,
    }
}

/// The headers that a message leaves with, as text.
fn check(message: Message, scrubbed: bool, expect: &[&str]) {
    let rest = matches!(message.body, Body::Prefix(_)).then(|| whole("rest"));
    let request = outgoing(message, rest, scrubbed, Arc::default()).unwrap();
    let text = |headers: &HeaderMap| {
        let line =
            |(name, value): (_, &http::HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = headers.iter().map(line).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(text(request.headers()), expect);
    assert_eq!(request.uri(), "/a//b?c=%2F");
}

#[test]
fn host_and_length_are_said_once_and_follow_from_the_message() {
    let none = || Body::Whole(Bytes::new());
    let host = "host: api.example.com";
    check(message("GET", none(), &[]), false, &[host]);
    check(message("POST", none(), &[]), false, &["content-length: 0", host]);
    let lies =
        [("host", "evil.example"), ("content-length", "9"), ("transfer-encoding", "chunked")];
    check(message("GET", none(), &lies), false, &[host]);
    let body = Body::Whole("hello".into());
    check(message("DELETE", body, &lies), false, &["content-length: 5", host]);
    let prefix = Body::Prefix("the ".into());
    check(message("PUT", prefix, &lies), false, &["content-length: 8", host]);
}

#[test]
fn hosts_are_written_as_http_writes_them() {
    let table = [
        ("api.example.com", 443, Scheme::Https, "host: api.example.com"),
        ("api.example.com", 80, Scheme::Https, "host: api.example.com:80"),
        ("api.example.com", 80, Scheme::Http, "host: api.example.com"),
        ("2001:db8::1", 443, Scheme::Https, "host: [2001:db8::1]"),
        ("2001:db8::1", 8443, Scheme::Https, "host: [2001:db8::1]:8443"),
    ];
    for (host, port, scheme, expect) in table {
        let mut message = message("GET", Body::Whole(Bytes::new()), &[]);
        (message.host, message.port, message.scheme) = (host.to_owned(), port, scheme);
        check(message, false, &[expect]);
    }
}

#[test]
fn what_ends_here_is_not_sent() {
    let headers = [
        ("connection", "x-a, close"),
        ("x-a", "1"),
        ("keep-alive", "5"),
        ("proxy-authorization", "Basic eA=="),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip, Trailers"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("x-b", "2"),
        ("x-b", "3"),
    ];
    let message = message("GET", Body::Whole(Bytes::new()), &headers);
    // Trailers pass, so whoever reads them may say so.
    check(message, false, &["host: api.example.com", "te: trailers", "x-b: 2", "x-b: 3"]);
}

#[test]
fn a_response_that_is_scrubbed_is_asked_for_plain_and_whole() {
    let headers = [("accept-encoding", "gzip, br"), ("range", "bytes=0-9"), ("if-range", "x")];
    let message = message("GET", Body::Whole(Bytes::new()), &headers);
    let plain = ["accept-encoding: identity", "host: api.example.com"];
    check(message.clone(), true, &plain);
    let as_it_was =
        ["accept-encoding: gzip, br", "host: api.example.com", "if-range: x", "range: bytes=0-9"];
    check(message, false, &as_it_was);
}

#[test]
fn what_cannot_be_written_is_not_sent() {
    let none = || Body::Whole(Bytes::new());
    let mut table = vec![
        message("GE T", none(), &[]),
        message("GET", none(), &[("x y", "1")]),
        message("GET", none(), &[("x", "1\r\ny: 2")]),
        message("GET", Body::Prefix("p".into()), &[]),
    ];
    let mut message = message("GET", none(), &[]);
    message.target = "/a b".to_owned();
    table.push(message.clone());
    message.target = "/".to_owned();
    message.host = "a\r\nb".to_owned();
    table.push(message);
    for message in table {
        let text = format!("{message:?}");
        assert!(outgoing(message, None, false, Arc::default()).is_err(), "{text}");
    }
}
