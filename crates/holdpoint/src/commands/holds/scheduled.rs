//! What waits for its time, with the time that is left.

use std::time::Duration;

use holdpoint_core::Timestamp;
use holdpoint_store::{
    Hold,
    holds::{Schedule, Uptime},
};
use serde_json::{Value, json};

use super::{fact, what};
use crate::{
    commands::{Here, now},
    status::{CommandError, Ended, Status},
};

/// Runs `holdpoint holds --scheduled`.
pub(super) fn run(here: &Here) -> Ended {
    let scheduled = here.holds().scheduled().map_err(CommandError::unable)?;
    let uptime = Uptime::now().map_err(CommandError::unable)?;
    let now = now();
    let remaining = |one: &Schedule| one.remaining(now, &uptime);
    let text: String = scheduled.iter().map(|one| line(one, remaining(one))).collect();
    let facts: Vec<Value> = scheduled.iter().map(|one| counting(one, remaining(one))).collect();
    here.print(&facts, if text.is_empty() { "nothing is scheduled" } else { &text })?;
    Ok(Status::Done)
}

/// What is promised of a hold that has to wait besides: of one that is scheduled its time, of
/// another the time if it were released now.
pub(in crate::commands) fn promise(hold: &Hold, now: Timestamp) -> Option<String> {
    let (id, seconds) = (&hold.id, hold.obligations.delay_seconds);
    let cancels = format!("`holdpoint undo {id}` cancels it until then");
    let asked = (seconds > 0).then(|| now.plus_seconds(seconds));
    let time = hold.not_before.or(asked)?;
    Some(format!("nothing is sent before {time}; {cancels}"))
}

/// A schedule as JSON: the hold, and how long it still waits by both clocks.
fn counting(schedule: &Schedule, remaining: Duration) -> Value {
    let mut fact = fact(&schedule.hold);
    if let Some(fact) = fact.as_object_mut() {
        fact.insert("scheduled_at".to_owned(), json!(schedule.scheduled_at));
        fact.insert("seconds".to_owned(), json!(schedule.seconds));
        fact.insert("remaining_seconds".to_owned(), json!(seconds(remaining)));
    }
    fact
}

fn line(schedule: &Schedule, remaining: Duration) -> String {
    let hold = &schedule.hold;
    let time = hold.not_before.map(|time| time.to_string()).unwrap_or_default();
    let left = countdown(seconds(remaining));
    format!("{:<16} {left:>12} {time} {:<16} {}\n", hold.id, hold.principal.agent, what(hold))
}

/// Whole seconds, never less than is left.
fn seconds(remaining: Duration) -> u64 {
    remaining.as_secs() + u64::from(remaining.subsec_nanos() > 0)
}

/// `47 h 59 min`, or what is left of it.
fn countdown(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => "due".to_owned(),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::countdown;

    #[test]
    fn what_is_left() {
        for (seconds, expect) in [
            (172_800, "48 h 00 min"),
            (172_799, "47 h 59 min"),
            (3600, "1 h 00 min"),
            (3599, "59 min"),
            (59, "59 s"),
            (0, "due"),
        ] {
            assert_eq!(countdown(seconds), expect, "{seconds}");
        }
    }
}
