//! Credentials that are sent as the subprotocol of a WebSocket.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Writing, shape};

/// What stands before a credential, and how the credential is written after it. Sources: OpenAI's
/// guide to its Realtime API, Kubernetes' `k8s.io/apiserver/pkg/authentication/request/websocket`.
const PREFIXES: &[(&str, Writing)] = &[
    ("openai-insecure-api-key.", Writing::Plain),
    ("base64url.bearer.authorization.k8s.io.", Writing::Base64Url),
    ("bearer.", Writing::Plain),
];

/// A credential at the end of a subprotocol.
pub(super) struct Carried {
    /// Where in the subprotocol it begins.
    pub(super) start: usize,
    /// How it is written there.
    pub(super) writing: Writing,
    /// What it is.
    pub(super) value: Vec<u8>,
}

/// The credential that `word` carries, by what stands before it or by its own shape.
pub(super) fn credential(word: &str) -> Option<Carried> {
    let announced = PREFIXES.iter().find_map(|(prefix, writing)| {
        let rest = word.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
        Some((prefix.len(), *writing, rest))
    });
    if let Some((start, writing, rest)) = announced {
        let decoded = URL_SAFE_NO_PAD.decode(rest).ok().filter(|_| writing == Writing::Base64Url);
        return Some(match decoded {
            Some(value) => Carried { start, writing, value },
            None => Carried { start, writing: Writing::Plain, value: rest.into() },
        });
    }
    let dots = word.match_indices('.').map(|(at, dot)| at + dot.len());
    let shaped = std::iter::once(0).chain(dots).find_map(|start| {
        let rest = word.get(start..).filter(|rest| shape::is_credential(rest))?;
        Some((start, rest))
    });
    shaped.map(|(start, rest)| Carried { start, writing: Writing::Plain, value: rest.into() })
}
