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
/// Rounds of each kind; five hundred in all under `HOLDPOINT_SOAK`.
fn rounds() -> u64 {
    if std::env::var_os("HOLDPOINT_SOAK").is_some() { 250 } else { 12 }
}

const SHOP: &str = "\
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO items SELECT g, 'item ' || g FROM generate_series(1, 500) g;";

/// What takes row `id` away, and the word by which a client is told that it has.
fn statement(id: u64) -> (String, &'static str) {
    match id % 3 {
        0 => (format!("DELETE FROM items WHERE id = {id}"), "DELETE 1"),
        1 => (format!("BEGIN; DELETE FROM items WHERE id = {id}; COMMIT"), "COMMIT"),
        _ => (format!("UPDATE items SET name = '' WHERE id = {id}"), "UPDATE 1"),
    }
}

/// A client that takes one row away, and says if it was told that it did.
fn client(guarded: &Guarded, id: u64) -> Child {
    let (text, _) = statement(id);
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
                let pieces = rows.before.pieces(&state.payloads()).unwrap().unwrap();
                let before: Vec<u8> = pieces.flat_map(|piece| piece.unwrap().to_vec()).collect();
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

/// When something dies: at every moment of a statement and of its end, one after the other.
fn delay(number: u64, rounds: u64, whole: u64) -> u64 {
    number * whole * 2 / rounds
}

/// One row is deleted, and something dies after `delay`; then it is as it should be.
fn round(guarded: &mut Guarded, id: u64, delay: u64, kill: impl FnOnce(&mut Guarded)) -> bool {
    let child = client(guarded, id);
    thread::sleep(Duration::from_millis(delay));
    kill(guarded);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).contains(statement(id).1);
    let still = format!("SELECT count(*) FROM items WHERE id = {id} AND name <> ''");
    let there = guarded.server.app(&still) == "1";
    assert!(!(told && there), "row {id}: the client was told, and it is there");
    assert!(there || is_kept(guarded, id), "row {id} is lost: {}", guarded.gateway.said());
    !there
}

#[test]
fn a_killed_gateway_leaves_nothing_done_or_all_of_it_saved() {
    let mut guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    // In each round, what asks is the first session of its gateway.
    guarded.restart();
    let whole = undisturbed(&guarded, 500);
    let (rounds, mut gone) = (rounds(), 0);
    for number in 1..=rounds {
        let delay = delay(number, rounds, whole);
        gone += u64::from(round(&mut guarded, number, delay, |it| it.restart()));
    }
    println!("{gone} of {rounds} were committed before the gateway was killed");
    assert!(
        (1..rounds).contains(&gone),
        "{gone} of {rounds}: every round was killed too soon or too late"
    );
    assert_eq!(guarded.holdpoint.call(&["ledger", "verify"]).status, 0);
}

#[test]
fn a_killed_server_leaves_nothing_done_or_all_of_it_saved() {
    let mut guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let whole = undisturbed(&guarded, 500);
    let (rounds, mut gone) = (rounds(), 0);
    for number in 1..=rounds {
        let delay = delay(number, rounds, whole);
        gone += u64::from(round(&mut guarded, number, delay, |it| {
            it.server.cut();
            it.server.begin();
        }));
    }
    println!("{gone} of {rounds} were committed before the server was killed");
    assert!(
        (1..rounds).contains(&gone),
        "{gone} of {rounds}: every round was killed too soon or too late"
    );
    // Another session begins anew.
    let left = "SELECT count(*) FROM items WHERE name <> ''";
    assert_eq!(guarded.well(left), (499 - gone).to_string());
}
