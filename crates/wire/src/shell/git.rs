//! git, by what is lost: uncommitted work, history here, history there.

use holdpoint_core::{Effect, ResourceId, Reversibility, operation::Operation, policy::Ground};

use super::{
    At, Step,
    call::{Call, Pipe},
    expand::UNKNOWN,
    path,
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

impl Walk<'_> {
    pub(super) fn git(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        let mut inner = scope.clone();
        let mut words = call.arguments.iter().peekable();
        let mut aliases: Vec<(String, String)> = Vec::new();
        while let Some(word) = words.next_if(|word| word.starts_with('-')) {
            match word.as_str() {
                "-C" => inner.go(&words.next().cloned().unwrap_or_default(), true),
                "-c" => {
                    let setting = words.next().cloned().unwrap_or_default();
                    if let Some((name, value)) = setting.split_once('=') {
                        self.configured(&mut inner, name, value)?;
                        if let Some(alias) = name.strip_prefix("alias.") {
                            aliases.push((alias.to_owned(), value.to_owned()));
                        }
                    }
                }
                "--git-dir" | "--work-tree" | "--namespace" | "--exec-path" => {
                    words.next();
                }
                _ => {}
            }
        }
        let Some(verb) = words.next().cloned() else { return Ok(UNKNOWN.to_string()) };
        let rest: Vec<String> = words.cloned().collect();
        let configured = self.alias(&inner, &verb);
        if let Some(text) =
            aliases.into_iter().find(|(name, _)| *name == verb).map(|(_, text)| text).or(configured)
        {
            let text = match text.strip_prefix('!') {
                Some(script) => script.to_owned(),
                None => format!("git {text}"),
            };
            let rest: Vec<String> = rest.iter().map(|word| super::call::quoted(word)).collect();
            return self.script(&mut inner, &format!("{text} {}", rest.join(" ")), call.pipe);
        }
        let all: Vec<String> = std::iter::once(verb).chain(rest).collect();
        let call = Call::new(&all, call.pipe);
        self.hooks(&mut inner, &call)?;
        self.git_verb(&mut inner, &call)
    }

    /// Hooks that a verb runs, as far as they lie where git looks for them.
    fn hooks(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<(), Unreadable> {
        let skipped = call.has(&["--no-verify"]) || call.name == "commit" && call.flag('n');
        let names: &[&str] = match call.name {
            "commit" if skipped => &["prepare-commit-msg", "post-commit"],
            "commit" => &["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"],
            "push" if !skipped => &["pre-push"],
            "merge" | "pull" => &["pre-merge-commit", "post-merge"],
            "rebase" => &["pre-rebase", "post-rewrite"],
            "checkout" | "switch" => &["post-checkout"],
            "am" => &["applypatch-msg", "pre-applypatch", "post-applypatch"],
            "hook" => &["pre-commit", "pre-push", "commit-msg", "post-commit", "post-checkout"],
            _ => return Ok(()),
        };
        let told = |text: &str| {
            let line =
                text.lines().find(|it| it.trim().to_ascii_lowercase().starts_with("hookspath"));
            line.and_then(|it| it.split_once('=')).map(|(_, path)| path.trim().to_owned())
        };
        let config = path::normal(".git/config", scope.directory());
        let place = self.files.text(&config).and_then(|it| told(&it));
        let place = place.unwrap_or_else(|| ".git/hooks".to_owned());
        for name in names {
            let file = format!("{place}/{name}");
            let there = self.paths(scope, &file).iter().any(|it| self.files.text(it).is_some());
            // Where a project's own tool has git look instead.
            let husky = format!(".husky/{name}");
            let made = self.paths(scope, &husky).iter().any(|it| self.files.made(it));
            let there = [(file, there), (husky, made)].into_iter();
            for (file, _) in there.filter(|(_, there)| *there) {
                let words = [path::normal(&file, scope.directory())];
                self.call(&mut scope.clone(), &words, &Pipe::captured(None))?;
            }
        }
        Ok(())
    }

    /// An alias from the repository's or the user's configuration.
    fn alias(&self, scope: &Scope, verb: &str) -> Option<String> {
        let home = format!("{}/.gitconfig", self.machine().home());
        let own = path::normal(".git/config", scope.directory());
        let texts = [own, home].into_iter().filter_map(|file| self.files.text(&file));
        let mut found = None;
        for text in texts {
            let section = text.split("[alias]").nth(1).unwrap_or_default();
            let section = section.split("\n[").next().unwrap_or_default();
            let line = section.lines().filter_map(|line| line.split_once('='));
            found = found.or_else(|| {
                line.filter(|(name, _)| name.trim() == verb)
                    .map(|(_, text)| text.trim().trim_matches('"').to_owned())
                    .next()
            });
        }
        found
    }

    /// Settings that run programs, or switch hooks off.
    fn configured(&mut self, scope: &mut Scope, name: &str, value: &str) -> Result<(), Unreadable> {
        let lower = name.to_ascii_lowercase();
        let runs = [
            "core.pager",
            "core.sshcommand",
            "core.editor",
            "core.fsmonitor",
            "diff.external",
            "credential.helper",
            "sequence.editor",
        ];
        if lower == "core.hookspath" {
            let mut step = Step::known(
                "git:hooks_path",
                Effect::Modify,
                ResourceId::of("git", "config", name),
                At::Here,
            );
            step.ground = Ground::Outside;
            self.push(step);
        } else if runs.contains(&lower.as_str())
            && !["less", "cat", "vim", "nano", "store", "cache", "code --wait", "true", ":", ""]
                .contains(&value)
            && !value.starts_with("ssh ")
        {
            self.script(&mut scope.clone(), value.trim_start_matches('!'), &Pipe::captured(None))?;
        } else if let Some(script) = value.strip_prefix('!').filter(|_| lower.starts_with("alias."))
        {
            self.script(&mut scope.clone(), script, &Pipe::captured(None))?;
        }
        Ok(())
    }

    fn git_verb(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        let (_, operands) = call.parts();
        match call.program {
            "reset" if call.has(&["--hard", "--merge", "--keep"]) => {
                self.loses(scope, "git:reset_hard", &[])
            }
            "checkout" => self.checkout(scope, call),
            "switch" if call.has(&["--discard-changes", "--force", "-f"]) => {
                self.loses(scope, "git:switch_discard", &[])
            }
            "restore" => {
                let staged_only = (call.has(&["--staged"]) || call.flag('S'))
                    && !call.has(&["--worktree"])
                    && !call.flag('W');
                if !staged_only {
                    self.loses(scope, "git:restore", &operands);
                }
            }
            "clean" => self.clean(scope, call, &operands),
            "rm" if !call.has(&["--cached", "--dry-run", "-n"]) => {
                operands.iter().for_each(|path| self.deletes(scope, path, "git:rm"));
            }
            "mv" => self.moves(scope, &[], &operands),
            "apply" => self.patches(scope, call, &operands),
            "stash" => match operands.first().copied() {
                Some("drop" | "clear") => self.history(scope, "git:stash_drop", Effect::Destroy),
                Some("push" | "save") | None => self.loses_nothing(scope, "git:stash"),
                Some("pop" | "apply") => self.loses_nothing(scope, "git:stash_apply"),
                _ => {}
            },
            "worktree"
                if operands.first() == Some(&"remove")
                    && (call.flag('f') || call.has(&["--force"])) =>
            {
                operands
                    .iter()
                    .skip(1)
                    .for_each(|path| self.deletes(scope, path, "git:worktree_remove"));
            }
            "submodule"
                if operands.first() == Some(&"deinit")
                    && (call.flag('f') || call.has(&["--force"])) =>
            {
                self.loses(scope, "git:submodule_deinit", &[])
            }
            "config" => self.config(scope, call, &operands)?,
            "push" => self.push_remote(scope, call),
            "show" | "cat-file" => {
                let paths = operands.iter().filter_map(|it| it.split_once(':'));
                for (_, path) in paths.collect::<Vec<_>>() {
                    if !call.pipe.captured {
                        self.read(scope, path, false);
                    }
                }
            }
            "credential" if operands.first() == Some(&"fill") && !self.machine().masked() => {
                let id = ResourceId::of("git", "credential", "fill");
                self.push(Step::reveals("git:credential", id, At::Here));
            }
            "send-pack" => self.push_remote(scope, call),
            "rev-parse" if call.has(&["--show-toplevel"]) => {
                let top = self.machine().workspace().unwrap_or(scope.directory());
                return Ok(format!("{top}\n"));
            }
            _ if self.rewrites(scope, call, &operands) => {}
            _ => self.runs_for_git(scope, call, &operands)?,
        }
        Ok(UNKNOWN.to_string())
    }

    /// What is lost of the history here; whether it is a verb that loses any.
    fn rewrites(&mut self, scope: &Scope, call: &Call<'_>, operands: &[&str]) -> bool {
        match call.program {
            "branch"
                if call.flag('D')
                    || (call.flag('d') || call.has(&["--delete"]))
                        && (call.flag('f') || call.has(&["--force"])) =>
            {
                self.history(scope, "git:branch_delete", Effect::Destroy);
            }
            "tag" if call.flag('d') || call.has(&["--delete"]) => {
                self.loses_nothing(scope, "git:tag_delete")
            }
            "filter-branch" | "filter-repo" | "replace" => {
                self.history(scope, "git:rewrite", Effect::Destroy)
            }
            "reflog" if matches!(operands.first(), Some(&"expire" | &"delete")) => {
                self.history(scope, "git:reflog_expire", Effect::Destroy);
            }
            "gc" if call.has(&["--prune=now", "--prune=all"]) => {
                self.history(scope, "git:gc_prune", Effect::Destroy)
            }
            "prune" => self.history(scope, "git:prune", Effect::Destroy),
            "update-ref" if call.flag('d') => {
                self.history(scope, "git:ref_delete", Effect::Destroy)
            }
            _ => return false,
        }
        true
    }

    /// Scripts that git starts, once for each of something.
    fn runs_for_git(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
        operands: &[&str],
    ) -> Result<(), Unreadable> {
        match call.program {
            "submodule" if operands.first() == Some(&"foreach") => {
                let script = operands.iter().skip(1).copied().collect::<Vec<_>>().join(" ");
                self.script(&mut scope.clone(), &script, call.pipe)?;
            }
            "bisect" if operands.first() == Some(&"run") => {
                let words: Vec<String> = call.arguments.iter().skip(1).cloned().collect();
                self.call(&mut scope.clone(), &words, call.pipe)?;
            }
            "rebase" => {
                for script in call.values(&["-x", "--exec"]) {
                    self.script(&mut scope.clone(), script, call.pipe)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn config(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        operands: &[&str],
    ) -> Result<(), Unreadable> {
        let operands: Vec<&str> = operands
            .iter()
            .copied()
            .filter(|it| !matches!(*it, "set" | "get" | "unset" | "list"))
            .collect();
        let (Some(name), Some(value)) = (operands.first(), operands.get(1)) else { return Ok(()) };
        let _ = call;
        self.configured(scope, name, value)
    }

    fn checkout(&mut self, scope: &mut Scope, call: &Call<'_>) {
        let behind: Vec<&str> = call
            .arguments
            .iter()
            .skip_while(|word| *word != "--")
            .skip(1)
            .map(String::as_str)
            .collect();
        let (_, operands) = call.parts();
        let makes = call.flag('b')
            || call.flag('B')
            || call.has(&["--orphan", "--track", "-t", "--detach"]);
        if !behind.is_empty() {
            return self.loses(scope, "git:checkout_files", &behind);
        }
        if call.flag('f') || call.has(&["--force"]) {
            return self.loses(scope, "git:checkout_force", &[]);
        }
        if makes || call.flag('p') {
            return;
        }
        // `git checkout .`, `git checkout HEAD file`: what is a path is restored.
        let is_path = |word: &&str| {
            *word == "."
                || word.starts_with("./")
                || word.starts_with(':')
                || word.contains('*')
                || self.paths(scope, word).iter().any(|path| self.files.exists(path))
        };
        let paths: Vec<&str> = operands.iter().copied().filter(is_path).collect();
        if !paths.is_empty() {
            self.loses(scope, "git:checkout_files", &paths);
        }
    }

    fn clean(&mut self, scope: &mut Scope, call: &Call<'_>, operands: &[&str]) {
        let rehearsed = call.flag('n') || call.has(&["--dry-run"]) || call.flag('i');
        let forced = call.flag('f') || call.has(&["--force"]);
        if rehearsed || !forced {
            return;
        }
        // With -X only what is ignored goes, and that can be built again.
        if call.flag('X') {
            return self.loses_nothing(scope, "git:clean_ignored");
        }
        let paths: Vec<&str> =
            if call.value(&["-e", "--exclude"]).is_some() { Vec::new() } else { operands.to_vec() };
        self.loses(scope, "git:clean", &paths);
    }

    /// Uncommitted work at `paths`, or in the whole workspace, is lost: a change of its files.
    fn loses(&mut self, scope: &Scope, name: &str, paths: &[&str]) {
        let everything = [scope.directory()];
        let paths = if paths.is_empty() { &everything[..] } else { paths };
        for word in paths {
            for path in self.paths(scope, word.trim_start_matches(':')) {
                let inside = path::workspace(&self.files)
                    .is_none_or(|workspace| path::is_in(&path, workspace));
                let ground =
                    if inside { Ground::Workspace } else { path::ground(&self.files, &path) };
                let mut resource = path::resource(&path);
                resource.id = ResourceId::new(format!("{}#uncommitted", resource.id));
                let step = Step::known(name, Effect::Destroy, resource, At::Here);
                let tampers = path::tampers(&self.files, &path);
                self.push(Step { ground, tampers, ..step });
            }
        }
    }

    /// What git itself can give back: kept first all the same, as it moves files.
    fn loses_nothing(&mut self, scope: &Scope, name: &str) {
        let resource = path::resource(&format!("{}/#worktree", scope.directory()));
        let mut step = Step::known(name, Effect::Modify, resource, At::Here);
        step.operation.reversibility = Reversibility::Inverse;
        step.ground = Ground::Workspace;
        self.push(step);
    }

    /// History in the repository itself is lost.
    fn history(&mut self, scope: &Scope, name: &str, effect: Effect) {
        let resource = path::resource(&path::normal(".git", scope.directory()));
        let ground = if self.machine().enclosed() { Ground::Workspace } else { Ground::Root };
        self.push(Step { ground, ..Step::known(name, effect, resource, At::Here) });
    }

    fn push_remote(&mut self, scope: &Scope, call: &Call<'_>) {
        if call.has(&["--dry-run"]) || call.flag('n') {
            return;
        }
        let operands = call.operands(&[
            "-o",
            "--push-option",
            "--receive-pack",
            "--repo",
            "--recurse-submodules",
        ]);
        let remote = operands.first().copied().unwrap_or("origin");
        let specs: Vec<&str> = operands.iter().skip(1).copied().collect();
        let forced =
            call.has(&["--force", "--force-with-lease", "--mirror", "--force-if-includes"])
                || call.flag('f');
        let deleted = call.has(&["--delete", "--prune"]) || call.flag('d');
        let all = call.has(&["--all", "--mirror"]);
        let id = |branch: &str| ResourceId::of("git", "ref", &format!("{remote}/{branch}"));
        let mut told: Vec<(Effect, &str, String)> = Vec::new();
        for spec in &specs {
            let target = spec.rsplit(':').next().unwrap_or(spec).trim_start_matches('+');
            let branch = target.trim_start_matches("refs/heads/");
            let gone = deleted || spec.starts_with(':') && spec.len() > 1;
            let (effect, name) = match () {
                () if gone => (Effect::Destroy, "git:push_delete"),
                () if forced || spec.starts_with('+') => (Effect::Destroy, "git:push_force"),
                () if target.contains(UNKNOWN) => (Effect::Execute, "git:push_unknown"),
                () if self.machine().protected_branch(branch) => {
                    (Effect::Execute, "git:push_protected")
                }
                () => (Effect::Create, "git:push"),
            };
            told.push((effect, name, branch.to_owned()));
        }
        if specs.is_empty() {
            let (effect, name) = match () {
                () if forced || deleted => (Effect::Destroy, "git:push_force"),
                () if all => (Effect::Execute, "git:push_all"),
                () => (Effect::Create, "git:push"),
            };
            told.push((effect, name, "HEAD".to_owned()));
        }
        let _ = scope;
        for (effect, name, branch) in told {
            let operation = Operation::known(name, effect, id(&branch), Reversibility::None);
            self.push(Step::new(operation, At::Service));
        }
    }
}
