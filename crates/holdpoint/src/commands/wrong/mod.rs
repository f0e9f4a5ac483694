//! `holdpoint wrong`: a decision that was wrong is kept as an episode, with the narrowest change that
//! would settle it.

mod episode;
mod mend;

use clap::Args;
use holdpoint_core::{
    Timestamp,
    identity::Principal,
    ledger::{Decided, Record, RecordKind},
    plain,
    policy::{Pdp, Verdict},
};
use holdpoint_enforce::explain::{explain, replay};
use holdpoint_store::{
    corpus::Corpus,
    ledger::{DIRECTORY, Reader},
    spool::Spool,
};
use serde_json::{Value, json};

use self::mend::Mend;
use super::{
    Here,
    policy::{in_modes, sources},
    suggest::misleads,
};
use crate::{
    quoted::shell,
    status::{CommandError, Ended, Status},
};

/// As many characters of a digest name a message.
const DIGEST_CHARS_MIN: usize = 8;

/// A decision was wrong: keeps it, without secrets and without anybody's words, as an episode that
/// `explain` judges again, and says what would settle it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint wrong h-41\n  holdpoint wrong 17 --should hold\n\n\
Without an ID: what is kept, and what is decided about it now; ends with 1 if anything is not \
settled. Nothing leaves this machine.")]
pub struct Wrong {
    /// A hold, or what a refusal calls its Ref.
    id: Option<String>,
    /// What it should have been; without it: what stopped should have passed, and the reverse.
    #[arg(long, value_name = "VERDICT", value_parser = ["allow", "hold", "deny"])]
    should: Option<String>,
}

/// A decision as it was recorded.
struct Found {
    at: Timestamp,
    by: Principal,
    decided: Decided,
}

/// Runs `holdpoint wrong`.
pub fn run(wrong: &Wrong, here: &Here) -> Ended {
    let pdp = Pdp::load(&sources(&here.config.policies)?).map_err(CommandError::usage)?;
    let pdp = in_modes(pdp, &here.config)?;
    match &wrong.id {
        Some(id) => keep(id, wrong.should.as_deref(), &pdp, here),
        None => all(&pdp, here),
    }
}

/// Keeps one episode, and says what would settle it.
fn keep(id: &str, should: Option<&str>, pdp: &Pdp, here: &Here) -> Ended {
    let found = find(id, here)?;
    let was = found.decided.judged();
    let should = match (should, was) {
        (Some("deny"), _) => Verdict::Deny,
        (Some("hold"), _) | (None, "allow") => Verdict::Hold,
        _ => Verdict::Allow,
    };
    let episode = episode::of(id, &found, should, here)?;
    let line = serde_json::to_string(&episode).map_err(CommandError::unable)?;
    let file = Corpus::of(&here.dir).keep(id, &line).map_err(CommandError::unable)?;
    let now = replay(pdp, &found.by, &found.decided, |_| ());
    let now = now.map(|judged| judged.decision().verdict());
    let mends = match now {
        Some(now) if now != should => mend::mends(id, &found, should, here)?,
        _ => Vec::new(),
    };
    let fact = json!({
        "id": id, "file": file, "was": was, "should": should, "now": now, "mends": mends,
    });
    let kept =
        format!("kept in {}: {was}, and should have been {}", file.display(), should.as_str());
    let settles = match now {
        None => "its record does not hold all that policy would ask: nothing can be tried on it \
                 (`unparsed`, or more than was written down)"
            .to_owned(),
        Some(now) if now == should => format!("nothing to mend: now it would be {}", now.as_str()),
        Some(_) if mends.is_empty() && found.decided.operations.iter().any(misleads) => {
            "nothing is proposed: a name that an agent chose has a wildcard, a blank or a quote in it, and \
             would mean more than itself where it is pasted"
                .to_owned()
        }
        Some(_) => said(&mends, should),
    };
    here.print(&fact, &format!("{kept}\n{settles}"))?;
    Ok(Status::Done)
}

