//! Random identifiers, and the names that humans give.

use crate::error::{Result, StoreError};

/// Crockford's base32 in lower case: no letter in it is mistaken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `length` random bytes' worth of unpredictability, from the system.
pub(crate) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    Ok(bytes)
}

/// `prefix-` and `LENGTH` random base32 digits of five bits each.
pub(crate) fn random_id<const LENGTH: usize>(prefix: &str) -> Result<String> {
    let digit = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
    let digits: String = random::<LENGTH>()?.into_iter().filter_map(digit).collect();
    Ok(format!("{prefix}-{digits}"))
}

/// Checks a name of an agent, a secret or an approver: it ends up in file names, on cards and
/// in records, so it must not be able to look like anything else.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts && name.len() <= 64 && name.chars().all(plain) {
        return Ok(());
    }
    let value = name.chars().take(64).collect::<String>().escape_debug().to_string();
    let expected = "at most 64 letters, digits and . _ @ + -, beginning with a letter or digit";
    Err(StoreError::Malformed { what, value, expected })
}
