//! An upstream that closes its HTTP/2 connections over and over (GOAWAY, RFC 9113 §6.8): what it
//! has not begun goes to the next connection, and nothing is done twice.

#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails here is a failed test")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use e2e::{curl::Curl, holdpoint::Holdpoint, python::Python};
use h2::{Reason, server};
use holdpoint_drill::Authority;
use http::Response;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const HOST: &str = "leaving.example.test";
/// Messages that a connection answers before it goes away.
const ANSWERED: usize = 20;

/// Makes so many things, one after another or all at once, and prints what became of each.
const MAKE: &str = r#"
import asyncio, httpx, os, ssl, sys
count, at_once = int(sys.argv[1]), sys.argv[2] == "at once"
async def main():
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with httpx.AsyncClient(http2=True, verify=trust, timeout=60) as client:
        make = lambda n: client.post(f"https://leaving.example.test/{count}/{n}", content=b"x" * 100)
        if at_once:
            await make("first")
            answers = await asyncio.gather(*(make(n) for n in range(count)))
        else:
            answers = [await make(n) for n in range(count)]
        for n, answer in enumerate(answers):
            print(f"/{count}/{n}", answer.status_code)
asyncio.run(main())
"#;

type Done = Arc<Mutex<HashMap<String, usize>>>;

/// Serves until the test is over; what it has done is counted by path.
async fn leaving(authority: &Authority) -> (SocketAddr, Done) {
    let mut config = authority.server(&[HOST.to_owned()]).unwrap().as_ref().clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let done = Done::default();
    let counted = Arc::clone(&done);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(connection(socket, acceptor.clone(), Arc::clone(&counted)));
        }
    });
    (address, done)
}

/// Answers some messages, and then says that it answers no more.
async fn connection(socket: TcpStream, acceptor: TlsAcceptor, done: Done) {
    let Ok(stream) = acceptor.accept(socket).await else { return };
    let Ok(mut connection) = server::handshake(stream).await else { return };
    let mut answered = 0;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        *done.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
        // The answer goes when the connection is looked at again.
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        body.send_data(Bytes::from_static(b"made"), true).unwrap();
        answered += 1;
        if answered == ANSWERED {
            break;
        }
    }
    // What is on its way to the agent gets there; what still comes has not been begun.
    connection.graceful_shutdown();
    let left = async {
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(Reason::REFUSED_STREAM);
        }
    };
    // It lingers, as servers do: whoever is still writing reads why it was in vain.
    let _ = tokio::join!(timeout(Duration::from_secs(5), left), sleep(Duration::from_secs(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_leaving_upstream_has_not_begun_is_done_once_by_the_next_connection() {
    let authority = Authority::new("Leaving").unwrap();
    let (address, done) = leaving(&authority).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), authority.pem()).unwrap();
    let holdpoint = Holdpoint::new(BINARY);
    let listed = ["hosts", "add", HOST, "--speaks", "rest", "--environment", "development"];
    holdpoint.json(&[&listed[..], &["--json"]].concat());
    let resolve = format!("{HOST}:443:{address}");
    let trust = ca.path().to_str().unwrap();
    let _gateway = holdpoint.up(&["--resolve", &resolve, "--upstream-ca", trust], &[]);
    let agent = Curl::new(&holdpoint.json(&["agents", "new", "maker", "--json"]));
    let python = Python::with_clients(FOLDER);
    for (count, how) in [(50_usize, "in turn"), (60, "at once")] {
        let shown = python.run(&agent, MAKE, &[&count.to_string(), how]);
        let mut made = 0;
        for line in shown.lines() {
            let (path, status) = line.split_once(" ").unwrap();
            let times = done.lock().unwrap().get(path).copied().unwrap_or_default();
            // Among many, some may be on their way when the connection breaks: they are told so.
            let unlucky = how == "at once" && (status, times) == ("502", 0);
            assert!(unlucky || (status, times) == ("200", 1), "{how}: {path} {status} {times}");
            made += usize::from(!unlucky);
        }
        assert!(made >= ANSWERED, "{shown}");
    }
}
