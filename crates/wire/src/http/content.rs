//! A body as far as its content type lets it be read: the one place where media types, character
//! sets and codings are judged, for every dialect.

use super::{
    coding,
    credentials::multipart,
    json::{Json, same_folded},
    message::{Body, Message},
    path,
};
use crate::Unreadable;

/// The most lines that a body of JSON lines may have.
const LINES_MAX: usize = 10_000;

/// The most fields that a multipart body may have.
const FIELDS_MAX: usize = 1000;

/// What a body says, as far as judgement needs it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// JSON, read strictly.
    Json(Json),
    /// One JSON value a line, each read strictly.
    Lines(Vec<Json>),
    /// A form: names and values.
    Form(Vec<(String, String)>),
    /// A GraphQL document by itself.
    Document(String),
    /// XML, as text: procedures have names there, too.
    Xml(String),
    /// Nothing, or something whose bytes are no instructions (an upload).
    Opaque,
}

impl Content {
    /// The value of a top-level field that decides what is done; empty where it is no word.
    /// Refuses two values, and spellings that only some servers take for it.
    pub(super) fn field<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Unreadable> {
        match self {
            Self::Json(json) => {
                let value = json.field(name)?.filter(|value| !value.is_null());
                Ok(value.map(|value| value.word().unwrap_or_default()))
            }
            Self::Form(_) => {
                let mut values = self.folded(name);
                let first = values.next();
                match values.any(|other| Some(other) != first) {
                    true => Err(Unreadable::new(format!(
                        "the form has several values for `{name}`; send one"
                    ))),
                    false => Ok(first),
                }
            }
            _ => Ok(None),
        }
    }

    /// The values of every top-level field that some server takes for `name`.
    pub(super) fn folded<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let json = match self {
            Self::Json(json) => Some(json),
            _ => None,
        };
        let in_json = json.into_iter().flat_map(|json| json.folded(name));
        let words = in_json.filter_map(|(_, value)| value.word());
        let form = self.pairs().iter().filter(|(own, _)| same_folded(path::lax_name(own), name));
        words.chain(form.map(|(_, value)| value.as_str()))
    }

    /// The names and values of a form.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        match self {
            Self::Form(pairs) => pairs,
            _ => &[],
        }
    }

    /// Whether an object in it has the key `name`: at any depth of one JSON value, at the top of
    /// JSON lines.
    pub(super) fn has_key(&self, name: &str) -> bool {
        match self {
            Self::Json(json) => holds_key(json, name),
            Self::Lines(lines) => lines.iter().any(|line| line.folded(name).next().is_some()),
            _ => false,
        }
    }
}

/// Reading has bounded the depth.
fn holds_key(json: &Json, name: &str) -> bool {
    json.fields().iter().any(|(own, value)| same_folded(own, name) || holds_key(value, name))
        || json.values().iter().any(|value| holds_key(value, name))
}

/// Reads the body of `message`. Refuses what two readers could read differently: unknown
/// codings, other character sets, duplicate keys.
pub(super) fn read(message: &Message) -> Result<Content, Unreadable> {
    coding::refuse_coded(message)?;
    check_types(message)?;
    let bytes = match &message.body {
        Body::Whole(bytes) => bytes,
        Body::Prefix(begin) if is_opaque_whatever_follows(message, begin) => {
            return Ok(Content::Opaque);
        }
        Body::Prefix(_) => {
            return Err(Unreadable::over_limit(
                "the body is longer than can be judged, and method, path and its beginning do not say what it does; send less at once",
            ));
        }
    };
    if bytes.is_empty() {
        return Ok(Content::Opaque);
    }
    match media_type(message).as_str() {
        // Clients that name no type send this one, and many servers read JSON whatever it says.
        "application/x-www-form-urlencoded" if begins_like_json(bytes) => {
            Json::read(bytes).map(Content::Json)
        }
        "application/x-www-form-urlencoded" => path::parameters(utf8(bytes)?).map(Content::Form),
        "application/graphql" => Ok(Content::Document(utf8(bytes)?.to_owned())),
        media if media.ends_with("x-ndjson") || media == "application/jsonl" => lines(bytes),
        media if media.starts_with("multipart/") => multipart(bytes),
        media if media == "application/json" || media.ends_with("+json") => {
            Json::read(bytes).map(Content::Json)
        }
        media if media.ends_with("/xml") || media.ends_with("+xml") => {
            Ok(Content::Xml(utf8(bytes)?.to_owned()))
        }
        "" | "text/plain" => untyped(bytes),
        _ if begins_like_json(bytes) => {
            Ok(Json::read(bytes).map_or(Content::Opaque, Content::Json))
        }
        _ => Ok(Content::Opaque),
    }
}

