//! What must be done first: a human's release, asked for or consumed, and time to go by.

mod references;
pub(crate) mod schedules;

use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_core::{
    Code, Judged, Judgement, Refusal,
    identity::{Principal, RefusedAim},
    ledger::Meaning,
    obligation::{Obligation, Receipt},
    plain::{is_literal, shell},
    refusal::RefusalKind,
};
use holdpoint_enforce::{Fulfil, Fulfilment, Point as _, release, resolve::loses_references};
use holdpoint_store::{
    Hold, HoldState, StoreError,
    holds::{Consumed, NewHold, OpenError, Opening},
    refusals::Remembered,
};
use holdpoint_wire::http::credentials::ToldBy;
use http::Response;
use secrecy::ExposeSecret as _;

use self::schedules::{not_consumed, scheduled, waited};
use crate::{
    body::ResponseBody,
    issued::Lookup,
    point::{Arrived, HttpPoint, Origin, Release, unavailable},
    stored::{StoredMessage, StoredResponse},
};

impl Fulfil for HttpPoint {
    async fn fulfil(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        let Some(saved) = self.save_first(principal, judged).await else {
            return Ok(Fulfilment::Unsaved);
        };
        let obligations = judged.decision().obligations();
        let fulfilment = match &judged.message().origin {
            // Released bytes are executed by their release or not at all.
            Origin::Release(release) => self.use_release(principal, judged, release).await,
            _ if !obligations.holds() => {
                Ok(Fulfilment::Receipts { receipts: Vec::new(), hold: None })
            }
            // Policy was told that nobody here opens a connection later.
            Origin::Upgrade { .. } if obligations.delay_seconds > 0 => Err(unfulfilled()),
            Origin::Agent { .. } => self.ask(principal, judged),
            Origin::Upgrade { consumed, .. } => self.open(principal, judged, consumed).await,
        };
        fulfilment.map(|fulfilment| match fulfilment {
            Fulfilment::Receipts { receipts, hold } => {
                Fulfilment::Receipts { receipts: receipts.into_iter().chain(saved).collect(), hold }
            }
            other => other,
        })
    }

