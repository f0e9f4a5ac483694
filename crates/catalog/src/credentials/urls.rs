//! Passwords in URLs (RFC 3986 §3.2.1).

use std::ops::Range;

use super::{
    value::{self, Shape},
    writing::Code,
};

/// The longest authority that is read.
const AUTHORITY_BYTES_MAX: usize = 1_024;
/// The fewest characters of a user that is a token.
const TOKEN_LEAST: usize = 20;
/// The fewest characters of a password: real ones of hosts are longer.
const PASSWORD_LEAST: usize = 5;

/// A password in a URL, and the host that it is for.
pub(super) struct Password {
    pub(super) span: Range<usize>,
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) code: Code,
}

/// The password in the URL whose `://` is at `at`.
pub(super) fn password(bytes: &[u8], at: usize) -> Option<Password> {
    let start = at + 3;
    let rest = bytes.get(start..)?;
    let rest = rest.get(..AUTHORITY_BYTES_MAX).unwrap_or(rest);
    memchr::memchr(b'@', rest)?;
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'|')
    };
    let word = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let authority = word.get(
        ..word.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(word.len()),
    )?;
    // A password with an unwritten slash or question mark in it, as people have them.
    let end = match authority.contains(&b'@') {
        true => authority.iter().rposition(|byte| *byte == b'@')?,
        false => word.iter().position(|byte| *byte == b'@').filter(|at| {
            word.get(..*at).is_some_and(|it| it.contains(&b':') && !looks_like_port(it))
        })?,
    };
    let user_part = word.get(..end)?;
    let host = word.get(end + 1..)?;
    let host = host.get(
        ..host
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b',' | b':' | b')' | b';'))
            .unwrap_or(host.len()),
    )?;
    let (offset, password) = match user_part.iter().position(|byte| *byte == b':') {
        Some(colon) => (colon + 1, user_part.get(colon + 1..)?),
        None => (0, user_part),
    };
    let alone = offset == 0;
    // `https://TOKEN:x-oauth-basic@…`: the user is the secret.
    let (offset, password) = match user_part.split(|byte| *byte == b':').next() {
        Some(user)
            if offset > 0
                && matches!(password, b"x-oauth-basic" | b"" | b"x")
                && user.len() >= TOKEN_LEAST =>
        {
            (0, user)
        }
        _ => (offset, password),
    };
    let scheme = scheme(bytes, at)?;
    let host = std::str::from_utf8(host).ok()?.to_ascii_lowercase();
    let code = if password.contains(&b'%') { Code::Percent } else { Code::Plain };
    let shape = value::shape(password);
    let real = match (alone, is_local(&host)) {
        (true, _) => {
            password.len() >= TOKEN_LEAST && shape == Shape::Random && !host.contains("sentry")
        }
        (false, true) => shape == Shape::Random,
        (false, false) => password.len() >= PASSWORD_LEAST && shape != Shape::Placeholder,
    };
    let begins = start + offset;
    real.then(|| Password { span: begins..begins + password.len(), scheme, host, code })
}

/// `host:8080`, whose `@` stands somewhere behind it.
fn looks_like_port(text: &[u8]) -> bool {
    let port = text.split(|byte| *byte == b':').nth(1).unwrap_or_default();
    port.first().is_some_and(u8::is_ascii_digit)
        && port.iter().take_while(|byte| **byte != b'/').all(u8::is_ascii_digit)
}

/// The scheme that ends at `at`.
fn scheme(bytes: &[u8], at: usize) -> Option<String> {
    let before = bytes.get(at.saturating_sub(24)..at)?;
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = before.iter().rev().take_while(|byte| is(byte)).count();
    let scheme = before.get(before.len().checked_sub(length)?..)?;
    let scheme = std::str::from_utf8(scheme).ok()?;
    (!scheme.is_empty()).then(|| scheme.to_ascii_lowercase())
}

/// This machine, and names that are only a neighbour's on a developer's network of containers:
/// their passwords open nothing from elsewhere.
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    matches!(
        host,
        "localhost"
            | "0.0.0.0"
            | "::1"
            | "host.docker.internal"
            | ""
            | "host"
            | "hostname"
            | "server"
    ) || host.starts_with("127.")
        || host.ends_with(".localhost")
        || !host.contains('.') && !host.contains('$')
        || host.contains(['$', '{', '<', '%', '*'])
}
