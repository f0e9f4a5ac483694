//! The far end of a connection: what runs there, and what is known of it.

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::{Effect, ResourceId, operation::Place, policy::Ground};

use super::{
    At, Command, Dialect, Step,
    call::{Call, Pipe},
    expand::UNKNOWN,
    overlay::Overlay,
    path,
    scope::Scope,
    walk::Walk,
};
use crate::{Unreadable, World, machine::Machine, world::Host};

impl Walk<'_> {
    pub(super) fn over_ssh(&mut self, call: &Call<'_>) -> Result<String, Unreadable> {
        let valued = [
            "-i", "-p", "-l", "-o", "-F", "-J", "-L", "-R", "-D", "-W", "-b", "-c", "-e", "-m",
            "-S", "-w", "-E", "-B", "-Q", "-I",
        ];
        let mut words = call.arguments.iter().map(String::as_str).peekable();
        while let Some(word) = words.next_if(|word| word.starts_with('-')) {
            if valued.contains(&word) {
                words.next();
            }
        }
        let Some(to) = words.next() else { return Ok(String::new()) };
        let host =
            to.trim_start_matches("ssh://").rsplit('@').next().unwrap_or(to).to_ascii_lowercase();
        let rest: Vec<&str> = words.collect();
        let script = match (rest.is_empty(), &call.pipe.stdin) {
            (false, _) => rest.join(" "),
            (true, Some(text)) => text.clone(),
            (true, None) => {
                let resource = ResourceId::of("ssh", "host", &host);
                self.push(Step::guessed("ssh:login", Effect::Execute, resource, At::Host(host)));
                return Ok(UNKNOWN.to_string());
            }
        };
        let end = End { at: At::Host(host.clone()), label: &host, ..End::default() };
        self.far(&script, &BTreeMap::new(), &end, call.pipe)
    }

    /// A script that runs at `end`, with the files and variables there.
    pub(super) fn far(
        &mut self,
        script: &str,
        environment: &BTreeMap<String, String>,
        end: &End<'_>,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let far = FarEnd { files: &self.files, mounts: &end.mounts };
        let directory = end.directory.unwrap_or("/root");
        let command = Command { dialect: Dialect::Bash, text: script, directory, environment };
        let mut inner = Scope::new(&command, &far);
        inner.functions = BTreeMap::new();
        let mut walk = Walk::new(&far);
        let output = walk.script(&mut inner, script, pipe)?;
        let steps = walk.into_reading().steps;
        let (at, label) = (&end.at, end.label);
        for step in steps {
            if let Some(path) = end.mounted(&step) {
                self.touched(&step.operation.name, step.operation.effect, &path);
                continue;
            }
            let there = step.at == At::Here;
            if there && end.goes && step.operation.resource.id.as_str().starts_with("file:") {
                continue;
            }
            let mut step = Step {
                ground: Ground::None,
                variables: Vec::new(),
                unseen: step.unseen && !there,
                ..step
            };
            if there {
                step.at = at.clone();
                step.operation.place = Place::Elsewhere;
                let id =
                    step.operation.resource.id.as_str().replacen(':', &format!(":{label}:"), 1);
                step.operation.resource.id = ResourceId::new(id);
                step.operation.resource.within.clear();
            }
            self.push(step);
        }
        Ok(output)
    }
}

/// The far end of a connection.
pub(super) struct End<'e> {
    /// Where what happens there takes effect.
    pub(super) at: At,
    /// What it is called.
    pub(super) label: &'e str,
    /// Where scripts begin there.
    pub(super) directory: Option<&'e str>,
    /// Parts of this machine that are there as well: the path there, and the path here.
    pub(super) mounts: Vec<(String, String)>,
    /// All other files there were made for this, and go with it.
    pub(super) goes: bool,
}

impl Default for End<'_> {
    fn default() -> Self {
        Self { at: At::Somewhere, label: "", directory: None, mounts: Vec::new(), goes: false }
    }
}

impl End<'_> {
    /// The path of this machine that a step there changes.
    fn mounted(&self, step: &Step) -> Option<String> {
        let path = step.operation.resource.id.as_str().strip_prefix("file:")?;
        let changes = step.at == At::Here && step.operation.effect.changes();
        changes.then(|| here(&self.mounts, path)).flatten()
    }
}

/// The path of this machine that lies at `path` at the far end.
fn here(mounts: &[(String, String)], path: &str) -> Option<String> {
    let fits = mounts.iter().filter(|(there, _)| path::is_in(path, there));
    let (there, here) = fits.max_by_key(|(there, _)| there.len())?;
    let rest = path.strip_prefix(there.as_str())?.trim_start_matches('/');
    Some(path::normal(rest, here))
}

/// The machine at the far end of a connection: nobody knows its files, but for those of this one
/// that are there as well.
struct FarEnd<'a> {
    files: &'a Overlay<'a>,
    mounts: &'a [(String, String)],
}

impl World for FarEnd<'_> {
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        self.files.machine.host(host, port)
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.files.machine.persisted(sha256)
    }
}

impl Machine for FarEnd<'_> {
    fn home(&self) -> &str {
        "/root"
    }

    fn workspace(&self) -> Option<&str> {
        None
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.files.text(&here(self.mounts, path)?)
    }

    fn files_below(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }

    fn ignored(&self, _path: &str) -> bool {
        false
    }

    fn in_repository(&self) -> bool {
        false
    }

    fn has_work(&self, _path: &str) -> bool {
        false
    }

    fn protected_branch(&self, branch: &str) -> bool {
        self.files.machine.protected_branch(branch)
    }

    fn made(&self, _path: &str) -> bool {
        false
    }

    fn masked(&self) -> bool {
        self.files.machine.masked()
    }

    fn enclosed(&self) -> bool {
        false
    }
}
