//! A real secret is upstream and nowhere else; a phantom is replaced exactly or does not leave; a
//! credential that was merely found goes nowhere.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, fs::chown, process::CommandExt as _},
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::{
    curl::Answer,
    echo::{EchoStage, LISTED, OTHER},
    files::{assert_in_no_file, files, holds},
    holdpoint::{Gateway, Holdpoint, PASSPHRASE, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// A secret with the shape of a known issuer's, and its base64 in `Basic x:…`.
const REAL: &str = "ghp_7hIsIsTheRealOneAndNobodySeesIt00042";
/// One with characters that are written differently in headers, URLs and JSON.
const AWKWARD: &str = "p&ss=w\"o\\rd+with%41/odd?characters#9";
/// A credential that an agent has found somewhere.
const FOUND: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

/// Runs curl with the head of the answer, so that headers are looked through as well.
fn ask(agent: &e2e::curl::Curl, path: &str, arguments: &[&str]) -> Answer {
    agent.run(&[&["-D", "-", &format!("https://{LISTED}{path}")], arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_secret_is_upstream_and_nowhere_else() {
    let trace = [("HOLDPOINT_LOG", "trace")];
    let stage = EchoStage::set_with(BINARY, NO_WAIT, &trace).await;
    stage.holdpoint.enrol("ada");
    let places = ["query:access_token", "body:api_key"];
    let phantom = stage.phantom_in(&places, "api", LISTED, REAL);
    assert!(phantom.starts_with("ghp_") && phantom != REAL);
    let agent = stage.agent("worker");
    let basic = BASE64_STANDARD.encode(format!("{REAL}:"));
    let percent = REAL.replace('_', "%5F");
    let secrets = [REAL, basic.as_str(), &basic[8..40], &percent, &REAL[8..30]];

    let bearer = format!("Authorization: Bearer {phantom}");
    let user = format!("{phantom}:");
    let body = format!("{{\"api_key\":\"{phantom}\"}}");
    let query = |path: &str| format!("{path}?access_token={phantom}");
    for (path, arguments) in [
        ("/reflect".to_owned(), vec!["-H", &bearer]),
        ("/reflect".to_owned(), vec!["-u", &user]),
        ("/pieces?bytes=1".to_owned(), vec!["-u", &user]),
        ("/pieces?bytes=11".to_owned(), vec!["-H", &bearer]),
        (query("/echo"), vec![]),
        ("/echo".to_owned(), vec!["-d", &body, "-H", "content-type: application/json"]),
        (format!("/location?to=https://{LISTED}/x&access_token={phantom}"), vec![]),
    ] {
        let before = stage.arrived().len();
        let answer = ask(&agent, &path, &arguments);
        let arrived = stage.arrived().split_off(before);
        let seen = format!("{arrived:?}");
        assert!(secrets.iter().any(|it| seen.contains(it)), "{path}: {answer:?} {seen}");
        assert!(!seen.contains(&phantom), "{path}: {seen}");
        let shown = format!("{answer:?}");
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{path}: {shown}");
    }
    held_and_released(&stage, &agent, &bearer, &secrets);
    let leaving = agent.run(&[&format!("https://{OTHER}/echo"), "-H", &bearer]);
    assert_eq!(leaving.code(), "phantom_leaving", "{leaving:?}");

    let process = format!("/proc/{}", stage.gateway.pid());
    for file in ["environ", "cmdline"] {
        let bytes = fs::read(format!("{process}/{file}")).unwrap();
        assert!(secrets.iter().all(|secret| !holds(&bytes, secret)), "{file}");
    }
    for arguments in [
        vec!["secrets", "list"],
        vec!["holds", "--all"],
        vec!["ledger", "show", "--last", "100"],
        vec!["agents", "list"],
        vec!["doctor"],
        vec![],
    ] {
        for json in [false, true] {
            let json = if json { vec!["--json"] } else { vec![] };
            let called = stage.holdpoint.call(&[arguments.clone(), json].concat());
            let said = format!("{}{}", called.stdout, called.stderr);
            assert!(!said.is_empty());
            assert!(secrets.iter().all(|secret| !said.contains(secret)), "{arguments:?}: {said}");
        }
    }
    let log = stage.gateway.said();
    assert!(log.contains("reached"), "it was traced: {log}");
    let bearer = agent.bearer();
    for secret in [&secrets[..], &[PASSPHRASE, bearer]].concat() {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(files(stage.holdpoint.state()).len() > 8, "there is something to look through");
    assert_in_no_file(stage.holdpoint.state(), &[&secrets[..], &[PASSPHRASE, bearer]].concat());
}

/// A deletion that waits, and the answer to it, which are both stored.
fn held_and_released(stage: &EchoStage, agent: &e2e::curl::Curl, bearer: &str, secrets: &[&str]) {
    let delete = || ask(agent, "/reflect", &["-X", "DELETE", "-H", bearer]);
    let held = delete();
    assert_eq!(held.status, 428, "{held:?}");
    let holds = stage.holdpoint.json(&["holds", "--json"]);
    let hold = holds[0]["hold"].as_str().unwrap().to_owned();
    let approved = stage.holdpoint.call_with(&["approve", &hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    let done = until("the stored answer", || Some(delete()).filter(|it| it.status == 200));
    let arrived = stage.arrived();
    assert!(arrived.iter().any(|it| it.method == "DELETE" && format!("{it:?}").contains(REAL)));
    assert!(done.body.contains("x-reflected-authorization"), "{done:?}");
    assert!(secrets.iter().all(|secret| !format!("{done:?}").contains(secret)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phantom_is_replaced_exactly_where_it_stands() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("worker");
    for (name, real) in [("plain", REAL), ("awkward", AWKWARD)] {
        let places = ["query:Access_Token", "body:api_key", "body:password"];
        let phantom = stage.phantom_in(&places, name, LISTED, real);
        let percent = |text: &str| -> String {
            let plain = |byte: u8| byte.is_ascii_alphanumeric();
            text.bytes()
                .map(|byte| match plain(byte) {
                    true => char::from(byte).to_string(),
                    false => format!("%{byte:02X}"),
                })
                .collect()
        };
        let json = |value: &str| {
            format!(
                "{{ \"n\": 1.50, \"api_key\":{},\t\"big\": 12345678901234567890123, \"text\":\"é\" }}",
                serde_json::json!(value)
            )
        };
        let form = |value: &str| format!("a=1&password={}&b=%20+", percent(value));
        let key = format!("x-api-key: {phantom}");
        let cookie = format!("cookie: session={phantom}");
        let user = format!("{phantom}:");
        let target = format!("/echo?a=%7e&access_token={}&b=2", percent(&phantom));
        let (json_body, form_body) = (json(&phantom), form(&phantom));
        let typed = "content-type: application/json";
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{real}:")));
        for (path, arguments, place, expected) in [
            ("/echo", vec!["-H", &key], "x-api-key", real.to_owned()),
            ("/echo", vec!["-H", &cookie], "cookie", format!("session={real}")),
            ("/echo", vec!["-u", &user], "authorization", basic),
            (&target, vec![], "target", format!("/echo?a=%7e&access_token={}&b=2", percent(real))),
            ("/echo", vec!["-d", &json_body, "-H", typed], "body", json(real)),
            ("/echo", vec!["-d", &form_body], "body", form(real)),
        ] {
            // A cookie has no quotes or semicolons in it.
            if name == "awkward" && place == "cookie" {
                continue;
            }
            let before = stage.arrived().len();
            let answer = ask(&agent, path, &arguments);
            assert_eq!(answer.status, 200, "{name} {place}: {answer:?}");
            let arrived = stage.arrived().split_off(before);
            let found = match place {
                "target" => arrived[0].target.as_str(),
                "body" => arrived[0].body.as_str(),
                header => arrived[0].header(header).unwrap(),
            };
            assert_eq!(found, expected, "{name} {place}");
            let shown = format!("{answer:?}");
            // However the echo spells it: the letters of the secret are in no answer.
            let letters = &real[real.len() - 12..];
            assert!(!shown.contains(letters) && !shown.contains(real), "{name} {place}: {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phantom_does_not_leave_for_a_host_that_it_is_not_bound_to() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let phantom = stage.phantom("api", LISTED, REAL);
    let bearer = format!("Authorization: Bearer {phantom}");
    let plain = format!("x-note: see {phantom} there");
    let user = format!("{phantom}:");
    let cookie = format!("cookie: a={phantom}");
    let (field, text) = (format!("{{\"api_key\":\"{phantom}\"}}"), format!("see {phantom}, ok"));
    let deep = format!("{{\"a\":[{{\"b\":\"x{phantom}y\"}}]}}");
    let json = "content-type: application/json";
    for (number, (path, arguments)) in [
        (String::new(), vec!["-H", &bearer]),
        (String::new(), vec!["-H", &plain]),
        (String::new(), vec!["-u", &user]),
        (String::new(), vec!["-H", &cookie]),
        (format!("?q={phantom}"), vec![]),
        (format!("/{phantom}/items"), vec![]),
        (String::new(), vec!["-d", &field, "-H", json]),
        (String::new(), vec!["-d", &deep, "-H", json]),
        (String::new(), vec!["-d", &text, "-H", "content-type: text/plain"]),
    ]
    .into_iter()
    .enumerate()
    {
        let agent = stage.agent(&format!("agent-{number}"));
        let url = format!("https://{OTHER}/echo{path}");
        let answer = agent.run(&[&[url.as_str()], &arguments[..]].concat());
        assert_eq!(answer.status, 403, "{url} {arguments:?}: {answer:?}");
        assert_eq!(answer.code(), "phantom_leaving", "{url} {arguments:?}: {answer:?}");
    }
    assert!(stage.arrived().is_empty(), "{:?}", stage.arrived());
}

/// Whatever is named for a credential there, a host may keep and show it: an agent that could
/// choose the place could have the secret published.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_does_not_choose_the_place_of_a_secret() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let phantom = stage.phantom_in(&["query:key_a", "body:secret_b"], "api", LISTED, REAL);
    let json = "content-type: application/json";
    let (key, note) = (format!("x-api-key: {phantom}"), format!("note={phantom}"));
    let header = |name: &str| format!("{name}: {phantom}");
    let field = |name: &str| format!("{{\"{name}\":\"{phantom}\"}}");
    let form = |name: &str| format!("{name}={phantom}");
    let cases = [
        (String::new(), vec!["-d".to_owned(), field("password"), "-H".to_owned(), json.to_owned()]),
        (String::new(), vec!["-d".to_owned(), form("client_secret")]),
        (String::new(), vec!["-F".to_owned(), form("token")]),
        (String::new(), vec!["-F".to_owned(), form("secret_b")]),
        (format!("?{}", form("token")), vec![]),
        (format!("?{}", form("secret_b")), vec![]),
        (String::new(), vec!["-H".to_owned(), header("x-amz-meta-token")]),
        (String::new(), vec!["-H".to_owned(), header("X-Goog-Meta-Api-Key")]),
        (String::new(), vec!["-H".to_owned(), header("x-ms-meta-password")]),
        (String::new(), vec!["-H".to_owned(), header("x-object-meta-secret")]),
        // Beside a place that is right, too.
        (String::new(), vec!["-H".to_owned(), key.clone(), "-F".to_owned(), form("token")]),
    ];
    for (number, (query, arguments)) in cases.iter().enumerate() {
        let agent = stage.agent(&format!("agent-{number}"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let url = format!("https://{LISTED}/echo{query}");
        let answer = agent.run(&[&[url.as_str()], &arguments[..]].concat());
        assert_eq!(answer.status, 403, "{query} {arguments:?}: {answer:?}");
        assert_eq!(answer.code(), "phantom_leaving", "{query} {arguments:?}: {answer:?}");
    }
    assert!(stage.arrived().is_empty(), "{:?}", stage.arrived());

    let agent = stage.agent("worker");
    assert_eq!(ask(&agent, "/echo", &["-H", &key, "-F", &note]).status, 200);
    let arrived = stage.arrived().pop().unwrap();
    assert_eq!(arrived.header("x-api-key"), Some(REAL));
    assert!(arrived.body.contains(&phantom) && !arrived.body.contains(REAL), "{arrived:?}");
    stage.holdpoint.json(&[
        "secrets",
        "bind",
        "api",
        "--host",
        LISTED,
        "--purpose",
        "rest:*",
        "--place",
        "body:PASSWORD",
        "--json",
    ]);
    let listed = stage.holdpoint.call(&["secrets", "list"]);
    assert!(listed.stdout.contains("also in body:PASSWORD"), "{}", listed.stdout);
    let bound =
        || Some(ask(&agent, "/echo", &["-d", &form("password")])).filter(|it| it.status == 200);
    until("the other place", bound);
    let percent = REAL.replace('_', "%5F");
    assert_eq!(stage.arrived().pop().unwrap().body, format!("password={percent}"));
}

/// What one message stored is shown by another, which carries no credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_back_later_is_a_phantom_again() {
    // Nothing tells it by its shape: for the gateway it is a text, as what a host kept would be.
    let kept = "kestrel7plover7dunlin7godwit";
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let phantom = stage.phantom("api", LISTED, kept);
    let agent = stage.agent("worker");
    let range = ["-H", "range: bytes=0-99999", "-H", "accept-encoding: gzip"];
    for (host, shown, hidden, range_arrives) in
        [(LISTED, phantom.as_str(), kept, false), (OTHER, kept, phantom.as_str(), true)]
    {
        let to = format!("https://{host}/location?to=https://{host}/{kept}");
        let moved = agent.run(&[&["-D", "-", &to], &range[..]].concat());
        let arrived = stage.arrived().pop().unwrap();
        assert!(arrived.target.contains(kept), "{arrived:?}");
        assert_eq!(arrived.header("range").is_some(), range_arrives, "{arrived:?}");
        let gzip = arrived.header("accept-encoding") == Some("gzip");
        assert_eq!(gzip, range_arrives, "{arrived:?}");
        let text = agent.run(&[&format!("https://{host}/pieces?bytes=5"), "-d", kept]);
        for answer in [format!("{moved:?}"), format!("{text:?}")] {
            assert!(answer.contains(shown) && !answer.contains(hidden), "{host}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_found_credential_goes_nowhere_and_is_kept_as_a_fingerprint_only() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let header = |name: &str| format!("{name}: {FOUND}");
    let (bearer, own) = (format!("authorization: Bearer {FOUND}"), header("authorization"));
    let (key, strange, cookie) =
        (header("x-api-key"), header("x-note"), format!("cookie: s={FOUND}"));
    let (user, json_body) = (format!("{FOUND}:"), format!("{{\"token\":\"{FOUND}\"}}"));
    let json = "content-type: application/json";
    let form = format!("client_secret={FOUND}");
    let (part, file) = (format!("token={FOUND}"), format!("password={FOUND};filename=x"));
    let metadata = header("x-amz-meta-token");
    let at = |rest: String| format!("https://{LISTED}{rest}");
    let plain = at("/echo".to_owned());
    let cases = [
        (plain.clone(), vec!["-H", &bearer]),
        (plain.clone(), vec!["-H", &own]),
        (plain.clone(), vec!["-H", &key]),
        (plain.clone(), vec!["-H", &strange]),
        (plain.clone(), vec!["-H", &cookie]),
        (plain.clone(), vec!["-u", &user]),
        (format!("https://{FOUND}@{LISTED}/echo"), vec![]),
        (at(format!("/echo?access_token={FOUND}")), vec![]),
        (at(format!("/echo?q={FOUND}")), vec![]),
        (at(format!("/hooks/{FOUND}/run")), vec![]),
        (plain.clone(), vec!["-d", &json_body, "-H", json]),
        (plain.clone(), vec!["-d", &form]),
        (plain.clone(), vec!["-H", &metadata]),
        (plain.clone(), vec!["-F", &part]),
        (plain.clone(), vec!["-F", "title=x", "-F", &file]),
    ];
    for (number, (url, arguments)) in cases.iter().enumerate() {
        let agent = stage.agent(&format!("agent-{number}"));
        let answer = agent.run(&[&[url.as_str()], &arguments[..]].concat());
        assert_eq!(answer.status, 403, "{url} {arguments:?}: {answer:?}");
        assert_eq!(answer.code(), "foreign_credential", "{url} {arguments:?}: {answer:?}");
        assert!(!answer.body.contains(FOUND), "{url} {arguments:?}: {answer:?}");
    }
    assert!(stage.arrived().is_empty());

    let shown = stage.holdpoint.json(&["ledger", "show", "--last", "100", "--json"]);
    let refused: Vec<_> = shown.as_array().unwrap().iter().map(|it| &it["record"]).collect();
    let prints: Vec<_> = refused.iter().filter_map(|it| it["fingerprints"][0].as_str()).collect();
    assert_eq!(prints.len(), cases.len(), "one fingerprint each: {shown}");
    assert!(prints.iter().all(|print| *print == prints[0]), "the same credential: {prints:?}");
    let digest = holdpoint_core::Digest::of(FOUND.as_bytes()).to_string();
    assert!(!digest.starts_with(&prints[0][..8]), "keyed: nobody can try values against it");
    assert!(!shown.to_string().contains(FOUND));
    let called = stage.holdpoint.call(&["ledger", "show", "--last", "100"]);
    assert!(!called.stdout.contains(FOUND), "{}", called.stdout);
    assert!(!stage.gateway.said().contains(FOUND), "{}", stage.gateway.said());
    assert_in_no_file(stage.holdpoint.state(), &[FOUND]);
}

/// Somebody who is not root, who may look into every process of their own.
fn somebody() -> u32 {
    match nix::unistd::geteuid().as_raw() {
        0 => 65_534,
        user => user,
    }
}

#[test]
fn nobody_looks_into_the_memory_of_a_gateway() {
    let holdpoint = Holdpoint::new(BINARY);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    // Where root builds, others may not enter.
    let binary = folder.path().join("holdpoint");
    fs::copy(BINARY, &binary).unwrap();
    chown(holdpoint.state(), Some(somebody()), None).unwrap();
    let by_somebody = |program: &std::path::Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOLDPOINT_STATE", holdpoint.state());
        command.uid(somebody()).stdin(Stdio::null());
        command
    };
    let up = ["up", "--proxy", "127.0.0.1:0", "--json"];
    let gateway = Gateway::start(by_somebody(&binary, &up));
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(core.split_whitespace().nth(5), Some("0"), "{core}");

    let mut other = by_somebody("/bin/sleep".as_ref(), &["20"]).spawn().unwrap();
    let readable = |pid: u32| {
        let map = format!("/proc/{pid}/maps");
        let mut read = by_somebody("/bin/cat".as_ref(), &[&map]);
        let output = read.output().unwrap();
        output.status.success() && !output.stdout.is_empty()
    };
    assert!(readable(other.id()), "the same user may look into another process");
    assert!(!readable(gateway.pid()), "but not into a gateway");
    let owner = fs::metadata(format!("/proc/{}/mem", gateway.pid())).unwrap().uid();
    assert_eq!(owner, 0, "not dumpable: what is in /proc belongs to root");
    other.kill().unwrap();
    other.wait().unwrap();
}
