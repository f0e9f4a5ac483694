//! The command interpreter of Windows: a small grammar of our own, from the marks that join
//! commands to `if`, `for` and blocks, walked in every branch.
//!
//! - `token`: marks and words
//! - `variable`: what stands for something else
//! - `own`: what its own commands do

mod own;
mod token;
mod variable;

use std::collections::BTreeMap;

use super::{Step, call::Pipe, expand::UNKNOWN, scope::Scope, walk::Walk};
use crate::Unreadable;
use token::{Kind, TOKENS_MAX, Token, tokens};

/// Blocks, branches, and texts within texts.
const DEPTH_MAX: usize = 24;
/// Commands of one script, counted as often as they are read.
const COMMANDS_MAX: usize = 2_000;
/// Rounds of one `for`.
const ROUNDS_MAX: usize = 32;

/// Reads a script, and answers what it prints.
pub(super) fn read(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    text: &str,
    pipe: &Pipe,
) -> Result<String, Unreadable> {
    let text = text.replace("\r\n", "\n");
    let line = scope.variables.clone();
    let mut batch =
        Batch { walk, scope, line, early: false, rounds: Vec::new(), depth: 0, commands: 0 };
    batch.script(&text, false, pipe)
}

/// What is known while a script is read.
struct Batch<'r, 'a> {
    walk: &'r mut Walk<'a>,
    scope: &'r mut Scope,
    /// Variables as they were when the line began: that is when `%NAME%` is put in.
    line: BTreeMap<String, Vec<String>>,
    /// Texts are filled with these.
    early: bool,
    /// Variables of `for`, by their letter.
    rounds: Vec<(char, String)>,
    depth: usize,
    commands: usize,
}

/// A place in a text.
struct Place<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    /// Its variables have been put in.
    filled: bool,
}

impl Place<'_> {
    fn token(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, kind: Kind) -> bool {
        self.token().is_some_and(|token| token.kind == kind)
    }

    fn word(&self) -> Option<&str> {
        self.token().filter(|it| it.kind == Kind::Word).map(|it| it.text.as_str())
    }

    fn next_word(&mut self) -> Option<String> {
        let word = self.word()?.to_owned();
        self.at += 1;
        Some(word)
    }

    /// Goes on behind `word`, if that stands here.
    fn takes(&mut self, word: &str) -> bool {
        let here = self.word().is_some_and(|it| it.eq_ignore_ascii_case(word));
        self.at += usize::from(here);
        here
    }
}

impl Batch<'_, '_> {
    fn script(&mut self, text: &str, filled: bool, pipe: &Pipe) -> Result<String, Unreadable> {
        let tokens = tokens(text);
        if self.depth >= DEPTH_MAX || tokens.len() >= TOKENS_MAX {
            self.walk.push(Step::opaque("shell:too_deep", true));
            return Ok(UNKNOWN.to_string());
        }
        self.depth += 1;
        let mut place = Place { text, tokens, at: 0, filled };
        let mut output = String::new();
        while place.token().is_some() {
            output += &self.list(&mut place, pipe)?;
            place.at += 1;
        }
        self.depth -= 1;
        Ok(output)
    }

    /// Commands up to the end, or to the bracket that closes a block.
    fn list(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        let mut output = String::new();
        let mut carried: Option<String> = None;
        while let Some(token) = place.token().filter(|it| it.kind != Kind::Close) {
            match token.kind {
                Kind::And => place.at += 1,
                Kind::Line => {
                    place.at += 1;
                    if self.depth <= 1 {
                        self.line = self.scope.variables.clone();
                    }
                }
                Kind::Pipe => {
                    place.at += 1;
                    carried = Some(std::mem::take(&mut output));
                }
                _ => {
                    let stdin = carried.take().or_else(|| pipe.stdin.clone());
                    let printed = self.command(place, &Pipe { stdin, ..pipe.clone() })?;
                    output = printed;
                }
            }
        }
        Ok(output)
    }

    fn command(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        self.commands += 1;
        if self.depth >= DEPTH_MAX || self.commands > COMMANDS_MAX {
            self.walk.push(Step::opaque("shell:too_deep", true));
            place.at = place.tokens.len();
            return Ok(UNKNOWN.to_string());
        }
        self.depth += 1;
        let output = self.one(place, pipe);
        self.depth -= 1;
        output
    }

    fn one(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        if place.is(Kind::Open) {
            place.at += 1;
            let output = self.list(place, pipe)?;
            place.at += usize::from(place.is(Kind::Close));
            return Ok(output);
        }
        let word = place.word().unwrap_or_default();
        match word.trim_start_matches('@').to_ascii_lowercase().as_str() {
            "if" => self.choice(place, pipe),
            "for" => self.round(place, pipe),
            "rem" => {
                place.at += 1;
                // What is joined to it right there is no comment.
                if !place.is(Kind::And) && !place.is(Kind::Pipe) {
                    while place.token().is_some_and(|it| it.kind != Kind::Line) {
                        place.at += 1;
                    }
                }
                Ok(String::new())
            }
            _ => self.simple(place, pipe),
        }
    }

