//! The names of git's objects: the hash of what they are.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hash function of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 40 digits.
    Sha1,
    /// 64 digits.
    Sha256,
}

impl Format {
    /// The format that clients call `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The bytes of an id.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The name of an object, in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectId(String);

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl ObjectId {
    /// The id that `text` is, if it is one of this format.
    pub(super) fn read(text: &str, format: Format) -> Option<Self> {
        let digits = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        (digits && text.len() == 2 * format.bytes()).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The id whose bytes these are.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The id of the object with this content.
    pub(super) fn of_object(kind: &str, content: &[u8], format: Format) -> Self {
        let head = format!("{kind} {}\0", content.len());
        match format {
            Format::Sha1 => {
                Self::of_bytes(&Sha1::new().chain_update(head).chain_update(content).finalize())
            }
            Format::Sha256 => {
                Self::of_bytes(&Sha256::new().chain_update(head).chain_update(content).finalize())
            }
        }
    }

    /// Whether it stands for no object: a reference is not there before, or after.
    pub(super) fn is_null(&self) -> bool {
        self.0.bytes().all(|digit| digit == b'0')
    }
}
