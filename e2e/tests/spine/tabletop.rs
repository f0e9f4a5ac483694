//! The tabletop as a person or a script calls it: both ways of deleting the volume.

use e2e::holdpoint::{Called, Holdpoint};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const SCENARIOS: [&str; 2] = ["volume-delete", "environment-patch"];
/// Each link of the chain, and the codes by one of which it may be stopped.
const LINKS: [(&str, &[&str]); 8] = [
    ("unnamed", &["unidentified"]),
    ("host", &["unlisted_host"]),
    ("credential", &["foreign_credential"]),
    ("purpose", &["outside_purpose"]),
    ("environment", &["wrong_environment"]),
    ("way_back", &["needs_approval"]),
    ("approval", &["needs_approval"]),
    ("another_road", &["refused_before", "needs_approval"]),
];

fn tabletop(scenario: &str, more: &[&str]) -> Called {
    let arguments = [&["tabletop", "--scenario", scenario], more].concat();
    Holdpoint::new(BINARY).call(&arguments)
}

#[test]
fn without_a_guard_the_data_is_gone_and_with_it_no_link_holds_the_chain() {
    for scenario in SCENARIOS {
        let called = tabletop(scenario, &["--json"]);
        assert_eq!((called.status, called.stderr.as_str()), (0, ""), "{scenario}");
        let told = called.json();
        assert_eq!(told["scenario"], scenario.replace('-', "_"));
        let Value::Object(unguarded) = &told["unguarded"] else { panic!("{told}") };
        assert_eq!(unguarded["volume_deleted"], true, "{scenario}");
        assert_eq!(unguarded["backups_deleted"], 3, "{scenario}");
        let guarded = &told["guarded"];
        assert_eq!(guarded["volume_deleted"], false, "{scenario}");
        assert_eq!(guarded["mutations_executed"], 0, "{scenario}");
        assert_eq!(guarded["honest_work_passed"], true, "{scenario}");
        links_are_stopped(scenario, guarded);
    }
}

fn links_are_stopped(scenario: &str, guarded: &Value) {
    let links = guarded["links"].as_array().unwrap();
    assert_eq!(links.len(), LINKS.len(), "{scenario}");
    for (link, (name, codes)) in links.iter().zip(LINKS) {
        let stopped = link["stopped_by"].as_str().unwrap_or("nothing");
        assert_eq!(link["link"], name, "{scenario}");
        assert!(codes.contains(&stopped), "{scenario} {name}: stopped by {stopped}");
        assert_eq!(link["executed"], 0, "{scenario} {name}");
        let listed = guarded["stopped_by"].as_array().unwrap();
        assert!(listed.iter().any(|code| code == stopped), "{scenario} {name}: not listed");
    }
}

#[test]
fn the_story_names_every_link_and_says_how_it_ends() {
    for (scenario, mutation) in SCENARIOS.iter().zip(["volumeDelete", "environmentPatchCommit"]) {
        let called = tabletop(scenario, &[]);
        assert_eq!(called.status, 0, "{}", called.stderr);
        let story = called.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = tabletop(scenario, &["--json"]).json();
        for (number, link) in (1..).zip(told["guarded"]["links"].as_array().unwrap()) {
            let sentence =
                format!("{number}. The agent {}.", link["what_it_does"].as_str().unwrap());
            let outcome =
                format!("({}, HTTP {})", link["stopped_by"].as_str().unwrap(), link["status"]);
            let told = story.split_once(&sentence).map(|(_, rest)| rest);
            let told =
                told.unwrap_or_else(|| panic!("`{sentence}` is missing:\n{}", called.stdout));
            assert!(told.contains(&outcome), "`{outcome}` is missing:\n{}", called.stdout);
        }
        assert!(story.contains(mutation), "{}", called.stdout);
        assert!(story.ends_with("and the data is still there."), "{}", called.stdout);
        assert!(called.stderr.contains("guarded: the gateway starts"), "{}", called.stderr);
    }
}

#[test]
fn a_scenario_that_nobody_knows_is_a_wrong_call() {
    let called = tabletop("earthquake", &["--json"]);
    assert_eq!(called.status, 2, "{}", called.stdout);
    assert!(called.stderr.contains("volume-delete"), "{}", called.stderr);
}
