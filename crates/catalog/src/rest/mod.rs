//! REST: what a method and a path do, by provider, and the generic floor for everything else.
//!
//! - [`named`]: the rules of a provider that fit a method and path
//! - [`generic`]: what no table names: by method, raised by the words of the path
//! - `packages`, `code_hosts`, `github`, `models`, `git`, `elasticsearch`, `kubernetes`,
//!   `services`: the tables

mod code_hosts;
mod elasticsearch;
pub mod generic;
mod git;
mod github;
mod kubernetes;
mod models;
mod packages;
mod rule;
mod services;

pub use rule::{BEGINNING_BYTES, Reads, Rule, When};

/// The rules for requests to `provider` with this method and path, in the order in which they
/// are to be tried: the first whose `Rule::when` holds says what the request does.
/// `segments` are percent-decoded. Git's own protocol is the same on every host.
pub fn named<'a>(
    provider: Option<&str>,
    method: &'a str,
    segments: &'a [String],
) -> impl Iterator<Item = (&'static str, &'static Rule)> + 'a {
    let own = provider.and_then(table);
    std::iter::once(("git", git::RULES))
        .chain(own)
        .flat_map(|(name, rules)| rules.iter().map(move |rule| (name, rule)))
        .filter(move |(_, rule)| rule.fits(method, segments))
}

/// Whether `provider` writes names with slashes as one path segment (`@scope%2fname`), so that
/// an encoded slash is no second spelling of a path there.
pub fn encodes_slashes(provider: Option<&str>) -> bool {
    matches!(provider, Some("npm" | "gitlab"))
}

/// The name that operations of `provider` carry, and its rules.
fn table(provider: &str) -> Option<(&'static str, &'static [Rule])> {
    Some(match provider {
        "npm" => ("npm", packages::NPM),
        "pypi" => ("pypi", packages::PYPI),
        "crates" => ("crates", packages::CRATES),
        "rubygems" => ("rubygems", packages::RUBYGEMS),
        "nuget" => ("nuget", packages::NUGET),
        "oci" => ("oci", packages::OCI),
        "docker_hub" => ("docker_hub", packages::DOCKER_HUB),
        "maven" | "packagist" | "hex" | "pub" | "go" | "debian" | "conda" | "downloads" => {
            ("registry", packages::OTHER)
        }
        "github" => ("github", github::RULES),
        "gitlab" => ("gitlab", code_hosts::GITLAB),
        "bitbucket" => ("bitbucket", code_hosts::BITBUCKET),
        "codeberg" => ("codeberg", code_hosts::CODEBERG),
        "anthropic" | "openai" | "google_ai" | "openrouter" | "mistral" | "groq" | "deepseek"
        | "xai" | "together" | "fireworks" | "cohere" => ("model", models::RULES),
        "elasticsearch" => ("elasticsearch", elasticsearch::RULES),
        "kubernetes" => ("kubernetes", kubernetes::RULES),
        "notion" => ("notion", services::NOTION),
        "algolia" => ("algolia", services::ALGOLIA),
        "google" => ("google", services::GOOGLE),
        "supabase" => ("supabase", services::SUPABASE),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
