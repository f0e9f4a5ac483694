//! Answers for agents: outcomes as they come, refusals in HTTP's words, holds that are waited for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use holdpoint_catalog::hosts::Speaks;
use holdpoint_core::{
    Code, Digest, Refusal,
    ledger::{Record, RecordKind},
    refusal::RefusalKind,
};
use holdpoint_enforce::{Identify as _, Ledger as _, Point as _, enforce};
use holdpoint_store::{Hold, HoldState, holds::Ending};
use holdpoint_wire::{
    World as _, ask, connect,
    http::{Message, refusal},
};
use http::Response;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    body::ResponseBody,
    fulfil::{denied, schedules::scheduled},
    internal::no_such_hold,
    listen::{Admission, Arrival, Door, Evidence, Handler, Stop, message::Authority, refuse},
    metrics::arriving,
    point::{Arrived, Claim, HttpPoint, unavailable},
    postgres::{Front, Served},
    websocket::Closed,
};

/// The gateway's side of every conversation with an agent.
#[derive(Debug, Clone)]
pub struct Server {
    pub(crate) point: Arc<HttpPoint>,
    databases: Option<(Arc<Front>, Vec<Arc<Served>>)>,
}

impl Server {
    /// Serves the decisions of `point`.
    pub fn new(point: Arc<HttpPoint>) -> Self {
        Self { point, databases: None }
    }

    /// Serves `databases` too, to runs that connect to them by their own host and port.
    #[must_use]
    pub fn with_databases(self, front: Arc<Front>, databases: Vec<Arc<Served>>) -> Self {
        Self { databases: Some((front, databases)), ..self }
    }

    /// The database at this host and port.
    fn database(&self, host: &str, port: u16) -> Option<(&Arc<Front>, &Arc<Served>)> {
        let (front, all) = self.databases.as_ref()?;
        Some((front, all.iter().find(|served| served.is_at(host, port))?))
    }
}

impl Handler for Server {
    async fn admit(&self, evidence: &Evidence) -> Admission {
        let by_address = matches!(evidence.door, Door::Reverse(_));
        match self.point.identify(&evidence.clone().into()).await {
            // Not turned away here: a killed run is told so in the words of what it asks.
            Ok(principal) if principal.killed => Admission::Admit(Stop::never()),
            Ok(principal) => Admission::Admit(self.point.kills.of(&principal.run)),
            // There is nothing that a client could send to an address of its own.
            Err(refusal) if refusal.code() == Code::Unidentified && !by_address => {
                Admission::Challenge
            }
            Err(refusal) => Admission::Refuse(refusal),
        }
    }

    async fn handle(&self, evidence: Evidence, arrival: Arrival) -> Response<ResponseBody> {
        let enclosed = matches!(evidence.door, Door::Enclosure(_));
        let claim = Claim::from(evidence);
        let message = arrival.message.clone();
        let upgrades = message.header("upgrade").next().is_some();
        let opens = message.host != ask::HOST && (upgrades || connect::asks(&message));
        let answered = match message.host.as_str() {
            ask::HOST => self.internal(&claim, enclosed, arrival).await,
            _ if opens => self.open(&claim, enclosed, &message).await,
            _ => {
                let arrived = Arrived::from_agent(arrival, enclosed);
                arriving(enforce(&*self.point, &claim, arrived)).await
            }
        };
        let answered = match answered {
            // A message that asks for a connection has waited: what it waits for is another thing.
            Err(refusal) if refusal.kind == RefusalKind::Hold && !opens => self.wait(refusal).await,
            other => other,
        };
        answered.unwrap_or_else(|refusal| render(&refusal, Some(&message)))
    }

    fn guards(&self, run: &str, services: &[u16]) {
        self.point.guards(run, services);
    }

    fn resolves(&self, name: &str) -> bool {
        name == ask::HOST || self.point.known().names(name)
    }

    /// Not where code is hosted: git's uploads have no length, and the libcurl of much that is
    /// installed (7.88 to 8.1) now and then forgets to end one in HTTP/2, and waits forever.
    fn in_streams(&self, host: &str, port: u16) -> bool {
        let known = self.point.known().host(host, port);
        known.is_none_or(|host| host.speaks != Speaks::Collaboration)
    }

    fn speaks_for(&self, host: &str, port: u16) -> bool {
        self.database(host, port).is_some()
    }

    async fn speak(&self, evidence: Evidence, to: &Authority, socket: TcpStream, stop: &Stop) {
        if let Some((front, served)) = self.database(&to.host, to.port) {
            let (front, served) = (Arc::clone(front), Arc::clone(served));
            front.attend(served, socket, evidence.into(), true, stop).await;
        }
    }

