//! SQL: what the statements of a text would do, by their text alone. What a database does by
//! itself (triggers, cascades, rules, what a view or a function hides) no text shows: only a
//! gateway that measures sees it.
//!
//! - [`target`]: the database that a text goes to
//! - [`postgres`]: PostgreSQL, read with its own grammar
//! - [`statements`]: its statements one by one, for who owns the transaction
//! - `at_once`: what of them no transaction takes back
//! - [`shape`]: what statements have in common that mean the same
//! - [`psql`]: scripts of PostgreSQL's terminal, with the commands that are its own
//! - [`plain`]: other databases, read by their words
//! - [`protocol`]: PostgreSQL's messages, for who stands between a client and a server

mod at_once;
pub mod plain;
pub mod postgres;
pub mod protocol;
pub mod psql;
pub mod shape;
pub mod statements;
pub mod target;

use holdpoint_core::Operation;

pub use at_once::is_at_once;
pub use target::{Dialect, Target};

use crate::Unreadable;

/// Bytes of one text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Different operations of one text.
pub const OPERATIONS_MAX: usize = 1000;

/// What `text` would do to `target`, never empty.
pub fn interpret(text: &str, target: &Target) -> Result<Vec<Operation>, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Unreadable::over_limit(format!(
            "the statements are longer than {TEXT_BYTES_MAX} bytes; send fewer at once"
        )));
    }
    if text.contains('\0') {
        return Err(Unreadable::new("a NUL byte stands in the statements; send them without it"));
    }
    match target.dialect() {
        Dialect::Postgres => postgres::interpret(text, target),
        dialect => plain::interpret(text, dialect, target),
    }
}

/// What stands for operations that are not told apart any further.
fn too_many() -> Unreadable {
    Unreadable::over_limit(format!(
        "the statements are more than {OPERATIONS_MAX} different operations; send fewer at once"
    ))
}

#[cfg(test)]
mod tests;
