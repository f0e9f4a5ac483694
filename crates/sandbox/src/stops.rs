//! How the first process inside says that the command has begun, and that it has stopped: a pipe to
//! its parent.

use std::{
    fs::{File, OpenOptions},
    io::{self, PipeReader, PipeWriter, Read as _, Write as _, pipe},
    os::fd::{AsRawFd as _, RawFd},
};

use rustix::io::{FdFlags, fcntl_setfd};

/// The first process's end.
#[derive(Debug)]
pub struct Say(File);

/// Its parent's end.
#[derive(Debug)]
pub struct Hear {
    pub(crate) pipe: PipeReader,
    /// Whether the command has begun: before, there is nobody to pass a signal on to.
    pub(crate) begun: bool,
}

/// What is said.
const BEGUN: u8 = b'b';
const STOPPED: u8 = b's';

/// Both ends; the second is left open for the next child, which takes it by its number.
pub(crate) fn both() -> io::Result<(Hear, PipeWriter)> {
    let (hear, say) = pipe()?;
    fcntl_setfd(&say, FdFlags::empty())?;
    Ok((Hear { pipe: hear, begun: false }, say))
}

/// The number of an end that is left open.
pub(crate) fn number(say: &PipeWriter) -> String {
    say.as_raw_fd().to_string()
}

impl Say {
    /// Takes the end with this number, so that no child has it.
    pub(crate) fn take(number: RawFd) -> io::Result<Self> {
        let own = OpenOptions::new().write(true).open(format!("/proc/self/fd/{number}"))?;
        nix::unistd::close(number)?;
        Ok(Self(own))
    }

    pub(crate) fn begun(&mut self) -> io::Result<()> {
        self.0.write_all(&[BEGUN])
    }

    pub(crate) fn stopped(&mut self) -> io::Result<()> {
        self.0.write_all(&[STOPPED])
    }
}

impl Hear {
    /// Hears the next word: whether the command has stopped. None if nothing is said any more.
    pub(crate) fn next(&mut self) -> io::Result<Option<bool>> {
        let mut said = [0; 1];
        let length = self.pipe.read(&mut said)?;
        self.begun |= said == [BEGUN];
        Ok((length > 0).then_some(said == [STOPPED]))
    }
}
