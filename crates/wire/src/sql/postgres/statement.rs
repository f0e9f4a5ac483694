//! Every statement of the grammar, and what it means. One that is not here is code that nobody
//! can see.

use holdpoint_core::Effect::{
    self, Create, Destroy, GrantAccess, Modify, Observe, Remove, WeakenRecovery,
};
use pg_query::protobuf::{ObjectType, TransactionStmtKind};

use super::{Script, When, tree::Node};
use crate::Unreadable;

/// Statements that always have the same effect, and how sure that is: what is called into being
/// here runs later, in somebody else's statement.
const PLAIN: &[(&str, &str, Effect, Sure)] = &[
    ("AlterCollationStmt", "alter_collation", Modify, Sure::Yes),
    ("AlterDatabaseRefreshCollStmt", "alter_database", Modify, Sure::Yes),
    ("AlterDatabaseStmt", "alter_database", Modify, Sure::Yes),
    ("AlterDomainStmt", "alter_domain", Modify, Sure::Yes),
    ("AlterEnumStmt", "alter_type", Modify, Sure::Yes),
    ("AlterEventTrigStmt", "alter_event_trigger", WeakenRecovery, Sure::Yes),
    ("AlterExtensionContentsStmt", "alter_extension", Effect::Execute, Sure::No),
    ("AlterExtensionStmt", "alter_extension", Effect::Execute, Sure::No),
    ("AlterFdwStmt", "alter_foreign_data_wrapper", GrantAccess, Sure::Yes),
    ("AlterForeignServerStmt", "alter_server", GrantAccess, Sure::Yes),
    ("AlterObjectDependsStmt", "alter_depends", Modify, Sure::Yes),
    ("AlterObjectSchemaStmt", "set_schema", Modify, Sure::Yes),
    ("AlterOpFamilyStmt", "alter_operator_family", Modify, Sure::No),
    ("AlterOperatorStmt", "alter_operator", Modify, Sure::No),
    ("AlterOwnerStmt", "change_owner", GrantAccess, Sure::Yes),
    ("AlterPolicyStmt", "alter_policy", GrantAccess, Sure::Yes),
    ("AlterPublicationStmt", "alter_publication", WeakenRecovery, Sure::Yes),
    ("AlterSeqStmt", "alter_sequence", Modify, Sure::Yes),
    ("AlterStatsStmt", "alter_statistics", Modify, Sure::Yes),
    ("AlterSubscriptionStmt", "alter_subscription", WeakenRecovery, Sure::Yes),
    ("AlterTableMoveAllStmt", "move_all", Modify, Sure::Yes),
    ("AlterTableSpaceOptionsStmt", "alter_tablespace", Modify, Sure::Yes),
    ("AlterTsconfigurationStmt", "alter_text_search", Modify, Sure::Yes),
    ("AlterTsdictionaryStmt", "alter_text_search", Modify, Sure::Yes),
    ("AlterTypeStmt", "alter_type", Modify, Sure::No),
    ("AlterUserMappingStmt", "alter_user_mapping", GrantAccess, Sure::Yes),
    ("CheckPointStmt", "checkpoint", Modify, Sure::Yes),
    ("ClosePortalStmt", "close", Observe, Sure::Yes),
    ("ClusterStmt", "cluster", Modify, Sure::Yes),
    ("CommentStmt", "comment", Modify, Sure::Yes),
    ("CompositeTypeStmt", "create_type", Create, Sure::Yes),
    ("ConstraintsSetStmt", "set_constraints", Observe, Sure::Yes),
    ("CreateAmStmt", "create_access_method", Effect::Execute, Sure::No),
    ("CreateCastStmt", "create_cast", Create, Sure::No),
    ("CreateConversionStmt", "create_conversion", Create, Sure::No),
    ("CreateDomainStmt", "create_domain", Create, Sure::Yes),
    ("CreateEnumStmt", "create_type", Create, Sure::Yes),
    ("CreateEventTrigStmt", "create_event_trigger", Effect::Execute, Sure::No),
    ("CreateExtensionStmt", "create_extension", Effect::Execute, Sure::No),
    ("CreateFdwStmt", "create_foreign_data_wrapper", Effect::Execute, Sure::No),
    ("CreateForeignTableStmt", "create_foreign_table", Create, Sure::No),
    ("CreateOpClassStmt", "create_operator_class", Create, Sure::No),
    ("CreateOpFamilyStmt", "create_operator_family", Create, Sure::No),
    ("CreatePlangStmt", "create_language", Effect::Execute, Sure::No),
    ("CreatePolicyStmt", "create_policy", GrantAccess, Sure::Yes),
    ("CreatePublicationStmt", "create_publication", Create, Sure::No),
    ("CreateRangeStmt", "create_type", Create, Sure::No),
    ("CreateSchemaStmt", "create_schema", Create, Sure::Yes),
    ("CreateSeqStmt", "create_sequence", Create, Sure::Yes),
    ("CreateStatsStmt", "create_statistics", Create, Sure::Yes),
    ("CreateStmt", "create_table", Create, Sure::Yes),
    ("CreateTableAsStmt", "create_table_as", Create, Sure::Yes),
    ("CreateTableSpaceStmt", "create_tablespace", Create, Sure::No),
    ("CreateTransformStmt", "create_transform", Create, Sure::No),
    ("CreateTrigStmt", "create_trigger", Modify, Sure::No),
    ("CreateUserMappingStmt", "create_user_mapping", GrantAccess, Sure::Yes),
    ("CreatedbStmt", "create_database", Create, Sure::Yes),
    ("DeallocateStmt", "deallocate", Observe, Sure::Yes),
    ("DefineStmt", "define", Create, Sure::No),
    ("DiscardStmt", "discard", Observe, Sure::Yes),
    ("DropOwnedStmt", "drop_owned", Destroy, Sure::Yes),
    ("DropRoleStmt", "drop_role", Remove, Sure::Yes),
    ("DropSubscriptionStmt", "drop_subscription", WeakenRecovery, Sure::Yes),
    ("DropTableSpaceStmt", "drop_tablespace", Remove, Sure::Yes),
    ("DropUserMappingStmt", "drop_user_mapping", Remove, Sure::Yes),
    ("FetchStmt", "fetch", Observe, Sure::Yes),
    ("ImportForeignSchemaStmt", "import_foreign_schema", Create, Sure::No),
    ("IndexStmt", "create_index", Create, Sure::Yes),
    ("ListenStmt", "listen", Observe, Sure::Yes),
    ("LockStmt", "lock", Observe, Sure::Yes),
    ("NotifyStmt", "notify", Create, Sure::Yes),
    ("ReassignOwnedStmt", "reassign_owned", GrantAccess, Sure::Yes),
    ("ReindexStmt", "reindex", Modify, Sure::Yes),
    ("RenameStmt", "rename", Modify, Sure::Yes),
    ("RuleStmt", "create_rule", Modify, Sure::No),
    ("SecLabelStmt", "security_label", GrantAccess, Sure::Yes),
    ("UnlistenStmt", "unlisten", Observe, Sure::Yes),
    ("VacuumStmt", "vacuum", Modify, Sure::Yes),
    ("VariableShowStmt", "show", Observe, Sure::Yes),
];

