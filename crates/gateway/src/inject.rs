//! The effect: phantoms become secrets, the message leaves once, and secrets that come back
//! become phantoms again.

use std::sync::PoisonError;

use holdpoint_core::{Authorized, Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::{Forward, Forwarded, Point as _};
use holdpoint_wire::http::credentials::{self, ToldBy, Writing};
use http::Response;
use secrecy::ExposeSecret as _;

use crate::{
    aws,
    body::ResponseBody,
    forward::{ForwardError, Route, scrub::NeedlesError},
    known::Known,
    point::{Arrived, HttpPoint},
};

impl Forward for HttpPoint {
    type Outcome = Response<ResponseBody>;

    async fn forward(&self, authorized: Authorized<Arrived>) -> Forwarded<Self::Outcome> {
        let mut arrived = authorized.into_message();
        let known = self.known();
        let (host, port) = (arrived.message.host.clone(), arrived.message.port);
        let scrubbed = |()| known.scrub(&host).map_err(|error| too_many(&error));
        let injected = inject(&mut arrived, &known)
            .and_then(|()| aws::sign_anew(&mut arrived, &known, self.now()));
        let scrub = match injected.and_then(|signed| Ok((signed, scrubbed(())?))) {
            // A signature gives nothing away that could come back, and a part of an object is
            // asked for as it is.
            Ok((true, _)) if arrived.message.header("range").next().is_some() => None,
            Ok((_, scrub)) => scrub,
            Err(refusal) => return Forwarded { outcome: Err(refusal), status: None, answer: None },
        };
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

/// Puts the real credentials in. The last is replaced first: what lies before it stays where it
/// was found.
fn inject(arrived: &mut Arrived, known: &Known) -> Result<(), Refusal> {
    for credential in arrived.credentials.iter().rev() {
        if credential.position.writing == Writing::Signed {
            continue;
        }
        let held = match (credential.told_by, known.secret_of(credential.value.expose_secret())) {
            (ToldBy::Shape | ToldBy::Nothing, None) => continue,
            // Policy has let this through, so it was a phantom a moment ago.
            (ToldBy::Place, None) => return Err(gone()),
            (_, Some(held)) => held,
        };
        // Whatever policy says: where no human put the secret, the phantom stays.
        let grant = &held.grant;
        if !(grant.reaches(&arrived.message.host) && grant.takes(credential.site())) {
            continue;
        }
        let real = held.secret.value.expose_secret().as_bytes();
        credentials::substitute(&mut arrived.message, credential, real)
            .map_err(|error| Refusal::new(RefusalKind::Deny, Code::Unparsed, error.to_string()))?;
    }
    Ok(())
}

/// What comes back could not be scrubbed, so nothing is sent.
fn too_many(error: &NeedlesError) -> Refusal {
    let text = format!("the secrets of this host cannot be looked for: {error}; bind fewer to it");
    Refusal::new(RefusalKind::Deny, Code::OverLimit, text)
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
