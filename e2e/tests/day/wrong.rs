//! What was wrong is kept, without secrets, and judged again; what would settle it settles it; and
//! what a change would do is seen before it is taken.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, process::Command};

use e2e::{
    agreement::agreed,
    curl::Curl,
    echo::{EchoStage, LISTED, MODEL, OTHER, UNLISTED},
    holdpoint::{Called, Holdpoint, until},
    hooks::{Desk, Dialect},
    postgres::Guarded,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// A credential that the agent has found somewhere.
const FOUND: &str = "ghp_9drTJvcXLB89aBfLB89PLcKEYd8YSFbyUzg3";
/// What a human keeps.
const REAL: &str = "the-real-value-4d1f6a0c93";

/// Sends one message; status and code.
fn send(agent: &Curl, method: &str, url: &str, more: &[&str]) -> (u16, String) {
    let answer = agent.run(&[&["-X", method, url], more].concat());
    (answer.status, answer.code())
}

/// Does a bit of everything over HTTP.
fn says_a_lot(stage: &EchoStage) {
    let agent = stage.agent("talker");
    let phantom = stage.phantom("kept", LISTED, REAL);
    let (own, found) =
        (format!("Authorization: Bearer {phantom}"), format!("Authorization: Bearer {FOUND}"));
    for host in [LISTED, OTHER, UNLISTED, MODEL] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            send(&agent, method, &format!("https://{host}/items/5"), &[]);
            send(&agent, method, &format!("https://{host}/items/6"), &["-H", &own]);
        }
        send(&agent, "GET", &format!("https://{host}/items/7"), &["-H", &found]);
    }
    let body = ["-H", "content-type: application/json", "-d", "{\"query\":\"mutation{x y:z}\"}"];
    send(&agent, "POST", &format!("https://{LISTED}/graphql"), &body);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_decided_again_as_they_were() {
    for (mode, least) in [("", 34), ("mode = \"observe\"\n", 34)] {
        let stage = EchoStage::set(BINARY, &format!("{mode}{NO_WAIT}")).await;
        says_a_lot(&stage);
        stage.holdpoint.verified();
        assert!(agreed(&stage.holdpoint) >= least);
    }
}

#[test]
fn commands_are_decided_again_as_they_were() {
    let desk = Desk::new(BINARY);
    let gateway = desk.holdpoint.up(&[], &[]);
    desk.write(".env", "STRIPE_SECRET_KEY=sk_live_51Habcdefghijklmnop\n");
    let commands = [
        "git status && cat src/a.rs",
        "git push --force origin main",
        "rm -rf /usr/lib",
        "rm -rf node_modules",
        "rm mine.txt",
        "git reset --hard",
        "echo x > src/a.rs",
        "cat .env",
        "curl -X DELETE https://api.example.com/volumes/1",
        "psql postgres://u:p@db.prod.example.com/app -c 'drop table users'",
        "npm install left-pad",
        "npx prisma migrate reset --force",
        "terraform destroy -auto-approve",
        "kubectl delete ns shop",
        "ssh host reboot",
        "python3 -c 'import shutil; shutil.rmtree(\"/\")'",
        "echo $(",
        "ls | xargs rm -rf",
        "aws s3 rb s3://bucket --force",
        "git commit -am wip",
    ];
    for command in commands {
        desk.before(Dialect::Claude, command, true);
        desk.before(Dialect::Codex, command, true);
    }
    assert!(agreed(&desk.holdpoint) >= commands.len());
    assert_eq!(gateway.stop(), 0);
}

