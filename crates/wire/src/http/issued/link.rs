//! Links that carry a credential: signed URLs in redirects and in the answers of APIs.

use crate::http::{
    credentials::{self, Part},
    json::Json,
    message::{Body, Message, Scheme},
    parse::{Address, RawMessage},
    path,
};

/// Links of one answer, at most.
const LINKS_MAX: usize = 200;
/// Bytes of one link, at most.
const LINK_BYTES_MAX: usize = 8 * 1024;
/// How long a link lives that does not say so, in seconds.
const LIFETIME: u64 = 24 * 3600;

/// Parameters by which providers sign a URL: Amazon's, Google's, Azure's, CloudFront's.
const SIGNATURES: &[&str] = &["x-amz-signature", "x-goog-signature", "sig", "signature"];

/// A URL with a credential in it, usable exactly as it was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Whether TLS protects it.
    pub scheme: Scheme,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query, byte by byte.
    pub target: String,
    /// A provider's signature over it is in it.
    pub signed: bool,
    /// How many seconds it may be used.
    pub lifetime: u64,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Where an answer to `message` redirects to, if there is a credential in the URL.
pub fn redirect(message: &Message, location: &[u8]) -> Option<Link> {
    let text = std::str::from_utf8(location).ok()?;
    let scheme = message.scheme.as_str();
    match text.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => link(&format!("{scheme}:{text}")),
        Some(_) => link(&format!("{scheme}://{}{text}", message.authority())),
        None => link(text),
    }
}

/// The authorization code in a redirect (RFC 6749 §4.1.2): a token is obtained with it, and so
/// with whatever the code was obtained with.
pub fn code(location: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(location).ok()?;
    let (_, query) = text.split('#').next()?.split_once('?')?;
    let mut pairs = path::parameters(query).ok()?.into_iter();
    pairs.find_map(|(name, value)| (name == "code" && !value.is_empty()).then_some(value))
}

/// The signed links in an answer of JSON, wherever they are in it, and those with any credential
/// in them that lead to the host that was asked.
pub fn links(message: &Message, body: &[u8]) -> Vec<Link> {
    let Ok(json) = Json::read(body) else { return Vec::new() };
    let mut found = Vec::new();
    let mut open = vec![&json];
    while let Some(value) = open.pop() {
        open.extend(value.fields().iter().map(|(_, value)| value));
        open.extend(value.values());
        let url = value.as_str().filter(|text| text.contains('?'));
        found.extend(url.and_then(link).filter(|link| link.signed || link.host == message.host));
        if found.len() >= LINKS_MAX {
            break;
        }
    }
    found
}

/// The link that a URL is, if there is a credential in its path or query.
fn link(url: &str) -> Option<Link> {
    let url = url.split('#').next().unwrap_or_default();
    if url.len() > LINK_BYTES_MAX || !(url.starts_with("https://") || url.starts_with("http://")) {
        return None;
    }
    let raw = RawMessage {
        body: Body::Whole(bytes::Bytes::new()),
        ..RawMessage::new("GET", Address::Url(url.to_owned()))
    };
    let message = Message::try_from(raw).ok()?;
    let found = credentials::find(&message);
    if found.is_empty() || found.iter().any(|used| used.position.part != Part::Target) {
        return None;
    }
    let query = message.target.split_once('?').map_or("", |(_, query)| query);
    let named = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let signed = SIGNATURES.iter().any(|name| named(name).is_some_and(|it| it.len() >= 16));
    let seconds = ["x-amz-expires", "x-goog-expires"].into_iter().find_map(named);
    let lifetime = seconds.and_then(|text| text.parse().ok()).unwrap_or(LIFETIME);
    let Message { scheme, host, port, target, .. } = message;
    Some(Link { scheme, host, port, target, signed, lifetime })
}
