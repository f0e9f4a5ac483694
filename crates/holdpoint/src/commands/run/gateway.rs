//! The gateway that guards the way out, started if none is up.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use holdpoint_store::{Config, runs::RunDoor};

use super::{Gateway, Here};
use crate::{cli::USUAL_STATE, status::CommandError};

/// How long a gateway may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one may take that another run starts, once ours has ended.
const OTHER: Duration = Duration::from_secs(2);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(5);
/// How long the service manager may take: then a gateway of our own is started.
const SERVICE_PATIENCE: Duration = Duration::from_secs(5);
/// What `install.sh` gives a service manager.
const SOCKET: &str = "holdpoint.socket";
const SERVICE: &str = "holdpoint.service";
/// The authority of another user's gateway.
const DOOR_CA: &str = "door-ca.pem";
/// Where a gateway that nobody watches says what goes wrong.
const LOG: &str = "gateway.log";
/// Bytes of it that are shown when it does not start.
const SHOWN: usize = 2000;

/// The gateway of this state, up; or another user's, if that is what guards runs here.
pub(super) fn ready(here: &Here) -> Result<Gateway, CommandError> {
    if let Some(socket) = &here.config.run_door {
        return behind(here, socket);
    }
    let ca = here.dir.join("ca.pem");
    if is_up(&here.dir) {
        return Ok(Gateway { ca, started: None, door: None });
    }
    if is_served(&here.dir) {
        return Ok(Gateway { ca, started: None, door: None });
    }
    let mut child = start(&here.dir, here.config.proxy)?;
    let until = Instant::now() + PATIENCE;
    let (mut moved, mut ended) = (false, None);
    while !is_up(&here.dir) {
        if child.try_wait().map_err(CommandError::unable)?.is_some() && !is_up(&here.dir) {
            // Another may have taken the address since it was looked at.
            if !moved && is_another_s(here.config.proxy) {
                moved = true;
                child = start(&here.dir, here.config.proxy)?;
                continue;
            }
            // Another run may have begun to start one a moment before.
            let since = *ended.get_or_insert_with(Instant::now);
            if since.elapsed() > OTHER {
                return Err(CommandError::unable(not_up(&here.dir)));
            }
        }
        if Instant::now() > until {
            // It may have ended by itself.
            let _ = child.kill();
            return Err(CommandError::unable(not_up(&here.dir)));
        }
        thread::sleep(GLANCE);
    }
    Ok(Gateway { ca, started: Some(child.id()), door: None })
}

/// The gateway behind a door. Its authority is kept where ours would be read.
fn behind(here: &Here, socket: &Path) -> Result<Gateway, CommandError> {
    let door = RunDoor::at(socket);
    let pem = door.authority().map_err(|error| {
        let at = socket.display();
        let mend = format!("its user has to start it: holdpoint up --run-door {at}");
        CommandError::unable(format!("no gateway answers at {at} (run_door): {error}; {mend}"))
    })?;
    let ca = here.dir.join(DOOR_CA);
    if fs::read_to_string(&ca).ok().as_ref() != Some(&pem) {
        let draft = ca.with_extension(format!("draft-{}", std::process::id()));
        let written = fs::write(&draft, &pem).and_then(|()| fs::rename(&draft, &ca));
        written.map_err(CommandError::unable)?;
    }
    Ok(Gateway { ca, started: None, door: Some(door) })
}

/// Starts another gateway where the one that a run needs has gone, as after a crash, and nobody has
/// started one since. Of several runs that do so, one succeeds: the state is one gateway's.
pub(super) fn again(dir: &Path, proxy: SocketAddr) {
    if is_up(dir) || is_served(dir) {
        return;
    }
    match start(dir, proxy) {
        Ok(mut child) => {
            eprintln!(
                "holdpoint: the gateway has gone; another was started (process {})",
                child.id()
            );
            // It ends with its state's lock in another's hands, or stays; nobody else waits for it.
            thread::spawn(move || child.wait());
        }
        Err(error) => eprintln!("holdpoint: the gateway has gone, and none starts: {error}"),
    }
}

fn is_up(dir: &Path) -> bool {
    UnixStream::connect(dir.join("runs.sock")).is_ok()
}

/// Whether the gateway is a service here, and is up now: its human has the service manager listen for
/// it, and what serves the usual state is started by that.
fn is_served(dir: &Path) -> bool {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let usual = variable("HOME").and_then(|home| fs::canonicalize(home.join(USUAL_STATE)).ok());
    let managed = variable("XDG_RUNTIME_DIR").is_some_and(|it| it.join("systemd").is_dir());
    if !managed || usual.is_none() || usual != fs::canonicalize(dir).ok() {
        return false;
    }
    let says = |words: &[&str]| {
        let mut manager = Command::new("systemctl");
        manager.args(["--user", "--quiet"]).args(words);
        let said =
            manager.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        said.is_ok_and(|said| said.success())
    };
    if !says(&["is-active", SOCKET]) || !says(&["start", "--no-block", SERVICE]) {
        return false;
    }
    let until = Instant::now() + SERVICE_PATIENCE;
    while !is_up(dir) && Instant::now() < until {
        thread::sleep(GLANCE);
    }
    is_up(dir)
}

/// Starts a gateway that stays when this run is over: others may come to need it.
fn start(dir: &Path, proxy: SocketAddr) -> Result<Child, CommandError> {
    let log = File::create(dir.join(LOG)).map_err(CommandError::unable)?;
    let second = log.try_clone().map_err(CommandError::unable)?;
    let mut gateway = Command::new("/proc/self/exe");
    gateway.args(["up", "--state"]).arg(dir);
    if is_another_s(proxy) {
        gateway.args(["--proxy", "127.0.0.1:0"]);
    }
    gateway
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(second)
        // Ctrl-C is meant for the agent.
        .process_group(0)
        .spawn()
        .map_err(CommandError::unable)
}

/// Whether the address that nobody chose is another gateway's, such as another user's: runs need
/// none, so that this one takes whichever is free.
fn is_another_s(proxy: SocketAddr) -> bool {
    let bound = || TcpListener::bind(proxy).map_err(|error| error.kind());
    proxy == Config::default().proxy && matches!(bound(), Err(io::ErrorKind::AddrInUse))
}

fn not_up(dir: &Path) -> String {
    let said = fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    let start = said.len().saturating_sub(SHOWN);
    let said = said.get(start..).unwrap_or_default().trim();
    format!("the gateway does not start, so nothing was started; it said: {said}")
}
