//! Black-box tests: real processes, real sockets, real clients.
//!
//! - [`holdpoint`]: the binary under test, its state and its command line
//! - [`curl`]: a real client behind the gateway
//! - [`incidents`]: incidents expanded into episodes for `explain`

pub mod curl;
pub mod holdpoint;
pub mod incidents;
