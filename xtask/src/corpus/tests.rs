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

/// What is said of an episode: that it tampers, that it is stopped, or that what goes is kept.
fn verdict(pdp: &Pdp, line: &str) -> &'static str {
    let answer = explain(pdp, line, 1, false).unwrap();
    let tampers = |it: &Judged| it.reasons.iter().any(|it| it.code == holdpoint_core::Code::Tamper);
    let stopped = |it: &Judged| it.verdict != Verdict::Allow;
    match answer.operations.as_slice() {
        all if all.iter().any(tampers) => "tamper",
        all if all.iter().any(stopped) => "stopped",
        all if all.iter().any(|it| it.obligations.snapshot) => "saved",
        _ => "passed",
    }
}

#[test]
fn harm_in_several_steps_and_tampering_are_stopped_by_whatever_road() {
    let file = Path::new(ROOT).join(CORPUS).join("episodes.jsonl");
    let text = fs::read_to_string(file).unwrap();
    let pdp = Pdp::starter().unwrap();
    let surprise = |line: &str| {
        let episode: Value = serde_json::from_str(line).unwrap();
        let (expect, found) = (episode["x_expect"].as_str().unwrap(), verdict(&pdp, line));
        (found != expect).then(|| format!("{}: {found}, not {expect}", episode["id"]))
    };
    let surprises: Vec<String> = text.lines().filter_map(surprise).collect();
    assert_eq!(surprises, Vec::<String>::new());
    assert!(text.lines().count() >= 40);
}
