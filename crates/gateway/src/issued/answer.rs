//! The answer to a message: what it gives out is read, remembered, and captured where the
//! catalogue or a human says so.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use holdpoint_catalog::hosts;
use holdpoint_core::{Code, Refusal, Timestamp, refusal::RefusalKind};
use holdpoint_store::issued::{Kind, NewCaptured, NewIssued, Reach};
use holdpoint_wire::http::{
    Message, Scheme,
    credentials::occurrences,
    issued::{self, Depth, Lifetime, Link, SetCookie, Token, tokens},
};
use http::{HeaderMap, Response, StatusCode, header, response::Parts};
use secrecy::ExposeSecret as _;

use super::{
    exchange::{Capture, Exchange},
    pages::{self, Looked, READ_BYTES_MAX},
};
use crate::{body::ResponseBody, forward::scrub::Needles, spelling};

/// Cookies of one answer, at most.
const COOKIES_MAX: usize = 100;
/// A shorter cookie is no credential, and may stand anywhere by chance.
const SAID_BYTES_MIN: usize = 12;
/// The longest that anything issued is known, in seconds; and a link.
const LIFETIME_MAX: u64 = 90 * 24 * 3600;
const LINK_LIFETIME_MAX: u64 = 7 * 24 * 3600;
/// How long an authorization code is known, in seconds; RFC 6749 §4.1.2 recommends 600.
const CODE_LIFETIME: u64 = 3600;
/// How much longer a token is known than it lives: its issuer tells that it is over, which is
/// when clients refresh it.
const GRACE: u64 = 3600;

/// A response on its way back.
type Answer = Result<Response<ResponseBody>, Refusal>;

impl Exchange {
    /// Takes in what `response` gives out, before the agent sees any of it.
    pub(crate) async fn conclude(self, response: Response<ResponseBody>) -> Answer {
        let (mut head, body) = response.into_parts();
        self.note_challenge(&head);
        let mut issued = self.cookies(&head.headers);
        issued.extend(self.redirected(&head));
        issued.extend(self.coded(&head.headers));
        if !self.reads(&head) {
            self.record(issued).await;
            return Ok(Response::from_parts(head, body));
        }
        let body = match pages::look(body).await {
            Looked::Whole(body) => body,
            Looked::Passed(_) if self.capture.is_some() => {
                return Err(withheld("it breaks off or is longer than is read"));
            }
            Looked::Passed(body) => {
                self.record(issued).await;
                return Ok(Response::from_parts(head, body));
            }
        };
        let depth = if self.capture.is_some() { Depth::All } else { Depth::Login };
        let found = match issued::tokens(media_type(&head.headers), &body, depth) {
            Ok(found) => found,
            Err(error) if self.capture.is_some() && !body.is_empty() => {
                return Err(withheld(&error.text));
            }
            Err(_) => Vec::new(),
        };
        if let Some(capture) = self.capture.clone() {
            self.record(issued).await;
            let body = self.captured(capture, found, &mut head, body).await?;
            return Ok(Response::from_parts(head, pages::body(body)));
        }
        let tokens = if self.tokens { found } else { Vec::new() };
        issued.extend(tokens.into_iter().filter_map(|token| self.token(token)));
        if self.links {
            issued.extend(self.linked(&body));
        }
        self.record(issued).await;
        Ok(Response::from_parts(head, pages::body(body)))
    }

    /// Remembers who sends the run where for its tokens.
    fn note_challenge(&self, head: &Parts) {
        if head.status != StatusCode::UNAUTHORIZED {
            return;
        }
        let values = head.headers.get_all(header::WWW_AUTHENTICATE).iter();
        for realm in issued::realms(values.map(http::HeaderValue::as_bytes)) {
            self.issuing.realms.remember(&self.run, realm, &self.message.host);
        }
    }

    /// Whether the body is read: what may give out something, and is said to be small.
    fn reads(&self, head: &Parts) -> bool {
        if !head.status.is_success() || !(self.tokens || self.links) {
            return false;
        }
        if self.capture.is_some() {
            return true;
        }
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let small = length.is_none_or(|length| length <= READ_BYTES_MAX);
        small
            && tokens::is_read(media_type(&head.headers))
            && !head.headers.contains_key(header::CONTENT_ENCODING)
    }

