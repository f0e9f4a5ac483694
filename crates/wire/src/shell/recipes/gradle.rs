//! Tasks of Gradle, as far as they delete something or start a program.

use super::{
    super::{call::Call, expand::UNKNOWN, scope::Scope, walk::Walk},
    TARGETS_MAX,
};
use crate::Unreadable;

const NAMES: &[&str] = &["build.gradle", "build.gradle.kts"];
/// Options whose value is a word of its own.
const VALUED: &[&str] =
    &["-p", "--project-dir", "-b", "--build-file", "-x", "--exclude-task", "-I"];

impl Walk<'_> {
    /// What the tasks do that are asked for.
    pub(in super::super) fn gradle(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        if call.has(&["--dry-run", "-m", "--help", "--version"]) {
            return Ok(());
        }
        let mut inner = scope.clone();
        if let Some(directory) = call.value(&["-p", "--project-dir"]) {
            inner.go(directory, true);
        }
        let file = call.value(&["-b", "--build-file"]).map(str::to_owned);
        let Some(file) = file.or_else(|| self.first_file(&inner, NAMES)) else { return Ok(()) };
        let text = self.read(&inner, &file, true);
        let own = |it: &&str| it.rsplit(':').next().unwrap_or(it).to_owned();
        let mut wanted: Vec<String> = call.operands(VALUED).iter().map(own).collect();
        let mut done: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop().filter(|_| done.len() < TARGETS_MAX) {
            if done.contains(&name) {
                continue;
            }
            for block in blocks(&text, &name) {
                wanted.extend(behind(block, "dependsOn").into_iter().flatten());
                self.task_of_gradle(&mut inner, block)?;
            }
            done.push(name);
        }
        Ok(())
    }

    fn task_of_gradle(&mut self, scope: &mut Scope, block: &str) -> Result<(), Unreadable> {
        let deletes = behind(block, "delete").into_iter().chain(behind(block, "project.delete"));
        for path in deletes.flatten() {
            self.deletes(scope, &path, "program:delete");
        }
        for words in behind(block, "commandLine").into_iter().chain(behind(block, "executable")) {
            match words.is_empty() {
                true => self.unseen_program(scope, "gradle", false),
                false => {
                    let pipe = super::super::call::Pipe::terminal();
                    self.call(&mut scope.clone(), &words, &pipe)?;
                }
            }
        }
        Ok(())
    }
}

/// The blocks of a task: `task x(…) {…}`, `tasks.register('x') {…}`, `val x by tasks.registering {…}`.
fn blocks<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let heads = [
        format!("task {name}"),
        format!("task('{name}'"),
        format!("task(\"{name}\""),
        format!("('{name}'"),
        format!("(\"{name}\""),
        format!("(\"{name}\")"),
        format!("val {name} by "),
    ];
    let mut found = Vec::new();
    for head in &heads {
        for (at, _) in text.match_indices(head.as_str()).take(TARGETS_MAX) {
            let rest = text.get(at..).unwrap_or_default();
            let ends = rest.chars().nth(head.chars().count());
            let whole = !head.ends_with(|it: char| it.is_alphanumeric())
                || ends.is_none_or(|it| !it.is_alphanumeric() && it != '_');
            let Some(block) = block(rest).filter(|_| whole) else { continue };
            if !found.contains(&block) {
                found.push(block);
            }
        }
    }
    found
}

/// From the beginning of a line up to the brace that closes the first that it opens.
fn block(text: &str) -> Option<&str> {
    let line = text.find('\n').unwrap_or(text.len());
    let first = text.find('{').filter(|at| *at <= line);
    let Some(first) = first else { return text.get(..line) };
    let (mut open, mut quote) = (0_usize, None);
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < first) {
        match (quote, letter) {
            (Some(own), letter) if own == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{') => open += 1,
            (None, '}') => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return text.get(..=at);
                }
            }
            (None, _) => {}
        }
    }
    Some(text)
}

/// The texts behind each call of `name` in a block, up to the end of its line. What is no text is
/// not known.
fn behind(block: &str, name: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for line in block.split(['\n', ';', '{', '}']).map(str::trim) {
        let Some(rest) = line.strip_prefix(name) else { continue };
        if !rest.starts_with([' ', '(', '=', '\'', '"']) {
            continue;
        }
        let quoted = rest.split(['\'', '"']).skip(1).step_by(2);
        let mut texts: Vec<String> = quoted
            .map(|it| match it.contains('$') {
                true => UNKNOWN.to_string(),
                false => it.to_owned(),
            })
            .collect();
        if texts.is_empty()
            && name.ends_with("delete")
            && !rest.contains("buildDir")
            && !rest.contains("layout.")
        {
            texts.push(UNKNOWN.to_string());
        }
        calls.push(texts);
    }
    calls
}
