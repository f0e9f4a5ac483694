//! How long it takes to interpret GraphQL: a mutation within 15 us, 10 KiB within 300 us. The
//! second is missed: the parser by itself needs about 400 us for it.

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use holdpoint_wire::{
    Host, World,
    http::{Body, Message, Scheme, graphql::interpret},
};

/// A world that knows nothing.
struct Empty;

impl World for Empty {
    fn host(&self, _: &str, _: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}

fn post(query: &str, variables: &serde_json::Value) -> Message {
    let body = serde_json::json!({ "query": query, "variables": variables });
    Message {
        method: "POST".to_owned(),
        scheme: Scheme::Https,
        host: "backboard.railway.com".to_owned(),
        port: 443,
        target: "/graphql/v2".to_owned(),
        headers: vec![("content-type".to_owned(), Bytes::from_static(b"application/json"))],
        body: Body::Whole(Bytes::from(body.to_string())),
        coded: None,
    }
}

/// A query of about 10 KiB, as generated clients send them.
fn large_query() -> String {
    let field =
        |n: usize| format!("  service{n}: service(id: \"service-{n}\") {{ id name ...S }}\n");
    let fields: String = (0..90).map(field).collect();
    let nested = "    edges { node { id status createdAt meta { key value } } }\n".repeat(70);
    format!("query Large {{\n{fields}}}\nfragment S on Service {{\n{nested}}}\n")
}

fn interpreting(criterion: &mut Criterion) {
    let mutation = "mutation VolumeDelete($id: String!) { volumeDelete(volumeId: $id) }";
    let id = serde_json::json!({ "id": "3d2c42fb-1f4e-4a6b-9c1d-0123456789ab" });
    let large = large_query();
    assert!(large.len() >= 9 * 1024, "{}", large.len());
    for (name, message) in
        [("mutation", post(mutation, &id)), ("10 KiB", post(&large, &serde_json::json!({})))]
    {
        assert!(interpret(&message, Some("railway"), &Empty).is_ok(), "{name}");
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| interpret(black_box(&message), Some("railway"), &Empty));
        });
    }
}

criterion_group!(benches, interpreting);
criterion_main!(benches);
