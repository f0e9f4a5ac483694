//! What is looked for in what is said: secrets on their way back become phantoms, and a phantom
//! on its way to a host that it is not bound to ends the connection.

use std::{fmt, sync::Arc};

use holdpoint_wire::http::websocket::frame::{self, Frames, Head, Opcode, Piece, Side, Violation};

use super::relay::Parting;
use crate::forward::{Needles, Scrubber};

/// What is looked for in either direction.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// What must not come back as it is.
    pub scrub: Option<Arc<Needles>>,
    /// What must not go out.
    pub strays: Option<Arc<Needles>>,
}

/// One direction: frames come in, and frames go on.
pub(super) struct Direction {
    frames: Frames,
    head: Head,
    look: Look,
}

enum Look {
    /// Nothing.
    Pass,
    /// Secrets, in what a server says.
    Scrub(Rewriter),
    /// Phantoms, in what a client says.
    Watch(Watcher),
}

impl fmt::Debug for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direction").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl Direction {
    /// What `side` says, looked through.
    pub(super) fn of(side: Side, looks: &Looks) -> Self {
        let look = match side {
            Side::Server => looks.scrub.clone().map(|it| Look::Scrub(Rewriter::new(it))),
            Side::Client => looks.strays.clone().map(|it| Look::Watch(Watcher::new(it))),
        };
        let head = Head { fin: true, opcode: Opcode::Text, mask: None, length: 0 };
        Self { frames: Frames::of(side), head, look: look.unwrap_or(Look::Pass) }
    }

    /// Whether a frame of our own would stand between two frames here.
    pub(super) fn is_between_frames(&self) -> bool {
        self.frames.are_whole()
    }

    /// Appends to `out` what goes on of `chunk`.
    pub(super) fn pass(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Parting> {
        let mut input = chunk;
        while let Some(piece) = self.frames.next(&mut input)? {
            match piece {
                Piece::Head(head) => {
                    self.head = head;
                    if let Look::Pass | Look::Watch(_) = self.look {
                        head.write(out);
                    }
                }
                Piece::Payload { bytes, from, last } => match &mut self.look {
                    Look::Pass => out.extend_from_slice(bytes),
                    Look::Scrub(rewriter) => rewriter.rewrite(&self.head, bytes, last, out),
                    Look::Watch(watcher) => {
                        if watcher.sees(&self.head, bytes, from, last) {
                            return Err(Parting::STRAY);
                        }
                        out.extend_from_slice(bytes);
                    }
                },
            }
        }
        Ok(())
    }
}

impl From<Violation> for Parting {
    fn from(violation: Violation) -> Self {
        tracing::info!(%violation, "a WebSocket is ended");
        Self::PROTOCOL
    }
}

/// Writes messages anew without what is looked for. A message may become more fragments than it
/// was, which an intermediary may make of it where there are no extensions (RFC 6455 §5.4).
struct Rewriter {
    needles: Arc<Needles>,
    scrubber: Scrubber,
    /// What the message that comes is; a continuation once a part of it has gone on.
    message: Opcode,
    /// As much of a control frame as has come.
    control: Vec<u8>,
}

impl Rewriter {
    fn new(needles: Arc<Needles>) -> Self {
        let scrubber = Scrubber::new(Arc::clone(&needles));
        Self { needles, scrubber, message: Opcode::Text, control: Vec::new() }
    }

    fn rewrite(&mut self, head: &Head, bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        if head.opcode.is_control() {
            self.control.extend_from_slice(bytes);
            if last {
                let whole = std::mem::take(&mut self.control);
                write(true, head.opcode, &self.needles.scrub(&whole), out);
            }
            return;
        }
        if head.opcode != Opcode::Continuation && self.message != Opcode::Continuation {
            self.message = head.opcode;
        }
        let mut certain = self.scrubber.push(bytes).to_vec();
        let ends = last && head.fin;
        if ends {
            certain.extend_from_slice(&self.scrubber.finish());
        }
        if ends || !certain.is_empty() {
            write(ends, self.message, &certain, out);
            self.message = if ends { Opcode::Text } else { Opcode::Continuation };
        }
    }
}

fn write(fin: bool, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    Head { fin, opcode, mask: None, length }.write(out);
    out.extend_from_slice(payload);
}

/// Sees what is looked for, also where it is cut in two by fragments or reads. What comes before
/// the cut has gone on by then; the rest has not.
struct Watcher {
    needles: Arc<Needles>,
    /// The end of what was seen of a message, and of a control frame.
    message: Vec<u8>,
    control: Vec<u8>,
}

impl Watcher {
    fn new(needles: Arc<Needles>) -> Self {
        Self { needles, message: Vec::new(), control: Vec::new() }
    }

    fn sees(&mut self, head: &Head, bytes: &[u8], from: u64, last: bool) -> bool {
        let control = head.opcode.is_control();
        let seen = if control { &mut self.control } else { &mut self.message };
        let before = seen.len();
        seen.extend_from_slice(bytes);
        if let (Some(key), Some(new)) = (head.mask, seen.get_mut(before..)) {
            frame::mask(new, key, from);
        }
        let found = self.needles.any_in(seen);
        if last && (control || head.fin) {
            seen.clear();
        } else {
            let keep = self.needles.longest().saturating_sub(1);
            seen.drain(..seen.len().saturating_sub(keep));
        }
        found
    }
}
