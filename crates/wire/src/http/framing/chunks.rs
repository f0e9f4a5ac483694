//! A body in chunks (RFC 9112 §7.1): sizes that every reader reads alike.

use memchr::memchr;

use super::{Limits, Step, head, of_length};
use crate::Unreadable;

/// The longest line with the size of a chunk, its extensions included.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// The most digits of a size: what 64 bits hold.
const SIZE_DIGITS_MAX: usize = 16;
/// The most bytes of extensions in one body: nobody reads them.
const EXTENSION_BYTES_MAX: usize = 8 * 1024;

/// Fields that decide how a message is read: behind the body they would come too late
/// (RFC 9110 §6.5.1).
const NOT_BEHIND: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where in a chunked body the next byte is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// A line with a size.
    Size,
    /// So many bytes of a chunk, never none.
    Data(u64),
    /// The line break behind a chunk.
    DataEnd,
    /// The trailers, up to an empty line; so far they are scanned.
    Trailers(usize),
}

/// A body in chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    extension_bytes: usize,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { at: At::Size, extension_bytes: 0 }
    }

    /// Follows the body; `bytes` are not empty.
    pub(super) fn step(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Unreadable> {
        match &mut self.at {
            At::Size => self.size(bytes),
            At::Data(left) => match of_length(left, bytes.len()) {
                Step::Ended(last) => {
                    self.at = At::DataEnd;
                    Ok(Step::Passed(last))
                }
                step => Ok(step),
            },
            At::DataEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.at = At::Size;
                    Ok(Step::Passed(2))
                }
                [b'\r'] => Ok(Step::More),
                _ => Err(Unreadable::new("a chunk of the body is longer than it says")),
            },
            At::Trailers(scanned) => trailers(bytes, scanned, limits),
        }
    }

    /// A line with a size.
    fn size(&mut self, bytes: &[u8]) -> Result<Step, Unreadable> {
        let Some(end) = memchr(b'\n', bytes).filter(|end| *end < SIZE_LINE_BYTES_MAX) else {
            return match bytes.len() < SIZE_LINE_BYTES_MAX {
                true => Ok(Step::More),
                false => Err(wrong_size()),
            };
        };
        let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r"));
        let line = line.ok_or_else(|| {
            Unreadable::new("the size of a chunk ends in a bare LF; end each line with CR LF")
        })?;
        let length = memchr(b';', line).unwrap_or(line.len());
        let (digits, extension) = line.split_at_checked(length).unwrap_or_default();
        if extension.iter().any(|byte| byte.is_ascii_control()) {
            return Err(Unreadable::new("a chunk's extension has control characters"));
        }
        self.extension_bytes += extension.len();
        if self.extension_bytes > EXTENSION_BYTES_MAX {
            return Err(Unreadable::over_limit(format!(
                "the body has more than {EXTENSION_BYTES_MAX} bytes of chunk extensions; leave them out"
            )));
        }
        self.at = match size(digits)? {
            0 => At::Trailers(0),
            size => At::Data(size),
        };
        Ok(Step::Passed(end + 1))
    }
}

/// A size in hexadecimal digits, without sign, prefix or space.
fn size(digits: &[u8]) -> Result<u64, Unreadable> {
    let plain =
        (1..=SIZE_DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain);
    // Half of what 64 bits hold: some readers have signed numbers.
    let size = text.and_then(|text| i64::from_str_radix(text, 16).ok());
    size.and_then(|size| size.try_into().ok()).ok_or_else(wrong_size)
}

fn wrong_size() -> Unreadable {
    Unreadable::new("the size of a chunk is not one plain hexadecimal number")
}

/// What follows the last chunk, up to an empty line.
fn trailers(bytes: &[u8], scanned: &mut usize, limits: &Limits) -> Result<Step, Unreadable> {
    let Some(end) = head::end(bytes, scanned, limits)? else { return Ok(Step::More) };
    let section = bytes.get(..end).unwrap_or_default();
    for (count, line) in head::lines(section).enumerate() {
        let (name, _) = head::field(line)?;
        let name = String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
        if NOT_BEHIND.contains(&name.as_str()) || count >= limits.headers_max {
            return Err(Unreadable::new(format!(
                "`{name}` may not come behind the body; send it as a header"
            )));
        }
    }
    Ok(Step::Ended(end))
}
