//! Branches and loops: every way is read, and what the ways disagree about is unknown.

use tree_sitter::Node;

use super::{
    ROUNDS_MAX, Session, children, name_of, slice,
    value::{self, Value, Values},
};
use crate::Unreadable;

impl Session<'_, '_> {
    /// Each block of a statement from the same state; what they disagree about is unknown.
    pub(super) fn ways(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let mut values = Values::new();
        let item = self.variables.get("_").cloned();
        if matches!(node.kind(), "switch_statement" | "try_statement" | "trap_statement") {
            self.variables.insert("_".to_owned(), value::unknown());
        }
        for child in children(node) {
            if child.kind().ends_with("_block") {
                values.extend(self.way(child, text)?);
            } else if child.kind().contains("clause") || child.kind() == "switch_body" {
                values.extend(self.ways(child, text)?);
            } else {
                values.extend(self.node(child, text)?);
            }
            value::cut(&mut values);
        }
        if let Some(item) = item {
            self.variables.insert("_".to_owned(), item);
        }
        Ok(values)
    }

    /// A block that may be run or not.
    fn way(&mut self, block: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let (before, scope) = (self.variables.clone(), self.scope.clone());
        self.branches += 1;
        let values = self.statements(block, text);
        self.branches -= 1;
        for (name, now) in &mut self.variables {
            if before.get(name) != Some(now) {
                *now = value::unknown();
            }
        }
        *self.scope = self.scope.clone().joined(scope);
        values
    }

    /// A loop: what a round changes, the next begins with.
    pub(super) fn rounds(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let before = self.variables.clone();
        let values = self.ways(node, text)?;
        if self.variables == before {
            return Ok(values);
        }
        self.ways(node, text)
    }

    /// `foreach ($x in …) { … }`.
    pub(super) fn each(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let find = |kind: &str| parts.iter().find(|it| it.kind() == kind).copied();
        let name = find("variable").map(|it| name_of(slice(it, text))).unwrap_or_default();
        let all = match find("pipeline") {
            Some(pipeline) => self.node(pipeline, text)?,
            None => value::unknown(),
        };
        let Some(block) = find("statement_block") else { return Ok(self.unmodelled()) };
        let mut values = Values::new();
        for one in in_turn(&all) {
            let before = self.variables.clone();
            self.variables.insert(name.clone(), vec![one.clone()]);
            values.extend(self.way(block, text)?);
            // What this round has changed, another begins with.
            let changed = self
                .variables
                .iter()
                .any(|(own, now)| *own != name && before.get(own).is_some_and(|was| was != now));
            if changed {
                self.variables.insert(name.clone(), vec![one]);
                values.extend(self.way(block, text)?);
            }
            value::cut(&mut values);
        }
        Ok(values)
    }
}

/// The values that a loop goes through: of a list that says nothing, or is too long, one that
/// nobody knows stands for the rest.
pub(super) fn in_turn(all: &[Value]) -> Values {
    let mut turns: Values = all.iter().take(ROUNDS_MAX).cloned().collect();
    if all.is_empty() || all.len() > ROUNDS_MAX {
        turns.extend(value::unknown());
    }
    turns
}
