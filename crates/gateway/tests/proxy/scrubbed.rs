//! What comes back never shows a secret.

use holdpoint_gateway::forward::Needles;
use zeroize::Zeroizing;

use crate::support::{Gateway, Setting, Upstream};

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
