//! Makefiles and justfiles.

use super::super::{call::Call, expand::UNKNOWN, scope::Scope, walk::Walk};
use crate::Unreadable;

impl Walk<'_> {
    /// The targets of a Makefile or a justfile.
    pub(in super::super) fn targets(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let mut inner = scope.clone();
        if let Some(directory) = call.value(&["-C", "--directory", "-d", "--working-directory"]) {
            inner.go(directory, true);
        }
        let names: &[&str] = match call.name {
            "just" => &["justfile", "Justfile", ".justfile"],
            _ => &["Makefile", "makefile", "GNUmakefile"],
        };
        let file = call.value(&["-f", "--file", "--justfile"]).map(str::to_owned);
        if let (Some("-"), Some(typed)) = (file.as_deref(), call.pipe.stdin.clone()) {
            let script = recipe(&typed.replace(';', "\n\t"), Vec::new());
            return self.script(&mut inner, &script, call.pipe);
        }
        let file = file.or_else(|| self.first_file(&inner, names));
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
        // What the file does not say is what the environment says.
        let home = scope.value("HOME").map(|home| ("HOME", home));
        let script = scope
            .environment()
            .chain(home)
            .fold(script, |script, (name, value)| script.replace(&format!("$({name})"), value));
        self.script(&mut inner, &script.replace("$$", "$").replace("$(MAKE)", "make"), call.pipe)
    }
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
