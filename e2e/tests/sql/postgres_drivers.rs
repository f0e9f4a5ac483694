//! Drivers that speak PostgreSQL's protocol in their own words, through the gateway, unharmed:
//! Java's, Rust's sqlx, and drizzle over two of JavaScript's.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::postgres::{Guarded, ROLE};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// Debian's `libpostgresql-jdbc-java`.
const JDBC: &str = "/usr/share/java/postgresql.jar";
const DRIZZLE: [&str; 3] = ["drizzle-orm@0.45.4", "pg@8.16.3", "postgres@3.4.9"];

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO orders (customer, total) SELECT 1 + g % 100, g * 1.5 FROM generate_series(1, 990) g;";

/// The manifest of the program that is made of `postgres_clients/sqlx.rs`.
const MANIFEST: &str = "\
[package]\nname = \"sqlx-client\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
[[bin]]\nname = \"sqlx-client\"\npath = \"main.rs\"\n\
[dependencies]\nsqlx = { version = \"=0.8.6\", default-features = false, features = [\"postgres\", \"runtime-tokio\"] }\n\
tokio = { version = \"1\", features = [\"rt\", \"macros\"] }\n\
[profile.dev]\ndebug = false\n";

fn well(output: &Output, guarded: &Guarded) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}{}", guarded.gateway.said());
    said
}

fn tools(name: &str) -> PathBuf {
    let folder = Path::new(FOLDER).join("../tools").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

#[test]
fn jdbc_works_unharmed_in_each_of_its_modes() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql/postgres_clients/Jdbc.java");
    let url = format!("jdbc:postgresql://127.0.0.1:{}/shop", guarded.port());
    let mut java = Command::new("java");
    java.args(["-cp", JDBC, source, &url, ROLE, &guarded.phantom]);
    let said = well(&java.output().unwrap(), &guarded);
    assert_eq!(said.trim(), "extended\nextendedForPrepared\nextendedCacheEverything\nsimple");
}

#[test]
fn sqlx_works_unharmed() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let folder = tools("sqlx");
    std::fs::write(folder.join("Cargo.toml"), MANIFEST).unwrap();
    std::fs::write(folder.join("main.rs"), include_str!("postgres_clients/sqlx.rs")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of the build that this test is part of is not for that one.
    cargo.env_remove("CARGO_TARGET_DIR").args(["build", "--quiet"]).current_dir(&folder);
    well(&cargo.output().unwrap(), &guarded);
    let mut client = Command::new(folder.join("target/debug/sqlx-client"));
    assert_eq!(well(&client.arg(guarded.url()).output().unwrap(), &guarded).trim(), "sqlx");
}

#[test]
fn drizzle_works_unharmed_over_both_of_its_drivers() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let folder = tools("drizzle");
    if !folder.join("node_modules/drizzle-orm").exists() {
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
        well(&install.args(DRIZZLE).current_dir(&folder).output().unwrap(), &guarded);
    }
    let script = include_str!("postgres_clients/drizzle.mjs");
    std::fs::write(folder.join("client.mjs"), script).unwrap();
    let mut node = Command::new("node");
    let said = node.args(["client.mjs", &guarded.url()]).current_dir(&folder).output().unwrap();
    assert_eq!(well(&said, &guarded).trim(), "node-postgres\npostgres.js");
}
