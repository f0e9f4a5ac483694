//! Conversations of psql and pgbench with PostgreSQL 15, and what no honest client sends.

use bytes::{Buf, Bytes};
use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
use proptest::prelude::*;

use super::{
    frontend::{Frontend, Named},
    refusal::error_response,
    startup::{self, Startup},
};

/// `psql -c "copy …"`: a start, a query, rows, a query, the end.
const PSQL: &str = "0000003f000300007573657200706f73746772657300646174616261736500706f737467726573006170706c69636174696f6e5f6e616d65007073716c0000510000001f6372656174652074656d70207461626c652074286120696e7429005100000016636f707920742066726f6d20737464696e00640000000b310a320a5c2e0a6300000004510000002773656c65637420636f756e74282a292066726f6d20742077686572652061203e2031005800000004";

/// `pgbench -M prepared`: prepared once, run twice.
const PGBENCH: &str = "00000042000300007573657200706f73746772657300646174616261736500706f737467726573006170706c69636174696f6e5f6e616d6500706762656e63680000500000001e505f300073656c6563742024313a3a696e74202b20313b0000005300000004420000001600505f30000000000100000001310001000044000000065000450000000900000000005300000004500000001a505f310073656c6563742024313a3a696e743b0000005300000004420000001600505f31000000000100000001350001000044000000065000450000000900000000005300000004420000001600505f30000000000100000001310001000044000000065000450000000900000000005300000004420000001600505f310000000001000000013500010000440000000650004500000009000000000053000000045800000004";

fn bytes(hex: &str) -> Bytes {
    let pairs = hex.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A start and the messages after it.
fn conversation(hex: &str) -> (Startup, Vec<Frontend>) {
    let mut left = bytes(hex);
    let length = left.get_u32() as usize - 4;
    let start = startup::read(left.split_to(length)).unwrap();
    let mut messages = Vec::new();
    while left.has_remaining() {
        let tag = left.get_u8();
        let length = left.get_u32() as usize - 4;
        messages.push(Frontend::read(tag, left.split_to(length)).unwrap());
    }
    (start, messages)
}

#[test]
fn psql_is_understood() {
    let (start, messages) = conversation(PSQL);
    let Startup::Session { minor: 0, user, database, options } = start else { panic!("{start:?}") };
    assert_eq!((user.as_str(), database.as_str(), options.len()), ("postgres", "postgres", 3));
    let expect = [
        Frontend::Query("create temp table t(a int)".into()),
        Frontend::Query("copy t from stdin".into()),
        Frontend::CopyData(Bytes::from_static(b"1\n2\n\\.\n")),
        Frontend::CopyDone,
        Frontend::Query("select count(*) from t where a > 1".into()),
        Frontend::Terminate,
    ];
    assert_eq!(messages, expect);
}

#[test]
fn pgbench_is_understood() {
    let (_, messages) = conversation(PGBENCH);
    let parsed = Frontend::Parse {
        name: "P_0".into(),
        text: "select $1::int + 1;".into(),
        types: Vec::new(),
    };
    let bound = Frontend::Bind {
        portal: String::new(),
        statement: "P_0".into(),
        formats: Vec::new(),
        values: vec![Some(Bytes::from_static(b"1"))],
        answers: vec![0],
    };
    let run = Frontend::Execute { portal: String::new(), rows: 0 };
    let described = Frontend::Describe(Named::Portal, String::new());
    let first = [parsed, Frontend::Sync, bound, described, run, Frontend::Sync];
    assert_eq!(messages[..6], first);
    assert_eq!(messages.len(), 21);
}

fn session(options: &[(&str, &str)]) -> Bytes {
    let mut packet = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in options {
        packet.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    packet.push(0);
    packet.into()
}

#[test]
fn options_that_change_meanings_are_refused() {
    let user = ("user", "app");
    for (option, fine) in [
        (("database", "app"), true),
        (("client_encoding", "UTF8"), true),
        (("client_encoding", "'utf-8'"), true),
        (("client_encoding", "SJIS"), false),
        (("DateStyle", "ISO"), true),
        (("TimeZone", "UTC"), true),
        (("extra_float_digits", "2"), true),
        (("replication", "database"), false),
        (("replication", "1"), false),
        (("replication", "false"), true),
        (("standard_conforming_strings", "off"), false),
        (("options", "-c standard_conforming_strings=off"), false),
        (("options", ""), true),
        (("session_authorization", "postgres"), false),
        (("role", "postgres"), false),
        (("session_replication_role", "replica"), false),
        (("_pq_.command_tag", "1"), false),
        (("user", "other"), false),
        (("USER", "other"), false),
    ] {
        assert_eq!(startup::read(session(&[user, option])).is_ok(), fine, "{option:?}");
    }
    assert!(startup::read(session(&[("database", "app")])).is_err());
}

#[test]
fn what_else_a_connection_begins_with() {
    for (hex, expect) in [
        ("04d2162f", Some(Startup::Ssl)),
        ("04d21630", Some(Startup::Gss)),
        ("04d2162f00", None),
        ("04d2162e0000000700000009", Some(Startup::Cancel { process: 7, key: bytes("00000009") })),
        ("04d2162e00000007", None),
        ("00020000", None),
        ("0003000175736572006100", None),
        ("", None),
    ] {
        assert_eq!(startup::read(bytes(hex)).ok(), expect, "{hex}");
    }
}

#[test]
fn what_is_longer_or_shorter_than_it_says_is_no_message() {
    for (tag, hex) in [
        (b'Q', "61"),
        (b'Q', "610062"),
        (b'Q', "ff00"),
        (b'S', "00"),
        (b'P', "00610000"),
        (b'B', "0000000000010000000561"),
        (b'B', "00000000ffff"),
        (b'D', "5800"),
        (b'E', "00000000"),
        (b'F', "00000001"),
        (b'z', ""),
    ] {
        assert!(Frontend::read(tag, bytes(hex)).is_err(), "{} {hex}", tag as char);
    }
}

#[test]
fn a_refusal_reads_like_an_error_of_the_server() {
    let mut refusal =
        Refusal::new(RefusalKind::Hold, Code::NeedsApproval, "it would destroy\0 data");
    refusal.hold = Some("h-41".into());
    let packet = error_response(&refusal);
    assert_eq!(packet.first(), Some(&b'E'));
    assert_eq!(packet[1..5], u32::try_from(packet.len() - 1).unwrap().to_be_bytes());
    let fields: Vec<_> = packet[5..].split(|byte| *byte == 0).collect();
    let of = |name: u8| {
        let found = fields.iter().find(|field| field.first() == Some(&name)).unwrap();
        String::from_utf8(found[1..].to_vec()).unwrap()
    };
    assert_eq!((of(b'S').as_str(), of(b'C').as_str()), ("ERROR", "HP001"));
    assert!(of(b'D').contains("Nothing was sent") && of(b'H').contains("holdpoint approve h-41"));
    assert!(packet.ends_with(b"\0\0"));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(tag in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Frontend::read(tag, body.clone().into());
        let _ = startup::read(body.into());
    }

    /// A message that is cut short is none, wherever it is cut.
    #[test]
    fn a_message_that_is_cut_is_none(cut in 0..21_usize) {
        let bind = bytes("00505f3000000000010000000131000100");
        let body = bind.slice(..cut.min(bind.len()));
        prop_assert!(Frontend::read(b'B', body).is_err());
    }
}
