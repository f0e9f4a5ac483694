//! What must be done first: a human's release, asked for or consumed, and the rows as they were.

use std::sync::PoisonError;

use holdpoint_core::{
    Code, Effect, Environment, Judged, Judgement, Operation, Reason, Refusal, Reversibility,
    identity::{Principal, RefusedAim},
    ledger::Meaning,
    obligation::{Obligation, Receipt},
    refusal::RefusalKind,
};
use holdpoint_enforce::{Fulfil, Fulfilment, Point as _, release};
use holdpoint_store::{
    Hold, StoreError,
    holds::{ConsumeError, NewHold, OpenError, Opening},
    refusals::Remembered,
};

use super::{
    point::{Outcome, SessionPoint},
    preimage,
    release::MARK,
    script::{Script, Step, StoredScript, StoredStatement},
    written::Compared,
};
use crate::point::{Release, unavailable};

/// Columns that a hold names as not compared.
const NAMED_MAX: usize = 20;

impl Fulfil for SessionPoint {
    async fn fulfil(
        &self,
        principal: &Principal,
        judged: &Judged<Script>,
    ) -> Result<Fulfilment<Outcome>, Refusal> {
        let obligations = judged.decision().obligations();
        let script = judged.message();
        let mut receipts = Vec::new();
        let mut hold = None;
        match &script.release {
            Some(release) => {
                receipts.push(self.consume(judged, release).await?);
                hold = Some(release.hold.clone());
            }
            None if obligations.approvals > 0 => return self.ask(principal, judged).await,
            None => {}
        }
        // Whatever takes rows away has them kept wherever they can be, asked for or not.
        if obligations.snapshot {
            let measured = script.measured().ok_or_else(|| unavailable("nothing was counted"))?;
            let evidence = preimage::keep(self, measured).await?;
            receipts.push(Receipt::issue(Obligation::Snapshot, judged.digest(), evidence));
        }
        Ok(Fulfilment::Receipts { receipts, hold })
    }

    async fn remember(
        &self,
        principal: &Principal,
        judged: &Judged<Script>,
    ) -> Result<(), Refusal> {
        let http = &self.served.http;
        let refusals = http.state.refusals(http.config().refusals.remember_minutes);
        for Judgement { operation, decision, .. } in judged.judgements() {
            let Some(reason) = decision.reasons().first() else { continue };
            let aim = RefusedAim {
                run: principal.run.clone(),
                resource: operation.resource.clone(),
                effect: operation.effect,
                code: reason.code,
                at: self.now(),
            };
            let (agent, host) = (principal.agent.clone(), Some(self.served.database.host.clone()));
            refusals.remember(&Remembered { aim, agent, host }).map_err(unavailable)?;
        }
        http.count_refusal(principal).await
    }

    fn fingerprints(&self, _judged: &Judged<Script>) -> Vec<String> {
        // A statement carries no credential: the session's was checked when it began.
        Vec::new()
    }
}

impl SessionPoint {
    /// Lets the script wait for a human, unless this very one was run a short while ago.
    async fn ask(
        &self,
        principal: &Principal,
        judged: &Judged<Script>,
    ) -> Result<Fulfilment<Outcome>, Refusal> {
        match self.wait_for_human(principal, judged).await? {
            Opening::Opened(hold) | Opening::Joined(hold) => Err(self.held(judged, &hold)),
            Opening::Denied(hold) => Err(crate::fulfil::denied(&hold)),
            Opening::Answered(hold) => {
                self.stored_answer(&hold).map(|it| Fulfilment::Answered(Outcome::Answered(it)))
            }
        }
    }

    async fn wait_for_human(
        &self,
        principal: &Principal,
        judged: &Judged<Script>,
    ) -> Result<Opening, Refusal> {
        let script = judged.message();
        let again = self.twice(judged).await?;
        let measured = again.as_ref().or_else(|| script.measured());
        let compared = measured.map(|it| it.compared.clone()).unwrap_or_default();
        let reasons = reasons(judged, &compared);
        let payload = self.stored(script, compared)?;
        let meanings: Vec<Meaning> = judged
            .judgements()
            .iter()
            .filter(|judgement| {
                judgement.operation.effect.changes() || !judgement.decision.reasons().is_empty()
            })
            .map(|judgement| Meaning::of(&judgement.operation, judgement.facts.environment))
            .chain([self.mark(judged)])
            .collect();
        let new = NewHold {
            state_digest: self.state_of(judged, measured).await?,
            operation_digest: script.asked(&principal.agent, &principal.run),
            credential: Some(&self.served.database.secret),
            payload: Some(&payload),
            ..NewHold::of(judged, principal, &meanings, &reasons)
        };
        let holds = self.served.http.holds();
        holds.open_or_join(&new, self.now()).map_err(|error| match error {
            OpenError::Payload(error) => too_large(&error.to_string()),
            OpenError::Store(StoreError::Full { .. }) => {
                let text = "too much waits for a human already; ask again once some is answered";
                Refusal::new(RefusalKind::Deny, Code::OverLimit, text)
            }
            OpenError::Store(error) => unavailable(error),
        })
    }

