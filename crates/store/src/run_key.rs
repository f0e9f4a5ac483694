//! The key of a run: made by its supervisor, who shows with it that a run is its own. It is written
//! nowhere and ends with the supervisor; nobody inside ever has it.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use holdpoint_core::identity::DidKey;
use zeroize::Zeroizing;

use crate::{error::Result, id::random};

/// What is signed begins with this, so that it can be taken for nothing else.
const PURPOSE: &[u8] = b"holdpoint run takes its way out\n";
/// Bytes that nobody could know before.
pub(crate) const CHALLENGE_BYTES: usize = 32;

/// An Ed25519 key (RFC 8032).
#[derive(Debug)]
pub struct RunKey(SigningKey);

impl RunKey {
    /// One that there never was before.
    pub fn new() -> Result<Self> {
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random()?);
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Who its run is.
    pub fn did(&self) -> DidKey {
        DidKey::of(self.0.verifying_key().to_bytes())
    }

    /// Signs that `said` is this run's, once.
    pub(crate) fn sign(&self, challenge: &[u8; CHALLENGE_BYTES], said: &str) -> String {
        hex::encode(self.0.sign(&text(challenge, said)).to_bytes())
    }
}

/// Whether the run of `did` signed `said`, for this challenge.
pub(crate) fn has_signed(
    did: &DidKey,
    challenge: &[u8; CHALLENGE_BYTES],
    said: &str,
    signature: &str,
) -> bool {
    let check = || {
        let bytes: [u8; 64] = hex::decode(signature).ok()?.try_into().ok()?;
        let key = VerifyingKey::from_bytes(did.public()).ok()?;
        key.verify_strict(&text(challenge, said), &Signature::from_bytes(&bytes)).ok()
    };
    check().is_some()
}

fn text(challenge: &[u8; CHALLENGE_BYTES], said: &str) -> Vec<u8> {
    [PURPOSE, challenge, said.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{RunKey, has_signed};

    #[test]
    fn a_signature_is_of_one_run_one_challenge_and_one_word() {
        let (own, other) = (RunKey::new().unwrap(), RunKey::new().unwrap());
        let signature = own.sign(&[1; 32], "r-1 5432");
        for (did, challenge, said, expect) in [
            (own.did(), [1; 32], "r-1 5432", true),
            (other.did(), [1; 32], "r-1 5432", false),
            (own.did(), [2; 32], "r-1 5432", false),
            (own.did(), [1; 32], "r-2 5432", false),
        ] {
            assert_eq!(has_signed(&did, &challenge, said, &signature), expect, "{said}");
        }
        assert!(!has_signed(&own.did(), &[1; 32], "r-1 5432", "00"));
        assert_ne!(own.did(), other.did());
    }
}
