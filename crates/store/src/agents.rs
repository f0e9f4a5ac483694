//! Agents: their names, their tasks, and the bearers that prove who asks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdpoint_core::{
    Timestamp,
    identity::{DidKey, Principal, Task},
};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    database::{count, first, from_json, millis, rows, timestamp, to_json},
    error::{Result, StoreError},
    holds::set_outliving_killed,
    id::{check_name, random, random_id},
    state::State,
    watch::Topic,
};

/// What bearers begin with, so that they are recognised where they do not belong.
const BEARER_PREFIX: &str = "hp_";
/// Random bytes of a bearer.
const BEARER_BYTES: usize = 32;

/// An agent that a human made an identity for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Who it is, for which task; and whether it was killed.
    pub principal: Principal,
    /// Since when.
    pub created_at: Timestamp,
}

/// A new agent with its bearer, which is shown this once.
#[derive(Debug)]
pub struct NewAgent {
    /// The agent.
    pub agent: Agent,
    /// What it proves itself with. Only a hash of it is kept.
    pub bearer: SecretString,
}

/// Who a kill is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill<'a> {
    /// The agent of this name, or the one in this run.
    One(&'a str),
    /// Every agent there is.
    All,
}

/// Who may ask.
#[derive(Debug, Clone)]
pub struct Agents(pub(crate) State);

impl Agents {
    /// Makes an identity. An approver's name is refused: who asks must never be who releases.
    pub fn add(&self, name: &str, task: &Task, now: Timestamp) -> Result<NewAgent> {
        let made = self.insert(new_run()?, name, task, None, now)?;
        self.0.announce(Topic::Agents);
        Ok(made)
    }

    /// The same, in a run that [`new_run`] named, of whoever has the secret half of `did`: the gateway
    /// looks it up when the run begins.
    pub fn add_in(
        &self,
        run: String,
        name: &str,
        task: &Task,
        did: DidKey,
        now: Timestamp,
    ) -> Result<NewAgent> {
        let made = self.insert(run, name, task, Some(did), now)?;
        self.0.mention(Topic::Agents);
        Ok(made)
    }

