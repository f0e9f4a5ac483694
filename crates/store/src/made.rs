//! What runs have made, so that a run may take away again what is its own.

use holdpoint_core::{ResourceId, Timestamp};
use rusqlite::params;

use crate::{
    database::{first, millis},
    error::Result,
    state::State,
};

/// The most resources that are remembered of one run, and of all.
const EACH_MAX: i64 = 1000;
const ALL_MAX: i64 = 100_000;

/// The resources that runs have made, in the store. Of too many, the oldest are forgotten: to take
/// them away then needs a human.
#[derive(Debug, Clone)]
pub struct Made(pub(crate) State);

impl Made {
    /// The upstream has said that `run` made `resource`, or moved what it had made, and that it
    /// stands at `state` now (the tip of a branch; empty for what has none).
    pub fn note(&self, run: &str, resource: &ResourceId, state: &str, at: Timestamp) -> Result<()> {
        self.0.0.database.write(|transaction| {
            // Whoever else made it before: it is this run's now.
            transaction.execute("DELETE FROM made WHERE resource = ?1", [resource.as_str()])?;
            transaction.execute(
                "INSERT INTO made (run, resource, state, at) VALUES (?1, ?2, ?3, ?4)",
                params![run, resource.as_str(), state, millis(at)],
            )?;
            transaction.execute(
                "DELETE FROM made WHERE rowid IN
                     (SELECT rowid FROM made WHERE run = ?1 ORDER BY rowid DESC LIMIT -1 OFFSET ?2)",
                params![run, EACH_MAX],
            )?;
            transaction.execute(
                "DELETE FROM made WHERE rowid IN
                     (SELECT rowid FROM made ORDER BY rowid DESC LIMIT -1 OFFSET ?1)",
                [ALL_MAX],
            )?;
            Ok(())
        })
    }

    /// Where `resource` stood when `run` touched it last; `None` if the run did not make it.
    pub fn state(&self, run: &str, resource: &ResourceId) -> Result<Option<String>> {
        let sql = "SELECT state FROM made WHERE run = ?1 AND resource = ?2";
        let parameters = params![run, resource.as_str()];
        self.0
            .0
            .database
            .read(|connection| first(connection, sql, parameters, |row| Ok(row.get("state")?)))
    }

    /// `resource` is gone: what is made there next is somebody's anew.
    pub fn forget(&self, resource: &ResourceId) -> Result<()> {
        self.0.0.database.write(|transaction| {
            transaction.execute("DELETE FROM made WHERE resource = ?1", [resource.as_str()])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{ResourceId, Timestamp};

    use super::{EACH_MAX, Made};
    use crate::state::State;

    fn branch(name: &str) -> ResourceId {
        ResourceId::new(format!("git:github.com/acme/shop/refs/heads/{name}"))
    }

    fn made() -> Made {
        State::in_memory().unwrap().made()
    }

    #[test]
    fn a_resource_is_its_maker_s_until_it_is_gone() {
        let made = made();
        let state = |run: &str| made.state(run, &branch("a")).unwrap();
        assert_eq!(state("one"), None);
        made.note("one", &branch("a"), "1", Timestamp(1)).unwrap();
        made.note("one", &branch("a"), "2", Timestamp(2)).unwrap();
        assert_eq!((state("one").as_deref(), state("two")), (Some("2"), None));
        made.forget(&branch("b")).unwrap();
        made.note("two", &branch("a"), "3", Timestamp(3)).unwrap();
        assert_eq!((state("one"), state("two").as_deref()), (None, Some("3")));
        made.forget(&branch("a")).unwrap();
        assert_eq!(state("two"), None);
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let made = made();
        made.note("other", &branch("other"), "", Timestamp(0)).unwrap();
        for number in 0..=EACH_MAX {
            made.note("one", &branch(&number.to_string()), "", Timestamp(1)).unwrap();
        }
        let knows = |run: &str, name: &str| made.state(run, &branch(name)).unwrap().is_some();
        assert!(!knows("one", "0") && knows("one", "1") && knows("one", &EACH_MAX.to_string()));
        assert!(knows("other", "other"));
    }
}
