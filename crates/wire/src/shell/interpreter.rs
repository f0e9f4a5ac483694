//! Interpreters: a script as a word, in a file, or on standard input.

use holdpoint_catalog::cli::tools;
use holdpoint_core::{Effect, ResourceId};

mod line;

use super::{
    At, Step,
    call::{Call, Pipe, takes_hidden},
    expand::UNKNOWN,
    program::{self, Language, Source},
    scope::Scope,
    walk::{DEPTH_MAX, Walk},
};
use crate::Unreadable;
use line::Line;

/// Modules of Python that change nothing when they are run as programs.
const MODULES: &str =
    "json.tool http.server venv pip this zipfile calendar site compileall ensurepip";

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
            "bun" if call.arguments.first().is_some_and(|it| is_code(it)) => {
                self.code(scope, call, Language::JavaScript)?
            }
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
            "lua" | "luajit" | "lua5.1" | "lua5.2" | "lua5.3" | "lua5.4" | "texlua" | "R"
            | "Rscript" | "tclsh" | "osascript" | "julia" | "groovy" | "elixir" | "iex" | "mix"
            | "erl" | "rebar3" | "scala" | "clj"
                if call.has(&["-e", "--eval", "-eval", "--expr"])
                    || call.name == "julia" && call.has(&["-E", "--print"]) =>
            {
                self.source_in_words(scope, call)?;
                self.named_loss(call);
                self.unseen_program(scope, call.name, false);
                UNKNOWN.to_string()
            }
            _ if self.runs_source(scope, call)? => UNKNOWN.to_string(),
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
            if matches!(word.as_str(), "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file") {
                self.files.takes_hidden |= words.next().is_some_and(|it| takes_hidden(it));
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
        if self.depth >= DEPTH_MAX {
            self.push(Step::opaque("shell:too_deep", true));
            return Ok(UNKNOWN.to_string());
        }
        self.depth += 1;
        let output = self.call(scope, &words, call.pipe);
        self.depth -= 1;
        output
    }

    fn code(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        language: Language,
    ) -> Result<String, Unreadable> {
        let line = Line::read(language, call.name, call.arguments);
        if let Some(module) = line.module {
            return self.module(scope, call, module, line.handed);
        }
        if line.only_checked || line.serves {
            return Ok(UNKNOWN.to_string());
        }
        let source = Source { handed: Some(line.handed), ..Source::default() };
        if line.in_place {
            for file in line.handed {
                self.writes(scope, file, &UNKNOWN.to_string(), false);
            }
        }
        let first = self.taken_in(scope, &line, language)?;
        if !line.inline.is_empty() {
            let code = format!("{first}{}", line.inline.join("\n"));
            // What the shell puts into a program may be more of it.
            if is_unknown(&code) {
                let nothing_else = code.chars().all(|it| it == UNKNOWN);
                self.unseen_program(scope, "code", nothing_else);
            }
            program::read(self, scope, &code, language, &source)?;
            return Ok(UNKNOWN.to_string());
        }
        if !first.is_empty() {
            program::read(self, scope, &first, language, &source)?;
        }
        match line.file {
            None | Some("-") => match call.pipe.stdin.clone() {
                Some(text) if !is_unknown(&text) => {
                    program::read(self, scope, &text, language, &source)?;
                }
                Some(_) => self.push(Step::opaque("shell:piped_script", true)),
                None => {}
            },
            Some(file) => self.program_at(scope, call, language, file, &source)?,
        }
        Ok(UNKNOWN.to_string())
    }

    /// A module of Python that is run as a program, and what it is handed.
    fn module(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        module: &str,
        handed: &[String],
    ) -> Result<String, Unreadable> {
        match module {
            "timeit" => return self.timed(scope, handed),
            "cProfile" | "profile" | "pdb" | "trace" | "runpy" => {
                let own = Call { arguments: handed, ..Call::new(&[], call.pipe) };
                let program = own.operands(&["-o", "-s", "-c"]);
                let words = std::iter::once("python3").chain(program).map(str::to_owned);
                return self.call(scope, &words.collect::<Vec<_>>(), call.pipe);
            }
            "json.tool" => {
                let own = Call { arguments: handed, ..Call::new(&[], call.pipe) };
                if let [_, to, ..] = own.operands(&["--indent"]).as_slice() {
                    self.writes(scope, to, &UNKNOWN.to_string(), false);
                }
                return Ok(UNKNOWN.to_string());
            }
            module if MODULES.split_whitespace().any(|it| it == module) => {
                return Ok(UNKNOWN.to_string());
            }
            _ => {}
        }
        // A module of the project comes before any tool of that name.
        let file = module.replace('.', "/");
        for path in [format!("{file}.py"), format!("{file}/__main__.py")] {
            if self.paths(scope, &path).iter().any(|it| self.files.text(it).is_some()) {
                let source = Source { handed: Some(handed), ..Source::default() };
                self.program_at(scope, call, Language::Python, &path, &source)?;
                return Ok(UNKNOWN.to_string());
            }
        }
        let words: Vec<String> =
            std::iter::once(module.to_owned()).chain(handed.iter().cloned()).collect();
        self.call(scope, &words, call.pipe)
    }

    /// The statements that `timeit` runs, those that it begins with included.
    fn timed(&mut self, scope: &mut Scope, handed: &[String]) -> Result<String, Unreadable> {
        let said = handed.iter().filter(|it| !it.starts_with("--"));
        let said: Vec<&str> = said.map(|it| it.trim_start_matches("-s")).collect();
        program::read(self, scope, &said.join("\n"), Language::Python, &Source::default())?;
        Ok(UNKNOWN.to_string())
    }

    /// What an interpreter takes in first, as lines of its own language.
    fn taken_in(
        &mut self,
        scope: &mut Scope,
        line: &Line<'_>,
        language: Language,
    ) -> Result<String, Unreadable> {
        let mut first = String::new();
        for module in &line.taken_in {
            match language {
                Language::JavaScript if module.starts_with(['.', '/']) => {
                    let text = self.read(scope, module, true);
                    let source = Source { file: Some(module), ..Source::default() };
                    program::read(self, scope, &text, language, &source)?;
                }
                Language::JavaScript | Language::Python | Language::Php => {}
                Language::Ruby => first.push_str(&format!("require '{module}'\n")),
                Language::Perl => {
                    let (letter, module) = module.split_at_checked(1).unwrap_or_default();
                    let line = match (module.strip_prefix('-'), module.split_once('=')) {
                        (Some(module), _) => format!("no {module};\n"),
                        (None, Some((module, names))) => {
                            format!("use {module} split(/,/,q{{{names}}});\n")
                        }
                        (None, None) if letter == "m" => format!("use {module} ();\n"),
                        (None, None) => format!("use {module};\n"),
                    };
                    first.push_str(&line);
                }
            }
        }
        Ok(first)
    }

    /// A program by the file that it stands in.
    fn program_at(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        language: Language,
        file: &str,
        source: &Source<'_>,
    ) -> Result<(), Unreadable> {
        if self.framework(scope, call, file)? {
            // What it is called says what it does, but for what this run has put into it.
            for path in self.paths(scope, file) {
                if self.files.made(&path) {
                    self.taken(scope, call, &path);
                }
            }
            return Ok(());
        }
        let text = self.read(scope, file, true);
        if is_unknown(&text) {
            let unseen = text.chars().count() > 1 || file.contains(UNKNOWN);
            self.unseen_program(scope, call.name, unseen);
            return Ok(());
        }
        program::read(self, scope, &text, language, &Source { file: Some(file), ..*source })
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

/// Whether an option of `bun` is followed by a program.
fn is_code(option: &str) -> bool {
    matches!(option, "-e" | "--eval" | "-p" | "--print")
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
