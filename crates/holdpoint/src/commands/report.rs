//! `holdpoint report`: what was held and refused, or would have been, and what to mend first.

use std::{collections::BTreeMap, fmt::Write as _};

use clap::Args;
use holdpoint_core::{
    identity::Principal,
    ledger::{Decided, Record, RecordKind},
    plain,
};
use holdpoint_store::ledger::{DIRECTORY, Reader};
use serde::Serialize;

use super::{Here, now, since::Since, suggest};
use crate::status::{CommandError, Ended, Status};

/// Rules that are named as the first to mend.
const FIRST: usize = 3;
/// Different rules, tasks and repositories that are counted; beyond it, they are counted as `others`.
const COUNTED_MAX: usize = 1000;

/// What was, or in observe mode would have been, held and refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint report --since 7d\n\n\
With `mode = \"observe\"` in holdpoint.toml nothing but foreign credentials, tampering and killed \
runs is refused, and this says what would have been.")]
pub struct Report {
    /// From when on, such as 90m, 12h or 7d.
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    since: Since,
}

/// How often each verdict was given, or would have been.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Counts {
    held: u64,
    refused: u64,
    would_have_held: u64,
    would_have_refused: u64,
}

impl Counts {
    fn take(&mut self, verdict: &str, spared: Option<&str>) {
        match (verdict, spared) {
            ("hold", _) => self.held += 1,
            ("deny", _) => self.refused += 1,
            (_, Some("hold")) => self.would_have_held += 1,
            (_, Some(_)) => self.would_have_refused += 1,
            _ => {}
        }
    }

    fn total(&self) -> u64 {
        self.held + self.refused + self.would_have_held + self.would_have_refused
    }

    fn words(&self) -> String {
        let parts = [
            (self.held, "held"),
            (self.refused, "refused"),
            (self.would_have_held, "would have been held"),
            (self.would_have_refused, "would have been refused"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        parts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// One rule, or one reason where no rule said it.
#[derive(Debug, Default, Serialize)]
struct ByRule {
    counts: Counts,
    /// Why, in its own words.
    text: String,
    /// What would have let the commonest of it pass.
    mend: String,
    #[serde(skip)]
    mends: BTreeMap<String, u64>,
}

/// All that is told.
#[derive(Debug, Default, Serialize)]
struct Told {
    messages: u64,
    all: Counts,
    rules: BTreeMap<String, ByRule>,
    agents: BTreeMap<String, Counts>,
    repositories: BTreeMap<String, Counts>,
    first: Vec<String>,
}

/// Runs `holdpoint report`.
pub fn run(report: &Report, here: &Here) -> Ended {
    let from = report.since.before(now());
    let mut told = Told::default();
    let dir = here.dir.join(DIRECTORY);
    if dir.exists() {
        let listed = suggest::listed(here)?;
        for record in Reader::open(&dir).map_err(CommandError::unable)?.records(0) {
            let (index, record) = record.map_err(CommandError::unable)?;
            let Record { at, principal: Some(by), kind: RecordKind::Decision(decided), .. } =
                record
            else {
                continue;
            };
            if at >= from {
                told.take(index, &by, &decided, &listed);
            }
        }
    }
    told.end();
    here.print(&told, &told.text())?;
    Ok(Status::Done)
}

impl Told {
    fn take(
        &mut self,
        index: u64,
        by: &Principal,
        decided: &Decided,
        listed: &impl Fn(&str, Option<u16>) -> bool,
    ) {
        self.messages += 1;
        let (verdict, spared) = (decided.verdict.as_str(), decided.spared.as_deref());
        if verdict == "allow" && spared.is_none() {
            return;
        }
        self.all.take(verdict, spared);
        let who = by.task.description.clone().unwrap_or_else(|| agent(by).to_owned());
        bounded(&mut self.agents, who).take(verdict, spared);
        if let Some(workspace) = &by.task.workspace {
            bounded(&mut self.repositories, workspace.clone()).take(verdict, spared);
        }
        let Some(reason) = decided.reasons.first() else { return };
        let name = match reason.policy.as_str() {
            "" => reason.code.to_string(),
            policy => policy.to_owned(),
        };
        let rule = bounded(&mut self.rules, name);
        rule.counts.take(verdict, spared);
        rule.text.clone_from(&reason.text);
        let strongest = decided.operations.iter().max_by_key(|meaning| meaning.effect);
        let mend = strongest.map_or_else(String::new, |meaning| {
            let command = suggest::command(meaning, Some(reason.code), by.task.environment, listed);
            // A reference of the ledger is none of the agent's words.
            command.unwrap_or_else(|| format!("holdpoint wrong {index}"))
        });
        *bounded(&mut rule.mends, mend) += 1;
    }

    /// Puts in order what was counted.
    fn end(&mut self) {
        for rule in self.rules.values_mut() {
            let commonest = rule.mends.iter().max_by_key(|(_, count)| **count);
            rule.mend = commonest.map(|(mend, _)| mend.clone()).unwrap_or_default();
        }
        let mut names: Vec<&String> = self.rules.keys().collect();
        names.sort_by_key(|name| {
            std::cmp::Reverse(self.rules.get(*name).map_or(0, |rule| rule.counts.total()))
        });
        self.first = names.into_iter().take(FIRST).cloned().collect();
    }

    fn text(&self) -> String {
        let mut text = match self.all.total() {
            0 => format!("{} messages; nothing was held or refused", self.messages),
            _ => format!("{} messages: {}", self.messages, self.all.words()),
        };
        // Writing to a string cannot fail.
        for (name, rule) in &self.rules {
            let _ = write!(text, "\n  {name:<32} {}", rule.counts.words());
        }
        for (word, named) in [("by", &self.agents), ("in", &self.repositories)] {
            for (name, counts) in named {
                let _ = write!(text, "\n  {word} {:<29} {}", plain(name), counts.words());
            }
        }
        for (name, rule) in self.first.iter().filter_map(|name| self.rules.get_key_value(name)) {
            let _ = write!(text, "\nmend first: {name}: {}\n  {}", rule.text, rule.mend);
        }
        text
    }
}

/// Who asked: what a run is called says when it was, and nothing of who.
fn agent(by: &Principal) -> &str {
    if by.agent.starts_with("run-") { "runs without a task" } else { &by.agent }
}

/// The entry of `name`; of those that are too many, the one of all others.
fn bounded<T: Default>(map: &mut BTreeMap<String, T>, name: String) -> &mut T {
    let full = map.len() >= COUNTED_MAX && !map.contains_key(&name);
    map.entry(if full { "others".to_owned() } else { name }).or_default()
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn verdicts_are_counted_as_they_came_or_would_have() {
        let mut counts = Counts::default();
        for (verdict, spared) in [
            ("hold", None),
            ("deny", None),
            ("allow", Some("hold")),
            ("allow", Some("deny")),
            ("allow", None),
        ] {
            counts.take(verdict, spared);
        }
        assert_eq!(counts.total(), 4);
        assert_eq!(
            counts.words(),
            "1 held, 1 refused, 1 would have been held, 1 would have been refused"
        );
    }
}
