//! What a client claims about who it is: nothing is verified here.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::PROXY_AUTHORIZATION};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{Enclosed, Reverse};

/// Where a connection came in, as far as that says whose it is.
#[derive(Debug, Clone)]
pub enum Door {
    /// The proxy, which is open to everybody.
    Proxy,
    /// What listens in the enclosure of this run; nobody else can reach it.
    Enclosure(Arc<Enclosed>),
    /// An address of this machine that a human gave to one agent.
    Reverse(Arc<Reverse>),
}

/// An unverified claim of identity.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What the client put into the proxy URL, `http://BEARER@proxy`.
    pub bearer: Option<SecretString>,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// Where it came in.
    pub door: Door,
}

impl Evidence {
    /// Takes the claim out of the headers, so that it goes no further. Two claims are none.
    pub fn take(headers: &mut HeaderMap, peer: SocketAddr, door: Door) -> Self {
        let mut claims = headers.get_all(PROXY_AUTHORIZATION).iter();
        let bearer = match (claims.next(), claims.next()) {
            (Some(claim), None) => bearer(claim.as_bytes()),
            _ => None,
        };
        headers.remove(PROXY_AUTHORIZATION);
        match door {
            Door::Proxy => Self { bearer, peer, door },
            // Whoever comes in there has proven who they are, whatever they claim.
            Door::Enclosure(_) | Door::Reverse(_) => Self { bearer: None, peer, door },
        }
    }
}

/// The bearer within `Basic` credentials (RFC 7617), as user name, or `Bearer` ones (RFC 6750).
fn bearer(claim: &[u8]) -> Option<SecretString> {
    let (scheme, rest) = std::str::from_utf8(claim).ok()?.split_once(' ')?;
    let rest = rest.trim_matches(' ');
    let word = if scheme.eq_ignore_ascii_case("bearer") {
        Zeroizing::new(rest.to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(rest).ok()?);
        let text = std::str::from_utf8(&decoded).ok()?;
        Zeroizing::new(text.split_once(':').map_or(text, |(user, _)| user).to_owned())
    } else {
        return None;
    };
    (!word.is_empty()).then(|| SecretString::from(word.as_str()))
}
