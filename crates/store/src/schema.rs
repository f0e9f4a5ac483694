//! The database's schema as a list of migrations: never edit one, append the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Result, StoreError};

/// Each brings the database from the version that is its index to the next one. Times are
/// milliseconds since the Unix epoch, digests are hexadecimal, lists are JSON.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;

    CREATE TABLE agents (
        name        TEXT PRIMARY KEY COLLATE NOCASE,
        run         TEXT NOT NULL UNIQUE,
        task        TEXT NOT NULL,
        bearer_head BLOB NOT NULL,  -- the first half of the hash, to look up by
        bearer_hash BLOB NOT NULL,  -- all of it, to compare in constant time
        killed      INTEGER NOT NULL DEFAULT 0,
        created_at  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX agents_by_bearer ON agents (bearer_head);

    CREATE TABLE hosts (
        host        TEXT NOT NULL,
        port        INTEGER NOT NULL,  -- 0: every port
        speaks      TEXT NOT NULL,
        environment TEXT NOT NULL,
        PRIMARY KEY (host, port)
    ) STRICT;

    CREATE TABLE inventory (
        resource    TEXT NOT NULL,
        environment TEXT NOT NULL,
        PRIMARY KEY (resource, environment)
    ) STRICT;

    CREATE TABLE secrets (
        name        TEXT PRIMARY KEY,
        hosts       TEXT NOT NULL,
        purposes    TEXT NOT NULL,
        environment TEXT,
        phantom     TEXT NOT NULL UNIQUE,
        fingerprint TEXT NOT NULL UNIQUE,  -- keyed; never an unkeyed hash of a secret
        sealed      BLOB NOT NULL,
        created_at  INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE payloads (
        id         TEXT PRIMARY KEY,
        digest     TEXT NOT NULL,
        size       INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        key        BLOB,  -- both gone once it is erased
        sealed     BLOB
    ) STRICT;

    CREATE TABLE holds (
        id               TEXT PRIMARY KEY,
        state            TEXT NOT NULL CHECK (state IN ('open', 'approved', 'consuming', 'done',
                                              'denied', 'expired', 'void', 'unknown')),
        operation_digest TEXT NOT NULL,
        message_digest   TEXT NOT NULL,
        policy_digest    TEXT NOT NULL,
        state_digest     TEXT NOT NULL,
        nonce            TEXT NOT NULL,
        agent            TEXT NOT NULL,
        principal        TEXT NOT NULL,
        meanings         TEXT NOT NULL,
        reasons          TEXT NOT NULL,
        approvals        INTEGER NOT NULL,
        snapshot         INTEGER NOT NULL,
        delay_seconds    INTEGER NOT NULL,
        credential       TEXT,
        payload          TEXT REFERENCES payloads (id),
        created_at       INTEGER NOT NULL,
        expires_at       INTEGER NOT NULL,
        decided_at       INTEGER,
        approved_until   INTEGER,
        ended_at         INTEGER,
        response         TEXT REFERENCES payloads (id),
        response_until   INTEGER
    ) STRICT;
    -- What waits waits once, whoever races to open it.
    CREATE UNIQUE INDEX holds_waiting ON holds (operation_digest)
        WHERE state IN ('open', 'approved', 'consuming');
    CREATE INDEX holds_by_operation ON holds (operation_digest, state);
    CREATE INDEX holds_by_state ON holds (state, created_at);

    CREATE TABLE approvers (
        name        TEXT PRIMARY KEY COLLATE NOCASE,
        public_key  TEXT NOT NULL UNIQUE,
        enrolled_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE approvals (
        hold       TEXT NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
        approver   TEXT NOT NULL COLLATE NOCASE,
        public_key TEXT NOT NULL,
        decision   TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        answer     TEXT NOT NULL,  -- the signed bytes and their signature, as they came
        PRIMARY KEY (hold, approver)
    ) STRICT;

    CREATE TABLE refusals (
        run      TEXT NOT NULL,
        agent    TEXT NOT NULL,
        resource TEXT NOT NULL,
        within   TEXT NOT NULL,
        host     TEXT,
        effect   TEXT NOT NULL,
        code     TEXT NOT NULL,
        at       INTEGER NOT NULL,
        PRIMARY KEY (run, resource, within, effect)
    ) STRICT;
",
    "
    ALTER TABLE secrets ADD COLUMN places TEXT NOT NULL DEFAULT '[]';
",
    "
    CREATE TABLE issued (
        id          INTEGER PRIMARY KEY,
        run         TEXT NOT NULL REFERENCES agents (run) ON DELETE CASCADE,
        kind        TEXT NOT NULL,
        name        TEXT NOT NULL,
        fingerprint TEXT NOT NULL,  -- keyed; of what the agent holds
        reach       TEXT NOT NULL,
        via         TEXT NOT NULL,
        family      TEXT,           -- this and what follows: of what is captured
        phantom     TEXT,
        real        TEXT,           -- keyed fingerprint of the real one
        sealed      BLOB,
        created_at  INTEGER NOT NULL,
        expires_at  INTEGER NOT NULL,
        UNIQUE (run, fingerprint, reach)
    ) STRICT;
    CREATE INDEX issued_by_expiry ON issued (expires_at);
    CREATE INDEX issued_by_phantom ON issued (phantom) WHERE phantom IS NOT NULL;
    CREATE INDEX issued_captured ON issued (run) WHERE sealed IS NOT NULL;
",
    "
    CREATE TABLE made (
        run      TEXT NOT NULL,
        resource TEXT NOT NULL UNIQUE,
        state    TEXT NOT NULL,  -- where it stood when the run touched it last
        at       INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX made_by_run ON made (run);
",
    // A CHECK cannot be altered: the table of holds is made anew, and what refers to it as well.
    "
    CREATE TABLE holds_next (
        id               TEXT PRIMARY KEY,
        state            TEXT NOT NULL CHECK (state IN ('open', 'approved', 'scheduled',
                                              'consuming', 'done', 'denied', 'cancelled',
                                              'expired', 'void', 'unknown')),
        operation_digest TEXT NOT NULL,
        message_digest   TEXT NOT NULL,
        policy_digest    TEXT NOT NULL,
        state_digest     TEXT NOT NULL,
        nonce            TEXT NOT NULL,
        agent            TEXT NOT NULL,
        principal        TEXT NOT NULL,
        meanings         TEXT NOT NULL,
        reasons          TEXT NOT NULL,
        approvals        INTEGER NOT NULL,
        snapshot         INTEGER NOT NULL,
        delay_seconds    INTEGER NOT NULL,
        credential       TEXT,
        payload          TEXT REFERENCES payloads (id),
        created_at       INTEGER NOT NULL,
        expires_at       INTEGER NOT NULL,
        decided_at       INTEGER,
        approved_until   INTEGER,
        ended_at         INTEGER,
        response         TEXT REFERENCES payloads (id),
        response_until   INTEGER,
        not_before       INTEGER
    ) STRICT;
    INSERT INTO holds_next SELECT *, NULL FROM holds;
    CREATE TABLE approvals_next (
        hold       TEXT NOT NULL REFERENCES holds_next (id) ON DELETE CASCADE,
        approver   TEXT NOT NULL COLLATE NOCASE,
        public_key TEXT NOT NULL,
        decision   TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        answer     TEXT NOT NULL,
        PRIMARY KEY (hold, approver)
    ) STRICT;
    INSERT INTO approvals_next SELECT * FROM approvals;
    DROP TABLE approvals;
    DROP TABLE holds;
    ALTER TABLE holds_next RENAME TO holds;
    ALTER TABLE approvals_next RENAME TO approvals;
    CREATE UNIQUE INDEX holds_waiting ON holds (operation_digest)
        WHERE state IN ('open', 'approved', 'scheduled', 'consuming');
    CREATE INDEX holds_by_operation ON holds (operation_digest, state);
    CREATE INDEX holds_by_state ON holds (state, created_at);

    CREATE TABLE schedules (
        hold         TEXT PRIMARY KEY REFERENCES holds (id) ON DELETE CASCADE,
        seconds      INTEGER NOT NULL,
        scheduled_at INTEGER NOT NULL,
        waited       INTEGER NOT NULL,  -- milliseconds that were counted until `uptime`
        boot         TEXT NOT NULL,     -- what `uptime` is counted from
        uptime       INTEGER NOT NULL,
        outlived     INTEGER NOT NULL DEFAULT 0,  -- its run is over, and was not killed
        failure      TEXT,
        recorded     TEXT NOT NULL DEFAULT ''     -- the last state that is in the ledger
    ) STRICT;
",
    "
    CREATE TABLE snapshots (
        id        TEXT PRIMARY KEY,
        stored    TEXT NOT NULL,  -- its name in the repository
        kind      TEXT NOT NULL,
        what      TEXT NOT NULL,
        run       TEXT,
        why       TEXT NOT NULL,
        at        INTEGER NOT NULL,
        entries   INTEGER NOT NULL,
        bytes     INTEGER NOT NULL,
        until     INTEGER NOT NULL,
        verified  INTEGER,
        omitted   TEXT NOT NULL,
        run_ended INTEGER
    ) STRICT;
    CREATE INDEX snapshots_by_what ON snapshots (kind, what, at);
    CREATE INDEX snapshots_by_run ON snapshots (run, at);

    CREATE TABLE undone (
        id       INTEGER PRIMARY KEY,
        target   TEXT NOT NULL,
        saved    TEXT NOT NULL,
        what     TEXT NOT NULL,
        changes  INTEGER NOT NULL,
        recorded INTEGER NOT NULL DEFAULT 0
    ) STRICT;
",
    // An undo is asked for, and answered, like any other operation.
    "
    DROP TABLE undone;
    CREATE TABLE undos (
        id       INTEGER PRIMARY KEY,
        kind     TEXT NOT NULL,
        target   TEXT NOT NULL,  -- the snapshot that it goes back to
        saved    TEXT,           -- the snapshot of what it replaces
        what     TEXT NOT NULL,
        changes  INTEGER NOT NULL,
        digest   TEXT NOT NULL,  -- of every change
        destroys TEXT,           -- newer work, in words
        state    TEXT NOT NULL,
        answer   TEXT            -- the hold, or why not
    ) STRICT;
    CREATE INDEX undos_by_what ON undos (what, id);
    ",
    "
    -- 0: a human gave it. 1: it was found, and binds itself. 2: found, and bound by a human.
    ALTER TABLE secrets ADD COLUMN found INTEGER NOT NULL DEFAULT 0;

    CREATE TABLE lent (
        run     TEXT NOT NULL,
        phantom TEXT NOT NULL,
        secret  TEXT NOT NULL,
        PRIMARY KEY (run, phantom)
    ) STRICT;
    CREATE INDEX lent_by_secret ON lent (secret);
    CREATE INDEX lent_by_phantom ON lent (phantom);

    -- The refresh tokens of logins that runs share, by keyed fingerprints.
    CREATE TABLE login_tokens (
        real   TEXT PRIMARY KEY,
        family TEXT NOT NULL,
        sealed BLOB,  -- of the latest of its family only
        at     INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX login_tokens_by_family ON login_tokens (family);
",
    "
    -- Holds whose run is over, and was not killed before.
    CREATE TABLE outliving (
        hold   TEXT PRIMARY KEY REFERENCES holds (id) ON DELETE CASCADE,
        killed INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO outliving (hold) SELECT hold FROM schedules WHERE outlived;
    ALTER TABLE schedules DROP COLUMN outlived;
",
    "
    -- What undos have put where: finding just that again is finding nobody's newer work.
    CREATE TABLE undone (
        what TEXT NOT NULL,
        path BLOB NOT NULL,
        mark BLOB NOT NULL,     -- of content and time
        at   INTEGER NOT NULL,
        PRIMARY KEY (what, path)
    ) STRICT, WITHOUT ROWID;
    DROP INDEX undos_by_what;
    ",
    // Who a run is, by its own key; agents that a bearer proves have none.
    "ALTER TABLE agents ADD COLUMN did TEXT;",
];

/// Brings the database to the present version; a newer one is refused, not guessed at.
pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let known = MIGRATIONS.len();
    // What every command does waits for no disk and for nobody else's writing.
    if version(connection)? == known {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = version(&transaction)?;
    let pending = MIGRATIONS.get(found..).ok_or(StoreError::NewerSchema { found, known })?;
    for migration in pending {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known as i64)?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    usize::try_from(version).map_err(|_| StoreError::Corrupt("user_version"))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{MIGRATIONS, migrate};

    #[test]
    fn what_waited_and_who_answered_is_there_after_the_table_of_holds_is_made_anew() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        let anew = |migration: &&str| migration.contains("TABLE holds_next");
        let before = MIGRATIONS.iter().position(anew).unwrap();
        for migration in &MIGRATIONS[..before] {
            connection.execute_batch(migration).unwrap();
        }
        connection.pragma_update(None, "user_version", before as i64).unwrap();
        connection
            .execute_batch(
                "INSERT INTO payloads VALUES ('p-1', 'd', 1, 2, NULL, NULL);
                 INSERT INTO holds VALUES ('h-1', 'approved', 'o', 'm', 'p', 's', 'n', 'fixer',
                     '{}', '[]', '[]', 1, 0, 0, NULL, 'p-1', 1, 2, 3, 4, NULL, NULL, NULL);
                 INSERT INTO approvals VALUES ('h-1', 'ada', 'k', 'approve', 5, 'a');",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        let state = "SELECT state || payload || coalesce(not_before, '-') FROM holds";
        assert_eq!(one(state), "approvedp-1-");
        assert_eq!(one("SELECT hold || approver FROM approvals"), "h-1ada");
        // What refers to a hold still goes with it, and nothing waits twice.
        let again = "INSERT INTO holds SELECT 'h-2', 'scheduled', operation_digest, message_digest,
            policy_digest, state_digest, nonce, agent, principal, meanings, reasons, approvals,
            snapshot, delay_seconds, credential, payload, created_at, expires_at, NULL, NULL, NULL,
            NULL, NULL, NULL FROM holds";
        assert!(connection.execute_batch(again).is_err());
        connection.execute_batch("DELETE FROM holds").unwrap();
        assert_eq!(one("SELECT CAST(count(*) AS TEXT) FROM approvals"), "0");
    }
}
