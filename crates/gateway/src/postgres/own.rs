//! The gateway's own statements: the only ones that reach a server without having been judged, and
//! fixed here. Every name in them is PostgreSQL's own, whatever the session's search path.

use std::sync::LazyLock;

use bytes::Bytes;
use holdpoint_wire::sql::protocol::backend::framed;

use super::upstream::Row;

/// What the gateway's own statements are called at the server.
pub(super) const NAME: &[u8] = b"_holdpoint";

/// One of the gateway's own statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Own {
    /// What was counted before is handed on, so that the count begins at nothing.
    Forget,
    /// What was counted before, where a server carries it along into the open transaction.
    Carried,
    /// Opens a transaction that may write.
    Begin,
    /// Opens one in which nothing can be written.
    BeginReading,
    /// Lets the transaction that the client opened write.
    Write,
    /// What waits for the end of the transaction is checked now.
    Check,
    /// Ends a transaction, for good. Only what was judged.
    Commit,
    /// Ends a transaction, as if it had not been.
    Rollback,
    /// Lets the transaction fail: the client was told that it did.
    Fail,
    /// What the transaction has changed so far.
    Count,
    /// The relations that nobody else can use until the transaction ends.
    Taken,
    /// What others still see of these relations.
    Seen(Vec<u32>),
    /// What columns these relations have, one by one.
    Columns(Vec<u32>),
    /// Who we are there, and what we could do behind anybody's back.
    Role,
    /// Whether this session may write by itself.
    MayWrite(bool),
    /// Has values written [`EXACT`]ly until the transaction ends; how they were written before.
    Exactly,
    /// A statement with names and values that were put into it by [`quoted`] and [`literal`].
    Made(String),
}

