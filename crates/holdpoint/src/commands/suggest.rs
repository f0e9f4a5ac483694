//! `holdpoint policy suggest`: what a run would have needed, as commands for a human to choose from.

use std::collections::BTreeMap;

use holdpoint_catalog::hosts;
use holdpoint_core::{
    Code, Effect, Environment, ResourceId,
    ledger::{Decided, Meaning, Record, RecordKind},
    plain,
    plain::is_literal,
};
use holdpoint_store::ledger::{DIRECTORY, Reader};
use serde::Serialize;

use super::Here;
use crate::{
    quoted::shell,
    status::{CommandError, Ended, Status},
};

/// Suggestions of one run, at most.
const SUGGESTIONS_MAX: usize = 1000;

/// One command that a human may want to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Suggestion {
    command: String,
    /// What the run did, or tried, that needs it.
    because: BTreeMap<String, u64>,
}

/// Runs `holdpoint policy suggest`.
pub(super) fn suggest(run: &str, here: &Here) -> Ended {
    let reader = Reader::open(&here.dir.join(DIRECTORY)).map_err(CommandError::unable)?;
    let listed = listed(here)?;
    let (mut seen, mut needs) = (false, Needs::default());
    for record in reader.records(0) {
        let (_, record) = record.map_err(CommandError::unable)?;
        let Record { principal: Some(by), kind: RecordKind::Decision(decided), .. } = record else {
            continue;
        };
        if by.run == run {
            seen = true;
            needs.take(&decided, by.task.environment, &listed);
        }
    }
    if !seen {
        return Err(CommandError::usage(format!("the ledger tells nothing of a run {run}")));
    }
    let suggestions = needs.suggestions();
    here.print(&suggestions, &shown(run, &suggestions))?;
    Ok(Status::Done)
}

/// Whether a human or a preset has listed a host.
pub(super) fn listed(here: &Here) -> Result<impl Fn(&str, Option<u16>) -> bool + '_, CommandError> {
    let known = here.state.hosts().list().map_err(CommandError::unable)?;
    Ok(move |host: &str, port: Option<u16>| {
        let human = known.iter().chain(&here.config.hosts);
        let mut human = human.filter(|it| it.port.is_none() || it.port == port);
        human.any(|it| it.host.matches(host))
            || hosts::identity(host).is_some_and(|identity| identity.listed)
    })
}

/// What a run needed, by the command that would give it.
#[derive(Debug, Default)]
struct Needs(BTreeMap<String, BTreeMap<String, u64>>);

impl Needs {
    fn take(
        &mut self,
        decided: &Decided,
        environment: Option<Environment>,
        listed: &impl Fn(&str, Option<u16>) -> bool,
    ) {
        let code = decided.reasons.first().map(|reason| reason.code);
        for meaning in &decided.operations {
            let Some(command) = command(meaning, code, environment, listed) else { continue };
            if self.0.len() < SUGGESTIONS_MAX || self.0.contains_key(&command) {
                let because = because(meaning, decided);
                *self.0.entry(command).or_default().entry(because).or_default() += 1;
            }
        }
    }

    fn suggestions(self) -> Vec<Suggestion> {
        let suggestion = |(command, because)| Suggestion { command, because };
        self.0.into_iter().map(suggestion).collect()
    }
}

/// The command that would have let `meaning` pass, as far as one can be named.
pub(super) fn command(
    meaning: &Meaning,
    code: Option<Code>,
    environment: Option<Environment>,
    listed: &impl Fn(&str, Option<u16>) -> bool,
) -> Option<String> {
    if misleads(meaning) {
        return None;
    }
    let place = || environment.map_or("ENVIRONMENT", Environment::as_str);
    let at = authority(&meaning.resource);
    if let Some((host, port)) = at
        && !listed(host, port)
        && matches!(code, None | Some(Code::UnlistedHost))
    {
        let port = port.map_or_else(String::new, |port| format!(" --port {port}"));
        // What only reads needs no environment: reading passes in each.
        let rest = match meaning.effect {
            Effect::Observe => String::new(),
            _ => format!(" --environment {}", place()),
        };
        // Nobody has a host of such a name, and no flag is given by an agent.
        let named = !host.starts_with('-');
        return named.then(|| format!("holdpoint hosts add {}{port}{rest}", shell(host)));
    }
    match code? {
        Code::ForeignCredential | Code::UnboundCredential | Code::OutsidePurpose => {
            let host = at.map(|(host, _)| host).filter(|host| !host.starts_with('-'));
            let (host, purpose) = (shell(host.unwrap_or("HOST")), shell(&meaning.operation));
            Some(format!("holdpoint secrets add NAME --host {host} --purpose {purpose}"))
        }
        Code::NeedsApproval | Code::NoWayBack if meaning.environment == Environment::Unknown => {
            let resource = shell(meaning.resource.as_str());
            Some(format!("holdpoint inventory add {resource} --environment {}", place()))
        }
        _ => None,
    }
}

/// Whether the names that an agent chose would mean more than themselves where they are pasted: a
/// purpose with a star is every operation, a name with a blank is two.
pub(super) fn misleads(meaning: &Meaning) -> bool {
    !is_literal(&meaning.operation) || !is_literal(meaning.resource.as_str())
}

/// What became of it, in a word, and what it was.
fn because(meaning: &Meaning, decided: &Decided) -> String {
    let what = match decided.verdict.as_str() {
        "allow" => "passed",
        "hold" => "held",
        _ => "refused",
    };
    // A comment for most shells; zsh reads what follows `#` like everything else.
    format!("{what}: {} {}", shell(&meaning.operation), meaning.effect)
}

/// Host and port in the name of a resource that has no better name.
pub(super) fn authority(resource: &ResourceId) -> Option<(&str, Option<u16>)> {
    let (kind, rest) = resource.as_str().split_once(':')?;
    let authority = matches!(kind, "rest" | "tcp").then_some(rest)?.split('/').next()?;
    match authority.rsplit_once(':').filter(|_| !authority.ends_with(']')) {
        Some((host, port)) => Some((host, port.parse().ok())),
        None => Some((authority, None)),
    }
}

fn shown(run: &str, suggestions: &[Suggestion]) -> String {
    if suggestions.is_empty() {
        return format!("run {run} needed nothing more");
    }
    let lines = suggestions.iter().map(|Suggestion { command, because }| {
        let because = because.iter().map(|(what, times)| format!("{times} {what}"));
        let line = format!("+ {command}    # {}", because.collect::<Vec<_>>().join(", "));
        plain(&line) + "\n"
    });
    let head = format!("--- what is listed and granted now\n+++ what run {run} would need\n");
    std::iter::once(head).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Operation, Reversibility};

    use super::*;

    #[test]
    fn nothing_is_proposed_that_means_more_than_itself() {
        let asked = |name: &str, resource: &str| {
            let resource = ResourceId::new(resource);
            let operation =
                Operation::known(name, Effect::Modify, resource, Reversibility::Unknown);
            let meaning = Meaning::of(&operation, Environment::Staging);
            command(&meaning, Some(Code::UnboundCredential), None, &|_, _| true)
        };
        let resource = "rest:api.example.com/items";
        let proposed = "holdpoint secrets add NAME --host api.example.com --purpose rest:PATCH";
        assert_eq!(asked("rest:PATCH", resource).as_deref(), Some(proposed));
        for name in ["rest:*", "rest:A B", "rest:A\tB", "rest:'", "rest:\"", "rest:P*TCH", ""] {
            assert_eq!(asked(name, resource), None, "{name:?}");
        }
        assert_eq!(asked("rest:PATCH", "rest:*.example.com/items"), None);
    }
}
