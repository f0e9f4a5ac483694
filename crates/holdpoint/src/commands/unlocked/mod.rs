//! An approver's key that stays unlocked for a while: in the memory of a process of its own, for the
//! shell that it was unlocked in, and never for production.
//!
//! Nothing but that process ever has the key. It is told which hold is meant and what was shown of
//! it, looks at the hold itself, and signs that one answer. `seat` says who may ask.

mod seat;

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use clap::Args;
use holdpoint_core::{Digest, Timestamp};
use holdpoint_store::{
    Hold,
    approvals::{ApprovalContext, Release},
    approvers::ApproverKey,
    holds::Uptime,
};
use nix::{sys::prctl::set_dumpable, unistd::setsid};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream as AsyncUnixStream},
    time::timeout,
};
use zeroize::Zeroizing;

use self::seat::{Seat, is_linked_otherwise, program};
use super::{Here, approve::is_production, holds, now};
use crate::{
    status::{CommandError, Ended, Status},
    terminal::ask_anew,
};

/// How the sockets begin; what follows is the shell's process.
const SOCKET: &str = "unlocked-";
/// How often it is looked whether the time is over while nobody asks.
const GLANCE: Duration = Duration::from_secs(5);
/// How long whoever asks may take, and how long the answer may.
const PATIENCE: Duration = Duration::from_secs(10);
/// A question, an answer, and what it is begun with.
const BYTES_MAX: u64 = 32 << 10;

/// Keeps a key; called by `approve` and `deny` only.
#[derive(Debug, Args)]
pub struct Unlocked {
    /// Whose key.
    approver: String,
}

/// What it is begun with, on its standard input.
#[derive(Serialize, Deserialize)]
struct Beginning {
    seat: Seat,
    passphrase: String,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Question {
    /// Answer a hold.
    Answer {
        hold: String,
        /// The digest of the card that was shown.
        shown: Digest,
        decision: Release,
        approver: String,
    },
    /// Forget the key.
    Lock,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// It is signed, and the store has taken it.
    Applied,
    /// It is signed, and the store has not taken it.
    Refused(String),
    /// This one needs the passphrase.
    Passphrase,
}

/// Whether the human has typed what is to become of this very hold. A command line alone is no
/// such word: it may have been written by whoever started the shell on another script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Typed,
    Wanted,
}

/// Answers `hold` with a key that is unlocked in this shell; `Passphrase` where there is none, or
/// where the word is wanted and another one is typed.
pub(super) fn ask(
    here: &Here,
    hold: &Hold,
    word: Word,
    approver: &str,
    decision: Release,
) -> Reply {
    let asked = || -> io::Result<Reply> {
        let seat = Seat::of(std::process::id()).ok_or(io::ErrorKind::NotFound)?;
        let socket = socket(&here.dir, &seat);
        if is_production(hold) || !socket.exists() {
            return Ok(Reply::Passphrase);
        }
        let wanted = decision.as_str();
        let typed = || ask_anew(&format!("The key is unlocked. Type {wanted} to do so: "));
        if word == Word::Wanted && !typed().is_ok_and(|typed| typed.trim() == wanted) {
            return Ok(Reply::Passphrase);
        }
        let question = Question::Answer {
            hold: hold.id.clone(),
            shown: Digest::of(hold.card().as_bytes()),
            decision,
            approver: approver.to_owned(),
        };
        say(&socket, &question)
    };
    asked().unwrap_or(Reply::Passphrase)
}

/// Leaves the key of `approver`, whose passphrase this is, unlocked in this shell. Says so if it is.
pub(super) fn keep(here: &Here, approver: &str, passphrase: &SecretString) -> Option<String> {
    let minutes = here.config.hold.unlock_minutes;
    let seat = Seat::of(std::process::id()).filter(|_| minutes > 0)?;
    let passphrase = passphrase.expose_secret().to_owned();
    let beginning = serde_json::to_vec(&Beginning { seat, passphrase }).map(Zeroizing::new).ok()?;
    let mut keeper = Command::new("/proc/self/exe");
    keeper.arg("--state").arg(&here.dir).args(["__unlocked", approver]).current_dir("/");
    keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut keeper = keeper.spawn().ok()?;
    keeper.stdin.take()?.write_all(&beginning).ok()?;
    Some(format!(
        "The key stays unlocked in this terminal for {minutes} minutes, but for production; \
         `holdpoint approvers lock` locks it."
    ))
}

/// Forgets every key that is unlocked, in whichever shell.
pub(super) fn lock(here: &Here) -> Result<usize, CommandError> {
    let entries = std::fs::read_dir(&here.dir).map_err(CommandError::unable)?;
    let sockets = entries.flatten().map(|entry| entry.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOCKET))
    });
    Ok(sockets.filter(|path| say(path, &Question::Lock).is_ok()).count())
}

fn socket(dir: &Path, seat: &Seat) -> PathBuf {
    dir.join(format!("{SOCKET}{}.sock", seat.leader))
}

fn say(socket: &Path, question: &Question) -> io::Result<Reply> {
    let mut keeper = UnixStream::connect(socket)?;
    keeper.set_read_timeout(Some(PATIENCE))?;
    keeper.write_all(&serde_json::to_vec(question)?)?;
    keeper.shutdown(Shutdown::Write)?;
    let mut reply = Vec::new();
    keeper.take(BYTES_MAX).read_to_end(&mut reply)?;
    Ok(serde_json::from_slice(&reply)?)
}

