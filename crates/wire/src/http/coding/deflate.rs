//! `deflate`: the zlib format (RFC 1950), and the bare format (RFC 1951) that gzip wraps.

use flate2::{Decompress, FlushDecompress, Status};

use super::decoder::{CodingError, Pause, STEP_BYTES, gather};

/// The bytes at which bare deflate can be told from zlib's.
const HEAD_BYTES: usize = 5;

/// A zlib stream. One that a server could read as bare deflate as well is refused.
pub(super) struct Deflate {
    stream: Decompress,
    head: Vec<u8>,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { stream: Decompress::new(true), head: Vec::new() }
    }
}

impl Deflate {
    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Pause, CodingError> {
        if self.head.len() < HEAD_BYTES {
            let mut ahead = *input;
            gather(&mut self.head, HEAD_BYTES, &mut ahead);
            if is_stored_block(&self.head) {
                return Err(CodingError("clearly deflate: it could be zlib or bare"));
            }
        }
        inflate(&mut self.stream, input, out)
            .map_err(|_| CodingError("deflate in the zlib format (RFC 1950)"))
    }
}

/// Whether a bare stream could begin so: zlib's first byte is, in bare deflate, the head of a
/// stored block, and then two lengths follow that are each other's complement.
fn is_stored_block(head: &[u8]) -> bool {
    matches!(head, [first, a, b, c, d] if first & 0x0f == 8 && *c == !a && *d == !b)
}

/// Not deflate.
pub(super) struct NotDeflate;

/// One step of a stream of either format.
pub(super) fn inflate(
    stream: &mut Decompress,
    input: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<Pause, NotDeflate> {
    out.reserve(STEP_BYTES);
    let before = stream.total_in();
    let status = stream.decompress_vec(input, out, FlushDecompress::None);
    let taken = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
    *input = input.get(taken..).unwrap_or_default();
    match status.map_err(|_| NotDeflate)? {
        Status::StreamEnd => Ok(Pause::End),
        _ if out.len() == out.capacity() => Ok(Pause::Room),
        _ if input.is_empty() => Ok(Pause::Input),
        // Room and input are there, and nothing moves: only a broken stream does that.
        Status::BufError => Err(NotDeflate),
        Status::Ok => Ok(Pause::Room),
    }
}
