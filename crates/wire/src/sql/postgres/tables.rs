//! `ALTER TABLE`, one part at a time, and what is dropped.

use holdpoint_core::Effect::{
    self, Create, Destroy, Execute, GrantAccess, Modify, Remove, WeakenRecovery,
};
use pg_query::protobuf::{AlterTableType as Part, DropBehavior, ObjectType as Kind};

use super::{Script, When, tree::Node};
use crate::Unreadable;

/// Types that hold whatever an older type of the column held.
const WIDE: [&str; 3] = ["int8", "text", "varchar"];

impl Script<'_> {
    /// `ALTER TABLE`, and the same for indexes, views and sequences.
    pub(super) fn alter_table(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let table = self.its_relation(node);
        for command in node.list("cmds") {
            match Part::try_from(command.number("subtype")) {
                Ok(part) => {
                    let (verb, effect) = altered(part, command);
                    match effect {
                        Execute => self.opaque(verb, table.clone()),
                        _ => self.push(verb, effect, table.clone()),
                    }
                }
                Err(_) => self.opaque("alter_table", table.clone()),
            }
        }
        self.walk(node.fields, When::Later)
    }

    /// `DROP`, by what is dropped.
    pub(super) fn drop(&mut self, node: Node<'_>) {
        let kind = Kind::try_from(node.number("remove_type")).unwrap_or(Kind::Undefined);
        let cascades = node.number("behavior") == DropBehavior::DropCascade as i32;
        let (verb, effect) = dropped(kind, cascades);
        for object in node.list("objects") {
            let resource = self.object(kind, object);
            self.push(verb, effect, resource);
        }
    }
}

/// What one part of `ALTER TABLE` does.
fn altered(part: Part, command: Node<'_>) -> (&'static str, Effect) {
    match part {
        Part::AtAddColumn | Part::AtAddColumnToView => ("add_column", Create),
        Part::AtAddConstraint | Part::AtAddIndex | Part::AtAddIndexConstraint => {
            ("add_constraint", Create)
        }
        Part::AtDropColumn => ("drop_column", Destroy),
        Part::AtDropConstraint => ("drop_constraint", Remove),
        Part::AtAlterColumnType => ("alter_column_type", retyped(command)),
        Part::AtSetUnLogged => ("set_unlogged", WeakenRecovery),
        Part::AtDetachPartition | Part::AtDetachPartitionFinalize => ("detach_partition", Modify),
        Part::AtChangeOwner => ("change_owner", GrantAccess),
        Part::AtDisableRowSecurity | Part::AtNoForceRowSecurity => {
            ("disable_row_security", GrantAccess)
        }
        Part::AtDisableTrig
        | Part::AtDisableTrigAll
        | Part::AtDisableTrigUser
        | Part::AtEnableReplicaTrig => ("disable_trigger", WeakenRecovery),
        Part::AtDisableRule | Part::AtEnableReplicaRule => ("disable_rule", WeakenRecovery),
        Part::AtEnableRule | Part::AtEnableAlwaysRule => ("enable_rule", Modify),
        Part::AtEnableTrig
        | Part::AtEnableAlwaysTrig
        | Part::AtEnableTrigAll
        | Part::AtEnableTrigUser => ("enable_trigger", Modify),
        Part::AtDropExpression | Part::AtSetExpression => ("alter_expression", Modify),
        Part::AtColumnDefault | Part::AtCookedColumnDefault => ("alter_default", Modify),
        Part::AtDropNotNull
        | Part::AtSetNotNull
        | Part::AtValidateConstraint
        | Part::AtAlterConstraint => ("alter_constraint", Modify),
        Part::AtAttachPartition => ("attach_partition", Modify),
        Part::AtEnableRowSecurity | Part::AtForceRowSecurity => ("enable_row_security", Modify),
        Part::AtSetStatistics
        | Part::AtSetOptions
        | Part::AtResetOptions
        | Part::AtSetStorage
        | Part::AtSetCompression
        | Part::AtAlterColumnGenericOptions
        | Part::AtClusterOn
        | Part::AtDropCluster
        | Part::AtSetLogged
        | Part::AtDropOids
        | Part::AtSetAccessMethod
        | Part::AtSetTableSpace
        | Part::AtSetRelOptions
        | Part::AtResetRelOptions
        | Part::AtReplaceRelOptions
        | Part::AtAddInherit
        | Part::AtDropInherit
        | Part::AtAddOf
        | Part::AtDropOf
        | Part::AtReplicaIdentity
        | Part::AtGenericOptions
        | Part::AtAddIdentity
        | Part::AtSetIdentity
        | Part::AtDropIdentity => ("alter_table", Modify),
        // Never in a text: the server makes them for itself.
        Part::Undefined
        | Part::AtReAddIndex
        | Part::AtReAddConstraint
        | Part::AtReAddDomainConstraint
        | Part::AtReAddComment
        | Part::AtReAddStatistics => ("alter_table", Execute),
    }
}

/// A new type for a column: only a wide one without a conversion surely keeps what was there.
fn retyped(command: Node<'_>) -> Effect {
    let column = command.node("def");
    let converted = column.and_then(|it| it.node("raw_default")).is_some();
    let new = column.and_then(|it| it.part("type_name", "TypeName"));
    let wide = new.is_some_and(|new| {
        let limited = new.list("typmods").next().is_some();
        let array = new.list("array_bounds").next().is_some();
        let name = new.path("names").pop().unwrap_or_default();
        !limited && !array && WIDE.binary_search(&name).is_ok()
    });
    if wide && !converted { Modify } else { Destroy }
}

/// What dropping an object of a kind does. What cascades may reach columns and tables.
fn dropped(kind: Kind, cascades: bool) -> (&'static str, Effect) {
    let own = match kind {
        Kind::ObjectTable => ("drop_table", Destroy),
        Kind::ObjectSchema => ("drop_schema", Destroy),
        Kind::ObjectMatview => ("drop_materialized_view", Destroy),
        Kind::ObjectExtension => ("drop_extension", Destroy),
        Kind::ObjectSequence => ("drop_sequence", Destroy),
        Kind::ObjectColumn => ("drop_column", Destroy),
        Kind::ObjectPublication => ("drop_publication", WeakenRecovery),
        Kind::ObjectSubscription => ("drop_subscription", WeakenRecovery),
        Kind::ObjectEventTrigger => ("drop_event_trigger", WeakenRecovery),
        Kind::ObjectPolicy => ("drop_policy", GrantAccess),
        Kind::ObjectIndex => return ("drop_index", Remove),
        Kind::ObjectTrigger => return ("drop_trigger", Remove),
        Kind::ObjectRule => return ("drop_rule", Remove),
        Kind::ObjectView => ("drop_view", Remove),
        Kind::ObjectForeignTable => ("drop_foreign_table", Remove),
        Kind::ObjectFunction | Kind::ObjectProcedure | Kind::ObjectRoutine => {
            ("drop_function", Remove)
        }
        Kind::ObjectType | Kind::ObjectDomain => ("drop_type", Remove),
        Kind::Undefined => ("drop", Destroy),
        _ => ("drop_object", Remove),
    };
    if cascades { (own.0, own.1.max(Destroy)) } else { own }
}
