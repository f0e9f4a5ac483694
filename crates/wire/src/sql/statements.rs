//! The statements of a text one by one, and what each is to whoever owns the transaction that it
//! runs in.

use pg_query::{
    Error, NodeEnum,
    protobuf::{
        AlterTableType, ObjectType, ReindexObjectType, TransactionStmt, TransactionStmtKind,
        VariableSetKind, VariableSetStmt,
    },
};

use super::{TEXT_BYTES_MAX, postgres::too_deep};
use crate::Unreadable;

/// Statements of one text that are run one by one.
const STATEMENTS_MAX: usize = 10_000;
/// `CURSOR_OPT_HOLD` of PostgreSQL's `parsenodes.h`.
const HOLD: i32 = 0x20;
/// Settings that say whether a transaction may write. The gateway holds them.
const READ_ONLY: [&str; 2] = ["default_transaction_read_only", "transaction_read_only"];

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its own text, as it was sent.
    pub text: String,
    /// What it is to the transaction.
    pub kind: Kind,
}

/// What a statement is to the transaction that it runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Begins a transaction.
    Begin {
        /// It says itself that it only reads.
        reads: bool,
    },
    /// Ends one, for good.
    Commit,
    /// Ends one, as if it had not been.
    Rollback,
    /// Sets a mark, forgets it, or goes back to it.
    Savepoint,
    /// Runs in no transaction but its own, so that nobody can look at what it did before it counts.
    Alone,
    /// Says what the transaction may do, from within.
    Characteristics,
    /// Takes rows from the client.
    CopyIn,
    /// Prepares a statement under a name.
    Prepare(String),
    /// Runs what was prepared under a name.
    Execute(String),
    /// Forgets what was prepared: under a name, or all of it.
    Deallocate(Option<String>),
    /// Anything else.
    Plain,
}

/// The statements of `text` in order. Refused is what would take the transaction out of the hands
/// of its owner.
pub fn statements(text: &str) -> Result<Vec<Statement>, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Unreadable::over_limit(format!(
            "the statements are longer than {TEXT_BYTES_MAX} bytes; send fewer at once"
        )));
    }
    let tree = pg_query::parse(text, 0).map_err(|error| match error {
        Error::Decode(_) => too_deep(),
        error => Unreadable::new(format!("PostgreSQL would not read it: {error}")),
    })?;
    let raw = tree.protobuf.stmts;
    if raw.len() > STATEMENTS_MAX {
        return Err(Unreadable::over_limit(format!(
            "there are more than {STATEMENTS_MAX} statements; send fewer at once"
        )));
    }
    let one = raw.len() == 1;
    let each = raw.into_iter().map(|raw| {
        let node = raw.stmt.and_then(|node| node.node);
        let own = if one { Some(text) } else { slice(text, raw.stmt_location, raw.stmt_len) };
        match (node, own) {
            (Some(node), Some(own)) => Ok(Statement { kind: kind(&node)?, text: own.to_owned() }),
            _ => Err(Unreadable::new("a statement has no end; send it by itself")),
        }
    });
    each.collect()
}

/// The bytes of one statement; a length of 0 is all that is left.
fn slice(text: &str, start: i32, length: i32) -> Option<&str> {
    let start = usize::try_from(start).ok()?;
    match usize::try_from(length).ok()? {
        0 => text.get(start..),
        length => text.get(start..start.checked_add(length)?),
    }
}

