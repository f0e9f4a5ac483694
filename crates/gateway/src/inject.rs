//! The effect: phantoms become secrets, the message leaves once, and secrets that come back
//! become phantoms again.

use std::sync::{Arc, PoisonError};

use holdpoint_catalog::hosts;
use holdpoint_core::{Authorized, Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::{Forward, Forwarded, Point as _};
use holdpoint_wire::{
    ask, connect,
    http::{
        Message,
        credentials::{self, CredentialUse, ToldBy, Writing},
    },
};
use http::Response;
use secrecy::{ExposeSecret as _, SecretString};

use zeroize::Zeroizing;

use crate::{
    aws,
    body::{ResponseBody, Rest},
    forward::{Client, ForwardError, Needles, Route, scrub::NeedlesError},
    internal::agreed,
    issued::Exchange,
    known::{Known, KnownSecret},
    made::Lesson,
    point::{Arrived, HttpPoint, Origin, unavailable},
    stream::Stream,
    websocket::Opened,
};

impl Forward for HttpPoint {
    type Outcome = Response<ResponseBody>;

    async fn forward(&self, authorized: Authorized<Arrived>) -> Forwarded<Self::Outcome> {
        let decision = authorized.index();
        let mut arrived = authorized.into_message();
        let known = self.known();
        let (host, port) = (arrived.message.host.clone(), arrived.message.port);
        if host == ask::HOST {
            return Forwarded { outcome: Ok(agreed()), status: Some(200), answer: None };
        }
        let listed_privately =
            known.may_lie_inside(&host, port) || self.is_service(arrived.run(), &arrived.message);
        if connect::asks(&arrived.message) {
            let opened = Stream::open(&self.client, &host, port, listed_privately, decision).await;
            let outcome = opened.map_err(|error| unanswered(&error.into(), &host));
            return Forwarded { outcome, status: None, answer: None };
        }
        let strays = strays(&arrived, &known);
        let begun = Exchange::begin(&self.issuing, &arrived, &known).await;
        let begun = begun.and_then(|exchange| {
            inject(&mut arrived, &known, &exchange)?;
            exchange.make_readable(&mut arrived.message);
            let signed = aws::sign_anew(&mut arrived, &known, self.now())?;
            let scrub = exchange.scrub(&known).map_err(|error| too_many(&error))?;
            // Of an object, a part is asked for as it is. What else may come back (an error that
            // repeats the session token, for one) is searched like any answer.
            let partial = signed && arrived.message.header("range").next().is_some();
            Ok((exchange, (scrub, partial), strays?))
        });
        let (exchange, (scrub, partial), strays) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Forwarded { outcome: Err(refusal), status: None, answer: None },
        };
        let route = Route { listed_privately, scrub, partial };
        let lesson = Lesson::of(&arrived);
        let rest = arrived.rest.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (client, captures) = (Arc::clone(&self.client), exchange.captures());
        let sending = send(client, arrived.message, rest, route, exchange);
        let forwarded = match captures {
            false => sending.await,
            // A login that is renewed is kept, even if the agent has gone away meanwhile.
            true => tokio::spawn(sending).await.unwrap_or_else(|error| Forwarded {
                outcome: Err(unavailable(error)),
                status: None,
                answer: None,
            }),
        };
        let outcome = forwarded.outcome.map(|mut response| {
            if let Some(opened) = response.extensions_mut().get_mut::<Opened>() {
                opened.decision = decision;
                opened.looks.strays = strays;
            }
            self.learn(lesson, response)
        });
        Forwarded { outcome, ..forwarded }
    }
}

impl HttpPoint {
    /// Puts the real credentials into a message of our own.
    pub(crate) async fn put_in(&self, arrived: &mut Arrived, known: &Known) -> Result<(), Refusal> {
        let exchange = Exchange::begin(&self.issuing, arrived, known).await?;
        inject(arrived, known, &exchange)
    }
}

/// Sends a message, and takes in what the answer gives out.
async fn send(
    client: Arc<Client>,
    message: Message,
    rest: Option<Rest>,
    route: Route,
    exchange: Exchange,
) -> Forwarded<Response<ResponseBody>> {
    let host = message.host.clone();
    match client.send(message, rest, &route).await {
        Ok(response) => {
            let status = Some(response.status().as_u16());
            Forwarded { outcome: exchange.conclude(response).await, status, answer: None }
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

/// Puts the real credentials in. The last is replaced first: what lies before it stays where it
/// was found.
fn inject(arrived: &mut Arrived, known: &Known, exchange: &Exchange) -> Result<(), Refusal> {
    for credential in arrived.credentials.iter().rev() {
        if credential.position.writing == Writing::Signed {
            continue;
        }
        let held = match (credential.told_by, known.secret_of(credential.value.expose_secret())) {
            (ToldBy::Shape | ToldBy::Nothing, None) => continue,
            (ToldBy::Place, None) => {
                if let Some(real) = exchange.real(credential) {
                    put(&mut arrived.message, credential, real)?;
                }
                continue;
            }
            (_, Some(held)) => held,
        };
        // Whatever policy says: where no human put the secret, the phantom stays.
        let grant = &held.grant;
        if !(grant.reaches(&arrived.message.host) && grant.takes(credential.site())) {
            continue;
        }
        put(&mut arrived.message, credential, &held.secret.value)?;
    }
    Ok(())
}

fn put(message: &mut Message, used: &CredentialUse, real: &SecretString) -> Result<(), Refusal> {
    credentials::substitute(message, used, real.expose_secret().as_bytes())
        .map_err(|error| Refusal::new(RefusalKind::Deny, Code::Unparsed, error.to_string()))
}

/// Phantoms that must not be said on a connection that the message opens: those of secrets that
/// are bound elsewhere. What is said to a model is a prompt.
fn strays(arrived: &Arrived, known: &Known) -> Result<Option<Arc<Needles>>, Refusal> {
    let host = arrived.message.host.as_str();
    if !matches!(arrived.origin, Origin::Upgrade { .. }) || hosts::is_model(host) {
        return Ok(None);
    }
    let bound = known.secrets().filter(|known| !known.grant.hosts.is_empty());
    let elsewhere = bound.filter(|known| !known.grant.reaches(host));
    let phantoms = elsewhere.flat_map(KnownSecret::phantoms).map(str::as_bytes);
    let pairs = phantoms.map(|it| (Zeroizing::new(it.to_vec()), vec![b'*'; it.len()]));
    let mut pairs = pairs.peekable();
    let any = pairs.peek().is_some();
    let strays = any.then(|| Needles::new(pairs)).transpose();
    strays.map(|it| it.map(Arc::new)).map_err(|error| too_many(&error))
}

/// What comes back could not be scrubbed, so nothing is sent.
fn too_many(error: &NeedlesError) -> Refusal {
    let text = format!("the secrets of this host cannot be looked for: {error}; bind fewer to it");
    Refusal::new(RefusalKind::Deny, Code::OverLimit, text)
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
