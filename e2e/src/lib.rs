//! Black-box tests: real processes, real sockets, real clients.
//!
//! - [`holdpoint`]: the binary under test, its state and its command line
//! - [`curl`]: a real client behind the gateway
//! - [`stage`]: a stand-in for Railway with a gateway in front of it
//! - [`echo`]: an upstream that echoes, with a gateway in front of it
//! - [`git`]: a code host with a gateway in front of it, and real git
//! - [`git_host`]: the code host
//! - [`grpc_host`]: a server of gRPC with a gateway in front of it
//! - [`python`]: real clients in Python
//! - [`files`]: what lies in a directory, byte by byte
//! - [`incidents`]: incidents expanded into episodes for `explain`
//! - [`episodes`]: files of episodes, and what `explain` says to them
//! - [`replay`]: episodes at a live gateway

pub mod curl;
pub mod echo;
pub mod episodes;
pub mod files;
pub mod git;
pub mod git_host;
pub mod grpc_host;
pub mod holdpoint;
pub mod incidents;
pub mod python;
pub mod replay;
pub mod stage;
