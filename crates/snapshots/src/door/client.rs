//! The gateway's end of a door: a repository whose files another user keeps.

use std::{
    collections::HashSet,
    io::{self, BufReader},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use rustic_core::{FileType, Id};

use super::words::{Answer, Asked, Lies, hear, hear_bytes, say};
use crate::{
    check::{self, Finding},
    elsewhere::Elsewhere,
};

/// How long the other end may take: it may have to wait for its disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// A door.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    socket: PathBuf,
}

impl Door {
    pub(crate) fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Where everything lies that is behind it.
    pub(crate) fn lies(&self) -> io::Result<Lies> {
        Ok(serde_json::from_slice(&self.ask(&Asked::Where, &[])?.0)?)
    }

    /// Says a word that no door knows; the answer has to be no.
    pub(crate) fn says(&self, head: &serde_json::Value) -> io::Result<()> {
        self.converse(head, &[]).map(drop)
    }

    fn ask(&self, asked: &Asked, bytes: &[&[u8]]) -> io::Result<(Vec<u8>, UnixStream)> {
        self.converse(asked, bytes)
    }

    /// One question on a connection of its own.
    fn converse(
        &self,
        asked: &impl serde::Serialize,
        bytes: &[&[u8]],
    ) -> io::Result<(Vec<u8>, UnixStream)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        say(&mut stream, asked, bytes.iter().copied())?;
        let mut from = BufReader::new(&stream);
        let answer: Option<Answer> = hear(&mut from)?;
        let Answer { error, length } = answer.ok_or(io::ErrorKind::UnexpectedEof)?;
        match error {
            Some(error) => Err(io::Error::other(error)),
            None => Ok((hear_bytes(&mut from, length)?, stream)),
        }
    }
}

impl Elsewhere for Door {
    fn place(&self) -> String {
        self.socket.display().to_string()
    }

    fn list(&self, of: FileType) -> io::Result<Vec<(Id, u32)>> {
        let (bytes, _) = self.ask(&Asked::List { of }, &[])?;
        let named: Vec<(String, u32)> = serde_json::from_slice(&bytes)?;
        let id = |(name, size): (String, u32)| Some((name.parse::<Id>().ok()?, size));
        Ok(named.into_iter().filter_map(id).collect())
    }

    fn read(&self, of: FileType, id: &Id, part: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let asked = Asked::Read { of, id: id.to_hex().to_string(), part };
        self.ask(&asked, &[]).map(|(bytes, _)| bytes)
    }

    fn add(&self, of: FileType, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        self.ask(&Asked::Add { of, id: id.to_hex().to_string(), length }, parts).map(drop)
    }

    fn remove(&self, _of: FileType, _id: &Id) -> io::Result<()> {
        Err(io::Error::other("nothing behind a door is removed from this side"))
    }

    fn share(&self) -> io::Result<Option<UnixStream>> {
        self.ask(&Asked::Share, &[]).map(|(_, stream)| Some(stream))
    }

    fn named(&self) -> io::Result<String> {
        self.lies().map(|lies| lies.directory.display().to_string())
    }

    fn check(&self, saved: &HashSet<PathBuf>) -> io::Result<Vec<Finding>> {
        check::behind(self, saved)
    }
}
