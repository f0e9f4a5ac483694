//! Every mutation of Railway, by what it does. Reviewed one by one; the strictest reading counts.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, Spend,
    WeakenRecovery,
};
use holdpoint_core::Reversibility::{Inverse, None as Never, Unknown, Window};

use super::change_set::CHANGE_SET;
use crate::graphql::Entry;
use crate::graphql::Opening::{ChangeSet, Each, Raise};

/// All of them.
pub(super) static ALL: &[&[Entry]] =
    &[DATA, RECOVERY, OPAQUE, CREDENTIALS, ACCESS, REMOVALS, CHANGES, CREATIONS, MONEY, READS];

/// Two days, in which a deleted project can be had back.
const GRACE_SECONDS: u64 = 172_800;

use Entry as E;

/// What takes data away.
const DATA: &[Entry] = &[
    E::new("agentBootstrapDelete", Destroy, Never, "agentBootstrap", "id"),
    E::new("cloudAgentDelete", Destroy, Never, "cloudAgent", "id"),
    E::new("environmentDelete", Destroy, Never, "environment", "id"),
    E::new("pluginDelete", Destroy, Never, "plugin", "id"),
    E::new("pluginReset", Destroy, Never, "plugin", "id"),
    E::new("projectDelete", Destroy, Never, "project", "id"),
    E::new("projectScheduleDelete", Destroy, Window(GRACE_SECONDS), "project", "id"),
    E::new("projectScheduleDeleteForce", Destroy, Never, "project", "id"),
    E::new("sandboxCheckpointDelete", Destroy, Never, "sandboxCheckpoint", "id"),
    E::new("sandboxDestroy", Destroy, Never, "sandbox", "id"),
    E::new("serviceDelete", Destroy, Never, "service", "id"),
    // With its audit log.
    E::new("signalDelete", Destroy, Never, "signal", "input.name"),
    // Clears every rule; the schema itself calls it destructive.
    E::new("signalReplace", Destroy, Never, "signal", "input.name"),
    E::new("userDelete", Destroy, Never, "user", "=me"),
    // In every environment that has an instance of it; no mutation undoes it.
    E::new("volumeDelete", Destroy, Never, "volume", "volumeId"),
    E::new("workspaceDelete", Destroy, Never, "workspace", "id"),
];

/// What takes a way back away. Restoring does: it overwrites, and removes newer backups.
const RECOVERY: &[Entry] = &[
    E::new("cancelPitrHaWorkflow", WeakenRecovery, Unknown, "service", "rootServiceId"),
    E::new("clearPitrHaWorkflowProgress", WeakenRecovery, Unknown, "service", "rootServiceId"),
    E::new("disablePitrForHaCluster", WeakenRecovery, Never, "service", "input.rootServiceId"),
    E::new("templateRevert", WeakenRecovery, Unknown, "service", "input.rootServiceId"),
    E::new(
        "volumeInstanceBackupDelete",
        WeakenRecovery,
        Never,
        "volumeInstanceBackup",
        "volumeInstanceBackupId",
    ),
    E::new(
        "volumeInstanceBackupRestore",
        WeakenRecovery,
        Never,
        "volumeInstance",
        "volumeInstanceId",
    )
    .opens(&[Each {
        argument: "wipeServiceIds",
        kind: "service",
        effect: Destroy,
        reversibility: Never,
    }]),
    E::new(
        "volumeInstanceBackupScheduleUpdate",
        WeakenRecovery,
        Inverse,
        "volumeInstance",
        "volumeInstanceId",
    ),
];

