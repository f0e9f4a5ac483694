//! The beginning of a push: its commands, read before the pack that follows them
//! (git's `Documentation/gitprotocol-pack`, "Reference Update Request").

use super::{
    object_id::{Format, ObjectId},
    pkt_line::{PktLine, PktLines},
};
use crate::{
    Unreadable,
    http::{
        coding,
        message::{Body, Message},
    },
};

/// The most commands that one push may have.
const COMMANDS_MAX: usize = 1000;
/// The most push options that one push may have.
const OPTIONS_MAX: usize = 100;
/// The most commits at which a shallow clone may end.
const SHALLOW_MAX: usize = 10_000;
/// What a pack begins with.
const PACK: &[u8] = b"PACK";

/// A push, as far as it says what it does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Push<'a> {
    /// What is to become of which reference, in order; none where a client only looks whether it
    /// may push.
    pub(super) commands: Vec<Command>,
    /// The hash function of the repository.
    pub(super) format: Format,
    /// What the client can do.
    pub(super) capabilities: Vec<&'a str>,
    /// What the server is told beside the commands (`git push -o`).
    pub(super) options: Vec<&'a str>,
    /// The pack, as far as it is here.
    pub(super) pack: &'a [u8],
}

/// One reference, and where it is to point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Where it points, as the client has seen it; the server refuses the command if it does not.
    pub(super) old: ObjectId,
    /// Where it is to point.
    pub(super) new: ObjectId,
    /// Its full name, below `refs/`.
    pub(super) reference: String,
}

impl<'a> Push<'a> {
    /// Reads the push that `message` is. Its commands have to be whole; the pack may go on.
    pub(super) fn read(message: &'a Message) -> Result<Self, Unreadable> {
        coding::refuse_coded(message)?;
        let mut reader = Reader::new(&message.body);
        reader.commands()?;
        reader.options()?;
        reader.end()
    }

    /// Whether the client has this capability.
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// What has been read so far.
struct Reader<'a> {
    lines: PktLines<'a>,
    /// Whether the bytes are all that there is.
    whole: bool,
    shallow: usize,
    push: Push<'a>,
}

impl<'a> Reader<'a> {
    fn new(body: &'a Body) -> Self {
        let push = Push {
            commands: Vec::new(),
            format: Format::Sha1,
            capabilities: Vec::new(),
            options: Vec::new(),
            pack: &[],
        };
        let whole = matches!(body, Body::Whole(_));
        Self { lines: PktLines::new(body.bytes()), whole, shallow: 0, push }
    }

    /// The next line as text, without the line break that clients may add; `None` at the end of a
    /// list.
    fn line(&mut self) -> Result<Option<&'a str>, Unreadable> {
        match self.lines.next()? {
            Some(PktLine::Flush) => Ok(None),
            Some(PktLine::Data(line)) => {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let text = std::str::from_utf8(line);
                text.map(Some).map_err(|_| {
                    Unreadable::new("the push names a reference that is not UTF-8; rename it")
                })
            }
            None if self.whole => Err(Unreadable::new(
                "the push breaks off before the end of its commands; send it again, whole",
            )),
            None => Err(too_many()),
        }
    }

    fn commands(&mut self) -> Result<(), Unreadable> {
        while let Some(line) = self.line()? {
            if let Some(id) = line.strip_prefix("shallow ") {
                self.shallow += 1;
                let is_id = [Format::Sha1, Format::Sha256]
                    .iter()
                    .any(|format| ObjectId::read(id, *format).is_some());
                match is_id {
                    _ if self.shallow > SHALLOW_MAX => return Err(too_many()),
                    false => return Err(no_command()),
                    true => continue,
                }
            }
            let (command, capabilities) = match line.split_once('\0') {
                None => (line, None),
                Some((command, capabilities)) => (command, Some(capabilities)),
            };
            if command == "push-cert" {
                return Err(Unreadable::new(
                    "a signed push carries its commands in a certificate, which is not read; push with --no-signed",
                ));
            }
            if let Some(capabilities) = capabilities {
                // Servers take them from any line: there must be no second opinion.
                if !self.push.commands.is_empty() || capabilities.contains('\0') {
                    return Err(no_command());
                }
                self.push.capabilities = capabilities.split_ascii_whitespace().collect();
                self.push.format = self.format()?;
            }
            if self.push.commands.len() == COMMANDS_MAX {
                return Err(too_many());
            }
            let command = Command::read(command, self.push.format).ok_or_else(no_command)?;
            // Servers delete whatever is there then, and nobody has said what that is.
            if command.old.is_null() && command.new.is_null() {
                return Err(Unreadable::new(
                    "the push deletes a reference without saying what it points to; fetch it \
                     first, then delete it",
                ));
            }
            self.push.commands.push(command);
        }
        Ok(())
    }

    /// The hash function that the client says it uses; without a word, SHA-1.
    fn format(&self) -> Result<Format, Unreadable> {
        let named =
            self.push.capabilities.iter().filter_map(|it| it.strip_prefix("object-format="));
        let mut named = named.map(Format::named);
        match (named.next().unwrap_or(Some(Format::Sha1)), named.next()) {
            (Some(format), None) => Ok(format),
            _ => Err(Unreadable::new(
                "the push names several object formats, or one that is unknown; send it as git does",
            )),
        }
    }

    fn options(&mut self) -> Result<(), Unreadable> {
        if !self.push.can("push-options") {
            return Ok(());
        }
        while let Some(line) = self.line()? {
            if self.push.options.len() == OPTIONS_MAX {
                return Err(too_many());
            }
            self.push.options.push(line);
        }
        Ok(())
    }

    /// A pack follows, unless there is nothing to put into one.
    fn end(self) -> Result<Push<'a>, Unreadable> {
        let mut push = self.push;
        push.pack = self.lines.rest();
        let sends = push.commands.iter().any(|command| !command.new.is_null());
        let begins = push.pack.starts_with(PACK) || !self.whole && PACK.starts_with(push.pack);
        let ends = push.pack.is_empty() && self.whole;
        match if sends { begins } else { ends } {
            true => Ok(push),
            false => Err(Unreadable::new(
                "the push has something else behind its commands than the one pack that belongs there; send it as git does",
            )),
        }
    }
}

impl Command {
    /// `old-id new-id refname`.
    fn read(line: &str, format: Format) -> Option<Self> {
        let (old, rest) = line.split_once(' ')?;
        let (new, reference) = rest.split_once(' ')?;
        let (old, new) = (ObjectId::read(old, format)?, ObjectId::read(new, format)?);
        is_reference(reference).then(|| Self { old, new, reference: reference.to_owned() })
    }
}

/// Whether `name` can be a reference's (`git check-ref-format`); servers refuse all others.
fn is_reference(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    let sign = |sign: char| sign.is_control() || " ~^:?*[\\".contains(sign);
    let below = name.strip_prefix("refs/");
    below.is_some_and(|below| below.split('/').all(part))
        && !name.contains(sign)
        && !name.contains("..")
        && !name.contains("@{")
}

fn no_command() -> Unreadable {
    Unreadable::new(
        "the push has a line that is no command (`old new refs/…`); send it as git does",
    )
}

fn too_many() -> Unreadable {
    Unreadable::over_limit(
        "the push is about more references than can be judged; push fewer at once",
    )
}
