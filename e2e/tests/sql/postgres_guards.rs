//! Ways around the count that somebody found, each with what stops it: cancelled ends, borrowed
//! roles, code that waits for COMMIT, counting switched off, hidden rows, structure changed on the
//! side.

use std::process::{Command, Output};

use e2e::{
    postgres::{Guarded, PASSWORD, ROLE, Server, psql},
    postgres_versions::{is_described, major},
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";
const PRODUCTION: &str = "environment = \"production\"";

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE notes (id int PRIMARY KEY, text text);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO notes SELECT g, 'note' FROM generate_series(1, 20) g;";

fn python(guarded: &Guarded, script: &str) -> String {
    let python = Python::with(FOLDER, &PSYCOPG);
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python.packages()).args(["-c", script, &guarded.url()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}{errors}{}", guarded.gateway.said());
    said.trim().to_owned()
}

/// Nothing of `text` is committed, and the client hears why.
fn stopped(guarded: &Guarded, text: &str, says: &str) {
    let state = || {
        let rows = ["customers", "notes"].map(|table| guarded.server.checksum(table));
        let columns = "SELECT string_agg(attrelid::regclass || '.' || attname, ',' ORDER BY 1) \
            FROM pg_attribute WHERE attrelid IN ('customers'::regclass, 'notes'::regclass) AND attnum > 0";
        (
            rows,
            guarded
                .server
                .admin("shop", &columns.replace("ORDER BY 1", "ORDER BY attrelid, attnum")),
        )
    };
    let before = state();
    let said = guarded.run(text);
    assert_eq!(state(), before, "{text}: {}", said.err);
    assert_ne!(said.status, 0, "{text}: {}", said.out);
    assert!(said.err.contains(says), "{text}: {}", said.err);
}

/// A cancellation that meets the gateway's own ROLLBACK leaves no transaction open in which the
/// next statement would be a reading one.
#[test]
fn a_cancelled_end_of_a_transaction_leaves_nothing_open() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let script = r#"
import sys, threading, time, psycopg
url, ends = sys.argv[1], 0
for number in range(40):
    connection = psycopg.connect(url, autocommit=True)
    stop = threading.Event()
    def bother():
        while not stop.is_set():
            connection.cancel()
            time.sleep(0.0005)
    thread = threading.Thread(target=bother)
    thread.start()
    for _ in range(3):
        try:
            connection.execute("DELETE FROM customers")
        except psycopg.Error:
            pass
        try:
            connection.execute("SELECT 1")
            connection.execute("COMMIT")
        except psycopg.Error:
            ends += 1
    stop.set(); thread.join()
    connection.close()
with psycopg.connect(url, autocommit=True) as connection:
    print(connection.execute("SELECT count(*) FROM customers").fetchone()[0])
"#;
    assert_eq!(python(&guarded, script), "100");
    assert_eq!(guarded.server.app("SELECT count(*) FROM customers"), "100");
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state LIKE 'idle in%'";
    assert_eq!(guarded.server.admin("shop", open), "0");
}

/// Before PostgreSQL 16, who makes roles can give itself one that runs programs: code that nobody
/// sees is judged before it runs.
#[test]
fn a_role_that_makes_roles_counts_as_mighty() {
    let server = Server::start(SHOP);
    server.admin("shop", &format!("ALTER ROLE {ROLE} CREATEROLE"));
    let dir = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), open).unwrap();
    let guarded = Guarded::before(server, BINARY, ROLE, PRODUCTION, TERMS);
    let file = dir.path().join("ran");
    let hidden = format!(
        "DO $$ BEGIN EXECUTE 'GRANT pg_execute_server_program TO {ROLE}'; \
         EXECUTE 'COPY notes TO PROGRAM ''cat > {}'''; END $$",
        file.display()
    );
    stopped(&guarded, &hidden, "");
    assert!(!file.exists());
}