fn kind(node: &NodeEnum) -> Result<Kind, Unreadable> {
    Ok(match node {
        NodeEnum::TransactionStmt(statement) => return transaction(statement),
        NodeEnum::VariableSetStmt(statement) => return setting(statement),
        NodeEnum::CopyStmt(copy) if copy.is_from && copy.filename.is_empty() => Kind::CopyIn,
        NodeEnum::PrepareStmt(it) => Kind::Prepare(it.name.clone()),
        NodeEnum::ExecuteStmt(it) => Kind::Execute(it.name.clone()),
        NodeEnum::CreateTableAsStmt(it) => {
            match it.query.as_ref().and_then(|it| it.node.as_ref()) {
                Some(NodeEnum::ExecuteStmt(it)) => Kind::Execute(it.name.clone()),
                _ => Kind::Plain,
            }
        }
        NodeEnum::DeallocateStmt(it) if it.isall => Kind::Deallocate(None),
        NodeEnum::DeallocateStmt(it) => Kind::Deallocate(Some(it.name.clone())),
        NodeEnum::DeclareCursorStmt(it) if it.options & HOLD != 0 => {
            return Err(Unreadable::new(
                "a cursor WITH HOLD is computed while the transaction commits, when nobody can look \
                 at it any more; declare it without, and fetch from it in the transaction",
            ));
        }
        node if is_alone(node) => Kind::Alone,
        _ => Kind::Plain,
    })
}

fn transaction(statement: &TransactionStmt) -> Result<Kind, Unreadable> {
    use TransactionStmtKind as Word;
    if statement.chain {
        return Err(Unreadable::new(
            "AND CHAIN begins a transaction while another ends; send COMMIT and BEGIN instead",
        ));
    }
    Ok(match TransactionStmtKind::try_from(statement.kind) {
        Ok(Word::TransStmtBegin | Word::TransStmtStart) => {
            let option = |name: &str| {
                statement.options.iter().find_map(|option| match &option.node {
                    Some(NodeEnum::DefElem(it)) if it.defname == name => it.arg.as_deref(),
                    _ => None,
                })
            };
            let reads = option("transaction_read_only").is_some_and(is_true);
            Kind::Begin { reads }
        }
        Ok(Word::TransStmtCommit) => Kind::Commit,
        Ok(Word::TransStmtRollback) => Kind::Rollback,
        Ok(Word::TransStmtSavepoint | Word::TransStmtRelease | Word::TransStmtRollbackTo) => {
            Kind::Savepoint
        }
        _ => {
            return Err(Unreadable::new(
                "a prepared transaction could be committed where nobody looks at it; commit it in \
                 one step",
            ));
        }
    })
}

/// Whether an option of a transaction is on: the grammar writes 1, or nothing at all for 0.
fn is_true(node: &pg_query::protobuf::Node) -> bool {
    use pg_query::protobuf::a_const::Val;
    match &node.node {
        Some(NodeEnum::AConst(it)) => matches!(&it.val, Some(Val::Ival(it)) if it.ival != 0),
        _ => false,
    }
}

/// Whether the session may be set so.
fn setting(statement: &VariableSetStmt) -> Result<Kind, Unreadable> {
    let name = statement.name.to_ascii_lowercase();
    let characteristics = name == "session characteristics";
    let taken = READ_ONLY.contains(&name.as_str());
    // What the session began with is what the gateway gave it.
    let reset = VariableSetKind::try_from(statement.kind) == Ok(VariableSetKind::VarReset)
        && name.starts_with("default_");
    if (taken && !reset) || characteristics {
        return Err(Unreadable::new(
            "whether transactions may write is decided statement by statement here; say READ ONLY \
             in BEGIN where you want it",
        ));
    }
    Ok(if name == "transaction" { Kind::Characteristics } else { Kind::Plain })
}

