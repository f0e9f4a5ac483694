//! What a client sends on one connection: head, body, next head.

use thiserror::Error;

use super::{
    Body, Limits, Step,
    head::{self, Framing, RequestLine},
};
use crate::{Unreadable, http::parse::is_token};

/// Follows the requests on one connection.
#[derive(Debug, Clone)]
pub struct Requests {
    limits: Limits,
    at: At,
    /// How far an unfinished head was looked through.
    scanned: usize,
    /// How many heads were found.
    heads: u64,
}

/// Where on the connection the next byte is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// In a head.
    Head,
    /// In a body. Behind it may be more than HTTP, where the head asked for it.
    Body(Body, Next),
    /// Behind a request to leave HTTP/1.1 that was not answered yet.
    Asked,
    /// Behind HTTP: what is there is not followed.
    Beyond,
}

/// What is behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    Asked,
}

/// Bytes that two readers could divide in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Misframed {
    /// How many of the bytes before are well framed.
    pub passed: usize,
    /// Where the others are.
    pub place: Place,
    /// What is wrong with them.
    pub why: Unreadable,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// First line and headers.
    Head,
    /// What follows them.
    Body,
}

impl Requests {
    /// A connection on which nothing was sent yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, at: At::Head, scanned: 0, heads: 0 }
    }

    /// Follows `bytes`, and says how many of them may be read by whoever reads the messages. The
    /// others are asked about again with more behind them: a head or the size of a chunk is
    /// judged whole.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<usize, Misframed> {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            let place = if self.at == At::Head { Place::Head } else { Place::Body };
            match self.step(rest).map_err(|why| Misframed { passed, place, why })? {
                Step::More => break,
                Step::Passed(length) | Step::Ended(length) => passed += length,
            }
        }
        Ok(passed)
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, Unreadable> {
        match &mut self.at {
            At::Head => self.head(bytes),
            At::Body(body, next) => {
                let step = body.step(bytes, &self.limits)?;
                if let Step::Ended(_) = step {
                    self.at = next.begin();
                }
                Ok(step)
            }
            At::Asked => Ok(Step::More),
            At::Beyond => Ok(Step::Passed(bytes.len())),
        }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Step, Unreadable> {
        if !bytes.first().copied().is_some_and(is_token) {
            return Err(Unreadable::new(
                "something stands before the request, or behind the one before; begin with the method",
            ));
        }
        let Some(end) = head::end(bytes, &mut self.scanned, &self.limits)? else {
            return Ok(Step::More);
        };
        let mut lines = head::lines(bytes.get(..end).unwrap_or_default());
        let line = RequestLine::read(lines.next().unwrap_or_default())?;
        let framing = Framing::read(lines, &self.limits)?;
        self.at = after(&line, &framing)?;
        self.heads += 1;
        Ok(Step::Ended(end))
    }

    /// How many heads were found.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the client waits to hear whether it may leave HTTP/1.1.
    pub fn has_asked(&self) -> bool {
        self.at == At::Asked
    }

    /// Whether nothing is followed any more: the client has left HTTP/1.1.
    pub fn is_beyond(&self) -> bool {
        self.at == At::Beyond
    }

    /// The client was told whether it may leave HTTP/1.1.
    pub fn answered(&mut self, may_leave: bool) {
        if self.has_asked() {
            self.at = if may_leave { At::Beyond } else { At::Head };
        }
    }
}

impl Next {
    fn begin(self) -> At {
        match self {
            Self::Head => At::Head,
            Self::Asked => At::Asked,
        }
    }
}

/// What follows a head.
fn after(line: &RequestLine<'_>, framing: &Framing) -> Result<At, Unreadable> {
    check_target(line)?;
    if framing.chunked && !line.is_1_1 {
        return Err(Unreadable::new("HTTP/1.0 has no Transfer-Encoding; use HTTP/1.1"));
    }
    if line.method == b"CONNECT" {
        return match framing.chunked || framing.length.is_some_and(|length| length > 0) {
            true => Err(Unreadable::new("CONNECT has no body; leave it out")),
            // Either a tunnel follows, or the connection is closed.
            false => Ok(At::Beyond),
        };
    }
    let next = if framing.upgrade && line.is_1_1 { Next::Asked } else { Next::Head };
    Ok(framing.body().map_or(next.begin(), |body| At::Body(body, next)))
}

/// Refuses targets in a form that the method does not have (RFC 9112 §3.2), and users in them
/// (RFC 9110 §4.2.4).
fn check_target(line: &RequestLine<'_>) -> Result<(), Unreadable> {
    let absolute = memchr::memmem::find(line.target, b"://");
    let authority = match absolute {
        _ if line.method == b"CONNECT" => line.target,
        // In origin form, what looks like a URL is a path or a parameter.
        _ if line.target.first() == Some(&b'/') => return Ok(()),
        Some(at) => line.target.get(at + 3..).unwrap_or_default(),
        None if line.target == b"*" && line.method == b"OPTIONS" => return Ok(()),
        None => {
            return Err(Unreadable::new(
                "the target is neither a URL nor a path that begins with a slash",
            ));
        }
    };
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'\\');
    match authority.split(is_end).next().is_some_and(|host| host.contains(&b'@')) {
        true => Err(Unreadable::new(
            "the target names a user before its host; send credentials as a header",
        )),
        false => Ok(()),
    }
}
