//! Bytes in: an HTTP forward proxy that looks into tunnels.
//!
//! In the order of a request:
//!
//! - [`proxy`]: accepts connections, a bounded number at a time, until told to stop
//! - [`evidence`]: what a client claims about who it is
//! - [`handler`]: who is admitted, and what becomes of a message
//! - `connection`: the requests of one connection
//! - `http2`: the streams of one connection, side by side
//! - `tunnel`: CONNECT, and TLS inside it
//! - [`arrival`]: a message with its body, read up to a limit
//! - [`message`]: the message in the wire's words
//! - [`refuse`]: answers to what does not even reach the handler
//! - `discard`: bodies that nobody wants
//! - [`limits`], [`stop`]: how much and how long

pub mod arrival;
mod connection;
mod discard;
pub mod evidence;
pub mod handler;
mod http2;
pub mod limits;
pub mod message;
pub mod proxy;
pub mod refuse;
pub mod stop;
mod tunnel;

#[cfg(test)]
mod tests;

pub use arrival::Arrival;
pub use evidence::Evidence;
pub use handler::{Admission, Handler};
pub use limits::Limits;
pub use proxy::Proxy;
pub use stop::{Stop, Stopper};
