//! Code hosts. Everyday work (issues, pull requests, comments, CI runs, feature branches) makes
//! and changes; merges and releases `execute`, because they deploy and are installed; what loses
//! history, protection or privacy says so.
//! From common use of the REST APIs of GitLab, Bitbucket Cloud and Forgejo; GitHub has a module
//! of its own.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::rule::{Rule, When::Is, rule};

/// The branches that are protected by habit, until the code host itself is asked.
pub(super) const TRUNK: &[&str] =
    &["main", "master", "trunk", "production", "release", "refs/heads/main", "refs/heads/master"];
const TRUE: &[&str] = &["true", "1"];
const FALSE: &[&str] = &["false", "0"];
const PUBLIC: &[&str] = &["public", "internal"];

pub(super) const GITLAB: &[Rule] = &[
    rule("PUT", "/api/v4/projects/{}/merge_requests/{}/merge", "merge", Execute),
    rule("DELETE", "/api/v4/projects/{}/releases/**", "release_delete", Destroy),
    rule("!", "/api/v4/projects/{}/releases/**", "release", Execute),
    rule("DELETE", "/api/v4/projects/{}/repository/branches/{}", "ref_delete", Remove),
    rule("DELETE", "/api/v4/projects/{}/repository/merged_branches", "ref_delete", Remove),
    rule("DELETE", "/api/v4/projects/{}/repository/tags/{}", "ref_delete", Remove),
    rule("POST", "/api/v4/projects/{}/repository/branches", "ref_create", Create),
    rule("!", "/api/v4/projects/{}/repository/commits", "commit", Destroy).when(Is("force", TRUE)),
    rule("!", "/api/v4/projects/{}/repository/commits", "commit", Execute)
        .when(Is("branch", TRUNK)),
    rule("POST", "/api/v4/projects/{}/repository/commits", "commit", Modify).inverse(),
    rule("!", "/api/v4/projects/{}/repository/files/{}", "file_change", Execute)
        .when(Is("branch", TRUNK)),
    rule("!", "/api/v4/projects/{}/repository/files/{}", "file_change", Modify).inverse(),
    rule("!", "/api/v4/projects/{}/protected_branches/**", "branch_protection", WeakenRecovery),
    rule("!", "/api/v4/projects/{}/protected_tags/**", "branch_protection", WeakenRecovery),
    rule("POST", "/api/v4/**/access_tokens/**", "token_create", MintCredential),
    rule("POST", "/api/v4/**/personal_access_tokens/**", "token_create", MintCredential),
    rule("POST", "/api/v4/**/deploy_tokens", "token_create", MintCredential),
    rule("POST", "/api/v4/**/runners", "token_create", MintCredential),
    rule("DELETE", "/api/v4/**/variables/{}", "variable_delete", Remove),
    rule("!", "/api/v4/**/variables/**", "variable_change", MintCredential),
    rule("!", "/api/v4/**/deploy_keys/**", "deploy_key", GrantAccess),
    rule("!", "/api/v4/**/keys/**", "user_key", GrantAccess),
    rule("!", "/api/v4/**/members/**", "member", GrantAccess),
    rule("!", "/api/v4/**/invitations/**", "invitation", GrantAccess),
    rule("!", "/api/v4/**/hooks/**", "hook", GrantAccess),
    rule("!", "/api/v4/projects/{}/share/**", "share", GrantAccess),
    rule("PUT", "/api/v4/projects/{}/transfer", "transfer", GrantAccess),
    rule("DELETE", "/api/v4/projects/{}", "repository_delete", Destroy),
    rule("DELETE", "/api/v4/groups/{}", "group_delete", Destroy),
    rule("PUT", "/api/v4/projects/{}", "make_public", GrantAccess).when(Is("visibility", PUBLIC)),
    rule("PUT", "/api/v4/projects/{}", "repository_change", Modify).inverse(),
    rule("POST", "/api/v4/projects", "make_public", GrantAccess).when(Is("visibility", PUBLIC)),
    rule("POST", "/api/v4/projects", "repository_create", Create),
    rule("POST", "/api/v4/projects/{}/fork", "fork", Create),
    rule("DELETE", "/api/v4/projects/{}/issues/{}", "issue_delete", Destroy),
    rule("POST", "/api/v4/projects/{}/issues/**", "issue_create", Create),
    rule("PUT", "/api/v4/projects/{}/issues/**", "issue_change", Modify).inverse(),
    rule("POST", "/api/v4/projects/{}/merge_requests/**", "merge_request_create", Create),
    rule("PUT", "/api/v4/projects/{}/merge_requests/**", "merge_request_change", Modify).inverse(),
    rule("POST", "/api/v4/projects/{}/pipeline", "ci_run", Create),
    rule("POST", "/api/v4/projects/{}/pipelines/{}/retry", "ci_run", Create),
    rule("POST", "/api/v4/projects/{}/jobs/{}/{}", "ci_run", Create),
    rule("GET", "/**", "read", Observe),
];

