//! Programs that run another command: as somebody else, later, for each line, or somewhere else.

use super::{
    agents,
    call::{Call, Pipe},
    expand::UNKNOWN,
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

/// Lines that `xargs` is followed for.
const LINES_MAX: usize = 200;

/// What of tmux runs or types something.
const TYPED: &[&str] = &[
    "send-keys",
    "send",
    "new-session",
    "new",
    "new-window",
    "neww",
    "split-window",
    "splitw",
    "respawn-pane",
    "respawn-window",
    "run-shell",
    "run",
    "if-shell",
    "if",
    "pipe-pane",
    "popup",
    "display-popup",
    "source-file",
    "set-hook",
    "bind-key",
    "bind",
];

/// Options of `xargs` and `parallel` whose value is a word of its own.
const LINE_OPTIONS: &str =
    "-n -P -L -I -d -E -s -a -j --max-args --max-procs --delimiter --arg-file --jobs -S";

/// A carrier, and those of its options that take a value of their own.
const CARRIERS: &[(&str, &[&str])] = &[
    (
        "sudo",
        &["-u", "-g", "-C", "-h", "-p", "-U", "-D", "-R", "-T", "--user", "--group", "--chdir"],
    ),
    ("doas", &["-u", "-C"]),
    ("nohup", &[]),
    ("timeout", &["-k", "-s", "--kill-after", "--signal"]),
    ("gtimeout", &["-k", "-s", "--kill-after", "--signal"]),
    ("nice", &["-n", "--adjustment"]),
    ("ionice", &["-c", "-n", "-p"]),
    ("chrt", &[]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("setsid", &[]),
    ("time", &["-f", "-o"]),
    ("command", &[]),
    ("builtin", &[]),
    ("exec", &["-a"]),
    ("busybox", &[]),
    ("toybox", &[]),
    ("watch", &["-n", "-d", "--interval"]),
    ("unbuffer", &[]),
    ("caffeinate", &[]),
    ("chronic", &[]),
    ("strace", &["-e", "-o", "-p", "-s"]),
    ("ltrace", &["-e", "-o"]),
    ("systemd-run", &["-p", "--property", "--unit", "-u", "-t", "--slice", "-M", "-E"]),
    ("flock", &["-w", "-E", "--timeout"]),
    ("direnv", &[]),
    ("proxychains4", &["-f"]),
    ("firejail", &[]),
    ("fakeroot", &["-l", "-s", "-i", "-b", "--lib", "--faked"]),
    ("unshare", &[]),
    ("chroot", &[]),
    ("taskset", &[]),
    ("prlimit", &[]),
    ("entr", &[]),
    ("npx", &["-p", "--package", "-c", "--call"]),
    ("bunx", &[]),
    ("uvx", &["--from", "--with", "-p", "--python"]),
    ("pipx", &[]),
    ("cross-env", &[]),
    ("dotenv", &["-e", "-f", "-c"]),
    ("dotenvx", &["-f", "-e"]),
    ("doppler", &["-p", "-c", "--project", "--config"]),
    ("op", &["--env-file"]),
    ("cmd", &[]),
];

/// Carriers behind which another user works, or under another root.
const ANOTHER: &[&str] = &[
    "sudo",
    "doas",
    "su",
    "runuser",
    "pkexec",
    "chroot",
    "unshare",
    "nsenter",
    "systemd-run",
    "firejail",
    "toolbox",
    "distrobox",
    "at",
    "batch",
    "crontab",
];

/// Whether a program carries another.
pub(super) fn is_carrier(name: &str) -> bool {
    CARRIERS.iter().any(|(carrier, _)| *carrier == name)
        || ["env", "xargs", "parallel", "su", "ssh", "script"].contains(&name)
}

impl Walk<'_> {
    /// What a carrier's command does; `None` if `call` is no carrier.
    pub(super) fn carried(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        let was = scope.is_another;
        scope.is_another |= ANOTHER.contains(&call.name);
        let carried = self.carries(scope, call);
        scope.is_another = was;
        carried
    }

    fn carries(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        let name = call.name;
        match name {
            "env" => return self.with_environment(scope, call).map(Some),
            "xargs" | "parallel" => return self.each_line(scope, call).map(Some),
            "runuser" if call.value(&["-c", "--command"]).is_none() => {
                let behind: Vec<String> =
                    call.arguments.iter().skip_while(|it| *it != "--").skip(1).cloned().collect();
                return self.call(scope, &behind, call.pipe).map(Some);
            }
            "doppler" | "op" if call.parts().1.first().is_none_or(|it| *it != "run") => {
                return Ok(None);
            }
            "su" | "runuser" => {
                return self.scripted(scope, call, handed(call)).map(Some);
            }
            "script" | "scriptreplay" => {
                return self.scripted(scope, call, handed(call)).map(Some);
            }
            "at" | "batch" | "crontab" | "screen" => return self.later(scope, call),
            "tmux" if !call.arguments.iter().any(|it| TYPED.contains(&it.as_str())) => {
                return Ok(Some(String::new()));
            }
            "tmux" => {
                let typed = call.operands(&["-t", "-s", "-n", "-S", "-c"]);
                let typed: Vec<&str> =
                    typed.into_iter().skip(1).filter(|it| *it != "Enter" && *it != "C-m").collect();
                return self.script(&mut scope.clone(), &typed.join(" "), call.pipe).map(Some);
            }
            "ssh" | "autossh" | "mosh" => return self.over_ssh(call).map(Some),
            "docker" | "podman" | "nerdctl" | "kubectl" | "oc" | "docker-compose"
            | "podman-compose" => {
                return self.in_container(scope, call);
            }
            _ if name.starts_with("ld-linux") || name.starts_with("ld-musl") => {
                return self.call(scope, call.arguments, call.pipe).map(Some);
            }
            _ => {}
        }
        if let Some(rest) = managed(call) {
            return self.call(scope, &rest, call.pipe).map(Some);
        }
        match CARRIERS.iter().find(|(carrier, _)| *carrier == name) {
            Some((_, valued)) => self.behind_options(scope, call, valued).map(Some),
            None => Ok(None),
        }
    }

    /// What is run later, or in another terminal.
    fn later(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<Option<String>, Unreadable> {
        let stdin = || call.pipe.stdin.clone();
        let text = match call.name {
            "at" if call.has(&["-l", "-c", "-r", "-d"]) => return Ok(Some(String::new())),
            "at" | "batch" => match call.value(&["-f"]).map(str::to_owned) {
                Some(file) => Some(self.read(scope, &file, true)),
                None => stdin(),
            },
            "crontab" => {
                let operands = call.operands(&["-u"]);
                let table = match operands.first() {
                    Some(file) if *file != "-" => Some(self.read(scope, file, true)),
                    _ => stdin().filter(|_| !call.has(&["-l", "-r", "-e"])),
                };
                if let Some(table) = table {
                    self.script(&mut scope.clone(), &commands_of(&table), call.pipe)?;
                }
                return Ok(None);
            }
            _ => {
                let valued = ["-S", "-t", "-s", "-c", "-h", "-p", "-T", "-e"];
                let mut words = call.arguments.iter();
                let mut rest: Vec<String> = Vec::new();
                while let Some(word) = words.next() {
                    match word.as_str() {
                        "-X" => {
                            rest.extend(words.by_ref().skip(1).map(|it| it.replace("\\n", "\n")))
                        }
                        option if valued.contains(&option) => {
                            words.next();
                        }
                        option if option.starts_with('-') => {}
                        _ => {
                            rest.push(word.clone());
                            rest.extend(words.by_ref().cloned());
                            return self.call(scope, &rest, call.pipe).map(Some);
                        }
                    }
                }
                Some(rest.join(" "))
            }
        };
        match text {
            Some(text) => self.script(&mut scope.clone(), &text, call.pipe).map(Some),
            None => Ok(None),
        }
    }

    /// The command behind a carrier's own options.
    fn behind_options(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        valued: &[&str],
    ) -> Result<String, Unreadable> {
        let name = call.name;
        let mut words = call.arguments.iter().peekable();
        while let Some(word) = words.next_if(|word| {
            word.starts_with('-') || is_assignment(word) || word.starts_with("/c") && name == "cmd"
        }) {
            if word == "-c" && matches!(name, "npx" | "watch" | "flock") || word == "--call" {
                let text = words.next().cloned().unwrap_or_default();
                return self.script(scope, &text, call.pipe);
            }
            if let Some((variable, value)) = word.split_once('=').filter(|_| is_assignment(word)) {
                scope.export(variable, Some(value.to_owned()));
            }
            if valued.contains(&word.as_str()) {
                words.next();
            }
        }
        let mut rest: Vec<String> = words.cloned().collect();
        let skipped = match name {
            "timeout" | "gtimeout" | "flock" | "chroot" | "taskset" => 1,
            "pipx" | "doppler" | "op" | "dotenvx" => 1,
            "direnv" => 2,
            _ => 0,
        };
        rest.drain(..skipped.min(rest.len()));
        if matches!(name, "npx" | "bunx" | "uvx" | "pipx") {
            unversioned(&mut rest);
        }
        rest.retain(|word| word != "--");
        match (name, rest.len()) {
            ("watch", _) => self.script(scope, &rest.join(" "), call.pipe),
            (_, 0) => Ok(String::new()),
            _ => self.call(scope, &rest, call.pipe),
        }
    }

    fn scripted(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        text: Option<&str>,
    ) -> Result<String, Unreadable> {
        match (text, &call.pipe.stdin) {
            (Some(text), _) => self.script(&mut scope.clone(), text, call.pipe),
            (None, Some(text)) => self.script(&mut scope.clone(), &text.clone(), call.pipe),
            (None, None) => Ok(String::new()),
        }
    }

    fn with_environment(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let mut inner = scope.clone();
        let mut words = call.arguments.iter().peekable();
        while let Some(word) = words.next_if(|word| word.starts_with('-') || is_assignment(word)) {
            match word.as_str() {
                "-i" | "-" | "--ignore-environment" => inner.exported.clear(),
                "-u" | "--unset" | "-C" | "--chdir" => {
                    let value = words.next().cloned().unwrap_or_default();
                    if matches!(word.as_str(), "-C" | "--chdir") {
                        inner.go(&value, true);
                    } else {
                        inner.exported.remove(&value);
                    }
                }
                "-S" | "--split-string" => {
                    let rest: Vec<String> = words.cloned().collect();
                    return self.script(&mut inner, &rest.join(" "), call.pipe);
                }
                option if option.starts_with("-S") => {
                    let text = option.strip_prefix("-S").unwrap_or_default().to_owned();
                    return self.script(&mut inner, &text, call.pipe);
                }
                _ => {
                    if let Some((name, value)) = word.split_once('=') {
                        inner.export(name, Some(value.to_owned()));
                    }
                }
            }
        }
        let rest: Vec<String> = words.cloned().collect();
        if rest.is_empty() {
            if !call.pipe.captured {
                self.dump(&inner);
            }
            return Ok(inner
                .environment()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect());
        }
        self.call(&mut inner, &rest, call.pipe)
    }

    fn each_line(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        let mut words = call.arguments.iter().peekable();
        let (mut place, mut file) = (None, None);
        while let Some(word) = words.next_if(|word| word.starts_with('-')) {
            if LINE_OPTIONS.split_whitespace().any(|it| it == word) {
                let value = words.next().cloned();
                match word.as_str() {
                    "-I" => place = value,
                    "-a" | "--arg-file" => file = value,
                    _ => {}
                }
            } else if let Some(rest) = word.strip_prefix("-I").filter(|rest| !rest.is_empty()) {
                place = Some(rest.to_owned());
            }
        }
        let mut command: Vec<String> = words.cloned().collect();
        let behind = command.iter().position(|word| word == ":::").map(|at| command.split_off(at));
        let input = match (behind, file) {
            (Some(words), _) => words.into_iter().skip(1).collect::<Vec<_>>().join("\n"),
            (None, Some(file)) => self.read(scope, &file, true),
            (None, None) => call.pipe.stdin.clone().unwrap_or_default(),
        };
        if call.name == "parallel" && command.is_empty() {
            return self.script(&mut scope.clone(), &input, call.pipe);
        }
        if command.is_empty() {
            return Ok(input);
        }
        if call.name == "parallel" {
            place.get_or_insert_with(|| "{}".to_owned());
        }
        let inner = Pipe { stdin: None, ..call.pipe.clone() };
        let lines: Vec<String> = match &place {
            Some(_) => input.lines().map(str::to_owned).collect(),
            None => input
                .split(['\n', ' ', '\t', '\0'])
                .filter(|it| !it.is_empty())
                .map(|it| it.trim_matches(['"', '\'']).to_owned())
                .collect(),
        };
        let lines: Vec<String> = lines.into_iter().take(LINES_MAX).collect();
        match place {
            Some(place) => self.each_in_place(scope, call, &command, &place, lines)?,
            None => {
                command.extend(lines);
                self.call(scope, &command, &inner)?;
            }
        }
        Ok(UNKNOWN.to_string())
    }

    /// A command for each line, which stands where `place` does.
    fn each_in_place(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        command: &[String],
        place: &str,
        lines: Vec<String>,
    ) -> Result<(), Unreadable> {
        let pipe = Pipe { stdin: None, ..call.pipe.clone() };
        let parallel = call.name == "parallel";
        let appended = parallel && !command.iter().any(|it| it.contains(place));
        for line in lines {
            let mut words: Vec<String> =
                command.iter().map(|word| word.replace(place, &line)).collect();
            words.extend(appended.then_some(line));
            match parallel {
                true => self.script(&mut scope.clone(), &words.join(" "), &pipe)?,
                false => self.call(scope, &words, &pipe)?,
            };
        }
        Ok(())
    }
}

/// The command that is handed over with `-c`, alone or behind other letters (`-qc`).
fn handed<'c>(call: &Call<'c>) -> Option<&'c str> {
    let joined = |it: &String| it.starts_with('-') && !it.starts_with("--") && it.ends_with('c');
    let at = call.arguments.iter().position(joined);
    let behind = at.and_then(|at| call.arguments.get(at + 1)).map(String::as_str);
    behind.or_else(|| call.value(&["-c", "--command"]))
}

