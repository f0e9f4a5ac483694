//! The binary under test, its state directory, and its command line.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;
use holdpoint_store::{State, approvers::WorkFactor};
use serde_json::Value;
use tempfile::TempDir;

/// The passphrase of every approver in these tests.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// A state directory and the binary that works on it.
#[derive(Debug)]
pub struct Holdpoint {
    binary: PathBuf,
    state: PathBuf,
    /// Goes with the value, if it was made for it.
    _made: Option<TempDir>,
}

/// What a call of the binary came to.
#[derive(Debug)]
pub struct Called {
    /// The exit status.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Called {
    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Holdpoint {
    /// A fresh state directory for `binary` (`env!("CARGO_BIN_EXE_holdpoint-under-test")`).
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let state = tempfile::Builder::new().prefix("holdpoint-").tempdir().unwrap();
        Self { binary: binary.into(), state: state.path().to_owned(), _made: Some(state) }
    }

    /// A state directory that is there already.
    pub fn on(state: impl Into<PathBuf>, binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), state: state.into(), _made: None }
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// A call with the state directory set and nothing of the environment but the path.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOLDPOINT_STATE", self.state())
            .stdin(Stdio::null());
        command
    }

    /// Calls the binary to its end.
    pub fn call(&self, arguments: &[&str]) -> Called {
        self.command(arguments).output().unwrap().into()
    }

    /// Calls the binary with `input` on its standard input.
    pub fn call_with(&self, arguments: &[&str], input: &str) -> Called {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Calls the binary, which must end with 0, and reads the JSON that it prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let called = self.call(arguments);
        assert_eq!(called.status, 0, "{arguments:?}\n{}", called.stderr);
        called.json()
    }

    /// Tries to start the gateway, which must not listen; ended after 20 s all the same.
    pub fn up_in_vain(&self) -> Called {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "20"]).arg(&self.binary);
        command.args(["up", "--proxy", "127.0.0.1:0"]).env("HOLDPOINT_STATE", self.state());
        command.output().unwrap().into()
    }

    /// Makes `name` an approver whose key costs nothing to open: tests release a lot.
    pub fn enrol(&self, name: &str) {
        let state = State::open(self.state()).unwrap();
        let passphrase = PASSPHRASE.to_owned().into();
        state.approvers().enrol(name, &passphrase, WorkFactor::TRIVIAL, Timestamp(0)).unwrap();
    }

    /// The records from index `first` on, at most a thousand, oldest first: `index` and `record`.
    pub fn records_from(&self, first: u64) -> Vec<Value> {
        let shown = self.json(&["ledger", "show", "--last", "1000", "--json"]);
        let mut records = shown.as_array().unwrap().clone();
        records.sort_by_key(|shown| shown["index"].as_u64());
        records.retain(|shown| shown["index"].as_u64() >= Some(first));
        records
    }

    /// How many records there are, of which none was touched.
    pub fn verified(&self) -> u64 {
        let verified = self.call(&["ledger", "verify", "--json"]);
        assert_eq!(verified.status, 0, "{} {}", verified.stdout, verified.stderr);
        verified.json()["size"].as_u64().unwrap()
    }

    /// Starts the gateway on free ports with further `arguments` and `environment`.
    pub fn up(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Gateway {
        let mut command = self.command(&["up", "--proxy", "127.0.0.1:0", "--json"]);
        command.args(arguments).envs(environment.iter().copied());
        Gateway::start(command)
    }
}

/// Looks again and again until `found` gives something; panics with `what` after 20 s.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < patience, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A running gateway; ended with the value.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    addresses: Value,
    /// What it said on standard error: read all the time, or a talkative gateway would wait.
    said: Arc<Mutex<String>>,
}

impl Gateway {
    /// Runs `command`, which is to become a gateway, and waits until it listens.
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(addresses) = serde_json::from_str(&line) else {
            panic!("no gateway: {:?}", child.wait_with_output());
        };
        let said = Arc::new(Mutex::new(String::new()));
        let (written, stderr) = (Arc::clone(&said), BufReader::new(child.stderr.take().unwrap()));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, addresses, said }
    }

    /// What it has said on standard error until now.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said `text`.
    pub fn says(&self, text: &str) {
        until(text, || self.said().contains(text).then_some(()));
    }

    /// Asks the gateway to read its configuration again.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// All that it said of where it listens.
    pub fn addresses(&self) -> &Value {
        &self.addresses
    }

    /// `127.0.0.1:PORT`.
    pub fn proxy(&self) -> &str {
        self.addresses["proxy"].as_str().unwrap()
    }

    /// `127.0.0.1:PORT` of each address that stands for one upstream, in configured order.
    pub fn reverse(&self) -> Vec<String> {
        let all = self.addresses["reverse"].as_array().into_iter().flatten();
        all.map(|it| it["listen"].as_str().unwrap().to_owned()).collect()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever had, in KiB.
    pub fn peak_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends the gateway as a power cut would, and leaves the value behind.
    pub fn cut(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the gateway to stop, and waits until it has.
    pub fn stop(mut self) -> i32 {
        self.end()
    }

    /// The same for a gateway that may have ended before; -1 if a signal ended it.
    pub fn end(&mut self) -> i32 {
        if self.child.try_wait().unwrap().is_none() {
            self.signal("-TERM");
        }
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ends the gateway as a power cut would.
    pub fn kill(mut self) {
        self.cut();
    }

    /// Waits until the gateway has ended by itself, at most `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
