//! Credentials in headers and on command lines: `Bearer …`, `Basic …`, `-u user:password`.

use std::ops::Range;

use super::{
    kinds::{Kind, PAIR_PASSWORD, PASSWORD, TOKEN},
    value::{self, LEAST, Shape},
    writing::Code,
};

/// The longest credential in a header.
const HEADER_BYTES_MAX: usize = 8_192;

/// How much of a line is looked at for the tool that it calls.
const LINE_BYTES: usize = 200;

/// A credential, how it is written, and what it is.
pub(super) struct Carried {
    pub(super) span: Range<usize>,
    pub(super) code: Code,
    pub(super) kind: &'static Kind,
}

fn word(bytes: &[u8], at: usize, more: &[u8]) -> Range<usize> {
    let rest = bytes.get(at..).unwrap_or_default();
    let is = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte) || more.contains(byte)
    };
    at..at + rest.iter().take(HEADER_BYTES_MAX).take_while(|byte| is(byte)).count()
}

/// What follows `Bearer ` at `at` (RFC 6750 §2.1).
pub(super) fn bearer(bytes: &[u8], at: usize) -> Option<Carried> {
    let span = word(bytes, at, b"");
    let shape = value::shape(bytes.get(span.clone())?);
    let real = matches!(shape, Shape::Uuid | Shape::Random);
    real.then_some(Carried { span, code: Code::Plain, kind: &TOKEN })
}

/// What follows `Basic ` at `at` (RFC 7617): the password in it, or the user where there is none.
pub(super) fn basic(bytes: &[u8], at: usize) -> Option<Carried> {
    let span = word(bytes, at, b"");
    pair(bytes, span)
}

/// The password in the base64 of `user:password`.
pub(super) fn pair(bytes: &[u8], span: Range<usize>) -> Option<Carried> {
    let raw = bytes.get(span.clone())?;
    if raw.len() < LEAST {
        return None;
    }
    let whole = Code::Base64 { before: 0 }.read(raw)?;
    let colon = whole.iter().position(|byte| *byte == b':')?;
    let (user, password) = (whole.get(..colon)?, whole.get(colon + 1..)?);
    let text = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let alone = password.is_empty() && value::shape(user) == Shape::Random;
    let real =
        text(user) && text(password) && password.len() >= 5 && !value::is_placeholder(password);
    let before = if alone { 0 } else { colon + 1 };
    // A token for a user, with a bare colon behind it, is written back with the colon only if it
    // is a part of what is replaced: it stays out of reach, so nothing is put there.
    (real && !alone).then_some(Carried {
        span,
        code: Code::Base64 { before },
        kind: &PAIR_PASSWORD,
    })
}

/// What follows `-u ` at `at` on a command line: `user:password`.
pub(super) fn user(bytes: &[u8], at: usize) -> Option<Carried> {
    let quoted = bytes.get(at).is_some_and(|byte| matches!(byte, b'"' | b'\''));
    let start = at + usize::from(quoted);
    let whole = word(bytes, start, b":!@#%^*?,$&");
    let text = bytes.get(whole.clone())?;
    let colon = text.iter().position(|byte| *byte == b':')?;
    let password = text.get(colon + 1..)?;
    let real = colon > 0
        && password.len() >= LEAST
        && matches!(value::shape(password), Shape::Chosen | Shape::Random | Shape::Uuid);
    let span = whole.start + colon + 1..whole.end;
    real.then_some(Carried { span, code: Code::Plain, kind: &PAIR_PASSWORD })
}

/// What follows `-p` at `at` on the command line of a tool that takes a password there.
pub(super) fn flag(bytes: &[u8], at: usize) -> Option<Carried> {
    let before = bytes.get(at.saturating_sub(LINE_BYTES)..at)?;
    let line = before.rsplit(|byte| *byte == b'\n').next()?;
    let takes = |tool: &&[u8]| memchr::memmem::find(line, tool).is_some();
    let tools: [&[u8]; 5] = [b"login ", b"sshpass ", b"mysql", b"mariadb", b"mongo"];
    tools.iter().find(|tool| takes(tool))?;
    let blank = bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'='));
    let start = at + usize::from(blank);
    let quoted = bytes.get(start).is_some_and(|byte| matches!(byte, b'"' | b'\''));
    let span = word(bytes, start + usize::from(quoted), b":!@#%^*?,$&");
    let shape = value::shape(bytes.get(span.clone())?);
    let real = span.len() >= LEAST && matches!(shape, Shape::Chosen | Shape::Random | Shape::Uuid);
    real.then_some(Carried { span, code: Code::Plain, kind: &PASSWORD })
}
