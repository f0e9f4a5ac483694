//! The requests of one connection, one after the other.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_core::{Code, Reason};
use http::{Method, Request, Response, StatusCode, Version, header::TRAILER};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};

use super::{
    Admission, Arrival, Door, Evidence, Handler, Limits, Proxy, Stop,
    arrival::trailers,
    discard::{discard_unread, discarded},
    enclosed::Meant,
    http2::Turn,
    memory::Share,
    message::{Via, connect_authority, wants_upgrade},
    proxy::unless,
    refuse::{Unanswerable, complete},
    strict::{Strict, Verdict},
    tunnel::{Inside, Tunnel},
};
use crate::{
    body::{ResponseBody, empty},
    forward::hop_by_hop,
};

/// One client's connection.
pub(super) struct Session<H> {
    pub(super) proxy: Arc<Proxy<H>>,
    pub(super) stop: Stop,
    peer: SocketAddr,
    /// Where it came in.
    door: Door,
    /// Given back when the connection and everything that is handled for it has ended.
    place: Arc<OwnedSemaphorePermit>,
    /// The same for one stream among many.
    turn: Option<Arc<Turn>>,
}

impl<H> Clone for Session<H> {
    fn clone(&self) -> Self {
        Self {
            proxy: Arc::clone(&self.proxy),
            stop: self.stop.clone(),
            peer: self.peer,
            door: self.door.clone(),
            place: Arc::clone(&self.place),
            turn: self.turn.clone(),
        }
    }
}

/// What the requests of a connection leave behind for the connection itself.
struct Outside {
    /// The tunnel that takes the connection over.
    tunnel: Mutex<Option<Tunnel>>,
    /// Until when whoever asked last is admitted.
    until: watch::Sender<Stop>,
}

impl<H: Handler> Session<H> {
    pub(super) fn new(
        proxy: Arc<Proxy<H>>,
        peer: SocketAddr,
        stop: Stop,
        place: OwnedSemaphorePermit,
        door: Door,
    ) -> Self {
        Self { proxy, stop, peer, door, place: Arc::new(place), turn: None }
    }

    /// The session of one stream, whose turn it is.
    pub(super) fn in_turn(self, turn: Turn) -> Self {
        Self { turn: Some(Arc::new(turn)), ..self }
    }

    /// Serves the connection to its end, and the tunnel that may come out of it.
    pub(super) async fn serve(self, socket: TcpStream) {
        if let Door::Enclosure(at) = &self.door
            && let Some(meant) = at.meant(&socket)
        {
            return self.serve_meant(socket, meant).await;
        }
        let outside =
            Outside { tunnel: Mutex::default(), until: watch::Sender::new(Stop::never()) };
        let ended = ended(outside.until.subscribe());
        let answer = |request| self.answer(request, &outside);
        converse(socket, &self.proxy.limits, &self.stop, ended, answer).await;
        let tunnel = outside.tunnel.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(tunnel) = tunnel {
            tunnel.serve(&self).await;
        }
    }

    /// Serves a connection that was meant for a host, as the inside of a tunnel to it.
    async fn serve_meant(&self, socket: TcpStream, meant: Meant) {
        let evidence = Evidence { bearer: None, peer: self.peer, door: self.door.clone() };
        let Admission::Admit(until) = self.proxy.handler.admit(&evidence).await else { return };
        let (Meant::Host(to) | Meant::Service(to)) = &meant;
        if self.proxy.handler.speaks_for(&to.host, to.port) {
            let spoken = self.proxy.handler.speak(evidence, to, socket, &self.stop);
            unless(&until, spoken).await;
            return;
        }
        let inside =
            |authority| Inside { session: self, authority, evidence, until: until.clone() };
        let served = async {
            match meant {
                Meant::Host(authority) => inside(authority).serve(socket).await,
                Meant::Service(authority) => inside(authority).stream(socket).await,
            }
        };
        // A stream that was opened goes on by itself.
        unless(&until, served).await;
    }

