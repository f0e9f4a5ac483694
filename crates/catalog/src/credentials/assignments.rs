//! Names with values, in the ways in which people and programs write them.

use std::ops::Range;

use super::{finder::VALUE_BYTES_MAX, role::Writes, writing::Code};

/// The longest name.
const NAME_BYTES_MAX: usize = 100;
/// Blanks between a name and its value.
const BLANKS_MAX: usize = 60;

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) code: Code,
    pub(super) quoted: bool,
}

/// The name of which `hit` is a part.
pub(super) fn name_at(bytes: &[u8], hit: &Range<usize>) -> Range<usize> {
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let dotted = |byte: &u8| is(byte) || *byte == b'.';
    let before = bytes.get(hit.start.saturating_sub(NAME_BYTES_MAX)..hit.start).unwrap_or_default();
    let after = bytes.get(hit.end..).unwrap_or_default();
    let left = before.iter().rev().take_while(|byte| dotted(byte)).count();
    let right = after.iter().take(NAME_BYTES_MAX).take_while(|byte| dotted(byte)).count();
    let start = hit.start - left;
    // The letter of an escape (`\n`) before a name is no part of it.
    let escape = start.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'\\');
    let letter = bytes.get(start).is_some_and(|byte| matches!(byte, b'n' | b'r' | b't'));
    start + usize::from(escape && letter && start < hit.start)..hit.end + right
}

/// The value that stands behind the name at `name`.
pub(super) fn value_of(bytes: &[u8], name: Range<usize>, writes: Writes) -> Option<Assignment> {
    let at = operator(bytes, &name, writes)?;
    let (value, code, quoted) = value_at(bytes, at, writes)?;
    Some(Assignment { name, value, code, quoted })
}

/// Reads bytes from a place on.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let is = self.rest().starts_with(text);
        self.at += if is { text.len() } else { 0 };
        is
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) -> usize {
        let count = self.rest().iter().take(BLANKS_MAX).take_while(|byte| is(**byte)).count();
        self.at += count;
        count
    }

    fn blanks(&mut self) -> usize {
        self.skip(|byte| matches!(byte, b' ' | b'\t'))
    }
}

/// Where the value begins behind a name: behind `=`, `:`, `=>`, `is`, a comma or blanks, as the
/// file writes them.
fn operator(bytes: &[u8], name: &Range<usize>, writes: Writes) -> Option<usize> {
    let mut reader = Reader { bytes, at: name.end };
    let flag = bytes.get(name.clone()).is_some_and(|name| name.starts_with(b"--"));
    let closed = reader.skip(|byte| matches!(byte, b'"' | b'\'' | b'`' | b']' | b'*' | b'\\')) > 0;
    let blanks = reader.blanks();
    if let Some(at) = pair_value(&reader) {
        return Some(at);
    }
    if !closed && writes == Writes::Code && reader.peek() == Some(b':') {
        return typed(reader);
    }
    match reader.peek()? {
        b'=' if reader.rest().starts_with(b"==") => return None,
        b'=' | b':' | b'?' | b'|' | b'+' => {
            let count = reader.skip(|byte| matches!(byte, b'=' | b':' | b'>' | b'?' | b'|' | b'+'));
            reader.skip(|byte| matches!(byte, b'*'));
            if count > 3 {
                return None;
            }
        }
        b'>' if closed || !matches!(writes, Writes::Prose) => reader.at += 1,
        b',' if closed => reader.at += 1,
        _ if flag && blanks > 0 => {}
        _ if writes == Writes::Netrc && blanks > 0 => {}
        _ if blanks > 0 && spaced(bytes, name, writes) => {}
        _ if blanks > 0 && reader.eat(b"is ") => {}
        _ => return None,
    }
    reader.blanks();
    Some(reader.at)
}

/// `: string = "…"` of languages that write types.
fn typed(mut reader: Reader<'_>) -> Option<usize> {
    reader.at += 1;
    reader.blanks();
    if matches!(reader.peek()?, b'"' | b'\'' | b'`') {
        return Some(reader.at);
    }
    reader.skip(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'<' | b'>' | b'&' | b'\'' | b'|' | b' ' | b'?' | b'[' | b']')
    });
    if !reader.eat(b"=") || reader.peek() == Some(b'=') {
        return None;
    }
    reader.blanks();
    Some(reader.at)
}

