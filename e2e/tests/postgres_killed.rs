//! The gateway or the server is killed at any moment: then nothing has happened, or it is committed
//! and its rows are saved.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use e2e::postgres::{Guarded, ROLE, program};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// Rounds of each kind.
const ROUNDS: u64 = 12;

const SHOP: &str = "\
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO items SELECT g, 'item ' || g FROM generate_series(1, 500) g;";

/// A client that deletes one row in a transaction of its own, and says if it was told that it did.
fn client(guarded: &Guarded, id: u64) -> Child {
    let text = format!("DELETE FROM items WHERE id = {id}");
    let url = format!("postgresql://{ROLE}@127.0.0.1:{}/shop?sslmode=disable", guarded.port());
    Command::new(program("psql"))
        .args(["-X", "-A", "-t", "-d", &url, "-c", &text])
        .env("PGPASSWORD", &guarded.phantom)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whether the rows of a row's deletion were kept.
fn is_kept(guarded: &Guarded, id: u64) -> bool {
    let state = holdpoint_store::State::open(guarded.holdpoint.state()).unwrap();
    guarded.payloads().iter().any(|payload| {
        let bytes = state.payloads().read(payload).unwrap();
        let preimage: Option<holdpoint_gateway::postgres::Preimage> =
            bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        preimage.is_some_and(|preimage| {
            preimage.tables.iter().any(|rows| {
                let (before, _) = rows.texts().unwrap();
                String::from_utf8(before).unwrap().starts_with(&format!("{id}\t"))
            })
        })
    })
}

/// How long an undisturbed deletion takes, in milliseconds.
fn undisturbed(guarded: &Guarded, id: u64) -> u64 {
    let began = Instant::now();
    let output = client(guarded, id).wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

/// One row is deleted, and something dies after `delay`; then it is as it should be.
fn round(guarded: &mut Guarded, id: u64, delay: u64, kill: impl FnOnce(&mut Guarded)) -> bool {
    let child = client(guarded, id);
    thread::sleep(Duration::from_millis(delay));
    kill(guarded);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).contains("DELETE 1");
    let there = guarded.server.app(&format!("SELECT count(*) FROM items WHERE id = {id}")) == "1";
    assert!(!(told && there), "row {id}: the client was told, and it is there");
    assert!(there || is_kept(guarded, id), "row {id} is lost: {}", guarded.gateway.said());
    !there
}

#[test]
fn a_killed_gateway_leaves_nothing_done_or_all_of_it_saved() {
    let mut guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let whole = undisturbed(&guarded, 500);
    let mut gone = 0;
    for number in 1..=ROUNDS {
        gone +=
            u64::from(round(&mut guarded, number, number * whole * 2 / ROUNDS, |it| it.restart()));
    }
    assert!(
        (1..ROUNDS).contains(&gone),
        "{gone} of {ROUNDS}: every round was killed too soon or too late"
    );
    assert_eq!(guarded.holdpoint.call(&["ledger", "verify"]).status, 0);
}

#[test]
fn a_killed_server_leaves_nothing_done_or_all_of_it_saved() {
    let mut guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let whole = undisturbed(&guarded, 500);
    let mut gone = 0;
    for number in 1..=ROUNDS {
        gone += u64::from(round(&mut guarded, number, number * whole * 2 / ROUNDS, |it| {
            it.server.cut();
            it.server.begin();
        }));
    }
    assert!(
        (1..ROUNDS).contains(&gone),
        "{gone} of {ROUNDS}: every round was killed too soon or too late"
    );
    // Another session begins anew.
    assert_eq!(guarded.well("SELECT count(*) FROM items"), (499 - gone).to_string());
}
