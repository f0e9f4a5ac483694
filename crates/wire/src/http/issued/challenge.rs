//! Challenges that name where tokens come from: `WWW-Authenticate: Bearer realm="https://…"`, as
//! container registries send it.

use crate::http::{
    message::{Body, Message, Scheme},
    parse::{Address, RawMessage},
};

/// Where tokens come from: the endpoint that a challenge names, without its query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Realm {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its path.
    pub path: String,
}

impl Realm {
    /// The endpoint that `message` goes to, if it can be one: over TLS.
    pub fn of(message: &Message) -> Option<Self> {
        (message.scheme == Scheme::Https).then(|| Self {
            host: message.host.clone(),
            port: message.port,
            path: message.raw_path().to_owned(),
        })
    }
}

/// The realms that the values of `WWW-Authenticate` name (RFC 9110 §11.6.1). What is no URL is a
/// name for humans, and no realm here.
pub fn realms<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Realm> {
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    texts.filter_map(bearer_realm).filter_map(endpoint).collect()
}

/// The realm of a `Bearer` challenge, unquoted.
fn bearer_realm(text: &str) -> Option<&str> {
    let rest = text.trim_start();
    let scheme = rest.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "))?;
    let parameters = rest.get(scheme.len()..)?;
    let lower = parameters.to_ascii_lowercase();
    let at = lower.match_indices("realm=").map(|(at, _)| at).find(|at| {
        let before = lower.get(..*at).unwrap_or_default();
        before.trim_end().is_empty() || before.trim_end().ends_with(',')
    })?;
    let value = parameters.get(at + "realm=".len()..)?;
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split([',', ' ']).next(),
    }
}

fn endpoint(url: &str) -> Option<Realm> {
    let raw = RawMessage {
        body: Body::Whole(bytes::Bytes::new()),
        ..RawMessage::new("GET", Address::Url(url.to_owned()))
    };
    Realm::of(&Message::try_from(raw).ok()?)
}
