//! GitHub's REST API.
//! Sources: paths and methods of the npm package `@octokit/openapi` 23.0.2 (GitHub's own OpenAPI
//! document). `/login/**` and what each row does
//! are from common use.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, WeakenRecovery,
};

use super::{
    code_hosts::TRUNK,
    rule::{
        Rule,
        When::{Absent, Is},
        rule,
    },
};

const TRUE: &[&str] = &["true", "1"];
const FALSE: &[&str] = &["false", "0"];
const PUBLIC: &[&str] = &["public", "internal"];
const APPROVE: &[&str] = &["APPROVE"];

pub(super) const RULES: &[Rule] = &[
    // Merges and releases.
    rule("PUT", "/repos/{}/{}/pulls/{}/merge|merge-async", "merge", Execute),
    rule("POST", "/repos/{}/{}/merges", "merge", Execute),
    rule("POST", "/repos/{}/{}/merge-upstream", "merge", Execute),
    rule("POST", "/repos/{}/{}/releases/generate-notes", "release_notes", Observe),
    rule("DELETE", "/repos/{}/{}/releases/**", "release_delete", Destroy),
    rule("!", "/repos/{}/{}/releases/**", "release", Execute),
    rule("!", "/repos/{}/{}/deployments/**", "deployment", Execute),
    rule("POST", "/repos/{}/{}/actions/runs/{}/pending_deployments", "deployment", Execute),
    rule("POST", "/repos/{}/{}/actions/runs/{}/deployment_protection_rule", "deployment", Execute),
    rule("POST", "/repos/{}/{}/actions/runs/{}/approve", "ci_approve", GrantAccess),
    // An approving review is what protection waits for.
    rule("POST", "/repos/{}/{}/pulls/{}/reviews", "pull_approve", GrantAccess)
        .when(Is("event", APPROVE)),
    rule("POST", "/repos/{}/{}/pulls/{}/reviews/{}/events", "pull_approve", GrantAccess)
        .when(Is("event", APPROVE)),
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
    rule("DELETE", "/repos/{}/{}/environments/{}", "environment_delete", Destroy),
    rule("PUT", "/repos/{}/{}/environments/{}", "environment_change", WeakenRecovery),
    rule("!", "/repos/{}/{}/environments/{}/deployment-branch-policies/**", "gate", WeakenRecovery),
    rule(
        "!",
        "/repos/{}/{}/environments/{}/deployment_protection_rules/**",
        "gate",
        WeakenRecovery,
    ),
    rule("!", "/orgs/{}/code-security/**", "code_security", WeakenRecovery),
    rule("DELETE", "/repos/{}/{}/immutable-releases", "immutable_releases", WeakenRecovery),
    rule("POST", "/repos/{}/{}/secret-scanning/push-protection-bypasses", "bypass", GrantAccess),
    // Credentials and what lets others in.
    rule("POST", "/app/installations/{}/access_tokens", "token_create", MintCredential),
    rule("POST", "/**/actions/runners/registration-token", "token_create", MintCredential),
    rule("POST", "/**/actions/runners/generate-jitconfig", "token_create", MintCredential),
    rule("!", "/applications/{}/**", "token_change", MintCredential),
    rule("DELETE", "/**/secrets/{}", "secret_delete", Remove),
    // The secrets of CI: who sets one knew it before.
    rule("PUT", "/**/secrets/{}", "secret_change", Modify),
    rule("!", "/**/secrets/**", "secret_access", GrantAccess),
    rule("!", "/repos/{}/{}/keys/**", "deploy_key", GrantAccess),
    rule("!", "/user/keys/**", "user_key", GrantAccess),
    rule("!", "/user/gpg_keys/**", "user_key", GrantAccess),
    rule("!", "/user/ssh_signing_keys/**", "user_key", GrantAccess),
    rule("!", "/repos/{}/{}/collaborators/**", "collaborator", GrantAccess),
    rule("!", "/**/invitations/**", "invitation", GrantAccess),
    rule("!", "/orgs/{}/organization-roles|outside_collaborators/**", "member", GrantAccess),
    rule("!", "/orgs/{}/personal-access-token-requests/**", "token_approve", GrantAccess),
    rule("!", "/enterprises/**", "enterprise_change", GrantAccess),
    rule("PUT", "/user/installations/**", "app_access", GrantAccess),
    rule("POST", "/user/emails", "user_email", GrantAccess),
    rule("!", "/orgs/{}/memberships/**", "member", GrantAccess),
    rule("!", "/orgs/{}/members/**", "member", GrantAccess),
    rule("!", "/orgs/{}/teams/**", "team", GrantAccess),
    rule("!", "/teams/**", "team", GrantAccess),
    rule("!", "/**/hooks/**", "hook", GrantAccess),
    rule("POST", "/repos/{}/{}/transfer", "transfer", GrantAccess),
    rule("POST", "/repos/{}/{}/pages/**", "pages", GrantAccess),
    rule("!", "/**/actions/permissions/**", "actions_permissions", GrantAccess),
    rule("DELETE", "/orgs/{}", "organization_delete", Destroy),
    rule("PATCH", "/orgs/{}", "organization_change", GrantAccess),
    rule("DELETE", "/**/packages/**", "package_delete", Destroy),
    // Repositories.
    rule("DELETE", "/repos/{}/{}", "repository_delete", Destroy),
    rule("PATCH", "/repos/{}/{}", "make_public", GrantAccess).when(Is("private", FALSE)),
    rule("PATCH", "/repos/{}/{}", "make_public", GrantAccess).when(Is("visibility", PUBLIC)),
    rule("PATCH", "/repos/{}/{}", "repository_change", Modify).inverse(),
    rule("POST", "/user/repos", "repository_create", Create).when(Is("private", TRUE)),
    rule("POST", "/user/repos", "repository_create_public", GrantAccess),
    rule("POST", "/orgs/{}/repos", "repository_create", Create).when(Is("private", TRUE)),
    rule("POST", "/orgs/{}/repos", "repository_create_public", GrantAccess),
    rule("POST", "/repos/{}/{}/generate", "repository_create", Create).when(Is("private", TRUE)),
    rule("POST", "/repos/{}/{}/generate", "repository_create_public", GrantAccess),
    rule("POST", "/repos/{}/{}/forks", "fork", Create),
    rule("!", "/gists/**", "gist_public", GrantAccess).when(Is("public", TRUE)),
    rule("DELETE", "/gists/{}", "gist_delete", Destroy),
    rule("POST", "/gists", "gist_create", Create),
    // Everyday work.
    rule("DELETE", "/repos/{}/{}/issues/comments/{}", "comment_delete", Remove),
    rule("DELETE", "/repos/{}/{}/pulls/comments/{}", "comment_delete", Remove),
    rule("DELETE", "/repos/{}/{}/issues/{}/labels/**", "label_remove", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/issues/{}/assignees", "assignee_remove", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/issues/{}/lock|sub_issue", "issue_change", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/issues/{}/dependencies/**", "issue_change", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/**/reactions/{}", "reaction_remove", Modify).inverse(),
    rule("DELETE", "/repos/{}/{}/actions/caches/**", "cache_delete", Modify),
    rule("POST", "/repos/{}/{}/labels|milestones", "label_create", Create),
    rule("PATCH", "/repos/{}/{}/labels|milestones/{}", "label_change", Modify).inverse(),
    rule("!", "/user/starred|following|subscriptions/**", "star", Modify).inverse(),
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
    rule("POST", "/repos/{}/{}/check-runs|check-suites", "check_create", Create),
    rule("PATCH", "/repos/{}/{}/check-runs/{}", "check_change", Modify),
    rule("POST", "/repos/{}/{}/check-runs|check-suites/{}/rerequest", "ci_run", Create),
    rule("POST", "/repos/{}/{}/dispatches", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/workflows/{}/dispatches", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/rerun", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/rerun-failed-jobs", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/jobs/{}/rerun", "ci_run", Create),
    rule("POST", "/repos/{}/{}/actions/runs/{}/cancel|force-cancel", "ci_cancel", Modify),
    rule("POST", "/markdown/**", "markdown", Observe),
    rule("POST", "/login/device/code", "login", Create),
    rule("POST", "/login/oauth/access_token", "login", Create),
    // The same by number: a second name for everything above, which no everyday client uses.
    rule("!", "/repositories/**", "change_by_number", Execute),
    rule("!", "/organizations/**", "change_by_number", Execute),
    rule("GET", "/**", "read", Observe),
];
