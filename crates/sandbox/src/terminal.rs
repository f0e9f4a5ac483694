//! The terminal, as it is found again when the command is over.

use std::io::stdin;

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process_group},
    termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp},
};

/// The terminal of this process as it was; nothing if there is none, or another job has it.
#[derive(Debug)]
pub(crate) struct Terminal(Option<(Pid, Termios)>);

impl Terminal {
    /// What it is now.
    pub(crate) fn of_this_process() -> Self {
        // 0 for who was let into a namespace of processes from outside, as a container's are.
        let own = Pid::from_raw(nix::unistd::getpgrp().as_raw());
        let own = own.filter(|own| tcgetpgrp(stdin()).is_ok_and(|group| group == *own));
        Self(own.and_then(|own| Some((own, tcgetattr(stdin()).ok()?))))
    }

    /// Takes it back from a command that gave it to a job of its own, and that could not give it
    /// back: from inside nobody sees our process group. Modes that it left behind go as well.
    pub(crate) fn take_back(self) {
        let Self(Some((own, modes))) = self else { return };
        // A group that is still there has it by right: the shell, while we were stopped.
        let gone = |group| test_kill_process_group(group) == Err(Errno::SRCH);
        if !tcgetpgrp(stdin()).is_ok_and(gone) {
            return;
        }
        // Whoever started us sets both right otherwise.
        let _ = tcsetpgrp(stdin(), own);
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &modes);
    }
}
