//! The ways around a guard that are known for GraphQL over HTTP, each read or refused.

use bytes::Bytes;
use holdpoint_core::Digest;
use serde_json::json;

use super::{HOST, Persisted, check, interpret, json, message, over_limit, post, refused, shown};
use crate::http::{
    Body, Message,
    graphql::{BATCH_MAX, DOCUMENT_BYTES_MAX, ROOT_FIELDS_MAX},
};

const VOLUME: &str = "railway:volumeDelete destroy railway:volume/v";
const DOMAIN: &str = "railway:customDomainDelete remove railway:customDomain/d";
const DELETE: &str = r#"mutation { volumeDelete(volumeId: "v") }"#;

fn query(text: &str) -> Message {
    post(text, &json!({}))
}

fn form(target: &str, body: &str) -> Message {
    message("POST", target, "application/x-www-form-urlencoded", body.to_owned())
}

fn get(target: &str) -> Message {
    message("GET", target, "", "")
}

#[test]
fn spellings_inside_a_document_hide_nothing() {
    for text in [
        r#"mutation { ok: volumeDelete(volumeId: "v") }"#,
        r#"mutation { ...f } fragment f on Mutation { volumeDelete(volumeId: "v") }"#,
        r#"mutation { ...g } fragment f on Mutation { x: volumeDelete(volumeId: "v") }
           fragment g on Mutation { ...f ... { ...f } }"#,
        r#"mutation { ... on Mutation { ... { volumeDelete(volumeId: "v") } } }"#,
        r#"mutation @a { volumeDelete(volumeId: "v") @skip(if: true) }"#,
        r#"mutation($n: Boolean = false) { ... @include(if: $n) { volumeDelete(volumeId: "v") } }"#,
        "mutation{volumeDelete(volumeId:\"\\u0076\")}",
        "mutation{volumeDelete(volumeId:\"\\u{76}\")}",
        "mutation{volumeDelete(volumeId:\"\"\"v\"\"\")}",
        "\u{FEFF}#comment\nmutation#x\r{,,volumeDelete\t(volumeId#y\n:\"v\")}",
        r#"query safe { me { id } } mutation { volumeDelete(volumeId: "v") }"#,
    ] {
        let message = match text.starts_with("query safe") {
            true => query(&text.replace("mutation {", "mutation evil {")),
            false => query(text),
        };
        match text.starts_with("query safe") {
            true => refused(&message, "several operations"),
            false => check(&message, &[VOLUME]),
        }
    }
}

#[test]
fn the_operation_that_is_named_is_the_one_that_counts() {
    let document = r#"query safe { me { id } } mutation evil { volumeDelete(volumeId: "v") }"#;
    let named = |name: serde_json::Value| {
        json(json!({ "query": document, "operationName": name }).to_string())
    };
    check(&named(json!("evil")), &[VOLUME]);
    check(&named(json!("safe")), &["railway:me observe railway:user/me"]);
    refused(&named(json!("other")), "no operation called");
    refused(&named(json!("")), "no operation called");
    refused(&named(json!(null)), "several operations");
    refused(&named(json!(1)), "no string");
    refused(&query("query a { me { id } } mutation a { x }"), "two operations called");
    refused(&query("{ me { id } } { me { id } }"), "several operations");
}

