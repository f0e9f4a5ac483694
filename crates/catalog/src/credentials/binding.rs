//! What a found credential is for: known names bind themselves, everything else is asked about.

use super::{Confidence, Found, Sink, kinds::Mark, login_files::PACKAGE_LOGINS, provider};
use crate::hosts::{self, Bodies};

/// What a credential is for, as far as it says so itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whether it is injected, and where.
    pub how: Use,
    /// Where it may be sent.
    pub hosts: Vec<String>,
    /// The operations that it may change things by, as patterns.
    pub purposes: Vec<String>,
}

/// How a credential is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is sent to its hosts.
    Sent,
    /// It signs or decrypts on this machine, and is sent nowhere.
    Local,
    /// Nobody has said yet. `hosts` are a proposal only.
    Unbound,
}

/// Where a credential was found, as far as this says who wrote down what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where anybody can write: a repository, a variable that it set.
    Anywhere,
    /// The settings of git, or the passwords that it keeps: they are the human's own.
    Git,
    /// The human's own login file of a package manager.
    Packages,
}

impl Place {
    /// What the file at `path` of a workspace is. No repository brings a `.git` along.
    pub fn in_workspace(path: &str) -> Self {
        if path == GIT_CONFIG { Self::Git } else { Self::Anywhere }
    }

    /// What the file at `path` of the human's home is.
    pub fn in_home(path: &str) -> Self {
        match path {
            _ if GIT_PASSWORDS.contains(&path) => Self::Git,
            _ if PACKAGE_LOGINS.contains(&path) => Self::Packages,
            _ => Self::Anywhere,
        }
    }
}

/// Where git keeps what is for its hosts.
const GIT_CONFIG: &str = ".git/config";
const GIT_PASSWORDS: &[&str] = &[".git-credentials", ".config/git/credentials"];

/// What a password for git is for. Which pushes pass is for policy to say.
const GIT: &str = "git:*";

/// What `found` at `place` binds itself to. Only the catalogue's own hosts count, never what a text
/// that anybody can write says of itself; what the human wrote down for packages or for git is for
/// the host beside it.
pub fn binding(found: &Found, place: Place) -> Binding {
    let proposed = match &found.sink {
        Sink::Here => return Binding { how: Use::Local, hosts: Vec::new(), purposes: Vec::new() },
        Sink::Hosts(hosts) => hosts.clone(),
        Sink::Unknown => Vec::new(),
    };
    let known =
        found.provider.and_then(provider).filter(|_| found.confidence >= Confidence::Likely);
    match known {
        _ if place == Place::Git && !proposed.is_empty() => {
            Binding { how: Use::Sent, hosts: proposed, purposes: vec![GIT.to_owned()] }
        }
        _ if place == Place::Packages && !proposed.is_empty() => {
            let purposes = purposes(&proposed, Mark::Live);
            Binding { how: Use::Sent, hosts: proposed, purposes }
        }
        Some(provider) if !provider.hosts().is_empty() => {
            let hosts = provider.hosts().into_iter().map(str::to_owned).collect::<Vec<_>>();
            let purposes = purposes(&hosts, found.kind.mark);
            Binding { how: Use::Sent, hosts, purposes }
        }
        _ if proposed.iter().any(|host| is_registry(host)) => {
            let purposes = purposes(&proposed, Mark::Live);
            Binding { how: Use::Sent, hosts: proposed, purposes }
        }
        _ => Binding { how: Use::Unbound, hosts: proposed, purposes: Vec::new() },
    }
}

fn is_registry(host: &str) -> bool {
    hosts::identity(host).is_some_and(|it| it.bodies == Bodies::Packages)
}

/// What a credential for `hosts` may do: everything with a provider's test data, prompts at a
/// model's host, and otherwise reading, which a purpose brings that names the provider.
fn purposes(hosts: &[String], mark: Mark) -> Vec<String> {
    let mut purposes: Vec<String> = hosts.iter().map(|host| purpose(host, mark)).collect();
    purposes.sort_unstable();
    purposes.dedup();
    purposes
}

fn purpose(host: &str, mark: Mark) -> String {
    match hosts::identity(host) {
        // Every model's operations have the same names, whoever serves it.
        Some(identity) if identity.bodies == Bodies::Prompts => "model:*".to_owned(),
        identity => {
            let provider = identity.map_or("rest", |identity| identity.provider);
            format!("{provider}:{}", if mark == Mark::Test { "*" } else { "read" })
        }
    }
}
