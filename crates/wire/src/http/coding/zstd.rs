//! `zstd` (RFC 8878): one frame, with a window of at most 8 MiB (RFC 9659) and no dictionary. It
//! is fed block by block, so that no step makes more than a block.

use std::io::Read as _;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::decoder::{CodingError, Pause, STEP_BYTES, gather};

/// The largest window that the coding may have (RFC 9659 §3).
const WINDOW_BYTES_MAX: u64 = 8 << 20;
/// The largest block (RFC 8878 §3.1.1.2.4).
const BLOCK_BYTES_MAX: usize = 128 * 1024;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BLOCK_HEAD_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;

const NOT_ZSTD: CodingError =
    CodingError("zstd (RFC 8878) in one frame, with a window of at most 8 MiB and no dictionary");

/// One frame.
pub(super) struct Zstd {
    at: At,
    held: Vec<u8>,
    has_checksum: bool,
    decoder: FrameDecoder,
}

#[derive(Clone, Copy)]
enum At {
    Head,
    Block,
    Last,
    End,
}

impl Default for Zstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self { at: At::Head, held: Vec::new(), has_checksum: false, decoder }
    }
}

impl Zstd {
    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Pause, CodingError> {
        if let At::Head = self.at {
            return self.head(input);
        }
        if self.drain(out)? {
            return Ok(Pause::Room);
        }
        match self.at {
            At::Head | At::Block => self.block(input),
            At::Last => self.check(),
            At::End => Ok(Pause::End),
        }
    }

    /// Ends the text, if its checksum is the one that it came with.
    fn check(&mut self) -> Result<Pause, CodingError> {
        let told = self.decoder.get_checksum_from_data();
        if told.is_some() && told != self.decoder.get_calculated_checksum() {
            return Err(CodingError("the zstd that its checksum says it was"));
        }
        self.at = At::End;
        Ok(Pause::End)
    }

    fn head(&mut self, input: &mut &[u8]) -> Result<Pause, CodingError> {
        if !gather(&mut self.held, MAGIC.len() + 1, input) {
            return Ok(Pause::Input);
        }
        let descriptor = *self.held.get(MAGIC.len()).ok_or(NOT_ZSTD)?;
        if !self.held.starts_with(&MAGIC) {
            return Err(NOT_ZSTD);
        }
        if !gather(&mut self.held, MAGIC.len() + head_bytes(descriptor), input) {
            return Ok(Pause::Input);
        }
        self.decoder.init(self.held.as_slice()).map_err(|_| NOT_ZSTD)?;
        self.has_checksum = descriptor & 1 << 2 != 0;
        self.held.clear();
        self.at = At::Block;
        Ok(Pause::Room)
    }

    /// Decodes the next block, once it is here.
    fn block(&mut self, input: &mut &[u8]) -> Result<Pause, CodingError> {
        if !gather(&mut self.held, BLOCK_HEAD_BYTES, input) {
            return Ok(Pause::Input);
        }
        let [a, b, c] = *self.held.first_chunk::<BLOCK_HEAD_BYTES>().ok_or(NOT_ZSTD)?;
        let (is_last, kind) = (a & 1 != 0, a >> 1 & 3);
        let size = usize::from(a >> 3) | usize::from(b) << 5 | usize::from(c) << 13;
        if size > BLOCK_BYTES_MAX || kind == 3 {
            return Err(NOT_ZSTD);
        }
        // A block of one byte repeated says how often in place of its own size.
        let content = if kind == 1 { 1 } else { size };
        let checksum = if is_last && self.has_checksum { CHECKSUM_BYTES } else { 0 };
        if !gather(&mut self.held, BLOCK_HEAD_BYTES + content + checksum, input) {
            return Ok(Pause::Input);
        }
        let one = BlockDecodingStrategy::UptoBlocks(1);
        self.decoder.decode_blocks(self.held.as_slice(), one).map_err(|_| NOT_ZSTD)?;
        self.held.clear();
        if is_last {
            self.at = At::Last;
        }
        Ok(Pause::Room)
    }

    /// Moves what is behind the window, or everything at the end, and says whether that was
    /// anything.
    fn drain(&mut self, out: &mut Vec<u8>) -> Result<bool, CodingError> {
        let begin = out.len();
        out.resize(begin + self.decoder.can_collect().min(STEP_BYTES), 0);
        let room = out.get_mut(begin..).unwrap_or_default();
        let made = self.decoder.read(room).map_err(|_| NOT_ZSTD)?;
        out.truncate(begin + made);
        Ok(made > 0)
    }
}

/// The bytes of a frame's head behind the magic number (RFC 8878 §3.1.1.1).
fn head_bytes(descriptor: u8) -> usize {
    let single = descriptor & 1 << 5 != 0;
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(4);
    let length = match descriptor >> 6 {
        0 if single => 1,
        0 => 0,
        1 => 2,
        2 => 4,
        _ => 8,
    };
    1 + usize::from(!single) + dictionary + length
}
