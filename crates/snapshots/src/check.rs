//! What the credential that writes snapshots can do to them, found out by trying.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_core::Digest;
use rustic_core::{FileType, Id};
use serde::Serialize;

use crate::{
    door::{Door, Lies},
    elsewhere::Elsewhere as _,
    error::{Result, SnapshotError},
};

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
    Ok(vec![
        can("add", added),
        can("read", read.map(drop)),
        cannot("shorten", shorten, OWN),
        cannot("replace", replace, OWN),
        cannot("remove", remove, OWN),
    ])
}

const OWN: &str = "whoever has the rights of this user can do it, though nobody in a run sees the \
                   directory; keep them behind a door (`holdpoint snapshots door`)";

/// What whoever writes has to be able to do.
pub(crate) fn can(what: &'static str, tried: io::Result<()>) -> Finding {
    match tried {
        Ok(()) => Finding { what, ok: true, found: "possible".to_owned() },
        Err(error) => Finding { what, ok: false, found: error.to_string() },
    }
}

/// What whoever writes must not be able to do; `mend` is what to do where they are.
pub(crate) fn cannot(what: &'static str, tried: io::Result<()>, mend: &str) -> Finding {
    match tried {
        Ok(()) => Finding { what, ok: false, found: format!("possible: {mend}") },
        Err(error) => Finding { what, ok: true, found: format!("not possible ({error})") },
    }
}

/// The same behind a door: over it, and past it, with all that whoever writes has.
pub(crate) fn behind(door: &Door, saved: &HashSet<PathBuf>) -> io::Result<Vec<Finding>> {
    let lies = door.lies()?;
    let content = format!("probe {}", std::process::id()).into_bytes();
    let name = Digest::of(&content).to_string();
    let id: Id = name.parse().map_err(|_| io::ErrorKind::InvalidData)?;
    let kinds = [FileType::Snapshot, FileType::Index, FileType::Pack, FileType::Key];
    let first = |of: FileType| Some((of, door.list(of).ok()?.first()?.0));
    let (of, one) = kinds.into_iter().find_map(first).unwrap_or((FileType::Config, Id::default()));
    let says = |verb: &str| {
        door.says(&serde_json::json!({ "verb": verb, "of": of, "id": one.to_hex().to_string() }))
    };
    let file = match of {
        FileType::Config => lies.directory.join("config"),
        of => lies.directory.join(of.dirname()).join(one.to_hex().as_str()),
    };
    let shorten = OpenOptions::new().write(true).truncate(true).open(&file).map(drop);
    let replace = door.add(of, &one, &[b"another"]);
    let over_it = says("remove").or_else(|_| says("delete")).or_else(|_| says("prune"));
    let remove = over_it.or_else(|_| fs::rename(&file, file.with_extension("gone")));
    let config = door.add(FileType::Config, &Id::default(), &[b"another"]);
    let add = door.add(FileType::Snapshot, &id, &[b"not what its name says"]);
    Ok(vec![
        can("add", door.share().map(drop)),
        can("read", door.read(FileType::Config, &Id::default(), None).map(drop)),
        cannot("shorten", shorten, BEHIND),
        cannot("replace", replace.or(config), BEHIND),
        cannot("add what its name does not say", add, BEHIND),
        cannot("remove", remove, BEHIND),
        user(&lies),
        beside(&lies, saved),
    ])
}

const BEHIND: &str = "whoever may knock can do it, which no door should let them: report it";

fn user(lies: &Lies) -> Finding {
    let own = rustix::process::getuid().as_raw();
    let ok = lies.user != own && own != 0;
    let found = match ok {
        true => format!("kept by user {}, whom user {own} cannot become", lies.user),
        false => format!("kept by user {}, and whoever writes is user {own}", lies.user),
    };
    Finding { what: "user", ok, found }
}

fn beside(lies: &Lies, saved: &HashSet<PathBuf>) -> Finding {
    let device = |path: &PathBuf| fs::metadata(path).ok().map(|it| it.dev());
    let same = saved.iter().any(|root| device(root) == Some(lies.device));
    let found = match same {
        true => "on the same disk as what was saved: this brings back what an agent did, not a \
                 disk; it is no snapshot for production"
            .to_owned(),
        false => "on another disk than everything that was saved".to_owned(),
    };
    Finding { what: "disk", ok: !same, found }
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
