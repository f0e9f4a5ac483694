//! Files of episodes, and what `holdpoint explain` answers to them.
//!
//! Each line says in `x_expect` what is to be decided about each of its operations: the verdict,
//! and the first reason's code where there is one (`hold needs_approval`). A line with
//! `"x_live": false` is nothing that a client could send to a gateway as it stands.

use std::path::PathBuf;

use serde_json::Value;

use crate::holdpoint::Holdpoint;

/// A file below `examples`.
pub fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// The lines of a file.
pub fn read(path: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `explain` answers to `episodes`, one for each.
pub fn explain(holdpoint: &Holdpoint, episodes: &[Value]) -> Vec<Value> {
    let batch: String = episodes.iter().map(|episode| format!("{episode}\n")).collect();
    let called = holdpoint.call_with(&["explain", "--batch", "-"], &batch);
    assert_eq!(called.status, 0, "{}{}", called.stdout, called.stderr);
    let answers: Vec<Value> =
        called.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), episodes.len());
    answers
}

/// What an answer says about each operation, written as `x_expect` is.
pub fn verdicts(answer: &Value) -> Vec<String> {
    let operations = answer["operations"].as_array().unwrap();
    operations.iter().map(|operation| verdict(operation, &operation["reasons"])).collect()
}

/// A verdict, and the code of the first of its reasons.
pub fn verdict(judged: &Value, reasons: &Value) -> String {
    let code = reasons[0]["code"].as_str().map(|code| format!(" {code}"));
    format!("{}{}", judged["verdict"].as_str().unwrap(), code.unwrap_or_default())
}

/// Every line of the file that is answered otherwise than it expects.
pub fn surprises(holdpoint: &Holdpoint, path: &PathBuf) -> Vec<String> {
    let episodes = read(path);
    let answers = explain(holdpoint, &episodes);
    let surprise = |(episode, answer): (&Value, &Value)| {
        let expected: Vec<String> = serde_json::from_value(episode["x_expect"].clone()).unwrap();
        let found = verdicts(answer);
        (found != expected).then(|| format!("{}: {found:?}, not {expected:?}", episode["id"]))
    };
    episodes.iter().zip(&answers).filter_map(surprise).collect()
}
