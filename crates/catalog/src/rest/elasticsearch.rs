//! Elasticsearch and OpenSearch. Searches go by POST; to take an index away is to lose data, and
//! snapshots and lifecycle policies are ways back.
//! Sources: the paths and methods of the npm package `@elastic/elasticsearch` 9.4.3. What each of
//! them does, and OpenSearch's `_plugins/_ism`, from common use.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::rule::{
    Rule,
    When::{Key, Query},
    rule,
};

pub(super) const RULES: &[Rule] = &[
    // Reading, whatever the method.
    rule("POST", "/_search|_count|_msearch|_mget|_field_caps|_rank_eval|_analyze", "read", Observe),
    rule(
        "POST",
        "/{}/_search|_count|_msearch|_mget|_field_caps|_rank_eval|_analyze",
        "read",
        Observe,
    ),
    rule("POST", "/{}/_terms_enum|_termvectors|_mtermvectors|_search_shards|_pit", "read", Observe),
    rule("POST", "/{}/_explain|_termvectors/{}", "read", Observe),
    rule("POST", "/**/_search|_msearch/template", "read", Observe),
    rule("POST", "/**/_validate/query", "read", Observe),
    rule("POST", "/{}/_eql/search", "read", Observe),
    rule("POST", "/_search/scroll", "read", Observe),
    // SQL and ES|QL only select there.
    rule("POST", "/_sql|_query", "read", Observe),
    rule("POST", "/_sql/translate|close", "read", Observe),
    rule("POST", "/_render/template", "read", Observe),
    rule("POST", "/_cluster/allocation/explain", "read", Observe),
    rule("POST", "/_security/user/_has_privileges", "read", Observe),
    // A cursor of one's own is no data.
    rule("DELETE", "/_search/scroll/**", "cursor_close", Observe),
    rule("DELETE", "/_pit", "cursor_close", Observe),
    // Ways back.
    rule("DELETE", "/_snapshot/**", "snapshot_delete", WeakenRecovery),
    rule("POST", "/_snapshot/{}/_cleanup", "snapshot_delete", WeakenRecovery),
    rule("POST", "/_snapshot/{}/{}/_restore", "snapshot_restore", Execute),
    rule("PUT", "/_snapshot/{}/{}", "snapshot_create", Create),
    rule("!", "/_snapshot/{}", "snapshot_repository", WeakenRecovery),
    rule("!", "/_ilm|_slm/**", "lifecycle", WeakenRecovery),
    rule("!", "/{}/_ilm/remove", "lifecycle", WeakenRecovery),
    rule("!", "/_data_stream/{}/_lifecycle", "lifecycle", WeakenRecovery),
    rule("!", "/_plugins/_ism/**", "lifecycle", WeakenRecovery),
    rule("PUT", "/_cluster/settings", "cluster_settings", WeakenRecovery),
    // Who may do what.
    rule("POST", "/_security/oauth2/token", "login", Create),
    rule("!", "/_security/api_key/**", "api_key_change", MintCredential),
    rule("!", "/_security/service/**", "token_change", MintCredential),
    rule("!", "/_security/**", "security_change", GrantAccess),
    // Documents.
    rule("POST", "/{}/_delete_by_query", "delete_by_query", Destroy),
    rule("POST", "/{}/_update_by_query", "update_by_query", Execute),
    rule("POST", "/_reindex", "reindex", Execute),
    rule("!", "/_bulk", "bulk_delete", Destroy).when(Key("delete")),
    rule("!", "/{}/_bulk", "bulk_delete", Destroy).when(Key("delete")),
    rule("!", "/_bulk", "bulk", Modify),
    rule("!", "/{}/_bulk", "bulk", Modify),
    rule("DELETE", "/{}/_doc/{}", "document_delete", Remove),
    rule("POST", "/{}/_doc", "document_create", Create),
    rule("!", "/{}/_create/{}", "document_create", Create),
    rule("!", "/{}/_doc/{}", "document_index", Create).when(Query("op_type", &["create"])),
    rule("!", "/{}/_doc/{}", "document_index", Modify),
    rule("POST", "/{}/_update/{}", "document_update", Modify),
    // Indices.
    rule("POST", "/_aliases", "index_delete", Destroy).when(Key("remove_index")),
    rule("POST", "/_aliases", "alias_change", Modify).inverse(),
    rule("DELETE", "/{}/_alias|_aliases/{}", "alias_delete", Modify).inverse(),
    rule("POST", "/_refresh|_flush|_forcemerge", "maintenance", Modify),
    rule("POST", "/{}/_refresh|_flush|_forcemerge", "maintenance", Modify),
    rule("POST", "/**/_cache/clear", "maintenance", Modify),
    rule("POST", "/{}/_close|_open", "index_close", Modify).inverse(),
    rule("DELETE", "/_template|_index_template|_component_template/{}", "template_delete", Remove),
    rule("DELETE", "/_ingest/pipeline/{}", "pipeline_delete", Remove),
    rule("DELETE", "/_scripts/{}", "script_delete", Remove),
    rule("DELETE", "/_data_stream/{}", "index_delete", Destroy),
    rule("DELETE", "/_dangling/{}", "index_delete", Destroy),
    rule("DELETE", "/{}", "index_delete", Destroy),
    rule("PUT", "/{}", "index_create", Create),
    rule("GET", "/**", "read", Observe),
];
