//! What the papers say of the configuration is what the code does.

use holdpoint_store::config::{
    HoldTerms, Limits, RefusalTerms, RunTerms, Setting, SnapshotTerms, SqlTerms,
};

const LIMITS: &str = include_str!("../../../docs/limits.md");

/// A number as the papers write it.
fn written(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[test]
fn every_setting_is_in_the_papers() {
    let check = |section: &str, settings: &[Setting]| {
        for Setting { name, default, min, max, doc } in settings {
            let [default, min, max] = [*default, *min, *max].map(written);
            let doc = doc.trim_end_matches('.');
            let row = format!("| {doc} | `{section}.{name}` | {default} | {min} to {max} |");
            assert!(LIMITS.lines().any(|line| line == row), "docs/limits.md lacks:\n{row}");
        }
    };
    check("limits", Limits::SETTINGS);
    check("hold", HoldTerms::SETTINGS);
    check("refusals", RefusalTerms::SETTINGS);
    check("run", RunTerms::SETTINGS);
    check("snapshots", SnapshotTerms::SETTINGS);
    check("sql", SqlTerms::SETTINGS);
}
