//! The list of earlier signed heads: a ledger that was cut back to one of them is found out.
//!
//! One line a head, at most one a second: size, root and signature. Every checkpoint says how
//! many lines there are and binds their digest, so that none can be taken away, and a line is
//! written before its head becomes the checkpoint, so that an older checkpoint betrays itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_core::Digest;
use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;

use crate::ledger::{
    checkpoint::{Checkpoint, Head, HistoryMark},
    key::VerifierKey,
};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) head: Head,
    pub(crate) signature: Vec<u8>,
}

impl Line {
    /// The line for `checkpoint`.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        Self { head: checkpoint.head, signature: checkpoint.signature.clone() }
    }

    /// As it is written, with its newline.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (root, signature) = (Hash(self.head.root.0), STANDARD.encode(&self.signature));
        format!("{} {root} {signature}\n", self.head.size).into_bytes()
    }

    /// The line that is written as `bytes`, newline included.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let (size, rest) = text.split_once(' ')?;
        let (root, signature) = rest.split_once(' ')?;
        let head = Head { size: size.parse().ok()?, root: Digest(Hash::parse_hash(root).ok()?.0) };
        let line = Self { head, signature: STANDARD.decode(signature).ok()? };
        (line.to_bytes() == bytes).then_some(line)
    }
}

/// The lines so far, as far as the next checkpoint must know them.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    lines: u64,
    digest: Sha256,
    last: Option<Head>,
}

impl History {
    /// Takes a line in.
    pub(crate) fn push(&mut self, line: &Line) {
        self.lines += 1;
        self.digest.update(line.to_bytes());
        self.last = Some(line.head);
    }

    /// The head of the last line.
    pub(crate) fn last(&self) -> Option<Head> {
        self.last
    }

    /// What a head says that gets a line of its own.
    pub(crate) fn mark_listed(&self) -> HistoryMark {
        HistoryMark { lines: self.lines + 1, before: self.digest() }
    }

    /// What a head says that gets none.
    pub(crate) fn mark_unlisted(&self) -> HistoryMark {
        HistoryMark { lines: self.lines, before: self.digest() }
    }

    fn digest(&self) -> Digest {
        Digest(self.digest.clone().finalize().into())
    }
}

/// What the bytes of a history file are, next to a checkpoint.
#[derive(Debug)]
pub(crate) struct Read {
    /// The lines that the checkpoint binds.
    pub(crate) bound: Vec<Line>,
    /// How many bytes they take.
    pub(crate) bound_bytes: usize,
    /// The lines taken in, ready for the next.
    pub(crate) history: History,
    /// Signed heads behind them, which only this ledger's key can have made: the checkpoint is
    /// not the newest.
    pub(crate) newer: Vec<Checkpoint>,
    /// Something is behind them, signed or not.
    pub(crate) more: bool,
}

/// What is wrong with a history file, and with which of its lines (counted from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) line: u64,
    pub(crate) fault: &'static str,
}

/// Reads a history file and checks it against `checkpoint`, which `key` has signed.
pub(crate) fn read(
    bytes: &[u8],
    checkpoint: &Checkpoint,
    key: &VerifierKey,
) -> Result<Read, Wrong> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut bound = Vec::new();
    let mut history = History::default();
    let mut before = History::default();
    let mut bound_bytes = 0;
    while history.lines < checkpoint.mark.lines {
        let wrong = |fault| Wrong { line: history.lines, fault };
        let bytes = lines.next().ok_or_else(|| wrong("lacks lines that were there"))?;
        let line = Line::parse(bytes).ok_or_else(|| wrong("has a line that is no head"))?;
        if history.last.is_some_and(|last| last.size >= line.head.size) {
            return Err(wrong("has its lines in another order"));
        }
        before = history.clone();
        history.push(&line);
        bound_bytes += bytes.len();
        bound.push(line);
    }
    let listed = history.last.is_some_and(|last| last.size >= checkpoint.head.size);
    let covered = if listed { &before } else { &history };
    let wrong = |fault| Wrong { line: covered.lines, fault };
    if covered.digest() != checkpoint.mark.before {
        return Err(wrong("is not the list that the checkpoint binds"));
    }
    if listed && bound.last() != Some(&Line::of(checkpoint)) {
        return Err(wrong("ends with another head than the checkpoint"));
    }
    let mut more = false;
    let mut newer = Vec::new();
    let mut beyond = history.clone();
    for line in lines {
        more = true;
        let Some(line) = Line::parse(line) else { break };
        let mark = beyond.mark_listed();
        let Ok(signed) = Checkpoint::assemble(key, line.head, mark, &line.signature) else { break };
        beyond.push(&line);
        newer.push(signed);
    }
    Ok(Read { bound, bound_bytes, history, newer, more })
}
