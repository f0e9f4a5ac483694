//! What could go wrong as things are: which real credentials lie within an agent's reach.
//!
//! - [`search`]: a directory, its files read once and then only where they changed
//! - [`surroundings`]: the variables of a process, and the login files of a home
//! - [`exposed`]: what was found, in words that never say the value
//! - [`proposal`]: what is found as a secret that a run can have a phantom of
//! - [`leaks`]: what an agent has seen in clear
//! - [`kingfisher`]: what another program finds beside
//!
//! How a credential is told is pure, and in `holdpoint_catalog::credentials`.

pub mod exposed;
pub mod kingfisher;
pub mod leaks;
pub mod proposal;
pub mod search;
pub mod surroundings;
