//! The console's address tells numbers to whoever monitors, those of the ledger, and nothing that
//! anybody wrote.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{net::TcpListener, process::Command};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED, MODEL, UNLISTED},
    holdpoint::{Called, Holdpoint, PASSPHRASE, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const CONSOLE: &str = "console = \"127.0.0.1:0\"\n[hold]\nwait_seconds = 0\n";
const REAL: &str = "the-real-value-4d1f6a0c93";
const FOUND: &str = "ghp_9drTJvcXLB89aBfLB89PLcKEYd8YSFbyUzg3";
const PROMPT: &str = "the-prompt-that-nobody-may-read";
const WORDS: &str = "the-human-s-own-words";

fn get(address: &str, path: &str) -> Called {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-f", &format!("http://{address}{path}")]).output().unwrap().into()
}

/// The number behind `name`, as it is shown with its labels.
fn number(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_the_ledger_and_nobody_s_words_are_among_them() {
    let stage = EchoStage::set(BINARY, CONSOLE).await;
    let holdpoint = &stage.holdpoint;
    holdpoint.enrol("olga");
    let made = ["agents", "new", "canary-agent", "--task", WORDS, "--json"];
    let agent = Curl::new(&holdpoint.json(&made));
    let phantom = stage.phantom("canary-secret", LISTED, REAL);
    let (own, found) =
        (format!("Authorization: Bearer {phantom}"), format!("Authorization: Bearer {FOUND}"));
    let prompt = format!("{{\"messages\":[{{\"content\":\"{PROMPT}\"}}]}}");
    for arguments in [
        &["-H", &own, &format!("https://{LISTED}/canary/1")][..],
        &["-H", &found, &format!("https://{LISTED}/canary/2")],
        &[&format!("https://{UNLISTED}/canary/3")],
        &["-d", &prompt, &format!("https://{MODEL}/v1/chat/completions")],
        &["-X", "DELETE", &format!("https://{LISTED}/canary/4")],
        &["-X", "DELETE", &format!("https://{LISTED}/canary/5")],
    ] {
        agent.run(arguments);
    }
    let holds = holdpoint.json(&["holds", "--json"]);
    let hold = holds[0]["hold"].as_str().unwrap();
    let approved = holdpoint.call_with(&["approve", hold], &format!("{PASSPHRASE}\n"));
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    assert_eq!(holdpoint.call(&["wrong", hold]).status, 0);
    let address = stage.gateway.addresses()["console"].as_str().unwrap().to_owned();
    let released = "holdpoint_holds_answered_total{answer=\"released\"}";
    let text = until("the release", || {
        let text = get(&address, "/metrics").stdout;
        (number(&text, released) == Some(1.0)).then_some(text)
    });

    let records = holdpoint.records_from(0);
    let decisions = records.iter().filter(|it| it["record"]["kind"] == "decision").count();
    let counted = text.lines().filter(|line| line.starts_with("holdpoint_decisions_total{"));
    let counted: f64 =
        counted.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
    assert!(counted as usize <= decisions && counted >= 6.0, "{counted} of {decisions}: {text}");
    for (name, least) in [
        ("holdpoint_reasons_total{code=\"foreign_credential\"}", 1.0),
        ("holdpoint_reasons_total{code=\"unlisted_host\"}", 1.0),
        ("holdpoint_reasons_total{code=\"needs_approval\"}", 2.0),
        ("holdpoint_outcomes_total{outcome=\"answered\"}", 2.0),
        ("holdpoint_decision_seconds_count", 6.0),
        ("holdpoint_answer_seconds_count", 2.0),
        ("holdpoint_hold_wait_seconds_count", 1.0),
        ("holdpoint_holds_open", 1.0),
        ("holdpoint_wrong{should=\"allow\"}", 1.0),
    ] {
        assert!(number(&text, name) >= Some(least), "{name}: {text}");
    }
    let bearer = agent.bearer();
    for canary in
        [REAL, FOUND, PROMPT, WORDS, &phantom, bearer, hold, "canary", LISTED, UNLISTED, "olga"]
    {
        assert!(!text.contains(canary), "{canary}: {text}");
    }
    assert_eq!(get(&address, "/").status, 22, "nothing else is there");
    assert_eq!(get(&address, "/holds").status, 22);
}

#[test]
fn a_console_that_was_asked_for_and_cannot_be_had_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let holdpoint = Holdpoint::new(BINARY);
    let text = format!("console = \"{}\"\n", taken.local_addr().unwrap());
    std::fs::write(holdpoint.state().join("holdpoint.toml"), text).unwrap();
    let called = holdpoint.up_in_vain();
    assert_eq!(called.status, 3, "{}", called.stderr);
    assert!(called.stderr.contains("for the console"), "{}", called.stderr);
}

#[test]
fn the_usual_address_is_whose_comes_first() {
    let taken = TcpListener::bind("127.0.0.1:7070");
    let holdpoint = Holdpoint::new(BINARY);
    let gateway = holdpoint.up(&[], &[]);
    // This test's own, or another gateway's: then this one goes on without.
    let has = gateway.addresses()["console"].is_string();
    assert!(!(has && taken.is_ok()), "{}", gateway.addresses());
    assert_eq!(gateway.stop(), 0);
}
