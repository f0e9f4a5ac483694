//! Which branches are protected: `[git]`.

use holdpoint_core::glob;
use serde::Deserialize;
use toml::Spanned;

use super::error::Fault;

/// The most repositories, patterns of one list, and bytes of a pattern.
const REPOSITORIES_MAX: usize = 1000;
const PATTERNS_MAX: usize = 100;
const PATTERN_BYTES_MAX: usize = 200;

/// Which branches are protected, as far as a human has said so. The default branch of a
/// repository is protected in any case, as soon as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitTerms {
    /// In every repository that has no list of its own; none if nobody said.
    protected: Option<Vec<String>>,
    /// Pattern of a repository (`github.com/acme/*`), and its branches.
    repositories: Vec<(String, Vec<String>)>,
}

impl GitTerms {
    /// Whether `branch` of the repository at `path` (`owner/name`) of `host` is protected; `None`
    /// if nobody said. Of several lists for one repository, each protects. Case is not told apart.
    pub fn protects(&self, host: &str, path: &str, branch: &str) -> Option<bool> {
        let repository = format!("{host}/{path}").to_ascii_lowercase();
        let branch = branch.to_ascii_lowercase();
        let own = self.repositories.iter();
        let mut own = own.filter(|(pattern, _)| glob::matches(pattern, &repository)).peekable();
        let any = |patterns: &Vec<String>| patterns.iter().any(|it| glob::matches(it, &branch));
        match own.peek() {
            Some(_) => Some(own.any(|(_, patterns)| any(patterns))),
            None => self.protected.as_ref().map(any),
        }
    }
}

/// `[git]`, not yet checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGit {
    protected: Option<Spanned<Vec<Spanned<String>>>>,
    repositories: Vec<RawRepository>,
}

/// One of `[[git.repositories]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRepository {
    repository: Spanned<String>,
    protected: Spanned<Vec<Spanned<String>>>,
}

impl RawGit {
    pub(super) fn check(self) -> Result<GitTerms, Fault> {
        if let Some(beyond) = self.repositories.get(REPOSITORIES_MAX) {
            let message = format!("there are more than {REPOSITORIES_MAX} repositories; use `*`");
            return Err(Fault::at(beyond.repository.span(), message));
        }
        let repositories = self.repositories.into_iter().map(|raw| {
            let name = pattern(raw.repository)?;
            Ok((name.strip_suffix(".git").unwrap_or(&name).to_owned(), patterns(raw.protected)?))
        });
        Ok(GitTerms {
            repositories: repositories.collect::<Result<_, Fault>>()?,
            protected: self.protected.map(patterns).transpose()?,
        })
    }
}

fn patterns(raw: Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Fault> {
    if raw.get_ref().len() > PATTERNS_MAX {
        let message = format!("there are more than {PATTERNS_MAX} branches; use `*`");
        return Err(Fault::at(raw.span(), message));
    }
    raw.into_inner().into_iter().map(pattern).collect()
}

/// A pattern, in lower case.
fn pattern(raw: Spanned<String>) -> Result<String, Fault> {
    let text = raw.get_ref().strip_prefix("refs/heads/").unwrap_or(raw.get_ref());
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > PATTERN_BYTES_MAX || text.contains("://") || !plain {
        let message = "write a branch such as main or release/*, a repository such as \
                       github.com/acme/shop; at most 200 letters";
        return Err(Fault::at(raw.span(), message));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/state/holdpoint.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_repository_s_own_list_holds_before_that_of_all() {
        let git = parse(
            "[git]\nprotected = [\"main\", \"Release/*\"]\n\
             [[git.repositories]]\nrepository = \"GitHub.com/acme/shop.git\"\nprotected = [\"next\"]\n\
             [[git.repositories]]\nrepository = \"github.com/acme/*\"\nprotected = [\"refs/heads/live\"]\n",
        );
        let git = git.unwrap().git;
        for (path, branch, expect) in [
            ("other/x", "main", true),
            ("other/x", "release/1/2", true),
            ("other/x", "RELEASE/1", true),
            ("other/x", "fix", false),
            ("acme/shop", "next", true),
            ("acme/shop", "live", true),
            ("acme/shop", "main", false),
            ("acme/site", "live", true),
            ("acme/site", "next", false),
        ] {
            assert_eq!(git.protects("github.com", path, branch), Some(expect), "{path} {branch}");
        }
        let nobody = parse("").unwrap().git;
        assert_eq!(nobody.protects("github.com", "acme/shop", "main"), None);
    }

    #[test]
    fn what_is_no_branch_and_no_repository_is_refused_where_it_stands() {
        for (text, at) in [
            ("[git]\nprotected = [\"\"]", ":2:"),
            ("[git]\nprotected = [\"a b\"]", ":2:"),
            ("[git]\nprotect = []", ":2:"),
            ("[[git.repositories]]\nrepository = \"https://github.com/a/b\"\nprotected=[]", ":2:"),
            ("[[git.repositories]]\nrepository = \"github.com/a/b\"", ":1:"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(at), "{text}: {refused}");
        }
    }
}
