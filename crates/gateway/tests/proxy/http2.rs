//! HTTP/2 on both sides: streams side by side, each with its own fate.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{
    Reason,
    client::SendRequest,
    server::{self, SendResponse},
};
use holdpoint_gateway::{forward::Needles, listen::Limits};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpListener,
    sync::Notify,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::support::{Gateway, HOST, PATIENCE, Seen, Setting, Upstream, read_all};

/// A message of no bytes.
const EMPTY: &[u8] = &[0; 5];

/// An upstream that speaks HTTP/2 alone, does what a path says and counts.
struct Server {
    upstream: Upstream,
    connections: Arc<AtomicUsize>,
    calls: Arc<Mutex<Vec<String>>>,
    /// Lets the calls of `Wait` go.
    go: Arc<Notify>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (connections, calls, go) = (Arc::default(), Arc::default(), Arc::new(Notify::new()));
        let (count, log, gone) = (Arc::clone(&connections), Arc::clone(&calls), Arc::clone(&go));
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                AtomicUsize::fetch_add(&count, 1, Ordering::SeqCst);
                let (log, go) = (Arc::clone(&log), Arc::clone(&gone));
                tokio::spawn(async move {
                    let mut connection = server::handshake(socket).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(answer(request, respond, Arc::clone(&log), Arc::clone(&go)));
                    }
                });
            }
        });
        Self { upstream: Upstream::at(address, serving), connections, calls, go }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    log: Arc<Mutex<Vec<String>>>,
    go: Arc<Notify>,
) {
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let same = {
        let mut log = log.lock().unwrap();
        log.push(method.clone());
        log.iter().filter(|own| **own == method).count()
    };
    assert_eq!(request.headers().get("te").unwrap(), "trailers");
    assert_eq!(request.uri().authority().unwrap(), HOST);
    match method.as_str() {
        "RefuseOnce" if same == 1 => return respond.send_reset(Reason::REFUSED_STREAM),
        "Refuse" => return respond.send_reset(Reason::REFUSED_STREAM),
        "Fail" => return respond.send_reset(Reason::INTERNAL_ERROR),
        "Wait" => go.notified().await,
        _ => {}
    }
    let hints = Response::builder().status(103).header("link", "</a>").body(()).unwrap();
    respond.send_informational(hints).unwrap();
    let response = Response::builder().header("content-type", "application/grpc");
    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
    stream.send_data(Bytes::from_static(EMPTY), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("grpc-message", "the s3cret".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

/// A client with one connection in one tunnel.
async fn client(gateway: &Gateway) -> SendRequest<Bytes> {
    let tunnel = gateway.tunnel(&format!("{HOST}:80")).await;
    let (sender, connection) = h2::client::handshake(tunnel).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

fn call(method: &str) -> Request<()> {
    let request = Request::post(format!("http://{HOST}/a.B/{method}")).version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    request.body(()).unwrap()
}

/// What came back.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    body: String,
    trailers: HeaderMap,
}

/// Sends a request and waits for all that comes back.
async fn send(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> Result<Answered, h2::Error> {
    let mut sender = sender.clone().ready().await?;
    let (response, mut body) = sender.send_request(request, false)?;
    body.send_data(Bytes::from_static(EMPTY), true)?;
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok(Answered {
        status: head.status,
        body: String::from_utf8_lossy(&body).into_owned(),
        trailers,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_streams_the_one_that_waits_stops_no_other() {
    let server = Server::start().await;
    let gateway = Gateway::start(&[&server.upstream]).await;
    let mut sender = client(&gateway).await;
    let mut waiting = tokio::spawn({
        let mut sender = sender.clone();
        async move { send(&mut sender, call("Wait")).await.unwrap() }
    });
    let others: Vec<_> = (0..99)
        .map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move { send(&mut sender, call("Get")).await.unwrap() })
        })
        .collect();
    for other in others {
        let answered = timeout(PATIENCE, other).await.unwrap().unwrap();
        assert_eq!(answered.status, 200);
        assert_eq!(answered.trailers.get("grpc-status").unwrap(), "0");
    }
    assert!(timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    // On this connection nothing is stuck.
    assert_eq!(send(&mut sender, call("Get")).await.unwrap().status, 200);
    server.go.notify_one();
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap().status, 200);
    assert_eq!(server.calls().len(), 101);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "they did not share a connection");
}

#[tokio::test]
async fn what_was_refused_unprocessed_is_sent_again_and_nothing_else_is() {
    let table = [
        ("RefuseOnce", 2, "", "200 OK"),
        ("Refuse", 8, "gave the message back unprocessed", "nothing was sent"),
        ("Fail", 1, "what became of it is not known", "it was sent"),
    ];
    for (method, attempts, said, outcome) in table {
        let server = Server::start().await;
        let gateway = Gateway::start(&[&server.upstream]).await;
        let answered = send(&mut client(&gateway).await, call(method)).await.unwrap();
        assert!(answered.body.contains(said), "{method}: {answered:?}");
        assert_eq!(server.calls(), vec![method; attempts]);
        assert!(gateway.outcomes()[0].starts_with(outcome), "{method}: {:?}", gateway.outcomes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_upload_does_not_pass_for_a_whole_one() {
    for answers_no_more in [false, true] {
        let limits = Limits {
            body_prefix_bytes: 1000,
            keep_alive: Duration::from_millis(50),
            ..Limits::default()
        };
        let upstream = Upstream::plain().await;
        let setting = Setting { limits, ..Setting::default() };
        let gateway = Gateway::start_with(&[&upstream], setting).await;
        let (sender, connection) =
            h2::client::handshake(gateway.tunnel(&format!("{HOST}:80")).await).await.unwrap();
        let still = Arc::new(Notify::new());
        tokio::spawn({
            let still = Arc::clone(&still);
            async move {
                // Open, but nobody reads it or writes to it any more.
                let mut connection = std::pin::pin!(connection);
                tokio::select! {
                    _ = connection.as_mut() => {}
                    () = still.notified() => std::future::pending().await,
                }
            }
        });
        let mut sender = sender.ready().await.unwrap();
        let put = Request::put(format!("http://{HOST}/half")).version(Version::HTTP_2);
        let (_answer, mut body) = sender.send_request(put.body(()).unwrap(), false).unwrap();
        body.send_data(Bytes::from(vec![b'a'; 2000]), false).unwrap();
        until(|| !gateway.handled.lock().unwrap().is_empty()).await;
        match answers_no_more {
            true => still.notify_one(),
            false => body.send_reset(Reason::NO_ERROR),
        }
        until(|| !gateway.outcomes().is_empty()).await;
        assert!(gateway.outcomes()[0].starts_with("it was sent"), "{:?}", gateway.outcomes());
        // A body that breaks off is none there.
        let whole = |seen: &Seen| !seen.body.is_empty();
        assert!(!upstream.seen().iter().any(whole), "half of it arrived as all of it");
    }
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, so).await.expect("it never became so");
}

#[tokio::test]
async fn a_stream_names_one_host_as_every_message_does() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let mut sender = client(&gateway).await;
    let get = |uri: String| Request::get(uri).version(Version::HTTP_2);
    let here = format!("http://{HOST}/");
    let table = [
        (get(here.clone()), 200),
        (get(here.clone()).header("host", HOST), 200),
        (get(here.clone()).header("host", "other.example.test"), 400),
        (get("http://other.example.test/".to_owned()), 400),
        (get(format!("http://{HOST}:81/")), 400),
        (get(format!("https://{HOST}/")), 400),
        (get(here.clone()).header("trailer", "x-late"), 400),
        (get(here.clone()).method("CONNECT").uri(format!("{HOST}:80")), 400),
    ];
    for (request, expect) in table {
        let request = request.body(()).unwrap();
        let shown = format!("{request:?}");
        assert_eq!(send(&mut sender, request).await.unwrap().status, expect, "{shown}");
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn an_upstream_of_http_1_gets_a_message_of_http_1() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let request = Request::put(format!("http://{HOST}/a//b?c=%2F")).version(Version::HTTP_2);
    let request = request.header("cookie", "a=1").header("cookie", "b=2").header("X-Odd", "1");
    let answered = send(&mut client(&gateway).await, request.body(()).unwrap()).await.unwrap();
    assert_eq!(answered.body, "PUT /a//b?c=%2F 5\n");
    let seen = upstream.seen().remove(0);
    assert_eq!(seen.header("cookie"), ["a=1; b=2"]);
    assert_eq!(seen.header("host"), [HOST]);
    assert_eq!(seen.header("content-length"), ["5"]);
    assert_eq!(seen.header("x-odd"), ["1"]);
}

#[tokio::test]
async fn trailers_pass_scrubbed() {
    let server = Server::start().await;
    let pair = (Zeroizing::new(b"s3cret".to_vec()), b"phanto".to_vec());
    let needles = Some(Needles::new([pair]).unwrap());
    let gateway =
        Gateway::start_with(&[&server.upstream], Setting { needles, ..Setting::default() }).await;
    let answered = send(&mut client(&gateway).await, call("Get")).await.unwrap();
    assert_eq!(answered.trailers.get("grpc-message").unwrap(), "the phanto");
}

#[tokio::test]
async fn the_streams_of_whoever_is_not_admitted_any_more_are_cut() {
    let server = Server::start().await;
    let gateway = Gateway::start(&[&server.upstream]).await;
    let sender = client(&gateway).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move { send(&mut sender, call("Wait")).await })
        })
        .collect();
    while server.calls().len() < 3 {
        sleep(Duration::from_millis(10)).await;
    }
    gateway.identity.say();
    for stream in waiting {
        assert!(timeout(PATIENCE, stream).await.unwrap().unwrap().is_err());
    }
}

#[tokio::test]
async fn what_is_in_flight_is_answered_after_a_stop() {
    let server = Server::start().await;
    let gateway = Gateway::start(&[&server.upstream]).await;
    let mut sender = client(&gateway).await;
    let waiting = tokio::spawn({
        let mut sender = sender.clone();
        async move { send(&mut sender, call("Wait")).await.unwrap() }
    });
    while server.calls().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    gateway.stopper.say();
    sleep(Duration::from_millis(50)).await;
    assert!(send(&mut sender, call("Get")).await.is_err(), "a new stream was taken");
    server.go.notify_one();
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap().status, 200);
    timeout(PATIENCE, gateway.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_flood_of_resets_gets_no_more_done_at_a_time() {
    let server = Server::start().await;
    let limits = Limits { streams_max: 4, ..Limits::default() };
    let gateway =
        Gateway::start_with(&[&server.upstream], Setting { limits, ..Setting::default() }).await;
    let sender = client(&gateway).await;
    for _ in 0..60 {
        let Ok(mut ready) = sender.clone().ready().await else { break };
        let Ok((response, mut body)) = ready.send_request(call("Wait"), false) else { break };
        body.send_data(Bytes::from_static(EMPTY), true).ok();
        sleep(Duration::from_millis(3)).await;
        drop((response, body));
    }
    sleep(Duration::from_millis(200)).await;
    assert!(!server.calls().is_empty());
    assert!(server.calls().len() <= 4, "{} were handled at a time", server.calls().len());
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let upstream = Upstream::plain().await;
    let quick = Duration::from_millis(200);
    let limits = Limits { head_timeout: quick, handshake_timeout: quick, ..Limits::default() };
    let gateway = Gateway::start_with(&[&upstream], Setting { limits, ..Setting::default() }).await;
    let mut silent = gateway.tunnel(&format!("{HOST}:80")).await;
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    read_all(&mut silent).await;
    let mut sender = client(&gateway).await;
    let slow = Request::get(format!("http://{HOST}/slow")).version(Version::HTTP_2);
    // Longer than the limit: what is open is not idle.
    assert_eq!(send(&mut sender, slow.body(()).unwrap()).await.unwrap().status, 200);
    sleep(quick * 3).await;
    let again = Request::get(format!("http://{HOST}/")).version(Version::HTTP_2);
    assert!(send(&mut sender, again.body(()).unwrap()).await.is_err(), "it is still open");
}