/// The command behind a package manager's or a virtual environment's own words.
fn managed(call: &Call<'_>) -> Option<Vec<String>> {
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    let rest = |count: usize| {
        let mut rest: Vec<String> = words.iter().skip(count).map(|it| (*it).to_owned()).collect();
        while rest.first().is_some_and(|word| word.starts_with('-')) {
            rest.remove(0);
        }
        unversioned(&mut rest);
        (!rest.is_empty()).then_some(rest)
    };
    match (call.name, words.first().copied(), words.get(1).copied()) {
        ("npm" | "pnpm" | "yarn" | "bun", Some("exec" | "dlx" | "x"), _) => rest(1),
        (
            "poetry" | "pipenv" | "uv" | "rye" | "hatch" | "pdm" | "pixi" | "conda",
            Some("run"),
            _,
        ) => rest(1),
        ("bundle", Some("exec"), _)
        | ("railway" | "heroku" | "vercel" | "infisical" | "chamber", Some("run" | "exec"), _) => {
            if call.name == "heroku" {
                None
            } else {
                rest(1)
            }
        }
        ("aws-vault", Some("exec"), Some(_)) => rest(2),
        ("mise" | "asdf" | "rtx" | "volta", Some("exec" | "x" | "run"), _) => rest(1),
        ("pnpm" | "yarn" | "bun", Some(first), _) if super::package::is_package_program(first) => {
            rest(0)
        }
        _ => None,
    }
}

/// `prisma@5` is `prisma`, and the package of an agent is the agent.
fn unversioned(words: &mut [String]) {
    let Some(first) = words.first_mut() else { return };
    if let Some(before) = first.get(1..).and_then(|rest| rest.find('@')) {
        first.truncate(before + 1);
    }
    let package = first.strip_prefix('@').and_then(|scoped| scoped.split_once('/'));
    if let Some(agent) = package.and_then(|(_, package)| agents::named(package)) {
        *first = agent.to_owned();
    }
}

/// The commands of a table of `cron`, without when they run.
fn commands_of(table: &str) -> String {
    let mut script = String::new();
    for line in table.lines().map(str::trim).filter(|it| !it.starts_with('#')) {
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let named = line
            .split_once('=')
            .is_some_and(|(name, _)| is_assignment(line) && !name.contains(' '));
        let mut rest = line;
        for _ in 0..if named { 0 } else { fields } {
            rest = rest.split_once([' ', '\t']).map_or("", |(_, rest)| rest.trim_start());
        }
        script.push_str(rest);
        script.push('\n');
    }
    script
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}
