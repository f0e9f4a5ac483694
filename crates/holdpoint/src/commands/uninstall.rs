//! `holdpoint uninstall`: takes everything back that was put on this machine.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use holdpoint_sandbox::Mark;
use holdpoint_store::State;
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        socket::{getsockopt, sockopt::PeerCredentials},
    },
    unistd::Pid,
};
use serde::Serialize;

use super::init;
use crate::{
    cli::Cli,
    status::{CommandError, Ended, Status},
    terminal,
};

/// What `install.sh` writes below its prefix: every file that it put there, a line each.
const INSTALLED: &str = "share/holdpoint/installed";
/// What lets this binary make namespaces where AppArmor allows it to none (Ubuntu 24.04 and later).
const PROFILE: &str = "/etc/apparmor.d/holdpoint";
/// By which Debian's package manager knows that the binary is its own.
const PACKAGE: &str = "/var/lib/dpkg/info/holdpoint.list";
/// How long the gateway may take to end what is in flight.
const PATIENCE: Duration = Duration::from_secs(30);

/// Take Holdpoint off this machine again: hooks, gateway, program; with --purge what it keeps, too.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint uninstall\n\n\
The state (ledger, undo points, secrets, keys) stays unless you say --purge, which asks apart.")]
pub struct Uninstall {
    /// Delete the state as well: what was recorded and saved is gone for good.
    #[arg(long)]
    purge: bool,
    /// Ask nothing.
    #[arg(long)]
    yes: bool,
}

/// What of ours is on this machine.
#[derive(Debug, Serialize)]
struct Found {
    /// Files that hooks were put into.
    hooks: Vec<PathBuf>,
    /// The gateway's process.
    gateway: Option<i32>,
    /// The files of the program.
    program: Vec<PathBuf>,
    /// The program is a package's.
    package: bool,
    /// The AppArmor profile.
    profile: Option<PathBuf>,
    /// The state directory.
    state: Option<PathBuf>,
}

/// Runs `holdpoint uninstall` on the state that `cli` names.
pub fn run(uninstall: &Uninstall, cli: &Cli) -> Ended {
    let (dir, json) = (&cli.state_dir()?, cli.json);
    if let Some(mark) = Mark::here() {
        let text =
            format!("this is inside of run {}: uninstall is for the human outside", mark.run);
        return Err(CommandError::usage(text));
    }
    // Hooks are put in place, and remember, before there is any database.
    let ours = ["state.db", "init.json", "episodes"];
    let state = ours.iter().any(|it| dir.join(it).exists()).then(|| dir.to_owned());
    nothing_runs(dir)?;
    let found = Found::look(state)?;
    if !json {
        eprint!("{}", found.shown(uninstall.purge));
    }
    if !uninstall.yes && !terminal::agrees("Take these back?")? {
        return Ok(Status::Wanting);
    }
    let purges = uninstall.purge
        && (uninstall.yes
            || terminal::agrees("And delete the state, for good: no undo, no evidence after it?")?);
    // While we asked, one may have begun.
    nothing_runs(dir)?;
    let left = found.take_back(dir, purges)?;
    match json {
        true => println!("{}", serde_json::json!({ "found": found, "left": left })),
        false if left.is_empty() => println!("everything is taken back"),
        false => println!("taken back, but for:\n  {}", left.join("\n  ")),
    }
    Ok(if left.is_empty() { Status::Done } else { Status::Wanting })
}

/// An agent that is enclosed would be left without its way out, and without a kill switch.
fn nothing_runs(dir: &Path) -> Result<(), CommandError> {
    if !dir.join("state.db").exists() {
        return Ok(());
    }
    let state = State::open(dir).map_err(CommandError::unable)?;
    let runs = state.run_processes().map_err(CommandError::unable)?;
    match runs.as_slice() {
        [] => Ok(()),
        [(run, _), rest @ ..] => Err(CommandError::unable(format!(
            "{run}{} still runs: end it, or `holdpoint kill --all`, then uninstall",
            if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) }
        ))),
    }
}

impl Found {
    fn look(state: Option<PathBuf>) -> Result<Self, CommandError> {
        let puts = state.as_deref().map_or(Ok(Vec::new()), init::read)?;
        let binary = std::env::current_exe().map_err(CommandError::unable)?;
        let package = fs::read_to_string(PACKAGE)
            .is_ok_and(|list| list.lines().any(|line| Path::new(line) == binary));
        Ok(Self {
            hooks: puts.into_iter().map(|put| put.file).collect(),
            gateway: state.as_deref().and_then(gateway),
            program: if package { Vec::new() } else { installed(&binary) },
            package,
            profile: fs::exists(PROFILE).unwrap_or(false).then(|| PROFILE.into()),
            state,
        })
    }

