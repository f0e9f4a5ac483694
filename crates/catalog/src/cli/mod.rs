//! Command line tools that reach beyond the machine: what their verbs do, and where.
//!
//! - [`frameworks`]: tools that change or wipe a database
//! - [`tools`]: tools of platforms, clouds and code hosts
//! - [`local`]: tools that build, check and show, and change nothing but what can be built again

pub mod frameworks;
pub mod local;
pub mod tools;
