//! What must hold for every input, one function for each target. The fuzzer calls them with its
//! inputs, and a test of `holdpoint-wire` with the seeds.

use std::sync::Arc;

use bytes::Bytes;
use holdpoint_core::{Code, Message as _, Operation, Refusal, refusal::RefusalKind};
use holdpoint_wire::{
    Host, Speaks, Unreadable, World,
    http::{
        Address, Body, Message, RawMessage, Scheme, credentials,
        framing::{Limits, Misframed, Requests, Responses},
        graphql, interpret,
        json::Json,
        refusal,
        websocket::frame::{Frames, Piece, Side},
    },
};
use secrecy::ExposeSecret as _;

/// A world in which the first label of a host says what it speaks.
struct Labels;

impl World for Labels {
    fn host(&self, host: &str, _: u16) -> Option<Host> {
        let speaks = match host.split('.').next()? {
            "graphql" => Speaks::Graphql,
            "search" => Speaks::Elasticsearch,
            "cluster" => Speaks::Kubernetes,
            _ => Speaks::Rest,
        };
        Some(Host { speaks, environment: None, provider: None })
    }

    fn persisted(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}

/// An HTTP request as text (`METHOD URL`, headers, an empty line, the body) is refused or means
/// something, and always the same; its credentials can be put in their own place and are found
/// there again; and a refusal of it can be written.
pub fn http_message(input: &[u8]) {
    let Some(raw) = request(input) else { return };
    let Ok(mut message) = Message::try_from(raw) else { return };
    let meant = interpret(&message, &Labels);
    assert_eq!(meant, interpret(&message, &Labels));
    assert!(meant.is_err() || meant.is_ok_and(|operations| !operations.is_empty()));
    assert_eq!(message.digest(), message.clone().digest());
    let rendered =
        refusal::render(&Refusal::new(RefusalKind::Deny, Code::Unparsed, "why"), Some(&message));
    // A push and a gRPC call are answered in their own protocols, which say "no" in the body or in
    // a header of theirs.
    let own = |(name, value): &(&str, String)| {
        *name == "grpc-status" && value != "0"
            || *name == "content-type" && value == "application/x-git-receive-pack-result"
    };
    let says_no = rendered.status == 200 && rendered.headers.iter().any(own);
    assert!(rendered.status == 403 || says_no);

    // What is told by its shape alone is never replaced; what is signed is signed anew.
    let replaced = |message: &Message| -> Vec<credentials::CredentialUse> {
        let signed = |used: &credentials::CredentialUse| {
            used.position.writing == credentials::Writing::Signed
        };
        let found = credentials::find(message).into_iter().filter(|used| !signed(used));
        found.filter(|used| used.told_by != credentials::ToldBy::Shape).collect()
    };
    let found = replaced(&message);
    let mut all = true;
    for used in found.iter().rev() {
        let put = credentials::substitute(&mut message, used, used.value.expose_secret());
        assert_ne!(put, Err(credentials::SubstituteError::Moved), "{}", used.position);
        all &= put.is_ok();
    }
    let values = |found: &[credentials::CredentialUse]| -> Vec<Vec<u8>> {
        found.iter().map(|used| used.value.expose_secret().to_vec()).collect()
    };
    assert!(!all || values(&replaced(&message)) == values(&found));
}

fn request(input: &[u8]) -> Option<RawMessage> {
    let at = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = input.split_at_checked(at.unwrap_or(input.len()))?;
    let body = Bytes::copy_from_slice(body.get(2..).unwrap_or_default());
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split('\n');
    let (method, url) = lines.next()?.split_once(' ')?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), Bytes::from(value.trim().to_owned())))
    };
    Some(RawMessage {
        headers: lines.filter_map(header).collect(),
        body: Body::Whole(body),
        ..RawMessage::new(method, Address::Url(url.to_owned()))
    })
}

/// A GraphQL document is refused or means something, and means the same with a comment behind it.
pub fn graphql_document(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let send = |document: String| {
        let message = Message {
            method: "POST".to_owned(),
            scheme: Scheme::Https,
            host: "backboard.railway.com".to_owned(),
            port: 443,
            target: "/graphql/v2".to_owned(),
            headers: vec![("content-type".to_owned(), Bytes::from_static(b"application/graphql"))],
            body: Body::Whole(Bytes::from(document)),
            coded: None,
        };
        graphql::interpret(&message, Some("railway"), &Labels)
    };
    if let Ok(operations) = send(text.to_owned()) {
        assert!(!operations.is_empty());
        match send(format!("{text}\n# mutation {{ volumeDelete }}\n,")) {
            Ok(longer) => assert_eq!(longer, operations),
            Err(error) => assert_eq!(error.code, Code::OverLimit),
        }
    }
}

