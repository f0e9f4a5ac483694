//! Whether some bytes are anywhere in a message, however they are written there.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use memchr::memmem;
use percent_encoding::percent_decode;

use super::find::BASE64;
use crate::http::message::Message;

/// Whether `needle` is anywhere in `message`: as it is, percent-encoded, escaped in JSON, in
/// hexadecimal or in base64. An empty needle is nowhere. What was encrypted first cannot be seen,
/// and of what was compressed, only what a content coding says.
pub fn occurrences(message: &Message, needle: &[u8]) -> bool {
    if needle.is_empty() {
        return false;
    }
    let forms = forms(needle);
    let parts = message
        .headers
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), value.as_ref()])
        .chain([message.target.as_bytes(), message.body.bytes()])
        // A coding has room for words of its own (the name in the head of a gzip).
        .chain(message.coded.as_deref());
    parts.into_iter().any(|part| is_in(part, &forms))
        || message.header("authorization").any(|value| basic_holds(value, needle))
}

/// The ways in which `needle` may be written.
fn forms(needle: &[u8]) -> Vec<Vec<u8>> {
    let lower = hex(needle);
    let upper = lower.to_ascii_uppercase();
    let mut forms = vec![needle.to_vec(), lower, upper];
    for shift in 0..3_usize {
        // In the middle of other base64, the first and last characters also depend on what is
        // around; those in between do not.
        let padded = [vec![0; shift], needle.to_vec()].concat();
        let skip = (shift * 8).div_ceil(6);
        let keep = padded.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let inner = text.as_bytes().get(skip..keep).unwrap_or_default();
            if inner.len() >= 8 {
                forms.push(inner.to_vec());
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// Whether any of the forms is in `part`, as it is or with its escapes resolved.
fn is_in(part: &[u8], forms: &[Vec<u8>]) -> bool {
    let has = |text: &[u8]| forms.iter().any(|form| memmem::find(text, form).is_some());
    let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
    let percent =
        |part: &[u8]| part.contains(&b'%') && has(&percent_decode(part).collect::<Vec<u8>>());
    let json = |part: &[u8]| part.contains(&b'\\') && has(&unescape(part));
    has(part) || windows(part, longest).any(|part| percent(part) || json(part))
}

/// The bytes of a part that are unescaped at a time: a body need not be copied whole.
const WINDOW_BYTES: usize = 64 * 1024;
/// The longest that a byte is when it is escaped (`\u0041`).
const ESCAPE_BYTES_MAX: usize = 6;

/// `part` in pieces that overlap so far that what is `longest` is whole in one of them, however it
/// is escaped.
fn windows(part: &[u8], longest: usize) -> impl Iterator<Item = &[u8]> {
    let overlap = (longest + 1) * ESCAPE_BYTES_MAX;
    let step = WINDOW_BYTES.max(overlap);
    let starts = (0..part.len()).step_by(step);
    starts.map(move |start| {
        let end = part.len().min(start + step + overlap);
        part.get(start..end).unwrap_or_default()
    })
}

/// JSON's escapes resolved, wherever they are; what is none stays as it is.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            plain.push(*first);
            continue;
        }
        let Some((kind, after)) = rest.split_first() else { break };
        rest = after;
        let code = after
            .get(..4)
            .filter(|_| *kind == b'u')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                rest = after.get(4..).unwrap_or_default();
                let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => plain.push(*kind),
        }
    }
    plain
}

/// Whether the decoded pair of a `Basic` header has the needle in it.
fn basic_holds(value: &[u8], needle: &[u8]) -> bool {
    let token = value.trim_ascii().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    BASE64.decode(token).is_ok_and(|pair| memmem::find(&pair, needle).is_some())
}
