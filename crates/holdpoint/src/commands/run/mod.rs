//! `holdpoint run`: an agent with one way out.
//!
//! - `ground`: what the run is made around: workspace, home, further places
//! - `gateway`: the gateway that guards the way out, started if none is up
//! - `expiry`: when a run ends by itself
//! - `nested`: a run that is asked for inside of a run
//! - `repository`: what of a repository lies beside the workspace
//! - `masked`: which secrets are masked
//! - `past`: secrets in the history of its repository
//! - `seen`: what it sees of files, and what becomes of what it wrote
//! - `lent`: phantoms that it is granted, and git's ways to code hosts
//! - `services`: what of this machine's loopback there is inside
//! - `saved`: its undo point
//! - `told`: what the human is told at the start and at the end

mod expiry;
mod gateway;
pub(super) mod ground;
mod lent;
mod masked;
mod nested;
mod past;
mod repository;
mod saved;
mod seen;
mod services;
mod told;

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::fd::{AsFd as _, BorrowedFd},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use holdpoint_core::{
    Environment,
    identity::{Principal, Ring, Task},
};
use holdpoint_sandbox::{
    Enclosure, Mark, agents::unboxed, environment, init as first, inside as between, java,
};
use holdpoint_sandbox::{
    SandboxError, inside::Plan, layout::Layout, publish::Published, view::View, wait,
};
use holdpoint_store::{
    agents::{Kill, new_run},
    runs::HandedOver,
    supervised::Supervised,
};
use nix::sys::stat::umask;

pub use self::nested::nested;
use self::{
    expiry::Lifetime,
    ground::Place,
    lent::{Granted, Lent},
    masked::Masked,
    saved::{Saving, UndoPoint},
    seen::Seen,
    services::Service,
    told::Told,
};
use super::{Here, agents::no_agent_is_human, modes, now};
use crate::status::{CommandError, Ended, Status};

/// The CA as Java reads it, in the state directory.
const JAVA_TRUST: &str = "ca.jks";
/// How soon a gateway that has gone is looked for again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long others have to start one, such as a human with a newer binary, before a run does.
const FOR_OTHERS: Duration = Duration::from_secs(3);
/// How seldom it is tried again at last, where none starts.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Run an agent with one way out.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint run --task 'fix the login page' --environment staging -- claude\n\n\
The command runs as ever, with the terminal, in a place that has the workspace to write, the \
system to read, a home of its own and no network but the gateway, which is started if none is \
up. The exit status is the command's; 3 if the place could not be made: then nothing was started.")]
pub struct Run {
    /// Why it works, in your words.
    #[arg(long, value_name = "TEXT")]
    task: Option<String>,
    /// The one environment that its task is about.
    #[arg(long, value_name = "NAME")]
    environment: Option<Environment>,
    /// How far it is trusted: 1 trusted automation, 2 supervised agent, 3 untrusted: it only
    /// looks, and what it writes is thrown away [default: 2].
    #[arg(long, value_name = "N")]
    ring: Option<Ring>,
    /// How long it may take, such as 90s, 30m, 8h or 2d; then it is killed.
    #[arg(long, value_name = "DURATION")]
    expires: Option<Lifetime>,
    /// Another file or directory that it can change, or only read with `:ro`; repeatable.
    #[arg(long, value_name = "PATH[:ro]")]
    also: Vec<Place>,
    /// A secret whose phantom it gets, under the names that its provider's tools read, or under
    /// this one; repeatable.
    #[arg(long, value_name = "SECRET[=VARIABLE]")]
    grant: Vec<Granted>,
    /// A service of this machine that it reaches under the same address; repeatable. Those that the
    /// workspace's `.env` and compose files name, and that are up, need none.
    #[arg(long, value_name = "HOST:PORT")]
    local: Vec<Service>,
    /// Let it read from hosts that nobody has listed, in few words, until it has read a secret or
    /// what others wrote to it; `holdpoint policy suggest RUN` then shows what to list.
    #[arg(long)]
    learn: bool,
    /// Leave the ports that it listens on inside.
    #[arg(long)]
    no_publish: bool,
    /// Do not save the workspace first: there is no undo then.
    #[arg(long)]
    no_snapshot: bool,
    /// Show which secrets would be masked, by file and line, and run nothing.
    #[arg(long)]
    show_masks: bool,
    /// Run it without any guard.
    #[arg(long)]
    unguarded: bool,
    /// The command.
    #[arg(last = true, required_unless_present = "show_masks", value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs `holdpoint run`.
pub fn run(run: &Run, here: &Here) -> Ended {
    if run.show_masks {
        return masked::show(here, &ground::workspace(&here.dir)?);
    }
    let Some((program, arguments)) = run.command.split_first() else {
        return Err(CommandError::usage("say what to run: `holdpoint run -- CMD`"));
    };
    if run.unguarded {
        return unguarded(program, arguments, here);
    }
    if run.ring == Some(Ring::Human) {
        return Err(no_agent_is_human());
    }
    if run.learn && run.ring == Some(Ring::Untrusted) {
        return Err(CommandError::usage("--learn: whoever is untrusted (ring 3) does not learn"));
    }
    clear_up(here)?;
    let workspace = ground::workspace(&here.dir)?;
    let mark = mark(run)?;
    let saving = Saving::begin(here, &workspace, &mark, !run.no_snapshot)?;
    let services = services::of(&run.local, &workspace)?;
    let gateway = gateway::ready(here)?;
    let lent = Lent::of(here, &run.grant)?;
    let ground = ground::ground(here, workspace, &run.command, &run.also, &gateway.ca, mark)?;
    let mut layout = Layout::around(&ground).map_err(CommandError::unable)?;
    layout.pieces.extend(lent.pieces.clone());
    let store = here.dir.join(JAVA_TRUST);
    let trusted = fs::read_to_string(&ground.ca)
        .and_then(|pem| java::pieces(&pem, &store, &ground.home.path));
    layout.pieces.extend(trusted.map_err(CommandError::unable)?);
    let mut environment = environment::Environment::of(std::env::vars_os());
    lent.join(&mut environment)?;
    let mut masked = Masked::find(here, &ground.workspace);
    masked.variables(&mut environment);
    let mut seen = Seen::plan(here, &ground, &mut layout, masked)?;
    let plan = Plan {
        layout,
        writable: Layout::writable(&ground),
        directory: std::env::current_dir().map_err(CommandError::unable)?,
        services,
    };
    let principal = identity(here, &ground.mark)?;
    let told = Told::begin(here, &principal, program, &ground, &environment, &gateway);
    let told = told.and(modes::banner(&here.config.modes).map(|it| format!("  mode         {it}")));
    let told = told.and(seen.lines());
    if lent::signs(&ground.workspace) {
        eprintln!("holdpoint: commits go unsigned in there, as the keys for it stay outside");
    }
    let unboxed = unboxed(&run.command);
    let command = unboxed.as_deref().unwrap_or(&run.command);
    let mut supervised = here.state.supervise(&principal.run).map_err(CommandError::unable)?;
    let (principal, plan, environment) = (&principal, &plan, &environment);
    let inside = Enclosed { run, command, principal, plan, environment };
    saving.settle();
    let ended = enclosed(here, &inside, seen.view.take(), &mut supervised, &told, saving);
    seen.end(here);
    forget(here, principal)?;
    drop(supervised);
    let (ended, point) = ended?;
    told.end(here, principal, ended.0, point.end(here, &principal.run));
    Ok(Status::Of(ended.0))
}

/// What runs, as what, and in what.
struct Enclosed<'a> {
    run: &'a Run,
    command: &'a [OsString],
    principal: &'a Principal,
    plan: &'a Plan,
    environment: &'a environment::Environment,
}

