//! One file a verb.

pub mod agents;
pub mod approve;
pub mod approvers;
pub mod doctor;
pub mod explain;
pub mod holds;
pub mod hook;
pub mod hosts;
pub mod init;
pub mod inventory;
pub mod kill;
pub mod ledger;
pub mod merge;
mod modes;
pub mod papers;
pub mod policy;
pub mod report;
pub mod run;
pub mod secrets;
pub mod self_test;
mod since;
pub mod snapshots;
pub mod status;
mod suggest;
pub mod tabletop;
mod trial;
pub mod undo;
pub mod uninstall;
pub mod unlocked;
pub mod up;
pub mod wrong;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use holdpoint_core::Timestamp;
use holdpoint_enforce::Stage;
use holdpoint_sandbox::Mark;
use holdpoint_store::{
    Config, Holds as Waiting, State,
    config::{Flags, LastGood},
};
use nix::sys::stat::{Mode, umask};
use serde::Serialize;

use crate::{
    cli::{Cli, Verb},
    status::{CommandError, Ended, Status},
};

/// Runs one verb to its end.
pub fn run(cli: Cli) -> Ended {
    run_observed(cli, |_| ())
}

/// Runs one verb to its end; `observe` hears of every stage that a message comes through in the
/// gateway. The seam by which tests stop the gateway at a stage.
pub fn run_observed(cli: Cli, observe: fn(Stage)) -> Ended {
    // These need no state.
    let verb = match cli.verb {
        Some(Verb::Explain(explain)) => return explain::run(explain),
        Some(Verb::Hook(ref hook)) => return hook::run(hook, cli.state_dir()),
        Some(Verb::SetUp(ref own)) => return init::run(own, &cli),
        Some(Verb::Tabletop(tabletop)) => return tabletop::run(tabletop, cli.json),
        Some(Verb::Uninstall(ref own)) => return uninstall::run(own, &cli),
        Some(Verb::Completions(ref shell)) => return papers::completions(shell),
        Some(Verb::Man(ref man)) => return papers::man(man),
        Some(Verb::Inside(words)) => return run::inside(&words.words),
        Some(Verb::Init(words)) => return run::init(&words.words),
        Some(Verb::Snapshots(ref own)) if own.door().is_some() => {
            return own.door().map_or(Ok(Status::Done), snapshots::door);
        }
        Some(Verb::Probe) => return doctor::probe(),
        Some(Verb::Acts(words)) => return self_test::acts(&words.words),
        other => Cli { verb: other, ..cli },
    };
    if let Some(mark) = Mark::here()
        && let Some(ended) = inside(&verb, &mark)
    {
        return ended;
    }
    let here = match &verb.verb {
        Some(Verb::Snapshots(own)) => snapshots::open_state(own, &verb)?,
        _ => Here::open(&verb)?,
    };
    match verb.verb {
        None => holds::newest(&here),
        Some(Verb::Run(run)) => run::run(&run, &here),
        Some(Verb::Up(up)) => up::run(up, here, observe),
        Some(Verb::Snapshots(snapshots)) => snapshots::run(&snapshots, &here),
        Some(Verb::Merge(merge)) => merge::run(&merge, &here),
        Some(Verb::Kill(kill)) => kill::kill(&kill, &here),
        Some(Verb::Revive(revive)) => kill::revive(&revive, &here),
        Some(Verb::Doctor(doctor)) => doctor::run(&doctor, &here),
        Some(Verb::Status(status)) => status::run(&status, &here),
        Some(Verb::Holds(holds)) => holds::run(&holds, &here),
        Some(Verb::Approve(approve)) => approve::approve(&approve, &here),
        Some(Verb::Deny(deny)) => approve::deny(&deny, &here),
        Some(Verb::Undo(undo)) => undo::run(&undo, &here),
        Some(Verb::Approvers(approvers)) => approvers::run(approvers, &here),
        Some(Verb::Secrets(secrets)) => secrets::run(secrets, &here),
        Some(Verb::Hosts(hosts)) => hosts::run(hosts, &here),
        Some(Verb::Inventory(inventory)) => inventory::run(inventory, &here),
        Some(Verb::Agents(agents)) => agents::run(agents, &here),
        Some(Verb::Policy(policy)) => policy::run(policy, &here),
        Some(Verb::Unlocked(unlocked)) => unlocked::run(&unlocked, &here),
        Some(Verb::Ledger(ledger)) => ledger::run(ledger, &here),
        Some(Verb::Report(report)) => report::run(&report, &here),
        Some(Verb::Wrong(wrong)) => wrong::run(&wrong, &here),
        Some(
            Verb::Explain(_)
            | Verb::Hook(_)
            | Verb::SetUp(_)
            | Verb::Tabletop(_)
            | Verb::Uninstall(_)
            | Verb::Completions(_)
            | Verb::Man(_)
            | Verb::Inside(_)
            | Verb::Init(_)
            | Verb::Probe
            | Verb::Acts(_),
        ) => Err(CommandError::usage("this verb needs no state")),
    }
}

/// What becomes of a verb inside of a run: the state is out of reach there, and no other one is made.
fn inside(cli: &Cli, mark: &Mark) -> Option<Ended> {
    let outside = |what: &str| {
        let text = format!("this is inside of run {}: {what} is for the human outside", mark.run);
        Some(Err(CommandError::usage(text)))
    };
    match &cli.verb {
        Some(Verb::Run(run)) => Some(run::nested(run, mark)),
        Some(Verb::Status(_)) => Some(status::inside(mark, cli.json)),
        Some(Verb::Undo(_) | Verb::Snapshots(_)) => outside("undo"),
        Some(Verb::Wrong(_)) => outside("to say what was wrong"),
        _ => None,
    }
}

/// What the verbs of one call share.
#[derive(Debug)]
pub struct Here {
    /// What is kept.
    pub state: State,
    /// `holdpoint.toml` and the command line's flags.
    pub config: Arc<Config>,
    /// The same, to be read again.
    pub last_good: LastGood,
    /// The state directory.
    pub dir: PathBuf,
    /// Whether facts are printed as JSON.
    pub json: bool,
    /// The rights that our caller takes from what it makes.
    pub umask: Mode,
}

/// The time, which only this room reads for commands.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Here {
    /// Opens the state that `cli` names. What is made from here on is its owner's alone.
    fn open(cli: &Cli) -> Result<Self, CommandError> {
        let umask = umask(Mode::from_bits_truncate(0o077));
        let dir = cli.state_dir()?;
        let flags = match &cli.verb {
            Some(Verb::Up(up)) => up.flags(),
            _ => Flags::default(),
        };
        let last_good = LastGood::load(&dir, flags).map_err(CommandError::usage)?;
        let config = last_good.config();
        let state = State::open_with(&dir, &config.limits).map_err(CommandError::unable)?;
        Ok(Self { state, config, last_good, dir, json: cli.json, umask })
    }

    /// What waits for a human, on the configured terms.
    pub fn holds(&self) -> Waiting {
        self.state.holds(self.config.hold.clone())
    }

    /// Prints one fact: as JSON if that was asked for, else as `text`.
    pub fn print(&self, fact: &impl Serialize, text: &str) -> Result<(), CommandError> {
        let line = match self.json {
            true => serde_json::to_string(fact).map_err(CommandError::unable)?,
            false => text.trim_end().to_owned(),
        };
        let mut output = io::stdout().lock();
        match writeln!(output, "{line}").and_then(|()| output.flush()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(CommandError::unable),
        }
    }
}
