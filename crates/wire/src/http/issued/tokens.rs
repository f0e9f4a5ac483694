//! The tokens in an answer: RFC 6749 §5.1, RFC 8628 §3.5, registries, logins of JSON APIs.

use secrecy::SecretString;

use crate::{
    Unreadable,
    http::{json::Json, path},
};

/// Tokens of one answer, at most.
const TOKENS_MAX: usize = 20;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is sent along to what it gives access to.
    Access,
    /// Its issuer gives another access token for it.
    Refresh,
}

/// A token in an answer.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it is for.
    pub kind: Kind,
    /// The name of its field.
    pub name: String,
    /// The token.
    pub value: SecretString,
    /// How many seconds it lives, if its issuer says.
    pub lifetime: Option<u64>,
}

/// Names of fields that hold a token, as they are written without `_` and in lower case.
const NAMES: &[(&str, Kind)] = &[
    ("accesstoken", Kind::Access),
    ("authtoken", Kind::Access),
    ("bearertoken", Kind::Access),
    ("idtoken", Kind::Access),
    ("jwt", Kind::Access),
    ("refreshtoken", Kind::Refresh),
    ("sessiontoken", Kind::Access),
    ("token", Kind::Access),
];

/// Objects in which APIs put what belongs to a login.
const WRAPPERS: &[&str] =
    &["auth", "authentication", "data", "result", "session", "tokens", "user"];

/// How deep in an answer its tokens are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// At its top, and one level below in what belongs to a login: what lies deeper is content.
    Login,
    /// Everywhere: the whole answer is made of credentials.
    All,
}

/// The tokens in the body of an answer. A form is read as well, which is what GitHub sends by
/// default.
pub fn tokens(media_type: &str, body: &[u8], depth: Depth) -> Result<Vec<Token>, Unreadable> {
    let media = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let found = if media == "application/x-www-form-urlencoded" {
        let text = std::str::from_utf8(body)
            .map_err(|_| Unreadable::new("the form is not UTF-8; ask for JSON"))?;
        in_form(&path::parameters(text)?)
    } else {
        in_json(&Json::read(body)?, depth)
    };
    if found.len() > TOKENS_MAX {
        return Err(Unreadable::over_limit(format!("it holds more than {TOKENS_MAX} tokens")));
    }
    Ok(found)
}

/// Whether an answer of this media type is read.
pub fn is_read(media_type: &str) -> bool {
    let media = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media.ends_with("+json")
}

fn kind_of(name: &str) -> Option<Kind> {
    let plain: String = name.chars().filter(|letter| !matches!(letter, '_' | '-')).collect();
    let plain = plain.to_ascii_lowercase();
    NAMES.iter().find(|(own, _)| *own == plain).map(|(_, kind)| *kind)
}

/// Reading has bounded the depth.
fn in_json(json: &Json, depth: Depth) -> Vec<Token> {
    let mut found = of_object(json);
    for (name, value) in json.fields() {
        match depth {
            Depth::All => found.extend(in_json(value, depth)),
            Depth::Login if WRAPPERS.contains(&name.as_str()) => found.extend(of_object(value)),
            Depth::Login => {}
        }
    }
    if depth == Depth::All {
        found.extend(json.values().iter().flat_map(|value| in_json(value, depth)));
    }
    found
}

fn of_object(object: &Json) -> Vec<Token> {
    let seconds = |names: [&str; 2]| {
        names.iter().find_map(|name| object.get(name)?.word()?.parse::<u64>().ok())
    };
    let access = seconds(["expires_in", "expiresIn"]);
    let refresh = seconds(["refresh_token_expires_in", "refresh_expires_in"]);
    let of_field = |(name, value): &(String, Json)| {
        let kind = kind_of(name)?;
        let value = value.as_str().filter(|value| !value.is_empty())?;
        let lifetime = if kind == Kind::Access { access } else { refresh };
        Some(Token { kind, name: name.clone(), value: value.into(), lifetime })
    };
    object.fields().iter().filter_map(of_field).collect()
}

fn in_form(pairs: &[(String, String)]) -> Vec<Token> {
    let fields = pairs.iter().map(|(name, value)| (name.clone(), Json::String(value.clone())));
    of_object(&Json::Object(fields.collect()))
}
