//! Interpreters: a script as a word, in a file, or on standard input.

use holdpoint_catalog::cli::tools;
use holdpoint_core::{Effect, ResourceId};

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
            "make" | "gmake" | "just" => self.targets(scope, call)?,
            "task" | "go-task" => self.tasks(scope, call)?,
            "deno" if self.deno_task(scope, call)? => UNKNOWN.to_string(),
            "gradle" | "gradlew" => {
                self.gradle(scope, call)?;
                return Ok(None);
            }
            "composer" => {
                self.composer(scope, call)?;
                return Ok(None);
            }
            "rake" | "rails" => {
                self.rake(scope, call)?;
                return Ok(None);
            }
            "cargo" => match self.cargo_alias(scope, call) {
                Some(words) if words.get(1) != call.arguments.first() => {
                    self.call(scope, &words, call.pipe)?
                }
                _ => return Ok(None),
            },
            "npm" | "pnpm" | "yarn" | "bun" if self.is_package_script(call) => {
                self.package_script(scope, call)?
            }
            "npm" | "pnpm" | "yarn" | "bun"
                if call
                    .parts()
                    .1
                    .first()
                    .is_some_and(|it| matches!(*it, "install" | "i" | "ci")) =>
            {
                self.lifecycle(scope, call)?;
                return Ok(None);
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
