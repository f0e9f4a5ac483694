//! Replacement in chunks is replacement as a whole.

use std::sync::Arc;

use http::HeaderValue;
use proptest::{collection::vec, prelude::*};
use zeroize::Zeroizing;

use crate::forward::{
    Needles, Scrubber,
    scrub::{NEEDLE_BYTES_MAX, NEEDLES_MAX, NeedlesError},
};

fn needles(pairs: &[(&str, &str)]) -> Result<Needles, NeedlesError> {
    let pair = |(needle, replacement): &(&str, &str)| {
        (Zeroizing::new(needle.as_bytes().to_vec()), replacement.as_bytes().to_vec())
    };
    Needles::new(pairs.iter().map(pair))
}

fn check(pairs: &[(&str, &str)], text: &str, expect: &str) {
    let scrubbed = needles(pairs).unwrap().scrub(text.as_bytes());
    assert_eq!(String::from_utf8(scrubbed).unwrap(), expect);
}

#[test]
fn needles_are_replaced_wherever_they_are() {
    let one = [("secret", "PHANTM")];
    check(&one, "", "");
    check(&one, "nothing here, secre", "nothing here, secre");
    check(&one, "secretsecret, sesecret", "PHANTMPHANTM, sePHANTM");
    check(&[("aa", "XY")], "aaa", "XYa");
    check(&[("ab", "12"), ("abcd", "3456")], "abc abcd ab", "12c 3456 12");
    check(&[("abcd", "3456"), ("bc", "12")], "abcx abcd", "a12x 3456");
    // What a replacement looks like is no reason to look again.
    check(&[("ab", "bb"), ("bb", "cc")], "ab", "bb");
}

#[test]
fn only_what_may_become_a_needle_is_held_back() {
    let mut scrubber = Scrubber::new(Arc::new(needles(&[("secret", "PHANTM")]).unwrap()));
    for (chunk, passes, held) in [
        ("data: 1\n\n", "data: 1\n\n", 0),
        ("a se", "a ", 2),
        ("cre", "", 5),
        ("t b", "PHANTM b", 0),
        ("se", "", 2),
        ("se", "se", 2),
    ] {
        assert_eq!(scrubber.push(chunk.as_bytes()), passes, "{chunk}");
        assert_eq!(scrubber.held(), held, "{chunk}");
    }
    assert_eq!(scrubber.finish(), "se");
    assert_eq!(scrubber.held(), 0);
}

#[test]
fn needles_have_limits() {
    assert_eq!(needles(&[("", "")]).unwrap_err(), NeedlesError::Empty);
    assert_eq!(needles(&[("ab", "a")]).unwrap_err(), NeedlesError::Length);
    let long = "a".repeat(NEEDLE_BYTES_MAX + 1);
    assert_eq!(needles(&[(&long, &long)]).unwrap_err(), NeedlesError::TooMany);
    assert_eq!(needles(&[("a", "b"); NEEDLES_MAX + 1]).unwrap_err(), NeedlesError::TooMany);
}

#[test]
fn a_header_never_keeps_a_needle() {
    let mut value = HeaderValue::from_static("a secret b");
    needles(&[("secret", "PHANTM")]).unwrap().scrub_value(&mut value);
    assert_eq!(value, "a PHANTM b");
    needles(&[("PHANTM", "\n\n\n\n\n\n")]).unwrap().scrub_value(&mut value);
    assert_eq!(value, "");
}

/// Replacement by its definition: at each place, the longest needle that is there.
fn replace(pairs: &[(Vec<u8>, Vec<u8>)], whole: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < whole.len() {
        let here = pairs.iter().filter(|(needle, _)| whole[at..].starts_with(needle));
        let longest = here.rev().max_by_key(|(needle, _)| needle.len());
        let replacement = longest.map_or(&whole[at..=at], |(_, replacement)| replacement);
        out.extend_from_slice(replacement);
        at += replacement.len();
    }
    out
}

/// Few letters, so that needles overlap, nest and repeat.
fn letters(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(b'a'..=b'c', 1..=most)
}

proptest! {
    #[test]
    fn however_a_text_is_cut_it_is_replaced_as_a_whole(
        needles in vec(letters(6), 1..5),
        text in vec(b'a'..=b'd', 0..200),
        cuts in vec(0_usize..20, 0..60),
    ) {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = needles
            .into_iter()
            .map(|needle| { let upper = needle.to_ascii_uppercase(); (needle, upper) })
            .collect();
        let longest = pairs.iter().map(|(needle, _)| needle.len()).max().unwrap();
        let wiped = pairs.iter().cloned().map(|(needle, by)| (Zeroizing::new(needle), by));
        let mut scrubber = Scrubber::new(Arc::new(Needles::new(wiped).unwrap()));

        let mut out = Vec::new();
        let mut rest = text.as_slice();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            out.extend_from_slice(&scrubber.push(chunk));
            prop_assert!(scrubber.held() < longest, "more is held than can be needed");
            rest = after;
        }
        out.extend_from_slice(&scrubber.push(rest));
        out.extend_from_slice(&scrubber.finish());
        prop_assert_eq!(&out, &replace(&pairs, &text));
    }
}
