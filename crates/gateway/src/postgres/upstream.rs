//! The server's end of a session: what was judged goes there, and the gateway's own statements.

use std::{collections::HashMap, fmt, io};

use bytes::Bytes;
use holdpoint_core::Authorized;
use holdpoint_wire::sql::protocol::backend::{self, ServerError};
use thiserror::Error;

use super::{
    frame::{Frame, Framed, invalid},
    own::Own,
    script::Script,
    spool::RowPieces,
};
use crate::forward::dial::Wire;

/// Rows of an answer to the gateway's own statements.
const ROWS_MAX: u64 = 100_000;
/// Settings that a server reports.
const PARAMETERS_MAX: usize = 100;
/// From this version on, a server begins to count anew when it is told to.
const COUNTS_ANEW: u32 = 15;
/// From this version on, a server reports whether its session may write.
const REPORTS_READ_ONLY: u32 = 14;
/// What a session that reads is told apart by.
pub(super) const READ_ONLY: &str = "default_transaction_read_only";

/// A session with a server.
pub(super) struct Upstream {
    io: Framed<Box<dyn Wire>>,
    /// What the server says about the session.
    pub(super) parameters: Vec<(String, String)>,
    /// What cancels it.
    pub(super) key: (u32, Bytes),
    /// `I`, `T` or `E`, as of the last time that it was ready.
    pub(super) status: u8,
    /// Messages that prepare, bind or close which the server has said are done.
    pub(super) completed: usize,
    /// The server's version, without what follows the first point.
    version: u32,
    /// What was counted when the open transaction began, by table, where the server does not begin
    /// anew: inserted, updated, deleted.
    carried: HashMap<u32, [u64; 3]>,
    /// Rows are being copied out, and not all have been heard.
    copying: bool,
}

/// Settings by which statements were read, as they have to be whenever one is sent.
const FIXED: [(&str, &str); 3] =
    [(READ_ONLY, "on"), ("standard_conforming_strings", "on"), ("client_encoding", "UTF8")];

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why one of the gateway's own statements has no answer.
#[derive(Debug, Error)]
pub(super) enum OwnError {
    /// The connection is gone.
    #[error("the connection to the server broke: {0}")]
    Io(#[from] io::Error),
    /// The server said no.
    #[error("the server said: {} ({})", .0.message, .0.state)]
    Server(ServerError, Bytes),
    /// There is more than the gateway takes.
    #[error("it is more than {0} bytes or rows")]
    TooLarge(u64),
    /// What it gives cannot be kept.
    #[error("it cannot be kept: {0}")]
    NotKept(String),
    /// Others changed rows while it was looked at which are the transaction's own.
    #[error("somebody else changed rows of the same table while it was looked at; run it again")]
    Meanwhile,
}

impl Upstream {
    pub(super) fn new(io: Framed<Box<dyn Wire>>) -> Self {
        let (parameters, key) = (Vec::new(), (0, Bytes::new()));
        let (version, carried) = (0, HashMap::new());
        let (status, completed, copying) = (b'I', 0, false);
        Self { io, parameters, key, status, completed, version, carried, copying }
    }

    /// What opens a transaction of the gateway's own with this isolation, whose changes are counted
    /// from its beginning.
    pub(super) fn opening(&self, isolation: &str) -> Vec<Own> {
        match self.counts_anew() {
            true => vec![Own::Forget, Own::begin(isolation)],
            false => vec![Own::begin(isolation), Own::Carried],
        }
    }

    /// Whether the server begins to count anew before a transaction; else what it carries along is
    /// read in it.
    pub(super) fn counts_anew(&self) -> bool {
        self.version >= COUNTS_ANEW
    }

    /// Whether the server says when its session could write by itself; else each look has a
    /// transaction of its own in which nothing can be written.
    pub(super) fn reports_read_only(&self) -> bool {
        self.version >= REPORTS_READ_ONLY
    }

