//! The tables, row by row where a row could be mistaken.

use holdpoint_core::Effect::{self, *};

use super::{When, generic, named};

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The first rule that fits a method and path, if a body has these fields.
fn first(
    provider: &str,
    method: &str,
    path: &str,
    body: &[(&str, &str)],
) -> Option<(String, Effect)> {
    let value = |name: &str| body.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    let segments = segments(path);
    named(Some(provider), method, &segments)
        .find(|(_, rule)| match rule.when {
            When::Always => true,
            When::Is(name, values) => value(name).is_some_and(|own| values.contains(&own)),
            When::Absent(name) => value(name).is_none(),
            When::Key(_) | When::Query(..) | When::Filtered => false,
        })
        .map(|(provider, rule)| (format!("{provider}:{}", rule.name), rule.effect))
}

/// Provider, `METHOD /path`, fields of the body, name and effect.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, Effect);

const ROWS: &[Row<'_>] = &[
    ("npm", "PUT /left-pad", &[], "npm:publish", Execute),
    ("npm", "PUT /@acme/left-pad", &[], "npm:publish", Execute),
    ("npm", "DELETE /left-pad/-rev/3-ab", &[], "npm:unpublish", Destroy),
    ("npm", "DELETE /@acme/left-pad/-/left-pad-1.0.0.tgz/-rev/3-ab", &[], "npm:unpublish", Destroy),
    ("npm", "PUT /left-pad/-rev/3-ab", &[], "npm:unpublish", Destroy),
    ("npm", "PUT /-/package/left-pad/dist-tags/latest", &[], "npm:dist_tag", Execute),
    ("npm", "POST /-/npm/v1/security/advisories/bulk", &[], "npm:audit", Observe),
    ("npm", "POST /-/npm/v1/security/audits/quick", &[], "npm:audit", Observe),
    ("npm", "GET /graphql", &[], "npm:read", Observe),
    ("pypi", "POST /legacy", &[], "pypi:publish", Execute),
    ("crates", "PUT /api/v1/crates/new", &[], "crates:publish", Execute),
    ("crates", "DELETE /api/v1/crates/serde/1.0.0/yank", &[], "crates:yank", Remove),
    ("crates", "PUT /api/v1/crates/serde/owners", &[], "crates:owner_change", GrantAccess),
    ("oci", "PUT /v2/acme/team/app/manifests/1.0", &[], "oci:publish", Execute),
    ("oci", "POST /v2/acme/app/blobs/uploads", &[], "oci:upload_start", Create),
    ("github", "PUT /repos/a/b/pulls/7/merge", &[], "github:merge", Execute),
    ("github", "PUT /Repos/a/b/pulls/7/MERGE", &[], "github:merge", Execute),
    ("github", "POST /repos/a/b/releases", &[], "github:release", Execute),
    ("github", "DELETE /repos/a/b", &[], "github:repository_delete", Destroy),
    ("github", "PATCH /repos/a/b", &[("private", "false")], "github:make_public", GrantAccess),
    ("github", "PATCH /repos/a/b", &[("has_wiki", "true")], "github:repository_change", Modify),
    ("github", "POST /repos/a/b/issues", &[], "github:issue_create", Create),
    ("github", "POST /repos/a/b/issues/1/comments", &[], "github:issue_create", Create),
    ("github", "PATCH /repos/a/b/pulls/3", &[], "github:pull_change", Modify),
    ("github", "POST /repos/a/b/pulls", &[], "github:pull_create", Create),
    ("github", "POST /repos/a/b/actions/workflows/ci.yml/dispatches", &[], "github:ci_run", Create),
    (
        "github",
        "PATCH /repos/a/b/git/refs/heads/x",
        &[("force", "true")],
        "github:ref_force_update",
        Destroy,
    ),
    ("github", "PATCH /repos/a/b/git/refs/heads/x", &[], "github:ref_update", Modify),
    ("github", "PATCH /repos/a/b/git/refs/heads/main", &[], "github:ref_update", Execute),
    ("github", "DELETE /repos/a/b/git/refs/heads/x", &[], "github:ref_delete", Remove),
    (
        "github",
        "PUT /repos/a/b/contents/x.md",
        &[("branch", "fix")],
        "github:contents_change",
        Modify,
    ),
    ("github", "PUT /repos/a/b/contents/x.md", &[], "github:contents_change", Execute),
    ("github", "PUT /repos/a/b/actions/secrets/KEY", &[], "github:secret_change", Modify),
    ("github", "PUT /repos/a/b/collaborators/eve", &[], "github:collaborator", GrantAccess),
    (
        "github",
        "DELETE /repos/a/b/branches/main/protection",
        &[],
        "github:branch_protection",
        WeakenRecovery,
    ),
    ("github", "POST /a/b.git/git-receive-pack", &[], "git:receive_pack", Execute),
    ("github", "POST /a/b.git/git-upload-pack", &[], "git:upload_pack", Observe),
    ("github", "GET /a/b.git/info/refs", &[], "git:info_refs", Observe),
    ("gitlab", "PUT /api/v4/projects/a%2Fb/merge_requests/3/merge", &[], "gitlab:merge", Execute),
    ("anthropic", "POST /v1/messages", &[], "model:messages", Create),
    ("anthropic", "POST /v1/messages/count_tokens", &[], "model:count_tokens", Observe),
    ("openai", "POST /v1/responses", &[], "model:responses", Create),
    ("openai", "DELETE /v1/files/file-1", &[], "model:file_delete", Destroy),
    ("openrouter", "POST /api/v1/chat/completions", &[], "model:chat_completions", Create),
    (
        "google_ai",
        "POST /v1beta/models/gemini-pro:generateContent",
        &[],
        "model:generate_content",
        Create,
    ),
    ("github", "PUT /repos/a/b/pulls/7/merge-async", &[], "github:merge", Execute),
    (
        "github",
        "POST /repos/a/b/pulls/7/reviews",
        &[("event", "APPROVE")],
        "github:pull_approve",
        GrantAccess,
    ),
    (
        "github",
        "POST /repos/a/b/pulls/7/reviews",
        &[("event", "COMMENT")],
        "github:pull_create",
        Create,
    ),
    (
        "github",
        "PUT /repos/a/b/branches/main/protection",
        &[],
        "github:branch_protection",
        WeakenRecovery,
    ),
    ("github", "POST /repos/a/b/transfer", &[], "github:transfer", GrantAccess),
    (
        "github",
        "PUT /orgs/o/actions/secrets/KEY/repositories",
        &[],
        "github:secret_access",
        GrantAccess,
    ),
    (
        "github",
        "PUT /repos/a/b/environments/production",
        &[],
        "github:environment_change",
        WeakenRecovery,
    ),
    ("github", "POST /repos/a/purge-cli/labels", &[], "github:label_create", Create),
    ("github", "DELETE /repos/a/b/issues/1/reactions/2", &[], "github:reaction_remove", Modify),
    ("github", "DELETE /repos/a/b/actions/caches", &[], "github:cache_delete", Modify),
    ("github", "DELETE /orgs/o/packages/npm/p", &[], "github:package_delete", Destroy),
    ("notion", "POST /v1/search", &[], "notion:search", Observe),
    ("notion", "POST /v1/databases/5/query", &[], "notion:query", Observe),
    ("notion", "POST /v1/pages", &[], "notion:create", Create),
    ("notion", "PATCH /v1/pages/5", &[("in_trash", "true")], "notion:trash", Remove),
    ("notion", "PATCH /v1/pages/5", &[], "notion:change", Modify),
    ("algolia", "POST /1/indexes/*/queries", &[], "algolia:query", Observe),
    ("algolia", "POST /1/indexes/products/clear", &[], "algolia:index_clear", Destroy),
    ("google", "POST /v1/projects/p/databases/d/documents:runQuery", &[], "google:query", Observe),
    ("google", "POST /v1/projects/p/databases/d/documents:commit", &[], "google:commit", Execute),
    ("google", "GET /v1/projects/p/secrets/s/versions/1:access", &[], "google:secret", Observe),
    ("supabase", "POST /rest/v1/rpc/drop_all", &[], "supabase:rpc", Execute),
    ("supabase", "GET /rest/v1/rpc/drop_all", &[], "supabase:read", Observe),
    ("supabase", "POST /rest/v1/orders", &[], "supabase:rows_upsert", Modify),
];

