//! CONNECT, and TLS inside it: what is in a tunnel is read like everything else.

use std::{io, sync::Arc, time::Duration};

use holdpoint_core::{Code, Reason};
use holdpoint_wire::{
    connect::{self, Beginning},
    http::Scheme,
};
use http::StatusCode;
use hyper::upgrade::OnUpgrade;
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
    message::{Authority, Via},
    proxy::unless,
    refuse::Unanswerable,
};
use crate::stream::Stream;

/// How long a client may be silent before it is taken to wait for its server to begin.
const SERVER_BEGINS: Duration = Duration::from_millis(300);

/// A connection that asked to be connected to an authority, and was told yes.
pub(super) struct Tunnel {
    pub(super) upgrade: OnUpgrade,
    pub(super) authority: Authority,
    pub(super) evidence: Evidence,
    pub(super) until: Stop,
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
                Ok((stream, None)) => self.answer(stream, Scheme::Https).await,
                Ok((stream, Some(name))) => self.turn_away(stream, &name).await,
                Err(error) => {
                    tracing::info!(host = self.authority.host, %error, "no TLS in a tunnel");
                }
            },
            Beginning::Http => self.answer(io, Scheme::Http).await,
            Beginning::Other => self.stream(io).await,
        }
    }

    /// Has a raw stream judged like a message, and joins it to the upstream if it passes. There are
    /// no words for a refusal in a protocol that nobody knows: then it is closed.
    pub(super) async fn stream<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Authority { host, port } = &self.authority;
        let arrival = Arrival { message: connect::message(host, *port), rest: None };
        let mut response = self.session.handle(self.evidence.clone(), arrival).await;
        let Some(stream) = response.extensions_mut().remove::<Stream>() else {
            return tracing::info!(host, port, "a raw stream was refused");
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
            let config = proxy.leaves.serve_as(name, (proxy.clock)())?;
            Ok((start.into_stream(Arc::clone(&config)).await?, other))
        };
        timeout(proxy.limits.handshake_timeout, shake).await?
    }

    async fn answer<I>(&self, io: I, scheme: Scheme)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Session { proxy, stop, .. } = self.session;
        let via = Via::Tunnel { scheme, authority: self.authority.clone() };
        let answer = |request| self.session.exchange(request, self.evidence.clone(), via.clone());
        converse(io, &proxy.limits, stop, std::future::pending(), answer).await;
    }

    /// Tells a client that wants another host than its tunnel leads to (domain fronting).
    async fn turn_away<I>(&self, io: I, name: &str)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Session { proxy, stop, .. } = self.session;
        let Authority { host, port } = &self.authority;
        let text = format!(
            "the tunnel leads to {host}:{port} but TLS inside asks for {name}: use one name for both"
        );
        let reason = Reason::new(Code::Unparsed, text);
        let unanswerable = Unanswerable::new(StatusCode::MISDIRECTED_REQUEST, reason);
        let answer = |request| self.session.reject(request, &self.evidence, unanswerable.clone());
        converse(io, &proxy.limits, stop, std::future::pending(), answer).await;
    }
}
