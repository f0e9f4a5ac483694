//! CONNECT, and TLS inside it: what is in a tunnel is read like everything else.

use std::{future::pending, io, sync::Arc, time::Duration};

use holdpoint_core::{Code, Reason, Refusal};
use holdpoint_wire::{
    connect::{self, Beginning},
    http::Scheme,
};
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader},
    time::{error::Elapsed, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    Arrival, Evidence, Handler, Stop,
    connection::{Session, converse},
    farewell,
    http2::{self, Turns},
    message::{Authority, Via},
    proxy::unless,
    refuse::Unanswerable,
};
use crate::{
    body::ResponseBody,
    stream::Stream,
    tls::{ALPN_HTTP1, ALPN_HTTP2, offer},
};

/// How long a client may be silent before it is taken to wait for its server to begin.
const SERVER_BEGINS: Duration = Duration::from_millis(300);

/// A connection that asked to be connected to an authority, and was told yes.
pub(super) struct Tunnel {
    pub(super) upgrade: OnUpgrade,
    pub(super) authority: Authority,
    pub(super) evidence: Evidence,
    pub(super) until: Stop,
}

/// What is spoken inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// What was agreed on in the handshake (RFC 7301).
    fn of_tls<I>(stream: &TlsStream<I>) -> Self {
        match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_HTTP2) => Self::Http2,
            _ => Self::Http1,
        }
    }

    /// What a client without TLS begins with. One that sends its preface in crumbs is none that
    /// exists, and HTTP/1.1 has no word for it.
    fn of_plain(begun: &[u8]) -> Self {
        match begun.starts_with(http2::PREFACE) {
            true => Self::Http2,
            false => Self::Http1,
        }
    }
}

