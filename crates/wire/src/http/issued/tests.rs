//! What answers give out, and what they only seem to.

use holdpoint_core::Timestamp;
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::{
    Depth, Kind, Lifetime, asks_for_tokens, code,
    cookie::{is_same_site, path_matches},
    field, links, realms, redirect, set_cookie, tokens,
};
use crate::http::{
    message::{Body, Message},
    parse::{Address, RawMessage},
};

/// 2026-11-20T14:00:00Z.
const NOW: Timestamp = Timestamp(1_795_183_200_000);

fn message(method: &str, url: &str, media: &str, body: &str) -> Message {
    let raw = RawMessage {
        headers: vec![("content-type".to_owned(), media.to_owned().into())],
        body: Body::Whole(body.to_owned().into()),
        ..RawMessage::new(method, Address::Url(url.to_owned()))
    };
    Message::try_from(raw).unwrap()
}

#[test]
fn a_host_sets_cookies_for_itself_and_its_own_domain() {
    let check = |host: &str, domain: &str, expect: Option<Option<&str>>| {
        let header = format!("a=b; Domain={domain}");
        let found = set_cookie(host, "/", header.as_bytes(), NOW).map(|cookie| cookie.domain);
        assert_eq!(found, expect.map(|domain| domain.map(str::to_owned)), "{host} {domain}");
    };
    check("app.example.com", "", Some(None));
    check("app.example.com", "app.example.com", Some(None));
    check("app.example.com", ".Example.COM", Some(Some("example.com")));
    check("a.b.example.co.uk", "b.example.co.uk", Some(Some("b.example.co.uk")));
    check("a.b.example.co.uk", "co.uk", None);
    check("ada.github.io", "github.io", None);
    check("app.example.com", "com", None);
    check("app.example.com", "other.com", None);
    check("app.example.com", "pp.example.com", None);
    check("example.com", "app.example.com", None);
    check("127.0.0.1", "0.0.1", None);
    check("localhost", "localhost", Some(None));
}

