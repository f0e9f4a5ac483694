//! Credentials that lie about: told by name, shape and sink, in files and variables.
//!
//! A value is a credential because of what it is called (a variable, a key), what it looks like
//! (a prefix, a checksum, a key's armour), or where it would go (a host beside it, a tool's own
//! login file); a bare UUID is one only by its name. In the order in which bytes are read:
//!
//! - what a path says of its file: an example, a lock file, code, prose, a tool's login
//! - text in any encoding, searched once for all that could begin a credential
//! - tokens with a prefix or a shape of their own, URLs with passwords, names with values, and the
//!   few formats that have neither (`.netrc`, `.pgpass`, Docker's and npm's base64)
//! - what is no credential after all: placeholders, look-alikes, what is public by design
//! - the sink: whose it is, and the hosts that it was made for
//!
//! Formats of tokens, names of variables and places of files are from the providers' public
//! documents and from common use.

mod assignments;
mod binding;
mod checksums;
mod documents;
mod finder;
mod headers;
mod kinds;
mod login_files;
mod names;
mod providers;
mod role;
mod sinks;
mod text;
mod tokens;
mod urls;
mod value;
mod writing;

#[cfg(test)]
mod tests;

use std::ops::Range;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use binding::{Binding, Place, Use, binding};
pub use finder::{FINDS_MAX, Finder, VALUE_BYTES_MAX};
pub use kinds::{Kind, Mark, is_test, kind};
pub use login_files::{LOGIN_FILES, PACKAGE_LOGINS, TRANSCRIPTS};
pub use providers::{Provider, Rotation, provider, providers};
pub use role::relative;
pub use writing::Writing;

/// A credential in a file or a variable. It never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The bytes of the input that are secret, and nothing around them: of a URL its password, of
    /// an armoured key what lies between its lines.
    pub span: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The variable or key whose value it is; what kind it is, if nothing names it.
    pub name: String,
    /// What it is.
    pub kind: &'static Kind,
    /// Who gave it out, as its format or its name says.
    pub provider: Option<&'static str>,
    /// Where it would go.
    pub sink: Sink,
    /// How sure that is.
    pub confidence: Confidence,
    /// How the value is written in the bytes of `span`.
    pub writing: Writing,
}

impl Found {
    /// The value as a program would send it; nothing if `bytes` are not those that were searched.
    pub fn value(&self, bytes: &[u8]) -> Option<SecretString> {
        self.writing.read(bytes.get(self.span.clone())?)
    }

    /// The bytes for `span` when `stand_in` is in the place of the value: as many as before, and
    /// written in the same way. Nothing if `stand_in` has not the length and shape of the value.
    pub fn replaced(&self, bytes: &[u8], stand_in: &str) -> Option<Vec<u8>> {
        self.writing.write(bytes.get(self.span.clone())?, stand_in)
    }
}

/// Where a credential would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// To these hosts (`*.example.com` is everything below).
    Hosts(Vec<String>),
    /// Nowhere: it signs or decrypts on this machine.
    Here,
    /// Nothing says where.
    Unknown,
}

/// How sure it is that something is a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A name says so and the value looks like one.
    Possible,
    /// Name, shape and place agree.
    Likely,
    /// It can be nothing else: a provider's own format, a key's armour, a login file.
    Certain,
}

impl Confidence {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}
