//! Git's pkt-lines: a length in four hexadecimal digits, then that many bytes
//! (git's `Documentation/gitprotocol-common`).

use crate::Unreadable;

/// The longest pkt-line, with its length.
pub(super) const LINE_BYTES_MAX: usize = 65_520;
/// The bytes of a pkt-line's length.
const LENGTH_BYTES: usize = 4;

/// One pkt-line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PktLine<'a> {
    /// Bytes, at least one.
    Data(&'a [u8]),
    /// The end of a list.
    Flush,
}

/// Pkt-lines from the beginning of some bytes.
#[derive(Debug)]
pub(super) struct PktLines<'a> {
    rest: &'a [u8],
}

impl<'a> PktLines<'a> {
    /// The lines that `bytes` begin with.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next line; `None` if the bytes end within it.
    pub(super) fn next(&mut self) -> Result<Option<PktLine<'a>>, Unreadable> {
        let Some((length, rest)) = self.rest.split_at_checked(LENGTH_BYTES) else {
            return Ok(None);
        };
        let length = length_of(length).ok_or_else(wrong)?;
        if length == 0 {
            self.rest = rest;
            return Ok(Some(PktLine::Flush));
        }
        // Lengths 1 to 3 mean something in other parts of the protocol, and 4 is discouraged.
        let length = length.checked_sub(LENGTH_BYTES).filter(|data| *data > 0).ok_or_else(wrong)?;
        let Some((data, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        self.rest = rest;
        Ok(Some(PktLine::Data(data)))
    }

    /// What follows the lines that were read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

fn length_of(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    // A sign is a number's for Rust, and none for git.
    let plain = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let length = plain.then(|| usize::from_str_radix(text, 16).ok()).flatten()?;
    (length <= LINE_BYTES_MAX).then_some(length)
}

fn wrong() -> Unreadable {
    Unreadable::new("the push has a line with a wrong length; send it as git does")
}

/// Appends `data` as one line; what is longer than a line can be is cut off.
pub(super) fn push_line(out: &mut Vec<u8>, data: &[u8]) {
    let data = data.get(..LINE_BYTES_MAX - LENGTH_BYTES).unwrap_or(data);
    out.extend_from_slice(format!("{:04x}", data.len() + LENGTH_BYTES).as_bytes());
    out.extend_from_slice(data);
}

/// Appends the end of a list.
pub(super) fn push_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}
