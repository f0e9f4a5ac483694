//! What the fuzzer checks, for its seeds and for mutations of them: `./test` needs no nightly.
#![allow(unreachable_pub, reason = "`walk` is shared with the fuzzer, where it is a library")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may stop")]

#[path = "../../../fuzz/src/walk.rs"]
mod walk;

use std::{fs, path::Path};

use proptest::prelude::*;

/// The seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A seed with a few bytes replaced, taken out, or put in twice.
fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..3_u8, any::<u8>(), 1..16_usize);
    let edits = prop::collection::vec(edit, 0..6);
    (prop::sample::select(seeds(target)), edits).prop_map(|(mut bytes, edits)| {
        for (at, kind, byte, length) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                _ => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
        bytes
    })
}

#[test]
fn the_seeds_hold() {
    for (target, walk, least) in [
        ("http_message", walk::http_message as fn(&[u8]), 15),
        ("graphql_document", walk::graphql_document, 8),
        ("json", walk::json, 6),
        ("websocket_frames", walk::websocket_frames, 4),
        ("framing", walk::framing, 8),
        ("jsonrpc", walk::jsonrpc, 5),
        ("receive_pack", walk::receive_pack, 8),
        ("multipart", walk::multipart, 4),
    ] {
        let seeds = seeds(target);
        assert!(seeds.len() >= least, "{target} has {} seeds", seeds.len());
        seeds.iter().for_each(|seed| walk(seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn mutated_messages_hold(input in mutated("http_message")) {
        walk::http_message(&input);
    }

    #[test]
    fn mutated_frames_hold(input in mutated("websocket_frames")) {
        walk::websocket_frames(&input);
    }

    #[test]
    fn mutated_documents_hold(input in mutated("graphql_document")) {
        walk::graphql_document(&input);
    }

    #[test]
    fn mutated_json_holds(input in mutated("json")) {
        walk::json(&input);
    }

    #[test]
    fn mutated_framing_hold(input in mutated("framing")) {
        walk::framing(&input);
    }

    #[test]
    fn mutated_jsonrpc_hold(input in mutated("jsonrpc")) {
        walk::jsonrpc(&input);
    }

    #[test]
    fn mutated_receive_pack_hold(input in mutated("receive_pack")) {
        walk::receive_pack(&input);
    }

    #[test]
    fn mutated_multipart_hold(input in mutated("multipart")) {
        walk::multipart(&input);
    }
}
