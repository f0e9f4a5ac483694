//! A human releases in the morning what an agent asked for at night: the run is over, and it is done
//! all the same, once; unless the run was killed meanwhile, and not revived since.

use std::{
    io::Write as _,
    process::{Child, Stdio},
};

use e2e::{
    echo::LISTED,
    enclosed::Enclosed,
    holdpoint::{Called, PASSPHRASE, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Calls the binary outside, with the passphrase at hand.
fn ask(place: &Enclosed, words: &[&str]) -> Called {
    let mut command = place.outside(place.path("holdpoint"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = command.spawn().unwrap();
    // Whoever asks for nothing reads nothing.
    let _closed = write!(child.stdin.take().unwrap(), "{PASSPHRASE}\n{PASSPHRASE}\n");
    child.wait_with_output().unwrap().into()
}

/// A run that is over, and the hold that it left.
fn held(place: &Enclosed, path: &str) -> (String, String) {
    let called = place.script(&format!("curl -sS -X DELETE https://{LISTED}{path}"));
    let hold = called.stdout.split("Ref ").nth(1).unwrap_or_else(|| panic!("{called:?}"));
    let run = called.stderr.split("run r-").nth(1).unwrap().split([';', ' ']).next().unwrap();
    (hold.split(['.', ' ']).next().unwrap().to_owned(), format!("r-{run}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_run_asked_for_is_done_once_it_is_released() {
    for place in Enclosed::each(BINARY).await {
        assert_eq!(ask(&place, &["approvers", "enrol", "ada"]).status, 0);
        let (hold, _) = held(&place, "/v1/caches/7");
        assert!(place.arrived().is_empty(), "{}", place.who());
        let released = ask(&place, &["approve", &hold]);
        assert_eq!(released.status, 0, "{released:?}");
        until("it is done", || (!place.arrived().is_empty()).then_some(()));
        let arrived: Vec<String> =
            place.arrived().iter().map(|it| format!("{} {}", it.method, it.target)).collect();
        assert_eq!(arrived, ["DELETE /v1/caches/7"], "{}", place.who());
        let done = |line: &&str| line.starts_with(&hold) && line.contains(" done ");
        until("it is known to be done", || {
            ask(&place, &["holds", "--all"]).stdout.lines().find(done).map(drop)
        });

        let (hold, run) = held(&place, "/v1/caches/8");
        assert_eq!(ask(&place, &["kill", &run]).status, 0);
        let released = ask(&place, &["approve", &hold]);
        assert_ne!(released.status, 0, "{released:?}");
        assert!(released.stderr.contains("was killed"), "{}", released.stderr);
        assert_eq!(place.arrived().len(), 1, "{}", place.who());

        // The refusal names the way back, and it is one: then it is done, and once.
        let revived = ask(&place, &["revive", &run]);
        assert_eq!(revived.status, 0, "{revived:?}");
        let released = ask(&place, &["approve", &hold]);
        assert_eq!(released.status, 0, "{released:?}");
        until("it is done", || (place.arrived().len() > 1).then_some(()));
        let again = ask(&place, &["approve", &hold]);
        assert_ne!(again.status, 0, "{again:?}");
        let targets: Vec<String> = place.arrived().iter().map(|it| it.target.clone()).collect();
        assert_eq!(targets, ["/v1/caches/7", "/v1/caches/8"], "{}", place.who());
    }
}
