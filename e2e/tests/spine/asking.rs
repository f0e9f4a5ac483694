//! What an agent inside may know of itself, what it may ask a human for, and a raw stream that
//! waits for a human.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::Stdio,
    thread,
};

use e2e::{
    echo::LISTED,
    enclosed::Enclosed,
    holdpoint::{Holdpoint, PASSPHRASE, until},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Answers each line with `db: line`.
fn database() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut to = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = to.write_all(format!("db: {line}\n").as_bytes());
                }
            });
        }
    });
    port
}

/// Asks twice in a wrong way and once in the right one, then waits for the answer; tries a raw
/// stream that is held, and again once it was released.
const SCRIPT: &str = r#"
cd "$HOME"
post() { curl -s -m 20 -o said -w '%{http_code}\n' -X POST -d "$1" http://holdpoint.internal/ask; }
post '{"grant":"railway"}'
post '{"grant":"railway","why":"list","approve":true}'
post '{"grant":"railway","why":"list the \u001b[2J domains"}'
hold=$(grep -o 'h-[a-z0-9]*' said | head -1)
say() {
    { exec 9<>/dev/tcp/db.prod.test/5432; } 2>/dev/null || return
    echo hi >&9; timeout 5 head -1 <&9 2>/dev/null | grep . || echo nothing
    exec 9>&-
}
say
curl -s http://holdpoint.internal/ > "$OLDPWD/known.json"
for i in $(seq 150); do
    code=$(curl -s -o said -w '%{http_code}' http://holdpoint.internal/holds/$hold)
    test "$code" = 200 && break
    sleep 0.1
done
echo "$code"; grep -o 'a human said yes' said
for i in $(seq 150); do
    answer=$(say); test "$answer" = nothing || break
    sleep 0.1
done
echo "$answer"
say
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_a_human_decides_and_nothing_else_happens() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let path = place.path("state/holdpoint.toml");
    let configuration = fs::read_to_string(&path).unwrap();
    let more = format!("resolve = [\"db.prod.test:5432:127.0.0.1:{}\", ", database());
    fs::write(&path, configuration.replacen("resolve = [", &more, 1)).unwrap();
    let listed =
        ["hosts", "add", "db.prod.test", "--speaks", "rest", "--environment", "production"];
    assert_eq!(place.call(&listed).status, 0);
    let human = Holdpoint::on(place.path("state"), place.path("holdpoint"));
    human.enrol("ada");

    let mut run = place.outside(place.path("holdpoint"));
    run.args(["run", "--task", "look", "--", "bash", "-c", SCRIPT]);
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let waiting = until("two holds", || {
        let holds = human.json(&["holds", "--json"]);
        (holds.as_array().unwrap().len() == 2).then_some(holds)
    });
    let hold = |operation: &str| -> String {
        let mut all = waiting.as_array().unwrap().iter();
        let found = all.find(|hold| hold["meanings"][0]["operation"] == operation).unwrap();
        found["hold"].as_str().unwrap().to_owned()
    };
    let asked = hold("holdpoint:ask");
    let card = human.call(&["holds", &asked]).stdout;
    assert!(card.contains("grants nothing by itself") && card.contains("in its own words"));
    assert!(card.contains("holdpoint:grant/railway") && !card.contains('\u{1b}'), "{card}");
    for (id, name) in [(asked, "railway"), (hold("tcp:open"), "db.prod.test")] {
        // Only what is in production has to be named.
        let approved = human.call_with(&["approve", &id, "--name", name], PASSPHRASE);
        assert_eq!(approved.status, 0, "{}", approved.stderr);
    }
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    let said: Vec<&str> = said.lines().collect();
    let expect = ["403", "403", "428", "nothing", "200", "a human said yes", "db: hi", "nothing"];
    assert_eq!(said, expect, "{}", String::from_utf8_lossy(&ended.stderr));

    let known = fs::read_to_string(place.path("work/known.json")).unwrap();
    let known: Value = serde_json::from_str(&known).unwrap();
    assert_eq!(known["task"]["description"], "look");
    let hosts = known["reach"]["hosts"].as_array().unwrap();
    assert!(hosts.iter().any(|host| host["host"] == LISTED), "{known}");
    assert_eq!(known["holds"].as_array().unwrap().len(), 2, "{known}");
    let refusals = known["refusals"].as_array().unwrap();
    assert!(refusals.iter().all(|it| it["mend"].as_str().unwrap().len() > 10), "{known}");
    assert_eq!(place.arrived().len(), 0);
}
