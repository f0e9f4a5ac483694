//! Holds whose run is over: a human may still release them, and what was released is done at its time.

use rusqlite::{Connection, Transaction, params};

use super::{Hold, Holds};
use crate::{agents::Kill, database::count, error::Result};

impl Holds {
    /// Lets what `run` waits for outlive it: the run is over, and nobody killed it. Says how
    /// much that is.
    pub fn outlive(&self, run: &str) -> Result<usize> {
        let sql = "INSERT OR IGNORE INTO outliving (hold)
                   SELECT id FROM holds WHERE principal ->> 'run' = ?1
                   AND state IN ('open', 'approved', 'scheduled')";
        self.write(|transaction| Ok(transaction.execute(sql, [run])?))
    }

    /// Whether this hold is to be done though its run is over.
    pub fn outlives(&self, id: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM outliving WHERE hold = ?1 AND NOT killed";
        self.state.0.database.read(|connection| Ok(count(connection, sql, [id])? > 0))
    }
}

/// Kills what outlived its run as well, or takes that back. Says how much that was.
pub(crate) fn set_killed(
    transaction: &Transaction<'_>,
    whom: Kill<'_>,
    killed: bool,
) -> Result<usize> {
    let whom = match whom {
        Kill::All => None,
        Kill::One(name) => Some(name),
    };
    let sql = "UPDATE outliving SET killed = ?2 WHERE killed <> ?2 AND hold IN (
                   SELECT id FROM holds WHERE ?1 IS NULL OR agent = ?1 OR principal ->> 'run' = ?1)";
    Ok(transaction.execute(sql, params![whom, killed])?)
}

/// That whoever asked for a row of `holds` was killed neither during its run nor afterwards.
pub(super) const NOT_KILLED: &str = "NOT EXISTS (
    SELECT 1 FROM agents WHERE name = holds.agent AND killed
    UNION ALL SELECT 1 FROM outliving WHERE hold = holds.id AND killed)";

/// Whether whoever asked for this hold was killed, during its run or afterwards.
pub(super) fn is_killed(connection: &Connection, hold: &Hold) -> Result<bool> {
    let sql = "SELECT (SELECT count(*) FROM agents WHERE name = ?1 AND killed)
                    + (SELECT count(*) FROM outliving WHERE hold = ?2 AND killed)";
    Ok(count(connection, sql, [&hold.principal.agent, &hold.id])? > 0)
}
