//! The gateway's end of a door: a repository whose files another user keeps.

use std::{
    io::{self, BufReader},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

use super::words::{Answer, Asked, Lies, hear, hear_bytes, say};

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

    /// As long as what this gives is open, nobody removes anything.
    pub(crate) fn share(&self) -> io::Result<UnixStream> {
        self.ask(&Asked::Share, &[]).map(|(_, stream)| stream)
    }

    /// Adds a file.
    pub(crate) fn add(&self, of: FileType, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        self.ask(&Asked::Add { of, id: id.to_hex().to_string(), length }, parts).map(drop)
    }

    /// Reads a file, or a part of it.
    pub(crate) fn read(
        &self,
        of: FileType,
        id: &Id,
        part: Option<(u32, u32)>,
    ) -> io::Result<Vec<u8>> {
        let asked = Asked::Read { of, id: id.to_hex().to_string(), part };
        self.ask(&asked, &[]).map(|(bytes, _)| bytes)
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

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Box<RusticError> {
    move |error| RusticError::with_source(ErrorKind::Backend, doing, error)
}

impl ReadBackend for Door {
    fn location(&self) -> String {
        self.socket.display().to_string()
    }

    fn list_with_size(&self, of: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let listed = self.ask(&Asked::List { of }, &[]).and_then(|(bytes, _)| {
            let named: Vec<(String, u32)> = serde_json::from_slice(&bytes)?;
            let id = |(name, size): (String, u32)| Some((name.parse::<Id>().ok()?, size));
            Ok(named.into_iter().filter_map(id).collect())
        });
        listed.map_err(failed("the files behind the door cannot be listed"))
    }

    fn read_full(&self, of: FileType, id: &Id) -> RusticResult<Bytes> {
        let read = self.read(of, id, None).map(Bytes::from);
        read.map_err(failed("a file behind the door cannot be read"))
    }

    fn read_partial(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let read = self.read(of, id, Some((offset, length))).map(Bytes::from);
        read.map_err(failed("a part of a file behind the door cannot be read"))
    }

    fn warmup_path(&self, _of: FileType, _id: &Id) -> String {
        self.location()
    }
}

impl WriteBackend for Door {
    /// Whoever keeps the directory has made it.
    fn create(&self) -> RusticResult<()> {
        Ok(())
    }

    fn write_bytes(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let parts: Vec<&[u8]> = content.slice().iter().map(|part| &**part).collect();
        self.add(of, id, &parts).map_err(failed("a file cannot be added behind the door"))
    }

    fn remove(&self, _of: FileType, _id: &Id, _cacheable: bool) -> RusticResult<()> {
        let text = "nothing behind a door is removed from this side";
        Err(RusticError::new(ErrorKind::AppendOnly, text))
    }
}
