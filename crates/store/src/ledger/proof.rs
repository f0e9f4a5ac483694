//! One record's proof in one text file (C2SP tlog-proof): whoever has the verifier key can check
//! it, without the ledger and without a network.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_core::{
    Digest,
    ledger::{
        Record,
        tree::{self, PROOF_HASHES_MAX, record_hash},
    },
};
use thiserror::Error;
use tlog_tiles::Hash;

use crate::ledger::{
    bundle::ENTRY_BYTES_MAX,
    checkpoint::{Checkpoint, CheckpointError, Head},
    key::VerifierKey,
};

const FORMAT: &str = "c2sp.org/tlog-proof@v1";
/// More than the longest entry, the longest path and a checkpoint need.
const PROOF_BYTES_MAX: usize = 2 * ENTRY_BYTES_MAX;

/// A record, the way from it to the root, and the checkpoint that signs the root. The entry is
/// carried in the format's `extra` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub(crate) entry: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) path: Vec<Digest>,
    pub(crate) checkpoint: Checkpoint,
}

/// What a proof has proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The record's place in the ledger.
    pub index: u64,
    /// The record.
    pub record: Record,
    /// The signed head that covers it.
    pub head: Head,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// It is not written as a proof is.
    #[error("this is no proof file; make it anew with `holdpoint ledger prove`")]
    Malformed,
    /// The checkpoint in it does not hold.
    #[error("the checkpoint in the proof {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The entry does not lead to the signed root.
    #[error("the record in the proof is not the one that was signed")]
    Wrong,
}

impl Proof {
    /// Reads a proof file. Only the one way of writing it is accepted.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let malformed = || ProofError::Malformed;
        if text.len() > PROOF_BYTES_MAX {
            return Err(malformed());
        }
        let (proof, note) = text.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = proof.split('\n');
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name));
        field(FORMAT).filter(|rest| rest.is_empty()).ok_or_else(malformed)?;
        let entry = field("extra ").and_then(|entry| STANDARD.decode(entry).ok());
        let index = field("index ").and_then(|index| index.parse().ok());
        let hash = |line| Hash::parse_hash(line).ok().map(|hash| Digest(hash.0));
        let path = lines.take(PROOF_HASHES_MAX + 1).map(hash).collect::<Option<Vec<_>>>();
        let (Some(entry), Some(index), Some(path)) = (entry, index, path) else {
            return Err(malformed());
        };
        let checkpoint = Checkpoint::read(note.as_bytes())?;
        let proof = Self { entry, index, path, checkpoint };
        if proof.to_string() == text { Ok(proof) } else { Err(malformed()) }
    }

    /// Checks that the ledger of `key` has signed this record at this place.
    pub fn verify(&self, key: &VerifierKey) -> Result<Proven, ProofError> {
        let Head { size, root } = Checkpoint::open(&self.checkpoint.note, key)?.head;
        let hash = record_hash(&self.entry);
        tree::check_inclusion(&self.path, self.index, hash, size, root)
            .map_err(|_| ProofError::Wrong)?;
        let record = serde_json::from_slice(&self.entry).map_err(|_| ProofError::Malformed)?;
        Ok(Proven { index: self.index, record, head: Head { size, root } })
    }
}

/// The proof as it is written to a file.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}\nextra {}\nindex {}", STANDARD.encode(&self.entry), self.index)?;
        for digest in &self.path {
            writeln!(f, "{}", Hash(digest.0))?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.checkpoint.note))
    }
}
