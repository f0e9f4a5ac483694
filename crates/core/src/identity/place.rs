//! Where in a message a credential stands, and where a human said that it may.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Bytes of a place's name, at most.
const NAME_BYTES_MAX: usize = 200;

/// Where in a message a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site<'a> {
    /// A header that carries credentials: `Authorization`, a cookie, `X-Api-Key`.
    Header,
    /// The query parameter of this name.
    Query(&'a str),
    /// The field of this name, in a form or at the top of a JSON object.
    Body(&'a str),
    /// A place that is named for a credential, and that the upstream keeps as it came: metadata
    /// of an object, a part of an upload.
    Content,
    /// Text of any kind: what looks like a credential there is only told by its shape.
    Text,
}

/// Where a human said that a secret may stand, beside the headers that carry credentials:
/// `query:access_token`, `body:client_secret`. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A query parameter.
    Query(String),
    /// A field of a form, or at the top of a JSON object.
    Body(String),
}

impl Place {
    /// Whether this is where `site` is.
    pub fn is_at(&self, site: Site<'_>) -> bool {
        match (self, site) {
            (Self::Query(own), Site::Query(name)) | (Self::Body(own), Site::Body(name)) => {
                own.eq_ignore_ascii_case(name)
            }
            _ => false,
        }
    }
}

/// A word that is no place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no place for a secret; write query:NAME or body:NAME, such as query:access_token"
)]
pub struct PlaceError(String);

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let malformed = || PlaceError(text.chars().take(80).flat_map(char::escape_debug).collect());
        let (part, name) = text.split_once(':').ok_or_else(malformed)?;
        let plain = name.trim() == name && !name.chars().any(char::is_control);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !plain {
            return Err(malformed());
        }
        match part {
            "query" => Ok(Self::Query(name.to_owned())),
            "body" => Ok(Self::Body(name.to_owned())),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Body(name) => write!(f, "body:{name}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_it_is_read() {
        for text in ["query:access_token", "body:client_secret", "body:user[password]", "query:a:b"]
        {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), text);
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        }
        let long = format!("query:{}", "a".repeat(201));
        for text in
            ["", "query", "query:", "header:x-api-key", "Query:a", "body: a", "b\u{7}", &long]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