    /// What was counted of a table before the open transaction.
    pub(super) fn carried(&self, oid: u32) -> [u64; 3] {
        self.carried.get(&oid).copied().unwrap_or_default()
    }

    /// Sends what was judged: there is no other way for a client's statement.
    pub(super) async fn send(&mut self, authorized: Authorized<Script>) -> io::Result<()> {
        let script = authorized.into_message();
        for own in &script.before {
            self.own(own).await?;
        }
        self.io.put(&script.frames).await?;
        for own in &script.after {
            self.own(own).await?;
        }
        self.io.flush().await
    }

    /// Puts one of the gateway's own statements.
    pub(super) async fn own(&mut self, own: &Own) -> io::Result<()> {
        self.io.put(&own.encoded()).await
    }

    /// Passes on a piece of what the client copies, the end of it, or that it gave up.
    pub(super) async fn copy(&mut self, frame: &Frame) -> io::Result<()> {
        self.io.pass(frame).await
    }

    /// Ends a series of messages.
    pub(super) async fn sync(&mut self) -> io::Result<()> {
        self.io.put(&backend::framed(b'S', &[])).await
    }

    /// Puts messages by which the server forgets what was prepared in vain.
    pub(super) async fn forget(&mut self, closes: &[u8]) -> io::Result<()> {
        self.io.put(closes).await?;
        self.sync().await
    }

