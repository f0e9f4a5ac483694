//! What a program takes in without being told: tests, settings that are code, the programs of a
//! project. Where this run has written such a file, it is read as a program of its language. Of what
//! nobody named, only what takes away, opens, starts or sends counts: the rest is what a project's
//! own tests do all day.

use holdpoint_core::{Effect, Operation, policy::Ground};
use serde_json::Value;

use super::{
    At, Step,
    call::{Call, Pipe},
    compiled,
    expand::UNKNOWN,
    hidden,
    interpreter::is_unknown,
    path, pattern,
    program::{self, Language, Source},
    scope::Scope,
    walk::Walk,
    yaml,
};
use crate::Unreadable;

/// Files that one command takes in, at most; where there are more, it is code that nobody sees.
const TAKEN_MAX: usize = 64;
/// The same of sources of which only literals count.
const SOURCES_MAX: usize = 512;
/// Which files programs take in, by their names; where a word is said, only with it.
const CONVENTIONS: &[(&str, &str, &str)] = &[
    ("pytest py.test tox nox", "", "conftest.py test_*.py *_test.py"),
    ("unittest", "", "test*.py"),
    ("coverage", "run", "conftest.py test*.py *_test.py"),
    ("pip pip3 build", "", "setup.py"),
    ("jest vitest mocha ava jasmine tap playwright cypress karma", "", "*.test.* *.spec.*"),
    ("node", "--test", "*.test.* *.spec.* test.js test-*.js"),
    ("bun deno", "test", "*.test.* *.spec.* *_test.*"),
    ("vitest storybook", "", "vite.config.*"),
    ("rspec", "", "*_spec.rb spec_helper.rb rails_helper.rb"),
    ("rails", "test", "*_test.rb test_helper.rb"),
    ("phpunit pest", "", "*test.php pest.php"),
    ("artisan", "test", "*test.php pest.php"),
    ("vagrant", "", "vagrantfile"),
    ("fastlane", "", "fastfile"),
    ("pod", "", "podfile"),
    ("cap", "", "capfile"),
    ("go", "run", "*.go"),
    ("go", "test", "*.go"),
    ("go", "generate", "*.go"),
    ("flask", "", "app.py wsgi.py"),
    ("alembic", "", "env.py"),
    ("invoke inv", "", "tasks.py"),
    ("rackup puma unicorn thin passenger falcon", "", "config.ru"),
    ("bundle bundler", "", "gemfile"),
    ("direnv", "", ".envrc"),
    ("foreman honcho overmind hivemind", "", "procfile*"),
    ("heroku", "local", "procfile*"),
    ("pre-commit prek", "run", ".pre-commit-config.yaml"),
    ("docker podman docker-compose podman-compose", "up", "compose.y*ml docker-compose.y*ml"),
];
/// What every program takes in that is called as the file says.
const OWN: &[&str] = &["@.config.*", "@.setup.*", ".@rc.*", "@file.*"];
/// Where the programs of a project lie.
const PROGRAMS: &[&str] = &["node_modules/.bin", "vendor/bin", ".venv/bin", "venv/bin"];

/// How a file is read.
enum Tongue {
    Parsed(Language),
    Compiled(compiled::Language),
    /// Commands of a shell, which are found in its text so.
    Commands(fn(&str) -> Vec<String>),
}