/// What runs something that cannot be seen from here, or applies what lies somewhere else.
const OPAQUE: &[Entry] = &[
    E::new("canvasViewMerge", Execute, Unknown, "environment", "targetEnvironmentId"),
    // An agent without a guard.
    E::new("cloudAgentCreate", Execute, Unknown, "cloudAgent", "=new"),
    E::new(
        "deploymentInstanceExecutionCreate",
        Execute,
        Unknown,
        "serviceInstance",
        "input.serviceInstanceId",
    ),
    E::new("dockerComposeImport", Execute, Unknown, "environment", "environmentId"),
    E::new("environmentApplyChangeSet", Execute, Unknown, "environment", "environmentId")
        .opens(&[ChangeSet { argument: "input", rules: CHANGE_SET }]),
    E::new("environmentPatchCommit", Execute, Unknown, "environment", "environmentId")
        .opens(&[ChangeSet { argument: "patch", rules: CHANGE_SET }]),
    E::new("environmentPatchCommitStaged", Execute, Unknown, "environment", "environmentId"),
    // What is staged is committed by a mutation that no longer names it: judged here.
    E::new("environmentStageChanges", Execute, Unknown, "environment", "environmentId")
        .opens(&[ChangeSet { argument: "input", rules: CHANGE_SET }]),
    E::new("sandboxExec", Execute, Unknown, "sandbox", "id"),
    E::new("sandboxTemplateBuild", Execute, Unknown, "sandboxTemplate", "=new"),
    // Posts what the caller wrote to where the caller says.
    E::new("webhookTest", Execute, Unknown, "webhook", "url"),
];

/// What makes a credential, and answers with it.
const CREDENTIALS: &[Entry] = &[
    E::new("apiTokenCreate", MintCredential, Inverse, "apiToken", "=new").secret(),
    // The old ones stop working.
    E::new("bucketCredentialsReset", MintCredential, Never, "bucket", "bucketId").secret(),
    E::new("cloudAgentHarnessToken", MintCredential, Unknown, "cloudAgent", "id").secret(),
    E::new("generateShellToken", MintCredential, Unknown, "shell", "input.instanceId").secret(),
    E::new("loginSessionConsume", MintCredential, Inverse, "session", "=me").secret(),
    E::new("pluginResetCredentials", MintCredential, Never, "plugin", "id").secret(),
    E::new("projectTokenCreate", MintCredential, Inverse, "projectToken", "=new").secret(),
    E::new("recoveryCodeGenerate", MintCredential, Never, "user", "=me").secret(),
    E::new("twoFactorInfoCreate", MintCredential, Inverse, "user", "=me").secret(),
    E::new("twoFactorInfoSecret", MintCredential, Never, "user", "=me").secret(),
];

/// What lets somebody do more than before.
const ACCESS: &[Entry] = &[
    // The gate before code that is not trusted yet.
    E::new("deploymentApprove", GrantAccess, Unknown, "deployment", "id"),
    E::new("emailChangeConfirm", GrantAccess, Unknown, "user", "=me"),
    E::new("emailChangeInitiate", GrantAccess, Unknown, "user", "=me"),
    E::new("inviteCodeUse", GrantAccess, Unknown, "project", "=unknown"),
    E::new("loginSessionAuth", GrantAccess, Unknown, "session", "=me"),
    E::new("projectClaim", GrantAccess, Unknown, "project", "id"),
    E::new("projectInvitationAccept", GrantAccess, Unknown, "project", "=unknown"),
    E::new("projectInvitationCreate", GrantAccess, Inverse, "project", "id"),
    E::new("projectInvitationResend", GrantAccess, Unknown, "projectInvitation", "id"),
    E::new("projectInviteUser", GrantAccess, Unknown, "project", "id"),
    E::new("projectMemberAdd", GrantAccess, Inverse, "project", "input.projectId"),
    E::new("projectMemberUpdate", GrantAccess, Inverse, "project", "input.projectId"),
    E::new("projectTransfer", GrantAccess, Unknown, "project", "projectId"),
    E::new("projectTransferConfirm", GrantAccess, Never, "project", "input.projectId"),
    E::new("projectTransferInitiate", GrantAccess, Unknown, "project", "input.projectId"),
    E::new("projectTransferToTeam", GrantAccess, Unknown, "project", "id"),
    E::new("recoveryCodeValidate", GrantAccess, Never, "user", "=me"),
    E::new("sshPublicKeyCreate", GrantAccess, Inverse, "sshPublicKey", "=new"),
    E::new("sshSignupApprove", GrantAccess, Unknown, "user", "=me"),
    // A port that was private becomes public.
    E::new("tcpProxyCreate", GrantAccess, Inverse, "tcpProxy", "=new"),
    E::new("templatePublish", GrantAccess, Inverse, "template", "id"),
    E::new("trustedDomainCreate", GrantAccess, Inverse, "trustedDomain", "=new"),
    E::new("trustedDomainUpdate", GrantAccess, Inverse, "trustedDomain", "input.id"),
    // A password alone is enough afterwards.
    E::new("twoFactorInfoDelete", GrantAccess, Unknown, "user", "=me"),
    E::new("twoFactorInfoValidate", GrantAccess, Unknown, "user", "=me"),
    E::new("workspaceInviteCodeCreate", GrantAccess, Unknown, "workspace", "workspaceId").secret(),
    E::new("workspaceInviteCodeUse", GrantAccess, Unknown, "workspace", "=unknown"),
    E::new("workspacePermissionChange", GrantAccess, Inverse, "workspace", "input.workspaceId"),
    E::new(
        "workspacePolicyDeploySourceAllowlistAdd",
        GrantAccess,
        Inverse,
        "workspace",
        "workspaceId",
    ),
    E::new("workspacePolicyItemUpdate", GrantAccess, Inverse, "workspace", "workspaceId"),
    E::new("workspaceTwoFactorEnforcementUpdate", GrantAccess, Inverse, "workspace", "workspaceId"),
    E::new("workspaceUserInvite", GrantAccess, Unknown, "workspace", "workspaceId"),
];

