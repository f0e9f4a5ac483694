//! The variables that go in: those that carry no credential, and those that lead to the one way
//! out.

use std::ffi::{OsStr, OsString};

use crate::{OURS, PORT, PROGRAMS};

/// What goes in as it is.
const PASSED: [&str; 36] = [
    "CARGO_HOME",
    "CARGO_TERM_COLOR",
    "CI",
    "CLICOLOR",
    "COLORTERM",
    "COLUMNS",
    "EDITOR",
    "FORCE_COLOR",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_PAGER",
    "GOPATH",
    "GOROOT",
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LANGUAGE",
    "LINES",
    "LOGNAME",
    "NODE_ENV",
    "NO_COLOR",
    "NVM_BIN",
    "NVM_DIR",
    "PAGER",
    "PATH",
    "PWD",
    "PYENV_ROOT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SHELL",
    "TERM",
    "TZ",
    "USER",
    "VISUAL",
];

/// What goes in as it is, by its beginning.
const PASSED_PREFIXES: [&str; 3] = ["LC_", "TERM_PROGRAM", "RUST_"];

/// The variables by which clients find the proxy. Some read only one spelling.
const PROXY: [&str; 6] =
    ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"];

/// The variables by which clients find what they reach themselves: what listens inside, and the
/// services of the outside in their places. There is no other road than the proxy to anything else.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
const HERE: &str = "localhost,127.0.0.1,::1";

/// The variables by which clients find the CA that they have to trust.
const CA: [&str; 11] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// What else makes clients take the one way out, and says to whoever asks that this is an inside.
const SETTINGS: [(&str, &str); 5] = [
    ("NODE_USE_ENV_PROXY", "1"),
    // Its cache is in memory, where nothing of the workspace can be linked to.
    ("UV_LINK_MODE", "copy"),
    // Cargo's own git knows nothing of how git is told to go.
    ("CARGO_NET_GIT_FETCH_WITH_CLI", "true"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("HOLDPOINT", "enclosed"),
];

/// The variables of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Names and values.
    pub variables: Vec<(OsString, OsString)>,
    /// How many of the outside went in.
    pub passed: usize,
    /// How many of the outside stayed out: credentials may be among them.
    pub left_out: usize,
}

impl Environment {
    /// What goes in of `outside`.
    pub fn of(outside: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let (mut variables, left_out): (Vec<_>, Vec<_>) =
            outside.into_iter().partition(|(name, _)| passes(name));
        let passed = variables.len();
        for (_, path) in variables.iter_mut().filter(|(name, _)| name == "PATH") {
            path.push(":");
            path.push(PROGRAMS);
        }
        let proxy = format!("http://127.0.0.1:{PORT}");
        let ca = format!("{OURS}/ca.pem");
        let ours = PROXY
            .map(|name| (name, proxy.as_str()))
            .into_iter()
            .chain(NO_PROXY.map(|name| (name, HERE)))
            .chain(CA.map(|name| (name, ca.as_str())))
            .chain(SETTINGS);
        variables.extend(ours.map(|(name, value)| (name.into(), value.into())));
        Self { variables, passed, left_out: left_out.len() }
    }
}

fn passes(name: &OsStr) -> bool {
    let prefixed = |name: &str| PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    name.to_str().is_some_and(|name| PASSED.contains(&name) || prefixed(name))
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn credentials_and_ways_around_stay_out() {
        let outside = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("GITHUB_TOKEN", "x"),
            ("SSH_AUTH_SOCK", "/x"),
            ("LD_PRELOAD", "/x"),
            ("NODE_OPTIONS", "--require=/x"),
            ("NO_PROXY", "*"),
            ("HTTPS_PROXY", "http://elsewhere"),
        ];
        let outside = outside.map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::of(outside);
        assert_eq!((environment.passed, environment.left_out), (2, 7));
        let value = |wanted: &str| {
            let mut found = environment.variables.iter().filter(|(name, _)| name == wanted);
            let value = found.next().map(|(_, value)| value.to_str().unwrap());
            assert!(found.next().is_none(), "{wanted} is there once");
            value
        };
        assert_eq!(value("HTTPS_PROXY"), Some("http://127.0.0.1:7080"));
        assert_eq!(value("NO_PROXY"), Some(super::HERE));
        assert_eq!(value("PATH"), Some("/bin:/run/holdpoint/bin"));
        assert_eq!(value("GITHUB_TOKEN"), None);
    }
}