/// Whether an effect is all that a statement has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
}

impl Script<'_> {
    /// Adds what a statement would do; `text` is its own.
    pub(super) fn statement(&mut self, node: Node<'_>, text: &str) -> Result<(), Unreadable> {
        match node.name {
            "SelectStmt" => self.select(node),
            "InsertStmt" => self.insert(node),
            "UpdateStmt" => self.update(node),
            "DeleteStmt" => self.delete(node),
            "MergeStmt" => self.merge(node),
            "CopyStmt" => self.copy(node),
            "AlterTableStmt" => self.alter_table(node),
            "VariableSetStmt" => self.set(node),
            "AlterSystemStmt" | "AlterDatabaseSetStmt" | "AlterRoleSetStmt" => {
                self.set_for_all(node)
            }
            "DoStmt" => self.block(text),
            "CallStmt" => {
                self.opaque("call", self.target.resource());
                self.walk(node.fields, When::Now)
            }
            "ExplainStmt" => self.explain(node),
            "PrepareStmt" => {
                self.prepared.insert(node.text("name").to_owned());
                self.held("prepare", node)
            }
            "ExecuteStmt" => self.execute(node),
            "DeclareCursorStmt" => self.held("declare", node),
            "PlassignStmt" => self.walk(node.fields, When::Now),
            "ViewStmt" => self.define(node, "create_view", replacing(node), Sure::Yes),
            // It makes statistics, and changes nothing that anybody has put there.
            "VacuumStmt" if !node.flag("is_vacuumcmd") => {
                self.define(node, "analyze", Create, Sure::Yes)
            }
            name => match PLAIN.binary_search_by_key(&name, |row| row.0).map(|at| PLAIN.get(at)) {
                Ok(Some((_, verb, effect, sure))) => self.define(node, verb, *effect, *sure),
                _ => {
                    self.settled(node);
                    Ok(())
                }
            },
        }
    }

    /// Statements that hold no expression.
    fn settled(&mut self, node: Node<'_>) {
        match node.name {
            "TruncateStmt" => self.truncate(node),
            "DropStmt" => self.drop(node),
            "DropdbStmt" => {
                let database = self.target.sibling(node.text("dbname"));
                self.push("drop_database", Destroy, database);
            }
            "GrantStmt" | "GrantRoleStmt" => self.grant(node),
            "AlterDefaultPrivilegesStmt" => {
                if let Some(grant) = node.part("action", "GrantStmt") {
                    self.grant(grant);
                }
            }
            "CreateRoleStmt" | "AlterRoleStmt" => self.role(node),
            "LoadStmt" => self.on_server("load"),
            "TransactionStmt" => self.transaction(node),
            "RefreshMatViewStmt" => {
                let effect = if node.flag("skip_data") { Destroy } else { Modify };
                self.guess("refresh_materialized_view", effect, self.its_relation(node));
            }
            "CreateFunctionStmt" | "AlterFunctionStmt" => self.define_function(node),
            "CreateForeignServerStmt" | "CreateSubscriptionStmt" => {
                self.guess("link_server", GrantAccess, self.target.elsewhere());
            }
            _ => self.opaque("unknown", self.target.resource()),
        }
    }

    /// A statement of the table: what it holds is kept for later.
    fn define(
        &mut self,
        node: Node<'_>,
        verb: &str,
        effect: Effect,
        sure: Sure,
    ) -> Result<(), Unreadable> {
        let into = node.part("into", "IntoClause").and_then(|into| into.part("rel", "RangeVar"));
        let relation = into.or_else(|| node.part("relation", "RangeVar"));
        let relation = relation.or_else(|| node.part("view", "RangeVar"));
        let relation = relation.or_else(|| node.part("table", "RangeVar"));
        let resource =
            relation.map_or_else(|| self.target.resource(), |relation| self.relation(relation));
        // A view that is kept has its rows computed now, and so has an index.
        let when = if matches!(node.name, "CreateTableAsStmt" | "IndexStmt") {
            When::Now
        } else {
            When::Later
        };
        let effect =
            if node.name == "CreateTrigStmt" { replacing(node).max(effect) } else { effect };
        match sure {
            Sure::Yes => self.push(verb, effect, resource),
            Sure::No if effect == Effect::Execute => self.opaque(verb, resource),
            Sure::No => self.guess(verb, effect, resource),
        }
        self.walk(node.fields, when)
    }

    /// Functions and procedures: their text runs when they are called.
    fn define_function(&mut self, node: Node<'_>) {
        let options = if node.name == "AlterFunctionStmt" { "actions" } else { "options" };
        let definer = node.option(options, "security").and_then(|it| it.node("arg"));
        let definer = definer.and_then(Node::constant).is_some_and(|it| it == "true");
        let language = node.option(options, "language").and_then(|it| it.node("arg"));
        let language = language.and_then(Node::constant).map(|it| it.to_ascii_lowercase());
        let trusted = matches!(language.as_deref(), None | Some("sql" | "plpgsql"));
        let name = node.path("funcname").join(".");
        let resource = self.target.within(&name);
        if !trusted {
            return self.opaque("create_function", resource);
        }
        let effect = if definer {
            GrantAccess
        } else if node.name == "AlterFunctionStmt" {
            Modify
        } else {
            replacing(node)
        };
        self.guess("create_function", effect, resource);
    }

    /// `EXPLAIN`: only `ANALYZE` does what it explains; planning already runs functions.
    fn explain(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let analyze = node.option("options", "analyze").is_some_and(|option| {
            let said = option.node("arg").and_then(Node::constant);
            let said = said.map(|it| it.to_ascii_lowercase());
            !matches!(said.as_deref(), Some("false" | "off" | "0" | "no" | "f" | "n"))
        });
        if analyze {
            return self.held("explain", node);
        }
        let mut planned = Self::new(self.target);
        planned.walk(node.fields, When::Now)?;
        let kept = planned.finish()?.into_iter().filter(|it| it.effect == Effect::Execute);
        kept.for_each(|operation| self.add(operation));
        self.push("explain", Observe, self.target.resource());
        Ok(())
    }

    /// A statement about another one, which is judged here and now.
    fn held(&mut self, verb: &str, node: Node<'_>) -> Result<(), Unreadable> {
        self.push(verb, Observe, self.target.resource());
        self.walk(node.fields, When::Now)
    }

    /// `EXECUTE` of what was prepared: judged there, if that was here.
    fn execute(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        match self.prepared.contains(node.text("name")) {
            true => self.push("execute", Observe, self.target.resource()),
            false => self.opaque("execute", self.target.resource()),
        }
        self.walk(node.fields, When::Now)
    }

    /// The borders of transactions. A prepared one is somebody else's.
    fn transaction(&mut self, node: Node<'_>) {
        use TransactionStmtKind as Kind;
        let database = self.target.resource();
        match Kind::try_from(node.number("kind")) {
            Ok(
                Kind::TransStmtPrepare
                | Kind::TransStmtCommitPrepared
                | Kind::TransStmtRollbackPrepared
                | Kind::Undefined,
            )
            | Err(_) => self.opaque("prepared_transaction", database),
            Ok(_) => self.push("transaction", Observe, database),
        }
    }

    /// What a statement about an object of any kind calls it.
    pub(super) fn object(&self, kind: ObjectType, node: Node<'_>) -> holdpoint_core::Resource {
        let name = match node.name {
            "List" => node.path("items").join("."),
            "TypeName" => node.path("names").join("."),
            "ObjectWithArgs" => node.path("objname").join("."),
            _ => node.text("sval").to_owned(),
        };
        match kind {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
                if !name.contains('.') =>
            {
                self.target.within(&format!("public.{name}"))
            }
            _ => self.target.within(&name),
        }
    }
}

/// What a definition does that may take an older one's place.
fn replacing(node: Node<'_>) -> Effect {
    if node.flag("replace") { Modify } else { Create }
}

#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    PLAIN.is_sorted_by_key(|row| row.0)
}
