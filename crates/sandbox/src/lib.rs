//! The enforcement point on the host: an enclosure with one way out, made without root and
//! without `unsafe`, by a binary that runs itself again inside.
//!
//! In the order of a run:
//!
//! - [`environment`]: the variables that go in, and how many stay out
//! - [`layout`]: what is where inside; [`home`], which of the home goes in; [`agents`], whose it is;
//!   [`begun`], files that are not there yet
//! - [`view`]: what is seen of the workspace: [`guarded`] files are [`kept`] beside
//! - [`masks`]: what is seen for secrets
//! - [`history`]: and of git's objects
//! - [`java`]: the trust store of every Java in reach; [`nss`], Chromium's
//! - [`git`]: git's ways to code hosts, and what SSH says in here
//! - `nested`: what those hear who would make an enclosure of their own; `containers`, who would
//!   command Docker
//! - [`servers`]: whose passwords are no secrets here
//! - [`mark`]: what a run says of itself to whoever is inside
//! - [`enclosure`]: outside: starts the inside and takes its listeners
//! - [`inside`]: between: namespaces, then everything in its place
//! - `spelled`: paths of any bytes, on their way there
//! - `namespaces`, `loopback` (with `redirect`), `mounts`: its steps
//! - [`init`]: the first process inside: powers dropped, then the command
//! - `powers`, `landlock`, `seccomp`: its steps
//! - [`signer`]: a socket that signs git objects and nothing else
//! - [`publish`]: ports of the inside on the host's own loopback; `sockets`, `listening`: by which
//! - `netlink`: what is said to the kernel about networks
//! - [`expiry`]: when a run ends by itself
//! - [`wait`]: waits for a command as if nobody stood between it and its terminal
//!
//! And beside it:
//!
//! - [`hook`]: what agents are told that have nothing but hooks; [`machine`]: the machine around them
//! - [`offers`]: what this kernel has for it
//! - [`acts`]: forbidden acts, to be tried inside

pub mod acts;
pub mod agents;
pub mod begun;
mod containers;
pub mod enclosure;
pub mod environment;
pub mod error;
pub mod expiry;
pub mod git;
pub mod guarded;
pub mod history;
pub mod home;
pub mod hook;
pub mod init;
pub mod inside;
pub mod java;
pub mod kept;
mod landlock;
pub mod layout;
mod listening;
mod loopback;
pub mod machine;
pub mod mark;
pub mod masks;
mod mounts;
mod namespaces;
mod nested;
mod netlink;
pub mod nss;
pub mod offers;
mod powers;
pub mod publish;
mod redirect;
mod seccomp;
pub mod servers;
pub mod signer;
mod sockets;
mod spelled;
mod stops;
mod terminal;
pub mod view;
pub mod wait;

pub use enclosure::{Begun, Enclosure};
pub use error::SandboxError;
pub use mark::Mark;
pub use mounts::can_serve;

/// The hidden verb by which the binary runs itself as [`inside`].
pub const INSIDE: &str = "__inside";
/// The hidden verb by which the binary runs itself as [`init`].
pub const INIT: &str = "__init";
/// The hidden verb by which the binary finds out what the kernel has.
pub const PROBE: &str = "__probe";
/// The hidden verb by which the binary tries forbidden acts, inside.
pub const ACTS: &str = "__acts";
/// Where the one way out is, inside: the gateway's usual port.
pub const PORT: u16 = 7080;
/// Where git objects are signed, inside.
pub const SIGNER: &str = "/run/holdpoint/signer";
/// Where our own files are, inside.
pub const OURS: &str = "/run/holdpoint";
/// Where programs are looked for last, inside: those that say why there are no others.
pub(crate) const PROGRAMS: &str = "/run/holdpoint/bin";
