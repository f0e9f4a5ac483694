//! What people and agents read, word by word: goldens to be read aloud, and to be shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, path::PathBuf};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED, OTHER, UNLISTED},
    enclosed::Enclosed,
    holdpoint::{Called, Holdpoint},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// Lines of `doctor` that say the same on every machine.
const SAME: [&str; 4] = ["gateway", "ledger", "approvers", "agents"];

/// Compares with `e2e/tests/day/words/NAME.txt`; `HOLDPOINT_GOLDEN=1` writes it.
fn golden(name: &str, text: &str) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/day/words/{name}.txt"));
    if std::env::var_os("HOLDPOINT_GOLDEN").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name}: HOLDPOINT_GOLDEN=1 writes it anew");
}

/// What `known` names as it says, digests and other long hexadecimal words as HEX, and every other
/// number as N where `numbers` is true.
fn settled(text: &str, known: &[(&str, &str)], numbers: bool) -> String {
    let text = known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let (mut settled, mut word) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if belongs(c) {
            word.push(c);
            continue;
        }
        let hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let hold = word.len() == 10 && word.starts_with("h-");
        match hex && word.contains(|c: char| c.is_ascii_digit()) {
            true => settled += "HEX",
            false if hold => settled += "HOLD",
            false if numbers => settled += &without_numbers(&word),
            false => settled += &word,
        }
        word.clear();
        settled.push(c);
    }
    settled
}

fn without_numbers(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        match c.is_ascii_digit() {
            true if text.ends_with('N') => {}
            true => text.push('N'),
            false => text.push(c),
        }
    }
    text
}

fn hold_of(holdpoint: &Holdpoint) -> String {
    holdpoint.json(&["holds", "--json"])[0]["hold"].as_str().unwrap().to_owned()
}

/// The refusal, the held answer, the card, what waits, and `holdpoint` alone.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_the_card() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let holdpoint = &stage.holdpoint;
    let production = ["hosts", "add", OTHER, "--speaks", "rest", "--environment", "production"];
    assert_eq!(holdpoint.call(&production).status, 0);
    let made = ["agents", "new", "fixer", "--task", "mend the login page", "--json"];
    let made = holdpoint.json(&made);
    let agent = Curl::new(&made);
    let refused = agent.run(&[&format!("https://{UNLISTED}/items/5")]).json();
    agent.run(&["-X", "DELETE", &format!("https://{LISTED}/items/4")]);
    let first = hold_of(holdpoint);
    assert_eq!(holdpoint.call(&["holds", &first]).status, 0);
    let url = format!("https://{OTHER}/items/5");
    let held = agent.run(&["-X", "DELETE", "-d", "so that the page\u{1b}[2J loads", &url]).json();
    let hold = held["hold"].as_str().unwrap();
    let record = holdpoint.records_from(0);
    let run = record.iter().find_map(|it| it["record"]["principal"]["run"].as_str()).unwrap();
    let known = [(hold, "HOLD"), (&*first, "FIRST"), (run, "RUN")];
    golden("refusal", &settled(refused["detail"].as_str().unwrap(), &known, true));
    golden("held", &settled(held["detail"].as_str().unwrap(), &known, true));
    let card = holdpoint.call(&["holds", hold]).stdout;
    let card = settled(&card, &known, false).replace(" 1 s before", " 0 s before");
    golden("card", &card);
    golden(
        "newest",
        &settled(&holdpoint.call(&[]).stdout, &known, false).replace(" 1 s before", " 0 s before"),
    );
    golden("holds", &settled(&holdpoint.call(&["holds"]).stdout, &known, false));
}

