//! What comes back never shows a secret.

use holdpoint_gateway::forward::Needles;
use zeroize::Zeroizing;

use crate::{
    lying,
    support::{Gateway, Setting, Upstream},
};

async fn gateway(upstream: &Upstream) -> Gateway {
    let pairs = [(Zeroizing::new(b"s3cret".to_vec()), b"PHANTM".to_vec())];
    let needles = Some(Needles::new(pairs).unwrap());
    Gateway::start_with(&[upstream], Setting { needles, ..Setting::default() }).await
}

#[tokio::test]
async fn secrets_in_headers_and_bodies_come_back_as_phantoms() {
    let upstream = Upstream::tls().await;
    let gateway = gateway(&upstream).await;
    let url = upstream.url("/leak");
    let got = gateway.curl(&["-i", "--compressed", "-r", "0-9", &url]).await;
    assert!(got.out.contains("x-leak: a PHANTM b"), "{got:?}");
    assert!(got.out.ends_with("the PHANTM is PHANTM"), "{got:?}");
    let seen = upstream.seen().remove(0);
    assert_eq!(seen.header("accept-encoding"), ["identity"]);
    assert!(seen.header("range").is_empty(), "a range could cut a secret in two");
}

#[tokio::test]
async fn a_response_in_an_unknown_coding_is_withheld() {
    let upstream = Upstream::plain().await;
    let gateway = gateway(&upstream).await;
    let got = gateway.curl(&["-i", &upstream.url("/compress")]).await;
    assert!(got.out.starts_with("HTTP/1.1 502"), "{got:?}");
    assert!(got.out.contains("is withheld"), "{got:?}");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn events_are_not_delayed_by_scrubbing() {
    let upstream = Upstream::plain().await;
    let gateway = gateway(&upstream).await;
    let got = gateway
        .curl(&["-w", "%{time_starttransfer} %{time_total}", &upstream.url("/events")])
        .await;
    let times = got.out.lines().last().unwrap().split_once(' ').unwrap();
    let (first, total): (f64, f64) = (times.0.parse().unwrap(), times.1.parse().unwrap());
    assert!(got.out.starts_with("data: 0\n\ndata: 1\n\ndata: 2\n\n"), "{got:?}");
    assert!(total - first > 0.45, "{got:?}");
}

/// An upstream that repeats the secret wherever an answer has room for it.
async fn check(answer: &str, setting: Setting, expect: &str) {
    let (upstream, _) = lying::upstream(answer.to_owned(), String::new()).await;
    let pairs = [(Zeroizing::new(b"s3cret".to_vec()), b"PHANTM".to_vec())];
    let needles = Some(Needles::new(pairs).unwrap());
    let gateway = Gateway::start_with(&[&upstream], Setting { needles, ..setting }).await;
    let got = gateway.curl(&["-i", "-r", "0-9", &upstream.url("/")]).await;
    assert!(!got.out.contains("s3cret"), "{answer:?} {got:?}");
    assert!(got.out.contains(expect), "{answer:?} {got:?}");
}

#[tokio::test]
async fn a_reason_phrase_is_not_passed_on() {
    let answer = "HTTP/1.1 401 bad token s3cret\r\nContent-Length: 2\r\n\r\nno";
    check(answer, Setting::default(), "HTTP/1.1 401 Unauthorized").await;
}

#[tokio::test]
async fn what_answers_a_request_for_a_part_is_searched_like_any_other() {
    let part = || Setting { partial: true, ..Setting::default() };
    let refused =
        "HTTP/1.1 400 Bad Request\r\nX-Token: s3cret\r\nContent-Length: 14\r\n\r\n<T>s3cret</T>\n";
    check(refused, part(), "<T>PHANTM</T>").await;
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ns3cret";
    check(whole, part(), "PHANTM").await;
    let coded = "HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nX-Token: s3cret\r\nContent-Length: 4\r\n\r\npart";
    check(coded, part(), "part").await;
}

#[tokio::test]
async fn a_part_is_asked_for_as_it_is() {
    let upstream = Upstream::plain().await;
    let pairs = [(Zeroizing::new(b"s3cret".to_vec()), b"PHANTM".to_vec())];
    let needles = Some(Needles::new(pairs).unwrap());
    let setting = Setting { needles, partial: true, ..Setting::default() };
    let gateway = Gateway::start_with(&[&upstream], setting).await;
    let got = gateway.curl(&["-r", "0-9", &upstream.url("/leak")]).await;
    assert!(got.out.ends_with("the PHANTM is PHANTM"), "{got:?}");
    assert_eq!(upstream.seen().remove(0).header("range"), ["bytes=0-9"]);
}
