//! Handshakes, what opening means, and frames cut anywhere.

use holdpoint_core::{Digest, Message as _};
use proptest::prelude::*;

use super::{
    Effect, accept, check,
    frame::{Frames, Head, Opcode, Piece, Side, Violation, mask},
    is_opening, subprotocols,
};
use crate::http::{
    Message, interpret,
    tests::{Fixture, message},
};

/// The key and the answer of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn asking(url: &str, more: &[(&str, &str)]) -> Message {
    let own =
        [("Upgrade", "websocket"), ("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13")];
    message(&format!("GET {url}"), &[&own, more].concat(), "")
}

#[test]
fn a_handshake_is_exactly_that() {
    let url = "https://api.example.com/socket";
    let good = asking(url, &[]);
    assert_eq!(check(&good), Ok(()));
    assert_eq!(accept(&good).as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let up = ("Upgrade", "websocket");
    let (key, version) = (("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13"));
    let get = format!("GET {url}");
    for (line, headers, body, says) in [
        (format!("POST {url}"), vec![up, key, version], "", "GET"),
        (get.clone(), vec![up, key, version], "x", "GET without a body"),
        (get.clone(), vec![up, version], "", "16 bytes"),
        (get.clone(), vec![up, key, key, version], "", "16 bytes"),
        (get.clone(), vec![up, ("Sec-WebSocket-Key", "c2hvcnQ="), version], "", "16 bytes"),
        (get.clone(), vec![up, key], "", "Version: 13"),
        (get.clone(), vec![up, key, ("Sec-WebSocket-Version", "8")], "", "Version: 13"),
        (get, vec![up, key, version, version], "", "Version: 13"),
    ] {
        let refused = check(&message(&line, &headers, body)).unwrap_err();
        assert!(refused.text.contains(says), "{line} {headers:?}: {}", refused.text);
    }
}

#[test]
fn the_same_upgrade_sent_again_is_the_same() {
    let url = "https://api.example.com/socket";
    let digest = |key: &str, protocol: &str| -> Digest {
        let own = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
        let own = [&own[..], &[("Sec-WebSocket-Key", key), ("Sec-WebSocket-Protocol", protocol)]];
        message(&format!("GET {url}"), &own.concat(), "").digest()
    };
    assert_eq!(digest(KEY, "a"), digest("AAAAAAAAAAAAAAAAAAAAAA==", "a"));
    assert_ne!(digest(KEY, "a"), digest(KEY, "b"));
    let plain = message(&format!("GET {url}"), &[], "").digest();
    assert_ne!(message(&format!("GET {url}"), &[("Upgrade", "websocket")], "").digest(), plain);
}

#[test]
fn who_may_open_one_may_say_anything() {
    use Effect::{Create, Destroy, Execute};
    let check = |url: &str, protocol: &str, expect: &[(&str, Effect)]| {
        let protocol = [("Sec-WebSocket-Protocol", protocol)];
        let found = interpret(&asking(url, &protocol), &Fixture).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.effect)).collect();
        assert_eq!(found, expect, "{url}");
    };
    let open = [("websocket:open", Execute)];
    check("https://api.openai.com/v1/realtime", "realtime", &[("model:websocket", Create)]);
    check("https://api.openai.com/v1/realtime", "graphql-ws", &open);
    check("https://api.example.com/socket", "chat", &open);
    check("http://localhost:5173/", "vite-hmr", &open);
    check("https://unlisted.example/socket", "", &open);
    check("https://graphql.example.com/", "graphql-transport-ws", &open);
    check("https://backboard.railway.app/graphql/v2", "", &open);
    check("https://api.example.com/graphql", "graphql-ws", &open);
    // A server that does not know the upgrade does what the path says.
    check(
        "https://api.example.com/items/5?action=delete",
        "",
        &[("websocket:open", Execute), ("rest:GET", Destroy)],
    );
    for (name, opens) in
        [("websocket:open", true), ("model:websocket", true), ("rest:websocket", false)]
    {
        assert_eq!(is_opening(name), opens, "{name}");
    }
}

