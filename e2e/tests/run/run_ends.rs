//! When a run is ended that nobody has ended by hand: by policy, where its gateway stays away, and by
//! count, where a human said how many refusals are enough.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{echo::UNLISTED, enclosed::Enclosed, holdpoint::until, running::Running};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Has a human say when runs are ended.
fn says(place: &Enclosed, terms: &str) {
    let path = place.path("state/holdpoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}[run]\n{terms}\n")).unwrap();
}

fn sleeps(seconds: &str) -> bool {
    let there = Command::new("pgrep").args(["-f", &format!("^sleep {seconds}$")]).output().unwrap();
    !there.stdout.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_gateway_stays_away_is_killed_where_a_human_said_so() {
    for (place, seconds) in Enclosed::each(BINARY).await.into_iter().zip(["331", "332"]) {
        says(&place, "away_seconds = 2");
        let mut running =
            Running::start(&place, &[], &format!("touch began; exec sleep {seconds}"));
        let run = running.says("holdpoint: bash is guarded").rsplit(' ').next().unwrap().to_owned();
        until("it began", || place.path("work/began").exists().then_some(()));
        // None starts any more.
        fs::write(place.path("state/holdpoint.toml"), "no = \"configuration\"\n").unwrap();
        place.end_gateway();
        let began = Instant::now();
        let why = running.says(&format!("holdpoint: run {run} is killed"));
        assert!(why.contains("its gateway stays away (run.away_seconds)"), "{why}");
        assert_eq!(running.process.0.wait().unwrap().code(), Some(137));
        let took = began.elapsed();
        assert!((1.5..20.0).contains(&took.as_secs_f64()), "{took:?}");
        assert!(!sleeps(seconds), "nothing of it is left");
        // What is killed stays known as such.
        fs::write(place.path("state/holdpoint.toml"), "proxy = \"127.0.0.1:0\"\n").unwrap();
        let agents = place.call(&["agents", "list", "--json"]).json();
        let agent = &agents.as_array().unwrap().first().unwrap()["agent"];
        assert_eq!((agent["run"].as_str(), agent["killed"].as_bool()), (Some(&*run), Some(true)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_it_waits_for_its_gateway() {
    for (place, seconds) in Enclosed::each(BINARY).await.into_iter().zip(["333", "334"]) {
        let mut running =
            Running::start(&place, &[], &format!("touch began; exec sleep {seconds}"));
        let run = running.says("holdpoint: bash is guarded").rsplit(' ').next().unwrap().to_owned();
        until("it began", || place.path("work/began").exists().then_some(()));
        let good = fs::read_to_string(place.path("state/holdpoint.toml")).unwrap();
        fs::write(place.path("state/holdpoint.toml"), "no = \"configuration\"\n").unwrap();
        place.end_gateway();
        std::thread::sleep(Duration::from_secs(4));
        assert!(sleeps(seconds) && running.process.0.try_wait().unwrap().is_none());
        fs::write(place.path("state/holdpoint.toml"), good).unwrap();
        assert_eq!(place.call(&["kill", &run]).status, 0);
        assert_eq!(running.process.0.wait().unwrap().code(), Some(137));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_only_where_a_human_said_how_many_are_enough() {
    let ask =
        format!("curl -s -m 9 -o /dev/null -w '%{{http_code}} ' -X POST -d x https://{UNLISTED}/");
    let script =
        |seconds| format!("for i in 1 2 3 4 5 6; do {ask}$i; done; sleep {seconds}; echo the end");
    for place in Enclosed::each(BINARY).await {
        let called = place.script(&script(0));
        assert_eq!(
            (called.status, called.stdout.matches("403 ").count()),
            (0, 6),
            "{}",
            called.stderr
        );
        assert!(called.stdout.ends_with("the end\n"), "{}", called.stdout);
    }
    for place in Enclosed::each(BINARY).await {
        says(&place, "refusals_max = 3");
        let mut run = place.run(&["bash", "-c", &script(40)]);
        let called = run.stdin(Stdio::null()).output().unwrap();
        let (said, told) = (String::from_utf8(called.stdout), String::from_utf8(called.stderr));
        let (said, told) = (said.unwrap(), told.unwrap());
        assert_eq!(called.status.code(), Some(137), "{}: {said} {told}", place.who());
        assert!(!said.contains("the end") && told.contains("is killed by its gateway"), "{told}");
        assert!(said.matches("403 ").count() >= 2, "{said}");
        let agents = place.call(&["agents", "list", "--json"]).json();
        let agent = &agents.as_array().unwrap().first().unwrap()["agent"];
        assert_eq!(agent["killed"], true);
        let shown = place.call(&["ledger", "show", "--last", "50", "--json"]).json();
        let mut records = shown.as_array().unwrap().iter().map(|it| &it["record"]);
        let why = records.find(|it| it["event"] == "run_killed_for_refusals").unwrap();
        assert_eq!(why["principal"]["run"], agent["run"]);
    }
}