    fn shown(&self, purge: bool) -> String {
        let mut text = String::new();
        let mut line = |what: &str, which: String| text += &format!("{what:<9}{which}\n");
        for file in &self.hooks {
            line("hook", file.display().to_string());
        }
        if let Some(process) = self.gateway {
            line("gateway", format!("process {process}, which is stopped"));
        }
        if let Some(first) = self.program.first() {
            line("program", format!("{} and {} files", first.display(), self.program.len() - 1));
        }
        if let Some(profile) = &self.profile {
            line("profile", profile.display().to_string());
        }
        if let Some(state) = &self.state {
            let what = if purge { "deleted, once you have said so again" } else { "stays" };
            line("state", format!("{} {what}", state.display()));
        }
        text
    }

    /// Takes it back; what could not be, with what to do about it.
    fn take_back(&self, dir: &Path, purge: bool) -> Result<Vec<String>, CommandError> {
        let mut left = Vec::new();
        for file in init::take_all_back(dir)? {
            let why = "changed since, or out of reach; take our lines out by hand";
            left.push(format!("{}: {why}", file.display()));
        }
        if self.program.iter().any(|file| file.ends_with("systemd/user/holdpoint.service")) {
            // Where there is no service manager, it starts nothing either; where there is one, it
            // would start another gateway as soon as somebody comes.
            let mut systemctl = Command::new("systemctl");
            systemctl.args(["--user", "disable", "--now", "--quiet"]);
            systemctl.args(["holdpoint.socket", "holdpoint.service"]);
            let _none = systemctl.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        if let Some(process) = self.gateway {
            stop(dir, process)?;
        }
        if let Some(profile) = self.profile.as_deref().filter(|_| !self.package) {
            let mut parser = Command::new("apparmor_parser");
            let _not_loaded = parser.arg("-R").arg(profile).stderr(Stdio::null()).status();
            if fs::remove_file(profile).is_err() {
                left.push(format!("{0}: as root, `rm {0}`", profile.display()));
            }
        }
        for file in &self.program {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    left.push(format!("{}: {error}", file.display()));
                }
                _ => {}
            }
        }
        // Only what is named after us was made for us; it goes if nobody else put anything there.
        let ours = self.program.iter().filter_map(|file| file.parent());
        for directory in ours.filter(|it| it.file_name().is_some_and(|name| name == "holdpoint")) {
            let _not_empty_yet = fs::remove_dir(directory);
        }
        if let Some(state) = self.state.as_deref().filter(|_| purge) {
            delete(state)?;
        }
        if self.package {
            left.push("the program, a package's: `sudo apt-get purge holdpoint`".to_owned());
        } else if self.program.is_empty() {
            left.push("the program, which `install.sh` did not put where it is".to_owned());
        }
        Ok(left)
    }
}

/// The gateway that serves the state in `dir`: who listens says who it is.
fn gateway(dir: &Path) -> Option<i32> {
    let stream = UnixStream::connect(dir.join("runs.sock")).ok()?;
    let peer = getsockopt(&stream, PeerCredentials).ok()?;
    // 0: it is in a namespace of processes that is not ours.
    Some(peer.pid()).filter(|process| *process > 0)
}

/// Tells the gateway to stop, and waits until it has ended what is in flight.
fn stop(dir: &Path, process: i32) -> Result<(), CommandError> {
    let until = Instant::now() + PATIENCE;
    match kill(Pid::from_raw(process), Signal::SIGTERM) {
        // The service manager has stopped it.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(CommandError::unable(error)),
    }
    while gateway(dir) == Some(process) || fs::exists(format!("/proc/{process}")).unwrap_or(false) {
        if Instant::now() > until {
            let text =
                format!("the gateway (process {process}) does not stop; nothing more is done");
            return Err(CommandError::unable(text));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// What `install.sh` put below the prefix of this binary, the list itself last.
fn installed(binary: &Path) -> Vec<PathBuf> {
    let Some(prefix) = binary.parent().and_then(Path::parent) else { return Vec::new() };
    let list = prefix.join(INSTALLED);
    let Ok(text) = fs::read_to_string(&list) else { return Vec::new() };
    // What is not below the prefix was not put there by us, whoever wrote it into the list.
    let below = |line: &str| {
        let file = Path::new(line);
        let plain = file.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        (plain && !line.is_empty()).then(|| prefix.join(file))
    };
    text.lines().filter_map(below).chain([list.clone()]).collect()
}

/// Deletes the state. What is mounted below it is a run's view of somebody's files.
fn delete(state: &Path) -> Result<(), CommandError> {
    let state = fs::canonicalize(state).map_err(CommandError::unable)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(CommandError::unable)?;
    // proc(5): blanks in a path are written as octal numbers.
    let plain = |at: &str| at.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    let mut places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(plain);
    if let Some(at) = places.find(|at| Path::new(at).starts_with(&state)) {
        let text = format!("{at} is mounted: `umount {at}`, then delete {}", state.display());
        return Err(CommandError::unable(text));
    }
    fs::remove_dir_all(&state).map_err(CommandError::unable)
}
