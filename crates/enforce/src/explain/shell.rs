//! Shell commands and file operations of an episode.

use std::collections::BTreeMap;

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{
    Effect, Environment,
    identity::Principal,
    policy::{Ground, Pdp, Request},
};
use holdpoint_wire::{
    Unreadable,
    shell::{
        self, At, Command, Reading, Step, Written,
        files::{self, FileOperation},
    },
};

use super::{
    answer::Judged,
    episode::{Attempt, FileAttempt, ShellAttempt},
    machine::Surrounded,
    unreadable,
};
use crate::resolve::{self, Destination};

/// What was judged, and what it would have written.
pub(super) type Outcome = (Judged, BTreeMap<String, Written>);

/// Judges a shell command.
pub(super) fn command(
    pdp: &Pdp,
    machine: &Surrounded<'_>,
    principal: &Principal,
    index: usize,
    attempt: &Attempt,
    shell: &ShellAttempt,
) -> Outcome {
    let command = Command {
        dialect: shell.dialect,
        text: &shell.command,
        directory: shell.cwd.as_deref().unwrap_or(machine.state.directory()),
        environment: &shell.env,
    };
    let read = shell::interpret(&command, machine);
    judged(pdp, machine, principal, index, attempt, read)
}

/// Judges an operation on a file.
pub(super) fn file(
    pdp: &Pdp,
    machine: &Surrounded<'_>,
    principal: &Principal,
    index: usize,
    attempt: &Attempt,
    file: &FileAttempt,
) -> Outcome {
    let operation = match file.op.as_str() {
        "read" => FileOperation::Read,
        "write" => FileOperation::Write(file.content.as_deref().unwrap_or_default()),
        "delete" => FileOperation::Delete,
        other => {
            let text = format!("`{other}` is no file operation; use read, write or delete");
            return (unreadable(index, Unreadable::new(text).into()), BTreeMap::new());
        }
    };
    let path = machine.state.path(&file.path);
    let reading = files::interpret(operation, &path, machine.state.directory(), machine);
    judged(pdp, machine, principal, index, attempt, Ok(reading))
}

fn judged(
    pdp: &Pdp,
    machine: &Surrounded<'_>,
    principal: &Principal,
    index: usize,
    attempt: &Attempt,
    read: Result<Reading, Unreadable>,
) -> Outcome {
    let mut reading = match read {
        Ok(reading) => reading,
        Err(error) => return (unreadable(index, error.into()), BTreeMap::new()),
    };
    if reading.steps.is_empty() {
        reading.steps.push(Step::reads());
    }
    let requests = reading.steps.into_iter().flat_map(|step| request(machine, principal, step));
    let judged = pdp.judge(attempt, requests.collect());
    (Judged::new(index, &judged), reading.written)
}

/// The questions about one step: those of any operation, and what only a command's have.
fn request(machine: &Surrounded<'_>, principal: &Principal, step: Step) -> Vec<Request> {
    let fixtures = machine.fixtures;
    let of = |environment| Host { environment: Some(environment), ..Host::unnamed() };
    let (name, host) = match &step.at {
        At::Here => ("localhost", of(Environment::Local)),
        At::Host(host) => (host.as_str(), fixtures.listed(host)),
        At::Service => ("service", of(Environment::None)),
        At::Somewhere => ("unknown", of(Environment::Unknown)),
    };
    let host = match host.environment {
        None if is_here(name) => Host { environment: Some(Environment::Local), ..host },
        _ => host,
    };
    let destination = Destination { name, listed: Some(&host) };
    let executes = step.operation.effect == Effect::Execute;
    let in_reach = executes && shell::in_reach(&step, machine);
    let surroundings = fixtures.without_credential();
    let mut requests =
        resolve::requests(&surroundings, principal, destination, vec![step.operation.clone()]);
    for request in &mut requests {
        request.facts.enclosed = machine.episode.enclosed;
        request.facts.tampers = step.tampers;
        request.facts.ground = step.ground;
        request.facts.credentials_in_reach = in_reach;
        request.facts.can_snapshot = step.ground == Ground::Workspace
            || step.ground == Ground::Root && machine.episode.enclosed;
    }
    requests
}

/// Names that mean this machine in a container's network as well.
fn is_here(host: &str) -> bool {
    resolve::is_loopback(host) || matches!(host, "0.0.0.0" | "host.docker.internal")
}