#[test]
fn the_attributes_of_a_cookie_say_where_and_how_long() {
    let check = |header: &str, expect: (&str, bool, Lifetime)| {
        let cookie = set_cookie("a.example.com", "/login/form", header.as_bytes(), NOW).unwrap();
        assert_eq!((cookie.path.as_str(), cookie.secure, cookie.lifetime), expect, "{header}");
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("a", "b"), "{header}");
    };
    use Lifetime::{Ended, Run, Seconds};
    check("a=b", ("/login", false, Run));
    check(" a = b ; PATH=/x; secure; HttpOnly; SameSite=Lax", ("/x", true, Run));
    check("a=b; path=x", ("/login", false, Run));
    check("a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ("/login", false, Seconds(60)));
    check("a=b; Max-Age=0", ("/login", false, Ended));
    check("a=b; max-age=-5", ("/login", false, Ended));
    check("a=b; Max-Age=x", ("/login", false, Run));
    check("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ("/login", false, Ended));
    check("a=b; Expires=Fri, 20 Nov 2026 14:01:00 GMT", ("/login", false, Seconds(60)));
    check("a=b; expires=Friday, 20-Nov-26 14:01:00 GMT", ("/login", false, Seconds(60)));
    check("a=b; Expires=Sat Nov 21 14:00:00 2026", ("/login", false, Seconds(86_400)));
    check("a=b; Expires=Mon, 29 Feb 2028 14:00:00 GMT", ("/login", false, Seconds(466 * 86_400)));
    check("a=b; Expires=tomorrow", ("/login", false, Run));
    for none in ["", "a", "=", "; a=b"] {
        assert_eq!(set_cookie("a.example.com", "/", none.as_bytes(), NOW), None, "{none}");
    }
}

#[test]
fn a_cookie_goes_below_its_path() {
    for (own, path, expect) in [
        ("/", "/a", true),
        ("/a", "/a", true),
        ("/a", "/a/b", true),
        ("/a/", "/a/b", true),
        ("/a", "/ab", false),
        ("/a/", "/a", false),
    ] {
        assert_eq!(path_matches(own, path), expect, "{own} {path}");
    }
}

#[test]
fn a_site_is_a_registrable_domain() {
    for (one, other, expect) in [
        ("a.example.com", "b.example.com", true),
        ("example.com", "b.example.com", true),
        ("a.github.io", "b.github.io", false),
        ("a.co.uk", "b.co.uk", false),
        ("localhost", "localhost", true),
        ("10.0.0.1", "9.0.0.1", false),
    ] {
        assert_eq!(is_same_site(one, other), expect, "{one} {other}");
    }
}

#[test]
fn a_challenge_names_where_tokens_come_from() {
    let check = |value: &str, expect: Option<(&str, u16, &str)>| {
        let found = realms(std::iter::once(value.as_bytes()));
        let found = found.first().map(|it| (it.host.as_str(), it.port, it.path.as_str()));
        assert_eq!(found, expect, "{value}");
    };
    let docker = ("auth.docker.io", 443, "/token");
    check("Bearer realm=\"https://auth.docker.io/token\",service=\"x\"", Some(docker));
    check("bearer service=\"x\", realm=\"https://auth.docker.io/token\"", Some(docker));
    check("Bearer realm=https://auth.docker.io/token, scope=x", Some(docker));
    check("Bearer realm=\"https://r.example:8443/t?x=1\"", Some(("r.example", 8443, "/t")));
    check("Bearer realm=\"http://auth.docker.io/token\"", None);
    check("Bearer realm=\"a registry\"", None);
    check("Basic realm=\"https://auth.docker.io/token\"", None);
    check("Bearer xrealm=\"https://auth.docker.io/token\"", None);
}

#[test]
fn tokens_are_read_where_logins_put_them() {
    let check = |media: &str, body: &str, depth, expect: &[(&str, Kind, Option<u64>)]| {
        let found = tokens(media, body.as_bytes(), depth).unwrap();
        let found: Vec<_> =
            found.iter().map(|it| (it.value.expose_secret(), it.kind, it.lifetime)).collect();
        assert_eq!(found, expect, "{body}");
    };
    let json = "application/json; charset=utf-8";
    use Kind::{Access, Refresh};
    let oauth = r#"{"access_token":"a1","expires_in":60,"refresh_token":"r1","id_token":"i1"}"#;
    let all = [("a1", Access, Some(60)), ("r1", Refresh, None), ("i1", Access, Some(60))];
    check(json, oauth, Depth::Login, &all);
    let github = "access_token=a%2D1&scope=repo&refresh_token=r1&refresh_token_expires_in=9";
    let form = "application/x-www-form-urlencoded";
    check(form, github, Depth::Login, &[("a-1", Access, None), ("r1", Refresh, Some(9))]);
    check(json, r#"{"user":{"token":"t1"}}"#, Depth::Login, &[("t1", Access, None)]);
    check(json, r#"{"data":{"accessToken":"t1"}}"#, Depth::Login, &[("t1", Access, None)]);
    let content = r#"{"items":[{"token":"t1"}],"note":{"access_token":"t2"},"token":""}"#;
    check(json, content, Depth::Login, &[]);
    check(json, content, Depth::All, &[("t1", Access, None), ("t2", Access, None)]);
    check(json, r#"[{"access_token":"t1"}]"#, Depth::Login, &[]);
    assert!(tokens(json, br#"{"token":"a","token":"b"}"#, Depth::All).is_err());
    let many: Vec<String> = (0..21).map(|number| format!("{{\"token\":\"t{number}\"}}")).collect();
    assert!(tokens(json, format!("[{}]", many.join(",")).as_bytes(), Depth::All).is_err());
}

#[test]
fn only_a_login_is_asked_for_tokens() {
    let form = "application/x-www-form-urlencoded";
    let check = |method: &str, path: &str, body: &str, expect: bool| {
        let message = message(method, &format!("https://a.example{path}"), form, body);
        assert_eq!(asks_for_tokens(&message), expect, "{method} {path} {body}");
    };
    check("POST", "/oauth/token", "grant_type=x", true);
    check("POST", "/x", "grant_type=refresh_token", true);
    check("POST", "/api/v1/users/sign_in", "user=ada", true);
    check("PUT", "/sessions", "", true);
    check("GET", "/oauth/token", "", false);
    check("POST", "/documents", "a=b", false);
    check("POST", "/authors", "a=b", false);
    check("POST", "/login/graphql", "a=b", false);
    check("POST", "/auth", "query=mutation", false);
    let coded = message("POST", "https://a.example/token", form, "code=a%2Db&x=1");
    assert_eq!(field(&coded, "code").as_deref(), Some("a-b"));
}

#[test]
fn a_link_is_a_url_with_a_credential_in_it() {
    let asked = message("GET", "https://a.example/x", "", "");
    let check = |location: &str, expect: Option<(&str, &str, bool, u64)>| {
        let found = redirect(&asked, location.as_bytes());
        let found =
            found.as_ref().map(|it| (it.host.as_str(), it.target.as_str(), it.signed, it.lifetime));
        assert_eq!(found, expect, "{location}");
    };
    let signature = "X-Amz-Signature=0123456789abcdef";
    let target = format!("/b?X-Amz-Expires=60&{signature}");
    check(&format!("https://S3.example{target}#top"), Some(("s3.example", &target, true, 60)));
    check("/y?access_token=t1", Some(("a.example", "/y?access_token=t1", false, 86_400)));
    let blob = "/b?se=2026&sp=r&sig=0123456789abcdef";
    check(&format!("//blob.example{blob}"), Some(("blob.example", blob, true, 86_400)));
    for none in [
        "/y",
        "https://b.example/y?page=2",
        "https://u:p@b.example/?sig=0123456789abcdef",
        "ftp://b/?token=a",
        "y?token=a",
    ] {
        check(none, None);
    }
    assert_eq!(code(b"https://b.example/cb?state=x&code=a%2Db#c"), Some("a-b".to_owned()));
    assert_eq!(code(b"https://b.example/cb?error=x"), None);

    let posted = message("POST", "https://a.example/uploads", "", "");
    let answer = format!(
        r#"{{"urls":["https://s3.example/b?{signature}","https://b.example/?token=t1"],
            "own":{{"href":"https://a.example/?token=t2"}},"text":"no https://link?token=x"}}"#
    );
    let mut hosts: Vec<String> =
        links(&posted, answer.as_bytes()).into_iter().map(|it| it.host).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["a.example", "s3.example"]);
}

proptest! {
    #[test]
    fn no_bytes_make_reading_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let asked = message("POST", "https://a.example/token", "", "");
        if let Some(cookie) = set_cookie("a.b.example", "/", &bytes, NOW) {
            prop_assert!(cookie.domain.is_none_or(|domain| "a.b.example".ends_with(&domain)));
        }
        prop_assert!(realms(std::iter::once(bytes.as_slice())).len() <= 1);
        let found = redirect(&asked, &bytes);
        prop_assert!(found.is_none_or(|link| link.target.starts_with('/')));
        prop_assert!(tokens("application/json", &bytes, Depth::All).map_or(0, |it| it.len()) <= 20);
    }

    #[test]
    fn a_cookie_is_never_for_a_public_suffix(
        labels in proptest::collection::vec("[a-c]{1,2}|co|uk|com|github|io", 1..5),
        cut in 0_usize..5,
    ) {
        let host = labels.join(".");
        let domain = labels.iter().skip(cut).cloned().collect::<Vec<_>>().join(".");
        let header = format!("a=b; Domain={domain}");
        let cookie = set_cookie(&host, "/", header.as_bytes(), NOW);
        if let Some(wide) = cookie.and_then(|cookie| cookie.domain) {
            prop_assert!(psl::suffix_str(&wide) != Some(wide.as_str()), "{wide}");
        }
    }
}