impl Walk<'_> {
    /// What `call` takes in of what this run has written.
    pub(super) fn takes_in(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let written = self.files.wrote();
        if written.is_empty() {
            return Ok(());
        }
        self.planted(scope, call, &written)?;
        self.started_by_name(scope, &written, call.pipe)?;
        let mut taken: Vec<&String> =
            written.iter().filter(|file| self.is_taken_in(scope, call, file)).collect();
        // Of what many edit all day, only what is plain counts: so it may be more.
        let most = if taken.iter().all(|it| is_source(it)) { SOURCES_MAX } else { TAKEN_MAX };
        if taken.len() > most {
            taken.truncate(most);
            self.unseen_program(scope, call.name, false);
        }
        for file in taken {
            self.taken(scope, call, file);
        }
        let named = self.named(scope, call).into_iter().chain(self.build_scripts(scope, call));
        for file in named.collect::<Vec<_>>().iter().filter(|file| written.contains(file)) {
            self.taken(scope, call, file);
        }
        Ok(())
    }

    /// Programs of this run's own that variables have other programs start.
    fn started_by_name(
        &mut self,
        scope: &mut Scope,
        written: &[String],
        pipe: &Pipe,
    ) -> Result<(), Unreadable> {
        let values = hidden::VARIABLES.iter().filter_map(|name| scope.value(name));
        let all: Vec<String> = values
            .filter_map(|value| value.split_whitespace().next().map(str::to_owned))
            .flat_map(|program| self.paths(scope, &program))
            .filter(|file| written.contains(file))
            .collect();
        // What such a program starts is not started by it once more.
        let mut inner = scope.clone();
        hidden::VARIABLES.iter().for_each(|name| inner.assign(name, Vec::new()));
        for file in all {
            let name = super::call::base(&file);
            self.by_path(&mut inner, &Call { name, program: &file, arguments: &[], pipe })?;
        }
        Ok(())
    }

    /// A program of the project's own that comes before what its name says elsewhere.
    fn planted(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        written: &[String],
    ) -> Result<(), Unreadable> {
        if call.program.contains('/') {
            return Ok(());
        }
        let all = PROGRAMS.iter().map(|place| format!("{place}/{}", call.name));
        let mut all = all.flat_map(|file| self.paths(scope, &file));
        let Some(file) = all.find(|file| written.contains(file)) else { return Ok(()) };
        let (name, arguments, pipe) = (call.name, call.arguments, call.pipe);
        self.by_path(scope, &Call { name, program: &file, arguments, pipe }).map(drop)
    }

    fn is_taken_in(&self, scope: &Scope, call: &Call<'_>, file: &str) -> bool {
        let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
        let fits = |globs: &str| globs.split(' ').any(|glob| pattern::matches(glob, &name));
        let said = |word: &str| word.is_empty() || call.arguments.iter().any(|it| it == word);
        let is_source = || self.takes_source(scope, call, &name);
        let is_own = OWN.iter().any(|own| name.starts_with(&of(own, call.name)));
        let is_told = CONVENTIONS.iter().any(|(programs, word, globs)| {
            programs.split(' ').any(|it| it == call.name) && said(word) && fits(globs)
        });
        let below = |directory: &String| path::is_in(file, directory);
        let near = scope.directories.iter().any(below)
            || self.machine().workspace().is_some_and(|workspace| path::is_in(file, workspace));
        let near = near || self.is_pointed_at(scope, call, file);
        (is_own || is_told || is_source())
            && near
            && tongue(&name).is_some()
            && self.is_meant(scope, call, file)
    }

    /// Whether a file is among those that are named, if any of its kind are.
    fn is_meant(&self, scope: &Scope, call: &Call<'_>, file: &str) -> bool {
        let Some((_, ending)) = file.rsplit_once('.') else { return true };
        let named = call.arguments.iter().filter_map(|word| {
            let word = word.split("::").next().unwrap_or(word);
            word.strip_suffix(ending).filter(|it| it.ends_with('.')).map(|_| word)
        });
        let named: Vec<String> = named.flat_map(|word| self.paths(scope, word)).collect();
        let kind = file.rsplit('/').next().is_some_and(|it| it.contains("test") || ending == "go");
        !kind
            || file.ends_with("/conftest.py")
            || named.is_empty()
            || named.iter().any(|it| it == file)
    }

    /// Reads one file, for what counts of it.
    pub(super) fn taken(&mut self, scope: &Scope, call: &Call<'_>, file: &str) {
        let Some(text) = self.files.text(file) else { return };
        let Some(tongue) = tongue(&file.to_ascii_lowercase()) else { return };
        if is_unknown(&text) {
            return self.unseen_program(scope, call.name, false);
        }
        let (noted, mut inner) = (self.noted(), scope.clone());
        let read = match tongue {
            Tongue::Parsed(language) => {
                let source = Source { file: Some(file), ..Source::default() };
                program::read(self, &mut inner, &text, language, &source).map(|()| true)
            }
            Tongue::Compiled(language) => {
                return self.taken_source(&mut inner, call, file, (language, &text));
            }
            Tongue::Commands(find) => find(&text).into_iter().try_fold(true, |_, command| {
                self.script(&mut inner, &command, &Pipe::captured(None)).map(|_| true)
            }),
        };
        self.keep(noted, |step| counts(scope, step));
        if !matches!(read, Ok(true)) {
            self.unseen_program(scope, call.name, false);
        }
    }
}

impl Walk<'_> {
    /// Reads one file of a compiled language, for what counts of it.
    fn taken_source(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        file: &str,
        (language, text): (compiled::Language, &str),
    ) {
        let is_go = language == compiled::Language::Go;
        let (noted, before) = (self.noted(), self.files.written.clone());
        let generated = match is_go && call.has(&["generate"]) {
            true => self.generates(scope, text),
            false => Ok(()),
        };
        let asked = call.arguments;
        let source = compiled::Source { language, text, file, asked };
        let read = generated.and_then(|()| self.compiled(scope, &source));
        // When it runs, and from where, nobody knows: so the files are as they were.
        self.files.written = before;
        self.keep(noted, |step| counts(scope, step) && (is_go || !is_scratch(step)));
        // What tests do all day with what they have made is none of it: but for Go, only what
        // stands there as a literal counts.
        if read.is_err() || is_go && matches!(read, Ok(false)) {
            self.unseen_program(scope, call.name, false);
        }
    }
}

