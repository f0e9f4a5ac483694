//! A day of honest work: situations from a file, each done by real tools, unguarded and guarded.

mod company;
mod neighbours;
mod words;

use std::{
    fs::{self, Permissions},
    io::Write as _,
    net::{SocketAddr, TcpListener},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

pub use self::words::{Hooked, Verdict};
use self::{
    company::{Company, PASSWORD, STAGING},
    neighbours::{Redis, database, proxy, toolchain},
};
use crate::{
    fakes::{PRIVATE_NPM, PRIVATE_PYPI, TOKEN},
    holdpoint::Called,
    hooks::{Dialect, Said},
    postgres,
};

/// An ordinary user that needs no entry anywhere.
const ORDINARY: u32 = 1001;
/// Where tools are for every user.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How this machine's own programs find whom to trust, which the unguarded need as well.
const TRUST: [&str; 7] = [
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];
/// Where the state is, in a home.
const STATE: &str = ".local/state/holdpoint";
/// One script ends within this.
const PATIENCE: &str = "150";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    situation: Vec<Situation>,
}

/// One line of the day; the head of `a-day/situations.toml` says what its fields are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the file says it")]
pub struct Situation {
    pub name: String,
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    pub with: Vec<String>,
    #[serde(default)]
    pub setup: String,
    #[serde(default)]
    pub run: Vec<String>,
    pub command: String,
    #[serde(default)]
    pub beside: String,
    #[serde(default)]
    pub after: String,
    #[serde(default)]
    pub expect: Verdict,
    #[serde(default)]
    pub says: Vec<String>,
    #[serde(default)]
    pub hook: Hooked,
    #[serde(default = "yes")]
    pub unguarded: bool,
    #[serde(default)]
    pub restart: bool,
    #[serde(default)]
    pub soak: bool,
}

fn yes() -> bool {
    true
}

/// How a situation came out.
#[derive(Debug)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// All that was printed.
    pub told: String,
    /// How long it took guarded, all of `holdpoint run`, and unguarded.
    pub seconds: (f64, Option<f64>),
    /// What the hook said.
    pub hook: Hooked,
}

/// Every situation.
pub fn situations() -> Vec<Situation> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/a-day/situations.toml");
    let file: File = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file.situation
}

/// A user's machine for a day: a home, a way to the world, and nothing that was configured.
#[derive(Debug)]
pub struct Day {
    dir: TempDir,
    user: Option<u32>,
    world: SocketAddr,
    postgres: postgres::Server,
    redis: Option<Redis>,
    _company: Company,
}

impl Day {
    /// For this process's own user, or for an ordinary one, which only root can become.
    pub fn new(binary: &str, ordinary: bool) -> Option<Self> {
        Self::configured(binary, ordinary, "")
    }

