//! Hooks: what an agent says before and after it uses a tool, in its own dialect, and the answer
//! in the same.
//!
//! - [`agent`]: which agent speaks, and what can be told to it
//! - [`heard`]: what it said
//! - [`tools`]: what the tools of agents are
//! - `patch`: which files a patch is about
//! - `answer`: the words and the exit status that it obeys

pub mod agent;
pub mod answer;
pub mod heard;
pub(crate) mod patch;
pub mod tools;

pub use agent::Agent;
pub use answer::{Answer, Reply, answer, unreadable};
pub use heard::{Heard, Moment, Outcome};
pub use tools::{Act, ToolCall};

#[cfg(test)]
mod tests;
