//! Path and query as a server would read them, where all servers read them alike.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::Unreadable;

/// The most segments that a path may have.
const SEGMENTS_MAX: usize = 64;
/// The most parameters that a query or form may have.
const PARAMETERS_MAX: usize = 1000;

/// What an encoded slash in a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EncodedSlash {
    /// A second spelling of a path: refused.
    Refused,
    /// Part of a name, on hosts that write names so (`@scope%2fname`).
    OfName,
    /// The same as a slash, in the name of a scoped package (`@scope%2fname`), as npm writes it to
    /// every registry: whoever reads it otherwise reads the same name.
    OfScope,
}

/// The segments of a path, percent-decoded, compatible letters folded, without a trailing slash and a `.json` at the end.
/// Case is kept.
pub(super) fn segments(raw: &str, slash: EncodedSlash) -> Result<Vec<String>, Unreadable> {
    let path = raw.strip_prefix('/').unwrap_or(raw);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return if raw.len() > 1 { Err(doubled()) } else { Ok(Vec::new()) };
    }
    if path.split('/').count() > SEGMENTS_MAX {
        return Err(Unreadable::over_limit("the path has more than 64 segments"));
    }
    let mut segments = Vec::new();
    for part in path.split('/') {
        let read = segment(part, slash)?;
        match slash {
            EncodedSlash::OfScope => segments.extend(read.split('/').map(str::to_owned)),
            EncodedSlash::OfName | EncodedSlash::Refused => segments.push(read),
        }
    }
    if let Some(last) = segments.last_mut()
        && let Some(at) = last.len().checked_sub(".json".len()).filter(|at| *at > 0)
        && last.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(".json"))
    {
        last.truncate(at);
    }
    Ok(segments)
}

fn doubled() -> Unreadable {
    Unreadable::new("the path has an empty segment (`//`), which servers read differently")
}

/// One segment, if there is only one way to read it.
fn segment(raw: &str, slash: EncodedSlash) -> Result<String, Unreadable> {
    if raw.is_empty() {
        return Err(doubled());
    }
    if raw.contains(';') {
        return Err(Unreadable::new(
            "the path has parameters (`;`), which servers read differently; encode it as %3B",
        ));
    }
    if has_broken_escape(raw) {
        return Err(Unreadable::new("the path has a `%` that begins no escape; encode it as %25"));
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| Unreadable::new("the path is not UTF-8 after percent-decoding"))?;
    let decoded: String = decoded.chars().map(plain).collect();
    if matches!(&*decoded, "." | "..") {
        return Err(Unreadable::new("the path has `.` or `..` segments; send the resolved path"));
    }
    let expected = match slash {
        EncodedSlash::Refused => false,
        EncodedSlash::OfName => true,
        EncodedSlash::OfScope => decoded.starts_with('@') && decoded.matches('/').count() == 1,
    };
    if decoded.contains('/') && (!expected || has_dots(&decoded)) {
        return Err(Unreadable::new(
            "the path has an encoded slash, which servers read differently",
        ));
    }
    if decoded.contains('\\') || decoded.chars().any(char::is_control) {
        return Err(Unreadable::new("the path has an encoded backslash or control character"));
    }
    if decoded.contains('%') && has_escape(&decoded) {
        return Err(Unreadable::new("the path is percent-encoded twice; encode it once"));
    }
    Ok(decoded)
}

/// A letter as servers have it that fold compatible ones (Unicode NFKC): the full-width forms of
/// ASCII, the long s and the Kelvin sign.
fn plain(letter: char) -> char {
    match letter {
        'ſ' => 's',
        '\u{212A}' => 'K',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        _ => letter,
    }
}

/// Whether a name with slashes has dot or empty segments of its own.
fn has_dots(name: &str) -> bool {
    name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

/// Whether a `%` is followed by something other than two hexadecimal digits.
fn has_broken_escape(text: &str) -> bool {
    text.split('%').skip(1).any(|after| !begins_hex(after))
}

/// Whether a `%` is followed by two hexadecimal digits.
fn has_escape(text: &str) -> bool {
    text.split('%').skip(1).any(begins_hex)
}

fn begins_hex(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
    digit() && digit()
}

/// The parameters of a query or form, decoded. Some servers also split at `;`: their reading is
/// added, because parameters only ever raise what a message does.
pub(super) fn parameters(text: &str) -> Result<Vec<(String, String)>, Unreadable> {
    let plain = text.split('&').filter(|part| !part.is_empty());
    let semicolons = text.split(['&', ';']).filter(|part| !part.is_empty());
    let semicolons = semicolons.filter(|_| text.contains(';'));
    let mut parameters = Vec::new();
    for part in plain.chain(semicolons) {
        if parameters.len() == PARAMETERS_MAX {
            return Err(Unreadable::over_limit("the query or form has more than 1000 parameters"));
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        parameters.push((decode(name)?.into_owned(), decode(value)?.into_owned()));
    }
    Ok(parameters)
}

/// What the laxest reader takes a parameter's name for: without what stands before it, and up to
/// the first sign that is none of a name (`query[]`, `query.0`, a NUL).
pub(super) fn lax_name(name: &str) -> &str {
    let is_sign = |character: char| !character.is_alphanumeric() && character != '_';
    name.trim_start_matches(is_sign).split(is_sign).next().unwrap_or_default()
}

/// A name or value of a query or form (WHATWG URL, application/x-www-form-urlencoded), if there
/// is only one way to read it: `%` begins an escape, and the bytes are UTF-8.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, Unreadable> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    if has_broken_escape(text) {
        return Err(Unreadable::new(
            "the query or form has a `%` that is not followed by two hexadecimal digits; encode it as %25",
        ));
    }
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(Cow::Owned(decoded.into_owned())),
        Err(_) => Err(Unreadable::new(
            "the query or form is not UTF-8 after percent-decoding; send it as UTF-8",
        )),
    }
}
