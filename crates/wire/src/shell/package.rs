//! Package managers: installing is everyday work, publishing is not.

use holdpoint_catalog::cli::{frameworks, tools};
use holdpoint_core::{Effect, ResourceId};

use super::{At, Step, call::Call, walk::Walk};

/// Programs of packages that no table names.
const PROGRAMS: &str =
    "tsc eslint prettier vite next tsx ts-node rimraf del-cli biome turbo playwright";

/// Verbs of package managers themselves.
const VERBS: &str =
    "install i add remove rm uninstall un update upgrade up ci init create publish unpublish
    deprecate link unlink list ls outdated audit why info view config cache store dlx exec pack
    login logout whoami prune dedupe import patch workspaces workspace version owner access
    token dist-tag search docs repo fund root bin help set get pm build approve-builds env
    rebuild doctor licenses node plugin team deploy";

/// Whether a package manager's word is a program of a package.
pub(super) fn is_package_program(name: &str) -> bool {
    let name = name.split('@').next().unwrap_or(name);
    frameworks::framework(name).is_some()
        || tools::tool(name).is_some()
        || PROGRAMS.split_whitespace().any(|program| program == name)
}

/// Whether a package manager's word is a verb of its own.
pub(super) fn is_package_verb(name: &str) -> bool {
    name.is_empty() || VERBS.split_whitespace().any(|verb| verb == name)
}

impl Walk<'_> {
    /// Package managers: installing is everyday work, publishing is not.
    pub(super) fn packages(&mut self, call: &Call<'_>) {
        let words = call.operands(&[
            "--registry",
            "--tag",
            "--otp",
            "--access",
            "-p",
            "--package",
            "--manifest-path",
            "-C",
            "--prefix",
        ]);
        let (first, second) =
            (words.first().copied().unwrap_or_default(), words.get(1).copied().unwrap_or_default());
        let effect = match (call.name, first, second) {
            _ if call.has(&["--dry-run"]) => return,
            // It puts together what is published by something else.
            ("dotnet", "publish", _) => return,
            (_, "publish", _)
            | ("twine", "upload", _)
            | ("gem", "push", _)
            | ("mvn", "deploy", _)
            | ("dotnet" | "nuget", "push", _)
            | ("dotnet", "nuget", "push") => Effect::Execute,
            (_, "unpublish" | "yank", _) => Effect::Destroy,
            (_, "deprecate" | "dist-tag", _) => Effect::Execute,
            (_, "owner", _) if call.has(&["--add", "-a"]) => Effect::GrantAccess,
            (_, "owner", "rm" | "remove") => Effect::Remove,
            (_, "owner", "add") | (_, "access", "grant" | "public") => Effect::GrantAccess,
            (_, "token", "create") => Effect::MintCredential,
            (_, "config", "get") if call.arguments.iter().any(|it| it.contains("_auth")) => {
                let id = ResourceId::of(call.name, "config", "credential");
                return self.push(Step::reveals(format!("{}:config", call.name), id, At::Here));
            }
            _ => return,
        };
        let id = ResourceId::of(call.name, "package", second);
        self.push(Step::known(format!("{}:{first}", call.name), effect, id, At::Service));
    }
}
