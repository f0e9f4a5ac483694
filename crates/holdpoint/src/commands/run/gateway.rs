//! The gateway that guards the way out, started if none is up.

use std::{
    fs::{self, File},
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Gateway, Here};
use crate::status::CommandError;

/// How long a gateway may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one may take that another run starts, once ours has ended.
const OTHER: Duration = Duration::from_secs(2);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(5);
/// Where a gateway that nobody watches says what goes wrong.
const LOG: &str = "gateway.log";
/// Bytes of it that are shown when it does not start.
const SHOWN: usize = 2000;

/// The gateway of this state, up.
pub(super) fn ready(here: &Here) -> Result<Gateway, CommandError> {
    let ca = here.dir.join("ca.pem");
    if is_up(&here.dir) {
        return Ok(Gateway { ca, started: None });
    }
    let mut child = start(&here.dir)?;
    let until = Instant::now() + PATIENCE;
    let mut ended = None;
    while !is_up(&here.dir) {
        if child.try_wait().map_err(CommandError::unable)?.is_some() {
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
    Ok(Gateway { ca, started: Some(child.id()) })
}

fn is_up(dir: &Path) -> bool {
    UnixStream::connect(dir.join("runs.sock")).is_ok()
}

/// Starts a gateway that stays when this run is over: others may come to need it.
fn start(dir: &Path) -> Result<Child, CommandError> {
    let log = File::create(dir.join(LOG)).map_err(CommandError::unable)?;
    let second = log.try_clone().map_err(CommandError::unable)?;
    Command::new("/proc/self/exe")
        .args(["up", "--state"])
        .arg(dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(second)
        // Ctrl-C is meant for the agent.
        .process_group(0)
        .spawn()
        .map_err(CommandError::unable)
}

fn not_up(dir: &Path) -> String {
    let said = fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    let start = said.len().saturating_sub(SHOWN);
    let said = said.get(start..).unwrap_or_default().trim();
    format!("the gateway does not start, so nothing was started; it said: {said}")
}
