//! What was masked once stays masked: in the next run too, wherever an agent put it meanwhile.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use e2e::{enclosed::Enclosed, holdpoint::Called, serving::serving};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const RAILWAY: &str = "4b8e1f27-90c3-4d5a-b6e8-2f7a9c0d1e34";

/// Ways of an agent to put `app/.env` where a bare UUID counts as nobody's secret.
const WAYS: [&str; 6] = [
    "mv app/.env tests/fixtures/a.rlib",
    "ln app/.env tests/fixtures/a.rlib",
    "ln -s ../../app/.env tests/fixtures/a.rlib",
    "mv app tests/fixtures/app; mv tests/fixtures/app/.env tests/fixtures/a.rlib",
    "mv app tests/fixtures/node_modules; mv tests/fixtures/node_modules/.env tests/fixtures/node_modules/a.rlib",
    "tar -cf - app | tar -C tests/fixtures -xf -; mv tests/fixtures/app/.env tests/fixtures/a.rlib",
];

fn run(place: &Enclosed, script: &str) -> Called {
    let mut run = place.outside(place.path("holdpoint"));
    run.args(["run", "--no-snapshot", "--", "bash", "-c", script]);
    serving(&run).output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_to_where_nobody_looks_for_it_is_masked_in_the_next_run() {
    for place in Enclosed::each(BINARY).await {
        for way in WAYS {
            let told = format!("{}: {way}", place.who());
            let mut write = place.outside("bash");
            let lines = format!(
                "rm -rf app tests; mkdir -p app tests/fixtures; echo RAILWAY_API_TOKEN={RAILWAY} > app/.env"
            );
            assert!(write.args(["-ec", &lines]).status().unwrap().success());
            let moved = run(&place, &format!("{way}; grep -r RAILWAY ."));
            assert!(moved.stdout.contains("RAILWAY_API_TOKEN="), "{told}: {moved:?}");
            assert!(!moved.stdout.contains(RAILWAY), "{told}: {}", moved.stdout);
            // Read, copied and packed.
            let again =
                run(&place, "grep -r RAILWAY .; cp -r tests b; cat b/*/*; tar -c .; rm -r b");
            assert!(again.stdout.contains("RAILWAY_API_TOKEN="), "{told}: {}", again.stderr);
            assert!(!again.stdout.contains(RAILWAY), "{told}: {}", again.stdout);
        }
    }
}
