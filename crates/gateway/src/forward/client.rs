//! One message out, one response back. Nothing that may have been processed is sent twice.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use holdpoint_wire::http::{Message, Scheme, framing, grpc};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1, ext::ReasonPhrase};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    answer::Answer,
    answers::{Answering, Answers},
    decoded::{codings, decoded},
    dial::{Dialer, Offer, Protocol, Unreached, Wire},
    happy_eyeballs, hop_by_hop,
    outgoing::{Outgoing, again, as_http1, as_http2, ask_proxy, outgoing},
    pool::{self, Connection, Key, Pool, Sender},
    route::Route,
    scrub::Scrubbed,
    sent::{Sent, Watched},
    shared::{Shared, is_unprocessed},
};
use crate::{
    body::{Received, ResponseBody, Rest},
    websocket::Asked,
};

/// A pooled connection that is not ready within this is not worth waiting for.
const READY_WAIT: Duration = Duration::from_millis(20);

/// Connections that one message is tried on; all but the last have given it back unsent, or said
/// that they have done nothing about it.
const ATTEMPTS_MAX: usize = 8;

/// What a message may be sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speak {
    /// Whatever the upstream prefers.
    Any,
    /// HTTP/1.1: without TLS nobody can be asked.
    Http1,
    /// HTTP/2: gRPC has nothing else.
    Http2,
}

impl Speak {
    /// What fits a message, `opening` another protocol or not.
    fn of(message: &Message, opening: bool) -> Self {
        let media = message.header("content-type").next();
        match message.scheme {
            // Only HTTP/1.1 can be left for another protocol.
            _ if opening => Self::Http1,
            Scheme::Https => Self::Any,
            Scheme::Http if media.is_some_and(|media| grpc::is_call(media)) => Self::Http2,
            Scheme::Http => Self::Http1,
        }
    }
}

/// The limits of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long an upstream may be silent between the last byte of the message and the head of
    /// its response. Long: a model may think for minutes.
    pub response_head_timeout: Duration,
    /// Bytes of status line and headers of a response; at least 8192.
    pub head_bytes_max: usize,
    /// Number of headers of a response.
    pub headers_max: usize,
    /// Connections that are kept.
    pub pool: pool::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            response_head_timeout: Duration::from_secs(600),
            head_bytes_max: 128 * 1024,
            headers_max: 256,
            pool: pool::Limits::default(),
        }
    }
}

/// Why there is no response to pass on.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// No byte of the message left: it can safely be tried again.
    #[error("nothing was sent: {0}")]
    NothingSent(#[from] Unreached),
    /// At least a part of the message may have arrived: what it did is not known.
    #[error("it was sent, and what became of it is not known: {0}")]
    OutcomeUnknown(String),
    /// The upstream has answered, but its response cannot be searched for secrets.
    #[error(
        "the upstream answered {status}, but encoded ({encoding}) although it was asked not to; the answer is withheld"
    )]
    Withheld {
        /// The upstream's status: the message did arrive.
        status: StatusCode,
        /// How the response is encoded.
        encoding: String,
    },
}

