//! `npm login` inside, by npm itself: the human finishes it in a browser, the token is npm's own file's
//! as a phantom, and what npm does with it works.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use e2e::{enclosed::Enclosed, far_ends::lead, json_host::JsonHost};
use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const REGISTRY: &str = "registry.npmjs.org";
const REAL: &str = concat!("npm_", "q7Rm2Xw9Z4bNc6LpYd8HsJfGaEkT3vQu1K5o");

/// What the registry says of its web login and of who asks: not done at first, as the human is slow.
fn registry() -> Arc<e2e::json_host::Answers> {
    let asked = AtomicUsize::new(0);
    Arc::new(move |head: &Parts, _: &[u8]| -> (StatusCode, Value) {
        let bearer = head.headers.get("authorization").and_then(|it| it.to_str().ok());
        let done = format!("https://{REGISTRY}/-/v1/done?sessionId=1");
        match head.uri.path() {
            "/-/v1/login" => (
                StatusCode::OK,
                json!({"loginUrl": format!("https://{REGISTRY}/login/1"), "doneUrl": done}),
            ),
            "/-/v1/done" if asked.fetch_add(1, Ordering::Relaxed) == 0 => {
                (StatusCode::ACCEPTED, json!({}))
            }
            "/-/v1/done" => (StatusCode::OK, json!({ "token": REAL })),
            "/-/whoami" if bearer == Some(&format!("Bearer {REAL}")) => {
                (StatusCode::OK, json!({ "username": "ada" }))
            }
            _ => (StatusCode::UNAUTHORIZED, json!({ "error": "who are you" })),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_logs_in_inside_and_has_a_phantom() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let host = JsonHost::start(&[REGISTRY], registry()).await;
        lead(&place, &[(&[REGISTRY], host.addr(), host.ca_pem())]);
        let called = place.script("npm login 2>&1; npm whoami 2>&1; cat ~/.npmrc");
        assert!(called.stdout.contains("/login/1"), "{who}: the human is told where: {called:?}");
        assert!(called.stdout.lines().any(|line| line == "ada"), "{who}: {called:?}");
        assert!(called.stdout.contains(":_authToken=npm_"), "{who}: {called:?}");
        assert!(!called.stdout.contains(REAL), "{who}: {called:?}");
    }
}
