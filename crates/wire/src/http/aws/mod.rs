//! Requests to AWS: which operation of which service, told by any of their protocols, and the
//! signatures on them.
//!
//! - `protocol`: the operation that a message names: query, JSON, CBOR, REST
//! - `s3`: buckets and keys, in the host or in the path
//! - `spoken`: the parameters, whatever they are written in
//! - `cbor`, `xml`: what JSON does not carry
//! - `resource`: what an operation is about
//! - [`signature`]: whose signature a message carries, and for what
//! - [`sign`](mod@sign): a message signed anew (Signature Version 4)
//! - [`chunked`]: bodies whose pieces are signed, signed anew while they stream

mod cbor;
pub mod chunked;
mod protocol;
mod resource;
mod s3;
pub mod sign;
pub mod signature;
mod spoken;
mod xml;

use holdpoint_catalog::aws::{self, Endpoint};
use holdpoint_core::{Effect, Operation, Resource};

use super::message::Message;
use crate::Unreadable;
use protocol::Asked;

/// What a message to an API of AWS would do; `None` if it does not go to one.
pub(super) fn interpret(message: &Message) -> Option<Result<Vec<Operation>, Unreadable>> {
    let endpoint = aws::endpoint(&message.host)?;
    Some(read(message, &endpoint))
}

/// Whether a message goes to an API of AWS that speaks XML, CBOR or JSON, for a refusal's shape.
pub(super) fn endpoint(message: &Message) -> Option<Endpoint> {
    aws::endpoint(&message.host)
}

fn read(message: &Message, endpoint: &Endpoint) -> Result<Vec<Operation>, Unreadable> {
    let region = signature::check(message, endpoint)?.or_else(|| endpoint.region.clone());
    let place = resource::Place { endpoint, region: region.as_deref() };
    if endpoint.is_s3() {
        return s3::interpret(message, &place);
    }
    let Asked { calls, spoken } = protocol::read(message, endpoint)?;
    let mut operations = Vec::new();
    for call in calls {
        let meaning = aws::meaning(call.service, &call.operation, call.named, &spoken);
        let name = format!("aws:{}:{}", call.service, call.operation);
        for resource in place.resources(&call, &spoken) {
            operations.push(operation(&name, meaning, resource));
        }
    }
    Ok(operations)
}

/// An operation with what the catalogue says of it.
fn operation(name: &str, meaning: aws::Meaning, resource: Resource) -> Operation {
    Operation {
        known: meaning.known,
        reveals_secrets: meaning.reveals_secrets,
        ..Operation::known(name, meaning.effect, resource, meaning.reversibility)
    }
}

/// An operation that a header adds to the one that is named.
fn beside(name: &str, effect: Effect, resource: Resource) -> Operation {
    Operation::known(name, effect, resource, holdpoint_core::Reversibility::Unknown)
}

#[cfg(test)]
mod tests;
