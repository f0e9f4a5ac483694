//! The effect: phantoms become secrets, the message leaves once, and secrets that come back
//! become phantoms again.

use std::sync::{Arc, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
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

/// A shorter piece of base64 could be anything.
const NEEDLE_BYTES_MIN: usize = 8;

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
    let mut needles: Vec<(Zeroizing<Vec<u8>>, Vec<u8>)> = Vec::new();
    for credential in arrived.credentials.iter().rev() {
        // Policy has let this through, so it is a phantom; what it stands for may be gone by now.
        let held = known.secret_of(credential.value.expose_secret()).ok_or_else(gone)?;
        let (real, phantom) = (held.secret.value.expose_secret(), &held.secret.phantom);
        credentials::substitute(&mut arrived.message, credential, real.as_bytes())
            .map_err(|error| Refusal::new(RefusalKind::Deny, Code::Unparsed, error.to_string()))?;
        needles.push((real.as_bytes().to_vec().into(), phantom.as_bytes().to_vec()));
        // An echo of `Basic` credentials shows the secret in base64, at one of three offsets.
        needles.extend(base64_of(real.as_bytes(), phantom.as_bytes()));
    }
    if needles.is_empty() {
        return Ok(None);
    }
    let needles = Needles::new(needles)
        .map_err(|error| Refusal::new(RefusalKind::Deny, Code::OverLimit, error.to_string()))?;
    Ok(Some(Arc::new(needles)))
}

/// The base64 of `real` and of `phantom` wherever they may stand in a longer text: of each
/// alignment, only those characters that depend on nothing else.
fn base64_of(real: &[u8], phantom: &[u8]) -> Vec<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let encoded = |value: &[u8], offset: usize| {
        let padded = Zeroizing::new([vec![0; offset].as_slice(), value].concat());
        let text = Zeroizing::new(STANDARD_NO_PAD.encode(padded.as_slice()).into_bytes());
        let first = (offset * 8).div_ceil(6);
        let last = (offset + value.len()) * 8 / 6;
        text.get(first..last).map(<[u8]>::to_vec)
    };
    let pair = |offset| Some((Zeroizing::new(encoded(real, offset)?), encoded(phantom, offset)?));
    let long_enough =
        |(needle, _): &(Zeroizing<Vec<u8>>, Vec<u8>)| needle.len() >= NEEDLE_BYTES_MIN;
    (0..3).filter_map(pair).filter(long_enough).collect()
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