    /// Answers a request that was sent to the proxy itself.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        outside: &Outside,
    ) -> Response<ResponseBody> {
        let evidence = Evidence::take(request.headers_mut(), self.peer, self.door.clone());
        if let Some(misframed) = request.extensions_mut().remove::<Unanswerable>() {
            return self.turn_away(&evidence, misframed).await;
        }
        let until = match self.proxy.handler.admit(&evidence).await {
            Admission::Admit(until) => until,
            Admission::Challenge => {
                return self.reject(request, &evidence, Unanswerable::challenge()).await;
            }
            Admission::Refuse(refusal) => {
                let status = StatusCode::FORBIDDEN;
                let unanswerable = Unanswerable { status, refusal };
                return self.reject(request, &evidence, unanswerable).await;
            }
        };
        outside.until.send_replace(until.clone());
        if let Door::Reverse(at) = &self.door {
            return at.answer(self, request, evidence).await;
        }
        if *request.method() != Method::CONNECT {
            return self.exchange(request, evidence, Via::Proxy).await;
        }
        let authority = match connect_authority(request.uri()) {
            Ok(authority) => authority,
            Err(unreadable) => {
                let unanswerable = Unanswerable::new(StatusCode::BAD_REQUEST, unreadable);
                return self.turn_away(&evidence, unanswerable).await;
            }
        };
        let tunnel = Tunnel { upgrade: hyper::upgrade::on(request), authority, evidence, until };
        *outside.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
        Response::new(empty())
    }

    /// Answers a request whose sender is known and admitted.
    pub(super) async fn exchange(
        &self,
        mut request: Request<Incoming>,
        evidence: Evidence,
        via: Via,
    ) -> Response<ResponseBody> {
        if let Some(misframed) = request.extensions_mut().remove::<Unanswerable>() {
            return self.turn_away(&evidence, misframed).await;
        }
        if wants_upgrade(request.method(), request.headers()) {
            return self.upgrade(request, evidence, via).await;
        }
        if request.headers().len() > self.proxy.limits.headers_max {
            let reason = Reason::new(Code::OverLimit, "there are too many headers: send fewer");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return self.reject(request, &evidence, Unanswerable::new(status, reason)).await;
        }
        if request.headers().contains_key(TRAILER) {
            return self.reject(request, &evidence, trailers()).await;
        }
        let in_stream = request.version() == Version::HTTP_2;
        let mut share = self.proxy.memory.share();
        match Arrival::read(request, via, &self.proxy.limits, &mut share).await {
            Ok((arrival, discarding)) => {
                let response = self.handle(evidence, arrival, share).await;
                if in_stream {
                    discarded(discarding, &self.proxy.limits).await;
                }
                response
            }
            Err(unanswerable) => self.turn_away(&evidence, unanswerable).await,
        }
    }

    /// Has a message handled to the end, whether or not the client waits for it.
    pub(super) async fn handle(
        &self,
        evidence: Evidence,
        arrival: Arrival,
        share: Share,
    ) -> Response<ResponseBody> {
        let session = self.clone();
        let claim = evidence.clone();
        let handled = tokio::spawn(async move {
            // All of it, its place, its turn and its share too: a capture would take the handler alone.
            let (session, _share) = (session, share);
            session.proxy.handler.handle(claim, arrival).await
        })
        .await;
        match handled {
            Ok(mut response) => {
                hop_by_hop::remove(response.headers_mut());
                response
            }
            Err(error) => {
                tracing::error!(%error, "a message was not handled to its end");
                let text = "Holdpoint failed while it handled this, and whether it was sent is not \
                            known: look at the upstream before trying again";
                let reason = Reason::new(Code::OutcomeUnknown, text);
                let unanswerable = Unanswerable::new(StatusCode::INTERNAL_SERVER_ERROR, reason);
                self.turn_away(&evidence, unanswerable).await
            }
        }
    }

    /// Answers a request of which nothing was read but the head.
    pub(super) async fn reject(
        &self,
        request: Request<Incoming>,
        evidence: &Evidence,
        unanswerable: Unanswerable,
    ) -> Response<ResponseBody> {
        discard_unread(request, &self.proxy.limits).await;
        self.turn_away(evidence, unanswerable).await
    }

    /// Answers what cannot become a message, and closes the connection after it.
    pub(super) async fn turn_away(
        &self,
        evidence: &Evidence,
        Unanswerable { status, refusal }: Unanswerable,
    ) -> Response<ResponseBody> {
        complete(status, self.proxy.handler.refuse(evidence, status, refusal).await)
    }
}

/// Answers requests on `io` until either side closes, `stop` is said (then the request in flight
/// is still answered), or `ended` (then nothing more is).
pub(super) async fn converse<I, F, R>(
    io: I,
    limits: &Limits,
    stop: &Stop,
    ended: impl Future<Output = ()>,
    answer: F,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Response<ResponseBody>>,
{
    let verdict = Verdict::default();
    let io = Strict::new(io, *limits, verdict.clone());
    let service = service_fn(|mut request| {
        verdict.mark(&mut request);
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers_max)
        .max_header_size(limits.head_bytes_max)
        // The date of a response is the upstream's to give.
        .auto_date_header(false);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service).with_upgrades());
    let mut ended = pin!(ended);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ended.as_mut() => return,
        () = stop.said() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                served = connection => served,
                () = ended => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Waits until whoever was admitted last is not any more.
async fn ended(mut until: watch::Receiver<Stop>) {
    loop {
        let current = until.borrow_and_update().clone();
        tokio::select! {
            () = current.said() => return,
            changed = until.changed() => if changed.is_err() {
                return current.said().await;
            },
        }
    }
}
