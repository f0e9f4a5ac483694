//! The pure heart of Holdpoint: what an operation is, who asks, what policy says, and the proof
//! that a message may be forwarded.
//!
//! Nothing here reads a clock, a file, a socket or a random number: time and identifiers are
//! arguments. In the order of a request:
//!
//! - [`operation`]: what a message would do, in our words
//! - [`identity`]: who asks, for which task
//! - [`policy`]: the question to Cedar, and its answer
//! - [`obligation`]: what must be done first, and the proof that it was
//! - [`authorized`]: the only thing that can be forwarded
//! - [`ledger`]: the record of it all, and the tree that makes it tamper-evident
//! - [`refusal`]: a "no", before a protocol puts it in its own words
//! - [`mod@plain`]: what others wrote, as it is shown

pub mod authorized;
pub mod digest;
pub mod glob;
pub mod identity;
pub mod ledger;
pub mod obligation;
pub mod operation;
pub mod plain;
pub mod policy;
pub mod reason;
pub mod refusal;
pub mod time;

pub use authorized::{Authorized, Judged, Judgement, Message};
pub use digest::Digest;
pub use operation::{Effect, Environment, Operation, Resource, ResourceId, Reversibility};
pub use plain::plain;
pub use reason::{Code, Reason};
pub use refusal::Refusal;
pub use time::Timestamp;
