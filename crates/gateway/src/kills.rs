//! What is open of a run is closed at once when the run is killed; and how often each was refused,
//! which may kill it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use holdpoint_core::{
    Digest, Refusal,
    identity::Principal,
    ledger::{Record, RecordKind},
};
use holdpoint_enforce::{Ledger as _, LedgerUnavailable, Point as _};
use holdpoint_store::agents::Kill;
use tokio::task::spawn_blocking;

use crate::{
    listen::{Stop, Stopper},
    point::{HttpPoint, unavailable},
};

/// The runs that have something open, and those that were refused. There are never more than there
/// are agents.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    open: Mutex<HashMap<String, Stopper>>,
    refused: Mutex<HashMap<String, u64>>,
}

impl Kills {
    /// Said when `run` is killed, or its agent is gone.
    pub(crate) fn of(&self, run: &str) -> Stop {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(run.to_owned()).or_default().stop()
    }

    /// Counts a refusal of `run`, and says whether there are as many as there may be (0: any number),
    /// or more: a human may have lowered that, and who is revived begins anew.
    pub(crate) fn has_come_to(&self, run: &str, most: u64) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refused.entry(run.to_owned()).or_default();
        *count += 1;
        let has_come = most > 0 && *count >= most;
        if has_come {
            *count = 0;
        }
        has_come
    }

    /// Closes what is open of every run but those that are `alive`.
    pub(crate) fn spare(&self, alive: &HashSet<String>) {
        // A stopper that is dropped says stop.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|run, _| alive.contains(run));
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|run, _| alive.contains(run));
    }
}

impl HttpPoint {
    /// Counts what was refused of a run, which is killed when it was too often, if a human said so.
    pub(crate) async fn count_refusal(&self, principal: &Principal) -> Result<(), Refusal> {
        let (run, most) = (principal.run.clone(), self.config().run.refusals_max);
        if !self.kills.has_come_to(&run, most) {
            return Ok(());
        }
        tracing::warn!(run, most, "a run is killed, as it was refused too often");
        let event = "run_killed_for_refusals".to_owned();
        let killed = RecordKind::Lifecycle { event };
        let record = Record::new(self.now(), Some(principal.clone()), killed);
        let recorded = self.commit(record, Digest::of(run.as_bytes())).await;
        recorded.map_err(|LedgerUnavailable(why)| unavailable(why))?;
        let agents = self.state.agents();
        let kill = spawn_blocking(move || agents.kill(Kill::One(&run)).map(drop)).await;
        kill.map_err(unavailable)?.map_err(unavailable)?;
        // What it has open is closed.
        self.refresh().map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Kills;

    #[test]
    fn refusals_are_counted_by_run() {
        let kills = Kills::default();
        let count = |run: &str, most| kills.has_come_to(run, most);
        assert_eq!([1, 2, 3, 4].map(|_| count("a", 3)), [false, false, true, false]);
        assert_eq!([9, 9, 2].map(|most| count("c", most)), [false, false, true], "it was lowered");
        assert_eq!([1, 2, 3].map(|_| count("b", 0)), [false; 3]);
        kills.spare(&HashSet::from(["b".to_owned()]));
        assert!(count("b", 4) && !count("a", 3), "b goes on, a begins anew");
        assert!(!count("a", 3) && count("a", 3), "and comes to it again");
    }
}
