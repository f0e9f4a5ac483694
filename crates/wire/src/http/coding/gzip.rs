//! `gzip` (RFC 1952). Of several members in a row some servers read all, and some the first: one
//! is read here, and what follows it is refused.

use flate2::{Crc, Decompress};

use super::{
    decoder::{CodingError, Pause, gather},
    deflate::inflate,
};

/// The longest head that is read: the file's name and comment are nobody's business.
const HEAD_BYTES_MAX: usize = 4096;
/// What is there of a head in any case.
const FIXED_BYTES: usize = 10;
/// Checksum and length at the end.
const TAIL_BYTES: usize = 8;

/// The parts of a head that may be there (RFC 1952 §2.3.1).
const HEAD_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

const NOT_GZIP: CodingError = CodingError("gzip (RFC 1952)");

/// One member.
pub(super) struct Gzip {
    at: At,
    held: Vec<u8>,
    stream: Decompress,
    checksum: Crc,
}

#[derive(Clone, Copy)]
enum At {
    Head,
    Text,
    Tail,
    End,
}

impl Default for Gzip {
    fn default() -> Self {
        let stream = Decompress::new(false);
        Self { at: At::Head, held: Vec::new(), stream, checksum: Crc::new() }
    }
}

impl Gzip {
    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Pause, CodingError> {
        match self.at {
            At::Head => self.head(input),
            At::Text => {
                let before = out.len();
                let pause = inflate(&mut self.stream, input, out).map_err(|_| NOT_GZIP)?;
                self.checksum.update(out.get(before..).unwrap_or_default());
                if pause != Pause::End {
                    return Ok(pause);
                }
                self.at = At::Tail;
                Ok(Pause::Room)
            }
            At::Tail if !gather(&mut self.held, TAIL_BYTES, input) => Ok(Pause::Input),
            At::Tail => {
                let sum = self.checksum.sum().to_le_bytes();
                let length = self.checksum.amount().to_le_bytes();
                if self.held != [sum, length].concat() {
                    return Err(CodingError("the gzip that its checksum says it was"));
                }
                self.at = At::End;
                Ok(Pause::End)
            }
            At::End => Ok(Pause::End),
        }
    }

    /// Reads the head a byte at a time, as only its parts tell how long it is.
    fn head(&mut self, input: &mut &[u8]) -> Result<Pause, CodingError> {
        loop {
            match head_is_whole(&self.held) {
                None => return Err(NOT_GZIP),
                Some(true) => break,
                Some(false) if self.held.len() >= HEAD_BYTES_MAX => {
                    return Err(CodingError("gzip with a head of less than 4 KiB"));
                }
                Some(false) => {
                    let next = self.held.len() + 1;
                    if !gather(&mut self.held, next, input) {
                        return Ok(Pause::Input);
                    }
                }
            }
        }
        self.held.clear();
        self.at = At::Text;
        Ok(Pause::Room)
    }
}

/// Whether `head` has all its parts; `None` if it is none.
fn head_is_whole(head: &[u8]) -> Option<bool> {
    let fixed = [0x1f, 0x8b, 8];
    if head.iter().zip(fixed).any(|(own, fixed)| *own != fixed) {
        return None;
    }
    let Some((first, mut rest)) = head.split_at_checked(FIXED_BYTES) else { return Some(false) };
    let flags = *first.get(3)?;
    if flags & RESERVED != 0 {
        return None;
    }
    let has = |part: u8| flags & part != 0;
    if has(EXTRA) {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return Some(false) };
        let Some(after) = after.get(usize::from(u16::from_le_bytes(*length))..) else {
            return Some(false);
        };
        rest = after;
    }
    for _ in [NAME, COMMENT].into_iter().filter(|part| has(*part)) {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else { return Some(false) };
        rest = rest.get(end + 1..)?;
    }
    Some(!has(HEAD_CHECKSUM) || rest.len() >= 2)
}
