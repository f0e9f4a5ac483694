//! The hold window: an approved deletion in production waits two days, in which it can be cancelled;
//! then it is decided again, and done once. Clocks are simulated, processes and sockets are real.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, thread, time::Duration};

use e2e::{
    episodes::explain,
    holdpoint::{Holdpoint, until},
    window::{HOUR, MINUTE, WINDOW, WindowStage, extensions},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// How long a gateway may take to see that it has nothing to do: it looks when it starts.
const A_LOOK: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_whose_deletion_was_approved_is_there_47_h_59_min_later_and_undone() {
    let mut window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let (volume, hold) = window.scheduled(&agent, "data");

    let again = window.delete(&agent, &volume);
    let internal = agent.run(&[&format!("http://holdpoint.internal/holds/{hold}")]);
    assert_eq!((again.status, again.code().as_str()), (428, "scheduled"), "{again:?}");
    assert_eq!((internal.status, internal.code().as_str()), (428, "scheduled"), "{internal:?}");
    let time = window.hold(&hold)["not_before"].clone();
    for (answer, said) in [(&again, extensions(&again)), (&internal, internal.json())] {
        assert_eq!((&said["hold"], &said["not_before"]), (&json!(hold), &time), "{answer:?}");
        assert_eq!(said["cancel_with"], format!("holdpoint undo {hold}"));
        assert_eq!((&said["retry"], &said["approve_with"]), (&json!("after_time"), &Value::Null));
        let detail = said["detail"].as_str().unwrap();
        for text in ["not done", "Nothing was sent.", time.as_str().unwrap(), &hold] {
            assert!(detail.contains(text), "{text}: {detail}");
        }
    }

    for (seconds, left) in [(0, WINDOW), (24 * HOUR, 24 * HOUR), (WINDOW - MINUTE, MINUTE)] {
        window.later(seconds);
        let counted = &window.countdowns()[0];
        let remaining = counted["remaining_seconds"].as_i64().unwrap();
        assert_eq!(counted["hold"], hold.as_str());
        assert!((left - MINUTE..=left + 1).contains(&remaining), "{remaining}, not {left}");
        assert!(window.stage.railway.volume_exists(&volume), "{seconds}");
    }
    let shown = window.call(&["holds", "--scheduled"]).stdout;
    assert!(shown.contains(&hold) && shown.contains(time.as_str().unwrap()), "{shown}");

    let undone = window.call(&["undo", &hold]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(window.call(&["undo", &hold]).status, 1, "it is over");
    window.later(WINDOW + HOUR);
    thread::sleep(A_LOOK);
    assert!(window.stage.railway.volume_exists(&volume));
    assert_eq!(window.stage.railway.mutations(), 0);
    assert_eq!(window.countdowns(), [Value::Null; 0]);
    assert_eq!(window.recorded(&hold), ["scheduled", "cancelled"]);
    window.stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_has_come_it_is_decided_again_and_done_once() {
    let mut window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let (volume, hold) = window.scheduled(&agent, "data");
    window.later(WINDOW - MINUTE);
    thread::sleep(A_LOOK);
    assert_eq!(window.stage.railway.mutations(), 0);
    window.later(WINDOW + MINUTE);
    window.until_state(&hold, "done");
    assert!(!window.stage.railway.volume_exists(&volume));

    // Whoever asks now gets the answer of then, and nothing is sent again.
    let agent = agent.through(window.stage.gateway.proxy());
    let answer = agent.run(&[&format!("http://holdpoint.internal/holds/{hold}")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["data"]["volumeDelete"], true);
    let again = window.delete(&agent, &volume);
    assert_eq!((again.status, &again.body), (200, &answer.body), "{again:?}");
    for _ in 0..3 {
        window.cut();
    }
    thread::sleep(A_LOOK);
    assert_eq!(window.stage.railway.mutations(), 1);

    // On record: who released it, when it may be sent, and the decision of then.
    let records = window.stage.holdpoint.records_from(0);
    let about = |kind: &str| -> Vec<Value> {
        let records = records.iter().map(|it| it["record"].clone());
        records.filter(|it| it["kind"] == kind && it["hold"] == hold.as_str()).collect()
    };
    assert_eq!(about("approval").len(), 1);
    assert_eq!(window.recorded(&hold), ["scheduled"]);
    let decided = about("decision");
    let forwarded: Vec<_> = decided.iter().filter(|it| it["forwarded"] == true).collect();
    assert_eq!(forwarded.len(), 1, "{decided:?}");
    assert_eq!(forwarded[0]["obligations"], json!(["approval:1", "delay:172800"]));
    let at = |record: &Value| record["at"].as_i64().unwrap();
    assert!(at(forwarded[0]) >= about("schedule")[0]["not_before"].as_i64().unwrap());
    window.stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_kill_9_nor_a_clock_that_steps_two_days_brings_it_forward_or_loses_it() {
    let mut window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let (volume, hold) = window.scheduled(&agent, "data");
    // Uptime only goes on.
    for (wall, uptime) in [
        (WINDOW, 0),
        (-WINDOW, 0),
        (2 * WINDOW, HOUR),
        (WINDOW + HOUR, WINDOW - 3 * MINUTE),
        (-WINDOW, WINDOW + HOUR),
        (WINDOW - 3 * MINUTE, WINDOW + HOUR),
    ] {
        window.clocks.set(wall, uptime);
        // One gateway that sees the step, as something else is held, and one that starts after it.
        let other = json!({"grant": format!("{wall} {uptime}"), "why": "so that it looks"});
        let agent = agent.through(window.stage.gateway.proxy());
        let asked = agent.run(&["-d", &other.to_string(), "http://holdpoint.internal/ask"]);
        assert_eq!(asked.status, 428, "{asked:?}");
        thread::sleep(A_LOOK);
        assert!(window.stage.railway.volume_exists(&volume), "{wall} {uptime}");
        window.cut();
        thread::sleep(A_LOOK);
        assert!(window.stage.railway.volume_exists(&volume), "{wall} {uptime}");
        assert_eq!(window.countdowns().len(), 1, "{wall} {uptime}");
    }
    window.clocks.set(WINDOW + MINUTE, WINDOW + HOUR);
    window.cut();
    window.until_state(&hold, "done");
    assert_eq!(window.stage.railway.mutations(), 1);
    window.stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_again_and_again_at_their_time_does_none_twice() {
    const VOLUMES: usize = 6;
    let mut window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let all: Vec<(String, String)> =
        (0..VOLUMES).map(|number| window.scheduled(&agent, &format!("data-{number}"))).collect();
    window.clocks.set(WINDOW + MINUTE, WINDOW + MINUTE);
    let waits = |window: &WindowStage| {
        let waits = |hold: &str| {
            ["scheduled", "consuming"].contains(&window.hold(hold)["state"].as_str().unwrap())
        };
        all.iter().any(|(_, hold)| waits(hold))
    };
    let mut rounds = 0_u64;
    window.cut();
    while waits(&window) {
        thread::sleep(Duration::from_millis(rounds * 3));
        window.cut();
        rounds += 1;
        assert!(rounds < 100, "it gets nowhere");
    }
    thread::sleep(A_LOOK);
    for (volume, hold) in &all {
        let (state, there) =
            (window.hold(hold)["state"].clone(), window.stage.railway.volume_exists(volume));
        match state.as_str().unwrap() {
            "done" => assert!(!there, "{hold}"),
            "unknown" => {}
            other => panic!("{hold}: {other}"),
        }
    }
    let executed = window.stage.railway.mutations();
    assert!(executed <= VOLUMES, "{executed}");
    window.stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stays_up_does_it_when_its_time_has_come() {
    let window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let (volume, _) = window.scheduled(&agent, "data");
    window.clocks.set(WINDOW + MINUTE, WINDOW + MINUTE);
    until("it looks at the clocks", || {
        (!window.stage.railway.volume_exists(&volume)).then_some(())
    });
    assert_eq!(window.stage.railway.mutations(), 1);
}

/// Two days that begin before, and end after, the night in which the clocks of Berlin change.
#[tokio::test(flavor = "multi_thread")]
async fn daylight_saving_makes_it_neither_shorter_nor_longer() {
    // Noon of 27 March 2027, in UTC: summer time begins on the 28th.
    const NOON: i64 = 1_806_148_800;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let to_noon = NOON - i64::try_from(now.as_secs()).unwrap();
    let zone = [("TZ", "Europe/Berlin")];
    let mut window = WindowStage::set_at(BINARY, NO_WAIT, to_noon, &zone).await;
    let agent = window.agent("cleaner");
    let (volume, hold) = window.scheduled(&agent, "data");
    let time = window.hold(&hold)["not_before"].as_str().unwrap().to_owned();
    assert!(time.starts_with("2027-03-29T12:0"), "{time}");
    for (seconds, there) in
        [(WINDOW - HOUR, true), (WINDOW - MINUTE, true), (WINDOW + MINUTE, false)]
    {
        window.clocks.set(to_noon + seconds, seconds);
        window.restart();
        if there {
            thread::sleep(A_LOOK);
        } else {
            window.until_state(&hold, "done");
        }
        assert_eq!(window.stage.railway.volume_exists(&volume), there, "{seconds}");
    }
}

/// What a human changes while a deletion waits, by the command line or the configuration.
fn change(window: &WindowStage, what: &str, volume: &str) {
    let state = window.stage.holdpoint.state();
    match what {
        "policy" => {
            let policy = "@id(\"team.no\")\n@code(\"needs_approval\")\n@text(\"No volume goes.\")\n\
                          forbid (principal, action == Action::\"destroy\", resource);\n";
            fs::write(state.join("team.cedar"), policy).unwrap();
            fs::write(
                state.join("holdpoint.toml"),
                format!("policies = [\"team.cedar\"]\n{NO_WAIT}"),
            )
            .unwrap();
        }
        "kill" => assert_eq!(window.call(&["kill", "cleaner"]).status, 0),
        "removed" => assert_eq!(window.call(&["agents", "remove", "cleaner"]).status, 0),
        "moved" => {
            let resource = format!("railway:volume/{volume}");
            let moved = window.call(&["inventory", "add", &resource, "--environment", "staging"]);
            assert_eq!(moved.status, 0, "{moved:?}");
        }
        "secret" => {
            assert_eq!(window.call(&["secrets", "remove", "railway-volumes"]).status, 0);
        }
        "approver" => assert_eq!(window.call(&["approvers", "remove", "ada"]).status, 0),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_at_its_time_is_not_done_and_not_tried_again() {
    for (what, failure) in [
        ("policy", "needs_approval"),
        ("kill", "killed"),
        ("removed", "unidentified"),
        ("moved", "the resources' state"),
        ("secret", "foreign_credential"),
        ("approver", "who may approve"),
    ] {
        let mut window = WindowStage::set(BINARY, NO_WAIT).await;
        let agent = window.agent("cleaner");
        let (volume, hold) = window.scheduled(&agent, "data");
        change(&window, what, &volume);
        window.later(WINDOW + MINUTE);
        window.until_state(&hold, "void");
        until("its record", || (window.recorded(&hold).len() == 2).then_some(()));
        assert_eq!(window.recorded(&hold), ["scheduled", "void"], "{what}");
        let records = window.stage.holdpoint.records_from(0);
        let schedule = records.iter().rfind(|it| it["record"]["kind"] == "schedule").unwrap();
        let why = schedule["record"]["failure"].as_str().unwrap_or_default();
        assert!(why.starts_with(failure), "{what}: {why}");
        window.cut();
        thread::sleep(A_LOOK);
        assert!(window.stage.railway.volume_exists(&volume), "{what}");
        assert_eq!(window.stage.railway.mutations(), 0, "{what}");
        window.stage.holdpoint.verified();
    }
}

/// A script of an agent that asks for a deletion until it is scheduled, and ends.
fn asks(volume: &str) -> String {
    let query = json!({"query": format!("mutation {{ volumeDelete(volumeId: \"{volume}\") }}")});
    format!(
        "for i in $(seq 300); do curl -s -H \"Authorization: Bearer $RAILWAY\" \
         -H 'Content-Type: application/json' -d '{query}' \
         https://backboard.railway.com/graphql/v2 > answer; \
         grep -q '\"scheduled\"' answer && break; sleep 0.1; done; cat answer"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_is_done_though_its_run_is_over_unless_it_was_killed() {
    for (killed, executed) in [(false, 1), (true, 0)] {
        let mut window = WindowStage::set(BINARY, NO_WAIT).await;
        let volume = window.stage.railway.add_volume("data").unwrap();
        let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let arguments = ["run", "--grant", "railway-volumes=RAILWAY", "--", "bash", "-c"];
        let mut run = window.stage.holdpoint.command(&arguments);
        run.arg(asks(&volume)).current_dir(place.path()).env("HOME", home.path());
        let (hold, ended) = thread::scope(|scope| {
            let ended = scope.spawn(move || run.output().unwrap());
            let hold = until("its hold", || {
                let open = window.call(&["holds", "--json"]).json();
                open[0]["hold"].as_str().map(str::to_owned)
            });
            let approved = window.approve(&hold, &volume);
            assert_eq!(approved.status, 0, "{approved:?}");
            (hold, ended.join().unwrap())
        });
        assert!(ended.status.success(), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.stdout).contains("\"scheduled\""), "{ended:?}");
        assert_eq!(window.call(&["agents", "list", "--json"]).json(), json!([]), "it is over");
        if killed {
            assert_eq!(window.call(&["kill", "--all"]).status, 0);
        }
        window.later(WINDOW + MINUTE);
        window.until_state(&hold, if killed { "void" } else { "done" });
        assert_eq!(window.stage.railway.mutations(), executed, "{killed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_was_missed_by_more_than_a_week_is_over() {
    let mut window = WindowStage::set(BINARY, NO_WAIT).await;
    let agent = window.agent("cleaner");
    let (volume, hold) = window.scheduled(&agent, "data");
    window.later(WINDOW + 8 * 24 * HOUR);
    window.until_state(&hold, "void");
    assert!(window.stage.railway.volume_exists(&volume));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_release_hears_that_it_is_scheduled_and_not_done() {
    let window = WindowStage::set(BINARY, "[hold]\nwait_seconds = 20\n").await;
    let agent = window.agent("cleaner");
    let volume = window.stage.railway.add_volume("data").unwrap();
    let answer = thread::scope(|scope| {
        let waits = scope.spawn(|| window.delete(&agent, &volume));
        let hold = until("its hold", || {
            let open = window.call(&["holds", "--json"]).json();
            open[0]["hold"].as_str().map(str::to_owned)
        });
        let approved = window.approve(&hold, &volume);
        assert_eq!(approved.status, 0, "{approved:?}");
        for said in ["nothing is sent before ", &format!("holdpoint undo {hold}")] {
            assert!(approved.stdout.contains(said), "{}", approved.stdout);
            assert!(approved.stderr.contains(said), "the card: {}", approved.stderr);
        }
        waits.join().unwrap()
    });
    assert_eq!((answer.status, answer.code().as_str()), (428, "scheduled"), "{answer:?}");
    assert_eq!(window.stage.railway.mutations(), 0);
    let other = window.agent("other");
    let told = other.run(&[&format!(
        "http://holdpoint.internal/holds/{}",
        extensions(&answer)["hold"].as_str().unwrap()
    )]);
    assert_eq!(told.status, 403, "it is another run's: {told:?}");
}

#[test]
fn explain_names_the_delay_where_a_gateway_keeps_the_message_and_nowhere_else() {
    let body = json!({"query": "mutation { volumeDelete(volumeId: \"3d2c42fb\") }"}).to_string();
    let http = json!({"kind": "http", "method": "POST", "body": body,
        "url": "https://backboard.railway.com/graphql/v2",
        "headers": {"Content-Type": "application/json"}});
    let sql = json!({"kind": "sql", "dialect": "postgres", "target": "app-prod",
        "statement": "DROP TABLE users"});
    let shell =
        json!({"kind": "shell", "command": "railway volume delete -v data", "cwd": "/home/dev"});
    for (operation, verdict, obligations) in [
        (http, "hold", json!(["approval:1", "delay:172800"])),
        (sql, "hold", json!(["snapshot", "approval:1"])),
        (shell, "deny", json!([])),
    ] {
        let episode = json!({"id": "window", "operations": [operation]});
        let answer = &explain(&Holdpoint::new(BINARY), std::slice::from_ref(&episode))[0];
        let judged = &answer["operations"][0];
        assert_eq!(judged["verdict"], verdict, "{episode} {judged}");
        assert_eq!(judged["obligations"], obligations, "{episode} {judged}");
    }
}
