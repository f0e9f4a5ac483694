//! Package registries. To publish is to `execute`: everybody who installs runs it, and nothing
//! here can see what that does. To take away what others install is to `destroy`.
//! Sources: npm: the requests of the npm client itself (its libraries `libnpm*`). PyPI, crates.io,
//! RubyGems, NuGet and the OCI distribution specification: from common use.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Observe, Remove,
};

use super::rule::{
    Reads::{Beginning, Most},
    Rule, rule,
};

pub(super) const NPM: &[Rule] = &[
    rule("POST", "/-/npm/v1/security/audits/**", "audit", Observe),
    rule("POST", "/-/npm/v1/security/advisories/bulk", "audit", Observe),
    rule("POST", "/-/npm/v1/tokens", "token_create", MintCredential),
    rule("DELETE", "/-/npm/v1/tokens/**", "token_revoke", Remove),
    rule("POST", "/-/npm/v1/oidc/**", "token_create", MintCredential),
    rule("DELETE", "/-/user/token/{}", "token_revoke", Remove),
    rule("PUT", "/-/user/**", "login", MintCredential),
    rule("!", "/-/stage/**", "publish", Execute).streams(Most),
    // Nothing is given out before a human has logged in, in a browser outside.
    rule("POST", "/-/v1/login", "login", Create),
    rule("!", "/-/npm/v1/user", "profile_change", GrantAccess),
    rule("!", "/-/org/**", "owner_change", GrantAccess),
    rule("!", "/-/team/**", "owner_change", GrantAccess),
    rule("!", "/-/package/{pkg}/access", "access_change", GrantAccess),
    rule("!", "/-/package/{pkg}/collaborators/**", "owner_change", GrantAccess),
    rule("!", "/-/package/{pkg}/trust/**", "access_change", GrantAccess),
    rule("!", "/-/package/{pkg}/dist-tags/**", "dist_tag", Execute).inverse(),
    // A whole package, one tarball, or the document of a package without one of its versions.
    rule("DELETE", "/{pkg}/**", "unpublish", Destroy),
    rule("PUT", "/{pkg}/-rev/{}", "unpublish", Destroy),
    rule("PUT", "/{pkg}", "publish", Execute).streams(Most),
    rule("!", "/{pkg}/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];

pub(super) const PYPI: &[Rule] = &[
    rule("POST", "/legacy", "publish", Execute).streams(Most),
    rule("POST", "/_/oidc/**", "token_create", MintCredential),
    rule("POST", "/manage/account/token/**", "token_create", MintCredential),
    rule("POST", "/manage/project/{}/collaboration/**", "owner_change", GrantAccess),
    rule("POST", "/manage/project/{}/settings/publishing", "owner_change", GrantAccess),
    rule("POST", "/manage/project/{}/delete_project/**", "unpublish", Destroy),
    rule("POST", "/manage/project/{}/release/**", "yank", Destroy),
    rule("POST", "/manage/**", "manage", Execute),
    // XML-RPC: only reading methods are left there.
    rule("POST", "/pypi", "xmlrpc", Observe),
    rule("!", "/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];

pub(super) const CRATES: &[Rule] = &[
    rule("PUT", "/api/v1/crates/new", "publish", Execute).streams(Most),
    rule("DELETE", "/api/v1/crates/{}/{}/yank", "yank", Remove).inverse(),
    rule("PUT", "/api/v1/crates/{}/{}/unyank", "unyank", Execute).inverse(),
    rule("!", "/api/v1/crates/{}/owners", "owner_change", GrantAccess),
    rule("!", "/api/v1/crates/{}/{}/rebuild_docs", "rebuild_docs", Create),
    rule("DELETE", "/api/v1/crates/{}", "unpublish", Destroy),
    rule("PUT", "/api/v1/me/tokens", "token_create", MintCredential),
    rule("POST", "/api/v1/trusted_publishing/**", "token_create", MintCredential),
    rule("DELETE", "/api/v1/me/tokens/**", "token_revoke", Remove),
    rule("!", "/api/v1/crates/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];

pub(super) const RUBYGEMS: &[Rule] = &[
    rule("*", "/api/v1/api_key", "token_create", MintCredential),
    rule("POST", "/api/v1/gems", "publish", Execute).streams(Most),
    rule("DELETE", "/api/v1/gems/yank", "yank", Destroy),
    rule("!", "/api/v1/gems/{}/owners", "owner_change", GrantAccess),
    rule("!", "/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];

pub(super) const NUGET: &[Rule] = &[
    rule("PUT", "/api/v2/package", "publish", Execute).streams(Most),
    rule("PUT", "/api/v2/symbolpackage", "publish", Execute).streams(Most),
    rule("DELETE", "/api/v2/package/{}/{}", "unlist", Remove).inverse(),
    rule("POST", "/api/v2/package/{}/{}", "relist", Execute).inverse(),
    rule("!", "/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];

pub(super) const OCI: &[Rule] = &[
    rule("DELETE", "/v2/**/manifests/{}", "manifest_delete", Destroy),
    rule("DELETE", "/v2/**/blobs/uploads/{}", "upload_cancel", Remove),
    rule("DELETE", "/v2/**/blobs/{}", "blob_delete", Destroy),
    rule("POST", "/v2/**/blobs/uploads", "upload_start", Create).streams(Beginning),
    rule("PATCH", "/v2/**/blobs/uploads/{}", "upload", Create).streams(Beginning),
    rule("PUT", "/v2/**/blobs/uploads/{}", "upload", Create).streams(Beginning),
    // The manifest is what gives an image its name: this is the publishing step.
    rule("PUT", "/v2/**/manifests/{}", "publish", Execute).streams(Most),
    // A login for pulling or pushing, as every client does before each request.
    rule("POST", "/token", "login", Create),
    rule("GET", "/**", "read", Observe),
];

pub(super) const DOCKER_HUB: &[Rule] = &[
    rule("POST", "/v2/users/login", "login", Create),
    rule("POST", "/v2/auth/token", "login", Create),
    rule("POST", "/v2/access-tokens/**", "token_create", MintCredential),
    rule("DELETE", "/v2/**/repositories/**", "repository_delete", Destroy),
    rule("!", "/v2/orgs/**", "owner_change", GrantAccess),
    rule("PATCH", "/v2/**/repositories/**", "repository_change", GrantAccess),
    rule("GET", "/**", "read", Observe),
];

pub(super) const OTHER: &[Rule] = &[
    rule("DELETE", "/**", "unpublish", Destroy),
    rule("POST", "/api/security-advisories", "audit", Observe),
    rule("!", "/**", "publish", Execute).streams(Most),
    rule("GET", "/**", "read", Observe),
];