/// Settings by which a value is written so that it is read back as what it was, whoever reads it: no
/// digit is left out, and no date can be taken for another one.
pub(super) const EXACT: [(&str, &str); 6] = [
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("array_nulls", "on"),
    ("extra_float_digits", "3"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
];
/// Where nothing is found but what is PostgreSQL's own: all other names are written in full.
pub(super) const NOWHERE: (&str, &str) = ("search_path", "pg_catalog");

/// Changed rows by table, the first line about the transaction itself. Only tables and what is kept
/// like them have rows that are counted: the parts of a partitioned one do.
const COUNT: &str = "\
SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text, \
 pg_catalog.current_setting('track_counts'), pg_catalog.current_setting('search_path'), \
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursors h \
   WHERE h.is_holdable)::pg_catalog.text, \
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger g \
   WHERE g.tgdeferrable AND NOT g.tgisinternal \
   AND (pg_catalog.pg_stat_get_xact_tuples_inserted(g.tgrelid) \
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_updated(g.tgrelid) \
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_deleted(g.tgrelid)) \
    OPERATOR(pg_catalog.>) 0)::pg_catalog.text, \
 pg_catalog.current_setting('transaction_isolation'), NULL, NULL, NULL, NULL \
UNION ALL \
SELECT c.oid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, \
 s.i::pg_catalog.text, s.u::pg_catalog.text, s.d::pg_catalog.text, \
 (EXISTS (SELECT FROM pg_catalog.pg_index x \
   WHERE x.indrelid OPERATOR(pg_catalog.=) c.oid AND x.indisprimary))::pg_catalog.text, \
 (SELECT pg_catalog.string_agg(f.confrelid::pg_catalog.oid::pg_catalog.text, ',') \
   FROM pg_catalog.pg_constraint f WHERE f.conrelid OPERATOR(pg_catalog.=) c.oid \
   AND f.contype OPERATOR(pg_catalog.=) 'f' AND f.confdeltype OPERATOR(pg_catalog.<>) 'a' \
   AND f.confdeltype OPERATOR(pg_catalog.<>) 'r'), \
 (pg_catalog.row_security_active(c.oid) \
  OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
  OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT'))::pg_catalog.text, \
 pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid::pg_catalog.text \
FROM pg_catalog.pg_class c \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace, \
LATERAL (SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS i, \
 pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS u, \
 pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS d) s \
WHERE pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL \
 AND c.relpersistence OPERATOR(pg_catalog.<>) 't' \
 AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::pg_catalog.\"char\"[]) \
 AND (s.i OPERATOR(pg_catalog.+) s.u OPERATOR(pg_catalog.+) s.d) OPERATOR(pg_catalog.>) 0";

const CARRIED: &str = "\
SELECT c.oid::pg_catalog.text, s.i::pg_catalog.text, s.u::pg_catalog.text, \
 s.d::pg_catalog.text FROM pg_catalog.pg_class c, \
LATERAL (SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS i, \
 pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS u, \
 pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS d) s \
WHERE (s.i OPERATOR(pg_catalog.+) s.u OPERATOR(pg_catalog.+) s.d) OPERATOR(pg_catalog.>) 0";

const TAKEN: &str = "\
SELECT DISTINCT l.relation::pg_catalog.oid::pg_catalog.text, c.relfilenode::pg_catalog.text, \
 pg_catalog.pg_relation_size(c.oid)::pg_catalog.text \
FROM pg_catalog.pg_locks l \
LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation \
WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() \
 AND l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.relation IS NOT NULL \
 AND (l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock' \
  OR l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock')";

/// A role that could act outside of its transaction: on the server's machine, in other databases,
/// in languages that can do anything. It is the role that logged in, whichever it goes by now: it
/// can become any that it is a member of. Before PostgreSQL 16, one that makes roles can give itself
/// any of those that do. Who may call a function is asked of the few that matter alone: of all, it
/// takes longer than everything else together.
const ROLE: &str = "\
SELECT (EXISTS (SELECT FROM pg_catalog.pg_roles m \
   WHERE pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') AND (m.rolsuper OR m.rolreplication \
    OR m.rolcreaterole AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
     OPERATOR(pg_catalog.<) 160000 \
    OR m.rolname OPERATOR(pg_catalog.=) ANY ('{pg_execute_server_program,\
pg_write_server_files,pg_read_server_files}'::pg_catalog.name[]))) \
 OR EXISTS (SELECT FROM pg_catalog.pg_proc p \
   WHERE p.proname OPERATOR(pg_catalog.~) '^dblink' AND EXISTS (SELECT FROM pg_catalog.pg_roles m \
    WHERE pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') \
    AND pg_catalog.has_function_privilege(m.oid, p.oid, 'EXECUTE'))) \
 OR u.languages IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_proc p \
   WHERE p.prolang OPERATOR(pg_catalog.=) ANY (u.languages) AND EXISTS (SELECT FROM pg_catalog.pg_roles m \
    WHERE pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') \
    AND pg_catalog.has_function_privilege(m.oid, p.oid, 'EXECUTE'))) \
 OR EXISTS (SELECT FROM pg_catalog.pg_foreign_server f, pg_catalog.pg_roles m \
   WHERE pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') \
   AND pg_catalog.has_server_privilege(m.oid, f.oid, 'USAGE')) \
 OR EXISTS (SELECT FROM pg_catalog.pg_foreign_table))::pg_catalog.text, \
 pg_catalog.current_setting('server_version_num'), \
 pg_catalog.shobj_description(d.oid, 'pg_database'), \
 pg_catalog.current_setting('default_transaction_read_only'), \
 (EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata))::pg_catalog.text \
FROM pg_catalog.pg_roles r, pg_catalog.pg_database d, \
 (SELECT pg_catalog.array_agg(l.oid) AS languages FROM pg_catalog.pg_language l \
  WHERE NOT l.lanpltrusted AND l.lanname OPERATOR(pg_catalog.<>) 'internal' \
  AND l.lanname OPERATOR(pg_catalog.<>) 'c') u \
WHERE r.rolname OPERATOR(pg_catalog.=) session_user \
 AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

/// Those that nothing is put into, as they are sent.
static FIXED: LazyLock<Vec<(Own, Bytes)>> = LazyLock::new(|| {
    let all = [
        Own::Count,
        Own::Check,
        Own::Forget,
        Own::Begin,
        Own::Commit,
        Own::Write,
        Own::Carried,
        Own::BeginReading,
        Own::Rollback,
        Own::Fail,
        Own::Role,
        Own::Taken,
        Own::Exactly,
    ];
    all.into_iter().map(|own| (own.clone(), own.written())).collect()
});

impl Own {
    /// Opens a transaction that may write, and sees what others do as this level of isolation has it;
    /// as the session does, where none is said.
    pub(super) fn begin(isolation: &str) -> Self {
        match isolation {
            "repeatable read" | "serializable" => {
                Self::Made(format!("BEGIN ISOLATION LEVEL {isolation} READ WRITE"))
            }
            _ => Self::Begin,
        }
    }

    /// As it is sent.
    pub(super) fn encoded(&self) -> Bytes {
        let fixed = FIXED.iter().find(|(own, _)| own == self);
        fixed.map_or_else(|| self.written(), |(_, bytes)| bytes.clone())
    }

    /// Under a name of its own, as a plain query would take the client's unnamed statement and
    /// portal away.
    fn written(&self) -> Bytes {
        let forget = forgets();
        let parse = framed(b'P', &[NAME, &[0], self.text().as_bytes(), &[0, 0, 0]].concat());
        let bind = framed(b'B', &[NAME, &[0], NAME, &[0], &[0; 6]].concat());
        let execute = framed(b'E', &[NAME, &[0], &[0; 4]].concat());
        let sync = framed(b'S', &[]);
        [&forget[..], &parse, &bind, &execute, &forget, &sync].concat().into()
    }

    /// The same as a plain query, for sessions of the gateway's own, where rows are copied in.
    pub(super) fn plain(&self) -> Bytes {
        framed(b'Q', &[self.text().as_bytes(), &[0]].concat())
    }

    fn text(&self) -> String {
        let fixed = match self {
            Self::Forget => "SELECT pg_catalog.pg_stat_force_next_flush()",
            Self::Carried => CARRIED,
            Self::Begin => "BEGIN READ WRITE",
            Self::BeginReading => "BEGIN READ ONLY",
            Self::Write => "SET TRANSACTION READ WRITE",
            Self::Check => "SET CONSTRAINTS ALL IMMEDIATE",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::Fail => "holdpoint refused the statement before this one",
            Self::Count => COUNT,
            Self::Taken => TAKEN,
            Self::Role => ROLE,
            Self::MayWrite(true) => "SET default_transaction_read_only = off",
            Self::MayWrite(false) => "SET default_transaction_read_only = on",
            Self::Exactly => return exactly(),
            Self::Seen(oids) => return seen(oids),
            Self::Columns(oids) => return columns(oids),
            Self::Made(text) => return text.clone(),
        };
        fixed.to_owned()
    }
}

/// Has the server forget what was run under [`NAME`].
pub(super) fn forgets() -> Vec<u8> {
    let close = |kind: &[u8]| framed(b'C', &[kind, NAME, &[0]].concat());
    [close(b"P"), close(b"S")].concat()
}

/// Each setting as it was, and then as it has to be: a list is computed in its order.
fn exactly() -> String {
    let settings = || EXACT.into_iter().chain([NOWHERE]);
    let was = settings().map(|(name, _)| format!("pg_catalog.current_setting('{name}')"));
    let is = settings()
        .map(|(name, value)| format!("pg_catalog.set_config('{name}', {}, true)", literal(value)));
    format!("SELECT {}", was.chain(is).collect::<Vec<_>>().join(", "))
}

/// The settings of [`Own::Exactly`] as they `were` before it.
pub(super) fn as_before(were: &Row) -> Own {
    let settings = EXACT.into_iter().chain([NOWHERE]).enumerate();
    let each = settings.map(|(column, (name, _))| {
        format!("pg_catalog.set_config('{name}', {}, true)", literal(were.text(column)))
    });
    Own::Made(format!("SELECT {}", each.collect::<Vec<_>>().join(", ")))
}

fn seen(oids: &[u32]) -> String {
    format!(
        "SELECT c.oid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, \
         c.relkind::pg_catalog.text, c.relfilenode::pg_catalog.text \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
         ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
         WHERE c.oid OPERATOR(pg_catalog.=) ANY ({}) \
         AND c.relpersistence OPERATOR(pg_catalog.<>) 't'",
        listed(oids)
    )
}

/// A column that has another type is another one.
fn columns(oids: &[u32]) -> String {
    format!(
        "SELECT a.attrelid::pg_catalog.oid::pg_catalog.text, pg_catalog.concat_ws(' ', a.attnum, \
         a.atttypid::pg_catalog.oid, a.atttypmod) FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ({}) \
         AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped",
        listed(oids)
    )
}

/// What a mark of a row is that was made since the transaction of the number `xid` began.
pub(super) fn since(mark: &str, xid: &str) -> String {
    format!("pg_catalog.age({mark}) OPERATOR(pg_catalog.<=) pg_catalog.age({})", short(xid))
}

/// What a mark of a row is that this transaction made: itself, and no part of it.
pub(super) fn made_by(mark: &str, xid: &str) -> String {
    format!("{mark} OPERATOR(pg_catalog.=) {}", short(xid))
}

/// The number of a transaction without its epoch, as rows bear it.
fn short(xid: &str) -> String {
    let xid: u64 = xid.parse().unwrap_or_default();
    format!("{}::pg_catalog.xid", literal(&(xid & u64::from(u32::MAX)).to_string()))
}

/// Numbers of objects as SQL writes them.
pub(super) fn listed(oids: &[u32]) -> String {
    let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
    format!("'{{{}}}'::pg_catalog.oid[]", oids.join(","))
}

/// A name as SQL writes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it, whatever is in it, with standard strings or without.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{literal, quoted};

    #[test]
    fn names_and_texts_stay_what_they_are() {
        for (text, name, value) in [
            ("a", "\"a\"", "E'a'"),
            ("it's", "\"it's\"", "E'it''s'"),
            ("a\"b", "\"a\"\"b\"", "E'a\"b'"),
            ("\\'; --", "\"\\'; --\"", "E'\\\\''; --'"),
        ] {
            assert_eq!((quoted(text).as_str(), literal(text).as_str()), (name, value));
        }
    }
}
