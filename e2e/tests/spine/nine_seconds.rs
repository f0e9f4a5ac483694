//! The nine-second incident at a live gateway, with a real client and the stand-in for Railway.

use e2e::{curl::Answer, holdpoint::PASSPHRASE, stage::Stage};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

fn delete_volume(id: &str) -> String {
    format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_passes_and_the_deletion_is_refused_by_each_layer() {
    let stage = Stage::set(BINARY, "[hold]\nwait_seconds = 0\n").await;
    let volume = stage.railway.add_volume("data").unwrap();
    let domains = stage.phantom("railway-domains", "railway:customDomain*");
    let volumes = stage.phantom("railway-volumes", "railway:volume*");
    let found = stage.railway.seed().account_credential.clone();

    let agent = stage.agent("reader");
    let query = agent.railway(&domains, "query { me { id email } }");
    assert_eq!(query.status, 200, "{query:?}");
    assert!(query.json()["data"]["me"]["id"].is_string(), "{query:?}");

    for (name, token, status, code) in [
        ("finder", &found, 403, "foreign_credential"),
        ("domains", &domains, 403, "outside_purpose"),
        ("volumes", &volumes, 428, "needs_approval"),
    ] {
        let answer = stage.agent(name).railway(token, &delete_volume(&volume));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    }
    assert_eq!(stage.railway.mutations(), 0);
    assert!(stage.railway.volume_exists(&volume));
    assert_eq!(stage.holdpoint.call(&["ledger", "verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_deletion_is_released_executed_once_and_answered_again() {
    let stage = Stage::set(BINARY, "[hold]\nwait_seconds = 0\n").await;
    let domain = stage.railway.add_domain("book.example.com").unwrap();
    let phantom = stage.phantom("railway-domains", "railway:customDomain*");
    let enrolled = stage.holdpoint.call_with(&["approvers", "enrol", "ada"], PASSPHRASE);
    assert_eq!(enrolled.status, 0, "{}", enrolled.stderr);
    let agent = stage.agent("domains");
    let mutation = format!("mutation {{ customDomainDelete(id: \"{domain}\") }}");

    let held = agent.railway(&phantom, &mutation);
    assert_eq!((held.status, held.code().as_str()), (428, "needs_approval"), "{held:?}");
    let again = agent.railway(&phantom, &mutation);
    let extensions = |answer: &Answer| answer.json()["errors"][0]["extensions"].clone();
    let hold = extensions(&held)["hold"].as_str().unwrap().to_owned();
    assert_eq!(extensions(&again)["hold"], hold.as_str(), "the same operation joins its hold");
    assert_eq!(stage.railway.mutations(), 0);

    let wrong = stage.holdpoint.call_with(&["approve", &hold, "--name", "other"], PASSPHRASE);
    assert_eq!(wrong.status, 1, "{}", wrong.stderr);
    let answer = format!("{domain}\n{PASSPHRASE}\n");
    let approved = stage.holdpoint.call_with(&["approve", &hold], &answer);
    assert_eq!(approved.status, 0, "{}", approved.stderr);

    // Asked again, an agent gets the stored answer as soon as there is one.
    let internal = format!("http://holdpoint.internal/holds/{hold}");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let stored = loop {
        let answer = agent.run(&[&internal]);
        if answer.status != 428 {
            break answer;
        }
        assert!(std::time::Instant::now() < until, "never executed: {answer:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert_eq!(stored.status, 200, "{stored:?}");
    assert_eq!(stored.json()["data"]["customDomainDelete"], true);
    assert!(!stage.railway.domain_exists(&domain));
    let repeated = agent.railway(&phantom, &mutation);
    assert_eq!((repeated.status, &repeated.body), (200, &stored.body));
    assert_eq!(stage.railway.mutations(), 1, "executed exactly once");

    let replayed = stage.holdpoint.call_with(&["approve", &hold], &answer);
    assert_eq!(replayed.status, 1, "a hold that is done cannot be released: {}", replayed.stdout);
    assert_eq!(stage.railway.mutations(), 1);
    assert_eq!(stage.gateway.stop(), 0);
    assert_eq!(stage.holdpoint.call(&["ledger", "verify"]).status, 0);
}
