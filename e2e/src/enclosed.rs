//! A run of any command in its enclosure, as root or as an ordinary user, with an upstream that a
//! human listed and a state, a home and a workspace of its own.

use std::{
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use holdpoint_drill::upstream::{Arrival, EchoUpstream};
use serde_json::Value;
use tempfile::TempDir;

use crate::{echo::LISTED, holdpoint::Called};

/// An ordinary user that needs no entry anywhere.
const ORDINARY: u32 = 1001;

/// Where tools are for every user.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A place to run in.
pub struct Enclosed {
    /// The upstream behind [`LISTED`].
    pub upstream: EchoUpstream,
    user: Option<u32>,
    binary: PathBuf,
    dir: TempDir,
}

impl Enclosed {
    /// Such a place for every kind of user that this process can be.
    pub async fn each(binary: &str) -> Vec<Self> {
        let root = nix::unistd::geteuid().is_root();
        let users = if root { vec![None, Some(ORDINARY)] } else { vec![None] };
        let mut all = Vec::new();
        for user in users {
            all.push(Self::set(binary, user).await);
        }
        all
    }

    async fn set(binary: &str, user: Option<u32>) -> Self {
        let upstream = EchoUpstream::https(&[LISTED]).await.unwrap();
        let dir = tempfile::Builder::new().prefix("enclosed-").tempdir().unwrap();
        let binary = copy_of(Path::new(binary), dir.path());
        for name in ["state", "home", "work", "elsewhere", "home/.ssh", "home/.codex"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("home/.ssh/id_ed25519"), "a key").unwrap();
        fs::write(dir.path().join("home/.gitconfig"), "[user]\nname=a\nemail=a@b.test\n").unwrap();
        fs::write(dir.path().join("elsewhere/file"), "outside").unwrap();
        fs::write(dir.path().join("ca.pem"), upstream.ca_pem().unwrap()).unwrap();
        let configuration = format!(
            "proxy = \"127.0.0.1:0\"\nresolve = [\"{LISTED}:443:{}\"]\nupstream_ca = [\"{}\"]\n\
             [hold]\nwait_seconds = 0\n",
            upstream.addr(),
            dir.path().join("ca.pem").display()
        );
        fs::write(dir.path().join("state/holdpoint.toml"), configuration).unwrap();
        // Whoever sits at a terminal was asked before.
        fs::write(dir.path().join("state/enrol.asked"), "later").unwrap();
        fs::set_permissions(dir.path().join("state"), Permissions::from_mode(0o700)).unwrap();
        if let Some(user) = user {
            give(dir.path(), user);
        }
        let this = Self { upstream, user, binary, dir };
        let listed = this.call(&[
            "hosts",
            "add",
            LISTED,
            "--speaks",
            "rest",
            "--environment",
            "development",
        ]);
        assert_eq!(listed.status, 0, "{}", listed.stderr);
        this
    }

    /// A path in the place: `state`, `home`, `work`, `elsewhere`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Who runs, for messages.
    pub fn who(&self) -> &'static str {
        if self.user.is_some() { "an ordinary user" } else { "this user" }
    }

    /// A program as this user, outside.
    pub fn outside(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", &user.to_string(), "--regid", &user.to_string()]);
                command.args(["--clear-groups", "--"]).arg(program.as_ref());
                command
            }
            None => Command::new(program.as_ref()),
        };
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.path("home"))
            .env("HOLDPOINT_STATE", self.path("state"))
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    /// Calls the binary to its end.
    pub fn call(&self, arguments: &[&str]) -> Called {
        self.outside(&self.binary).args(arguments).output().unwrap().into()
    }

    /// `holdpoint run -- COMMAND`, not started yet.
    pub fn run(&self, command: &[&str]) -> Command {
        let mut run = self.outside(&self.binary);
        run.args(["run", "--task", "a test", "--environment", "development", "--"]).args(command);
        run
    }

    /// Runs a script of bash inside to its end.
    pub fn script(&self, script: &str) -> Called {
        self.run(&["bash", "-c", script]).output().unwrap().into()
    }

    /// Runs a script of bash inside with this on its standard input.
    pub fn script_with(&self, script: &str, input: &str) -> Called {
        let mut run = self.run(&["bash", "-c", script]);
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child: Child = run.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// What arrived upstream.
    pub fn arrived(&self) -> Vec<Arrival> {
        self.upstream.log()
    }

    /// The process of the gateway that a run started, if it is up.
    pub fn gateway(&self) -> Option<u32> {
        let text = fs::read(self.path("state/gateway.json")).ok()?;
        let listening: Value = serde_json::from_slice(&text).ok()?;
        listening["pid"].as_u64().and_then(|process| u32::try_from(process).ok())
    }

    /// Ends that gateway, and waits until it has.
    pub fn end_gateway(&self) {
        let Some(process) = self.gateway() else { return };
        // It may have ended by itself.
        let _ = Command::new("kill").arg(process.to_string()).status();
        while self.gateway().is_some() && Path::new(&format!("/proc/{process}")).exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Enclosed {
    fn drop(&mut self) {
        self.end_gateway();
    }
}

/// The binary where every user can run it, wherever this checkout is.
fn copy_of(binary: &Path, dir: &Path) -> PathBuf {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let copy = dir.join("holdpoint");
    if fs::hard_link(binary, &copy).is_err() {
        fs::copy(binary, &copy).unwrap();
    }
    copy
}

/// Makes everything but the binary this user's.
fn give(path: &Path, user: u32) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "holdpoint" {
            continue;
        }
        chown(entry.path(), Some(user), Some(user)).unwrap();
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path(), user);
        }
    }
}
