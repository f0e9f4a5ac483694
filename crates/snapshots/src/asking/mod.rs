//! An undo is an operation like any other: read, decided, held where it takes newer work away, put
//! on record, and only then carried out, by whoever asked.
//!
//! - `fulfil`: what must be done first

mod fulfil;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_core::{
    Authorized, Digest, Effect, Environment, Message, Operation, Refusal, ResourceId,
    Reversibility, Timestamp,
    authorized::{Appended, Durable},
    identity::{Principal, Task},
    ledger::{Record, RecordKind},
    operation::Place,
    policy::{Credential, Facts, Ground, Pdp, Request},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Forward, Forwarded, Identify, Interpret, Ledger, LedgerUnavailable, Point, Resolve, enforce,
    stages::Arrivals,
};
use holdpoint_store::{
    Holds, State, StoreError,
    holds::{Consumed, Ending},
    ledger,
    undos::{NewUndo, Undo, UndoAnswer},
};
use holdpoint_wire::Unreadable;

use crate::snapshots::WORKSPACE;

/// What an undo is called in policies, holds and the ledger.
pub const UNDO: &str = "holdpoint:undo";
/// The kind of a snapshot of references of a git remote.
const GIT: &str = "git";
/// Who undoes: whoever has the state, which no agent has.
const HUMAN: &str = "human";

/// Decides about undos: by the policies in force, with a ledger that is open.
pub struct Asking<'a, L> {
    /// The ledger.
    pub ledger: &'a L,
    /// The policies in force.
    pub policies: Arc<Pdp>,
    /// The state.
    pub state: &'a State,
    /// What waits for a human.
    pub holds: Holds,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

impl<L: Ledger> Asking<'_, L> {
    /// Answers every undo that waits for an answer.
    pub async fn answer_all(&self) -> Result<(), StoreError> {
        for undo in self.state.undos().open()? {
            let id = undo.id;
            let walk = Walk { asking: self, consumed: Mutex::default() };
            let Err(refusal) = enforce(&walk, &(), Asked(undo)).await else { continue };
            let answer = match (&refusal.hold, refusal.kind) {
                (Some(hold), RefusalKind::Hold) => UndoAnswer::Held(hold.clone()),
                _ => UndoAnswer::Refused(format!("{} ({})", refusal.text(), refusal.code())),
            };
            self.state.undos().answer(id, &answer)?;
        }
        Ok(())
    }
}

/// The ledger of a state whose gateway is not up.
#[derive(Debug)]
pub struct Alone(pub ledger::Ledger);

impl Ledger for Alone {
    async fn append(&self, record: Record, subject: Digest) -> Result<Appended, LedgerUnavailable> {
        self.0.append(&record, subject).await.map_err(unwritten)
    }

    async fn commit(&self, record: Record, subject: Digest) -> Result<Durable, LedgerUnavailable> {
        self.0.commit(&record, subject).await.map_err(unwritten)
    }
}

fn unwritten(error: ledger::LedgerError) -> LedgerUnavailable {
    LedgerUnavailable(error.to_string())
}

/// The walk of one undo.
struct Walk<'a, L> {
    asking: &'a Asking<'a, L>,
    /// The right to it, where a human had to release it.
    consumed: Mutex<Option<Consumed>>,
}

/// An undo as a message.
struct Asked(Undo);

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Message for Asked {
    fn digest(&self) -> Digest {
        let NewUndo { kind, to, what, digest, destroys, .. } = &self.0.asked;
        let destroys = destroys.as_deref().unwrap_or_default();
        let text = [kind, to, what, destroys].map(str::as_bytes);
        Digest::of_fields(text.into_iter().chain([digest.0.as_slice()]))
    }
}

impl<L: Ledger> Arrivals for Walk<'_, L> {
    type Message = Asked;
}

