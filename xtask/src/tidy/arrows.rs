//! Arrows: which crate may depend on which.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

/// Whom each room may see. Gateway, sandbox and console never see each other: they meet in the
/// store.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("catalog", &["core"]),
    ("wire", &["core", "catalog"]),
    // Stands in for a build tool of pg_query: no room sees it.
    ("bindgen", &[]),
    ("enforce", &["core", "catalog", "wire"]),
    ("store", &["core"]),
    ("snapshots", &["core", "wire", "enforce", "store"]),
    ("gateway", &["core", "catalog", "wire", "enforce", "store"]),
    ("sandbox", &["core", "catalog", "wire", "enforce", "store"]),
    ("console", &["core", "store"]),
    ("posture", &["core", "catalog", "store"]),
    ("drill", &["core", "store"]),
];

/// May see every room; nobody sees them, but the end-to-end tests see the binary.
const TOPS: &[&str] = &["holdpoint", "e2e", "fuzz", "xtask"];

/// Not even in tests.
const STRANGERS: &[&str] = &["gateway", "sandbox", "console"];

/// What points where it must not.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let names = tree.manifests().iter().filter_map(|manifest| manifest.name.as_deref());
    let packages: BTreeSet<&str> = names.collect();
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        let Some(from) = manifest.name.as_deref().map(room) else { continue };
        let finding =
            |line, text| Finding { path: manifest.path.clone(), line, rule: "arrows", text };
        if !TOPS.contains(&from) && sees(from).is_none() {
            let text = format!("`{from}` has no row in the table of arrows (xtask); give it one");
            findings.push(finding(1, text));
        }
        for dependency in &manifest.dependencies {
            let to = room(&dependency.package);
            if packages.contains(dependency.package.as_str()) && !may(from, to, dependency.test) {
                let seen = sees(from).map_or_else(String::new, |rooms| rooms.join(", "));
                let text = format!("`{from}` must not see `{to}`; it may see: [{seen}]");
                findings.push(finding(dependency.line, text));
            }
        }
    }
    findings
}

fn room(package: &str) -> &str {
    package.strip_prefix("holdpoint-").unwrap_or(package)
}

fn sees(from: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(room, _)| *room == from).map(|(_, seen)| *seen)
}

fn may(from: &str, to: &str, test: bool) -> bool {
    if TOPS.contains(&to) {
        return from == "e2e" && matches!(to, "holdpoint" | "xtask");
    }
    if TOPS.contains(&from) {
        return true;
    }
    let strangers = STRANGERS.contains(&from) && STRANGERS.contains(&to);
    sees(from).is_some_and(|seen| seen.contains(&to)) || (test && !strangers)
}
