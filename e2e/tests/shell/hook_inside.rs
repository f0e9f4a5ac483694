//! A hook inside a run explains what would be said outside, in each agent's words, and stops
//! nothing: the run does that.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Stdio,
};

use e2e::{
    echo::LISTED,
    enclosed::Enclosed,
    holdpoint::until,
    hooks::{Desk, Dialect, Said},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Claude's hook, inside.
const HOOK: &str = "exec /run/holdpoint/holdpoint hook --agent claude";
const OUTSIDE: &str = "Outside of this run Holdpoint would";
/// A policy that no other gateway has.
const OF_OURS: &str = "@id(\"mine\") @code(\"needs_approval\") @text(\"No pushing today.\")\n\
                       forbid (principal, action, resource) when { context.operation like \"git:*\" };\n";

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_run_a_hook_explains_and_stops_nothing() {
    let desk = Desk::new(BINARY);
    for place in Enclosed::each(BINARY).await {
        for dialect in Dialect::ALL {
            let script = format!("exec /run/holdpoint/holdpoint hook --agent {}", dialect.name());
            let hear = |command: &str| -> Said {
                let said = desk.said(dialect, command).to_string();
                place.script_with(&script, &said).into()
            };
            let told = hear("rm -rf /usr/lib");
            assert_eq!(dialect.word(&told), "allow", "{dialect:?} {}: {told:?}", place.who());
            if matches!(dialect, Dialect::Claude | Dialect::Vscode | Dialect::Gemini) {
                let would = "Outside of this run Holdpoint would refuse this (outside_task)";
                assert!(told.stdout.contains(would), "{dialect:?} {}: {told:?}", place.who());
            }
            let nothing = hear("ls src");
            assert_eq!(nothing.status, 0, "{nothing:?}");
            assert!(!nothing.stdout.contains("Outside of this run"), "{nothing:?}");
        }
    }
}

/// What humans have said at this place's gateway only.
fn told(place: &Enclosed) {
    let policy = place.path("state/mine.cedar");
    fs::write(&policy, OF_OURS).unwrap();
    let path = place.path("state/holdpoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("policies = [{:?}]\n{text}", policy.display().to_string())).unwrap();
    let resource = "postgres:db.lab.example.test/app";
    let said = place.call(&["inventory", "add", resource, "--environment", "development"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
}

/// Commands, and what is said inside where the gateway is asked, and where it is away.
fn commands() -> [(String, Option<&'static str>, Option<&'static str>); 5] {
    let drop = |host| format!("psql postgres://u@{host}/app -c 'DROP TABLE users'");
    [
        (format!("curl -X DELETE https://{LISTED}/things/1"), None, Some(OUTSIDE)),
        (
            "curl -X DELETE https://far.example.test/things/1".into(),
            Some("rest:DELETE"),
            Some(OUTSIDE),
        ),
        (drop("db.lab.example.test"), None, Some(OUTSIDE)),
        (drop("db.far.example.test"), Some(OUTSIDE), Some(OUTSIDE)),
        ("git push origin topic".into(), Some("No pushing today."), None),
    ]
}

/// All records, once so many explanations are among them: they are on disk a moment later.
fn records(place: &Enclosed, explanations: usize) -> Vec<Value> {
    until("the explanations are on record", || {
        let shown = place.call(&["ledger", "show", "--last", "100", "--json"]).json();
        let records = shown.as_array()?.iter().map(|it| it["record"].clone());
        let records: Vec<Value> = records.collect();
        let explained = records.iter().filter(|it| it["kind"] == "explained").count();
        (explained >= explanations).then_some(records)
    })
}

fn check(heard: &str, expect: Option<&str>, why: &str) {
    match expect {
        Some(text) => assert!(heard.contains(text), "{why}: {heard}"),
        None => assert!(!heard.contains(OUTSIDE), "{why}: {heard}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_it_is_the_gateway_that_knows_and_records() {
    let desk = Desk::new(BINARY);
    for place in Enclosed::each(BINARY).await {
        told(&place);
        for (command, expect, _) in commands() {
            let said = desk.said(Dialect::Claude, &command).to_string();
            let heard = place.script_with(HOOK, &said);
            assert_eq!(heard.status, 0, "{}", heard.stderr);
            check(&heard.stdout, expect, &format!("{command} {}", place.who()));
        }
        let records = records(&place, 5);
        let explained: Vec<&Value> =
            records.iter().filter(|it| it["kind"] == "explained").collect();
        assert_eq!(explained.len(), 5, "{records:#?}");
        let verdicts: Vec<&str> =
            explained.iter().filter_map(|it| it["verdict"].as_str()).collect();
        assert_eq!(verdicts.iter().filter(|it| **it == "allow").count(), 2, "{verdicts:?}");
        for record in explained {
            let run = record["principal"]["run"].as_str().unwrap();
            assert!(!run.starts_with("hook-"), "it is the run's own: {record}");
        }
        assert!(records.iter().all(|it| it["kind"] != "decision"), "{records:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_gateway_away_a_hook_explains_by_itself() {
    let desk = Desk::new(BINARY);
    for place in Enclosed::each(BINARY).await {
        told(&place);
        for (command, _, expect) in commands() {
            let good = fs::read_to_string(place.path("state/holdpoint.toml")).unwrap();
            let mut run = place.run(&["bash", "-c", &format!("echo began; read; {HOOK}")]);
            run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = run.spawn().unwrap();
            let mut told = BufReader::new(child.stdout.take().unwrap());
            told.read_line(&mut String::new()).unwrap();
            // None starts any more.
            fs::write(place.path("state/holdpoint.toml"), "no = \"configuration\"\n").unwrap();
            place.end_gateway();
            let said = desk.said(Dialect::Claude, &command).to_string();
            child.stdin.take().unwrap().write_all(format!("go\n{said}").as_bytes()).unwrap();
            let mut heard = String::new();
            told.read_to_string(&mut heard).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(0));
            check(&heard, expect, &format!("{command} {}", place.who()));
            fs::write(place.path("state/holdpoint.toml"), good).unwrap();
        }
    }
}

/// Whoever is inside may ask as well. It gains nothing by it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_is_not_remembered_held_or_released() {
    let step = |effect: &str| {
        format!(
            r#"{{"operation":{{"name":"sql:drop","effect":"{effect}","resource":{{"id":"postgres:db.far.example.test/app","within":[]}},"reversibility":"none","known":true,"reveals_secrets":false,"place":"elsewhere"}},"at":{{"host":"db.far.example.test"}},"ground":"none","tampers":false,"unseen":false}}"#
        )
    };
    for place in Enclosed::each(BINARY).await {
        let ask = |body: &str| {
            let script = "curl -s --data-binary @- http://holdpoint.internal/explain; \
                          echo; curl -s http://holdpoint.internal/";
            let told = place.script_with(script, body).stdout;
            let (answer, known) = told.rsplit_once('\n').unwrap();
            let known: Value = serde_json::from_str(known).unwrap();
            assert_eq!(
                (&known["holds"], &known["refusals"]),
                (&Value::Array(vec![]), &Value::Array(vec![]))
            );
            serde_json::from_str::<Value>(answer).unwrap()
        };
        assert_eq!(ask(&format!("[{}]", step("destroy")))["verdict"], "hold");
        assert_eq!(ask(&format!("[{}]", step("observe")))["verdict"], "allow");
        let many = vec![step("destroy"); 101].join(",");
        for (body, code) in [
            (format!("[{many}]"), "over_limit"),
            (format!("[{}]{}", step("observe"), " ".repeat(64 * 1024)), "over_limit"),
            ("[{}]".to_owned(), "unparsed"),
            (format!("[{}]", step("destroy").replace("\"ground\"", "\"floor\"")), "unparsed"),
        ] {
            assert_eq!(ask(&body)["code"], code);
        }
        let records = records(&place, 2);
        let of = |kind: &str| records.iter().filter(|it| it["kind"] == kind).count();
        assert_eq!((of("explained"), of("decision"), of("approval")), (2, 0, 0), "{records:#?}");
    }
}
