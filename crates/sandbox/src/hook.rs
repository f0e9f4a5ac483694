//! Hooks: what an agent is about to do is read, judged and recorded before it does it, by whoever
//! answers: the gateway that is up, or the hook's own process where none is.

mod explained;
mod keeping;
mod told;

use std::collections::BTreeMap;

use holdpoint_core::{
    Digest, Environment, Judged, Judgement, Message, Operation, Reason, ResourceId, Timestamp,
    identity::{Principal, RefusedAim, Task},
    ledger::{Decided, Record, RecordKind},
    policy::{Credential, Decision, Pdp, Verdict},
};
use holdpoint_enforce::{
    keep::{Keep, Unkept},
    resolve::Surroundings,
    steps::{Around, listed},
};
use holdpoint_store::{
    StoreError,
    episodes::{Asked, Episode, Episodes},
};
use holdpoint_wire::{
    Unreadable,
    hook::{Act, Answer, Heard, Moment, Outcome, Reply, answer},
    shell::{
        self, Command, Reading, Step, Written,
        files::{self, FileOperation},
    },
    tool,
};

pub use explained::Explained;
use keeping::{Keeping, preparing};
pub use told::undecided;
use told::{decided, text};

use crate::machine::{Known, ThisMachine, workspace_of};

/// Where a hook was asked.
#[derive(Debug, Clone)]
pub struct Call {
    /// What the agent said.
    pub heard: Heard,
    /// The directory that the hook was started in.
    pub directory: String,
    /// The variables that it was started with, which are those of the agent's commands.
    pub environment: BTreeMap<String, String>,
    /// The home of whoever started it.
    pub home: String,
    /// It happens inside of a run: what it is told explains, and stops nothing.
    pub enclosed: bool,
    /// When.
    pub now: Timestamp,
}

/// Those who answer hooks.
pub struct Answering<'a> {
    /// The policies in force.
    pub pdp: &'a Pdp,
    /// What humans said.
    pub known: &'a dyn Known,
    /// What sessions did before; none where nothing is remembered.
    pub episodes: Option<&'a Episodes>,
    /// For how long a refusal is remembered.
    pub remember_minutes: u64,
    /// Whoever saves what would be taken away; none where nobody does.
    pub keeper: Option<&'a dyn Keep>,
}

/// An answer, and what has to be recorded before it is given.
#[derive(Debug)]
pub struct Answered {
    /// What the agent is told once it is recorded.
    pub answer: Answer,
    /// What is recorded; nothing where nothing was asked.
    pub record: Option<Record>,
    /// Whether the record has to be on disk: it is about something that changes anything.
    pub durable: bool,
    /// What the record is about.
    pub subject: Digest,
}

/// What an agent said, as the message that is judged.
struct Said {
    digest: Digest,
}

impl Message for Said {
    fn digest(&self) -> Digest {
        self.digest
    }
}

/// What a call was read to do.
#[derive(Default)]
struct Read {
    steps: Vec<Step>,
    written: BTreeMap<String, Written>,
}

