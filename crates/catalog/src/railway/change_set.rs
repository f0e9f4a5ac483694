//! Railway's change sets: `EnvironmentConfig` patches and lists of intents.

use holdpoint_core::Effect::{
    self, Create, Destroy, Execute, GrantAccess, Modify, Remove, WeakenRecovery,
};

use crate::change_set::{ChangeSet, Changes, Collection, Rule};

/// How Railway's change sets are read. There is no mutation that deletes a bucket: buckets, and
/// with one request everything else, die by a change set.
pub(super) const CHANGE_SET: &ChangeSet = &ChangeSet {
    deletion: "isDeleted",
    collections: &[
        Collection { key: "services", kind: "service", removal: Destroy },
        Collection { key: "volumes", kind: "volume", removal: Destroy },
        Collection { key: "buckets", kind: "bucket", removal: Destroy },
        Collection { key: "plugins", kind: "plugin", removal: Destroy },
        Collection { key: "groups", kind: "group", removal: Remove },
    ],
    rules: &[
        set(&["services", "*", "variables"], Modify),
        set(&["services", "*", "isDeleted"], Modify),
        set(&["services", "*", "isCreated"], Create),
        set(&["services", "*", "groupId"], Modify),
        set(&["services", "*", "name"], Modify),
        set(&["services", "*", "icon"], Modify),
        // What runs, and where from: shell text is opaque, a source is a deployment.
        set(&["services", "*", "deploy", "startCommand"], Execute),
        set(&["services", "*", "deploy", "preDeployCommand"], Execute),
        set(&["services", "*", "deploy"], Modify),
        set(&["services", "*", "build", "buildCommand"], Execute),
        set(&["services", "*", "build", "nixpacksPlan"], Execute),
        set(&["services", "*", "build"], Modify),
        set(&["services", "*", "source"], Modify),
        // A port that was private becomes public.
        set(&["services", "*", "networking", "tcpProxies"], GrantAccess),
        set(&["services", "*", "networking"], Modify),
        set(&["services", "*", "volumeMounts", "*", "backupSchedules"], WeakenRecovery),
        set(&["services", "*", "volumeMounts"], Modify),
        set(&["sharedVariables"], Modify),
        set(&["volumes", "*"], Modify),
        set(&["buckets", "*"], Modify),
        set(&["groups", "*"], Modify),
    ],
    changes: &Changes {
        list: "changes",
        kind: "kind",
        address: "address",
        property: "field",
        kinds: &[
            ("resource.create", Create),
            ("resource.delete", Destroy),
            ("resource.update", Modify),
            ("variable.set", Modify),
            ("variable.delete", Remove),
        ],
        beside: &["version", "diagnostics", "partial", "declared", "telemetry"],
        plain: &["name", "icon", "groupId", "source", "tracing", "cdn"],
    },
};

/// Setting does `effect`; unsetting takes away, or does what is worse.
const fn set(path: &'static [&'static str], effect: Effect) -> Rule {
    let unset = match effect {
        WeakenRecovery => WeakenRecovery,
        _ => Remove,
    };
    Rule { path, set: effect, unset }
}