impl<L: Ledger> Interpret for Walk<'_, L> {
    /// What goes back takes the present away, which is saved; what takes newer work away, or
    /// rewrites a remote that others share, destroys.
    fn interpret(&self, Asked(undo): &Asked) -> Result<Vec<Operation>, Unreadable> {
        let NewUndo { kind, what, destroys, .. } = &undo.asked;
        let effect = match destroys {
            None if kind != GIT => Effect::Modify,
            _ => Effect::Destroy,
        };
        let resource = match kind.as_str() {
            WORKSPACE => ResourceId::new(format!("file:{what}")),
            kind => ResourceId::new(format!("{kind}:{what}")),
        };
        let mut operation = Operation::known(UNDO, effect, resource, Reversibility::Inverse);
        operation.place = if kind == GIT { Place::Elsewhere } else { Place::ThisMachine };
        Ok(vec![operation])
    }
}

impl<L: Ledger> Identify for Walk<'_, L> {
    type Evidence = ();

    /// Whoever writes into the state is a human: it is out of reach for anybody else.
    async fn identify(&self, (): &()) -> Result<Principal, Refusal> {
        let (agent, run) = (HUMAN.to_owned(), UNDO.to_owned());
        Ok(Principal { agent, run, task: Task::default(), killed: false, did: None })
    }
}

impl<L: Ledger> Resolve for Walk<'_, L> {
    async fn resolve(
        &self,
        principal: &Principal,
        Asked(undo): &Asked,
        operations: Vec<Operation>,
    ) -> Result<Vec<Request>, Refusal> {
        let NewUndo { kind, saved, .. } = &undo.asked;
        let facts = Facts {
            environment: if kind == GIT { Environment::None } else { Environment::Local },
            credential: Credential::None,
            host_listed: true,
            host_preset: false,
            learned: false,
            made_by_run: false,
            enclosed: false,
            credentials_in_reach: false,
            refused_before: false,
            tampers: false,
            ground: if kind == WORKSPACE { Ground::Workspace } else { Ground::None },
            changes: None,
            can_snapshot: saved.is_some(),
            can_delay: false,
        };
        let ask =
            |operation| Request { principal: principal.clone(), operation, facts: facts.clone() };
        Ok(operations.into_iter().map(ask).collect())
    }
}

impl<L: Ledger> Ledger for Walk<'_, L> {
    async fn append(&self, record: Record, subject: Digest) -> Result<Appended, LedgerUnavailable> {
        self.asking.ledger.append(record, subject).await
    }

    async fn commit(&self, record: Record, subject: Digest) -> Result<Durable, LedgerUnavailable> {
        self.asking.ledger.commit(record, subject).await
    }
}

impl<L: Ledger> Forward for Walk<'_, L> {
    type Outcome = ();

    /// Whoever asked carries it out, and has to hear that they may.
    async fn forward(&self, authorized: Authorized<Asked>) -> Forwarded<()> {
        let Asked(undo) = authorized.into_message();
        let outcome = self.hand_over(&undo).await;
        let consumed = self.consumed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(consumed) = consumed {
            // The same once more is another operation.
            let ending = if outcome.is_ok() { Ending::Opened } else { Ending::NotSent };
            let finished = self.asking.holds.finish(consumed, ending, self.now());
            if let Err(error) = finished {
                tracing::error!(%error, "a release that was used for an undo is not marked so");
            }
        }
        Forwarded { outcome, status: None, answer: None }
    }
}

impl<L: Ledger> Walk<'_, L> {
    async fn hand_over(&self, undo: &Undo) -> Result<(), Refusal> {
        let NewUndo { to, saved, what, changes, .. } = &undo.asked;
        let saved = saved.as_deref().unwrap_or("nothing that was there");
        let detail = format!("undo of {what} to {to}: {changes} changes; before it: {saved}");
        let kind = RecordKind::Change { what: "snapshots".to_owned(), detail };
        let record = Record::new(self.now(), None, kind);
        let committed = self.commit(record, Digest::of(b"undo")).await;
        committed.map_err(|error| fulfil::unavailable(&error))?;
        let answered = self.asking.state.undos().answer(undo.id, &UndoAnswer::Authorized);
        match answered.map_err(|error| fulfil::unavailable(&error))? {
            true => Ok(()),
            false => Err(fulfil::unavailable(&"somebody else has answered it")),
        }
    }
}

impl<L: Ledger> Point for Walk<'_, L> {
    fn now(&self) -> Timestamp {
        (self.asking.clock)()
    }

    fn policies(&self) -> Arc<Pdp> {
        Arc::clone(&self.asking.policies)
    }
}
