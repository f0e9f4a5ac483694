//! The supervisor's end.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{fd::BorrowedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
};

use super::{KILLED, Newcomer, PATIENCE, SAID_BYTES_MAX, Said, TAKEN, runs_socket, signed};
use crate::{
    passing,
    run_key::{CHALLENGE_BYTES, RunKey},
    state::State,
};

/// The sockets of a run, and what is said of them.
#[derive(Debug, Clone, Copy)]
pub struct HandOver<'a> {
    /// The run.
    pub run: &'a str,
    /// Its key.
    pub key: &'a RunKey,
    /// The ports among the sockets that stand for services of this machine.
    pub services: &'a [u16],
    /// The sockets.
    pub sockets: &'a [BorrowedFd<'a>],
}

impl HandOver<'_> {
    fn to(&self, mut gateway: UnixStream, newcomer: Option<Newcomer>) -> io::Result<HandedOver> {
        gateway.set_read_timeout(Some(PATIENCE))?;
        let mut challenge = [0; CHALLENGE_BYTES];
        gateway.read_exact(&mut challenge)?;
        let Self { run, key, services, sockets } = self;
        let signature = key.sign(&challenge, &signed(run, services));
        let services = services.to_vec();
        let said = Said::HandOver { run: (*run).to_owned(), services, signature, newcomer };
        passing::send(&gateway, line(&said)?.as_bytes(), sockets)?;
        let answer = answer(&mut gateway)?;
        if answer != TAKEN {
            return Err(io::Error::other(answer));
        }
        gateway.set_read_timeout(None)?;
        Ok(HandedOver(gateway))
    }
}

/// The line that a gateway answers, and nothing of what follows it.
fn answer(gateway: &mut UnixStream) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < SAID_BYTES_MAX {
        gateway.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return String::from_utf8(line).map_err(io::Error::other),
            [other] => line.push(other),
        }
    }
    Err(io::Error::other("the gateway talks without end"))
}

fn line(said: &Said) -> io::Result<String> {
    let line = serde_json::to_string(said)? + "\n";
    match line.len() <= SAID_BYTES_MAX {
        true => Ok(line),
        false => Err(io::Error::other("the task is too long to be told: say it in fewer words")),
    }
}

impl State {
    /// Hands the sockets of a run over to the gateway that is up. They are its until the connection
    /// that this gives ends, at either side.
    pub fn hand_over(&self, what: HandOver<'_>) -> io::Result<HandedOver> {
        what.to(UnixStream::connect(runs_socket(self).map_err(io::Error::other)?)?, None)
    }
}

/// The door of another user's gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDoor(PathBuf);

impl RunDoor {
    /// The door at `socket`.
    pub fn at(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// The authority of the gateway behind it, as PEM.
    pub fn authority(&self) -> io::Result<String> {
        let mut gateway = UnixStream::connect(&self.0)?;
        gateway.set_read_timeout(Some(PATIENCE))?;
        gateway.read_exact(&mut [0; CHALLENGE_BYTES])?;
        gateway.write_all(line(&Said::Authority)?.as_bytes())?;
        let mut pem = String::new();
        gateway.take(SAID_BYTES_MAX as u64).read_to_string(&mut pem)?;
        Ok(pem)
    }

    /// Hands the sockets of a run over to the gateway behind it, which knows nothing of the run but
    /// what this says.
    pub fn hand_over(&self, what: HandOver<'_>, newcomer: Newcomer) -> io::Result<HandedOver> {
        what.to(UnixStream::connect(&self.0)?, Some(newcomer))
    }
}

/// A gateway accepts from the listeners.
#[derive(Debug)]
pub struct HandedOver(UnixStream);

/// What a gateway says of a run that it guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<'a> {
    /// These holds of it wait for a human.
    Waiting(Vec<&'a str>),
    /// It is killed.
    Killed,
}

impl HandedOver {
    /// Waits until the gateway is gone; `hear` is told meanwhile what it says.
    pub fn until_gone(self, mut hear: impl FnMut(Heard<'_>)) {
        for line in BufReader::new(self.0).lines().map_while(Result::ok) {
            hear(match line == KILLED {
                true => Heard::Killed,
                false => Heard::Waiting(line.split_whitespace().collect()),
            });
        }
    }
}