#[test]
fn tables_name_what_matters() {
    for (provider, line, body, name, effect) in ROWS {
        let (method, path) = line.split_once(' ').unwrap();
        let found = first(provider, method, path, body);
        assert_eq!(found, Some(((*name).to_owned(), *effect)), "{provider} {line}");
    }
}

#[test]
fn no_table_names_what_is_not_in_it() {
    let check = |provider: &str, method: &str, path: &str| {
        assert_eq!(first(provider, method, path, &[]), None, "{provider} {method} {path}");
    };
    check("github", "POST", "/graphql");
    check("railway", "GET", "/");
    check("unheard-of", "DELETE", "/repos/a/b");
}

#[test]
fn the_floor_is_raised_by_words_and_places() {
    let check = |line: &str, expect: Effect| {
        let (method, path) = line.split_once(' ').unwrap();
        assert_eq!(generic::effect(method, &segments(path)), expect, "{line}");
    };
    check("GET /items/5", Observe);
    check("HEAD /items/5", Observe);
    check("POST /items", Create);
    check("PUT /items/5", Modify);
    check("PATCH /items/5", Modify);
    check("DELETE /items/5", Remove);
    check("delete /items/5", Execute);
    check("PROPPATCH /items/5", Execute);
    check("GET /items/5/delete", Destroy);
    check("GET /items/5/Delete", Destroy);
    check("GET /docs/how-to-delete-items", Observe);
    check("GET /delete/items/5", Observe);
    check("POST /items/5/delete", Destroy);
    check("POST /deleteItem", Destroy);
    check("DELETE /volumes/5", Destroy);
    check("DELETE /projects/5/comments/7", Remove);
    check("DELETE /databases/5/backups/7", WeakenRecovery);
    check("PUT /databases/5/retention", WeakenRecovery);
    check("POST /databases/5/backups", Create);
    check("POST /admin/tokens", MintCredential);
    check("POST /v1/api_keys", MintCredential);
    check("POST /oauth/token", Create);
    check("POST /oauth/tokens", Create);
    check("POST /sessions", Create);
    check("DELETE /admin/tokens/3", Remove);
    check("PUT /projects/5/members/7", GrantAccess);
    check("POST /orgs/5/invitations", GrantAccess);
    check("POST /v1/projects/x/database/query", Execute);
    check("POST /client/v4/accounts/a/d1/database/b/raw", Execute);
    check("POST /pods/x/exec", Execute);
    check("GET /search/query", Observe);
    check("POST /users/_delete_by_query", Destroy);
    check("POST /v1/instances/5:delete", Destroy);
    check("POST /v1/keys/5:destroy", Destroy);
    check("POST /v1/accounts/5:wipeout", Destroy);
    check("POST /v1/things/5:undelete", Create);
    check("POST /v1/charges", Spend);
    check("POST /v1/payment_intents", Spend);
    check("POST /v1/payment_intents/pi_1/confirm", Spend);
    check("POST /v1/invoices/in_1/pay", Spend);
    check("POST /v1/invoices", Create);
    check("POST /api/orders/5/notes", Create);
    check("GET /v1/charges", Observe);
    check("PATCH /api/orders/5", Modify);
    check("POST /v1/projects/p/subscriptions/s:pull", Create);
    check("POST /_bulk", Execute);
}

#[test]
fn reading_names_read() {
    let check = |name: &str, expect: bool| assert_eq!(generic::only_reads(name), expect, "{name}");
    check("getUser", true);
    check("users.list", true);
    check("resources/read", true);
    check("search", true);
    check("getAndDelete", false);
    check("tools/call", false);
    check("getter", false);
    check("", false);
}
