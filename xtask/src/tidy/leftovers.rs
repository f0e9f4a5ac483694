//! Leftovers: what was meant to go before it was committed, and what holds on one machine only.

use syn::{
    Attribute, Macro,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::{Finding, tree::Tree};

/// Folders that only the writer's machine has.
const FOLDERS: &[&str] = &["work", "home"];

/// The home that examples and fixtures use.
const FIXTURE_HOME: &str = "dev";

/// Spelt in parts, so that this file does not find itself.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("TO", "DO")];

/// What is left over.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in tree.texts() {
        for (index, line) in text.text.lines().enumerate() {
            findings.extend(in_line(line).map(|text_| finding(&text.path, index + 1, text_)));
        }
    }
    for source in tree.sources() {
        let mut left = Left::default();
        left.visit_file(&source.syntax);
        findings.extend(left.0.into_iter().map(|(line, text)| finding(&source.path, line, text)));
    }
    findings
}

fn finding(path: &str, line: usize, text: String) -> Finding {
    Finding { path: path.to_owned(), line, rule: "leftovers", text }
}

fn in_line(line: &str) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| line.contains(**mark)) {
        return Some(format!("`{mark}`: do it, or say in an issue that it is to be done"));
    }
    let path = line.match_indices('/').find_map(|(at, _)| machine_path(line, at))?;
    Some(format!("`{path}` is a path of one machine; make it relative, or use /home/dev"))
}

/// The path of the writer's machine that begins at `at`, where a slash is.
fn machine_path(line: &str, at: usize) -> Option<String> {
    let before = line.get(..at)?.chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || "._-/}>)*~".contains(c)) {
        return None;
    }
    let named = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let mut parts = line.get(at + 1..)?.split('/');
    let folder = parts.next()?;
    let within: String = parts.next()?.chars().take_while(|c| named(*c)).collect();
    let foreign = FOLDERS.contains(&folder) && !within.is_empty() && within != FIXTURE_HOME;
    foreign.then(|| format!("/{folder}/{within}"))
}

/// Tests that are skipped and code that is not there.
#[derive(Default)]
struct Left(Vec<(usize, String)>);

impl<'ast> Visit<'ast> for Left {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("ignore") {
            let text = "`#[ignore]`: mend the test, or take it out".to_owned();
            self.0.push((attribute.span().start().line, text));
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let name = called.path.segments.last().map(|segment| segment.ident.to_string());
        if let Some(name @ ("todo" | "unimplemented")) = name.as_deref() {
            let text = format!("`{name}!`: write it, or refuse with a sentence");
            self.0.push((called.span().start().line, text));
        }
        visit::visit_macro(self, called);
    }
}
