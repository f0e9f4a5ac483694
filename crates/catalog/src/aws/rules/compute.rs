//! What runs: machines, functions, containers, stacks, models, and what they cost.

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, Modify, Observe, Remove, Spend,
};

use super::{
    Rule,
    When::{Given, Is},
    rule,
};

pub(super) const RULES: &[Rule] = &[
    rule(
        &["ec2"],
        &["TerminateInstances", "DeleteVolume", "CancelSpotFleetRequests", "DeleteFleets"],
        Destroy,
    ),
    rule(
        &["ec2"],
        &[
            "RunInstances",
            "RequestSpot*",
            "CreateFleet",
            "RunScheduledInstances",
            "Purchase*",
            "AllocateHosts",
            "CreateCapacityReservation*",
        ],
        Spend,
    ),
    rule(&["ec2"], &["ModifyInstanceAttribute"], Execute).when(Given("UserData.Value")),
    rule(&["ec2"], &["StopInstances", "StartInstances", "RebootInstances"], Modify).inverse(),
    rule(
        &["ec2"],
        &["CreateImage", "CreateSnapshot", "CreateSnapshots", "CopySnapshot", "CopyImage"],
        Create,
    ),
    // Carries nothing of its own, and can be made again.
    rule(
        &["ec2"],
        &[
            "DeleteSecurityGroup",
            "DeleteRoute",
            "DeleteRouteTable",
            "DeleteTags",
            "DeleteKeyPair",
            "DeleteNetworkInterface",
            "DeleteSubnet",
            "DeleteVpc",
            "DeleteVpcEndpoints",
            "DeleteInternetGateway",
            "DeleteNatGateway",
            "DeletePlacementGroup",
            "DeleteNetworkAclEntry",
            "DetachVolume",
        ],
        Remove,
    ),
    rule(&["ec2"], &["CreateTags"], Modify).inverse(),
    rule(&["ec2"], &["SendDiagnosticInterrupt"], Execute),
    rule(&["ec2-instance-connect"], &["*"], GrantAccess),
    // Code that is sent, and code that is started.
    rule(
        &["ssm"],
        &[
            "SendCommand",
            "StartSession",
            "ResumeSession",
            "StartAutomationExecution",
            "CreateAssociation*",
            "UpdateAssociation",
            "StartAssociationsOnce",
        ],
        Execute,
    ),
    rule(&["lambda"], &["Invoke*"], Observe).when(Is("x-amz-invocation-type", "DryRun")),
    rule(&["lambda"], &["Invoke*", "UpdateFunctionCode"], Execute),
    rule(&["lambda"], &["DeleteFunction"], Destroy),
    rule(
        &["lambda"],
        &[
            "DeleteEventSourceMapping",
            "DeleteAlias",
            "DeleteFunctionConcurrency",
            "RemovePermission",
        ],
        Remove,
    ),
    rule(&["ecs"], &["ExecuteCommand", "RunTask", "StartTask"], Execute),
    rule(&["ecs"], &["UpdateService", "StopTask"], Modify),
    rule(
        &["codebuild", "codepipeline", "glue", "batch", "stepfunctions", "emr"],
        &[
            "StartBuild*",
            "StartPipelineExecution",
            "StartJobRun",
            "SubmitJob",
            "StartExecution",
            "StartSyncExecution",
            "AddJobFlowSteps",
        ],
        Execute,
    ),
    rule(&["emr"], &["TerminateJobFlows"], Destroy),
    rule(&["emr"], &["SetTerminationProtection"], Modify),
    rule(&["stepfunctions"], &["StopExecution"], Remove),
    // Stacks: a template does whatever it says.
    rule(&["cloudformation"], &["DeleteStack", "DeleteStackSet", "DeleteStackInstances"], Destroy),
    rule(
        &["cloudformation"],
        &[
            "UpdateStack",
            "ExecuteChangeSet",
            "UpdateStackSet",
            "UpdateStackInstances",
            "ContinueUpdateRollback",
            "RollbackStack",
            "ImportStacksToStackSet",
        ],
        Execute,
    ),
    rule(
        &["cloudformation"],
        &["CreateStack", "CreateStackSet", "CreateStackInstances"],
        GrantAccess,
    )
    .when(Given("Capabilities")),
    rule(&["cloudformation"], &["CreateChangeSet"], Create),
    rule(
        &["cloudformation"],
        &["ValidateTemplate", "EstimateTemplateCost", "DetectStack*"],
        Observe,
    ),
    rule(&["cloudformation"], &["DeleteChangeSet"], Remove),
    // Groups of machines.
    rule(
        &["autoscaling"],
        &["TerminateInstanceInAutoScalingGroup", "DeleteAutoScalingGroup"],
        Destroy,
    ),
    rule(
        &["autoscaling"],
        &["SetDesiredCapacity", "UpdateAutoScalingGroup", "StartInstanceRefresh"],
        Modify,
    ),
    // What costs by being there.
    rule(
        &["rds", "neptune", "docdb"],
        &["CreateDBInstance", "CreateDBCluster", "Purchase*"],
        Spend,
    ),
    rule(
        &["rds", "neptune", "docdb"],
        &["CreateDBClusterSnapshot", "CreateDBSnapshot", "RestoreDB*"],
        Create,
    ),
    rule(
        &["rds", "neptune", "docdb"],
        &["RebootDB*", "StartDB*", "StopDB*", "FailoverDBCluster"],
        Modify,
    )
    .inverse(),
    rule(&["redshift", "eks"], &["CreateCluster"], Spend),
    rule(&["emr"], &["RunJobFlow"], Spend),
    rule(&["savingsplans"], &["CreateSavingsPlan"], Spend),
    rule(&["route53domains"], &["RegisterDomain", "RenewDomain"], Spend),
    rule(&["route53domains"], &["DeleteDomain"], Destroy),
    // An account can be opened again for 90 days.
    rule(
        &["organizations"],
        &[
            "CloseAccount",
            "LeaveOrganization",
            "RemoveAccountFromOrganization",
            "DeleteOrganization",
        ],
        Destroy,
    ),
    rule(&["account"], &["DeleteAlternateContact"], Remove),
    // Models: a prompt changes nothing.
    rule(
        &["bedrock-runtime"],
        &[
            "Converse",
            "ConverseStream",
            "InvokeModel",
            "InvokeModelWithResponseStream",
            "CountTokens",
            "ApplyGuardrail",
        ],
        Observe,
    ),
];
