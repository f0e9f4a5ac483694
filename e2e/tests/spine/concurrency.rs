//! Many clients at once: one hold for one operation, one execution for one release, and a record
//! for everything.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use e2e::{
    curl::{Answer, Curl, railway_digest},
    holdpoint::PASSPHRASE,
    stage::Stage,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const CLIENTS: usize = 32;
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `act` `count` times at once.
fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let act = &act;
    thread::scope(|scope| {
        let acting: Vec<_> = (0..count).map(|number| scope.spawn(move || act(number))).collect();
        acting.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

/// The decisions in the ledger from the index `first` on.
fn decisions(stage: &Stage, first: u64) -> Vec<Value> {
    let records = stage.holdpoint.records_from(first).into_iter();
    records.map(|shown| shown["record"].clone()).filter(|it| it["kind"] == "decision").collect()
}

fn await_held(stage: &Stage, first: u64) {
    let until = Instant::now() + PATIENCE;
    while decisions(stage, first).iter().filter(|it| it["verdict"] == "hold").count() < CLIENTS {
        assert!(Instant::now() < until, "not everybody is held");
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hold_for_all_who_ask_and_one_answer_for_all() {
    let stage = Stage::set(BINARY, "[hold]\nwait_seconds = 60\n").await;
    let domain = stage.railway.add_domain("book.example.com").unwrap();
    let phantom = stage.phantom("railway-domains", "railway:customDomain*");
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("domains");
    let mutation = format!("mutation {{ customDomainDelete(id: \"{domain}\") }}");
    let first = stage.holdpoint.verified();
    let ask = |_| agent.railway(&phantom, &mutation);

    let (answers, approved) = thread::scope(|scope| {
        let asking = scope.spawn(|| at_once(CLIENTS, ask));
        await_held(&stage, first);
        let holds = stage.holdpoint.json(&["holds", "--json"]);
        let [hold] = holds.as_array().unwrap().as_slice() else { panic!("{holds}") };
        let answer = ["approve", hold["hold"].as_str().unwrap(), "--name", &domain];
        let approved = at_once(4, |_| stage.holdpoint.call_with(&answer, PASSPHRASE).status);
        (asking.join().unwrap(), approved)
    });
    assert_eq!(approved.iter().filter(|status| **status == 0).count(), 1, "{approved:?}");

    let late = at_once(CLIENTS, ask);
    let bodies: BTreeSet<(u16, &str)> =
        answers.iter().chain(&late).map(|it| (it.status, it.body.as_str())).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let Some((200, body)) = bodies.first() else { panic!("{bodies:?}") };
    assert!(body.contains("\"customDomainDelete\":true"), "{body}");
    assert_eq!(stage.railway.mutations(), 1, "executed exactly once");

    let decisions = decisions(&stage, first);
    let forwarded = decisions.iter().filter(|it| it["forwarded"] == true).count();
    assert_eq!(forwarded, 1, "forwarded exactly once");
    let all = stage.holdpoint.json(&["holds", "--all", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    assert_eq!(all[0]["state"], "done");
    stage.holdpoint.verified();
}

/// What the clients of a crowd send, each something else: one half asks, the other changes.
fn document(stage: &Stage, number: usize) -> String {
    let seed = stage.railway.seed();
    if number.is_multiple_of(2) {
        return format!("{{ q{number}: me {{ id }} }}");
    }
    let input = format!(
        "projectId: \"{}\", environmentId: \"{}\", name: \"V{number}\", value: \"1\"",
        seed.project, seed.staging
    );
    format!("mutation {{ variableUpsert(input: {{ {input} }}) }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_crowd_does_is_recorded() {
    const CROWD: usize = 200;
    let mut stage = Stage::set(BINARY, "").await;
    let staging = format!("railway:environment/{}", stage.railway.seed().staging);
    stage.holdpoint.json(&["inventory", "add", &staging, "--environment", "staging", "--json"]);
    let phantom = stage.phantom("railway", "railway:*");
    let agents: Vec<Curl> = ["one", "two", "three", "four"].map(|name| stage.agent(name)).into();
    let first = stage.holdpoint.verified();

    let answers: Vec<Answer> = at_once(CROWD, |number| {
        agents[number % agents.len()].railway(&phantom, &document(&stage, number))
    });
    let refused = answers.iter().find(|answer| answer.status != 200);
    assert!(refused.is_none(), "{refused:?}");

    assert_eq!(stage.railway.log().len(), CROWD);
    assert_eq!(stage.railway.mutations(), CROWD / 2);
    assert_eq!(stage.railway.shared_variables(&stage.railway.seed().staging).len(), CROWD / 2);
    assert_eq!(stage.gateway.end(), 0);
    assert!(stage.holdpoint.verified() >= first + 2 * CROWD as u64);
    let records: Vec<Value> = stage.holdpoint.records_from(first);
    let of = |kind: &'static str| {
        records.iter().map(|shown| &shown["record"]).filter(move |record| record["kind"] == kind)
    };
    let recorded: BTreeSet<String> = of("decision")
        .filter(|decision| decision["forwarded"] == true)
        .map(|decision| decision["message"].as_str().unwrap().to_owned())
        .collect();
    let sent = (0..CROWD).map(|number| railway_digest(&phantom, &document(&stage, number)));
    assert_eq!(recorded, sent.map(|digest| digest.to_string()).collect());
    assert_eq!(of("outcome").filter(|outcome| outcome["status"] == 200).count(), CROWD);
}
