//! A body as far as its content type lets it be read.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    json::Json,
    message::{Body, Message},
    path,
};
use crate::Unreadable;

/// What a body says, as far as judgement needs it.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    /// JSON, read strictly.
    Json(Value),
    /// A form: names and values.
    Form(Vec<(String, String)>),
    /// XML, as text: procedures have names there, too.
    Xml(String),
    /// Nothing, or something whose bytes are no instructions (an upload).
    Opaque,
}

impl Content {
    /// The value of a top-level field: text as it is, numbers and truth values as written.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        match self {
            Self::Json(Value::Object(fields)) => match fields.get(name)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
            Self::Form(pairs) => {
                pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }
}

/// Reads the body of `message`. Refuses what two readers could read differently: compressed
/// bodies, other character sets, duplicate keys.
pub(super) fn read(message: &Message) -> Result<Content, Unreadable> {
    let Body::Whole(bytes) = &message.body else {
        return Err(Unreadable::over_limit(
            "the body is longer than can be judged, and method and path do not say what it does; send less at once",
        ));
    };
    if bytes.is_empty() {
        return Ok(Content::Opaque);
    }
    check_encoding(message)?;
    let media = media_type(message);
    match media.as_str() {
        "application/x-www-form-urlencoded" => {
            let text = utf8(bytes)?;
            Ok(Content::Form(path::parameters(text)?))
        }
        media if media.starts_with("multipart/") => multipart(bytes),
        media if media == "application/json" || media.ends_with("+json") => {
            strict_json(bytes).map(Content::Json)
        }
        media if media.ends_with("/xml") || media.ends_with("+xml") => {
            Ok(Content::Xml(utf8(bytes)?.to_owned()))
        }
        "" | "text/plain" => untyped(bytes),
        _ => Ok(Content::Opaque),
    }
}

/// The media type in lower case, without parameters; empty if there is none.
pub(super) fn media_type(message: &Message) -> String {
    let text = message.header_text("content-type").unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses bodies that would have to be decompressed or decoded before they can be judged.
fn check_encoding(message: &Message) -> Result<(), Unreadable> {
    let encoding = message.header_text("content-encoding").unwrap_or_default().trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(Unreadable::new(
            "the body is compressed and has to be judged; send it without Content-Encoding",
        ));
    }
    let content_type = message.header_text("content-type").unwrap_or_default();
    let mut charsets = content_type.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let known = ["utf-8", "utf8", "us-ascii"];
    if charsets.any(|own| !known.iter().any(|name| name.eq_ignore_ascii_case(own))) {
        return Err(Unreadable::new("the body is not in UTF-8; send it with charset=utf-8"));
    }
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable::new("the body is not UTF-8"))
}

/// An upload, unless one of its parts would change the method.
fn multipart(bytes: &[u8]) -> Result<Content, Unreadable> {
    let lower = bytes.to_ascii_lowercase();
    let overrides = [b"name=\"_method\"".as_slice(), b"name=_method", b"name='_method'"];
    if overrides.iter().any(|needle| memchr::memmem::find(&lower, needle).is_some()) {
        return Err(Unreadable::new(
            "a part of the multipart body changes the method (`_method`); send that method itself",
        ));
    }
    Ok(Content::Opaque)
}

/// A body without a telling content type: many servers read JSON and forms from it all the same.
fn untyped(bytes: &[u8]) -> Result<Content, Unreadable> {
    match strict_json(bytes) {
        Ok(value) if value.is_object() || value.is_array() => Ok(Content::Json(value)),
        Ok(_) => Ok(Content::Opaque),
        Err(unreadable) if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() => Err(unreadable),
        Err(_) => Ok(std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.contains('=') && !text.contains(['\n', ' ']))
            .and_then(|text| path::parameters(text).ok())
            .map_or(Content::Opaque, Content::Form)),
    }
}

/// JSON that can be read in one way only.
fn strict_json(bytes: &[u8]) -> Result<Value, Unreadable> {
    Json::read(bytes)?;
    serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::new(format!("the body is not strict JSON: {error}")))
}