/// The mends as text to choose from.
fn said(mends: &[Mend], should: Verdict) -> String {
    if mends.is_empty() {
        return match should {
            Verdict::Allow => {
                "no setting lets this pass: it is refused whatever is configured; see \
                               `holdpoint policy show`"
                    .to_owned()
            }
            Verdict::Hold | Verdict::Deny => {
                "no rule of its own holds this: the policies in force do not allow one".to_owned()
            }
        };
    }
    let blocks = mends.iter().map(|Mend { text, place, .. }| {
        let lines: String = text.lines().map(|line| format!("\n  {}", plain(line))).collect();
        format!("{place}:{lines}")
    });
    let blocks: Vec<String> = blocks.collect();
    format!("what would settle it, each tried on this record\n{}", blocks.join("\n"))
}

/// Every episode that is kept, and what is decided about it now.
fn all(pdp: &Pdp, here: &Here) -> Ended {
    let (mut facts, mut text, mut unsettled) = (Vec::new(), String::new(), 0);
    for line in Corpus::of(&here.dir).read().map_err(CommandError::unable)? {
        let kept: Value = serde_json::from_str(&line).unwrap_or_default();
        let [id, should] = ["id", "expected"]
            .map(|key| kept.get(key).and_then(Value::as_str).unwrap_or("?").to_owned());
        let now = match explain(pdp, line.trim(), 1, false) {
            Ok(answer) => answer.verdict.as_str().to_owned(),
            Err(error) => error.to_string(),
        };
        let settled = now == should;
        unsettled += usize::from(!settled);
        let word = if settled { "settled" } else { "open" };
        text += &plain(&format!("{id:<16} {word:<8} should be {should}, is {now}"));
        text.push('\n');
        facts.push(json!({ "id": id, "should": should, "now": now, "settled": settled }));
    }
    let none = "nothing was called wrong; `holdpoint wrong ID` does, with the id of a hold or the Ref \
                of a refusal";
    here.print(&facts, if text.is_empty() { none } else { &text })?;
    Ok(if unsettled == 0 { Status::Done } else { Status::Wanting })
}

/// The decision that `id` names: a hold, an index of the ledger, or the beginning of a message's
/// digest.
fn find(id: &str, here: &Here) -> Result<Found, CommandError> {
    let index: Option<u64> = id.parse().ok();
    let hexadecimal = id.chars().all(|c| c.is_ascii_hexdigit());
    let digest = (id.len() >= DIGEST_CHARS_MIN && hexadecimal).then_some(id);
    let is = |number: Option<u64>, decided: &Decided| {
        (number.is_some() && number == index)
            || decided.hold.as_deref() == Some(id)
            || digest.is_some_and(|start| decided.message.to_string().starts_with(start))
    };
    let mut found = None;
    let mut look = |number: Option<u64>, record: Record| {
        let Record { at, principal: Some(by), kind: RecordKind::Decision(decided), .. } = record
        else {
            return;
        };
        if is(number, &decided) {
            found = Some(Found { at, by, decided });
        }
    };
    let dir = here.dir.join(DIRECTORY);
    if dir.exists() {
        for record in Reader::open(&dir).map_err(CommandError::unable)?.records(0) {
            let (number, record) = record.map_err(CommandError::unable)?;
            look(Some(number), record);
        }
    }
    // What hooks said while no gateway was up is not in the ledger yet.
    let waiting = Spool::of(&here.dir).waiting().map_err(CommandError::unable)?;
    waiting.into_iter().for_each(|record| look(None, record));
    found.ok_or_else(|| {
        let id = shell(&id.chars().take(64).collect::<String>());
        let text = format!(
            "nothing is recorded as {}; give the id of a hold (`holdpoint holds --all`), or what a \
             refusal calls its Ref",
            plain(&id)
        );
        CommandError::usage(text)
    })
}
