//! Tools that reach beyond the machine, by the tables of the catalogue; and the floor for those
//! that have none.

use holdpoint_catalog::{
    cli::{
        local,
        tools::{self, Reach, Tool},
    },
    verbs,
};
use holdpoint_core::{Effect, ResourceId, policy::Ground};

use super::{
    At, Step, agents, call::Call, disk, expand::UNKNOWN, scope::Scope, targets, walk::Walk,
};
use crate::hook::{Act, patch};

/// Programs that change users, rules and the state of the machine.
const SYSTEM: &[&str] = &[
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

impl Walk<'_> {
    /// A program that no other reader knows.
    pub(super) fn tool(&mut self, scope: &mut Scope, call: &Call<'_>) {
        if let Some(agent) = agents::named(call.name) {
            return self.agent(scope, call, agent);
        }
        match call.name {
            "aws" if self.machine().knows_tools() => return self.aws(scope, call),
            "npm" | "pnpm" | "yarn" | "cargo" | "gem" | "twine" | "poetry" | "uv" | "dotnet"
            | "mvn" | "hatch" | "bun" | "nuget" => {
                self.wiped(scope, call);
                return self.packages(call);
            }
            "scp" | "sftp" => return self.sent_by_ssh(scope, call),
            "holdpoint" => return self.guard(call),
            "apply_patch" | "applypatch" => return self.patched(scope, call),
            "tar" | "unzip" | "7z" => return,
            "prettier" | "biome" | "eslint" | "dprint" | "jsonlint" | "sort"
                if call.has(&["--write", "--fix", "-w", "-i", "fmt"]) =>
            {
                return self.steered(scope, &call.parts().1);
            }
            "rimraf" | "del-cli" | "trash-cli" => {
                call.parts().1.iter().for_each(|path| self.deletes(scope, path, "file:delete"));
                return;
            }
            "cmake" if call.has(&["-E"]) => return self.cmake(scope, call),
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
                return;
            }
            "gh" if call.arguments.first().is_some_and(|it| it == "api") => {
                return self.gh_api(scope, call);
            }
            _ => {}
        }
        if let Some(step) = takes_from_system(call) {
            return self.push(step);
        }
        if let Some(tool) = tools::tool(call.name).filter(|_| self.machine().knows_tools()) {
            return self.tabled(scope, call, tool);
        }
        if self.far_loss(call) || self.wiped(scope, call) {
            return;
        }
        if self.bears(scope, call) {
            return;
        }
        // A tool of the cloud may be called as a compiler is.
        let first = call.arguments.first().map_or("", String::as_str);
        let takes = ["delete", "destroy", "terminate", "drop"].contains(&first);
        let cluster = ["kind", "k3d", "minikube", "colima"].contains(&call.name);
        if local::is_local(call.name) && (!takes || cluster) {
            return;
        }
        self.unknown_program(scope, call);
    }

    /// The files of a patch, as Codex writes it into a command.
    fn patched(&mut self, scope: &mut Scope, call: &Call<'_>) {
        let text = call.arguments.first().or(call.pipe.stdin.as_ref());
        let acts = text.map(|text| patch::acts(text)).unwrap_or_default();
        if acts.is_empty() {
            return self.unseen_program(scope, call.name, true);
        }
        for act in acts {
            match act {
                Act::Write(path) => self.writes(scope, &path, &UNKNOWN.to_string(), false),
                Act::Delete(path) => self.deletes(scope, &path, "file:delete"),
                _ => {}
            }
        }
    }

    /// A verb that destroys, and something beyond this machine that it names: whatever the tool.
    fn far_loss(&mut self, call: &Call<'_>) -> bool {
        let far = |it: &&String| {
            let host = it.split("://").nth(1).filter(|_| !it.starts_with("file:"));
            host.is_some_and(|host| {
                !["localhost", "127.0.0.1"].iter().any(|own| host.starts_with(own))
            })
        };
        let Some(named) = call.arguments.iter().find(far) else { return false };
        let verb = |it: &&&str| tools::destroys(&[**it]);
        let operands = call.parts().1;
        let Some(verb) = operands.iter().take(8).find(verb) else { return false };
        let id = ResourceId::of(call.name, "resource", named);
        let name = format!("{}:{verb}", call.name);
        self.push(Step::guessed(name, Effect::Destroy, id, At::Somewhere));
        true
    }

    /// Words that wipe a database, whatever the tool: the one that the project is configured for.
    pub(super) fn wiped(&mut self, scope: &Scope, call: &Call<'_>) -> bool {
        let mut words = spoken(call);
        let code = ["-e", "--eval", "-eval", "--expr"];
        words.extend(call.values(&["-s", "--session", "--sessions"]));
        if call.has(&code) {
            return false;
        }
        if named_production(call) {
            words.push("production");
        }
        if !tools::wipes(&words) || call.has(&["--dry-run", "--dump", "--pretend", "--status"]) {
            return false;
        }
        let target = match named_production(call) {
            true => targets::Target { told: true, ..targets::somewhere() },
            false => targets::ambient(self, scope, None),
        };
        let name = format!("{}:{}", call.name, words.join("_"));
        self.at_database(scope, &target, &name, Effect::Destroy);
        true
    }

    fn tabled(&mut self, scope: &mut Scope, call: &Call<'_>, tool: &Tool) {
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
            return;
        }
        let named =
            words.iter().skip(1).rev().find(|it| !it.is_empty()).copied().unwrap_or_default();
        let verb: Vec<&str> = words.iter().take(2).copied().collect();
        let name = format!("{}:{}", tool.name, verb.join("_"));
        let id = ResourceId::of(tool.name, "resource", named);
        let mut at = self.place_of(scope, tool);
        if tool.name == "docker" && call.has(&["-H", "--host", "--context", "-c"]) {
            at = At::Somewhere;
        }
        if tool.name == "docker" && (words.first() == Some(&"push") || call.has(&["--push"])) {
            let step = Step::known("docker:push", Effect::Execute, id, At::Service);
            return self.push(step);
        }
        if meaning.reveals && self.machine().masked() {
            return;
        }
        let mut step = if meaning.known {
            Step::known(name, meaning.effect, id, at)
        } else {
            Step::guessed(name, meaning.effect, id, at)
        };
        step.operation.reveals_secrets = meaning.reveals;
        if tool.name == "docker" && step.at == At::Here && meaning.effect == Effect::Destroy {
            return self.takes_volumes(scope, call, step);
        }
        // Services of this machine are nobody's task.
        if tool.name == "system" && meaning.effect != Effect::Observe {
            step.ground = Ground::Outside;
        }
        if meaning.effect != Effect::Observe || meaning.reveals {
            self.push(step);
        }
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

    /// What `cmake -E` does as other programs do it elsewhere.
    fn cmake(&mut self, scope: &Scope, call: &Call<'_>) {
        let words = call.parts().1;
        let takes = matches!(words.first(), Some(&("rm" | "remove" | "remove_directory")));
        for path in words.iter().skip(1).filter(|_| takes) {
            self.deletes(scope, path, "file:delete");
        }
    }

    /// Holdpoint's own commands that switch something off.
    fn guard(&mut self, call: &Call<'_>) {
        let mut arguments = call.arguments.iter().map(String::as_str);
        let mut words = Vec::new();
        while let Some(argument) = arguments.next() {
            match argument {
                // The value of an option that stands before any verb is none.
                "--state" => drop(arguments.next()),
                flag if flag.starts_with('-') => {}
                word => words.push(word),
            }
        }
        let weakens = match words.as_slice() {
            ["uninstall" | "approve" | "revive", ..] | ["snapshots", "prune", ..] => true,
            ["merge", ..] => call.has(&["--yes", "--drop"]),
            ["run", ..] => call.has(&["--unguarded"]),
            ["approvers" | "policy" | "secrets" | "hosts" | "inventory" | "agents", verb, ..] => {
                let looks =
                    ["list", "show", "check", "found", "leaked", "issued", "suggest", "try"];
                !looks.contains(verb)
            }
            _ => call.has(&["--remove"]),
        };
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
    pub(super) fn unknown_program(&mut self, scope: &Scope, call: &Call<'_>) {
        let words = spoken(call);
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
        if SYSTEM.contains(&call.name) && shows_system(call) {
            return;
        }
        if SYSTEM.contains(&call.name) {
            let mut step = Step::known(
                format!("system:{}", call.name),
                Effect::Modify,
                ResourceId::of("machine", "system", call.name),
                At::Here,
            );
            step.ground = Ground::Outside;
            return self.push(step);
        }
        // A program of this machine's own is what its words say; a script is what its text says.
        let says =
            |word: &&str| verbs::effect_of_words(word).is_some_and(|it| it > Effect::Observe);
        let bare = without_values(call, &words);
        let looks = tools::looks(&words) || !words.iter().any(says) && tools::looks(&bare);
        if !call.program.contains('/') && (looks || flags_look(call, &words)) {
            return;
        }
        // Whether a port is open.
        if matches!(call.name, "nc" | "ncat") && call.flag('z') {
            return;
        }
        self.unseen_program(scope, call.name, false);
    }
}

