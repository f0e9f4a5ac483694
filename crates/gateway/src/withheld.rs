//! Bytes that were read and are not handed over before what follows them has been judged.

use tokio::io::ReadBuf;

/// More space than this is given back once it is empty.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What is withheld from a reader, and how much of it is not any more.
#[derive(Debug, Default)]
pub(crate) struct Withheld {
    bytes: Vec<u8>,
    ready: usize,
}

impl Withheld {
    /// Hands over what may be read; false if that is nothing.
    pub(crate) fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let length = self.ready.min(buffer.remaining());
        buffer.put_slice(self.bytes.get(..length).unwrap_or_default());
        self.bytes.drain(..length);
        self.ready -= length;
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        length > 0
    }

    /// Judges what `buffer` has beyond `before`, together with what is withheld: `passes` says
    /// how much of it goes on. The buffer keeps what does.
    pub(crate) fn judge(
        &mut self,
        buffer: &mut ReadBuf<'_>,
        before: usize,
        passes: impl FnOnce(&[u8]) -> usize,
    ) {
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        if self.bytes.is_empty() {
            let passed = passes(fresh).min(fresh.len());
            self.bytes.extend_from_slice(fresh.get(passed..).unwrap_or_default());
            buffer.set_filled(before + passed);
        } else {
            self.bytes.extend_from_slice(fresh);
            buffer.set_filled(before);
            self.judge_again(passes);
        }
    }

    /// Judges what is withheld, as something else has changed.
    pub(crate) fn judge_again(&mut self, passes: impl FnOnce(&[u8]) -> usize) {
        self.ready = passes(&self.bytes).min(self.bytes.len());
    }

    /// Drops what was not passed, and has `others` read in its place.
    pub(crate) fn replace(&mut self, others: &[u8]) {
        self.bytes.truncate(self.ready);
        self.bytes.extend_from_slice(others);
        self.ready = self.bytes.len();
    }

    /// Whether something may be read now.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready > 0
    }

    /// How much is withheld.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is withheld.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
