//! Blocks of code whose text is there: `DO`, in PL/pgSQL.

use pg_query::ParserOptions;
use serde_json::Value;

use super::{NESTING_MAX, Script, When, parse, tree::Node};
use crate::Unreadable;

/// The parser's word for a text that is a whole statement.
const STATEMENT: i64 = 0;

/// The statements and parts of PL/pgSQL that do nothing but by what they hold. Sorted.
const PARTS: &[&str] = &[
    "PLpgSQL_case_when",
    "PLpgSQL_condition",
    "PLpgSQL_diag_item",
    "PLpgSQL_exception",
    "PLpgSQL_exception_block",
    "PLpgSQL_expr",
    "PLpgSQL_function",
    "PLpgSQL_if_elsif",
    "PLpgSQL_nsitem",
    "PLpgSQL_raise_option",
    "PLpgSQL_rec",
    "PLpgSQL_recfield",
    "PLpgSQL_row",
    "PLpgSQL_stmt_assert",
    "PLpgSQL_stmt_assign",
    "PLpgSQL_stmt_block",
    "PLpgSQL_stmt_call",
    "PLpgSQL_stmt_case",
    "PLpgSQL_stmt_close",
    "PLpgSQL_stmt_execsql",
    "PLpgSQL_stmt_exit",
    "PLpgSQL_stmt_fetch",
    "PLpgSQL_stmt_forc",
    "PLpgSQL_stmt_foreach_a",
    "PLpgSQL_stmt_fori",
    "PLpgSQL_stmt_fors",
    "PLpgSQL_stmt_getdiag",
    "PLpgSQL_stmt_if",
    "PLpgSQL_stmt_loop",
    "PLpgSQL_stmt_open",
    "PLpgSQL_stmt_perform",
    "PLpgSQL_stmt_raise",
    "PLpgSQL_stmt_return",
    "PLpgSQL_stmt_return_next",
    "PLpgSQL_stmt_return_query",
    "PLpgSQL_stmt_while",
    "PLpgSQL_type",
    "PLpgSQL_var",
];

impl Script<'_> {
    /// `DO`: what its text does, if that can be read. Without its own text (inside of another
    /// statement) it cannot.
    pub(super) fn block(&mut self, text: &str) -> Result<(), Unreadable> {
        let database = self.target.resource();
        if text.is_empty() || self.nesting >= NESTING_MAX || names_language(text)? {
            self.opaque("do", database);
            return Ok(());
        }
        self.nesting += 1;
        match pg_query::parse_plpgsql(text) {
            Ok(tree) => {
                self.push("do", holdpoint_core::Effect::Observe, database);
                self.code(&tree)?;
            }
            Err(_) => self.opaque("do", database),
        }
        self.nesting -= 1;
        Ok(())
    }

    /// Everything that a block holds.
    fn code(&mut self, value: &Value) -> Result<(), Unreadable> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.code(item)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
                if name == "PLpgSQL_expr" {
                    return self.text(field);
                }
                let part = PARTS.binary_search(&name.as_str()).is_ok();
                if name.starts_with("PLpgSQL_") && !part || name == "dynquery" {
                    self.opaque("dynamic", self.target.resource());
                }
                self.code(field)
            }),
            _ => Ok(()),
        }
    }

    /// One statement or expression within a block.
    fn text(&mut self, field: &Value) -> Result<(), Unreadable> {
        let text = field.get("query").and_then(Value::as_str).unwrap_or_default();
        let mode = field.get("parseMode").and_then(Value::as_i64).unwrap_or(-1);
        let tree = match (mode, i32::try_from(mode)) {
            (STATEMENT, _) => return self.nested(text),
            (_, Ok(mode)) if mode > 0 => parse(text, ParserOptions::from(mode).bits()),
            _ => return Err(Unreadable::new("a block of code is of a kind that is not known")),
        };
        match tree {
            Ok(tree) => self.walk(&tree, When::Now),
            Err(_) => {
                self.opaque("do", self.target.resource());
                Ok(())
            }
        }
    }

    /// A whole statement within a block.
    fn nested(&mut self, text: &str) -> Result<(), Unreadable> {
        self.nesting += 1;
        let read = self.read(text);
        self.nesting -= 1;
        read
    }
}

/// Whether a block is in another language than PL/pgSQL, or in one that is only named.
fn names_language(text: &str) -> Result<bool, Unreadable> {
    let tree = parse(text, 0)?;
    let statement = tree.pointer("/stmts/0/stmt").and_then(Node::of);
    let language = statement.and_then(|block| block.option("args", "language"));
    let language = language.and_then(|option| option.node("arg")).and_then(Node::constant);
    Ok(language.is_some_and(|it| !it.eq_ignore_ascii_case("plpgsql")))
}
