//! Checksums within tokens: whether an issuer can have made one.
//!
//! Source: GitHub's engineering blog, 2021-04-05 (format of authentication tokens): the last six
//! characters are the CRC-32 of what stands between prefix and them, in base 62. npm does the same.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of the checksum.
const LENGTH: usize = 6;

/// Whether `body`, what follows a prefix, ends with its own checksum.
pub(super) fn crc32_base62(body: &[u8]) -> bool {
    let Some(split) = body.len().checked_sub(LENGTH) else { return false };
    let Some((random, written)) = body.split_at_checked(split) else { return false };
    let mut rest = crc32(random);
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits == written
}

/// CRC-32 as in ISO 3309 and zip: a few dozen bytes, so no table.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    let byte = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), step);
    !bytes.iter().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    use super::{crc32, crc32_base62};

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_body_ends_with_its_checksum_or_does_not() {
        // Computed with zlib.
        assert!(crc32_base62(b"Kq7RmT2vXw9ZbN4cLp6YdH8sJf1GaE2PRfLZ"));
        assert!(!crc32_base62(b"short"));
        assert!(!crc32_base62(&[b'A'; 36]));
    }
}
