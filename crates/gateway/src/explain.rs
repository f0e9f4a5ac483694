//! What a hook inside of a run is told: what policy would say outside of what it read, by all that
//! humans said here.
//!
//! Anything inside can ask the same. It learns what a refusal would tell it that it can have by
//! trying, and nothing of what is only outside: no file of the host is read for it, no provider is
//! asked, and no credential counts. What it asks is written down as an explanation, which no release
//! and no report goes by; nothing is remembered, held or forwarded.

use holdpoint_core::{
    Code, Digest, Environment, Judged, Message as _, Operation, Reason, Refusal, ResourceId,
    identity::Principal,
    ledger::{Meaning, Record, RecordKind},
    policy::{Credential, Pdp},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Ledger as _, Point as _,
    resolve::Surroundings,
    steps::{Around, listed},
};
use holdpoint_wire::{
    explain::{self, Explanation},
    http::Message,
    shell::Step,
};

use crate::{
    known::Known,
    point::{HttpPoint, unavailable},
};

/// Meanings and reasons that one record holds, at most.
const WRITTEN_DOWN_MAX: usize = 50;
/// The port of a host of which only the name is known.
const USUAL_PORT: u16 = 443;

impl HttpPoint {
    /// What policy would say outside of what `message` asks about, once that is written down.
    pub(crate) async fn explained(
        &self,
        principal: &Principal,
        message: &Message,
    ) -> Result<Explanation, Refusal> {
        let steps = explain::read(message).map_err(|error| refused(error.into()))?;
        let max = self.config().limits.operations;
        if u64::try_from(steps.len()).unwrap_or(u64::MAX) > max {
            let text = format!("it is more than {max} operations; ask about fewer");
            return Err(refused(Reason::new(Code::OverLimit, text)));
        }
        let judged = self.judge(&self.policies(), principal, Asked(message.digest()), &steps);
        let subject = judged.digest();
        let record = Record::new(self.now(), Some(principal.clone()), written_down(&judged));
        self.append(record, subject).await.map_err(unavailable)?;
        Ok(Explanation::of(&judged))
    }

    fn judge(
        &self,
        policies: &Pdp,
        principal: &Principal,
        asked: Asked,
        steps: &[Step],
    ) -> Judged<Asked> {
        let known = self.known();
        let surroundings = Outside { point: self, known: &known };
        let around = Around {
            surroundings: &surroundings,
            in_reach: &|step| step.unseen,
            listed: &|host| listed(known.host_of(&principal.run, host, USUAL_PORT), host),
            // The run's own snapshot.
            saves: &|_, _| true,
        };
        around.judge(policies, principal, asked, steps)
    }
}

/// What is asked about, as a message that is never forwarded.
struct Asked(Digest);

impl holdpoint_core::Message for Asked {
    fn digest(&self) -> Digest {
        self.0
    }
}

/// What surrounds a command that is only explained.
struct Outside<'a> {
    point: &'a HttpPoint,
    known: &'a Known,
}

impl Surroundings for Outside<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.known.environment(resource)
    }

    fn credential(&self, _operation: &Operation, _environment: Environment) -> Credential {
        Credential::Granted
    }

    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        self.point.refused_before(principal, operation)
    }

    fn made_by_run(&self, _principal: &Principal, _operation: &Operation) -> bool {
        false
    }

    fn enclosed(&self) -> bool {
        true
    }
}

fn refused(reason: Reason) -> Refusal {
    Refusal::new(RefusalKind::Deny, reason.code, reason.text)
}

fn written_down(judged: &Judged<Asked>) -> RecordKind {
    let meanings = judged.judgements().iter().take(WRITTEN_DOWN_MAX);
    RecordKind::Explained {
        message: judged.digest(),
        policies: judged.policy_digest(),
        verdict: judged.decision().verdict().as_str().into(),
        operations: meanings.map(|it| Meaning::of(&it.operation, it.facts.environment)).collect(),
        reasons: judged.reasons().iter().take(WRITTEN_DOWN_MAX).cloned().collect(),
    }
}
