//! Names that say "here is a credential". A name is compared word by word, so that `x-api-key`,
//! `Api_Key` and `apiKey` are the same.

/// Headers that look like credentials by their words and are none: they make a message unique,
/// guard against forgery beside a credential, open a WebSocket, or count what one command asks for.
const HARMLESS_HEADERS: &[&str] = &[
    "idempotency-key",
    "x-idempotency-key",
    "sec-websocket-key",
    "x-csrf-token",
    "x-csrftoken",
    "x-xsrf-token",
    "csrf-token",
    "x-cache-key",
    "surrogate-key",
    "x-surrogate-key",
    "x-continuation-token",
    "x-ms-continuation-token",
    "x-ms-continuation",
    "anthropic-beta",
    "x-partition-key",
    "x-routing-key",
    "kubectl-session",
    "npm-session",
];

/// Words of which one makes a name a credential's; `token` does so by itself, too.
const WORDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "apikey",
    "apitoken",
    "accesskey",
    "authtoken",
    "accesstoken",
    "credential",
    "credentials",
    "authorization",
    "jwt",
    "bearer",
    "privatetoken",
    "sessionid",
    "pat",
];

/// Words that end the name of a credential only where a value looks like one.
const WEAK_WORDS: &[&str] = &["key", "auth", "sig", "signature", "session", "sid"];

/// Words beside which a `token` is a place in a list or a count.
const PAGES: &[&str] = &[
    "page",
    "next",
    "continuation",
    "sync",
    "csrf",
    "xsrf",
    "max",
    "min",
    "count",
    "counting",
    "type",
    "limit",
    "prev",
    "previous",
    "start",
    "resume",
    "cursor",
    "idempotency",
    "client",
    "cache",
];

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// Whatever is there is a credential.
    Credential,
    /// What is there is a credential if it looks like one.
    Perhaps,
    /// Nothing about credentials.
    Nothing,
}

/// What the name of a header says; `name` is lower case.
pub(super) fn header(name: &str) -> Says {
    if HARMLESS_HEADERS.contains(&name) {
        return Says::Nothing;
    }
    let words = words(name);
    match field(name) {
        // A header that ends in `-key` or `-auth` has no other use.
        Says::Perhaps if matches!(words.last().map(String::as_str), Some("key" | "auth")) => {
            Says::Credential
        }
        says => says,
    }
}

/// Whether a header is metadata of the content beside it, which an upstream keeps and shows to
/// whoever may read the content: `x-amz-meta-*`, `x-goog-meta-*`, `x-ms-meta-*`,
/// `x-object-meta-*` (Swift) and their like; Oracle's and Backblaze's have prefixes of their own.
pub(super) fn is_metadata(name: &str) -> bool {
    let of_any = name.starts_with("x-") && name.contains("-meta-");
    of_any || name.starts_with("opc-meta-") || name.starts_with("x-bz-info-")
}

/// What the name of a parameter or field says.
pub(super) fn field(name: &str) -> Says {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let amz = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    if amz && has(&["credential", "signature", "token"]) {
        return Says::Credential;
    }
    let assertion = has(&["assertion"]) && !has(&["type"]);
    if has(WORDS) || pairs(&words) || assertion || (has(&["token"]) && !has(PAGES)) {
        return Says::Credential;
    }
    if has(PAGES) {
        return Says::Nothing;
    }
    if words.last().is_some_and(|last| WEAK_WORDS.contains(&last.as_str())) {
        return Says::Perhaps;
    }
    Says::Nothing
}

/// Two words that make a credential's name together: `api key`, `access key`, `private key`.
fn pairs(words: &[String]) -> bool {
    words.windows(2).any(|pair| match pair {
        [first, second] => {
            second == "key"
                && [
                    "api", "access", "admin", "private", "auth", "secret", "app", "service",
                    "master",
                ]
                .contains(&first.as_str())
        }
        _ => false,
    })
}

/// The words of a name, in lower case: split at what is no letter or digit, and at humps.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars().take(128) {
        let hump = before.is_ascii_lowercase() && letter.is_ascii_uppercase();
        if hump || !letter.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}
