//! What arrived at the fake, what it was answered, and the log of it.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use holdpoint_core::{Digest, Timestamp};
use http::{Method, Request, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    document::Document,
    execute::{Executed, execute},
    schema::Schema,
    state::{Power, State},
};
use crate::error::DrillError;

/// How many arrivals the log keeps; after that the fake answers 503.
const ARRIVALS_MAX: usize = 10_000;
/// Where the original answers GraphQL.
const PATHS: [&str; 2] = ["/graphql/v2", "/graphql/internal"];

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The host that was asked for.
    pub host: String,
    /// The path and query.
    pub target: String,
    /// The root fields of the document, in order; empty if there was none that could be read.
    pub operations: Vec<String>,
    /// The [`fingerprint`] of the credential that came with it.
    pub credential: Option<String>,
    /// The mutations that took place because of it.
    pub executed: Vec<String>,
}

/// What can be said of a credential without showing it: the beginning of its SHA-256 digest.
pub fn fingerprint(credential: &str) -> String {
    Digest::of(credential.as_bytes()).to_string().chars().take(12).collect()
}

impl Arrival {
    /// What can be seen of `request` before it is read.
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            at: Timestamp(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
            method: request.method().as_str().to_owned(),
            host: header(request, header::HOST.as_str()).unwrap_or_default().to_owned(),
            target: request.uri().to_string(),
            operations: Vec::new(),
            credential: credential(request).map(|(value, _)| fingerprint(value)),
            executed: Vec::new(),
        }
    }

    /// Answers `request`, and notes what came of it.
    pub(super) fn serve(
        &mut self,
        schema: &Schema,
        state: &mut State,
        request: &Request<Bytes>,
    ) -> (StatusCode, Value) {
        if !PATHS.contains(&request.uri().path()) {
            return (StatusCode::NOT_FOUND, message("Not Found"));
        }
        if request.method() != Method::POST {
            return (StatusCode::METHOD_NOT_ALLOWED, message("Must be sent as a POST"));
        }
        let json = header(request, header::CONTENT_TYPE.as_str())
            .is_some_and(|value| value.starts_with("application/json"));
        if !json {
            let why = "The content type must be application/json";
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, message(why));
        }
        match read(schema, request.body()) {
            Err(why) => (StatusCode::BAD_REQUEST, message(&why)),
            Ok(document) => {
                self.operations = document.fields.iter().map(|field| field.name.clone()).collect();
                let power = power(state, request);
                let Executed { answer, mutations } = execute(state, power.as_ref(), &document);
                self.executed = mutations;
                (StatusCode::OK, answer)
            }
        }
    }
}

fn message(message: &str) -> Value {
    json!({"errors": [{"message": message}]})
}

fn read(schema: &Schema, body: &[u8]) -> Result<Document, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "The body must be JSON")?;
    let query = body.get("query").and_then(Value::as_str).ok_or("Must provide a query string")?;
    let name = body.get("operationName").and_then(Value::as_str);
    let none = Map::new();
    let variables = match body.get("variables") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err("The variables must be an object".to_owned()),
    };
    Document::read(schema, query, name, variables)
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The credential, and whether it was sent as that of a project.
fn credential(request: &Request<Bytes>) -> Option<(&str, bool)> {
    match header(request, "project-access-token") {
        Some(value) => Some((value, true)),
        None => {
            let value = header(request, header::AUTHORIZATION.as_str())?;
            Some((value.strip_prefix("Bearer ")?, false))
        }
    }
}

/// The power of the request's credential, if it is known and came in its own header.
fn power(state: &State, request: &Request<Bytes>) -> Option<Power> {
    let (value, of_project) = credential(request)?;
    let power = state.credentials.get(value)?;
    (of_project == matches!(power, Power::Environment { .. })).then(|| power.clone())
}

/// The log.
pub(super) struct Log {
    arrivals: Mutex<Vec<Arrival>>,
    file: Option<Mutex<File>>,
}

impl Log {
    pub(super) fn new(file: Option<PathBuf>) -> Result<Self, DrillError> {
        let open = |path: PathBuf| {
            let cannot = DrillError::io(format!("cannot write {}", path.display()));
            File::options().create(true).append(true).open(path).map_err(cannot)
        };
        let file = file.map(open).transpose()?.map(Mutex::new);
        Ok(Self { arrivals: Mutex::default(), file })
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len() >= ARRIVALS_MAX
    }

    pub(super) fn keep(&self, arrival: Arrival) -> io::Result<()> {
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(file, "{}", json!(arrival))?;
        }
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
        Ok(())
    }
}
