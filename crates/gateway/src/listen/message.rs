//! The message in the wire's words, from the head that the HTTP library has read.

use bytes::Bytes;
use holdpoint_wire::{
    Unreadable,
    http::{Body, Message, Scheme},
};
use http::{HeaderMap, Method, Uri, header, request, uri};

use crate::forward::{default_port, hop_by_hop};

/// Host and port, as a tunnel or a request names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Lower case, without a trailing dot or brackets.
    pub host: String,
    /// Port.
    pub port: u16,
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
}

/// Everything about a request but its body.
#[derive(Debug)]
pub struct Parts {
    /// Through what it came.
    pub via: Via,
    /// Its head.
    pub head: request::Parts,
}

/// The message that a request is, unless it could be another one as well.
///
/// Of two lengths the HTTP library has already dropped `Content-Length` (RFC 9112 §6.3); the body
/// that it read is the one that is judged, and it is framed anew when it is forwarded.
pub fn message_of(parts: Parts, body: Body) -> Result<Message, Unreadable> {
    let Parts { via, head } = parts;
    let (scheme, authority) = destination(&via, &head.uri)?;
    agree_with_host(&authority, scheme, &head.headers)?;
    let mut headers = head.headers;
    hop_by_hop::remove(&mut headers);
    // These were meant for us and have been answered, or follow from the other fields.
    for answered in [header::EXPECT, header::HOST, header::CONTENT_LENGTH] {
        headers.remove(answered);
    }
    let target = head.uri.path_and_query().map_or("/", uri::PathAndQuery::as_str);
    // `http://host?query` has an empty path, which origin form writes as `/` (RFC 9112 §3.2.1).
    let root = if target.starts_with('?') { "/" } else { "" };
    Ok(Message {
        method: head.method.as_str().to_owned(),
        scheme,
        host: authority.host,
        port: authority.port,
        target: format!("{root}{target}"),
        headers: in_order(&headers),
        body,
    })
}

/// What CONNECT asks for (RFC 9110 §9.3.6): always with a port.
pub fn connect_authority(uri: &Uri) -> Result<Authority, Unreadable> {
    let authority = uri.authority().filter(|_| uri.scheme().is_none());
    let asked = authority.and_then(|authority| authority_of(authority, None));
    asked.ok_or_else(|| Unreadable::new("CONNECT needs host:port, such as api.example.com:443"))
}

fn destination(via: &Via, uri: &Uri) -> Result<(Scheme, Authority), Unreadable> {
    let absolute = match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => Some((Scheme::Http, authority)),
        (Some("https"), Some(authority)) => Some((Scheme::Https, authority)),
        (None, None) => None,
        _ => return Err(Unreadable::new("the target is no http URL")),
    };
    let named = absolute.map(|(scheme, authority)| {
        authority_of(authority, Some(scheme))
            .map(|authority| (scheme, authority))
            .ok_or_else(|| Unreadable::new("the target's host or port is not usable"))
    });
    match (via, named.transpose()?) {
        (Via::Proxy, Some((Scheme::Http, authority))) => Ok((Scheme::Http, authority)),
        (Via::Proxy, Some((Scheme::Https, _))) => {
            Err(Unreadable::new("https goes through CONNECT, not through a target with https://"))
        }
        (Via::Proxy, None) => Err(Unreadable::new(
            "this is a forward proxy: set HTTP_PROXY and HTTPS_PROXY to it and ask for the real host",
        )),
        (Via::Tunnel { scheme, authority }, None) => Ok((*scheme, authority.clone())),
        (Via::Tunnel { scheme, authority }, Some(named)) => {
            if named == (*scheme, authority.clone()) {
                return Ok(named);
            }
            Err(Unreadable::new(
                "the target names another host than the tunnel that it came through",
            ))
        }
    }
}

/// Host and port of an authority; the scheme's port where none is written.
fn authority_of(authority: &uri::Authority, scheme: Option<Scheme>) -> Option<Authority> {
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
        None => default_port(scheme?),
    };
    let plain = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && port != 0).then_some(Authority { host: bare, port })
}

/// The Host header must be there once and name the same host (RFC 9112 §3.2).
fn agree_with_host(
    authority: &Authority,
    scheme: Scheme,
    headers: &HeaderMap,
) -> Result<(), Unreadable> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Unreadable::new("send exactly one Host header"));
    };
    let named = host.to_str().ok().and_then(|host| host.parse::<uri::Authority>().ok());
    if named.and_then(|named| authority_of(&named, Some(scheme))).as_ref() == Some(authority) {
        return Ok(());
    }
    let Authority { host, port } = authority;
    Err(Unreadable::new(format!("the Host header names another host than {host}:{port}")))
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