/// Makes the enclosure, has its way out guarded, and runs the command in it.
fn enclosed(
    here: &Here,
    inside: &Enclosed<'_>,
    view: Option<View>,
    supervised: &mut Supervised,
    told: &Told,
    saving: Saving,
) -> Result<(wait::Ended, UndoPoint), CommandError> {
    let Enclosed { run, command, principal, plan, environment } = inside;
    let rendezvous = format!("holdpoint-{}", principal.run);
    // What it makes has its caller's rights, and what we make is our own again.
    let ours = umask(here.umask);
    let made = Enclosure::make(&rendezvous, plan, view, environment, command);
    umask(ours);
    let enclosure = made.map_err(not_made)?;
    supervised.ends_with(enclosure.process()).map_err(CommandError::unable)?;
    if let Err(error) = guard(here, &principal.run, &plan.services, &enclosure) {
        enclosure.end();
        let text = format!("the gateway does not take the way out: {error}; nothing was started");
        return Err(CommandError::unable(text));
    }
    let point = match saving.finish() {
        Ok(point) => point,
        Err(error) => {
            enclosure.end();
            return Err(error);
        }
    };
    if let Some(lifetime) = run.expires {
        lifetime.begin(&here.state, &principal.run)?;
    }
    told.start(&point.line());
    services::tell(&plan.services);
    let published: Option<fn(Published)> = (!run.no_publish).then_some(services::published);
    let ended = enclosure.run(plan.services.clone(), published).map_err(not_made)?;
    Ok((ended, point))
}

fn not_made(error: SandboxError) -> CommandError {
    CommandError::unable(format!(
        "{error}; nothing was started, and only `--unguarded` runs it without a guard"
    ))
}

