//! Rings: how far an agent is trusted. The further out, the less it may.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How far whoever works is trusted, from the inside out: of two, the greater is the stricter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(into = "u8", try_from = "u8")]
pub enum Ring {
    /// Humans only: no agent is ever in it.
    Human,
    /// Automation that a human has read and trusts.
    Trusted,
    /// An agent that a human supervises.
    #[default]
    Supervised,
    /// Code or instructions that nobody vouches for: it reads, and what it writes is thrown away.
    Untrusted,
}

impl Ring {
    /// Every ring, from the inside out.
    pub const ALL: [Self; 4] = [Self::Human, Self::Trusted, Self::Supervised, Self::Untrusted];

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Human => 0,
            Self::Trusted => 1,
            Self::Supervised => 2,
            Self::Untrusted => 3,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "humans only",
            Self::Trusted => "trusted automation",
            Self::Supervised => "supervised agent",
            Self::Untrusted => "untrusted",
        }
    }

    /// Whether this is the default, which need not be written down.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Ring> for u8 {
    fn from(ring: Ring) -> Self {
        ring.number()
    }
}

impl TryFrom<u8> for Ring {
    type Error = UnknownRing;

    fn try_from(number: u8) -> Result<Self, UnknownRing> {
        let found = Self::ALL.into_iter().find(|ring| ring.number() == number);
        found.ok_or_else(|| UnknownRing(number.to_string()))
    }
}

impl FromStr for Ring {
    type Err = UnknownRing;

    fn from_str(text: &str) -> Result<Self, UnknownRing> {
        let number = text.parse::<u8>().map_err(|_| UnknownRing(text.to_owned()))?;
        Self::try_from(number)
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// A number that no ring has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no ring; use 1 (trusted automation), 2 (supervised agent, the default) or 3 \
     (untrusted)"
)]
pub struct UnknownRing(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_its_number() {
        for (number, ring) in ["0", "1", "2", "3"].into_iter().zip(Ring::ALL) {
            assert_eq!(number.parse(), Ok(ring));
            assert_eq!(ring.to_string(), number);
            assert_eq!(serde_json::to_string(&ring).unwrap(), number);
            assert_eq!(serde_json::from_str::<Ring>(number).unwrap(), ring);
        }
        for text in ["", "4", "-1", "256", "two", "2.0"] {
            assert!(text.parse::<Ring>().is_err(), "{text}");
        }
        assert!(Ring::Untrusted > Ring::default() && Ring::default() > Ring::Trusted);
    }
}
