//! Which commands run what this run has written in a compiled language: by the file's name, or
//! because the program is made of it.

use super::{Language, Source};
use crate::{
    Unreadable,
    shell::{call::Call, expand::UNKNOWN, path, pattern, scope::Scope, walk::Walk},
};

/// Sources of programs for the machine itself.
const NATIVE: &str = "*.c *.cc *.cpp *.cxx *.h *.hpp *.hh *.m *.mm *.rs *.go *.swift *.zig";
/// Sources of programs for the machine of Java.
const JVM: &str = "*.java *.kt *.groovy *.scala";
/// Which files programs take in: the programs, words of which one is said, the files.
pub(in super::super) const TAKEN: &[(&str, &str, &str)] = &[
    (
        "cargo cross",
        "run r test t bench nextest llvm-cov miri tarpaulin mutants watch flamegraph",
        "*.rs",
    ),
    (
        "cargo cross",
        "build b check c clippy doc d rustc rustdoc fix install package publish",
        "build.rs",
    ),
    ("maturin wasm-pack trunk", "", "build.rs"),
    ("java kotlin scala", "", JVM),
    ("mvn mvnw mvnd", "test verify package install deploy *-test exec:* *:run *:dev *:java", JVM),
    ("mvn mvnw mvnd", "", "pom.xml"),
    ("ant", "", "build.xml"),
    ("gradle gradlew", "*test* *check build run *run *integration*", JVM),
    ("gradle gradlew", "", "*.gradle *.gradle.kts"),
    ("sbt mill scala-cli", "", "*.scala *.sbt *.sc *.java"),
    ("dotnet", "run test watch", "*.cs"),
    ("dotnet msbuild", "", "*.csproj *.fsproj *.vbproj *.props *.targets"),
    ("cmake", "", "cmakelists.txt"),
    ("swift xcodebuild", "run test", "*.swift *.m *.mm *.c *.cpp"),
    ("swift", "build package", "package.swift"),
    ("zig", "run test build", "*.zig *.c"),
    ("dart flutter", "run test", "*.dart"),
    ("mix", "test run", "*.ex *.exs"),
    ("ctest", "", NATIVE),
    ("ninja meson cmake", "test check", NATIVE),
    (
        "bazel bazelisk buck2",
        "run test",
        "*.c *.cc *.cpp *.h *.rs *.go *.java *.kt *.scala *.swift",
    ),
];
/// What runs a file of its language that it is handed, and the words that it takes for that.
const RUNNERS: &[(&str, &str, Option<Language>)] = &[
    ("java jbang", "", Some(Language::Java)),
    ("jshell", "", Some(Language::Java)),
    ("groovy groovysh", "", Some(Language::Groovy)),
    ("kotlin", "", Some(Language::Kotlin)),
    ("kotlinc", "-script", None),
    ("scala scala-cli amm", "", Some(Language::Scala)),
    ("swift", "", Some(Language::Swift)),
    ("dotnet", "script run", None),
    ("csi dotnet-script", "", Some(Language::CSharp)),
    ("rust-script", "", Some(Language::Rust)),
    ("cargo", "-Zscript script", None),
    ("zig", "run test", None),
    ("tcc", "-run", None),
    ("dart", "", None),
    ("go", "run", None),
    ("lua luajit lua5.1 lua5.2 lua5.3 lua5.4 texlua", "", Some(Language::Lua)),
    ("Rscript R", "", Some(Language::R)),
    ("julia", "", Some(Language::Julia)),
    ("elixir iex", "", Some(Language::Elixir)),
    ("mix", "run", Some(Language::Elixir)),
];
/// Options of these that have a word of their own behind them.
const VALUED: [&str; 14] = [
    "-cp",
    "-classpath",
    "--class-path",
    "-p",
    "--module-path",
    "--source",
    "--add-modules",
    "--project",
    "-l",
    "--lib",
    "-I",
    "-L",
    "--startup",
    "-m",
];
/// Options whose value is a program: Julia's with a capital letter show what comes of it.
pub(in super::super) const EVALUATED: &[&str] =
    &["-e", "--eval", "-eval", "--expr", "-E", "--print"];
/// Where programs lie that nobody has just built.
const INSTALLED: [&str; 12] = [
    "/usr/",
    "/bin/",
    "/sbin/",
    "/opt/",
    "/nix/",
    "node_modules/",
    "venv/",
    "/.cargo/bin/",
    "gradlew",
    "mvnw",
    "vendor/bin/",
    "bin/rails",
];

/// Whether a word is said: itself, or behind where it belongs (`:app:test`).
pub(in super::super) fn is_said(call: &Call<'_>, words: &str) -> bool {
    let fits = |said: &String| {
        let said = said.to_ascii_lowercase();
        let last = said.rsplit(':').next().unwrap_or_default().to_owned();
        words.split(' ').any(|word| pattern::matches(word, &said) || pattern::matches(word, &last))
    };
    words.is_empty() || call.arguments.iter().any(fits)
}