    fn insert(
        &self,
        run: String,
        name: &str,
        task: &Task,
        did: Option<DidKey>,
        now: Timestamp,
    ) -> Result<NewAgent> {
        check_name("agent name", name)?;
        check_name("run", &run)?;
        let bearer = new_bearer()?;
        self.0.0.database.write(|transaction| {
            let max = self.0.0.limits.agents;
            if count(transaction, "SELECT count(*) FROM agents", [])? >= max {
                return Err(StoreError::Full { what: "agents", max });
            }
            if taken(transaction, name)? {
                return Err(StoreError::Exists { what: "an agent or approver", name: name.into() });
            }
            let hash = hash(bearer.expose_secret());
            transaction.execute(
                "INSERT INTO agents (name, run, task, bearer_head, bearer_hash, created_at, did)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    name,
                    run,
                    to_json(task, "task")?,
                    head(&hash),
                    hash,
                    millis(now),
                    did.map(|did| did.to_string()),
                ],
            )?;
            Ok(())
        })?;
        let principal =
            Principal { agent: name.to_owned(), run, task: task.clone(), killed: false, did };
        Ok(NewAgent { agent: Agent { principal, created_at: now }, bearer })
    }

    /// Who proves itself with `bearer`; nobody, if no agent has it. A killed agent is known.
    ///
    /// The index sees half of the bearer's hash; the rest is compared in constant time.
    pub fn identify(&self, bearer: &str) -> Result<Option<Principal>> {
        if !bearer.starts_with(BEARER_PREFIX) {
            return Ok(None);
        }
        let hash = hash(bearer);
        let sql = "SELECT * FROM agents WHERE bearer_head = ?1";
        let proven = |row: &Row<'_>| -> Result<Option<Agent>> {
            let kept: Vec<u8> = row.get("bearer_hash")?;
            if bool::from(kept.ct_eq(&hash)) { agent(row).map(Some) } else { Ok(None) }
        };
        let found = self
            .0
            .0
            .database
            .read(|connection| rows(connection, sql, params![head(&hash)], proven))?;
        Ok(found.into_iter().flatten().next().map(|agent| agent.principal))
    }

    /// Lets nothing of an agent pass any more. Says how many there were.
    pub fn kill(&self, whom: Kill<'_>) -> Result<usize> {
        self.set_killed(whom, true)
    }

    /// Takes a kill back. Says how many there were.
    pub fn revive(&self, whom: Kill<'_>) -> Result<usize> {
        self.set_killed(whom, false)
    }

    fn set_killed(&self, whom: Kill<'_>, killed: bool) -> Result<usize> {
        let changed = self.0.0.database.write(|transaction| -> Result<usize> {
            if killed {
                forget_issued(transaction, whom)?;
            }
            let outliving = set_outliving_killed(transaction, whom, killed)?;
            let agents = match whom {
                Kill::All => transaction.execute("UPDATE agents SET killed = ?1", [killed])?,
                Kill::One(name) => transaction.execute(
                    "UPDATE agents SET killed = ?1 WHERE name = ?2 OR run = ?2",
                    params![killed, name],
                )?,
            };
            Ok(agents.max(outliving))
        })?;
        if let (Kill::One(name), 0) = (whom, changed) {
            return Err(StoreError::Missing { what: "agent or run", name: name.to_owned() });
        }
        self.0.announce(Topic::Agents);
        Ok(changed)
    }

    /// Has a run read only from listed hosts from now on.
    pub fn end_learning(&self, run: &str) -> Result<()> {
        self.0.0.database.write(|transaction| -> Result<()> {
            let sql = "SELECT * FROM agents WHERE run = ?1";
            if let Some(found) = first(transaction, sql, [run], agent)? {
                let task = Task { learns: false, ..found.principal.task };
                let sql = "UPDATE agents SET task = ?1 WHERE run = ?2";
                transaction.execute(sql, params![to_json(&task, "task")?, run])?;
            }
            Ok(())
        })?;
        self.0.announce(Topic::Agents);
        Ok(())
    }

    /// Forgets an agent; its bearer proves nothing any more.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.delete(name)?;
        self.0.announce(Topic::Agents);
        Ok(())
    }

    /// The same for one whose run is over, from which nothing can come any more; one that was killed
    /// stays known as such, and what it waits for is not released.
    pub fn forget(&self, name: &str) -> Result<()> {
        let killed = self.0.0.database.write(|transaction| -> Result<bool> {
            let sql = "SELECT count(*) FROM agents WHERE name = ?1 AND killed";
            let killed = count(transaction, sql, [name])? > 0;
            match killed {
                true => drop(set_outliving_killed(transaction, Kill::One(name), true)?),
                false => drop(transaction.execute("DELETE FROM agents WHERE name = ?1", [name])?),
            }
            Ok(killed)
        })?;
        if killed {
            return Ok(());
        }
        self.0.mention(Topic::Agents);
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let removed = self.0.0.database.write(|transaction| -> Result<usize> {
            Ok(transaction.execute("DELETE FROM agents WHERE name = ?1", [name])?)
        })?;
        if removed == 0 {
            return Err(StoreError::Missing { what: "agent", name: name.to_owned() });
        }
        Ok(())
    }

    /// The agent of this name.
    pub fn find(&self, name: &str) -> Result<Option<Agent>> {
        let sql = "SELECT * FROM agents WHERE name = ?1";
        self.0.0.database.read(|connection| first(connection, sql, [name], agent))
    }

    /// The agent in this run.
    pub fn of_run(&self, run: &str) -> Result<Option<Agent>> {
        let sql = "SELECT * FROM agents WHERE run = ?1";
        self.0.0.database.read(|connection| first(connection, sql, [run], agent))
    }

    /// Every agent, by name.
    pub fn list(&self) -> Result<Vec<Agent>> {
        let sql = "SELECT * FROM agents ORDER BY name";
        self.0.0.database.read(|connection| rows(connection, sql, [], agent))
    }
}

/// A name for a run that there never was before.
pub fn new_run() -> Result<String> {
    random_id::<10>("r")
}

/// What upstreams issued is gone with the run: who is revived logs in again.
fn forget_issued(transaction: &Transaction<'_>, whom: Kill<'_>) -> Result<()> {
    let whom = match whom {
        Kill::All => None,
        Kill::One(name) => Some(name),
    };
    let sql = "DELETE FROM issued WHERE run IN (
                   SELECT run FROM agents WHERE ?1 IS NULL OR name = ?1 OR run = ?1)";
    transaction.execute(sql, [whom])?;
    Ok(())
}

