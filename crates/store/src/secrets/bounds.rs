//! What a secret was made for: hosts, a purpose, an environment.

use std::{fmt, str::FromStr};

use holdpoint_core::{Effect, Environment, Operation, identity::Grant, policy::Credential};
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
    /// Whether an operation of this name is meant.
    pub fn matches(&self, operation: &str) -> bool {
        glob(self.0.as_bytes(), operation.as_bytes())
    }

    /// The part before the colon.
    pub fn provider(&self) -> &str {
        self.0.split_once(':').map_or("", |(provider, _)| provider)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Matches with one place to go back to, the last star: linear in both, times each other at worst.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(byte), _) if Some(byte) == text.get(t) => (p, t) = (p + 1, t + 1),
            (_, Some((at, from))) => {
                (p, t) = (at + 1, from + 1);
                star = Some((at, t));
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
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
}

impl Bounds {
    /// The rule that decides about these bounds.
    pub fn grant(&self) -> Grant {
        Grant {
            hosts: self.hosts.iter().map(|host| host.as_str().to_owned()).collect(),
            purpose: self.purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
            environment: self.environment,
        }
    }

    /// Whether a human has said where it may go and what for.
    pub fn is_bound(&self) -> bool {
        !self.hosts.is_empty() && !self.purposes.is_empty()
    }

    /// Whether it may be sent to `host`.
    pub fn reach(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }

    /// Whether it was made for `operation`. A purpose bounds what a credential may *change*:
    /// what only observes, at a provider that a purpose names, and shows no secrets, is within
    /// it too.
    pub fn within_purpose(&self, operation: &Operation) -> bool {
        let observes = operation.effect == Effect::Observe && !operation.reveals_secrets;
        self.purposes.iter().any(|purpose| {
            purpose.matches(&operation.name)
                || (observes && purpose.provider() == operation.provider())
        })
    }

    /// Whether it belongs where the operation takes effect. What is local, without an environment
    /// or unknown is not *another* environment; production that is not its own is.
    pub fn within_environment(&self, environment: Environment) -> bool {
        let elsewhere = match environment {
            Environment::Local | Environment::None | Environment::Unknown => None,
            named => Some(named),
        };
        match (self.environment, elsewhere) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        }
    }

    /// What an operation's credential is, for policy: the first bound that it oversteps.
    pub fn judge(&self, host: &str, operation: &Operation, environment: Environment) -> Credential {
        if !self.is_bound() {
            Credential::Unbound
        } else if !self.reach(host) {
            Credential::Leaving
        } else if !self.within_purpose(operation) {
            Credential::OutsidePurpose
        } else if !self.within_environment(environment) {
            Credential::WrongEnvironment
        } else {
            Credential::Granted
        }
    }
}
