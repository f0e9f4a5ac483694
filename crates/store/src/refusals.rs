//! Refusals are remembered: the same aim by another road waits for a human (invariant 11).

use std::sync::{Mutex, PoisonError};

use holdpoint_core::{Code, Effect, Resource, ResourceId, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::{
    database::{count, from_json, millis, rows, timestamp, to_json, word},
    error::{Result, StoreError},
    state::State,
};

/// A message that was held or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// In which run.
    pub run: String,
    /// Of which agent.
    pub agent: String,
    /// What it aimed at.
    pub resource: Resource,
    /// Where it was to be sent, if it was to be sent.
    pub host: Option<String>,
    /// What it would have done there.
    pub effect: Effect,
    /// Why it did not pass.
    pub code: Code,
    /// When.
    pub at: Timestamp,
}

impl Remembered {
    /// Whether this is remembered at all: what only observes is not, nor what failed for a reason
    /// of our own, nor an echo of a memory, lest it never end.
    pub fn counts(&self) -> bool {
        let our_own = matches!(
            self.code,
            Code::RefusedBefore
                | Code::PolicyError
                | Code::LedgerUnavailable
                | Code::Unresolved
                | Code::UpstreamUnreachable
                | Code::OutcomeUnknown
                | Code::OverLimit
                | Code::Unidentified
        );
        self.effect.changes() && !our_own
    }

    /// Whether `effect` on `resource` has the same aim, by whatever road: the same resource or
    /// one that contains it, and no weaker.
    fn is_aim_of(&self, resource: &Resource, effect: Effect) -> bool {
        resource.contains(&self.resource) && effect >= self.effect
    }
}

/// What a human mended, so that what was refused for the lack of it starts anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// A resource was placed or released.
    Resource(ResourceId),
    /// A host was listed.
    Host(String),
    /// An agent was given something.
    Agent(String),
}

impl Mend {
    fn clears(&self, refusal: &Remembered) -> bool {
        match self {
            Self::Resource(id) => {
                refusal.resource.id == *id || refusal.resource.within.contains(id)
            }
            Self::Host(host) => refusal.host.as_deref() == Some(host),
            Self::Agent(agent) => refusal.agent.eq_ignore_ascii_case(agent),
        }
    }
}

/// Who remembers refusals: the store for live traffic, an [`Episode`] for `explain`.
pub trait RefusalMemory: Send + Sync {
    /// Remembers a refusal, if it [counts](Remembered::counts).
    fn remember(&self, refusal: &Remembered) -> Result<(), StoreError>;

