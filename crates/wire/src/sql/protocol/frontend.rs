//! What a client sends once its connection has begun.

use bytes::Bytes;

use super::fields::Fields;
use crate::Unreadable;

/// A statement or a portal, in `Describe` and `Close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A prepared statement.
    Statement,
    /// A statement with its values.
    Portal,
}

/// A message of a client, by the names of PostgreSQL's manual (chapter "Message Formats").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frontend {
    /// Statements to be run at once.
    Query(String),
    /// A statement to be prepared.
    Parse {
        /// Its name; empty for the one that has none.
        name: String,
        /// Its text.
        text: String,
        /// The types of its parameters, by OID.
        types: Vec<u32>,
    },
    /// Values for a prepared statement.
    Bind {
        /// The name of what comes of it.
        portal: String,
        /// The statement's name.
        statement: String,
        /// Whether each value is binary.
        formats: Vec<i16>,
        /// The values.
        values: Vec<Option<Bytes>>,
        /// Whether each column of the answer is to be binary.
        answers: Vec<i16>,
    },
    /// Asks what a statement or a portal takes and gives.
    Describe(Named, String),
    /// Runs a portal.
    Execute {
        /// Its name.
        portal: String,
        /// Rows to be answered at once, 0 for all. It does not limit what is changed.
        rows: u32,
    },
    /// Forgets a statement or a portal.
    Close(Named, String),
    /// Ends a series of messages.
    Sync,
    /// Asks for what has been answered so far.
    Flush,
    /// A piece of what is copied.
    CopyData(Bytes),
    /// All is copied.
    CopyDone,
    /// The copy is given up.
    CopyFail(String),
    /// A function, called by its OID without a statement.
    FunctionCall {
        /// Which.
        oid: u32,
        /// Its arguments.
        arguments: Vec<Option<Bytes>>,
    },
    /// A part of the login.
    Login(Bytes),
    /// The end.
    Terminate,
}

impl Frontend {
    /// Reads a message: its first byte, and what follows its length.
    pub fn read(tag: u8, body: Bytes) -> Result<Self, Unreadable> {
        let mut fields = Fields::new(body);
        let message = match tag {
            b'Q' => Self::Query(fields.text()?),
            b'P' => Self::Parse {
                name: fields.text()?,
                text: fields.text()?,
                types: fields.counted(Fields::long)?,
            },
            b'B' => bind(&mut fields)?,
            b'D' => Self::Describe(named(&mut fields)?, fields.text()?),
            b'E' => Self::Execute { portal: fields.text()?, rows: fields.long()? },
            b'C' => Self::Close(named(&mut fields)?, fields.text()?),
            b'S' => Self::Sync,
            b'H' => Self::Flush,
            b'd' => Self::CopyData(fields.rest()),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(fields.text()?),
            b'F' => function_call(&mut fields)?,
            b'p' => Self::Login(fields.rest()),
            b'X' => Self::Terminate,
            _ => return Err(Unreadable::new("the connection sends a message of no known kind")),
        };
        fields.end()?;
        Ok(message)
    }
}

fn bind(fields: &mut Fields) -> Result<Frontend, Unreadable> {
    Ok(Frontend::Bind {
        portal: fields.text()?,
        statement: fields.text()?,
        formats: fields.counted(Fields::short)?,
        values: fields.counted(Fields::value)?,
        answers: fields.counted(Fields::short)?,
    })
}

fn function_call(fields: &mut Fields) -> Result<Frontend, Unreadable> {
    let oid = fields.long()?;
    fields.counted(Fields::short)?;
    let arguments = fields.counted(Fields::value)?;
    fields.short()?;
    Ok(Frontend::FunctionCall { oid, arguments })
}

fn named(fields: &mut Fields) -> Result<Named, Unreadable> {
    match fields.byte()? {
        b'S' => Ok(Named::Statement),
        b'P' => Ok(Named::Portal),
        _ => Err(Unreadable::new("a message names neither a statement nor a portal")),
    }
}
