//! Docs: every file says in its first line what it is for, and what a page points to is there.

use std::collections::BTreeSet;

use super::{
    Finding, names,
    tree::{Text, Tree},
};

/// What begins the names of the tests that show a sentence: `(test: one, another)`. A name with a
/// question mark is a promise.
const TESTS: &str = "(test: ";

/// The files that do not say, and the pages that point to nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let silent = tree.sources().iter().filter(|source| {
        source.first_line.strip_prefix("//!").is_none_or(|words| words.trim().is_empty())
    });
    let mut findings: Vec<Finding> = silent
        .map(|source| {
            finding(&source.path, 1, "begin with a `//!` line that says what the file is for")
        })
        .collect();
    let functions: BTreeSet<String> =
        tree.sources().iter().flat_map(|source| names::functions(&source.syntax)).collect();
    for page in tree.texts().iter().filter(|text| text.path.ends_with(".md")) {
        findings.extend(broken_links(page, tree));
        findings.extend(missing_tests(page, &functions));
    }
    findings
}

fn finding(path: &str, line: usize, text: impl Into<String>) -> Finding {
    Finding { path: path.to_owned(), line, rule: "docs", text: text.into() }
}

fn broken_links(page: &Text, tree: &Tree) -> Vec<Finding> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let there = |target: &str| {
        let target = join(folder, target);
        tree.texts().iter().any(|text| {
            text.path
                .strip_prefix(&target)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let broken = after(&page.text, "](", ')')
        .into_iter()
        .filter(|(_, target)| !target.contains(':') && !target.starts_with('#') && !there(target));
    broken
        .map(|(line, target)| finding(&page.path, line, format!("`{target}` is not there")))
        .collect()
}

fn missing_tests(page: &Text, functions: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, names) in after(&page.text, TESTS, ')') {
        let names = names.split(',').map(str::trim).filter(|name| !name.starts_with('?'));
        for name in names.filter(|name| !functions.contains(*name)) {
            findings.push(finding(&page.path, line, format!("there is no test `{name}`")));
        }
    }
    findings
}

/// What stands between each `begin` and the next `end`, with its line.
fn after<'a>(text: &'a str, begin: &str, end: char) -> Vec<(usize, &'a str)> {
    let found = text.match_indices(begin).filter_map(|(at, _)| {
        let line = text.get(..at)?.matches('\n').count() + 1;
        Some((line, text.get(at + begin.len()..)?.split(end).next()?))
    });
    found.collect()
}

/// `target` as seen from `folder`, without `..` and without what follows a `#`.
fn join(folder: &str, target: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
