//! `holdpoint explain`: what it answers, always the same, and never something else than a live
//! gateway decides.

use std::thread;

use e2e::{
    episodes::{example, explain, read, surprises, verdict},
    holdpoint::Holdpoint,
    replay::{Live, Replay, Upstreams},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const EPISODES: &str = "episodes/http.jsonl";
/// How many gateways run at once.
const GATEWAYS: usize = 4;

#[test]
fn every_episode_is_judged_as_it_says() {
    for name in [
        EPISODES,
        "episodes/everyday.jsonl",
        "episodes/lookalikes.jsonl",
        "episodes/spellings.jsonl",
    ] {
        let surprises = surprises(&Holdpoint::new(BINARY), &example(name));
        assert!(surprises.is_empty(), "{name}\n{}", surprises.join("\n"));
    }
}

/// What `explain` said about the operations of an episode, in a live gateway's shape.
fn explained(answer: &Value) -> Vec<Live> {
    let operations = answer["operations"].as_array().unwrap().iter();
    let live = |judged: &Value| Live {
        verdict: verdict(judged, &judged["reasons"]),
        meanings: judged["meanings"].clone(),
    };
    operations.map(live).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_gateway_decides_as_explain_says() {
    let mut episodes = read(&example(EPISODES));
    episodes.retain(|episode| episode["x_live"] != false);
    let answers = explain(&Holdpoint::new(BINARY), &episodes);
    let upstreams = Upstreams::start(&episodes).await;
    let compare = |(episode, answer): (&Value, &Value)| {
        let (live, explained) =
            (Replay::start(BINARY, &upstreams, episode).run(), explained(answer));
        (live != explained)
            .then(|| format!("{}\n  live    {live:?}\n  explain {explained:?}", episode["id"]))
    };
    let pairs: Vec<_> = episodes.iter().zip(&answers).collect();
    let differences: Vec<String> = thread::scope(|scope| {
        let share =
            |share: Vec<_>| scope.spawn(move || share.into_iter().filter_map(compare).collect());
        let shares = pairs.chunks(pairs.len().div_ceil(GATEWAYS)).map(<[_]>::to_vec).map(share);
        let running: Vec<thread::ScopedJoinHandle<'_, Vec<String>>> = shares.collect();
        running.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    let allowed = answers.iter().flat_map(explained).filter(|it| it.verdict == "allow").count();
    assert_eq!(upstreams.arrived(), allowed, "exactly what is allowed arrives");
}

#[test]
fn the_same_batch_is_answered_with_the_same_bytes() {
    let holdpoint = Holdpoint::new(BINARY);
    let batch = example(EPISODES);
    let arguments = ["explain", "--batch", batch.to_str().unwrap()];
    let (once, again) = (holdpoint.call(&arguments), holdpoint.call(&arguments));
    assert_eq!(once.status, 0, "{}", once.stderr);
    assert!(!once.stdout.is_empty());
    assert_eq!(once.stdout, again.stdout);
    let state = std::fs::read_dir(holdpoint.state()).unwrap();
    assert_eq!(state.count(), 0, "explain touches nothing");
}

#[test]
fn a_malformed_line_is_named_and_the_others_are_answered() {
    let good = |id: &str| {
        let get = json!({"kind": "http", "method": "GET", "url": "https://api.github.com/user"});
        json!({"id": id, "operations": [get]})
    };
    let with = |key: &str| {
        let mut episode = good("typo");
        episode[key] = json!("staging");
        episode.to_string()
    };
    let within = |place: &str, key: &str| {
        let mut episode = good("typo");
        episode["task"] = json!({});
        episode["hosts"] = json!([{"host": "a.example", "speaks": "rest"}]);
        episode.pointer_mut(place).unwrap()[key] = json!("staging");
        episode.to_string()
    };
    for (line, id, says) in [
        ("{".to_owned(), Value::Null, "EOF"),
        ("[]".to_owned(), Value::Null, "id"),
        (r#"{"operations":[]}"#.to_owned(), Value::Null, "id"),
        (r#"{"id":"bare"}"#.to_owned(), json!("bare"), "operations"),
        (r#"{"id":"k","operations":[{"kind":"smoke"}]}"#.to_owned(), json!("k"), "smoke"),
        (with("enviroment"), json!("typo"), "`enviroment`"),
        (within("/operations/0", "credentials"), json!("typo"), "`credentials`"),
        (within("/task", "enviroment"), json!("typo"), "`enviroment`"),
        (within("/hosts/0", "enviroment"), json!("typo"), "`enviroment`"),
        (within("/task", "environment").replace("staging", "stagging"), json!("typo"), "stagging"),
    ] {
        let batch = format!("{}\n\n{line}\n{}\n", good("before"), good("after"));
        let called = Holdpoint::new(BINARY).call_with(&["explain", "--batch", "-"], &batch);
        assert_eq!(called.status, 2, "{line}");
        let answers: Vec<Value> =
            called.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [before, malformed, after] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((&before["verdict"], &after["verdict"]), (&json!("allow"), &json!("allow")));
        assert_eq!((&before["id"], &after["id"]), (&json!("before"), &json!("after")));
        let error = malformed["error"].as_str().unwrap();
        assert!(error.starts_with("line 3: ") && error.contains(says), "{line}: {error}");
        assert_eq!(malformed["id"], id, "{line}");
        assert!(called.stderr.contains("1 malformed"), "{}", called.stderr);
    }
}

#[test]
fn what_begins_with_x_is_the_authors_own() {
    let operation = json!({
        "kind": "http", "method": "GET", "url": "https://api.github.com/user", "x_note": 1
    });
    let annotated = json!({
        "id": "noted", "operations": [operation], "x_expect": [], "date": "2026-05-01",
        "summary": "…", "recoverable": false,
    });
    let answers = explain(&Holdpoint::new(BINARY), &[annotated]);
    assert_eq!(answers[0]["verdict"], "allow");
}

#[test]
fn micros_are_added_where_they_are_asked_for() {
    let batch = example(EPISODES);
    let times = |more: &[&str]| -> Vec<Value> {
        let arguments = [&["explain", "--batch", batch.to_str().unwrap()], more].concat();
        let called = Holdpoint::new(BINARY).call(&arguments);
        assert_eq!(called.status, 0, "{}", called.stderr);
        let answers = called.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        answers
            .flat_map(|answer: Value| answer["operations"].as_array().unwrap().clone())
            .map(|operation| operation["micros"].clone())
            .collect()
    };
    assert!(times(&[]).iter().all(Value::is_null));
    assert!(times(&["--micros"]).iter().all(Value::is_u64));
}

#[test]
fn a_file_that_is_not_there_could_not_be_read() {
    let called = Holdpoint::new(BINARY).call(&["explain", "--batch", "/nowhere/episodes.jsonl"]);
    assert_eq!(called.status, 3);
    assert!(called.stderr.contains("/nowhere/episodes.jsonl"), "{}", called.stderr);
}
