//! The ring's self-test: forbidden acts, tried in a real enclosure.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io,
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr, UnixListener},
        },
    },
    path::{Path, PathBuf},
    thread,
};

use holdpoint_core::identity::Task;
use holdpoint_sandbox::{
    ACTS, Begun, Mark, OURS,
    acts::{self, Targets, Tried},
    environment::Environment,
    inside::Plan,
    layout::Layout,
    wait::Signals,
};
use holdpoint_store::agents::new_run;

use super::{Here, run::ground};
use crate::status::{CommandError, Ended, Status};

/// Where results are left, in the workspace.
const RESULTS: &str = "tried.json";

/// Runs `holdpoint doctor --self-test`.
pub fn run(here: &Here) -> Ended {
    let tried = try_all(here)?;
    let line = |tried: &Tried| {
        let mark = if tried.refused { "refused" } else { "OPEN   " };
        format!("{mark} {}: {}\n", tried.act, tried.how)
    };
    let open = tried.iter().filter(|it| !it.refused).count();
    let text: String = tried.iter().map(line).collect();
    here.print(&tried, &format!("{text}{} acts, {open} open", tried.len()))?;
    Ok(if open == 0 { Status::Done } else { Status::Wanting })
}

/// Tries every act in an enclosure that is made for it.
pub(super) fn try_all(here: &Here) -> Result<Vec<Tried>, CommandError> {
    // Before there is a second thread, which would have the end of the inside told to it.
    let held = Signals::hold().map_err(CommandError::unable)?;
    let outside = Outside::set(here).map_err(CommandError::unable)?;
    let tried = outside.try_inside(here);
    drop(held);
    Signals::let_through().map_err(CommandError::unable)?;
    // A directory that stays is in nobody's way.
    let _ = fs::remove_dir_all(&outside.dir);
    tried
}

/// What there is outside while acts are tried.
struct Outside {
    dir: PathBuf,
    run: String,
    targets: Targets,
}

impl Outside {
    fn set(here: &Here) -> io::Result<Self> {
        let run = new_run().map_err(io::Error::other)?;
        let dir = std::env::temp_dir().join(format!("holdpoint-{run}"));
        fs::create_dir(&dir)?;
        for name in ["workspace", "outside"] {
            fs::create_dir(dir.join(name))?;
        }
        let dir = fs::canonicalize(dir)?;
        let file = dir.join("outside/file");
        fs::write(&file, "outside")?;
        fs::set_permissions(&file, Permissions::from_mode(0o666))?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let socket = dir.join("outside/socket");
        let listeners = [
            UnixListener::bind(&socket)?,
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&run)?)?,
        ];
        let targets = Targets {
            tcp: tcp.local_addr()?.port(),
            udp: udp.local_addr()?.port(),
            socket,
            abstract_socket: run.clone(),
            file,
            state: fs::canonicalize(&here.dir)?,
            process: std::process::id().try_into().unwrap_or(i32::MAX),
            workspace: dir.join("workspace"),
        };
        // They live as long as this process, and answer whoever gets through.
        thread::spawn(move || tcp.incoming().for_each(drop));
        for listener in listeners {
            thread::spawn(move || listener.incoming().for_each(drop));
        }
        thread::spawn(move || {
            let mut bytes = [0; 16];
            while let Ok((_, from)) = udp.recv_from(&mut bytes) {
                // Whoever asked may be gone.
                let _ = udp.send_to(b"x", from);
            }
        });
        Ok(Self { dir, run, targets })
    }

    fn try_inside(&self, here: &Here) -> Result<Vec<Tried>, CommandError> {
        let workspace = self.targets.workspace.clone();
        let ca = self.dir.join("ca.pem");
        fs::write(&ca, "").map_err(CommandError::unable)?;
        let mark = Mark { run: self.run.clone(), task: Task::default() };
        let program: OsString = Path::new(OURS).join("holdpoint").into();
        let ground = ground::ground(
            here,
            workspace.clone(),
            std::slice::from_ref(&program),
            &[],
            &ca,
            mark,
        )?;
        let plan = Plan {
            layout: Layout::around(&ground).map_err(CommandError::unable)?,
            writable: Layout::writable(&ground),
            directory: workspace.clone(),
            services: Vec::new(),
            variables: Environment::of(std::env::vars_os()).variables,
            umask: here.umask.bits(),
            lifetime: None,
        };
        let targets = serde_json::to_string(&self.targets).map_err(CommandError::unable)?;
        let command = [program, ACTS.into(), targets.into()];
        let begun = Begun::begin(&format!("holdpoint-{}", self.run), &command);
        let ended = begun
            .and_then(|begun| begun.make(&plan, None))
            .and_then(|enclosure| enclosure.run(Vec::new(), None));
        let ended = ended.map_err(CommandError::unable)?;
        let results = fs::read(workspace.join(RESULTS)).map_err(|error| {
            CommandError::unable(format!("the self-test ended with {}: {error}", ended.0))
        })?;
        serde_json::from_slice(&results).map_err(CommandError::unable)
    }
}

/// Runs `__acts`, inside.
pub fn acts(words: &[OsString]) -> Ended {
    let targets = words.first().and_then(|word| word.to_str());
    let targets: Option<Targets> = targets.and_then(|text| serde_json::from_str(text).ok());
    // Outside, what has to fail would be done.
    let (Some(targets), Some(_)) = (targets, Mark::here()) else {
        return Err(CommandError::usage("only `holdpoint doctor` calls this"));
    };
    let tried = serde_json::to_vec(&acts::try_all(&targets)).map_err(CommandError::unable)?;
    fs::write(targets.workspace.join(RESULTS), tried).map_err(CommandError::unable)?;
    Ok(Status::Done)
}
