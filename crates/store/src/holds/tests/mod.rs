//! Holds, from their opening to their one execution.

mod answers;
mod lifecycle;
mod races;
mod schedules;
mod window;

use holdpoint_core::{
    Code, Digest, Effect, Environment, Reason, ResourceId, Reversibility, Timestamp,
    identity::{Principal, Task},
    ledger::Meaning,
    obligation::Obligations,
};

use super::{Consumed, Hold, Holds, NewHold, OpenError, Opening};
use crate::{
    approvals::{Approval, ApprovalContext, ApprovalError, Release},
    approvers::ApproverKey,
    config::HoldTerms,
    state::State,
};

const NOW: Timestamp = Timestamp(1_000_000_000);
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn principal() -> Principal {
    let description = Some("tidy the volumes".to_owned());
    let task = Task { description, environment: Some(Environment::Staging), ..Task::default() };
    Principal { agent: "fixer".to_owned(), run: "r-1".to_owned(), task, killed: false, did: None }
}

fn meaning() -> Meaning {
    Meaning {
        operation: "railway:volumeDelete".to_owned(),
        resource: ResourceId::new("railway:volume/3d2c"),
        effect: Effect::Destroy,
        reversibility: Reversibility::None,
        environment: Environment::Production,
    }
}

/// A state with two approvers, ada and bob.
struct Scene {
    state: State,
    holds: Holds,
    ada: ApproverKey,
    bob: ApproverKey,
    approvals: u8,
    delay_seconds: u64,
}

impl Scene {
    fn new() -> Self {
        Self::on(State::in_memory().unwrap())
    }

    fn on(state: State) -> Self {
        let enrol = |name: &str| {
            let key = ApproverKey::generate(name).unwrap();
            state.approvers().register(name, key.public_key(), NOW).unwrap();
            key
        };
        let (ada, bob) = (enrol("ada"), enrol("bob"));
        let holds = state.holds(HoldTerms::default());
        Self { state, holds, ada, bob, approvals: 1, delay_seconds: 0 }
    }

    fn open_with(
        &self,
        operation: &str,
        policies: &str,
        now: Timestamp,
    ) -> Result<Opening, OpenError> {
        let Self { approvals, delay_seconds, .. } = *self;
        let obligations = Obligations { approvals, snapshot: false, delay_seconds };
        let new = NewHold {
            operation_digest: digest(operation),
            message_digest: digest("message"),
            policy_digest: digest(policies),
            state_digest: digest("state"),
            principal: &principal(),
            meanings: &[meaning()],
            reasons: &[Reason::new(Code::NeedsApproval, "it destroys data in production")],
            obligations,
            credential: Some("railway"),
            payload: Some(b"the stored bytes"),
        };
        self.holds.open_or_join(&new, now)
    }

    fn open(&self, operation: &str, now: Timestamp) -> Opening {
        self.open_with(operation, "policies", now).unwrap()
    }

    fn opened(&self, operation: &str, now: Timestamp) -> Hold {
        match self.open(operation, now) {
            Opening::Opened(hold) => hold,
            other => panic!("{other:?}"),
        }
    }

    fn context(&self, hold: &Hold, key: &ApproverKey, release: Release) -> ApprovalContext {
        use crate::approvers::Sign as _;
        let audience = self.state.gateway_id();
        ApprovalContext::about(hold, audience, key.approver(), release, hold.created_at, 5)
    }

    fn answer(&self, hold: &Hold, key: &ApproverKey, release: Release, at: Timestamp) -> Approval {
        let expires_at = at.plus_seconds(5 * MINUTE);
        let context = ApprovalContext { at, expires_at, ..self.context(hold, key, release) };
        context.sign(key).unwrap()
    }

    fn approve(
        &self,
        hold: &Hold,
        key: &ApproverKey,
        at: Timestamp,
    ) -> Result<Hold, ApprovalError> {
        self.holds.apply(&self.answer(hold, key, Release::Approve, at), at)
    }

    fn deny(&self, hold: &Hold, key: &ApproverKey, at: Timestamp) -> Result<Hold, ApprovalError> {
        self.holds.apply(&self.answer(hold, key, Release::Deny, at), at)
    }

    fn consume(&self, hold: &Hold, at: Timestamp) -> Result<Consumed, super::ConsumeError> {
        self.holds.consume(&hold.id, at, digest("policies"), digest("state"))
    }

    fn state_of(&self, hold: &Hold, at: Timestamp) -> super::HoldState {
        self.holds.find(&hold.id, at).unwrap().unwrap().state
    }
}
