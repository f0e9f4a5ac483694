//! What is too large to be kept: a restore point in the server's own write-ahead log stands for it,
//! where the server proves that one can go back to it. The archive has taken the restore point, and
//! a base backup to begin from is young enough.

use std::time::Duration;

use holdpoint_core::{Code, Refusal, Timestamp, refusal::RefusalKind};
use holdpoint_enforce::Point as _;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    own::{Own, literal},
    point::SessionPoint,
    upstream::{OwnError, Row, Upstream},
};

/// How long the archive may take for the file with the restore point; locks are held meanwhile.
const ARCHIVED_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Digits of a file's name in the write-ahead log: timeline, log, segment.
const FILE_NAME: usize = 24;
/// What a server says of a function that a role may not call (`insufficient_privilege`).
const FORBIDDEN: &str = "42501";

/// A place in a server's write-ahead log that one can go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// Its name: `recovery_target_name`.
    pub name: String,
    /// Where it lies in the log.
    pub lsn: String,
    /// The file that it lies in, which is in the archive.
    pub file: String,
    /// The base backup to begin from: its file in the log (`*.backup`).
    pub backup: String,
    /// How old that was, in seconds.
    pub backup_seconds: u64,
}

impl RestorePoint {
    /// How to go back, for a human.
    pub fn way_back(&self) -> String {
        let Self { name, lsn, file, backup, backup_seconds } = self;
        let hours = backup_seconds / 3600;
        format!(
            "the rows were more than `sql.preimage_bytes`, so that a restore point stands for them: \
             restore the base backup of {backup} ({hours} h old then) to another server with \
             recovery_target_name = '{name}' ({lsn}, archived in {file}), and take the rows from \
             there"
        )
    }
}

/// Whether files are archived, and the last attempt failed.
const ARCHIVE: &str = "\
SELECT pg_catalog.current_setting('archive_mode'), \
 (a.last_failed_time IS NOT NULL AND (a.last_archived_time IS NULL \
  OR a.last_failed_time OPERATOR(pg_catalog.>) a.last_archived_time))::pg_catalog.text \
FROM pg_catalog.pg_stat_archiver a";

/// The newest base backup that the server knows of, and its age in seconds.
const BACKUP: &str = "\
SELECT w.name, (pg_catalog.date_part('epoch', \
 pg_catalog.now() OPERATOR(pg_catalog.-) w.modification)::pg_catalog.int8)::pg_catalog.text \
FROM pg_catalog.pg_ls_waldir() w WHERE w.name OPERATOR(pg_catalog.~) '[.]backup$' \
ORDER BY w.modification DESC LIMIT 1";

const ARCHIVED: &str = "SELECT a.last_archived_wal FROM pg_catalog.pg_stat_archiver a";

/// Sets a restore point, and proves that one can go back to it. The transaction whose rows it
/// stands for has not been committed yet, and so comes after it.
pub(super) async fn prove(point: &SessionPoint) -> Result<RestorePoint, Refusal> {
    let mut witness = point.served.witness().await?;
    let proven = Proof { witness: &mut witness, now: point.now() }
        .restore_point(point.served.http.config().sql.backup_hours)
        .await;
    point.served.keep(witness);
    proven.map_err(|why| {
        let text = format!(
            "the rows that it takes away are more than `sql.preimage_bytes`, and no restore point \
             stands for them: {why}"
        );
        Refusal::new(RefusalKind::Deny, Code::NoWayBack, text)
    })
}

struct Proof<'a> {
    witness: &'a mut Upstream,
    now: Timestamp,
}

impl Proof<'_> {
    async fn restore_point(mut self, backup_hours: u64) -> Result<RestorePoint, String> {
        let archive = self.one(ARCHIVE).await?;
        if !matches!(archive.text(0), "on" | "always") {
            return Err("the server archives nothing (archive_mode)".to_owned());
        }
        if archive.text(1) != "false" {
            return Err("the server's last attempt to archive a file failed".to_owned());
        }
        let backup = self.rows(BACKUP).await?.into_iter().next();
        let backup = backup.ok_or("the server knows of no base backup")?;
        let (backup, backup_seconds) = (backup.text(0).to_owned(), backup.number(1));
        if backup_seconds > backup_hours.saturating_mul(3600) {
            let hours = backup_seconds / 3600;
            return Err(format!(
                "its last base backup is {hours} h old (`sql.backup_hours` is {backup_hours})"
            ));
        }
        let name = format!("holdpoint_{}", self.now.0);
        let made = format!(
            "SELECT p.lsn::pg_catalog.text, pg_catalog.pg_walfile_name(p.lsn) \
             FROM pg_catalog.pg_create_restore_point({}) AS p(lsn)",
            literal(&name)
        );
        let made = self.one(&made).await?;
        let (lsn, file) = (made.text(0).to_owned(), made.text(1).to_owned());
        self.one("SELECT pg_catalog.pg_switch_wal()::pg_catalog.text").await?;
        self.archived(&file).await?;
        Ok(RestorePoint { name, lsn, file, backup, backup_seconds })
    }

    /// Waits until the archive has taken `file`.
    async fn archived(&mut self, file: &str) -> Result<(), String> {
        let until = Instant::now() + ARCHIVED_MAX;
        while Instant::now() < until {
            if reaches(self.one(ARCHIVED).await?.text(0), file) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        Err(format!("the archive has not taken the file {file} in {} s", ARCHIVED_MAX.as_secs()))
    }

    async fn one(&mut self, text: &str) -> Result<Row, String> {
        let row = self.rows(text).await?.into_iter().next();
        row.ok_or_else(|| "the server says nothing".to_owned())
    }

    async fn rows(&mut self, text: &str) -> Result<Vec<Row>, String> {
        let rows = self.witness.rows(&Own::Made(text.to_owned())).await;
        rows.map_err(|error| match error {
            OwnError::Server(said, _) if said.state == FORBIDDEN => format!(
                "{}; GRANT the role pg_monitor, and EXECUTE ON FUNCTION \
                 pg_create_restore_point(text), pg_switch_wal() to it",
                said.message
            ),
            error => error.to_string(),
        })
    }
}

/// Whether the archive has taken `file` if it took `last` last: on the same timeline, they are
/// taken in their order.
fn reaches(last: &str, file: &str) -> bool {
    let proper =
        |name: &str| name.len() == FILE_NAME && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let timeline = |name: &str| name.get(..8).map(str::to_owned);
    proper(last) && proper(file) && timeline(last) == timeline(file) && last >= file
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn a_file_is_archived_once_it_or_a_later_one_is() {
        for (last, file, expect) in [
            ("000000010000000000000005", "000000010000000000000005", true),
            ("000000010000000000000006", "000000010000000000000005", true),
            ("000000010000000100000000", "0000000100000000000000FF", true),
            ("000000010000000000000004", "000000010000000000000005", false),
            // Another timeline, a backup's own file, a history file, nothing at all.
            ("000000020000000000000006", "000000010000000000000005", false),
            ("000000010000000000000006.00000028.backup", "000000010000000000000005", false),
            ("00000002.history", "000000010000000000000005", false),
            ("", "000000010000000000000005", false),
        ] {
            assert_eq!(reaches(last, file), expect, "{last} {file}");
        }
    }
}
