//! A run that learns: what it may read of hosts that nobody has listed, and what ends it.

use holdpoint_catalog::hosts::{Host, Speaks};
use holdpoint_core::{Effect, Operation, Refusal, identity::Principal};
use holdpoint_wire::http::{Body, Message};

use crate::point::{HttpPoint, unavailable};

/// Bytes of what follows the `?`, at most: what is said there is said to the host.
const QUERY_BYTES_MAX: usize = 64;
/// Bytes of host, path and headers, at most, for the same reason.
const HEAD_BYTES_MAX: usize = 1536;

/// Whether a message asks for something in so few words that it can say little else: no body, a
/// short query, no connection that stays open.
pub(crate) fn is_short_read(message: &Message) -> bool {
    let reads = matches!(message.method.as_str(), "GET" | "HEAD");
    let silent = matches!(&message.body, Body::Whole(bytes) if bytes.is_empty());
    let query = message.target.split_once('?').map_or(0, |(_, query)| query.len());
    let headers = message.headers.iter().map(|(name, value)| name.len() + value.len());
    let head = message.host.len() + message.target.len() + headers.sum::<usize>();
    reads && silent && query <= QUERY_BYTES_MAX && head <= HEAD_BYTES_MAX
}

/// Whether an agent that has the answer has read what must not leave, or what others wrote to it.
fn ends_learning(operations: &[Operation], listed: Option<&Host>) -> bool {
    let shared = listed.is_some_and(|host| host.speaks == Speaks::Collaboration);
    operations.iter().any(|operation| {
        let others_words =
            shared && operation.effect == Effect::Observe && !operation.name.starts_with("git:");
        operation.reveals_secrets || others_words
    })
}

impl HttpPoint {
    /// Ends the learning of a run before it has the answer to what ends it.
    pub(crate) fn watch_learning(
        &self,
        principal: &Principal,
        operations: &[Operation],
        listed: Option<&Host>,
    ) -> Result<(), Refusal> {
        if !principal.task.learns || !ends_learning(operations, listed) {
            return Ok(());
        }
        tracing::info!(run = principal.run, "it has read what ends its learning");
        self.state.agents().end_learning(&principal.run).map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use holdpoint_wire::http::Scheme;

    use super::*;

    fn message(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let header =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::from((*value).to_owned()));
        Message {
            method: method.to_owned(),
            scheme: Scheme::Https,
            host: "docs.example.test".to_owned(),
            port: 443,
            target: target.to_owned(),
            headers: headers.iter().map(header).collect(),
            body: Body::Whole(Bytes::from(body.to_owned())),
            coded: None,
        }
    }

    #[test]
    fn few_words_are_a_read_and_many_are_not() {
        let (short, long) = ("q=".to_owned() + &"a".repeat(62), "q=".to_owned() + &"a".repeat(63));
        let cookie = "a".repeat(HEAD_BYTES_MAX);
        for (method, target, headers, body, expect) in [
            ("GET", "/a/page", &[("accept", "*/*")][..], "", true),
            ("HEAD", "/", &[], "", true),
            ("GET", &format!("/?{short}"), &[], "", true),
            ("GET", &format!("/?{long}"), &[], "", false),
            ("GET", &format!("/{}", "a".repeat(HEAD_BYTES_MAX)), &[], "", false),
            ("GET", "/", &[("cookie", cookie.as_str())], "", false),
            ("GET", "/", &[], "a body", false),
            ("POST", "/", &[], "", false),
            ("get", "/", &[], "", false),
            ("DELETE", "/", &[], "", false),
        ] {
            let message = message(method, target, headers, body);
            assert_eq!(is_short_read(&message), expect, "{method} {target} {body}");
        }
    }
}
