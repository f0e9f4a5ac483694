//! Where credentials are found, and what is left alone when one is replaced.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::http::{Body, Message, tests::message};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const KEY: &str = "8f14e45fceea167a5a36dedd4bea2543";

/// Values in the order in which they are found.
fn values(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    find(&message(line, headers, body))
        .iter()
        .map(|used| String::from_utf8_lossy(used.value.expose_secret()).into_owned())
        .collect()
}

#[test]
fn every_position() {
    let line = "POST https://a.example/x";
    let check = |headers: &[(&str, &str)], body: &str, expect: &[&str]| {
        assert_eq!(values(line, headers, body), expect, "{headers:?} {body}");
    };
    check(&[("Authorization", "Bearer t1")], "", &["t1"]);
    check(&[("Authorization", "bearer   t1 ")], "", &["t1"]);
    check(&[("Authorization", "token t1")], "", &["t1"]);
    check(&[("Authorization", "t1")], "", &["t1"]);
    check(&[("Authorization", "Basic dXNlcjpwYTpzcw==")], "", &["user", "pa:ss"]);
    check(&[("Authorization", "Basic dXNlcjpwYTpzcw")], "", &["user", "pa:ss"]);
    check(&[("Authorization", "Basic !!!")], "", &["!!!"]);
    check(
        &[("Authorization", "Digest username=\"u\", response=\"r\"")],
        "",
        &["username=\"u\", response=\"r\""],
    );
    check(&[("Cookie", "a=1; session=abc;b=x=y")], "", &["1", "abc", "x=y"]);
    check(&[("Proxy-Authorization", "Bearer own")], "", &[]);
    for name in [
        "X-Api-Key",
        "Project-Access-Token",
        "Private-Token",
        "X-Auth-Token",
        "X-Admin-Secret",
        "api-key",
        "apikey",
        "X-Goog-Api-Key",
        "DD-APPLICATION-KEY",
        "X-Auth-Key",
    ] {
        check(&[(name, "v")], "", &["v"]);
    }
    for name in [
        "Idempotency-Key",
        "Sec-WebSocket-Key",
        "X-CSRF-Token",
        "X-Request-Id",
        "Kubectl-Session",
        "npm-session",
        "Content-Type",
        "User-Agent",
        "anthropic-version",
    ] {
        check(&[(name, "7c1f9e52-4b0d-4e8a-9a36-d25b8f6c03e1")], "", &[]);
    }
    check(
        &[("X-Anything", "ghp_0123456789abcdefABCDEF0123456789abcd")],
        "",
        &["ghp_0123456789abcdefABCDEF0123456789abcd"],
    );
    check(&[("X-Anything", "id AKIAIOSFODNN7EXAMPLE, x")], "", &["AKIAIOSFODNN7EXAMPLE"]);
    check(&[FORM], "grant_type=x&client_secret=s%2B1&password=p+q&client_id=c", &["s+1", "p q"]);
    check(&[JSON], r#"{"name":"n","refresh_token":"r\"1","n":{"password":"deep"}}"#, &["r\"1"]);
    check(&[JSON], r#"{"password":"a","password":"b"}"#, &["a", "b"]);
    check(&[JSON], r#"{"max_tokens":5,"page_token":"abc","token_type":"x"}"#, &[]);
}

#[test]
fn in_a_subprotocol() {
    let line = "GET https://a.example/x";
    let jwt = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl";
    let check = |offered: &str, expect: &[&str], replaced: &str| {
        let headers = [("Sec-WebSocket-Protocol", offered)];
        assert_eq!(values(line, &headers, ""), expect, "{offered}");
        let mut message = message(line, &headers, "");
        for used in find(&message).iter().rev() {
            substitute(&mut message, used, b"real-1").unwrap();
        }
        assert_eq!(message.header_text("sec-websocket-protocol"), Some(replaced));
    };
    check(
        "graphql-transport-ws, v4.channel.k8s.io",
        &[],
        "graphql-transport-ws, v4.channel.k8s.io",
    );
    check(jwt, &[jwt], "real-1");
    check(&format!("v1,{jwt}"), &[jwt], "v1,real-1");
    check(&format!("bearer.{jwt}, v1"), &[jwt], "bearer.real-1, v1");
    check(&format!("own.scheme.{jwt}"), &[jwt], "own.scheme.real-1");
    check(
        "realtime, openai-insecure-api-key.abc, openai-beta.v1",
        &["abc"],
        "realtime, openai-insecure-api-key.real-1, openai-beta.v1",
    );
    check(
        "base64url.bearer.authorization.k8s.io.dG9rZW4, v4.k8s.io",
        &["token"],
        "base64url.bearer.authorization.k8s.io.cmVhbC0x, v4.k8s.io",
    );
    check(
        "base64url.bearer.authorization.k8s.io.no=base64",
        &["no=base64"],
        "base64url.bearer.authorization.k8s.io.real-1",
    );
}

#[test]
fn in_the_url() {
    let check = |url: &str, expect: &[&str]| {
        assert_eq!(values(&format!("GET {url}"), &[], ""), expect, "{url}");
    };
    check("https://u:p%40ss@a.example/", &["u", "p@ss"]);
    check("https://token@a.example/", &["token"]);
    check("https://a.example/?access_token=a%2Bb&api_key=c&apikey=d&q=e", &["a+b", "c", "d"]);
    check(&format!("https://a.example/?key={KEY}"), &[KEY]);
    check("https://a.example/?key=PROJ-1&token_type=x&pageToken=abc", &[]);
    check("https://a.example/token?client_id=docker&offline_token=true&service=a", &[]);
    check("https://a.example/?offline_token=truer", &["truer"]);
    check("https://a.example/?client_secret=s&clientPassword=p", &["s", "p"]);
    check("https://a.example/?X-Amz-Credential=c&X-Amz-Signature=s&X-Amz-Date=d", &["c", "s"]);
    // The key id says whose it is; without one that is judged, the signature is.
    let told = |url: &str| {
        let found = find(&message(&format!("GET {url}"), &[], ""));
        let places = found.iter().filter(|used| used.told_by == ToldBy::Place);
        places.map(|used| used.position.name.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let (old, new) = (format!("Signature={KEY}"), format!("X-Amz-Signature={KEY}"));
    for (query, expect) in [
        (format!("X-Amz-Credential=c&{new}"), "x-amz-credential"),
        (format!("AWSAccessKeyId=AKIAPHANTOMPHANTOM12&{old}"), "awsaccesskeyid"),
        (format!("{old}&AWSAccessKeyId="), "signature"),
        (format!("{old}&awsaccesskeyid=c"), "signature"),
        (format!("X-Amz-Credential=&{new}"), "x-amz-signature"),
    ] {
        assert_eq!(told(&format!("https://a.example/?{query}")), [expect], "{query}");
    }
    check(
        "https://a.example/?x=ghp_0123456789abcdefABCDEF0123",
        &["ghp_0123456789abcdefABCDEF0123"],
    );
    for dash in ["-", "%2D", "%2d"] {
        let url = format!("https://a.example/u/glpat{dash}0123456789abcdefXYZ/x");
        check(&url, &["glpat-0123456789abcdefXYZ"]);
    }
}

#[test]
fn a_substitution_changes_nothing_else() {
    let real = "s3cr\"t/+&=é".as_bytes();
    let check =
        |line: &str, headers: &[(&str, &str)], body: &str, expect: (&str, &[&str], &str)| {
            let mut message = message(line, headers, body);
            for used in find(&message).iter().rev() {
                substitute(&mut message, used, real).unwrap();
            }
            let values: Vec<String> = message
                .headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .collect();
            assert_eq!(message.target, expect.0);
            assert_eq!(values, expect.1);
            assert_eq!(message.body, Body::Whole(expect.2.to_owned().into()));
        };
    let line = "POST https://a.example/x";
    check(
        line,
        &[("Authorization", "Bearer  ph "), ("X", "y")],
        "ph",
        ("/x", &["Bearer  s3cr\"t/+&=é ", "y"], "ph"),
    );
    check(line, &[("Cookie", "a=1; b=2")], "", ("/x", &["a=s3cr\"t/+&=é; b=s3cr\"t/+&=é"], ""));
    check(
        "GET https://a.example/x?b=1&token=ph&c=%20",
        &[],
        "",
        ("/x?b=1&token=s3cr%22t%2F%2B%26%3D%C3%A9&c=%20", &[], ""),
    );
    check(
        line,
        &[FORM, ("content-length", "15")],
        "a=b&password=ph",
        ("/x", &[FORM.1, "39"], "a=b&password=s3cr%22t%2F%2B%26%3D%C3%A9"),
    );
    check(
        line,
        &[JSON],
        "{ \"n\": 1.10, \"password\" : \"p\\u0068\", \"x\":1e2 }",
        ("/x", &[JSON.1], "{ \"n\": 1.10, \"password\" : \"s3cr\\\"t/+&=é\", \"x\":1e2 }"),
    );
    check(
        line,
        &[("Authorization", "Basic cGg6cGg=")],
        "",
        ("/x", &["Basic czNjciJ0LysmPcOpOnMzY3IidC8rJj3DqQ=="], ""),
    );
}

#[test]
fn both_halves_of_a_pair() {
    let mut message = message("GET https://ph1:ph2@a.example/", &[], "");
    for (used, real) in find(&message).iter().zip(["a-much-longer-user", "p"]) {
        substitute(&mut message, used, real.as_bytes()).unwrap();
    }
    let found: Vec<String> = find(&message)
        .iter()
        .map(|used| String::from_utf8_lossy(used.value.expose_secret()).into_owned())
        .collect();
    assert_eq!(found, ["a-much-longer-user", "p"]);
}

#[test]
fn what_moved_or_cannot_be_written_stays() {
    let mut message = message("GET https://a.example/?token=ph", &[("X-Api-Key", "ph")], "");
    let found = find(&message);
    let before = message.clone();
    assert_eq!(substitute(&mut message, &found[0], b"a\r\nb"), Err(SubstituteError::NotWritable));
    assert_eq!(message, before);
    substitute(&mut message, &found[0], b"longer").unwrap();
    assert_eq!(substitute(&mut message, &found[0], b"again"), Err(SubstituteError::Moved));
}

/// As curl writes `-F`.
fn upload(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--b--\r\n"
}

#[test]
fn in_an_upload() {
    let multipart = [("Content-Type", "Multipart/Form-Data; boundary=b")];
    let line = "POST https://a.example/x";
    let check = |body: &str, expect: &[&str]| {
        assert_eq!(values(line, &multipart, body), expect, "{body}");
    };
    check(
        &upload(&[("title", "a"), ("token", "t1"), ("client_secret", "s\r\n1")]),
        &["t1", "s\r\n1"],
    );
    check(&upload(&[("password", ""), ("page_token", "p"), ("key", "PROJ-1")]), &[]);
    check(&upload(&[("key", KEY)]), &[KEY]);
    check(
        &upload(&[("note", "ghp_0123456789abcdefABCDEF0123")]),
        &["ghp_0123456789abcdefABCDEF0123"],
    );
    check(&upload(&[("a\"; filename=\"f", "ghp_0123456789abcdefABCDEF0123")]), &[]);
    check(&upload(&[("token\"; filename=\"f", "t1")]), &["t1"]);
    // What is no text around it hides nothing, and the beginning of a long upload is searched.
    let mut sent = message(line, &multipart, "");
    let bytes = [b"--b\r\n\xff\r\n".as_slice(), upload(&[("token", "t1")]).as_bytes()].concat();
    sent.body = Body::Prefix(bytes.into());
    let found = find(&sent);
    assert!(found.len() == 1 && found[0].is(b"t1"), "{found:?}");
    assert_eq!(substitute(&mut sent, &found[0], b"real"), Err(SubstituteError::Upload));
}

#[test]
fn where_a_credential_stands() {
    let token = "ghp_0123456789abcdefABCDEF0123";
    let multipart = ("Content-Type", "multipart/form-data; boundary=b");
    let (json, field) = (format!("{{\"password\":\"{token}\"}}"), upload(&[("token", token)]));
    let (get, post) = ("GET https://a.example/", "POST https://a.example/");
    for (line, headers, body, expect) in [
        (get.to_owned(), vec![("Authorization", token)], "", Site::Header),
        (get.to_owned(), vec![("Cookie", "x-a-meta-b=1")], "", Site::Header),
        (get.to_owned(), vec![("X-Api-Key", token)], "", Site::Header),
        (get.to_owned(), vec![("X-Aws-Ec2-Metadata-Token", token)], "", Site::Header),
        (get.to_owned(), vec![("X-Note", token)], "", Site::Text),
        (get.to_owned(), vec![("X-Amz-Meta-Token", token)], "", Site::Content),
        (get.to_owned(), vec![("X-Goog-Meta-Api-Key", token)], "", Site::Content),
        (get.to_owned(), vec![("x-ms-meta-password", token)], "", Site::Content),
        (get.to_owned(), vec![("X-Object-Meta-Secret", token)], "", Site::Content),
        (get.to_owned(), vec![("x-bz-info-token", token)], "", Site::Content),
        (format!("{get}?Token={token}"), vec![], "", Site::Query("Token")),
        (format!("{get}?q={token}"), vec![], "", Site::Text),
        (format!("{get}{token}"), vec![], "", Site::Text),
        (post.to_owned(), vec![JSON], json.as_str(), Site::Body("password")),
        (post.to_owned(), vec![multipart], field.as_str(), Site::Content),
    ] {
        let found = find(&message(&line, &headers, body));
        assert_eq!(found.len(), 1, "{line} {headers:?} {found:?}");
        assert_eq!(found[0].site(), expect, "{line} {headers:?}");
    }
}

#[test]
fn debug_shows_no_credential() {
    let found = find(&message("GET https://a.example/", &[("X-Api-Key", KEY)], ""));
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains(KEY));
    assert_eq!(found[0].position.to_string(), "the header `x-api-key`");
}

#[test]
fn occurrences_see_through_writing() {
    let needle = "phantom/7c1f+9e52=4b0d";
    let check = |line: &str, headers: &[(&str, &str)], body: &str, expect: bool| {
        let found = occurrences(&message(line, headers, body), needle.as_bytes());
        assert_eq!(found, expect, "{line} {headers:?} {body}");
    };
    let line = "POST https://a.example/x";
    check(line, &[], "nothing", false);
    check(line, &[], &format!("in the {needle} middle"), true);
    check(line, &[("X-Note", needle)], "", true);
    check("GET https://a.example/?q=phantom%2F7c1f%2b9e52%3D4b0d", &[], "", true);
    check(line, &[JSON], r#"{"a":"phantom\/7c1f+9e52\u003d4b0d"}"#, true);
    check(line, &[], "7068616e746f6d2f376331662b396535323d34623064", true);
    check(line, &[], "7068616E746F6D2F376331662B396535323D34623064", true);
    check(line, &[("Authorization", "Basic dTpwaGFudG9tLzdjMWYrOWU1Mj00YjBk")], "", true);
    assert!(!occurrences(&message(line, &[], "x"), b""));
}

proptest! {
    #[test]
    fn base64_at_any_offset_is_seen(before in "[a-z ]{0,9}", after in "[a-z ]{0,9}") {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let text = format!("{before}phantom-7c1f9e524b0d{after}");
        let sent = message("POST https://a.example/x", &[], &STANDARD.encode(text));
        prop_assert!(occurrences(&sent, b"phantom-7c1f9e524b0d"));
    }

    #[test]
    fn what_is_substituted_is_found_again(real in "[ -~]{1,40}") {
        prop_assume!(real.trim() == real);
        let none: &[(&str, &str)] = &[];
        let (json, form) = (&[JSON][..], &[FORM][..]);
        let places = [
            ("GET https://a.example/?token=ph", none, ""),
            ("POST https://a.example/", json, r#"{"password":"ph"}"#),
            ("POST https://a.example/", form, "password=ph"),
            ("GET https://u:ph@a.example/", none, ""),
        ];
        for (line, headers, body) in places {
            let mut sent: Message = message(line, headers, body);
            let used = find(&sent).pop().unwrap();
            substitute(&mut sent, &used, real.as_bytes()).unwrap();
            let again = find(&sent).pop().unwrap();
            prop_assert_eq!(again.value.expose_secret(), real.as_bytes());
        }
    }
}
