//! `br` (RFC 7932), with windows of at most 16 MiB, as the RFC has them.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::decoder::{CodingError, Pause, STEP_BYTES};

/// A brotli stream.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    /// What the decoder counts for itself.
    total: usize,
}

impl Default for Brotli {
    fn default() -> Self {
        let allocate = StandardAlloc::default;
        // Strict: the large windows of no RFC are refused.
        Self { state: BrotliState::new_strict(allocate(), allocate(), allocate()), total: 0 }
    }
}

impl Brotli {
    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Pause, CodingError> {
        let begin = out.len();
        out.resize(begin + STEP_BYTES, 0);
        let (mut available, mut taken) = (input.len(), 0);
        let (mut room, mut made) = (STEP_BYTES, begin);
        let stopped = BrotliDecompressStream(
            &mut available,
            &mut taken,
            input,
            &mut room,
            &mut made,
            out,
            &mut self.total,
            &mut self.state,
        );
        out.truncate(made);
        *input = input.get(taken..).unwrap_or_default();
        match stopped {
            BrotliResult::ResultSuccess => Ok(Pause::End),
            BrotliResult::NeedsMoreInput => Ok(Pause::Input),
            BrotliResult::NeedsMoreOutput => Ok(Pause::Room),
            BrotliResult::ResultFailure => Err(CodingError("brotli (RFC 7932)")),
        }
    }
}
