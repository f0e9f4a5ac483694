//! The disk: what is kept, and what is written before anything happens.

pub mod ledger;
