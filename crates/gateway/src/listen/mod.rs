//! Bytes in: an HTTP forward proxy that looks into tunnels.
//!
//! In the order of a request:
//!
//! - [`proxy`]: accepts connections, a bounded number at a time, until told to stop
//! - [`handed`]: the sockets of runs, handed over by their supervisors; [`newcomer`]: other users' ones
//! - [`enclosed`]: what a connection from inside a run was meant for; `names`, by their addresses
//! - [`reverse`]: an address that stands for one upstream, for clients that can use no proxy
//! - [`evidence`]: what a client claims about who it is
//! - [`handler`]: who is admitted, and what becomes of a message
//! - `connection`: the requests of one connection
//! - `http2`: the streams of one connection, side by side
//! - `strict`: what could be divided into requests in two ways is refused
//! - `tunnel`: CONNECT, and TLS inside it
//! - `farewell`: a "no" to a raw stream
//! - `upgrade`: a request that wants to become a WebSocket
//! - [`arrival`]: a message with its body, read up to a limit
//! - [`message`]: the message in the wire's words
//! - [`refuse`]: answers to what does not even reach the handler
//! - `discard`: bodies that nobody wants
//! - [`limits`], [`stop`]: how much and how long

pub mod arrival;
mod connection;
mod discard;
pub mod enclosed;
pub mod evidence;
mod farewell;
pub mod handed;
pub mod handler;
mod http2;
pub mod limits;
mod memory;
pub mod message;
mod names;
pub mod newcomer;
pub mod proxy;
pub mod refuse;
pub mod reverse;
pub mod stop;
mod strict;
mod tunnel;
mod upgrade;

#[cfg(test)]
mod tests;

pub use arrival::Arrival;
pub use enclosed::Enclosed;
pub use evidence::{Door, Evidence};
pub use handed::serve_handed;
pub use handler::{Admission, Handler};
pub use limits::Limits;
pub use newcomer::forget_newcomers;
pub use proxy::Proxy;
pub use reverse::Reverse;
pub use stop::{Stop, Stopper};
