//! The command line.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{Parser, Subcommand};
use holdpoint_sandbox::{INIT, INSIDE};

use crate::{
    commands::{
        agents::Agents, approve::Approve, approve::Deny, approvers::Approvers, doctor::Doctor,
        explain::Explain, holds::Holds, hook::Hook, hosts::Hosts, init::Init, inventory::Inventory,
        kill::Kill, kill::Revive, ledger::Ledger, merge::Merge, papers::Completions, papers::Man,
        policy::Policy, report::Report, run::Run, secrets::Secrets, snapshots::Snapshots,
        status::Status, tabletop::Tabletop, undo::Undo, uninstall::Uninstall, unlocked::Unlocked,
        up::Up, wrong::Wrong,
    },
    status::CommandError,
};

/// The mark past which an AI agent's action may not go until it is proven harmless, recoverable,
/// or released by a human.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, about, propagate_version = true)]
#[command(after_help = "\
Start with `holdpoint run -- claude`, or whichever is your agent. `holdpoint tabletop` shows what \
it is for.\nExit status: 0 done, 1 refused or found wanting, 2 called wrongly, 3 could not.")]
pub struct Cli {
    /// Where everything is kept [default: ~/.local/state/holdpoint].
    #[arg(long, global = true, value_name = "DIR", env = "HOLDPOINT_STATE")]
    pub state: Option<PathBuf>,

    /// Print facts as JSON.
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do; without it, the newest card.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// The grammar of a hook's call, as [`Cli`] has it.
#[derive(Debug, Parser)]
struct HookAlone {
    #[arg(long, env = "HOLDPOINT_STATE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    hook: Hook,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run an agent with one way out.
    Run(Run),
    /// What was saved, and whether it can be trusted.
    Snapshots(Snapshots),
    /// Run the gateway.
    Up(Up),
    /// What works here, what does not, and the mend.
    Doctor(Doctor),
    /// Whether this shell is guarded, and by what.
    Status(Status),
    /// What would be decided, without doing it.
    Explain(Explain),
    /// Put the hooks of agents in place, or take them back.
    #[command(name = "init")]
    SetUp(Init),
    /// One call of an agent's hook.
    Hook(Hook),
    /// What waits for a human.
    Holds(Holds),
    /// Release one held operation, once.
    Approve(Approve),
    /// Refuse one held operation.
    Deny(Deny),
    /// Take back what was done, or what is scheduled before it is done.
    Undo(Undo),
    /// Who may release what is held.
    Approvers(Approvers),
    /// Real credentials, kept away from agents.
    Secrets(Secrets),
    /// Which hosts agents may talk to, and what these speak.
    Hosts(Hosts),
    /// Which environment a resource belongs to.
    Inventory(Inventory),
    /// Who may ask.
    Agents(Agents),
    /// What a run wrote that runs programs outside, to look at and to take.
    Merge(Merge),
    /// Stop a run, and all that runs in it.
    Kill(Kill),
    /// Take a kill back.
    Revive(Revive),
    /// What is allowed, held and denied.
    Policy(Policy),
    /// The record of everything that was decided.
    Ledger(Ledger),
    /// What was, or in observe mode would have been, held and refused.
    Report(Report),
    /// A decision was wrong: keep it, and see what would settle it.
    Wrong(Wrong),
    /// The nine-second incident, unguarded and then guarded.
    Tabletop(Tabletop),
    /// Take Holdpoint off this machine again.
    Uninstall(Uninstall),
    /// Completions for a shell.
    Completions(Completions),
    /// Manual pages; made for packages.
    #[command(name = "__man", hide = true)]
    Man(Man),
    /// Between the outside and the inside of a run; called by `run` only.
    #[command(skip)]
    Inside(Words),
    /// The first process inside of a run; called by `__inside` only.
    #[command(skip)]
    Init(Words),
    /// Keeps an approver's key for a while; called by `approve` and `deny` only.
    #[command(name = "__unlocked", hide = true)]
    Unlocked(Unlocked),
    /// Finds out what the kernel has; called by `doctor` only.
    #[command(name = "__probe", hide = true)]
    Probe,
    /// Tries forbidden acts; called inside of a run by `doctor` only.
    #[command(name = "__acts", hide = true)]
    Acts(Words),
}

/// Words that are taken as they are.
#[derive(Debug, clap::Args)]
pub struct Words {
    /// The words.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// The verb of which agents make one call before each step.
const HOOK: &str = "hook";
/// Where the state is, below the home, if nobody says otherwise.
pub const USUAL_STATE: &str = ".local/state/holdpoint";

impl Cli {
    /// What this process was called with. The stages of a run and the calls of a hook are told apart
    /// at once: putting all of the command line's grammar together would take each of them as long as
    /// much else that it does.
    pub fn read() -> Self {
        let mut words = std::env::args_os().skip(1);
        let stage = match words.next().as_deref().and_then(OsStr::to_str) {
            Some(INSIDE) => Verb::Inside,
            Some(INIT) => Verb::Init,
            Some(HOOK) => {
                let alone = Self::of_hook(std::env::args_os().skip(1));
                return alone.unwrap_or_else(Self::parse);
            }
            _ => return Self::parse(),
        };
        let verb = Some(stage(Words { words: words.collect() }));
        Self { state: None, json: false, verb }
    }

    /// A call of a hook, unless there is more to say of it than that.
    fn of_hook(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let HookAlone { state, hook } = HookAlone::try_parse_from(words).ok()?;
        Some(Self { state, json: false, verb: Some(Verb::Hook(hook)) })
    }

    /// The state directory: the flag, the variable, or the default below home.
    pub fn state_dir(&self) -> Result<PathBuf, CommandError> {
        if let Some(dir) = &self.state {
            return Ok(dir.clone());
        }
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let home = home.ok_or_else(|| {
            CommandError::usage("there is no home directory; say where with --state DIR")
        })?;
        Ok(PathBuf::from(home).join(USUAL_STATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_s_call_means_the_same_where_its_grammar_is_alone() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, alone) in [
            ("hook", true),
            ("hook --agent claude", true),
            ("hook --agent=codex --state /elsewhere", true),
            ("hook --json", false),
            ("hook --agent nobody", false),
            ("hook --help", false),
            ("hook more", false),
        ] {
            let found = Cli::of_hook(words(line).into_iter());
            assert_eq!(found.is_some(), alone, "{line}");
            if let Some(found) = found {
                let whole = Cli::parse_from(words(&format!("holdpoint {line}")));
                assert_eq!(format!("{found:?}"), format!("{whole:?}"));
            }
        }
    }
}
