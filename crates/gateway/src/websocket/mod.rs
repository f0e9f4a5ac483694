//! WebSockets (RFC 6455): connections that a message opened, from the handshake to their end.
//!
//! - [`Asked`], [`Opened`]: both halves of the handshake with the upstream
//! - [`relay`](fn@relay): what is said, in both directions, until one end or we end it
//! - `looks`: secrets on their way back, and phantoms on their way out

mod looks;
mod relay;

#[cfg(test)]
mod tests;

use holdpoint_wire::http::{Message, websocket};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};

pub use looks::Looks;
pub use relay::{Closed, relay};

use crate::{
    body::{ResponseBody, empty},
    forward::{Needles, hop_by_hop},
};
use std::sync::Arc;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// What a message asked of the upstream.
#[derive(Debug)]
pub struct Asked {
    accept: String,
    subprotocols: Vec<String>,
}

/// The upstream's end of a connection, in the extensions of the response that opens it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The connection, once the response is written.
    pub upstream: OnUpgrade,
    /// What is looked for in what is said.
    pub looks: Looks,
    /// Where the ledger holds the decision.
    pub decision: u64,
}

impl Asked {
    /// What `message` asks for; none if it stays HTTP.
    pub fn by(message: &Message) -> Option<Self> {
        websocket::asks(message).ok().filter(|asks| *asks)?;
        let subprotocols = websocket::subprotocols(message).map(str::to_owned).collect();
        Some(Self { accept: websocket::accept(message)?, subprotocols })
    }

    /// The response that opens the connection, if it answers exactly this (RFC 6455 §4.1).
    pub(crate) fn opened(
        &self,
        mut response: Response<Incoming>,
        scrub: Option<Arc<Needles>>,
    ) -> Result<Response<ResponseBody>, &'static str> {
        let headers = response.headers();
        let only = |name| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
        };
        let accepted = only(header::SEC_WEBSOCKET_ACCEPT) == Some(self.accept.as_bytes());
        let upgraded =
            only(header::UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case(b"websocket"));
        if !(accepted && upgraded) {
            return Err("the upstream switched protocols, but not as a WebSocket does");
        }
        if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            return Err("the upstream uses a WebSocket extension that was not offered");
        }
        let mut chosen = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let offered = |word: &HeaderValue| self.subprotocols.iter().any(|own| *own == *word);
        if !(chosen.all(offered)
            && headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().count() <= 1)
        {
            return Err("the upstream chose a WebSocket subprotocol that was not offered");
        }
        let upstream = hyper::upgrade::on(&mut response);
        let (mut head, _) = response.into_parts();
        hop_by_hop::remove(&mut head.headers);
        if let Some(needles) = &scrub {
            head.headers.values_mut().for_each(|value| needles.scrub_value(value));
        }
        let looks = Looks { scrub, strays: None };
        head.extensions.insert(Opened { upstream, looks, decision: 0 });
        Ok(Response::from_parts(head, empty()))
    }
}

/// Puts the headers of a request for a WebSocket back, which end at each hop.
pub(crate) fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::UPGRADE, WEBSOCKET);
}

/// Makes `response` one that opens a WebSocket.
pub(crate) fn answer(response: &mut Response<ResponseBody>) {
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    ask(response.headers_mut());
}
