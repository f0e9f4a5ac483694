//! The ledger: an append-only list of records that nobody can change without being found out.
//!
//! On disk it is a C2SP tiled transparency log: entries and Merkle hashes in tiles of 256, and a
//! checkpoint that the ledger's own key signs. In the order of a record's life:
//!
//! - [`Ledger`] takes records and says when they are on disk; `queue`, `writer`, `journal` and `disk`
//!   do it
//! - `open` finds the last signed state again after a crash
//! - [`Reader`] gives records back, and a [`Proof`] of each for somebody without the ledger
//! - [`verify`] computes everything again and names the file and the record that were touched
//!
//! The formats: `layout` (file names), `bundle` (entries), `rows` (hashes), `checkpoint`,
//! `history` (earlier checkpoints), `key`.

mod bundle;
mod checkpoint;
mod disk;
mod error;
mod finding;
mod history;
mod journal;
mod key;
mod layout;
mod open;
mod proof;
mod queue;
mod reader;
mod rows;
#[cfg(test)]
mod tests;
mod tiles;
mod verify;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use holdpoint_core::{
    Digest, Timestamp,
    authorized::{Appended, Durable},
    ledger::{Decided, Record, RecordKind},
};
use tokio::sync::oneshot;

pub use checkpoint::{CheckpointError, Head};
pub use error::LedgerError;
pub use finding::{Fault, Finding};
pub use key::{SIGNING_KEY, VERIFIER_KEY, VerifierKey};
pub use proof::{Proof, ProofError, Proven};
pub use reader::{PAGE_RECORDS_MAX, Reader};
pub use verify::verify;

use bundle::ENTRY_BYTES_MAX;
use queue::{LINGER, Queue, Queued};

/// The ledger's directory in a state directory.
pub const DIRECTORY: &str = "ledger";

/// A ledger that is open for writing. There is one for each directory; when it is dropped, what
/// was appended is written first.
#[derive(Debug)]
pub struct Ledger {
    dir: PathBuf,
    key: VerifierKey,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the ledger of the state directory `state`, and begins it, with a new key, if there
    /// is none. `clock` only decides when the next line of the history is due.
    pub fn open(
        state: &Path,
        clock: impl Fn() -> Timestamp + Send + 'static,
    ) -> Result<Self, LedgerError> {
        Self::open_lingering(state, clock, LINGER)
    }

    fn open_lingering(
        state: &Path,
        clock: impl Fn() -> Timestamp + Send + 'static,
        linger: Duration,
    ) -> Result<Self, LedgerError> {
        let writer = open::open(state, clock)?;
        let queue = Arc::new(Queue::new(writer.rows.size(), linger));
        let (dir, key) = (writer.dir.clone(), writer.key.verifier().clone());
        let writer = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn({
                let queue = Arc::clone(&queue);
                move || writer.run(&queue)
            })
            .map_err(LedgerError::io(&dir))?;
        Ok(Self { dir, key, queue, writer: Some(writer) })
    }

    /// Puts the record of the decision about the message `subject` into the ledger's order. It
    /// is on disk within 100 ms.
    pub async fn append(&self, record: &Record, subject: Digest) -> Result<Appended, LedgerError> {
        let entry = encode(record, subject)?;
        let index = self.queue.push(Queued { entry, waiter: None }).await?;
        Ok(Appended::at(index, subject))
    }

    /// Records the decision about the message `subject`; returns once the record and a signed
    /// checkpoint that covers it are on disk.
    pub async fn commit(&self, record: &Record, subject: Digest) -> Result<Durable, LedgerError> {
        let entry = encode(record, subject)?;
        let (waiter, written) = oneshot::channel();
        let index = self.queue.push(Queued { entry, waiter: Some(waiter) }).await?;
        written.await.map_err(|_| self.queue.failure())?;
        Ok(Durable::at(index, subject))
    }

    /// The key that verifies what this ledger signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// What is on disk by now.
    pub fn reader(&self) -> Result<Reader, LedgerError> {
        Reader::open(&self.dir)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.queue.close();
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the ledger's writer ended too early; run `holdpoint ledger verify`");
        }
    }
}

fn encode(record: &Record, subject: Digest) -> Result<Vec<u8>, LedgerError> {
    if matches!(&record.kind, RecordKind::Decision(decided) if decided.message != subject) {
        return Err(LedgerError::OtherSubject);
    }
    let entry = record.to_bytes().map_err(LedgerError::Unwritable)?;
    match (entry.len(), &record.kind) {
        (0..=ENTRY_BYTES_MAX, _) => Ok(entry),
        // What is only there to be replayed refuses nothing.
        (_, RecordKind::Decision(decided)) if !decided.circumstances.is_empty() => {
            let decided = Decided { circumstances: Vec::new(), ..decided.clone() };
            encode(&Record { kind: RecordKind::Decision(decided), ..record.clone() }, subject)
        }
        (bytes, _) => Err(LedgerError::TooLarge { bytes }),
    }
}
