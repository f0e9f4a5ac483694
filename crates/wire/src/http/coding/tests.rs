//! Codings are taken off exactly, once, and within bounds.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use holdpoint_core::{Code, Effect};
use proptest::prelude::*;

use super::{Coding, Decoder, Pause};
use crate::{
    Unreadable,
    http::{Address, Body, Message, RawMessage, credentials, interpret, tests::Fixture},
};

const JSON: &str = r#"{"items":[1,2,3],"note":"a note that is long enough to be worth it"}"#;
/// [`JSON`] as Node and the `zstd` command write it.
const BROTLI: &str = "1b430060ad8a770235b3a064253b79295a51182e59baf61a2446ec4d85b9954e5f8b6c95d12d991970c801eb9704598143e0214bfd5725b3a55c24c63fe0c3bd04ae51695d09ac02";
const ZSTD: &str = "28b52ffd24442102007b226974656d73223a5b312c322c335d2c226e6f7465223a2261206e6f74652074686174206973206c6f6e6720656e6f75676820746f20626520776f727468206974227d32489cc2";
/// [`long`] as they write it.
const LONG_BROTLI: &str = "5bffc3895f1e1c436dd6f0e3c11840d5dd04406251f3c8ead97b";
const LONG_ZSTD: &str = "28b52ffda400c40900c4000080303132333435363738396162636465660100daff279f4b4c000008300100fcff3910024c000008300100fcff3910024c000008300100fcff3910024d000008300100fcc3391002176a2333";

