//! What a human hears who looks elsewhere, when something of a run is held: by the terminal's title,
//! and on the desktop, if there is one.

use std::{
    collections::HashSet,
    io::{IsTerminal as _, Write as _, stderr},
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What keeps a terminal's title, and what brings it back (xterm's control sequences).
const KEEP: &str = "\x1b[22;2t";
const BRING_BACK: &str = "\x1b[23;2t";

/// What of a run is held, as far as its human was told.
#[derive(Debug)]
pub(super) struct Alert {
    run: String,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    holds: HashSet<String>,
    titled: bool,
}

impl Alert {
    /// Of this run, of which nothing is held yet.
    pub(super) fn of(run: &str) -> Self {
        Self { run: run.to_owned(), told: Mutex::default() }
    }

    /// The run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Hears what waits now, oldest first.
    pub(super) fn hear(&self, waiting: &[&str]) {
        let mut told = self.lock();
        let Some(newest) = waiting.last() else { return told.bring_back() };
        let known = told.holds.len();
        told.holds.extend(waiting.iter().map(|&id| id.to_owned()));
        if told.holds.len() == known {
            return;
        }
        told.title(&format!("held: {newest} (holdpoint approve {newest})"));
        drop(told);
        notify(&format!("Run {} waits for you: holdpoint approve {newest}", self.run));
    }

    /// The run is over.
    pub(super) fn end(&self) {
        self.lock().bring_back();
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn title(&mut self, title: &str) {
        if !stderr().is_terminal() {
            return;
        }
        let keep = if self.titled { "" } else { KEEP };
        self.titled = true;
        say(&format!("{keep}\x1b]2;{title}\x07"));
    }

    fn bring_back(&mut self) {
        if std::mem::take(&mut self.titled) {
            say(BRING_BACK);
        }
    }
}

/// In one piece, as an agent draws on the same terminal.
fn say(text: &str) {
    // A terminal that has gone shows nothing.
    let _ = stderr().write_all(text.as_bytes());
}

/// Tells the desktop, where this user is at one.
fn notify(text: &str) {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR");
    let at_one = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || runtime.is_some_and(|at| Path::new(&at).join("bus").exists());
    if !at_one {
        return;
    }
    let mut command = Command::new("notify-send");
    command.args(["--app-name=Holdpoint", "Holdpoint holds something", text]);
    // Whoever supervises the run reaps it; without the program, the title has to do.
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