/// Who is a member of a mighty role is as mighty: code that nobody sees is judged before it runs.
#[test]
fn a_role_that_could_become_mightier_counts_as_that() {
    let server = Server::start(SHOP);
    server.admin("shop", "CREATE ROLE chief SUPERUSER NOINHERIT");
    server.admin("shop", &format!("GRANT chief TO {ROLE}"));
    server.admin("shop", "CREATE EXTENSION dblink SCHEMA public");
    let port = server.port();
    let guarded = Guarded::before(server, BINARY, ROLE, PRODUCTION, TERMS);
    let link = format!("host=127.0.0.1 port={port} user={ROLE} password={PASSWORD} dbname=shop");
    stopped(&guarded, "SET ROLE chief; DELETE FROM customers WHERE id = 1", "Holdpoint");
    stopped(&guarded, "SELECT set_config('role', 'chief', false); DELETE FROM notes", "Holdpoint");
    // Its effect would be outside of every transaction that is counted.
    let hidden = format!(
        "DO $$ BEGIN EXECUTE 'SELECT dblink_exec(' || quote_literal('{link}') || ', ' || \
         quote_literal('DELETE FROM notes') || ')'; END $$"
    );
    stopped(&guarded, &hidden, "Holdpoint");
}

/// Who may call something in a language that can do anything counts as mighty, as long as they may.
#[test]
fn a_role_that_may_call_what_can_do_anything_counts_as_mighty() {
    let server = Server::start(SHOP);
    let hidden = "DO $$ BEGIN EXECUTE 'DELETE FROM notes WHERE id = ' || 1; END $$";
    for text in [
        // As mighty as those that are made for that, and here on every machine.
        "CREATE LANGUAGE anything HANDLER plpgsql_call_handler VALIDATOR plpgsql_validator",
        "CREATE FUNCTION does() RETURNS int LANGUAGE anything AS $$ BEGIN RETURN 1; END $$",
        "REVOKE EXECUTE ON FUNCTION does() FROM PUBLIC",
    ] {
        server.admin("shop", text);
    }
    let guarded = Guarded::before(server, BINARY, ROLE, PRODUCTION, TERMS);
    guarded.well(hidden);
    guarded.server.admin("shop", "GRANT EXECUTE ON FUNCTION does() TO PUBLIC");
    stopped(&guarded, &hidden.replace("1;", "2;"), "Holdpoint");
}

