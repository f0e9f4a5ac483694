//! The way out of a run, handed to the gateway, and again to the next one whenever it goes.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use holdpoint_sandbox::Enclosure;
use holdpoint_store::{
    State,
    run_key::RunKey,
    runs::{HandOver, HandedOver, Heard, Newcomer, RunDoor},
};

use super::{Gateway, Here, Identity, alert::Alert, gateway};
use crate::status::CommandError;

/// How soon a gateway that has gone is looked for again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long others have to start one, such as a human with a newer binary, before a run does.
const FOR_OTHERS: Duration = Duration::from_secs(3);
/// How seldom it is tried again at last, where none starts.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// The way out of one run.
struct Way {
    state: State,
    run: String,
    key: Arc<RunKey>,
    services: Vec<u16>,
    sockets: Vec<OwnedFd>,
    /// Where the gateway is another user's, and what the run is to be known by there.
    door: Option<(RunDoor, Newcomer)>,
    /// From what a gateway of our own is started.
    start: (PathBuf, SocketAddr),
    /// How long it may stay away; none, if that is nobody's concern.
    away: Option<Duration>,
}

/// Hands the way out over, and sees to it that somebody has it until this process ends.
pub(super) fn guard(
    here: &Here,
    alert: &Arc<Alert>,
    identity: &Identity,
    gateway: &Gateway,
    services: &[u16],
    enclosure: &Enclosure,
) -> Result<(), CommandError> {
    let sockets = enclosure.listeners().iter().map(OwnedFd::try_clone);
    let newcomer = Newcomer { task: identity.principal.task.clone(), did: identity.key.did() };
    let seconds = here.config.run.away_seconds;
    let way = Way {
        state: here.state.clone(),
        run: identity.principal.run.clone(),
        key: Arc::clone(&identity.key),
        services: services.to_owned(),
        sockets: sockets.collect::<io::Result<_>>().map_err(CommandError::unable)?,
        door: gateway.door.clone().map(|door| (door, newcomer)),
        start: (here.dir.clone(), here.config.proxy),
        away: (seconds > 0).then(|| Duration::from_secs(seconds)),
    };
    let handed = way.hand_over().map_err(CommandError::unable)?;
    let alert = Arc::clone(alert);
    // It ends with this process.
    let keep = thread::Builder::new().spawn(move || way.keep(handed, &alert));
    keep.map(drop).map_err(CommandError::unable)
}

impl Way {
    fn hand_over(&self) -> io::Result<HandedOver> {
        let sockets: Vec<BorrowedFd<'_>> = self.sockets.iter().map(|it| it.as_fd()).collect();
        let Self { run, key, services, .. } = self;
        let what = HandOver { run, key, services, sockets: &sockets };
        match &self.door {
            Some((door, newcomer)) => door.hand_over(what, newcomer.clone()),
            None => self.state.hand_over(what),
        }
    }

    fn keep(self, handed: HandedOver, alert: &Arc<Alert>) {
        let mut handed = Some(handed);
        let mut gone = Instant::now();
        let (mut tried, mut patience) = (gone, FOR_OTHERS);
        loop {
            if let Some(handed) = handed.take() {
                handed.until_gone(|heard| match heard {
                    Heard::Waiting(holds) => alert.hear(&holds),
                    Heard::Killed => self.end("is killed by its gateway"),
                });
                gone = Instant::now();
                (tried, patience) = (gone, FOR_OTHERS);
            }
            // Nobody accepts meanwhile: what the agent sends waits.
            thread::sleep(AGAIN);
            if self.away.is_some_and(|away| gone.elapsed() >= away) {
                self.end("is killed, as its gateway stays away (run.away_seconds)");
            }
            if self.door.is_none() && tried.elapsed() > patience {
                let (dir, proxy) = &self.start;
                gateway::again(dir, *proxy);
                (tried, patience) = (Instant::now(), PATIENCE_MAX.min(patience * 2));
            }
            handed = self.hand_over().ok();
        }
    }

    /// Ends what is inside, unless somebody has; its supervisor waits for that.
    fn end(&self, why: &str) {
        let run = &self.run;
        if self.state.is_condemned(run).is_ok_and(|condemned| condemned) {
            return;
        }
        eprintln!("holdpoint: run {run} {why}");
        if let Err(error) = self.state.condemn(run) {
            eprintln!("holdpoint: {error}");
        }
    }
}