/// Runs `__unlocked`: until the time is over, by either clock, or somebody locks it.
pub fn run(own: &Unlocked, here: &Here) -> Ended {
    // No debugger of the same user reads what is in here, and no terminal's end ends it.
    set_dumpable(false).map_err(CommandError::unable)?;
    let _own_session = setsid();
    let mut beginning = Zeroizing::new(Vec::new());
    io::stdin().take(BYTES_MAX).read_to_end(&mut beginning).map_err(CommandError::unable)?;
    let Beginning { seat, passphrase } =
        serde_json::from_slice(&beginning).map_err(CommandError::unable)?;
    let passphrase = SecretString::from(passphrase);
    let key = here.state.approvers().unlock(&own.approver, &passphrase);
    let key = key.map_err(CommandError::unable)?;
    drop((passphrase, beginning));
    let socket = socket(&here.dir, &seat);
    let (approver, end) = (own.approver.clone(), End::of(here)?);
    let keeper = Keeper { here, key, approver, seat, end, socket };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(CommandError::unable)?.block_on(keeper.serve());
    served.map(|()| Status::Done).map_err(CommandError::unable)
}

/// When it is over, by both clocks: whichever says so first is right.
struct End {
    wall: (Timestamp, Timestamp),
    up: (Uptime, u64),
}

impl End {
    fn of(here: &Here) -> Result<Self, CommandError> {
        let seconds = here.config.hold.unlock_minutes.saturating_mul(60);
        let (at, up) = (now(), Uptime::now().map_err(CommandError::unable)?);
        let until = up.millis.saturating_add(seconds.saturating_mul(1000));
        Ok(Self { wall: (at, at.plus_seconds(seconds)), up: (up, until) })
    }

    fn is_here(&self) -> bool {
        let at = now();
        let (from, until) = self.wall;
        let up = Uptime::now().ok().filter(|up| up.boot == self.up.0.boot);
        // A wall clock that was set back says nothing: then nobody knows how long it has been.
        at < from || at >= until || up.is_none_or(|up| up.millis >= self.up.1)
    }
}

/// Whoever has the key.
struct Keeper<'a> {
    here: &'a Here,
    key: ApproverKey,
    approver: String,
    seat: Seat,
    end: End,
    socket: PathBuf,
}

impl Keeper<'_> {
    async fn serve(&self) -> io::Result<()> {
        // What is there is a key of the same shell, which this one replaces.
        let _replaced = say(&self.socket, &Question::Lock);
        let _left_over = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket)?;
        while !self.end.is_here() && self.seat.is_there() {
            let Ok(accepted) = timeout(GLANCE, listener.accept()).await else { continue };
            let (mut stream, _) = accepted?;
            let heard = timeout(PATIENCE, self.hear(&mut stream)).await;
            if let Ok(Ok(true)) = heard {
                return Ok(());
            }
        }
        std::fs::remove_file(&self.socket)
    }

    /// Answers one question; whether it was the last.
    async fn hear(&self, stream: &mut AsyncUnixStream) -> io::Result<bool> {
        let mut question = Vec::new();
        (&mut *stream).take(BYTES_MAX).read_to_end(&mut question).await?;
        let peer = stream.peer_cred()?;
        let own = peer.uid() == nix::unistd::geteuid().as_raw();
        let asks = peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|_| own);
        let (reply, last) = match serde_json::from_slice(&question)? {
            Question::Lock => {
                // Before the reply: whoever replaces this one makes its own of that name.
                let _gone = std::fs::remove_file(&self.socket);
                (Reply::Applied, own)
            }
            Question::Answer { hold, shown, decision, approver } => {
                let may = approver == self.approver && asks.is_some_and(|pid| self.is_seated(pid));
                let reply = match may && !self.end.is_here() {
                    true => self.answer(&hold, shown, decision),
                    false => Reply::Passphrase,
                };
                (reply, false)
            }
        };
        stream.write_all(&serde_json::to_vec(&reply)?).await?;
        Ok(last)
    }

    /// Whether this program itself asks, and nothing else in it, typed at the shell that the key was
    /// unlocked in.
    fn is_seated(&self, pid: u32) -> bool {
        let own = program(std::process::id());
        let itself = own.is_some() && program(pid) == own && !is_linked_otherwise(pid);
        itself && Seat::of(pid).as_ref() == Some(&self.seat)
    }

    /// Signs an answer to exactly what was shown, and to nothing in production.
    fn answer(&self, id: &str, shown: Digest, decision: Release) -> Reply {
        let Ok(hold) = holds::find(self.here, id) else { return Reply::Passphrase };
        if is_production(&hold) || Digest::of(hold.card().as_bytes()) != shown {
            return Reply::Passphrase;
        }
        let (minutes, gateway) =
            (self.here.config.hold.approval_minutes, self.here.state.gateway_id());
        let context =
            ApprovalContext::about(&hold, gateway, &self.approver, decision, now(), minutes);
        let applied = context.sign(&self.key);
        match applied.and_then(|signed| self.here.holds().apply(&signed, now())) {
            Ok(_) => Reply::Applied,
            Err(error) => Reply::Refused(error.to_string()),
        }
    }
}
