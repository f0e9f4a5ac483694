//! Inside a run, the database's own host and port lead to the gateway.

use std::{fs, io::Write as _};

use e2e::{
    enclosed::Enclosed,
    postgres::{PASSWORD, ROLE, Server, program},
};
use holdpoint_core::Timestamp;
use holdpoint_store::{State, secrets::Bounds};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 100);";

#[tokio::test(flavor = "multi_thread")]
async fn the_databases_own_address_leads_to_the_gateway() {
    let server = Server::start(SHOP);
    let Some(place) = Enclosed::each(BINARY).await.into_iter().next() else { return };
    let state = State::open(&place.path("state")).unwrap();
    let bounds = Bounds {
        hosts: vec!["127.0.0.1".parse().unwrap()],
        purposes: vec!["postgres:*".parse().unwrap()],
        environment: None,
        places: Vec::new(),
    };
    let secret = PASSWORD.to_owned().into();
    let phantom = state.secrets().add("shop", &secret, &bounds, Timestamp(0)).unwrap().phantom;
    drop(state);
    let port = server.port();
    let mut configuration =
        fs::OpenOptions::new().append(true).open(place.path("state/holdpoint.toml")).unwrap();
    write!(
        configuration,
        "\n[[database]]\nlisten = \"127.0.0.1:0\"\nsecret = \"shop\"\nenvironment = \"production\"\n\
         upstream = \"postgres://{ROLE}@127.0.0.1:{port}/shop\"\n"
    )
    .unwrap();
    let psql = program("psql").display().to_string();
    let ask = |password: &str, text: &str| {
        let url = format!("postgresql://{ROLE}@127.0.0.1:{port}/shop?sslmode=disable");
        format!("PGPASSWORD={password} {psql} -XAt -d '{url}' -c '{text}' 2>&1\n")
    };
    let script = ask(&phantom, "SELECT count(*) FROM customers")
        + &ask(&phantom, "DELETE FROM customers")
        + &ask(PASSWORD, "SELECT 1");
    let local = format!("localhost:{port}");
    let called = place.call(&["run", "--local", &local, "--", "bash", "-c", &script]);
    let said: Vec<&str> = called.stdout.lines().collect();
    assert_eq!(said.first(), Some(&"100"), "{} {}", called.stdout, called.stderr);
    assert!(
        called.stdout.contains("held by Holdpoint") || called.stdout.contains("HP001"),
        "{}",
        called.stdout
    );
    assert!(called.stdout.contains("password authentication failed"), "{}", called.stdout);
    assert_eq!(server.app("SELECT count(*) FROM customers"), "100");
}
