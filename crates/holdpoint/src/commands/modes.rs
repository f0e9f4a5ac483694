//! What is said of modes: whether a "no" stops anything here.

use std::fmt::Write as _;

use holdpoint_core::policy::{Mode, Modes};

/// What every banner says where some rule is not in force.
pub(super) fn banner(modes: &Modes) -> Option<String> {
    if modes.enforce_all() {
        return None;
    }
    let mut text = match modes.all {
        Mode::Enforce => "enforce".to_owned(),
        lax => format!(
            "{lax}: what would be held or refused PASSES and is written down (`holdpoint report`); \
             only foreign credentials, tampering and killed runs are refused"
        ),
    };
    for (rule, mode) in modes.rules.iter().filter(|(_, mode)| **mode != modes.all) {
        // Writing to a string cannot fail.
        let _ = write!(text, "; {rule}: {mode}");
    }
    Some(text)
}
