//! Refusals as real clients print them, and as an agent obeys that only reads their fields.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::process::Output;

use e2e::{
    curl::{Answer, Curl},
    echo::{EchoStage, GONE, LISTED, UNLISTED},
    holdpoint::PASSPHRASE,
    stage::Stage,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// What an agent sends along, and no refusal may show.
const BODY: &str = "the-body-of-the-message";
/// A credential that the agent has found somewhere.
const FOUND: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn send(agent: &Curl, method: &str, host: &str, more: &[&str]) -> Answer {
    let url = format!("https://{host}/items/5");
    agent.run(&[&["-X", method, &url, "-D", "-"], more].concat())
}

/// The last head in what curl printed with `-D -`: the first is that of the tunnel.
fn head_and_body(answer: &Answer) -> (String, Value) {
    let all = &answer.body;
    let (heads, body) = all.rsplit_once("\r\n\r\n").unwrap();
    (heads.to_ascii_lowercase(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_no_has_its_status_its_media_type_and_its_words() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("reader");
    let bearer = format!("Authorization: Bearer {FOUND}");
    for (method, host, more, status, code, retry) in [
        ("GET", UNLISTED, vec![], 403, "unlisted_host", "no"),
        ("POST", UNLISTED, vec!["-d", BODY], 403, "unlisted_host", "no"),
        ("GET", LISTED, vec!["-H", &bearer], 403, "foreign_credential", "no"),
        ("DELETE", LISTED, vec![], 428, "needs_approval", "after_approval"),
        ("GET", GONE, vec![], 502, "upstream_unreachable", "later"),
    ] {
        let answer = send(&agent, method, host, &more);
        assert_eq!(answer.status, status, "{answer:?}");
        let (head, body) = head_and_body(&answer);
        for line in ["content-type: application/problem+json", "cache-control: no-store"] {
            assert!(head.contains(line), "{line}: {head}");
        }
        assert!(head.contains(&format!("x-holdpoint-code: {code}")), "{head}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!((&body["code"], &body["retry"]), (&code.into(), &retry.into()), "{body}");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.starts_with("Holdpoint "), "it says that it was us: {detail}");
        assert!(detail.contains("othing was sent"), "it says that nothing was sent: {detail}");
        assert_eq!(body["hold"].is_string(), status == 428, "{body}");
        assert_eq!(body["approve_with"].is_string(), status == 428, "{body}");
        for kept in [BODY, FOUND, agent.bearer()] {
            assert!(!answer.body.contains(kept), "{kept} shows in {answer:?}");
        }
        // A failure that is not ours is never claimed.
        assert_eq!(detail.contains("Holdpoint refused"), status == 403, "{detail}");
    }
    assert!(stage.arrived().is_empty(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_or_with_a_wrong_proxy_credential_the_answer_is_407() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("reader");
    let proxy = stage.gateway.proxy();
    let almost = format!("{}x", agent.bearer());
    for user in [String::new(), "hp_wrong@".into(), "reader:@".into(), format!("{almost}@")] {
        let proxy = format!("http://{user}{proxy}");
        // Outside of a tunnel the client sees the answer itself.
        let answer = agent.run(&["-x", &proxy, "-D", "-", &format!("http://{LISTED}/items")]);
        assert_eq!(answer.status, 407, "{answer:?}");
        let (head, body) = head_and_body(&answer);
        assert!(head.contains("proxy-authenticate: basic"), "{head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert_eq!(body["code"], "unidentified", "{body}");
        assert_eq!(body["retry"], "no", "{body}");
        assert!(body["detail"].as_str().unwrap().starts_with("Holdpoint "), "{body}");
        let tunnel = agent.run(&["-x", &proxy, &format!("https://{LISTED}/items")]);
        assert_eq!(tunnel.exit, 56, "no tunnel: {tunnel:?}");
        assert!(tunnel.said.contains("407"), "{tunnel:?}");
        assert!(!format!("{answer:?}{tunnel:?}").contains(&almost));
    }
    assert!(stage.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_in_a_script_fails_and_says_why() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("script");
    for (host, method, status) in [(UNLISTED, "GET", 403), (LISTED, "DELETE", 428)] {
        let failed = send(&agent, method, host, &["-f"]);
        assert_eq!((failed.exit, failed.status), (22, status), "{failed:?}");
        assert!(failed.said.contains(&status.to_string()), "{failed:?}");
        let with_body = send(&agent, method, host, &["--fail-with-body"]);
        assert_eq!((with_body.exit, with_body.status), (22, status), "{with_body:?}");
        assert!(with_body.body.contains("Holdpoint "), "{with_body:?}");
    }
    assert!(stage.arrived().is_empty(), "nothing was executed");
    let passed = send(&agent, "GET", LISTED, &["-f"]);
    assert_eq!((passed.exit, passed.status), (0, 200), "{passed:?}");
    assert_eq!(stage.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_json_print_our_sentence() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("gh");
    let read = |url: &str, filter: &str| {
        let script = "curl -s \"$1\" -H 'content-type: application/json' \
                      -d '{\"query\":\"mutation { x }\"}' | jq -r \"$2\"";
        let mut shell = agent.program("bash");
        text(&shell.args(["-c", script, "bash", url, filter]).output().unwrap())
    };
    // As `gh api graphql` does, whatever the status.
    let message = read(&format!("https://{UNLISTED}/graphql"), ".errors[0].message");
    assert!(message.starts_with("Holdpoint refused "), "{message}");
    assert!(message.contains("(unlisted_host)"), "{message}");
    let code = read(&format!("https://{UNLISTED}/graphql"), ".errors[0].extensions.code");
    assert_eq!(code, "unlisted_host");
    let problem = read(&format!("https://{UNLISTED}/items"), "\"\\(.code) \\(.detail)\"");
    assert!(problem.starts_with("unlisted_host Holdpoint refused "), "{problem}");
    assert!(stage.arrived().is_empty());
}

/// What Python's own library makes of it: an `HTTPError` whose body can be read.
const PYTHON: &str = r#"
import json, sys, urllib.error, urllib.request
url, method = sys.argv[1:3]
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, method=method))
    print(answer.status, json.load(answer)["target"])
except urllib.error.HTTPError as error:
    problem = json.load(error)
    kind = error.headers.get_content_type()
    print(error.code, kind, problem["code"], problem["retry"], problem["detail"])
"#;

#[tokio::test(flavor = "multi_thread")]
async fn python_raises_an_error_with_our_problem_in_it() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("python");
    let ask = |method: &str, host: &str| {
        let url = format!("https://{host}/items/5");
        let output = agent.program("python3").args(["-c", PYTHON, &url, method]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        text(&output)
    };
    assert_eq!(ask("GET", LISTED), "200 /items/5");
    for (method, host, expected) in [
        ("GET", UNLISTED, "403 application/problem+json unlisted_host no Holdpoint refused "),
        ("DELETE", LISTED, "428 application/problem+json needs_approval after_approval Holdpoint "),
    ] {
        let said = ask(method, host);
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(stage.arrived().len(), 1, "only the one that passed");
}

/// An agent that can read, and does what it is told: it stops at "no", and waits at
/// "after_approval" where it was told to.
const OBEDIENT: &str = r#"
fields='(.errors[0].extensions // .) | "\(.retry) \(.hold // "-") \(.approve_with // "-")"'
answer=$(curl -s "$@")
read -r retry hold approve <<<"$(jq -r "$fields" <<<"$answer")"
case $retry in
no) echo stopped; exit 0 ;;
after_approval) echo "human: please run $approve" ;;
*) echo "done $answer"; exit 0 ;;
esac
for ((tries = 0; tries < 200; tries++)); do
    status=$(curl -s -o body.txt -w '%{http_code}' "http://holdpoint.internal/holds/$hold")
    case $status in
    428) sleep 0.05 ;;
    200) echo "done $(cat body.txt)"; exit 0 ;;
    *) echo "ended $status $(jq -r .code body.txt)"; exit 0 ;;
    esac
done
echo "never answered"
"#;

/// Starts the obedient agent; what it asks the human for, and the running process.
fn obey(agent: &Curl, folder: &std::path::Path, arguments: &[&str]) -> std::process::Child {
    let mut shell = agent.program("bash");
    shell.current_dir(folder).args(["-c", OBEDIENT, "agent"]).args(arguments);
    shell.stdout(std::process::Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_obeys_the_fields_stops_or_waits_and_gets_its_answer() {
    let stage = Stage::set(BINARY, NO_WAIT).await;
    let domains = [0, 1].map(|n| stage.railway.add_domain(&format!("{n}.example.com")).unwrap());
    let phantom = stage.phantom("railway-domains", "railway:customDomain*");
    let enrolled = stage.holdpoint.call_with(&["approvers", "enrol", "ada"], PASSPHRASE);
    assert_eq!(enrolled.status, 0, "{}", enrolled.stderr);
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str, token: &str, document: &str| {
        let authorization = format!("Authorization: Bearer {token}");
        let body = serde_json::json!({ "query": document }).to_string();
        let url = "https://backboard.railway.com/graphql/v2";
        let json = "Content-Type: application/json";
        let own = folder.path().join(name);
        std::fs::create_dir(&own).unwrap();
        obey(&stage.agent(name), &own, &[url, "-H", &authorization, "-H", json, "-d", &body])
    };
    let ended = |agent: std::process::Child| text(&agent.wait_with_output().unwrap());

    let found = stage.railway.seed().account_credential.clone();
    let delete = |id: &str| format!("mutation {{ customDomainDelete(id: \"{id}\") }}");
    assert_eq!(ended(start("finder", &found, &delete(&domains[0]))), "stopped");

    for (domain, verb, expected) in [
        (&domains[0], "approve", r#"done {"data":{"customDomainDelete":true}}"#),
        (&domains[1], "deny", "ended 403 approval_denied"),
    ] {
        let waiting = start(verb, &phantom, &delete(domain));
        let hold = e2e::holdpoint::until("a hold", || {
            let holds = stage.holdpoint.json(&["holds", "--json"]);
            holds[0]["hold"].as_str().map(str::to_owned)
        });
        let answer = match verb {
            "approve" => format!("{domain}\n{PASSPHRASE}\n"),
            _ => PASSPHRASE.to_owned(),
        };
        let answered = stage.holdpoint.call_with(&[verb, &hold], &answer);
        assert_eq!(answered.status, 0, "{}", answered.stderr);
        let said = ended(waiting);
        assert!(said.contains(&format!("human: please run holdpoint approve {hold}")), "{said}");
        assert_eq!(said.lines().last(), Some(expected), "{said}");
    }
    assert!(!stage.railway.domain_exists(&domains[0]));
    assert!(stage.railway.domain_exists(&domains[1]));
    assert_eq!(stage.railway.mutations(), 1);
}
