//! A credential asks its provider for its successor: a human's wish, by our own message.

use bytes::Bytes;
use holdpoint_wire::http::{Body, Message, Scheme};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::ask::{AskError, whole};
use crate::forward::{Client, Route};

/// How a provider is asked.
#[derive(Debug, Clone, Copy)]
pub struct Rotates<'a> {
    /// Where.
    pub host: &'a str,
    /// `POST` or `PUT`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The header that carries the credential.
    pub header: &'a str,
    /// The field of the JSON answer that holds the new one.
    pub field: &'a str,
}

/// Why there is no successor.
#[derive(Debug, Error)]
pub enum AnewError {
    /// It was not asked, or gave no answer.
    #[error("{0}")]
    Asked(String),
    /// The old one has ended, and the new one is not in the answer.
    #[error(
        "the provider answered without a new one in `{0}`; the old one may have ended: make one there"
    )]
    Missing(String),
}

/// The successor of `credential`, which ends with the answer.
pub async fn anew(
    client: &Client,
    rotates: Rotates<'_>,
    credential: &SecretString,
) -> Result<SecretString, AnewError> {
    let value = Bytes::copy_from_slice(credential.expose_secret().as_bytes());
    let message = Message {
        method: rotates.method.to_owned(),
        scheme: Scheme::Https,
        host: rotates.host.to_owned(),
        port: 443,
        target: rotates.path.to_owned(),
        headers: vec![
            ("accept".to_owned(), Bytes::from_static(b"application/json")),
            (rotates.header.to_owned(), value),
        ],
        body: Body::Whole(Bytes::new()),
        coded: None,
    };
    let asked = |error: AskError| AnewError::Asked(error.to_string());
    let response = client.send(message, None, &Route::default()).await;
    let response = response.map_err(|error| asked(error.into()))?;
    if !response.status().is_success() {
        return Err(asked(AskError::Status(response.status())));
    }
    let body = whole(response.into_body()).await.unwrap_or_default();
    let answer: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let new = answer.as_ref().and_then(|answer| answer.get(rotates.field)?.as_str());
    new.map(SecretString::from).ok_or_else(|| AnewError::Missing(rotates.field.to_owned()))
}
