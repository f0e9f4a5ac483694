//! `holdpoint approve` and `holdpoint deny`: a human's answer to one held operation.

use std::time::{Duration, Instant};

use clap::Args;
use holdpoint_core::{Environment, ledger::Meaning, plain};
use holdpoint_store::{
    Hold, HoldState,
    approvals::{ApprovalContext, ApprovalError, Release},
};
use holdpoint_wire::http::websocket;

use super::{
    Here,
    holds::{self, scheduled},
    now,
    unlocked::{self, Reply, Word},
};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
};

/// How long a gateway may take to give a release its time, and how often it is looked whether it has.
const SETTLES_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Release one held operation, once.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint approve h-3k5vq2m7")]
pub struct Approve {
    #[command(flatten)]
    answer: Answer,
    /// The name of the resource, which is asked for in production if it is not given here.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Refuse one held operation.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint deny h-3k5vq2m7")]
pub struct Deny {
    #[command(flatten)]
    answer: Answer,
}

/// Which hold, and who answers.
#[derive(Debug, Args)]
struct Answer {
    /// The hold.
    hold: String,
    /// Who answers; needed only where several are enrolled.
    #[arg(long = "as", value_name = "APPROVER")]
    approver: Option<String>,
}

/// Runs `holdpoint approve`.
pub fn approve(approve: &Approve, here: &Here) -> Ended {
    let hold = show(here, &approve.answer)?;
    let approver = approve.answer.approver.as_deref();
    release(here, &hold, Word::Wanted, approve.name.as_deref(), approver)
}

/// Releases what was shown; in production once its name was typed.
fn release(
    here: &Here,
    hold: &Hold,
    word: Word,
    named: Option<&str>,
    approver: Option<&str>,
) -> Ended {
    if let Some(name) = name_to_type(hold) {
        let typed = match named {
            Some(name) => name.to_owned(),
            None => terminal::ask_anew(&format!("This is production. Type its name, {name}: "))?,
        };
        if typed != name {
            let text = format!("`{typed}` is not `{name}`; nothing was released");
            return wanting(&text);
        }
    }
    answer(here, hold, word, approver, Release::Approve)
}

/// Asks a human at the terminal about a card that they see.
pub(super) fn ask(here: &Here, hold: &Hold) -> Ended {
    let typed = terminal::ask_anew("approve, deny, or leave it (Enter)? ")?;
    match typed.trim() {
        "approve" => release(here, hold, Word::Typed, None, None),
        "deny" => answer(here, hold, Word::Typed, None, Release::Deny),
        _ => Ok(Status::Done),
    }
}

/// Runs `holdpoint deny`.
pub fn deny(deny: &Deny, here: &Here) -> Ended {
    let hold = show(here, &deny.answer)?;
    answer(here, &hold, Word::Wanted, deny.answer.approver.as_deref(), Release::Deny)
}

/// Shows the card of a hold that can still be answered.
fn show(here: &Here, answer: &Answer) -> Result<Hold, CommandError> {
    let hold = holds::find(here, &answer.hold)?;
    eprintln!("{}\n", holds::card(here, &hold)?);
    Ok(hold)
}

/// Signs the answer to exactly what was shown, and gives it to the store.
fn answer(here: &Here, hold: &Hold, word: Word, named: Option<&str>, decision: Release) -> Ended {
    let approver = approver(here, named)?;
    match unlocked::ask(here, hold, word, &approver, decision) {
        Reply::Applied => {
            let hold = settled(here, holds::find(here, &hold.id)?)?;
            here.print(&holds::fact(&hold), &said(&hold))?;
            return Ok(Status::Done);
        }
        Reply::Refused(why) => return wanting(&why),
        Reply::Passphrase => {}
    }
    let passphrase = terminal::passphrase(&format!("Passphrase of {approver}: "))?;
    let key = here.state.approvers().unlock(&approver, &passphrase);
    let key = match key {
        Ok(key) => key,
        Err(error) => return wanting(&error.to_string()),
    };
    let minutes = here.config.hold.approval_minutes;
    let gateway = here.state.gateway_id();
    let context = ApprovalContext::about(hold, gateway, &approver, decision, now(), minutes);
    let applied = context.sign(&key).and_then(|signed| here.holds().apply(&signed, now()));
    match applied {
        Ok(hold) => {
            let hold = settled(here, hold)?;
            here.print(&holds::fact(&hold), &said(&hold))?;
            if let Some(kept) = unlocked::keep(here, &approver, &passphrase) {
                eprintln!("{kept}");
            }
            Ok(Status::Done)
        }
        Err(ApprovalError::Store(error)) => Err(CommandError::unable(error)),
        Err(error) => wanting(&error.to_string()),
    }
}

/// The hold once the gateway has given it its time, where it has to wait besides: what is said of it
/// (that it can be cancelled) holds from then on. Without a gateway it stays released.
fn settled(here: &Here, mut hold: Hold) -> Result<Hold, CommandError> {
    let until = Instant::now() + SETTLES_MAX;
    let unsettled =
        |hold: &Hold| hold.obligations.delay_seconds > 0 && hold.state == HoldState::Approved;
    while unsettled(&hold) && Instant::now() < until {
        std::thread::sleep(LOOK_EVERY);
        hold = holds::find(here, &hold.id)?;
    }
    Ok(hold)
}

/// What the answer came to.
fn said(hold: &Hold) -> String {
    let said = match hold.state {
        HoldState::Denied => "denied; nothing was sent",
        HoldState::Open => "counted; another approver has to answer too",
        _ if hold.obligations.delay_seconds > 0 => {
            let promise = scheduled::promise(hold, now()).unwrap_or_default();
            return format!(
                "released: {promise}; then it is decided again, and sent once if it is allowed then"
            );
        }
        _ if hold.meanings.iter().any(|meaning| websocket::is_opening(&meaning.operation)) => {
            "released; the agent's next attempt to open it passes, once"
        }
        _ if hold.payload.is_none() => "released; the same asked for again passes, once",
        _ => "released; the gateway executes its own stored bytes now, once",
    };
    said.to_owned()
}

/// Whose answer it is: the one named, or the only one there is.
fn approver(here: &Here, named: Option<&str>) -> Result<String, CommandError> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let enrolled = here.state.approvers().list().map_err(CommandError::unable)?;
    match enrolled.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(CommandError::unable(
            "nobody can release anything yet; make a key with `holdpoint approvers enrol NAME`",
        )),
        _ => Err(CommandError::usage("several approvers are enrolled; say who with --as NAME")),
    }
}

/// Whether any of it lies in production: then each answer needs the approver's passphrase.
pub(super) fn is_production(hold: &Hold) -> bool {
    name_to_type(hold).is_some()
}

/// In production the resource's name is typed, so that a release is never a reflex.
fn name_to_type(hold: &Hold) -> Option<String> {
    let production = |meaning: &&Meaning| {
        matches!(meaning.environment, Environment::Production | Environment::Unknown)
    };
    let strongest = hold.meanings.iter().filter(production).max_by_key(|meaning| meaning.effect);
    strongest.map(|meaning| plain(meaning.resource.short_name()))
}

fn wanting(text: &str) -> Ended {
    eprintln!("holdpoint: {text}");
    Ok(Status::Wanting)
}
