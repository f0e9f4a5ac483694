//! What a server sends, as far as whoever stands in between has to read it, and what they say in a
//! server's place.

use bytes::{BufMut, Bytes, BytesMut};

use super::fields::{Fields, truncated};
use crate::Unreadable;

/// Columns of a row.
const COLUMNS_MAX: u16 = 1664;

/// How far a login has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// It is over, and well.
    Ok,
    /// The password is asked for as it is.
    Cleartext,
    /// A hash of it is asked for that anybody who sees it can use again.
    Md5,
    /// One of these mechanisms is to be chosen.
    Sasl(Vec<String>),
    /// A step of the chosen one.
    SaslContinue(Bytes),
    /// Its last step.
    SaslFinal(Bytes),
    /// Something else.
    Other(u32),
}

/// Reads an `Authentication…` message.
pub fn authentication(body: Bytes) -> Result<Authentication, Unreadable> {
    let mut fields = Fields::new(body);
    Ok(match fields.long()? {
        0 => Authentication::Ok,
        3 => Authentication::Cleartext,
        5 => Authentication::Md5,
        10 => {
            let mut names = Vec::new();
            loop {
                let name = fields.text()?;
                if name.is_empty() {
                    break Authentication::Sasl(names);
                }
                names.push(name);
            }
        }
        11 => Authentication::SaslContinue(fields.rest()),
        12 => Authentication::SaslFinal(fields.rest()),
        other => Authentication::Other(other),
    })
}

/// Reads `BackendKeyData`: the process, and what proves the right to cancel what it does.
pub fn key_data(body: Bytes) -> Result<(u32, Bytes), Unreadable> {
    let mut fields = Fields::new(body);
    Ok((fields.long()?, fields.rest()))
}

/// Reads `ParameterStatus`: a setting and its value.
pub fn parameter_status(body: Bytes) -> Result<(String, String), Unreadable> {
    let mut fields = Fields::new(body);
    let pair = (fields.text()?, fields.text()?);
    fields.end().map(|()| pair)
}

/// Reads `DataRow`, whose values are text.
pub fn data_row(body: Bytes) -> Result<Vec<Option<String>>, Unreadable> {
    let mut fields = Fields::new(body);
    let columns = u16::try_from(fields.short()?).ok().filter(|count| *count <= COLUMNS_MAX);
    let columns = columns.ok_or_else(truncated)?;
    let each = (0..columns).map(|_| {
        let value = fields.value()?;
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    });
    each.collect()
}

/// What an `ErrorResponse` or a notice says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerError {
    /// `ERROR`, `FATAL` or `PANIC`.
    pub severity: String,
    /// SQLSTATE.
    pub state: String,
    /// The message.
    pub message: String,
}

/// Reads an `ErrorResponse`.
pub fn error(body: Bytes) -> Result<ServerError, Unreadable> {
    let mut fields = Fields::new(body);
    let mut error = ServerError::default();
    loop {
        match fields.byte()? {
            0 => return Ok(error),
            b'V' => error.severity = fields.text()?,
            b'C' => error.state = fields.text()?,
            b'M' => error.message = fields.text()?,
            _ => drop(fields.text()?),
        }
    }
}

/// A message with its first byte and its length.
pub fn framed(tag: u8, body: &[u8]) -> Bytes {
    let mut packet = BytesMut::with_capacity(body.len() + 5);
    packet.put_u8(tag);
    packet.put_u32(u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX));
    packet.put_slice(body);
    packet.freeze()
}

/// `Authentication…` with this code.
pub fn say_authentication(code: u32, rest: &[u8]) -> Bytes {
    framed(b'R', &[&code.to_be_bytes(), rest].concat())
}

/// `ParameterStatus`.
pub fn say_parameter(name: &str, value: &str) -> Bytes {
    framed(b'S', &[name.as_bytes(), &[0], value.as_bytes(), &[0]].concat())
}

/// `BackendKeyData`.
pub fn say_key_data(process: u32, key: &[u8]) -> Bytes {
    framed(b'K', &[&process.to_be_bytes(), key].concat())
}

/// `ReadyForQuery`, in this status.
pub fn say_ready(status: u8) -> Bytes {
    framed(b'Z', &[status])
}

/// `CommandComplete`.
pub fn say_complete(tag: &str) -> Bytes {
    framed(b'C', &[tag.as_bytes(), &[0]].concat())
}

/// An `ErrorResponse` or, with `N`, a notice.
pub fn say_error(tag: u8, severity: &str, state: &str, message: &str) -> Bytes {
    let mut fields = BytesMut::new();
    for (name, value) in [(b'S', severity), (b'V', severity), (b'C', state), (b'M', message)] {
        fields.put_u8(name);
        fields.extend(value.bytes().filter(|byte| *byte != 0));
        fields.put_u8(0);
    }
    fields.put_u8(0);
    framed(tag, &fields)
}
