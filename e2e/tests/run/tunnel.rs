//! A local PostgreSQL, and the same one at the far end of a real `ssh -L`: to whoever is inside both
//! are ports of this machine, and they are judged by where they lead.

use std::fs;

use e2e::{
    enclosed::Enclosed,
    holdpoint::Called,
    postgres::{PASSWORD, ROLE, Server, program, psql},
    running::free_port,
    ssh::Bastion,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// How the bastion calls the machine that the database is on.
const FAR: &str = "db.prod.test";
const SHOP: &str = "CREATE TABLE customers AS SELECT generate_series(1, 100) AS id;";

/// What a client prints whose connection waits for a human.
const HELD: &str = "held by Holdpoint until a human releases it";

/// Counts inside what there is at `port`, and prints it, that it is held, or `no`.
fn count(port: u16) -> String {
    let psql = program("psql").display().to_string();
    let url = format!("postgresql://{ROLE}@127.0.0.1:{port}/shop?sslmode=disable");
    format!(
        "PGPASSWORD={PASSWORD} PGCONNECT_TIMEOUT=20 {psql} -XAt -d '{url}' \
         -c 'SELECT count(*) FROM customers' 2>/tmp/said || grep -o '{HELD}' /tmp/said || echo no\n"
    )
}

/// The judgements of raw streams, oldest first: verdict, resource, environment.
fn judged(place: &Enclosed) -> Vec<String> {
    let shown = place.call(&["ledger", "show", "--last", "100", "--json"]).json();
    let mut records = shown.as_array().unwrap().clone();
    records.sort_by_key(|shown| shown["index"].as_u64());
    let stream = |shown: &serde_json::Value| {
        let (record, operation) = (&shown["record"], &shown["record"]["operations"][0]);
        let opened = record["kind"] == "decision" && operation["operation"] == "tcp:open";
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        opened.then(|| {
            let (resource, environment) =
                (word(&operation["resource"]), word(&operation["environment"]));
            format!("{} {resource} {environment}", word(&record["verdict"]))
        })
    };
    records.iter().filter_map(stream).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_database_and_one_behind_a_tunnel_are_told_apart() {
    // SSH's client wants its user to have a name, which only this one has.
    let Some(place) = Enclosed::each(BINARY).await.into_iter().next() else { return };
    let server = Server::start(SHOP);
    let bastion = Bastion::start(FAR);
    let here = server.port();
    let [named, unnamed] = [(); 2].map(|()| free_port());
    // One says where it leads, the other that it is the bastion's own.
    let _named = bastion.tunnel(named, &format!("{FAR}:{here}"));
    let _unnamed = bastion.tunnel(unnamed, &format!("localhost:{here}"));
    for port in [here, named, unnamed] {
        let counted = ["-c", "SELECT count(*) FROM customers"];
        let said = psql(port, ROLE, PASSWORD, "shop", "disable", &counted);
        assert_eq!(said.out.trim(), "100", "outside, all of them are the same: {}", said.err);
    }
    let listed =
        place.call(&["hosts", "add", FAR, "--speaks", "rest", "--environment", "production"]);
    assert_eq!(listed.status, 0, "{}", listed.stderr);

    // The workspace's own configuration names the first two, a human the third.
    let env =
        format!("DATABASE_URL=postgres://{ROLE}@localhost:{here}/shop\nPROD=127.0.0.1:{named}\n");
    fs::write(place.path("work/.env"), env).unwrap();
    let script = [here, named, unnamed].map(count).concat();
    let local = format!("localhost:{unnamed}");
    let called: Called = place.call(&["run", "--local", &local, "--", "bash", "-c", &script]);
    assert_eq!(called.stdout, format!("100\n{HELD}\n{HELD}\n"), "{}", called.stderr);
    let expect = [
        format!("allow tcp:127.0.0.1:{here} local"),
        format!("hold tcp:127.0.0.1:{named} production"),
        format!("hold tcp:127.0.0.1:{unnamed} unknown"),
    ];
    assert_eq!(judged(&place), expect);
    assert!(called.stderr.contains("2 held"), "{}", called.stderr);
}
