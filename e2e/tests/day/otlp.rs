//! A collector of OpenTelemetry is told the numbers and a span of each step, and nothing that anybody
//! wrote; where it is gone, nobody waits for it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED},
    holdpoint::{PASSPHRASE, until},
    python::Python,
    running::{Process, free_port},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const COLLECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/day/metrics/collector.py");
const WORDS: &str = "the-human-s-own-words";

fn configuration(port: u16) -> String {
    format!("console = \"127.0.0.1:0\"\notlp = \"127.0.0.1:{port}\"\n[hold]\nwait_seconds = 0\n")
}

fn collector(port: u16, told: &Path) -> Process {
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), &["opentelemetry-proto==1.45.2"]);
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python.packages()).arg(COLLECTOR).arg(port.to_string());
    Process::listening(command.stdout(File::create(told).unwrap()), port)
}

/// One that passes, one that is held and released.
fn work(stage: &EchoStage) {
    stage.holdpoint.enrol("olga");
    let made = ["agents", "new", "canary-agent", "--task", WORDS, "--json"];
    let agent = Curl::new(&stage.holdpoint.json(&made));
    agent.run(&[&format!("https://{LISTED}/canary/1")]);
    agent.run(&["-X", "DELETE", &format!("https://{LISTED}/canary/2")]);
    let holds = stage.holdpoint.json(&["holds", "--json"]);
    let hold = holds[0]["hold"].as_str().unwrap();
    let approved = stage.holdpoint.call_with(&["approve", hold], &format!("{PASSPHRASE}\n"));
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    until("it is done", || {
        let done = |line: &str| line.starts_with(hold) && line.contains(" done ");
        stage.holdpoint.call(&["holds", "--all"]).stdout.lines().any(done).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_the_numbers_and_a_span_of_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let (port, file) = (free_port(), folder.path().join("told"));
    let _collector = collector(port, &file);
    let stage = EchoStage::set(BINARY, &configuration(port)).await;
    work(&stage);
    // What is not told yet is told when it ends.
    assert_eq!(stage.gateway.stop(), 0);
    let told = fs::read_to_string(&file).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said =
        |path: &'static str| told.iter().filter(move |it| it["path"] == path).map(|it| &it["said"]);

    let last = said("/v1/metrics").next_back().unwrap();
    let metrics = last["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let metric = |name: &str| metrics.iter().find(|it| it["name"] == name).unwrap();
    let answered = &metric("holdpoint.holds_answered")["sum"]["dataPoints"][0];
    assert_eq!(answered["attributes"][0]["value"]["stringValue"], "released", "{answered}");
    assert_eq!(answered["asInt"], "1");
    assert_eq!(metric("holdpoint.hold_wait")["histogram"]["dataPoints"][0]["count"], "1");

    let spans: Vec<&Value> = said("/v1/traces")
        .flat_map(|it| it["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap())
        .collect();
    let named = |name: &str| spans.iter().filter(|it| it["name"] == name).collect::<Vec<_>>();
    let (decisions, holds) = (named("decision"), named("hold"));
    assert!(decisions.len() >= 2 && !named("answer").is_empty(), "{spans:?}");
    assert_eq!(holds.len(), 1, "{spans:?}");
    let held = decisions.iter().find(|it| it["traceId"] == holds[0]["traceId"]).unwrap();
    assert_eq!(holds[0]["parentSpanId"], held["spanId"]);
    assert_eq!(held["traceId"].as_str().unwrap().len(), 32);
    let index = |span: &Value| {
        let attributes = span["attributes"].as_array().unwrap();
        let index = attributes.iter().find(|it| it["key"] == "holdpoint.ledger.index").unwrap();
        index["value"]["intValue"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let records = stage.holdpoint.records_from(index(held));
    assert_eq!(records[0]["record"]["verdict"], "hold", "the ledger says the same: {records:?}");
    let all = told.iter().map(Value::to_string).collect::<String>();
    for canary in [WORDS, "canary", LISTED, "olga"] {
        assert!(!all.contains(canary), "{canary}: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_collector_that_is_gone() {
    let stage = EchoStage::set(BINARY, &configuration(free_port())).await;
    work(&stage);
    let began = Instant::now();
    assert_eq!(stage.gateway.stop(), 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