/// What takes away something that carries no data of its own.
const REMOVALS: &[Entry] = &[
    E::new("apiTokenDelete", Remove, Never, "apiToken", "id"),
    E::new("botScopeBindingRemove", Remove, Unknown, "botScopeBinding", "id"),
    E::new("customDomainDelete", Remove, Inverse, "customDomain", "id"),
    E::new("deploymentCancel", Remove, Inverse, "deployment", "id"),
    E::new("deploymentRemove", Remove, Inverse, "deployment", "id"),
    E::new("deploymentStop", Remove, Inverse, "deployment", "id"),
    E::new("deploymentTriggerDelete", Remove, Inverse, "deploymentTrigger", "id"),
    E::new("disableServiceCdn", Remove, Inverse, "service", "input.serviceId"),
    // The addresses that others have allowed are gone.
    E::new("egressGatewayAssociationsClear", Remove, Never, "service", "input.serviceId"),
    E::new("featureFlagRemove", Remove, Inverse, "user", "=me"),
    E::new("integrationDelete", Remove, Unknown, "integration", "id"),
    E::new("loginSessionCancel", Remove, Inverse, "session", "=me"),
    E::new("notificationRuleDelete", Remove, Inverse, "notificationRule", "id"),
    E::new("passkeyDelete", Remove, Never, "passkey", "id"),
    E::new("privateNetworkEndpointDelete", Remove, Unknown, "privateNetworkEndpoint", "id"),
    E::new("privateNetworksForEnvironmentDelete", Remove, Unknown, "environment", "environmentId"),
    E::new("projectFeatureFlagRemove", Remove, Inverse, "project", "input.projectId"),
    E::new("projectInvitationDelete", Remove, Inverse, "projectInvitation", "id"),
    E::new("projectLeave", Remove, Unknown, "project", "id"),
    E::new("projectMemberRemove", Remove, Inverse, "project", "input.projectId"),
    E::new("projectTokenDelete", Remove, Never, "projectToken", "id"),
    E::new("providerAuthRemove", Remove, Unknown, "providerAuth", "id"),
    E::new("purgeServiceCache", Remove, Inverse, "service", "input.serviceId"),
    E::new(
        "railwayDomainDnsRecordDelete",
        Remove,
        Inverse,
        "railwayDomainDnsRecord",
        "input.recordId",
    ),
    E::new("serviceDisconnect", Remove, Inverse, "service", "id"),
    // The name is free for others.
    E::new("serviceDomainDelete", Remove, Unknown, "serviceDomain", "id"),
    E::new("serviceFeatureFlagRemove", Remove, Inverse, "service", "input.serviceId"),
    E::new("serviceRemoveUpstreamUrl", Remove, Unknown, "service", "id"),
    E::new("sessionDelete", Remove, Never, "session", "id"),
    E::new("signalRuleUnset", Remove, Inverse, "signal", "input.name"),
    E::new("sshPublicKeyDelete", Remove, Inverse, "sshPublicKey", "id"),
    // A new one gets another port.
    E::new("tcpProxyDelete", Remove, Never, "tcpProxy", "id"),
    E::new("templateDelete", Remove, Never, "template", "id"),
    E::new("templateUnpublish", Remove, Inverse, "template", "id"),
    E::new("trustedDomainDelete", Remove, Inverse, "trustedDomain", "id"),
    E::new("usageLimitRemove", Remove, Inverse, "customer", "input.customerId"),
    E::new("userBetaLeave", Remove, Unknown, "user", "=me"),
    E::new("userDiscordDisconnect", Remove, Unknown, "user", "=me"),
    E::new("userFlagsRemove", Remove, Inverse, "user", "=me"),
    E::new("variableDelete", Remove, Inverse, "variable", "input.name"),
    E::new("workspaceLeave", Remove, Unknown, "workspace", "id"),
    E::new(
        "workspacePolicyDeploySourceAllowlistRemove",
        Remove,
        Unknown,
        "workspacePolicyDeploySourceAllowlist",
        "id",
    ),
    E::new("workspaceUserRemove", Remove, Inverse, "workspace", "workspaceId"),
];

