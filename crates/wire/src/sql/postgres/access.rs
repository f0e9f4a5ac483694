//! Roles and privileges.

use holdpoint_core::Effect::{Create, GrantAccess, MintCredential, Modify};
use pg_query::protobuf::RoleStmtType;

use super::{Script, tree::Node};

impl Script<'_> {
    /// `GRANT` and `REVOKE`, of privileges and of roles.
    pub(super) fn grant(&mut self, node: Node<'_>) {
        let (verb, effect) = match node.flag("is_grant") {
            true => ("grant", GrantAccess),
            false => ("revoke", Modify),
        };
        let mut tables = node.list("objects").filter(|it| it.name == "RangeVar").peekable();
        if tables.peek().is_none() {
            self.push(verb, effect, self.target.resource());
        }
        for table in tables {
            self.push(verb, effect, self.relation(table));
        }
    }

    /// `CREATE ROLE`, `USER`, `GROUP` and their `ALTER`.
    pub(super) fn role(&mut self, node: Node<'_>) {
        let creates = node.name == "CreateRoleStmt";
        let name = match node.part("role", "RoleSpec") {
            Some(role) => role.text("rolename"),
            None => node.text("role"),
        };
        let resource = self.target.within(&format!("role {name}"));
        let user = node.number("stmt_type") == RoleStmtType::RolestmtUser as i32;
        let verb = if creates { "create_role" } else { "alter_role" };
        let options: Vec<&str> = node.list("options").map(|it| it.text("defname")).collect();
        if options.contains(&"password") || options.contains(&"canlogin") || (creates && user) {
            self.push(verb, MintCredential, resource.clone());
        }
        // What a role is given, and everything that changes one that exists.
        let harmless =
            ["inherit", "connectionlimit", "validUntil", "password", "canlogin", "sysid"];
        let gives = options.iter().any(|option| !harmless.contains(option));
        match (creates, gives) {
            (true, false) => self.push(verb, Create, resource),
            _ => self.push(verb, GrantAccess, resource),
        }
    }
}