    async fn remember(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Result<(), Refusal> {
        let refusals = self.state.refusals(self.config().refusals.remember_minutes);
        let host = &judged.message().message.host;
        for Judgement { operation, decision, .. } in judged.judgements() {
            let Some(reason) = decision.reasons().first() else { continue };
            let aim = RefusedAim {
                run: principal.run.clone(),
                resource: operation.resource.clone(),
                effect: operation.effect,
                code: reason.code,
                at: self.now(),
            };
            let (agent, host) = (principal.agent.clone(), Some(host.clone()));
            refusals.remember(&Remembered { aim, agent, host }).map_err(unavailable)?;
        }
        self.count_refusal(principal).await
    }

    fn fingerprints(&self, judged: &Judged<Arrived>) -> Vec<String> {
        let (known, arrived) = (self.known(), judged.message());
        let secrets = self.state.secrets();
        let run = arrived.run();
        let issued = Lookup::new(&self.issuing, &known, run, &arrived.message);
        let used = arrived.credentials.iter().filter(|used| used.told_by != ToldBy::Nothing);
        let foreign = used.filter(|used| {
            known.secret_of(run, used.value.expose_secret()).is_none() && issued.via(used).is_none()
        });
        let values = foreign.map(|used| used.value.expose_secret());
        values.map(|value| secrets.fingerprint(&String::from_utf8_lossy(value))).collect()
    }

    fn mend(&self, judged: &Judged<Arrived>, code: Code) -> Option<String> {
        if code != Code::UnboundCredential {
            return None;
        }
        let (known, arrived) = (self.known(), judged.message());
        let mut used = arrived.credentials.iter().map(|used| used.value.expose_secret());
        let unbound = used.find_map(|value| {
            let known = known.secret_of(arrived.run(), value)?;
            (known.grant.hosts.is_empty() || known.grant.purpose.is_empty()).then_some(known)
        })?;
        let host = &arrived.message.host;
        let operation = judged.judgements().first().map(|it| it.operation.name.as_str());
        // An agent may have chosen its name, and with it what the secret would be for.
        let operation = operation.filter(|it| is_literal(it)).unwrap_or("PROVIDER:OPERATION");
        Some(format!(
            "It does: holdpoint secrets bind {} --host {} --purpose {} --environment NAME",
            shell(&unbound.secret.name),
            shell(host),
            shell(operation),
        ))
    }
}

impl HttpPoint {
    /// Saves what is about to go, where that can be done: because policy asks for it, or because a
    /// human has released it. `None` if policy asks for it and it cannot be done.
    async fn save_first(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Option<Option<Receipt>> {
        let obligations = judged.decision().obligations();
        let released = matches!(judged.message().origin, Origin::Release(_));
        let goes = released || obligations.snapshot && !obligations.holds();
        if !goes {
            return Some(None);
        }
        if !judged.judgements().iter().any(|it| loses_references(&it.operation)) {
            return (!obligations.snapshot).then_some(None);
        }
        match self.save_references(principal, judged).await {
            Ok(evidence) => {
                Some(Some(Receipt::issue(Obligation::Snapshot, judged.digest(), evidence)))
            }
            Err(_) if obligations.snapshot => None,
            Err(unkept) => {
                tracing::warn!(?unkept, "references that a human released could not be saved");
                Some(None)
            }
        }
    }

    /// Lets the message wait for a human, unless this very operation was answered before.
    fn ask(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        match self.wait_for_human(principal, judged)? {
            Opening::Joined(hold) if hold.state == HoldState::Scheduled => Err(scheduled(&hold)),
            // Nobody has to release it: it waits for nothing but its time.
            Opening::Opened(hold) | Opening::Joined(hold)
                if hold.state == HoldState::Open && hold.obligations.approvals == 0 =>
            {
                Err(self.schedule(judged, &hold.id))
            }
            Opening::Opened(hold) | Opening::Joined(hold) => Err(held(judged, &hold)),
            Opening::Denied(hold) => Err(denied(&hold)),
            Opening::Answered(hold) => self.stored_response(&hold).map(Fulfilment::Answered),
        }
    }

    /// The same for a message that asks for a connection, which nobody can hand over later: the
    /// first that is sent after the release consumes it.
    async fn open(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
        consumed: &Arc<Mutex<Option<Consumed>>>,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        match self.wait_for_human(principal, judged)? {
            Opening::Joined(hold) if hold.state == HoldState::Approved => {
                let release = Release { hold: hold.id, consumed: Arc::clone(consumed) };
                self.consume(judged, &release).await
            }
            Opening::Denied(hold) => Err(denied(&hold)),
            opening => Err(held(judged, opening.hold())),
        }
    }

    /// The hold of this very operation.
    fn wait_for_human(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Result<Opening, Refusal> {
        let arrived = judged.message();
        let payload = StoredMessage::bytes(&arrived.message)
            .filter(|_| arrived.is_whole())
            .ok_or_else(|| too_large("its body is longer than what is read whole"))?
            .map_err(unavailable)?;
        let meanings: Vec<Meaning> = judged
            .judgements()
            .iter()
            .map(|judgement| Meaning::of(&judgement.operation, judgement.facts.environment))
            .collect();
        let credential = self.credential_name(arrived);
        let new = NewHold {
            credential: credential.as_deref(),
            payload: Some(&payload),
            ..NewHold::of(judged, principal, &meanings, judged.decision().reasons())
        };
        self.holds().open_or_join(&new, self.now()).map_err(|error| match error {
            OpenError::Payload(error) => too_large(&error.to_string()),
            OpenError::Store(full @ StoreError::Full { .. }) => too_many(&full),
            OpenError::Store(error) => unavailable(error),
        })
    }

    /// Uses a human's release: now, or for a schedule where it has to wait besides; or the
    /// schedule, once its time has come.
    async fn use_release(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
        release: &Release,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        let hold = self.holds().find(&release.hold, self.now()).map_err(unavailable)?;
        let obligations = judged.decision().obligations();
        match hold.map(|hold| hold.state) {
            Some(HoldState::Scheduled) => {
                let consumed = self.consume_due(principal, judged, &release.hold)?;
                self.execute(judged, release, consumed).await
            }
            _ if obligations.delay_seconds > 0 => Err(self.schedule(judged, &release.hold)),
            _ => self.consume(judged, release).await,
        }
    }

    /// Uses a human's release, which is for exactly this and good once.
    async fn consume(
        &self,
        judged: &Judged<Arrived>,
        release: &Release,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        let (policies, state) = (judged.policy_digest(), judged.state_digest());
        let consumed = self.holds().consume(&release.hold, self.now(), policies, state);
        self.execute(judged, release, consumed.map_err(not_consumed)?).await
    }

    /// The receipts for a release that is used now.
    async fn execute(
        &self,
        judged: &Judged<Arrived>,
        release: &Release,
        consumed: Consumed,
    ) -> Result<Fulfilment<Response<ResponseBody>>, Refusal> {
        let waited = waited(&consumed, judged.digest());
        let used = used(&consumed, waited.is_some());
        // Before anything can fail: from here on, whoever released it hears how it ended.
        *release.consumed.lock().unwrap_or_else(PoisonError::into_inner) = Some(consumed);
        let approved = Receipt::issue(used.met(), judged.digest(), used.evidence);
        used.record(judged, self, self.now()).await?;
        let hold = Some(release.hold.clone());
        let receipts = [approved].into_iter().chain(waited).collect();
        Ok(Fulfilment::Receipts { receipts, hold })
    }

    /// The response that was kept when this hold was executed.
    pub(crate) fn stored_response(&self, hold: &Hold) -> Result<Response<ResponseBody>, Refusal> {
        let id = hold.response.as_deref().ok_or_else(|| {
            let text = "it was done, but the upstream's answer was too large to be kept";
            Refusal::new(RefusalKind::Unavailable, Code::TooLargeToHold, text)
        })?;
        let bytes = self.state.payloads().read(id).map_err(unavailable)?;
        let bytes = bytes.ok_or_else(|| unavailable("the stored answer was erased"))?;
        StoredResponse::response(&bytes).map_err(unavailable)
    }

    /// The name of the secret that a message would be sent with.
    fn credential_name(&self, arrived: &Arrived) -> Option<String> {
        let known = self.known();
        let mut values = arrived.credentials.iter().map(|it| it.value.expose_secret());
        values.find_map(|value| {
            known.secret_of(arrived.run(), value).map(|known| known.secret.name.clone())
        })
    }
}

fn held(judged: &Judged<Arrived>, hold: &Hold) -> Refusal {
    release::held(judged, judged.decision().reasons().to_vec(), &hold.id)
}

/// A release that was consumed, as the walk puts it on record.
pub(crate) fn used(consumed: &Consumed, on_record: bool) -> release::Used {
    release::Used {
        hold: consumed.hold().id.clone(),
        approvers: consumed.approvers().to_owned(),
        evidence: consumed.evidence(),
        on_record,
    }
}

/// Policy asks for what it was told that nobody here can do: a defect of ours.
fn unfulfilled() -> Refusal {
    unavailable("nobody here can meet this obligation")
}

/// A human's no, which stands for a while.
pub(crate) fn denied(hold: &Hold) -> Refusal {
    release::denied(&hold.id, hold.state == HoldState::Cancelled)
}

fn too_many(full: &StoreError) -> Refusal {
    let text =
        "too much waits already, for a human or for its time; ask again once some of it is over";
    tracing::warn!(%full, "a hold was not opened");
    Refusal::new(RefusalKind::Deny, Code::OverLimit, text)
}

fn too_large(text: &str) -> Refusal {
    let text = format!("it needs a human's release, and {text}");
    Refusal::new(RefusalKind::Deny, Code::TooLargeToHold, text)
}
