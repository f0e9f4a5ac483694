//! HTTP operations of an episode.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use holdpoint_core::{identity::Principal, policy::Pdp};
use holdpoint_wire::{
    Unreadable,
    http::{self, Address, Body, Message, RawMessage},
};

use super::{
    answer::Judged,
    episode::{HeaderValues, HttpAttempt},
    fixtures::Fixtures,
    unreadable,
};
use crate::resolve::{self, Destination};

/// Judges an HTTP request.
pub(super) fn judge(
    pdp: &Pdp,
    fixtures: &Fixtures<'_>,
    principal: &Principal,
    index: usize,
    attempt: &HttpAttempt,
) -> Judged {
    let read = message(attempt).and_then(|message| {
        http::interpret(&message, fixtures).map(|operations| (message, operations))
    });
    match read {
        Err(error) => unreadable(index, error.into()),
        Ok((message, operations)) => {
            let host = fixtures.listed(&message.host);
            let destination = Destination { name: &message.host, listed: Some(&host) };
            let surroundings = fixtures.with_credential(attempt.credential.as_deref(), &message);
            let requests = resolve::requests(&surroundings, principal, destination, operations);
            Judged::new(index, &pdp.judge(message.clone(), requests))
        }
    }
}

/// The message that an attempt describes.
fn message(attempt: &HttpAttempt) -> Result<Message, Unreadable> {
    let body = match (&attempt.body, &attempt.body_base64) {
        (Some(_), Some(_)) => {
            return Err(Unreadable::new("both `body` and `body_base64` are given; give one"));
        }
        (Some(text), None) => Bytes::from(text.clone()),
        (None, Some(encoded)) => STANDARD
            .decode(encoded)
            .map_err(|error| Unreadable::new(format!("`body_base64` is not base64: {error}")))?
            .into(),
        (None, None) => Bytes::new(),
    };
    let mut headers = Vec::new();
    for (name, values) in &attempt.headers {
        let values = match values {
            HeaderValues::One(value) => std::slice::from_ref(value),
            HeaderValues::Many(values) => values,
        };
        headers.extend(values.iter().map(|value| (name.clone(), Bytes::from(value.clone()))));
    }
    Message::try_from(RawMessage {
        headers,
        body: Body::Whole(body),
        authority: attempt.authority.clone(),
        sni: attempt.sni.clone(),
        connect: attempt.connect.clone(),
        ..RawMessage::new(attempt.method.as_str(), Address::Url(attempt.url.clone()))
    })
}
