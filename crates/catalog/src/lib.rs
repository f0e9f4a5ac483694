//! What each provider's operations do: tables, and the look-up in them. Pure data.
//!
//! - [`aws`]: the services of AWS, their operations and what those do
//! - [`change_set`]: what the parts of a JSON change set do
//! - [`cli`]: what the verbs of command line tools do
//! - [`credentials`]: credentials that lie about in files and variables, and whose they are
//! - [`environments`]: what people call them
//! - [`git_hosts`]: where git repositories lie
//! - [`graphql`]: per provider, what each root field does
//! - [`hosts`]: what well-known hosts speak, and presets for them
//! - [`issuers`]: endpoints whose answers are credentials
//! - [`logins`]: files in which programs keep what these give out
//! - [`rest`]: per provider, what a method and path do
//! - [`tunnels`]: programs that listen here for something elsewhere
//! - [`variables`]: where tools look for a provider's credential
//! - [`verbs`]: the generic floor: what a name says where no table does

pub mod aws;
pub mod change_set;
pub mod cli;
pub mod credentials;
pub mod environments;
pub mod git_hosts;
mod github;
pub mod graphql;
pub mod hosts;
pub mod issuers;
pub mod logins;
mod railway;
pub mod rest;
pub mod tunnels;
pub mod variables;
pub mod verbs;
