//! What a human hears who looks elsewhere, when something of a run is held: by the terminal's title,
//! and on the desktop, if there is one.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What keeps a terminal's title, and what brings it back (xterm's control sequences).
const KEEP: &str = "\x1b[22;2t";
const BRING_BACK: &str = "\x1b[23;2t";

/// How long the desktop is left alone after it was told: an agent holds as much as it likes.
const PAUSE: Duration = Duration::from_secs(10);

/// What of a run is held, as far as its human was told.
#[derive(Debug)]
pub(super) struct Alert {
    run: String,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// What waits, oldest first.
    holds: Vec<String>,
    titled: bool,
    /// When the desktop was told, or will be.
    notified: Option<Instant>,
}

/// When the desktop is told of something new.
#[derive(Debug, PartialEq, Eq)]
enum Notice {
    Now,
    After(Duration),
    /// It is about to be told anyway.
    Comes,
}

impl Alert {
    /// Of this run, of which nothing is held yet.
    pub(super) fn of(run: &str) -> Self {
        Self { run: run.to_owned(), told: Mutex::default() }
    }

    /// Hears what waits now, oldest first.
    pub(super) fn hear(self: &Arc<Self>, waiting: &[&str]) {
        let mut told = self.lock();
        let Some(newest) = waiting.last() else {
            told.holds.clear();
            return told.bring_back();
        };
        let Some(notice) = told.hear(waiting, Instant::now()) else { return };
        told.title(&format!("held: {newest} (holdpoint approve {newest})"));
        drop(told);
        match notice {
            Notice::Comes => {}
            Notice::Now => self.notify(),
            Notice::After(pause) => {
                let alert = Arc::clone(self);
                let later = move || {
                    thread::sleep(pause);
                    alert.notify();
                };
                // Without it, the title has to do.
                let _ = thread::Builder::new().spawn(later);
            }
        }
    }

    /// Tells the desktop what waits by now.
    fn notify(&self) {
        let text = self.lock().text(&self.run);
        text.iter().for_each(|text| notify(text));
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
    /// Hears what waits now; when the desktop is told, if any of it is new.
    fn hear(&mut self, waiting: &[&str], now: Instant) -> Option<Notice> {
        let new = waiting.iter().any(|id| !self.holds.iter().any(|known| known == id));
        self.holds = waiting.iter().map(|&id| id.to_owned()).collect();
        let next = self.notified.map_or(now, |last| last + PAUSE);
        let notice = match self.notified {
            _ if !new => return None,
            Some(last) if last > now => return Some(Notice::Comes),
            Some(_) if next > now => Notice::After(next.duration_since(now)),
            _ => Notice::Now,
        };
        self.notified = Some(next.max(now));
        Some(notice)
    }

    /// What the desktop is told; nothing if nothing waits any more.
    fn text(&self, run: &str) -> Option<String> {
        let (newest, others) = self.holds.split_last()?;
        let more = match others.len() {
            0 => String::new(),
            count => format!(", and {count} more: holdpoint holds"),
        };
        Some(format!("Run {run} waits for you: holdpoint approve {newest}{more}"))
    }

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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Notice, PAUSE, Told};

    #[test]
    fn the_desktop_is_told_once_in_a_while_of_all_that_waits() {
        let (mut told, began) = (Told::default(), Instant::now());
        let at = |seconds| Duration::from_secs(seconds);
        let after = |seconds| Some(Notice::After(at(seconds)));
        assert_eq!(PAUSE, at(10));
        for (second, waiting, expect, text) in [
            (0, &["a"][..], Some(Notice::Now), "Run r waits for you: holdpoint approve a"),
            (1, &["a"], None, "Run r waits for you: holdpoint approve a"),
            (3, &["a", "b"], after(7), "approve b, and 1 more: holdpoint holds"),
            (4, &["a", "b", "c"], Some(Notice::Comes), "approve c, and 2 more: holdpoint holds"),
            (9, &["c"], None, "approve c"),
            (12, &["c", "d"], after(8), "approve d, and 1 more"),
            (31, &["e"], Some(Notice::Now), "approve e"),
        ] {
            assert_eq!(told.hear(waiting, began + at(second)), expect, "{second}");
            assert!(told.text("r").unwrap().contains(text), "{:?}", told.text("r"));
        }
        told.holds.clear();
        assert_eq!(told.text("r"), None);
    }
}