impl Answering<'_> {
    /// Answers one call of a hook. Nothing is recorded yet: the answer counts once it is.
    pub fn answer(&self, call: &Call) -> Result<Answered, StoreError> {
        let heard = &call.heard;
        let session = format!("{} {}", heard.agent, heard.session);
        let subject = digest(heard);
        match heard.moment {
            Moment::Elsewhen => Ok(silent(answer(heard, Reply::Allow), subject)),
            Moment::After => self.claimed(call, &session, subject),
            Moment::Before | Moment::Permission => self.judged(call, &session, subject),
        }
    }

    /// What has become of a call, by the agent's own word.
    fn claimed(&self, call: &Call, session: &str, subject: Digest) -> Result<Answered, StoreError> {
        let heard = &call.heard;
        if let Some(episodes) = self.episodes {
            let name = call_name(heard, subject);
            episodes.change(session, |episode| episode.carried_out(&name))?;
        }
        let failed = heard.outcome == Outcome::Failed;
        let kind = RecordKind::Claim { message: subject, failed };
        let record = Record::new(call.now, Some(principal(heard, None)), kind);
        Ok(Answered { record: Some(record), ..silent(answer(heard, Reply::Allow), subject) })
    }

    fn judged(&self, call: &Call, session: &str, subject: Digest) -> Result<Answered, StoreError> {
        let heard = &call.heard;
        let mut episode = match self.episodes {
            Some(episodes) => episodes.read(session)?,
            None => Episode::default(),
        };
        let begins = episode.workspace.is_none();
        let workspace = episode.workspace.get_or_insert_with(|| workspace(call)).clone();
        let machine =
            ThisMachine::new(&call.home, Some(&workspace), call.enclosed, self.known, &episode);
        let principal = principal(heard, Some(&workspace));
        let read = match read(call, &workspace, &machine) {
            Ok(read) => read,
            Err(unreadable) => {
                return Ok(self.unread(call, principal, subject, unreadable.into()));
            }
        };
        let surroundings = Remembered {
            known: self.known,
            episode: &episode,
            since: self.since(call.now),
            enclosed: call.enclosed,
        };
        let keeping =
            Keeping { keeper: self.keeper, machine: &machine, call, workspace: &workspace };
        let judge = |keeping: &Keeping<'_>| {
            let around = Around {
                surroundings: &surroundings,
                in_reach: &|step| shell::in_reach(step, &machine),
                listed: &|host| listed(self.known.host(host), host),
                saves: &|step, environment| keeping.saves(step, environment),
            };
            around.judge(self.pdp, &principal, Said { digest: subject }, &read.steps)
        };
        let mut judged = judge(&keeping);
        let unkept = keeping.keep(&judged, &read.steps, &principal).err();
        if let Some(Unkept::Preparing) = unkept {
            return Ok(preparing(call, principal, &judged));
        }
        if unkept.is_some() {
            // What cannot be saved is judged as what nobody saves.
            judged = judge(&Keeping { keeper: None, ..keeping });
        }
        let told = told(&judged, heard, unkept.as_ref());
        if heard.moment == Moment::Before {
            let learned = Learned::of(&judged, read.written, &machine, &principal, call.now);
            self.remember(
                session,
                begins.then_some(workspace.clone()),
                learned,
                heard,
                subject,
                call.now,
            )?;
        }
        Ok(answered(call, principal, &judged, &told))
    }

    /// What nobody can read is refused, and that is recorded like any other refusal.
    fn unread(
        &self,
        call: &Call,
        principal: Principal,
        subject: Digest,
        reason: Reason,
    ) -> Answered {
        let reference = reference(subject);
        let told = format!(
            "Holdpoint refused this ({}): {}. Nothing was done. Ref {reference} (mistaken? \
             `holdpoint wrong {reference}`).",
            reason.code, reason.text,
        );
        let decided = Decided {
            message: subject,
            policies: self.pdp.digest(),
            verdict: Verdict::Deny.as_str().into(),
            operations: Vec::new(),
            obligations: Vec::new(),
            reasons: vec![reason],
            hold: None,
            forwarded: false,
            spared: None,
            fingerprints: Vec::new(),
            circumstances: Vec::new(),
        };
        let record = Record::new(call.now, Some(principal), RecordKind::Decision(decided));
        Answered {
            answer: answer(&call.heard, Reply::Deny(&told)),
            record: Some(record),
            durable: true,
            subject,
        }
    }

    fn since(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.remember_minutes.saturating_mul(60_000)))
    }

    fn remember(
        &self,
        session: &str,
        workspace: Option<String>,
        learned: Learned,
        heard: &Heard,
        subject: Digest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(episodes) = self.episodes else { return Ok(()) };
        if workspace.is_none() && learned.is_nothing() {
            return Ok(());
        }
        let since = self.since(now);
        episodes.change(session, |episode| {
            if episode.workspace.is_none() {
                episode.workspace = workspace;
            }
            for aim in &learned.refused.aims {
                episode.refuse(aim.clone(), since);
            }
            match learned.passes {
                true => episode.wrote(learned.refused.made, learned.refused.changed),
                false => episode.ask(call_name(heard, subject), learned.refused),
            }
        })
    }
}

/// What a judgement teaches about the session.
struct Learned {
    passes: bool,
    refused: Asked,
}

impl Learned {
    fn of(
        judged: &Judged<Said>,
        written: BTreeMap<String, Written>,
        machine: &ThisMachine<'_>,
        principal: &Principal,
        now: Timestamp,
    ) -> Self {
        let texts = written.into_iter().filter(|(_, it)| matches!(it, Written::Text(_)));
        let (changed, made) = texts.map(|(path, _)| path).partition(|path| machine.exists(path));
        let aim = |Judgement { operation, decision, .. }: &Judgement| {
            let Operation { resource, effect, .. } = operation.clone();
            let code = decision.reasons().first()?.code;
            let aim = RefusedAim { run: principal.run.clone(), resource, effect, code, at: now };
            aim.counts().then_some(aim)
        };
        let aims = judged.judgements().iter().filter_map(aim).collect();
        let passes = matches!(judged.decision(), Decision::Allow { .. });
        Self { passes, refused: Asked { aims, made, changed } }
    }

    fn is_nothing(&self) -> bool {
        let Asked { aims, made, changed } = &self.refused;
        self.passes && aims.is_empty() && made.is_empty() && changed.is_empty()
    }
}

fn told(judged: &Judged<Said>, heard: &Heard, unkept: Option<&Unkept>) -> String {
    let told = text(judged, heard);
    match unkept {
        Some(Unkept::Cannot(why)) => {
            format!("{told} What it takes away was to be saved, and cannot be: {why}.")
        }
        _ => told,
    }
}

