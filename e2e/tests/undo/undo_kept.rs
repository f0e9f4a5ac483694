//! What policy lets pass only if it is saved is saved before, outside of a run too; what cannot be
//! saved is held; and an undo is decided like anything else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, process::Command};

use e2e::{
    git::{GitStage, REPOSITORY},
    git_host::HOST,
    holdpoint::{PASSPHRASE, until},
    hooks::{Desk, Dialect, Said},
    postgres::{PASSWORD, ROLE, Server},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

fn ask(desk: &Desk, command: &str) -> (String, Said) {
    let said = desk.before(Dialect::Claude, command, true);
    (Dialect::Claude.word(&said), said)
}

/// Asks until what has to be saved is saved.
fn passes(desk: &Desk, command: &str) {
    until(command, || {
        let (word, said) = ask(desk, command);
        assert!(word == "allow" || said.text().contains("(preparing)"), "{command}: {said:?}");
        (word == "allow").then_some(())
    });
}

fn does(desk: &Desk, command: &str) {
    let done = Command::new("bash").args(["-c", command]).current_dir(desk.path("")).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The newest snapshot of this kind.
fn newest(desk: &Desk, kind: &str) -> Value {
    let all = desk.holdpoint.json(&["snapshots", "--json"]);
    let found = all.as_array().unwrap().iter().find(|it| it["kind"] == kind).cloned();
    found.unwrap_or_else(|| panic!("no {kind} in {all}"))
}

fn undo(desk: &Desk, id: &str) {
    let undone = desk.holdpoint.call(&["undo", id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
}

#[test]
fn what_a_hook_lets_pass_is_saved_first_and_comes_back() {
    let desk = Desk::new(BINARY);
    let _up = desk.holdpoint.up(&[], &[]);
    for (number, command) in
        ["rm mine.txt", "git checkout -q . && git clean -qfd", ": > mine.txt"].iter().enumerate()
    {
        let mine = format!("work of {number} that is nowhere else");
        desk.write("mine.txt", &mine);
        desk.write("src/a.rs", &format!("fn main() {{ work({number}) }}"));
        passes(&desk, command);
        let saved = newest(&desk, "workspace");
        assert!(saved["run"].as_str().unwrap().starts_with("hook-"), "{saved}");
        does(&desk, command);
        assert_ne!(fs::read_to_string(desk.path("mine.txt")).ok().as_ref(), Some(&mine));
        undo(&desk, saved["id"].as_str().unwrap());
        assert_eq!(fs::read_to_string(desk.path("mine.txt")).unwrap(), mine, "{command}");
        let source = fs::read_to_string(desk.path("src/a.rs")).unwrap();
        assert_eq!(source, format!("fn main() {{ work({number}) }}"));
    }
    let records = desk.holdpoint.records_from(0);
    let saved_first = records.iter().map(|it| &it["record"]["obligations"]);
    assert!(saved_first.clone().any(|it| *it == json!(["snapshot"])), "{records:?}");
}

#[test]
fn databases_of_this_machine_are_saved_before_they_are_dropped() {
    let server = Server::start("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2)");
    server.admin("postgres", &format!("ALTER ROLE {ROLE} CREATEDB"));
    let desk = Desk::new(BINARY);
    let _up = desk.holdpoint.up(&[], &[]);
    let before = server.checksum("orders");
    let address = format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/shop", server.port());
    desk.write(".env", &format!("DATABASE_URL={address}\n"));
    for command in [
        format!("psql {address} -c 'DROP TABLE orders'"),
        format!(
            "PGPASSWORD={PASSWORD} psql -h 127.0.0.1 -p {} -U {ROLE} shop -c 'DROP TABLE orders'",
            server.port()
        ),
    ] {
        passes(&desk, &command);
        let saved = newest(&desk, "postgres");
        assert!(!saved.to_string().contains(PASSWORD), "{saved}");
        does(&desk, &command);
        undo(&desk, saved["id"].as_str().unwrap());
        assert_eq!(server.checksum("orders"), before, "{command}");
    }
    passes(&desk, "npx prisma migrate reset --force");
    server.app("DROP SCHEMA public CASCADE");
    undo(&desk, newest(&desk, "postgres")["id"].as_str().unwrap());
    assert_eq!(server.checksum("orders"), before);

    does(&desk, "sqlite3 dev.db 'CREATE TABLE t (a); INSERT INTO t VALUES (7)'");
    passes(&desk, "sqlite3 dev.db 'DROP TABLE t'");
    let saved = newest(&desk, "sqlite");
    does(&desk, "sqlite3 dev.db 'DROP TABLE t'");
    undo(&desk, saved["id"].as_str().unwrap());
    does(&desk, "test $(sqlite3 dev.db 'SELECT a FROM t') = 7");
    let ledger = fs::read(desk.holdpoint.state().join("state.db")).unwrap();
    assert!(!ledger.windows(PASSWORD.len()).any(|it| it == PASSWORD.as_bytes()));
}

#[test]
fn what_cannot_be_saved_is_held_and_so_is_everything_where_nobody_saves() {
    let desk = Desk::new(BINARY);
    assert_eq!(ask(&desk, "rm mine.txt").0, "ask", "no gateway");
    let up = desk.holdpoint.up(&[], &[]);
    // Nobody listens there; a file that is none; a kind that nobody saves; production.
    for command in [
        "psql postgres://a:b@127.0.0.1:1/shop -c 'DROP TABLE orders'",
        "sqlite3 gone.db 'DROP TABLE t'",
        "redis-cli FLUSHALL",
        "psql postgres://a:b@db.prod.example.com/shop -c 'DROP TABLE orders'",
    ] {
        let (word, said) = ask(&desk, command);
        assert_ne!(word, "allow", "{command}: {said:?}");
        assert!(!said.text().contains("(preparing)"), "{command}: {said:?}");
    }
    // The store itself.
    assert_eq!(up.stop(), 0);
    let desk = Desk::new(BINARY);
    fs::write(desk.holdpoint.state().join("snapshots"), "no directory").unwrap();
    let _up = desk.holdpoint.up(&[], &[]);
    let (word, said) = ask(&desk, "rm mine.txt");
    assert_eq!(word, "ask", "{said:?}");
    assert!(said.text().contains("cannot be"), "{said:?}");
}

#[test]
fn what_takes_longer_than_a_hook_waits_is_held_and_goes_on() {
    let desk = Desk::new(BINARY);
    let _up = desk.holdpoint.up(&[], &[]);
    for number in 0..30_000 {
        desk.write(&format!("many/{}/{number}.txt", number % 300), &number.to_string());
    }
    desk.write("mine.txt", "nowhere else");
    let (word, said) = ask(&desk, "rm mine.txt");
    assert_eq!(word, "deny", "{said:?}");
    assert!(said.text().contains("(preparing)") && said.text().contains("again"), "{said:?}");
    let saved = || desk.holdpoint.json(&["snapshots", "--json"]).as_array().unwrap().len();
    assert_eq!(saved(), 0, "what is half does not count");
    for _ in 0..90 {
        std::thread::sleep(std::time::Duration::from_secs(1));
        if saved() > 0 {
            break;
        }
    }
    passes(&desk, "rm mine.txt");
    let saved = newest(&desk, "workspace");
    does(&desk, "rm mine.txt");
    undo(&desk, saved["id"].as_str().unwrap());
    assert_eq!(fs::read_to_string(desk.path("mine.txt")).unwrap(), "nowhere else");
}

/// Live and `explain` name the same obligations.
#[test]
fn explain_offers_what_is_done_live() {
    let desk = Desk::new(BINARY);
    let _up = desk.holdpoint.up(&[], &[]);
    desk.write("src/a.rs", "changed and nowhere else");
    does(&desk, "sqlite3 dev.db 'CREATE TABLE t (a)'");
    for command in [
        "rm mine.txt",
        "git checkout -- src/a.rs",
        "git reset --hard",
        "echo x > mine.txt",
        "sqlite3 dev.db 'DROP TABLE t'",
        "mongosh mongodb://localhost/shop --eval 'db.dropDatabase()'",
        "git push --force origin main",
        "psql postgres://a:b@db.prod.example.com/shop -c 'DROP TABLE orders'",
        "rm -rf .git",
        "ls",
    ] {
        let episode = json!({
            "id": "e", "task": {"description": "t", "workspace": desk.path("").trim_end_matches('/')},
            "git": {"tracked": ["src/a.rs"], "ignored": ["target/", "node_modules/"],
                "dirty": ["src/a.rs", "mine.txt", "dev.db"]},
            "operations": [{"kind": "shell", "command": command,
                "cwd": desk.path("").trim_end_matches('/')}],
        });
        let explained =
            desk.holdpoint.call_with(&["explain", "--batch", "-"], &format!("{episode}\n")).json();
        let told = &explained["operations"][0];
        let records = desk.holdpoint.records_from(0).len() as u64;
        until(command, || (!ask(&desk, command).1.text().contains("(preparing)")).then_some(()));
        let live = until(command, || {
            let records = desk.holdpoint.records_from(records);
            let mut decided = records.iter().map(|it| it["record"].clone());
            decided.rfind(|it| it["kind"] == "decision")
        });
        assert_eq!(live["verdict"], told["verdict"], "{command}: {live} {told}");
        let live = live["obligations"].as_array().cloned().unwrap_or_default();
        assert_eq!(told["obligations"], json!(live), "{command}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_push_keeps_what_was_there_and_its_undo_is_held() {
    let stage = GitStage::set(BINARY, "[hold]\nwait_seconds = 0\n").await;
    let copy = stage.agent("worker");
    let lost = stage.tip("refs/heads/main").unwrap();
    copy.git(&["commit", "--quiet", "--amend", "--allow-empty", "-m", "written anew"]).done();
    let pushed = copy.git(&["push", "--force", "origin", "main"]);
    assert_eq!(pushed.status, 1, "{pushed:?}");
    let none = stage.holdpoint.json(&["snapshots", "--json"]);
    assert_eq!(none, json!([]), "nothing is fetched before a human agrees");
    stage.approve(&stage.hold(), "");
    until("the push", || (stage.tip("refs/heads/main") != Some(lost.clone())).then_some(()));
    let saved = stage.holdpoint.json(&["snapshots", "--json"])[0].clone();
    assert_eq!(saved["kind"], "git", "{saved}");
    let what = format!("https://{HOST}/{REPOSITORY} refs/heads/main");
    assert_eq!(saved["what"], what.as_str(), "{saved}");

    let undo = || {
        let id = saved["id"].as_str().unwrap();
        let mut command = stage.holdpoint.command(&["undo", id, "--yes", "--json"]);
        let settings = [
            (format!("url.https://{}/.insteadOf", stage.host.addr()), format!("https://{HOST}/")),
            ("http.sslVerify".to_owned(), "false".to_owned()),
        ];
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (number, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        e2e::holdpoint::Called::from(command.output().unwrap())
    };
    let held = undo();
    assert_eq!(held.status, 1, "{held:?}");
    let hold = held.json()["hold"].as_str().unwrap_or_else(|| panic!("{held:?}")).to_owned();
    assert_ne!(stage.tip("refs/heads/main"), Some(lost.clone()));
    stage.approve(&hold, "");
    let undone = undo();
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(stage.tip("refs/heads/main"), Some(lost));
    stage.holdpoint.verified();
}

#[test]
fn newer_work_and_a_run_that_goes_on_wait_for_an_approval() {
    let desk = Desk::new(BINARY);
    desk.holdpoint.enrol("ada");
    for gateway in [true, false] {
        let up = desk.holdpoint.up(&[], &[]);
        let run = || {
            let mut run =
                desk.holdpoint.command(&["run", "--", "sh", "-c", "echo agent > mine.txt"]);
            run.current_dir(desk.path("")).env("HOME", desk.path(".."));
            let ran = e2e::holdpoint::Called::from(run.output().unwrap());
            let id = ran.stderr.split("run r-").nth(1).unwrap_or_else(|| panic!("{}", ran.stderr));
            format!("r-{}", id.split([' ', ';', '\n']).next().unwrap())
        };
        desk.write("mine.txt", "before");
        let id = run();
        std::thread::sleep(std::time::Duration::from_millis(30));
        desk.write("mine.txt", "a human's newer work");
        // By the gateway, or by whoever undoes where none is up.
        let _up = gateway.then_some(up);
        let undo = || desk.holdpoint.call(&["undo", &id, "--yes", "--json"]);
        let held = undo();
        assert_eq!(held.status, 1, "{held:?}");
        let hold = held.json()["hold"].as_str().unwrap_or_else(|| panic!("{held:?}")).to_owned();
        assert_eq!(undo().json()["hold"], hold.as_str(), "the same waits once");
        assert_eq!(fs::read_to_string(desk.path("mine.txt")).unwrap(), "a human's newer work");
        let approve = |hold: &str| {
            let approved = desk.holdpoint.call_with(&["approve", hold], PASSPHRASE);
            assert_eq!(approved.status, 0, "{approved:?}");
        };
        approve(&hold);
        // It is for exactly what was there.
        desk.write("mine.txt", "still newer");
        let other = undo();
        assert_eq!(other.status, 1, "{other:?}");
        let other = other.json()["hold"].as_str().unwrap().to_owned();
        assert_ne!(other, hold);
        approve(&other);
        let undone = undo();
        assert_eq!(undone.status, 0, "{undone:?}");
        assert_eq!(fs::read_to_string(desk.path("mine.txt")).unwrap(), "before");
    }
}
