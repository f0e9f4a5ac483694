//! One coding taken off bytes that come in pieces, in bounded memory.

use thiserror::Error;

use super::{Coding, brotli::Brotli, deflate::Deflate, gzip::Gzip, zstd::Zstd};

/// About how many bytes one step of a decoder makes, at most.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// Bytes that are not in the coding that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body is not {0}")]
pub struct CodingError(pub &'static str);

/// Why a decoder paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It has used up its input.
    Input,
    /// It has made enough for one step, and can go on without further input.
    Room,
    /// The coded text is over. What is left of the input does not belong to it.
    End,
}

/// Takes one coding off. After an error or the end it is used up.
pub struct Decoder(Kind);

enum Kind {
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd>),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match &self.0 {
            Kind::Gzip(_) => "gzip",
            Kind::Deflate(_) => "deflate",
            Kind::Brotli(_) => "br",
            Kind::Zstd(_) => "zstd",
        };
        write!(f, "Decoder({name})")
    }
}

impl Decoder {
    /// A decoder at the beginning of a text.
    pub fn new(coding: Coding) -> Self {
        Self(match coding {
            Coding::Gzip => Kind::Gzip(Box::default()),
            Coding::Deflate => Kind::Deflate(Box::default()),
            Coding::Brotli => Kind::Brotli(Box::default()),
            Coding::Zstd => Kind::Zstd(Box::default()),
        })
    }

    /// Takes from the front of `input` and appends to `out`: one step, after which a bomb can be
    /// told by the size of `out`.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Pause, CodingError> {
        match &mut self.0 {
            Kind::Gzip(gzip) => gzip.step(input, out),
            Kind::Deflate(deflate) => deflate.step(input, out),
            Kind::Brotli(brotli) => brotli.step(input, out),
            Kind::Zstd(zstd) => zstd.step(input, out),
        }
    }
}

/// Moves bytes from the front of `input` to `held` until that has `length`, and says whether it
/// has.
pub(super) fn gather(held: &mut Vec<u8>, length: usize, input: &mut &[u8]) -> bool {
    let missing = length.saturating_sub(held.len()).min(input.len());
    if let Some((first, rest)) = input.split_at_checked(missing) {
        held.extend_from_slice(first);
        *input = rest;
    }
    held.len() >= length
}
