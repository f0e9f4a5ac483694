//! The message: statements that are judged together, with their values, and what is sent for them.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use holdpoint_core::{Digest, Message, Operation, policy::Changes};
use holdpoint_wire::{Unreadable, sql::statements::Kind};
use serde::{Deserialize, Serialize};

use super::{
    definitions::Definitions, meaning::Gone, own::Own, preimage::KeptAs, reading::Reading,
    saved::Saved, sequences::Sequence, written::Compared,
};
use crate::point::Release;

/// Statements that are judged together.
#[derive(Debug)]
pub(super) struct Script {
    /// The database and the role in it.
    pub(super) database: Arc<str>,
    /// What is run.
    pub(super) statements: Vec<Bound>,
    /// What is done with them now.
    pub(super) step: Step,
    /// What is sent, as it came.
    pub(super) frames: Bytes,
    /// The gateway's own statements around it.
    pub(super) before: Vec<Own>,
    pub(super) after: Vec<Own>,
    /// Whether a human released it.
    pub(super) release: Option<Release>,
    /// Why nobody can read it.
    pub(super) unreadable: Option<(String, Unreadable)>,
}

/// What is done with the statements of a script.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// They are run in a transaction whose end is judged by what they changed. Until then nothing
    /// counts, and nobody sees it.
    Rehearse,
    /// They are run, and count at once.
    Run,
    /// The transaction that they were run in ends, for good.
    Commit(Box<Measured>),
}

/// What a transaction would change by its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    /// The numbers.
    pub(super) changes: Changes,
    /// What they mean.
    pub(super) operations: Vec<Operation>,
    /// In words for a human.
    pub(super) text: String,
    /// Tables with rows to be saved.
    pub(super) lost: Vec<Table>,
    /// Tables with new rows that can be looked at.
    pub(super) written: Vec<Table>,
    /// Its statements, which say where they look for rows.
    pub(super) ran: Vec<Bound>,
    /// What of them is compared at a release.
    pub(super) compared: Vec<Compared>,
    /// Relations whose rows cannot be read any more before the transaction is over.
    pub(super) gone: Vec<Gone>,
    /// Tables of its own that nobody else can read until it ends.
    pub(super) locked: Vec<u32>,
    /// Relations that lose a column, or what was in it.
    pub(super) columns: Vec<Gone>,
    /// What was saved of them.
    pub(super) saved: Option<Saved>,
    /// What is dropped beside tables.
    pub(super) definitions: Definitions,
    /// Sequences that are dropped, or begin anew.
    pub(super) sequences: Vec<Sequence>,
    /// The catalogue is changed.
    pub(super) structure: bool,
    /// The transaction's number.
    pub(super) xid: String,
    /// The search path at its end.
    pub(super) search_path: String,
    /// What it sees of others, as PostgreSQL calls it.
    pub(super) isolation: String,
}

impl Measured {
    /// The tables whose rows can be looked at.
    pub(super) fn tables(&self) -> Vec<Table> {
        let written =
            self.written.iter().filter(|it| !self.lost.iter().any(|lost| lost.oid == it.oid));
        self.lost.iter().chain(written).cloned().collect()
    }

    /// Whether all that is lost could be saved: nobody can save what is hidden from them.
    pub(super) fn is_savable(&self) -> bool {
        let nothing_whole =
            self.gone.is_empty() && self.columns.is_empty() && self.definitions.is_empty();
        (nothing_whole || self.saved.is_some())
            && self.definitions.is_savable()
            && !self.lost.iter().any(|it| it.hidden)
    }
}

/// A table, with how many rows a transaction changed in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) deleted: u64,
    /// It has a primary key.
    pub(super) keyed: bool,
    /// Tables whose rows take rows of this one with them.
    pub(super) follows: Vec<u32>,
    /// A policy of the database's own hides rows of it from the role, or all of it is.
    pub(super) hidden: bool,
    /// The partitioned table that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<u32>,
    /// What others call it, schema and name, where the transaction gives it another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<(String, String)>,
    /// Rows updated and deleted of a table that nobody else knows yet; they count for nothing.
    #[serde(skip)]
    pub(super) made: (u64, u64),
}

impl Table {
    /// The same table as others call it.
    pub(super) fn as_seen(&self) -> Self {
        let (schema, name) =
            self.seen.clone().unwrap_or_else(|| (self.schema.clone(), self.name.clone()));
        Self { schema, name, ..self.clone() }
    }
}

/// A statement with the values of its parameters.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) reading: Arc<Reading>,
    pub(super) values: Values,
}

/// How a statement was sent, so that it can be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Values {
    /// It came in one message, with nothing to fill in.
    pub(super) simple: bool,
    /// The types of its parameters, by OID.
    pub(super) types: Vec<u32>,
    /// What follows the names in `Bind`.
    pub(super) bind: Bytes,
    /// Rows that the client copied in.
    pub(super) copied: Option<Bytes>,
    /// Not all of it is here: it cannot be sent again.
    pub(super) partial: bool,
}