    /// Waits until the server has something to say: of what kind, which is not taken.
    pub(super) async fn next_tag(&mut self) -> io::Result<u8> {
        self.io.peek().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Puts a part of the login.
    pub(super) async fn login(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.put(bytes).await?;
        self.io.flush().await
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.io.flush().await
    }

    /// The server's next message.
    pub(super) async fn frame(&mut self) -> io::Result<Frame> {
        let frame = self.io.frame().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match (frame.tag, frame.body.first()) {
            (b'Z', Some(status)) => self.status = *status,
            (b'1' | b'2' | b'3', _) => self.completed += 1,
            _ => {}
        }
        Ok(frame)
    }

    /// Whether something of the server's is here already.
    pub(super) fn has_more(&self) -> bool {
        self.io.has_more()
    }

    /// Runs one of the gateway's own statements, and gives its rows.
    pub(super) async fn rows(&mut self, own: &Own) -> Result<Vec<Row>, OwnError> {
        self.own(own).await?;
        self.flush().await?;
        self.answer_to(own).await
    }

    /// The answer to this one of the gateway's own statements.
    pub(super) async fn answer_to(&mut self, own: &Own) -> Result<Vec<Row>, OwnError> {
        let rows = self.answer().await?;
        match own {
            Own::Forget => self.carried.clear(),
            Own::Carried => {
                let each = rows.iter().filter_map(|row| {
                    let counts = [row.number(1), row.number(2), row.number(3)];
                    Some((row.text(0).parse().ok()?, counts))
                });
                self.carried = each.collect();
            }
            _ => {}
        }
        Ok(rows)
    }

    /// The answer to one of the gateway's own statements.
    pub(super) async fn answer(&mut self) -> Result<Vec<Row>, OwnError> {
        // What the gateway's own statements complete is nobody else's.
        let completed = self.completed;
        let (mut rows, mut failure) = (Vec::new(), None);
        loop {
            let Frame { tag, body } = self.frame().await?;
            self.completed = completed;
            match tag {
                b'D' if (rows.len() as u64) < ROWS_MAX => {
                    rows.push(Row(read(backend::data_row(body))?));
                }
                // Heard to its end, or the next answer would be taken for this one.
                b'D' => failure = Some(OwnError::TooLarge(ROWS_MAX)),
                b'E' => failure = Some(server_error(body)),
                b'S' => self.note(body)?,
                b'Z' => return failure.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Begins to copy rows out by one of the gateway's own statements.
    pub(super) async fn begin_copy(&mut self, own: &Own) -> Result<(), OwnError> {
        self.own(own).await?;
        self.flush().await?;
        self.copying = true;
        Ok(())
    }

    /// The next row that is copied out, which a server sends by itself; none after the last.
    pub(super) async fn copied(&mut self) -> Result<Option<Bytes>, OwnError> {
        // What the gateway's own statements complete is nobody else's.
        let completed = self.completed;
        let mut failure = None;
        while self.copying {
            let Frame { tag, body } = self.frame().await?;
            self.completed = completed;
            match tag {
                b'd' if failure.is_none() => return Ok(Some(body)),
                b'E' => failure = Some(server_error(body)),
                b'S' => self.note(body)?,
                b'Z' => self.copying = false,
                _ => {}
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Hears what is being copied out to its end.
    pub(super) async fn drain(&mut self) -> io::Result<()> {
        while self.copying {
            if let Err(OwnError::Io(error)) = self.copied().await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Runs a text of several statements of the gateway's own.
    pub(super) async fn script(&mut self, text: &str) -> Result<(), OwnError> {
        self.io.put(&Own::Made(text.to_owned()).plain()).await?;
        self.flush().await?;
        self.answer().await.map(drop)
    }

    /// Copies rows in by one of the gateway's own statements. Where they cannot be read to their
    /// end, nothing was copied.
    pub(super) async fn copy_in(&mut self, own: &Own, rows: RowPieces) -> Result<(), OwnError> {
        self.io.put(&own.plain()).await?;
        let mut failure = None;
        for piece in rows {
            match piece {
                Ok(piece) => self.io.put(&backend::framed(b'd', &piece)).await?,
                Err(error) => failure = Some(OwnError::NotKept(error.to_string())),
            }
        }
        let end = match failure {
            None => backend::framed(b'c', &[]),
            Some(_) => backend::framed(b'f', b"damaged\0"),
        };
        self.io.put(&end).await?;
        self.flush().await?;
        let answered = self.answer().await;
        failure.map_or_else(|| answered.map(drop), Err)
    }

    /// Takes note of a setting that the server reports.
    pub(super) fn note(&mut self, body: Bytes) -> io::Result<()> {
        let (name, value) = read(backend::parameter_status(body))?;
        if name == "server_version" {
            let major = value.split(|it: char| !it.is_ascii_digit()).next();
            self.version = major.and_then(|it| it.parse().ok()).unwrap_or(0);
        }
        let full = self.parameters.len() >= PARAMETERS_MAX;
        match self.parameters.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = value,
            None if full => {}
            None => self.parameters.push((name, value)),
        }
        Ok(())
    }

    /// Whether the server would read a statement otherwise than it was read here, or let it write
    /// where it must not.
    pub(super) fn strayed(&self, may_write: bool) -> bool {
        let is = |(name, value): &(&str, &str)| {
            let unsaid = *name == READ_ONLY && (may_write || !self.reports_read_only());
            unsaid || self.parameter(name) == Some(*value)
        };
        !FIXED.iter().all(is)
    }

    /// What the server says that a setting is.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// One row of an answer to the gateway's own statements.
#[derive(Debug, Clone)]
pub(super) struct Row(Vec<Option<String>>);

impl Row {
    /// A column's text; empty where it is null or not there.
    pub(super) fn text(&self, column: usize) -> &str {
        self.0.get(column).and_then(Option::as_deref).unwrap_or_default()
    }

    /// A column's text, if it is not null.
    pub(super) fn some(&self, column: usize) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// A column's number.
    pub(super) fn number(&self, column: usize) -> u64 {
        self.text(column).parse().unwrap_or(u64::MAX)
    }
}

fn server_error(body: Bytes) -> OwnError {
    let said = backend::error(body.clone()).unwrap_or_default();
    OwnError::Server(said, backend::framed(b'E', &body))
}

fn read<T>(found: Result<T, holdpoint_wire::Unreadable>) -> io::Result<T> {
    found.map_err(|error| invalid(&error.text))
}
