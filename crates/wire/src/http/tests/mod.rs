//! HTTP, from raw parts to operations.

mod interpret;
mod parse;
mod providers;
mod spelling;
mod streams;

use std::sync::Arc;

use bytes::Bytes;
use holdpoint_core::{Effect, Environment, Operation};

use super::{Address, Body, Message, RawMessage, interpret as read};
use crate::{
    Unreadable,
    world::{Host, Speaks, World},
};

/// A world with a few listed hosts.
pub(in crate::http) struct Fixture;

impl World for Fixture {
    fn host(&self, host: &str, _port: u16) -> Option<Host> {
        let speaks = match host {
            "graphql.example.com" => Speaks::Graphql,
            "api.example.com" => Speaks::Rest,
            "search.example.com" => Speaks::Elasticsearch,
            "cluster.example.com" => Speaks::Kubernetes,
            _ => return None,
        };
        Some(Host { speaks, environment: Some(Environment::Staging), provider: None })
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        None
    }
}

/// `METHOD URL`, headers, body.
pub(super) fn raw(line: &str, headers: &[(&str, &str)], body: &str) -> RawMessage {
    let (method, url) = line.split_once(' ').unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Bytes::from((*value).to_owned())))
        .collect();
    let body = Body::Whole(Bytes::from(body.to_owned()));
    RawMessage { headers, body, ..RawMessage::new(method, Address::Url(url.to_owned())) }
}

/// The message that arrives.
pub(in crate::http) fn message(line: &str, headers: &[(&str, &str)], body: &str) -> Message {
    Message::try_from(raw(line, headers, body)).unwrap()
}

/// What it would do.
fn operations(
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Vec<Operation>, Unreadable> {
    read(&Message::try_from(raw(line, headers, body))?, &Fixture)
}

/// The strictest effect of a message.
fn effect(line: &str, headers: &[(&str, &str)], body: &str) -> Effect {
    let operations =
        operations(line, headers, body).unwrap_or_else(|unreadable| panic!("{line}: {unreadable}"));
    operations.iter().map(|operation| operation.effect).max().unwrap()
}