fn answered(call: &Call, principal: Principal, judged: &Judged<Said>, told: &str) -> Answered {
    let reply = match judged.decision() {
        Decision::Allow { .. } => Reply::Allow,
        Decision::Hold { .. } => Reply::Ask(told),
        Decision::Deny { .. } => Reply::Deny(told),
    };
    let record = Record::new(call.now, Some(principal), RecordKind::Decision(decided(judged)));
    Answered {
        answer: answer(&call.heard, reply),
        durable: judged.effect().changes(),
        record: Some(record),
        subject: judged.digest(),
    }
}

fn silent(answer: Answer, subject: Digest) -> Answered {
    Answered { answer, record: None, durable: false, subject }
}

/// The agent by its hook's word: nobody proves who it is.
fn principal(heard: &Heard, workspace: Option<&str>) -> Principal {
    let session = Digest::of_fields([heard.agent.as_str().as_bytes(), heard.session.as_bytes()]);
    let run: String = session.to_string().chars().take(16).collect();
    Principal {
        agent: heard.agent.as_str().to_owned(),
        run: format!("hook-{run}"),
        task: Task { workspace: workspace.map(str::to_owned), ..Task::default() },
        killed: false,
        did: None,
    }
}

/// What the message means: the session, and everything that the calls would do.
fn digest(heard: &Heard) -> Digest {
    let calls = format!("{:?}", heard.calls);
    Digest::of_fields([heard.agent.as_str().as_bytes(), heard.session.as_bytes(), calls.as_bytes()])
}

/// What a call is called before and after: by the agent, or by what it does.
fn call_name(heard: &Heard, subject: Digest) -> String {
    heard.call_id.clone().unwrap_or_else(|| subject.to_string())
}

/// How a human finds the record: the beginning of the message's digest in the ledger.
fn reference(subject: Digest) -> String {
    subject.to_string().chars().take(12).collect()
}

/// What the agent has open and works in; else the repository that it works in.
fn workspace(call: &Call) -> String {
    let directory = call.heard.directory.as_deref().unwrap_or(&call.directory);
    let root = call.heard.roots.iter().find(|root| directory.starts_with(root.as_str()));
    match root.or(call.heard.roots.first()) {
        Some(root) => workspace_of(root, &call.home),
        None => workspace_of(directory, &call.home),
    }
}

/// Where a call is made.
fn directory(call: &Call, workspace: &str) -> String {
    let own = call.heard.directory.clone().or_else(|| call.heard.roots.first().cloned());
    own.unwrap_or_else(|| {
        if call.heard.roots.is_empty() { call.directory.clone() } else { workspace.to_owned() }
    })
}

/// Everything that the calls would do.
fn read(call: &Call, workspace: &str, machine: &ThisMachine<'_>) -> Result<Read, Unreadable> {
    let directory = directory(call, workspace);
    let mut all = Read::default();
    for act in call.heard.calls.iter().flat_map(|it| &it.acts) {
        let Reading { steps, written } = reading(call, act, &directory, machine)?;
        all.steps.extend(steps);
        all.written.extend(written);
    }
    Ok(all)
}

fn reading(
    call: &Call,
    act: &Act,
    directory: &str,
    machine: &ThisMachine<'_>,
) -> Result<Reading, Unreadable> {
    let file = |operation: FileOperation<'_>, path: &str| {
        let path = match path.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", call.home),
            None => path.to_owned(),
        };
        Ok(files::interpret(operation, &path, directory, machine))
    };
    match act {
        Act::Shell { dialect, text, directory: own } => {
            let own = own.as_deref().map(|own| files::normal(own, directory));
            let command = Command {
                dialect: *dialect,
                text,
                directory: own.as_deref().unwrap_or(directory),
                environment: &call.environment,
            };
            shell::interpret(&command, machine)
        }
        Act::Read(path) => file(FileOperation::Read, path),
        Act::Write(path) => file(FileOperation::Write(""), path),
        Act::Delete(path) => file(FileOperation::Delete, path),
        Act::Fetch(url) => Ok(shell::page(url, machine)),
        Act::Tool { server, tool, arguments } => {
            tool::interpret(&tool::Call { server, tool, arguments, directory }, machine)
        }
    }
}

/// What surrounds a call of a hook.
struct Remembered<'a> {
    known: &'a dyn Known,
    episode: &'a Episode,
    since: Timestamp,
    enclosed: bool,
}

impl Surroundings for Remembered<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.known.inventory(resource)
    }

    fn credential(&self, _operation: &Operation, _environment: Environment) -> Credential {
        Credential::Granted
    }

    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        let Operation { resource, effect, .. } = operation;
        self.episode.refused_before(&principal.run, resource, *effect, self.since)
    }

    fn made_by_run(&self, _principal: &Principal, _operation: &Operation) -> bool {
        false
    }

    fn enclosed(&self) -> bool {
        self.enclosed
    }
}
