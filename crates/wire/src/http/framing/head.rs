//! First line and headers: which bytes they are, and what they say about the body.

use memchr::{memchr, memchr2};

use super::{Body, Chunks, Limits};
use crate::{
    Unreadable,
    http::{
        message::is_same_variable,
        parse::{METHOD_BYTES_MAX, is_token},
    },
};

/// Headers that decide where a message ends or goes.
const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "host"];

/// Looks for the end of the head that `bytes` begin with, from `scanned` on, where a line begins.
/// Gives its length; until it is there, `scanned` moves on.
pub(super) fn end(
    bytes: &[u8],
    scanned: &mut usize,
    limits: &Limits,
) -> Result<Option<usize>, Unreadable> {
    loop {
        let rest = bytes.get(*scanned..).unwrap_or_default();
        let Some(at) = memchr(b'\n', rest) else { break };
        let (line, _) = rest.split_at_checked(at).unwrap_or_default();
        let line = line.strip_suffix(b"\r").ok_or_else(|| {
            Unreadable::new("a line of the head ends in a bare LF; end each line with CR LF")
        })?;
        check_line(line)?;
        *scanned += at + 1;
        if *scanned > limits.head_bytes_max {
            break;
        }
        if line.is_empty() {
            return Ok(Some(std::mem::take(scanned)));
        }
    }
    match bytes.len() > limits.head_bytes_max {
        true => Err(Unreadable::over_limit(format!(
            "the head is longer than {} bytes; send fewer or shorter headers",
            limits.head_bytes_max
        ))),
        false => Ok(None),
    }
}

/// Refuses what ends a line for some readers, and other control characters.
fn check_line(line: &[u8]) -> Result<(), Unreadable> {
    if !line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Ok(());
    }
    Err(Unreadable::new(match memchr2(b'\r', 0, line).and_then(|at| line.get(at)) {
        Some(b'\r') => "the head has a CR that ends no line; end each line with CR LF",
        Some(_) => "the head has a NUL; leave it out",
        None => "the head has control characters; leave them out",
    }))
}

/// The lines of a head whose end was found, without the empty one.
pub(super) fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).take_while(|line| !line.is_empty())
}

/// A header: its name, and its value without the space around it.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    if line.first().is_some_and(u8::is_ascii_whitespace) {
        return Err(Unreadable::new(
            "a header goes on in the next line (obs-fold), which servers read differently; write \
             it in one line",
        ));
    }
    let colon = memchr(b':', line)
        .ok_or_else(|| Unreadable::new("a line of the head has no colon; send `name: value`"))?;
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    if name.is_empty() {
        return Err(Unreadable::new("a header has no name; send `name: value`"));
    }
    if name.last().is_some_and(u8::is_ascii_whitespace) {
        return Err(Unreadable::new(
            "there is space between a header's name and its colon; leave it out",
        ));
    }
    if !name.iter().copied().all(is_token) {
        return Err(Unreadable::new("a header's name has characters that no name has"));
    }
    Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

/// What the headers of a head say about framing.
#[derive(Debug, Default)]
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    /// It asks to leave HTTP/1.1.
    pub(super) upgrade: bool,
    count: usize,
}

impl Framing {
    /// Reads the headers of a request.
    pub(super) fn read<'a>(
        fields: impl Iterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Self, Unreadable> {
        let mut framing = Self::default();
        for line in fields {
            let (name, value) = field(line)?;
            framing.take(name, value)?;
            if framing.count > limits.headers_max {
                return Err(Unreadable::over_limit(format!(
                    "there are more than {} headers; send fewer",
                    limits.headers_max
                )));
            }
        }
        match framing.chunked && framing.length.is_some() {
            true => Err(Unreadable::new(
                "Content-Length and Transfer-Encoding exclude each other; send one of them",
            )),
            false => Ok(framing),
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unreadable> {
        self.count += 1;
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = length(value)?;
            if self.length.replace(length).is_some() {
                return Err(Unreadable::new("there are two Content-Length headers; send one"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Unreadable::new(
                    "the only Transfer-Encoding that is read is `chunked`",
                ));
            }
            if std::mem::replace(&mut self.chunked, true) {
                return Err(Unreadable::new("there are two Transfer-Encoding headers; send one"));
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrade = true;
        } else if let Some(like) = FRAMING.iter().find(|like| {
            !name.eq_ignore_ascii_case(like.as_bytes()) && is_same_variable(name, like)
        }) {
            return Err(Unreadable::new(format!(
                "some servers take the header `{}` for `{like}`; write `{like}`",
                String::from_utf8_lossy(name)
            )));
        }
        Ok(())
    }

    /// What follows a request's head.
    pub(super) fn body(&self) -> Option<Body> {
        match (self.chunked, self.length) {
            (true, _) => Some(Body::Chunked(Chunks::new())),
            (false, None | Some(0)) => None,
            (false, Some(length)) => Some(Body::Length(length)),
        }
    }
}

/// A length that every reader reads alike: decimal digits, no sign, no list, no leading zero
/// (octal to some).
pub(super) fn length(value: &[u8]) -> Result<u64, Unreadable> {
    let plain = !value.is_empty()
        && value.iter().all(u8::is_ascii_digit)
        && (value == b"0" || value.first() != Some(&b'0'));
    let number = std::str::from_utf8(value).ok().filter(|_| plain);
    // Half of what 64 bits hold: some readers have signed numbers.
    number.and_then(|text| text.parse::<i64>().ok()).and_then(|n| n.try_into().ok()).ok_or_else(
        || {
            Unreadable::new(
                "Content-Length is not one plain number; send the number of bytes in the body",
            )
        },
    )
}

/// The version at the end of a request line or the beginning of a status line: whether it is 1.1.
pub(super) fn is_1_1(version: &[u8]) -> Result<bool, Unreadable> {
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        _ => Err(Unreadable::new("the version is neither HTTP/1.1 nor HTTP/1.0; send one of them")),
    }
}

/// The three parts of a request line, with one space between them.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) is_1_1: bool,
}

impl<'a> RequestLine<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Unreadable> {
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Unreadable::new(
                "the first line is not `METHOD target HTTP/1.1` with one space between its parts",
            ));
        };
        if !(1..=METHOD_BYTES_MAX).contains(&method.len()) || !method.iter().copied().all(is_token)
        {
            return Err(Unreadable::new("the method is no word; nothing may stand before it"));
        }
        if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
            return Err(Unreadable::new(
                "the target is empty, or holds spaces, control characters or raw non-ASCII; \
                 percent-encode them",
            ));
        }
        Ok(Self { method, target, is_1_1: is_1_1(version)? })
    }
}