/// What changes what is there.
const CHANGES: &[Entry] = &[
    E::new("agentUsageLimitSet", Modify, Inverse, "workspace", "input.workspaceId"),
    E::new("baseEnvironmentOverride", Modify, Inverse, "deploymentTrigger", "id"),
    E::new("bucketUpdate", Modify, Inverse, "bucket", "id"),
    E::new("cloudAgentSleep", Modify, Inverse, "cloudAgent", "id"),
    E::new("cloudAgentWake", Modify, Inverse, "cloudAgent", "id"),
    E::new("customDomainIssueCertificate", Modify, Inverse, "customDomain", "id"),
    E::new("customDomainUpdate", Modify, Inverse, "customDomain", "id"),
    E::new("deploymentRedeploy", Modify, Inverse, "deployment", "id"),
    E::new("deploymentRestart", Modify, Inverse, "deployment", "id"),
    E::new("deploymentRollback", Modify, Inverse, "deployment", "id"),
    E::new("deploymentTriggerUpdate", Modify, Inverse, "deploymentTrigger", "id"),
    E::new("egressGatewayRollbackFromHA", Modify, Unknown, "service", "input.serviceId"),
    E::new("egressGatewayUpgradeToHA", Modify, Unknown, "service", "input.serviceId"),
    E::new("enablePitrForHaCluster", Modify, Unknown, "service", "input.rootServiceId"),
    E::new("enableServiceCdn", Modify, Inverse, "service", "input.serviceId"),
    E::new("environmentRename", Modify, Inverse, "environment", "id"),
    E::new("environmentTriggersDeploy", Modify, Inverse, "service", "input.serviceId"),
    E::new("environmentUnskipService", Modify, Unknown, "service", "serviceId"),
    // Agreements bind the human.
    E::new("fairUseAgree", Modify, Never, "user", "=me"),
    E::new("featureFlagAdd", Modify, Inverse, "user", "=me"),
    E::new("githubRepoUpdate", Modify, Unknown, "service", "input.serviceId"),
    E::new("herokuImportVariables", Modify, Inverse, "service", "input.serviceId"),
    E::new("integrationUpdate", Modify, Inverse, "integration", "id"),
    E::new("notificationDeliveriesMarkAsRead", Modify, Never, "notificationDelivery", "=me"),
    E::new("notificationRuleUpdate", Modify, Inverse, "notificationRule", "id"),
    E::new("observabilityDashboardReset", Modify, Inverse, "observabilityDashboard", "id"),
    E::new("observabilityDashboardUpdate", Modify, Inverse, "observabilityDashboard", "id"),
    E::new("pluginRestart", Modify, Inverse, "plugin", "id"),
    E::new("pluginStart", Modify, Inverse, "plugin", "id"),
    E::new("pluginUpdate", Modify, Inverse, "plugin", "id"),
    E::new("preferencesUpdate", Modify, Inverse, "user", "=me"),
    E::new("privateNetworkEndpointRename", Modify, Inverse, "privateNetworkEndpoint", "id"),
    E::new("projectFeatureFlagAdd", Modify, Inverse, "project", "input.projectId"),
    E::new("projectScheduleDeleteCancel", Modify, Inverse, "project", "id"),
    E::new("projectUpdate", Modify, Inverse, "project", "id").opens(&[PUBLIC]),
    E::new(
        "railwayDomainDnsRecordUpdate",
        Modify,
        Inverse,
        "railwayDomainDnsRecord",
        "input.recordId",
    ),
    E::new("railwayDomainNameserversSet", Modify, Inverse, "railwayDomain", "input.id"),
    E::new("railwayDomainUpdate", Modify, Inverse, "railwayDomain", "input.id"),
    E::new("referralInfoUpdate", Modify, Inverse, "workspace", "input.workspaceId"),
    E::new("sandboxCheckpointRename", Modify, Inverse, "sandboxCheckpoint", "id"),
    E::new("sandboxHeartbeat", Modify, Inverse, "sandbox", "id"),
    E::new("serviceConnect", Modify, Inverse, "service", "id"),
    E::new("serviceDomainUpdate", Modify, Inverse, "serviceDomain", "input.serviceDomainId"),
    E::new("serviceFeatureFlagAdd", Modify, Inverse, "service", "input.serviceId"),
    E::new("serviceInstanceAutoDeployUpdate", Modify, Inverse, "service", "input.serviceId"),
    E::new("serviceInstanceDeploy", Modify, Inverse, "service", "serviceId"),
    E::new("serviceInstanceDeployV2", Modify, Inverse, "service", "serviceId"),
    E::new("serviceInstanceLimitsUpdate", Modify, Inverse, "service", "input.serviceId"),
    E::new("serviceInstanceRedeploy", Modify, Inverse, "service", "serviceId"),
    // Shell text that the platform runs, with the service's credentials.
    E::new("serviceInstanceUpdate", Modify, Inverse, "service", "serviceId").opens(&[
        runs("input.startCommand"),
        runs("input.preDeployCommand"),
        runs("input.buildCommand"),
        runs("input.nixpacksPlan"),
    ]),
    E::new("serviceInstanceVulnRemediationDismiss", Modify, Unknown, "service", "serviceId"),
    E::new("serviceInstanceVulnRemediationPatchNow", Modify, Unknown, "service", "serviceId"),
    E::new("serviceUpdate", Modify, Inverse, "service", "id"),
    E::new("setServiceUnderAttackMode", Modify, Inverse, "service", "input.serviceId"),
    E::new("sharedVariableConfigure", Modify, Inverse, "variable", "input.name"),
    E::new("signalDefaultSet", Modify, Inverse, "signal", "input.name"),
    E::new("signalRollback", Modify, Inverse, "signal", "input.name"),
    E::new("signalRuleSet", Modify, Inverse, "signal", "input.name"),
    E::new("templateServiceSourceEject", Modify, Unknown, "service", "input.serviceIds"),
    E::new("templateVolumeUpdate", Modify, Inverse, "template", "templateId"),
    E::new("trustedDomainRetriggerVerification", Modify, Inverse, "trustedDomain", "id"),
    E::new("updateServiceEdgeConfig", Modify, Inverse, "service", "input.serviceId"),
    E::new("updateServiceEdgeRules", Modify, Inverse, "service", "input.serviceId"),
    E::new("usageLimitSet", Modify, Inverse, "customer", "input.customerId"),
    E::new("userFlagsSet", Modify, Inverse, "user", "=me"),
    E::new("userProfileUpdate", Modify, Inverse, "user", "=me"),
    E::new("userTermsUpdate", Modify, Never, "user", "=me"),
    // With `replace`, every variable that is not named goes.
    E::new("variableCollectionUpsert", Modify, Inverse, "variable", "=all").opens(&[Raise {
        argument: "input.replace",
        values: &["true"],
        effect: Remove,
        reversibility: Inverse,
    }]),
    E::new("variableUpsert", Modify, Inverse, "variable", "input.name"),
    // `state` accepts DELETED and DELETING; what the other states do, nobody says.
    E::new("volumeInstanceUpdate", Modify, Inverse, "volume", "volumeId").opens(&[
        Raise {
            argument: "input.state",
            values: &["DELETED", "DELETING"],
            effect: Destroy,
            reversibility: Never,
        },
        runs("input.state"),
    ]),
    E::new("volumeUpdate", Modify, Inverse, "volume", "volumeId"),
    E::new("workspaceUpdate", Modify, Inverse, "workspace", "id"),
];

