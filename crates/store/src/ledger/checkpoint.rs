//! Checkpoints: a tree head in a note that the ledger's key has signed (C2SP tlog-checkpoint).

use holdpoint_core::Digest;
use serde::{Deserialize, Serialize};
use signed_note::{Note, Signature, Verifier as _, VerifierList};
use thiserror::Error;
use tlog_tiles::Hash;

use crate::ledger::key::{SigningKey, VerifierKey};

/// How many records a ledger has, and the root of the tree over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many records.
    pub size: u64,
    /// The root (RFC 6962).
    pub root: Digest,
}

impl Head {
    /// The head in a `note` that was handed out: a copy of the file `checkpoint` of a ledger.
    ///
    /// # Errors
    /// If it is no checkpoint, or not signed by `key`.
    pub fn handed_out(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        Checkpoint::open(note, key).map(|checkpoint| checkpoint.head)
    }
}

/// What a checkpoint says of the list of earlier heads: it binds that list, so that no line of
/// it can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryMark {
    /// How many lines the list has, the line of this head included if it has one.
    pub(crate) lines: u64,
    /// The digest of the lines before that of this head.
    pub(crate) before: Digest,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) head: Head,
    pub(crate) mark: HistoryMark,
    pub(crate) signature: Vec<u8>,
    /// The note, byte by byte.
    pub(crate) note: Vec<u8>,
}

/// Why a note is no checkpoint of this ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// It is not written as a checkpoint is.
    #[error("is not a checkpoint")]
    Malformed,
    /// It is about another ledger, or another key signed it.
    #[error("is the checkpoint of another ledger or key")]
    Foreign,
    /// The signature does not fit the text.
    #[error("was changed after it was signed")]
    Forged,
}

const MARK: &str = "history ";

impl Checkpoint {
    /// Signs `head`.
    pub(crate) fn sign(
        key: &SigningKey,
        head: Head,
        mark: HistoryMark,
    ) -> Result<Self, CheckpointError> {
        let text = text(key.origin(), head, mark);
        let mut note = Note::new(&text, &[]).map_err(|_| CheckpointError::Malformed)?;
        note.add_sigs(&[key.signer()]).map_err(|_| CheckpointError::Malformed)?;
        Self::read(&note.to_bytes())
    }

    /// Puts together the checkpoint whose parts a line of the history holds.
    pub(crate) fn assemble(
        key: &VerifierKey,
        head: Head,
        mark: HistoryMark,
        signature: &[u8],
    ) -> Result<Self, CheckpointError> {
        let id = key.verifier().key_id();
        let signature = Signature::new(key.origin().to_owned(), id, signature.to_vec())
            .map_err(|_| CheckpointError::Malformed)?;
        let note = Note::new(&text(key.origin(), head, mark), &[signature])
            .map_err(|_| CheckpointError::Malformed)?;
        Self::open(&note.to_bytes(), key)
    }

    /// Reads a checkpoint and checks that `key` signed it.
    pub(crate) fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(bytes)?;
        let note = Note::from_bytes(bytes).map_err(|_| CheckpointError::Malformed)?;
        let known = VerifierList::new(vec![Box::new(key.verifier().clone())]);
        match note.verify(&known) {
            Ok(_) if text(key.origin(), checkpoint.head, checkpoint.mark) == note.text() => {
                Ok(checkpoint)
            }
            Ok(_) | Err(signed_note::NoteError::UnverifiedNote) => Err(CheckpointError::Foreign),
            Err(_) => Err(CheckpointError::Forged),
        }
    }

    /// Reads a checkpoint without asking who signed it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let note = Note::from_bytes(bytes).map_err(|_| malformed)?;
        let tree = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| malformed)?;
        // Two ways to write the same checkpoint would be room for a change that nobody sees.
        if note.to_bytes() != bytes || tree.to_bytes() != note.text() {
            return Err(malformed);
        }
        // The one signature must be at the end: `Note` gives its signatures only when verified.
        let line = bytes.strip_prefix(note.text()).and_then(|rest| rest.strip_prefix(b"\n"));
        let line = line.and_then(|line| line.strip_suffix(b"\n")).ok_or(malformed)?;
        let signature = Signature::from_bytes(line).map_err(|_| malformed)?;
        let mark = tree.extension().strip_suffix('\n').and_then(parse_mark).ok_or(malformed)?;
        Ok(Self {
            head: Head { size: tree.size(), root: Digest(tree.hash().0) },
            mark,
            signature: signature.signature().to_vec(),
            note: bytes.to_vec(),
        })
    }
}

/// The text that is signed.
fn text(origin: &str, head: Head, mark: HistoryMark) -> Vec<u8> {
    let (root, before) = (Hash(head.root.0), Hash(mark.before.0));
    format!("{origin}\n{}\n{root}\n{MARK}{} {before}\n", head.size, mark.lines).into_bytes()
}

fn parse_mark(line: &str) -> Option<HistoryMark> {
    let (lines, before) = line.strip_prefix(MARK)?.split_once(' ')?;
    let mark = HistoryMark {
        lines: lines.parse().ok()?,
        before: Digest(Hash::parse_hash(before).ok()?.0),
    };
    (mark.lines.to_string() == lines).then_some(mark)
}