    /// The same with this `holdpoint.toml`.
    pub fn configured(binary: &str, ordinary: bool, configuration: &str) -> Option<Self> {
        if ordinary && !nix::unistd::geteuid().is_root() {
            return None;
        }
        let dir = tempfile::Builder::new().prefix("a-day-").tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        if fs::hard_link(binary, dir.path().join("holdpoint")).is_err() {
            fs::copy(binary, dir.path().join("holdpoint")).unwrap();
        }
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join(".gitconfig"), "[user]\nname=dev\nemail=dev@example.test\n").unwrap();
        let user = ordinary.then_some(ORDINARY);
        toolchain(&home);
        let company = Company::start();
        let state = home.join(STATE);
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
        fs::write(state.join("company.pem"), &company.ca).unwrap();
        // Its own hosts are listed, and nothing else is configured.
        let text = format!("{configuration}upstream_ca = [\"company.pem\"]\n{}", company.listed());
        fs::write(state.join("holdpoint.toml"), text).unwrap();
        let (world, redis) = (proxy(&company.places), Redis::start());
        let day = Self { dir, user, world, postgres: database(), redis, _company: company };
        day.give(&home);
        // The gateway is started by the first run of all, which nobody waits for here.
        let first = day.folder("first");
        let called: Called = day.run(&first, &[], "true").output().unwrap().into();
        assert_eq!(called.status, 0, "{}", called.stderr);
        day.keep_login();
        Some(day)
    }

    /// Gives the login of the staging site, as its human would.
    fn keep_login(&self) {
        let mut add = self.outside(&self.dir.path().join("holdpoint"));
        add.args(["secrets", "add", "staging-login", "--host", STAGING, "--purpose", "rest:*"]);
        add.args(["--place", "body:password"]);
        let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        add.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(add.wait().unwrap().success());
    }

    fn give(&self, path: &Path) {
        if let Some(user) = self.user {
            chown(path, Some(user), Some(user)).unwrap();
            for entry in fs::read_dir(path).unwrap().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => self.give(&entry.path()),
                    false => {
                        std::os::unix::fs::lchown(entry.path(), Some(user), Some(user)).unwrap()
                    }
                }
            }
        }
    }

    /// A new, empty directory.
    fn folder(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join("code").join(name);
        fs::create_dir_all(&path).unwrap();
        self.give(&self.dir.path().join("code"));
        path
    }

    fn gateway(&self) -> PathBuf {
        self.state().join("gateway.json")
    }

    /// The state directory of its user.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("home").join(STATE)
    }

    fn outside(&self, program: &Path) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", PATIENCE]);
        if let Some(user) = self.user {
            command.args(["setpriv", "--reuid", &user.to_string(), "--regid", &user.to_string()]);
            command.args(["--clear-groups", "--"]);
        }
        let home = self.dir.path().join("home");
        let trust = TRUST.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .arg(program)
            .env_clear()
            .envs(trust)
            .env("PATH", format!("{PATH}:{}/.cargo/bin", home.display()))
            .env("HOME", home)
            .env("USER", "dev")
            .env("LANG", "C.UTF-8")
            .env("TERM", "dumb")
            .env("HTTPS_PROXY", format!("http://{}", self.world))
            .stdin(Stdio::null());
        command
    }

    /// A script of bash outside, in `folder`.
    fn script(&self, folder: &Path, script: &str) -> Command {
        let mut command = self.outside(Path::new("bash"));
        command.arg("-c").arg(script).current_dir(folder);
        command
    }

    /// The same in a run.
    fn run(&self, folder: &Path, words: &[String], script: &str) -> Command {
        let mut command = self.outside(&self.dir.path().join("holdpoint"));
        command.arg("run").args(words).args(["--", "bash", "-c"]).arg(script).current_dir(folder);
        command
    }

    /// What is to be had of a situation here; none if it cannot be tried.
    pub fn tried(&self, situation: &Situation, number: usize) -> Result<Outcome, String> {
        let here = |name: &String| {
            let look = format!(
                "command -v {name} >/dev/null && {{ {name} --version || {name} version; }} >/dev/null 2>&1"
            );
            self.script(self.dir.path(), &look).status().unwrap().success()
        };
        if let Some(wanting) = situation.needs.iter().find(|name| !here(name)) {
            return Err(format!("there is no {wanting}"));
        }
        if situation.with.iter().any(|name| name == "redis") && self.redis.is_none() {
            return Err("there is no redis-server".to_owned());
        }
        let [plain, guarded, hooked] =
            ["plain", "guarded", "hooked"].map(|kind| self.folder(&format!("{number}-{kind}")));
        let values = self.values();
        let unguarded = match situation.unguarded {
            true => Some(self.unguarded(situation, &plain, &values)?),
            false => None,
        };
        self.prepared(situation, &guarded, &values)?;
        if situation.restart {
            let command = filled(&situation.command, &values);
            let called = self.run(&guarded, &[], &command).output().unwrap();
            assert!(called.status.success(), "{called:?}");
            self.end_gateway();
        }
        let (called, seconds) = self.done(situation, &guarded, &values, true);
        let (verdict, told) = (verdict(&called), called.stdout + &called.stderr);
        let after = filled(&situation.after, &values);
        let after: Called = self.script(&guarded, &after).output().unwrap().into();
        let told = match after.status {
            0 => told,
            status => format!("{told}\nAFTER: {status} {}{}", after.stdout, after.stderr),
        };
        let hook = match situation.hook {
            Hooked::None => Hooked::None,
            _ => {
                self.prepared(situation, &hooked, &values)?;
                self.hook(&hooked, &filled(&situation.command, &values))
            }
        };
        Ok(Outcome { verdict, told, seconds: (seconds, unguarded), hook })
    }

    /// What stands for the services and ports of this machine.
    fn values(&self) -> Vec<(&'static str, String)> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = self.postgres.port();
        let run = format!("{} run --", self.dir.path().join("holdpoint").display());
        vec![
            ("$PG", format!("postgres://dev:dev@127.0.0.1:{port}/shop")),
            ("$REDIS", self.redis.as_ref().map_or(0, |redis| redis.port).to_string()),
            ("$FREE", free.to_string()),
            ("$RUN", run),
            ("$STAGING", format!("https://{STAGING}")),
            ("$NPM", PRIVATE_NPM.to_owned()),
            ("$PYPI", PRIVATE_PYPI.to_owned()),
            ("$TOKEN", TOKEN.to_owned()),
            ("$GATEWAY", self.gateway().display().to_string()),
        ]
    }

    fn prepared(
        &self,
        situation: &Situation,
        folder: &Path,
        values: &[(&str, String)],
    ) -> Result<(), String> {
        let setup = filled(&situation.setup, values);
        let made: Called = self.script(folder, &setup).output().unwrap().into();
        match made.status {
            0 => Ok(()),
            _ => Err(format!("its setup fails: {}{}", made.stdout, made.stderr)),
        }
    }

    fn unguarded(
        &self,
        situation: &Situation,
        folder: &Path,
        values: &[(&str, String)],
    ) -> Result<f64, String> {
        self.prepared(situation, folder, values)?;
        let (called, seconds) = self.done(situation, folder, values, false);
        match called.status {
            0 => Ok(seconds),
            _ => Err(format!("unguarded it fails: {}{}", called.stdout, called.stderr)),
        }
    }

    /// Does it, with what happens beside it, and says how long it took.
    fn done(
        &self,
        situation: &Situation,
        folder: &Path,
        values: &[(&str, String)],
        guarded: bool,
    ) -> (Called, f64) {
        // What is beside it is guarded as it is.
        let run = if guarded { "$RUN " } else { "" };
        let beside = filled(&situation.beside.replace("$RUN ", run), values);
        let beside = (!beside.is_empty()).then(|| {
            let mut beside = self.script(folder, &beside);
            beside.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        });
        let command = filled(&situation.command, values);
        let mut command = match guarded {
            true => {
                let words = situation.run.iter().map(|word| filled(word, values));
                self.run(folder, &words.collect::<Vec<_>>(), &command)
            }
            false => self.script(folder, &command),
        };
        let began = Instant::now();
        let called = command.output().unwrap().into();
        let seconds = began.elapsed().as_secs_f64();
        if let Some(mut beside) = beside {
            beside.wait().unwrap();
        }
        (called, seconds)
    }

    /// What the hook alone says to a command, which is sent again while something is being saved.
    fn hook(&self, folder: &Path, command: &str) -> Hooked {
        let until = Instant::now() + Duration::from_secs(30);
        let mut said = self.ask(folder, command);
        while said.text().contains("(preparing)") && Instant::now() < until {
            thread::sleep(Duration::from_millis(200));
            said = self.ask(folder, command);
        }
        let word = Dialect::Claude.word(&said);
        if word != "allow" {
            println!("  hook: {}", said.text().trim());
        }
        match word.as_str() {
            "allow" => Hooked::Allow,
            "ask" => Hooked::Ask,
            _ => Hooked::Deny,
        }
    }

    /// Asks the hook as Claude Code does.
    fn ask(&self, folder: &Path, command: &str) -> Said {
        let mut hook = self.outside(&self.dir.path().join("holdpoint"));
        hook.args(["hook", "--agent", "claude"]).current_dir(folder);
        hook.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = hook.spawn().unwrap();
        let said = json!({
            "session_id": folder.display().to_string(), "hook_event_name": "PreToolUse",
            "cwd": folder, "permission_mode": "default", "tool_name": "Bash",
            "tool_input": {"command": command}, "tool_use_id": "t",
        });
        child.stdin.take().unwrap().write_all(said.to_string().as_bytes()).unwrap();
        Said::from(Called::from(child.wait_with_output().unwrap()))
    }

    /// Ends the gateway, and waits until it has.
    fn end_gateway(&self) {
        let text = fs::read(self.gateway()).unwrap_or_default();
        let listening: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let Some(process) = listening["pid"].as_u64() else { return };
        // It may have ended by itself.
        let _ = Command::new("kill").arg(process.to_string()).status();
        let until = Instant::now() + Duration::from_secs(40);
        while Path::new(&format!("/proc/{process}")).exists() && self.gateway().exists() {
            assert!(Instant::now() < until, "the gateway {process} does not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Day {
    fn drop(&mut self) {
        self.end_gateway();
    }
}

/// What the end of a run says became of it.
fn verdict(called: &Called) -> Verdict {
    let ended = called.stderr.lines().rev().find(|line| line.contains(" ended with "));
    let none = |what: &str| ended.is_some_and(|line| line.contains(what));
    match () {
        () if called.stdout.contains("Holdpoint refused")
            || called.stderr.contains("Holdpoint refused") =>
        {
            Verdict::Told
        }
        () if !none(" 0 held") => Verdict::Held,
        () if !none(" 0 refused") => Verdict::Refused,
        () if called.status != 0 => Verdict::Failed,
        () if called.stderr.contains("nothing of it is in place") => Verdict::Kept,
        () => Verdict::Pass,
    }
}

fn filled(script: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value))
}
