//! CONNECT, and TLS inside it: what is in a tunnel is read like everything else.

use std::{io, sync::Arc};

use holdpoint_core::{Code, Reason};
use holdpoint_wire::http::Scheme;
use http::StatusCode;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader},
    time::{error::Elapsed, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    Evidence, Handler, Stop,
    connection::{Session, converse},
    message::{Authority, Via},
    proxy::unless,
    refuse::Unanswerable,
};

/// The first byte of TLS: a handshake record (RFC 8446 §5.1). No HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

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
        let until = self.until.clone();
        // Requests in flight are answered after a stop; a tunnel that is only opening is not.
        let Some(Ok(upgraded)) = unless(&session.stop, self.upgrade).await else { return };
        let inside = Inside { session, authority: self.authority, evidence: self.evidence };
        unless(&until, inside.serve(BufReader::new(TokioIo::new(upgraded)))).await;
    }
}

/// The inside of a tunnel.
struct Inside<'a, H> {
    session: &'a Session<H>,
    authority: Authority,
    evidence: Evidence,
}

impl<H: Handler> Inside<'_, H> {
    /// The first byte decides: TLS, or plain HTTP.
    async fn serve<I>(&self, mut io: BufReader<I>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let wait = self.session.proxy.limits.head_timeout;
        let first = unless(&self.session.stop, timeout(wait, io.fill_buf())).await;
        let Some(Ok(Ok(first))) = first else { return };
        match first.first() {
            None => {}
            Some(&TLS_HANDSHAKE) => match self.end_tls(io).await {
                Ok((stream, None)) => self.answer(stream, Scheme::Https).await,
                Ok((stream, Some(name))) => self.turn_away(stream, &name).await,
                Err(error) => {
                    tracing::info!(host = self.authority.host, %error, "no TLS in a tunnel");
                }
            },
            Some(_) => self.answer(io, Scheme::Http).await,
        }
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