#[test]
fn statements_are_decided_again_as_they_were() {
    const SHOP: &str = "CREATE TABLE a (id int PRIMARY KEY, name text);
        INSERT INTO a SELECT g, 'n' || g FROM generate_series(1, 100) g;";
    for environment in ["local", "production"] {
        let guarded = Guarded::start(BINARY, environment, NO_WAIT, SHOP);
        for text in [
            "SELECT * FROM a",
            "INSERT INTO a VALUES (101, 'new')",
            "UPDATE a SET name = 'x' WHERE id = 1",
            "DELETE FROM a WHERE id < 50",
            "BEGIN; DELETE FROM a; ROLLBACK",
            "TRUNCATE a",
            "CREATE TABLE b (i int)",
            "DROP TABLE a",
            "SELEC 1",
            "GRANT ALL ON a TO public",
        ] {
            guarded.run(text);
        }
        assert!(agreed(&guarded.holdpoint) >= 8, "{environment}");
    }
}

/// The id of the only hold that waits.
fn waiting(holdpoint: &Holdpoint) -> String {
    let holds = holdpoint.json(&["holds", "--json"]);
    holds[0]["hold"].as_str().unwrap().to_owned()
}

fn wrong(holdpoint: &Holdpoint, arguments: &[&str]) -> Called {
    let called = holdpoint.call(&[&["wrong"], arguments].concat());
    assert!(called.status < 2, "{}", called.stderr);
    called
}

/// What `wrong` proposes, by the beginning of it.
fn mend(holdpoint: &Holdpoint, id: &str, begins: &str) -> String {
    let told = wrong(holdpoint, &[id, "--json"]).json();
    let mends = told["mends"].as_array().unwrap();
    let texts = mends.iter().map(|mend| mend["text"].as_str().unwrap());
    let mut found = texts.filter(|text| text.starts_with(begins));
    found.next().unwrap_or_else(|| panic!("{begins}: {told}")).to_owned()
}

