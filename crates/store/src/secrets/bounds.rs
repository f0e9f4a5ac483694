//! What a secret was made for: hosts, places in a message, a purpose, an environment.

use std::{fmt, str::FromStr};

use holdpoint_core::{
    Environment,
    identity::{Grant, Place},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{error::StoreError, host_pattern::HostPattern};

/// Bytes of a purpose, and the stars in it: matching stays cheap whatever a human writes.
const PURPOSE_BYTES_MAX: usize = 200;
const PURPOSE_STARS_MAX: usize = 8;

/// Operations that a credential was made for, for example `railway:customDomain*`; a star is any
/// number of characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(String);

impl Purpose {
    /// To sign or decrypt on this machine: what has it is sent nowhere, and is real inside.
    pub fn local() -> Self {
        Self(LOCAL.to_owned())
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Purpose {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | ',');
        // A provider with a star would be all of them: the purpose would bound nothing.
        let named = text.split_once(':').is_some_and(|(provider, name)| {
            !provider.is_empty() && !provider.contains('*') && !name.is_empty()
        });
        let small =
            text.len() <= PURPOSE_BYTES_MAX && text.matches('*').count() <= PURPOSE_STARS_MAX;
        if named && small && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        let value = text.chars().take(80).collect::<String>().escape_debug().to_string();
        let expected =
            "provider:operation, for example railway:customDomain*, with at most 8 stars";
        Err(StoreError::Malformed { what: "purpose", value, expected })
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The provider of purposes that are no operation of any agent: `lookup:railway`.
const LOOKUP: &str = "lookup";

/// What is used on this machine alone.
const LOCAL: &str = "local:use";

/// What a secret is bound to. Without hosts or without a purpose it is bound to nothing, and
/// nothing is sent with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Bounds {
    /// Where it may be sent.
    pub hosts: Vec<HostPattern>,
    /// The operations it was made for.
    pub purposes: Vec<Purpose>,
    /// The one environment that it belongs to; without it, every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Where in a message it may stand, beside the headers that carry credentials. Unwritten when
    /// there are none: values that were sealed before there were places still open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

impl Bounds {
    /// The provider that the gateway asks with this secret where things lie (`lookup:railway`).
    /// Agents have no use of such a secret, whatever a policy says.
    pub fn lookup(&self) -> Option<&str> {
        let mut asked = self.purposes.iter().filter_map(|purpose| {
            purpose.as_str().split_once(':').filter(|(provider, _)| *provider == LOOKUP)
        });
        asked.next().map(|(_, provider)| provider)
    }

    /// Whether it is used on this machine alone.
    pub fn is_local(&self) -> bool {
        self.purposes.iter().any(|purpose| purpose.as_str() == LOCAL)
    }

    /// The rule that decides about these bounds.
    pub fn grant(&self) -> Grant {
        Grant {
            hosts: self.hosts.iter().map(|host| host.as_str().to_owned()).collect(),
            purpose: self.purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
            environment: self.environment,
            places: self.places.clone(),
        }
    }
}