pub(super) const BITBUCKET: &[Rule] = &[
    rule("POST", "/2.0/repositories/{}/{}/pullrequests/{}/merge", "merge", Execute),
    rule("DELETE", "/2.0/repositories/{}/{}/refs/**", "ref_delete", Remove),
    rule("POST", "/2.0/repositories/{}/{}/refs/**", "ref_create", Create),
    rule("POST", "/2.0/repositories/{}/{}/src", "commit", Execute),
    rule(
        "!",
        "/2.0/repositories/{}/{}/branch-restrictions/**",
        "branch_protection",
        WeakenRecovery,
    ),
    rule("!", "/2.0/repositories/{}/{}/permissions-config/**", "member", GrantAccess),
    rule("!", "/2.0/repositories/{}/{}/deploy-keys/**", "deploy_key", GrantAccess),
    rule("!", "/2.0/**/hooks/**", "hook", GrantAccess),
    rule("!", "/2.0/**/pipelines_config/variables/**", "variable_change", MintCredential),
    rule("DELETE", "/2.0/repositories/{}/{}", "repository_delete", Destroy),
    rule("PUT", "/2.0/repositories/{}/{}", "make_public", GrantAccess)
        .when(Is("is_private", FALSE)),
    rule("POST", "/2.0/repositories/{}/{}/pullrequests/**", "pull_create", Create),
    rule("PUT", "/2.0/repositories/{}/{}/pullrequests/**", "pull_change", Modify).inverse(),
    rule("POST", "/2.0/repositories/{}/{}/issues/**", "issue_create", Create),
    rule("POST", "/2.0/repositories/{}/{}/pipelines", "ci_run", Create),
    rule("GET", "/**", "read", Observe),
];

pub(super) const CODEBERG: &[Rule] = &[
    rule("POST", "/api/v1/repos/{}/{}/pulls/{}/merge", "merge", Execute),
    rule("DELETE", "/api/v1/repos/{}/{}/branches/{}", "ref_delete", Remove),
    rule("!", "/api/v1/repos/{}/{}/branch_protections/**", "branch_protection", WeakenRecovery),
    rule("!", "/api/v1/repos/{}/{}/releases/**", "release", Execute),
    rule("POST", "/api/v1/users/{}/tokens", "token_create", MintCredential),
    rule("!", "/api/v1/repos/{}/{}/collaborators/**", "collaborator", GrantAccess),
    rule("!", "/api/v1/repos/{}/{}/keys/**", "deploy_key", GrantAccess),
    rule("!", "/api/v1/**/hooks/**", "hook", GrantAccess),
    rule("DELETE", "/api/v1/repos/{}/{}", "repository_delete", Destroy),
    rule("PATCH", "/api/v1/repos/{}/{}", "make_public", GrantAccess).when(Is("private", FALSE)),
    rule("POST", "/api/v1/repos/{}/{}/issues/**", "issue_create", Create),
    rule("POST", "/api/v1/repos/{}/{}/pulls/**", "pull_create", Create),
    rule("GET", "/**", "read", Observe),
];
