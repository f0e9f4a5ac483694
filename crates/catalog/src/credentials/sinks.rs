//! Where a credential would go: its provider's hosts, or the host that stands beside it.

use std::ops::Range;

use super::{role::Writes, urls};
use crate::hosts;

/// How far before and behind a value a host is looked for: an entry of a login file.
const BEFORE_BYTES: usize = 600;
const BEHIND_BYTES: usize = 300;

/// The host beside the value at `span`: on its line, else the nearest before it, else behind it.
pub(super) fn beside(bytes: &[u8], span: &Range<usize>, writes: Writes) -> Option<String> {
    let before = bytes.get(span.start.saturating_sub(BEFORE_BYTES)..span.start).unwrap_or_default();
    let behind = bytes.get(span.end..).unwrap_or_default();
    let behind = behind.get(..BEHIND_BYTES).unwrap_or(behind);
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let line_end = behind.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let keyed = matches!(writes, Writes::Settings | Writes::Netrc);
    last_host(line, keyed)
        .or_else(|| first_host(line_end, false))
        .or_else(|| last_host(paragraph_end(before, keyed), keyed))
        .or_else(|| first_host(paragraph_start(behind, keyed), false))
}

/// What belongs to the same paragraph of a text; settings have none.
fn paragraph_end(bytes: &[u8], keyed: bool) -> &[u8] {
    let gap = memchr::memmem::rfind(bytes, b"\n\n").filter(|_| !keyed);
    gap.and_then(|at| bytes.get(at..)).unwrap_or(bytes)
}

fn paragraph_start(bytes: &[u8], keyed: bool) -> &[u8] {
    let gap = memchr::memmem::find(bytes, b"\n\n").filter(|_| !keyed);
    gap.and_then(|at| bytes.get(..at)).unwrap_or(bytes)
}

fn last_host(bytes: &[u8], keyed: bool) -> Option<String> {
    words(bytes).filter_map(|word| host(bytes, &word, keyed)).last()
}

fn first_host(bytes: &[u8], keyed: bool) -> Option<String> {
    words(bytes).find_map(|word| host(bytes, &word, keyed))
}

/// The words that could be hosts.
fn words(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let is = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at + rest.iter().position(|byte| is(*byte))?;
        let length = bytes.get(start..)?.iter().take_while(|byte| is(**byte)).count();
        at = start + length;
        Some(start..at)
    })
}

/// The host that a word is: behind `//`, `@` or `machine `, a key of its own in settings, or one
/// that is known.
fn host(bytes: &[u8], word: &Range<usize>, keyed: bool) -> Option<String> {
    let text = std::str::from_utf8(bytes.get(word.clone())?).ok()?;
    let text = text.trim_matches('.').to_ascii_lowercase();
    let (_, last) = text.rsplit_once('.')?;
    if last.len() < 2
        || !last.bytes().all(|byte| byte.is_ascii_alphabetic())
        || urls::is_local(&text)
    {
        return None;
    }
    let before = bytes.get(..word.start).unwrap_or_default();
    let behind = bytes.get(word.end..).unwrap_or_default();
    let addressed =
        before.ends_with(b"//") || before.ends_with(b"@") || before.ends_with(b"machine ");
    let key = keyed
        && (behind.starts_with(b"\":")
            || behind.starts_with(b":\n")
            || behind.starts_with(b"\" {"));
    (addressed || key || hosts::identity(&text).is_some()).then_some(text)
}
