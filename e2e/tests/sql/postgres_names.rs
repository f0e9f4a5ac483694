//! Names that the server takes for something else than the gateway: what became of a name is known
//! once the server has said so, and until then nothing is run by it.

use std::process::Command;

use e2e::{postgres::Guarded, python::Python};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 100);";

/// Each trick in a session of its own, by libpq's own calls; a failure is what it should end in.
const TRICKS: &str = r#"
import sys, psycopg
from psycopg import pq
OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)

def another_parse(pg):
    pg.prepare(b"x", b"COMMIT")
    assert pg.prepare(b"x", b"SELECT 1").status not in OK, "the name is taken"
    pg.exec_(b"BEGIN"); pg.exec_(b"DELETE FROM customers")
    return pg.exec_prepared(b"x", [])

def a_close_that_was_skipped(pg):
    pg.prepare(b"y", b"COMMIT")
    pg.exec_(b"BEGIN"); pg.exec_(b"DELETE FROM customers")
    pg.enter_pipeline_mode()
    pg.send_query_params(b"SELECT 1/0", [])
    pg.send_close_prepared(b"y")
    pg.pipeline_sync()
    while True:
        found = pg.get_result()
        if found is not None and found.status == pq.ExecStatus.PIPELINE_SYNC:
            break
    pg.exit_pipeline_mode()
    pg.exec_(b"ROLLBACK"); pg.exec_(b"BEGIN"); pg.exec_(b"DELETE FROM customers")
    return pg.exec_prepared(b"y", [])

def known_all_along(pg):
    assert pg.prepare(b"z", b"SELECT count(*) FROM customers").status in OK
    pg.exec_(b"SELECT 1/0")
    found = pg.exec_prepared(b"z", [])
    assert found.status in OK and found.get_value(0, 0) == b"100", found.error_message
    return found

for trick in (another_parse, a_close_that_was_skipped, known_all_along):
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        print(trick.__name__, trick(connection.pgconn).status in OK)
"#;

#[test]
fn nothing_is_committed_under_a_name_that_means_something_else() {
    let guarded = Guarded::start(BINARY, "production", "[hold]\nwait_seconds = 0\n", SHOP);
    let python = Python::with(FOLDER, &PSYCOPG);
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", TRICKS, &guarded.url()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}{}", guarded.gateway.said());
    assert!(said.starts_with("another_parse False\n"), "{said}");
    assert!(said.ends_with("known_all_along True\n"), "{said}");
    assert_eq!(guarded.server.app("SELECT count(*) FROM customers"), "100", "{said}");
}
