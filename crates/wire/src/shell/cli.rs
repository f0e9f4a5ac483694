//! Tools that reach beyond the machine, by the tables of the catalogue; and the floor for those
//! that have none.

use holdpoint_catalog::{
    aws,
    cli::{
        local,
        tools::{self, Reach, Tool},
    },
};
use holdpoint_core::{Effect, ResourceId, policy::Ground};

use super::{At, Step, call::Call, disk, expand::UNKNOWN, scope::Scope, walk::Walk};
use crate::Unreadable;

/// Programs of packages that are called through a package manager.
pub(super) fn is_package_program(name: &str) -> bool {
    let name = name.split('@').next().unwrap_or(name);
    holdpoint_catalog::cli::frameworks::framework(name).is_some()
        || tools::tool(name).is_some()
        || [
            "tsc",
            "eslint",
            "prettier",
            "vite",
            "next",
            "tsx",
            "ts-node",
            "rimraf",
            "del-cli",
            "biome",
            "turbo",
            "playwright",
        ]
        .contains(&name)
}

/// Verbs of package managers themselves.
pub(super) fn is_package_verb(name: &str) -> bool {
    [
        "install",
        "i",
        "add",
        "remove",
        "rm",
        "uninstall",
        "un",
        "update",
        "upgrade",
        "up",
        "ci",
        "init",
        "create",
        "publish",
        "unpublish",
        "deprecate",
        "link",
        "unlink",
        "list",
        "ls",
        "outdated",
        "audit",
        "why",
        "info",
        "view",
        "config",
        "cache",
        "store",
        "dlx",
        "exec",
        "pack",
        "login",
        "logout",
        "whoami",
        "prune",
        "dedupe",
        "import",
        "patch",
        "workspaces",
        "workspace",
        "version",
        "owner",
        "access",
        "token",
        "dist-tag",
        "search",
        "docs",
        "repo",
        "fund",
        "root",
        "bin",
        "help",
        "set",
        "get",
        "pm",
        "build",
        "",
        "approve-builds",
        "env",
        "rebuild",
        "doctor",
        "licenses",
        "node",
        "plugin",
        "team",
        "deploy",
    ]
    .contains(&name)
}