/// The banner, the end, and `status` inside and outside.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_begins_and_ends() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let first = place.call(&["status"]).stdout;
    let script =
        format!("/run/holdpoint/holdpoint status; curl -s -o /dev/null https://{UNLISTED}/");
    let called = place.script(&script);
    let directory = place.path("");
    let directory = directory.display().to_string();
    let directory = directory.trim_end_matches('/');
    let run = called.stderr.split_once("run ").unwrap().1.split(';').next().unwrap().to_owned();
    let point = called.stderr.split_once("undo point   ").unwrap().1.split(':').next().unwrap();
    let known = [(directory, "PLACE"), (&*run, "RUN"), (point, "POINT")];
    golden("status", &settled(&format!("outside: {first}inside: {}", called.stdout), &known, true));
    // Where the first save takes long, a line says so.
    let (slow, lines) = ("holdpoint: saving all of ", called.stderr.split_inclusive('\n'));
    let told: String = lines.filter(|line| !line.starts_with(slow)).collect();
    golden("run", &settled(&told, &known, true));
}

#[test]
fn doctor_says_what_is_wanting_and_the_mend() {
    let holdpoint = Holdpoint::new(BINARY);
    let said = holdpoint.call(&["doctor"]).stdout;
    let mut lines = Vec::new();
    let mut same = false;
    for line in said.lines() {
        if !line.trim_start().starts_with('\u{2192}') {
            let label = line.split_whitespace().nth(1).unwrap_or_default();
            same = SAME.contains(&label);
        }
        // What the machine has is another on each.
        lines.extend(same.then_some(line));
    }
    golden("doctor", &settled(&(lines.join("\n") + "\n"), &[], true));
}

#[test]
fn the_tabletop_is_told() {
    let holdpoint = Holdpoint::new(BINARY);
    let told = holdpoint.call(&["tabletop"]);
    assert_eq!(told.status, 0, "{}", told.stderr);
    // Where lines break depends on how long a number is.
    let text =
        told.stdout.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    golden("tabletop", &settled(&text.collect::<Vec<_>>().join("\n\n"), &[], true));
}

/// Every error of the configuration, as whoever wrote it sees it.
#[test]
fn errors_of_the_configuration() {
    let holdpoint = Holdpoint::new(BINARY);
    let host = "[[hosts]]\nhost = \"a.example\"\nspeaks = \"rest\"\n";
    let mut told = String::new();
    for text in [
        "proxi = \"127.0.0.1:1\"",
        "proxy = \"localhost\"",
        "proxy = 7080",
        "proxy = ",
        "mode = \"off\"",
        "[modes]\nno_such_rule = \"observe\"",
        "[limits]\nholds_opne = 1",
        "[limits]\nholds_open = 0",
        "[hold]\napproval_minutes = 16",
        "[hold]\nunlock_minutes = 61",
        "resolve = [\"a.example:443\"]",
        "policies = [\"\"]",
        "policies = [\"missing.cedar\"]",
        "[[hosts]]\nhost = \"https://a.example\"\nspeaks = \"rest\"",
        "[[hosts]]\nhost = \"a.example\"\nspeaks = \"REST\"",
        "[[hosts]]\nhost = \"a.example\"",
        &format!("{host}port = 0"),
        &format!("{host}environment = \"prod\""),
        &host.repeat(2),
        "[[inventory]]\nresource = \"volume\"\nenvironment = \"staging\"",
        "[upstream]\nproxy = \"socks5://proxy:1080\"",
        "[upstream]\nno_proxy = [\"a..b\"]",
        "[[reverse]]\nlisten = \"0.0.0.0:1\"\nupstream = \"https://a.example\"\nagent = \"a\"",
        "[[database]]\nlisten = \"127.0.0.1:0\"",
    ] {
        fs::write(holdpoint.state().join("holdpoint.toml"), text).unwrap();
        let Called { status, stderr, .. } = holdpoint.call(&["wrong"]);
        let state = holdpoint.state().display().to_string();
        told += &format!(
            "{}\n  {status} {}\n",
            text.replace('\n', " \u{23ce} "),
            stderr.replace(&state, "STATE").trim()
        );
        assert_eq!(status, 2, "{text}: {stderr}");
    }
    golden("configuration", &told);
}
