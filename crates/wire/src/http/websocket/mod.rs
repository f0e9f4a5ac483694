//! WebSocket (RFC 6455). The upgrade is a message like any other; what is said after it can be
//! anything, and is not judged: who may open one may say what they like.
//!
//! - [`check`], [`accept`]: both halves of the handshake
//! - [`frame`]: what is said, in frames

pub mod frame;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_catalog::hosts;
use holdpoint_core::{Effect, Operation, Resource, Reversibility};
use sha1::{Digest as _, Sha1};

use super::message::{Body, Message};
use crate::Unreadable;

/// To say anything to a host.
const OPEN: &str = "websocket:open";
/// To say anything to a model.
const OPEN_MODEL: &str = "model:websocket";
/// The only version there is (RFC 6455 §4.1).
const VERSION: &[u8] = b"13";
/// Bytes of a key, once decoded (RFC 6455 §4.1).
const KEY_BYTES: usize = 16;
/// What is hashed behind a key (RFC 6455 §1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Subprotocols in which GraphQL is spoken, mutations included.
const GRAPHQL: &[&str] = &["graphql-ws", "graphql-transport-ws"];

/// Whether `message` asks for a WebSocket. To ask for anything else cannot be read.
pub fn asks(message: &Message) -> Result<bool, Unreadable> {
    let mut upgrades = message.header("upgrade");
    match (upgrades.next(), upgrades.next()) {
        (None, _) => Ok(false),
        (Some(to), None) if to.trim_ascii().eq_ignore_ascii_case(b"websocket") => Ok(true),
        _ => Err(Unreadable::new(
            "the only protocol to upgrade to is `websocket`; use HTTP/1.1 as it is",
        )),
    }
}

/// Whether an operation of this name opens a WebSocket.
pub fn is_opening(operation: &str) -> bool {
    operation == OPEN || operation == OPEN_MODEL
}

/// Refuses what is no handshake of RFC 6455 §4.2.1, although it asks for one.
pub fn check(message: &Message) -> Result<(), Unreadable> {
    if message.method != "GET" || *message.body.bytes() != b""[..] {
        return Err(Unreadable::new("a WebSocket is opened by GET without a body"));
    }
    if !matches!(message.body, Body::Whole(_)) || key(message).is_none() {
        return Err(Unreadable::new("send one Sec-WebSocket-Key of 16 bytes in base64"));
    }
    match only(message, "sec-websocket-version") {
        Some(version) if version.trim_ascii() == VERSION => Ok(()),
        _ => Err(Unreadable::new("send Sec-WebSocket-Version: 13, once")),
    }
}

/// The `Sec-WebSocket-Accept` that shows that a server has read this handshake (RFC 6455 §4.2.2).
pub fn accept(message: &Message) -> Option<String> {
    let hash = Sha1::new().chain_update(key(message)?).chain_update(GUID).finalize();
    Some(STANDARD.encode(hash))
}

/// The subprotocols that a handshake asks for, in order.
pub fn subprotocols(message: &Message) -> impl Iterator<Item = &str> {
    let values = message.header("sec-websocket-protocol");
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    texts.flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

/// What opening one would do. A model is asked by a prompt, as it is by POST; anything else may
/// come of what is said to any other host, or to a `graphql` endpoint.
pub(super) fn open(message: &Message, graphql: bool, resource: Resource) -> Operation {
    let graphql = graphql || subprotocols(message).any(|word| GRAPHQL.contains(&word));
    let (name, effect) = match hosts::is_model(&message.host) && !graphql {
        true => (OPEN_MODEL, Effect::Create),
        false => (OPEN, Effect::Execute),
    };
    Operation::known(name, effect, resource, Reversibility::None)
}

/// The key, if there is one and it is one.
fn key(message: &Message) -> Option<&[u8]> {
    let key = only(message, "sec-websocket-key")?.trim_ascii();
    let decoded = STANDARD.decode(key).ok()?;
    (decoded.len() == KEY_BYTES).then_some(key)
}

/// The value of a header that is there once.
fn only<'a>(message: &'a Message, name: &'a str) -> Option<&'a [u8]> {
    let mut values = message.header(name);
    values.next().filter(|_| values.next().is_none()).map(|value| &value[..])
}

#[cfg(test)]
mod tests;
