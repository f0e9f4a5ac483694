//! What is long or slow is passed on while it comes.

use std::{process::Stdio, time::Duration};

use holdpoint_gateway::listen::Limits;
use holdpoint_wire::http::Body;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::Instant,
};

use crate::support::{Gateway, HOST, Setting, Upstream, read_all, read_head};

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    for upstream in [Upstream::plain().await, Upstream::tls().await] {
        let gateway = Gateway::start(&[&upstream]).await;
        let mut child = Command::new("curl")
            .args(["--silent", "--no-buffer", "--max-time", "20", &upstream.url("/events")])
            .env("http_proxy", gateway.proxy_url())
            .env("https_proxy", gateway.proxy_url())
            .env("CURL_CA_BUNDLE", gateway.ca_file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut arrived = Vec::new();
        let mut text = String::new();
        let mut chunk = [0; 256];
        loop {
            let count = out.read(&mut chunk).await.unwrap();
            if count == 0 {
                break;
            }
            arrived.push(Instant::now());
            text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        }
        assert!(child.wait().await.unwrap().success());
        assert_eq!(text, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
        // The upstream sends one every 300 ms; had we collected them, they would come together.
        assert_eq!(arrived.len(), 3, "events came together");
        let span = *arrived.last().unwrap() - arrived[0];
        assert!(span > Duration::from_millis(450), "events came within {span:?}");
    }
}

#[tokio::test]
async fn a_big_body_is_judged_by_its_prefix_and_arrives_whole() {
    let limits = Limits { body_prefix_bytes: 1000, ..Limits::default() };
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start_with(&[&upstream], Setting { limits, ..Setting::default() }).await;
    let big: Vec<u8> =
        (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let file = gateway.directory.path().join("big");
    std::fs::write(&file, &big).unwrap();
    let at = format!("@{}", file.display());
    let url = upstream.url("/big");
    // With a length (and Expect: 100-continue, as curl does it), then in chunks.
    for extra in [&[][..], &["-H", "Transfer-Encoding: chunked"][..]] {
        let base = ["--data-binary", &at, &url];
        let got = gateway.curl(&[extra, &base[..]].concat()).await;
        assert_eq!(got.out, "POST /big 3000000\n", "{got:?}");
    }
    let seen = upstream.seen();
    assert!(seen.iter().all(|seen| seen.body == big), "the body changed on its way");
    assert_eq!(seen[0].header("content-length"), ["3000000"]);
    assert!(seen[0].header("transfer-encoding").is_empty());
    assert_eq!(seen[1].header("transfer-encoding"), ["chunked"]);
    for message in gateway.handled.lock().unwrap().iter() {
        let Body::Prefix(prefix) = &message.body else { panic!("not a prefix") };
        assert_eq!(prefix[..], big[..1000]);
    }
}

#[tokio::test]
async fn a_chunked_upload_below_the_limit_gets_its_length() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let chunked = ["-H", "Transfer-Encoding: chunked", "-d", "0123456789", "-X", "PUT"];
    let url = upstream.url("/chunks");
    let got = gateway.curl(&[&chunked[..], &[url.as_str()]].concat()).await;
    assert_eq!(got.out, "PUT /chunks 10\n", "{got:?}");
    let seen = upstream.seen().remove(0);
    assert_eq!(seen.header("content-length"), ["10"]);
    assert!(seen.header("transfer-encoding").is_empty());
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
    let head = format!(
        "POST /wait HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let go_on = read_head(&mut socket).await;
    assert!(go_on.starts_with("HTTP/1.1 100"), "{go_on}");
    socket.write_all(b"hello").await.unwrap();
    let rest = read_all(&mut socket).await;
    assert!(rest.ends_with("POST /wait 5\n"), "{rest}");
}