    async fn closed(&self, evidence: Evidence, closed: Closed) {
        let principal = self.point.identify(&evidence.into()).await.ok();
        let Closed { decision, sent, received, failure } = closed;
        let failure = failure.map(str::to_owned);
        let kind = RecordKind::Closed { decision, sent, received, failure };
        let record = Record::new(self.point.now(), principal, kind);
        if let Err(error) = self.point.append(record, Digest::of(b"closed")).await {
            tracing::error!(%error, "the end of a connection is not recorded");
        }
    }
}

impl Server {
    /// Takes a message that asks for a connection through the walk, and once more if it is
    /// released while its agent still waits for the answer.
    async fn open(
        &self,
        claim: &Claim,
        enclosed: bool,
        message: &Message,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let held = match self.try_open(claim, enclosed, message).await {
            Err(refusal) if refusal.kind == RefusalKind::Hold => refusal,
            other => return other,
        };
        let released = |hold: &Hold| match hold.state {
            // Done: another attempt was first, and this one is asked about anew.
            HoldState::Approved | HoldState::Done => Some(Ok(())),
            _ => self.over(hold).map(|over| over.map(drop)),
        };
        self.wait_until(held, released).await?;
        self.try_open(claim, enclosed, message).await
    }

    /// Once through the walk; a release that it consumed is used now, whatever comes of it.
    async fn try_open(
        &self,
        claim: &Claim,
        enclosed: bool,
        message: &Message,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let consumed = Arc::new(Mutex::new(None));
        let arrived = Arrived::to_open(message.clone(), enclosed, Arc::clone(&consumed));
        let answered = enforce(&*self.point, claim, arrived).await;
        let consumed = consumed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(consumed) = consumed {
            let ending = match &answered {
                Ok(_) => Ending::Opened,
                Err(refusal) if refusal.code() == Code::OutcomeUnknown => Ending::Unknown,
                Err(_) => Ending::NotSent,
            };
            let finished = self.point.holds().finish(consumed, ending, self.point.now());
            finished.map_err(unavailable)?;
        }
        answered
    }

    /// Waits a while for the release of a hold, and then for its response.
    async fn wait(&self, held: Refusal) -> Result<Response<ResponseBody>, Refusal> {
        self.wait_until(held, |hold| self.over(hold)).await
    }

    /// Waits a while until `over` has something to say of a hold.
    async fn wait_until<T>(
        &self,
        held: Refusal,
        over: impl Fn(&Hold) -> Option<Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let Some(id) = held.hold.clone() else { return Err(held) };
        let patience = Duration::from_secs(self.point.config().hold.wait_seconds);
        let until = Instant::now() + patience;
        let mut changes = self.point.state.subscribe();
        loop {
            let hold = self.hold(&id)?;
            if let Some(over) = over(&hold) {
                return over;
            }
            // A missed change is a change as well: look again.
            if timeout_at(until, changes.recv()).await.is_err() {
                return Err(held);
            }
        }
    }

    /// How a hold ended, if it did.
    pub(crate) fn over(&self, hold: &Hold) -> Option<Result<Response<ResponseBody>, Refusal>> {
        let refuse = |kind, code, text: &str| {
            let mut refusal = Refusal::new(kind, code, text);
            refusal.reference = hold.id.clone();
            Some(Err(refusal))
        };
        match hold.state {
            HoldState::Open | HoldState::Approved | HoldState::Consuming => None,
            HoldState::Done => Some(self.point.stored_response(hold)),
            HoldState::Scheduled => Some(Err(scheduled(hold))),
            HoldState::Denied | HoldState::Cancelled => Some(Err(denied(hold))),
            HoldState::Expired => {
                refuse(RefusalKind::Deny, Code::ApprovalVoid, "nobody released it in time")
            }
            HoldState::Void => {
                let text = "it could not be done any more as it was to be released; nothing was \
                            sent, and it can be asked for again";
                refuse(RefusalKind::Deny, Code::ApprovalVoid, text)
            }
            HoldState::Unknown => {
                let text = "it was released and sent, and what became of it is not known; look \
                            at the upstream before anything else";
                refuse(RefusalKind::Upstream, Code::OutcomeUnknown, text)
            }
        }
    }

    pub(crate) fn hold(&self, id: &str) -> Result<Hold, Refusal> {
        let found = self.point.holds().find(id, self.point.now()).map_err(unavailable)?;
        found.ok_or_else(|| no_such_hold(id))
    }
}

/// A refusal as an HTTP response, in the words that the client's protocol has for it.
fn render(refusal: &Refusal, message: Option<&Message>) -> Response<ResponseBody> {
    let mut response = refuse::response(refusal::render(refusal, message));
    // For who has to say it in another protocol.
    response.extensions_mut().insert(refusal.clone());
    response
}