/// Hands the way out to the gateway, and again to the next one whenever it goes.
fn guard(
    here: &Here,
    run: &str,
    services: &[u16],
    enclosure: &Enclosure,
) -> Result<(), CommandError> {
    let listeners = enclosure.listeners();
    let borrowed: Vec<BorrowedFd<'_>> = listeners.iter().map(|it| it.as_fd()).collect();
    let handed = here.state.hand_over(run, services, &borrowed).map_err(CommandError::unable)?;
    let own = listeners.iter().map(|listener| listener.try_clone()).collect::<Result<Vec<_>, _>>();
    let own = own.map_err(CommandError::unable)?;
    let (state, run, services) = (here.state.clone(), run.to_owned(), services.to_owned());
    let (dir, proxy) = (here.dir.clone(), here.config.proxy);
    let keep = move || {
        let mut handed: Option<HandedOver> = Some(handed);
        let (mut gone, mut patience) = (Instant::now(), FOR_OTHERS);
        loop {
            if let Some(handed) = handed.take() {
                handed.until_gone();
                (gone, patience) = (Instant::now(), FOR_OTHERS);
            }
            // Nobody accepts meanwhile: what the agent sends waits.
            thread::sleep(AGAIN);
            if gone.elapsed() > patience {
                gateway::again(&dir, proxy);
                (gone, patience) = (Instant::now(), PATIENCE_MAX.min(patience * 2));
            }
            let borrowed: Vec<BorrowedFd<'_>> = own.iter().map(|it| it.as_fd()).collect();
            handed = state.hand_over(&run, &services, &borrowed).ok();
        }
    };
    // It ends with this process.
    thread::Builder::new().spawn(keep).map(drop).map_err(CommandError::unable)
}

/// What the run is, before anything is made of it.
fn mark(run: &Run) -> Result<Mark, CommandError> {
    let Run { task, environment, ring, learn, .. } = run;
    let task = Task {
        description: task.clone(),
        environment: *environment,
        ring: ring.unwrap_or_default(),
        learns: *learn,
    };
    Ok(Mark { run: new_run().map_err(CommandError::unable)?, task })
}

/// An identity that lives as long as the run.
fn identity(here: &Here, mark: &Mark) -> Result<Principal, CommandError> {
    let name = format!("run-{}-{}", std::process::id(), now().0);
    // Its bearer is never used: the listener is the proof.
    let made = here.state.agents().add_in(mark.run.clone(), &name, &mark.task, now());
    Ok(made.map_err(CommandError::unable)?.agent.principal)
}

/// Forgets the identity of a run that is over; one that was killed stays known as such.
fn forget(here: &Here, principal: &Principal) -> Result<(), CommandError> {
    let agents = here.state.agents();
    if here.state.is_condemned(&principal.run).map_err(CommandError::unable)? {
        return agents.kill(Kill::One(&principal.run)).map(drop).map_err(CommandError::unable);
    }
    let found = agents.of_run(&principal.run).map_err(CommandError::unable)?;
    if found.is_some_and(|agent| !agent.principal.killed) {
        // What a human released is done at its time, whether or not the run is still there.
        here.holds().outlive(&principal.run).map_err(CommandError::unable)?;
        agents.remove(&principal.agent).map_err(CommandError::unable)?;
    }
    Ok(())
}

/// Forgets the runs whose supervisor could not.
fn clear_up(here: &Here) -> Result<(), CommandError> {
    for run in here.state.abandoned_runs().map_err(CommandError::unable)? {
        let found = here.state.agents().of_run(&run).map_err(CommandError::unable)?;
        if let Some(agent) = found {
            forget(here, &agent.principal)?;
        }
        seen::cut_short(here, &run)?;
    }
    Ok(())
}

/// Runs the command as if we were not there, and says so.
fn unguarded(program: &OsStr, arguments: &[OsString], here: &Here) -> Ended {
    eprintln!(
        "holdpoint: UNGUARDED: {} runs with your files, your credentials and your network; \
         nothing is judged, held or recorded",
        program.display()
    );
    umask(here.umask);
    let status = Command::new(program).args(arguments).env("HOLDPOINT", "unguarded").status();
    let status = status.map_err(|error| {
        CommandError::unable(format!("cannot run {}: {error}", program.display()))
    })?;
    eprintln!("holdpoint: UNGUARDED: {} has ended", program.display());
    Ok(Status::Of(wait::Ended::from(status).0))
}

/// Runs `__inside`: the first word is where to meet, the others are the command.
pub fn inside(words: &[OsString]) -> Ended {
    let Some((rendezvous, command)) = words.split_first() else {
        return Err(CommandError::usage("only `holdpoint run` calls this"));
    };
    let rendezvous = rendezvous.to_string_lossy();
    ended(between::run(&rendezvous, command))
}

/// Runs `__init`.
pub fn init(words: &[OsString]) -> Ended {
    ended(first::run(words))
}

/// Runs `__exec`.
pub fn exec(words: &[OsString]) -> Ended {
    ended(first::become_command(words))
}

fn ended(ended: holdpoint_sandbox::error::Result<wait::Ended>) -> Ended {
    ended.map(|ended| Status::Of(ended.0)).map_err(CommandError::unable)
}

/// What a gateway that guards a run is known by.
#[derive(Debug)]
pub(super) struct Gateway {
    /// The CA that whoever is inside has to trust.
    ca: PathBuf,
    /// Its process, if it was started for this run.
    started: Option<u32>,
}
