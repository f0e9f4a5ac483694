//! Bodies in signed pieces (`aws-chunked`): each signature made anew while the body streams. What
//! a piece holds stays as it is, and so does the length of all.
//! Source: AWS's reference "Signature calculations for the Authorization header: transferring
//! payload in multiple chunks".

use thiserror::Error;

use super::sign::{Seal, digest};
use crate::http::message::{Body, Message};

/// The most bytes of one piece: it is held until it is signed.
pub const PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most bytes of a piece's first line.
const LINE_BYTES_MAX: usize = 256;
/// The most bytes of what stands behind the last piece.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// What stands before a piece's signature.
const SIGNATURE: &str = ";chunk-signature=";
/// The line that signs what stands behind the last piece.
const TRAILER: &str = "x-amz-trailer-signature:";

/// Whether the pieces of a message's body are signed.
pub fn is_signed(message: &Message) -> bool {
    let payload = message.header_text("x-amz-content-sha256").unwrap_or_default();
    payload.trim().starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
}

/// Signs the pieces of a body that is whole; whether it is.
pub fn sign_whole(message: &mut Message, seal: Seal) -> Result<(), PieceError> {
    let Body::Whole(bytes) = &message.body else { return Err(PieceError::Ends) };
    let mut pieces = Pieces::new(seal);
    let mut signed = pieces.push(bytes)?;
    pieces.finish()?;
    signed.shrink_to_fit();
    message.body = Body::Whole(signed.into());
    Ok(())
}

/// Why a body in pieces cannot be signed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PieceError {
    /// A piece does not begin as one.
    #[error("a piece of the body does not begin with its size and signature")]
    Malformed,
    /// A piece is larger than what is held.
    #[error("a piece of the body is larger than 4 MiB; send smaller ones")]
    TooLarge,
    /// The body ends within a piece, or before the last.
    #[error("the body ends before its last piece")]
    Ends,
    /// Something follows the end.
    #[error("something follows the last piece of the body")]
    Follows,
}

/// Signs the pieces of a body as it comes.
#[derive(Debug)]
pub struct Pieces {
    seal: Seal,
    held: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first line of a piece.
    Line,
    /// Behind it, with so many bytes to come, and the break after them.
    Data(usize),
    /// Behind the last piece.
    Trailer,
    Ended,
}

impl Pieces {
    /// Goes on from the signature of the head.
    pub fn new(seal: Seal) -> Self {
        Self { seal, held: Vec::new(), state: State::Line }
    }

    /// What can go on now that `bytes` have come.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, PieceError> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        let mut at = 0;
        loop {
            let rest = self.held.get(at..).unwrap_or_default();
            let (state, taken) = match self.state {
                State::Line => match line(rest)? {
                    Some((size, taken)) => (State::Data(size), taken),
                    None => break,
                },
                State::Data(size) => {
                    let whole = if size == 0 { 0 } else { size + 2 };
                    let Some(data) = rest.get(..whole) else { break };
                    if size > 0 && !data.ends_with(b"\r\n") {
                        return Err(PieceError::Malformed);
                    }
                    let signature = self.seal.piece(&digest(data.get(..size).unwrap_or_default()));
                    out.extend_from_slice(format!("{size:x}{SIGNATURE}{signature}\r\n").as_bytes());
                    out.extend_from_slice(data);
                    (if size == 0 { State::Trailer } else { State::Line }, whole)
                }
                State::Trailer => match trailer(rest)? {
                    Some(taken) => {
                        let lines = rest.get(..taken).unwrap_or_default();
                        write_trailer(&mut self.seal, lines, &mut out)?;
                        (State::Ended, taken)
                    }
                    None => break,
                },
                State::Ended if rest.is_empty() => break,
                State::Ended => return Err(PieceError::Follows),
            };
            self.state = state;
            at += taken;
        }
        self.held.drain(..at.min(self.held.len()));
        Ok(out)
    }

    /// Says whether the body has come to its end.
    pub fn finish(&self) -> Result<(), PieceError> {
        if self.state == State::Ended { Ok(()) } else { Err(PieceError::Ends) }
    }
}

/// The size that a first line says, and the line's length; `None` until all of it is there.
fn line(rest: &[u8]) -> Result<Option<(usize, usize)>, PieceError> {
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        let long = rest.len() > LINE_BYTES_MAX;
        return if long { Err(PieceError::Malformed) } else { Ok(None) };
    };
    let text = rest.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    let (size, signature) =
        text.and_then(|text| text.split_once(SIGNATURE)).ok_or(PieceError::Malformed)?;
    let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex = signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits || !hex {
        return Err(PieceError::Malformed);
    }
    let bytes = usize::from_str_radix(size, 16).map_err(|_| PieceError::TooLarge)?;
    // Written anew without zeros before it, it would be shorter than what was announced.
    if size != format!("{bytes:x}") && size != format!("{bytes:X}") {
        return Err(PieceError::Malformed);
    }
    if bytes > PIECE_BYTES_MAX { Err(PieceError::TooLarge) } else { Ok(Some((bytes, end + 2))) }
}

/// The length of what stands behind the last piece, with the empty line at its end.
fn trailer(rest: &[u8]) -> Result<Option<usize>, PieceError> {
    if rest.starts_with(b"\r\n") {
        return Ok(Some(2));
    }
    match rest.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(end) => Ok(Some(end + 4)),
        None if rest.len() > TRAILER_BYTES_MAX => Err(PieceError::TooLarge),
        None => Ok(None),
    }
}

/// Writes what stands behind the last piece, signed anew where it is signed.
fn write_trailer(seal: &mut Seal, lines: &[u8], out: &mut Vec<u8>) -> Result<(), PieceError> {
    let text = std::str::from_utf8(lines).map_err(|_| PieceError::Malformed)?;
    let mut signed = String::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        match line.strip_prefix(TRAILER) {
            Some(old) if old.trim_ascii().len() == 64 => {
                let signature = seal.trailer(signed.as_bytes());
                out.extend_from_slice(format!("{TRAILER}{signature}\r\n").as_bytes());
            }
            Some(_) => return Err(PieceError::Malformed),
            None => {
                let (name, value) = line.split_once(':').ok_or(PieceError::Malformed)?;
                signed += &format!("{}:{}\n", name.trim().to_ascii_lowercase(), value.trim());
                out.extend_from_slice(line.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
