//! A message as the HTTP library sends it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use holdpoint_store::config::ProxyUrl;
use holdpoint_wire::http::{Body, Message, Scheme, coding::Coding};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::Authority};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::Notify;

use super::{dial::Unreached, hop_by_hop, tunnel};
use crate::{
    body::{BodyError, Rest},
    websocket,
};

/// A body on its way out: what was judged, then the rest.
pub(super) struct Outgoing {
    judged: Bytes,
    rest: Option<Rest>,
    /// Told of each frame that leaves, so that a long upload is not taken for a silent upstream.
    progress: Arc<Notify>,
}

impl Outgoing {
    /// The same body once more, unless a part of it streams.
    fn again(&self) -> Option<Self> {
        let progress = Arc::clone(&self.progress);
        self.rest.is_none().then(|| Self { judged: self.judged.clone(), rest: None, progress })
    }
}

/// The same request once more, unless a part of its body streams.
pub(super) fn again(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let mut again = Request::new(request.body().again()?);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.progress.notify_one();
        if !self.judged.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.judged)))));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.judged.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let judged = u64::try_from(self.judged.len()).unwrap_or(u64::MAX);
        match &self.rest {
            None => SizeHint::with_exact(judged),
            Some(rest) => match rest.size_hint().exact() {
                Some(exact) => SizeHint::with_exact(exact.saturating_add(judged)),
                None => SizeHint::new(),
            },
        }
    }
}

/// A message as it is written: its target in origin form, `Host` once, one length.
pub(super) fn outgoing(
    message: Message,
    rest: Option<Rest>,
    scrubbed: bool,
    progress: Arc<Notify>,
) -> Result<Request<Outgoing>, Unreached> {
    let unwritable = |what: &str| Unreached::Unwritable(what.to_owned());
    let upgrade = websocket::Asked::by(&message).is_some();
    let judged = message.sent_body().clone();
    let Message { method, scheme, host, port, target, headers, body, coded } = message;
    match (body, &rest) {
        (Body::Whole(_), None) | (Body::Prefix(_), Some(_)) => {}
        // All of it is here, and decodes to more than was read of it.
        (Body::Prefix(_), None) if coded.is_some() => {}
        (Body::Whole(_), Some(_)) => return Err(unwritable("its body is whole and goes on")),
        (Body::Prefix(_), None) => return Err(unwritable("the rest of its body is missing")),
    }
    let mut fields = fields_of(headers)?;
    if coded.is_none() && names_codings(&fields) {
        // Something was put into the body, which goes out decoded.
        fields.remove(header::CONTENT_ENCODING);
    }
    if upgrade {
        websocket::ask(&mut fields);
    }
    let named = host_field(scheme, &host, port).map_err(|_| unwritable("its host"))?;
    fields.insert(header::HOST, named);
    if scrubbed {
        make_readable(&mut fields);
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| unwritable("its method"))?;
    let body = Outgoing { judged, rest, progress };
    set_length(&mut fields, &method, &body);
    let target: Uri = target.parse().map_err(|_| unwritable("its target"))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target;
    *request.headers_mut() = fields;
    Ok(request)
}

/// The same request as HTTP/2 writes it (RFC 9113 §8.3.1): what HTTP/1.1 says in `Host` stands in
/// the target, and nothing is about the connection.
pub(super) fn as_http2(request: &mut Request<Outgoing>, scheme: Scheme) -> Result<(), http::Error> {
    let fields = request.headers_mut();
    fields.remove(header::TRANSFER_ENCODING);
    fields.remove(header::CONNECTION);
    if let Some(authority) = fields.remove(header::HOST) {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let uri = Uri::builder()
            .scheme(scheme.as_str())
            .authority(authority.as_bytes())
            .path_and_query(target);
        *request.uri_mut() = uri.build()?;
    }
    Ok(())
}

/// The same request as HTTP/1.1 writes it, whatever it was before.
pub(super) fn as_http1(request: &mut Request<Outgoing>) -> Result<(), http::Error> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::try_from(authority.as_str())?;
        request.headers_mut().insert(header::HOST, host);
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map_or(Uri::default(), Uri::from);
    }
    let length = request.body().size_hint().exact();
    let fields = request.headers_mut();
    if length.is_none() {
        fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if fields.contains_key(header::TE) {
        // It ends at the next hop, which has to be told (RFC 9110 §10.1.4).
        fields.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    Ok(())
}

fn fields_of(headers: Vec<(String, Bytes)>) -> Result<HeaderMap, Unreached> {
    let mut fields = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let unwritable = || Unreached::Unwritable(format!("the header {name}"));
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unwritable())?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| unwritable())?;
        fields.try_append(field, value).map_err(|_| unwritable())?;
    }
    hop_by_hop::remove_from_request(&mut fields);
    // The length follows from the body, and what is expected of us has been done.
    fields.remove(header::CONTENT_LENGTH);
    fields.remove(header::EXPECT);
    Ok(fields)
}

/// Whether a body is said to be in codings that are taken off for judgement.
fn names_codings(fields: &HeaderMap) -> bool {
    let values = fields.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    Coding::list(values).is_ok_and(|codings| !codings.is_empty())
}

/// The authority as `Host` says it (RFC 9112 §3.2), without the scheme's own port.
fn host_field(
    scheme: Scheme,
    host: &str,
    port: u16,
) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    HeaderValue::try_from(match port == scheme.default_port() {
        true => host,
        false => format!("{host}:{port}"),
    })
}

/// Addresses a plain message to a proxy: its target in absolute form (RFC 9112 §3.2.2). Proxies
/// open tunnels to few ports but 443.
pub(super) fn ask_proxy(
    request: &mut Request<Outgoing>,
    proxy: &ProxyUrl,
) -> Result<(), Unreached> {
    let unwritable = || Unreached::Unwritable("its target, for a proxy".to_owned());
    let host = request.headers().get(header::HOST).ok_or_else(unwritable)?;
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTP);
    parts.authority = Some(Authority::try_from(host.as_bytes()).map_err(|_| unwritable())?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| unwritable())?;
    if let Some(value) = tunnel::authorization(proxy) {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, value);
    }
    Ok(())
}

/// Asks for a response that can be read: not encoded, and not in pieces, which could cut what we
/// look for in two.
fn make_readable(fields: &mut HeaderMap) {
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    // gRPC encodes each message by itself, and asks for it in a header of its own.
    fields.remove("grpc-accept-encoding");
    fields.remove(header::RANGE);
    fields.remove(header::IF_RANGE);
}

/// Says the body's length, or that it comes in chunks. A body that cannot be there is not
/// announced; one that could be and is empty is (RFC 9110 §8.6).
fn set_length(fields: &mut HeaderMap, method: &Method, body: &Outgoing) {
    match body.size_hint().exact() {
        Some(0) if ![Method::POST, Method::PUT, Method::PATCH].contains(method) => {}
        Some(length) => {
            fields.insert(header::CONTENT_LENGTH, length.into());
        }
        None => {
            let chunked = HeaderValue::from_static("chunked");
            fields.insert(header::TRANSFER_ENCODING, chunked);
        }
    }
}
