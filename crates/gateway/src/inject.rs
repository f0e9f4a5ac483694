//! The effect: phantoms become secrets, the message leaves once, and secrets that come back
//! become phantoms again.

use std::sync::{Arc, PoisonError};

use holdpoint_core::{Authorized, Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::{Forward, Forwarded};
use holdpoint_wire::http::credentials::{self, ToldBy};
use http::Response;
use secrecy::ExposeSecret as _;

use crate::{
    body::ResponseBody,
    forward::{ForwardError, Route, scrub::Needles},
    known::Known,
    point::{Arrived, HttpPoint},
    spelling,
};

impl Forward for HttpPoint {
    type Outcome = Response<ResponseBody>;

    async fn forward(&self, authorized: Authorized<Arrived>) -> Forwarded<Self::Outcome> {
        let mut arrived = authorized.into_message();
        let known = self.known();
        let scrub = match inject(&mut arrived, &known) {
            Ok(scrub) => scrub,
            Err(refusal) => return Forwarded { outcome: Err(refusal), status: None, answer: None },
        };
        let (host, port) = (arrived.message.host.clone(), arrived.message.port);
        let route = Route { listed_privately: known.may_lie_inside(&host, port), scrub };
        let rest = arrived.rest.into_inner().unwrap_or_else(PoisonError::into_inner);
        match self.client.send(arrived.message, rest, &route).await {
            Ok(response) => {
                let status = Some(response.status().as_u16());
                Forwarded { outcome: Ok(response), status, answer: None }
            }
            Err(error) => Forwarded {
                status: match &error {
                    ForwardError::Withheld { status, .. } => Some(status.as_u16()),
                    _ => None,
                },
                outcome: Err(unanswered(&error, &host)),
                answer: None,
            },
        }
    }
}

/// Puts the real credentials in, and says what must not come back. The last is replaced first:
/// what lies before it stays where it was found.
fn inject(arrived: &mut Arrived, known: &Known) -> Result<Option<Arc<Needles>>, Refusal> {
    let mut needles = Vec::new();
    for credential in arrived.credentials.iter().rev() {
        let held = known.secret_of(credential.value.expose_secret());
        let held = match (credential.told_by, held) {
            (ToldBy::Shape, _) | (ToldBy::Nothing, None) => continue,
            // Policy has let this through, so it was a phantom a moment ago.
            (ToldBy::Place, None) => return Err(gone()),
            (ToldBy::Place | ToldBy::Nothing, Some(held)) => held,
        };
        let (real, phantom) = (held.secret.value.expose_secret(), &held.secret.phantom);
        credentials::substitute(&mut arrived.message, credential, real.as_bytes())
            .map_err(|error| Refusal::new(RefusalKind::Deny, Code::Unparsed, error.to_string()))?;
        needles.extend(spelling::pairs(real, phantom));
    }
    if needles.is_empty() {
        return Ok(None);
    }
    let needles = Needles::new(needles)
        .map_err(|error| Refusal::new(RefusalKind::Deny, Code::OverLimit, error.to_string()))?;
    Ok(Some(Arc::new(needles)))
}

fn gone() -> Refusal {
    let text = "the secret of this credential was removed a moment ago";
    Refusal::new(RefusalKind::Deny, Code::ForeignCredential, text)
}

/// Why there is no answer, without claiming a failure that is not ours.
fn unanswered(error: &ForwardError, host: &str) -> Refusal {
    let (code, text) = match error {
        ForwardError::NothingSent(unreached) => (Code::UpstreamUnreachable, unreached.to_string()),
        ForwardError::OutcomeUnknown(_) | ForwardError::Withheld { .. } => {
            (Code::OutcomeUnknown, format!("the upstream is {host}; {error}"))
        }
    };
    Refusal::new(RefusalKind::Upstream, code, text)
}
