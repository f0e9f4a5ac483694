//! Endpoints whose answers are credentials: the gateway keeps the real ones and gives phantoms.
//!
//! Sources: RFC 6749 §5.1 for the form of the answers. Endpoints, the hosts that they serve and
//! the ids of public clients are from common use, and were not compared with the providers.

use holdpoint_core::glob;

/// An endpoint that gives out credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issuer {
    /// What to call what it gives out.
    pub name: &'static str,
    /// The endpoints: method, host (a label may be `*`), path (a segment may be `*`).
    endpoints: &'static [(&'static str, &'static str, &'static str)],
    /// Where an access token from it may be sent: hosts, or `*.example.com`.
    pub resources: &'static [&'static str],
    /// Clients whose `client_secret` is public, because it is part of a program that everybody
    /// has (RFC 8252 §8.5).
    pub public_clients: &'static [&'static str],
}

impl Issuer {
    /// The hosts of its endpoints.
    pub fn hosts(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints.iter().map(|(_, host, _)| *host)
    }

    fn answers(&self, method: &str, host: &str, path: &str) -> bool {
        self.endpoints.iter().any(|(own, name, place)| {
            *own == method && fits(name, host, '.') && fits(place, path, '/')
        })
    }
}

/// Whether `text` is `pattern`, in which a `*` stands for one part.
fn fits(pattern: &str, text: &str, separator: char) -> bool {
    let one = |(own, part): (&str, &str)| own == part || (own == "*" && !part.is_empty());
    pattern.split(separator).count() == text.split(separator).count()
        && pattern.split(separator).zip(text.split(separator)).all(one)
}

/// The issuer that answers `method` at this host and path (without its query), if one is known.
pub fn issuer(method: &str, host: &str, path: &str) -> Option<&'static Issuer> {
    ISSUERS.iter().find(|issuer| issuer.answers(method, host, path))
}

/// The issuer of this name.
pub fn named(name: &str) -> Option<&'static Issuer> {
    ISSUERS.iter().find(|issuer| issuer.name == name)
}

/// Whether what `issuer` gives out may be sent to `host`.
pub fn serves(issuer: &Issuer, host: &str) -> bool {
    issuer.resources.iter().any(|resource| glob::host_matches(resource, host))
}

