//! What must hold for every input, one function for each target. The fuzzer calls them with its
//! inputs, and a test of `holdpoint-wire` with the seeds.

use std::sync::Arc;

use bytes::Bytes;
use holdpoint_core::{Code, Message as _, Refusal, refusal::RefusalKind};
use holdpoint_wire::{
    Host, Speaks, World,
    http::{
        Address, Body, Message, RawMessage, Scheme, credentials, graphql, interpret,
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
    // A push is answered in its own protocol, which has no status for a "no".
    let is_push = message.raw_path().ends_with("/git-receive-pack");
    assert!(rendered.status == 403 || is_push && rendered.status == 200);

    let found = credentials::find(&message);
    let mut all = true;
    for used in found.iter().rev() {
        let put = credentials::substitute(&mut message, used, used.value.expose_secret());
        assert_ne!(put, Err(credentials::SubstituteError::Moved), "{}", used.position);
        all &= put.is_ok();
    }
    let values = |found: &[credentials::CredentialUse]| -> Vec<Vec<u8>> {
        found.iter().map(|used| used.value.expose_secret().to_vec()).collect()
    };
    assert!(!all || values(&credentials::find(&message)) == values(&found));
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
