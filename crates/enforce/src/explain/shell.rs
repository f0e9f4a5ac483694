//! Shell commands, file operations and tool calls of an episode.

use std::collections::BTreeMap;

use holdpoint_core::{
    identity::Principal,
    policy::{Ground, Pdp},
};
use holdpoint_wire::{
    Unreadable,
    http::json::Json,
    shell::{
        self, Command, Reading, Step, Written,
        files::{self, FileOperation},
    },
    tool,
};

use super::{
    answer::Judged,
    episode::{Attempt, FileAttempt, McpAttempt, ShellAttempt},
    machine::Surrounded,
    unreadable,
};
use crate::{keep::Loss, steps::Around};

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

/// Judges a call of a tool.
pub(super) fn tool(
    pdp: &Pdp,
    machine: &Surrounded<'_>,
    principal: &Principal,
    index: usize,
    attempt: &Attempt,
    call: &McpAttempt,
) -> Outcome {
    let arguments = match &call.arguments {
        Some(arguments) => Json::read(arguments.to_string().as_bytes()),
        None => Ok(Json::Null),
    };
    let read = arguments.and_then(|arguments| {
        let call = tool::Call {
            server: &call.server,
            tool: &call.tool,
            arguments: &arguments,
            directory: machine.state.directory(),
        };
        tool::interpret(&call, machine)
    });
    judged(pdp, machine, principal, index, attempt, read)
}

fn judged(
    pdp: &Pdp,
    machine: &Surrounded<'_>,
    principal: &Principal,
    index: usize,
    attempt: &Attempt,
    read: Result<Reading, Unreadable>,
) -> Outcome {
    let reading = match read {
        Ok(reading) => reading,
        Err(error) => return (unreadable(index, error.into()), BTreeMap::new()),
    };
    // The fulfillers of this build are taken as healthy.
    let directory = machine.state.directory();
    let saves = |step: &Step, environment| {
        step.ground == Ground::Root && machine.episode.enclosed
            || Loss::may_stay_here(environment) && Loss::of(step, directory).is_some()
    };
    let around = Around {
        surroundings: &machine.fixtures.without_credential(),
        in_reach: &|step| shell::in_reach(step, machine),
        listed: &|host| machine.fixtures.listed(host),
        saves: &saves,
    };
    let judged = around.judge(pdp, principal, attempt, &reading.steps);
    (Judged::new(index, &judged), reading.written)
}
