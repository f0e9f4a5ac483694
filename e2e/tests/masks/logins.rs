//! Logins: what the wrapped agent renews by itself is a phantom inside and real outside, for as many
//! runs as there are at a time.

use std::{fs, process::Stdio};

use e2e::{
    enclosed::Enclosed,
    far_ends::lead,
    holdpoint::Called,
    login_host::{AGENT, HOSTS, LoginHost},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

async fn places() -> Vec<(Enclosed, LoginHost)> {
    let mut all = Vec::new();
    for place in Enclosed::each(BINARY).await {
        let host = LoginHost::start().await;
        lead(&place, &[(&HOSTS, host.addr(), host.ca_pem())]);
        for (path, text) in [("work/codex", AGENT), ("home/.codex/auth.json", &host.auth_json())] {
            let script =
                format!("printf %s \"$TEXT\" > '{0}'; chmod 700 '{0}'", place.path(path).display());
            let written = place.outside("sh").args(["-c", &script]).env("TEXT", text).status();
            assert!(written.unwrap().success());
        }
        all.push((place, host));
    }
    all
}

/// The refresh token in the human's own file.
fn outside(place: &Enclosed) -> String {
    let text = fs::read_to_string(place.path("home/.codex/auth.json")).unwrap();
    let auth: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    auth["tokens"]["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_renewed_three_times_by_two_runs_at_once() {
    for (place, host) in places().await {
        let who = place.who();
        let begin = || {
            let mut run = place.run(&["./codex"]);
            run.env("TERM_PROGRAM_VERSION", "3").stdout(Stdio::piped()).stderr(Stdio::piped());
            run.spawn().unwrap()
        };
        let runs = [begin(), begin()];
        for run in runs {
            let called: Called = run.wait_with_output().unwrap().into();
            assert!(called.stdout.ends_with("done\n"), "{who}: {}{}", called.stdout, called.stderr);
            for token in host.all() {
                assert!(!called.stdout.contains(&token), "{who}: {token}: {}", called.stdout);
            }
        }
        assert_eq!(host.seen(), (6, 8, false), "{who}: each refresh token is taken once");
        assert!(host.takes(&outside(&place)), "{who}: the login outside is the latest");
        // And the next run goes on with it.
        let mut next = place.run(&["./codex"]);
        let called: Called = next.env("TERM_PROGRAM_VERSION", "1").output().unwrap().into();
        assert!(called.stdout.ends_with("done\n"), "{who}: {}{}", called.stdout, called.stderr);
        assert!(host.takes(&outside(&place)) && !host.seen().2, "{who}");
        // Another command sees nothing of it.
        let other = place.script("cat ~/.codex/auth.json; ls -la ~");
        assert!(!other.stdout.contains("tokens"), "{who}: {}", other.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_outlives_a_run_that_was_cut_short() {
    for (place, host) in places().await {
        let who = place.who();
        let mut run = place.run(&["./codex"]);
        run.env("TERM_PROGRAM_VERSION", "40").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = run.spawn().unwrap();
        while host.seen().0 < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut next = place.run(&["./codex"]);
        let called: Called = next.env("TERM_PROGRAM_VERSION", "1").output().unwrap().into();
        assert!(called.stdout.ends_with("done\n"), "{who}: {}{}", called.stdout, called.stderr);
        assert!(host.takes(&outside(&place)) && !host.seen().2, "{who}");
    }
}