    fn cookies(&self, headers: &HeaderMap) -> Vec<NewIssued> {
        let now = self.issuing.now();
        let path = self.message.raw_path();
        let set = headers.get_all(header::SET_COOKIE).iter().take(COOKIES_MAX);
        let set = set.filter_map(|value| {
            issued::set_cookie(&self.message.host, path, value.as_bytes(), now)
        });
        set.filter_map(|cookie| self.cookie(cookie, now)).collect()
    }

    fn cookie(&self, cookie: SetCookie, now: Timestamp) -> Option<NewIssued> {
        let host = &self.message.host;
        let hosts = match cookie.domain {
            None => vec![host.clone()],
            Some(domain) => vec![format!("*.{domain}"), domain],
        };
        let tls = cookie.secure || self.message.scheme == Scheme::Https;
        let reach = Reach { hosts, path: cookie.path, tls, ..Reach::default() };
        let seconds = match cookie.lifetime {
            Lifetime::Ended => {
                let ended = self.issuing.state.issued().end_cookie(&self.run, &cookie.name, &reach);
                if let Err(error) = ended {
                    tracing::warn!(%error, "a cookie that was taken back is still known");
                }
                return None;
            }
            Lifetime::Seconds(seconds) => seconds,
            Lifetime::Run => LIFETIME_MAX,
        };
        let new = NewIssued {
            kind: Kind::Cookie,
            name: cookie.name,
            value: cookie.value,
            reach,
            expires_at: later(now, seconds.min(LIFETIME_MAX)),
        };
        // To the host itself a cookie may say what was said to it, as sites remember a choice. For
        // its neighbours, too, it must be the host's own.
        let own = new.reach.hosts.len() == 1 || new.value.len() < SAID_BYTES_MIN;
        (own || self.is_given(&new)).then_some(new)
    }

    /// Where the answer sends the client, with a credential in the URL.
    fn redirected(&self, head: &Parts) -> Option<NewIssued> {
        let location = head.headers.get(header::LOCATION)?;
        let moved = head.status.is_redirection() || head.status == StatusCode::CREATED;
        let link = issued::redirect(&self.message, location.as_bytes()).filter(|_| moved)?;
        // A code host or a registry sends its clients to where it stores what they asked for.
        let identity = hosts::identity(&self.message.host);
        let lists = identity.is_some_and(|identity| identity.listed)
            && link.signed
            && link.scheme == Scheme::Https
            && link.port == 443;
        let own = issued::is_same_site(&link.host, &self.message.host);
        let reads = matches!(self.message.method.as_str(), "GET" | "HEAD");
        (own || link.signed).then(|| self.link(link, !reads, lists)).flatten()
    }

    /// An authorization code, which is sent without the secrets that it was obtained with. It is
    /// no credential anywhere: it only tells what the token is obtained with.
    fn coded(&self, headers: &HeaderMap) -> Option<NewIssued> {
        let code = issued::code(headers.get(header::LOCATION)?.as_bytes())?;
        (!self.via.is_empty()).then(|| NewIssued {
            kind: Kind::Refresh,
            name: "code".to_owned(),
            value: code,
            reach: Reach::default(),
            expires_at: later(self.issuing.now(), CODE_LIFETIME),
        })
    }

    fn linked(&self, body: &[u8]) -> Vec<NewIssued> {
        let lists = issued::is_lfs_batch(&self.message)
            && hosts::identity(&self.message.host).is_some_and(|identity| identity.listed);
        let links = issued::links(&self.message, body).into_iter();
        links.filter_map(|link| self.link(link, true, lists)).collect()
    }

    fn link(&self, link: Link, uploads: bool, lists: bool) -> Option<NewIssued> {
        let Link { scheme, host, port, target, lifetime, .. } = link;
        let tls = scheme == Scheme::Https;
        let to = Message { scheme, port, host: host.clone(), target, ..self.message.clone() };
        let new = NewIssued {
            kind: Kind::Link,
            name: String::new(),
            value: super::lookup::url(&to),
            reach: Reach { hosts: vec![host], path: String::new(), tls, uploads, lists },
            expires_at: later(self.issuing.now(), lifetime.min(LINK_LIFETIME_MAX)),
        };
        // A link that the agent wrote itself was not given to it.
        let said = occurrences(&self.message, to.target.as_bytes());
        (!said).then_some(new)
    }

