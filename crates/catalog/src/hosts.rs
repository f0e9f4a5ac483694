//! What well-known hosts speak, and which of them need no human to list them.

use std::str::FromStr;

use holdpoint_core::Environment;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is known about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// How its requests are read.
    pub speaks: Speaks,
    /// The environment that a human, or a preset, gave it.
    pub environment: Option<Environment>,
    /// The provider whose tables apply (`railway`, `github`, `npm`), where there is one.
    pub provider: Option<&'static str>,
}

impl Host {
    /// A host of which nothing is known: what method and path say, nobody knows where.
    pub fn unnamed() -> Self {
        Self { speaks: Speaks::Rest, environment: None, provider: None }
    }
}

/// How a host's requests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// GraphQL on every path.
    Graphql,
    /// What method and path say.
    Rest,
    /// A service without an environment of its own: model APIs, package registries.
    Service,
    /// Code hosts, trackers, mail of the team.
    Collaboration,
    /// The API of a Kubernetes cluster.
    Kubernetes,
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
}

impl Speaks {
    /// Everything that a host can speak.
    pub const ALL: [Self; 6] = [
        Self::Graphql,
        Self::Rest,
        Self::Service,
        Self::Collaboration,
        Self::Kubernetes,
        Self::Elasticsearch,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graphql => "graphql",
            Self::Rest => "rest",
            Self::Service => "service",
            Self::Collaboration => "collaboration",
            Self::Kubernetes => "kubernetes",
            Self::Elasticsearch => "elasticsearch",
        }
    }
}

impl Speaks {
    /// The provider whose tables apply to every host that speaks it.
    pub fn provider(self) -> Option<&'static str> {
        match self {
            Self::Kubernetes => Some("kubernetes"),
            Self::Elasticsearch => Some("elasticsearch"),
            Self::Graphql | Self::Rest | Self::Service | Self::Collaboration => None,
        }
    }
}

impl FromStr for Speaks {
    type Err = UnknownSpeech;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|speaks| speaks.as_str() == word)
            .ok_or_else(|| UnknownSpeech(word.to_owned()))
    }
}

/// A word for nothing that a host can speak.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is nothing a host speaks; use one of graphql, rest, service, collaboration, kubernetes, elasticsearch"
)]
pub struct UnknownSpeech(String);

/// What a host is, whether or not anybody listed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The provider whose tables apply.
    pub provider: &'static str,
    /// How its requests are read.
    pub speaks: Speaks,
    /// It may be reached without a human having listed it.
    pub listed: bool,
    /// What the bodies of its messages are.
    pub bodies: Bodies,
}

/// What the bodies of a host's messages are, where they are no instructions. Which of them may
/// stream is for the tables to say: [`Reads`](crate::rest::Reads).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// They say what is to be done.
    Instructions,
    /// Packages and layers of images: method and path say what is done with them.
    Packages,
    /// Text for a model. An agent that has looked at its own environment has its phantoms in
    /// every prompt from then on, so that they may stay there.
    Prompts,
}

/// What the host `name` is; `name` is lower case and without a trailing dot.
pub fn identity(name: &str) -> Option<Identity> {
    row(name).map(|(kind, provider)| {
        let (speaks, listed, bodies) = kind.facts();
        Identity { provider, speaks, listed, bodies }
    })
}

/// Whether the host `name` is a model API, where what is said is a prompt and no instruction.
pub fn is_model(name: &str) -> bool {
    identity(name).is_some_and(|identity| identity.bodies == Bodies::Prompts)
}

/// Kind and provider of the host `name`.
fn row(name: &str) -> Option<(Kind, &'static str)> {
    let is = |known: &&str| match known.strip_prefix('*') {
        Some(suffix) => name.strip_suffix(suffix).is_some_and(|label| !label.is_empty()),
        None => *known == name,
    };
    let found = HOSTS.iter().find(|(_, _, names)| names.iter().any(is));
    found.map(|(kind, provider, _)| (*kind, *provider))
}

/// The hosts of a provider, as the table writes them; none where nothing is known.
pub fn names(provider: &str) -> Vec<&'static str> {
    let own = HOSTS.iter().filter(|(_, known, _)| *known == provider);
    own.flat_map(|(_, _, names)| names.iter().copied()).collect()
}

