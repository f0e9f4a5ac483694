//! What the credential that writes snapshots can do to them, found out by trying.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::error::{Result, SnapshotError};

/// The file with which it is tried. No name in the format begins like this.
const PROBE: &str = ".probe-";

/// One thing that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub what: &'static str,
    /// Whether it is as it has to be.
    pub ok: bool,
    /// What was found, and what to do about it.
    pub found: String,
}

/// Tries what can be done in `directory`, and looks at where it lies beside what was `saved`.
pub(crate) fn check(directory: &Path, saved: &HashSet<PathBuf>) -> Result<Vec<Finding>> {
    let mut findings = powers(&directory.join("snapshots"))?;
    findings.push(place(directory, saved)?);
    findings.push(disk(directory, saved));
    Ok(findings)
}

/// Adding, reading, replacing, shortening, removing: by a file of our own among the others.
fn powers(directory: &Path) -> Result<Vec<Finding>> {
    let probe = directory.join(format!("{PROBE}{}", std::process::id()));
    let add = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&probe);
    let added = add.and_then(|mut file| file.write_all(b"probe"));
    let read = fs::read(&probe);
    let shorten = OpenOptions::new().write(true).truncate(true).open(&probe).map(drop);
    let other = probe.with_extension("new");
    let replace = fs::write(&other, b"another").and_then(|()| fs::rename(&other, &probe));
    let remove = fs::remove_file(&probe);
    if added.is_ok() && remove.is_err() {
        tracing::warn!(path = %probe.display(), "the probe cannot be removed, as it should be");
    }
    let can = |what, tried: io::Result<()>| match tried {
        Ok(()) => Finding { what, ok: true, found: "possible".to_owned() },
        Err(error) => Finding { what, ok: false, found: error.to_string() },
    };
    let cannot = |what, tried: io::Result<()>| match tried {
        Ok(()) => Finding {
            what,
            ok: false,
            found: "possible: whoever has the rights of this user can do it, though nobody in a \
                    run sees the directory; keep a copy where this user cannot delete"
                .to_owned(),
        },
        Err(error) => Finding { what, ok: true, found: format!("not possible ({error})") },
    };
    Ok(vec![
        can("add", added),
        can("read", read.map(drop)),
        cannot("shorten", shorten),
        cannot("replace", replace),
        cannot("remove", remove),
    ])
}

/// What destroys a workspace must not reach its snapshots.
fn place(directory: &Path, saved: &HashSet<PathBuf>) -> Result<Finding> {
    let directory = fs::canonicalize(directory).map_err(SnapshotError::io("look at", directory))?;
    let inside = saved.iter().find(|root| directory.starts_with(root));
    let found = match inside {
        Some(root) => format!(
            "{} lies in {}, which it is to bring back: give another --state",
            directory.display(),
            root.display()
        ),
        None => format!("{} lies in nothing that it is to bring back", directory.display()),
    };
    Ok(Finding { what: "place", ok: inside.is_none(), found })
}

/// A disk that is lost takes both along.
fn disk(directory: &Path, saved: &HashSet<PathBuf>) -> Finding {
    let device = |path: &Path| fs::metadata(path).ok().map(|it| it.dev());
    let own = device(directory);
    let mut same: Vec<String> = saved
        .iter()
        .filter(|root| own.is_some() && device(root) == own)
        .map(|root| root.display().to_string())
        .collect();
    same.sort();
    let found = match same.is_empty() {
        true => "on another disk than everything that was saved".to_owned(),
        false => format!(
            "on the same disk as {}: this brings back what an agent did, not a disk; it is no \
             snapshot for production",
            same.join(", ")
        ),
    };
    Finding { what: "disk", ok: same.is_empty(), found }
}
