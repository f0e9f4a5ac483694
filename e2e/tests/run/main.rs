//! `holdpoint run`: an enclosure with one way out, and all that works in it.

mod activated;
mod agents_inside;
mod browser;
mod enclosure;
mod git_inside;
mod inside;
mod java_inside;
mod loopback;
mod merge_back;
mod nested;
mod rings;
mod run_bounds;
mod run_door;
mod run_ends;
mod run_identity;
mod signing;
mod summary;
mod system_user;
mod terminal;
mod tunnel;
