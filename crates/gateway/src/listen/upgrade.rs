//! A request that wants to become a WebSocket: judged like any other, then joined to the upstream.

use holdpoint_core::{Code, Reason};
use holdpoint_wire::http::websocket;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;

use super::{
    Admission, Arrival, Evidence, Handler, Stop, connection::Session, memory::Share, message::Via,
    refuse::Unanswerable,
};
use crate::{
    body::ResponseBody,
    websocket::{Closed, Opened, answer, relay},
};

impl<H: Handler> Session<H> {
    /// Answers a request for another protocol; where the answer opens one, the connection is its.
    pub(super) async fn upgrade(
        &self,
        mut request: Request<Incoming>,
        evidence: Evidence,
        via: Via,
    ) -> Response<ResponseBody> {
        if !asks_for_websocket(request.version(), request.headers()) {
            let text = "the only protocol to upgrade to is WebSocket, over HTTP/1.1; send the \
                        request without Upgrade";
            let reason = Reason::new(Code::Opaque, text);
            let unanswerable = Unanswerable::new(StatusCode::NOT_IMPLEMENTED, reason);
            return self.reject(request, &evidence, unanswerable).await;
        }
        // Asked before it is judged, so that a kill between the two is not missed.
        let Admission::Admit(until) = self.proxy.handler.admit(&evidence).await else {
            return self.reject(request, &evidence, Unanswerable::challenge()).await;
        };
        let agent = hyper::upgrade::on(&mut request);
        let mut share = self.proxy.memory.share();
        let arrival = match self.arrive(request, via, &mut share).await {
            Ok(arrival) => arrival,
            Err(unanswerable) => return self.turn_away(&evidence, unanswerable).await,
        };
        let mut response = self.handle(evidence.clone(), arrival, share).await;
        if let Some(opened) = response.extensions_mut().remove::<Opened>() {
            answer(&mut response);
            tokio::spawn(self.clone().join(agent, opened, evidence, until));
        }
        response
    }

    /// The handshake as a message. Extensions are not offered to the upstream: what is compressed
    /// could not be searched.
    async fn arrive(
        &self,
        request: Request<Incoming>,
        via: Via,
        share: &mut Share,
    ) -> Result<Arrival, Unanswerable> {
        let (mut arrival, _) = Arrival::read(request, via, &self.proxy.limits, share).await?;
        let headers = &mut arrival.message.headers;
        headers.retain(|(name, _)| name != header::SEC_WEBSOCKET_EXTENSIONS.as_str());
        headers.push((header::UPGRADE.as_str().to_owned(), "websocket".into()));
        websocket::check(&arrival.message)
            .map_err(|unreadable| Unanswerable::new(StatusCode::BAD_REQUEST, unreadable))?;
        Ok(arrival)
    }

    /// Joins both ends until one of them, a kill or a stop ends it. The session's place is held
    /// until then.
    async fn join(self, agent: OnUpgrade, opened: Opened, evidence: Evidence, until: Stop) {
        let Opened { upstream, looks, decision } = opened;
        let both = async { tokio::try_join!(agent, upstream) };
        let joined = tokio::select! {
            biased;
            () = until.said() => None,
            joined = both => Some(joined),
        };
        let closed = match joined {
            Some(Ok((agent, upstream))) => {
                let (agent, upstream) = (TokioIo::new(agent), TokioIo::new(upstream));
                relay(agent, upstream, &looks, &until, &self.stop).await
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a WebSocket was not taken up");
                Closed::unused("not_taken_up")
            }
            None => Closed::unused("killed"),
        };
        self.proxy.handler.closed(evidence, Closed { decision, ..closed }).await;
    }
}

/// Whether exactly a WebSocket is asked for (RFC 6455 §4.2.1).
fn asks_for_websocket(version: Version, headers: &HeaderMap) -> bool {
    let words = |name| {
        let values = headers.get_all(name).iter();
        let texts = values.filter_map(|value: &http::HeaderValue| value.to_str().ok());
        texts.flat_map(|text| text.split(',')).map(str::trim).collect::<Vec<_>>()
    };
    let connection = words(header::CONNECTION);
    version == Version::HTTP_11
        && matches!(words(header::UPGRADE).as_slice(), [only] if only.eq_ignore_ascii_case("websocket"))
        && connection.iter().any(|word| word.eq_ignore_ascii_case("upgrade"))
}