/// Pastes `text` into a shell in which `holdpoint` is the binary.
fn paste(holdpoint: &Holdpoint, text: &str) {
    let mut shell = Command::new("bash");
    let script = format!("holdpoint() {{ {BINARY} \"$@\"; }}; {text}");
    shell.args(["-c", &script]).env("HOLDPOINT_STATE", holdpoint.state());
    let said: Called = shell.output().unwrap().into();
    assert_eq!(said.status, 0, "{text}: {}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_settle_it_settles_it() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (holdpoint, agent) = (&stage.holdpoint, stage.agent("worker"));
    let (one, two) = (format!("https://{LISTED}/items/5"), format!("https://{LISTED}/items/6"));

    // A host that nobody has listed: a command.
    let unlisted = format!("https://{UNLISTED}/items");
    assert_eq!(send(&agent, "GET", &unlisted, &[]), (403, "unlisted_host".into()));
    let refusal = agent.run(&[&unlisted]).json();
    let detail = refusal["detail"].as_str().unwrap();
    let id = detail.split("`holdpoint wrong ").nth(1).unwrap().split('`').next().unwrap();
    paste(holdpoint, &mend(holdpoint, id, "holdpoint hosts add "));
    assert_eq!(send(&agent, "GET", &unlisted, &[]).0, 200);

    // This operation on this resource: a line of the configuration, and nothing besides passes by it.
    assert_eq!(send(&agent, "DELETE", &one, &[]).0, 428);
    let id = waiting(holdpoint);
    let setting = mend(holdpoint, &id, "[modes]\n");
    let file = holdpoint.state().join("holdpoint.toml");
    let text = format!("{NO_WAIT}\n{setting}\n");
    fs::write(holdpoint.state().join("new.toml"), &text).unwrap();
    let new = holdpoint.state().join("new.toml");
    let tried = holdpoint.json(&["policy", "try", new.to_str().unwrap(), "--json"]);
    assert_eq!((&tried["released"], &tried["held"]), (&1.into(), &0.into()), "{tried}");
    fs::write(&file, &text).unwrap();
    stage.gateway.hang_up();
    let config = |shown: &Value| shown["record"]["what"] == "config";
    until("the configuration", || holdpoint.records_from(0).iter().any(config).then_some(()));
    let again = stage.agent("another");
    assert_eq!(send(&again, "DELETE", &one, &[]).0, 200, "{setting}");
    assert_eq!(send(&again, "DELETE", &two, &[]).0, 428, "{setting}");

    // What passed by its mode passes by the same one again, and is held where there is none.
    let tried = holdpoint.json(&["policy", "try", new.to_str().unwrap(), "--json"]);
    assert_eq!((&tried["released"], &tried["held"]), (&1.into(), &0.into()), "{tried}");
    let strict = holdpoint.state().join("strict.toml");
    fs::write(&strict, format!("{NO_WAIT}\n")).unwrap();
    let tried = holdpoint.json(&["policy", "try", strict.to_str().unwrap(), "--json"]);
    assert_eq!((&tried["released"], &tried["held"]), (&0.into(), &1.into()), "{tried}");

    // What is kept says what is settled, and what is not.
    let kept = wrong(holdpoint, &["--json"]).json();
    let settled = |id: &str| {
        let kept = kept.as_array().unwrap().iter().find(|it| it["id"] == id);
        kept.unwrap()["settled"].as_bool().unwrap()
    };
    assert!(settled(&id), "{kept}");

    // What passed and should not have: a rule, which holds from then on.
    assert_eq!(send(&again, "PUT", &two, &[]).0, 200);
    let index = passed(holdpoint, "rest:PUT");
    let rule = mend(holdpoint, &index, "@id(");
    fs::write(holdpoint.state().join("own.cedar"), &rule).unwrap();
    let own = holdpoint.state().join("own.cedar");
    let tried = holdpoint.json(&["policy", "try", own.to_str().unwrap(), "--json"]);
    assert_eq!((&tried["released"], &tried["held"]), (&0.into(), &1.into()), "{tried}");
    assert_eq!(wrong(holdpoint, &[]).status, 1, "one is not settled yet");
    fs::write(&file, format!("policies = [\"own.cedar\"]\n{text}")).unwrap();
    assert_eq!(wrong(holdpoint, &[]).status, 1, "the host is still told as it was then");
}

/// The reference of the newest message that passed and was this operation.
fn passed(holdpoint: &Holdpoint, operation: &str) -> String {
    let records = holdpoint.records_from(0);
    let is = |shown: &&Value| {
        let record = &shown["record"];
        record["verdict"] == "allow" && record["operations"][0]["operation"] == operation
    };
    records.iter().rev().find(is).unwrap()["index"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_holds_no_secret_and_nobody_s_words() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (holdpoint, words) = (&stage.holdpoint, "the-human-s-own-words-about-acme");
    let made = ["agents", "new", "worker", "--task", words, "--json"];
    let agent = Curl::new(&holdpoint.json(&made));
    let phantom = stage.phantom("kept", LISTED, REAL);
    let header = format!("Authorization: Bearer {FOUND}");
    let body = "the-body-of-the-message";
    for url in [
        format!("https://{LISTED}/items/{phantom}"),
        format!("https://{LISTED}/items/{FOUND}?token={FOUND}"),
        format!("https://{UNLISTED}/{phantom}/{FOUND}"),
    ] {
        send(&agent, "DELETE", &url, &["-H", &header, "-d", body]);
        send(&agent, "DELETE", &url, &["-d", body]);
    }
    let mut seen = 0;
    for shown in holdpoint.records_from(0) {
        if shown["record"]["kind"] == "decision" {
            let told = wrong(holdpoint, &[&shown["index"].to_string(), "--json"]).json();
            let file = fs::read_to_string(told["file"].as_str().unwrap()).unwrap();
            let answers = holdpoint.call_with(&["explain", "--batch", "-"], &file);
            assert_eq!(answers.status, 0, "{}", answers.stdout);
            for canary in [REAL, phantom.as_str(), FOUND, words, body] {
                assert!(!file.contains(canary), "{canary}: {file}");
                // Its human is told the resource as it is, which a phantom may be part of.
                let is_phantom = canary == phantom;
                assert!(is_phantom || !told.to_string().contains(canary), "{canary}: {told}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// Names that an agent chose are data in whatever a human pastes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_pasted_runs_what_an_agent_named() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (holdpoint, agent) = (&stage.holdpoint, stage.agent("worker"));
    let listed = ["hosts", "add", OTHER, "--speaks", "rest", "--json"];
    holdpoint.json(&listed);
    let place = tempfile::tempdir().unwrap();
    for name in ["$(touch${IFS}owned)", "a;touch${IFS}owned;b", "'&touch${IFS}owned&'"] {
        let url = format!("https://{OTHER}/items/{name}");
        let status = agent.run(&["-g", "--path-as-is", "-X", "DELETE", &url]).status;
        assert!([403, 428].contains(&status), "{name}: {status}");
    }
    let records = holdpoint.records_from(0);
    let held = records.iter().filter(|it| it["record"]["verdict"] == "hold");
    let (mut script, mut run) = (String::new(), String::new());
    for shown in held {
        let told = wrong(holdpoint, &[&shown["index"].to_string()]).stdout;
        script += told.split_once('\n').unwrap().1;
        run = shown["record"]["principal"]["run"].as_str().unwrap().to_owned();
    }
    script += &holdpoint.call(&["policy", "suggest", &run]).stdout;
    script += &holdpoint.call(&["report"]).stdout;
    assert!(script.matches("touch").count() >= 2, "{script}");
    assert!(!script.contains("&touch"), "a name with a quote is not to be pasted: {script}");
    for line in script.lines() {
        let line = line.trim_start_matches(['+', ' ']);
        for shell in ["bash", "sh"] {
            let mut shell = Command::new(shell);
            let stub = format!("holdpoint() {{ :; }}\n{line}\n");
            shell.arg("-c").arg(stub).current_dir(&place).output().unwrap();
            let made = fs::read_dir(&place).unwrap().count();
            assert_eq!(made, 0, "{line}");
        }
    }
}

/// What people are told, word by word.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_like_this() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (holdpoint, agent) = (&stage.holdpoint, stage.agent("worker"));
    holdpoint.json(&["hosts", "add", OTHER, "--speaks", "rest", "--json"]);
    let mut told = String::new();
    let mut tell = |arguments: &[&str]| {
        let said = holdpoint.call(arguments);
        let state = holdpoint.state().display().to_string();
        told += &format!("$ holdpoint {}\n{}{}\n", arguments.join(" "), said.stdout, said.stderr);
        told = told.replace(&state, "STATE");
    };
    tell(&["wrong"]);
    tell(&["wrong", "41"]);
    tell(&["policy", "try"]);
    send(&agent, "DELETE", &format!("https://{OTHER}/items/5"), &[]);
    let hold = waiting(holdpoint);
    tell(&["wrong", &hold]);
    send(&agent, "GET", &format!("https://{UNLISTED}/items/5"), &[]);
    send(&agent, "PUT", &format!("https://{LISTED}/items/5"), &[]);
    let index = passed(holdpoint, "rest:PUT");
    tell(&["wrong", &index]);
    tell(&["wrong"]);
    let own = holdpoint.state().join("own.cedar");
    let rule = "@id(\"team.no_puts\") @code(\"needs_approval\") @text(\"Ask first.\")\n\
                forbid (principal, action == Action::\"modify\", resource)\n\
                unless { context.approvals >= 1 };\n";
    fs::write(&own, rule).unwrap();
    tell(&["policy", "try", own.to_str().unwrap()]);
    let told = told.replace(&hold, "HOLD").replace(&format!(" {index}\n"), " INDEX\n");
    let golden = include_str!("wrong/told.txt");
    if std::env::var_os("HOLDPOINT_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/day/wrong/told.txt");
        fs::write(path, &told).unwrap();
        return;
    }
    assert_eq!(told, golden, "HOLDPOINT_GOLDEN=1 writes it anew");
}