const ISSUERS: &[Issuer] = &[
    Issuer {
        name: "github",
        endpoints: &[
            ("POST", "github.com", "/login/oauth/access_token"),
            ("GET", "api.github.com", "/copilot_internal/v2/token"),
        ],
        resources: &[
            "github.com",
            "api.github.com",
            "uploads.github.com",
            "gist.github.com",
            "codeload.github.com",
            "raw.githubusercontent.com",
            "ghcr.io",
            "npm.pkg.github.com",
            "*.githubcopilot.com",
        ],
        // The command line tool `gh`.
        public_clients: &["178c6fc778ccc68e1d6a"],
    },
    Issuer {
        name: "google",
        endpoints: &[
            ("POST", "oauth2.googleapis.com", "/token"),
            ("POST", "accounts.google.com", "/o/oauth2/token"),
            ("POST", "www.googleapis.com", "/oauth2/v4/token"),
        ],
        resources: &["*.googleapis.com", "gcr.io", "*.gcr.io", "*.pkg.dev"],
        // `gcloud`, its application default credentials, and the Gemini command line tool.
        public_clients: &[
            "32555940559.apps.googleusercontent.com",
            "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com",
            "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com",
        ],
    },
    Issuer {
        name: "anthropic",
        endpoints: &[
            ("POST", "console.anthropic.com", "/v1/oauth/token"),
            ("POST", "platform.claude.com", "/v1/oauth/token"),
        ],
        resources: &[
            "api.anthropic.com",
            "console.anthropic.com",
            "platform.claude.com",
            "claude.ai",
            "mcp-proxy.anthropic.com",
        ],
        public_clients: &[],
    },
    Issuer {
        name: "openai",
        endpoints: &[("POST", "auth.openai.com", "/oauth/token")],
        resources: &["api.openai.com", "chatgpt.com", "auth.openai.com"],
        public_clients: &[],
    },
    Issuer {
        name: "cursor",
        endpoints: &[
            ("POST", "api2.cursor.sh", "/oauth/token"),
            ("GET", "api2.cursor.sh", "/auth/poll"),
            ("POST", "api2.cursor.sh", "/auth/exchange_user_api_key"),
        ],
        resources: &["*.cursor.sh"],
        public_clients: &[],
    },
    Issuer {
        name: "microsoft",
        endpoints: &[
            ("POST", "login.microsoftonline.com", "/*/oauth2/v2.0/token"),
            ("POST", "login.microsoftonline.com", "/*/oauth2/token"),
        ],
        resources: &[
            "management.azure.com",
            "graph.microsoft.com",
            "dev.azure.com",
            "*.azurecr.io",
            "*.vault.azure.net",
            "*.blob.core.windows.net",
        ],
        public_clients: &[],
    },
    Issuer {
        name: "gitlab",
        endpoints: &[("POST", "gitlab.com", "/oauth/token")],
        resources: &["gitlab.com", "registry.gitlab.com"],
        public_clients: &[],
    },
    Issuer {
        name: "docker",
        endpoints: &[
            ("POST", "login.docker.com", "/oauth/token"),
            ("POST", "hub.docker.com", "/v2/users/login"),
            ("POST", "hub.docker.com", "/v2/auth/token"),
            ("POST", "auth.docker.io", "/token"),
        ],
        resources: &[
            "hub.docker.com",
            "login.docker.com",
            "auth.docker.io",
            "index.docker.io",
            "registry-1.docker.io",
        ],
        public_clients: &[],
    },
    Issuer {
        name: "npm",
        endpoints: &[
            ("GET", "registry.npmjs.org", "/-/v1/done"),
            ("PUT", "registry.npmjs.org", "/-/user/*"),
            ("POST", "registry.npmjs.org", "/-/npm/v1/tokens"),
        ],
        resources: &["registry.npmjs.org"],
        public_clients: &[],
    },
    Issuer {
        name: "aws_sso",
        endpoints: &[("POST", "oidc.*.amazonaws.com", "/token")],
        resources: &["*.amazonaws.com"],
        public_clients: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::{issuer, serves};

    #[test]
    fn an_endpoint_is_known_by_method_host_and_path() {
        let check = |method, host, path, expect: Option<&str>| {
            let found = issuer(method, host, path).map(|issuer| issuer.name);
            assert_eq!(found, expect, "{method} {host} {path}");
        };
        check("POST", "github.com", "/login/oauth/access_token", Some("github"));
        check("GET", "github.com", "/login/oauth/access_token", None);
        check("POST", "evil-github.com", "/login/oauth/access_token", None);
        check("POST", "github.com", "/login/oauth/access_token/x", None);
        check("POST", "login.microsoftonline.com", "/common/oauth2/v2.0/token", Some("microsoft"));
        check("POST", "login.microsoftonline.com", "//oauth2/v2.0/token", None);
        check("POST", "oidc.eu-west-1.amazonaws.com", "/token", Some("aws_sso"));
        check("POST", "oidc.a.b.amazonaws.com", "/token", None);
        check("PUT", "registry.npmjs.org", "/-/user/org.couchdb.user:ada", Some("npm"));
    }

    #[test]
    fn what_is_given_out_serves_its_own_hosts() {
        let google = issuer("POST", "oauth2.googleapis.com", "/token").unwrap();
        for (host, expect) in [
            ("storage.googleapis.com", true),
            ("googleapis.com", false),
            ("googleapis.com.evil.example", false),
            ("github.com", false),
        ] {
            assert_eq!(serves(google, host), expect, "{host}");
        }
    }
}