/// Whether all that counts of a file is what its literals say.
fn is_source(file: &str) -> bool {
    matches!(compiled::Language::of(file), Some(it) if it != compiled::Language::Go)
}

/// Whether a step is about one thing in a place for temporary files: a socket, a database of a
/// test, which is there by its name.
fn is_scratch(step: &Step) -> bool {
    let path = step.operation.resource.id.as_str().strip_prefix("file:");
    let below =
        path.and_then(|it| ["/tmp/", "/var/tmp/"].iter().find_map(|of| it.strip_prefix(of)));
    below.is_some_and(|it| !it.is_empty() && !pattern::is_glob(it) && !it.starts_with(UNKNOWN))
}

/// How a program's own file begins.
fn of(own: &str, program: &str) -> String {
    own.trim_end_matches('*').replace('@', &program.to_ascii_lowercase())
}

fn tongue(name: &str) -> Option<Tongue> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let commands: Option<fn(&str) -> Vec<String>> = match base {
        ".envrc" => Some(|text| vec![text.to_owned()]),
        ".pre-commit-config.yaml" => Some(entries),
        _ if base.starts_with("procfile") => Some(processes),
        _ if base.contains("compose.y") => Some(services),
        "pom.xml" | "build.xml" => Some(compiled::markup::xml),
        "cmakelists.txt" => Some(compiled::markup::cmake),
        _ if is_of_msbuild(base) => Some(compiled::markup::xml),
        _ => None,
    };
    if let Some(find) = commands {
        return Some(Tongue::Commands(find));
    }
    Some(match name.rsplit_once('.').map_or(name, |(_, ending)| ending) {
        "py" => Tongue::Parsed(Language::Python),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => {
            Tongue::Parsed(Language::JavaScript)
        }
        "php" => Tongue::Parsed(Language::Php),
        "rb" | "ru" => Tongue::Parsed(Language::Ruby),
        ending if ending.ends_with("file") => Tongue::Parsed(Language::Ruby),
        _ => Tongue::Compiled(compiled::Language::of(name)?),
    })
}

/// Whether a file says how MSBuild builds something.
fn is_of_msbuild(name: &str) -> bool {
    ["proj", ".props", ".targets"].iter().any(|ending| name.ends_with(ending))
}

/// The commands of a Procfile: a name, a colon and a command a line.
fn processes(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).map(|(_, command)| command.to_owned()).collect()
}

/// What the hooks of `pre-commit` run.
fn entries(text: &str) -> Vec<String> {
    let Some(document) = yaml::read(text) else { return vec![UNKNOWN.to_string()] };
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
    let repositories = list(&document, "repos").unwrap_or_default();
    let hooks = repositories.iter().filter_map(|it| list(it, "hooks")).flatten();
    let hooks = hooks.filter_map(|hook| hook.get("entry")?.as_str().map(str::to_owned));
    hooks.collect()
}

/// What the services of a compose file run, each as if it were run by itself: those that say what.
fn services(text: &str) -> Vec<String> {
    let Some(document) = yaml::read(text) else { return vec![UNKNOWN.to_string()] };
    let words = |value: &Value| -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).map(super::call::quoted).collect()
            }
            _ => Vec::new(),
        }
    };
    let run = |service: &Value| {
        let of = |name: &str| service.get(name).map(words).unwrap_or_default();
        let said = [of("entrypoint"), of("command")].concat().join(" ");
        let volumes = of("volumes").iter().map(|it| format!("-v {it} ")).collect::<String>();
        let image = service.get("image").and_then(Value::as_str).unwrap_or("built");
        (!said.is_empty()).then(|| format!("docker run {volumes}{image} {said}"))
    };
    let all = document.get("services").and_then(Value::as_object);
    all.into_iter().flat_map(|all| all.values().filter_map(run)).collect()
}

/// Whether a step of what is taken in counts: where nobody knows what it is about, it is about what
/// a test has made for itself.
fn counts(scope: &Scope, step: &Step) -> bool {
    let Operation { name, effect, resource, .. } = &step.operation;
    let resource = resource.id.as_str();
    match (*effect, resource.strip_prefix("file:"), &step.at) {
        (_, _, At::Somewhere) | (Effect::Observe, ..) => false,
        // A program that a test is handed, or finds.
        (Effect::Execute, _, At::Here) => step.unseen && name != "shell:unknown_command",
        (Effect::Create | Effect::Modify, Some(path), _) => {
            let beyond = matches!(step.ground, Ground::Outside | Ground::System);
            step.tampers || beyond && is_named(scope, path)
        }
        (_, Some(path), _) => is_named(scope, path),
        _ => !resource.ends_with(['/', UNKNOWN]),
    }
}

/// Whether a path says more than where the program is.
fn is_named(scope: &Scope, path: &str) -> bool {
    let below = |it: &String| path.strip_prefix(it.as_str()).unwrap_or(path);
    !scope.directories.iter().any(|it| below(it).trim_start_matches('/').starts_with(UNKNOWN))
}