impl Script {
    /// Statements to be run, in `frames`.
    pub(super) fn new(
        database: &Arc<str>,
        statements: Vec<Bound>,
        step: Step,
        frames: Bytes,
    ) -> Self {
        let database = Arc::clone(database);
        let (before, after) = (Vec::new(), Vec::new());
        Self { database, statements, step, frames, before, after, release: None, unreadable: None }
    }

    /// A text that nobody can read.
    pub(super) fn unreadable(database: &Arc<str>, text: &str, why: Unreadable) -> Self {
        let script = Self::new(database, Vec::new(), Step::Run, Bytes::new());
        Self { unreadable: Some((text.to_owned(), why)), ..script }
    }

    /// What a human releases: these statements of this agent at this database, whatever they turn
    /// out to change. What they do change is the state that the release is for.
    pub(super) fn asked(&self, agent: &str, run: &str) -> Digest {
        let fields: Vec<Vec<u8>> = ["postgres", agent, run]
            .into_iter()
            .map(|text| text.as_bytes().to_vec())
            .chain(self.fields())
            .collect();
        Digest::of_fields(fields.iter().map(Vec::as_slice))
    }

    /// What was counted, where it was.
    pub(super) fn measured(&self) -> Option<&Measured> {
        match &self.step {
            Step::Commit(measured) => Some(measured),
            Step::Rehearse | Step::Run => None,
        }
    }

    fn fields(&self) -> Vec<Vec<u8>> {
        let mut fields = vec![self.database.as_bytes().to_vec()];
        fields.extend(self.unreadable.iter().map(|(text, _)| text.clone().into_bytes()));
        for Bound { reading, values } in &self.statements {
            fields.push(reading.text.clone().into_bytes());
            fields.push(format!("{} {:?}", values.simple, values.types).into_bytes());
            fields.push(values.bind.to_vec());
            fields.push(values.copied.as_deref().unwrap_or_default().to_vec());
        }
        fields
    }
}

impl Message for Script {
    fn digest(&self) -> Digest {
        let step: &[u8] = match &self.step {
            Step::Rehearse => b"rehearse",
            Step::Run => b"run",
            Step::Commit(_) => b"commit",
        };
        let mut fields = self.fields();
        fields.push(step.to_vec());
        if let Some(measured) = self.measured() {
            fields.push(format!("{:?}", measured.changes).into_bytes());
        }
        Digest::of_fields(fields.iter().map(Vec::as_slice))
    }
}

/// Statements as they are kept for a human, and run again once they are released.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredScript {
    /// The database, as it is configured.
    pub(super) postgres: String,
    /// In a transaction, or by itself.
    pub(super) alone: bool,
    /// The search path that names were looked up in.
    pub(super) search_path: String,
    /// What its transaction sees of others.
    #[serde(default)]
    pub(super) isolation: String,
    /// What the session began with.
    pub(super) options: Vec<(String, String)>,
    /// What they write that is compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) compared: Vec<Compared>,
    /// The statements in their order.
    pub(super) statements: Vec<StoredStatement>,
}

/// One of them; bytes are in base64.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredStatement {
    pub(super) text: String,
    pub(super) simple: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) types: Vec<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) bind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copied: Option<String>,
}

impl Bound {
    /// Whether it says what its transaction may do and see: another one is opened so at once.
    pub(super) fn says_how_to_begin(&self) -> bool {
        self.reading.kind == Kind::Characteristics
    }
}

impl StoredStatement {
    /// The statement as it is kept; none if it is not all here.
    pub(super) fn of(bound: &Bound) -> Option<Self> {
        let Values { simple, types, bind, copied, partial } = &bound.values;
        (!partial).then(|| Self {
            text: bound.reading.text.clone(),
            simple: *simple,
            types: types.clone(),
            bind: STANDARD.encode(bind),
            copied: copied.as_ref().map(|bytes| STANDARD.encode(bytes)),
        })
    }

    /// The values that were kept.
    pub(super) fn values(&self) -> Option<Values> {
        let copied = self.copied.as_ref().map(|text| STANDARD.decode(text)).transpose().ok()?;
        let bind = STANDARD.decode(&self.bind).ok()?.into();
        let (simple, types) = (self.simple, self.types.clone());
        Some(Values { simple, types, bind, copied: copied.map(Bytes::from), partial: false })
    }
}

/// What is kept of a script that was run, for whoever asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredAnswer {
    /// What the server said to its last statement, in base64.
    pub(super) said: String,
    /// The rows as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<KeptAs>,
}

/// The pre-image that belongs to an answer that was kept.
pub fn kept_with(answer: &[u8]) -> Option<String> {
    serde_json::from_slice::<StoredAnswer>(answer).ok()?.kept.map(|kept| kept.id)
}

/// What a human is shown of the statements that a release would run; none if these bytes are not
/// statements.
pub(crate) fn shown(stored: &[u8]) -> Option<String> {
    let stored: StoredScript = serde_json::from_slice(stored).ok()?;
    let plain =
        |text: &str| text.chars().take(2000).flat_map(char::escape_debug).collect::<String>();
    let lines = stored.statements.iter().map(|statement| {
        let values = if statement.simple { "" } else { " (with values)" };
        format!("\n{}{values}", plain(&statement.text))
    });
    Some(format!("{}{}", plain(&stored.postgres), lines.collect::<String>()))
}
