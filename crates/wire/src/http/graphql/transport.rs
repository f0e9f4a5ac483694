//! The parameters of GraphQL over HTTP, wherever a message carries them.

use holdpoint_core::Digest;

use super::{BATCH_MAX, DOCUMENT_BYTES_MAX};
use crate::{
    Unreadable, World,
    http::{
        Message,
        content::{self, Content},
        json::{Json, same_folded},
        path,
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
        if message.header("upgrade").next().is_some() {
            return Err(Unreadable::new(
                "what a WebSocket carries cannot be judged; send GraphQL with POST",
            ));
        }
        // What cannot be read is refused even where the method would not have it.
        let content = content::read(message)?;
        let url = message.target.split_once('?').map_or("", |(_, query)| query);
        let url = Parameters::from_url(url)?;
        let empty = message.body.bytes().is_empty();
        let executions = match message.method.as_str() {
            "GET" | "HEAD" | "POST" if empty => vec![url.resolve(world)?],
            "GET" | "HEAD" => {
                return Err(Unreadable::new("a GET with a body can be read in two ways; use POST"));
            }
            "POST" => in_body(message, content)?
                .into_iter()
                .map(|it| it.beside(&url)?.resolve(world))
                .collect::<Result<_, _>>()?,
            method => {
                return Err(Unreadable::new(format!(
                    "GraphQL is not sent with {method}; use POST with a JSON body"
                )));
            }
        };
        Ok(Self { executions })
    }
}

/// The parameters in a body; several in a batch.
fn in_body(message: &Message, content: Content) -> Result<Vec<Parameters>, Unreadable> {
    let media_type = content::media_type(message);
    let typed = !matches!(media_type.as_str(), "" | "text/plain");
    match content {
        Content::Json(Json::Array(batch)) if typed && batch.len() > BATCH_MAX => {
            Err(Unreadable::over_limit(format!(
                "the batch has more than {BATCH_MAX} documents; send it in parts"
            )))
        }
        Content::Json(Json::Array(batch)) if typed && !batch.is_empty() => {
            batch.into_iter().map(Parameters::from_json).collect()
        }
        Content::Json(json) if typed => Ok(vec![Parameters::from_json(json)?]),
        Content::Document(query) => {
            Ok(vec![Parameters { query: Some(query), ..Parameters::default() }])
        }
        Content::Form(pairs) if typed && !media_type.starts_with("multipart/") => {
            refuse_semicolons(message.body.bytes(), "the form")?;
            Ok(vec![Parameters::from_pairs(pairs, "the form")?])
        }
        _ => Err(Unreadable::new(format!(
            "GraphQL in `{media_type}` cannot be judged; send `content-type: application/json`"
        ))),
    }
}

/// Some servers split a query or form at `;`, and GraphQL has to mean one thing.
fn refuse_semicolons(text: &[u8], place: &str) -> Result<(), Unreadable> {
    match text.contains(&b';') {
        true => Err(Unreadable::new(format!(
            "a bare `;` in {place} separates values for some servers; send it as %3B"
        ))),
        false => Ok(()),
    }
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
    fn from_json(json: Json) -> Result<Self, Unreadable> {
        for key in KEYS {
            json.field(key)?;
        }
        let Json::Object(fields) = json else {
            return Err(Unreadable::new(
                "a GraphQL body is an object with `query`, or a list of such objects",
            ));
        };
        let mut values: [Option<Json>; 7] = Default::default();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            let slot = KEYS.iter().position(|key| *key == name).and_then(|at| values.get_mut(at));
            if let Some(slot) = slot {
                *slot = Some(value);
            }
        }
        let [query, operation_name, variables, extensions, document_id, id, doc_id] = values;
        Ok(Self {
            query: string("query", query)?,
            operation_name: string("operationName", operation_name)?,
            variables: object("variables", variables)?,
            extensions: object("extensions", extensions)?,
            stored: one_of([
                string("documentId", document_id)?,
                string("id", id)?,
                string("doc_id", doc_id)?,
            ])?,
        })
    }

    /// Reads a URL's query.
    fn from_url(query: &str) -> Result<Self, Unreadable> {
        refuse_semicolons(query.as_bytes(), "the URL")?;
        Self::from_pairs(path::parameters(query)?, "the URL")
    }

    /// Reads names and values as sent in `place`.
    fn from_pairs(pairs: Vec<(String, String)>, place: &str) -> Result<Self, Unreadable> {
        let mut values: [Option<String>; 7] = Default::default();
        for (name, value) in pairs {
            let base = path::lax_name(&name);
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
            if slot.replace(value).is_some() {
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

/// The string that was sent under `key`.
fn string(key: &str, sent: Option<Json>) -> Result<Option<String>, Unreadable> {
    match sent {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unreadable::new(format!("`{key}` is no string; send a string"))),
    }
}

/// The object that was sent under `key`, as it is or written in a string.
fn object(key: &str, sent: Option<Json>) -> Result<Option<Json>, Unreadable> {
    match sent {
        Some(Json::String(text)) => object_in(key, &text),
        Some(object @ Json::Object(_)) => Ok(Some(object)),
        None => Ok(None),
        Some(_) => Err(Unreadable::new(format!("`{key}` is no object; send an object"))),
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
