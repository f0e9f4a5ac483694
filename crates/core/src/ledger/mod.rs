//! What is recorded, and the tree that makes a change of it visible.

mod record;
pub mod tree;

pub use record::{Decided, Meaning, Record, RecordKind};
