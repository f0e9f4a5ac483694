//! Outside: starts the inside, takes its listeners, and lets it go once somebody accepts from
//! them.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    process::{Child, Command},
    time::{Duration, Instant},
};

use holdpoint_store::passing;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt::socket_peercred,
};

use crate::{
    INSIDE, PORT, containers,
    error::{During as _, Result, SandboxError},
    inside::{GO, LISTENING, Plan},
    layout::Answers,
    publish::{Published, publish},
    signer::Signer,
    sockets::Sockets,
    terminal::Terminal,
    view::View,
    wait::{Ended, Signals, Stops},
};

/// How long the inside may take to be made.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a child that does not speak is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// An inside that has begun to be made and waits for its plan; ended when it is dropped.
#[derive(Debug)]
pub struct Begun {
    meeting: UnixListener,
    child: Option<Child>,
}

/// An inside that is made, and in which nothing runs yet.
#[derive(Debug)]
pub struct Enclosure {
    child: Child,
    signals: Signals,
    inside: UnixStream,
    listeners: Vec<OwnedFd>,
    socket: Option<OwnedFd>,
}

impl Begun {
    /// Begins an inside for `command`, by running the binary at `/proc/self/exe` again, so that it
    /// is there when its plan is. `rendezvous` is a name that nobody else can guess.
    pub fn begin(rendezvous: &str, command: &[OsString]) -> Result<Self> {
        let meeting = SocketAddr::from_abstract_name(rendezvous)
            .and_then(|address| UnixListener::bind_addr(&address))
            .during("cannot meet the inside")?;
        let mut child = Command::new("/proc/self/exe");
        child.args([INSIDE, rendezvous]).args(command).env_clear();
        let child = child.spawn().during("cannot start the inside")?;
        Ok(Self { meeting, child: Some(child) })
    }

    /// Has it made as `plan` says. `view` serves what the plan's layout shows.
    pub fn make(mut self, plan: &Plan, view: Option<View>) -> Result<Enclosure> {
        let signals = Signals::hold()?;
        let ended = || SandboxError::new("the inside was not made", "it ended before it began");
        let mut child = self.child.take().ok_or_else(ended)?;
        let made = meet(&self.meeting, &mut child).and_then(|inside| agree(inside, plan, view));
        match made {
            Ok(Agreed { inside, listeners, socket }) => {
                Ok(Enclosure { child, signals, inside, listeners, socket })
            }
            Err(error) => Err(ended_early(child, error)),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

impl Enclosure {
    /// The sockets that wait inside: what comes in here is of this run and of nobody else.
    pub fn listeners(&self) -> &[OwnedFd] {
        &self.listeners
    }

    /// What signs for whoever is inside, from now on.
    pub fn signs_by(&mut self, signer: Signer) -> Result<()> {
        self.socket.take().map_or(Ok(()), |socket| signer.serve(socket))
    }

    /// The process that ends everything inside when it ends.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets the command run, and waits for its end. The ports on which it listens, but for `own`
    /// ones, are published if somebody wants to hear of them.
    pub fn run(mut self, own: Vec<u16>, published: Option<fn(Published)>) -> Result<Ended> {
        let mut word = vec![0; LISTENING.len()];
        let ready = self.inside.read_exact(&mut word).and_then(|()| self.inside.write_all(GO));
        if let Err(error) = ready {
            let error = SandboxError::new("the inside was not made", error);
            return Err(ended_early(self.child, error));
        }
        if let Some(say) = published {
            let own = [PORT].into_iter().chain(own).collect();
            match self.inside.try_clone().and_then(Sockets::of) {
                Ok(sockets) => publish(sockets, own, say)?,
                // The command has ended already: it listens nowhere.
                Err(error) if has_gone(&error) => {}
                Err(error) => return Err(error).during("cannot publish ports"),
            }
        }
        let terminal = Terminal::of_this_process();
        let ended = self.signals.wait_for(self.child.id(), Stops::Here);
        terminal.take_back();
        ended
    }

    /// Ends what is inside, before or while it runs.
    pub fn end(mut self) {
        end(&mut self.child);
    }
}

/// Whether whoever was at the other end is there no more.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Waits until the child, and nobody else, has come to the meeting.
fn meet(meeting: &UnixListener, child: &mut Child) -> Result<UnixStream> {
    meeting.set_nonblocking(true).during("cannot meet the inside")?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match meeting.accept() {
            Ok((stream, _)) if is_of(&stream, child.id()) => {
                stream.set_nonblocking(false).during("cannot meet the inside")?;
                stream.set_read_timeout(Some(PATIENCE)).during("cannot meet the inside")?;
                return Ok(stream);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if child.try_wait().during("cannot look at the inside")?.is_some() {
                    break;
                }
                let glance = Timespec::try_from(GLANCE).ok();
                let mut ready = [PollFd::new(meeting, PollFlags::IN)];
                // Woken or not, it is looked at again.
                let _ = poll(&mut ready, glance.as_ref());
            }
            Err(error) => return Err(error).during("cannot meet the inside"),
        }
    }
    Err(SandboxError::new("the inside was not made", "it ended before it began"))
}

fn is_of(stream: &UnixStream, process: u32) -> bool {
    let peer = socket_peercred(stream).map(|peer| peer.pid.as_raw_nonzero().get());
    peer.is_ok_and(|peer| u32::try_from(peer) == Ok(process))
}

/// Tells the plan, takes the listeners, and begins to serve: the inside is made of what is served.
fn agree(mut inside: UnixStream, plan: &Plan, view: Option<View>) -> Result<Agreed> {
    let mut line = serde_json::to_vec(plan)
        .map_err(|error| SandboxError::new("cannot write the plan", error))?;
    line.push(b'\n');
    inside.write_all(&line).during("cannot tell the plan")?;
    let mut word = vec![0; LISTENING.len()];
    let (length, mut files) =
        passing::receive(&inside, &mut word).during("cannot take the way out over")?;
    let early = || SandboxError::new("the inside was not made", "it ended early");
    if length != LISTENING.len() || files.is_empty() {
        return Err(early());
    }
    // From the last to the first, as they were handed over.
    if let Some(view) = view {
        view.serve(files.pop().ok_or_else(early)?)?;
    }
    if plan.layout.has_socket(Answers::Containers) {
        containers::serve(files.pop().ok_or_else(early)?)?;
    }
    let signs = plan.layout.has_socket(Answers::Signer);
    let socket = signs.then(|| files.pop().ok_or_else(early)).transpose()?;
    Ok(Agreed { inside, listeners: files, socket })
}

/// What an inside that is being made has given.
struct Agreed {
    inside: UnixStream,
    listeners: Vec<OwnedFd>,
    socket: Option<OwnedFd>,
}

/// Ends a child that did not come to its work; it has said why on standard error.
fn ended_early(mut child: Child, error: SandboxError) -> SandboxError {
    end(&mut child);
    error
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
