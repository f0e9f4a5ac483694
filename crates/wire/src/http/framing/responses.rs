//! What an upstream sends on one connection.

use super::{
    Body, Chunks, Limits, Step,
    head::{self, is_1_1},
};
use crate::Unreadable;

/// The most interim responses (1xx) before a final one.
const INTERIM_MAX: u32 = 32;

/// Follows the responses on one connection, one for each request.
#[derive(Debug, Clone)]
pub struct Responses {
    limits: Limits,
    at: At,
    scanned: usize,
    interim: u32,
    spoiled: bool,
}

/// Where on the connection the next byte is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// Nothing was asked: nothing may come.
    Idle,
    /// In the head of the answer to a `HEAD`, or to another method.
    Head { bodiless: bool },
    /// In a body.
    Body(Body),
    /// Behind HTTP.
    Beyond,
}

/// How the body of a response ends, and whether other readers would see another end.
struct Framed {
    body: Option<Body>,
    doubtful: bool,
}

impl Responses {
    /// A connection on which nothing was asked yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, at: At::Idle, scanned: 0, interim: 0, spoiled: false }
    }

    /// A request with `method` goes out: one response is due.
    pub fn expect(&mut self, method: &str) {
        self.spoiled |= self.at != At::Idle;
        self.at = At::Head { bodiless: method == "HEAD" };
        self.interim = 0;
        self.scanned = 0;
    }

    /// Whether the connection may carry another request: nothing came that was not asked for, and
    /// each response had one end.
    pub fn is_sound(&self) -> bool {
        !self.spoiled
    }

    /// Whether a response is due, or on its way.
    pub fn is_due(&self) -> bool {
        self.at != At::Idle
    }

    /// Follows `bytes`, and says how many of them belong to what was asked. The others are asked
    /// about again with more behind them, unless nothing is due. What is doubtful, or came
    /// unasked, spoils the connection; an error ends it.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<usize, Unreadable> {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest)? {
                Step::More => break,
                Step::Passed(length) => passed += length,
                Step::Ended(length) => {
                    passed += length;
                    self.at = At::Idle;
                }
            }
        }
        Ok(passed)
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, Unreadable> {
        match &mut self.at {
            At::Idle => {
                self.spoiled = true;
                Ok(Step::More)
            }
            At::Head { bodiless } => {
                let bodiless = *bodiless;
                self.head(bytes, bodiless)
            }
            At::Body(body) => body.step(bytes, &self.limits),
            At::Beyond => Ok(Step::Passed(bytes.len())),
        }
    }

    fn head(&mut self, bytes: &[u8], bodiless: bool) -> Result<Step, Unreadable> {
        if !bytes.iter().zip(b"HTTP/1.").all(|(own, other)| own == other) {
            return Err(wrong_status());
        }
        let Some(end) = head::end(bytes, &mut self.scanned, &self.limits)? else {
            return Ok(Step::More);
        };
        let mut lines = head::lines(bytes.get(..end).unwrap_or_default());
        let (status, is_1_1) = status(lines.next().unwrap_or_default())?;
        if status == 101 {
            self.at = At::Beyond;
            return Ok(Step::Passed(end));
        }
        if status < 200 {
            self.interim += 1;
            return match self.interim > INTERIM_MAX {
                true => Err(Unreadable::over_limit("the upstream sends interim responses on end")),
                false => Ok(Step::Passed(end)),
            };
        }
        let Framed { body, doubtful } = framed(lines, status, bodiless)?;
        self.spoiled |= doubtful || (!is_1_1 && body.is_none());
        match body {
            None => Ok(Step::Ended(end)),
            Some(body) => {
                self.at = At::Body(body);
                Ok(Step::Passed(end))
            }
        }
    }
}

/// The status of a status line, and whether it is HTTP/1.1.
fn status(line: &[u8]) -> Result<(u16, bool), Unreadable> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let is_1_1 = is_1_1(parts.next().unwrap_or_default()).map_err(|_| wrong_status())?;
    let digits = parts.next().filter(|digits| digits.len() == 3).ok_or_else(wrong_status)?;
    let status = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    Ok((status.filter(|status| *status >= 100).ok_or_else(wrong_status)?, is_1_1))
}

fn wrong_status() -> Unreadable {
    Unreadable::new("the upstream's first line is not `HTTP/1.1 STATUS REASON`")
}

/// The body that follows the head of a final response (RFC 9112 §6.3).
fn framed<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    status: u16,
    bodiless: bool,
) -> Result<Framed, Unreadable> {
    let (mut length, mut lengths, mut codings, mut chunked) = (None, 0_usize, 0_usize, false);
    for line in fields {
        let (name, value) = head::field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            let own = head::length(value)?;
            if length.replace(own).is_some_and(|other| other != own) {
                return Err(Unreadable::new("the upstream says two lengths of one response"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            chunked = value.eq_ignore_ascii_case(b"chunked");
        }
    }
    let doubtful =
        lengths > 1 || codings > 1 || (lengths > 0 && codings > 0) || (codings > 0 && !chunked);
    let body = match length {
        _ if bodiless || matches!(status, 204 | 304) => None,
        _ if chunked => Some(Body::Chunked(Chunks::new())),
        _ if codings > 0 => Some(Body::UntilClose),
        Some(0) => None,
        Some(length) => Some(Body::Length(length)),
        None => Some(Body::UntilClose),
    };
    Ok(Framed { body, doubtful })
}
