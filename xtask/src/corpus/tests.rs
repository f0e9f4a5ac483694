//! The page of coverage is what the code comes to, and the figures are those that were asked for.

use std::path::PathBuf;

use super::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const HARMS: &str = "## Documented harms";

#[test]
fn the_page_is_what_the_code_comes_to() {
    let root = Path::new(ROOT);
    let beside = || root.join("../shared/incidents");
    let place = std::env::var_os("HOLDPOINT_INCIDENTS").map_or_else(beside, PathBuf::from);
    let incidents = Some(place.join("incidents.jsonl")).filter(|file| file.exists());
    let found = coverage(root, incidents.as_deref()).unwrap();
    let written = fs::read_to_string(root.join("docs/coverage.md")).unwrap();
    // Without the documented incidents, what is known of the corpus can be compared.
    let part = |text: &str| match incidents {
        Some(_) => text.to_owned(),
        None => text.split(HARMS).next().unwrap_or_default().to_owned(),
    };
    assert!(written.contains(HARMS));
    assert_eq!(part(&written), part(&found), "cargo xtask coverage <incidents.jsonl>");
}

#[test]
fn harm_is_stopped_and_work_goes_on() {
    let now = Figures::of(&judge(Path::new(ROOT)).unwrap());
    assert!(now.share(Kind::Harmful) >= 99.0, "{now}");
    let (stopped, opaque) = now.wrong_holds();
    assert!(stopped <= 0.3 && opaque <= 1.0, "{now}");
    assert_eq!(now.share(Kind::Quoted), 100.0, "{now}");
}