impl Walk<'_> {
    /// A program that no other reader knows.
    pub(super) fn tool(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<(), Unreadable> {
        match call.name {
            "aws" => return Ok(self.aws(scope, call)),
            "npm" | "pnpm" | "yarn" | "cargo" | "gem" | "twine" | "poetry" | "uv" | "dotnet"
            | "mvn" | "hatch" | "bun" | "nuget" => {
                return self.packages(scope, call);
            }
            "scp" | "sftp" => return Ok(self.sent_by_ssh(scope, call)),
            "claude" | "gemini" | "q" | "codex" | "cursor-agent" | "copilot" | "opencode"
            | "aider" | "goose-agent" => {
                return Ok(self.agent(scope, call));
            }
            "holdpoint" => return Ok(self.guard(call)),
            "tar" | "unzip" | "7z" => return Ok(()),
            "rimraf" | "del-cli" | "trash-cli" => {
                call.parts().1.iter().for_each(|path| self.deletes(scope, path, "file:delete"));
                return Ok(());
            }
            "kill" | "pkill" | "killall"
                if call.arguments.iter().any(|it| it.contains("holdpoint")) =>
            {
                let step = Step::known(
                    "process:kill",
                    Effect::Modify,
                    ResourceId::of("machine", "process", "holdpoint"),
                    At::Here,
                );
                self.push(Step { tampers: true, ..step });
                return Ok(());
            }
            "gh" if call.arguments.first().is_some_and(|it| it == "api") => {
                return self.gh_api(scope, call);
            }
            _ => {}
        }
        if let Some(tool) = tools::tool(call.name) {
            return self.tabled(scope, call, tool);
        }
        if local::is_local(call.name) {
            return Ok(());
        }
        self.unknown_program(scope, call);
        Ok(())
    }

    fn tabled(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        tool: &Tool,
    ) -> Result<(), Unreadable> {
        let valued: Vec<&str> = tool.valued.split_whitespace().collect();
        let words = call.operands(&valued);
        let has = |flag: &str| {
            call.has(&[flag]) || flag.len() == 2 && call.flag(flag.chars().nth(1).unwrap_or('\0'))
        };
        let meaning = tool.meaning(&words, &has);
        if words.iter().take(2).any(|word| word.contains(UNKNOWN)) {
            let id = ResourceId::of(tool.name, "call", "unknown");
            self.push(Step::guessed(
                format!("{}:unknown", tool.name),
                Effect::Execute,
                id,
                self.place_of(scope, tool),
            ));
            return Ok(());
        }
        let named =
            words.iter().skip(1).rev().find(|it| !it.is_empty()).copied().unwrap_or_default();
        let verb: Vec<&str> = words.iter().take(2).copied().collect();
        let name = format!("{}:{}", tool.name, verb.join("_"));
        let id = ResourceId::of(tool.name, "resource", named);
        let at = self.place_of(scope, tool);
        if meaning.reveals && self.machine().masked() {
            return Ok(());
        }
        let mut step = if meaning.known {
            Step::known(name, meaning.effect, id, at)
        } else {
            Step::guessed(name, meaning.effect, id, at)
        };
        step.operation.reveals_secrets = meaning.reveals;
        if meaning.effect != Effect::Observe || meaning.reveals {
            self.push(step);
        }
        Ok(())
    }

    fn place_of(&self, scope: &Scope, tool: &Tool) -> At {
        match tool.reach {
            Reach::Here => match scope
                .exported("DOCKER_HOST")
                .filter(|host| tool.name == "docker" && !host.starts_with("unix:"))
            {
                Some(_) => At::Somewhere,
                None => At::Here,
            },
            Reach::Service => At::Service,
            Reach::Platform if tool.name == "kubectl" || tool.name == "helm" => self.cluster(scope),
            Reach::Platform => At::Somewhere,
        }
    }

    /// The host of the cluster that the configuration points at, if there is but one.
    fn cluster(&self, scope: &Scope) -> At {
        let home = format!("{}/.kube/config", self.machine().home());
        let file = scope.exported("KUBECONFIG").unwrap_or(&home).to_owned();
        let text = self.paths(scope, &file).iter().find_map(|path| self.files.text(path));
        let Some(text) = text else { return At::Somewhere };
        let servers: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("server:"))
            .map(str::trim)
            .collect();
        match servers.as_slice() {
            [one] => {
                let host = one
                    .split("://")
                    .nth(1)
                    .unwrap_or(one)
                    .split([':', '/'])
                    .next()
                    .unwrap_or_default();
                At::Host(host.to_ascii_lowercase())
            }
            _ => At::Somewhere,
        }
    }

    fn aws(&mut self, scope: &Scope, call: &Call<'_>) {
        let valued = [
            "--profile",
            "--region",
            "--output",
            "--query",
            "--endpoint-url",
            "--cli-input-json",
            "--ca-bundle",
            "--color",
            "--page-size",
        ];
        let operands = call.operands(&valued);
        let (Some(service), Some(verb)) = (operands.first().copied(), operands.get(1).copied())
        else {
            return;
        };
        let endpoint = call
            .value(&["--endpoint-url"])
            .and_then(|url| url.split("://").nth(1))
            .and_then(|it| it.split([':', '/']).next());
        let at = endpoint
            .or(scope
                .exported("AWS_ENDPOINT_URL")
                .and_then(|url| url.split("://").nth(1))
                .and_then(|it| it.split([':', '/']).next()))
            .map_or(At::Somewhere, |host| At::Host(host.to_owned()));
        if call.has(&["--dry-run", "--dryrun", "--generate-cli-skeleton"])
            || verb == "help"
            || verb == "wait"
        {
            return;
        }
        let named = operands.get(2).copied().or_else(|| {
            let option = call
                .arguments
                .iter()
                .skip_while(|it| *it != verb)
                .find(|it| it.starts_with("--") && !valued.contains(&it.as_str()))?;
            call.value(&[option])
        });
        let id = ResourceId::new(format!(
            "aws:{service}/{}",
            named.unwrap_or_default().trim_start_matches("s3://")
        ));
        let (name, meaning) = match (service, verb) {
            ("s3", verb) => {
                let effect = match verb {
                    "rm" | "rb" | "mv" => Effect::Destroy,
                    "sync" if call.has(&["--delete"]) => Effect::Destroy,
                    "ls" | "presign" => Effect::Observe,
                    "cp" | "sync" if !operands.last().is_some_and(|it| it.starts_with("s3://")) => {
                        Effect::Observe
                    }
                    _ => Effect::Create,
                };
                (format!("aws:s3:{verb}"), (effect, true, false))
            }
            ("configure" | "sso" | "help" | "login", _) => return,
            _ => {
                let operation: String = verb.split('-').map(capital).collect();
                let table = aws::service::service(service);
                // The command line writes `Db` where the provider writes `DB`.
                let named = table.and_then(|table| {
                    table.operation(&operation).or_else(|| {
                        spelt(&operation).into_iter().find_map(|it| table.operation(&it))
                    })
                });
                let operation = named.map_or(operation, |named| named.name.to_owned());
                let meaning = aws::meaning(service, &operation, named, &Options(call));
                (
                    format!("aws:{service}:{operation}"),
                    (meaning.effect, meaning.known, meaning.reveals_secrets),
                )
            }
        };
        let (effect, known, reveals) = meaning;
        if effect == Effect::Observe && !reveals || reveals && self.machine().masked() {
            return;
        }
        let mut step = if known {
            Step::known(name, effect, id, at)
        } else {
            Step::guessed(name, effect, id, at)
        };
        step.operation.reveals_secrets = reveals && effect == Effect::Observe;
        self.push(step);
    }

    /// Package managers: installing is everyday work, publishing is not.
    fn packages(&mut self, _scope: &Scope, call: &Call<'_>) -> Result<(), Unreadable> {
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
            _ if call.has(&["--dry-run"]) => return Ok(()),
            (_, "publish", _)
            | ("twine", "upload", _)
            | ("gem", "push", _)
            | ("mvn", "deploy", _)
            | ("dotnet" | "nuget", "push", _)
            | ("dotnet", "nuget", "push") => Effect::Execute,
            (_, "unpublish" | "yank", _) => Effect::Destroy,
            (_, "deprecate" | "dist-tag", _) => Effect::Execute,
            (_, "owner", "add" | "--add") | (_, "access", "grant" | "public") => {
                Effect::GrantAccess
            }
            (_, "token", "create") => Effect::MintCredential,
            _ => return Ok(()),
        };
        let id = ResourceId::of(call.name, "package", second);
        self.push(Step::known(format!("{}:{first}", call.name), effect, id, At::Service));
        Ok(())
    }

    fn sent_by_ssh(&mut self, scope: &Scope, call: &Call<'_>) {
        let operands = call.operands(&["-i", "-P", "-o", "-F", "-J", "-c", "-l", "-S"]);
        let Some(to) = operands.last() else { return };
        match disk::remote(to) {
            Some((host, path)) => {
                let id = ResourceId::new(format!("file:{host}:{path}"));
                self.push(Step::guessed("ssh:copy", Effect::Modify, id, At::Host(host)));
            }
            None => self.writes(scope, to, &UNKNOWN.to_string(), false),
        }
    }

    /// Another agent: with its questions switched off it does what nobody sees.
    fn agent(&mut self, scope: &Scope, call: &Call<'_>) {
        let unasked = [
            "--dangerously-skip-permissions",
            "--yolo",
            "-y",
            "--trust-all-tools",
            "--dangerously-bypass-approvals-and-sandbox",
            "--full-auto",
            "--allow-all-tools",
            "--allow-all",
            "--force",
            "--yes-always",
            "bypassPermissions",
            "--approval-mode=yolo",
            "--skip-trust",
        ];
        let bypasses = call
            .arguments
            .iter()
            .any(|it| unasked.contains(&it.as_str()) || it.contains("bypassPermissions"));
        let mut step = Step::opaque(format!("agent:{}", call.name), bypasses);
        step.variables =
            scope.environment().map(|(name, value)| format!("{name}={value}")).collect();
        if bypasses {
            self.push(step);
        }
    }

    /// Holdpoint's own commands that switch something off.
    fn guard(&mut self, call: &Call<'_>) {
        let words = call.parts().1;
        let weakens = matches!(
            words.first(),
            Some(
                &"uninstall"
                    | &"approve"
                    | &"approvers"
                    | &"revive"
                    | &"policy"
                    | &"secrets"
                    | &"hosts"
                    | &"inventory"
                    | &"agents"
            )
        ) && !matches!(words.get(1), None | Some(&"list" | &"show" | &"check"))
            || words.first() == Some(&"uninstall")
            || call.has(&["--remove"]);
        if weakens {
            let step = Step::known(
                "holdpoint:change",
                Effect::Modify,
                ResourceId::of("holdpoint", "state", "all"),
                At::Here,
            );
            self.push(Step { tampers: true, ..step });
        }
    }

    /// The floor: a verb that destroys and anything that names a remote is held; other programs
    /// are as dangerous as what they can reach.
    fn unknown_program(&mut self, scope: &Scope, call: &Call<'_>) {
        let words: Vec<&str> = call.parts().1;
        if call.name.eq_ignore_ascii_case("robocopy") {
            return super::windows::robocopy(self, scope, call);
        }
        if tools::destroys(&words) {
            let names_remote = call.arguments.iter().any(|it| {
                it.contains("://")
                    || it.contains('@')
                    || it.contains("--project")
                    || it.contains("--account")
                    || it.contains("--remote")
                    || it.contains("--org")
                    || it.contains("--env")
            });
            let at = if names_remote { At::Somewhere } else { At::Here };
            let id =
                ResourceId::of(call.name, "resource", words.last().copied().unwrap_or_default());
            self.push(Step::guessed(
                format!("{}:{}", call.name, words.first().copied().unwrap_or_default()),
                Effect::Destroy,
                id,
                at,
            ));
            return;
        }
        let system = [
            "useradd",
            "userdel",
            "usermod",
            "adduser",
            "deluser",
            "passwd",
            "chsh",
            "visudo",
            "iptables",
            "ufw",
            "reboot",
            "shutdown",
            "halt",
            "poweroff",
            "modprobe",
            "crontab",
            "swapoff",
            "setenforce",
        ];
        let shows = call.has(&["-l", "-L", "--list", "status"]);
        if system.contains(&call.name) && !shows {
            let mut step = Step::known(
                format!("system:{}", call.name),
                Effect::Modify,
                ResourceId::of("machine", "system", call.name),
                At::Here,
            );
            step.ground = Ground::Outside;
            return self.push(step);
        }
        self.unseen_program(scope, call.name, false);
    }
}