/// Bytes on a connection are framed in one way, however they arrive, and each head that passes is
/// one for the library behind us, at the same place.
pub fn framing(input: &[u8]) {
    let whole = follow(input, input.len().max(1));
    for piece in [1, 5] {
        assert_eq!(follow(input, piece), whole);
    }
    let (passed, heads) = match &whole {
        Ok((passed, heads)) => (*passed, *heads),
        Err((misframed, heads)) => (misframed.passed, *heads),
    };
    assert_eq!(others_heads(input.get(..passed).unwrap_or_default()), heads);

    let answered = |piece: usize| {
        let mut responses = Responses::new(LIMITS);
        responses.expect("GET");
        let (mut passed, mut offered) = (0, 0);
        while offered < input.len() {
            offered = input.len().min(offered + piece);
            passed += responses.follow(input.get(passed..offered)?).ok()?;
        }
        Some((passed, responses.is_sound(), responses.is_due()))
    };
    assert_eq!(answered(1), answered(input.len().max(1)));
}

const LIMITS: Limits = Limits { head_bytes_max: 4096, headers_max: 32 };

type Followed = Result<(usize, u64), (Misframed, u64)>;

/// How far `bytes` are followed when they arrive in pieces of this length, and how many heads
/// there are.
fn follow(bytes: &[u8], piece: usize) -> Followed {
    let mut requests = Requests::new(LIMITS);
    let (mut passed, mut offered) = (0, 0);
    while offered < bytes.len() {
        offered = bytes.len().min(offered + piece);
        match requests.follow(bytes.get(passed..offered).unwrap_or_default()) {
            Ok(fresh) => passed += fresh,
            Err(misframed) => {
                let passed = passed + misframed.passed;
                return Err((Misframed { passed, ..misframed }, requests.heads()));
            }
        }
    }
    Ok((passed, requests.heads()))
}

/// How many heads httparse finds in well-framed bytes, dividing them by its own reading of their
/// lengths and chunks.
fn others_heads(mut bytes: &[u8]) -> u64 {
    let mut heads = 0;
    while !bytes.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else {
            panic!("httparse finds no head in {bytes:?}");
        };
        heads += 1;
        let named = |name: &str| {
            let mut same = request.headers.iter().filter(|own| own.name.eq_ignore_ascii_case(name));
            let value = same.next().map(|own| own.value.to_vec());
            assert!(same.next().is_none() || value.is_none(), "two of {name}");
            value
        };
        let is_beyond = request.method == Some("CONNECT");
        let has_asked = named_upgrade(request.headers) && request.version == Some(1);
        let length_of_body = named("content-length").map(|value| String::from_utf8(value).unwrap());
        let chunked = named("transfer-encoding").is_some();
        bytes = bytes.get(length..).unwrap_or_default();
        bytes = match length_of_body {
            _ if chunked => behind_chunks(bytes),
            Some(length) => bytes.get(length.parse().unwrap()..).unwrap_or_default(),
            None => bytes,
        };
        assert!(!has_asked || is_beyond || bytes.is_empty(), "read before the answer");
        if is_beyond {
            break;
        }
    }
    heads
}

fn named_upgrade(headers: &[httparse::Header<'_>]) -> bool {
    headers.iter().any(|own| own.name.eq_ignore_ascii_case("upgrade"))
}

/// What follows a body in chunks, as httparse reads their sizes; nothing if it goes on.
fn behind_chunks(mut bytes: &[u8]) -> &[u8] {
    while !bytes.is_empty() {
        match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((at, 0))) => {
                let rest = bytes.get(at..).unwrap_or_default();
                let mut headers = [httparse::EMPTY_HEADER; 32];
                return match httparse::parse_headers(rest, &mut headers) {
                    Ok(httparse::Status::Complete((end, _))) => rest.get(end..).unwrap_or_default(),
                    _ => b"",
                };
            }
            Ok(httparse::Status::Complete((at, size))) => {
                let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(at + 2);
                bytes = bytes.get(end..).unwrap_or_default();
            }
            other => {
                assert_eq!(other, Ok(httparse::Status::Partial), "{bytes:?}");
                return b"";
            }
        }
    }
    b""
}

