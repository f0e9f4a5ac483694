//! Where agents and command line tools keep the logins that they renew by themselves, and whose
//! these are.
//!
//! Places of files are from the programs' public documents and from common use.

use crate::issuers::{self, Issuer};

/// A file, or the files of a directory, in which a program keeps its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// Below the home; what ends with `/*.json` is every such file of a directory.
    pub file: &'static str,
    /// Whose endpoints renew it.
    issuer: &'static str,
    /// It is an agent's own: other commands do not see it.
    pub of_agent: bool,
}

impl Login {
    /// Who renews it.
    pub fn issuer(&self) -> Option<&'static Issuer> {
        issuers::named(self.issuer)
    }
}

const fn agent(file: &'static str, issuer: &'static str) -> Login {
    Login { file, issuer, of_agent: true }
}

const fn tool(file: &'static str, issuer: &'static str) -> Login {
    Login { file, issuer, of_agent: false }
}

/// Every login that is known.
pub const LOGINS: &[Login] = &[
    agent(".claude/.credentials.json", "anthropic"),
    agent(".codex/auth.json", "openai"),
    agent(".gemini/oauth_creds.json", "google"),
    agent(".copilot/config.json", "github"),
    agent(".config/github-copilot/apps.json", "github"),
    agent(".config/github-copilot/hosts.json", "github"),
    agent(".config/cursor/auth.json", "cursor"),
    tool(".config/gh/hosts.yml", "github"),
    tool(".config/gcloud/application_default_credentials.json", "google"),
    tool(".aws/sso/cache/*.json", "aws_sso"),
    tool(".azure/msal_token_cache.json", "microsoft"),
];

#[cfg(test)]
mod tests {
    use super::LOGINS;

    #[test]
    fn every_login_has_somebody_who_renews_it() {
        for login in LOGINS {
            assert!(login.issuer().is_some_and(|it| it.hosts().next().is_some()), "{login:?}");
        }
    }
}
