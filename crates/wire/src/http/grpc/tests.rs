//! Calls, by their path, and what only looks like one.

use bytes::Bytes;
use holdpoint_core::Effect;
use proptest::prelude::*;

use super::*;
use crate::http::{
    interpret,
    tests::{Fixture, message},
};

const PLAIN: &str = "application/grpc+proto";
/// A message of no bytes.
const EMPTY: &[u8] = &[0; HEAD_BYTES];

/// What a call does: names and effects.
fn check(path: &str, media: &str, body: Body, expect: &[(&str, Effect)]) {
    let line = format!("POST https://api.example.com{path}");
    let mut call = message(&line, &[("content-type", media)], "");
    call.body = body;
    let operations = interpret(&call, &Fixture).unwrap();
    let said: Vec<(&str, Effect)> =
        operations.iter().map(|operation| (operation.name.as_str(), operation.effect)).collect();
    assert_eq!(said, expect, "{path}");
}

fn whole(bytes: &[u8]) -> Body {
    Body::Whole(Bytes::copy_from_slice(bytes))
}

#[test]
fn a_method_s_name_says_what_it_does() {
    let table = [
        ("/shop.v1.Orders/GetOrder", Effect::Observe),
        ("/shop.v1.Orders/ListOrders", Effect::Observe),
        ("/Orders/ListOrders", Effect::Observe),
        ("/grpc.health.v1.Health/Check", Effect::Observe),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Effect::Observe),
        ("/shop.v1.Orders/PlaceOrder", Effect::Execute),
        ("/shop.v1.Orders/CreateOrder", Effect::Execute),
        ("/shop.v1.Orders/DeleteOrder", Effect::Destroy),
        ("/shop.v1.Orders/GetAndDeleteOrder", Effect::Destroy),
        ("/shop.v1.Tokens/CreateToken", Effect::MintCredential),
        ("/other.health.v1.Health/Check", Effect::Execute),
    ];
    for (path, effect) in table {
        let name = format!("grpc:{}", path.trim_start_matches('/'));
        check(path, PLAIN, whole(EMPTY), &[(&name, effect)]);
        // What streams is judged by its path as well.
        check(path, PLAIN, Body::Prefix(Bytes::from_static(EMPTY)), &[(&name, effect)]);
        check(path, "application/grpc-web", whole(EMPTY), &[(&name, effect)]);
        check(path, "application/grpc-web-text", whole(b"AAAAAAA="), &[(&name, effect)]);
    }
}

#[test]
fn what_another_server_could_read_otherwise_does_both() {
    let read = ("grpc:shop.v1.Orders/GetOrder", Effect::Observe);
    let post = ("rest:POST", Effect::Create);
    let path = "/shop.v1.Orders/GetOrder";
    for body in [&b""[..], b"{\"a\":1}", b"a=1", &[2, 0, 0, 0, 0], &[0, 0, 0, 0, 9, 1]] {
        check(path, PLAIN, whole(body), &[post, read]);
    }
    check("/shop.v1.Orders/GetOrder?x=1", PLAIN, whole(EMPTY), &[post, read]);
    // Not a call's path, or not a call's type: no call at all.
    check("/v1/orders/get", PLAIN, whole(EMPTY), &[post]);
    check("/or-ders/GetOrder", PLAIN, whole(EMPTY), &[post]);
    check(path, "application/grpcx", whole(EMPTY), &[post]);
}

#[test]
fn a_stream_that_does_not_begin_like_one_is_refused() {
    let mut call = message("POST https://api.example.com/a.B/GetC", &[("content-type", PLAIN)], "");
    for begin in [&b""[..], b"{\"query\"", &[0, 0, 0]] {
        call.body = Body::Prefix(Bytes::copy_from_slice(begin));
        assert!(interpret(&call, &Fixture).is_err(), "{begin:?}");
    }
}

proptest! {
    /// What JSON or a form can be read from is never a call alone.
    #[test]
    fn no_text_is_framed(text in "[\\x09\\x0a\\x0d\\x20-\\x7e]{1,64}") {
        prop_assert!(!is_framed(Variant::Plain, &whole(text.as_bytes())));
    }

    /// Messages one after the other are framed, and stay so in whatever lengths they come.
    #[test]
    fn messages_are_framed(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5)) {
        let mut body = Vec::new();
        for message in &messages {
            body.push(0);
            body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            body.extend(message);
        }
        prop_assert!(is_framed(Variant::Web, &whole(&body)));
        prop_assert!(is_framed(Variant::WebText, &whole(STANDARD.encode(&body).as_bytes())));
        body.push(0);
        prop_assert!(!is_framed(Variant::Web, &whole(&body)));
    }
}
