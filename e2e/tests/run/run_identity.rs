//! Who a run is: a key of its own, whose public half is its `did:key` wherever the run is told of.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use e2e::{echo::LISTED, enclosed::Enclosed, holdpoint::until, running::Running};
use holdpoint_core::identity::DidKey;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

fn did(principal: &Value) -> DidKey {
    principal["did"].as_str().and_then(|did| did.parse().ok()).unwrap()
}

/// Whose the decisions are that the ledger holds, once there are `count`: what only observes is on
/// disk a moment later.
fn deciders(place: &Enclosed, count: usize) -> Vec<DidKey> {
    until("so many decisions", || {
        let shown = place.call(&["ledger", "show", "--last", "50", "--json"]).json();
        let records = shown.as_array().unwrap().iter().map(|it| &it["record"]);
        let decided = records.filter(|it| it["kind"] == "decision");
        let by: Vec<DidKey> = decided.map(|it| did(&it["principal"])).collect();
        assert!(by.len() <= count, "{shown}");
        (by.len() == count).then_some(by)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_its_key_and_nothing_inside_has_it() {
    for place in Enclosed::each(BINARY).await {
        let ask = format!("curl -s -m 20 -o /dev/null https://{LISTED}/get");
        let script =
            format!("{ask}; bash -c '{ask}'; touch asked; until [ -e go ]; do sleep 0.05; done");
        let mut running = Running::start(&place, &[], &script);
        running.says("holdpoint: bash is guarded");
        e2e::holdpoint::until("both have asked", || {
            place.path("work/asked").exists().then_some(())
        });
        let agents = place.call(&["agents", "list", "--json"]).json();
        let own = did(&agents[0]["agent"]);
        assert!(own.to_string().starts_with("did:key:z6Mk"), "{own}");
        let told = place.call(&["agents", "list"]).stdout;
        assert!(told.contains(&own.to_string()), "{told}");
        // Whichever process of it asks.
        let decided = deciders(&place, 2);
        assert!(decided.iter().all(|it| *it == own), "{decided:?}");
        assert!(place.outside("touch").arg("go").status().unwrap().success());
        assert!(running.process.0.wait().unwrap().success());
        // The next one is another.
        let called = place.script("holdpoint status --json; env; cat /run/holdpoint/run.json");
        assert!(!called.stdout.contains("did:key"), "{}", called.stdout);
        let seen = place.script(&ask);
        assert_eq!(seen.status, 0, "{}", seen.stderr);
        let others = deciders(&place, 3);
        assert!(others.iter().filter(|it| **it == own).count() == 2, "{others:?}");
    }
}
