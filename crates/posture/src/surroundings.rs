//! The variables of a process, and the login files of a home.

use std::path::{Path, PathBuf};

use holdpoint_catalog::credentials::{Finder, LOGIN_FILES};
use secrecy::ExposeSecret as _;

use crate::exposed::Exposed;

/// The credentials among `variables`. Names of our own (`HOLDPOINT_…`) are none of them.
pub fn in_variables<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    finder: &Finder,
    fingerprint: &(dyn Fn(&str) -> String + Sync),
) -> Vec<Exposed> {
    let found = |(name, value): (&str, &str)| {
        let found = finder.find_variable(name, value)?;
        let secret = found.value(value.as_bytes()).map(|value| fingerprint(value.expose_secret()));
        let span = found.span.start as u64..found.span.end as u64;
        let exposed = Exposed::of(&found, PathBuf::new(), span, 0, secret);
        Some(Exposed { path: None, name: name.to_owned(), ..exposed })
    };
    variables
        .into_iter()
        .filter(|(name, _)| !name.starts_with("HOLDPOINT_"))
        .filter_map(found)
        .collect()
}

/// The login files and directories that there are in `home`.
pub fn login_files(home: &Path) -> Vec<PathBuf> {
    LOGIN_FILES.iter().map(|name| home.join(name)).filter(|path| path.exists()).collect()
}