/// `--x-y v` as the parameter `XY`.
struct Options<'c>(&'c Call<'c>);

impl aws::Parameters for Options<'_> {
    fn values(&self, name: &str) -> Vec<&str> {
        let name = name.trim_start_matches('*');
        let mut option = String::from("--");
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && option.len() > 2 && !option.ends_with('-') {
                option.push('-');
            }
            option.push(letter.to_ascii_lowercase());
        }
        let mut values = self.0.values(&[&option]);
        let bare = option.replacen("--", "--no-", 1);
        if values.is_empty() && self.0.has(&[&bare]) {
            values.push("false");
        } else if self.0.has(&[&option]) && values.iter().all(|it| it.starts_with("--")) {
            values = vec!["true"];
        }
        values
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Other spellings of an operation's name, with what is an abbreviation in capitals.
fn spelt(operation: &str) -> Vec<String> {
    let pairs = [
        ("Db", "DB"),
        ("Vpc", "VPC"),
        ("Mfa", "MFA"),
        ("Ssh", "SSH"),
        ("Saml", "SAML"),
        ("Acl", "ACL"),
        ("Ip", "IP"),
        ("Iam", "IAM"),
        ("Kms", "KMS"),
        ("Ssl", "SSL"),
        ("Tls", "TLS"),
        ("Efs", "EFS"),
        ("Api", "API"),
        ("Url", "URL"),
        ("Dns", "DNS"),
        ("Open Id", "OpenID"),
    ];
    pairs
        .iter()
        .filter(|(from, _)| operation.contains(from))
        .map(|(from, to)| operation.replace(from, to))
        .collect()
}
