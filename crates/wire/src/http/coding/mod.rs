//! Content codings (RFC 9110 §8.4): bodies that come compressed are judged by what they hold.
//!
//! - [`decoder`]: one coding taken off bytes that come in pieces
//! - `gzip`, `deflate`, `brotli`, `zstd`: the decoders
//! - `body`: a message's body, taken out of all its codings

mod body;
mod brotli;
pub mod decoder;
mod deflate;
mod gzip;
mod zstd;

pub(super) use body::DECODED_BYTES_MAX;
pub use body::take_off as decode;
pub use decoder::{CodingError, Decoder, Pause};

use super::message::Message;
use crate::Unreadable;

/// The most codings that one body may be in.
const DEPTH_MAX: usize = 3;

/// A content coding that can be taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `gzip` (RFC 1952), one member.
    Gzip,
    /// `deflate`: the zlib format (RFC 1950), as RFC 9110 says. Bare deflate is not read.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878), one frame.
    Zstd,
}

impl Coding {
    /// The coding that `name` is registered for.
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The codings that the values of `Content-Encoding` name, in the order in which they were
    /// put on.
    pub fn list<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Self>, Unreadable> {
        let names = values.flat_map(|value| value.split(|byte| *byte == b','));
        let names = names.map(<[u8]>::trim_ascii).filter(|name| {
            // Empty elements of a list are none (RFC 9110 §5.6.1.2).
            !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")
        });
        let mut codings = Vec::new();
        for name in names {
            let name = String::from_utf8_lossy(name);
            codings.push(Self::named(&name).ok_or_else(|| unknown(&name))?);
            if codings.len() > DEPTH_MAX {
                return Err(Unreadable::over_limit(format!(
                    "the body is in more than {DEPTH_MAX} content codings; send it in one"
                )));
            }
        }
        Ok(codings)
    }
}

fn unknown(name: &str) -> Unreadable {
    let name: String = name.chars().take(32).collect();
    Unreadable::new(format!(
        "the body is in the content coding `{}`, which is not read here; send it plain or as gzip, deflate (zlib), br or zstd",
        name.escape_debug()
    ))
}

/// Refuses a body that is still in a coding: one that is unknown, or that could not be taken off.
/// What frames a body for one provider only (`aws-chunked`) has to be taken off before.
pub(super) fn refuse_coded(message: &Message) -> Result<(), Unreadable> {
    if message.coded.is_some() || message.body.bytes().is_empty() {
        return Ok(());
    }
    let codings = Coding::list(message.header("content-encoding").map(|value| &value[..]))?;
    match body::take_off(&message.body, &codings, DECODED_BYTES_MAX) {
        Err(unreadable) => Err(unreadable),
        Ok(None) => Ok(()),
        // Whoever made this message did not give it its body by `with_body`.
        Ok(Some(_)) => {
            Err(Unreadable::new("the body is compressed and was not decoded; send it plain"))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
