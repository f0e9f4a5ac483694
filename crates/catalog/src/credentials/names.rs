//! What a name says of its value. A name is compared word by word, so that `apiKey`, `API_KEY` and
//! `api-key` are the same.

use super::providers::{self, Provider};

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// A credential, of whatever shape: a provider's own variable, or a token of a provider.
    Known,
    /// A credential.
    Secret,
    /// A password: somebody may have thought of it.
    Password,
    /// A credential, if it looks like chance.
    Perhaps,
}

/// A name that is one of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) says: Says,
    pub(super) provider: Option<&'static Provider>,
    /// What signs, encrypts or checks on this machine.
    pub(super) local: bool,
}

/// Last words of names whose value is about a credential and is none.
const ABOUT: &[&str] = &[
    "id",
    "ids",
    "name",
    "names",
    "url",
    "urls",
    "uri",
    "host",
    "path",
    "file",
    "filename",
    "dir",
    "directory",
    "count",
    "length",
    "len",
    "size",
    "bytes",
    "type",
    "kind",
    "limit",
    "max",
    "min",
    "ttl",
    "expiry",
    "expires",
    "expiration",
    "exp",
    "at",
    "time",
    "timeout",
    "date",
    "format",
    "prefix",
    "suffix",
    "header",
    "headers",
    "field",
    "fields",
    "label",
    "hint",
    "error",
    "errors",
    "message",
    "msg",
    "title",
    "description",
    "policy",
    "policies",
    "rule",
    "rules",
    "strength",
    "confirm",
    "hash",
    "hashes",
    "digest",
    "checksum",
    "fingerprint",
    "version",
    "algorithm",
    "alg",
    "variable",
    "var",
    "vars",
    "env",
    "source",
    "status",
    "valid",
    "validator",
    "required",
    "enabled",
    "disabled",
    "input",
    "class",
    "style",
    "index",
    "pos",
    "position",
    "span",
    "stream",
    "in",
    "scope",
    "scopes",
    "usage",
    "email",
    "user",
    "username",
    "endpoint",
    "selector",
    "column",
    "table",
    "manager",
    "provider",
    "service",
    "ref",
    "reference",
    "placeholder",
    "regex",
    "pattern",
    "mode",
    "method",
    "budget",
    "tokens",
    "params",
    "param",
    "ring",
    "board",
    "code",
    "codes",
    "word",
    "words",
    "event",
    "press",
    "up",
    "down",
    "store",
    "schema",
    "property",
    "spec",
    "lifetime",
];
/// Words beside which a `token` or a `key` is no credential.
const HARMLESS: &[&str] = &[
    "page",
    "next",
    "continuation",
    "sync",
    "csrf",
    "xsrf",
    "count",
    "counting",
    "cursor",
    "idempotency",
    "cache",
    "public",
    "pub",
    "publishable",
    "primary",
    "foreign",
    "sort",
    "partition",
    "hash",
    "object",
    "s3",
    "row",
    "map",
    "unique",
    "lookup",
    "index",
    "translation",
    "i18n",
    "react",
    "list",
    "item",
    "route",
    "group",
    "stop",
    "eos",
    "bos",
    "pad",
    "unk",
    "mask",
    "special",
    "anon",
    "known",
    "composite",
    "natural",
    "range",
    "shortcut",
    "hot",
    "arrow",
    "site",
];
const PASSWORDS: &[&str] =
    &["password", "passwd", "pwd", "passphrase", "passcode", "pass", "passwort", "pw"];
/// What says a credential by itself.
const SECRETS: &[&str] = &[
    "secret",
    "secrets",
    "apikey",
    "apitoken",
    "authtoken",
    "accesstoken",
    "accesskey",
    "secretkey",
    "privatekey",
    "bearer",
    "jwt",
    "pat",
    "authkey",
    "authtoken",
    "credential",
    "credentials",
    "accountkey",
    "sharedaccesskey",
    "credentialsjson",
];
/// What makes a `key` a credential.
const OF_KEYS: &[&str] = &[
    "api",
    "access",
    "auth",
    "private",
    "secret",
    "account",
    "master",
    "service",
    "deploy",
    "encryption",
    "signing",
    "license",
    "admin",
    "storage",
    "shared",
    "app",
    "application",
    "write",
    "ingest",
    "server",
    "role",
    "restricted",
    "session",
    "cookie",
    "subscription",
    "consumer",
    "client",
];
/// Pairs of words that name what works on this machine.
const LOCAL: &[(&str, &[&str])] = &[
    ("jwt", &["secret", "key", "private"]),
    ("session", &["secret", "key", "keys", "password"]),
    ("cookie", &["secret", "key", "keys", "password"]),
    ("signing", &["secret", "key"]),
    ("encryption", &["key", "secret", "password"]),
    ("webhook", &["secret", "key", "token"]),
    ("secret", &["key", "base"]),
    ("nextauth", &["secret"]),
    ("auth", &["secret"]),
    ("hmac", &["secret", "key"]),
    ("app", &["key", "secret"]),
    ("rails", &["master"]),
    ("keystore", &["password"]),
    ("key", &["password", "passphrase"]),
    ("token", &["secret"]),
    ("state", &["secret"]),
];