impl Walk<'_> {
    /// Whether `call` is a program that may be made of what this run has written.
    pub(in super::super) fn is_built(&self, scope: &Scope, call: &Call<'_>) -> bool {
        let installed = INSTALLED.iter().any(|it| call.program.contains(it));
        let built = || {
            let paths = self.paths(scope, call.program);
            paths.iter().all(|it| self.files.text(it).is_none_or(|it| it.contains(UNKNOWN)))
        };
        call.program.contains('/') && !installed && built()
    }

    /// Whether `call` takes a source in by its name alone.
    pub(in super::super) fn takes_source(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        name: &str,
    ) -> bool {
        let fits = |globs: &str| globs.split(' ').any(|glob| pattern::matches(glob, name));
        let told = TAKEN.iter().any(|(programs, words, globs)| {
            programs.split(' ').any(|it| it == call.name) && fits(globs) && is_said(call, words)
        });
        told || fits(NATIVE) && self.is_built(scope, call)
    }

    /// Whether a file lies where `call` looks, beyond where it is started.
    pub(in super::super) fn is_pointed_at(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        file: &str,
    ) -> bool {
        let words = call.arguments.iter().map(String::as_str).chain([call.program]);
        let words =
            words.map(|it| it.rsplit('=').next().unwrap_or(it)).filter(|it| it.contains('/'));
        let mut places = words.flat_map(|word| self.paths(scope, word));
        places.any(|place| {
            let above = place.rsplit_once('/').map_or("", |(above, _)| above);
            let is_file = place.rsplit('/').next().is_some_and(|it| it.contains('.'));
            let own = above.matches('/').count() > 1 || above.starts_with("/tmp");
            path::is_in(file, &place)
                || own && (is_file || place.ends_with(call.name)) && path::is_in(file, above)
        })
    }

    /// The build script that a project names itself.
    pub(in super::super) fn build_scripts(&self, scope: &Scope, call: &Call<'_>) -> Vec<String> {
        if call.name != "cargo" {
            return Vec::new();
        }
        let of = |directory: &String| {
            let text = self.files.text(&format!("{directory}/Cargo.toml"))?;
            let lines = text.lines().filter_map(|line| line.split_once('='));
            let own = lines.filter(|(name, _)| name.trim() == "build").map(|(_, value)| value);
            let own =
                own.map(|value| value.trim().trim_matches(['"', '\'']).to_owned()).next_back()?;
            Some(path::normal(&own, directory))
        };
        scope.directories.iter().filter_map(of).collect()
    }

    /// What the words of a call say that are a program.
    pub(in super::super) fn source_in_words(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let own =
            RUNNERS.iter().find(|(programs, ..)| programs.split(' ').any(|it| it == call.name));
        let Some((_, _, Some(language))) = own else { return Ok(()) };
        for text in call.values(EVALUATED) {
            let source = Source { language: *language, text, file: "", asked: &[] };
            self.compiled(scope, &source)?;
        }
        Ok(())
    }

    /// A source that `call` runs as it stands; whether there is one whose text is known.
    pub(in super::super) fn runs_source(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
    ) -> Result<bool, Unreadable> {
        let own = RUNNERS.iter().find(|(programs, words, _)| {
            programs.split(' ').any(|it| it == call.name) && is_said(call, words)
        });
        let Some((_, _, usual)) = own else { return Ok(false) };
        // What Julia's options are given stands behind a sign.
        let operands = call.operands(if call.name == "julia" { &[] } else { &VALUED });
        let known =
            |it: &&str| self.paths(scope, it).into_iter().find(|it| self.files.text(it).is_some());
        let told = operands.iter().filter(|it| Language::of(it).is_some()).find_map(known);
        // A script says by its first line what runs it, and needs no ending.
        let first = || usual.and_then(|_| operands.first()).and_then(known);
        let file = told.or_else(first);
        let (language, text) = match (&file, call.pipe.stdin.as_deref()) {
            (Some(file), _) => {
                (Language::of(file).or(*usual), self.files.text(file).unwrap_or_default())
            }
            (None, Some(typed)) if operands.is_empty() || operands == ["-"] => {
                (*usual, typed.into())
            }
            _ => return Ok(false),
        };
        let Some(language) = language else { return Ok(false) };
        let name = file.as_deref().unwrap_or_default();
        if text.chars().all(|it| it == UNKNOWN) {
            self.unseen_program(scope, call.name, false);
            return Ok(true);
        }
        let source = Source { language, text: &text, file: name, asked: &[] };
        let clear = self.compiled(scope, &source)?;
        // What somebody else wrote is as it always was.
        if !clear && (name.is_empty() || self.files.wrote().iter().any(|it| it == name)) {
            self.unseen_program(scope, call.name, false);
        }
        Ok(true)
    }
}
