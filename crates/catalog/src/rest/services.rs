//! Services whose everyday reading goes by POST.
//! Sources: Notion: the endpoints of the npm package `@notionhq/client` 5.26.0. Algolia: those of
//! `@algolia/client-search` 5.64.0. Google's custom methods (AIP-136) and Supabase's paths, and
//! what each of all of them does, from common use.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::rule::{
    Rule,
    When::{Filtered, Is},
    rule,
};

const TRUE: &[&str] = &["true"];

pub(super) const NOTION: &[Rule] = &[
    rule("POST", "/v1/search", "search", Observe),
    rule("POST", "/v1/databases|data_sources/{}/query", "query", Observe),
    rule("POST", "/v1/blocks/meeting_notes/query", "query", Observe),
    rule("POST", "/v1/oauth/token", "login", Create),
    rule("POST", "/v1/oauth/introspect", "introspect", Observe),
    // What is deleted lies in the trash.
    rule("DELETE", "/v1/blocks/{}", "trash", Remove).inverse(),
    rule("PATCH", "/v1/pages|databases|data_sources|blocks/{}", "trash", Remove)
        .when(Is("archived", TRUE))
        .inverse(),
    rule("PATCH", "/v1/pages|databases|data_sources|blocks/{}", "trash", Remove)
        .when(Is("in_trash", TRUE))
        .inverse(),
    rule("PATCH", "/v1/blocks/{}/children", "append", Create),
    rule("PATCH", "/v1/pages|databases|data_sources|blocks/{}", "change", Modify).inverse(),
    rule("POST", "/v1/pages|databases|data_sources|comments|file_uploads", "create", Create),
    rule("POST", "/v1/file_uploads/{}/send|complete", "create", Create),
    rule("GET", "/**", "read", Observe),
];

pub(super) const ALGOLIA: &[Rule] = &[
    rule("POST", "/1/indexes/{}/query|queries|browse|objects", "query", Observe),
    rule("POST", "/1/indexes/{}/facets/{}/query", "query", Observe),
    rule("POST", "/1/indexes/{}/synonyms|rules/search", "query", Observe),
    rule("POST", "/1/indexes/{}/clear|deleteByQuery", "index_clear", Destroy),
    rule("POST", "/1/indexes/{}/synonyms|rules/clear", "rules_clear", Destroy),
    rule("DELETE", "/1/indexes/{}", "index_delete", Destroy),
    rule("DELETE", "/1/indexes/{}/{}", "object_delete", Remove),
    rule("POST", "/1/indexes/{}/batch|operation", "batch", Execute),
    rule("POST", "/1/keys/**", "api_key_create", MintCredential),
    rule("GET", "/1/keys/**", "api_keys", Observe).secret(),
    rule("GET", "/**", "read", Observe),
];

/// Google's APIs: verbs stand behind a colon.
pub(super) const GOOGLE: &[Rule] = &[
    rule("POST", "/**/{}:runQuery", "query", Observe),
    rule("POST", "/**/{}:runAggregationQuery", "query", Observe),
    rule("POST", "/**/{}:batchGet", "read", Observe),
    rule("POST", "/**/{}:getIamPolicy", "read", Observe),
    rule("POST", "/**/{}:testIamPermissions", "read", Observe),
    rule("POST", "/v2/entries:list", "read", Observe),
    rule("POST", "/**/{}:setIamPolicy", "access_change", GrantAccess),
    rule("POST", "/**/{}:generateAccessToken", "token_create", MintCredential),
    rule("POST", "/**/{}:generateIdToken", "token_create", MintCredential),
    rule("POST", "/**/{}:signBlob", "token_create", MintCredential),
    rule("POST", "/**/{}:signJwt", "token_create", MintCredential),
    rule("POST", "/**/{}:commit", "commit", Execute),
    rule("POST", "/**/{}:batchWrite", "commit", Execute),
    rule("POST", "/**/{}:wipeout", "wipeout", Destroy),
    // BigQuery's queries are SQL.
    rule("POST", "/bigquery/v2/projects/{}/queries|jobs", "query", Execute),
    rule("GET", "/**/{}:access", "secret", Observe).secret(),
];

/// Supabase: PostgREST, storage and login of a project, and the management API.
pub(super) const SUPABASE: &[Rule] = &[
    // A function of the database may do anything; by GET it may only read.
    rule("!", "/rest/v1/rpc/{}", "rpc", Execute),
    rule("DELETE", "/rest/v1/{}", "rows_delete", Remove).when(Filtered),
    rule("DELETE", "/rest/v1/{}", "rows_delete", Destroy),
    rule("PATCH", "/rest/v1/{}", "rows_update", Modify),
    rule("PUT", "/rest/v1/{}", "rows_update", Modify),
    // With a `Prefer` header it overwrites.
    rule("POST", "/rest/v1/{}", "rows_upsert", Modify),
    rule("POST", "/auth/v1/token|signup|otp|verify|recover|logout", "login", Create),
    rule("!", "/auth/v1/admin/**", "user_change", GrantAccess),
    rule("POST", "/storage/v1/object/list/**", "list", Observe),
    rule("POST", "/storage/v1/bucket/{}/empty", "bucket_empty", Destroy),
    rule("DELETE", "/storage/v1/**", "object_delete", Destroy),
    rule("POST", "/functions/v1/**", "function", Execute),
    rule("!", "/v1/projects/{}/database/query", "sql", Execute),
    // A restore in place drops what was written since, and with it the newer ways back.
    rule("!", "/v1/projects/{}/database/backups/**", "restore", WeakenRecovery),
    rule("DELETE", "/v1/projects|branches/{}", "project_delete", Destroy),
    rule("POST", "/v1/branches/{}/reset", "branch_reset", Destroy),
    rule("GET", "/v1/projects/{}/api-keys|secrets/**", "secrets", Observe).secret(),
    rule("GET", "/**", "read", Observe),
];
