//! Interpreters: a script as a word, in a file, or on standard input; and files of targets that
//! programs run (`make`, `npm run`, `just`).

use holdpoint_catalog::cli::tools;
use holdpoint_core::{Effect, ResourceId};
use serde_json::Value;

use super::{
    At, Step,
    call::{Call, Pipe},
    expand::UNKNOWN,
    program::{self, Language},
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

/// Options of interpreters whose value is a word of its own.
const CODE_VALUED: &[&str] = &[
    "-r",
    "--require",
    "-W",
    "-X",
    "-I",
    "--import",
    "--loader",
    "-C",
    "--env-file",
    "--config",
    "-p",
    "--project",
    "-P",
];

impl Walk<'_> {
    /// What an interpreter runs; `None` if `call` is none.
    pub(super) fn interpreted(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        let output = match call.name {
            "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "fish" | "rbash" => {
                self.shell(scope, call)?
            }
            "make" | "gmake" | "just" | "task" => self.targets(scope, call)?,
            "npm" | "pnpm" | "yarn" | "bun" if self.is_package_script(call) => {
                self.package_script(scope, call)?
            }
            "bun" | "deno" if is_own_verb(call) => return Ok(None),
            // Languages whose programs are not read.
            "lua" | "luajit" | "Rscript" | "tclsh" | "osascript" | "julia" | "groovy"
            | "elixir" | "iex" | "erl" | "rebar3" | "scala" | "clj"
                if call.has(&["-e", "--eval", "-eval", "--expr"]) =>
            {
                self.named_loss(call);
                self.unseen_program(scope, call.name, false);
                UNKNOWN.to_string()
            }
            name => match Language::of(name) {
                Some(language) => self.code(scope, call, language)?,
                None if call.program.contains('/') => self.by_path(scope, call)?,
                None => return Ok(None),
            },
        };
        Ok(Some(output))
    }

    fn shell(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        let mut words = call.arguments.iter().peekable();
        let mut inline = false;
        while let Some(word) = words.next_if(|word| word.starts_with(['-', '+']) && word.len() > 1)
        {
            let short = word.starts_with('-') && !word.starts_with("--");
            inline |= short && word.contains('c');
            if matches!(word.as_str(), "-o" | "+o" | "-O" | "--rcfile" | "--init-file") {
                words.next();
            }
            if short && word.contains('s') {
                words = [].iter().peekable();
                break;
            }
        }
        let mut inner = scope.clone();
        inner.aliases.clear();
        if inline {
            let Some(script) = words.next().cloned() else { return Ok(String::new()) };
            inner.positional = words.skip(1).cloned().collect();
            return self.script(&mut inner, &script, call.pipe);
        }
        match words.next().cloned() {
            Some(file) => {
                inner.positional = words.cloned().collect();
                self.file_of_shell(&mut inner, &file, call)
            }
            None => match call.pipe.stdin.clone() {
                Some(text) if is_unknown(&text) => {
                    self.push(Step::opaque("shell:piped_script", true));
                    Ok(UNKNOWN.to_string())
                }
                Some(text) => {
                    self.script(&mut inner, &text, &Pipe { stdin: None, ..call.pipe.clone() })
                }
                None => Ok(String::new()),
            },
        }
    }

    fn file_of_shell(
        &mut self,
        scope: &mut Scope,
        file: &str,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let text = self.read(scope, file, true);
        if is_unknown(&text) {
            let fetched =
                text.chars().count() > 1 || file.starts_with("/tmp") || file.contains(UNKNOWN);
            self.unseen_program(scope, "script", fetched);
            return Ok(UNKNOWN.to_string());
        }
        self.script(scope, &text, call.pipe)
    }

    /// A program by its path: a script whose text is known, else one that nobody sees.
    pub(super) fn by_path(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let text = self.read(scope, call.program, true);
        let system = ["/usr/", "/bin/", "/sbin/", "/opt/homebrew/", "/proc/", "/lib"]
            .iter()
            .any(|it| call.program.starts_with(it));
        let installed = [
            "/node_modules/.bin/",
            "node_modules/.bin/",
            "vendor/bin/",
            "venv/bin/",
            "bin/rails",
            "bin/rake",
            "gradlew",
            "mvnw",
        ];
        let named = system || installed.iter().any(|place| call.program.contains(place));
        if is_unknown(&text) {
            if named {
                let words: Vec<String> = std::iter::once(call.name.to_owned())
                    .chain(call.arguments.iter().cloned())
                    .collect();
                return self.call(scope, &words, call.pipe);
            }
            self.unseen_program(scope, call.name, call.program.contains(UNKNOWN));
            return Ok(UNKNOWN.to_string());
        }
        let first = text.lines().next().unwrap_or_default().to_owned();
        let interpreter = first.strip_prefix("#!").map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let env = words.first().is_some_and(|it| it.ends_with("/env"));
            super::call::base(words.get(usize::from(env)).copied().unwrap_or("sh")).to_owned()
        });
        let words: Vec<String> =
            [interpreter.unwrap_or_else(|| "sh".to_owned()), call.program.to_owned()]
                .into_iter()
                .chain(call.arguments.iter().cloned())
                .collect();
        self.call(scope, &words, call.pipe)
    }

    fn code(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        language: Language,
    ) -> Result<String, Unreadable> {
        if let Some(module) = call.value(&["-m"]).filter(|_| language == Language::Python) {
            let behind = call.arguments.iter().skip_while(|word| *word != "-m").skip(2);
            return match module {
                "json.tool" | "http.server" | "venv" | "pip" | "this" | "timeit" | "zipfile"
                | "calendar" | "site" | "compileall" | "ensurepip" => Ok(UNKNOWN.to_string()),
                module => {
                    let words: Vec<String> =
                        std::iter::once(module.to_owned()).chain(behind.cloned()).collect();
                    self.call(scope, &words, call.pipe)
                }
            };
        }
        // Only its grammar is looked at.
        if call.has(&["--check", "--syntax-check"])
            || matches!(language, Language::Php) && call.has(&["-l"])
        {
            return Ok(UNKNOWN.to_string());
        }
        if language == Language::Perl || language == Language::Ruby {
            self.edited_in_place(scope, call);
        }
        let inline = call.value(language.inline());
        if let Some(code) = inline {
            program::read(self, scope, code, language)?;
            return Ok(UNKNOWN.to_string());
        }
        let operands = call.operands(CODE_VALUED);
        let operands: Vec<&str> = match (call.name, operands.split_first()) {
            ("deno" | "bun", Some((&"run", rest))) => rest.to_vec(),
            _ => operands,
        };
        for preloaded in call
            .values(&["-r", "--require", "--import"])
            .into_iter()
            .filter(|it| it.starts_with('.'))
        {
            let text = self.read(scope, preloaded, true);
            program::read(self, scope, &text, language)?;
        }
        match operands.first().copied() {
            None | Some("-") => match call.pipe.stdin.clone() {
                Some(text) if !is_unknown(&text) => program::read(self, scope, &text, language)?,
                Some(_) => self.push(Step::opaque("shell:piped_script", true)),
                None => {}
            },
            Some(file) => {
                if self.framework(scope, call, file)? {
                    return Ok(UNKNOWN.to_string());
                }
                let text = self.read(scope, file, true);
                if is_unknown(&text) {
                    self.unseen_program(
                        scope,
                        call.name,
                        text.chars().count() > 1 || file.contains(UNKNOWN),
                    );
                } else {
                    program::read(self, scope, &text, language)?;
                }
            }
        }
        Ok(UNKNOWN.to_string())
    }

    /// `perl -pi -e …`: the files behind it are written anew.
    fn edited_in_place(&mut self, scope: &Scope, call: &Call<'_>) {
        let short = |it: &&String| it.starts_with('-') && !it.starts_with("--");
        if call.arguments.iter().take_while(short).any(|it| it.contains('i')) {
            for file in call.operands(&["-e", "-E", "-pe", "-ne", "-pie", "-I"]) {
                self.writes(scope, file, &UNKNOWN.to_string(), false);
            }
        }
    }

    /// A program that nobody sees: as dangerous as what it can reach.
    pub(super) fn unseen_program(&mut self, scope: &Scope, name: &str, unseen: bool) {
        let variables =
            scope.environment().map(|(name, value)| format!("{name}={value}")).collect();
        self.push(Step { variables, ..Step::opaque(format!("program:{name}"), unseen) });
    }

    /// What the names of calls say in code that nobody reads: only what destroys counts.
    fn named_loss(&mut self, call: &Call<'_>) {
        let code = call.values(&["-e", "--eval", "-eval", "--expr"]).join(" ");
        let mut names = code.split(|it: char| !it.is_alphanumeric() && it != '_');
        let Some(name) = names.find(|it| tools::destroys(&[it])) else { return };
        let id = ResourceId::of(call.name, "code", name);
        self.push(Step::guessed(
            format!("{}:{name}", call.name),
            Effect::Destroy,
            id,
            At::Somewhere,
        ));
    }

    /// The targets of a Makefile or a justfile.
    fn targets(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        let mut inner = scope.clone();
        if let Some(directory) = call.value(&["-C", "--directory", "-d", "--working-directory"]) {
            inner.go(directory, true);
        }
        let names: &[&str] = match call.name {
            "just" => &["justfile", "Justfile", ".justfile"],
            "task" => &["Taskfile.yml", "Taskfile.yaml", "taskfile.yml"],
            _ => &["Makefile", "makefile", "GNUmakefile"],
        };
        let file = call.value(&["-f", "--file", "--justfile"]).map(str::to_owned);
        if let (Some("-"), Some(typed)) = (file.as_deref(), call.pipe.stdin.clone()) {
            let script = recipe(&typed.replace(';', "\n\t"), Vec::new());
            return self.script(&mut inner, &script, call.pipe);
        }
        let file = file.or_else(|| {
            names.iter().map(|it| (*it).to_owned()).find(|it| {
                self.paths(&inner, it).iter().any(|path| self.files.text(path).is_some())
            })
        });
        let Some(file) = file else {
            self.wiped(scope, call);
            self.unseen_program(scope, call.name, false);
            return Ok(UNKNOWN.to_string());
        };
        if call.flag('n') || call.has(&["--dry-run", "--just-print"]) {
            return Ok(UNKNOWN.to_string());
        }
        let text = self.read(&inner, &file, true);
        let mut variables: Vec<(String, String)> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with(['\t', ' ', '#'])) {
            let told = [":=", "?=", "="].iter().find_map(|sign| line.split_once(sign));
            if let Some((name, value)) = told.filter(|(name, _)| !name.contains(':')) {
                variables.push((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
            }
        }
        let mut wanted: Vec<String> = Vec::new();
        for word in call.operands(&["-C", "-f", "-j", "--directory", "--file", "--justfile", "-d"])
        {
            match word.split_once('=') {
                Some((name, value)) => variables.insert(0, (name.to_owned(), value.to_owned())),
                None => wanted.push(word.to_owned()),
            }
        }
        let script = recipe(&text, wanted);
        let script = variables.iter().rev().fold(script, |script, (name, value)| {
            script
                .replace(&format!("$({name})"), value)
                .replace(&format!("${{{name}}}"), value)
                .replace(&format!("{{{{{name}}}}}"), value)
        });
        self.script(&mut inner, &script.replace("$$", "$").replace("$(MAKE)", "make"), call.pipe)
    }

    fn package(&self, scope: &Scope) -> Option<Value> {
        let path = self.paths(scope, "package.json").into_iter().next()?;
        serde_json::from_str(&self.files.text(&path)?).ok()
    }

    fn is_package_script(&self, call: &Call<'_>) -> bool {
        let first = call
            .operands(&["--prefix", "-C", "--filter", "-F", "--cwd", "-w", "--workspace", "--dir"])
            .first()
            .copied()
            .unwrap_or_default();
        matches!(first, "run" | "run-script" | "test" | "start" | "t" | "stop" | "restart")
            || matches!(call.name, "pnpm" | "yarn" | "bun")
                && !super::package::is_package_verb(first)
    }

    /// A script of `package.json`, with those before and after it.
    fn package_script(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
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
        let rest: Vec<String> = more.map(|word| super::call::quoted(&word)).collect();
        if name.is_empty() {
            return Ok(UNKNOWN.to_string());
        }
        let package = self.package(&inner);
        let text =
            |name: &str| package.as_ref()?.get("scripts")?.get(name)?.as_str().map(str::to_owned);
        let Some(script) = text(&name) else {
            // A program of a package may be called as if it were a script.
            if package.is_some() && !run {
                let words: Vec<String> = before.clone();
                if matches!(call.name, "yarn" | "pnpm" | "bun")
                    && super::package::is_package_program(&name)
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
}

/// Whether what stands behind `name` is a script, and what stands behind that is the script's own.
pub(super) fn is_interpreter(name: &str) -> bool {
    const OTHERS: &str =
        "sh bash zsh dash ksh ash fish rbash powershell pwsh cmd lua luajit Rscript tclsh
        osascript julia groovy elixir scala clj";
    Language::of(name).is_some() || OTHERS.split_whitespace().any(|it| it == name)
}

/// Verbs of a runtime that is a package manager as well, which run no file.
fn is_own_verb(call: &Call<'_>) -> bool {
    let own =
        ["test", "task", "fmt", "lint", "check", "bench", "doc", "compile", "upgrade", "repl"];
    let first = call.parts().1.first().copied().unwrap_or_default();
    own.contains(&first) || !first.is_empty() && super::package::is_package_verb(first)
}

/// Whether any of a script is not known.
pub(super) fn is_unknown(text: &str) -> bool {
    text.contains(UNKNOWN)
}

/// The commands of the targets `wanted` and of what they depend on, in a file of recipes.
fn recipe(text: &str, mut wanted: Vec<String>) -> String {
    let mut rules: Vec<(String, Vec<String>, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if line.starts_with(['\t', ' ']) {
            if let Some((_, _, commands)) = rules.last_mut() {
                commands.push(line.trim().trim_start_matches(['@', '-', '+']));
            }
        } else if let Some((target, needs)) = line.split_once(':').filter(|(target, needs)| {
            !target.contains('=') && !needs.starts_with('=') && !target.starts_with(['#', '.'])
        }) {
            let needs: Vec<String> = needs.split_whitespace().map(str::to_owned).collect();
            for name in target.split_whitespace().take(1) {
                rules.push((name.trim_start_matches('@').to_owned(), needs_of(&needs), Vec::new()));
            }
        }
    }
    if wanted.is_empty() {
        wanted.extend(rules.first().map(|(name, _, _)| name.clone()));
    }
    let mut done: Vec<String> = Vec::new();
    let mut script = String::new();
    while let Some(name) = wanted.pop() {
        if done.contains(&name) || done.len() > 64 {
            continue;
        }
        done.push(name.clone());
        for (_, needs, commands) in rules.iter().filter(|(own, _, _)| *own == name) {
            wanted.extend(needs.iter().cloned());
            for command in commands {
                script.push_str(command);
                script.push('\n');
            }
        }
    }
    script
}

fn needs_of(needs: &[String]) -> Vec<String> {
    needs.iter().filter(|it| !it.contains('=')).cloned().collect()
}