/// Whether a body that begins so is opaque in any case, as [`read`] reads it: an object that is
/// stored, an archive. Such bodies may stream.
fn is_opaque_whatever_follows(message: &Message, begin: &[u8]) -> bool {
    let media = media_type(message);
    let judged = ["application/x-www-form-urlencoded", "application/graphql", "application/jsonl"];
    let suffixes = ["json", "xml"];
    let is_judged = judged.contains(&media.as_str())
        || media.starts_with("multipart/")
        || suffixes.iter().any(|suffix| media.ends_with(suffix));
    // JSON is told by its first two signs, which may have much white space around them.
    let first = begin.trim_ascii_start().split_first();
    let shows = first.is_some_and(|(_, rest)| !rest.trim_ascii_start().is_empty());
    match media.as_str() {
        "" | "text/plain" => shows && !begins_like_json(begin) && is_no_form(begin),
        _ => !is_judged && shows && !begins_like_json(begin),
    }
}

/// Whether a text that begins so is no form: forms have no spaces or lines, and are text.
fn is_no_form(begin: &[u8]) -> bool {
    let text = std::str::from_utf8(begin);
    // What is cut off within a letter may still be text.
    let text = text.map_err(|error| error.error_len());
    text.map_or_else(|broken| broken.is_some(), |text| text.contains(['\n', ' ']))
        || begin.contains(&b'\n')
        || begin.contains(&b' ')
}

/// The media type in lower case, without parameters; empty if there is none.
pub(super) fn media_type(message: &Message) -> String {
    let text = message.header_text("content-type").unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses bodies in other character sets, and several content types. Each parameter that begins
/// like a character set counts, however it is written: some servers take the first, some the last.
fn check_types(message: &Message) -> Result<(), Unreadable> {
    let mut types = message.header("content-type");
    let Some(own) = types.next() else { return Ok(()) };
    if types.next().is_some() {
        return Err(Unreadable::new("a body needs exactly one content-type; send one"));
    }
    let own = String::from_utf8_lossy(own).to_ascii_lowercase();
    let charsets = own.split(';').skip(1).filter_map(|part| part.trim().strip_prefix("charset"));
    let mut charsets = charsets.map(|rest| rest.trim_matches([' ', '\t', '=', '"', '\'']));
    match charsets.find(|own| !matches!(*own, "utf-8" | "utf8" | "us-ascii")) {
        None => Ok(()),
        Some(other) => Err(Unreadable::new(format!(
            "the body is in the charset `{other}` and has to be judged; send it as UTF-8"
        ))),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes)
        .map_err(|_| Unreadable::new("the body is not UTF-8; send it as UTF-8"))
}

/// JSON lines.
fn lines(bytes: &[u8]) -> Result<Content, Unreadable> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines = lines.take(LINES_MAX + 1).map(Json::read).collect::<Result<Vec<_>, _>>()?;
    match lines.len() > LINES_MAX {
        true => Err(Unreadable::over_limit(format!(
            "the body has more than {LINES_MAX} lines; send it in parts"
        ))),
        false => Ok(Content::Lines(lines)),
    }
}

/// The fields of an upload, without its files. All names that a server could read count.
fn multipart(bytes: &[u8]) -> Result<Content, Unreadable> {
    let mut pairs = Vec::new();
    for field in multipart::fields(bytes) {
        let value = bytes.get(field.range.clone()).unwrap_or_default();
        for name in
            field.names.iter().map(|name| path::decode(name)).collect::<Result<Vec<_>, _>>()?
        {
            // Some servers do not care whether what changes the method is a file.
            let counts = !field.is_file || same_folded(path::lax_name(&name), "_method");
            if counts && pairs.len() == FIELDS_MAX {
                return Err(Unreadable::over_limit(format!(
                    "the multipart body has more than {FIELDS_MAX} fields; send it in parts"
                )));
            }
            if counts {
                pairs.push((name.into_owned(), String::from_utf8_lossy(value).into_owned()));
            }
        }
    }
    Ok(if pairs.is_empty() { Content::Opaque } else { Content::Form(pairs) })
}

/// A body without a telling content type: many servers read JSON and forms from it all the same.
fn untyped(bytes: &[u8]) -> Result<Content, Unreadable> {
    if begins_like_json(bytes) {
        return Json::read(bytes).map(Content::Json);
    }
    let form = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.contains('=') && !text.contains(['\n', ' ']))
        .and_then(|text| path::parameters(text).ok());
    Ok(form.map_or(Content::Opaque, Content::Form))
}

/// Whether a text begins as an object with a key, or a list of texts, lists or objects: `[INFO]`
/// does not.
fn begins_like_json(bytes: &[u8]) -> bool {
    let begin = bytes.trim_ascii_start().split_first();
    begin.is_some_and(|(first, rest)| match (first, rest.trim_ascii_start().first()) {
        (b'{', Some(next)) => b"\"}".contains(next),
        (b'[', Some(next)) => b"\"[{]".contains(next),
        _ => false,
    })
}
