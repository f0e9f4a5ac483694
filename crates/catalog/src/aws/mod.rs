//! Amazon Web Services: what their hosts are, what their operations are called, and what those do.
//!
//! - [`endpoint`](mod@endpoint): from a host to the services that answer there
//! - [`service`]: the operations of a service, by name or by method and path
//! - [`meaning`](mod@meaning): what an operation does: by hand where its verb hides it, else by its verb
//! - `rules`: what was written by hand

pub mod endpoint;
pub mod meaning;
mod rules;
pub mod service;

pub use endpoint::{Endpoint, endpoint};
pub use meaning::{Meaning, Parameters, meaning};
pub use service::{Named, Service};

#[cfg(test)]
mod tests;
