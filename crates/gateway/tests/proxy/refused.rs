//! What does not become a message, and what is said about it.

use crate::support::{DEAD, Gateway, HOST, Upstream, curl_with, read_all};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn another_name_in_tls_than_in_connect_is_refused() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let front = format!("front.example.test:443:{HOST}:443");
    let arguments = ["-i", "--connect-to", &front, "https://front.example.test/"];
    let got = gateway.curl(&arguments).await;
    assert!(got.out.contains("HTTP/2 421"), "{got:?}");
    assert!(got.out.contains("front.example.test"), "{got:?}");
    assert!(got.out.contains("Nothing was sent"), "{got:?}");
    assert!(gateway.handled.lock().unwrap().is_empty());
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn an_address_needs_no_name_in_tls() {
    let gateway = Gateway::start(&[]).await;
    let got = gateway.curl(&["https://192.0.2.7/"]).await;
    assert!(got.out.contains("Nothing was sent"), "{got:?}");
    assert_eq!(gateway.handled.lock().unwrap()[0].host, "192.0.2.7");
}

#[tokio::test]
async fn addresses_inside_are_not_dialled() {
    let gateway = Gateway::start(&[]).await;
    let inside = ["http://127.0.0.1:1/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/"];
    for url in inside {
        // Without this, curl sends requests for loopback past every proxy.
        let got = gateway.curl(&["--noproxy", "", "-i", url]).await;
        assert!(got.out.contains("Nothing was sent"), "{got:?}");
        assert!(got.out.contains("is not dialled"), "{got:?}");
    }
}

#[tokio::test]
async fn a_killed_identity_is_told_so() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let proxy = format!("http://{DEAD}@{}", gateway.address);
    let got = curl_with(&["-i", &upstream.url("/")], &proxy, None).await;
    assert!(got.out.starts_with("HTTP/1.1 403"), "{got:?}");
    assert!(got.out.contains("\"code\":\"killed\""), "{got:?}");
}

#[tokio::test]
async fn upgrades_are_refused() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let both = ["-i", "-H", "Connection: Upgrade", "-H", "Upgrade: h2c, websocket"];
    let unnamed = ["-i", "-H", "Upgrade: websocket"];
    let no_key = ["-i", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket"];
    let h2c = ["-i", "--http2"];
    for (arguments, status, code) in [
        (&both[..], 501, "opaque"),
        (&unnamed[..], 501, "opaque"),
        (&h2c[..], 501, "opaque"),
        (&no_key[..], 400, "unparsed"),
    ] {
        let url = upstream.url("/ws");
        let got = gateway.curl(&[arguments, &[url.as_str()]].concat()).await;
        assert!(got.out.starts_with(&format!("HTTP/1.1 {status}")), "{got:?}");
        assert!(got.out.contains(&format!("\"code\":\"{code}\"")), "{got:?}");
    }
    assert!(upstream.seen().is_empty());
}

