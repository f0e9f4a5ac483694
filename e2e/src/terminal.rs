//! A terminal with somebody at it, made by Python's own `pty`, which needs no `unsafe` here.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::holdpoint::until;

/// Starts what follows on a terminal of its own as the leader of a session; what is typed comes
/// on standard input, what is seen goes to standard output. A line `\0rows cols\n` resizes it.
const PTY: &str = r#"
import fcntl, os, pty, select, struct, sys, termios
child, master = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    ready = select.select([0, master], [], [])[0]
    if master in ready:
        try:
            seen = os.read(master, 65536)
        except OSError:
            break
        if not seen:
            break
        os.write(1, seen)
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed.startswith(b"\0"):
            rows, columns = map(int, typed[1:].split())
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        elif typed:
            os.write(master, typed)
        else:
            # Nobody sits there any more: the line is hung up.
            os.close(master)
            break
status = os.waitpid(child, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"#;

/// A terminal on which something runs.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    /// Starts `command` on a new one.
    pub fn start(command: &Command) -> Self {
        let mut pty = Command::new("/usr/bin/python3");
        pty.args(["-c", PTY]).arg(command.get_program()).args(command.get_args());
        pty.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        pty.current_dir(command.get_current_dir().unwrap());
        pty.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pty.spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&seen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = screen.read(&mut bytes)
                && length > 0
            {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Self { child, keyboard, seen }
    }

    /// Types.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        // Each is read by itself.
        thread::sleep(Duration::from_millis(50));
    }

    /// Gives it another size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.types(&format!("\0{rows} {columns}"));
    }

    /// What was seen so far.
    pub fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until `text` is seen after what has been seen at `from`; where it ends.
    pub fn sees(&self, from: usize, text: &str) -> usize {
        let look = || {
            let seen = self.seen();
            seen.get(from..).and_then(|new| new.find(text)).map(|at| from + at + text.len())
        };
        until(&format!("{text:?} on the terminal"), look)
    }

    /// Waits for the end of what runs on it; its status.
    pub fn end(mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        status.code()
    }
}
