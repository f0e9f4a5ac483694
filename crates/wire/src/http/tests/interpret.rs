//! What messages would do.

use holdpoint_core::{
    Code,
    Effect::{self, *},
};

use super::*;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];
const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];

/// `METHOD URL`, headers, body, and the strictest effect.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Effect);

const METHODS: &[Case<'_>] = &[
    ("GET https://api.example.com/items/5", &[], "", Observe),
    ("POST https://api.example.com/items", JSON, "{\"a\":1}", Create),
    ("DELETE https://api.example.com/items/5", &[], "", Remove),
    ("DELETE https://api.example.com/items/5/backups/1", &[], "", WeakenRecovery),
    ("GET https://api.example.com/items/5/delete", &[], "", Destroy),
    ("GET https://api.example.com/items?action=delete&id=5", &[], "", Destroy),
    ("GET https://api.example.com/items?q=1;ACTION=delete", &[], "", Destroy),
    ("POST https://api.example.com/items", FORM, "do=purge", Destroy),
    ("GET https://api.example.com/items?q=delete", &[], "", Observe),
    ("POST https://api.example.com/items", &[("X-HTTP-Method-Override", "DELETE")], "", Remove),
    ("POST https://api.example.com/items", &[("X-HTTP-Method", "delete")], "", Remove),
    ("POST https://api.example.com/items?_method=DELETE", &[], "", Remove),
    ("POST https://api.example.com/items", FORM, "a=1&_method=DELETE", Remove),
    ("POST https://api.example.com/items", JSON, "{\"_method\":\"DELETE\"}", Remove),
    ("DELETE https://api.example.com/items/5", &[("X-Method-Override", "GET")], "", Remove),
    ("GET https://api.example.com/items/5", &[("X-Method-Override", "DELETE")], "", Remove),
    ("POST https://api.example.com/admin/tokens", JSON, "{}", MintCredential),
    ("POST https://api.example.com/oauth/token", FORM, "grant_type=x", Create),
    ("PUT https://api.example.com/teams/5/members/7", JSON, "{}", GrantAccess),
    ("POST https://api.example.com/v1/database/query", JSON, "{\"query\":\"select 1\"}", Execute),
    ("POST https://api.example.com/run-report", JSON, "{\"sql\":\"DROP TABLE users\"}", Execute),
    ("POST https://api.example.com/search", JSON, "{\"query\":\"drop shipping\"}", Create),
    ("POST https://x.amazonaws.com/", &[("X-Amz-Target", "DynamoDB.DeleteTable")], "", Destroy),
    ("POST https://api.example.com/xml", &[("Content-Type", "text/xml")], "<methodCall/>", Execute),
    ("POST https://k8s.example.com/scheduler/send-availability", JSON, "{}", Create),
    ("POST https://registry.npmjs.org/-/npm/v1/security/audits", JSON, "{}", Observe),
    ("PUT https://registry.npmjs.org/@acme%2fleft-pad", JSON, "{}", Execute),
    ("GET https://registry.npmjs.org/@types%2Fnode", &[], "", Observe),
    ("GET https://npm.example.com/@types%2Fnode", &[], "", Observe),
    ("GET https://npm.example.com/api/npm/local/@types%2fnode", &[], "", Observe),
    // A path that only reads at registries says nothing of servers that look at no path.
    (
        "POST https://api.example.com/-/npm/v1/security/audits/x",
        JSON,
        "{\"sql\":\"DROP TABLE users\"}",
        Execute,
    ),
    ("POST https://npm.example.com/@db%2fdelete", JSON, "{}", Destroy),
    ("GET https://registry.npmjs.org/graphql", &[], "", Observe),
    ("GET https://github.com/graphql/graphql-js", &[], "", Observe),
    ("PATCH https://api.github.com/repos/a/b", JSON, "{\"private\":false}", GrantAccess),
    ("PATCH https://api.github.com/repos/a/b", JSON, "{\"has_wiki\":false}", Modify),
    ("PUT https://gitlab.com/api/v4/projects/a%2Fb/merge_requests/1/merge", JSON, "{}", Execute),
    ("POST https://git.example.com/a/b.git/git-upload-pack", &[], "x", Observe),
];

