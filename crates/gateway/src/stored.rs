//! Messages and responses as they are kept while a hold is open, and after it.

use std::future::ready;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use holdpoint_wire::http::{Body, Message, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::body::{ResponseBody, whole};

/// What is kept cannot be read back.
#[derive(Debug, Error)]
#[error("a stored message or response cannot be read: {0}")]
pub struct StoredError(String);

impl StoredError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A whole message, as an agent sent it: with phantoms, never with secrets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    method: String,
    tls: bool,
    host: String,
    port: u16,
    target: String,
    headers: Vec<(String, String)>,
    /// As it came.
    body: String,
    /// How long it was out of its content codings; without it, it came in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decoded_bytes: Option<usize>,
}

impl StoredMessage {
    /// The bytes to keep; none if the message is not all here.
    pub(crate) fn bytes(message: &Message) -> Option<Result<Vec<u8>, StoredError>> {
        let Body::Whole(body) = &message.body else { return None };
        let stored = Self {
            method: message.method.clone(),
            tls: message.scheme == Scheme::Https,
            host: message.host.clone(),
            port: message.port,
            target: message.target.clone(),
            headers: encoded(
                message.headers.iter().map(|(name, value)| (name.as_str(), &value[..])),
            ),
            body: STANDARD.encode(message.sent_body()),
            decoded_bytes: message.coded.is_some().then_some(body.len()),
        };
        Some(serde_json::to_vec(&stored).map_err(StoredError::new))
    }

    /// The message that was kept.
    pub(crate) fn message(bytes: &[u8]) -> Result<Message, StoredError> {
        let stored: Self = serde_json::from_slice(bytes).map_err(StoredError::new)?;
        let body = Body::Whole(decode(&stored.body)?.into());
        let message = Message {
            method: stored.method,
            scheme: if stored.tls { Scheme::Https } else { Scheme::Http },
            host: stored.host,
            port: stored.port,
            target: stored.target,
            headers: decoded(stored.headers)?
                .into_iter()
                .map(|(name, value)| (name, Bytes::from(value)))
                .collect(),
            body: Body::Whole(Bytes::new()),
            coded: None,
        };
        Ok(message.with_body(body, stored.decoded_bytes.unwrap_or(0)))
    }
}

/// The most of a message's body that a human is shown.
const SHOWN_CHARS_MAX: usize = 2000;

/// What a human is shown of the bytes that a release would send: the request line, and the body as
/// far as it is text. Credentials in it are stand-ins.
pub fn shown(stored: &[u8]) -> Result<String, StoredError> {
    if let Some(statements) = crate::postgres::shown(stored) {
        return Ok(statements);
    }
    let message = StoredMessage::message(stored)?;
    let Message { method, scheme, target, body, .. } = &message;
    let line = format!("{method} {}://{}{target}", scheme.as_str(), message.authority());
    let Ok(text) = std::str::from_utf8(body.bytes()) else {
        return Ok(format!("{line}\n({} bytes that are no text)", body.bytes().len()));
    };
    // Nothing that an agent wrote may move the cursor or hide itself.
    let plain: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(SHOWN_CHARS_MAX).is_some() { " …" } else { "" };
    Ok(format!("{}\n{plain}{more}", line.escape_debug()))
}

/// A whole response, as the agent gets it: scrubbed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// What comes after the body: gRPC says there how a call ended.
    #[serde(default)]
    trailers: Vec<(String, String)>,
}

impl StoredResponse {
    /// The bytes to keep.
    pub(crate) fn bytes(
        head: &http::response::Parts,
        body: &[u8],
        trailers: &HeaderMap,
    ) -> Result<Vec<u8>, StoredError> {
        let stored = Self {
            status: head.status.as_u16(),
            headers: encoded(fields(&head.headers)),
            body: STANDARD.encode(body),
            trailers: encoded(fields(trailers)),
        };
        serde_json::to_vec(&stored).map_err(StoredError::new)
    }

    /// The response that was kept.
    pub(crate) fn response(bytes: &[u8]) -> Result<Response<ResponseBody>, StoredError> {
        let stored: Self = serde_json::from_slice(bytes).map_err(StoredError::new)?;
        let trailers = header_map(stored.trailers)?;
        let body = whole(decode(&stored.body)?);
        let mut response = Response::new(match trailers.is_empty() {
            true => body,
            false => body.with_trailers(ready(Some(Ok(trailers)))).boxed_unsync(),
        });
        *response.status_mut() = StatusCode::from_u16(stored.status).map_err(StoredError::new)?;
        *response.headers_mut() = header_map(stored.headers)?;
        Ok(response)
    }
}

fn fields(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn header_map(stored: Vec<(String, String)>) -> Result<HeaderMap, StoredError> {
    let mut headers = HeaderMap::new();
    for (name, value) in decoded(stored)? {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(StoredError::new)?;
        headers.append(name, HeaderValue::from_bytes(&value).map_err(StoredError::new)?);
    }
    Ok(headers)
}

fn encoded<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(String, String)> {
    headers.map(|(name, value)| (name.to_owned(), STANDARD.encode(value))).collect()
}

fn decoded(headers: Vec<(String, String)>) -> Result<Vec<(String, Vec<u8>)>, StoredError> {
    headers.into_iter().map(|(name, value)| Ok((name, decode(&value)?))).collect()
}

fn decode(text: &str) -> Result<Vec<u8>, StoredError> {
    STANDARD.decode(text).map_err(StoredError::new)
}
