//! `holdpoint policy try`: what a change would have made of what is recorded, before it is taken.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use holdpoint_core::{
    ledger::{Decided, Meaning, Record, RecordKind},
    plain,
    policy::{Pdp, Request, Verdict},
};
use holdpoint_enforce::explain::replay;
use holdpoint_store::{
    Config,
    ledger::{DIRECTORY, Reader},
};
use serde::Serialize;

use super::{
    Here, now,
    policy::{in_modes, read, sources},
    since::Since,
    suggest::authority,
};
use crate::status::{CommandError, Ended, Status};

/// Examples of one change.
const EXAMPLES: usize = 3;
/// Different changes that are counted; beyond it, they are counted as `others`.
const COUNTED_MAX: usize = 1000;

/// What a change would have made of what is recorded.
#[derive(Debug, Args)]
pub(super) struct Try {
    /// Policies (`.cedar`) beside those in force, or a configuration (`.toml`) in the place of
    /// holdpoint.toml. Without it, what is in force now.
    file: Option<PathBuf>,
    /// From when on, such as 90m, 12h or 7d.
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    since: Since,
}

/// What became of a recorded decision by the change, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Becomes {
    Released,
    Held,
    Refused,
}

impl Becomes {
    fn of(after: Verdict) -> Self {
        match after {
            Verdict::Allow => Self::Released,
            Verdict::Hold => Self::Held,
            Verdict::Deny => Self::Refused,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Held => "held",
            Self::Refused => "refused",
        }
    }
}

/// One decision that would have been another.
#[derive(Debug, Serialize)]
struct Example {
    index: u64,
    #[serde(flatten)]
    meaning: Meaning,
}

/// All that one rule would have made of others.
#[derive(Debug, Default, Serialize)]
struct Change {
    count: u64,
    examples: Vec<Example>,
}

/// All that is told.
#[derive(Debug, Default, Serialize)]
struct Tried {
    /// Decisions of that time.
    decisions: u64,
    /// Those whose records hold all that policy would ask.
    replayed: u64,
    released: u64,
    held: u64,
    refused: u64,
    /// By what becomes of them, and the rule that does it: the one that would hold or refuse, or
    /// the one that no longer does.
    changes: BTreeMap<Becomes, BTreeMap<String, Change>>,
}

/// Runs `holdpoint policy try`.
pub(super) fn run(own: &Try, here: &Here) -> Ended {
    let candidate = Candidate::of(own.file.as_deref(), here)?;
    let from = own.since.before(now());
    let mut tried = Tried::default();
    let dir = here.dir.join(DIRECTORY);
    if dir.exists() {
        for record in Reader::open(&dir).map_err(CommandError::unable)?.records(0) {
            let (index, record) = record.map_err(CommandError::unable)?;
            if record.at >= from {
                tried.take(index, &record, &candidate);
            }
        }
    }
    here.print(&tried, &tried.text())?;
    Ok(Status::Done)
}

/// What is tried.
struct Candidate {
    pdp: Pdp,
    /// A configuration says where hosts and resources lie, too.
    config: Option<Config>,
}

impl Candidate {
    fn of(file: Option<&Path>, here: &Here) -> Result<Self, CommandError> {
        let toml = file.filter(|file| file.extension().is_some_and(|it| it == "toml"));
        if let Some(file) = toml {
            let failed = |error| CommandError::usage(format!("{}: {error}", file.display()));
            let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
            let config = Config::parse(&text, file).map_err(CommandError::usage)?;
            let pdp = Pdp::load(&sources(&config.policies)?).map_err(CommandError::usage)?;
            let pdp = in_modes(pdp, &config)?;
            return Ok(Self { pdp, config: Some(config) });
        }
        let mut sources = sources(&here.config.policies)?;
        sources.extend(file.map(read).transpose()?);
        Ok(Self { pdp: Pdp::load(&sources).map_err(CommandError::usage)?, config: None })
    }

