//! The chores that others call too.

pub mod dist;
