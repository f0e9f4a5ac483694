//! What a client claims about who it is: nothing is verified here.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::PROXY_AUTHORIZATION};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// An unverified claim of identity.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What the client put into the proxy URL, `http://BEARER@proxy`.
    pub bearer: Option<SecretString>,
    /// The agent that a human gave the address to that the connection came to. Whoever reaches
    /// such an address is that agent; it lies on this machine.
    pub address_of: Option<String>,
    /// Where the connection comes from.
    pub peer: SocketAddr,
}

impl Evidence {
    /// Takes the claim out of the headers, so that it goes no further. Two claims are none.
    pub fn take(headers: &mut HeaderMap, peer: SocketAddr) -> Self {
        let mut claims = headers.get_all(PROXY_AUTHORIZATION).iter();
        let bearer = match (claims.next(), claims.next()) {
            (Some(claim), None) => bearer(claim.as_bytes()),
            _ => None,
        };
        headers.remove(PROXY_AUTHORIZATION);
        Self { bearer, address_of: None, peer }
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
