//! The variables in which tools and agents look for a provider's credential.

use crate::{
    credentials::{Provider, provider},
    hosts::identity,
};

/// The variables for a credential of the host `name`; none where nothing is known.
pub fn variables(name: &str) -> &'static [&'static str] {
    let known = identity(name).and_then(|identity| provider(identity.provider));
    known.map_or(&[], Provider::variables)
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn by_host() {
        assert_eq!(variables("api.anthropic.com"), ["ANTHROPIC_API_KEY"]);
        assert_eq!(variables("github.com"), ["GITHUB_TOKEN", "GH_TOKEN"]);
        assert_eq!(variables("api.example.com"), [""; 0]);
    }
}
