//! Files of a few tools that name no values: `.pgpass`, and files that are one value.

use std::ops::Range;

use super::value::{self, Shape};

/// A value and where it would go.
pub(super) struct Entry {
    pub(super) span: Range<usize>,
    pub(super) host: Option<String>,
}

/// The passwords of `host:port:database:user:password` (PostgreSQL, "The Password File").
pub(super) fn pgpass(bytes: &[u8]) -> impl Iterator<Item = Entry> {
    let mut at = 0;
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let line = line.trim_ascii_end();
        if line.starts_with(b"#") {
            return None;
        }
        let mut colons =
            line.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
        let (first, fourth) = (colons.next()?, colons.nth(2)?);
        let password = line.get(fourth + 1..)?;
        let host = String::from_utf8_lossy(line.get(..first)?).to_ascii_lowercase();
        let host = (host != "*" && !host.is_empty()).then_some(host);
        let span = start + fourth + 1..start + line.len();
        (password.len() >= 4 && !value::is_placeholder(password)).then_some(Entry { span, host })
    })
}

/// The value that is the whole file.
pub(super) fn bare(bytes: &[u8]) -> Option<Entry> {
    let text = bytes.trim_ascii();
    let start = bytes.len() - bytes.trim_ascii_start().len();
    let one = !text.iter().any(|byte| byte.is_ascii_whitespace()) && text.len() <= 4_096;
    let real = matches!(value::shape(text), Shape::Random | Shape::Uuid | Shape::Chosen);
    (one && real && text.len() >= value::LEAST)
        .then(|| Entry { span: start..start + text.len(), host: None })
}
