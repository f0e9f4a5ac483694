//! What an upstream issues to a run works at its site and nowhere else; what is captured is never
//! seen by the agent.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::thread;

use e2e::{
    curl::{Answer, Curl},
    files::assert_in_no_file,
    issuing::{
        API, BLOBS, CODE, ECHO, ID, IssuingStage, LARGE, LOGIN, REGISTRY, REGISTRY_AUTH, SITE,
    },
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// A credential that an agent has found somewhere.
const FOUND: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";
const SIGNED: &str = "X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261120%2Feu-west-1%2Fs3%2Faws4_request\
                      &X-Amz-Signature=0123456789abcdef0123";

fn ask(agent: &Curl, host: &str, path: &str, arguments: &[&str]) -> Answer {
    agent.run(&[&["-D", "-", &format!("https://{host}{path}")], arguments].concat())
}

/// The body behind the headers that `-D -` prints.
fn body(answer: &Answer) -> Value {
    let (_, body) = answer.body.rsplit_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The code of a refusal, behind the headers.
fn code(answer: &Answer) -> String {
    body(answer)["code"].as_str().unwrap_or_default().to_owned()
}

fn with_bearer(agent: &Curl, host: &str, path: &str, token: &str) -> Answer {
    ask(agent, host, path, &["-H", &format!("Authorization: Bearer {token}")])
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name}: {tokens}")).to_owned()
}

/// Logs in with a device: the human has said yes.
fn log_in(agent: &Curl) -> Value {
    let asked = ask(agent, ID, "/device/code", &["-d", "client_id=cli&scope=all"]);
    assert_eq!(body(&asked)["user_code"], "ADA-1815", "{asked:?}");
    let form = "grant_type=urn:ietf:params:oauth:grant-type:device_code\
                &device_code=device-code-of-ada&client_id=cli";
    let answer = ask(agent, ID, "/oauth/token", &["-d", form]);
    assert_eq!(answer.status, 200, "{answer:?}");
    body(&answer)
}

fn refresh(agent: &Curl, phantom: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=cli&refresh_token={phantom}");
    ask(agent, ID, "/oauth/token", &["-d", &form])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_login_is_refreshed_by_two_clients_and_the_agent_sees_no_real_token() {
    let mut stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let first = log_in(&agent);
    let mut seen = vec![first.to_string()];
    let phantom = text(&first, "refresh_token");
    let real = stage.issued().into_iter().find(|real| real.starts_with("rt-")).unwrap();
    assert!(phantom != real && phantom.len() == real.len() && phantom[2..].starts_with('-'));
    let id = text(&first, "id_token");
    assert!(id.starts_with("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ."), "{id}");

    // Three times over: two clients with the same phantom refresh at the same moment.
    let mut held = [phantom.clone(), phantom.clone()];
    for round in 0..3 {
        let both = held.clone().map(|phantom| {
            let agent = agent.clone();
            thread::spawn(move || refresh(&agent, &phantom))
        });
        for (index, client) in both.into_iter().enumerate() {
            let answer = client.join().unwrap();
            assert_eq!(answer.status, 200, "round {round}: {answer:?}");
            let tokens = body(&answer);
            let home = with_bearer(&agent, API, "/me", &text(&tokens, "access_token"));
            assert_eq!(home.status, 200, "{home:?}");
            // The first client keeps what it has, as one does that crashed before it wrote.
            if index == 1 {
                held[1] = text(&tokens, "refresh_token");
            }
            seen.push(answer.body);
            seen.push(home.body);
        }
    }
    assert!(!stage.reused(), "a refresh token was sent twice");

    stage.restart();
    let agent = agent.through(stage.gateway.proxy());
    for phantom in &held {
        let answer = refresh(&agent, phantom);
        assert_eq!(answer.status, 200, "after a restart: {answer:?}");
        seen.push(answer.body);
    }
    assert!(!stage.reused());
    let real = stage.issued();
    assert!(real.len() > 20);
    for real in &real {
        assert!(seen.iter().all(|seen| !seen.contains(real)), "{real} was seen");
    }
    let real: Vec<&str> = real.iter().map(String::as_str).collect();
    assert_in_no_file(stage.holdpoint.state(), &real);
    captured_stays_at_home(&stage, &agent, &first);
}

/// Where a captured token may not go, its phantom does not go either.
fn captured_stays_at_home(stage: &IssuingStage, agent: &Curl, tokens: &Value) {
    let (access, refresh_token) = (text(tokens, "access_token"), text(tokens, "refresh_token"));
    let elsewhere = with_bearer(agent, ECHO, "/x", &access);
    assert_eq!(code(&elsewhere), "phantom_leaving", "{elsewhere:?}");
    let as_bearer = with_bearer(agent, API, "/me", &refresh_token);
    assert_eq!(code(&as_bearer), "phantom_leaving", "{as_bearer:?}");
    let query = ask(agent, API, &format!("/me?access_token={access}"), &[]);
    assert_eq!(code(&query), "phantom_leaving", "{query:?}");
    let other = stage.agent("other");
    assert_eq!(code(&with_bearer(&other, API, "/me", &access)), "foreign_credential");
    assert_eq!(code(&refresh(&other, &refresh_token)), "foreign_credential");
    // The real one, had the agent found it, is as foreign as any.
    let real = stage.issued();
    assert_eq!(code(&with_bearer(agent, API, "/me", &real[0])), "foreign_credential");
    let shown = stage.holdpoint.json(&["secrets", "issued", "--json"]);
    let shown = shown.as_array().unwrap();
    assert!(shown.iter().any(|it| it["kind"] == "refresh" && it["captured"] == true), "{shown:?}");
    let listed = stage.holdpoint.call(&["secrets", "issued"]);
    assert!(real.iter().all(|real| !listed.stdout.contains(real)), "{}", listed.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_login_leads_to_the_staging_site_and_its_cookie_nowhere_else() {
    let mut stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let jar = tempfile::NamedTempFile::new().unwrap();
    let jar = jar.path().to_str().unwrap();
    let logged_in = ask(&agent, LOGIN, "/login", &["-d", "user=ada", "-L", "-c", jar, "-b", jar]);
    assert!(logged_in.body.ends_with("the staging site"), "{logged_in:?}");
    let again = ask(&agent, SITE, "/home", &["-b", jar]);
    assert_eq!(again.status, 200, "{again:?}");

    stage.restart();
    let agent = agent.through(stage.gateway.proxy());
    let cookie = format!("sid={}", stage.issued()[0]);
    let at = |agent: &Curl, host: &str, header: &str| ask(agent, host, "/home", &["-H", header]);
    assert_eq!(at(&agent, SITE, &format!("Cookie: {cookie}")).status, 200);
    let value = cookie.trim_start_matches("sid=");
    for (who, host, header) in [
        (&agent, API, format!("Cookie: {cookie}")),
        (&agent, ECHO, format!("Cookie: {cookie}")),
        (&agent, SITE, format!("Cookie: other={value}")),
        (&agent, SITE, format!("Authorization: Bearer {value}")),
        (&agent, SITE, format!("X-Api-Key: {value}")),
        (&stage.agent("other"), SITE, format!("Cookie: {cookie}")),
    ] {
        let answer = at(who, host, &header);
        assert_eq!(code(&answer), "foreign_credential", "{host} {header}: {answer:?}");
    }
    stage.holdpoint.call(&["agents", "kill", "worker"]);
    let killed = at(&agent, SITE, &format!("Cookie: {cookie}"));
    assert_eq!(code(&killed), "killed", "{killed:?}");
    stage.holdpoint.call(&["agents", "revive", "worker"]);
    let revived = at(&agent, SITE, &format!("Cookie: {cookie}"));
    assert_eq!(code(&revived), "foreign_credential", "{revived:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_pulled_from_with_a_token_of_another_host() {
    let stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let manifest = "/v2/a/b/manifests/latest";
    // Before the challenge nobody has said that this host issues tokens for the registry.
    let early = ask(&agent, REGISTRY_AUTH, "/token?service=registry", &[]);
    let early = text(&body(&early), "token");
    assert_eq!(code(&with_bearer(&agent, REGISTRY, manifest, &early)), "foreign_credential");

    assert_eq!(ask(&agent, REGISTRY, manifest, &[]).status, 401);
    let token = ask(&agent, REGISTRY_AUTH, "/token?service=registry&scope=a", &[]);
    let token = text(&body(&token), "token");
    let pulled = with_bearer(&agent, REGISTRY, manifest, &token);
    assert!(pulled.body.ends_with("the manifest"), "{pulled:?}");
    let bearer = format!("Authorization: Bearer {token}");
    let blob = ask(&agent, REGISTRY, "/v2/a/b/blobs/sha256:1f", &["-L", "-H", &bearer]);
    assert!(blob.body.ends_with("the blob"), "{blob:?}");

    let link = format!("/b?X-Amz-Expires=60&{SIGNED}");
    assert_eq!(ask(&agent, BLOBS, &link, &[]).status, 200, "it may be fetched again");
    for (path, arguments) in [
        (format!("/c?X-Amz-Expires=60&{SIGNED}"), vec![]),
        (format!("/b?X-Amz-Expires=61&{SIGNED}"), vec![]),
        (link.clone(), vec!["-X", "DELETE"]),
        (link.clone(), vec!["-X", "PUT", "-d", "x"]),
    ] {
        let answer = ask(&agent, BLOBS, &path, &arguments);
        assert_eq!(code(&answer), "foreign_credential", "{path} {arguments:?}: {answer:?}");
    }
    let elsewhere = with_bearer(&agent, API, "/me", &token);
    assert_eq!(code(&elsewhere), "foreign_credential", "{elsewhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_come_by_links_to_a_host_that_nobody_listed() {
    let stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let down = format!("/down?X-Amz-Expires=900&{SIGNED}");
    let before = ask(&agent, LARGE, &down, &[]);
    assert_eq!(code(&before), "foreign_credential", "{before:?}");
    let typed = "content-type: application/vnd.git-lfs+json";
    let batch = ask(
        &agent,
        CODE,
        "/a/b.git/info/lfs/objects/batch",
        &[
            "-H",
            typed,
            "-d",
            "{\"operation\":\"download\",\"objects\":[{\"oid\":\"1f\",\"size\":8}]}",
        ],
    );
    assert_eq!(batch.status, 200, "{batch:?}");
    let blob = ask(&agent, LARGE, &down, &[]);
    assert!(blob.body.ends_with("the blob"), "{blob:?}");
    assert_eq!(code(&ask(&agent, LARGE, "/", &[])), "unlisted_host");
    let other = stage.agent("other");
    assert_eq!(code(&ask(&other, LARGE, &down, &[])), "foreign_credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_echoes_makes_no_found_credential_an_issued_one() {
    let stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let plain = "a-plain-looking-value-0042";
    // What the message itself says, its answer does not issue.
    let echoed = ask(&agent, ECHO, "/login", &["-d", &format!("note={plain}")]);
    assert_eq!(echoed.status, 200, "{echoed:?}");
    assert_eq!(code(&with_bearer(&agent, ECHO, "/x", plain)), "foreign_credential");
    // A cookie goes back to the host that set it, and to its neighbours only if it is its own.
    let cookie = format!("Cookie: y={plain}");
    stage.keep("/choice", &[("set-cookie", &format!("y={plain}; Domain=other.test"))], "");
    ask(&agent, ECHO, "/choice", &["-d", &format!("note={plain}")]);
    assert_eq!(code(&ask(&agent, ECHO, "/x", &["-H", &cookie])), "foreign_credential");

    // What it kept before, it can issue, but only to itself: a cookie as that cookie, and what
    // was merely read not at all.
    let json = ("content-type", "application/json");
    let issuing = format!("{{\"access_token\":\"{FOUND}\"}}");
    stage.keep("/page", &[json, ("set-cookie", &format!("x={FOUND}"))], &issuing);
    stage.keep("/data", &[json], &issuing);
    stage.keep("/wide", &[("set-cookie", &format!("x={FOUND}; Domain=test"))], "");
    stage.keep("/other", &[("set-cookie", &format!("x={FOUND}; Domain=example.test"))], "");
    let signed = format!("https://{BLOBS}/own?token={FOUND}");
    stage.keep("/moved", &[("location", &signed)], "");
    for path in ["/page", "/wide", "/other", "/moved"] {
        ask(&agent, ECHO, path, &[]);
    }
    ask(&agent, ECHO, "/data", &["-d", "a=b"]);
    assert_eq!(code(&with_bearer(&agent, ECHO, "/x", FOUND)), "foreign_credential");
    let cookie = format!("Cookie: x={FOUND}");
    assert_eq!(ask(&agent, ECHO, "/x", &["-H", &cookie]).status, 200);
    for host in [API, SITE, ID, BLOBS] {
        for header in [&cookie, &format!("Authorization: Bearer {FOUND}")] {
            let answer = ask(&agent, host, "/x", &["-H", header]);
            assert_eq!(code(&answer), "foreign_credential", "{host} {header}: {answer:?}");
        }
    }
    let moved = ask(&agent, BLOBS, &format!("/own?token={FOUND}"), &[]);
    assert_eq!(code(&moved), "foreign_credential", "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_cookies_make_room_for_each_other_and_take_no_login_along() {
    let stage = IssuingStage::set(BINARY, "[limits]\nissued = 500\n").await;
    let agent = stage.agent("worker");
    let tokens = log_in(&agent);
    let mut urls = Vec::new();
    for answer in 0..100 {
        let cookies: Vec<String> =
            (0..100).map(|cookie| format!("c{answer}_{cookie}=value{answer}_{cookie}")).collect();
        let headers: Vec<(&str, &str)> =
            cookies.iter().map(|cookie| ("set-cookie", cookie.as_str())).collect();
        stage.keep(&format!("/many/{answer}"), &headers, "ok");
        urls.push(format!("https://{ECHO}/many/{answer}"));
    }
    let arguments: Vec<&str> = urls.iter().map(String::as_str).collect();
    let all = agent.run(&arguments);
    assert_eq!(all.exit, 0, "{all:?}");
    let shown = stage.holdpoint.json(&["secrets", "issued", "--json"]);
    let cookies = shown.as_array().unwrap().iter().filter(|it| it["kind"] == "cookie").count();
    assert_eq!(cookies, 500);
    let cookie = |name: &str| {
        let header = format!("Cookie: {name}=value{}", &name[1..]);
        ask(&agent, ECHO, "/many/none", &["-H", &header])
    };
    assert_eq!(cookie("c99_99").status, 200);
    assert_eq!(code(&cookie("c0_0")), "foreign_credential");
    let access = text(&tokens, "access_token");
    assert_eq!(with_bearer(&agent, API, "/me", &access).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_secret_obtained_is_bound_as_the_secret_is_and_ends_with_it() {
    let stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let add = ["secrets", "add", "login", "--host", ECHO, "--purpose", "rest:POST", "--json"];
    let added = stage.holdpoint.call_with(&add, "the-real-password-of-1815");
    let phantom = added.json()["phantom"].as_str().unwrap().to_owned();
    let json = ("content-type", "application/json");
    let moved = format!("https://{ECHO}/back?code=c0de-of-1815&state=x");
    stage.keep("/login", &[json], "{\"token\":\"token-by-secret-1815\"}");
    stage.keep("/start", &[("location", &moved)], "");
    stage.keep("/oauth/token", &[json], "{\"access_token\":\"token-by-code-1815\"}");
    let bearer = format!("Authorization: Bearer {phantom}");
    assert_eq!(ask(&agent, ECHO, "/login", &["-X", "POST", "-H", &bearer]).status, 200);
    assert_eq!(ask(&agent, ECHO, "/start", &["-H", &bearer]).status, 302);
    let grant = "grant_type=authorization_code&code=c0de-of-1815";
    assert_eq!(ask(&agent, ECHO, "/oauth/token", &["-d", grant]).status, 200);

    for token in ["token-by-secret-1815", "token-by-code-1815"] {
        let header = format!("Authorization: Bearer {token}");
        let with = |method| ask(&agent, ECHO, "/x", &["-X", method, "-H", &header]);
        assert_eq!(with("GET").status, 200, "{token}");
        assert_eq!(with("POST").status, 200, "{token}");
        assert_eq!(code(&with("PUT")), "outside_purpose", "{token}");
    }
    stage.holdpoint.json(&["secrets", "remove", "login", "--json"]);
    stage.holdpoint.json(&["hosts", "add", ECHO, "--speaks", "rest", "--json"]);
    for token in ["token-by-secret-1815", "token-by-code-1815"] {
        let answer = with_bearer(&agent, ECHO, "/x", token);
        assert_eq!(code(&answer), "foreign_credential", "{token}: {answer:?}");
    }
}