/// What is deferred to COMMIT is run before it is counted, and code that could defer more is held.
#[test]
fn code_that_waits_for_the_commit_is_counted() {
    let setup = format!(
        "{SHOP}
CREATE TABLE late (id int PRIMARY KEY);
CREATE FUNCTION purge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM notes; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
 FOR EACH ROW EXECUTE FUNCTION purge();
CREATE TABLE later (id int PRIMARY KEY);
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO late VALUES (1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED
 FOR EACH ROW EXECUTE FUNCTION again();"
    );
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    stopped(&guarded, "INSERT INTO late VALUES (1)", "20 notes");
    stopped(&guarded, "BEGIN; INSERT INTO late VALUES (1); COMMIT", "20 notes");
    stopped(&guarded, "INSERT INTO later VALUES (1)", "Holdpoint");
    stopped(
        &guarded,
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO later VALUES (1); COMMIT",
        "Holdpoint",
    );
}

/// Only a master of the server can switch counting off: in no way that a text shows, and in none
/// that it hides.
#[test]
fn counting_is_not_switched_off() {
    let server = Server::start(SHOP);
    server.admin("shop", &format!("ALTER ROLE {ROLE} SUPERUSER"));
    let guarded = Guarded::before(server, BINARY, ROLE, PRODUCTION, TERMS);
    for text in [
        "SET track_counts = off",
        "BEGIN; SET LOCAL track_counts = off; DELETE FROM notes; SET LOCAL track_counts = on; COMMIT",
        "SELECT set_config('track_counts', 'off', true); DELETE FROM notes",
        "DO $$ BEGIN SET LOCAL track_counts = off; DELETE FROM notes; SET LOCAL track_counts = on; END $$",
        "DO $$ BEGIN PERFORM set_config('track_' || 'counts', 'off', true); DELETE FROM notes; END $$",
    ] {
        stopped(&guarded, text, "");
    }
    guarded.server.admin("shop", &format!("ALTER ROLE {ROLE} SET track_counts = off"));
    stopped(&guarded, "DELETE FROM notes WHERE id = 1", "track_counts");
}

/// What is hidden from the session that would save it is not said to be saved.
#[test]
fn rows_that_a_policy_hides_are_not_said_to_be_kept() {
    let setup = format!(
        "{SHOP}
CREATE TABLE tenants (id int PRIMARY KEY, tenant text, name text);
INSERT INTO tenants SELECT g, 't' || g % 2, 'x' FROM generate_series(1, 60) g;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (tenant = current_setting('app.tenant', true));"
    );
    for environment in ["production", "development"] {
        let guarded = Guarded::start(BINARY, environment, TERMS, &setup);
        let sum = || {
            let text = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM tenants t";
            guarded.server.admin("shop", text)
        };
        // Whoever sees all has all of it kept.
        let lost = if environment == "production" { "id = 60" } else { "id > 40" };
        let said = guarded.run(&format!("DELETE FROM tenants WHERE {lost}"));
        assert!(said.status == 0 && said.err.contains("kept the rows"), "{}", said.err);
        guarded.server.admin("shop", "ALTER TABLE tenants FORCE ROW LEVEL SECURITY");
        let before = sum();
        for text in [
            "SET app.tenant = 't1'; DELETE FROM tenants WHERE id = 1",
            "SET app.tenant = 't1'; DELETE FROM tenants",
            "SET app.tenant = 't1'; TRUNCATE tenants",
        ] {
            // A few rows by key need no pre-image there.
            if environment == "development" && text.ends_with("id = 1") {
                continue;
            }
            let said = guarded.run(text);
            assert_eq!(sum(), before, "{environment} {text}: {}", said.err);
            assert!(
                said.status != 0 && !said.err.contains("kept the rows"),
                "{text}: {}",
                said.err
            );
        }
    }
}

/// What a trigger or a rule does to the structure is no part of what the statement says.
#[test]
fn structure_that_is_changed_on_the_side_is_held() {
    let setup = format!(
        "{SHOP}
CREATE TABLE plain (id int PRIMARY KEY);
CREATE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN ALTER TABLE notes DROP COLUMN text; RETURN NULL; END $$;
CREATE TRIGGER drops AFTER INSERT ON plain EXECUTE FUNCTION drops();
CREATE FUNCTION grants() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN CREATE ROLE friend LOGIN; RETURN NULL; END $$;
CREATE TRIGGER grants AFTER UPDATE ON plain EXECUTE FUNCTION grants();
CREATE FUNCTION retypes() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN ALTER TABLE notes ALTER text TYPE varchar(1) USING left(text, 1); RETURN NULL; END $$;
CREATE TABLE other (id int PRIMARY KEY);
CREATE TRIGGER retypes AFTER INSERT ON other EXECUTE FUNCTION retypes();
CREATE TABLE third (id int PRIMARY KEY);
CREATE FUNCTION unguards() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN ALTER TABLE customers DROP CONSTRAINT customers_pkey; RETURN NULL; END $$;
CREATE TRIGGER unguards AFTER INSERT ON third EXECUTE FUNCTION unguards();
INSERT INTO plain VALUES (0) ON CONFLICT DO NOTHING;"
    )
    .replace("INSERT INTO plain VALUES (0) ON CONFLICT DO NOTHING;", "");
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    for text in [
        "INSERT INTO plain VALUES (1)",
        "INSERT INTO other VALUES (1)",
        "INSERT INTO third VALUES (1)",
        "WITH made AS (INSERT INTO plain VALUES (2) RETURNING id) SELECT * FROM made",
        "BEGIN; INSERT INTO plain VALUES (1); COMMIT",
        "CREATE TABLE fresh AS SELECT 1 AS a; INSERT INTO third VALUES (1)",
    ] {
        stopped(&guarded, text, "Holdpoint");
    }
    let keys = "SELECT count(*) FROM pg_constraint WHERE conname = 'customers_pkey'";
    assert_eq!(guarded.server.admin("shop", keys), "1");
}

/// A transaction of very many statements is judged all the same, in bounded memory.
#[test]
fn a_long_transaction_is_counted_in_bounded_memory() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let script = r#"
import sys, psycopg
url = sys.argv[1]
with psycopg.connect(url) as connection:
    connection.execute("CREATE TABLE many (id int PRIMARY KEY, text text)")
    connection.commit()
    wide = "x" * 100_000
    for number in range(600):
        connection.execute("INSERT INTO many VALUES (%s, %s)", (number, wide))
    connection.commit()
    print(connection.execute("SELECT count(*) FROM many").fetchone()[0])
    for number in range(300):
        connection.execute("UPDATE customers SET name = %s WHERE id = %s", (wide, number))
    try:
        connection.commit()
        raise SystemExit("committed")
    except psycopg.Error as error:
        print(error.sqlstate)
"#;
    guarded.well("SELECT 1");
    let before = guarded.gateway.peak_kb();
    let said = python(&guarded, script);
    assert!(said.starts_with("600\n"), "{said}");
    let taken = guarded.gateway.peak_kb() - before;
    assert!(taken < 100 << 10, "{taken} KiB more memory");
    assert_eq!(guarded.server.app("SELECT count(*) FROM customers WHERE name LIKE 'x%'"), "0");
}

