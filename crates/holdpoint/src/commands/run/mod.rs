//! `holdpoint run`: an agent with one way out.
//!
//! - `alert`: what a human hears who looks elsewhere
//! - `enrol`: who releases, asked once before the first of all
//! - `ground`: what the run is made around: workspace, home, further places
//! - `gateway`: the gateway that guards the way out, started if none is up; `guard`: as long as it is
//! - `expiry`: when a run ends by itself
//! - `identity`: who it is
//! - `nested`: a run that is asked for inside of a run
//! - `repository`: what of a repository lies beside the workspace
//! - `masked`: which secrets are masked
//! - `bound`: what these are for, and what a human is asked about
//! - `past`: secrets in the history of its repository
//! - `seen`: what it sees of files, and what becomes of what it wrote
//! - `begun`: logins that begin inside
//! - `logins`: logins that are renewed inside and outside at once
//! - `lent`: phantoms that it is granted, and git's ways to code hosts
//! - `services`: what of this machine's loopback there is inside
//! - `signing`: how its commits are signed
//! - `saved`: its undo point
//! - `told`: what the human is told at the start and at the end; `worktrees`: those that are gone

mod alert;
mod begun;
mod bound;
mod enrol;
mod expiry;
mod gateway;
pub(super) mod ground;
mod guard;
mod identity;
mod lent;
mod logins;
mod masked;
mod nested;
mod past;
mod repository;
mod saved;
mod seen;
mod services;
mod signing;
mod told;
mod worktrees;

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use clap::Args;
use holdpoint_core::identity::{Ring, Task};
use holdpoint_sandbox::{
    Begun, Mark, SandboxError, agents::unboxed, environment::Environment, expiry::Expiry,
    init as first, inside as between, java,
};
use holdpoint_sandbox::{
    inside::Plan,
    layout::{Ground, Layout, Piece},
    nss,
    publish::Published,
    view::View,
    wait,
};
use holdpoint_store::{agents::new_run, runs::RunDoor, supervised::Supervised};
use nix::sys::stat::umask;

pub use self::nested::nested;
use self::{
    alert::Alert,
    bound::Grounds,
    expiry::Lifetime,
    ground::Place,
    guard::guard,
    identity::{Identity, forget},
    lent::{Granted, Lent},
    logins::Logins,
    masked::Masked,
    saved::{Saving, UndoPoint},
    seen::Seen,
    services::Service,
    signing::Signing,
    told::Told,
};
use super::{Here, agents::no_agent_is_human, merge, modes};
use crate::status::{CommandError, Ended, Status};

/// The CA as Java reads it, in the state directory.
const JAVA_TRUST: &str = "ca.jks";
/// The same as Chromium reads it.
const NSS_TRUST: &str = "ca.nss.db";
/// The run's own files with logins, in its directory.
const LOGINS: &str = "logins";

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
    environment: Option<holdpoint_core::Environment>,
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
    enrol::once(here)?;
    clear_up(here)?;
    let workspace = ground::workspace(&here.dir)?;
    let mark = mark(run, &workspace)?;
    // Its namespaces are there by the time that it is known what goes into them.
    let begun = begin(run, &mark)?;
    let saving = Saving::begin(here, &workspace, &mark, !run.no_snapshot)?;
    let services = services::of(&run.local, &workspace)?;
    let gateway = gateway::ready(here)?;
    if gateway.door.is_some() && !run.grant.is_empty() {
        let text = "--grant: the gateway is another user's (run_door), and so are its secrets";
        return Err(CommandError::usage(text));
    }
    let signing = Signing::of(&workspace);
    let lent = Lent::of(here, &run.grant, &signing)?;
    let ground = ground::ground(here, workspace, &run.command, &run.also, &gateway.ca, mark)?;
    saving.settle();
    let supervised = here.state.supervise(&ground.mark.run).map_err(CommandError::unable)?;
    let identity = Identity::begin(here, &ground.mark)?;
    let planned = Planned { run, program, ground, services, gateway, supervised, identity };
    planned.guarded(here, begun, lent, signing, saving)
}

/// A run of which everything is known that a human may have said wrongly.
struct Planned<'a> {
    run: &'a Run,
    program: &'a OsStr,
    ground: Ground,
    services: Vec<u16>,
    gateway: Gateway,
    supervised: Supervised,
    identity: Identity,
}

