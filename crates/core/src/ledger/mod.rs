//! What is recorded, and the tree that makes a change of it visible.

mod circumstances;
mod record;
pub mod tree;

pub use circumstances::Circumstances;
pub use record::{Decided, Meaning, Record, RecordKind};
