//! One table a boundary; `meanings` shows operations as a human would write them.

mod bypass;
mod equivalence;
mod railway;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use holdpoint_core::{Code, Operation};

use super::interpret;
use crate::{
    Host, Unreadable, World,
    http::{Body, Message, Scheme},
};

const HOST: &str = "backboard.railway.com";

/// Persisted documents, and nothing else.
#[derive(Default)]
struct Persisted(HashMap<String, Arc<str>>);

impl World for Persisted {
    fn host(&self, _: &str, _: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.0.get(sha256).cloned()
    }
}

fn message(method: &str, target: &str, content_type: &str, body: impl Into<Bytes>) -> Message {
    let body = body.into();
    let content_type = ("content-type".to_owned(), Bytes::from(content_type.to_owned()));
    Message {
        method: method.to_owned(),
        scheme: Scheme::Https,
        host: HOST.to_owned(),
        port: 443,
        target: target.to_owned(),
        headers: if body.is_empty() { Vec::new() } else { vec![content_type] },
        body: Body::Whole(body),
        coded: None,
    }
}

fn json(body: impl Into<Bytes>) -> Message {
    message("POST", "/graphql/v2", "application/json", body)
}

fn post(query: &str, variables: &serde_json::Value) -> Message {
    json(serde_json::json!({ "query": query, "variables": variables }).to_string())
}

fn on_railway(message: &Message) -> Result<Vec<Operation>, Unreadable> {
    interpret(message, Some("railway"), &Persisted::default())
}

/// `name effect resource`, with `!` where secrets are shown and `?` where it is a guess.
fn shown(operation: &Operation) -> String {
    let secret = if operation.reveals_secrets { "!" } else { "" };
    let guess = if operation.known { "" } else { "?" };
    format!("{}{guess} {}{secret} {}", operation.name, operation.effect, operation.resource.id)
}

#[track_caller]
fn check(message: &Message, expect: &[&str]) {
    let operations = on_railway(message).expect("readable");
    assert_eq!(operations.iter().map(shown).collect::<Vec<_>>(), expect, "{message:?}");
}

#[track_caller]
fn refused(message: &Message, says: &str) {
    let unreadable = on_railway(message).expect_err("refused");
    assert_eq!(unreadable.code, Code::Unparsed, "{message:?}");
    assert!(unreadable.text.contains(says), "{}", unreadable.text);
}

#[track_caller]
fn over_limit(message: &Message) {
    assert_eq!(on_railway(message).expect_err("refused").code, Code::OverLimit);
}
