//! What must be done first: a human's release, asked for or consumed, and time to go by.

mod references;
pub(crate) mod schedules;

use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_core::{
    Code, Judged, Judgement, Refusal,
    identity::{Principal, RefusedAim},
    ledger::{Meaning, Record, RecordKind},
    obligation::{Obligation, Receipt},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Fulfil, Fulfilment, Ledger as _, Point as _, record, resolve::loses_references,
};
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
        let issued = Lookup::new(&self.state, &known, run, &arrived.message, self.now());
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
        Some(format!(
            "It does: holdpoint secrets bind {} --host {host} --purpose '{}' --environment NAME",
            unbound.secret.name,
            operation.unwrap_or("PROVIDER:OPERATION"),
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
            operation_digest: judged.operation_digest(principal),
            message_digest: judged.digest(),
            policy_digest: judged.policy_digest(),
            state_digest: judged.state_digest(),
            principal,
            meanings: &meanings,
            reasons: judged.decision().reasons(),
            obligations: judged.decision().obligations(),
            credential: credential.as_deref(),
            payload: Some(&payload),
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
        let count = u8::try_from(consumed.approvers().len()).unwrap_or(u8::MAX);
        let met = Obligation::Approval { count };
        let approved = Receipt::issue(met, judged.digest(), consumed.evidence());
        let waited = waited(&consumed, judged.digest());
        // Who released what was scheduled is on record since then.
        let approvers = match waited {
            Some(_) => Vec::new(),
            None => consumed.approvers().to_owned(),
        };
        let evidence = consumed.evidence();
        // Before anything can fail: from here on, whoever released it hears how it ended.
        *release.consumed.lock().unwrap_or_else(PoisonError::into_inner) = Some(consumed);
        for approver in approvers {
            let hold = release.hold.clone();
            let kind = RecordKind::Approval { hold, approver, released: true, evidence };
            let record = Record::new(self.now(), None, kind);
            self.commit(record, judged.digest()).await.map_err(record::ledger_unavailable)?;
        }
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
    Refusal {
        kind: RefusalKind::Hold,
        reasons: judged.decision().reasons().to_vec(),
        subject: record::subject(judged),
        hold: Some(hold.id.clone()),
        reference: hold.id.clone(),
        not_before: None,
    }
}

/// Policy asks for what it was told that nobody here can do: a defect of ours.
fn unfulfilled() -> Refusal {
    unavailable("nobody here can meet this obligation")
}

/// A human's no, which stands for a while.
pub(crate) fn denied(hold: &Hold) -> Refusal {
    let text = match hold.state {
        HoldState::Cancelled => "a human cancelled exactly this before its time had come",
        _ => "a human looked at exactly this and said no",
    };
    let mut refusal = Refusal::new(RefusalKind::Deny, Code::ApprovalDenied, text);
    refusal.reference = hold.id.clone();
    refusal
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
