//! The parameters of GraphQL over HTTP, wherever a message carries them.

use bytes::Bytes;
use holdpoint_core::Digest;
use percent_encoding::percent_decode_str;

use super::{BATCH_MAX, DOCUMENT_BYTES_MAX};
use crate::{
    Unreadable, World,
    http::{
        Body, Message,
        json::{Json, same_folded},
    },
};

/// The keys that decide what runs: those of GraphQL over HTTP, and those under which servers
/// look up a document that they have stored.
const KEYS: [&str; 7] =
    ["query", "operationName", "variables", "extensions", "documentId", "id", "doc_id"];

/// What a message asks a GraphQL server to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// In their order; more than one only in a batch, never none.
    pub executions: Vec<Execution>,
}

/// One document, to be run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The document's text; that of a persisted one where only its hash was sent.
    pub document: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Vec<(String, Json)>,
}

impl Transport {
    /// Reads what `message` carries; persisted documents come from `world`.
    pub fn read(message: &Message, world: &dyn World) -> Result<Self, Unreadable> {
        refuse_other_codings(message)?;
        let url = message.target.split_once('?').map_or("", |(_, query)| query);
        let url = Parameters::from_form(url, "the URL")?;
        let body = match &message.body {
            Body::Whole(bytes) => bytes,
            Body::Prefix(_) => {
                return Err(Unreadable::over_limit(
                    "the GraphQL body is larger than the limit and cannot be judged by its \
                     beginning; send it in parts",
                ));
            }
        };
        let executions = match message.method.as_str() {
            "GET" | "HEAD" if body.is_empty() => vec![url.resolve(world)?],
            "GET" | "HEAD" => {
                return Err(Unreadable::new("a GET with a body can be read in two ways; use POST"));
            }
            "POST" if body.is_empty() => vec![url.resolve(world)?],
            "POST" => read_body(message, body, &url, world)?,
            method => {
                return Err(Unreadable::new(format!(
                    "GraphQL is not sent with {method}; use POST with a JSON body"
                )));
            }
        };
        Ok(Self { executions })
    }
}

/// Refuses what would make the bytes mean something else than they say.
fn refuse_other_codings(message: &Message) -> Result<(), Unreadable> {
    let header = |wanted: &'static str| {
        message.headers.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value)
    };
    if header("content-encoding").any(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(Unreadable::new("the body is compressed; send it without content-encoding"));
    }
    if header("upgrade").next().is_some() {
        return Err(Unreadable::new(
            "what a WebSocket carries cannot be judged; send GraphQL with POST",
        ));
    }
    Ok(())
}

fn read_body(
    message: &Message,
    body: &Bytes,
    url: &Parameters,
    world: &dyn World,
) -> Result<Vec<Execution>, Unreadable> {
    let media_type = media_type(message)?;
    let parameters = match media_type.as_str() {
        "application/json" | "application/graphql+json" => match Json::read(body)? {
            Json::Array(batch) if batch.len() > BATCH_MAX => {
                return Err(Unreadable::over_limit(format!(
                    "the batch has more than {BATCH_MAX} documents; send it in parts"
                )));
            }
            Json::Array(batch) if !batch.is_empty() => {
                batch.iter().map(Parameters::from_json).collect::<Result<Vec<_>, _>>()?
            }
            json => vec![Parameters::from_json(&json)?],
        },
        "application/graphql" => {
            vec![Parameters { query: Some(text(body)?.to_owned()), ..Parameters::default() }]
        }
        "application/x-www-form-urlencoded" => {
            vec![Parameters::from_form(text(body)?, "the form")?]
        }
        other => {
            return Err(Unreadable::new(format!(
                "GraphQL in `{other}` cannot be judged; send `content-type: application/json`"
            )));
        }
    };
    parameters.into_iter().map(|it| it.beside(url)?.resolve(world)).collect()
}

/// The one media type, in lower case, whose charset is UTF-8.
fn media_type(message: &Message) -> Result<String, Unreadable> {
    let mut types = message.headers.iter().filter(|(name, _)| name == "content-type");
    let (Some((_, value)), None) = (types.next(), types.next()) else {
        return Err(Unreadable::new(
            "a GraphQL body needs exactly one content-type; send `application/json`",
        ));
    };
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_owned();
    let mut charsets = parts
        .filter_map(|part| part.strip_prefix("charset"))
        .map(|rest| rest.trim_matches([' ', '\t', '=', '"']));
    match charsets.find(|charset| !matches!(*charset, "utf-8" | "utf8")) {
        None => Ok(media_type),
        Some(other) => {
            Err(Unreadable::new(format!("the body is in the charset `{other}`; send it as UTF-8")))
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes)
        .map_err(|_| Unreadable::new("the body is not UTF-8; send it as UTF-8"))
}

/// What was sent under [`KEYS`]; null counts as not sent.
#[derive(Debug, Default)]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Json>,
    extensions: Option<Json>,
    stored: Option<String>,
}

