//! Files as people have them, labelled line by line: every credential is found, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "what fails here is a failed test"
)]

mod corpus;

use std::collections::BTreeSet;

use corpus::Label;
use holdpoint_catalog::credentials::Finder;
use holdpoint_posture::search::{Cache, search};

#[test]
fn every_labelled_credential_is_found_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let labels = corpus::render(root.path());
    let searched = search(root.path(), Finder::shared(), &mut Cache::default(), &str::to_owned);
    assert!(searched.files >= 60 && labels.len() >= 60, "{searched:?}");
    let place = |path: &std::path::Path, line: usize| format!("{}:{line}", path.display());
    let told = labels.iter().filter(|it| it.label != Label::Missed);
    let expected: BTreeSet<String> = told.map(|it| place(&it.path, it.line)).collect();
    let below = |path: &std::path::Path| path.strip_prefix(root.path()).unwrap().to_owned();
    let exposed = searched.exposed.iter();
    let found: BTreeSet<String> =
        exposed.clone().map(|it| place(&below(it.path.as_deref().unwrap()), it.line)).collect();
    let missed: Vec<_> = expected.difference(&found).collect();
    let alarms: Vec<_> = found.difference(&expected).collect();
    assert!(
        missed.is_empty() && alarms.is_empty(),
        "missed: {missed:#?}\nfalse alarms: {alarms:#?}"
    );
    let tests = exposed.filter(|it| it.is_test()).count();
    assert_eq!(tests, labels.iter().filter(|it| it.label == Label::Test).count());
}
