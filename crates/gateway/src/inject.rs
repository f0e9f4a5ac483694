//! The effect: phantoms become secrets, the message leaves once, and secrets that come back
//! become phantoms again.

use std::sync::{Arc, PoisonError};

use holdpoint_core::{Authorized, Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::{Forward, Forwarded};
use holdpoint_wire::http::credentials;
use http::Response;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::{
    body::ResponseBody,
    forward::{ForwardError, Route, scrub::Needles},
    known::Known,
    point::{Arrived, HttpPoint},
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
        let route = Route { listed_privately: known.listed_by_human(&host, port), scrub };
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

/// Puts the real credentials in, and says what must not come back.
fn inject(arrived: &mut Arrived, known: &Known) -> Result<Option<Arc<Needles>>, Refusal> {
    let mut needles: Vec<(Zeroizing<Vec<u8>>, Vec<u8>)> = Vec::new();
    for credential in &arrived.credentials {
        // Policy has let this through, so it is a phantom; what it stands for may be gone by now.
        let secret = known.secret_of(credential.value.expose_secret()).ok_or_else(gone)?;
        let real = secret.value.expose_secret();
        let swapped = credentials::substitute(&mut arrived.message, credential, real)
            .map_err(|error| Refusal::new(RefusalKind::Deny, error.code, error.text))?;
        needles.push((Zeroizing::new(real.as_bytes().to_vec()), secret.phantom.as_bytes().to_vec()));
        // An echo of a whole header shows an encoded credential in its encoding.
        if swapped.real.len() == swapped.phantom.len() {
            needles.push((swapped.real, swapped.phantom));
        }
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
    let code = match error {
        ForwardError::NothingSent(_) => Code::UpstreamUnreachable,
        ForwardError::OutcomeUnknown(_) | ForwardError::Withheld { .. } => Code::OutcomeUnknown,
    };
    Refusal::new(RefusalKind::Upstream, code, format!("{host}: {error}"))
}
