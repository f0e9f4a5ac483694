//! What commands do to files: what they take away, overwrite, move and open up.

use holdpoint_core::{Effect, policy::Ground};

use crate::hook::{Act, patch};

use super::{
    At, Step, Written,
    call::{Call, Pipe},
    expand::UNKNOWN,
    path,
    scope::Scope,
    secret,
    walk::Walk,
};

impl Walk<'_> {
    /// The absolute paths that `word` may stand for.
    pub(super) fn paths(&self, scope: &Scope, word: &str) -> Vec<String> {
        // What nobody knows may begin at the root: `$(npm root -g)/x`.
        let anywhere = word.trim_start_matches(UNKNOWN);
        if anywhere.len() < word.len() && anywhere.starts_with('/') {
            return vec![path::normal(&format!("/{word}"), "/")];
        }
        scope.directories.iter().map(|directory| path::normal(word, directory)).collect()
    }

    /// A step that changes what is at `path`, from wherever.
    pub(super) fn touched(&mut self, name: &str, effect: Effect, path: &str) {
        let effect = if effect > Effect::Modify { Effect::Destroy } else { effect };
        self.change(name, effect, path);
    }

    /// A step that changes what is at `path`.
    fn change(&mut self, name: &str, effect: Effect, path: &str) {
        let mut ground = path::ground(&self.files, path);
        // What is made new in a place for temporary files is this run's own.
        let fresh = effect <= Effect::Modify && ground == Ground::Outside;
        let temporary = ["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|it| path.starts_with(it));
        if fresh && temporary && !path.contains(UNKNOWN) && self.files.text(path).is_none() {
            ground = Ground::None;
        }
        // Who writes into a directory changes neither its root nor what else is in it.
        if ground == Ground::Root && effect <= Effect::Modify && !path.contains("/.git") {
            ground = Ground::Workspace;
        }
        let tampers = path::tampers(&self.files, path)
            || path::tampers(&self.files, &path::beside(&self.files, path))
            || effect > Effect::Modify
                && self.files.below(path).iter().any(|it| path::tampers(&self.files, it));
        let effect = match (ground, effect) {
            (Ground::Rebuildable | Ground::None, Effect::Destroy) => Effect::Remove,
            (_, effect) => effect,
        };
        let known = Step::known(name, effect, path::resource(path), At::Here);
        if ground == Ground::None && !tampers && effect == Effect::Remove {
            // Its own temporary file: nothing is taken from anybody.
            let made = Step::known(name, Effect::Modify, path::resource(path), At::Here);
            return self.push(made);
        }
        self.push(Step { ground, tampers, ..known });
    }

    /// Takes away what is at `word`.
    pub(super) fn deletes(&mut self, scope: &Scope, word: &str, name: &str) {
        for path in self.paths(scope, word) {
            self.change(name, Effect::Destroy, &path);
            for file in self.files.below(&path) {
                self.files.written.insert(file, Written::Gone);
            }
            if self.files.text(&path).is_some() {
                self.files.written.insert(path, Written::Gone);
            }
        }
    }

    /// Writes `text` to the file at `word`.
    pub(super) fn writes(&mut self, scope: &Scope, word: &str, text: &str, append: bool) {
        for path in self.paths(scope, word) {
            // Who writes through a link writes where it leads.
            let path = self.files.resolved(&path);
            let before = self.files.text(&path);
            let (name, effect) = match (&before, append) {
                (None, _) => ("file:create", Effect::Create),
                (Some(_), true) => ("file:append", Effect::Modify),
                (Some(_), false) => ("file:overwrite", Effect::Modify),
            };
            self.change(name, effect, &path);
            let whole = match (append, &before) {
                (true, Some(before)) => format!("{before}{text}"),
                _ => text.to_owned(),
            };
            if !path.starts_with("/dev/") {
                self.files.write(&path, &whole);
            }
        }
    }

    /// Changes something about what is at `word`, but for its text.
    pub(super) fn touches(&mut self, scope: &Scope, word: &str, name: &str) {
        for path in self.paths(scope, word) {
            self.change(name, Effect::Modify, &path);
        }
    }

    /// The text of the file at `word`. If that is shown and is made of secrets, it is a step.
    pub(super) fn read(&mut self, scope: &Scope, word: &str, captured: bool) -> String {
        let paths = self.paths(scope, word);
        for path in &paths {
            if !captured && secret::is_revealing(&self.files, path) && !self.machine().masked() {
                let resource = path::resource(path).id;
                self.push(Step::reveals("file:read", resource, At::Here));
            }
        }
        let text = paths.first().and_then(|path| self.files.text(path));
        text.map_or_else(|| UNKNOWN.to_string(), |text| text.to_string())
    }

    /// Programs that are there to change files.
    pub(super) fn disk(&mut self, scope: &mut Scope, call: &Call<'_>) -> Option<String> {
        let (options, operands) = call.parts();
        let name = call.name;
        match name {
            "rm" | "unlink" | "shred" | "rmdir" | "trash" | "del" | "srm" => {
                if name == "rmdir"
                    && !options.iter().any(|it| it.contains("ignore-fail"))
                    && !operands.iter().any(|it| it.eq_ignore_ascii_case("/s"))
                {
                    // Only what is empty goes.
                    return Some(String::new());
                }
                let label = if name == "shred" { "file:shred" } else { "file:delete" };
                operands.iter().for_each(|path| self.deletes(scope, path, label));
            }
            "mv" => self.moves(scope, &options, &operands),
            "cp" | "install" | "ln" => self.copies(scope, call, &operands),
            "truncate" => operands.iter().for_each(|path| self.writes(scope, path, "", false)),
            "tee" => {
                let text = call.pipe.stdin.clone().unwrap_or_default();
                let append = options.iter().any(|it| *it == "-a" || *it == "--append");
                operands.iter().for_each(|path| self.writes(scope, path, &text, append));
                return Some(text);
            }
            "dd" => {
                let of = |word: &&String| word.strip_prefix("of=").map(str::to_owned);
                let to: Vec<String> = call.arguments.iter().filter_map(|it| of(&it)).collect();
                to.iter().for_each(|path| self.writes(scope, path, &UNKNOWN.to_string(), false));
            }
            "touch" | "mkdir" => self.makes(scope, name, &operands),
            "chmod" | "chown" | "chgrp" => self.opens_up(scope, &options, &operands),
            "rsync" => self.mirrors(scope, &options, &operands),
            "sponge" => {
                let text = call.pipe.stdin.clone().unwrap_or_default();
                operands.iter().for_each(|path| self.writes(scope, path, &text, false));
            }
            "patch" => {
                let from = call.value(&["-i", "--input"]).map(|it| vec![it]);
                self.patches(scope, call, &from.unwrap_or_default());
            }
            // Editors that are told what to do, and tools that put files in order.
            "ed" | "ex" | "red" => self.steered(scope, &operands),
            "vim" | "vi" | "nvim" if call.has(&["-c", "-es", "-Es"]) || call.flag('s') => {
                self.steered(scope, &operands);
                return None;
            }
            // What is on a disk is only shown, or it is only tried.
            "wipefs" if !call.flag('a') && !call.flag('o') && !call.has(&["--all"]) => {}
            "fdisk" | "sgdisk" if call.has(&["-l", "--list", "-p", "--print"]) => {}
            "parted" if operands.last() == Some(&"print") || call.has(&["-l"]) => {}
            "lvremove" | "vgremove" | "pvremove" if call.has(&["-t", "--test"]) => {}
            _ if name.starts_with("mkfs.ext") && call.has(&["-n"]) => {}
            "mkfs" | "wipefs" | "fdisk" | "parted" | "sgdisk" | "mkswap" | "lvremove"
            | "vgremove" | "pvremove" | "blkdiscard" | "diskpart" => {
                for word in &operands {
                    self.change("device:wipe", Effect::Destroy, &path::normal(word, "/dev"));
                }
            }
            _ if name.starts_with("mkfs.") => {
                for word in &operands {
                    self.change("device:wipe", Effect::Destroy, &path::normal(word, "/dev"));
                }
            }
            _ => return None,
        }
        Some(String::new())
    }

    fn makes(&mut self, scope: &Scope, name: &str, operands: &[&str]) {
        for path in operands {
            for path in self.paths(scope, path) {
                if self.files.text(&path).is_none() {
                    let ground = path::ground(&self.files, &path);
                    if matches!(ground, Ground::System) {
                        self.change("file:create", Effect::Create, &path);
                    }
                    let temporary = path.starts_with("/tmp/") || path.starts_with("/var/tmp/");
                    if name == "touch" || temporary && !self.files.exists(&path) {
                        self.files.write(&path, "");
                    }
                }
            }
        }
    }

    fn opens_up(&mut self, scope: &Scope, options: &[&str], operands: &[&str]) {
        let recursive = options.iter().any(|it| it.contains('R') || *it == "--recursive");
        // `-x` is a mode, and then the first word is a file.
        let mode = |it: &&str| {
            it.len() > 1 && it.trim_start_matches('-').chars().all(|it| "rwxXst".contains(it))
        };
        let skipped = usize::from(!options.iter().any(mode));
        for path in operands.iter().skip(skipped) {
            for path in self.paths(scope, path) {
                let ground = path::ground(&self.files, &path);
                let own = ground <= Ground::Workspace || ground == Ground::Root && !recursive;
                let tampers = path::tampers(&self.files, &path);
                if !own || tampers || ground == Ground::Root {
                    self.change("file:permissions", Effect::GrantAccess, &path);
                }
            }
        }
    }

    pub(super) fn moves(&mut self, scope: &Scope, options: &[&str], operands: &[&str]) {
        let Some((to, from)) = operands.split_last() else { return };
        let flag = |wanted: &str| options.iter().any(|it| it.trim_start_matches('-') == wanted);
        for source in from {
            let target = self.within_directory(scope, to, source);
            let target_paths = self.paths(scope, &target);
            for path in self.paths(scope, source) {
                let ground = path::ground(&self.files, &path);
                // Inside the workspace it is still there afterwards; from elsewhere it is gone, and
                // among what is built it goes with the next build.
                let stays = target_paths.iter().all(|it| {
                    let to = path::ground(&self.files, it);
                    to <= Ground::Workspace && (to >= ground || to == Ground::Workspace)
                });
                if ground > Ground::Workspace || !stays || path::tampers(&self.files, &path) {
                    self.change("file:move", Effect::Destroy, &path);
                }
                for file in self.files.below(&path).into_iter().chain([path.clone()]) {
                    let Some(text) = self.files.text(&file) else { continue };
                    let rest = file.strip_prefix(&path).unwrap_or_default();
                    self.files.written.insert(file.clone(), Written::Gone);
                    for target in &target_paths {
                        self.files
                            .written
                            .insert(format!("{target}{rest}"), Written::Text(text.clone()));
                    }
                }
            }
            if !flag("n") {
                for path in target_paths {
                    let before = self.files.machine.text(&path).is_some();
                    let (name, effect) = match before {
                        true => ("file:overwrite", Effect::Modify),
                        false => ("file:create", Effect::Create),
                    };
                    self.change(name, effect, &path);
                }
            }
        }
    }

    /// Where `source` ends up at `to`, which may be a directory.
    fn within_directory(&self, scope: &Scope, to: &str, source: &str) -> String {
        let is_directory = to.ends_with('/')
            || to == "."
            || to == ".."
            || self.paths(scope, to).iter().any(|path| !self.files.below(path).is_empty());
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
        if is_directory { format!("{}/{name}", to.trim_end_matches('/')) } else { to.to_owned() }
    }

    fn copies(&mut self, scope: &Scope, call: &Call<'_>, operands: &[&str]) {
        let Some((to, from)) = operands.split_last() else { return };
        let to = call.value(&["-t", "--target-directory"]).unwrap_or(to).to_owned();
        for source in from {
            let target = self.within_directory(scope, &to, source);
            let program = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"]
                .iter()
                .find_map(|place| source.strip_prefix(place));
            let text = match (*source, program) {
                ("/dev/null", _) => String::new(),
                // By another name it does the same.
                (_, Some(program)) => format!("#!/bin/sh\n{program} \"$@\"\n"),
                (source, None) => self.read(scope, source, true),
            };
            self.writes(scope, &target, &text, false);
            if call.name == "ln" && (call.flag('s') || call.has(&["--symbolic"])) {
                for link in self.paths(scope, &target) {
                    let from = link.rsplit_once('/').map_or("/", |(directory, _)| directory);
                    let to = path::normal(source, from);
                    self.files.link(&link, &to);
                }
            }
        }
    }

    /// The files of a patch are written.
    pub(super) fn patches(&mut self, scope: &Scope, call: &Call<'_>, files: &[&str]) {
        if call.has(&["--check", "--stat", "--numstat", "--summary", "--cached", "--dry-run"]) {
            return;
        }
        let texts: Vec<String> = match files {
            [] => call.pipe.stdin.iter().cloned().collect(),
            files => files.iter().map(|file| self.read(scope, file, true)).collect(),
        };
        for act in texts.iter().flat_map(|text| patch::acts(text)) {
            if let Act::Write(path) = act {
                self.writes(scope, &path, &UNKNOWN.to_string(), false);
            }
        }
    }

    /// Files that a program changes in ways of its own: what steers the guard is told apart.
    pub(super) fn steered(&mut self, scope: &Scope, files: &[&str]) {
        for file in files {
            let steers = |path: &String| path::tampers(&self.files, path);
            if self.paths(scope, file).iter().any(steers) {
                self.writes(scope, file, &UNKNOWN.to_string(), false);
            }
        }
    }

    fn mirrors(&mut self, scope: &Scope, options: &[&str], operands: &[&str]) {
        let deletes =
            options.iter().any(|it| it.starts_with("--del") || *it == "--remove-source-files");
        let rehearsed = options
            .iter()
            .any(|it| *it == "--dry-run" || (!it.starts_with("--") && it.contains('n')));
        let Some(to) = operands.last().filter(|_| !rehearsed) else { return };
        if let Some((host, path)) = remote(to) {
            let resource = holdpoint_core::ResourceId::new(format!("file:{host}:{path}"));
            let effect = if deletes { Effect::Destroy } else { Effect::Execute };
            return self.push(Step::known("rsync:mirror", effect, resource, At::Host(host)));
        }
        if deletes {
            self.deletes(scope, to, "rsync:delete");
        } else {
            self.touches(scope, to, "rsync:copy");
        }
    }

    /// `find`, which lists, deletes or runs something for what it finds.
    pub(super) fn find(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, crate::Unreadable> {
        let words = call.arguments;
        let is_start = |word: &&String| !word.starts_with(['-', '(', '!']);
        let mut starts: Vec<String> = words.iter().take_while(is_start).cloned().collect();
        if starts.is_empty() {
            starts.push(".".to_owned());
        }
        let name = call.value(&["-name", "-iname"]);
        let mut found = Vec::new();
        for start in &starts {
            found.extend(self.found(scope, start, name));
        }
        if words.iter().any(|word| word == "-delete") {
            found.iter().for_each(|path| self.deletes(scope, path, "find:delete"));
        }
        for (at, word) in words.iter().enumerate() {
            if !matches!(word.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                continue;
            }
            let ends = |word: &&String| *word != ";" && *word != "+" && *word != "\\;";
            let command: Vec<String> =
                words.iter().skip(at + 1).take_while(ends).cloned().collect();
            for path in &found {
                let command: Vec<String> =
                    command.iter().map(|it| it.replace("{}", path)).collect();
                self.call(scope, &command, &Pipe { stdin: None, ..call.pipe.clone() })?;
            }
        }
        Ok(found.iter().map(|path| format!("{path}\n")).collect())
    }

    /// The files that are found below `start`, and a pattern for those that nobody knows.
    fn found(&self, scope: &Scope, start: &str, name: Option<&str>) -> Vec<String> {
        let start = start.trim_end_matches('/');
        let mut found: Vec<String> = Vec::new();
        if let Some(name) = name.filter(|name| !super::pattern::is_all(name)) {
            for path in self.paths(scope, start) {
                for file in self.files.below(&path) {
                    let below = file.strip_prefix(&path).unwrap_or_default();
                    let mut parts: Vec<&str> = Vec::new();
                    for part in below.split('/').filter(|part| !part.is_empty()) {
                        parts.push(part);
                        if super::pattern::matches(name, part) {
                            let hit = format!("{start}/{}", parts.join("/"));
                            if !found.contains(&hit) {
                                found.push(hit);
                            }
                            break;
                        }
                    }
                }
            }
            if found.is_empty() {
                found.push(format!("{start}/*/{name}"));
            }
            found.truncate(64);
        } else {
            found.push(format!("{start}/*"));
        }
        found
    }
}

/// Host and path of `user@host:path`.
pub(super) fn remote(word: &str) -> Option<(String, &str)> {
    let (before, path) = word.split_once(':')?;
    let host = before.rsplit('@').next()?;
    let plain = !before.contains('/') && host.len() > 1;
    plain.then(|| (host.to_ascii_lowercase(), path))
}