    /// What tells a hold of statements from others.
    fn mark(&self, judged: &Judged<Script>) -> Meaning {
        let resource = self.served.target.id();
        let known = Operation::known(MARK, Effect::Observe, resource, Reversibility::Inverse);
        let environments = judged.judgements().iter().map(|judgement| judgement.facts.environment);
        Meaning::of(&known, environments.max().unwrap_or(Environment::Unknown))
    }

    /// The bytes that a release runs.
    fn stored(&self, script: &Script, compared: Vec<Compared>) -> Result<Vec<u8>, Refusal> {
        let statements = script.statements.iter().map(StoredStatement::of);
        let statements: Option<Vec<_>> = statements.collect();
        let statements =
            statements.ok_or_else(|| too_large("the rows that were copied in are too many"))?;
        let stored = StoredScript {
            postgres: self.served.name.to_string(),
            alone: matches!(script.step, Step::Run),
            search_path: script.measured().map(|it| it.search_path.clone()).unwrap_or_default(),
            isolation: script.measured().map(|it| it.isolation.clone()).unwrap_or_default(),
            options: self.options.clone(),
            compared,
            statements,
        };
        let bytes = serde_json::to_vec(&stored).map_err(unavailable)?;
        let max = usize::try_from(self.served.http.config().sql.script_bytes).unwrap_or(usize::MAX);
        match bytes.len() <= max {
            true => Ok(bytes),
            false => Err(too_large("its statements are longer than `sql.script_bytes`")),
        }
    }

    /// Uses a human's release, which is for exactly this and good once.
    async fn consume(
        &self,
        judged: &Judged<Script>,
        release: &Release,
    ) -> Result<Receipt, Refusal> {
        let state = self.state_of(judged, judged.message().measured()).await?;
        let policies = judged.policy_digest();
        let consumed = self.served.http.holds().consume(&release.hold, self.now(), policies, state);
        let consumed = consumed.map_err(|error| match error {
            ConsumeError::Store(error) => unavailable(error),
            error => release::void(&error),
        })?;
        let used = crate::fulfil::used(&consumed, false);
        // Before anything can fail: from here on, whoever released it hears how it ended.
        *release.consumed.lock().unwrap_or_else(PoisonError::into_inner) = Some(consumed);
        let receipt = Receipt::issue(used.met(), judged.digest(), used.evidence);
        used.record(judged, self, self.now()).await?;
        Ok(receipt)
    }

    /// What the server said when this hold was run.
    pub(super) fn stored_answer(&self, hold: &Hold) -> Result<Vec<u8>, Refusal> {
        let id = hold.response.as_deref().ok_or_else(|| {
            let text = "it was done, but the server's answer was too large to be kept";
            Refusal::new(RefusalKind::Unavailable, Code::TooLargeToHold, text)
        })?;
        let bytes = self.served.http.state.payloads().read(id).map_err(unavailable)?;
        let bytes = bytes.ok_or_else(|| unavailable("the stored answer was erased"))?;
        Ok(bytes.to_vec())
    }

    fn held(&self, judged: &Judged<Script>, hold: &Hold) -> Refusal {
        release::held(judged, reasons(judged, &[]), &hold.id)
    }
}

/// Why it waits; first what was counted, which is what a human wants to know.
fn reasons(judged: &Judged<Script>, compared: &[Compared]) -> Vec<Reason> {
    let reasons = judged.decision().reasons();
    let code = reasons.first().map_or(Code::NeedsApproval, |reason| reason.code);
    let counted = judged.message().measured().filter(|measured| !measured.text.is_empty());
    let left_out = Compared::left_out(compared);
    let named: Vec<&str> = left_out.iter().take(NAMED_MAX).map(String::as_str).collect();
    let left_out = match left_out.len().saturating_sub(named.len()) {
        0 if named.is_empty() => String::new(),
        0 => format!(" Another value each time, and not compared: {}.", named.join(", ")),
        more => {
            let named = named.join(", ");
            format!(" Another value each time, and not compared: {named}, and {more} more.")
        }
    };
    let counted =
        counted.map(|measured| Reason::new(code, format!("It would {}.{left_out}", measured.text)));
    counted.into_iter().chain(reasons.iter().cloned()).collect()
}

fn too_large(text: &str) -> Refusal {
    let text = format!("it needs a human's release, and {text}");
    Refusal::new(RefusalKind::Deny, Code::TooLargeToHold, text)
}
