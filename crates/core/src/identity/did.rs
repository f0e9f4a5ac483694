//! A run's identity as others can check it: its public key, written as a `did:key`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How every one begins: the method (W3C's did:key), and multibase's letter for base58btc.
const BEGINNING: &str = "did:key:z";
/// Multicodec's number for an Ed25519 public key (0xed), as a varint.
const ED25519: [u8; 2] = [0xed, 0x01];
/// Base58btc: no 0, O, I or l.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Bytes of what is written: the number and the key.
const BYTES: usize = ED25519.len() + 32;
/// Digits of it: a key has as many, whatever it is, as its number comes first.
const DIGITS: usize = 47;

/// An Ed25519 public key as the identifier of whoever has its other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DidKey([u8; 32]);

/// What is no `did:key` of an Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no did:key of an Ed25519 key, such as did:key:z6Mk…")]
pub struct NoDidKey(String);

impl DidKey {
    /// Of this public key.
    pub fn of(public: [u8; 32]) -> Self {
        Self(public)
    }

    /// The public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for DidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = ED25519.into_iter().chain(self.0).collect();
        write!(f, "{BEGINNING}{}", encoded(&bytes))
    }
}

impl FromStr for DidKey {
    type Err = NoDidKey;

    fn from_str(text: &str) -> Result<Self, NoDidKey> {
        let read = || {
            let digits = text.strip_prefix(BEGINNING).filter(|it| it.len() == DIGITS)?;
            let bytes = decoded(digits)?;
            let key = bytes.strip_prefix(&ED25519)?;
            Some(Self(key.try_into().ok()?))
        };
        read().ok_or_else(|| NoDidKey(text.to_owned()))
    }
}

impl TryFrom<String> for DidKey {
    type Error = NoDidKey;

    fn try_from(text: String) -> Result<Self, NoDidKey> {
        text.parse()
    }
}

impl From<DidKey> for String {
    fn from(key: DidKey) -> Self {
        key.to_string()
    }
}

/// The number that `bytes` are, in digits of base 58. Theirs never begin with a zero.
fn encoded(bytes: &[u8]) -> String {
    // The least digit first.
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = remainder(carry, 58);
            carry /= 58;
        }
        while carry > 0 {
            digits.push(remainder(carry, 58));
            carry /= 58;
        }
    }
    let letter = |digit: &u8| ALPHABET.get(usize::from(*digit)).map(|letter| char::from(*letter));
    digits.iter().rev().filter_map(letter).collect()
}

/// The bytes of the number that these digits are; nothing if they are none, or too many.
fn decoded(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0_u8; BYTES];
    for letter in text.bytes() {
        let digit = ALPHABET.iter().position(|it| *it == letter)?;
        let mut carry = u32::try_from(digit).ok()?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = remainder(carry, 256);
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(bytes)
}

/// What is left of `number`; every divisor here is at most 256.
fn remainder(number: u32, divisor: u32) -> u8 {
    u8::try_from(number % divisor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DidKey;

    /// The first test vector of RFC 8032; its digits were counted by another's arithmetic.
    #[test]
    fn a_key_that_others_wrote() {
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let public: [u8; 32] = hex::decode(public).unwrap().try_into().unwrap();
        let did = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw";
        assert_eq!(DidKey::of(public).to_string(), did);
        assert_eq!(did.parse(), Ok(DidKey::of(public)));
    }

    #[test]
    fn what_is_no_key() {
        for text in [
            "",
            "did:key:z",
            "did:web:example.com",
            // One letter missing, one too many, a letter that there is not, another codec.
            "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs",
            "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsww",
            "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs0",
            "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
            "did:key:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert!(text.parse::<DidKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_key_is_read_as_it_was_written(public: [u8; 32]) {
            let written = DidKey::of(public).to_string();
            prop_assert!(written.starts_with("did:key:z6Mk"), "{}", written);
            prop_assert_eq!(written.parse(), Ok(DidKey::of(public)));
            let json = serde_json::to_string(&DidKey::of(public)).unwrap();
            prop_assert_eq!(serde_json::from_str::<DidKey>(&json).unwrap(), DidKey::of(public));
        }
    }
}
