//! `holdpoint kill` and `holdpoint revive`: the switch that stops it all.

use clap::Args;
use holdpoint_store::agents;
use serde_json::json;

use super::Here;
use crate::status::{CommandError, Ended, Status};

/// Stop a run: its processes end, what it has open is cut, and nothing of it passes any more.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint kill r-4k2m9\n  holdpoint kill --all")]
pub struct Kill {
    #[command(flatten)]
    whom: Whom,
}

/// Take a kill back: what still has the identity may ask again. Processes do not come back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint revive r-4k2m9")]
pub struct Revive {
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// A run, or the name of an agent.
    run: Option<String>,
    /// Every run and agent there is.
    #[arg(long)]
    all: bool,
}

impl Whom {
    fn names(&self) -> agents::Kill<'_> {
        self.run.as_deref().map_or(agents::Kill::All, agents::Kill::One)
    }
}

/// Runs `holdpoint kill`: the processes first, as that takes no time, then the identity, so that
/// what they have under way is cut and nothing more passes.
pub fn kill(kill: &Kill, here: &Here) -> Ended {
    let named = |name: &str| kill.whom.run.as_deref().is_none_or(|wanted| wanted == name);
    let mut ended = Vec::new();
    for (run, _) in here.state.run_processes().map_err(CommandError::unable)? {
        if named(&run) && here.state.condemn(&run).map_err(CommandError::unable)? {
            ended.push(run);
        }
    }
    let store = here.state.agents();
    let killed = store.kill(kill.whom.names()).map_err(CommandError::unable)?;
    for agent in store.list().map_err(CommandError::unable)? {
        let run = agent.principal.run;
        let meant = named(&run) || named(&agent.principal.agent);
        let left = meant && !ended.contains(&run);
        if left && here.state.end_processes(&run).map_err(CommandError::unable)? {
            ended.push(run);
        }
    }
    let text = format!("{killed} killed; the processes of {} runs are ended", ended.len());
    here.print(&json!({ "killed": killed, "ended": ended }), &text)?;
    Ok(Status::Done)
}

/// Runs `holdpoint revive`.
pub fn revive(revive: &Revive, here: &Here) -> Ended {
    let revived = here.state.agents().revive(revive.whom.names()).map_err(CommandError::unable)?;
    here.print(&json!({ "revived": revived }), &format!("{revived} revived"))?;
    Ok(Status::Done)
}
