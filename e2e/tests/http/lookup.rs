//! Environments by the provider's own answer: what it lowers, what it does not, and what happens
//! where it does not come.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::time::{Duration, Instant};

use e2e::{
    curl::{Answer, Curl},
    holdpoint::until,
    stage::Stage,
};
use holdpoint_drill::railway::{Arrival, HOSTS, fingerprint};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n";

/// A stage whose gateway may ask Railway where things lie.
struct Asking {
    stage: Stage,
    credential: String,
    lookup_phantom: String,
    /// What agents hold.
    phantom: String,
}

impl Asking {
    async fn set() -> Self {
        let stage = Stage::set(BINARY, CONFIGURATION).await;
        let credential = stage.railway.issue_account_credential().unwrap();
        let arguments = ["secrets", "add", "lookup", "--purpose", "lookup:railway", "--json"];
        let arguments = [&arguments[..], &["--host", HOSTS[0]]].concat();
        let added = stage.holdpoint.call_with(&arguments, &credential);
        assert_eq!(added.status, 0, "{}", added.stderr);
        let lookup_phantom = added.json()["phantom"].as_str().unwrap().to_owned();
        let phantom = stage.phantom("railway", "railway:*");
        Self { stage, credential, lookup_phantom, phantom }
    }

    /// An agent whose task is about staging; each refusal would be remembered against the next try.
    fn agent(&self, name: &str) -> Curl {
        let arguments = ["agents", "new", name, "--environment", "staging", "--json"];
        Curl::new(&self.stage.holdpoint.json(&arguments))
    }

    fn send(&self, name: &str, document: &str) -> Answer {
        self.agent(name).railway(&self.phantom, document)
    }

    /// Status, code, and the environment that is on record, of what the new agent `name` sends.
    fn judged(&self, name: &str, document: &str) -> (u16, String, String) {
        let answer = self.send(name, document);
        // What observes is in the ledger a little later.
        let of_agent = |shown: &Value| {
            shown["record"]["kind"] == "decision" && shown["record"]["principal"]["agent"] == name
        };
        let decision = until("the decision", || {
            self.stage.holdpoint.records_from(0).into_iter().find(of_agent)
        });
        let environment = decision["record"]["operations"][0]["environment"].as_str().unwrap();
        (answer.status, answer.code(), environment.to_owned())
    }

    fn check(&self, name: &str, document: &str, expect: (u16, &str, &str)) {
        let (status, code, environment) = self.judged(name, document);
        assert_eq!((status, code.as_str(), environment.as_str()), expect, "{name}: {document}");
    }

    /// What the gateway itself asked.
    fn asked(&self) -> Vec<Arrival> {
        let own = fingerprint(&self.credential);
        let log = self.stage.railway.log().into_iter();
        log.filter(|arrival| arrival.credential.as_deref() == Some(own.as_str())).collect()
    }
}