#[test]
fn every_root_field_and_every_batched_document_counts() {
    let several = r#"mutation { a: volumeDelete(volumeId: "v") b: customDomainDelete(id: "d") }"#;
    check(&query(several), &[VOLUME, DOMAIN]);
    let batch = json!([
        { "query": "{ me { id } }" },
        { "query": DELETE },
        { "query": r#"mutation { customDomainDelete(id: "d") }"# },
    ]);
    check(&json(batch.to_string()), &["railway:me observe railway:user/me", VOLUME, DOMAIN]);
    refused(&json("[]"), "an object with `query`");
    refused(&json(r#"[[{"query":"{ me }"}]]"#), "an object with `query`");
    let one = json!({ "query": "{ me { id } }" });
    over_limit(&json(json!(vec![one; BATCH_MAX + 1]).to_string()));
    let fields = " me".repeat(ROOT_FIELDS_MAX + 1);
    over_limit(&query(&format!("{{ {fields} }}")));
}

#[test]
fn broken_documents_are_refused() {
    for (text, says) in [
        ("mutation { volumeDelete(volumeId: \"v\")", "cannot be read"),
        ("mutation { }", "cannot be read"),
        ("", "cannot be read"),
        ("   # nothing", "cannot be read"),
        ("mutation { volumeDelete(volumeId: \"\\ud800\") }", "cannot be read"),
        ("type Query { a: Int }", "defines types"),
        ("{ me { id } } type Query { a: Int }", "defines types"),
        ("fragment f on Mutation { x }", "no operation"),
        ("mutation { ...f }", "no fragment called"),
        ("{ me { ...f secretAccessKey } }", "no fragment called"),
        (
            "{ ...f } fragment f on Query { a { ...g } } fragment g on Q { ...f recoveryCodes }",
            "inside itself",
        ),
        ("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }", "inside itself"),
        ("{ me ...f } fragment f on Query { ...f }", "inside itself"),
        ("{ me { ...f } } fragment f on User { a { ...f } secretAccessKey }", "inside itself"),
        ("{ ...f } fragment f on Query { a } fragment f on Query { b }", "two fragments"),
        ("mutation { volumeDelete(volumeId: \"a\", volumeId: \"v\") }", "given twice"),
        ("mutation { variableDelete(input: {name: \"a\", name: \"b\"}) }", "given twice"),
        ("mutation($a: I, $a: I) { x }", "declared twice"),
        ("mutation { volumeDelete(volumeId: $v) }", "not declared"),
    ] {
        refused(&query(text), says);
    }
    over_limit(&query(&format!("{}{}", "{a".repeat(100_000), "}".repeat(100_000))));
    over_limit(&query(&"{a} ".repeat(DOCUMENT_BYTES_MAX / 4 + 1)));
    let wide = (0..300).map(|n| format!("fragment f{n} on A {{ a {{ ...f{} }} }}", n + 1));
    let wide: String = wide.collect();
    over_limit(&query(&format!(
        "{{ a {{ ...f0 }} }} {wide} fragment f300 on A {{ recoveryCodes }}"
    )));
}

#[test]
fn a_bomb_of_fragments_is_walked_once() {
    let bomb = (0..200).map(|n| {
        let next = n + 1;
        format!("fragment f{n} on Mutation {{ ...f{next} ...f{next} ...f{next} }} ")
    });
    let bomb: String = bomb.take(100).collect();
    let last = r#"fragment f100 on Mutation { volumeDelete(volumeId: "v") }"#;
    check(&query(&format!("mutation {{ ...f0 ...f0 }} {bomb} {last}")), &[VOLUME]);
}

#[test]
fn json_that_can_be_read_in_two_ways_is_refused() {
    for (body, says) in [
        (r#"{"query":"{ me { id } }","query":"mutation { x }"}"#, "twice"),
        (r#"{"query":"{ me { id } }","\u0071uery":"mutation { x }"}"#, "twice"),
        (r#"{"query":"{ me { id } }","Query":"mutation { x }"}"#, "some servers"),
        (r#"{"query":"{ me { id } }","variable\u017f":{}}"#, "some servers"),
        (r#"{"query":"{ me { id } }","operationname":"x"}"#, "some servers"),
        (r#"{"query":"{ me }","variables":{"a":{"b":1,"b":2}}}"#, "twice"),
        (r#"{"query":"{ me }"}{"query":"mutation { x }"}"#, "follows"),
        ("\u{FEFF}{\"query\":\"{ me }\"}", "byte order mark"),
        (r#"{"query":"{ me }","variables":{"a":NaN}}"#, "NaN"),
        (r#"{"query":["{ me }"]}"#, "no string"),
        (r#"{"query":"{ me }","variables":[]}"#, "no object"),
        (r#"{"query":"{ me }","variables":"[]"}"#, "no JSON object"),
        (r#"{"query":"{ me }","variables":"{\"a\":1,\"a\":2}"}"#, "twice"),
        (r#""{ me }""#, "an object"),
        ("{}", "no `query`"),
        (r#"{"query":null}"#, "no `query`"),
    ] {
        refused(&json(body.to_owned()), says);
    }
    let escaped = r#"{"\u0071uery":"mutation { volumeDelete(volumeId: \"\u0076\") }"}"#;
    check(&json(escaped), &[VOLUME]);
    let string = r#"{"query":"mutation($i: ID) { volumeDelete(volumeId: $i) }","variables":"{\"i\":\"v\"}"}"#;
    check(&json(string), &[VOLUME]);
}

#[test]
fn every_way_to_send_a_document_is_read_or_refused() {
    let encoded = "mutation%20%7B+volumeDelete%28volumeId%3A%20%22v%22%29%20%7D";
    check(&get(&format!("/graphql/v2?query={encoded}")), &[VOLUME]);
    check(&message("HEAD", &format!("/?query={encoded}"), "", ""), &[VOLUME]);
    check(&message("POST", &format!("/?query={encoded}"), "", ""), &[VOLUME]);
    check(
        &get("/?query=mutation($i:ID){volumeDelete(volumeId:$i)}&variables=%7B%22i%22:%22v%22%7D"),
        &[VOLUME],
    );
    check(&message("POST", "/", "application/graphql", DELETE), &[VOLUME]);
    check(
        &message(
            "POST",
            "/",
            "application/json; charset=\"UTF-8\"",
            json!({ "query": DELETE }).to_string(),
        ),
        &[VOLUME],
    );
    check(&form("/", &format!("query={encoded}")), &[VOLUME]);
    refused(&message("PUT", "/", "application/json", "{}"), "not sent with PUT");
    refused(&message("GET", "/?query={me}", "application/json", "{}"), "GET with a body");
    refused(&get("/graphql"), "no `query`");
    for (content_type, says) in [
        ("multipart/form-data; boundary=x", "cannot be judged"),
        ("text/plain", "cannot be judged"),
        ("application/json; charset=utf-16", "charset"),
        ("application/json; charset=utf-7", "charset"),
        ("application/json; charset=utf-8; charset=utf-16", "charset"),
        ("", "cannot be judged"),
    ] {
        refused(&message("POST", "/", content_type, json!({ "query": DELETE }).to_string()), says);
    }
}

#[test]
fn forms_that_can_be_read_in_two_ways_are_refused() {
    for (body, says) in [
        ("query={me}&query=mutation{x}", "twice"),
        ("query={me}&%71uery=mutation{x}", "twice"),
        ("query={me}&query[]=mutation{x}", "some servers"),
        ("query={me}&Query=mutation{x}", "some servers"),
        ("query={me};query=mutation{x}", "bare `;`"),
        ("query={me}&a=1;query=mutation{x}", "bare `;`"),
        ("query={me}&query%00=mutation{x}", "some servers"),
        ("query={me}&%20query=mutation{x}", "some servers"),
        ("query=%zz", "hexadecimal"),
        ("query=%", "hexadecimal"),
        ("query=%ff", "UTF-8"),
        ("a=1", "no `query`"),
    ] {
        refused(&form("/", body), says);
        refused(&get(&format!("/?{body}")), says);
    }
}

#[test]
fn a_query_string_beside_a_body_is_refused() {
    let body = json!({ "query": "{ me { id } }", "operationName": null }).to_string();
    for key in ["query=mutation{x}", "variables={}", "extensions={}", "documentId=1"] {
        let message = message("POST", &format!("/graphql?{key}"), "application/json", body.clone());
        refused(&message, "both carry");
    }
    let named = |name: &str| {
        let body =
            json!({ "query": format!("query {name} {{ me {{ id }} }}"), "operationName": name });
        message("POST", "/graphql?operationName=a", "application/json", body.to_string())
    };
    refused(&named("a"), "both carry");
    let body =
        json!({ "query": r#"query b { me { id } } mutation a { volumeDelete(volumeId: "v") }"# });
    let merged = message("POST", "/?operationName=a&q=1", "application/json", body.to_string());
    check(&merged, &[VOLUME]);
}

#[test]
fn persisted_documents_run_only_if_they_are_known() {
    let hash = Digest::of(DELETE.as_bytes()).to_string();
    let world = Persisted([(hash.clone(), DELETE.into())].into());
    let extensions = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    for body in [
        json!({ "extensions": extensions(&hash) }),
        json!({ "extensions": extensions(&hash.to_uppercase()) }),
        json!({ "extensions": extensions(&hash), "query": DELETE }),
        json!({ "documentId": hash }),
        json!({ "documentId": format!("sha256:{hash}") }),
        json!({ "id": hash }),
        json!({ "doc_id": hash }),
    ] {
        let operations = interpret(&json(body.to_string()), Some("railway"), &world);
        let operations = operations.expect("readable");
        assert_eq!(operations.iter().map(shown).collect::<Vec<_>>(), [VOLUME], "{body}");
    }
    for (body, says) in [
        (json!({ "extensions": extensions("00") }), "not known"),
        (json!({ "documentId": "volume-delete" }), "not known"),
        (json!({ "extensions": extensions(&hash), "query": "{ me { id } }" }), "not the one"),
        (json!({ "id": "x", "query": "{ me { id } }" }), "not the one"),
        (json!({ "id": hash, "documentId": hash }), "several ways"),
        (json!({ "extensions": { "persistedQuery": {} } }), "sha256Hash"),
        (json!({ "extensions": { "PersistedQuery": { "sha256Hash": hash } } }), "some servers"),
    ] {
        refused(&json(body.to_string()), says);
    }
}

#[test]
fn what_is_not_there_as_it_will_run_is_refused() {
    let mut compressed = query(DELETE);
    compressed.headers.push(("content-encoding".to_owned(), Bytes::from_static(b"gzip")));
    refused(&compressed, "not gzip");
    let mut socket = get("/?query={me}");
    socket.headers.push(("upgrade".to_owned(), Bytes::from_static(b"websocket")));
    refused(&socket, "WebSocket");
    let mut twice = query(DELETE);
    twice.headers.push(("content-type".to_owned(), Bytes::from_static(b"text/plain")));
    refused(&twice, "exactly one content-type");
    let mut prefix = query(DELETE);
    prefix.body = Body::Prefix(Bytes::from_static(b"{\"query\":\"{ me }\""));
    over_limit(&prefix);
    assert_eq!(query(DELETE).host, HOST);
}
