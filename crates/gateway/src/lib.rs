//! The enforcement point on the network: what agents send arrives here, and leaves here or not.
//!
//! In the order of a request:
//!
//! - [`tls`]: the authority whose certificates agents trust, and what we trust upstream
//! - [`listen`]: bytes in, until a whole message has arrived
//! - [`forward`]: a message out, to exactly the address that was checked
//! - [`body`]: bodies that stream in either direction

pub mod body;
pub mod forward;
pub mod listen;
pub mod tls;
