//! The credentials in a message: every position where they go, so that a foreign one is seen and
//! a phantom's secret can be put exactly where the phantom was.
//!
//! - [`find`](fn@find): the positions and what is there
//! - [`substitute`](fn@substitute): one value put in another's place, and nothing else changed
//! - [`occurrences`](fn@occurrences): whether some bytes are anywhere in a message, however they are written

mod find;
pub(super) mod multipart;
mod names;
mod occurrences;
mod shape;
mod subprotocol;
mod substitute;

use std::{fmt, ops::Range};

use holdpoint_core::identity::Site;
use secrecy::{ExposeSecret as _, SecretSlice};

pub use find::find;
pub use occurrences::occurrences;
pub use substitute::{SubstituteError, substitute};

/// A credential in a message. Its value is never printed, and wiped when dropped.
#[derive(Debug, Clone)]
pub struct CredentialUse {
    /// Where it is.
    pub position: Position,
    /// What is there, decoded.
    pub value: SecretSlice<u8>,
    /// How it is known for one.
    pub told_by: ToldBy,
}

impl CredentialUse {
    /// Whether it is this one.
    pub fn is(&self, value: &[u8]) -> bool {
        self.value.expose_secret() == value
    }

    /// Where it stands, as a grant sees it.
    pub fn site(&self) -> Site<'_> {
        let name = self.position.name.as_str();
        match self.position.part {
            _ if self.told_by == ToldBy::Shape => Site::Text,
            // Wherever it stands, what is put there is a signature in a header.
            _ if self.position.writing == Writing::Signed => Site::Header,
            Part::Header(_) if names::is_metadata(name) => Site::Content,
            Part::Header(_) => Site::Header,
            Part::Target => Site::Query(name),
            Part::Body => Site::Body(name),
            Part::Upload => Site::Content,
        }
    }
}

/// How a credential is known for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldBy {
    /// The place is for credentials: a phantom there is replaced where its grant says so, anything
    /// else is foreign.
    Place,
    /// The place is for anything, and the value looks like one: a foreign one is refused, but a
    /// phantom stays, as the secret in its place would be published.
    Shape,
    /// The user beside a password: a phantom there is replaced, anything else is a name.
    Nothing,
}

/// Where a credential is: a part of the message, a range of its bytes, and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Which part of the message.
    pub part: Part,
    /// The bytes of that part.
    pub range: Range<usize>,
    /// How the value is written there.
    pub writing: Writing,
    /// What the place is called: a header's, a parameter's, a cookie's or a field's name.
    pub name: String,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The value of the header at this index.
    Header(usize),
    /// Path and query.
    Target,
    /// The body: a form, or a JSON object.
    Body,
    /// A field of a multipart body. It is searched, and nothing is ever put there.
    Upload,
}

/// How a value is written in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// As it is.
    Plain,
    /// Percent-encoded.
    Percent,
    /// As a string of JSON, with its quotes.
    Json,
    /// The user of a `Basic` pair (RFC 7617).
    BasicUser,
    /// The password of a `Basic` pair.
    BasicPassword,
    /// As base64 for URLs, without padding (RFC 4648 §5).
    Base64Url,
    /// As part of an AWS signature: nothing is put in its place, the message is signed anew.
    Signed,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.part, self.writing) {
            (Part::Header(_), Writing::BasicUser) => write!(f, "the user in `{}`", self.name),
            (Part::Header(_), Writing::BasicPassword) => {
                write!(f, "the password in `{}`", self.name)
            }
            (Part::Header(_), _) => write!(f, "the header `{}`", self.name),
            (Part::Target, _) if self.name.is_empty() => f.write_str("the path"),
            (Part::Target, _) => write!(f, "the query parameter `{}`", self.name),
            (Part::Body, _) => write!(f, "the field `{}`", self.name),
            (Part::Upload, _) => write!(f, "the field `{}` of an upload", self.name),
        }
    }
}

#[cfg(test)]
mod tests;