/// What a body of this media type, posted to a host and path, would do.
fn posted(
    url: &str,
    media: &str,
    body: Body,
) -> Option<(Message, Result<Vec<Operation>, Unreadable>)> {
    let raw = RawMessage {
        headers: vec![("Content-Type".to_owned(), Bytes::from(media.to_owned()))],
        body,
        ..RawMessage::new("POST", Address::Url(url.to_owned()))
    };
    let message = Message::try_from(raw).ok()?;
    let meant = interpret(&message, &Labels);
    assert_eq!(meant, interpret(&message, &Labels));
    Some((message, meant))
}

/// JSON-RPC is refused or means something, and the same with space around it.
pub fn jsonrpc(input: &[u8]) {
    let url = "https://api.example.com/rpc";
    let body = Body::Whole(Bytes::copy_from_slice(input));
    let Some((_, meant)) = posted(url, "application/json", body) else { return };
    let Ok(operations) = meant else { return };
    assert!(!operations.is_empty());
    if Json::read(input).is_err() {
        assert!(input.is_empty(), "something that is no JSON means {operations:?}");
        return;
    }
    let spaced = Body::Whole(Bytes::from([b" \n", input, b"\t "].concat()));
    let spaced = posted(url, "application/json", spaced).map(|(_, meant)| meant);
    assert_eq!(spaced, Some(Ok(operations)));
}

/// A push is refused or means something; and the same whether its pack has arrived or goes on, as
/// far as commands are concerned.
pub fn receive_pack(input: &[u8]) {
    let url = "https://git.example.com/o/r.git/git-receive-pack";
    let media = "application/x-git-receive-pack-request";
    let bytes = Bytes::copy_from_slice(input);
    let Some((_, whole)) = posted(url, media, Body::Whole(bytes.clone())) else { return };
    let Some((_, prefix)) = posted(url, media, Body::Prefix(bytes)) else { return };
    if let (Ok(whole), Ok(prefix)) = (&whole, &prefix) {
        assert!(!whole.is_empty());
        let resources = |operations: &[Operation]| -> Vec<_> {
            operations.iter().map(|operation| operation.resource.id.clone()).collect()
        };
        assert_eq!(resources(whole), resources(prefix));
    }
}

/// An upload is refused or means something, and means no less with another field; its credentials
/// are found at the same places each time.
pub fn multipart(input: &[u8]) {
    let url = "https://api.example.com/items";
    let media = "multipart/form-data; boundary=b";
    let body = Body::Whole(Bytes::copy_from_slice(input));
    let Some((message, meant)) = posted(url, media, body) else { return };
    let places = || -> Vec<_> {
        credentials::find(&message).into_iter().map(|used| used.position).collect()
    };
    assert_eq!(places(), places());
    let Ok(operations) = meant else { return };
    let field =
        b"\r\n--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--";
    let longer = Body::Whole(Bytes::from([input, field].concat()));
    if let Some((_, Ok(more))) = posted(url, media, longer) {
        let strictest =
            |operations: &[Operation]| operations.iter().map(|operation| operation.effect).max();
        assert!(strictest(&more) >= strictest(&operations), "{more:?} {operations:?}");
    }
}

/// What is read as JSON, others read, too.
pub fn json(input: &[u8]) {
    if Json::read(input).is_ok() {
        let other = serde_json::from_slice::<&serde_json::value::RawValue>(input);
        assert!(other.is_ok(), "{other:?}");
    }
}

/// What a client or a server sends on a WebSocket is refused at the same place however it is cut,
/// and what is not goes on as it came.
pub fn websocket_frames(input: &[u8]) {
    for side in [Side::Client, Side::Server] {
        let whole = passed(side, input, input.len().max(1));
        assert_eq!(whole, passed(side, input, 1));
        assert!(input.starts_with(&whole.0));
    }
}

/// What goes on of `input` in chunks of `cut` bytes, and whether it ends in something refused.
fn passed(side: Side, input: &[u8], cut: usize) -> (Vec<u8>, bool) {
    let (mut frames, mut out) = (Frames::of(side), Vec::new());
    for mut chunk in input.chunks(cut) {
        loop {
            match frames.next(&mut chunk) {
                Ok(Some(Piece::Head(head))) => head.write(&mut out),
                Ok(Some(Piece::Payload { bytes, .. })) => out.extend_from_slice(bytes),
                Ok(None) => break,
                Err(_) => return (out, true),
            }
        }
    }
    (out, false)
}