    fn token(&self, token: Token) -> Option<NewIssued> {
        let lifetime = self.expiry(&token);
        let mut hosts: Vec<String> = vec![self.message.host.clone()];
        hosts.extend(self.challengers.iter().cloned());
        let new = NewIssued {
            kind: kind(token.kind),
            name: token.name,
            value: token.value.expose_secret().to_owned(),
            reach: self.token_reach(hosts),
            expires_at: lifetime,
        };
        self.is_given(&new).then_some(new)
    }

    /// Whether the upstream gave it, and did not merely repeat what the agent said: or else a
    /// host that echoes would make a found credential an issued one. What may be used here already
    /// may be repeated; a code, which may be used nowhere, is not the token that is spelled alike.
    fn is_given(&self, new: &NewIssued) -> bool {
        let now = self.issuing.now();
        let said = || occurrences(&self.message, new.value.as_bytes());
        let known = || {
            let issued = self.issuing.state.issued();
            issued
                .find(&self.run, new.kind, &new.name, &new.value, now)
                .is_ok_and(|it| it.iter().any(|found| found.reach.has(&self.message.host)))
        };
        !said() || known()
    }

    fn expiry(&self, token: &Token) -> Timestamp {
        let seconds = token.lifetime.map_or(LIFETIME_MAX, |it| it.saturating_add(GRACE));
        later(self.issuing.now(), seconds.min(LIFETIME_MAX))
    }

    fn token_reach(&self, hosts: Vec<String>) -> Reach {
        Reach { hosts, tls: self.message.scheme == Scheme::Https, ..Reach::default() }
    }

    /// Keeps the real tokens, and puts phantoms in their place, wherever they are.
    async fn captured(
        &self,
        capture: Capture,
        found: Vec<Token>,
        head: &mut Parts,
        body: Bytes,
    ) -> Result<Bytes, Refusal> {
        let home = self.message.host.clone();
        let tokens: Vec<NewCaptured> = found
            .into_iter()
            .map(|token| {
                let hosts = match token.kind {
                    tokens::Kind::Refresh => vec![home.clone()],
                    tokens::Kind::Access => {
                        [std::slice::from_ref(&home), &capture.resources].concat()
                    }
                };
                NewCaptured {
                    kind: kind(token.kind),
                    reach: self.token_reach(hosts),
                    expires_at: self.expiry(&token),
                    name: token.name,
                    value: token.value,
                }
            })
            .collect();
        if tokens.is_empty() {
            return Ok(body);
        }
        self.issuing.captures.store(true, Ordering::Release);
        let (store, run) = (self.issuing.state.issued(), self.run.clone());
        let (via, now) = (self.via.clone(), self.issuing.now());
        let family = capture.family;
        let kept = tokio::task::spawn_blocking(move || {
            let phantoms = store.capture(&run, &tokens, &via, family.as_deref(), now);
            phantoms.map(|phantoms| (tokens, phantoms))
        });
        let (tokens, phantoms) = kept
            .await
            .map_err(|error| withheld(&error.to_string()))?
            .map_err(|error| withheld(&error.to_string()))?;
        let pairs = tokens
            .iter()
            .zip(&phantoms)
            .flat_map(|(token, phantom)| spelling::pairs(token.value.expose_secret(), phantom));
        let needles = Needles::new(pairs).map_err(|error| withheld(&error.to_string()))?;
        head.headers.values_mut().for_each(|value| needles.scrub_value(value));
        Ok(needles.scrub(&body).into())
    }

    /// Remembers what was issued: from then on the run may use it. What could not be remembered
    /// is foreign when it is used.
    async fn record(&self, issued: Vec<NewIssued>) {
        if issued.is_empty() {
            return;
        }
        let (store, run) = (self.issuing.state.issued(), self.run.clone());
        let (via, now) = (self.via.clone(), self.issuing.now());
        let recorded = tokio::task::spawn_blocking(move || store.record(&run, &issued, &via, now));
        let error = match recorded.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error, "what an upstream issued is not remembered");
    }
}

fn kind(kind: tokens::Kind) -> Kind {
    match kind {
        tokens::Kind::Access => Kind::Access,
        tokens::Kind::Refresh => Kind::Refresh,
    }
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(seconds.saturating_mul(1000)))
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The upstream gave out credentials that could not be captured: the agent gets none of them.
fn withheld(why: &str) -> Refusal {
    let text = format!(
        "the upstream answered with credentials that could not be kept apart from you ({why}); \
         the answer is withheld, and the login has to be made again"
    );
    Refusal::new(RefusalKind::Upstream, Code::OutcomeUnknown, text)
}
