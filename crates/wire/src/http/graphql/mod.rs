//! GraphQL over HTTP: from what arrived to operations.
//!
//! - `transport`: the parameters of a message: documents, variables, persisted documents
//! - `document`: the one operation of a document that would run, and its root fields
//! - `value`: arguments, with variables and their defaults in place
//! - `meaning`: what a root field does, by the catalogue or by its name
//! - `change_set`: what a JSON change set in an argument does

mod change_set;
mod document;
mod meaning;
mod transport;
mod value;

use holdpoint_core::Operation;

pub use transport::{Execution, Transport};

use crate::{Unreadable, World, http::Message};
use document::{Document, Secrets};

/// How long one document may be, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How many tokens one document may have.
pub const TOKENS_MAX: usize = 50_000;
/// How deep selections and values may be nested in a document.
pub const DEPTH_MAX: usize = 64;
/// How deep selections may be nested once fragments are in place.
pub const EXPANDED_DEPTH_MAX: usize = 128;
/// How many documents one message may batch.
pub const BATCH_MAX: usize = 50;
/// How many root fields one operation may have.
pub const ROOT_FIELDS_MAX: usize = 100;
/// How many operations one message may mean.
pub const OPERATIONS_MAX: usize = 1000;

/// What `message` would do, in the order in which it would be done. `provider` is that of the
/// host, where it has one; persisted documents come from `world`.
pub fn interpret(
    message: &Message,
    provider: Option<&'static str>,
    world: &dyn World,
) -> Result<Vec<Operation>, Unreadable> {
    interpret_transport(&Transport::read(message, world)?, provider, &message.host)
}

/// What the executions in `transport` would do at `host`.
pub fn interpret_transport(
    transport: &Transport,
    provider: Option<&'static str>,
    host: &str,
) -> Result<Vec<Operation>, Unreadable> {
    let reader =
        meaning::Reader { table: provider.and_then(holdpoint_catalog::graphql::table), host };
    let secrets = reader
        .table
        .map(|table| Secrets { fields: table.secret_fields, arguments: table.secret_arguments });
    let secrets = secrets.unwrap_or_default();
    let mut operations = Vec::new();
    for execution in &transport.executions {
        let document = Document::read(&execution.document, execution.operation_name.as_deref())?;
        let variables = value::Variables::of(document.operation(), &execution.variables)?;
        for field in document.root_fields(&variables, secrets)? {
            operations.extend(reader.operations(document.kind(), &field)?);
        }
        if operations.len() > OPERATIONS_MAX {
            return Err(Unreadable::over_limit(format!(
                "the message does more than {OPERATIONS_MAX} things; send it in parts"
            )));
        }
    }
    Ok(operations)
}

#[cfg(test)]
mod tests;
