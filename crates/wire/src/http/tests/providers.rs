//! Providers whose paths, queries and bodies say more than methods do; each with a look-alike.

use holdpoint_core::Effect::{self, *};

use super::{effect, operations};

/// `METHOD /path`, body, and the strictest effect.
type Case<'a> = (&'a str, &'a str, Effect);

fn check(host: &str, media: &str, cases: &[Case<'_>]) {
    for (line, body, expect) in cases {
        let (method, path) = line.split_once(' ').unwrap();
        let line = format!("{method} https://{host}{path}");
        let headers: &[_] = if body.is_empty() { &[] } else { &[("content-type", media)] };
        assert_eq!(effect(&line, headers, body), *expect, "{line} {body}");
    }
}

const ELASTICSEARCH: &[Case<'_>] = &[
    ("GET /_cat/indices?v", "", Observe),
    ("POST /logs/_search", "{\"query\":{\"match_all\":{}}}", Observe),
    ("POST /logs,metrics/_count", "{}", Observe),
    ("POST /_mget", "{\"docs\":[]}", Observe),
    ("DELETE /_search/scroll", "{\"scroll_id\":\"x\"}", Observe),
    ("POST /logs/_delete_by_query", "{\"query\":{\"match_all\":{}}}", Destroy),
    ("DELETE /logs", "", Destroy),
    ("DELETE /logs-*", "", Destroy),
    ("DELETE /_all", "", Destroy),
    ("DELETE /logs/_doc/5", "", Remove),
    ("PUT /logs", "{}", Create),
    ("POST /logs/_doc", "{\"text\":\"delete\"}", Create),
    ("PUT /logs/_doc/5?op_type=create", "{}", Create),
    ("PUT /logs/_doc/5", "{}", Modify),
    ("POST /logs/_close", "", Modify),
    ("DELETE /_snapshot/nightly/1", "", WeakenRecovery),
    ("PUT /_snapshot/nightly/1", "", Create),
    ("PUT /_ilm/policy/p", "{}", WeakenRecovery),
    ("GET /_ilm/policy/p", "", Observe),
    ("POST /_aliases", "{\"actions\":[{\"add\":{\"index\":\"a\",\"alias\":\"b\"}}]}", Modify),
    ("POST /_aliases", "{\"actions\":[{\"remove_index\":{\"index\":\"a\"}}]}", Destroy),
    ("POST /_security/api_key", "{}", MintCredential),
];

#[test]
fn elasticsearch() {
    check("search.example.com", "application/json", ELASTICSEARCH);
    let lines: &[Case<'_>] = &[
        ("POST /_bulk", "{\"index\":{}}\n{\"a\":\"delete\"}\n", Modify),
        ("POST /_bulk", "{\"index\":{}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"1\"}}\n", Destroy),
        ("PUT /logs/_bulk", "{\"Delete\":{\"_id\":\"1\"}}\n", Destroy),
        ("POST /_msearch", "{}\n{\"query\":{\"match_all\":{}}}\n", Observe),
    ];
    for media in
        ["application/x-ndjson", "application/vnd.elasticsearch+x-ndjson; compatible-with=9"]
    {
        check("search.example.com", media, lines);
    }
    // The same paths where nobody said that it is Elasticsearch.
    check(
        "api.example.com",
        "application/json",
        &[("POST /logs/_search", "{}", Create), ("DELETE /logs", "", Remove)],
    );
}

const KUBERNETES: &[Case<'_>] = &[
    ("GET /api/v1/namespaces/shop/pods", "", Observe),
    ("GET /api/v1/namespaces/shop/pods/delete", "", Observe),
    ("GET /api/v1/namespaces/shop/pods/web-1/log", "", Observe),
    ("DELETE /api/v1/namespaces/shop/pods/web-1", "", Remove),
    ("DELETE /api/v1/namespaces/shop/pods", "", Destroy),
    ("DELETE /apis/apps/v1/namespaces/shop/deployments/web", "", Remove),
    ("DELETE /apis/apps/v1/namespaces/shop/statefulsets/db", "", Destroy),
    ("DELETE /api/v1/namespaces/shop", "", Destroy),
    ("DELETE /api/v1/namespaces/shop/persistentvolumeclaims/data", "", Destroy),
    ("DELETE /api/v1/persistentvolumes/pv-1", "", Destroy),
    ("DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", "", Destroy),
    ("DELETE /apis/postgresql.cnpg.io/v1/namespaces/shop/clusters/db", "", Destroy),
    ("DELETE /api/v1/namespaces/shop?dryRun=All", "", Observe),
    ("DELETE /api/v1/namespaces/shop?dryRun=All&dryRun=", "", Destroy),
    ("POST /api/v1/namespaces/shop/pods/web-1/exec?command=ls&stdout=true", "", Execute),
    ("GET /api/v1/namespaces/shop/pods/web-1/exec?command=ls", "", Execute),
    ("POST /api/v1/namespaces/shop/pods/web-1/portforward", "", Execute),
    ("POST /api/v1/namespaces/shop/pods", "{}", Create),
    ("PATCH /apis/apps/v1/namespaces/shop/deployments/token-reset", "{}", Modify),
    ("PATCH /apis/apps/v1/namespaces/shop/deployments/web?dryRun=All", "{}", Observe),
    ("POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "{}", GrantAccess),
    ("POST /api/v1/namespaces/shop/serviceaccounts/ci/token", "{}", MintCredential),
    ("POST /api/v1/namespaces/shop/serviceaccounts/ci/token?dryRun=All", "{}", MintCredential),
    ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}", Observe),
    ("DELETE /apis/velero.io/v1/namespaces/velero/backups/b", "", WeakenRecovery),
    ("PATCH /api/v1/persistentvolumes/pv-1", "{}", WeakenRecovery),
    ("PUT /api/v1/namespaces/shop/finalize", "{}", Destroy),
];

#[test]
fn kubernetes() {
    check("cluster.example.com", "application/json", KUBERNETES);
    let shown = |path: &str| {
        let found = operations(&format!("GET https://cluster.example.com{path}"), &[], "").unwrap();
        found.iter().any(|operation| operation.reveals_secrets)
    };
    assert!(shown("/api/v1/namespaces/shop/secrets/db"));
    assert!(shown("/api/v1/secrets?limit=500"));
    assert!(!shown("/api/v1/namespaces/shop/configmaps/secrets"));
    assert!(!shown("/api/v1/namespaces/secrets/pods"));
    let found = operations("POST https://cluster.example.com/api/v1/namespaces/a/pods", &[], "");
    assert!(!found.unwrap()[0].known, "what a manifest does is not read");
}

const SUPABASE: &[Case<'_>] = &[
    ("DELETE /rest/v1/todos?id=eq.5", "", Remove),
    ("DELETE /rest/v1/todos?id=in.(5,6)", "", Remove),
    ("DELETE /rest/v1/todos", "", Destroy),
    ("DELETE /rest/v1/todos?select=id&limit=10", "", Destroy),
    ("DELETE /rest/v1/todos?id=neq.0", "", Destroy),
    ("PATCH /rest/v1/todos", "{\"done\":true}", Modify),
    ("GET /rest/v1/todos?select=*&done=is.false", "", Observe),
    ("POST /rest/v1/rpc/archive", "{}", Execute),
];

const SUBRESOURCES: &[Case<'_>] = &[
    ("POST /bucket?delete", "", Destroy),
    ("POST /bucket/key?uploads", "", Create),
    ("PUT /bucket?lifecycle", "", WeakenRecovery),
    ("PUT /bucket?versioning=", "", WeakenRecovery),
    ("PUT /bucket?policy", "", GrantAccess),
    ("GET /bucket?lifecycle", "", Observe),
    ("POST /items?delete=never", "", Create),
    ("POST /items?sql=on&name=lifecycle", "", Create),
];

const SQL: &[Case<'_>] = &[
    ("POST /v1/projects/x/database/query", "{\"query\":\"drop table a\"}", Execute),
    ("POST /v1/query", "{\"type\":\"run_sql\",\"args\":{\"sql\":\"select 1\"}}", Execute),
    ("POST /client/v4/accounts/a/d1/database/b/query", "{\"sql\":\"select 1\"}", Execute),
    ("POST /client/v4/accounts/a/d1/database/b/raw", "{\"sql\":\"select 1\"}", Execute),
    ("POST /sql", "{\"query\":\"select 1\"}", Execute),
    ("POST /articles", "{\"Query\":\"DELETE FROM users\"}", Execute),
    ("POST /articles", "{\"text\":\"how to drop tables\"}", Create),
];

#[test]
fn what_stands_in_queries_and_bodies() {
    check("abc.supabase.co", "application/json", SUPABASE);
    check("api.example.com", "application/json", SUBRESOURCES);
    check("api.example.com", "application/json", SQL);
}

/// A mutation of GitHub, its variables, and the effect.
const GITHUB: &[(&str, &str, Effect)] = &[
    ("createPullRequest", r#"{"repositoryId":"r"}"#, Create),
    ("addComment", r#"{"subjectId":"s","body":"delete it"}"#, Create),
    ("closeIssue", r#"{"issueId":"i"}"#, Modify),
    ("mergePullRequest", r#"{"pullRequestId":"p"}"#, Execute),
    ("addPullRequestReview", r#"{"pullRequestId":"p","event":"COMMENT"}"#, Create),
    ("addPullRequestReview", r#"{"pullRequestId":"p","event":"APPROVE"}"#, GrantAccess),
    ("createRepository", r#"{"name":"n","visibility":"PRIVATE"}"#, Create),
    ("createRepository", r#"{"name":"n","visibility":"PUBLIC"}"#, GrantAccess),
    ("updateRef", r#"{"refId":"r","oid":"o"}"#, Execute),
    ("updateRef", r#"{"refId":"r","oid":"o","force":true}"#, Destroy),
    ("deleteRef", r#"{"refId":"r"}"#, Remove),
    ("deleteIssue", r#"{"issueId":"i"}"#, Destroy),
    ("deleteBranchProtectionRule", r#"{"branchProtectionRuleId":"b"}"#, WeakenRecovery),
    ("somethingNew", "{}", Execute),
];

#[test]
fn github() {
    for (mutation, input, expect) in GITHUB {
        let query = format!("mutation($i: I!) {{ {mutation}(input: $i) {{ clientMutationId }} }}");
        let body = format!(r#"{{"query":"{query}","variables":{{"i":{input}}}}}"#);
        let headers = [("content-type", "application/json")];
        let found = effect("POST https://api.github.com/graphql", &headers, &body);
        assert_eq!(found, *expect, "{body}");
    }
}
