//! How a value is written where it lies, and how another one is written in its place.

use base64::{
    Engine as _, alphabet,
    engine::{
        GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{NO_PAD, PAD},
    },
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    pub(super) unit: Unit,
    pub(super) code: Code,
}

/// How wide a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unit {
    Byte,
    /// Two or four bytes, the highest of them first or last.
    Wide {
        bytes: usize,
        big: bool,
    },
}

/// What characters mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Code {
    /// Themselves.
    Plain,
    /// With escapes that begin with a backslash: strings of JSON and of most languages.
    Backslash,
    /// With `%41` for `A` (RFC 3986).
    Percent,
    /// Base64 (RFC 4648) of something whose first `before` bytes are no part of the value.
    Base64 { before: usize },
}

impl Unit {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Wide { bytes, .. } => bytes,
        }
    }

    /// The ASCII character that these bytes are.
    pub(super) fn narrow(self, wide: &[u8]) -> Option<u8> {
        let big = matches!(self, Self::Wide { big: true, .. });
        let (letter, zeros) = if big { wide.split_last()? } else { wide.split_first()? };
        (letter.is_ascii() && zeros.iter().all(|byte| *byte == 0)).then_some(*letter)
    }

    fn widen(self, text: &[u8]) -> Vec<u8> {
        let Self::Wide { bytes, big } = self else { return text.to_vec() };
        let zeros = vec![0; bytes.saturating_sub(1)];
        let wide = |letter: &u8| match big {
            true => [zeros.as_slice(), &[*letter]].concat(),
            false => [&[*letter], zeros.as_slice()].concat(),
        };
        text.iter().flat_map(wide).collect()
    }

    fn narrowed(self, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Byte => Some(Zeroizing::new(bytes.to_vec())),
            Self::Wide { bytes: width, .. } => {
                let letters = bytes.chunks_exact(width).map(|wide| self.narrow(wide));
                letters.collect::<Option<Vec<u8>>>().map(Zeroizing::new)
            }
        }
    }
}

impl Writing {
    /// The value that `raw` writes.
    pub(super) fn read(self, raw: &[u8]) -> Option<SecretString> {
        let narrow = self.unit.narrowed(raw)?;
        let value = self.code.read(&narrow)?;
        std::str::from_utf8(&value).ok().map(SecretString::from)
    }

    /// `stand_in` as `raw` is written, in as many bytes.
    pub(super) fn write(self, raw: &[u8], stand_in: &str) -> Option<Vec<u8>> {
        let narrow = self.unit.narrowed(raw)?;
        let written = self.code.write(&narrow, stand_in)?;
        let wide = self.unit.widen(&written);
        (wide.len() == raw.len()).then_some(wide)
    }
}

impl Code {
    pub(super) fn read(self, raw: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Plain => Some(Zeroizing::new(raw.to_vec())),
            Self::Backslash | Self::Percent => {
                let mut value = Zeroizing::new(Vec::with_capacity(raw.len()));
                for piece in self.pieces(raw) {
                    value.push(piece?.1);
                }
                Some(value)
            }
            Self::Base64 { before } => {
                let whole = Zeroizing::new(engine_of(raw).decode(raw).ok()?);
                whole.get(before..).map(|value| Zeroizing::new(value.to_vec()))
            }
        }
    }

    fn write(self, raw: &[u8], stand_in: &str) -> Option<Vec<u8>> {
        match self {
            Self::Plain => Some(stand_in.as_bytes().to_vec()),
            Self::Base64 { before } => {
                let engine = engine_of(raw);
                let whole = Zeroizing::new(engine.decode(raw).ok()?);
                let kept = whole.get(..before)?;
                Some(engine.encode([kept, stand_in.as_bytes()].concat()).into_bytes())
            }
            Self::Backslash | Self::Percent => {
                let mut letters = stand_in.bytes();
                let mut written = Vec::with_capacity(raw.len());
                for piece in self.pieces(raw) {
                    let (writing, real) = piece?;
                    let letter = letters.next()?;
                    match letter == real {
                        true => written.extend(writing),
                        false => written.extend(self.like(writing, letter)?),
                    }
                }
                letters.next().is_none().then_some(written)
            }
        }
    }

    /// `letter`, written like `writing`.
    fn like(self, writing: &[u8], letter: u8) -> Option<Vec<u8>> {
        match (self, writing) {
            (_, [_]) => letter.is_ascii_alphanumeric().then(|| vec![letter]),
            (Self::Percent, _) => Some(format!("%{letter:02X}").into_bytes()),
            (Self::Backslash, [_, b'u', ..]) => Some(format!("\\u{letter:04x}").into_bytes()),
            _ => None,
        }
    }

    /// Each character's writing, and what it means; nothing for what means no ASCII character.
    fn pieces(self, raw: &[u8]) -> impl Iterator<Item = Option<(&[u8], u8)>> {
        let mut rest = raw;
        std::iter::from_fn(move || {
            let (first, _) = rest.split_first()?;
            let (length, letter) = match (self, *first) {
                (Self::Backslash, b'\\') => escape(rest),
                (Self::Percent, b'%') => hex_of(rest.get(1..3)).map(|letter| (3, letter)),
                (_, letter) => Some((1, letter)),
            }
            .unwrap_or((rest.len(), 0));
            let (writing, after) = rest.split_at_checked(length)?;
            rest = after;
            Some((letter != 0).then_some((writing, letter)))
        })
    }
}

/// The escape at the beginning of `rest`: its length and what it means.
fn escape(rest: &[u8]) -> Option<(usize, u8)> {
    let letter = match rest.get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let (0, letter) = (hex_of(rest.get(2..4))?, hex_of(rest.get(4..6))?) else {
                return None;
            };
            return letter.is_ascii().then_some((6, letter));
        }
        other => *other,
    };
    Some((2, letter))
}

fn hex_of(digits: Option<&[u8]>) -> Option<u8> {
    let digits = std::str::from_utf8(digits?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// The alphabet and the padding with which `raw` is written.
fn engine_of(raw: &[u8]) -> GeneralPurpose {
    let url = raw.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let config: GeneralPurposeConfig =
        if raw.ends_with(b"=") || (!url && raw.len().is_multiple_of(4)) { PAD } else { NO_PAD };
    GeneralPurpose::new(alphabet, config)
}