    /// Whether the same aim was refused in this run a short while ago. An error has to be taken
    /// for a yes.
    fn refused_before(
        &self,
        run: &str,
        resource: &Resource,
        effect: Effect,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Forgets what a human's mend makes void. Says how many refusals that were.
    fn forget(&self, mend: &Mend) -> Result<usize, StoreError>;
}

/// The refusals of all runs, in the store.
#[derive(Debug, Clone)]
pub struct Refusals {
    pub(crate) state: State,
    pub(crate) remember_minutes: u64,
}

impl Refusals {
    /// The latest moment whose refusals are forgotten at `now`.
    fn horizon(&self, now: Timestamp) -> i64 {
        integer_before(now, self.remember_minutes)
    }
}

fn integer_before(now: Timestamp, minutes: u64) -> i64 {
    millis(Timestamp(now.0.saturating_sub(minutes.saturating_mul(60_000))))
}

impl RefusalMemory for Refusals {
    fn remember(&self, refusal: &Remembered) -> Result<()> {
        if !refusal.counts() {
            return Ok(());
        }
        let (horizon, max) = (self.horizon(refusal.at), self.state.0.limits.refusals);
        self.state.0.database.write(|transaction| {
            transaction.execute("DELETE FROM refusals WHERE at <= ?1", [horizon])?;
            // Beyond the limit nothing more is needed: `refused_before` then says yes to all.
            if kept(transaction, &refusal.run, horizon)? >= max {
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO refusals (run, agent, resource, within, host, effect, code, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (run, resource, within, effect) DO UPDATE
                 SET at = max(at, excluded.at), code = excluded.code, host = excluded.host",
                params![
                    refusal.run,
                    refusal.agent,
                    refusal.resource.id.as_str(),
                    to_json(&refusal.resource.within, "within")?,
                    refusal.host,
                    refusal.effect.as_str(),
                    refusal.code.as_str(),
                    millis(refusal.at),
                ],
            )?;
            Ok(())
        })
    }

    fn refused_before(
        &self,
        run: &str,
        resource: &Resource,
        effect: Effect,
        now: Timestamp,
    ) -> Result<bool> {
        if !effect.changes() {
            return Ok(false);
        }
        let horizon = self.horizon(now);
        let sql = "SELECT * FROM refusals WHERE run = ?1 AND at > ?2";
        let remembered: Vec<Remembered> = self
            .state
            .0
            .database
            .read(|connection| rows(connection, sql, params![run, horizon], remembered))?;
        Ok(remembered.len() as u64 >= self.state.0.limits.refusals
            || remembered.iter().any(|refusal| refusal.is_aim_of(resource, effect)))
    }

    fn forget(&self, mend: &Mend) -> Result<usize> {
        self.state.0.database.write(|transaction| {
            let all = rows(transaction, "SELECT * FROM refusals", [], remembered)?;
            let mut forgotten = 0;
            for refusal in all.iter().filter(|refusal| mend.clears(refusal)) {
                forgotten += transaction.execute(
                    "DELETE FROM refusals
                     WHERE run = ?1 AND resource = ?2 AND within = ?3 AND effect = ?4",
                    [
                        &refusal.run,
                        refusal.resource.id.as_str(),
                        &to_json(&refusal.resource.within, "within")?,
                        refusal.effect.as_str(),
                    ],
                )?;
            }
            Ok(forgotten)
        })
    }
}

fn kept(connection: &Connection, run: &str, horizon: i64) -> Result<u64> {
    let sql = "SELECT count(*) FROM refusals WHERE run = ?1 AND at > ?2";
    count(connection, sql, params![run, horizon])
}

fn remembered(row: &Row<'_>) -> Result<Remembered> {
    let effect: String = row.get("effect")?;
    let effect = Effect::ALL.into_iter().find(|known| known.as_str() == effect);
    let resource: String = row.get("resource")?;
    Ok(Remembered {
        run: row.get("run")?,
        agent: row.get("agent")?,
        resource: Resource { id: ResourceId::new(resource), within: from_json(row, "within")? },
        host: row.get("host")?,
        effect: effect.ok_or(StoreError::Corrupt("effect"))?,
        code: word(row, "code")?,
        at: timestamp(row, "at")?,
    })
}

/// The refusals of one episode, in memory.
#[derive(Debug)]
pub struct Episode {
    remember_minutes: u64,
    max: usize,
    refusals: Mutex<Vec<Remembered>>,
}

impl Episode {
    /// Nothing was refused yet.
    pub fn new(remember_minutes: u64, max: usize) -> Self {
        Self { remember_minutes, max, refusals: Mutex::default() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<Remembered>) -> T) -> T {
        change(&mut self.refusals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RefusalMemory for Episode {
    fn remember(&self, refusal: &Remembered) -> Result<()> {
        if !refusal.counts() {
            return Ok(());
        }
        let horizon = integer_before(refusal.at, self.remember_minutes);
        self.with(|refusals| {
            refusals.retain(|old| millis(old.at) > horizon);
            let same = |old: &Remembered| {
                (&old.run, &old.resource, old.effect)
                    == (&refusal.run, &refusal.resource, refusal.effect)
            };
            let of_run = refusals.iter().filter(|old| old.run == refusal.run).count();
            if of_run < self.max {
                refusals.retain(|old| !same(old));
                refusals.push(refusal.clone());
            }
        });
        Ok(())
    }

    fn refused_before(
        &self,
        run: &str,
        resource: &Resource,
        effect: Effect,
        now: Timestamp,
    ) -> Result<bool> {
        let horizon = integer_before(now, self.remember_minutes);
        Ok(effect.changes()
            && self.with(|refusals| {
                let live =
                    || refusals.iter().filter(|old| old.run == run && millis(old.at) > horizon);
                live().count() >= self.max || live().any(|old| old.is_aim_of(resource, effect))
            }))
    }

    fn forget(&self, mend: &Mend) -> Result<usize> {
        Ok(self.with(|refusals| {
            let before = refusals.len();
            refusals.retain(|old| !mend.clears(old));
            before - refusals.len()
        }))
    }
}

#[cfg(test)]
mod tests;
