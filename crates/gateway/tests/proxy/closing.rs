//! How things end: gracefully when told to, at once when somebody is killed.

use std::time::Duration;

use holdpoint_gateway::listen::Limits;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Gateway, HOST, PATIENCE, Setting, Upstream, read_all, read_head};

#[tokio::test]
async fn what_is_in_flight_is_answered_after_a_stop() {
    for upstream in [Upstream::plain().await, Upstream::tls().await] {
        let gateway = Gateway::start(&[&upstream]).await;
        let url = upstream.url("/slow");
        let arguments = [url.as_str()];
        let (got, ()) = tokio::join!(gateway.curl(&arguments), async {
            while gateway.handled.lock().unwrap().is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
            gateway.stopper.say();
        });
        assert_eq!(got.out, "GET /slow 0\n", "{got:?}");
        timeout(PATIENCE, gateway.serving).await.expect("it does not stop").unwrap();
        assert!(TcpStream::connect(gateway.address).await.is_err(), "it still listens");
    }
}

#[tokio::test]
async fn idle_connections_do_not_delay_a_stop() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut idle = TcpStream::connect(gateway.address).await.unwrap();
    let opening = gateway.tunnel(&format!("{HOST}:443")).await;
    let mut kept = gateway.tunnel(&format!("{HOST}:80")).await;
    kept.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
    assert!(read_head(&mut kept).await.starts_with("HTTP/1.1 200"));
    gateway.stopper.say();
    timeout(Duration::from_secs(5), gateway.serving).await.expect("it does not stop").unwrap();
    assert_eq!(read_all(&mut idle).await, "");
    drop(opening);
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let limits = Limits { drain_timeout: Duration::from_millis(100), ..Limits::default() };
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start_with(&[&upstream], Setting { limits, ..Setting::default() }).await;
    let url = upstream.url("/slow");
    let arguments = [url.as_str()];
    let (got, ()) = tokio::join!(gateway.curl(&arguments), async {
        while gateway.handled.lock().unwrap().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        gateway.stopper.say();
    });
    assert_eq!(got.exit, 52, "{got:?}");
    timeout(PATIENCE, gateway.serving).await.expect("it does not stop").unwrap();
}

#[tokio::test]
async fn a_kill_closes_tunnels_and_responses_at_once() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut tunnel = gateway.tunnel(&format!("{HOST}:80")).await;
    let mut streaming = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {HOST}\r\nProxy-Authorization: Bearer sesame\r\n\r\n",
        upstream.url("/events")
    );
    streaming.write_all(request.as_bytes()).await.unwrap();
    assert!(read_head(&mut streaming).await.starts_with("HTTP/1.1 200"));
    gateway.identity.say();
    assert_eq!(read_all(&mut tunnel).await, "");
    let seen = read_all(&mut streaming).await;
    assert!(!seen.contains("data: 2"), "a killed run still reads: {seen}");
}

#[tokio::test]
async fn a_message_is_handled_to_its_end_though_the_client_left() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let got = gateway.curl(&["--max-time", "0.2", "-d", "x", &upstream.url("/slow")]).await;
    assert_eq!(got.exit, 28, "{got:?}");
    let outcome = async {
        while gateway.outcomes().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, outcome).await.expect("the outcome is never known");
    assert_eq!(gateway.outcomes(), ["200 OK"]);
}

#[tokio::test]
async fn a_client_that_wants_the_connection_closed_gets_it_closed() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
    let request = format!("GET /one HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let answer = read_all(&mut socket).await;
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert!(answer.ends_with("GET /one 0\n"), "{answer}");
}
