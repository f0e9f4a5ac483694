//! Upstreams that lie about their answers: what they send to one message is never the answer to
//! another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::TcpListener, time::sleep};

use crate::support::{Gateway, Upstream, read_head};

const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/// An upstream that answers the first message on each connection with `first` and all others
/// with `second`; and how many connections there were.
pub(crate) async fn upstream(first: String, late: String) -> (Upstream, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let (first, late) = (first.clone(), late.clone());
            tokio::spawn(async move {
                while !read_head(&mut socket).await.is_empty() {
                    socket.write_all(first.as_bytes()).await.ok();
                    if !late.is_empty() {
                        sleep(Duration::from_millis(20)).await;
                        socket.write_all(late.as_bytes()).await.ok();
                    }
                }
            });
        }
    });
    (Upstream::at(address, serving), connections)
}

/// Asks three times, one after the other: each time `expect`, on connections of their own if the
/// answer spoils one.
async fn check(first: &str, late: &str, expect: &str, spoils: bool) {
    let (upstream, connections) = upstream(first.to_owned(), late.to_owned()).await;
    let gateway = Gateway::start(&[&upstream]).await;
    for _ in 0..3 {
        let got = gateway.curl(&[&upstream.url("/")]).await;
        assert!(got.out.contains(expect), "{first:?} {late:?} {got:?}");
        assert!(!got.out.contains("poison"), "{first:?} {late:?} {got:?}");
        sleep(Duration::from_millis(if late.is_empty() { 0 } else { 60 })).await;
    }
    let connections = connections.load(Ordering::SeqCst);
    assert_eq!(connections, if spoils { 3 } else { 1 }, "{first:?} {late:?}");
}

#[tokio::test]
async fn an_honest_connection_is_used_again() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "", "ok", false).await;
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    check(&format!("{interim}{chunked}"), "", "ok", false).await;
}

#[tokio::test]
async fn what_comes_behind_an_answer_is_nobody_s() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    check(&format!("{answer}{POISON}"), "", "ok", true).await;
    check(&format!("{answer}\r\n"), "", "ok", true).await;
    check(answer, POISON, "ok", true).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    check(&format!("{chunked}{POISON}"), "", "ok", true).await;
    check(chunked, POISON, "ok", true).await;
}

#[tokio::test]
async fn an_answer_with_two_ends_is_the_last_on_its_connection() {
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(&format!("{both}2\r\nok\r\n0\r\n\r\n"), "", "ok", true).await;
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok";
    check(twice, "", "ok", true).await;
}

#[tokio::test]
async fn an_answer_without_one_end_is_none() {
    let unknown = "what became of it is not known";
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 8\r\n\r\nokpoison",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 8\r\n\r\nokpoison",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\nok",
        "poison",
    ] {
        check(answer, "", unknown, true).await;
    }
    check(&"HTTP/1.1 102 Processing\r\n\r\n".repeat(5000), "", unknown, true).await;
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(2000));
    check(&many, "", unknown, true).await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    check(&long, "", unknown, true).await;
}

/// The upstream answers before it has read the message, and something else when it has.
#[tokio::test]
async fn an_answer_before_the_message_has_arrived_is_the_last_on_its_connection() {
    let answer = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nok";
    let (upstream, connections) = upstream(answer.to_owned(), POISON.to_owned()).await;
    let gateway = Gateway::start(&[&upstream]).await;
    let file = gateway.directory.path().join("big");
    std::fs::write(&file, vec![b'x'; 3_000_000]).unwrap();
    let at = format!("@{}", file.display());
    for _ in 0..2 {
        let got = gateway.curl(&["-H", "Expect:", "--data-binary", &at, &upstream.url("/")]).await;
        assert!(!got.out.contains("poison"), "{got:?}");
        sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
