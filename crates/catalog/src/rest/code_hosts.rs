//! Code hosts. Everyday work (issues, pull requests, comments, CI runs, feature branches) makes
//! and changes; merges and releases `execute`, because they deploy and are installed; what loses
//! history, protection or privacy says so.
//! Sources: the REST references of GitHub, GitLab, Bitbucket Cloud and Forgejo.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::rule::{
    Rule,
    When::{Absent, Is},
    rule,
};

/// The branches that are protected by habit, until the code host itself is asked.
const TRUNK: &[&str] =
    &["main", "master", "trunk", "production", "release", "refs/heads/main", "refs/heads/master"];
const TRUE: &[&str] = &["true"];
const FALSE: &[&str] = &["false"];
const PUBLIC: &[&str] = &["public", "internal"];

pub(super) const GITHUB: &[Rule] = &[
    // Merges and releases.
    rule("PUT", "/repos/{}/{}/pulls/{}/merge", "merge", Execute),
    rule("POST", "/repos/{}/{}/merges", "merge", Execute),
    rule("POST", "/repos/{}/{}/merge-upstream", "merge", Execute),
    rule("POST", "/repos/{}/{}/releases/generate-notes", "release_notes", Observe),
    rule("DELETE", "/repos/{}/{}/releases/**", "release_delete", Destroy),
    rule("!", "/repos/{}/{}/releases/**", "release", Execute),
    rule("!", "/repos/{}/{}/deployments/**", "deployment", Execute),
    // References and files.
    rule("DELETE", "/repos/{}/{}/git/refs/**", "ref_delete", Remove),
    rule("PATCH", "/repos/{}/{}/git/refs/**", "ref_force_update", Destroy).when(Is("force", TRUE)),
    rule("PATCH", "/repos/{}/{}/git/refs/heads/main", "ref_update", Execute),
    rule("PATCH", "/repos/{}/{}/git/refs/heads/master", "ref_update", Execute),
    rule("PATCH", "/repos/{}/{}/git/refs/**", "ref_update", Modify).inverse(),
    rule("POST", "/repos/{}/{}/git/refs", "ref_create", Create),
    rule("POST", "/repos/{}/{}/git/{}", "object_create", Create),
    rule("!", "/repos/{}/{}/contents/**", "contents_change", Execute).when(Absent("branch")),
    rule("!", "/repos/{}/{}/contents/**", "contents_change", Execute).when(Is("branch", TRUNK)),
    rule("!", "/repos/{}/{}/contents/**", "contents_change", Modify).inverse(),
    rule("POST", "/repos/{}/{}/branches/{}/rename", "branch_rename", Modify).inverse(),
    // Protection and history.
    rule("!", "/repos/{}/{}/branches/{}/protection/**", "branch_protection", WeakenRecovery),
    rule("!", "/repos/{}/{}/rulesets/**", "ruleset", WeakenRecovery),
    rule("!", "/orgs/{}/rulesets/**", "ruleset", WeakenRecovery),
    // Credentials and what lets others in.
    rule("POST", "/app/installations/{}/access_tokens", "token_create", MintCredential),
    rule("POST", "/**/actions/runners/registration-token", "token_create", MintCredential),
    rule("POST", "/**/actions/runners/generate-jitconfig", "token_create", MintCredential),
    rule("!", "/applications/{}/**", "token_change", MintCredential),
    rule("DELETE", "/**/secrets/{}", "secret_delete", Remove),
    rule("!", "/**/secrets/**", "secret_change", MintCredential),
    rule("!", "/repos/{}/{}/keys/**", "deploy_key", GrantAccess),
    rule("!", "/user/keys/**", "user_key", GrantAccess),
    rule("!", "/user/gpg_keys/**", "user_key", GrantAccess),
    rule("!", "/user/ssh_signing_keys/**", "user_key", GrantAccess),
    rule("!", "/repos/{}/{}/collaborators/**", "collaborator", GrantAccess),
    rule("!", "/**/invitations/**", "invitation", GrantAccess),
    rule("!", "/orgs/{}/memberships/**", "member", GrantAccess),
    rule("!", "/orgs/{}/members/**", "member", GrantAccess),
    rule("!", "/orgs/{}/teams/**", "team", GrantAccess),
    rule("!", "/teams/**", "team", GrantAccess),
    rule("!", "/**/hooks/**", "hook", GrantAccess),
    rule("POST", "/repos/{}/{}/transfer", "transfer", GrantAccess),
    rule("POST", "/repos/{}/{}/pages/**", "pages", GrantAccess),
    rule("!", "/**/actions/permissions/**", "actions_permissions", GrantAccess),
    // Repositories.
    rule("DELETE", "/repos/{}/{}", "repository_delete", Destroy),
    rule("PATCH", "/repos/{}/{}", "make_public", GrantAccess).when(Is("private", FALSE)),
    rule("PATCH", "/repos/{}/{}", "make_public", GrantAccess).when(Is("visibility", PUBLIC)),
    rule("PATCH", "/repos/{}/{}", "repository_change", Modify).inverse(),
    rule("POST", "/user/repos", "repository_create", Create).when(Is("private", TRUE)),
    rule("POST", "/user/repos", "repository_create_public", GrantAccess),
    rule("POST", "/orgs/{}/repos", "repository_create", Create).when(Is("private", TRUE)),
    rule("POST", "/orgs/{}/repos", "repository_create_public", GrantAccess),
    rule("POST", "/repos/{}/{}/forks", "fork", Create),
    rule("!", "/gists/**", "gist_public", GrantAccess).when(Is("public", TRUE)),
    rule("DELETE", "/gists/{}", "gist_delete", Destroy),
    rule("POST", "/gists", "gist_create", Create),
    // Everyday work.
    rule("DELETE", "/repos/{}/{}/issues/comments/{}", "comment_delete", Remove),
    rule("DELETE", "/repos/{}/{}/pulls/comments/{}", "comment_delete", Remove),
    rule("DELETE", "/repos/{}/{}/issues/{}/labels/**", "label_remove", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/issues/{}/assignees", "assignee_remove", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/pulls/{}/requested_reviewers", "reviewer_remove", Modify)
        .inverse(),
    rule("POST", "/repos/{}/{}/issues/**", "issue_create", Create),
    rule("POST", "/repos/{}/{}/pulls/**", "pull_create", Create),
    rule("PATCH", "/repos/{}/{}/issues/**", "issue_change", Modify).inverse(),
    rule("PATCH", "/repos/{}/{}/pulls/**", "pull_change", Modify).inverse(),
    rule("PUT", "/repos/{}/{}/issues/**", "issue_change", Modify).inverse(),
    rule("PUT", "/repos/{}/{}/pulls/{}/update-branch", "pull_update", Modify),
    rule("POST", "/repos/{}/{}/comments/{}/reactions", "reaction", Create),
    rule("POST", "/repos/{}/{}/commits/{}/comments", "comment_create", Create),
    rule("POST", "/repos/{}/{}/statuses/{}", "status_create", Create),
    rule("POST", "/repos/{}/{}/check-runs", "check_create", Create),
    rule("POST", "/repos/{}/{}/dispatches", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/workflows/{}/dispatches", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/rerun", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/rerun-failed-jobs", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/jobs/{}/rerun", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/cancel", "ci_cancel", Modify),
    rule("POST", "/markdown/**", "markdown", Observe),
    rule("POST", "/login/device/code", "login", Create),
    rule("POST", "/login/oauth/access_token", "login", Create),
    rule("GET", "/**", "read", Observe),
];

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
