//! Ways back: backups, snapshots, retention, protection, versions, and the trail of what was done.

use holdpoint_core::Effect::{Destroy, GrantAccess, Modify, Observe, WeakenRecovery};

use super::{
    Rule,
    When::{Any, Below, Days, Given, Is},
    rule,
};

/// Relational databases and those that speak their API.
const RDS: &[&str] = &["rds", "neptune", "docdb"];
const MODIFY_DB: &[&str] =
    &["ModifyDBInstance", "ModifyDBCluster", "ModifyGlobalCluster", "CreateDBInstance"];
const DELETE_DB: &[&str] = &["DeleteDBInstance", "DeleteDBCluster"];

pub(super) const RULES: &[Rule] = &[
    // EC2 says what it would have done, and does not.
    rule(&["ec2"], &["*"], Observe).when(Is("DryRun", "true")),
    // A key that is gone takes with it whatever it encrypts.
    rule(&["kms"], &["ScheduleKeyDeletion"], Destroy).when(Days("PendingWindowInDays", 30)),
    rule(&["kms"], &["DeleteImportedKeyMaterial", "DeleteCustomKeyStore"], Destroy),
    rule(&["kms"], &["DisableKey"], WeakenRecovery).inverse(),
    rule(&["kms"], &["CancelKeyDeletion", "EnableKey", "EnableKeyRotation"], Modify).inverse(),
    rule(&["secretsmanager"], &["DeleteSecret"], Destroy)
        .when(Any("ForceDeleteWithoutRecovery", "true")),
    rule(&["secretsmanager"], &["DeleteSecret"], Destroy).when(Days("RecoveryWindowInDays", 30)),
    // Databases. No retention deletes the automated backups at once; less than a week is hardly
    // ever more than before.
    rule(RDS, MODIFY_DB, WeakenRecovery).when(Below("BackupRetentionPeriod", 7)),
    rule(RDS, MODIFY_DB, WeakenRecovery).when(Any("DeletionProtection", "false")),
    rule(RDS, MODIFY_DB, GrantAccess).when(Any("PubliclyAccessible", "true")),
    rule(RDS, DELETE_DB, Destroy).when(Any("SkipFinalSnapshot", "true")),
    rule(RDS, DELETE_DB, Destroy).inverse().when(Given("FinalDBSnapshotIdentifier")),
    rule(RDS, DELETE_DB, Destroy),
    rule(
        RDS,
        &[
            "DeleteDBSnapshot",
            "DeleteDBClusterSnapshot",
            "DeleteDBInstanceAutomatedBackup",
            "DeleteDBClusterAutomatedBackup",
        ],
        WeakenRecovery,
    ),
    rule(&["redshift"], &["ModifyCluster"], WeakenRecovery)
        .when(Below("AutomatedSnapshotRetentionPeriod", 7)),
    rule(&["redshift"], &["DeleteCluster"], Destroy).when(Any("SkipFinalClusterSnapshot", "true")),
    rule(&["redshift"], &["DeleteCluster"], Destroy)
        .inverse()
        .when(Given("FinalClusterSnapshotIdentifier")),
    rule(
        &["redshift", "redshift-serverless"],
        &["DeleteClusterSnapshot", "DeleteSnapshot"],
        WeakenRecovery,
    ),
    rule(
        &["elasticache", "memorydb"],
        &["DeleteSnapshot", "DeleteServerlessCacheSnapshot"],
        WeakenRecovery,
    ),
    rule(&["elasticache"], &["ModifyReplicationGroup", "ModifyCacheCluster"], WeakenRecovery)
        .when(Below("SnapshotRetentionLimit", 7)),
    rule(&["dynamodb"], &["UpdateContinuousBackups"], WeakenRecovery)
        .when(Any("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", "false")),
    rule(&["dynamodb"], &["UpdateTable"], WeakenRecovery)
        .when(Any("DeletionProtectionEnabled", "false")),
    rule(&["dynamodb"], &["DeleteBackup"], WeakenRecovery),
    // Deletion by rule.
    rule(&["dynamodb"], &["UpdateTimeToLive"], Destroy)
        .when(Any("TimeToLiveSpecification.Enabled", "true")),
    rule(&["s3"], &["PutBucketLifecycle", "PutBucketLifecycleConfiguration"], Destroy)
        .when(Given("*Expiration")),
    rule(&["s3"], &["PutBucketLifecycle", "PutBucketLifecycleConfiguration"], Destroy)
        .when(Given("*NoncurrentVersionExpiration")),
    rule(&["s3"], &["PutBucketLifecycle", "PutBucketLifecycleConfiguration"], WeakenRecovery),
    rule(&["s3"], &["PutBucketVersioning"], Modify).inverse().when(Is("*Status", "Enabled")),
    rule(&["s3"], &["PutBucketVersioning"], WeakenRecovery),
    rule(
        &["s3", "s3control"],
        &[
            "PutBucketReplication",
            "DeleteBucketReplication",
            "PutObjectRetention",
            "PutObjectLegalHold",
            "PutObjectLockConfiguration",
            "DeleteBucketEncryption",
        ],
        WeakenRecovery,
    ),
    rule(&["logs"], &["PutRetentionPolicy"], Destroy),
    rule(&["logs"], &["DeleteRetentionPolicy"], Modify).inverse(),
    rule(&["ecr"], &["PutLifecyclePolicy", "StartLifecyclePolicyPreview"], Destroy)
        .when(Given("lifecyclePolicyText")),
    // Machines.
    rule(
        &["ec2"],
        &["DeleteSnapshot", "DeregisterImage", "DisableImageDeregistrationProtection"],
        WeakenRecovery,
    ),
    rule(&["ec2"], &["ModifyInstanceAttribute"], WeakenRecovery)
        .when(Any("DisableApiTermination.Value", "false")),
    rule(&["ec2"], &["ModifyInstanceAttribute"], WeakenRecovery)
        .when(Any("DisableApiTermination", "false")),
    rule(
        &["ec2", "rbin"],
        &["UnlockSnapshot", "DeleteRule", "UnlockRule", "UpdateRule"],
        WeakenRecovery,
    ),
    rule(&["ec2"], &["ModifySnapshotTier"], WeakenRecovery),
    rule(&["elbv2", "elb"], &["ModifyLoadBalancerAttributes"], Modify).inverse(),
    // Backups as a service.
    rule(
        &["backup"],
        &[
            "Delete*",
            "Disassociate*",
            "StopBackupJob",
            "UpdateRecoveryPointLifecycle",
            "UpdateBackupPlan",
            "PutBackupVaultLockConfiguration",
            "UpdateGlobalSettings",
            "UpdateRegionSettings",
        ],
        WeakenRecovery,
    ),
    rule(&["backup"], &["PutBackupVaultAccessPolicy"], GrantAccess),
    rule(&["dlm"], &["DeleteLifecyclePolicy", "UpdateLifecyclePolicy"], WeakenRecovery),
    rule(&["fsx"], &["DeleteBackup"], WeakenRecovery),
    rule(
        &["efs"],
        &["PutBackupPolicy", "DeleteReplicationConfiguration", "UpdateFileSystemProtection"],
        WeakenRecovery,
    ),
    // Stacks that protect themselves.
    rule(&["cloudformation"], &["UpdateTerminationProtection"], WeakenRecovery)
        .when(Any("EnableTerminationProtection", "false")),
    rule(&["cloudformation"], &["SetStackPolicy"], WeakenRecovery),
    rule(&["cognito-idp"], &["UpdateUserPool"], WeakenRecovery)
        .when(Any("DeletionProtection", "INACTIVE")),
    // The trail.
    rule(
        &["cloudtrail"],
        &[
            "StopLogging",
            "DeleteTrail",
            "UpdateTrail",
            "PutEventSelectors",
            "DeleteEventDataStore",
            "StopEventDataStoreIngestion",
        ],
        WeakenRecovery,
    ),
    rule(
        &["config"],
        &["StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel"],
        WeakenRecovery,
    ),
    rule(&["guardduty"], &["DeleteDetector", "StopMonitoringMembers"], WeakenRecovery),
];
