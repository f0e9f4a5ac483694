//! Patches in the form that models write: which files they add, change, move and take away.

use super::Act;

/// The beginning of a line, and what it does to the file behind it.
type Header = (&'static str, fn(String) -> Act);

/// What each header of a patch does to the file that it names.
const HEADERS: &[Header] = &[
    ("*** Add File: ", Act::Write),
    ("*** Update File: ", Act::Write),
    ("*** Move to: ", Act::Write),
    ("*** Delete File: ", Act::Delete),
    ("+++ b/", Act::Write),
];

/// The files of a patch; none if the text is no patch.
pub(crate) fn acts(text: &str) -> Vec<Act> {
    let named = |line: &str| {
        let (head, act) = HEADERS.iter().find(|(head, _)| line.starts_with(head))?;
        Some(act(line.strip_prefix(head)?.trim().to_owned()))
    };
    text.lines().filter_map(named).collect()
}
