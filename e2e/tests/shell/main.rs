//! Commands, programs and hooks: said before it is done.

mod explain;
mod explain_command;
mod hook;
mod hook_curl;
mod hook_inside;
mod hooked_agents;
mod incidents;
mod init;
mod resolution;
