//! Answers for agents: outcomes as they come, refusals in HTTP's words, holds that are waited for.

use std::{sync::Arc, time::Duration};

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::{Identify as _, Point as _, enforce};
use holdpoint_store::{HoldState, Topic};
use holdpoint_wire::http::{Message, refusal};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::{
    body::{ResponseBody, whole},
    listen::{Admission, Arrival, Evidence, Handler, Stop, Stopper},
    point::{Arrived, Claim, HttpPoint, unavailable},
    stored::StoredResponse,
};

/// The host that only exists here: agents ask it about their holds.
pub const INTERNAL_HOST: &str = "holdpoint.internal";

/// The gateway's side of every conversation with an agent.
#[derive(Clone)]
pub struct Server {
    point: Arc<HttpPoint>,
    killed: Arc<Stopper>,
}

impl Server {
    /// Serves the decisions of `point`.
    pub fn new(point: Arc<HttpPoint>) -> Self {
        Self { point, killed: Arc::new(Stopper::new()) }
    }
}

impl Handler for Server {
    async fn admit(&self, evidence: &Evidence) -> Admission {
        match self.point.identify(&Claim::Bearer(evidence.bearer.clone())).await {
            Ok(_) => Admission::Admit(Stop::never()),
            Err(refusal) if refusal.code() == Code::Unidentified => Admission::Challenge,
            Err(refusal) => Admission::Refuse(refusal),
        }
    }

    async fn handle(&self, evidence: Evidence, arrival: Arrival) -> Response<ResponseBody> {
        let claim = Claim::Bearer(evidence.bearer);
        let message = arrival.message.clone();
        let answered = match message.host.as_str() {
            INTERNAL_HOST => self.internal(&claim, &message).await,
            _ => enforce(&*self.point, &claim, Arrived::from_agent(arrival)).await,
        };
        match answered {
            Ok(response) => response,
            Err(refusal) if refusal.kind == RefusalKind::Hold => self.wait(refusal, &message).await,
            Err(refusal) => render(&refusal, Some(&message)),
        }
    }
}
