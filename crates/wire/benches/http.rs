//! How long a REST message takes from raw parts to operations, and to its credentials.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make undocumented functions; a bench may stop on a broken fixture"
)]

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use holdpoint_core::Message as _;
use holdpoint_wire::{
    Host, World,
    http::{Address, Body, Message, RawMessage, credentials, interpret},
};

struct Nowhere;

impl World for Nowhere {
    fn host(&self, _host: &str, _port: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        None
    }
}

fn raw(method: &str, url: &str, body: &'static str) -> RawMessage {
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer 7c1f9e52-4b0d-4e8a-9a36-d25b8f6c03e1"),
        ("accept", "*/*"),
        ("user-agent", "curl/8.5.0"),
    ];
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())))
        .collect();
    let body = Body::Whole(Bytes::from_static(body.as_bytes()));
    RawMessage { headers, body, ..RawMessage::new(method, Address::Url(url.to_owned())) }
}

fn http(c: &mut Criterion) {
    let unnamed = raw(
        "PATCH",
        "https://api.example.com/v1/projects/5/items/7?full=1",
        r#"{"name":"x","n":1}"#,
    );
    let named = raw("PUT", "https://api.github.com/repos/a/b/pulls/7/merge", "{}");
    for (name, raw) in [("unnamed", unnamed), ("named", named)] {
        c.bench_function(&format!("parse {name}"), |b| {
            b.iter(|| Message::try_from(black_box(raw.clone())).unwrap());
        });
        let message = Message::try_from(raw).unwrap();
        c.bench_function(&format!("interpret {name}"), |b| {
            b.iter(|| interpret(black_box(&message), &Nowhere).unwrap());
        });
        c.bench_function(&format!("digest {name}"), |b| b.iter(|| black_box(&message).digest()));
        c.bench_function(&format!("credentials {name}"), |b| {
            b.iter(|| credentials::find(black_box(&message)));
        });
    }
}

criterion_group!(benches, http);
criterion_main!(benches);