/// Sends bytes to the proxy itself and expects that its answer contains a text.
async fn check(gateway: &Gateway, sent: &str, expect: &str) {
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    let claim = "Proxy-Authorization: Bearer sesame\r\nConnection: close\r\n";
    let sent = sent.replace("CLAIM", claim).replace('\n', "\r\n").replace("\r\r", "\r");
    socket.write_all(sent.as_bytes()).await.unwrap();
    let answer = read_all(&mut socket).await;
    assert!(answer.contains(expect), "{sent:?} was answered {answer:?}");
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let url = upstream.url("/");
    let host = format!("Host: {HOST}");
    let table = [
        (format!("GET {url} HTTP/1.1\n{host}\nCLAIM\n"), "GET / 0"),
        (format!("GET {url} HTTP/1.1\nHost: other.example.test\nCLAIM\n"), "name different hosts"),
        (format!("GET {url} HTTP/1.1\n{host}\n{host}\nCLAIM\n"), "exactly one Host"),
        (format!("GET {url} HTTP/1.1\nCLAIM\n"), "exactly one Host"),
        (format!("GET / HTTP/1.1\n{host}\nCLAIM\n"), "This is a forward proxy"),
        (format!("GET https://{HOST}/ HTTP/1.1\n{host}\nCLAIM\n"), "goes through CONNECT"),
        (format!("GET ftp://{HOST}/ HTTP/1.1\n{host}\nCLAIM\n"), "goes through CONNECT"),
        (format!("GET http://a@b@{HOST}/ HTTP/1.1\n{host}\nCLAIM\n"), "names a user"),
        (format!("CONNECT {HOST} HTTP/1.1\n{host}\nCLAIM\n"), "CONNECT needs host:port"),
        (format!("CONNECT {HOST}:0 HTTP/1.1\n{host}\nCLAIM\n"), "CONNECT needs host:port"),
        (
            format!(
                "POST {url} HTTP/1.1\n{host}\nTrailer: x-late\nTransfer-Encoding: chunked\nCLAIM\n0\n\n"
            ),
            "railers after a body",
        ),
        (
            format!(
                "POST {url} HTTP/1.1\n{host}\nTransfer-Encoding: chunked\nCLAIM\n0\nx-late: 1\n\n"
            ),
            "railers after a body",
        ),
        (
            format!(
                "POST {url} HTTP/1.1\n{host}\nContent-Length: 3\nContent-Length: 4\nCLAIM\nabcd"
            ),
            "two Content-Length",
        ),
    ];
    for (sent, expect) in table {
        check(&gateway, &sent, expect).await;
    }
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_tunnel_leads_to_one_authority_only() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let table = [
        ("/", HOST, "HTTP/1.1 200"),
        (&upstream.url("/") as &str, HOST, "HTTP/1.1 200"),
        ("http://other.example.test/", "other.example.test", "name different hosts"),
        ("/", "other.example.test", "name different hosts"),
    ];
    for (target, host, expect) in table {
        let mut socket = gateway.tunnel(&format!("{HOST}:80")).await;
        let sent = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(sent.as_bytes()).await.unwrap();
        let answer = read_all(&mut socket).await;
        assert!(answer.contains(expect), "{target} {host}: {answer}");
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_handler_that_fails_does_not_say_that_nothing_was_sent() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let got = gateway.curl(&["-i", &upstream.url("/panic"), &upstream.url("/next")]).await;
    assert!(got.out.starts_with("HTTP/1.1 500"), "{got:?}");
    assert!(got.out.contains("\"code\":\"outcome_unknown\""), "{got:?}");
    assert!(!got.out.contains("Nothing was sent"), "{got:?}");
    assert!(got.out.ends_with("GET /next 0\n"), "{got:?}");
}

#[tokio::test]
async fn the_sender_of_a_big_body_hears_why_it_is_not_wanted() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let file = gateway.directory.path().join("big");
    std::fs::write(&file, vec![b'x'; 20_000_000]).unwrap();
    let at = format!("@{}", file.display());
    let (tls, front) = (upstream.url("/no"), format!("front.example.test:443:{HOST}:443"));
    let plain = tls.replace("https", "http");
    let stranger = format!("http://nobody@{}", gateway.address);
    let table = [
        (vec![tls.as_str()], "HTTP/2 403"),
        (vec!["--http1.1", &tls], "HTTP/1.1 403"),
        (vec![&plain], "HTTP/1.1 403"),
        (vec!["--proxy", &stranger, &plain], "HTTP/1.1 407"),
        (vec!["-H", "Upgrade: x", &plain], "HTTP/1.1 501"),
        (vec!["--connect-to", &front, "https://front.example.test/"], "HTTP/2 421"),
    ];
    for (arguments, expect) in table {
        for ask in ["Expect:", "Expect: 100-continue"] {
            let sent = ["-i", "-H", ask, "--data-binary", &at];
            let got = gateway.curl(&[&sent[..], &arguments[..]].concat()).await;
            assert!(got.out.contains(expect), "{arguments:?} {ask} {got:?}");
            assert!(got.out.contains("Nothing was sent."), "{arguments:?} {ask} {got:?}");
        }
    }
    assert!(upstream.seen().is_empty());
}
