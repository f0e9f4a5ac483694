//! A run that goes on while a test looks at it, and servers outside that it may reach.

use std::{
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use crate::{enclosed::Enclosed, holdpoint::until};

/// A port on which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that is ended with the value.
pub struct Process(pub Child);

impl Process {
    /// Starts `command`, and waits until somebody listens on `port`.
    pub fn listening(command: &mut Command, port: u16) -> Self {
        let process = Self(command.spawn().unwrap());
        until("a server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run, and the lines that it says on standard error.
pub struct Running {
    /// Its supervisor.
    pub process: Process,
    /// What it has said and nobody has read yet.
    pub lines: Receiver<String>,
}

impl Running {
    /// Runs a script of bash inside, with further `options` of `holdpoint run`.
    pub fn start(place: &Enclosed, options: &[&str], script: &str) -> Self {
        let mut run = place.outside(place.path("holdpoint"));
        run.arg("run").args(options).args(["--", "bash", "-c", script]);
        let mut child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        Self { process: Process(child), lines }
    }

    /// The next line that begins with `beginning`.
    pub fn says(&self, beginning: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(40));
            let line = line.unwrap_or_else(|_| panic!("it never said {beginning}: {before:?}"));
            if line.starts_with(beginning) {
                return line;
            }
            before.push(line);
        }
    }
}