/// Sends messages to upstreams.
pub struct Client {
    dialer: Dialer,
    limits: Limits,
    pool: Arc<Pool>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialer, limits, .. } = self;
        f.debug_struct("Client")
            .field("dialer", dialer)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that dials with `dialer`.
    pub fn new(dialer: Dialer, limits: Limits) -> Self {
        Self { dialer, limits, pool: Arc::new(Pool::new(limits.pool)) }
    }

    /// Sends a message once. `rest` is what follows a body of which only the prefix was judged.
    pub async fn send(
        &self,
        message: Message,
        rest: Option<Rest>,
        route: &Route,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let (scheme, host, port) = (message.scheme, message.host.clone(), message.port);
        let progress = Arc::new(Notify::new());
        let asked = Asked::by(&message);
        let speak = Speak::of(&message, asked.is_some());
        let mut request = outgoing(message, rest, route.wanted(), Arc::clone(&progress))?;
        let hops = self.dialer.resolve(scheme, &host, port, route.listed_privately).await?;
        let keys: Vec<Key> =
            hops.into_iter().map(|hop| Key { scheme, host: host.clone(), port, hop }).collect();
        let mut given_back: fn(String) -> Unreached = Unreached::Closed;
        for _ in 0..ATTEMPTS_MAX {
            // A kept connection may have been closed meanwhile: then it gives the message back
            // unsent. A fresh one has no excuse.
            let (connection, fresh) = match self.kept(&keys, speak).await {
                Some(connection) => (connection, false),
                None => self.connect(&keys, speak).await?,
            };
            match self.exchange(connection, request, &progress).await? {
                Exchanged::Answered(response, connection) => {
                    return self.answered(response, connection, route, asked.as_ref());
                }
                Exchanged::Unsent(_) if fresh => break,
                Exchanged::Unsent(unsent) => request = unsent,
                Exchanged::Unprocessed(again) => {
                    given_back = Unreached::Unprocessed;
                    let Some(again) = again else { break };
                    request = again;
                }
            }
        }
        Err(given_back(host).into())
    }

    /// A connection for a raw stream, which is nobody else's afterwards.
    pub(crate) async fn connect_raw(
        &self,
        host: &str,
        port: u16,
        listed_privately: bool,
    ) -> Result<Box<dyn Wire>, Unreached> {
        // A proxy passes streams on by CONNECT, as it does for https.
        let hops = self.dialer.resolve(Scheme::Https, host, port, listed_privately).await?;
        let attempts = hops.into_iter().map(|hop| self.dialer.dial_raw(host, port, hop));
        let first = happy_eyeballs::first(attempts).await;
        first.unwrap_or_else(|| Err(Unreached::Unwritable("its host has no address".to_owned())))
    }

    /// A kept connection that can take a message now. Each call takes one out of the pool.
    async fn kept(&self, keys: &[Key], speak: Speak) -> Option<Connection> {
        if speak != Speak::Http1
            && let Some(connection) = keys.iter().find_map(|key| self.pool.place(key))
        {
            return Some(connection);
        }
        let idle = |key| if speak == Speak::Http2 { None } else { self.pool.take(key) };
        while let Some(mut connection) = keys.iter().find_map(idle) {
            let Sender::Http1(sender, _) = &mut connection.sender else { continue };
            if matches!(timeout(READY_WAIT, sender.ready()).await, Ok(Ok(()))) {
                return Some(connection);
            }
        }
        None
    }

    /// A connection to the first address that answers, and whether it is fresh and this message's
    /// alone: one that can be shared may be at its end before its first message gets there.
    async fn connect(&self, keys: &[Key], speak: Speak) -> Result<(Connection, bool), Unreached> {
        let nowhere = || Unreached::Unwritable("its host has no address".to_owned());
        let first = keys.first().ok_or_else(nowhere)?;
        let _turn = if speak == Speak::Http1 { None } else { self.pool.turn(first).await };
        if speak != Speak::Http1
            && let Some(connection) = keys.iter().find_map(|key| self.pool.place(key))
        {
            return Ok((connection, false));
        }
        let offer = if speak == Speak::Http1 { Offer::Http1 } else { Offer::Both };
        let attempts = keys.iter().cloned().map(|key| async move {
            let (wire, agreed) = self.dialer.dial(&key, offer).await?;
            Ok((wire, agreed, key))
        });
        let (wire, agreed, key) = happy_eyeballs::first(attempts).await.ok_or_else(nowhere)??;
        let protocol = if speak == Speak::Http2 { Protocol::Http2 } else { agreed };
        if speak == Speak::Any {
            self.pool.learn(&key, protocol);
        }
        Ok((self.speak(wire, key, protocol).await?, protocol == Protocol::Http1))
    }

    async fn speak(
        &self,
        wire: Box<dyn Wire>,
        key: Key,
        protocol: Protocol,
    ) -> Result<Connection, Unreached> {
        if protocol == Protocol::Http2 {
            let shared = Shared::begin(wire, self.limits.head_bytes_max).await?;
            let place = shared.place().ok_or_else(|| Unreached::Closed(key.host.clone()))?;
            self.pool.share(&key, shared);
            return Ok(Connection::of(&key, place));
        }
        let sent = Sent::default();
        let Limits { head_bytes_max, headers_max, .. } = self.limits;
        let answers = Answers::new(framing::Limits { head_bytes_max, headers_max });
        let io = Answering::new(Watched::new(wire, sent.clone()), answers.clone());
        let io = TokioIo::new(io);
        let (sender, driver) = http1::Builder::new()
            .max_headers(self.limits.headers_max)
            .max_header_size(self.limits.head_bytes_max)
            .handshake(io)
            .await
            .map_err(|error| Unreached::Unwritable(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = driver.with_upgrades().await {
                tracing::debug!(%error, "an upstream connection broke off");
            }
        });
        Ok(Connection { key, sender: Sender::Http1(sender, answers), sent })
    }

    /// Gives a request the form that the connection's protocol wants.
    fn write_for(
        &self,
        connection: &Connection,
        request: &mut Request<Outgoing>,
    ) -> Result<(), Unreached> {
        let Key { scheme, host, port, hop } = &connection.key;
        let unwritable = |error: http::Error| Unreached::Unwritable(error.to_string());
        match (&connection.sender, self.dialer.asked_in_message(*scheme, host, *port, &[*hop])) {
            (Sender::Http1(..), asked) => {
                as_http1(request).map_err(unwritable)?;
                asked.map_or(Ok(()), |proxy| ask_proxy(request, proxy))
            }
            (Sender::Http2(_), None) => as_http2(request, *scheme).map_err(unwritable),
            (Sender::Http2(_), Some(_)) => {
                let text = "gRPC without TLS does not go through the proxy; use TLS";
                Err(Unreached::Unwritable(text.to_owned()))
            }
        }
    }

    /// Sends the request and waits for the response's head.
    async fn exchange(
        &self,
        mut connection: Connection,
        mut request: Request<Outgoing>,
        progress: &Notify,
    ) -> Result<Exchanged, ForwardError> {
        connection.sent.clear();
        let wait = self.limits.response_head_timeout;
        self.write_for(&connection, &mut request)?;
        let shared = matches!(connection.sender, Sender::Http2(_));
        let again = if shared { again(&request) } else { None };
        let answer = async {
            match &mut connection.sender {
                Sender::Http1(sender, answers) => {
                    answers.expect(request.method().as_str());
                    sender.try_send_request(request).await
                }
                Sender::Http2(place) => place.try_send(request).await,
            }
        };
        let Some(answered) = unless_silent(answer, progress, wait).await else {
            let silence = format!("no response within {} s", wait.as_secs());
            return Err(ForwardError::OutcomeUnknown(silence));
        };
        match answered {
            Ok(response) => {
                match self.dialer.refused_by_proxy(&connection.key, response.status()) {
                    Some(unreached) => Err(unreached.into()),
                    None => Ok(Exchanged::Answered(response, connection)),
                }
            }
            Err(error) if connection.sent.is_said() => {
                Err(ForwardError::OutcomeUnknown(causes(error.error())))
            }
            Err(mut error) => {
                let Connection { key, sender, .. } = connection;
                if let Sender::Http2(place) = &sender {
                    self.pool.withdraw(&key, place);
                }
                match error.take_message() {
                    Some(request) => Ok(Exchanged::Unsent(request)),
                    None if is_unprocessed(error.error()) => Ok(Exchanged::Unprocessed(again)),
                    // Whether a stream among others was written cannot be seen from here.
                    None if shared => Err(ForwardError::OutcomeUnknown(causes(error.error()))),
                    None => Err(Unreached::Closed(key.host).into()),
                }
            }
        }
    }

    /// A response, or the upstream's half of a connection that was asked for.
    fn answered(
        &self,
        mut response: Response<Incoming>,
        connection: Connection,
        route: &Route,
        asked: Option<&Asked>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        // Says nothing that the status does not (RFC 9112 §4), and may repeat what was sent.
        response.extensions_mut().remove::<ReasonPhrase>();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self.incoming(response, connection, route);
        }
        let wrong = |text: &str| ForwardError::OutcomeUnknown(text.to_owned());
        let asked = asked
            .ok_or_else(|| wrong("the upstream switched protocols although it was not asked to"))?;
        asked.opened(response, route.scrub.clone()).map_err(wrong)
    }

    /// The response as it goes on to the agent.
    fn incoming(
        &self,
        response: Response<Incoming>,
        connection: Connection,
        route: &Route,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let (mut head, incoming) = response.into_parts();
        // The agent's side writes what it speaks itself.
        let version = std::mem::take(&mut head.version);
        let searched = route.must_read(head.status) && !incoming.is_end_stream();
        let codings = match (searched, encoding(&head.headers), codings(&head.headers)) {
            (false, _, _) => None,
            (true, None, Some(codings)) => Some(codings),
            (true, encoding, _) => {
                let encoding = encoding.unwrap_or_else(|| content_encoding(&head.headers));
                return Err(ForwardError::Withheld { status: head.status, encoding });
            }
        };
        hop_by_hop::remove(&mut head.headers);
        // It would invite the client to a protocol and a port that do not lead through us.
        head.headers.remove(header::ALT_SVC);
        let received = Received::new(incoming, version);
        let body = Answer::new(received, connection, Arc::clone(&self.pool));
        let Some(needles) = &route.scrub else {
            return Ok(Response::from_parts(head, body.boxed_unsync()));
        };
        for value in head.headers.values_mut() {
            needles.scrub_value(value);
        }
        let body = match codings {
            Some(codings) => decoded(&mut head.headers, body.boxed_unsync(), &codings),
            None => body.boxed_unsync(),
        };
        let body = Scrubbed::new(body, Arc::clone(needles));
        Ok(Response::from_parts(head, body.boxed_unsync()))
    }
}

/// What became of a request on one connection.
enum Exchanged {
    /// A response has begun.
    Answered(Response<Incoming>, Connection),
    /// The connection was closed, and not a byte was written.
    Unsent(Request<Outgoing>),
    /// The upstream says that it has done nothing about it; the request, if it can be sent again.
    Unprocessed(Option<Request<Outgoing>>),
}

/// What `answer` gives, unless neither it nor `progress` moves for `wait`.
async fn unless_silent<T>(
    answer: impl Future<Output = T>,
    progress: &Notify,
    wait: Duration,
) -> Option<T> {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            biased;
            answered = answer.as_mut() => return Some(answered),
            () = progress.notified() => {}
            () = sleep(wait) => return None,
        }
    }
}

/// An error with its causes, which carry the meaning.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// How a response is encoded for its transfer, if not in chunks only.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let mut transfer = headers.get_all(header::TRANSFER_ENCODING).iter();
    transfer
        .find(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"))
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The content codings of a response, as it names them.
fn content_encoding(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(", ")
}