fn check(cases: &[Case<'_>]) {
    for (line, headers, body, expect) in cases {
        assert_eq!(effect(line, headers, body), *expect, "{line} {headers:?} {body}");
    }
}

#[test]
fn methods_paths_and_overrides() {
    check(METHODS);
}

#[test]
fn json_rpc() {
    let check = |url: &str, body: &str, expect: Effect| {
        assert_eq!(effect(&format!("POST {url}"), JSON, body), expect, "{url} {body}");
    };
    let url = "https://api.example.com/rpc";
    check(url, r#"{"jsonrpc":"2.0","id":1,"method":"getUser"}"#, Observe);
    check(url, r#"{"jsonrpc":"2.0","method":"getUser"}"#, Observe);
    check(url, r#"{"jsonrpc":"2.0","id":1,"method":"frobnicate"}"#, Execute);
    check(url, r#"{"jsonrpc":"2.0","id":1,"method":"users.delete"}"#, Destroy);
    check(
        url,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_volume"}}"#,
        Destroy,
    );
    check(
        url,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_x"}}"#,
        Execute,
    );
    check(
        url,
        r#"[{"jsonrpc":"2.0","id":1,"method":"getUser"},{"jsonrpc":"2.0","method":"deleteUser"}]"#,
        Destroy,
    );
    // Elsewhere a server may not know that this is JSON-RPC.
    check("https://api.example.com/items", r#"{"jsonrpc":"2.0","method":"getUser"}"#, Create);
    check(
        "https://api.example.com/items/5/delete",
        r#"{"jsonrpc":"2.0","method":"getUser"}"#,
        Destroy,
    );
    check("https://api.example.com/purge/rpc", r#"{"jsonrpc":"2.0","method":"getUser"}"#, Destroy);
}

#[test]
fn names_and_resources() {
    let check = |line: &str, name: &str, known: bool, resource: &str, within: &[&str]| {
        let found = operations(line, &[], "").unwrap();
        let [one] = found.as_slice() else { panic!("{line}: {found:?}") };
        assert_eq!((one.name.as_str(), one.known), (name, known), "{line}");
        assert_eq!(one.resource.id.as_str(), resource, "{line}");
        let above: Vec<&str> = one.resource.within.iter().map(|id| id.as_str()).collect();
        assert_eq!(above, within, "{line}");
    };
    let api = "rest:api.example.com";
    check(
        "DELETE https://api.example.com/items/5",
        "rest:DELETE",
        false,
        "rest:api.example.com/items/5",
        &["rest:api.example.com/items", api],
    );
    // The same aim by another road is the same resource.
    check(
        "POST https://api.example.com/items/5/delete",
        "rest:POST",
        false,
        "rest:api.example.com/items/5",
        &["rest:api.example.com/items", api],
    );
    check("GET https://api.example.com", "rest:GET", false, api, &[]);
    check("GET https://api.example.com:8443/", "rest:GET", false, "rest:api.example.com:8443", &[]);
    check(
        "PUT https://registry.npmjs.org/left-pad",
        "npm:publish",
        true,
        "rest:registry.npmjs.org/left-pad",
        &["rest:registry.npmjs.org"],
    );
    check(
        "PUT https://api.github.com/repos/a/b/pulls/7/merge",
        "github:merge",
        true,
        "rest:api.github.com/repos/a/b/pulls/7/merge",
        &[
            "rest:api.github.com/repos/a/b/pulls/7",
            "rest:api.github.com/repos/a/b/pulls",
            "rest:api.github.com/repos/a/b",
            "rest:api.github.com/repos/a",
            "rest:api.github.com/repos",
            "rest:api.github.com",
        ],
    );
}

#[test]
fn what_is_read_in_two_ways_is_refused() {
    let check = |line: &str, headers: &[(&str, &str)], body: &str, why: &str| match operations(
        line, headers, body,
    ) {
        Ok(found) => panic!("{line} {body}: {found:?}"),
        Err(unreadable) => {
            assert!(unreadable.text.contains(why), "{line}: {}", unreadable.text);
            assert_eq!(unreadable.code, Code::Unparsed);
        }
    };
    let path = |path: &str, why: &str| {
        check(&format!("GET https://api.example.com{path}"), &[], "", why);
    };
    path("/a//b", "empty segment");
    path("//", "empty segment");
    path("/a/../b", "resolved path");
    path("/a/%2e%2e/b", "resolved path");
    path("/a/.", "resolved path");
    path("/a%2fb", "encoded slash");
    path("/@a%2fb%2fc", "encoded slash");
    path("/@a%2f..", "encoded slash");
    path("/@a%2f", "encoded slash");
    path("/a%5cb", "encoded backslash");
    path("/a%00b", "control character");
    path("/a%0d%0ab", "control character");
    path("/a;x=1/b", "parameters");
    path("/a%252fb", "encoded twice");
    path("/a%zz", "begins no escape");
    path("/a%", "begins no escape");
    path("/a%ff", "UTF-8");
    check("GET https://registry.npmjs.org/a%2f..%2fb", &[], "", "encoded slash");
    let post = "POST https://api.example.com/items";
    check(post, JSON, r#"{"a":1,"a":2}"#, "JSON");
    check(post, JSON, r#"{"a":{"b":1,"b":2}}"#, "JSON");
    check(post, JSON, "{} {}", "JSON");
    check(post, JSON, "{\"a\":NaN}", "JSON");
    check(post, &[("Content-Type", "text/plain")], r#"{"a":1,"a":2}"#, "JSON");
    check(post, &[], r#"{"a":1,"a":2}"#, "JSON");
    check(post, &[JSON[0], ("Content-Encoding", "gzip")], "{}", "not gzip");
    check(post, &[("Content-Type", "application/json; charset=utf-16")], "{}", "UTF-8");
    let two = "application/json; charset=utf-8; charset=utf-16";
    check(post, &[("Content-Type", two)], "{}", "UTF-8");
    let two = &[("X-HTTP-Method", "PUT"), ("X-Method-Override", "DELETE")];
    check(post, two, "", "several methods");
    check(post, &[("X-Original-URL", "/admin/delete")], "", "another path");
    check(post, FORM, "a=%zz", "hexadecimal");
    check("GET https://api.example.com/?q=100%", &[], "", "hexadecimal");
    let delete = "PATCH https://api.github.com/repos/a/b";
    check(delete, JSON, r#"{"Private":false}"#, "some servers");
    check(delete, FORM, "private=true&private[]=false", "several values");
    check(
        "POST https://api.example.com/rpc",
        JSON,
        r#"{"jsonrpc":"2.0","Method":"a"}"#,
        "some servers",
    );
}

/// The fields of a multipart form say as much as those of any other, however their names are
/// written; its files say nothing.
#[test]
fn fields_of_an_upload_count_and_its_files_do_not() {
    let check = |name: &str, value: &str, expect: Effect| {
        let headers = &[("Content-Type", "multipart/form-data; boundary=x")];
        let body = format!("--x\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n--x--");
        assert_eq!(effect("POST https://api.example.com/items", headers, &body), expect, "{body}");
    };
    for name in [
        "name=\"_method\"",
        "name=_method",
        "name = '_METHOD'",
        "name*=utf-8''%5Fmethod",
        "name=\"\\_method\"",
        "name=\"_method\"; filename=\"m\"",
        "name=\"_method[]\"",
    ] {
        check(name, "DELETE", Remove);
    }
    check("name=\"action\"", "delete", Destroy);
    check("name=\"title\"", "delete", Create);
    check("name=\"file\"; filename=\"action\"", "DELETE / HTTP/1.1", Create);
    let headers = &[("Content-Type", "multipart/form-data; boundary=x")];
    let document = "--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n{\"query\":\"mutation { deleteIt }\"}\r\n--x--";
    let found = operations("POST https://api.example.com/items", headers, document);
    assert!(found.unwrap_err().text.contains("GraphQL"));
}

#[test]
fn names_of_headers_are_variables_to_some_servers() {
    for name in ["X_HTTP_Method_Override", "x-http_method-override", "X.HTTP.Method"] {
        assert_eq!(effect("POST https://api.example.com/items/5", &[(name, "DELETE")], ""), Remove);
    }
    let found = operations("GET https://a.example/", &[("X_Original_URL", "/b")], "");
    assert!(found.unwrap_err().text.contains("another path"));
}

#[test]
fn compatible_letters_are_plain_ones() {
    let path = |path: &str| operations(&format!("POST https://api.example.com{path}"), &[], "");
    assert_eq!(path("/items/5/%EF%BD%84elete"), path("/items/5/delete"));
    assert!(path("/a/%EF%BC%8E%EF%BC%8E/b").unwrap_err().text.contains("resolved path"));
    assert!(path("/a%EF%BC%8Fb").unwrap_err().text.contains("encoded slash"));
}

#[test]
fn a_body_that_nobody_expects_is_not_another_request() {
    let check = |method: &str, body: &str, expect: bool| {
        let found = operations(&format!("{method} https://a.example/x"), &[], body);
        assert_eq!(found.is_ok(), expect, "{method} {body:?}: {found:?}");
    };
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        check(method, "DELETE /x HTTP/1.1\r\nHost: a.example\r\n\r\n", false);
        check(method, "\r\n post\t http://a.example/x HTTP/1.1", false);
        check(method, "OPTIONS * HTTP/1.1", false);
        check(method, r#"{"query":"DELETE /x HTTP/1.1"}"#, true);
        check(method, "DELETE it", true);
        check(method, "", true);
    }
    check("POST", "DELETE /x HTTP/1.1", true);
}

#[test]
fn long_bodies_pass_only_where_method_and_path_say_it_all() {
    let check = |line: &str, expect: Result<Effect, Code>| {
        let raw = RawMessage { body: Body::Prefix("{\"model\":".into()), ..raw(line, JSON, "") };
        let found = read(&Message::try_from(raw).unwrap(), &Fixture);
        let found = found.map(|found| found[0].effect).map_err(|unreadable| unreadable.code);
        assert_eq!(found, expect, "{line}");
    };
    check("POST https://api.anthropic.com/v1/messages", Ok(Create));
    check("POST https://git.example.com/a.git/git-upload-pack", Ok(Observe));
    check("POST https://git.example.com/a.git/git-receive-pack", Err(Code::Unparsed));
    check("POST https://api.anthropic.com/v1/unheard-of", Err(Code::OverLimit));
    check("POST https://api.github.com/repos/a/b/issues", Err(Code::OverLimit));
    check("PATCH https://api.github.com/repos/a/b", Err(Code::OverLimit));
    check("POST https://api.example.com/items", Err(Code::OverLimit));
    check("POST https://api.anthropic.com/v1/messages?_method=DELETE", Err(Code::OverLimit));
}

#[test]
fn prompts_are_not_instructions() {
    let body = r#"{"model":"m","query":"mutation { volumeDelete(volumeId: \"1\") }","model":"n"}"#;
    assert_eq!(effect("POST https://api.anthropic.com/v1/messages", JSON, body), Create);
}

#[test]
fn graphql_is_found_wherever_it_is() {
    let check = |line: &str, headers: &[(&str, &str)], body: &str, expect: bool| {
        let found = operations(line, headers, body)
            .is_ok_and(|found| found.iter().any(|one| !one.name.contains("rest:") && !one.known));
        assert_eq!(found, expect, "{line} {body}");
    };
    let query = r#"{"query":"mutation { deleteIt(id: 1) }"}"#;
    check("POST https://graphql.example.com/anything", JSON, query, true);
    check("POST https://backboard.railway.app/graphql/v2", JSON, query, true);
    check("POST https://api.github.com/graphql", JSON, query, true);
    check("POST https://unlisted.example/api/GQL", JSON, query, true);
    check("POST https://api.example.com/api", JSON, query, true);
    check("POST https://api.example.com/api", JSON, &format!("[{query}]"), true);
    check("POST https://api.example.com/api", FORM, "query=mutation+%7B+deleteIt+%7D", true);
    check("GET https://api.example.com/api?query=mutation%7BdeleteIt%7D", &[], "", true);
    check(
        "POST https://api.example.com/api",
        &[("Content-Type", "application/graphql")],
        "{ a }",
        true,
    );
    check("POST https://api.example.com/graphql/v1/x", JSON, query, true);
    check("GET https://api.example.com/graphql", &[], "", false);
    check(
        "POST https://api.example.com/api",
        JSON,
        r#"{"query":"mutations in {genes} of mice"}"#,
        false,
    );
    check("POST https://api.example.com/search", JSON, r#"{"query":"volumes"}"#, false);
    check("POST https://api.example.com/api", JSON, r#"{"Query":"mutation { a }"}"#, false);
    let padded = format!("{{\"query\":\"{{ {}}}\"}}", "a ".repeat(60_000));
    assert!(operations("POST https://api.example.com/api", JSON, &padded).is_err());
    check("GET https://api.example.com/loki?query=%7Bapp%3D%22x%22%7D", &[], "", false);
}
