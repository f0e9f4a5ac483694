//! The far end of a connection: what runs there, and what is known of it.

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::{Effect, ResourceId, operation::Place, policy::Ground};

use super::{
    At, Command, Dialect, Step,
    call::{Call, Pipe},
    expand::UNKNOWN,
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
        self.far(&script, &BTreeMap::new(), &At::Host(host.clone()), &host, call.pipe)
    }

    /// A script that runs at `at`, with the files and variables of the far end.
    pub(super) fn far(
        &mut self,
        script: &str,
        environment: &BTreeMap<String, String>,
        at: &At,
        label: &str,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let far = FarEnd(self.machine());
        let command =
            Command { dialect: Dialect::Bash, text: script, directory: "/root", environment };
        let mut inner = Scope::new(&command, &far);
        inner.functions = BTreeMap::new();
        let mut walk = Walk::new(&far);
        let output = walk.script(&mut inner, script, pipe)?;
        for step in walk.into_reading().steps {
            let there = step.at == At::Here;
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

/// The machine at the far end of a connection: nobody knows its files.
struct FarEnd<'a>(&'a dyn Machine);

impl World for FarEnd<'_> {
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        self.0.host(host, port)
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.0.persisted(sha256)
    }
}

impl Machine for FarEnd<'_> {
    fn home(&self) -> &str {
        "/root"
    }

    fn workspace(&self) -> Option<&str> {
        None
    }

    fn text(&self, _path: &str) -> Option<Arc<str>> {
        None
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
        self.0.protected_branch(branch)
    }

    fn made(&self, _path: &str) -> bool {
        false
    }

    fn masked(&self) -> bool {
        self.0.masked()
    }

    fn enclosed(&self) -> bool {
        false
    }
}
