//! A gateway that is a system user's own, and runs of other users that it guards through its door.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
    process::{Command, Stdio},
};

use e2e::{
    echo::{LISTED, UNLISTED},
    enclosed::Enclosed,
    holdpoint::{Called, Gateway, until},
};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Whoever runs agents; the gateway is of another user.
const USER: u32 = 1002;

/// The home, state and workspace of a user whose runs another user's gateway guards.
struct Other {
    dir: TempDir,
    binary: PathBuf,
}

impl Other {
    fn set(place: &Enclosed, door: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("other-").tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["home", "state", "work"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::set_permissions(dir.path().join("state"), Permissions::from_mode(0o700)).unwrap();
        let text = format!("run_door = \"{door}\"\n");
        fs::write(dir.path().join("state/holdpoint.toml"), text).unwrap();
        for name in ["home", "state", "work", "state/holdpoint.toml"] {
            chown(dir.path().join(name), Some(USER), Some(USER)).unwrap();
        }
        Self { dir, binary: place.path("holdpoint") }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        let user = USER.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
        command.arg(&self.binary).args(words).env_clear().stdin(Stdio::null());
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path().join("home"));
        command.env("HOLDPOINT_STATE", self.dir.path().join("state"));
        command.current_dir(self.dir.path().join("work"));
        command
    }

    fn call(&self, words: &[&str]) -> Called {
        self.command(words).output().unwrap().into()
    }
}

/// A gateway of the ordinary user, with a door; none where this process cannot be two users.
async fn behind_a_door() -> Option<(Enclosed, Gateway, Other)> {
    let place = Enclosed::each(BINARY).await.into_iter().nth(1)?;
    let door = place.path("elsewhere/door.sock").display().to_string();
    let mut up = place.outside(place.path("holdpoint"));
    up.args(["up", "--run-door", &door, "--json"]);
    let gateway = Gateway::start(up);
    let other = Other::set(&place, &door);
    Some((place, gateway, other))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_guarded_by_another_user_s_gateway() {
    let Some((place, gateway, other)) = behind_a_door().await else { return };
    let status = "curl -s -m 20 -o /dev/null -w '%{http_code} '";
    let state = place.path("state").display().to_string();
    let script = format!(
        "{status} https://{LISTED}/get; {status} -X DELETE https://{LISTED}/items/1; \
         {status} --noproxy '*' https://{LISTED}/named; {status} -X POST -d x https://{UNLISTED}/; \
         ls {state} /run/holdpoint/door.sock {} 2>/dev/null; kill -0 {} 2>/dev/null && echo reached; \
         echo text > file",
        place.path("elsewhere").display(),
        gateway.pid()
    );
    let called = other.call(&["run", "--task", "of another", "--", "bash", "-c", &script]);
    assert_eq!(
        (called.stdout.as_str(), called.status),
        ("200 428 200 403 ", 0),
        "{}",
        called.stderr
    );
    assert!(called.stderr.contains("in the ledger of its gateway"), "{}", called.stderr);
    assert!(other.dir.path().join("work/file").exists());
    let targets: Vec<String> = place.arrived().iter().map(|it| it.target.clone()).collect();
    assert_eq!(targets, ["/get", "/named"]);

    // It is on that gateway's record, as whose it is; and ends with its supervisor.
    let shown = place.call(&["ledger", "show", "--last", "50", "--json"]).json();
    let records = shown.as_array().unwrap().iter().map(|it| &it["record"]);
    let decided: Vec<_> = records.filter(|it| it["kind"] == "decision").collect();
    assert_eq!(decided.len(), 4);
    for record in decided {
        let principal = &record["principal"];
        let agent = principal["agent"].as_str().unwrap();
        assert!(agent.starts_with("run-of-1002-r-"), "{principal}");
        assert!(principal["did"].as_str().unwrap().starts_with("did:key:z6Mk"), "{principal}");
        assert_eq!(principal["task"]["description"], "of another");
    }
    until("its identity is forgotten", || {
        let agents = place.call(&["agents", "list", "--json"]).json();
        agents.as_array().unwrap().is_empty().then_some(())
    });
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_gateway_it_is_can_kill_it_and_it_asks_for_no_more_than_is_given() {
    let Some((place, gateway, other)) = behind_a_door().await else { return };
    let mut run = other.command(&["run", "--no-snapshot", "--", "bash", "-c", "exec sleep 341"]);
    let mut child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let name = until("it has an identity", || {
        let agents = place.call(&["agents", "list", "--json"]).json();
        Some(agents.as_array()?.first()?["agent"]["run"].as_str()?.to_owned())
    });
    assert_eq!(place.call(&["kill", &name]).status, 0);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    let there = Command::new("pgrep").args(["-f", "^sleep 341$"]).output().unwrap();
    assert!(there.stdout.is_empty(), "it still runs");
    let agents = place.call(&["agents", "list", "--json"]).json();
    assert_eq!(agents[0]["agent"]["killed"], true, "it stays known as killed");

    let started = other.dir.path().join("work/started");
    let touch = ["--", "touch", started.to_str().unwrap()];
    for (words, status, why) in [
        (&["run", "--ring", "1"][..], 3, "ring 1 is not given at a door"),
        (&["run", "--grant", "model"], 2, "and so are its secrets"),
    ] {
        let called = other.call(&[words, &touch].concat());
        assert_eq!(called.status, status, "{}", called.stderr);
        assert!(called.stderr.contains(why), "{}", called.stderr);
    }
    drop(gateway);
    let called = other.call(&[&["run"][..], &touch].concat());
    assert_eq!(called.status, 3, "{}", called.stderr);
    assert!(called.stderr.contains("its user has to start it: holdpoint up"), "{}", called.stderr);
    assert!(!started.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_finds_the_next_gateway_behind_the_door() {
    let Some((place, gateway, other)) = behind_a_door().await else { return };
    let ask = format!("curl -s -m 30 -o /dev/null -w '%{{http_code}}\\n' https://{LISTED}/get");
    let script = format!("{ask}; touch asked; until [ -e go ]; do sleep 0.05; done; {ask}");
    let mut run = other.command(&["run", "--no-snapshot", "--", "bash", "-c", &script]);
    let child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    until("it has asked", || other.dir.path().join("work/asked").exists().then_some(()));
    drop(gateway);
    fs::write(other.dir.path().join("work/go"), "").unwrap();
    let door = place.path("elsewhere/door.sock").display().to_string();
    let mut up = place.outside(place.path("holdpoint"));
    up.args(["up", "--run-door", &door, "--json"]);
    let _gateway = Gateway::start(up);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.stdout.as_slice(), ended.status.code()), (&b"200\n200\n"[..], Some(0)));
}
