//! `holdpoint.internal`: what an agent may know of itself, and how it asks a human for something.

use holdpoint_core::{Code, Reason, Refusal, identity::Principal, refusal::RefusalKind};
use holdpoint_enforce::{Identify as _, Point as _, enforce};
use holdpoint_store::{Hold, refusals::Remembered};
use holdpoint_wire::{ask, explain, http::refusal};
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::{
    body::{ResponseBody, whole},
    listen::Arrival,
    point::{Arrived, Claim, HttpPoint, unavailable},
    serve::Server,
};

/// Holds and refusals that an agent is told of, at most: the newest.
const TOLD_MAX: usize = 50;
/// Holds of all runs among which its own are looked for: the newest.
const HOLDS_MAX: u32 = 1000;

impl Server {
    /// What agents may ask us: all of it is about their own run.
    pub(crate) async fn internal(
        &self,
        claim: &Claim,
        enclosed: bool,
        arrival: Arrival,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let message = &arrival.message;
        if ask::asks(message) {
            // Judged, held and recorded like anything else.
            return enforce(&*self.point, claim, Arrived::from_agent(arrival, enclosed)).await;
        }
        let principal = self.point.identify(claim).await?;
        if principal.killed {
            let text = "this run was stopped by a human, and nothing of it passes";
            return Err(Refusal::new(RefusalKind::Deny, Code::Killed, text));
        }
        match (message.method.as_str(), message.target.as_str()) {
            ("GET", "/") => self.point.told(&principal).map(answer),
            ("GET", target) if target.starts_with("/holds/") => {
                let id = target.strip_prefix("/holds/").unwrap_or_default();
                let hold = self.hold(id)?;
                if hold.principal.run != principal.run {
                    return Err(no_such_hold(id));
                }
                self.over(&hold).unwrap_or_else(|| Err(still_held(&hold)))
            }
            ("POST", explain::TARGET) if enclosed => {
                let explained = self.point.explained(&principal, message).await?;
                serde_json::to_value(explained).map(answer).map_err(unavailable)
            }
            _ => {
                let text = "holdpoint.internal answers GET /, GET /holds/ID and POST /ask \
                            {\"grant\":…,\"why\":…}, and nothing else";
                Err(Refusal::new(RefusalKind::Deny, Code::Unparsed, text))
            }
        }
    }
}

impl HttpPoint {
    /// What a run may know of itself.
    fn told(&self, principal: &Principal) -> Result<Value, Refusal> {
        let now = self.now();
        let mut holds = self.holds().recent(HOLDS_MAX, now).map_err(unavailable)?;
        holds.retain(|hold| hold.principal.run == principal.run);
        let refusals = self.state.refusals(self.config().refusals.remember_minutes);
        let refused = refusals.of_run(&principal.run, now).map_err(unavailable)?;
        let known = self.known();
        let hosts = known.listed().map(|listed| {
            let (host, port) = (listed.host.as_str(), listed.port);
            json!({ "host": host, "port": port, "speaks": listed.speaks, "environment": listed.environment })
        });
        Ok(json!({
            "run": principal.run,
            "task": principal.task,
            "reach": {
                "hosts": hosts.collect::<Vec<_>>(),
                "services": self.services_of(&principal.run),
                "others": "well-known model hosts and registries, as far as a preset lists them",
            },
            "refusals": refused.iter().rev().take(TOLD_MAX).map(refused_fact).collect::<Vec<_>>(),
            "holds": holds.iter().take(TOLD_MAX).map(hold_fact).collect::<Vec<_>>(),
            "ask": "POST /ask {\"grant\":\"what you need\",\"why\":\"what for\"}; a human reads it",
        }))
    }
}

fn refused_fact(refused: &Remembered) -> Value {
    let refusal = Refusal::new(RefusalKind::Deny, refused.aim.code, "");
    json!({
        "resource": refused.aim.resource.id,
        "effect": refused.aim.effect,
        "code": refused.aim.code,
        "at": refused.aim.at,
        "mend": refusal::advice(&refusal),
    })
}

fn hold_fact(hold: &Hold) -> Value {
    json!({
        "hold": hold.id,
        "state": hold.state.as_str(),
        "meanings": hold.meanings,
        "expires_at": hold.expires_at,
        "not_before": hold.not_before.map(|time| time.to_string()),
    })
}

fn answer(value: Value) -> Response<ResponseBody> {
    let mut response = Response::new(whole(value.to_string()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What an agent is told once a human said yes to what it asked for.
pub(crate) fn agreed() -> Response<ResponseBody> {
    let text = "a human said yes; this by itself grants nothing: what was granted works once the \
                human has set it up, so try again then";
    answer(json!({ "answer": "yes", "detail": text }))
}

/// There is no such hold, at least not for who asks.
pub(crate) fn no_such_hold(id: &str) -> Refusal {
    let text = format!("there is no hold `{id}` in this run");
    Refusal::new(RefusalKind::Deny, Code::Unresolved, text)
}

fn still_held(hold: &Hold) -> Refusal {
    let default = || Reason::new(Code::NeedsApproval, "it waits for a human");
    let names = hold.meanings.first();
    Refusal {
        kind: RefusalKind::Hold,
        reasons: match hold.reasons.is_empty() {
            true => vec![default()],
            false => hold.reasons.clone(),
        },
        subject: names.map_or_else(String::new, |meaning| {
            format!("{} on {}", meaning.operation, meaning.resource)
        }),
        hold: Some(hold.id.clone()),
        reference: hold.id.clone(),
        not_before: None,
    }
}
