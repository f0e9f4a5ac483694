//! What is told by its own shape: a prefix, a key's armour, a signed JSON Web Token.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Confidence, checksums,
    kinds::{FORMATS, Format, Kind, Letters, Mark, PRIVATE_KEY, WEB_TOKEN},
    value,
    writing::Code,
};

/// The longest private key: 16,384 bits of RSA.
const KEY_BYTES_MAX: usize = 16_384;
/// The longest JSON Web Token.
const WEB_TOKEN_BYTES_MAX: usize = 16_384;

/// What was drawn by chance has a part of so many letters and digits.
const DRAWN_MIN: usize = 20;

/// A credential by its own shape.
pub(super) struct Shaped {
    pub(super) span: Range<usize>,
    pub(super) kind: &'static Kind,
    pub(super) confidence: Confidence,
    pub(super) code: Code,
}

/// The token whose prefix is that of `FORMATS[index]` and begins at `at`.
pub(super) fn prefixed(bytes: &[u8], at: usize, index: usize) -> Option<Shaped> {
    let kind = FORMATS.get(index)?;
    let format = kind.format?;
    let rest = bytes.get(at..)?.strip_prefix(format.prefix.as_bytes())?;
    if at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|byte| goes_on(*byte)) {
        return None;
    }
    let length =
        rest.iter().take(format.most + 1).take_while(|byte| format.letters.has(**byte)).count();
    let body = rest.get(..length)?;
    let body = trimmed(body, format.letters);
    if body.len() < format.least || body.len() > format.most {
        return None;
    }
    // What is a path's beginning is no part of the secret.
    let public = if format.prefix.ends_with('/') { format.prefix.len() } else { 0 };
    let span = at + public..at + format.prefix.len() + body.len();
    let confidence = confidence(format, body)?;
    let confidence =
        if kind.mark == Mark::Test { confidence.min(Confidence::Likely) } else { confidence };
    Some(Shaped { span, kind, confidence, code: Code::Plain })
}

/// How sure a token of `format` is; none if it stands for one.
fn confidence(format: Format, body: &[u8]) -> Option<Confidence> {
    // A prefix of two or three letters also begins words.
    let short = format.prefix.len() <= 4 && !format.prefix.starts_with("AK");
    let capitals = format.letters == Letters::Capitals;
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let humps = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
    let chance =
        value::entropy(body) >= if capitals || format.letters == Letters::Hex { 2.6 } else { 3.2 };
    if value::is_placeholder(body) || !chance || !(digits >= 1 || humps) || (short && digits < 2) {
        return None;
    }
    // After such a prefix a name in code goes on in words; what was drawn has no joints.
    let joints = |byte: &u8| matches!(byte, b'_' | b'-' | b'.');
    let longest = body.split(joints).map(<[u8]>::len).max().unwrap_or_default();
    if short && longest < DRAWN_MIN {
        return None;
    }
    match format.checked && !checksums::crc32_base62(body) {
        true => Some(Confidence::Likely),
        false => Some(Confidence::Certain),
    }
}

/// A dot or a dash at the end of a sentence belongs to the sentence.
fn trimmed(body: &[u8], letters: Letters) -> &[u8] {
    let end = body.iter().rposition(|byte| {
        !matches!((letters, byte), (Letters::Dotted, b'.' | b'-') | (Letters::Name, b'-'))
    });
    end.and_then(|end| body.get(..=end)).unwrap_or_default()
}

fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Where the word ends that could be a JSON Web Token and begins at `at`.
pub(super) fn web_token_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let is = |byte: &&u8| Letters::Dotted.has(**byte);
    at + rest.iter().take(WEB_TOKEN_BYTES_MAX).take_while(is).count()
}

/// The JSON Web Token that begins at `at` with `eyJ`: signed, and nobody's sample.
pub(super) fn web_token(bytes: &[u8], at: usize) -> Option<Shaped> {
    if at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|byte| goes_on(*byte)) {
        return None;
    }
    let word = bytes.get(at..web_token_end(bytes, at))?;
    let mut parts = word.split(|byte| *byte == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    if signature.len() < 20 || !contains(&header, b"\"alg\"") && !contains(&header, b"\"enc\"") {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    // Supabase's anonymous key is in every page; the other two are the sample of jwt.io.
    let public: [&[u8]; 3] = [b"\"role\":\"anon\"", b"\"John Doe\"", b"\"sub\":\"1234567890\""];
    if public.iter().any(|it| contains(&payload, it)) {
        return None;
    }
    Some(Shaped {
        span: at..at + word.len(),
        kind: &WEB_TOKEN,
        confidence: Confidence::Likely,
        code: Code::Plain,
    })
}

/// What lies between the lines of the armour that begins at `at` (RFC 7468), if it is a private
/// key's.
pub(super) fn private_key(bytes: &[u8], at: usize) -> Option<Shaped> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..KEY_BYTES_MAX).unwrap_or(rest);
    let label_end = find(rest.get(11..)?, b"-----")? + 11;
    let label = rest.get(11..label_end).filter(|label| label.len() <= 40)?;
    if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let begins = label_end + 5;
    let body = rest.get(begins..)?;
    let body = body.get(..find(body, b"-----END")?)?;
    let escaped = body.contains(&b'\\');
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let front = match escaped {
        true => body
            .windows(2)
            .take_while(|pair| {
                *pair == b"\\n" || *pair == b"n\\" || *pair == b"\\r" || *pair == b"r\\"
            })
            .count(),
        false => body.iter().take_while(|byte| blank(byte)).count(),
    };
    let inner = body.get(front..)?;
    let inner = inner.get(..inner.iter().rposition(|byte| !blank(byte))? + 1)?;
    let inner = inner.strip_suffix(b"\\n").unwrap_or(inner);
    let letters = inner.iter().filter(|byte| Letters::Base64.has(**byte)).count();
    if letters < 40 || contains(inner, b"...") || value::entropy(inner) < 4.0 {
        return None;
    }
    let span = at + begins + front..at + begins + front + inner.len();
    let code = if escaped { Code::Backslash } else { Code::Plain };
    Some(Shaped { span, kind: &PRIVATE_KEY, confidence: Confidence::Certain, code })
}

pub(super) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

pub(super) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, part)
}