impl Planned<'_> {
    /// Runs it to its end.
    fn guarded(
        mut self,
        here: &Here,
        begun: Begun,
        lent: Lent,
        signing: Signing,
        saving: Saving,
    ) -> Ended {
        let told = self.enclosed(here, begun, lent, signing, saving);
        let principal = self.identity.principal.clone();
        // As long as it is supervised, nobody else does it.
        let forgotten = self.identity.end(here);
        drop(self.supervised);
        let (told, ended, changed) = told?;
        forgotten?;
        told.end(here, &principal, ended.0, changed);
        Ok(Status::Of(ended.0))
    }

    /// Plans what is inside, has it made, and runs the command in it.
    fn enclosed(
        &mut self,
        here: &Here,
        begun: Begun,
        lent: Lent,
        signing: Signing,
        saving: Saving,
    ) -> Result<(Told, wait::Ended, Option<String>), CommandError> {
        let Self { run, program, ground, services, gateway, supervised, identity } = self;
        let mut layout = Layout::around(ground).map_err(CommandError::unable)?;
        layout.pieces.extend(lent.pieces.clone());
        layout.pieces.extend(trust(here, ground).map_err(CommandError::unable)?);
        let mut environment = Environment::of(std::env::vars_os());
        lent.join(&mut environment)?;
        let mut masked = Masked::of(here, ground);
        masked.variables(&mut environment);
        let shelf = merge::shelf(here, &ground.mark.run);
        let packages = masked.logins(&ground.home.path, &shelf.join(masked::PACKAGES));
        layout.pieces.extend(packages.map_err(CommandError::unable)?);
        let masks = Arc::clone(&masked.masks);
        let directory = shelf.join(LOGINS);
        let mut logins = Logins::plan(here, ground, &mut layout, &directory)?;
        let mut seen = Seen::plan(here, ground, &mut layout, masked)?;
        let told = Told::begin(here, &identity.principal, program, ground, &environment, gateway);
        let mode = modes::banner(&here.config.modes).map(|it| format!("  mode         {it}"));
        identity.made()?;
        logins.lend(here, &ground.mark.run, &masks)?;
        let grounds = Grounds::of(ground);
        let bound = bound::lend(here, &ground.mark.run, &masks, grounds)?;
        // One line of what is masked, and what becomes of it.
        let secrets = seen.line().into_iter().chain(bound).collect::<Vec<_>>().join("; ");
        let told = told.and(mode).and((!secrets.is_empty()).then_some(secrets));
        let plan = Plan {
            layout,
            writable: Layout::writable(ground),
            directory: std::env::current_dir().map_err(CommandError::unable)?,
            services: services.clone(),
            variables: environment.variables,
            // What it makes has its caller's rights.
            umask: here.umask.bits(),
            lifetime: run.expires.map(Lifetime::duration),
        };
        if let Some(notice) = signing.notice() {
            eprintln!("holdpoint: {notice}");
        }
        let view = seen.view.take();
        let inside = Inside { run, plan: &plan, gateway, begun, view, signing };
        let ended = inside.run(here, supervised, identity, &told, saving);
        logins.end(here, &ground.mark.run, &masks);
        seen.end(here);
        signing::end(here, &ground.mark.run);
        let (ended, point) = ended?;
        Ok((told, ended, point.end(here, &ground.mark.run)))
    }
}

/// Begins an inside for the command.
fn begin(run: &Run, mark: &Mark) -> Result<Begun, CommandError> {
    let unboxed = unboxed(&run.command);
    let command = unboxed.as_deref().unwrap_or(&run.command);
    Begun::begin(&format!("holdpoint-{}", mark.run), command).map_err(not_made)
}

/// The pieces by which those trust the CA that look at no variable.
fn trust(here: &Here, ground: &Ground) -> io::Result<Vec<Piece>> {
    let (pem, home) = (fs::read_to_string(&ground.ca)?, &ground.home.path);
    let mut pieces = java::pieces(&pem, &here.dir.join(JAVA_TRUST), home)?;
    pieces.push(nss::piece(&pem, &here.dir.join(NSS_TRUST), home)?);
    Ok(pieces)
}

/// What runs, and in what.
struct Inside<'a> {
    run: &'a Run,
    plan: &'a Plan,
    gateway: &'a Gateway,
    begun: Begun,
    view: Option<View>,
    signing: Signing,
}

impl Inside<'_> {
    /// Has the enclosure made and its way out guarded, and runs the command in it.
    fn run(
        self,
        here: &Here,
        supervised: &mut Supervised,
        identity: &mut Identity,
        told: &Told,
        saving: Saving,
    ) -> Result<(wait::Ended, UndoPoint), CommandError> {
        let Self { run, plan, gateway, begun, view, signing } = self;
        let mut enclosure = begun.make(plan, view).map_err(not_made)?;
        supervised.ends_with(enclosure.process()).map_err(CommandError::unable)?;
        let name = &identity.principal.run.clone();
        if let Signing::By(key) = signing {
            enclosure.signs_by(key.signer(signing::directory(here, name))).map_err(not_made)?;
        }
        let alert = Arc::new(Alert::of(name));
        let guarded = identity.made().and_then(|()| {
            guard(here, &alert, identity, gateway, &plan.services, &enclosure).map_err(|error| {
                let text = "the gateway does not take the way out";
                CommandError::unable(format!("{text}: {error}; nothing was started"))
            })
        });
        let point = match guarded.and_then(|()| saving.finish()) {
            Ok(point) => point,
            Err(error) => {
                enclosure.end();
                return Err(error);
            }
        };
        let expiry = plan.lifetime.map(Expiry::after).transpose().map_err(not_made)?;
        told.start(&point.line());
        services::tell(&plan.services);
        let published: Option<fn(Published)> = (!run.no_publish).then_some(services::published);
        let ended = enclosure.run(plan.services.clone(), published).map_err(not_made);
        alert.end();
        expiry::end(expiry, &here.state, name);
        let ended = ended?;
        Ok((ended, point))
    }
}

fn not_made(error: SandboxError) -> CommandError {
    CommandError::unable(format!(
        "{error}; nothing was started, and only `--unguarded` runs it without a guard"
    ))
}

/// What the run is, before anything is made of it.
fn mark(run: &Run, workspace: &Path) -> Result<Mark, CommandError> {
    let Run { task, environment, ring, learn, .. } = run;
    let task = Task {
        description: task.clone(),
        environment: *environment,
        ring: ring.unwrap_or_default(),
        learns: *learn,
        workspace: workspace.to_str().map(str::to_owned),
    };
    Ok(Mark { run: new_run().map_err(CommandError::unable)?, task })
}

/// Forgets the runs whose supervisor could not.
fn clear_up(here: &Here) -> Result<(), CommandError> {
    for (run, condemned) in here.state.abandoned_runs().map_err(CommandError::unable)? {
        let found = here.state.agents().of_run(&run).map_err(CommandError::unable)?;
        if let Some(agent) = found {
            forget(here, &agent.principal, condemned)?;
        }
        signing::end(here, &run);
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
    /// Where it is another user's.
    door: Option<RunDoor>,
}
