//! `holdpoint holds`: what waits for a human, or for its time.

pub(super) mod scheduled;

use clap::Args;
use holdpoint_core::{identity::RefusedAim, ledger::Meaning, plain};
use holdpoint_gateway::stored;
use holdpoint_store::Hold;
use holdpoint_wire::ask;
use serde_json::{Value, json};

use super::{Here, approve, now};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
};

/// How much a card says of what was refused before.
const BEFORE_MAX: usize = 3;
/// How many ended holds `--all` shows.
const RECENT_MAX: u32 = 100;

/// What waits for a human, or for its time.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint holds --json | jq -r '.[].hold'\n  holdpoint holds --scheduled")]
pub struct Holds {
    /// Show this one's card.
    hold: Option<String>,
    /// Show the newest, answered ones too.
    #[arg(long, conflicts_with = "hold")]
    all: bool,
    /// Show what was released and waits for its time, with the time that is left.
    #[arg(long, conflicts_with_all = ["hold", "all"])]
    scheduled: bool,
}

/// Runs `holdpoint holds`.
pub fn run(holds: &Holds, here: &Here) -> Ended {
    if holds.scheduled {
        return scheduled::run(here);
    }
    let store = here.holds();
    let shown = match &holds.hold {
        Some(id) => {
            let hold = find(here, id)?;
            here.print(&fact(&hold), &card(here, &hold)?)?;
            return Ok(Status::Done);
        }
        None if holds.all => store.recent(RECENT_MAX, now()),
        None => store.open(now()),
    };
    let shown = shown.map_err(CommandError::unable)?;
    let text: String = shown.iter().map(line).collect();
    let facts: Vec<Value> = shown.iter().map(fact).collect();
    here.print(&facts, if text.is_empty() { "nothing waits" } else { &text })?;
    Ok(Status::Done)
}

/// `holdpoint` with no arguments: the newest card.
pub fn newest(here: &Here) -> Ended {
    let open = here.holds().open(now()).map_err(CommandError::unable)?;
    match open.last() {
        Some(hold) => {
            let (card, id) = (card(here, hold)?, &hold.id);
            if !here.json && terminal::is_attended() {
                here.print(&Value::Null, &format!("{card}\n"))?;
                return approve::ask(here, hold);
            }
            let answer = format!("{card}\n\nholdpoint approve {id}   or   holdpoint deny {id}");
            here.print(&fact(hold), &answer)?;
        }
        None => here.print(
            &Value::Null,
            "nothing waits; `holdpoint run -- AGENT` starts an agent, `holdpoint report` says what \
             was held and refused, and `holdpoint --help` what else there is",
        )?,
    }
    Ok(Status::Done)
}

/// The card, and the very bytes that a release would send.
pub(super) fn card(here: &Here, hold: &Hold) -> Result<String, CommandError> {
    let sent = match hold.payload.as_deref() {
        Some(id) => here.state.payloads().read(id).map_err(CommandError::unable)?,
        None => None,
    };
    let sent = match sent {
        Some(bytes) => stored::shown(&bytes).map_err(CommandError::unable)?,
        None => "the message is not kept any more".to_owned(),
    };
    let asks = hold.meanings.iter().any(|meaning| meaning.operation == ask::OPERATION);
    let whose = match asks {
        true => {
            "the agent asks, in its own words; a yes is told to it and grants nothing by itself:\n"
        }
        false => "what would be sent, as the agent wrote it:\n",
    };
    let released = if hold.not_before.is_some() { "" } else { "if you release it now, " };
    let promise = scheduled::promise(hold, now()).map(|it| format!("{released}{it}\n"));
    let before = before(here, hold)?;
    Ok(format!("{}{before}\n{}{whose}{sent}", hold.card(), promise.unwrap_or_default()))
}

/// What was refused to the same run shortly before, the latest first.
fn before(here: &Here, hold: &Hold) -> Result<String, CommandError> {
    let store = here.state.refusals(here.config.refusals.remember_minutes);
    let known = store.of_run(&hold.principal.run, now()).map_err(CommandError::unable)?;
    let own = |aim: &RefusedAim| {
        let is = |it: &Meaning| it.resource == aim.resource.id && it.effect == aim.effect;
        aim.at >= hold.created_at || hold.meanings.iter().any(is)
    };
    let others = known.into_iter().map(|it| it.aim).rev().filter(|aim| !own(aim));
    let line = |RefusedAim { resource, effect, code, at, .. }: RefusedAim| {
        let seconds = hold.created_at.seconds_since(at);
        let what = plain(&format!("{effect} {}", resource.id));
        format!("refused     {what} ({code}), {seconds} s before\n")
    };
    Ok(others.take(BEFORE_MAX).map(line).collect())
}

/// The hold of this id.
pub(super) fn find(here: &Here, id: &str) -> Result<Hold, CommandError> {
    let found = here.holds().find(id, now()).map_err(CommandError::unable)?;
    found.ok_or_else(|| CommandError::unable(format!("there is no hold `{id}`")))
}

/// A hold as JSON.
pub(super) fn fact(hold: &Hold) -> Value {
    json!({
        "hold": hold.id,
        "state": hold.state.as_str(),
        "principal": hold.principal,
        "meanings": hold.meanings,
        "reasons": hold.reasons,
        "obligations": hold.obligations,
        "credential": hold.credential,
        "operation_digest": hold.operation_digest,
        "created_at": hold.created_at,
        "expires_at": hold.expires_at,
        "not_before": hold.not_before.map(|time| time.to_string()),
    })
}

fn line(hold: &Hold) -> String {
    format!("{:<16} {:<10} {:<16} {}\n", hold.id, hold.state, hold.principal.agent, what(hold))
}

fn what(hold: &Hold) -> String {
    hold.meanings.first().map_or_else(String::new, |meaning| {
        let Meaning { operation, resource, environment, .. } = meaning;
        plain(&format!("{operation} on {resource} ({environment})"))
    })
}