/// A certificate authority, and a key and certificate of it for the server.
fn certificates(dir: &std::path::Path) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 \
        -subj '/CN=test authority' 2>/dev/null";
    let output = Command::new("sh").args(["-c", script]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    certify(dir, "server");
}

/// A key, and a certificate of the authority for this machine.
fn certify(dir: &std::path::Path, name: &str) {
    let script = "\
openssl req -newkey rsa:2048 -nodes -keyout $NAME.key -out $NAME.csr -subj '/CN=127.0.0.1' 2>/dev/null &&
printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > ext &&
openssl x509 -req -in $NAME.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $NAME.pem 2>/dev/null &&
chmod 644 $NAME.key $NAME.pem";
    let mut sh = Command::new("sh");
    let output = sh.args(["-c", script]).env("NAME", name).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The way to the server is encrypted, and the server is who its certificate says.
#[test]
fn the_server_is_reached_by_tls_and_known_by_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let server = Server::start(SHOP);
    server.encrypt(&dir.path().join("server.pem"), &dir.path().join("server.key"));
    let port = server.port();
    let plain = psql(port, ROLE, PASSWORD, "shop", "disable", &["-c", "SELECT 1"]);
    assert_ne!(plain.status, 0, "the server takes nothing unencrypted: {}", plain.out);
    let trust = format!("upstream_ca = [\"{}\"]\n{TERMS}", dir.path().join("ca.pem").display());
    let verify = "environment = \"production\"\ntls = \"verify\"";
    let guarded = Guarded::before(server, BINARY, ROLE, verify, &trust);
    let ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(guarded.well(ssl), "t");
    // Rows are saved over it too, and so is what describes a table that is dropped.
    let said = guarded.run("DELETE FROM notes WHERE id = 3");
    assert!(said.err.contains("kept the rows"), "{}", said.err);
    // What nobody here can describe has no way back.
    let says = if is_described() { "drop notes" } else { "no_way_back" };
    stopped(&guarded, "DROP TABLE notes", says);
    if is_described() {
        let id = guarded.hold()["hold"].as_str().unwrap().to_owned();
        guarded.approve(&id);
        let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.admin("shop", "SELECT count(*) FROM notes"), "19");
    }
    // Who would bind the password to the channel can, where there is one.
    for (channel, binding, expect) in [
        ("require", "require", true),
        ("require", "disable", true),
        ("disable", "require", false),
        ("disable", "prefer", true),
    ] {
        let url = format!(
            "postgresql://{ROLE}@127.0.0.1:{}/shop?sslmode={channel}&channel_binding={binding}",
            guarded.port()
        );
        let bound = Command::new("psql")
            .args(["-X", "-d", &url, "-c", "SELECT 1"])
            .env("PGPASSWORD", &guarded.phantom)
            .output()
            .unwrap();
        assert_eq!(bound.status.success(), expect, "{channel} {binding}: {bound:?}");
        let said = String::from_utf8_lossy(&bound.stderr).into_owned();
        assert!(expect || said.contains("channel binding"), "{said}");
    }
}

