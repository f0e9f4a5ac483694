//! Refusals are remembered: the same aim by another road waits for a human (invariant 11).

use holdpoint_core::{Effect, Resource, ResourceId, Timestamp, identity::RefusedAim};
use rusqlite::{Connection, Row, params};

use crate::{
    database::{count, from_json, millis, rows, timestamp, to_json, word},
    error::{Result, StoreError},
    state::State,
};

/// A refused aim, with what a human could mend about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The aim.
    pub aim: RefusedAim,
    /// The agent that tried.
    pub agent: String,
    /// Where it was to be sent, if it was to be sent.
    pub host: Option<String>,
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
                refusal.aim.resource.id == *id || refusal.aim.resource.within.contains(id)
            }
            Self::Host(host) => refusal.host.as_deref() == Some(host),
            Self::Agent(agent) => refusal.agent.eq_ignore_ascii_case(agent),
        }
    }
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
        let minutes = self.remember_minutes.saturating_mul(60_000);
        millis(Timestamp(now.0.saturating_sub(minutes)))
    }

    /// Remembers a refusal, if its aim [counts](RefusedAim::counts).
    pub fn remember(&self, refusal: &Remembered) -> Result<()> {
        let Remembered { aim, agent, host } = refusal;
        if !aim.counts() {
            return Ok(());
        }
        let (horizon, max) = (self.horizon(aim.at), self.state.0.limits.refusals);
        self.state.0.database.write(|transaction| {
            transaction.execute("DELETE FROM refusals WHERE at <= ?1", [horizon])?;
            // Beyond the limit nothing more is needed: `refused_before` then says yes to all.
            if kept(transaction, &aim.run, horizon)? >= max {
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO refusals (run, agent, resource, within, host, effect, code, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (run, resource, within, effect) DO UPDATE
                 SET at = max(at, excluded.at), code = excluded.code, host = excluded.host",
                params![
                    aim.run,
                    agent,
                    aim.resource.id.as_str(),
                    to_json(&aim.resource.within, "within")?,
                    host,
                    aim.effect.as_str(),
                    aim.code.as_str(),
                    millis(aim.at),
                ],
            )?;
            Ok(())
        })
    }

    /// Whether the same aim was refused in this run a short while ago. An error has to be taken
    /// for a yes.
    pub fn refused_before(
        &self,
        run: &str,
        resource: &Resource,
        effect: Effect,
        now: Timestamp,
    ) -> Result<bool> {
        if !effect.changes() {
            return Ok(false);
        }
        let remembered = self.of_run(run, now)?;
        Ok(remembered.len() as u64 >= self.state.0.limits.refusals
            || remembered.iter().any(|refusal| refusal.aim.recurs_in(run, resource, effect)))
    }

    /// What was refused in a run a short while ago, oldest first.
    pub fn of_run(&self, run: &str, now: Timestamp) -> Result<Vec<Remembered>> {
        let horizon = self.horizon(now);
        let sql = "SELECT * FROM refusals WHERE run = ?1 AND at > ?2 ORDER BY at";
        let database = &self.state.0.database;
        database.read(|connection| rows(connection, sql, params![run, horizon], remembered))
    }

    /// Forgets what a human's mend makes void. Says how many refusals that were.
    pub fn forget(&self, mend: &Mend) -> Result<usize> {
        self.state.0.database.write(|transaction| {
            let all = rows(transaction, "SELECT * FROM refusals", [], remembered)?;
            let mut forgotten = 0;
            for refusal in all.iter().filter(|refusal| mend.clears(refusal)) {
                forgotten += transaction.execute(
                    "DELETE FROM refusals
                     WHERE run = ?1 AND resource = ?2 AND within = ?3 AND effect = ?4",
                    [
                        &refusal.aim.run,
                        refusal.aim.resource.id.as_str(),
                        &to_json(&refusal.aim.resource.within, "within")?,
                        refusal.aim.effect.as_str(),
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
    let aim = RefusedAim {
        run: row.get("run")?,
        resource: Resource { id: ResourceId::new(resource), within: from_json(row, "within")? },
        effect: effect.ok_or(StoreError::Corrupt("effect"))?,
        code: word(row, "code")?,
        at: timestamp(row, "at")?,
    };
    Ok(Remembered { aim, agent: row.get("agent")?, host: row.get("host")? })
}

#[cfg(test)]
mod tests;
