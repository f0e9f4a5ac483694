//! The message in the wire's words, from the head that the HTTP library has read.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use holdpoint_wire::{
    Unreadable,
    http::{Address, Message, RawMessage, Scheme},
};
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header, request, uri};

use super::Reverse;
use crate::forward::hop_by_hop;

/// Host and port, as a tunnel or a request names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Lower case, without a trailing dot or brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Through what a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// The proxy itself: its target is in absolute form (RFC 9112 §3.2.2).
    Proxy,
    /// A tunnel: its target is in origin form (RFC 9112 §3.2.1), or agrees with the tunnel.
    Tunnel {
        /// Whether we ended TLS in it.
        scheme: Scheme,
        /// What CONNECT asked for.
        authority: Authority,
    },
    /// An address that stands for one upstream: the client takes it for the upstream itself.
    Reverse(Arc<Reverse>),
}

/// Everything about a request but its body.
#[derive(Debug)]
pub struct Parts {
    /// Through what it came.
    pub via: Via,
    /// Its head.
    pub head: request::Parts,
}

/// The message that a request is, unless it could be another one as well. Host, SNI and tunnel
/// must agree; the wire checks that.
/// Its body is still to come.
pub fn message_of(parts: Parts) -> Result<Message, Unreadable> {
    let Parts { via, head } = parts;
    let in_stream = head.version == Version::HTTP_2;
    let named = head.headers.get_all(header::HOST).iter().count();
    if named != 1 && !(in_stream && named == 0 && head.uri.authority().is_some()) {
        return Err(Unreadable::new("send exactly one Host header"));
    }
    let authority = head.uri.authority().filter(|_| in_stream).map(ToString::to_string);
    let mut headers = head.headers;
    if let Via::Reverse(at) = &via {
        at.take_host(&head.uri, &mut headers)?;
    }
    let (to, connect) = address(via, &head.uri, in_stream)?;
    hop_by_hop::remove_from_request(&mut headers);
    if in_stream {
        join_crumbs(&mut headers)?;
    }
    // These were meant for us and have been answered, or follow from the body.
    headers.remove(header::EXPECT);
    headers.remove(header::CONTENT_LENGTH);
    let raw = RawMessage {
        headers: in_order(&headers),
        connect,
        authority,
        ..RawMessage::new(head.method.as_str(), to)
    };
    let mut message = Message::try_from(raw)?;
    message.headers.retain(|(name, _)| name != "host");
    Ok(message)
}

/// Puts the crumbs of a cookie together (RFC 9113 §8.2.3): HTTP/1.1 has one header for it.
fn join_crumbs(headers: &mut HeaderMap) -> Result<(), Unreadable> {
    let crumbs: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        let cookie = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
            .map_err(|_| Unreadable::new("the cookie is not one"))?;
        headers.insert(header::COOKIE, cookie);
    }
    Ok(())
}

/// Where a request goes, and the tunnel that it came through. In a stream, scheme and authority
/// are said beside the target (RFC 9113 §8.3.1).
fn address(via: Via, uri: &Uri, in_stream: bool) -> Result<(Address, Option<String>), Unreadable> {
    let absolute = uri.scheme().is_some();
    let target = || uri.path_and_query().map_or("/", uri::PathAndQuery::as_str).to_owned();
    match via {
        Via::Reverse(at) => {
            let (scheme, authority) = (at.scheme, at.upstream.to_string());
            Ok((Address::Origin { scheme, authority, target: target() }, None))
        }
        Via::Proxy if uri.scheme_str() == Some("http") => Ok((Address::Url(uri.to_string()), None)),
        Via::Proxy if absolute => {
            Err(Unreadable::new("https goes through CONNECT, not through a target with https://"))
        }
        Via::Proxy => Err(Unreadable::new(
            "this is a forward proxy: set HTTP_PROXY and HTTPS_PROXY to it and ask for the real host",
        )),
        Via::Tunnel { scheme, authority } => {
            if absolute && uri.scheme_str() != Some(scheme.as_str()) {
                return Err(Unreadable::new("the target's scheme is not that of the tunnel"));
            }
            let authority = authority.to_string();
            let to = match absolute && !in_stream {
                true => Address::Url(uri.to_string()),
                false => Address::Origin { scheme, authority: authority.clone(), target: target() },
            };
            Ok((to, Some(authority)))
        }
    }
}

/// What CONNECT asks for (RFC 9110 §9.3.6): always with a port.
pub fn connect_authority(uri: &Uri) -> Result<Authority, Unreadable> {
    let authority = uri.authority().filter(|_| uri.scheme().is_none());
    let asked = authority.and_then(|authority| authority_of(authority, None));
    asked.ok_or_else(|| Unreadable::new("CONNECT needs host:port, such as api.example.com:443"))
}

/// Host and port of an authority; the scheme's port where none is written.
pub(super) fn authority_of(
    authority: &uri::Authority,
    scheme: Option<Scheme>,
) -> Option<Authority> {
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    let port = match authority.port() {
        Some(port) => port.as_str().parse().ok()?,
        // `http` reads `host:` as a host without a port.
        None if authority.as_str().ends_with(':') => return None,
        None => scheme?.default_port(),
    };
    let plain = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && port != 0).then_some(Authority { host: bare, port })
}

fn in_order(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())))
        .collect()
}

/// Whether a request wants to leave HTTP/1.1 (RFC 9110 §7.8): for a WebSocket or for h2c.
pub(super) fn wants_upgrade(method: &Method, headers: &HeaderMap) -> bool {
    *method != Method::CONNECT && headers.contains_key(header::UPGRADE)
}
