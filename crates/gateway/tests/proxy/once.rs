//! Nothing is sent twice, and what is not known is not guessed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Gateway, Setting, Upstream, read_head};

/// How an upstream behaves once it has read a request's head.
#[derive(Clone, Copy)]
enum Then {
    /// Closes without an answer.
    Close,
    /// Answers the first on a connection, closes after it has read the second.
    CloseAtSecond,
    /// Announces more than it sends, then closes.
    CutOff,
    /// Says nothing.
    Silence,
}

/// An upstream of that kind, and how many requests it has read.
async fn upstream(then: Then) -> (Upstream, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                for number in 0.. {
                    if read_head(&mut socket).await.is_empty() {
                        return;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let answer: &[u8] = match (then, number) {
                        (Then::CloseAtSecond, 0) => {
                            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                        }
                        (Then::CutOff, _) => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
                        _ => b"",
                    };
                    socket.write_all(answer).await.unwrap();
                    match then {
                        Then::Silence => drop(socket.read(&mut [0; 1]).await),
                        Then::CloseAtSecond if number == 0 => continue,
                        _ => {}
                    }
                    return;
                }
            });
        }
    });
    (Upstream::at(address, serving), hits)
}

#[tokio::test]
async fn an_upstream_that_closes_after_reading_is_hit_once() {
    for method in ["POST", "GET", "DELETE"] {
        let (upstream, hits) = upstream(Then::Close).await;
        let gateway = Gateway::start(&[&upstream]).await;
        let got = gateway.curl(&["-i", "-X", method, &upstream.url("/once")]).await;
        assert!(got.out.contains("what became of it is not known"), "{got:?}");
        assert_eq!(hits.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_after_reading_is_no_reason_to_send_again() {
    let (upstream, hits) = upstream(Then::CloseAtSecond).await;
    let gateway = Gateway::start(&[&upstream]).await;
    let url = upstream.url("/twice");
    let got = gateway.curl(&["-X", "POST", &url, &url]).await;
    assert!(got.out.starts_with("ok"), "{got:?}");
    assert!(got.out.contains("what became of it is not known"), "{got:?}");
    assert_eq!(hits.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    // Closes each connection after one answer, without saying so beforehand.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            socket.write_all(answer).await.unwrap();
        }
    });
    let upstream = Upstream::at(address, serving);
    let gateway = Gateway::start(&[&upstream]).await;
    for _ in 0..3 {
        let got = gateway.curl(&["-X", "POST", &upstream.url("/")]).await;
        assert_eq!(got.out, "ok", "{got:?}");
        // Time for the close to arrive; the race itself has an unknown outcome by nature.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_response_that_is_cut_off_is_seen_as_cut_off() {
    let (upstream, _hits) = upstream(Then::CutOff).await;
    let gateway = Gateway::start(&[&upstream]).await;
    let got = gateway.curl(&[&upstream.url("/")]).await;
    assert_eq!(got.out, "ok");
    assert_eq!(got.exit, 18, "curl takes a part for the whole: {got:?}");
}

#[tokio::test]
async fn a_silent_upstream_leaves_the_outcome_unknown() {
    let (upstream, hits) = upstream(Then::Silence).await;
    let silence = Some(Duration::from_millis(300));
    let gateway =
        Gateway::start_with(&[&upstream], Setting { silence, ..Setting::default() }).await;
    let got = gateway.curl(&["-d", "x", &upstream.url("/")]).await;
    assert!(got.out.contains("what became of it is not known"), "{got:?}");
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_upstream_that_nobody_listens_for_got_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let upstream = Upstream::at(address, tokio::spawn(async {}));
    let gateway = Gateway::start(&[&upstream]).await;
    let got = gateway.curl(&["-d", "x", &upstream.url("/")]).await;
    assert!(got.out.contains("Nothing was sent: cannot connect"), "{got:?}");
}

#[tokio::test]
async fn an_upstream_that_cannot_prove_its_name_got_nothing() {
    let upstream = Upstream::tls().await;
    let setting = Setting { distrust: true, ..Setting::default() };
    let gateway = Gateway::start_with(&[&upstream], setting).await;
    let got = gateway.curl(&["-d", "x", &upstream.url("/")]).await;
    assert!(got.out.contains("Nothing was sent: cannot connect"), "{got:?}");
    assert!(got.out.contains("UnknownIssuer"), "{got:?}");
    assert!(upstream.seen().is_empty());
}
