//! Commands among the words of programs that are not known to start any: `valgrind rm -rf x`,
//! `hyperfine 'rm -rf x'`, `nix-shell --run 'rm -rf x'`. Nobody can list all programs that start
//! another. So the words are read as a command would be, and what that would take away counts: what
//! only speaks of it (a title, a pattern) has no such form, or is known.

use holdpoint_core::Effect;

use super::{
    Step,
    call::{Call, Pipe, base},
    scope::Scope,
    walk::Walk,
};

/// Words of one call at which a command may begin, at most.
const BEGINNINGS_MAX: usize = 12;
/// How often a command that a program bears may bear another.
const BORNE_MAX: usize = 2;
/// Options whose value is a command, whatever the program.
const OPTIONS: &[&str] = &[
    "-c",
    "-e",
    "-x",
    "-C",
    "-TT",
    "-ex",
    "--command",
    "--cmd",
    "--exec",
    "--execute",
    "--run",
    "--shell-command",
    "--eval",
    "--on-success",
    "--on-change",
    "--prepare",
    "--setup",
    "--cleanup",
];
/// Programs whose own words are commands, each of them one.
const RUNNERS: &[&str] = &["hyperfine", "concurrently", "watchexec", "reflex", "multitime"];

impl Walk<'_> {
    /// Reads what the words of a call would do as commands. Whether there is any harm in it.
    pub(super) fn bears(&mut self, scope: &Scope, call: &Call<'_>) -> bool {
        if self.borne >= BORNE_MAX {
            return false;
        }
        self.borne += 1;
        let noted = self.noted();
        for command in said(call) {
            // What is no script was no command either.
            let _ = self.script(&mut scope.clone(), command, &Pipe::captured(None));
        }
        let begins = call.arguments.iter().enumerate().filter(|(_, word)| is_program(word));
        for (at, _) in begins.take(BEGINNINGS_MAX) {
            let words = call.arguments.get(at..).unwrap_or_default();
            let _ = self.call(&mut scope.clone(), words, call.pipe);
        }
        self.borne -= 1;
        self.keep(noted, takes_away);
        self.noted() > noted
    }
}

/// The words of a call that are said to be commands.
fn said<'c>(call: &Call<'c>) -> impl Iterator<Item = &'c str> {
    let runs = RUNNERS.contains(&call.name);
    // What is looked for is no command.
    let options = if call.name.ends_with("grep") { &[] } else { OPTIONS };
    let words = call.arguments.iter().map(String::as_str);
    let own = words.filter(move |word| runs || word.starts_with('!') || word.starts_with("+!"));
    let all = call.values(options).into_iter().chain(own).filter(|word| word.contains(' '));
    // As editors and debuggers say that a command is the shell's.
    all.map(|word| word.trim_start_matches(['+', '!']).trim_start_matches("shell "))
}

/// Whether a word can be a program's name: bare, or in a place for programs.
fn is_program(word: &str) -> bool {
    let placed = word.contains("/bin/") || word.contains("/sbin/");
    let bare = if placed { base(word) } else { word };
    !bare.is_empty()
        && bare.starts_with(|it: char| it.is_ascii_alphabetic())
        && bare.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
}

/// Whether a step is more than a look, and more than a guess at what nobody sees.
fn takes_away(step: &Step) -> bool {
    let harmful = !matches!(
        step.operation.effect,
        Effect::Observe | Effect::Execute | Effect::Create | Effect::Modify
    );
    step.tampers || harmful
}
