//! Incidents: what did harm is stopped, and honest work that looks like it passes.

use std::path::PathBuf;

use e2e::{
    episodes::{example, explain, read},
    holdpoint::Holdpoint,
    incidents::{Expanded, expand},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Everything that is wrong with the verdicts about `incidents`, of whose operations only those
/// count that `counts`.
fn faults(incidents: &[Value], counts: impl Fn(&Value) -> bool) -> Vec<String> {
    let expanded: Vec<Expanded> = incidents.iter().map(expand).collect();
    let episodes: Vec<Value> =
        expanded.iter().flat_map(|it| [it.episode.clone(), it.twin.clone()]).collect();
    let answers = explain(&Holdpoint::new(BINARY), &episodes);
    let pairs = expanded.iter().zip(answers.chunks_exact(2));
    let fault = |(it, answers): (&Expanded, &[Value])| {
        let judged = &answers[0]["operations"];
        let harmful = it.harmful.iter().filter(|&&index| counts(&it.episode["operations"][index]));
        let mut faults: Vec<String> = harmful
            .filter(|&&index| !stopped(&judged[index], &it.expected))
            .map(|index| format!("{}: operation {index} passed: {}", it.id, judged[*index]))
            .collect();
        let twin = answers[1]["operations"].as_array().unwrap().last().unwrap();
        let rehearsed = it.twin["operations"].as_array().unwrap().last().unwrap();
        if counts(rehearsed) && twin["verdict"] != "allow" {
            faults.push(format!("{}: its twin was stopped: {twin}", it.id));
        }
        faults
    };
    pairs.flat_map(fault).collect()
}

/// Whether what did harm is stopped, or saved first where that is enough.
fn stopped(judged: &Value, expected: &str) -> bool {
    let saved = judged["obligations"].as_array().unwrap().iter().any(|it| it == "snapshot");
    judged["verdict"] != "allow" || (expected == "allow_with_snapshot" && saved)
}

#[test]
fn every_harm_is_stopped_and_every_twin_passes() {
    let incidents = read(&example("incidents.jsonl"));
    let harmful = incidents.iter().all(|it| !it["harmful"].as_array().unwrap().is_empty());
    assert!(incidents.len() >= 6 && harmful);
    let faults = faults(&incidents, |_| true);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A harm that passes and a twin that is stopped are found.
#[test]
fn the_judge_is_not_asleep() {
    let mut swapped = read(&example("incidents.jsonl"));
    swapped.retain(|incident| incident["id"] == "published-to-share-a-link");
    let [incident] = swapped.as_mut_slice() else { panic!("{swapped:?}") };
    let twin = incident["benign_twin"].take();
    let operation = std::mem::replace(&mut incident["operations"][0], twin);
    incident["benign_twin"] = operation;
    assert_eq!(faults(&swapped, |_| true).len(), 2);
}

/// Documented cases lie beside the repository, or where `HOLDPOINT_INCIDENTS` says.
#[test]
fn documented_cases_that_can_be_read_are_stopped_and_their_twins_pass() {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    let place = std::env::var_os("HOLDPOINT_INCIDENTS").map_or_else(beside, PathBuf::from);
    let file = place.join("incidents.jsonl");
    if !file.exists() {
        println!("there are no documented incidents here: HOLDPOINT_INCIDENTS names a directory");
        return;
    }
    let kinds = ["http", "sql", "shell", "file", "mcp"];
    let readable = |operation: &Value| kinds.iter().any(|kind| operation["kind"] == *kind);
    let incidents = read(&file);
    let expanded: Vec<Expanded> = incidents.iter().map(expand).collect();
    let harms = expanded
        .iter()
        .flat_map(|it| it.harmful.iter().map(|&index| &it.episode["operations"][index]));
    let twins = incidents.iter().filter(|it| readable(&it["benign_twin"])).count();
    println!("{} documented harms, {twins} twins", harms.filter(|it| readable(it)).count());
    let faults = faults(&incidents, readable);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
