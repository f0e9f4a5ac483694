//! Volumes of container engines: their contents as the engine itself hands them out, and what they
//! were made with.
//!
//! - `docker`: by Docker's interface, at a socket; `http`: how it is spoken there
//! - `podman`: by Podman's own program, which needs no server

mod docker;
mod http;
mod podman;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use holdpoint_core::Digest;
use holdpoint_wire::shell::volumes::{Engine as Asked, Volumes, Which};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::{docker::Docker, podman::Podman};
use super::{PROGRAM_MAX, Preserve, fresh};
use crate::error::{Result, SnapshotError};

/// The names of what is written out: what it was made with, and what is in it.
const MADE: &str = "volume.json";
const CONTENTS: &str = "contents.tar";
/// How every whole archive ends (POSIX, `pax`: two blocks of zeros).
const END: [u8; 1024] = [0; 1024];

/// A volume as its engine lists it; Docker and Podman do it alike.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    driver: String,
    labels: Option<BTreeMap<String, String>>,
    options: Option<BTreeMap<String, String>>,
}

/// What a volume was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    name: String,
    driver: String,
    labels: BTreeMap<String, String>,
    options: BTreeMap<String, String>,
    /// The owner, the group and the mode of its root, where its contents do not say them.
    root: Option<String>,
}

impl Made {
    /// Whether nobody gave it a name: engines then give it one of 64 digits.
    fn is_anonymous(&self) -> bool {
        self.name.len() == 64 && self.name.chars().all(|it| it.is_ascii_hexdigit())
    }
}

/// A container engine of this machine.
trait Engine: fmt::Debug + Send + Sync {
    /// How the catalogue names it: [`at`] finds it again by that.
    fn name(&self) -> String;

    /// What each volume was made with.
    fn all(&self) -> Result<Vec<Made>>;

    /// The owner, the group and the mode of a volume's root, where its archive does not say them.
    fn root(&self, volume: &str) -> Result<Option<String>>;

    /// The volumes that containers have: of all of them, or of those that run.
    fn had(&self, running: bool) -> Result<Vec<String>>;

    /// The volumes of one container.
    fn of_container(&self, name: &str) -> Result<Vec<String>>;

    /// The containers that were made for a compose project.
    fn of_project(&self, project: &str) -> Result<Vec<String>>;

    /// The containers that have a volume.
    fn users(&self, volume: &str) -> Result<Vec<String>>;

    /// Whether it takes volumes that have a name only where it is told so.
    fn spares_named(&self) -> Result<bool>;

    /// Writes an archive of what is in a volume.
    fn read(&self, volume: &str, into: &mut dyn Write, max: Duration) -> Result<()>;

    /// Makes a volume that is not there, with what is in this archive.
    fn make(&self, made: &Made, contents: &Path) -> Result<()>;

    /// Removes one that no container has.
    fn remove(&self, volume: &str) -> Result<()>;
}

/// A volume.
#[derive(Debug)]
pub struct Volume {
    engine: Box<dyn Engine>,
    name: String,
}

impl Volume {
    /// The volume that the catalogue calls `what`: an engine, a colon, and a name; Docker's, where
    /// there is no engine.
    pub fn named(what: &str) -> Result<Self, String> {
        let (engine, name) = what.rsplit_once(':').unwrap_or(("docker", what));
        Ok(Self { engine: at(engine)?, name: name.to_owned() })
    }

    fn made(&self) -> Result<Option<Made>> {
        Ok(self.engine.all()?.into_iter().find(|it| it.name == self.name))
    }

    fn there(&self) -> Result<Made> {
        let made = self.made()?;
        let made = made.ok_or_else(|| failed(format!("has no volume {}", self.name)))?;
        Ok(Made { root: self.engine.root(&self.name)?, ..made })
    }

    /// What is in it now, as one number.
    fn content(&self, max: Duration) -> Result<Digest> {
        let mut content = Sha256::new();
        self.engine.read(&self.name, &mut content, max)?;
        Ok(Digest(content.finalize().into()))
    }
}

/// The volumes that are meant; some that are named have to be there.
pub(crate) fn meant(volumes: &Volumes) -> Result<Vec<Box<dyn Preserve>>, String> {
    let engine = engine(volumes)?;
    let names = taken(&*engine, &volumes.which).map_err(|error| error.to_string())?;
    let name = engine.name();
    let of =
        |volume: &String| Ok(Box::new(Volume { engine: at(&name)?, name: volume.clone() }) as _);
    names.iter().map(of).collect()
}

/// Whether somebody answers for these: fast, as somebody waits for that.
pub(crate) fn is_reachable(volumes: &Volumes) -> bool {
    engine(volumes).is_ok()
}

/// The engine that the command would find.
fn engine(volumes: &Volumes) -> Result<Box<dyn Engine>, String> {
    // Whoever says a socket says all of it; else what leads us has to be what leads the command.
    if let Some(host) = volumes.led.get("DOCKER_HOST").filter(|_| volumes.engine == Asked::Docker) {
        return at(host);
    }
    let differs = |name: &&&str| volumes.led.get(**name).cloned() != std::env::var(name).ok();
    if let Some(name) = volumes.engine.leading().iter().find(differs) {
        return Err(format!("{name} is another one here than for the command"));
    }
    match volumes.engine {
        Asked::Podman => at("podman"),
        Asked::Docker => at("docker"),
    }
}