/// Why TLS did not come about in a tunnel.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error("it took too long")]
    Slow(#[from] Elapsed),
    #[error("{0}")]
    Tls(#[from] io::Error),
    #[error("{0}")]
    Leaf(#[from] crate::tls::LeafError),
}

impl Tunnel {
    /// Serves what is inside, until it ends or its owner is not admitted any more.
    pub(super) async fn serve<H: Handler>(self, session: &Session<H>) {
        // Requests in flight are answered after a stop; a tunnel that is only opening is not.
        let Some(Ok(upgraded)) = unless(&session.stop, self.upgrade).await else { return };
        let Self { authority, evidence, until, .. } = self;
        let inside = Inside { session, authority, evidence, until: until.clone() };
        unless(&until, inside.serve(TokioIo::new(upgraded))).await;
    }
}

/// The inside of a tunnel.
pub(super) struct Inside<'a, H> {
    pub(super) session: &'a Session<H>,
    pub(super) authority: Authority,
    pub(super) evidence: Evidence,
    pub(super) until: Stop,
}

impl<H: Handler> Inside<'_, H> {
    /// What the client begins with decides: TLS, plain HTTP, or a stream that nobody reads.
    pub(super) async fn serve<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = BufReader::new(io);
        let wait = match Beginning::is_the_clients(self.authority.port) {
            true => self.session.proxy.limits.head_timeout,
            false => SERVER_BEGINS,
        };
        let first = unless(&self.session.stop, timeout(wait, io.fill_buf())).await;
        let beginning = match first {
            Some(Ok(Ok([]))) => return,
            Some(Ok(Ok(first))) => Beginning::of(first),
            Some(Err(_)) if wait == SERVER_BEGINS => Beginning::Other,
            _ => return,
        };
        match beginning {
            Beginning::Tls => match self.end_tls(io).await {
                Ok((stream, None)) => {
                    let protocol = Protocol::of_tls(&stream);
                    self.answer(stream, Scheme::Https, protocol).await;
                }
                Ok((stream, Some(name))) => self.turn_away(stream, &name).await,
                Err(error) => {
                    tracing::info!(host = self.authority.host, %error, "no TLS in a tunnel");
                }
            },
            Beginning::Http => {
                let protocol = Protocol::of_plain(io.buffer());
                self.answer(io, Scheme::Http, protocol).await;
            }
            Beginning::Other => self.stream(io).await,
        }
    }

    /// Has a raw stream judged like a message, and joins it to the upstream if it passes. Else it is
    /// closed: a refusal can only be said to who begins in a protocol that has words for it.
    pub(super) async fn stream<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Authority { host, port } = &self.authority;
        let arrival = Arrival { message: connect::message(host, *port), rest: None };
        let share = self.session.proxy.memory.share();
        let mut response = self.session.handle(self.evidence.clone(), arrival, share).await;
        let Some(stream) = response.extensions_mut().remove::<Stream>() else {
            tracing::info!(host, port, "a raw stream was refused");
            if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
                farewell::say(io, &refusal).await;
            }
            return;
        };
        let session = self.session.clone();
        let (evidence, until) = (self.evidence.clone(), self.until.clone());
        // In a task of its own: its end is recorded, whoever ends it.
        tokio::spawn(async move {
            let closed = stream.relay(io, &until, &session.stop).await;
            session.proxy.handler.closed(evidence, closed).await;
        });
    }

    /// Ends the client's TLS as the host that it wants. The second value is the name that it
    /// wants where that is not the tunnel's: then it is told so, which needs its trust as well.
    async fn end_tls<I>(&self, io: I) -> Result<(TlsStream<I>, Option<String>), HandshakeError>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let proxy = &self.session.proxy;
        let shake = async {
            let start = LazyConfigAcceptor::new(Acceptor::default(), io).await?;
            let host = &self.authority.host;
            let named = start.client_hello().server_name().map(str::to_ascii_lowercase);
            let other = named.filter(|name| name != host);
            let name = other.as_deref().unwrap_or(host);
            let mut config = proxy.leaves.serve_as(name, (proxy.clock)())?;
            if !proxy.handler.in_streams(host, self.authority.port) {
                Arc::make_mut(&mut config).alpn_protocols = offer(&[ALPN_HTTP1]);
            }
            Ok((start.into_stream(config).await?, other))
        };
        timeout(proxy.limits.handshake_timeout, shake).await?
    }

    async fn answer<I>(&self, io: I, scheme: Scheme, protocol: Protocol)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (session, evidence) = (self.session.clone(), self.evidence.clone());
        let via = Via::Tunnel { scheme, authority: self.authority.clone() };
        let Session { proxy, .. } = self.session;
        let many = protocol == Protocol::Http2;
        let turns = many.then(|| Turns::new(&proxy.limits, &proxy.streams));
        let answer = move |request| {
            let (session, turns) = (session.clone(), turns.clone());
            let (evidence, via) = (evidence.clone(), via.clone());
            async move {
                let turn = match &turns {
                    Some(turns) => turns.next().await,
                    None => None,
                };
                let session = turn.into_iter().fold(session, Session::in_turn);
                session.exchange(request, evidence, via).await
            }
        };
        self.converse(io, protocol, answer).await;
    }

    /// Tells a client that wants another host than its tunnel leads to (domain fronting).
    async fn turn_away<I>(&self, stream: TlsStream<I>, name: &str)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Authority { host, port } = &self.authority;
        let text = format!(
            "the tunnel leads to {host}:{port} but TLS inside asks for {name}: use one name for both"
        );
        let reason = Reason::new(Code::Unparsed, text);
        let unanswerable = Unanswerable::new(StatusCode::MISDIRECTED_REQUEST, reason);
        let (session, evidence) = (self.session.clone(), self.evidence.clone());
        let answer = move |request| {
            let (session, evidence) = (session.clone(), evidence.clone());
            let unanswerable = unanswerable.clone();
            async move { session.reject(request, &evidence, unanswerable).await }
        };
        let protocol = Protocol::of_tls(&stream);
        self.converse(stream, protocol, answer).await;
    }

    async fn converse<I, F, R>(&self, io: I, protocol: Protocol, answer: F)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
        R: Future<Output = Response<ResponseBody>> + Send + 'static,
    {
        let Session { proxy, stop, .. } = self.session;
        match protocol {
            Protocol::Http1 => converse(io, &proxy.limits, stop, pending(), answer).await,
            Protocol::Http2 => http2::converse(io, &proxy.limits, stop, answer).await,
        }
    }
}
