//! What streams is judged by its beginning as it would be judged whole.

use bytes::Bytes;
use holdpoint_core::Code;
use proptest::prelude::*;

use super::{Fixture, message};
use crate::http::{Body, Message, bytes_to_judge, interpret};

const MOST: usize = 10 << 20;
const BEGINNING: usize = 64 * 1024;

#[test]
fn how_much_is_read_is_said_by_method_and_path() {
    let check = |line: &str, expect: usize| {
        assert_eq!(bytes_to_judge(&message(line, &[], ""), MOST), expect, "{line}");
        let little = bytes_to_judge(&message(line, &[], ""), 100);
        assert_eq!(little, 100, "never more than is read at all: {line}");
    };
    check("PATCH https://ghcr.io/v2/acme/shop/blobs/uploads/1", BEGINNING);
    check("PUT https://ghcr.io/v2/acme/shop/blobs/uploads/1?digest=sha256:0", BEGINNING);
    check("POST https://ghcr.io/v2/acme/shop/blobs/uploads", BEGINNING);
    check("POST https://git.example.com/a/b.git/git-upload-pack", BEGINNING);
    check("PUT https://ghcr.io/v2/acme/shop/manifests/1", MOST);
    check("POST https://git.example.com/a/b.git/git-receive-pack", MOST);
    check("PUT https://registry.npmjs.org/left-pad", MOST);
    check("POST https://api.openai.com/v1/chat/completions", MOST);
    check("PATCH https://api.example.com/v2/acme/shop/blobs/uploads/1", MOST);
    check("PATCH https://ghcr.io/v2/acme/shop/blobs/uploads/1?_method=DELETE", MOST);
}

#[test]
fn what_may_be_longer_than_is_read() {
    let check = |line: &str, media: &str, begin: &'static str, expect: bool| {
        let whole = message(line, &[("content-type", media)], "");
        let body = Body::Prefix(Bytes::from_static(begin.as_bytes()));
        let read = interpret(&Message { body, ..whole }, &Fixture);
        match read {
            Ok(_) => assert!(expect, "{line} {media}"),
            Err(refused) => {
                assert!(!expect, "{line} {media}: {refused}");
                assert_eq!(refused.code, Code::OverLimit);
            }
        }
    };
    let json = "application/json";
    for (line, expect) in [
        ("PATCH https://ghcr.io/v2/acme/shop/blobs/uploads/1", true),
        ("PUT https://registry.npmjs.org/left-pad", true),
        ("POST https://upload.pypi.org/legacy/", true),
        ("PUT https://crates.io/api/v1/crates/new", true),
        ("POST https://rubygems.org/api/v1/gems", true),
        ("PUT https://repo1.maven.org/maven2/a/b/1/b-1.jar", true),
        ("POST https://api.anthropic.com/v1/messages", true),
        ("POST https://generativelanguage.googleapis.com/v1/models/g:generateContent", true),
        ("POST https://hub.docker.com/v2/users/login", false),
        ("DELETE https://api.openai.com/v1/files/f-1", false),
        ("POST https://api.openai.com/v1/organization/invites", false),
        ("POST https://api.example.com/items", false),
    ] {
        check(line, json, "{\"a\":\"", expect);
    }
    let items = "PUT https://api.example.com/bucket/key";
    for (media, begin, expect) in [
        ("application/octet-stream", "ustar", true),
        ("application/octet-stream", " ", false),
        ("application/octet-stream", "{  \n", false),
        ("application/octet-stream", "{\"a", false),
        ("image/png", "\u{1}PNG", true),
        ("", "two words", true),
        ("text/plain", "one", false),
        ("application/xml", "<a>", false),
        ("multipart/form-data; boundary=x", "--x", false),
        ("application/vnd.api+json", "x y", false),
    ] {
        check(items, media, begin, expect);
    }
}

proptest! {
    /// Whatever follows a beginning that is enough, the whole means the same.
    #[test]
    fn the_rest_changes_nothing(
        media in prop::sample::select(vec![
            "", "text/plain", "application/octet-stream", "application/zip", "text/csv",
            "application/json", "application/x-www-form-urlencoded", "application/graphql",
            "application/x-ndjson", "text/xml", "multipart/form-data; boundary=x",
        ]),
        line in prop::sample::select(vec![
            "PUT https://api.example.com/bucket/key",
            "POST https://api.example.com/items",
            "PATCH https://ghcr.io/v2/a/b/blobs/uploads/1",
        ]),
        begin in "([ \n]{0,3}[\\[{<a=\"_]{0,3}[a-z \n=&\"]{0,10})",
        rest in "([ \n]{0,3}[a-z\"=&{}]{0,3}(query|_method=DELETE|\\{\"query\":\"mutation\\{a\\}\"\\})?)",
    ) {
        let with = |body: Body| {
            let head = message(line, &[("content-type", media)], "");
            interpret(&Message { body, ..head }, &Fixture)
        };
        if let Ok(streamed) = with(Body::Prefix(begin.clone().into())) {
            prop_assert_eq!(with(Body::Whole((begin + &rest).into())), Ok(streamed));
        }
    }
}