/// An engine by the name that the catalogue has for it.
fn at(engine: &str) -> Result<Box<dyn Engine>, String> {
    match engine {
        "podman" => Ok(Box::new(Podman::found()?)),
        "docker" => Ok(Box::new(Docker::at(&docker::usual()?)?)),
        address => Ok(Box::new(Docker::at(address)?)),
    }
}

/// The names of the volumes that would go.
fn taken(engine: &dyn Engine, which: &Which) -> Result<Vec<String>> {
    let all = engine.all()?;
    let mut taken: Vec<String> = match which {
        Which::Named(name) if all.iter().any(|it| it.name == *name) => vec![name.clone()],
        Which::Named(name) => return Err(failed(format!("has no volume {name}"))),
        Which::Every => all.into_iter().map(|it| it.name).collect(),
        Which::Unused { spared } | Which::Idle { spared } => {
            let had = engine.had(matches!(which, Which::Idle { .. }))?;
            let spared = *spared && engine.spares_named()?;
            let goes = |it: &&Made| !had.contains(&it.name) && (!spared || it.is_anonymous());
            all.iter().filter(goes).map(|it| it.name.clone()).collect()
        }
        Which::Project { name, volumes } => {
            let labels = ["com.docker.compose.project", "io.podman.compose.project"];
            let made_for = |it: &Made| labels.iter().any(|key| it.labels.get(*key) == Some(name));
            let containers = engine.of_project(name)?;
            let nameless = nameless(engine, &all, &containers)?;
            let named = all.iter().filter(|it| volumes.contains(&it.name) || made_for(it));
            named.map(|it| it.name.clone()).chain(nameless).collect()
        }
        Which::Containers(names) => nameless(engine, &all, names)?,
    };
    taken.sort();
    taken.dedup();
    Ok(taken)
}

/// The volumes of these containers that have no name of their own.
fn nameless(engine: &dyn Engine, all: &[Made], containers: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for container in containers {
        found.extend(engine.of_container(container)?);
    }
    found.retain(|name| all.iter().any(|it| it.name == *name && it.is_anonymous()));
    Ok(found)
}

impl Preserve for Volume {
    fn kind(&self) -> &'static str {
        "volume"
    }

    fn what(&self) -> String {
        format!("{}:{}", self.engine.name(), self.name)
    }

    /// What it was made with, and all that is in it: an engine counts no changes.
    fn mark(&self) -> Result<String> {
        let made = self.there()?;
        Ok(format!("{made:?} {}", self.content(PROGRAM_MAX)?))
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        let (made, path) = (self.there()?, into.join(CONTENTS));
        let file = File::create_new(&path).map_err(SnapshotError::io("make", &path))?;
        let mut contents = BufWriter::new(file);
        self.engine.read(&self.name, &mut contents, PROGRAM_MAX)?;
        contents.flush().map_err(SnapshotError::io("write", &path))?;
        let text = serde_json::to_vec(&made).map_err(|error| failed(error.to_string()))?;
        let described = into.join(MADE);
        std::fs::write(&described, text).map_err(SnapshotError::io("write", &described))?;
        // It is read file by file: what changed meanwhile never was so.
        match content_of(&path)? == self.content(PROGRAM_MAX)? && made == self.there()? {
            true => Ok(()),
            false => {
                Err(failed("has a volume that changes while it is saved: stop what uses it".into()))
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.made().is_ok_and(|made| made.is_none())
    }

    /// Made under a name that nobody has first: what the engine does not take is seen before what
    /// is there goes.
    fn take_in(&self, from: &Path) -> Result<()> {
        let (described, contents) = (from.join(MADE), from.join(CONTENTS));
        let text = std::fs::read(&described).map_err(SnapshotError::io("read", &described))?;
        let made: Made =
            serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        let users = self.engine.users(&self.name)?;
        if !users.is_empty() {
            let text = format!(
                "has containers that use the volume {}: {}; remove them (it stays), then undo again",
                self.name,
                users.join(", ")
            );
            return Err(failed(text));
        }
        if self.made()?.is_some() {
            let tried = Made { name: format!("holdpoint-undo-{}", fresh()?), ..made.clone() };
            let outcome = self.make(&tried, &contents);
            self.engine.remove(&tried.name)?;
            outcome?;
            self.engine.remove(&self.name)?;
        }
        self.make(&made, &contents)
    }
}

impl Volume {
    /// Makes one, and reads it back.
    fn make(&self, made: &Made, contents: &Path) -> Result<()> {
        self.engine.make(made, contents)?;
        let volume =
            Self { engine: at(&self.engine.name()).map_err(failed)?, name: made.name.clone() };
        match volume.content(PROGRAM_MAX)? == content_of(contents)? {
            true => Ok(()),
            false => Err(failed(format!("has not put all of it back into {}", made.name))),
        }
    }
}

/// The digest of an archive that is whole.
fn content_of(path: &Path) -> Result<Digest> {
    let io = |error| SnapshotError::io("read", path)(error);
    let mut file = File::open(path).map_err(io)?;
    let mut tail = [0; END.len()];
    let whole =
        file.seek(SeekFrom::End(-(END.len() as i64))).and_then(|_| file.read_exact(&mut tail));
    if whole.is_err() || tail != END {
        return Err(failed("gave half an archive".to_owned()));
    }
    file.rewind().map_err(io)?;
    let mut content = Sha256::new();
    io::copy(&mut file, &mut content).map_err(io)?;
    Ok(Digest(content.finalize().into()))
}

fn failed(text: String) -> SnapshotError {
    SnapshotError::Program { program: "the container engine", text }
}

#[cfg(test)]
mod tests;
