//! What a hook reads in a command is what the gateway reads in the message that the real curl
//! sends for it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command as Process,
    sync::Arc,
    thread,
};

use bytes::Bytes;
use holdpoint_core::Operation;
use holdpoint_wire::{
    http::{self, Address, Body, Message, RawMessage},
    machine::Bare,
    shell::{self, Dialect},
};

const METHODS: [&str; 8] =
    ["", "-X POST", "-X PUT", "-XPATCH", "--request DELETE", "-I", "--request=GET", "-X 'DELETE'"];
const BODIES: [&str; 10] = [
    "",
    "-d a=1 -d b=2",
    "--data-raw '{\"a\":1}' -H 'content-type: application/json'",
    "--json '{\"query\":\"mutation { volumeDelete(volumeId: \\\"v\\\") }\"}'",
    "-d @body.json -H 'Content-Type: application/json; charset=utf-8'",
    "-G -d q=1",
    "--data-urlencode 'a=b c'",
    "--data-binary @body.json",
    "-H 'X-HTTP-Method-Override: DELETE' -d x=1",
    "-T body.json",
];
const PLACES: [&str; 4] = [
    "'http://api.example.com:8080/a%2fb?x=1'",
    "http://backboard.railway.com/graphql/v2",
    "'http://api.example.com/v1/users/1?_method=delete'",
    "api.example.com/items//2/../3",
];

/// Takes one message and answers it.
fn heard(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |it| it.trim().parse().unwrap());
        if body.len() >= length || count == 0 {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    bytes
}

/// A message that the gateway refuses to read.
#[derive(Debug)]
struct Refused {
    reads: bool,
    why: String,
}

/// What the gateway reads in the bytes of a message that came to it as a proxy.
fn at_the_gateway(bytes: &[u8], world: &Bare) -> Result<Vec<Operation>, Refused> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let own = |(name, _): &(&str, &str)| !name.eq_ignore_ascii_case("proxy-connection");
    let headers = headers.filter(own);
    let raw = RawMessage {
        headers: headers
            .map(|(name, value)| (name.to_owned(), Bytes::from(value.to_owned())))
            .collect(),
        body: Body::Whole(Bytes::copy_from_slice(&bytes[end + 4..])),
        ..RawMessage::new(first[0], Address::Url(first[1].to_owned()))
    };
    let read = Message::try_from(raw).and_then(|message| http::interpret(&message, world));
    let reads = ["GET", "HEAD"].contains(&first[0]);
    read.map_err(|error| Refused { reads, why: error.text })
}

fn words(operations: &[Operation]) -> Vec<String> {
    let mut words: Vec<String> = operations
        .iter()
        .map(|it| format!("{} {} {}", it.name, it.effect, it.resource.id))
        .collect();
    words.sort();
    words.dedup();
    words
}

#[test]
fn a_command_means_what_curl_sends() {
    let room = tempfile::tempdir().unwrap();
    fs::write(
        room.path().join("body.json"),
        "{\"query\":\"mutation { projectDelete(id: \\\"p\\\") }\"}",
    )
    .unwrap();
    let text = |path: &str| fs::read_to_string(path).ok().map(Arc::from);
    let workspace = room.path().display().to_string();
    let desk = Bare { workspace, text, masked: true };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let (mut compared, mut differ) = (0, Vec::new());
    for method in METHODS {
        for body in BODIES {
            for place in PLACES {
                let command = format!("curl -sS {method} {body} {place}");
                let accepting = listener.try_clone().unwrap();
                let hearing = thread::spawn(move || heard(accepting.accept().unwrap().0));
                let sent = Process::new("sh")
                    .args(["-c", &format!("{command} --proxy {proxy} -m 10 -H Expect:")])
                    .current_dir(room.path())
                    .env_remove("no_proxy")
                    .output()
                    .unwrap();
                if !sent.status.success() {
                    // curl itself refuses some of these: nobody is heard then.
                    let _nobody = TcpStream::connect(listener.local_addr().unwrap()).and_then(
                        |mut stream| stream.write_all(b"GET http://x.example/ HTTP/1.1\r\n\r\n"),
                    );
                    let _heard = hearing.join();
                    continue;
                }
                let gateway = at_the_gateway(&hearing.join().unwrap(), &desk);
                let environment = BTreeMap::new();
                let own = shell::Command {
                    dialect: Dialect::Bash,
                    text: &command,
                    directory: &desk.workspace,
                    environment: &environment,
                };
                let steps = shell::interpret(&own, &desk).unwrap().steps;
                let hook: Vec<Operation> = steps.into_iter().map(|step| step.operation).collect();
                compared += 1;
                match gateway {
                    Ok(gateway) if words(&gateway) == words(&hook) => {}
                    // What the gateway refuses as ambiguous, the hook holds; but not what only reads:
                    // that is left to the gateway.
                    Err(refused) if refused.reads || hook.iter().any(|it| it.effect.changes()) => {
                        assert!(!refused.why.is_empty());
                    }
                    gateway => {
                        let gateway = gateway.map(|it| words(&it));
                        differ.push(format!(
                            "{command}\n  hook    {:?}\n  gateway {gateway:?}",
                            words(&hook)
                        ));
                    }
                }
            }
        }
    }
    assert!(compared >= 200, "{compared}");
    assert!(differ.is_empty(), "{} of {compared}\n{}", differ.len(), differ.join("\n"));
}
