//! What an upstream gives out in an answer, so that the run that it was given to may use it.
//!
//! - [`cookie`]: `Set-Cookie`, and whose cookies a host may set
//! - [`challenge`]: where a registry says that its tokens come from
//! - `tokens`: the answers of token endpoints and logins
//! - [`link`]: redirects and signed URLs

pub mod challenge;
pub mod cookie;
pub mod link;
pub mod tokens;

pub use challenge::{Realm, realms};
pub use cookie::{Lifetime, SetCookie, is_same_site, set_cookie};
pub use link::{Link, code, links, redirect};
pub use tokens::{Depth, Kind, Token, tokens};

use super::{
    json::Json,
    message::{Body, Message},
    path,
};

/// Words in a path that say "here one logs in".
const LOGIN_WORDS: &[&str] = &[
    "auth",
    "authenticate",
    "authentication",
    "device",
    "jwt",
    "login",
    "oauth",
    "oauth2",
    "otp",
    "passkey",
    "refresh",
    "register",
    "saml",
    "session",
    "sessions",
    "sign",
    "signin",
    "signup",
    "sso",
    "token",
    "tokens",
    "verify",
];

/// Whether an answer to `message` may give out tokens: it goes where one logs in, or says how
/// (`grant_type`, RFC 6749 §4). An answer to anything else is content, and content may be what
/// somebody put there; what is asked by GraphQL even has its fields named by whoever asks.
pub fn asks_for_tokens(message: &Message) -> bool {
    writes(message) && !is_graphql(message) && (goes_to_login(message) || names_grant(message))
}

/// Whether an answer to `message` may give out signed links: it makes something.
pub fn asks_for_links(message: &Message) -> bool {
    writes(message) && !is_graphql(message)
}

/// Whether `message` begins an exchange of large files (Git LFS, batch API).
pub fn is_lfs_batch(message: &Message) -> bool {
    message.method == "POST" && message.raw_path().ends_with("/objects/batch")
}

/// The value of a top-level field of a form or a JSON object in the body.
pub fn field(message: &Message, name: &str) -> Option<String> {
    let Body::Whole(bytes) = &message.body else { return None };
    if let Ok(json) = Json::read(bytes) {
        return json.get(name).and_then(Json::as_str).map(str::to_owned);
    }
    let pairs = path::parameters(std::str::from_utf8(bytes).ok()?).ok()?;
    pairs.into_iter().find_map(|(own, value)| (own == name).then_some(value))
}

fn writes(message: &Message) -> bool {
    matches!(message.method.as_str(), "POST" | "PUT")
}

fn goes_to_login(message: &Message) -> bool {
    let path = message.raw_path().to_ascii_lowercase();
    path.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| LOGIN_WORDS.contains(&word))
}

fn names_grant(message: &Message) -> bool {
    field(message, "grant_type").is_some()
}

fn is_graphql(message: &Message) -> bool {
    let path = message.raw_path().to_ascii_lowercase();
    let by_path = path.split('/').any(|segment| matches!(segment, "graphql" | "gql"));
    by_path
        || field(message, "query").is_some()
        || message.header_text("content-type").is_some_and(|media| media.contains("graphql"))
}

#[cfg(test)]
mod tests;