    /// `if`, either way.
    fn choice(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        place.at += 1;
        while place.takes("/i") || place.takes("not") {}
        let tests = ["exist", "defined", "errorlevel", "cmdextversion"];
        if tests.iter().any(|it| place.takes(it)) {
            place.at += 1;
        } else {
            let quoted = place.token().is_some_and(|it| it.quoted);
            let first = place.next_word().unwrap_or_default();
            let more = match first.contains("==") {
                true => first.ends_with("==") && !quoted,
                // `a == b`, `a ==b`, `a EQU b`.
                false => place.next_word().is_some_and(|it| it == "==" || !it.starts_with("==")),
            };
            place.at += usize::from(more);
        }
        let before = self.scope.clone();
        let mut output = self.command(place, pipe)?;
        self.joins(&before);
        if place.takes("else") {
            output += &self.command(place, pipe)?;
            self.joins(&before);
        }
        Ok(output)
    }

    /// After what may not have been done: what it changed is unknown.
    fn joins(&mut self, before: &Scope) {
        let mut after = self.scope.clone();
        for (name, value) in &mut after.variables {
            if !before.variables.contains_key(name) {
                *value = vec![UNKNOWN.to_string()];
            }
        }
        *self.scope = after.joined(before.clone());
    }

    /// `for`, round by round.
    fn round(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        place.at += 1;
        let mut flags = Vec::new();
        while let Some(word) = place.word().filter(|it| !it.starts_with('%')) {
            flags.push(self.filled(word));
            place.at += 1;
        }
        let variable = place.next_word().unwrap_or_default();
        let letter = variable.trim_start_matches('%').chars().next().unwrap_or('?');
        place.takes("in");
        let mut values = Vec::new();
        if place.is(Kind::Open) {
            place.at += 1;
            while place.token().is_some_and(|it| it.kind != Kind::Close) {
                if let Some(word) = place.word() {
                    values.push(self.filled(word));
                }
                place.at += 1;
            }
            place.at += 1;
        }
        place.takes("do");
        let values = self.values(&flags, values)?;
        let start = place.at;
        let mut output = String::new();
        if values.len() > ROUNDS_MAX {
            self.walk.push(Step::opaque("shell:too_much", true));
        }
        for value in values.iter().take(ROUNDS_MAX) {
            place.at = start;
            self.rounds.push((letter, value.clone()));
            let printed = self.command(place, pipe);
            self.rounds.pop();
            output += &printed?;
        }
        Ok(output)
    }

    /// What the variable of a `for` becomes, in turn.
    fn values(&mut self, flags: &[String], set: Vec<String>) -> Result<Vec<String>, Unreadable> {
        let has = |flag: &str| flags.iter().any(|it| it.eq_ignore_ascii_case(flag));
        let unknown = || vec![UNKNOWN.to_string()];
        if has("/l") {
            return Ok(unknown());
        }
        if has("/f") {
            let script = set.join(" ");
            let text = script.trim_matches(['\'', '`']);
            if text.len() < script.len() {
                let printed = self.script(text, true, &Pipe::captured(None))?;
                let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
                return Ok(if lines.is_empty() { unknown() } else { lines });
            }
            return Ok(unknown());
        }
        // Every file below a directory.
        let below = flags.iter().find(|it| !it.starts_with('/')).filter(|_| has("/r"));
        let values: Vec<String> = match below {
            Some(directory) => set.iter().map(|it| format!("{directory}\\{it}")).collect(),
            None => set,
        };
        Ok(if values.is_empty() { unknown() } else { values })
    }

    /// One command with its words, up to the mark behind it.
    fn simple(&mut self, place: &mut Place<'_>, pipe: &Pipe) -> Result<String, Unreadable> {
        let start = place.at;
        let mut open = 0_usize;
        while let Some(token) = place.token() {
            match token.kind {
                Kind::And | Kind::Line | Kind::Pipe => break,
                Kind::Open => open += 1,
                Kind::Close if open == 0 => break,
                Kind::Close => open -= 1,
                _ => {}
            }
            place.at += 1;
        }
        let tokens = place.tokens.get(start..place.at).unwrap_or_default();
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Ok(String::new());
        };
        if !place.filled {
            let raw = place.text.get(first.span.start..last.span.end).unwrap_or_default();
            let filled = self.filled(raw);
            self.early = true;
            let early = self.filled(raw);
            self.early = false;
            if early != filled && early != raw {
                self.script(&early, true, pipe)?;
            }
            if filled != raw {
                return self.script(&filled, true, pipe);
            }
        }
        let (mut words, mut sinks) = (Vec::new(), Vec::new());
        let mut tokens = tokens.iter();
        while let Some(token) = tokens.next() {
            match token.kind {
                Kind::Word => words.push((token.text.clone(), token.quoted)),
                Kind::Into | Kind::Append => {
                    let file = tokens.next().map(|it| it.text.clone()).unwrap_or_default();
                    sinks.push((file, token.kind == Kind::Append));
                }
                Kind::From => drop(tokens.next()),
                Kind::Open => words.push(("(".to_owned(), false)),
                Kind::Close => words.push((")".to_owned(), false)),
                Kind::And | Kind::Line | Kind::Pipe => {}
            }
        }
        let output = self.own(&words, pipe)?;
        for (file, append) in &sinks {
            if !file.eq_ignore_ascii_case("nul") {
                let path = super::windows::path(file);
                self.walk.writes(self.scope, &path, &output, *append);
            }
        }
        Ok(if sinks.is_empty() { output } else { String::new() })
    }
}

#[cfg(test)]
mod tests;