/// What makes something new.
const CREATIONS: &[Entry] = &[
    E::new("agentBootstrapSave", Create, Inverse, "agentBootstrap", "=new"),
    E::new("bucketCreate", Create, Inverse, "bucket", "=new"),
    E::new("cliAuthEventTrack", Create, Never, "telemetry", "=new"),
    E::new("cliEventTrack", Create, Never, "telemetry", "=new"),
    E::new("cloudAgentStateReport", Create, Never, "telemetry", "=new"),
    E::new("customDomainCreate", Create, Inverse, "customDomain", "=new"),
    E::new("deploymentTriggerCreate", Create, Inverse, "deploymentTrigger", "=new"),
    E::new("egressGatewayAssociationCreate", Create, Inverse, "service", "input.serviceId"),
    E::new("environmentCreate", Create, Inverse, "environment", "=new"),
    E::new("githubRepoDeploy", Create, Inverse, "service", "=new"),
    E::new("integrationCreate", Create, Inverse, "integration", "=new"),
    E::new("jobApplicationCreate", Create, Never, "jobApplication", "=new"),
    E::new("loginSessionCreate", Create, Inverse, "session", "=new"),
    E::new("notificationRuleCreate", Create, Inverse, "notificationRule", "=new"),
    E::new("observabilityDashboardCreate", Create, Inverse, "observabilityDashboard", "=new"),
    E::new("pluginCreate", Create, Inverse, "plugin", "=new"),
    E::new("privateNetworkCreateOrGet", Create, Inverse, "privateNetwork", "=new"),
    E::new("privateNetworkEndpointCreateOrGet", Create, Inverse, "privateNetworkEndpoint", "=new"),
    E::new("projectCreate", Create, Inverse, "project", "=new").opens(&[PUBLIC]),
    E::new("railwayDomainDnsRecordCreate", Create, Inverse, "railwayDomainDnsRecord", "=new"),
    E::new("sandboxCheckpointCreate", Create, Inverse, "sandboxCheckpoint", "=new"),
    E::new("sandboxCreate", Create, Inverse, "sandbox", "=new"),
    E::new("serviceCreate", Create, Inverse, "service", "=new"),
    E::new("serviceDomainCreate", Create, Inverse, "serviceDomain", "=new"),
    E::new("serviceDuplicate", Create, Inverse, "service", "=new"),
    E::new("setupAgentEventTrack", Create, Never, "telemetry", "=new"),
    E::new("signalCreate", Create, Inverse, "signal", "=new"),
    E::new("templateClone", Create, Inverse, "template", "=new"),
    E::new("templateDeploy", Create, Inverse, "service", "=new"),
    // With a root service, it rebuilds a cluster that is there.
    E::new("templateDeployV2", Create, Inverse, "service", "=new")
        .opens(&[runs("input.existingRootServiceId")]),
    E::new("templateGenerate", Create, Inverse, "template", "=new"),
    E::new("upsertSlackChannel", Create, Unknown, "workspace", "workspaceId"),
    E::new("volumeCreate", Create, Inverse, "volume", "=new"),
    E::new("volumeInstanceBackupCreate", Create, Inverse, "volumeInstanceBackup", "=new"),
    // Takes the expiry off: a net more, not one less.
    E::new(
        "volumeInstanceBackupLock",
        Create,
        Unknown,
        "volumeInstanceBackup",
        "volumeInstanceBackupId",
    ),
    // Into a new service; what is there stays as it is.
    E::new("volumeInstancePITRRestore", Create, Inverse, "service", "=new"),
    E::new("workspaceUpsertSlackChannel", Create, Unknown, "workspace", "id"),
];

/// What is about money.
const MONEY: &[Entry] = &[
    E::new("customerCreateFreePlanSubscription", Spend, Unknown, "customer", "id"),
    E::new("customerTogglePayoutsToCredits", Spend, Inverse, "customer", "customerId"),
];

/// Mutations that only read.
const READS: &[Entry] = &[
    E::new("egressGatewayHAMigrationPreview", Observe, Inverse, "service", "input.serviceId"),
    E::new("environmentPreviewChangeSet", Observe, Inverse, "environment", "environmentId"),
    E::new("loginSessionVerify", Observe, Inverse, "session", "=me"),
];

/// Everybody can read it afterwards.
const PUBLIC: crate::graphql::Opening = Raise {
    argument: "input.isPublic",
    values: &["true"],
    effect: GrantAccess,
    reversibility: Unknown,
};

/// If `argument` is given, something runs whose effect cannot be seen from here.
const fn runs(argument: &'static str) -> crate::graphql::Opening {
    Raise { argument, values: &[], effect: Execute, reversibility: Unknown }
}
