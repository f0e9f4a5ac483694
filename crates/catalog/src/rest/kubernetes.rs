//! Kubernetes. What its controllers make again is removed, what holds data is destroyed; of what
//! nobody here knows, a custom resource for one, deleting may delete a database.
//! Sources: the paths of the npm package `@kubernetes/client-node` 2.0.1 (the OpenAPI document of
//! Kubernetes). What each of them does, and the groups outside Kubernetes, from common use.

use holdpoint_core::Effect::{
    Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::rule::{Rule, When::Query, rule};

/// No rule names creation, so that it is never known: what a manifest does is not read yet.
pub(super) const RULES: &[Rule] = &[
    // `kubectl exec` also comes by GET, as a WebSocket.
    rule("*", "/**/pods/{}/exec|attach|portforward", "exec", Execute),
    rule("*", "/**/nodes/{}/proxy/**", "node_proxy", Execute),
    rule("!", "/**/pods|services/{}/proxy/**", "proxy", Execute),
    rule("!", "/**/pods/{}/ephemeralcontainers", "debug", Execute),
    // Who may do what; `dryRun` does not keep a token from being made.
    rule("POST", "/**/serviceaccounts/{}/token", "token_create", MintCredential),
    rule("POST", "/apis/authorization.k8s.io/**", "access_review", Observe),
    rule("POST", "/apis/authentication.k8s.io/**", "token_review", Observe),
    // A rehearsal, as `kubectl diff` sends it.
    rule("!", "/**", "dry_run", Observe).when(Query("dryRun", &["All"])),
    rule("!", "/apis/rbac.authorization.k8s.io/**", "rbac_change", GrantAccess),
    rule("!", "/apis/certificates.k8s.io/**", "certificate_change", GrantAccess),
    rule("!", "/apis/admissionregistration.k8s.io/**", "admission_change", WeakenRecovery),
    // Ways back.
    rule("DELETE", "/apis/snapshot.storage.k8s.io/**", "snapshot_delete", WeakenRecovery),
    rule("DELETE", "/apis/velero.io/**", "backup_delete", WeakenRecovery),
    rule("PATCH", "/api/v1/persistentvolumes/{}", "volume_change", WeakenRecovery),
    rule("PUT", "/api/v1/persistentvolumes/{}", "volume_change", WeakenRecovery),
    // Deletion.
    rule("PUT", "/api/v1/namespaces/{}/finalize", "namespace_delete", Destroy),
    rule("POST", "/api/v1/namespaces/{}/pods/{}/eviction", "pod_delete", Remove),
    rule("DELETE", "/api/v1/namespaces/{}/pods/{}", "pod_delete", Remove),
    rule(
        "DELETE",
        "/api/v1/namespaces/{}/services|endpoints|configmaps|secrets|events|serviceaccounts|replicationcontrollers|limitranges|resourcequotas/{}",
        "delete",
        Remove,
    ),
    rule(
        "DELETE",
        "/apis/{}/{}/namespaces/{}/deployments|replicasets|daemonsets|jobs|cronjobs|ingresses|networkpolicies|horizontalpodautoscalers|poddisruptionbudgets|leases|endpointslices|events/{}",
        "delete",
        Remove,
    ),
    rule("DELETE", "/**", "delete", Destroy),
    // Names of things say nothing about what a change does.
    rule("PATCH", "/**", "change", Modify),
    rule("PUT", "/**", "change", Modify),
    // Reading.
    rule("GET", "/api/v1/secrets", "secrets", Observe).secret(),
    rule("GET", "/api/v1/namespaces/{}/secrets/**", "secrets", Observe).secret(),
    rule("GET", "/api/v1/watch/**/secrets/**", "secrets", Observe).secret(),
    rule("GET", "/**", "read", Observe),
];