/// Whether an agent or an approver has this name, in whatever case.
pub(crate) fn taken(transaction: &Transaction<'_>, name: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM agents WHERE name = ?1
               UNION ALL SELECT 1 FROM approvers WHERE name = ?1";
    let found: Option<i64> = transaction.query_row(sql, [name], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

fn new_bearer() -> Result<SecretString> {
    let bytes: Zeroizing<[u8; BEARER_BYTES]> = Zeroizing::new(random()?);
    let digits = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(SecretString::from([BEARER_PREFIX, &digits].concat()))
}

/// A bearer is random, so a plain hash of it tells nothing.
fn hash(bearer: &str) -> [u8; 32] {
    Sha256::digest(bearer.as_bytes()).into()
}

fn head(hash: &[u8; 32]) -> [u8; 16] {
    hash.first_chunk().copied().unwrap_or_default()
}

fn agent(row: &Row<'_>) -> Result<Agent> {
    let did: Option<String> = row.get("did")?;
    let principal = Principal {
        agent: row.get("name")?,
        run: row.get("run")?,
        task: from_json(row, "task")?,
        killed: row.get("killed")?,
        did: did
            .map(|did| did.parse::<DidKey>())
            .transpose()
            .map_err(|_| StoreError::Corrupt("did"))?,
    };
    Ok(Agent { principal, created_at: timestamp(row, "created_at")? })
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Environment, Timestamp, identity::Task};
    use secrecy::ExposeSecret as _;

    use super::Kill;
    use crate::{error::StoreError, state::State};

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn only_the_whole_bearer_proves_an_agent() {
        let agents = State::in_memory().unwrap().agents();
        let description = Some("fix staging".to_owned());
        let task = Task { description, environment: Some(Environment::Staging), ..Task::default() };
        let made = agents.add("fixer", &task, NOW).unwrap();
        agents.add("other", &Task::default(), NOW).unwrap();
        let bearer = made.bearer.expose_secret();
        assert_eq!(bearer.len(), 3 + 43);
        assert_eq!(agents.identify(bearer).unwrap(), Some(made.agent.principal.clone()));
        assert_eq!(agents.find("Fixer").unwrap(), Some(made.agent.clone()));
        let mut shorter = bearer.to_owned();
        shorter.pop();
        let bare = bearer.trim_start_matches("hp_");
        let longer = format!("{bearer}x");
        let upper = bearer.to_uppercase();
        for wrong in ["", "hp_", "fixer", &shorter, &longer, &upper, bare] {
            assert_eq!(agents.identify(wrong).unwrap(), None, "{wrong}");
        }
        agents.remove("fixer").unwrap();
        assert_eq!(agents.identify(bearer).unwrap(), None);
    }

    #[test]
    fn a_bearer_is_in_no_debug_text_and_not_in_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let made = state.agents().add("fixer", &Task::default(), NOW).unwrap();
        let bearer = made.bearer.expose_secret();
        assert!(!format!("{made:?}").contains(bearer));
        for file in ["state.db", "state.db-wal"] {
            let bytes = std::fs::read(dir.path().join(file)).unwrap();
            assert!(!bytes.windows(bearer.len()).any(|w| w == bearer.as_bytes()), "{file}");
        }
    }

    #[test]
    fn kills_by_name_by_run_and_of_all() {
        let agents = State::in_memory().unwrap().agents();
        let run = agents.add("a", &Task::default(), NOW).unwrap().agent.principal.run;
        agents.add("b", &Task::default(), NOW).unwrap();
        let killed = || -> Vec<bool> {
            agents.list().unwrap().iter().map(|agent| agent.principal.killed).collect()
        };
        for (kill, whom, expect) in [
            (true, Kill::One(&run), [true, false]),
            (true, Kill::One("b"), [true, true]),
            (false, Kill::One("a"), [false, true]),
            (true, Kill::All, [true, true]),
            (false, Kill::All, [false, false]),
        ] {
            let change = if kill { agents.kill(whom) } else { agents.revive(whom) };
            assert!(change.unwrap() > 0);
            assert_eq!(killed(), expect, "{kill} {whom:?}");
        }
        assert!(matches!(agents.kill(Kill::One("c")), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn names_are_plain_and_given_once() {
        let agents = State::in_memory().unwrap().agents();
        agents.add("fixer", &Task::default(), NOW).unwrap();
        for name in
            ["fixer", "FIXER", "", "a b", "../x", ".x", "-x", "x\n", "\u{430}", &"x".repeat(65)]
        {
            assert!(agents.add(name, &Task::default(), NOW).is_err(), "{name:?}");
        }
    }
}