#[test]
fn no_other_protocol_is_upgraded_to() {
    for upgrade in [&["h2c"][..], &["h2c, websocket"], &["websocket", "websocket"], &[""]] {
        let headers: Vec<(&str, &str)> = upgrade.iter().map(|to| ("Upgrade", *to)).collect();
        let message = message("GET https://api.example.com/x", &headers, "");
        let refused = interpret(&message, &Fixture).unwrap_err();
        assert!(refused.text.contains("`websocket`"), "{upgrade:?} {}", refused.text);
    }
}

#[test]
fn subprotocols_are_read_from_every_header() {
    let both = [("Sec-WebSocket-Protocol", "a, b"), ("Sec-WebSocket-Protocol", ",c")];
    let message = asking("https://api.example.com/x", &both);
    assert_eq!(subprotocols(&message).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn frames_that_nobody_may_send() {
    use Violation::{Control, Extension, Length, Mask, Order};
    for (side, bytes, expect) in [
        (Side::Server, &[0xc1, 0x00][..], Extension),
        (Side::Server, &[0x83, 0x00], Extension),
        (Side::Server, &[0x81, 0x7e, 0x00, 0x7d], Length),
        (Side::Server, &[0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Length),
        (Side::Server, &[0x81, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0], Length),
        (Side::Server, &[0x81, 0x80, 1, 2, 3, 4], Mask),
        (Side::Client, &[0x81, 0x00], Mask),
        (Side::Server, &[0x89, 0x7e, 0x00, 0x7e], Control),
        (Side::Server, &[0x08, 0x00], Control),
        (Side::Server, &[0x80, 0x00], Order),
        (Side::Server, &[0x01, 0x00, 0x81, 0x00], Order),
    ] {
        let mut frames = Frames::of(side);
        let mut input = bytes;
        let violation = loop {
            match frames.next(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{bytes:?} passed"),
                Err(violation) => break violation,
            }
        };
        assert_eq!(violation, expect, "{bytes:?}");
    }
}

/// A frame of a client, with what it says.
fn frame() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(any::<u8>(), 120..140),
        proptest::collection::vec(any::<u8>(), 65_530..65_540),
    ];
    (payload, any::<[u8; 4]>()).prop_map(|(payload, key)| {
        let length = payload.len() as u64;
        let head = Head { fin: true, opcode: Opcode::Binary, mask: Some(key), length };
        let (mut bytes, mut masked) = (Vec::new(), payload.clone());
        head.write(&mut bytes);
        mask(&mut masked, key, 0);
        bytes.extend(masked);
        (bytes, payload)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_are_the_same_wherever_they_are_cut(
        sent in proptest::collection::vec(frame(), 1..4), cut in 1..20_000_usize,
    ) {
        let wire: Vec<u8> = sent.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut frames = Frames::of(Side::Client);
        let (mut said, mut key, mut copied) = (Vec::new(), [0; 4], Vec::new());
        for chunk in wire.chunks(cut) {
            let mut input = chunk;
            while let Some(piece) = frames.next(&mut input).unwrap() {
                match piece {
                    Piece::Head(head) => {
                        head.write(&mut copied);
                        key = head.mask.unwrap();
                        said.push(Vec::new());
                    }
                    Piece::Payload { bytes, from, .. } => {
                        copied.extend(bytes);
                        let mut plain = bytes.to_vec();
                        mask(&mut plain, key, from);
                        said.last_mut().unwrap().extend(plain);
                    }
                }
            }
        }
        prop_assert!(frames.are_whole());
        prop_assert_eq!(copied, wire);
        prop_assert_eq!(said, sent.into_iter().map(|(_, payload)| payload).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_makes_a_head_panic(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(Some((head, length))) = Head::read(&bytes) {
            let mut written = Vec::new();
            head.write(&mut written);
            prop_assert_eq!(&written, &bytes[..length]);
        }
    }
}
