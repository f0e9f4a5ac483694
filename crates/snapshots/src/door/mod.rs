//! A directory of another user, written through a door: a socket at which that user's process
//! lists, gives and adds files, and knows no word for anything else.
//!
//! Whoever may knock can add and read. Nothing that is there is written over, shortened or removed,
//! and what is added has to be what its name says: the SHA-256 of its content. So what an agent
//! could take from the gateway, its rights and all, deletes no snapshot.
//!
//! - `words`: what is said; `client`: the gateway's end
//! - [`server`]: the other user's end

mod client;
pub mod server;
mod words;

pub(crate) use client::Door;
pub(crate) use words::Lies;