/// The host `name` as a preset lists it: package registries, model APIs and code hosts, none of
/// which has an environment. `None` for every other host, known or not.
pub fn preset(name: &str) -> Option<Host> {
    let identity = identity(name).filter(|identity| identity.listed)?;
    Some(Host {
        speaks: identity.speaks,
        environment: Some(Environment::None),
        provider: Some(identity.provider),
    })
}

/// What kind of host it is.
#[derive(Clone, Copy)]
enum Kind {
    /// A package registry.
    Registry,
    /// A model API.
    Model,
    /// A code host.
    Code,
    /// Where one logs in to others of these.
    Login,
    /// A platform, to be listed by a human.
    Platform(Speaks),
}

impl Kind {
    /// What it speaks, whether a preset lists it, what its bodies are.
    fn facts(self) -> (Speaks, bool, Bodies) {
        match self {
            Self::Registry => (Speaks::Service, true, Bodies::Packages),
            Self::Model => (Speaks::Service, true, Bodies::Prompts),
            Self::Code => (Speaks::Collaboration, true, Bodies::Instructions),
            Self::Login => (Speaks::Service, true, Bodies::Instructions),
            Self::Platform(speaks) => (speaks, false, Bodies::Instructions),
        }
    }
}

/// Kind, provider, names. A name that begins with `*` is a suffix below which anything is the
/// provider's own. From common use.
const HOSTS: &[(Kind, &str, &[&str])] = &[
    (Kind::Registry, "npm", &["registry.npmjs.org", "registry.yarnpkg.com", "npm.jsr.io"]),
    (
        Kind::Registry,
        "pypi",
        &[
            "pypi.org",
            "files.pythonhosted.org",
            "upload.pypi.org",
            "pypi.python.org",
            "test.pypi.org",
            "test-files.pythonhosted.org",
        ],
    ),
    (Kind::Registry, "crates", &["crates.io", "static.crates.io", "index.crates.io"]),
    (
        Kind::Registry,
        "maven",
        &[
            "repo.maven.apache.org",
            "repo1.maven.org",
            "central.sonatype.com",
            "oss.sonatype.org",
            "s01.oss.sonatype.org",
            "plugins.gradle.org",
            "services.gradle.org",
        ],
    ),
    (Kind::Registry, "go", &["proxy.golang.org", "sum.golang.org", "index.golang.org", "go.dev"]),
    (Kind::Registry, "rubygems", &["rubygems.org", "index.rubygems.org"]),
    (
        Kind::Registry,
        "debian",
        &[
            "deb.debian.org",
            "security.debian.org",
            "ftp.debian.org",
            "snapshot.debian.org",
            "archive.ubuntu.com",
            "*.archive.ubuntu.com",
            "security.ubuntu.com",
            "ports.ubuntu.com",
            "dl-cdn.alpinelinux.org",
        ],
    ),
    (
        Kind::Registry,
        "oci",
        &[
            "registry-1.docker.io",
            "index.docker.io",
            "auth.docker.io",
            "production.cloudflare.docker.com",
            "ghcr.io",
            "pkg-containers.githubusercontent.com",
            "quay.io",
            "mcr.microsoft.com",
            "public.ecr.aws",
            "registry.gitlab.com",
            "registry.k8s.io",
        ],
    ),
    (Kind::Registry, "docker_hub", &["hub.docker.com"]),
    (Kind::Registry, "packagist", &["packagist.org", "repo.packagist.org"]),
    (
        Kind::Registry,
        "nuget",
        &["api.nuget.org", "www.nuget.org", "nuget.org", "globalcdn.nuget.org"],
    ),
    (Kind::Registry, "hex", &["hex.pm", "repo.hex.pm"]),
    (Kind::Registry, "pub", &["pub.dev"]),
    (Kind::Registry, "conda", &["conda.anaconda.org", "repo.anaconda.com"]),
    (
        Kind::Registry,
        "downloads",
        &["static.rust-lang.org", "nodejs.org", "binaries.prisma.sh", "dl.google.com"],
    ),
    (Kind::Model, "anthropic", &["api.anthropic.com"]),
    (Kind::Model, "openai", &["api.openai.com", "chatgpt.com"]),
    (
        Kind::Model,
        "google_ai",
        &["generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com"],
    ),
    (Kind::Model, "openrouter", &["openrouter.ai"]),
    (Kind::Model, "mistral", &["api.mistral.ai", "codestral.mistral.ai"]),
    (Kind::Model, "groq", &["api.groq.com"]),
    (Kind::Model, "deepseek", &["api.deepseek.com"]),
    (Kind::Model, "xai", &["api.x.ai"]),
    (Kind::Model, "together", &["api.together.xyz", "api.together.ai"]),
    (Kind::Model, "fireworks", &["api.fireworks.ai"]),
    (Kind::Model, "cohere", &["api.cohere.com", "api.cohere.ai"]),
    (
        Kind::Code,
        "github",
        &[
            "github.com",
            "www.github.com",
            "api.github.com",
            "uploads.github.com",
            "codeload.github.com",
            "raw.githubusercontent.com",
            "gist.github.com",
            "gist.githubusercontent.com",
            "objects.githubusercontent.com",
            "release-assets.githubusercontent.com",
            "media.githubusercontent.com",
            "github-cloud.githubusercontent.com",
        ],
    ),
    (Kind::Code, "gitlab", &["gitlab.com"]),
    (Kind::Code, "bitbucket", &["bitbucket.org", "api.bitbucket.org"]),
    (Kind::Code, "codeberg", &["codeberg.org"]),
    (Kind::Code, "sourcehut", &["git.sr.ht"]),
    (Kind::Model, "cursor", &["api2.cursor.sh", "*.api5.cursor.sh"]),
    (Kind::Model, "github_copilot", &["*.githubcopilot.com"]),
    (Kind::Login, "anthropic", &["console.anthropic.com", "platform.claude.com"]),
    (Kind::Login, "openai", &["auth.openai.com"]),
    (Kind::Login, "google", &["oauth2.googleapis.com", "accounts.google.com"]),
    (Kind::Login, "microsoft", &["login.microsoftonline.com"]),
    (Kind::Platform(Speaks::Rest), "notion", &["api.notion.com"]),
    (Kind::Platform(Speaks::Rest), "algolia", &["*.algolia.net", "*.algolianet.com"]),
    (Kind::Platform(Speaks::Rest), "google", &["*.googleapis.com"]),
    (Kind::Platform(Speaks::Rest), "supabase", &["*.supabase.co", "api.supabase.com"]),
    (
        Kind::Platform(Speaks::Graphql),
        "railway",
        &["backboard.railway.com", "backboard.railway.app"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_list_what_has_no_environment() {
        for name in ["registry.npmjs.org", "static.crates.io", "api.anthropic.com", "github.com"] {
            let host = preset(name).unwrap_or_else(|| panic!("{name} is listed"));
            assert_eq!(host.environment, Some(Environment::None), "{name}");
        }
    }

    #[test]
    fn a_platform_is_known_but_not_listed() {
        for name in ["backboard.railway.app", "backboard.railway.com"] {
            let known = identity(name).unwrap();
            assert_eq!((known.provider, known.speaks), ("railway", Speaks::Graphql));
            assert!(!known.listed && known.bodies == Bodies::Instructions);
            assert_eq!(preset(name), None);
        }
    }

    #[test]
    fn a_model_api_is_told_from_other_services() {
        for (name, expect) in
            [("api.openai.com", true), ("registry.npmjs.org", false), ("api.example.com", false)]
        {
            assert_eq!(is_model(name), expect, "{name}");
        }
    }

    #[test]
    fn a_suffix_needs_a_label_and_a_dot() {
        let check =
            |name: &str, expect: bool| assert_eq!(identity(name).is_some(), expect, "{name}");
        check("de.archive.ubuntu.com", true);
        check("archive.ubuntu.com", true);
        check("evilarchive.ubuntu.com", false);
        check("github.com.evil.example", false);
        check("evil-github.com", false);
    }

    #[test]
    fn no_host_is_in_two_rows() {
        let mut names: Vec<&str> =
            HOSTS.iter().flat_map(|(_, _, names)| names.iter().copied()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
