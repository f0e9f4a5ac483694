//! Mints: who may make a proof. The types stop whoever forgets a step; this stops whoever makes
//! the proof without the deed.

use super::{Finding, names, tree::Tree};

/// A constructor of a proof. The core, which defines it, and tests may name it everywhere.
struct Mint {
    constructor: &'static [&'static str],
    /// Whether the file at this path may name it.
    may: fn(&str) -> bool,
    /// Why not others, and what they do.
    why: &'static str,
}

const MINTS: &[Mint] = &[
    Mint {
        constructor: &["Durable", "at"],
        may: in_ledger,
        why: "only the ledger knows what is on disk; append to it",
    },
    Mint {
        constructor: &["Appended", "at"],
        may: in_ledger,
        why: "only the ledger knows what has a place in it; append to it",
    },
    Mint {
        constructor: &["Receipt", "issue"],
        may: in_fulfiller,
        why: "only a fulfiller has seen the thing itself; let it issue the receipt",
    },
];

/// The proofs that are made elsewhere.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree.sources().iter();
    for source in sources.filter(|source| !source.test && !source.path.starts_with("crates/core/"))
    {
        for named in names::of(&source.syntax).iter().filter(|named| !named.test) {
            for Mint { constructor, may, why } in MINTS {
                if named.ends_with(constructor) && !may(&source.path) {
                    let text = format!("`{}` makes a proof; {why}", constructor.join("::"));
                    let (path, line) = (source.path.clone(), named.line);
                    findings.push(Finding { path, line, rule: "mints", text });
                }
            }
        }
    }
    findings
}

fn in_ledger(path: &str) -> bool {
    path == "crates/store/src/ledger.rs" || path.starts_with("crates/store/src/ledger/")
}

/// `fulfil*.rs`, or anything in a folder `fulfil`.
fn in_fulfiller(path: &str) -> bool {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    file.starts_with("fulfil") || folders.split('/').any(|folder| folder == "fulfil")
}
