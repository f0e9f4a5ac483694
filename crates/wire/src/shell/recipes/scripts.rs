//! Scripts by name, of `package.json`, `composer.json` and `deno.json`.

use serde_json::Value;

use super::{
    super::{
        call::{Call, quoted},
        expand::UNKNOWN,
        package,
        scope::Scope,
        walk::Walk,
    },
    TARGETS_MAX,
};
use crate::Unreadable;

/// Commands of Composer itself.
const COMPOSER: &str =
    "about archive audit browse bump check-platform-reqs clear-cache clearcache cc completion config
    create-project depends why diagnose dump-autoload dumpautoload exec fund global help home init
    install i licenses list outdated prohibits why-not reinstall remove rm uninstall require r run
    run-script search self-update selfupdate show info status suggests update u upgrade validate";

impl Walk<'_> {
    fn package(&self, scope: &Scope) -> Option<Value> {
        self.json_file(scope, "package.json")
    }

    pub(in super::super) fn is_package_script(&self, call: &Call<'_>) -> bool {
        let first = call
            .operands(&["--prefix", "-C", "--filter", "-F", "--cwd", "-w", "--workspace", "--dir"])
            .first()
            .copied()
            .unwrap_or_default();
        matches!(first, "run" | "run-script" | "test" | "start" | "t" | "stop" | "restart")
            || matches!(call.name, "pnpm" | "yarn" | "bun") && !package::is_package_verb(first)
    }

    /// A script of `package.json`, with those before and after it.
    pub(in super::super) fn package_script(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let valued = ["--prefix", "-C", "--filter", "-F", "--cwd", "-w", "--workspace", "--dir"];
        let mut inner = scope.clone();
        if let Some(directory) = call.value(&["--prefix", "-C", "--cwd", "--dir"]) {
            inner.go(directory, true);
        }
        let before: Vec<String> =
            call.arguments.iter().take_while(|it| *it != "--").cloned().collect();
        let behind: Vec<String> =
            call.arguments.iter().skip_while(|it| *it != "--").skip(1).cloned().collect();
        let inner_call = Call { arguments: &before, ..Call::new(&[], call.pipe) };
        let operands = inner_call.operands(&valued);
        let run = matches!(operands.first(), Some(&"run" | &"run-script"));
        let name = operands.get(usize::from(run)).copied().unwrap_or_default().to_owned();
        let name = if name == "t" { "test".to_owned() } else { name };
        let more =
            operands.iter().skip(usize::from(run) + 1).map(|it| (*it).to_owned()).chain(behind);
        let rest: Vec<String> = more.map(|word| quoted(&word)).collect();
        if name.is_empty() {
            return Ok(UNKNOWN.to_string());
        }
        let package = self.package(&inner);
        let text =
            |name: &str| package.as_ref()?.get("scripts")?.get(name)?.as_str().map(str::to_owned);
        let Some(script) = text(&name) else {
            let is_file = |path: &String| self.files.text(path).is_some();
            if call.name == "bun" && self.paths(&inner, &name).iter().any(is_file) {
                let words = ["node".to_owned(), name].into_iter();
                let rest = call
                    .arguments
                    .iter()
                    .skip_while(|it| operands.get(usize::from(run)) != Some(&it.as_str()))
                    .skip(1);
                let words: Vec<String> = words.chain(rest.cloned()).collect();
                return self.call(scope, &words, call.pipe);
            }
            // A program of a package may be called as if it were a script.
            if package.is_some() && !run {
                let words: Vec<String> = before.clone();
                if matches!(call.name, "yarn" | "pnpm" | "bun")
                    && package::is_package_program(&name)
                {
                    return self.call(scope, &words, call.pipe);
                }
            }
            self.unseen_program(scope, call.name, false);
            return Ok(UNKNOWN.to_string());
        };
        for script in [
            text(&format!("pre{name}")),
            Some(format!("{script} {}", rest.join(" "))),
            text(&format!("post{name}")),
        ]
        .into_iter()
        .flatten()
        {
            self.script(&mut inner, &script, call.pipe)?;
        }
        Ok(UNKNOWN.to_string())
    }

    /// What a package manager runs of the project's own when it installs.
    pub(in super::super) fn lifecycle(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let Some(package) = self.package(scope) else { return Ok(()) };
        let names: &[&str] = match call.parts().1.first() {
            Some(&"install" | &"i" | &"ci") if !call.has(&["--ignore-scripts"]) => {
                &["preinstall", "install", "postinstall", "prepare"]
            }
            _ => &[],
        };
        for name in names {
            let script = package.get("scripts").and_then(|it| it.get(name)?.as_str());
            if let Some(script) = script {
                self.script(&mut scope.clone(), script, call.pipe)?;
            }
        }
        Ok(())
    }

    /// A script of `composer.json`, or those that Composer runs by itself.
    pub(in super::super) fn composer(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let mut inner = scope.clone();
        if let Some(directory) = call.value(&["-d", "--working-dir"]) {
            inner.go(directory, true);
        }
        let Some(scripts) = self.json_file(&inner, "composer.json") else { return Ok(()) };
        let Some(scripts) = scripts.get("scripts") else { return Ok(()) };
        let operands = call.operands(&["-d", "--working-dir", "--timeout"]);
        let names: Vec<&str> = match operands.as_slice() {
            ["run" | "run-script", name, ..] => vec![name],
            _ if call.has(&["--no-scripts"]) => return Ok(()),
            ["install" | "i" | "update" | "u" | "upgrade" | "require", ..] => vec![
                "pre-install-cmd",
                "post-install-cmd",
                "pre-update-cmd",
                "post-update-cmd",
                "pre-autoload-dump",
                "post-autoload-dump",
            ],
            ["dump-autoload" | "dumpautoload", ..] => {
                vec!["pre-autoload-dump", "post-autoload-dump"]
            }
            [name, ..] if !COMPOSER.split_whitespace().any(|it| it == *name) => vec![name],
            _ => return Ok(()),
        };
        let mut wanted: Vec<String> = names.iter().rev().map(|it| (*it).to_owned()).collect();
        let mut done: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop().filter(|_| done.len() < TARGETS_MAX) {
            if done.contains(&name) {
                continue;
            }
            let lines = match scripts.get(&name) {
                Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
                Some(Value::String(line)) => vec![line.as_str()],
                _ => Vec::new(),
            };
            done.push(name);
            for line in lines {
                match line.strip_prefix('@') {
                    Some(line) if line.starts_with("php ") || line.starts_with("composer ") => {
                        self.script(&mut inner, line, call.pipe)?;
                    }
                    Some(line) if line.starts_with("putenv ") => {}
                    Some(name) => wanted.extend(name.split(' ').next().map(str::to_owned)),
                    // A method of a class: code of a package.
                    None if line.contains("::") && !line.contains(' ') => {}
                    None => {
                        self.script(&mut inner, line, call.pipe)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A task of `deno.json`; whether there is one of this name.
    pub(in super::super) fn deno_task(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<bool, Unreadable> {
        let operands = call.operands(&["--cwd", "-c", "--config"]);
        let ["task", name, ..] = operands.as_slice() else { return Ok(false) };
        for file in ["deno.json", "deno.jsonc", "package.json"] {
            let Some(document) = self.json_file(scope, file) else { continue };
            let tasks = document.get("tasks").or_else(|| document.get("scripts"));
            let task = tasks.and_then(|it| it.get(name));
            let text = task.and_then(|it| it.as_str().or_else(|| it.get("command")?.as_str()));
            if let Some(text) = text {
                self.script(&mut scope.clone(), text, call.pipe)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An alias of Cargo's configuration, as the words that it stands for.
    pub(in super::super) fn cargo_alias(
        &self,
        scope: &Scope,
        call: &Call<'_>,
    ) -> Option<Vec<String>> {
        let (verb, rest) = call.arguments.split_first()?;
        let home = format!("{}/.cargo/config.toml", self.machine().home());
        let files = [".cargo/config.toml", ".cargo/config", &home];
        let texts = files.iter().flat_map(|it| self.paths(scope, it));
        let texts: Vec<_> = texts.filter_map(|it| self.files.text(&it)).collect();
        for text in texts {
            let own = text.lines().skip_while(|it| it.trim() != "[alias]").skip(1);
            let own = own.take_while(|it| !it.trim_start().starts_with('['));
            for line in own {
                let Some((name, value)) = line.split_once('=') else { continue };
                if name.trim().trim_matches('"') != verb {
                    continue;
                }
                let words =
                    value.split(['"', '\'', '[', ']', ',', ' ']).filter(|it| !it.is_empty());
                let words = std::iter::once("cargo").chain(words).map(str::to_owned);
                return Some(words.chain(rest.iter().cloned()).collect());
            }
        }
        None
    }

    fn json_file(&self, scope: &Scope, file: &str) -> Option<Value> {
        let path = self.paths(scope, file).into_iter().next()?;
        serde_json::from_str(&self.files.text(&path)?).ok()
    }
}
