//! Bytes to [`Message`](holdpoint_core::Message) to operations, one folder for each dialect.
//! Pure: what interpretation must look up, it asks the [`World`].
//!
//! - [`http`]: HTTP requests: REST, GraphQL, JSON-RPC
//! - [`hook`]: what agents say before they use a tool
//! - [`tool`]: calls of tools
//! - [`ask`]: what an agent may ask of a human
//! - [`explain`]: what a hook inside of a run asks its gateway
//! - [`connect`]: raw streams, whose protocol nobody reads
//! - [`dns`]: questions about names
//! - [`machine`]: the files around a command
//! - [`shell`]: shell commands, and the files that they touch
//! - [`sql`]: SQL statements
//! - [`world`]: what interpretation may look up
//! - [`lookup`]: what only a provider can tell
//! - [`unreadable`]: why a message has no meaning that we could stand for

pub mod ask;
pub mod connect;
pub mod dns;
pub mod explain;
pub mod hook;
pub mod http;
pub mod lookup;
pub mod machine;
pub mod shell;
pub mod sql;
pub mod tool;
pub mod unreadable;
pub mod world;

pub use machine::Machine;
pub use unreadable::Unreadable;
pub use world::{Host, Speaks, World};