/// `name: X` and `value: …` on two lines, or `"name": "X", "value": "…"`, as lists of variables
/// are written for containers.
fn pair_value(reader: &Reader<'_>) -> Option<usize> {
    let mut inner = Reader { bytes: reader.bytes, at: reader.at };
    inner.skip(|byte| matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n' | b'"'));
    let value = inner.eat(b"value") || inner.eat(b"Value");
    inner.skip(|byte| matches!(byte, b'"' | b'\''));
    inner.blanks();
    if !value || inner.at == reader.at || !(inner.eat(b":") || inner.eat(b"=")) {
        return None;
    }
    inner.blanks();
    Some(inner.at)
}

/// Whether a word before the name says that its value follows behind a blank: `ENV NAME value`,
/// `set -gx NAME value`, `setenv NAME value`.
fn spaced(bytes: &[u8], name: &Range<usize>, writes: Writes) -> bool {
    if !matches!(writes, Writes::Commands | Writes::Settings | Writes::Prose) {
        return false;
    }
    let before = bytes.get(name.start.saturating_sub(24)..name.start).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.trim_ascii_end();
    let says: [&[u8]; 6] = [b"ENV", b"ARG", b"setenv", b"set -gx", b"set -x", b"set -Ux"];
    says.iter().any(|word| line.ends_with(word))
}

/// The value that begins at `at`: its bytes, how they are written, whether in quotes.
fn value_at(bytes: &[u8], at: usize, writes: Writes) -> Option<(Range<usize>, Code, bool)> {
    let mut reader = Reader { bytes, at };
    // Words before a string in code, and before a credential in a header.
    let _ = ["b", "r", "f", "u", "rb", "br"].iter().any(|word| {
        let quoted = [format!("{word}\""), format!("{word}'")];
        let is = quoted.iter().any(|start| reader.rest().starts_with(start.as_bytes()));
        reader.at += if is { word.len() } else { 0 };
        is
    });
    let escaped = reader.eat(b"\\");
    let quote = reader.peek().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    if let Some(quote) = quote {
        while reader.peek() == Some(quote) {
            reader.at += 1;
        }
        scheme(&mut reader);
        let (end, escapes) = quoted_end(reader.rest(), quote, escaped)?;
        let value = reader.at..reader.at + end;
        let code = if escapes && quote != b'`' { Code::Backslash } else { Code::Plain };
        return Some((value, code, true));
    }
    if escaped {
        return None;
    }
    scheme(&mut reader);
    let length = bare_length(reader.rest(), writes);
    Some((reader.at..reader.at + length, Code::Plain, false))
}

/// Steps over the scheme of a credential in a header.
fn scheme(reader: &mut Reader<'_>) {
    let schemes: [&[u8]; 6] = [b"Bearer ", b"bearer ", b"Token ", b"token ", b"Basic ", b"basic "];
    let _ = schemes.into_iter().any(|scheme| reader.eat(scheme));
}

/// The length up to `quote` on the same line (up to `\"` in a string within a string), and whether
/// there are escapes before it.
fn quoted_end(rest: &[u8], quote: u8, within: bool) -> Option<(usize, bool)> {
    let mut escapes = false;
    let mut bytes = rest.iter().enumerate().take(VALUE_BYTES_MAX);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\n' => return None,
            b'\\' if within => return Some((at, false)),
            b'\\' => {
                escapes = true;
                bytes.next();
            }
            byte if *byte == quote => return Some((at, escapes)),
            _ => {}
        }
    }
    None
}

/// How long a value without quotes is.
fn bare_length(rest: &[u8], writes: Writes) -> usize {
    let settings = matches!(writes, Writes::Settings | Writes::Netrc | Writes::Bare);
    let ends = |byte: u8| match byte {
        b'"' | b'\'' | b'`' | b'<' => !settings || byte == b'<',
        b'\\' | b';' | b'&' | b',' | b')' | b'(' | b'|' | b'>' | b'{' | b'}' | b'[' | b']'
        | b'*' => !settings,
        other => other.is_ascii_whitespace() || other.is_ascii_control(),
    };
    let length = rest.iter().take(VALUE_BYTES_MAX).take_while(|byte| !ends(**byte)).count();
    let word = rest.get(..length).unwrap_or_default();
    // The end of a sentence, and of an entry of a list.
    let trailing = |byte: &u8| {
        matches!(byte, b',' | b';') || !settings && matches!(byte, b'.' | b':' | b'?' | b'!')
    };
    let last = word.iter().rposition(|byte| !trailing(byte));
    // A call or an index is no value.
    match rest.get(length) {
        Some(b'(' | b'[') if !settings => 0,
        _ => last.map_or(0, |last| last + 1),
    }
}
