//! What people work with on a PostgreSQL, through the gateway, unharmed.

use std::{
    path::Path,
    process::{Command, Output},
};

use e2e::{
    postgres::{Guarded, ROLE, program},
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
const LIBRARIES: [&str; 4] =
    ["psycopg[binary]==3.3.9", "sqlalchemy==2.0.44", "alembic==1.17.2", "django==5.2.8"];

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric);
CREATE INDEX ON orders (customer);
CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY 1;
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO orders (customer, total) SELECT 1 + g % 100, g * 1.5 FROM generate_series(1, 990) g;";

/// Runs one of PostgreSQL's own programs through the gateway.
fn own(guarded: &Guarded, name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name))
        .args(["-h", "127.0.0.1", "-p", &guarded.port().to_string(), "-U", ROLE])
        .args(arguments)
        .env("PGPASSWORD", &guarded.phantom)
        .output()
        .unwrap()
}

fn well(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn psql_looks_copies_reads_files_and_makes_statements() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    for describe in ["\\d", "\\d orders", "\\dt+", "\\df", "\\du", "\\l", "\\dn+", "\\d+ totals"] {
        let said = guarded.psql(&["-c", describe]);
        assert_eq!(said.status, 0, "{describe}: {}", said.err);
    }
    let out = path("customers.tsv");
    assert_eq!(guarded.well(&format!("\\copy customers to '{out}'")), "COPY 100");
    guarded.well("CREATE TABLE copied (id int, name text)");
    assert_eq!(guarded.well(&format!("\\copy copied from '{out}'")), "COPY 100");
    std::fs::write(path("script.sql"), "BEGIN;\nINSERT INTO copied VALUES (0, 'x');\nCOMMIT;\n\
        SELECT format('INSERT INTO copied VALUES (%s, %L)', g, 'made') FROM generate_series(1, 3) g \\gexec\n\
        COPY copied FROM stdin;\n500\tby hand\n\\.\nSELECT count(*) FROM copied;\n").unwrap();
    let said = guarded.psql(&["-q", "-f", &path("script.sql")]);
    assert_eq!((said.status, said.out.trim()), (0, "105"), "{}", said.err);
    let said = guarded.psql(&["-v", "ON_ERROR_STOP=1", "-c", "COPY copied FROM stdin"]);
    assert_eq!(said.status, 0, "an empty copy: {}", said.err);
}

#[test]
fn dumps_are_made_and_restored() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let sums = || ["customers", "orders"].map(|table| guarded.server.checksum(table));
    let before = sums();
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join("shop.dump").display().to_string();
    well(&own(&guarded, "pg_dump", &["-Fc", "-f", &dump, "shop"]));
    assert!(Path::new(&dump).metadata().unwrap().len() > 1000);
    guarded.server.app("DROP TABLE customers, orders CASCADE");
    well(&own(&guarded, "pg_restore", &["-d", "shop", "--no-owner", "--exit-on-error", &dump]));
    assert_eq!(sums(), before);
    let text = well(&own(&guarded, "pg_dump", &["shop"]));
    assert!(text.contains("COPY public.customers"), "{text}");
}

#[test]
fn pgbench_runs_by_every_protocol() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, "SELECT 1");
    // Its tables are made past the gateway: it empties them and copies more than can be kept.
    guarded.server.bench();
    for protocol in ["simple", "extended", "prepared"] {
        for script in ["select-only", "tpcb-like"] {
            let builtin = format!("--builtin={script}");
            let arguments = ["-n", "-c", "4", "-t", "25", "-M", protocol, &builtin, "shop"];
            let said = well(&own(&guarded, "pgbench", &arguments));
            assert!(
                said.contains("number of failed transactions: 0"),
                "{protocol} {script}: {said}"
            );
        }
    }
    assert_eq!(guarded.server.app("SELECT count(*) FROM pgbench_history"), "300");
}

#[test]
fn drivers_and_migrations_of_python_work_unharmed() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let python = Python::with(FOLDER, &LIBRARIES);
    let script = include_str!("postgres_clients/python.py");
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", script, &guarded.url()])
        .output()
        .unwrap();
    assert_eq!(well(&output).trim(), "psycopg\nsqlalchemy\nalembic\ndjango");
    assert_eq!(guarded.holdpoint.json(&["holds", "--json"]).as_array().unwrap().len(), 0);
}

#[test]
fn node_postgres_works_unharmed() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let folder = Path::new(FOLDER).join("node-pg");
    if !folder.join("node_modules/pg").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let arguments =
            ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "pg@8.16.3"];
        let mut install = Command::new("npm");
        well(&install.args(arguments).current_dir(&folder).output().unwrap());
    }
    let script = include_str!("postgres_clients/node.js");
    let mut node = Command::new("node");
    let output = node.args(["-e", script, &guarded.url()]).current_dir(&folder).output().unwrap();
    assert_eq!(well(&output).trim(), "node-postgres");
}