/// Whether PostgreSQL refuses to run a statement in a transaction with others.
fn is_alone(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::VacuumStmt(it) => it.is_vacuumcmd,
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => true,
        NodeEnum::DiscardStmt(it) => {
            it.target == pg_query::protobuf::DiscardMode::DiscardAll as i32
        }
        NodeEnum::AlterDatabaseStmt(it) => it.options.iter().any(|option| {
            matches!(&option.node, Some(NodeEnum::DefElem(it)) if it.defname == "tablespace")
        }),
        NodeEnum::IndexStmt(it) => it.concurrent,
        NodeEnum::DropStmt(it) => {
            it.concurrent && it.remove_type == ObjectType::ObjectIndex as i32
        }
        NodeEnum::ReindexStmt(it) => {
            let whole = [
                ReindexObjectType::ReindexObjectDatabase as i32,
                ReindexObjectType::ReindexObjectSchema as i32,
                ReindexObjectType::ReindexObjectSystem as i32,
            ];
            whole.contains(&it.kind)
                || it.params.iter().any(|option| {
                    matches!(&option.node, Some(NodeEnum::DefElem(it)) if it.defname == "concurrently")
                })
        }
        NodeEnum::ClusterStmt(it) => it.relation.is_none(),
        NodeEnum::AlterTableStmt(it) => it.cmds.iter().any(|command| match &command.node {
            Some(NodeEnum::AlterTableCmd(it)) => {
                it.subtype == AlterTableType::AtDetachPartition as i32
                    && matches!(
                        it.def.as_ref().and_then(|it| it.node.as_ref()),
                        Some(NodeEnum::PartitionCmd(it)) if it.concurrent
                    )
            }
            _ => false,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, statements};

    #[test]
    fn each_statement_is_what_it_is_to_its_transaction() {
        let kinds = |text: &str| {
            let found = statements(text).map(|all| all.into_iter().map(|it| it.kind).collect());
            found.unwrap_or_else(|_| vec![])
        };
        use Kind::{Alone, Begin, Commit, CopyIn, Deallocate, Execute, Plain, Prepare, Rollback};
        for (text, expect) in [
            ("", vec![]),
            ("select 1", vec![Plain]),
            ("begin; select 1; end", vec![Begin { reads: false }, Plain, Commit]),
            ("start transaction read only", vec![Begin { reads: true }]),
            ("begin read write", vec![Begin { reads: false }]),
            ("abort", vec![Rollback]),
            ("set transaction read write", vec![Kind::Characteristics]),
            ("savepoint a; rollback to a; release a", vec![Kind::Savepoint; 3]),
            ("vacuum full t", vec![Alone]),
            ("analyze t", vec![Plain]),
            ("create index concurrently i on t (a)", vec![Alone]),
            ("create index i on t (a)", vec![Plain]),
            ("reindex table concurrently t", vec![Alone]),
            ("reindex (concurrently) table t", vec![Alone]),
            ("drop database x", vec![Alone]),
            ("alter system set archive_mode = off", vec![Alone]),
            ("alter table t detach partition p concurrently", vec![Alone]),
            ("discard all", vec![Alone]),
            ("discard temp", vec![Plain]),
            ("copy t from stdin", vec![CopyIn]),
            ("copy t from '/tmp/x'", vec![Plain]),
            ("prepare p as delete from t", vec![Prepare("p".into())]),
            ("execute p", vec![Execute("p".into())]),
            ("create table x as execute p", vec![Execute("p".into())]),
            ("deallocate all", vec![Deallocate(None)]),
            ("deallocate p", vec![Deallocate(Some("p".into()))]),
        ] {
            assert_eq!(kinds(text), expect, "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_told_so() {
        let long = ["SELECT 1"; 200].join(" UNION ALL ");
        let said = statements(&long).unwrap_err().text;
        assert!(said.contains("nested deeper"), "{said}");
    }

    #[test]
    fn nothing_takes_the_transaction_away() {
        for text in [
            "commit and chain",
            "rollback and chain",
            "prepare transaction 'x'",
            "commit prepared 'x'",
            "set default_transaction_read_only = off",
            "set transaction_read_only to off",
            "reset transaction_read_only",
            "set session characteristics as transaction read write",
            "declare c cursor with hold for select 1",
            "select 1; selec 2",
        ] {
            assert!(statements(text).is_err(), "{text}");
        }
        for text in ["reset all", "set transaction isolation level serializable, read only"] {
            assert!(statements(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_statement_is_its_own_bytes() {
        let text = "select 'ä;' ; -- and\n delete from t /* x */; ";
        let texts: Vec<_> = statements(text).unwrap().into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["select 'ä;' ", "delete from t /* x */"]);
    }
}
