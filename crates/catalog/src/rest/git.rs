//! Git's smart HTTP protocol and its large files, the same on every host.
//! Source: git's manual, gitprotocol-http(5); the Git LFS batch API from common use.

use holdpoint_core::Effect::{Create, Execute, Observe};

use super::rule::{Reads, Rule, When, rule};

/// A push is what its commands say, and the wire reads them; by method and path alone it runs
/// something that cannot be seen.
pub(super) const RULES: &[Rule] = &[
    rule("GET", "/**/info/refs", "info_refs", Observe),
    rule("POST", "/**/git-upload-pack", "upload_pack", Observe).streams(Reads::Beginning),
    rule("POST", "/**/git-receive-pack", "receive_pack", Execute).streams(Reads::Most),
    rule("POST", "/**/info/lfs/objects/batch", "lfs_download", Observe)
        .when(When::Is("operation", &["download"])),
    rule("POST", "/**/info/lfs/objects/batch", "lfs_upload", Create),
];
