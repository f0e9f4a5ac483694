//! From a name to addresses: the system's resolver, or another in its place.

use std::{fmt, io, net::SocketAddr, pin::Pin};

use tokio::net::lookup_host;

/// What a look-up comes to, some time.
pub type Looking<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of a name. It is asked once for each message, and what it says is checked
/// and then dialled: it has no second chance to say something else.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// The addresses of `host` with `port`, best first.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Looking<'a>;
}

/// The system's own (`getaddrinfo`).
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Resolver for System {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Looking<'a> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}