/// The operands of a tool that nobody knows: what follows an option and is no word is its value.
pub(super) fn spoken<'c>(call: &Call<'c>) -> Vec<&'c str> {
    let mut words = Vec::new();
    let mut before = "";
    for word in call.arguments.iter().map(String::as_str) {
        let is_option = word.len() > 1 && word.starts_with('-');
        let valued = before.starts_with('-') && !before.contains('=');
        let plain = word.chars().all(|it| it.is_ascii_alphabetic() || "-_:".contains(it));
        if !is_option && (plain || !valued) {
            words.push(word);
        }
        before = word;
    }
    words
}

/// Whether a word of a call names what everybody uses.
fn named_production(call: &Call<'_>) -> bool {
    let said = ["production", "prod", "staging", "live"];
    let named = |it: &String| {
        let word = it.rsplit('=').next().unwrap_or(it);
        said.iter().any(|own| word.eq_ignore_ascii_case(own))
    };
    call.arguments.iter().any(named)
}

/// The same without any word that follows an option.
fn without_values<'c>(call: &Call<'c>, words: &[&'c str]) -> Vec<&'c str> {
    let behind: Vec<&str> = call
        .arguments
        .windows(2)
        .filter_map(|pair| match pair {
            [option, value] if option.starts_with("--") && !option.contains('=') => {
                Some(value.as_str())
            }
            _ => None,
        })
        .collect();
    words.iter().copied().filter(|word| !behind.contains(word)).collect()
}

/// Whether a call has no verb but an option that looks: `--describe`.
fn flags_look(call: &Call<'_>, words: &[&str]) -> bool {
    let flags = || call.arguments.iter().filter_map(|it| it.strip_prefix("--"));
    let looks = |flag: &str| {
        ["list", "describe", "show", "status", "info", "version", "graph"].contains(&flag)
    };
    let says = |word: &&&str| verbs::effect_of_words(word).is_some_and(|it| it > Effect::Observe);
    flags().any(looks)
        && !flags().any(|flag| verbs::effect_of_words(flag).is_some_and(|it| it > Effect::Modify))
        && !words.iter().take(2).any(|word| says(&word))
}

/// Whether a program that changes users and rules is only asked for them.
fn shows_system(call: &Call<'_>) -> bool {
    match call.name {
        "iptables" => call.flag('L') || call.flag('S') || call.has(&["--list", "--list-rules"]),
        "passwd" => call.has(&["-S", "--status"]),
        "ufw" => call.has(&["status", "show", "--dry-run"]),
        "crontab" => call.has(&["-l"]),
        _ => call.has(&["--list", "--dry-run"]),
    }
}

/// Packages of the system that are taken away, and mounts that are changed.
fn takes_from_system(call: &Call<'_>) -> Option<Step> {
    let words = call.parts().1;
    let first = words.first().copied().unwrap_or_default();
    let takes = match call.name {
        "apt" | "apt-get" | "dnf" | "yum" | "zypper" | "apk" | "aptitude" => {
            ["remove", "purge", "autoremove", "erase", "del", "full-upgrade", "dist-upgrade"]
                .contains(&first)
        }
        "dpkg" | "rpm" => call.has(&["-P", "-r", "-e", "--purge", "--remove", "--erase"]),
        "pacman" => call.arguments.iter().any(|it| it.starts_with("-R")),
        "mount" => !words.is_empty() || call.has(&["-o", "-a"]),
        "umount" => true,
        "journalctl" => call.arguments.iter().any(|it| it.starts_with("--vacuum")),
        _ => false,
    };
    let id = ResourceId::of("machine", "system", call.name);
    let step = Step::known(format!("system:{}", call.name), Effect::Modify, id, At::Here);
    takes.then_some(Step { ground: Ground::Outside, ..step })
}
