//! The tables as look-ups see them.

use std::collections::BTreeSet;

use holdpoint_core::{
    Effect::{self, *},
    Reversibility,
};

use super::{Entry, Id, Opening, Table, table};

/// Bare names from the provider's schema.
const FIELDS: &str = include_str!("../railway/fixtures/fields.txt");

fn railway() -> &'static Table {
    table("railway").expect("a table")
}

fn names(of: &str) -> BTreeSet<&'static str> {
    FIELDS.lines().filter_map(|line| line.strip_prefix(of)?.strip_prefix(' ')).collect()
}

#[test]
fn every_mutation_of_the_schema_has_one_entry_and_no_other_has() {
    assert_eq!(names("mutation").len(), 233);
    assert_eq!(railway().mutation_names().collect::<BTreeSet<_>>(), names("mutation"));
    let lines: usize = crate::railway::mutation_groups().iter().map(|group| group.len()).sum();
    assert_eq!(lines, 233, "no mutation is in two groups");
}

#[test]
fn every_query_and_subscription_of_the_schema_has_an_entry_that_observes() {
    let mut expect = names("query");
    assert_eq!(expect.len(), 158);
    expect.extend(names("subscription"));
    assert_eq!(railway().query_names().collect::<BTreeSet<_>>(), expect);
    for name in expect {
        assert_eq!(railway().query(name).map(|entry| entry.effect), Some(Observe), "{name}");
    }
}

#[test]
fn what_matters_most_says_what_it_does() {
    use Reversibility::{Inverse, None as Never, Unknown, Window};
    for (name, effect, reversibility, kind, id) in [
        ("volumeDelete", Destroy, Never, "volume", Id::At("volumeId")),
        ("projectDelete", Destroy, Never, "project", Id::At("id")),
        ("projectScheduleDelete", Destroy, Window(172_800), "project", Id::At("id")),
        ("projectScheduleDeleteForce", Destroy, Never, "project", Id::At("id")),
        ("customDomainDelete", Remove, Inverse, "customDomain", Id::At("id")),
        ("customDomainCreate", Create, Inverse, "customDomain", Id::Fixed("new")),
        ("variableUpsert", Modify, Inverse, "variable", Id::At("input.name")),
        ("sandboxExec", Execute, Unknown, "sandbox", Id::At("id")),
        ("apiTokenCreate", MintCredential, Inverse, "apiToken", Id::Fixed("new")),
        ("twoFactorInfoDelete", GrantAccess, Unknown, "user", Id::Fixed("me")),
        ("environmentPatchCommitStaged", Execute, Unknown, "environment", Id::At("environmentId")),
    ] {
        let entry = railway().mutation(name).expect(name);
        let read = (entry.effect, entry.reversibility, entry.kind, entry.id);
        assert_eq!(read, (effect, reversibility, kind, id), "{name}");
    }
    assert!(railway().mutation("bucketDelete").is_none(), "buckets die by change sets only");
    assert!(table("unheard-of").is_none());
}

/// The dangerous classes, by name, as the research lists them.
#[test]
fn no_dangerous_mutation_is_weaker_than_its_class() {
    let classes: [(Effect, &[&str]); 3] = [
        (
            Destroy,
            &[
                "cloudAgentDelete",
                "environmentDelete",
                "pluginDelete",
                "pluginReset",
                "sandboxCheckpointDelete",
                "sandboxDestroy",
                "serviceDelete",
                "userDelete",
                "workspaceDelete",
            ],
        ),
        (
            WeakenRecovery,
            &[
                "cancelPitrHaWorkflow",
                "clearPitrHaWorkflowProgress",
                "disablePitrForHaCluster",
                "templateRevert",
                "volumeInstanceBackupDelete",
                "volumeInstanceBackupRestore",
                "volumeInstanceBackupScheduleUpdate",
            ],
        ),
        (
            Execute,
            &[
                "deploymentInstanceExecutionCreate",
                "dockerComposeImport",
                "environmentApplyChangeSet",
                "environmentPatchCommit",
                "environmentStageChanges",
                "canvasViewMerge",
                "generateShellToken",
            ],
        ),
    ];
    for (class, names) in classes {
        for name in names {
            assert!(railway().mutation(name).is_some_and(|entry| entry.effect >= class), "{name}");
        }
    }
}

#[test]
fn what_is_weaker_than_it_sounds_was_reviewed() {
    let sounds_worse = |name: &&str| {
        let sounds = crate::verbs::effect_of_words(name);
        let harmless = railway().mutation(name).is_some_and(|entry| entry.effect <= Modify);
        harmless && matches!(sounds, Some(Destroy | WeakenRecovery | Execute))
    };
    let reviewed = [
        "deploymentRollback",          // deploys an older build again
        "egressGatewayRollbackFromHA", // changes addresses, and says so
        "projectScheduleDeleteCancel", // takes a deletion back
        "signalRollback",              // sets an older value again
        "volumeInstancePITRRestore",   // restores into a new service
    ];
    let found: BTreeSet<_> = railway().mutation_names().filter(sounds_worse).collect();
    assert_eq!(found, BTreeSet::from(reviewed));
}

#[test]
fn answers_that_are_secrets_are_marked() {
    for name in ["variables", "variablesForServiceDeployment", "bucketS3Credentials"] {
        assert!(railway().query(name).is_some_and(|entry| entry.reveals_secrets), "{name}");
    }
    for name in ["projectTokens", "apiTokens", "twoFactorInfo", "deploymentSnapshot"] {
        assert!(railway().query(name).is_some_and(|entry| entry.reveals_secrets), "{name}");
    }
    assert!(railway().query("project").is_some_and(|entry| !entry.reveals_secrets));
    let quiet = |entry: &&Entry| entry.effect == MintCredential && !entry.reveals_secrets;
    let entries = railway().mutation_names().filter_map(|name| railway().mutation(name));
    assert_eq!(entries.filter(quiet).count(), 0, "what mints a credential answers with it");
}

#[test]
fn openings_only_raise() {
    for name in railway().mutation_names() {
        let entry = railway().mutation(name).expect(name);
        for opening in entry.openings {
            if let Opening::Raise { effect, .. } = opening {
                assert!(*effect > entry.effect, "{name}");
            }
        }
    }
}