/// What `name` says, if it is one of a credential.
pub(super) fn read(name: &str) -> Option<Named> {
    if is_public(name) {
        return None;
    }
    if let Some(provider) = providers::of_variable(name) {
        return Some(Named { says: Says::Known, provider: Some(provider), local: false });
    }
    let words = words(name);
    let last = words.last()?.as_str();
    let says = says(&words, last)?;
    let provider = providers::of_words(&words);
    let says = match (says, provider) {
        (Says::Secret | Says::Perhaps, Some(_)) => Says::Known,
        (says, _) => says,
    };
    Some(Named { says, provider, local: provider.is_none() && is_local(&words) })
}

fn says(words: &[String], last: &str) -> Option<Says> {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map_or("", String::as_str);
    if ABOUT.contains(&last) && !(last == "tokens" && words.len() == 1) {
        return None;
    }
    // What says which key of another thing holds the password.
    if last == "key" && has(PASSWORDS) {
        return None;
    }
    // `PGPASSWORD`, `npmauthtoken`: words that nobody set apart.
    let ends = |words: &[&str]| words.iter().any(|word| word.len() >= 5 && last.ends_with(word));
    if PASSWORDS.contains(&last)
        || ends(&["password", "passwd", "passphrase"])
        || (has(&["password", "passwd"]) && !has(HARMLESS))
    {
        return Some(Says::Password);
    }
    if SECRETS.contains(&last)
        || has(&["secret"])
        || ends(&["secret", "apikey", "authtoken", "accesstoken"])
    {
        return Some(Says::Secret);
    }
    if has(HARMLESS) {
        return None;
    }
    match last {
        "token" | "authtoken" => Some(Says::Secret),
        "key" | "keys" if OF_KEYS.contains(&before) => Some(Says::Secret),
        "data" if has(&["key"]) => Some(Says::Secret),
        "key" | "auth" | "authorization" | "dsn" | "sas" | "sig" | "signature" | "salt"
        | "pepper" | "license" => Some(Says::Perhaps),
        _ if has(&["token", "apikey"]) => Some(Says::Perhaps),
        _ => None,
    }
}

/// What the page that everybody loads is built with.
fn is_public(name: &str) -> bool {
    ["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "EXPO_PUBLIC_", "NUXT_PUBLIC_", "PUBLIC_", "GATSBY_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn is_local(words: &[String]) -> bool {
    LOCAL.iter().any(|(first, second)| {
        let at = words.iter().position(|word| word == first);
        at.and_then(|at| words.get(at + 1..))
            .is_some_and(|rest| rest.iter().any(|word| second.contains(&word.as_str())))
    })
}

/// The words of a name, in small letters.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = b' ';
    for byte in name.bytes() {
        let starts = !before.is_ascii_alphanumeric()
            || (byte.is_ascii_uppercase() && before.is_ascii_lowercase());
        if byte.is_ascii_alphanumeric() {
            if starts {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(char::from(byte.to_ascii_lowercase()));
            }
        }
        before = byte;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Says, read};

    #[test]
    fn names_say_what_their_values_are() {
        use Says::{Known, Password, Perhaps, Secret};
        for (name, says, provider, local) in [
            ("RAILWAY_API_TOKEN", Some(Known), Some("railway"), false),
            ("PROD_RAILWAY_TOKEN", Some(Known), Some("railway"), false),
            ("railwayToken", Some(Known), Some("railway"), false),
            ("RAILWAY_PROJECT_ID", None, None, false),
            ("AWS_SECRET_ACCESS_KEY", Some(Known), Some("aws"), false),
            ("aws_secret_access_key", Some(Known), Some("aws"), false),
            ("DB_PASSWORD", Some(Password), None, false),
            ("apiKey", Some(Secret), None, false),
            ("clientSecret", Some(Secret), None, false),
            ("JWT_SECRET", Some(Secret), None, true),
            ("SESSION_SECRET", Some(Secret), None, true),
            ("SECRET_KEY_BASE", Some(Secret), None, true),
            ("primaryKey", None, None, false),
            ("public_key", None, None, false),
            ("max_tokens", None, None, false),
            ("token_count", None, None, false),
            ("nextPageToken", None, None, false),
            ("password_file", None, None, false),
            ("AZURE_OPENAI_API_KEY", Some(Known), Some("azure_openai"), false),
            ("passwordKey", None, None, false),
            ("PGPASSWORD", Some(Password), None, false),
            ("client-key-data", Some(Secret), None, false),
            ("passwordHash", None, None, false),
            ("CACHE_KEY", None, None, false),
            ("key", Some(Perhaps), None, false),
            ("monkey", None, None, false),
            ("NEXT_PUBLIC_API_KEY", None, None, false),
        ] {
            let named = read(name);
            let found = named.map(|it| (it.says, it.provider.map(|it| it.name), it.local));
            assert_eq!(found, says.map(|says| (says, provider, local)), "{name}");
        }
    }
}
