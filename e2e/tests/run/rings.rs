//! Rings, the self-test, status, expiry, and the kill of a run that floods.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use e2e::{
    echo::LISTED,
    enclosed::Enclosed,
    flood::{Killed, killed},
    holdpoint::{Called, until},
    running::Running,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

fn run(place: &Enclosed, options: &[&str], script: &str) -> Called {
    let mut run = place.outside(place.path("holdpoint"));
    run.arg("run").args(options).args(["--", "bash", "-c", script]).output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_test_passes() {
    for place in Enclosed::each(BINARY).await {
        let called = place.call(&["doctor", "--self-test", "--json"]);
        assert_eq!(called.status, 0, "{}: {}{}", place.who(), called.stdout, called.stderr);
        let tried = called.json();
        let tried = tried.as_array().unwrap();
        assert!(tried.len() >= 25, "{}", tried.len());
        let open: Vec<_> = tried.iter().filter(|it| it["refused"] != true).collect();
        assert!(open.is_empty(), "{}: {open:?}", place.who());
        let doctor = place.call(&["doctor", "--json"]).json();
        let finding = |what: &str| {
            let mut findings = doctor.as_array().unwrap().iter();
            findings.find(|it| it["what"] == what).unwrap_or_else(|| panic!("{doctor}")).clone()
        };
        for what in ["enclosure", "namespaces", "overlayfs", "Landlock", "seccomp", "cgroup"] {
            assert_eq!(finding(what)["ok"], true, "{}", finding(what));
        }
        // Outside, the acts are not tried.
        assert_eq!(place.call(&["__acts", "{}"]).status, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_untrusted_write_is_thrown_away_and_they_only_look() {
    for place in Enclosed::each(BINARY).await {
        let mut write = place.outside("bash");
        assert!(write.args(["-c", "echo -n before > there"]).status().unwrap().success());
        let also = place.path("elsewhere");
        let script = format!(
            "echo after > there || exit 9; cat there; echo x > new; rm {also}/file; ls {also}; \
             for m in GET POST DELETE; do \
             curl -s -m 20 -X $m -o /dev/null -w '%{{http_code}} ' https://{LISTED}/items; done; \
             curl -s -m 20 https://pypi.org/simple/ | grep -o outside_ring | head -n 1",
            also = also.display()
        );
        let called = run(&place, &["--ring", "3", "--also", also.to_str().unwrap()], &script);
        let who = place.who();
        let (stdout, stderr) = (&called.stdout, &called.stderr);
        assert!(stdout.ends_with("200 403 403 outside_ring\n"), "{who}: {stdout} {stderr}");
        assert_eq!(std::fs::read_to_string(place.path("work/there")).unwrap(), "before");
        assert!(!place.path("work/new").exists() && place.path("elsewhere/file").exists());
        assert!(stderr.contains("what changes is thrown away"), "{stderr}");
        let targets: Vec<_> = place.arrived().iter().map(|it| it.target.clone()).collect();
        assert_eq!(targets, ["/items"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_for_more_from_inside() {
    for place in Enclosed::each(BINARY).await {
        let script = "H=/run/holdpoint/holdpoint; $H status --json || exit 9; \
                      for r in 0 1 2 3; do $H run --ring $r -- echo ran 2>/dev/null; echo $?; done; \
                      $H run --unguarded -- echo ran 2>/dev/null; echo $?; \
                      $H run -- sh -c 'exit 5' 2>/dev/null; echo $?; \
                      echo '{}' > /run/holdpoint/run.json && echo changed; exit 0";
        let called = run(&place, &["--task", "look"], script);
        let (status, rest) = called.stdout.split_once('\n').unwrap();
        let status: serde_json::Value = serde_json::from_str(status).unwrap();
        assert_eq!(status["guarded"], true);
        assert_eq!(status["ring"], 2);
        assert_eq!(status["task"], "look");
        assert_eq!(rest, "2\n2\nran\n0\n2\n2\n5\n", "{}", called.stderr);
        assert_eq!(run(&place, &["--ring", "0"], "echo ran").status, 2);
        assert_eq!(run(&place, &["--ring", "4"], "echo ran").status, 2);
        let outside = place.call(&["status", "--json"]);
        assert_eq!((outside.status, &outside.json()["guarded"]), (1, &false.into()));
        let made = ["agents", "new", "reader", "--ring", "3"];
        assert_eq!(place.call(&made).status, 0);
        let listed = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(listed[0]["ring"], 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_who_is_enclosed() {
    for place in Enclosed::each(BINARY).await {
        let bin = place.path("work/bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::copy("/bin/sleep", bin.join("gemini")).unwrap();
        let gemini = bin.join("gemini");
        let mut run = place.run(&[gemini.to_str().unwrap(), "314"]);
        let mut child = run.stderr(Stdio::null()).spawn().unwrap();
        let found = until("an agent that is enclosed", || {
            let status = place.call(&["status", "--json"]).json();
            let found =
                status["agents"].as_array()?.iter().find(|it| it["agent"] == "gemini")?.clone();
            (found["guard"] == "enclosed").then_some(found)
        });
        let run = found["run"].as_str().unwrap();
        assert_eq!(found["killed_by"], "namespace of processes");
        assert_eq!(place.call(&["kill", run]).status, 0);
        assert_eq!(child.wait().unwrap().code(), Some(137));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_when_its_time_is_over() {
    for place in Enclosed::each(BINARY).await {
        let began = Instant::now();
        let called = run(&place, &["--expires", "1s"], "sleep 600");
        assert_eq!(called.status, 137, "{}", called.stderr);
        assert!(called.stderr.contains("the time of run"), "{}", called.stderr);
        assert!(began.elapsed() < Duration::from_secs(20));
        let agents = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(agents[0]["agent"]["killed"], true, "its identity is refused from then on");
        assert_eq!(run(&place, &["--expires", "0s"], "true").status, 2);
        assert_eq!(run(&place, &["--expires", "1h"], "true").status, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_ends_with_the_command_that_kills_it() {
    for place in Enclosed::each(BINARY).await {
        let Killed { last, returned, status } = killed(&place);
        println!("{}: last arrival after {last:?}, kill returned after {returned:?}", place.who());
        assert_eq!(status, Some(137));
        assert!(last < Some(returned), "nothing is forwarded once the command has returned");
        // The goal of 50 ms from the command is only printed above, and not asserted: 173 ms were
        // seen of a debug build on a machine with a load of 11.
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_himself_ends_when_his_time_is_over() {
    for place in Enclosed::each(BINARY).await {
        // What goes on beside it writes as long as it lives.
        let beat = place.path("work/beat");
        let script = "setsid bash -c 'while :; do date +%s%N > beat; sleep 0.05; done' & \
                      while [ ! -e beat ]; do sleep 0.05; done; kill -STOP $$; sleep 600";
        let mut run = Running::start(&place, &["--expires", "3s"], script);
        let stat = format!("/proc/{}/stat", run.process.0.id());
        until("that it stops", || fs::read_to_string(&stat).ok()?.contains(") T ").then_some(()));
        let ended = until("its end", || run.process.0.try_wait().unwrap());
        assert_eq!(ended.code(), Some(137));
        let said: Vec<String> = run.lines.iter().collect();
        assert!(said.iter().any(|line| line.contains("the time of run")), "{said:?}");
        let last = fs::read_to_string(&beat).unwrap();
        thread::sleep(Duration::from_millis(500));
        assert_eq!(fs::read_to_string(&beat).unwrap(), last, "it still writes");
        fs::remove_file(&beat).unwrap();
        let agents = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(agents[0]["agent"]["killed"], true, "its identity is refused from then on");
    }
}
