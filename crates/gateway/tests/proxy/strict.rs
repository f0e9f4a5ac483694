//! What is below HTTP: bytes that two readers could divide in two ways.

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Duration, sleep, timeout},
};

use crate::support::{Gateway, HOST, Upstream, read_all, read_head};

/// An honest request in the tunnel.
fn honest(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nok")
}

#[tokio::test]
async fn a_refusal_comes_in_its_turn_and_nothing_behind_it_is_read() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let two = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let refused = format!("POST /refused HTTP/1.1\r\nHost: {HOST}\r\n{two}");
    let sent = [honest("/slow"), honest("/b"), refused, honest("/smuggled")].concat();
    for pieces in [sent.len(), 7] {
        let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
        for piece in sent.as_bytes().chunks(pieces) {
            // The gateway may have closed; what it said is still there.
            if socket.write_all(piece).await.is_err() {
                break;
            }
        }
        let answer = read_all(&mut socket).await;
        let lines: Vec<&str> = answer
            .lines()
            .filter(|line| line.contains("HTTP/1.1 ") || line.starts_with("POST"))
            .collect();
        assert!(
            matches!(&lines[..], ["HTTP/1.1 200 OK", "POST /slow 2", "HTTP/1.1 200 OK", "POST /b 2", last] if last.contains("400")),
            "{answer}"
        );
        assert!(answer.contains("exclude each other") && answer.contains("Nothing was sent"));
    }
    assert_eq!(upstream.seen().len(), 4);
}

#[tokio::test]
async fn a_body_that_is_misframed_is_refused_with_the_reason() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (body, why) in [
        ("2\r\nok\r\n0x1\r\n", "plain hexadecimal"),
        ("2\nok\r\n0\r\n\r\n", "bare LF"),
        ("2\r\nokay\r\n0\r\n\r\n", "longer than it says"),
        ("0\r\nContent-Length: 4\r\n\r\n", "behind the body"),
    ] {
        let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
        socket.write_all(format!("{head}{body}{}", honest("/smuggled")).as_bytes()).await.unwrap();
        let answer = read_all(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(why), "{body:?} {answer}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn somebody_unknown_hears_it_too() {
    let gateway = Gateway::start(&[]).await;
    for (sent, expect) in [
        ("\r\nGET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400"),
        ("GET http://a.example/\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}\0\u{5}hello", "400"),
    ] {
        let mut socket = TcpStream::connect(gateway.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let answer = read_all(&mut socket).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect}")), "{sent:?} {answer}");
    }
}

#[tokio::test]
async fn the_sender_of_a_lot_hears_why_it_is_misframed() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: +9000000\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b'x'; 9_000_000]).await.unwrap();
    let answer = timeout(Duration::from_secs(20), read_head(&mut socket)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_request_may_come_slowly() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
    let chunked = format!("PUT /c HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    for body in ["2\r\nok\r\n0\r\n\r\n", "1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n"] {
        for byte in format!("{chunked}{body}").as_bytes() {
            socket.write_all(&[*byte]).await.unwrap();
            sleep(Duration::from_micros(200)).await;
        }
        assert!(read_head(&mut socket).await.starts_with("HTTP/1.1 200"));
        let mut rest = [0; 9];
        tokio::io::AsyncReadExt::read_exact(&mut socket, &mut rest).await.unwrap();
        assert_eq!(&rest, b"PUT /c 2\n");
    }
}
