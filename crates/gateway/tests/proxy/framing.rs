//! Limits: what is too much or too slow is refused or closed.

use std::time::Duration;

use holdpoint_gateway::listen::Limits;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::{Gateway, HOST, Setting, Upstream, read_all, read_head};

async fn gateway(upstream: &Upstream, limits: Limits) -> Gateway {
    Gateway::start_with(&[upstream], Setting { limits, ..Setting::default() }).await
}

#[tokio::test]
async fn a_head_has_a_size() {
    let upstream = Upstream::plain().await;
    let limits = Limits { head_bytes_max: 8192, headers_max: 20, ..Limits::default() };
    let gateway = gateway(&upstream, limits).await;
    let long = format!("X-Long: {}", "a".repeat(9000));
    let got = gateway.curl(&["-i", "-H", &long, &upstream.url("/")]).await;
    assert!(got.out.starts_with("HTTP/1.1 431"), "{got:?}");
    let many: Vec<String> = (0..30).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().flat_map(|header| ["-H", header.as_str()]).collect();
    let url = upstream.url("/");
    let got = gateway.curl(&[&many[..], &["-i", url.as_str()]].concat()).await;
    assert!(got.out.starts_with("HTTP/1.1 431"), "{got:?}");
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn slow_heads_bodies_and_tunnels_are_given_up() {
    let upstream = Upstream::plain().await;
    let quick = Duration::from_millis(200);
    let limits = Limits { head_timeout: quick, body_idle_timeout: quick, ..Limits::default() };
    let gateway = gateway(&upstream, limits).await;
    let begun = Instant::now();

    let mut head = TcpStream::connect(gateway.address).await.unwrap();
    head.write_all(b"GET http://").await.unwrap();
    assert!(!read_all(&mut head).await.contains("HTTP/1.1 200"));

    let mut silent = gateway.tunnel(&format!("{HOST}:80")).await;
    assert_eq!(read_all(&mut silent).await, "");

    let mut body = gateway.tunnel(&format!("{HOST}:80")).await;
    let start = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\nabc");
    body.write_all(start.as_bytes()).await.unwrap();
    let answer = read_all(&mut body).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10), "they took {:?}", begun.elapsed());
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_body_that_stops_after_its_prefix_ends_in_an_unknown_outcome() {
    let upstream = Upstream::plain().await;
    let quick = Duration::from_millis(200);
    let limits = Limits { body_idle_timeout: quick, body_prefix_bytes: 4, ..Limits::default() };
    let gateway = gateway(&upstream, limits).await;
    let mut body = gateway.tunnel(&format!("{HOST}:80")).await;
    let start = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 99\r\n\r\nabcdefgh");
    body.write_all(start.as_bytes()).await.unwrap();
    let answer = read_all(&mut body).await;
    assert!(answer.contains("what became of it is not known"), "{answer}");
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let upstream = Upstream::plain().await;
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let gateway = gateway(&upstream, limits).await;
    let first = gateway.tunnel(&format!("{HOST}:80")).await;
    let mut second = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", upstream.url("/"));
    second.write_all(request.as_bytes()).await.unwrap();
    let early = timeout(Duration::from_millis(300), read_head(&mut second)).await;
    assert!(early.is_err(), "a second connection was served: {early:?}");
    drop(first);
    assert!(read_head(&mut second).await.starts_with("HTTP/1.1 407"));
}
