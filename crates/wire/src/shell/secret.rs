//! Secrets on this machine: which files are made of them, and which variables.

use super::{Step, expand::UNKNOWN, overlay::Overlay, scope::Scope, targets};
use crate::machine::Machine;

/// Words in the names of variables that hold secrets.
const NAMES: &[&str] = &[
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
    "AUTH_KEY",
    "ENCRYPTION_KEY",
    "SERVICE_ROLE",
    "_KEY",
    "_PAT",
    "_DSN",
];
/// Values that stand for a secret in an example.
const STAND_INS: &[&str] = &[
    "changeme",
    "example",
    "your-",
    "your_",
    "xxx",
    "<",
    "placeholder",
    "dummy",
    "test",
    "local",
    "dev",
    "postgres",
    "root",
    "password",
    "phantom",
    "hp_",
];
/// Files that are made of secrets, by the end of their path.
const FILES: &[&str] = &[
    ".env",
    "/.aws/credentials",
    "/.netrc",
    "/.pgpass",
    "/.git-credentials",
    "/.kube/config",
    "/.docker/config.json",
    "/.npmrc",
    "/.pypirc",
    "/credentials.json",
    "/.vault-token",
    "/application_default_credentials.json",
    "/.config/gh/hosts.yml",
    "/.railway/config.json",
    "/.terraformrc",
    "/.cargo/credentials.toml",
    "/terraform.tfstate",
    "/.config/hub",
    "/service-account.json",
    "/secrets.yml",
    "/secrets.yaml",
    "/.envrc",
    "/.my.cnf",
    "/.boto",
    "/master.key",
    "/.fly/config.yml",
    "/.stripe/config.toml",
    "/auth.json",
    "/access-token",
    "/environ",
];
/// Endings of files that hold keys.
const KEYS: &[&str] = &[
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "id_dsa",
    ".asc",
];
/// Endings that say that the values are left out.
const EXAMPLES: &[&str] =
    &[".example", ".sample", ".template", ".dist", ".defaults", ".test", ".pub", ".schema"];

/// Whether a variable's value is a secret that opens something.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let public = ["PUBLIC", "PUBLISHABLE", "ANON"].iter().any(|word| upper.contains(word));
    let lower = value.to_ascii_lowercase();
    let stand_in = STAND_INS.iter().any(|word| lower.starts_with(word)) || value.contains(UNKNOWN);
    let named = NAMES.iter().any(|word| upper.contains(word));
    named && !public && !stand_in && value.len() >= 8 || targets::is_remote_with_password(value)
}

/// Whether the path is that of a file of secrets, by its name.
fn is_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if EXAMPLES.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    name.starts_with(".env.")
        || FILES.iter().any(|end| path.ends_with(end))
        || KEYS.iter().any(|end| name.ends_with(end))
}

/// The pairs of a file of variables.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let plain = !name.is_empty()
            && name.trim().chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        let value = value.trim();
        let bare = value.split(" #").next().unwrap_or(value).trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                value.trim_start_matches(quote).split(quote).next().unwrap_or(value)
            }
            _ => bare,
        };
        (plain && !line.starts_with('#')).then_some((name.trim(), value))
    })
}

fn has_secret(text: &str) -> bool {
    text.contains("PRIVATE KEY-----") || pairs(text).any(|(name, value)| is_secret(name, value))
}

/// Whether whoever reads the file at `path` sees secrets: told by its text, or by its name if
/// nobody knows the text.
pub(super) fn is_revealing(files: &Overlay<'_>, path: &str) -> bool {
    match files.text(path) {
        Some(text) if text.contains(UNKNOWN) => is_named(path),
        Some(text) if path.contains(".env") => is_named(path) && has_secret(&text),
        // A copy by another name is what it was.
        Some(text) if files.written.contains_key(path) && has_secret(&text) => true,
        Some(text) => {
            is_named(path) && !text.trim().is_empty() || text.contains("PRIVATE KEY-----")
        }
        None => is_named(path),
    }
}

/// Whether a text that is shown has the value of a secret variable in it.
pub(super) fn shows(scope: &Scope, output: &str) -> bool {
    if output.len() < 8 {
        return false;
    }
    let variables =
        scope.variables.iter().filter_map(|(name, values)| Some((name, values.first()?)));
    variables
        .filter(|(name, value)| is_secret(name, value))
        .any(|(_, value)| output.contains(value.as_str()))
}

/// Whether code of a step could reach a credential for something beyond this machine.
pub fn in_reach(step: &Step, machine: &dyn Machine) -> bool {
    let of_variable =
        |pair: &String| pair.split_once('=').is_some_and(|(name, value)| is_secret(name, value));
    let of_file = |path: &String| {
        machine.text(path).is_some_and(|text| {
            let named = is_named(path)
                && (has_secret(&text) || !path.contains(".env") && !text.trim().is_empty());
            named || targets::mentions_remote(&text)
        })
    };
    step.unseen
        || step.variables.iter().any(of_variable)
        || machine.credential_files().iter().any(of_file)
}
