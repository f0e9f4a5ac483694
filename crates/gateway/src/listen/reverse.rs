//! Reverse mode: an address of this machine that stands for one upstream, for clients that can use
//! no proxy. What they send is one agent's, and goes to that upstream or nowhere.

use std::{net::SocketAddr, sync::Arc};

use holdpoint_core::{Code, Reason};
use holdpoint_wire::{Unreadable, http::Scheme};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{HOST, LOCATION},
    uri,
};
use hyper::body::Incoming;

use super::{
    Evidence, Handler,
    connection::Session,
    message::{Authority, Via, authority_of},
    refuse::Unanswerable,
};
use crate::body::ResponseBody;

/// An address that stands for one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverse {
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// Whether TLS protects the way to the upstream.
    pub scheme: Scheme,
    /// The upstream.
    pub upstream: Authority,
    /// Whose messages they are.
    pub agent: String,
}

impl Reverse {
    /// Answers a request that came to this address.
    pub(super) async fn answer<H: Handler>(
        self: &Arc<Self>,
        session: &Session<H>,
        request: Request<Incoming>,
        evidence: Evidence,
    ) -> Response<ResponseBody> {
        if *request.method() == Method::CONNECT {
            let text = format!(
                "this address stands for {}; send it requests, and no CONNECT",
                self.upstream
            );
            let reason = Reason::new(Code::Unparsed, text);
            let unanswerable = Unanswerable::new(StatusCode::METHOD_NOT_ALLOWED, reason);
            return session.reject(request, &evidence, unanswerable).await;
        }
        let via = Via::Reverse(Arc::clone(self));
        let mut response = session.exchange(request, evidence, via).await;
        if let Some(value) = response.headers_mut().get_mut(LOCATION)
            && let Some(here) = self.here(value)
        {
            *value = here;
        }
        response
    }

    /// Checks that a request means this address or its upstream, and names the upstream in it. A
    /// page that has its own name resolve to this machine means neither.
    pub(super) fn take_host(&self, uri: &Uri, headers: &mut HeaderMap) -> Result<(), Unreadable> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.and_then(|host| host.parse::<uri::Authority>().ok());
        let named = host.as_ref().is_some_and(|host| {
            self.is_meant(host, Scheme::Http) || self.is_meant(host, self.scheme)
        });
        let target = match (uri.scheme_str(), uri.authority()) {
            (None, None) => true,
            (Some("http"), Some(authority)) => self.is_meant(authority, Scheme::Http),
            (Some("https"), Some(authority)) => {
                self.scheme == Scheme::Https && self.is_meant(authority, Scheme::Https)
            }
            _ => false,
        };
        if !(named && target) {
            return Err(Unreadable::new(format!(
                "this address stands for {}://{}; name that or {} as the host",
                self.scheme.as_str(),
                self.upstream,
                self.listen
            )));
        }
        let upstream = HeaderValue::try_from(self.upstream.to_string())
            .map_err(|_| Unreadable::new("the upstream's name cannot stand in a Host header"))?;
        headers.insert(HOST, upstream);
        Ok(())
    }

    /// Whether an authority is that of this address, or of its upstream.
    fn is_meant(&self, authority: &uri::Authority, scheme: Scheme) -> bool {
        let Some(named) = authority_of(authority, Some(scheme)) else { return false };
        let ip = self.listen.ip().to_string();
        let here =
            named.port == self.listen.port() && [ip.as_str(), "localhost"].contains(&&*named.host);
        here || (scheme == self.scheme && named == self.upstream)
    }

    /// A redirect to the upstream, as one to this address; none for any other.
    fn here(&self, location: &HeaderValue) -> Option<HeaderValue> {
        let text = location.to_str().ok()?;
        let after_scheme = without_prefix(text, &format!("{}://", self.scheme.as_str()))?;
        let end = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
        let (authority, rest) = after_scheme.split_at_checked(end)?;
        let authority = authority_of(&authority.parse().ok()?, Some(self.scheme))?;
        let slash = if rest.starts_with('/') { "" } else { "/" };
        let here = format!("http://{}{slash}{rest}", self.listen);
        (authority == self.upstream).then(|| HeaderValue::try_from(here).ok())?
    }
}

/// `text` behind a prefix in whatever case.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