/// Somebody in between with a certificate that is trusted, but is not the server's, learns no login
/// that they could use.
#[test]
fn a_login_is_bound_to_the_servers_own_certificate() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let server = Server::start(SHOP);
    server.encrypt(&dir.path().join("server.pem"), &dir.path().join("server.key"));
    // The same authority vouches for another key.
    certify(dir.path(), "between");
    let mut end = far_end(dir.path(), "between", server.port());
    let trust = format!("upstream_ca = [\"{}\"]\n{TERMS}", dir.path().join("ca.pem").display());
    let verify = "environment = \"production\"\ntls = \"verify\"";
    let guarded = Guarded::before_port(server, end.port, BINARY, ROLE, verify, &trust);
    let said = guarded.run("SELECT 1");
    end.process.kill().unwrap();
    end.process.wait().unwrap();
    assert_ne!(said.status, 0, "{}", said.out);
    assert!(said.err.contains("the login at the database's server failed"), "{}", said.err);
    assert!(said.err.contains("channel binding"), "{}", said.err);
}

/// Something before a server, and its port.
struct FarEnd {
    process: std::process::Child,
    port: u16,
}

fn far_end(dir: &std::path::Path, how: &str, server: u16) -> FarEnd {
    let script = include_str!("postgres_guards/direct.py");
    let mut process = Command::new("python3")
        .args(["-c", script, how, &server.to_string()])
        .current_dir(dir)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = process.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    FarEnd { process, port: line.trim().parse().unwrap() }
}

/// A server whose certificate nobody trusts is not shown a password.
#[test]
fn a_server_that_nobody_vouches_for_is_not_logged_in_at() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let server = Server::start(SHOP);
    server.encrypt(&dir.path().join("server.pem"), &dir.path().join("server.key"));
    let verify = "environment = \"production\"\ntls = \"verify\"";
    let guarded = Guarded::before(server, BINARY, ROLE, verify, TERMS);
    let said = guarded.run("SELECT 1");
    assert_ne!(said.status, 0);
    assert!(said.err.contains("there is no TLS with the database's server"), "{}", said.err);
    assert!(said.err.contains("upstream_ca"), "{}", said.err);
}

/// TLS without asking for it first, on both sides.
#[test]
fn tls_may_begin_at_once() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let server = Server::start(SHOP);
    let script = include_str!("postgres_guards/direct.py");
    // Servers from 17 on take it themselves.
    let mut end = (major() < 17).then(|| far_end(dir.path(), "serve", server.port()));
    if end.is_none() {
        server.encrypt(&dir.path().join("server.pem"), &dir.path().join("server.key"));
    }
    let port = end.as_ref().map_or(server.port(), |end| end.port);
    let trust = format!("upstream_ca = [\"{}\"]\n{TERMS}", dir.path().join("ca.pem").display());
    let direct = "environment = \"production\"\ntls = \"direct\"";
    let guarded = Guarded::before_port(server, port, BINARY, ROLE, direct, &trust);
    let count = guarded.run("SELECT count(*) FROM customers");
    let client = Command::new("python3")
        .args(["-c", script, "ask", &guarded.port().to_string()])
        .output()
        .unwrap();
    if let Some(end) = &mut end {
        end.process.kill().unwrap();
        end.process.wait().unwrap();
    }
    assert_eq!((count.status, count.out.trim()), (0, "100"), "{}", count.err);
    assert_eq!(
        String::from_utf8_lossy(&client.stdout).trim(),
        "postgresql SCRAM-SHA-256-PLUS",
        "{client:?}"
    );
}
