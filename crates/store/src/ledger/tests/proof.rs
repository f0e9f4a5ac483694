//! Proofs that are checked without the ledger.

use super::*;

fn prove(state: &State, index: u64) -> String {
    Reader::open(&state.dir()).unwrap().prove(index).unwrap().to_string()
}

#[test]
fn every_record_can_be_proven_without_the_ledger() {
    for size in [1, 2, 256, 257, 600] {
        let state = State::with_records(size);
        let (key, head) = (state.key(), state.verify().unwrap());
        let proofs: Vec<_> = (0..size).map(|index| prove(&state, index)).collect();
        drop(state);
        for (index, text) in (0..).zip(proofs) {
            let proven = Proof::parse(&text).unwrap().verify(&key);
            assert_eq!(proven, Ok(Proven { index, record: record(index), head }));
        }
    }
}

#[test]
fn a_proof_has_the_form_of_the_specification() {
    let state = State::with_records(3);
    let text = prove(&state, 1);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "c2sp.org/tlog-proof@v1");
    assert!(lines[1].starts_with("extra "));
    assert_eq!(lines[2], "index 1");
    assert_eq!((lines[3].len(), lines[4].len(), lines[5]), (44, 44, ""));
    assert_eq!(lines[6], state.key().origin());
    assert_eq!(lines[7], "3");
    assert!(lines.last().unwrap().starts_with("— holdpoint.local/"));
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let state = State::with_records(300);
    let (text, key) = (prove(&state, 270), state.key());
    assert!(Proof::parse(&text).unwrap().verify(&key).is_ok());
    let holds = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).ok();
        let proof = text.and_then(|text| Proof::parse(&text).ok());
        proof.is_some_and(|proof| proof.verify(&key).is_ok())
    };
    for at in 0..text.len() {
        for flip in [1, 2, 32, 0x80] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= flip;
            assert!(!holds(bytes), "byte {at}");
        }
        let mut bytes = text.clone().into_bytes();
        bytes.remove(at);
        assert!(!holds(bytes), "without byte {at}");
        for extra in [b'\n', b'0', b' ', b'='] {
            let mut bytes = text.clone().into_bytes();
            bytes.insert(at, extra);
            // A byte beside its equal is the same text.
            assert!(bytes == text.as_bytes() || !holds(bytes), "{extra} before byte {at}");
        }
        assert!(!holds(text.as_bytes()[..at].to_vec()), "cut at byte {at}");
    }
}

#[test]
fn a_proof_of_another_ledger_or_record_proves_nothing() {
    let state = State::with_records(9);
    let other = State::with_records(9);
    let proof = Proof::parse(&prove(&state, 4)).unwrap();
    let foreign = ProofError::Checkpoint(CheckpointError::Foreign);
    assert_eq!(proof.verify(&other.key()), Err(foreign));
    let elsewhere = Proof { index: 5, ..proof.clone() };
    assert_eq!(elsewhere.verify(&state.key()), Err(ProofError::Wrong));
    let outside = Proof { index: 9, ..proof.clone() };
    assert_eq!(outside.verify(&state.key()), Err(ProofError::Wrong));
    let entry = record(5).to_bytes().unwrap();
    assert_eq!(Proof { entry, ..proof }.verify(&state.key()), Err(ProofError::Wrong));
    let long = "x".repeat(200_000);
    assert_eq!(Proof::parse(&long), Err(ProofError::Malformed));
}

#[test]
fn a_damaged_ledger_gives_no_proof() {
    let state = State::with_records(300);
    let mut files = state.files();
    files.get_mut("tile/0/000").unwrap()[70] ^= 1;
    state.restore(&files);
    let refused = Reader::open(&state.dir()).unwrap().prove(9).unwrap_err();
    assert!(matches!(refused, LedgerError::Unprovable(_)), "{refused}");
}
