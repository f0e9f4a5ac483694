//! What names say, and what they must not be taken for.

use holdpoint_core::Effect::{
    self, Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, Spend,
    WeakenRecovery,
};
use proptest::prelude::*;

use super::{effect_of_words, reads, words};

fn check(effect: impl Into<Option<Effect>>, names: &[&str]) {
    let effect = effect.into();
    for name in names {
        assert_eq!(effect_of_words(name), effect, "{name}");
    }
}

#[test]
fn names_fall_into_words() {
    for (name, expect) in [
        ("deleteVolume", "delete volume"),
        ("DeleteVolume", "delete volume"),
        ("delete_volume", "delete volume"),
        ("DELETE-VOLUME", "delete volume"),
        ("volumes:delete", "volumes delete"),
        ("createAPIToken", "create api token"),
        ("bucketS3Credentials", "bucket s3 credentials"),
        ("com.example.v2.Tables/drop", "com example v2 tables drop"),
        ("deployV2", "deploy v2"),
        ("__wipe__", "wipe"),
        ("", ""),
    ] {
        assert_eq!(words(name).join(" "), expect, "{name}");
    }
}

#[test]
fn taking_data_away_destroys() {
    check(
        Destroy,
        &[
            "deleteVolume",
            "volumeDelete",
            "volumes.delete",
            "dropTable",
            "bucket-purge",
            "TerminateInstances",
            "projectScheduleDeleteForce",
            "deleteAllUsers",
            "emptyTrash",
            "flushdb",
            "removeVolume",
            "databaseReset",
            "resetDatabase",
            "removeBucketForce",
            "clearAll",
            "getAndDelete",
            "wipeDisk",
            "nuke",
            "deleteDatabaseAndBackups",
            "deleteDatabaseSkipBackup",
        ],
    );
}

#[test]
fn taking_a_way_back_away_weakens_recovery() {
    check(
        WeakenRecovery,
        &[
            "deleteBackup",
            "volumeInstanceBackupDelete",
            "deleteSnapshots",
            "disablePitr",
            "disablePitrForHaCluster",
            "updateBackupSchedule",
            "volumeInstanceBackupScheduleUpdate",
            "setRetentionPeriod",
            "PutBucketVersioning",
            "PutBucketLifecycleConfiguration",
            "disableDeletionProtection",
            "removeDeletionProtection",
            "expireSnapshots",
            "deleteRecoveryPoint",
            "deleteBackupVault",
            "purge_snapshots",
            "deleteReplicaSet",
        ],
    );
}

#[test]
fn letting_in_grants_access() {
    check(
        GrantAccess,
        &[
            "addCollaborator",
            "updateRole",
            "inviteUser",
            "transferOwnership",
            "projectTransferInitiate",
            "setVisibility",
            "makeRepositoryPublic",
            "PutBucketAcl",
            "attachRolePolicy",
            "workspaceMemberAdd",
            "grant",
            "acceptInvitation",
        ],
    );
}

#[test]
fn making_credentials_mints_them() {
    check(
        MintCredential,
        &[
            "createToken",
            "apiTokenCreate",
            "generateApiKey",
            "rotateCredentials",
            "resetPassword",
            "CreateAccessKey",
            "regenerate-secret",
            "passwords/reset",
        ],
    );
}

#[test]
fn the_rest_is_what_its_verb_says() {
    check(Execute, &["sandboxExec", "runCommand", "invokeFunction", "restoreTable", "importYaml"]);
    check(Execute, &["applyManifest", "evalScript", "deploymentRollback", "SendCommand"]);
    check(
        Remove,
        &["cancelOrder", "detachDisk", "revokeSession", "removeLabel", "flushCache", "clearCache"],
    );
    check(Remove, &["removeProjectMember", "removeUserFromProject"]);
    check(Modify, &["updateUser", "renameProject", "resetView", "serviceInstanceDeploy"]);
    check(Spend, &["purchaseDomain", "payInvoice", "checkout"]);
    check(Create, &["createUser", "sendMessage", "createIssueComment", "createKeyspace"]);
}

#[test]
fn what_only_reads_or_says_nothing_is_not_raised() {
    check(
        Observe,
        &[
            "getDeletedItems",
            "listTokens",
            "getDropdownOptions",
            "listBackups",
            "describeSnapshots",
            "searchPermissions",
            "isEmpty",
            "list_deleted",
        ],
    );
    check(
        None,
        &[
            "dropdownOptions",
            "keyboard",
            "tokens",
            "deletedItems",
            "removedMembers",
            "undeleted",
            "monkey",
            "executive",
            "formation",
            "workflowRuns",
            "backups",
            "users",
            "",
        ],
    );
    assert!(reads("getDeletedItems") && !reads("getAndDelete") && !reads("dropdownOptions"));
}

proptest! {
    #[test]
    fn every_spelling_of_a_name_says_the_same(
        parts in prop::collection::vec("[a-z]{2,9}", 1..5),
    ) {
        let capital = |part: &String| {
            let (first, rest) = part.split_at(1);
            first.to_uppercase() + rest
        };
        let pascal: String = parts.iter().map(capital).collect();
        for spelling in [parts.join("_"), parts.join("-"), parts.join(":"), parts.join("."), pascal] {
            prop_assert_eq!(&words(&spelling), &parts);
            prop_assert_eq!(effect_of_words(&spelling), effect_of_words(&parts.join("_")));
        }
    }

    #[test]
    fn any_name_is_read(name in any::<String>()) {
        for word in words(&name) {
            prop_assert!(!word.is_empty() && word.chars().all(char::is_alphanumeric), "{}", word);
        }
        let _ = effect_of_words(&name);
    }
}