fn delete_volume(id: &str) -> String {
    format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_judged_where_its_resources_are() {
    let asking = Asking::set().await;
    let (railway, seed) = (&asking.stage.railway, asking.stage.railway.seed().clone());
    let rehearsal = railway.add_volume_in("rehearsal", &seed.staging).unwrap();
    let own = railway.add_deployment(&seed.staging).unwrap();
    let live = railway.add_deployment(&seed.production).unwrap();
    // In staging, an approval is enough where nobody keeps a copy; in production it is not, and
    // the task has no business there.
    asking.check("single", &delete_volume(&rehearsal), (428, "needs_approval", "staging"));
    asking.check("shared", &delete_volume(&seed.volume), (403, "wrong_environment", "production"));
    let domain = format!("mutation {{ customDomainDelete(id: \"{}\") }}", seed.domain);
    asking.check("domain", &domain, (403, "wrong_environment", "production"));
    let project = format!("mutation {{ projectDelete(id: \"{}\") }}", seed.project);
    asking.check("project", &project, (403, "wrong_environment", "production"));
    let create = |environment: &str| {
        format!(
            "mutation {{ customDomainCreate(input: {{domain: \"a.example.com\", environmentId: \
             \"{environment}\", projectId: \"{}\", serviceId: \"{}\"}}) {{ id }} }}",
            seed.project, seed.service
        )
    };
    asking.check("create", &create(&seed.staging), (200, "", "staging"));
    asking.check("elsewhere", &create(&seed.production), (403, "wrong_environment", "production"));
    let variable = |environment: &str| {
        format!(
            "mutation {{ variableUpsert(input: {{environmentId: \"{environment}\", projectId: \
             \"{}\", name: \"A\", value: \"b\"}}) }}",
            seed.project
        )
    };
    asking.check("variable", &variable(&seed.staging), (200, "", "staging"));
    asking.check(
        "live-variable",
        &variable(&seed.production),
        (403, "wrong_environment", "production"),
    );
    for (name, id, environment) in [("own", &own, "staging"), ("live", &live, "production")] {
        let query = format!("query {{ deployment(id: \"{id}\") {{ id }} }}");
        asking.check(name, &query, (200, "", environment));
    }
    let nobody = delete_volume("00000000-0000-4000-8000-000000000000");
    asking.check("nobody", &nobody, (428, "needs_approval", "unknown"));
    assert!(railway.volume_exists(&rehearsal) && railway.volume_exists(&seed.volume));
    // Only looked at, and with nothing of the agent's.
    for arrival in asking.asked() {
        assert_eq!(arrival.executed, Vec::<String>::new());
        assert!(matches!(arrival.operations[0].as_str(), "projects" | "deployment"), "{arrival:?}");
    }
    // The ledger has what agents asked, and nothing that the gateway asked for itself.
    let decisions = asking.stage.holdpoint.records_from(0);
    assert!(decisions.iter().all(|shown| !shown.to_string().contains("railway:projects")));
    assert!(asking.stage.gateway.said().contains("a provider was asked"));
    assert!(!asking.stage.gateway.said().contains(&asking.credential));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_human_s_word_and_the_provider_s() {
    let asking = Asking::set().await;
    let (railway, seed) = (&asking.stage.railway, asking.stage.railway.seed().clone());
    let place = |resource: &str, environment: &str| {
        asking.stage.holdpoint.json(&[
            "inventory",
            "add",
            resource,
            "--environment",
            environment,
            "--json",
        ]);
    };
    let rehearsal = railway.add_volume_in("rehearsal", &seed.staging).unwrap();
    let other = railway.add_volume_in("other", &seed.production).unwrap();
    // Of a line about the volume and the provider's answer, the stricter.
    place(&format!("railway:volume/{}", seed.volume), "staging");
    asking.check("laxer", &delete_volume(&seed.volume), (403, "wrong_environment", "production"));
    place(&format!("railway:volume/{rehearsal}"), "production");
    asking.check("stricter", &delete_volume(&rehearsal), (403, "wrong_environment", "production"));
    // A line about an environment says what it is, whatever it is called.
    asking.check("named", &delete_volume(&other), (403, "wrong_environment", "production"));
    place(&format!("railway:environment/{}", seed.production), "staging");
    asking.check("corrected", &delete_volume(&other), (428, "needs_approval", "staging"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_says_nothing_lowers_nothing() {
    let asking = Asking::set().await;
    let (railway, staging) = (&asking.stage.railway, asking.stage.railway.seed().staging.clone());
    let volume = railway.add_volume_in("data", &staging).unwrap();
    railway.rename_environment(&staging, "blue");
    asking.check("blue", &delete_volume(&volume), (428, "needs_approval", "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_everything_is_production() {
    let asking = Asking::set().await;
    let staging = asking.stage.railway.seed().staging.clone();
    let volume = asking.stage.railway.add_volume_in("data", &staging).unwrap();
    asking.stage.railway.revoke(&asking.credential);
    asking.check("revoked", &delete_volume(&volume), (428, "needs_approval", "unknown"));
    let before = asking.asked().len();
    assert_eq!(before, 1);
    asking.check("again", &delete_volume(&volume), (428, "needs_approval", "unknown"));
    assert_eq!(asking.asked().len(), before, "a provider that said no is left alone for a while");
    asking.stage.gateway.says("a look-up failed");
    // A secret that was taken away is not used, and nor is what it brought.
    let asking = Asking::set().await;
    let staging = asking.stage.railway.seed().staging.clone();
    let volume = asking.stage.railway.add_volume_in("data", &staging).unwrap();
    asking.check("first", &delete_volume(&volume), (428, "needs_approval", "staging"));
    asking.stage.holdpoint.json(&["secrets", "remove", "lookup", "--json"]);
    asking.check("then", &delete_volume(&volume), (428, "needs_approval", "unknown"));
}

/// The provider accepts connections and never answers; agents reach it by its other name.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_provider_is_not_waited_for() {
    let mut asking = Asking::set().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = format!("{}:443:{}", HOSTS[0], silent.local_addr().unwrap());
    let file = format!("resolve = [\"{slow}\"]\n{CONFIGURATION}");
    std::fs::write(asking.stage.holdpoint.state().join("holdpoint.toml"), file).unwrap();
    asking.stage.restart_without(HOSTS[0]);
    let staging = asking.stage.railway.seed().staging.clone();
    let volume = asking.stage.railway.add_volume_in("data", &staging).unwrap();
    let agent = asking.agent("waiting");
    let authorization = format!("Authorization: Bearer {}", asking.phantom);
    let body = serde_json::json!({"query": delete_volume(&volume)}).to_string();
    let url = format!("https://{}/graphql/v2", HOSTS[1]);
    let began = Instant::now();
    let answer = agent.run(&[
        &url,
        "-H",
        &authorization,
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
    ]);
    assert_eq!((answer.status, answer.code().as_str()), (428, "needs_approval"), "{answer:?}");
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1500) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_want_to_know_ask_once() {
    let asking = Asking::set().await;
    let seed = asking.stage.railway.seed().clone();
    let query = format!("query {{ project(id: \"{}\") {{ id }} }}", seed.project);
    let agents: Vec<Curl> =
        (0..8).map(|number| asking.agent(&format!("reader-{number}"))).collect();
    std::thread::scope(|scope| {
        for agent in &agents {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(agent.railway(&asking.phantom, &query).status, 200);
                }
            });
        }
    });
    assert_eq!(asking.asked().len(), 1);
    assert_eq!(asking.stage.railway.log().len(), 8 * 4 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_no_use_of_the_secret_for_look_ups() {
    let asking = Asking::set().await;
    let before = asking.stage.railway.log().len();
    for (name, token) in [("phantom", &asking.lookup_phantom), ("real", &asking.credential)] {
        for document in ["query { me { id } }", "mutation { volumeDelete(volumeId: \"v\") }"] {
            let answer =
                asking.agent(&format!("{name}-{}", &document[..5])).railway(token, document);
            let found = (answer.status, answer.code());
            assert_eq!(found, (403, "foreign_credential".to_owned()), "{name} {answer:?}");
        }
    }
    let own = asking.asked().len();
    assert_eq!(asking.stage.railway.log().len(), before + own, "only the gateway itself used it");
    // It is for nothing else, and for a provider that can be asked, where it is asked.
    for arguments in [
        vec!["--purpose", "lookup:railway", "--purpose", "railway:*", "--host", HOSTS[0]],
        vec!["--purpose", "lookup:fly", "--host", HOSTS[0]],
        vec!["--purpose", "lookup:railway", "--host", "api.example.com"],
    ] {
        let arguments = [&["secrets", "add", "other"][..], &arguments].concat();
        let added = asking.stage.holdpoint.call_with(&arguments, "another-secret-0123456789");
        assert_eq!(added.status, 2, "{arguments:?} {}", added.stderr);
    }
    // And without one, nobody is asked.
    let stage = Stage::set(BINARY, CONFIGURATION).await;
    let phantom = stage.phantom("railway", "railway:*");
    let query = format!("query {{ project(id: \"{}\") {{ id }} }}", stage.railway.seed().project);
    assert_eq!(stage.agent("reader").railway(&phantom, &query).status, 200);
    assert_eq!(stage.railway.log().len(), 1);
}