impl Parameters {
    fn from_json(json: &Json) -> Result<Self, Unreadable> {
        if !matches!(json, Json::Object(_)) {
            return Err(Unreadable::new(
                "a GraphQL body is an object with `query`, or a list of such objects",
            ));
        }
        let field = |key| Ok(json.field(key)?.filter(|value| !value.is_null()));
        let string = |key| match field(key)? {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Unreadable::new(format!("`{key}` is no string; send a string"))),
        };
        let object = |key| match field(key)? {
            Some(Json::String(text)) => object_in(key, text),
            Some(object @ Json::Object(_)) => Ok(Some(object.clone())),
            None => Ok(None),
            Some(_) => Err(Unreadable::new(format!("`{key}` is no object; send an object"))),
        };
        Ok(Self {
            query: string("query")?,
            operation_name: string("operationName")?,
            variables: object("variables")?,
            extensions: object("extensions")?,
            stored: one_of([string("documentId")?, string("id")?, string("doc_id")?])?,
        })
    }

    /// Reads `name=value&…` as sent in `place`.
    fn from_form(form: &str, place: &str) -> Result<Self, Unreadable> {
        if form.contains(';') {
            return Err(Unreadable::new(format!(
                "a bare `;` in {place} separates values for some servers; send it as %3B"
            )));
        }
        let mut values: [Option<String>; 7] = Default::default();
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?;
            let base = base(&name);
            let Some(index) = KEYS.iter().position(|key| same_folded(base, key)) else {
                continue;
            };
            let (Some(key), Some(slot)) = (KEYS.get(index), values.get_mut(index)) else {
                continue;
            };
            if name != *key {
                return Err(Unreadable::new(format!(
                    "some servers read `{name}` in {place} as `{key}`; write `{key}`"
                )));
            }
            if slot.replace(decoded(value)?).is_some() {
                return Err(Unreadable::new(format!("`{key}` is in {place} twice; send it once")));
            }
        }
        let [query, operation_name, variables, extensions, document_id, id, doc_id] =
            values.map(|value| value.filter(|text| !text.is_empty()));
        Ok(Self {
            query,
            operation_name,
            variables: variables.map_or(Ok(None), |text| object_in("variables", &text))?,
            extensions: extensions.map_or(Ok(None), |text| object_in("extensions", &text))?,
            stored: one_of([document_id, id, doc_id])?,
        })
    }

    /// These parameters of a body, sent beside those of a URL. Some servers merge the two, some
    /// let one win: only a lone `operationName` in the URL means the same to all.
    fn beside(mut self, url: &Self) -> Result<Self, Unreadable> {
        let others = [&url.query, &url.stored].iter().any(|value| value.is_some())
            || url.variables.is_some()
            || url.extensions.is_some();
        if others || url.operation_name.is_some() && self.operation_name.is_some() {
            return Err(Unreadable::new(
                "the URL and the body both carry GraphQL, and servers differ in which counts; \
                 send all of it in the body",
            ));
        }
        self.operation_name = self.operation_name.or_else(|| url.operation_name.clone());
        Ok(self)
    }

    /// The document that would run.
    fn resolve(self, world: &dyn World) -> Result<Execution, Unreadable> {
        let sent = one_of([self.hash()?, self.stored])?;
        let hash = sent.map(|text| text.trim_start_matches("sha256:").to_ascii_lowercase());
        let document = match (self.query, hash) {
            (Some(query), None) => query,
            (Some(query), Some(hash)) if Digest::of(query.as_bytes()).to_string() == hash => query,
            (Some(_), Some(_)) => {
                return Err(Unreadable::new(
                    "the query is not the one that its hash names; send the query alone",
                ));
            }
            (None, Some(hash)) => match world.persisted(&hash) {
                Some(text) => text.as_ref().to_owned(),
                None => {
                    return Err(Unreadable::new(
                        "the persisted document is not known here; send the query itself",
                    ));
                }
            },
            (None, None) => {
                return Err(Unreadable::new("there is no `query`; send one in a JSON body"));
            }
        };
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::over_limit(format!(
                "the document is longer than {DOCUMENT_BYTES_MAX} bytes; send it in parts"
            )));
        }
        let variables = match self.variables {
            Some(Json::Object(fields)) => fields,
            _ => Vec::new(),
        };
        Ok(Execution { document, operation_name: self.operation_name, variables })
    }

    /// The hash of an automatically persisted query.
    fn hash(&self) -> Result<Option<String>, Unreadable> {
        let Some(extensions) = &self.extensions else { return Ok(None) };
        let Some(persisted) = extensions.field("persistedQuery")?.filter(|it| !it.is_null()) else {
            return Ok(None);
        };
        match persisted.field("sha256Hash")? {
            Some(Json::String(hash)) => Ok(Some(hash.clone())),
            _ => Err(Unreadable::new(
                "`extensions.persistedQuery` has no `sha256Hash`; send the query itself",
            )),
        }
    }
}

/// The object written in `text` under `key`; `null` is none.
fn object_in(key: &str, text: &str) -> Result<Option<Json>, Unreadable> {
    match Json::read(text.as_bytes())? {
        Json::Null => Ok(None),
        object @ Json::Object(_) => Ok(Some(object)),
        _ => Err(Unreadable::new(format!("`{key}` is no JSON object; send an object"))),
    }
}

/// The one text of several places; none if there is none.
fn one_of<const N: usize>(texts: [Option<String>; N]) -> Result<Option<String>, Unreadable> {
    let mut texts = texts.into_iter().flatten();
    let first = texts.next();
    match texts.next() {
        Some(_) => Err(Unreadable::new(
            "the message names a stored document in several ways; send the query itself",
        )),
        None => Ok(first),
    }
}

/// What the laxest reader takes a form's name for: without what stands before it, and up to the
/// first sign that is none of a name (`query[]`, `query.0`, a NUL).
fn base(name: &str) -> &str {
    let is_sign = |character: char| !character.is_alphanumeric() && character != '_';
    name.trim_start_matches(is_sign).split(is_sign).next().unwrap_or_default()
}

/// A form's text, decoded: `+` is a space, `%` needs two digits, the bytes are UTF-8.
fn decoded(text: &str) -> Result<String, Unreadable> {
    let escapes = text.split('%').skip(1);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !escapes.into_iter().all(is_escape) {
        return Err(Unreadable::new("a `%` is not followed by two hexadecimal digits"));
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Unreadable::new("percent-encoded bytes are not UTF-8; send them as UTF-8"))
}
