//! The first packet of a connection: a request for encryption, for the cancelling of a query, or
//! the start, whose options are an allow-list, as some of them change how statements are read.

use bytes::Bytes;

use super::fields::{Fields, truncated};
use crate::Unreadable;

/// Bytes of a first packet, as in PostgreSQL itself.
pub const STARTUP_BYTES_MAX: usize = 10_000;

/// Codes in the place of a version.
const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const VERSION_3_0: u32 = 196_608;
const VERSION_3_2: u32 = 196_610;

/// Options that change how values are shown or how long things take. In lower case, sorted.
const OPTIONS: &[&str] = &[
    "application_name",
    "database",
    "datestyle",
    "extra_float_digits",
    "fallback_application_name",
    "idle_in_transaction_session_timeout",
    "intervalstyle",
    "lock_timeout",
    "search_path",
    "statement_timeout",
    "timezone",
    "user",
];

/// What a connection begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// TLS is asked for.
    Ssl,
    /// Encryption by GSSAPI is asked for.
    Gss,
    /// A query of another connection is to be cancelled.
    Cancel {
        /// Of that connection.
        process: u32,
        /// What that connection was told to prove it with.
        key: Bytes,
    },
    /// A session.
    Session {
        /// The last part of the version: 0 or 2.
        minor: u16,
        /// The user, never empty.
        user: String,
        /// The database; the user's name, if nobody said.
        database: String,
        /// All options, names as they were sent.
        options: Vec<(String, String)>,
    },
}

/// Reads a first packet, without its length.
pub fn read(packet: Bytes) -> Result<Startup, Unreadable> {
    if packet.len() > STARTUP_BYTES_MAX {
        return Err(Unreadable::over_limit("the connection begins with too long a packet"));
    }
    let mut fields = Fields::new(packet);
    match fields.long()? {
        SSL => fields.end().map(|()| Startup::Ssl),
        GSS => fields.end().map(|()| Startup::Gss),
        CANCEL => {
            let (process, key) = (fields.long()?, fields.rest());
            // 4 bytes in version 3.0, up to 256 since 3.2.
            let proper = (4..=256).contains(&key.len());
            proper.then_some(Startup::Cancel { process, key }).ok_or_else(truncated)
        }
        VERSION_3_0 => session(&mut fields, 0),
        VERSION_3_2 => session(&mut fields, 2),
        _ => {
            Err(Unreadable::new("the connection begins with an unknown version; speak 3.0 or 3.2"))
        }
    }
}

fn session(fields: &mut Fields, minor: u16) -> Result<Startup, Unreadable> {
    let mut options: Vec<(String, String)> = Vec::new();
    loop {
        let name = fields.text()?;
        if name.is_empty() {
            break;
        }
        let value = fields.text()?;
        allow(&name, &value)?;
        if options.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            return Err(Unreadable::new(format!("the option `{name}` is given twice; give one")));
        }
        options.push((name, value));
    }
    fields.end()?;
    let said = |wanted: &str| {
        let found = options.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    let user = said("user").ok_or_else(|| Unreadable::new("the connection names no user"))?;
    let database = said("database").unwrap_or_else(|| user.clone());
    Ok(Startup::Session { minor, user, database, options })
}

/// Whether an option may be sent on.
fn allow(name: &str, value: &str) -> Result<(), Unreadable> {
    let lower = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
    let fine = match (lower.0.as_str(), lower.1.as_str()) {
        ("client_encoding", encoding) => {
            matches!(encoding.trim_matches('\''), "utf8" | "utf-8" | "unicode")
        }
        ("replication", says) => matches!(says, "false" | "off" | "no" | "0"),
        ("standard_conforming_strings", says) => says == "on",
        ("options", says) => says.trim().is_empty(),
        (name, _) => OPTIONS.binary_search(&name).is_ok(),
    };
    match fine {
        true => Ok(()),
        false => Err(Unreadable::new(format!(
            "the connection begins with the option `{}`, which could change what statements \
             mean; connect without it",
            name.chars().take(60).flat_map(char::escape_debug).collect::<String>()
        ))),
    }
}