    /// What would have been known otherwise.
    fn place(&self, request: &mut Request) {
        let Some(config) = &self.config else { return };
        let id = &request.operation.resource.id;
        let host = authority(id).and_then(|(host, port)| {
            let named = |it: &&holdpoint_store::hosts::ListedHost| {
                it.host.matches(host) && (it.port.is_none() || it.port == port)
            };
            config.hosts.iter().find(named)
        });
        if let Some(host) = host.filter(|_| !request.facts.host_listed) {
            request.facts.host_listed = true;
            request.facts.environment = host.environment;
        }
        if let Some(placed) = config.inventory.iter().find(|it| it.resource == *id) {
            request.facts.environment = placed.environment;
        }
    }
}

impl Tried {
    fn take(&mut self, index: u64, record: &Record, candidate: &Candidate) {
        let Record { principal: Some(by), kind: RecordKind::Decision(decided), .. } = record else {
            return;
        };
        // What was released was counted when it was held.
        if decided.forwarded && decided.hold.is_some() {
            return;
        }
        self.decisions += 1;
        let judged = replay(&candidate.pdp, by, decided, |request| candidate.place(request));
        let Some(judged) = judged else { return };
        self.replayed += 1;
        let after = judged.decision().verdict();
        // Neither the rules alone nor what a mode made of them: what really becomes of it.
        let before = match candidate.config {
            Some(_) => decided.verdict.as_str(),
            None => decided.judged(),
        };
        if after.as_str() == before {
            return;
        }
        let becomes = Becomes::of(after);
        let reasons = match becomes {
            Becomes::Released => &decided.reasons,
            Becomes::Held | Becomes::Refused => judged.reasons(),
        };
        let rule =
            reasons.first().map_or_else(String::new, |reason| match reason.policy.as_str() {
                "" => reason.code.to_string(),
                policy => policy.to_owned(),
            });
        self.count(becomes, rule, index, decided);
    }

    fn count(&mut self, becomes: Becomes, rule: String, index: u64, decided: &Decided) {
        *match becomes {
            Becomes::Released => &mut self.released,
            Becomes::Held => &mut self.held,
            Becomes::Refused => &mut self.refused,
        } += 1;
        let rules = self.changes.entry(becomes).or_default();
        let full = rules.len() >= COUNTED_MAX && !rules.contains_key(&rule);
        let change = rules.entry(if full { "others".to_owned() } else { rule }).or_default();
        change.count += 1;
        let strongest = decided.operations.iter().max_by_key(|meaning| meaning.effect);
        if let Some(meaning) = strongest.filter(|_| change.examples.len() < EXAMPLES) {
            change.examples.push(Example { index, meaning: meaning.clone() });
        }
    }

    fn text(&self) -> String {
        let Self { decisions, replayed, released, held, refused, .. } = self;
        let mut text = match (released, held, refused) {
            (0, 0, 0) => "would have changed nothing".to_owned(),
            _ => {
                let counts = [(released, "released"), (held, "held"), (refused, "refused")];
                let counts = counts.iter().filter(|(count, _)| **count > 0);
                let counts = counts.map(|(count, word)| format!("{word} {count}"));
                format!("would have {}", counts.collect::<Vec<_>>().join(", "))
            }
        };
        // Writing to a string cannot fail.
        let _ = write!(text, " of {replayed} decisions");
        if replayed < decisions {
            let _ = write!(text, " ({} more cannot be replayed)", decisions - replayed);
        }
        for (becomes, rules) in &self.changes {
            for (rule, Change { count, examples }) in rules {
                let _ = write!(text, "\n  {:<9}{rule:<32} {count}", becomes.word());
                for Example { index, meaning } in examples {
                    let Meaning { operation, resource, environment, .. } = meaning;
                    let what = plain(&format!("{operation} on {resource} ({environment})"));
                    let _ = write!(text, "\n    {index:>8}  {what}");
                }
            }
        }
        text
    }
}
