//! The Merkle tree over the ledger's entries: hashing, roots and proofs of RFC 6962.
//!
//! The mathematics are those of `tlog_tiles`; here they get the core's types. The hashes
//! themselves live elsewhere: whoever holds them implements [`Subtrees`].

#[cfg(test)]
mod tests;

use thiserror::Error;
use tlog_tiles::{EMPTY_HASH, Error as TlogError, Hash, HashReader, tlog};

use crate::digest::Digest;

/// The most hashes that an inclusion or consistency proof can have: one for each level of a tree
/// with `u64::MAX` records, and one more.
pub const PROOF_HASHES_MAX: usize = 65;

/// The hash of one entry, as a leaf of the tree (RFC 6962, section 2.1).
pub fn record_hash(entry: &[u8]) -> Digest {
    Digest(tlog::record_hash(entry).0)
}

/// The hash of the two halves of a complete subtree (RFC 6962, section 2.1).
fn node_hash(left: Digest, right: Digest) -> Digest {
    Digest(tlog::node_hash(Hash(left.0), Hash(right.0)).0)
}

/// The right edge of a growing tree: all that is needed to append to it and to know its root.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    /// The roots of the largest complete subtrees, from the left: one for each 1 in `size`.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The frontier of the first `size` records of a tree that was already built.
    pub fn restore(size: u64, subtrees: &impl Subtrees) -> Result<Self, TreeError> {
        let mut peaks = Vec::new();
        let mut left = 0_u64;
        for level in (0..64_u8).rev().filter(|level| size >> level & 1 == 1) {
            let index = left >> level;
            peaks.push(subtrees.subtree(level, index).ok_or(TreeError::Missing { level, index })?);
            left += 1 << level;
        }
        Ok(Self { size, peaks })
    }

    /// How many records the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a record by its hash. Returns the roots of the subtrees that it completes, from
    /// its own (level 0) upwards.
    pub fn push(&mut self, record: Digest) -> Vec<Digest> {
        let mut completed = vec![record];
        let mut hash = record;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(left, hash);
            completed.push(hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// The root of the tree as it is now.
    pub fn root(&self) -> Digest {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| node_hash(left, right)).unwrap_or(Digest(EMPTY_HASH.0))
    }
}

/// Where the roots of complete subtrees are read from.
pub trait Subtrees {
    /// The root of the subtree over the records from `index << level` up to, not including,
    /// `(index + 1) << level`, if it is there.
    fn subtree(&self, level: u8, index: u64) -> Option<Digest>;
}

/// Why a tree or a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// A hash that the tree needs could not be read.
    #[error("the hash of subtree {index} on level {level} is missing; verify the ledger")]
    Missing {
        /// The height of the subtree above the records.
        level: u8,
        /// Its place on that level.
        index: u64,
    },
    /// The tree has no such record, or no such earlier size.
    #[error("{asked} lies outside the tree of {size} records")]
    Outside {
        /// The record or size that was asked for.
        asked: u64,
        /// How many records the tree has.
        size: u64,
    },
    /// The proof proves something else.
    #[error("the proof does not lead to the root")]
    Wrong,
}

/// The audit path of record `index` in the tree of `size` records, from its sibling upwards
/// (RFC 6962, section 2.1.1).
pub fn prove_inclusion(
    index: u64,
    size: u64,
    subtrees: &impl Subtrees,
) -> Result<Vec<Digest>, TreeError> {
    if index >= size {
        return Err(TreeError::Outside { asked: index, size });
    }
    stored(subtrees, |reader| tlog::prove_record(size, index, reader))
}

/// Checks that the tree of `size` records with `root` has a record with hash `record` at `index`.
pub fn check_inclusion(
    proof: &[Digest],
    index: u64,
    record: Digest,
    size: u64,
    root: Digest,
) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::Outside { asked: index, size });
    }
    if proof.len() > PROOF_HASHES_MAX {
        return Err(TreeError::Wrong);
    }
    tlog::check_record(&hashes(proof), size, Hash(root.0), index, Hash(record.0))
        .map_err(|_| TreeError::Wrong)
}

/// The proof that the tree of `size` records begins with the tree of `earlier` records
/// (RFC 6962, section 2.1.2).
pub fn prove_consistency(
    earlier: u64,
    size: u64,
    subtrees: &impl Subtrees,
) -> Result<Vec<Digest>, TreeError> {
    if earlier == 0 || earlier > size {
        return Err(TreeError::Outside { asked: earlier, size });
    }
    stored(subtrees, |reader| tlog::prove_tree(size, earlier, reader))
}

/// Checks that the tree of `size` records with `root` begins with the tree of `earlier` records
/// with `earlier_root`.
pub fn check_consistency(
    proof: &[Digest],
    earlier: u64,
    earlier_root: Digest,
    size: u64,
    root: Digest,
) -> Result<(), TreeError> {
    if earlier == 0 || earlier > size {
        return Err(TreeError::Outside { asked: earlier, size });
    }
    if proof.len() > PROOF_HASHES_MAX {
        return Err(TreeError::Wrong);
    }
    tlog::check_tree(&hashes(proof), size, Hash(root.0), earlier, Hash(earlier_root.0))
        .map_err(|_| TreeError::Wrong)
}

fn hashes(proof: &[Digest]) -> Vec<Hash> {
    proof.iter().map(|digest| Hash(digest.0)).collect()
}

/// Lets `tlog_tiles` read from `subtrees`, and keeps which hash was missing.
fn stored<S: Subtrees>(
    subtrees: &S,
    prove: impl Fn(&Stored<'_, S>) -> Result<Vec<Hash>, TlogError>,
) -> Result<Vec<Digest>, TreeError> {
    let reader = Stored { subtrees, missing: std::cell::Cell::new(None) };
    match prove(&reader) {
        Ok(proof) => Ok(proof.into_iter().map(|hash| Digest(hash.0)).collect()),
        Err(_) => Err(match reader.missing.get() {
            Some((level, index)) => TreeError::Missing { level, index },
            None => TreeError::Wrong,
        }),
    }
}

struct Stored<'a, S> {
    subtrees: &'a S,
    missing: std::cell::Cell<Option<(u8, u64)>>,
}

impl<S: Subtrees> HashReader for Stored<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        let read = |index: &u64| {
            let (level, index) = tlog::split_stored_hash_index(*index);
            self.subtrees.subtree(level, index).map(|digest| Hash(digest.0)).ok_or_else(|| {
                self.missing.set(Some((level, index)));
                TlogError::IndexesNotInTree
            })
        };
        indexes.iter().map(read).collect()
    }
}
