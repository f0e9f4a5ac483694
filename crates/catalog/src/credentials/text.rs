//! Text in any encoding, as one byte a character.

use std::borrow::Cow;

use super::writing::Unit;

/// How much of a file is looked at to tell what it is.
const HEAD_BYTES: usize = 8_192;
/// Stands for every character that is not ASCII: no credential has one.
const OTHER: u8 = 0xBF;

/// What is searched. Its offsets are those of characters: [`Text::outer`] leads back to bytes.
pub(super) struct Text<'a> {
    /// One byte a character.
    pub(super) bytes: Cow<'a, [u8]>,
    /// How wide a character is in the input.
    pub(super) unit: Unit,
    /// It is no text: only what has a shape of its own is looked for.
    pub(super) binary: bool,
}

impl<'a> Text<'a> {
    /// The text of `bytes`: UTF-8 and its kin as they are, UTF-16 and UTF-32 (RFC 2781, with a
    /// byte order mark or told by their zeros) narrowed.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let unit = unit_of(bytes);
        if unit == Unit::Byte {
            let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
            let binary = head.contains(&0);
            return Self { bytes: Cow::Borrowed(bytes), unit, binary };
        }
        let narrow =
            bytes.chunks_exact(unit.bytes()).map(|wide| unit.narrow(wide).unwrap_or(OTHER));
        Self { bytes: Cow::Owned(narrow.collect()), unit, binary: false }
    }

    /// Where in the input the character at `at` begins.
    pub(super) fn outer(&self, at: usize) -> usize {
        at.saturating_mul(self.unit.bytes())
    }
}

fn unit_of(bytes: &[u8]) -> Unit {
    let wide = |bytes, big| Unit::Wide { bytes, big };
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] => return wide(4, false),
        [0, 0, 0xFE, 0xFF, ..] => return wide(4, true),
        [0xFF, 0xFE, ..] => return wide(2, false),
        [0xFE, 0xFF, ..] => return wide(2, true),
        _ => {}
    }
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let pairs = head.chunks_exact(2);
    let all = pairs.len();
    let plain = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let (mut little, mut big) = (0, 0);
    for pair in pairs {
        match pair {
            [letter, 0] if plain(*letter) => little += 1,
            [0, letter] if plain(*letter) => big += 1,
            _ => {}
        }
    }
    // Nine of ten: text of another alphabet has its own letters, and ASCII for what we look for.
    match (little * 10 > all * 9, big * 10 > all * 9) {
        (true, _) if all >= 8 => wide(2, false),
        (_, true) if all >= 8 => wide(2, true),
        _ => Unit::Byte,
    }
}

/// How many lines end before `at`, counted once for offsets that rise.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    seen: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, seen: 0, line: 1 }
    }

    /// The line of the character at `at`, from 1; not before the last one that was asked for.
    pub(super) fn line_of(&mut self, at: usize) -> usize {
        let between = self.bytes.get(self.seen..at).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', between).count();
        self.seen = self.seen.max(at);
        self.line
    }
}
