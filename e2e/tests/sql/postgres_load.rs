//! Many connections at once, and much in one of them.

use std::process::Command;

use e2e::{
    postgres::{Guarded, ROLE, Server},
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n[sql]\nsessions = 1300\n";
const LOAD: &str = include_str!("postgres_load/load.py");
/// Memory that a copy may take, in KiB.
const COPY_KIB_MAX: u64 = 32 << 10;
/// Rows of a copy of some 200 MB.
const ROWS: u64 = 2_000_000;

#[test]
fn many_connections_wait_while_others_work() {
    let (idle, busy) = match std::env::var_os("HOLDPOINT_SOAK") {
        None => ("100", "30"),
        Some(_) => ("1000", "200"),
    };
    let server = Server::start("CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)");
    server.app("INSERT INTO counters SELECT g, 0 FROM generate_series(0, 199) g");
    server.configure("max_connections = 1300\nshared_buffers = 64MB\n");
    server.cut();
    server.begin();
    let guarded = Guarded::before(server, BINARY, ROLE, "environment = \"development\"", TERMS);
    let before = guarded.gateway.peak_kb();
    let python = Python::with(FOLDER, &PSYCOPG);
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", LOAD, &guarded.url(), idle, busy])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}{}", guarded.gateway.said());
    println!("{said}{} KiB more memory", guarded.gateway.peak_kb() - before);
    let busy: u64 = busy.parse().unwrap();
    assert_eq!(guarded.server.app("SELECT sum(n) FROM counters"), (busy * 10).to_string());
    assert!(said.contains("all answer"), "{said}");
}

#[test]
fn a_large_copy_streams_in_and_out() {
    let guarded = Guarded::start(
        BINARY,
        "development",
        TERMS,
        "CREATE TABLE wide (id int, a text); CREATE TABLE again (id int, a text)",
    );
    let fill = format!(
        "INSERT INTO wide SELECT g, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) \
         FROM generate_series(1, {ROWS}) g"
    );
    guarded.server.app(&fill);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows").display().to_string();
    guarded.well("SELECT 1");
    let before = guarded.gateway.peak_kb();
    assert_eq!(guarded.well(&format!("\\copy wide to '{file}'")), format!("COPY {ROWS}"));
    assert!(std::fs::metadata(&file).unwrap().len() > 200_000_000);
    let out = guarded.gateway.peak_kb() - before;
    assert_eq!(guarded.well(&format!("\\copy again from '{file}'")), format!("COPY {ROWS}"));
    let taken = guarded.gateway.peak_kb() - before;
    println!("{out} KiB more memory out, {taken} in and out");
    assert!(taken <= COPY_KIB_MAX, "{taken} KiB more memory for a copy");
    let sum = |table: &str| {
        guarded.server.app(&format!("SELECT sum(hashtextextended(t::text, 0)) FROM {table} t"))
    };
    assert_eq!(sum("again"), sum("wide"));
}

/// However many rows are lost, they are kept as they come, and put back.
#[test]
fn a_large_preimage_streams_in_and_back() {
    let rows: u64 = if std::env::var_os("HOLDPOINT_SOAK").is_some() { 10_000_000 } else { 200_000 };
    let terms = "[hold]\nwait_seconds = 0\n[sql]\npreimage_bytes = 17179869184\n\
                 [limits]\nstored_bytes = 34359738368\n";
    let setup = "CREATE TABLE large (id int PRIMARY KEY, a text, b int NOT NULL)";
    let guarded = Guarded::start(BINARY, "development", terms, setup);
    let fill = format!(
        "INSERT INTO large SELECT g, md5(g::text), g % 7 FROM generate_series(1, {rows}) g"
    );
    guarded.server.app(&fill);
    let sum = || {
        let text = "SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM large t";
        guarded.server.app(text)
    };
    let before = sum();
    guarded.well("SELECT 1");
    let memory = guarded.gateway.peak_kb();
    for text in [
        "DELETE FROM large WHERE b < 6",
        "BEGIN; UPDATE large SET b = -b, a = ''; DELETE FROM large WHERE b < -4; COMMIT",
        "TRUNCATE large",
    ] {
        let began = std::time::Instant::now();
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        let took = began.elapsed();
        let id = said.err.split("holdpoint undo ").nth(1).unwrap().split('`').next().unwrap();
        let undone = guarded.holdpoint.call(&["undo", id, "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(sum(), before, "{text}");
        println!("{rows} rows, {text}: {took:.1?}, and back {:.1?}", began.elapsed() - took);
    }
    let taken = guarded.gateway.peak_kb() - memory;
    println!("{taken} KiB more memory");
    assert!(taken <= COPY_KIB_MAX, "{taken} KiB more memory for a pre-image");
}

/// What is longer than may be kept is not lost.
#[test]
fn more_than_may_be_kept_is_refused() {
    let terms = "[hold]\nwait_seconds = 0\n[sql]\npreimage_bytes = 20000\n";
    let setup = "CREATE TABLE large (id int PRIMARY KEY, a text); \
        INSERT INTO large SELECT g, md5(g::text) FROM generate_series(1, 1000) g";
    let guarded = Guarded::start(BINARY, "development", terms, setup);
    let said = guarded.run("DELETE FROM large");
    assert!(said.err.contains("sql.preimage_bytes"), "{}", said.err);
    assert_eq!(guarded.server.app("SELECT count(*) FROM large"), "1000");
    assert_eq!(guarded.well("DELETE FROM large WHERE id <= 100"), "DELETE 100");
}
