//! Whether an operation can be taken back.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whether and how an operation can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reversibility {
    /// Another operation undoes it, given the state before.
    Inverse,
    /// The provider lets it be undone for this many seconds.
    Window(u64),
    /// Nothing brings it back.
    None,
    /// Nobody knows; treated as none.
    Unknown,
}

impl fmt::Display for Reversibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inverse => f.write_str("inverse"),
            Self::Window(seconds) => write!(f, "window:{seconds}"),
            Self::None => f.write_str("none"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Serialize for Reversibility {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reversibility {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "inverse" => Ok(Self::Inverse),
            "none" => Ok(Self::None),
            "unknown" => Ok(Self::Unknown),
            other => other
                .strip_prefix("window:")
                .and_then(|seconds| seconds.parse().ok())
                .map(Self::Window)
                .ok_or_else(|| de::Error::custom(format!("`{other}` is no reversibility"))),
        }
    }
}
