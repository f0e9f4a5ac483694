//! How a credential may be written when it comes back: as it is, and as the usual encoders do.

use base64::{
    Engine as _,
    engine::{
        GeneralPurpose,
        general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// What must not come back, and what stands in its place.
pub(crate) type Pair = (Zeroizing<Vec<u8>>, Vec<u8>);

/// A shorter piece of base64 could be anything.
const BASE64_BYTES_MIN: usize = 8;

/// What most encoders leave as it is (RFC 3986 §2.3, unreserved).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The encoders that write a character at a time; those that echo a body often quote it twice.
const SPELLINGS: [fn(&str) -> String; 9] = [
    str::to_owned,
    |value| percent(value, NON_ALPHANUMERIC),
    |value| percent(value, RESERVED),
    |value| percent(value, NON_ALPHANUMERIC).replace('%', "%25"),
    |value| lower_digits(&percent(value, NON_ALPHANUMERIC)),
    |value| lower_digits(&percent(value, RESERVED)),
    json,
    |value| json(value).replace('/', "\\/"),
    |value| json(&json(value)),
];

/// `real` in every spelling, with `phantom` in the same one. They differ in letters and digits
/// only, of which every encoder makes one character: the two are equally long, unless `real` came
/// later than its phantom; then it is blotted out.
pub(crate) fn pairs(real: &str, phantom: &str) -> Vec<Pair> {
    let mut pairs = spelled(real, phantom);
    for (needle, stand_in) in &mut pairs {
        if needle.len() != stand_in.len() {
            *stand_in = vec![b'*'; needle.len()];
        }
    }
    pairs
}

fn spelled(real: &str, phantom: &str) -> Vec<Pair> {
    let spelled = SPELLINGS
        .iter()
        .map(|spell| (Zeroizing::new(spell(real).into_bytes()), spell(phantom).into_bytes()));
    let encoded = [STANDARD_NO_PAD, URL_SAFE_NO_PAD];
    let encoded = encoded.iter().flat_map(|encoder| base64(encoder, real, phantom));
    let mut pairs: Vec<Pair> = spelled.chain(encoded).collect();
    pairs.sort_unstable_by(|(one, _), (other, _)| one.as_slice().cmp(other));
    pairs.dedup();
    pairs
}

/// The base64 of both wherever they may stand in a longer text (a `Basic` pair, a dump): of each
/// alignment, only those characters that depend on nothing else.
fn base64(encoder: &GeneralPurpose, real: &str, phantom: &str) -> Vec<Pair> {
    let encoded = |value: &str, offset: usize| {
        let padded = Zeroizing::new([vec![0; offset].as_slice(), value.as_bytes()].concat());
        let text = Zeroizing::new(encoder.encode(padded.as_slice()).into_bytes());
        let first = (offset * 8).div_ceil(6);
        let last = (offset + value.len()) * 8 / 6;
        text.get(first..last).map(<[u8]>::to_vec)
    };
    let pair = |offset| Some((Zeroizing::new(encoded(real, offset)?), encoded(phantom, offset)?));
    (0..3).filter_map(pair).filter(|(needle, _)| needle.len() >= BASE64_BYTES_MIN).collect()
}

fn percent(value: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(value, set).to_string()
}

/// Percent-encoded text with hexadecimal digits in lower case.
fn lower_digits(encoded: &str) -> String {
    let mut digits = 0_u8;
    let lower = |letter: char| {
        let inside = digits > 0;
        digits = if letter == '%' { 2 } else { digits.saturating_sub(1) };
        if inside { letter.to_ascii_lowercase() } else { letter }
    };
    encoded.chars().map(lower).collect()
}

/// The inside of a JSON string (RFC 8259 §7).
fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn every_encoder_is_known_and_nothing_is_shorter_or_longer() {
        let (real, phantom) = ("p&s\"w/o\\rd+K_9", "q&t\"x/p\\se+L_0");
        let pairs = pairs(real, phantom);
        let texts: Vec<&str> =
            pairs.iter().map(|(needle, _)| std::str::from_utf8(needle).unwrap()).collect();
        for expected in [
            real,
            "p%26s%22w%2Fo%5Crd%2BK%5F9",
            "p%26s%22w%2Fo%5Crd%2BK_9",
            "p%2526s%2522w%252Fo%255Crd%252BK%255F9",
            "p%26s%22w%2fo%5crd%2bK%5f9",
            "p&s\\\"w/o\\\\rd+K_9",
            "p&s\\\"w\\/o\\\\rd+K_9",
            "p&s\\\\\\\"w/o\\\\\\\\rd+K_9",
            "cCZzIncvb1xyZCtLXz",
        ] {
            assert!(texts.contains(&expected), "{expected}: {texts:?}");
        }
        for (needle, stand_in) in &pairs {
            assert_eq!(needle.len(), stand_in.len());
            assert_ne!(needle.as_slice(), stand_in.as_slice());
        }
    }

    #[test]
    fn plain_letters_have_one_spelling_beside_base64() {
        assert_eq!(pairs("abcdefgh1234", "ijklmnop5678").len(), 1 + 3);
    }

    #[test]
    fn quotes_at_the_edges_are_kept() {
        let pairs = pairs("\"abcdefgh\"", "\"ijklmnop\"");
        let found = pairs.iter().any(|(needle, _)| needle.as_slice() == b"\\\"abcdefgh\\\"");
        assert!(found);
    }
}
