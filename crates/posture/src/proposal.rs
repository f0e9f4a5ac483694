//! What is found, as a secret that a run can have a phantom of.

use std::fmt;

use holdpoint_catalog::credentials::{Binding, Found, Place, Use, binding};
use holdpoint_core::plain::shell;
use holdpoint_store::{StoreError, secrets::Bounds};
use secrecy::SecretString;

/// Characters of a name that come from where it was found.
const STEM_CHARS_MAX: usize = 48;
/// Digits of the fingerprint that tell two of one name apart.
const DIGITS: usize = 6;

/// A secret as it would be kept.
pub struct Proposal {
    /// What to call it: as it is called where it was found, with a few digits of its fingerprint.
    pub name: String,
    /// The real credential.
    pub value: SecretString,
    /// What it binds itself to; nothing, if that is for a human to say.
    pub bounds: Bounds,
    /// How it is used.
    pub how: Use,
    /// Hosts for a human to choose from, where it binds itself to none.
    pub hosts: Vec<String>,
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal")
            .field("name", &self.name)
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}

impl Proposal {
    /// What `found` at `place`, with `value` and its keyed `fingerprint`, would be kept as.
    pub fn of(
        found: &Found,
        place: Place,
        value: SecretString,
        fingerprint: &str,
    ) -> Result<Self, StoreError> {
        let Binding { how, hosts, purposes } = binding(found, place);
        let name = name(&found.name, fingerprint);
        let bounds = match how {
            Use::Sent => Bounds {
                hosts: hosts.iter().map(|host| host.parse()).collect::<Result<_, _>>()?,
                purposes: purposes.iter().map(|it| it.parse()).collect::<Result<_, _>>()?,
                ..Bounds::default()
            },
            // What signs with a phantom signs with a value for development; a human says what is real.
            Use::Local | Use::Unbound => Bounds::default(),
        };
        Ok(Self { name, value, bounds, how, hosts })
    }

    /// The command that binds it, where it does not bind itself: what a refusal with
    /// `unbound_credential` tells.
    pub fn command(&self) -> Option<String> {
        match self.how {
            Use::Sent => None,
            Use::Local => Some(format!("holdpoint secrets bind {} --local", self.name)),
            Use::Unbound => Some(bind_command(&self.name, &self.hosts)),
        }
    }
}

/// The command by which a human says what the secret `name` is for.
pub fn bind_command(name: &str, hosts: &[String]) -> String {
    let host = hosts.first().map_or("HOST", String::as_str);
    format!(
        "holdpoint secrets bind {name} --host {} --purpose 'PROVIDER:OPERATION' --environment ENVIRONMENT",
        shell(host)
    )
}

/// A name for a secret that is called `said` where it lies.
pub fn name(said: &str, fingerprint: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let stem: String = said.chars().map(plain).take(STEM_CHARS_MAX).collect();
    let stem = stem.trim_matches(['-', '.']);
    let digits: String = fingerprint.chars().take(DIGITS).collect();
    match stem.is_empty() {
        true => format!("found-{digits}"),
        false => format!("{stem}-{digits}"),
    }
}
