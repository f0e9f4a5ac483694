//! Entry bundles: up to 256 entries in one file, each preceded by its length (C2SP tlog-tiles).

use crate::ledger::layout::WIDTH;

/// The longest entry: its length is written in two bytes.
pub(crate) const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// The bundle that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    entries: u16,
}

impl Bundle {
    /// A bundle with what a file already holds.
    pub(crate) fn resume(bytes: Vec<u8>, entries: u16) -> Self {
        Self { bytes, entries }
    }

    /// Adds an entry of at most [`ENTRY_BYTES_MAX`] bytes. Returns the bundle once it is full.
    pub(crate) fn push(&mut self, entry: &[u8]) -> Option<Vec<u8>> {
        let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(entry);
        self.entries += 1;
        (self.entries == WIDTH).then(|| {
            self.entries = 0;
            std::mem::take(&mut self.bytes)
        })
    }

    /// What has been added since the last full bundle.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The entries of a bundle of exactly `width` entries; `None` if the bytes are anything else.
pub(crate) fn entries(bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    let (entries, rest) = split(bytes, width)?;
    rest.is_empty().then_some(entries)
}

/// The first `width` entries of a bundle that may have more.
pub(crate) fn first_entries(bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    split(bytes, width).map(|(entries, _)| entries)
}

fn split(bytes: &[u8], width: u16) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    Some((entries, rest))
}