/// Five blocks of zstd.
fn long() -> Vec<u8> {
    b"0123456789abcdef".repeat(40_000)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A `POST` of JSON in `codings`.
fn post(codings: &str, body: Body) -> Message {
    let header = |name: &str, value: &str| (name.to_owned(), Bytes::from(value.to_owned()));
    let headers =
        vec![header("content-type", "application/json"), header("content-encoding", codings)];
    let to = Address::Url("https://api.example.com/items".to_owned());
    Message::try_from(RawMessage { headers, body, ..RawMessage::new("POST", to) }).unwrap()
}

fn whole(codings: &str, body: Vec<u8>) -> Message {
    post(codings, Body::Whole(body.into()))
}

fn meaning(message: &Message) -> Result<Effect, Unreadable> {
    interpret(message, &Fixture).map(|operations| operations.first().unwrap().effect)
}

#[test]
fn every_coding_is_judged_by_what_it_holds_and_sent_as_it_came() {
    let check = |codings: &str, sent: Vec<u8>| {
        let message = whole(codings, sent.clone());
        assert_eq!(message.body, Body::Whole(JSON.into()), "{codings}");
        assert_eq!(message.sent_body(), &sent, "{codings}");
        assert_eq!(meaning(&message), Ok(Effect::Create), "{codings}");
    };
    let plain = JSON.as_bytes();
    for codings in ["", "identity", "identity, ,IDENTITY"] {
        check(codings, plain.to_vec());
    }
    check("gzip", gzip(plain));
    check("X-GZip", gzip(plain));
    check("deflate", zlib(plain));
    check("br", hex(BROTLI));
    check("zstd", hex(ZSTD));
    check("gzip, deflate", zlib(&gzip(plain)));
    check("deflate,identity,gzip", gzip(&zlib(plain)));
    check("br , gzip,deflate", zlib(&gzip(&hex(BROTLI))));
}

#[test]
fn what_could_be_read_in_two_ways_or_not_at_all_is_refused() {
    let check = |codings: &str, sent: Vec<u8>, code: Code, says: &str| {
        let refused = meaning(&whole(codings, sent)).expect_err(codings);
        assert_eq!(refused.code, code, "{codings}: {refused}");
        assert!(refused.text.contains(says), "{codings}: {refused}");
    };
    let unparsed = Code::Unparsed;
    let plain = JSON.as_bytes();
    let behind = |mut coded: Vec<u8>, more: &[u8]| {
        coded.extend_from_slice(more);
        coded
    };
    check("compress", gzip(plain), unparsed, "`compress`, which is not read");
    check("aws-chunked", plain.to_vec(), unparsed, "`aws-chunked`");
    check("gzip;q=1", gzip(plain), unparsed, "not read here");
    check("gzip", plain.to_vec(), unparsed, "not gzip");
    check("gzip", zlib(plain), unparsed, "not gzip");
    check("deflate", gzip(plain), unparsed, "not deflate in the zlib format");
    check("deflate", raw_deflate(plain), unparsed, "not deflate in the zlib format");
    check("br", plain.to_vec(), unparsed, "not brotli");
    check("zstd", plain.to_vec(), unparsed, "not zstd");
    check("zstd", hex("502a4d1801000000ff"), unparsed, "not zstd");
    for (codings, coded) in
        [("gzip", gzip(plain)), ("deflate", zlib(plain)), ("br", hex(BROTLI)), ("zstd", hex(ZSTD))]
    {
        let short = coded.split_last().unwrap().1.to_vec();
        check(codings, short, unparsed, "breaks off");
        check(codings, behind(coded.clone(), b"\n"), unparsed, "follows the end");
        check(codings, behind(coded.clone(), &coded), unparsed, "follows the end");
    }
    let mut wrong = gzip(plain);
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    check("gzip", wrong, unparsed, "its checksum");
    let mut wrong = zlib(plain);
    let at = wrong.len() - 1;
    wrong[at] ^= 1;
    check("deflate", wrong, unparsed, "not deflate");
    let mut wrong = hex(ZSTD);
    let at = wrong.len() - 1;
    wrong[at] ^= 1;
    check("zstd", wrong, unparsed, "its checksum");
    // 0x78 begins zlib; as bare deflate it is a stored block of 0x01da bytes.
    check("deflate", vec![0x78, 0xda, 0x01, 0x25, 0xfe, 0, 0], unparsed, "clearly deflate");
    check("gzip,gzip,gzip,gzip", gzip(plain), Code::OverLimit, "more than 3");
}

#[test]
fn a_bomb_is_told_early() {
    let bomb = gzip(&vec![0; 64 << 20]);
    let nested = gzip(&bomb);
    for (codings, bomb) in [("gzip", bomb), ("gzip,gzip", nested)] {
        let refused = meaning(&whole(codings, bomb)).unwrap_err();
        assert_eq!(refused.code, Code::OverLimit, "{refused}");
    }
}

#[test]
fn what_is_longer_than_is_read_is_judged_by_its_beginning() {
    let text = [JSON.as_bytes(), &[b' '; 5000]].concat();
    let coded = Bytes::from(gzip(&text));
    let message = whole("gzip", Vec::new()).with_body(Body::Whole(coded.clone()), 1000);
    assert_eq!(message.body, Body::Prefix(text[..1000].to_vec().into()));
    assert_eq!(message.sent_body(), &coded);
    assert_eq!(meaning(&message).unwrap_err().code, Code::OverLimit);

    let prefix = Body::Prefix(coded.slice(..coded.len() / 2));
    let message = post("gzip", prefix);
    let Body::Prefix(begin) = &message.body else { panic!("{message:?}") };
    assert!(text.starts_with(begin) && !begin.is_empty());
    let all = post("gzip", Body::Prefix(coded));
    assert!(all.coded.is_none() && meaning(&all).unwrap_err().text.contains("follows the end"));
}

#[test]
fn a_credential_in_a_compressed_body_is_found_and_replaced_in_the_open() {
    let body = r#"{"api_key":"pt_0123456789abcdef","note":"x"}"#;
    let mut message = whole("gzip", gzip(body.as_bytes()));
    assert!(credentials::occurrences(&message, b"pt_0123456789abcdef"));
    let found = credentials::find(&message);
    let [used] = found.as_slice() else { panic!("{found:?}") };
    credentials::substitute(&mut message, used, b"real").unwrap();
    assert_eq!(message.coded, None);
    assert_eq!(message.sent_body(), r#"{"api_key":"real","note":"x"}"#);
}

#[test]
fn a_word_in_the_head_of_a_gzip_is_seen() {
    let mut encoder = flate2::GzBuilder::new()
        .filename("pt_0123456789abcdef")
        .comment("by hand")
        .extra("more")
        .write(Vec::new(), Compression::default());
    encoder.write_all(JSON.as_bytes()).unwrap();
    let message = whole("gzip", encoder.finish().unwrap());
    assert_eq!(message.body, Body::Whole(JSON.into()));
    assert!(credentials::occurrences(&message, b"pt_0123456789abcdef"));
}

/// Decodes `coded` in pieces of `size` bytes.
fn in_pieces(coding: Coding, coded: &[u8], size: usize) -> Vec<u8> {
    let (mut decoder, mut out, mut ended) = (Decoder::new(coding), Vec::new(), false);
    for mut piece in coded.chunks(size) {
        while !ended {
            match decoder.step(&mut piece, &mut out).unwrap() {
                Pause::Room => {}
                Pause::Input => break,
                Pause::End => ended = true,
            }
        }
        assert!(piece.is_empty());
    }
    assert!(ended);
    out
}

#[test]
fn several_blocks_come_out_whole_however_they_are_cut() {
    for size in [1, 2, 7, 1000] {
        assert_eq!(in_pieces(Coding::Brotli, &hex(LONG_BROTLI), size), long(), "{size}");
        assert_eq!(in_pieces(Coding::Zstd, &hex(LONG_ZSTD), size), long(), "{size}");
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        text in proptest::collection::vec(any::<u8>(), 0..5000),
        repeat in 1_usize..40,
        size in 1_usize..3000,
    ) {
        let text = text.repeat(repeat);
        prop_assert_eq!(&in_pieces(Coding::Gzip, &gzip(&text), size), &text);
        prop_assert_eq!(&in_pieces(Coding::Deflate, &zlib(&text), size), &text);
    }

    #[test]
    fn no_bytes_break_a_decoder(
        mut coded in proptest::collection::vec(any::<u8>(), 0..300),
        which in 0_usize..4,
        flip in any::<(proptest::sample::Index, u8)>(),
        use_real in any::<bool>(),
    ) {
        let names = ["gzip", "deflate", "br", "zstd"];
        if use_real {
            let real = [gzip(JSON.as_bytes()), zlib(JSON.as_bytes()), hex(BROTLI), hex(ZSTD)];
            coded = real[which].clone();
            let at = flip.0.index(coded.len());
            coded[at] ^= flip.1;
        }
        let message = whole(names[which], coded.clone());
        prop_assert!(message.coded.is_none() || *message.sent_body() == coded);
    }
}

#[test]
fn a_body_that_goes_out_plain_is_no_other_request_either() {
    let smuggled = "DELETE /x HTTP/1.1\r\nHost: a.example\r\n\r\n&api_key=tok_0123456789abcdefghij";
    let mut message = crate::http::tests::message(
        "GET https://api.example.com/x",
        &[("content-type", "application/x-www-form-urlencoded"), ("content-encoding", "gzip")],
        "",
    )
    .with_body(Body::Whole(gzip(smuggled.as_bytes()).into()), 1024);
    let refused = interpret(&message, &Fixture).expect_err("as it came");
    assert!(refused.text.contains("begins like another request"), "{refused}");
    let found = credentials::find(&message);
    credentials::substitute(&mut message, &found[0], b"real").unwrap();
    assert!(message.sent_body().starts_with(b"DELETE /x HTTP/1.1"), "this would go out");
}
