//! What Railway's fields mean.

use holdpoint_core::{ResourceId, Reversibility};
use serde_json::json;

use super::{check, interpret, on_railway, post};
use crate::http::graphql::tests::Persisted;

const VOLUME: &str = "3D2C42FB-1F4E-4A6B-9C1D-0123456789AB";

#[test]
fn ids_come_from_literals_and_variables() {
    let volume = "railway:volumeDelete destroy railway:volume/3d2c42fb-1f4e-4a6b-9c1d-0123456789ab";
    let none = json!({});
    check(
        &post(&format!(r#"mutation {{ volumeDelete(volumeId: "{VOLUME}") }}"#), &none),
        &[volume],
    );
    let query = "mutation Bye($id: String!) { volumeDelete(volumeId: $id) }";
    check(&post(query, &json!({ "id": VOLUME })), &[volume]);
    let query = "mutation($input: VariableDeleteInput!) { variableDelete(input: $input) }";
    check(
        &post(query, &json!({ "input": { "name": "KEY", "serviceId": "s-1" } })),
        &["railway:variableDelete remove railway:variable/KEY"],
    );
}

#[test]
fn what_cannot_be_resolved_is_called_unknown() {
    let unknown = ["railway:volumeDelete destroy railway:volume/unknown"];
    for query in [
        "mutation { volumeDelete }",
        "mutation { volumeDelete(volumeId: null) }",
        "mutation { volumeDelete(volumeId: {a: 1}) }",
        "mutation { volumeDelete(volumeId: []) }",
        "mutation { volumeDelete(volumeId: \"\") }",
        "mutation { volumeDelete(volumeId: \"a b\") }",
        "mutation($id: String) { volumeDelete(volumeId: $id) }",
        "mutation { volumeDelete(VolumeId: \"v-1\") }",
    ] {
        check(&post(query, &json!({})), &unknown);
    }
}

#[test]
fn a_list_of_ids_is_one_operation_each() {
    check(
        &post(
            "mutation { templateServiceSourceEject(input: {serviceIds: [\"a\", \"b\"]}) }",
            &json!({}),
        ),
        &[
            "railway:templateServiceSourceEject modify railway:service/a",
            "railway:templateServiceSourceEject modify railway:service/b",
        ],
    );
}

#[test]
fn containers_are_those_that_the_schema_declares() {
    let query = "mutation($i: I!) { variableUpsert(input: $i) }";
    let input = json!({ "i": {
        "environmentId": "e", "projectId": "p", "serviceId": "s", "name": "N", "value": "v",
    }});
    let operation = on_railway(&post(query, &input)).expect("readable").remove(0);
    let within: Vec<_> = operation.resource.within.iter().map(ResourceId::as_str).collect();
    assert_eq!(within, ["railway:service/s", "railway:environment/e", "railway:project/p"]);
    assert_eq!(operation.reversibility, Reversibility::Inverse);

    let query = r#"mutation { environmentApplyChangeSet(environmentId: "prod",
        input: {projectId: "mine", environmentId: "dev", changes: []}) }"#;
    let operation = on_railway(&post(query, &json!({}))).expect("readable").remove(0);
    assert_eq!(operation.resource.id.as_str(), "railway:environment/prod");
    assert_eq!(
        operation.resource.within,
        [],
        "JSON that anything can be written into says nothing"
    );
}

#[test]
fn arguments_that_say_more_than_the_name_raise_it() {
    for (query, expect) in [
        (
            "volumeInstanceUpdate(volumeId: \"v\", input: {state: DELETED})",
            "railway:volumeInstanceUpdate destroy railway:volume/v",
        ),
        (
            "volumeInstanceUpdate(volumeId: \"v\", input: {state: \"deleting\"})",
            "railway:volumeInstanceUpdate destroy railway:volume/v",
        ),
        (
            "volumeInstanceUpdate(volumeId: \"v\", input: {state: RESTORING})",
            "railway:volumeInstanceUpdate execute railway:volume/v",
        ),
        (
            "volumeInstanceUpdate(volumeId: \"v\", input: {state: null, mountPath: \"/d\"})",
            "railway:volumeInstanceUpdate modify railway:volume/v",
        ),
        (
            "projectUpdate(id: \"p\", input: {isPublic: true})",
            "railway:projectUpdate grant_access railway:project/p",
        ),
        (
            "projectUpdate(id: \"p\", input: {isPublic: false})",
            "railway:projectUpdate modify railway:project/p",
        ),
        (
            "variableCollectionUpsert(input: {replace: true, variables: {}})",
            "railway:variableCollectionUpsert remove railway:variable/all",
        ),
        (
            "serviceInstanceUpdate(serviceId: \"s\", input: {preDeployCommand: [\"sh\"]})",
            "railway:serviceInstanceUpdate execute railway:service/s",
        ),
        (
            "serviceInstanceUpdate(serviceId: \"s\", input: {numReplicas: 2})",
            "railway:serviceInstanceUpdate modify railway:service/s",
        ),
    ] {
        check(&post(&format!("mutation {{ {query} }}"), &json!({})), &[expect]);
    }
}

#[test]
fn restoring_wipes_what_it_names() {
    for ids in [json!(["a", "b"]), json!("a")] {
        let query = "mutation($w: [String!]) { volumeInstanceBackupRestore(
            volumeInstanceId: \"i\", volumeInstanceBackupId: \"k\", wipeServiceIds: $w) { workflowId } }";
        let mut expect = vec![
            "railway:volumeInstanceBackupRestore weaken_recovery railway:volumeInstance/i",
            "railway:volumeInstanceBackupRestore destroy railway:service/a",
        ];
        if ids.is_array() {
            expect.push("railway:volumeInstanceBackupRestore destroy railway:service/b");
        }
        check(&post(query, &json!({ "w": ids })), &expect);
    }
}

/// What a patch does, as `effect` of the whole and the removals.
fn patched(patch: &serde_json::Value) -> Vec<String> {
    let query = "mutation($p: EnvironmentConfig) {
        environmentPatchCommit(environmentId: \"e\", patch: $p) }";
    let operations = on_railway(&post(query, &json!({ "p": patch }))).expect("readable");
    operations
        .iter()
        .map(|it| match it.resource.id.as_str() {
            "railway:environment/e" => it.effect.to_string(),
            id => format!("{} {}", it.effect, id.trim_start_matches("railway:")),
        })
        .collect()
}

#[test]
fn change_sets_are_opened() {
    let set = |key: &str, value| json!({ "services": { "s": { (key): value } } });
    for (patch, expect) in [
        (set("variables", json!({ "A": { "value": "1" } })), vec!["modify"]),
        (set("variables", json!({ "A": null })), vec!["remove"]),
        (set("deploy", json!({ "numReplicas": 2 })), vec!["modify"]),
        (set("deploy", json!({ "startCommand": "rm -rf /data" })), vec!["execute"]),
        (set("deploy", json!({ "preDeployCommand": ["sh", "-c", "x"] })), vec!["execute"]),
        (set("networking", json!({ "tcpProxies": { "5432": {} } })), vec!["grant_access"]),
        (set("networking", json!({ "customDomains": { "a.example": null } })), vec!["remove"]),
        (set("volumeMounts", json!({ "v": { "mountPath": "/d" } })), vec!["modify"]),
        (set("volumeMounts", json!({ "v": null })), vec!["remove"]),
        (set("volumeMounts", json!({ "v": { "backupSchedules": [] } })), vec!["weaken_recovery"]),
        (set("isDeleted", json!(true)), vec!["modify", "destroy service/s"]),
        (set("isDeleted", json!("yes")), vec!["modify", "destroy service/s"]),
        (set("isDeleted", json!(false)), vec!["modify"]),
        (set("whatIsThis", json!(1)), vec!["execute"]),
        (json!({ "services": { "s": null } }), vec!["modify", "destroy service/s"]),
        (json!({ "volumes": { "v": null } }), vec!["modify", "destroy volume/v"]),
        (
            json!({ "buckets": { "b": { "isDeleted": true } }, "volumes": { "v": { "isDeleted": true } } }),
            vec!["modify", "destroy bucket/b", "destroy volume/v"],
        ),
        (json!({ "groups": { "g": { "isDeleted": true } } }), vec!["modify", "remove group/g"]),
        (
            json!({ "deep": [{ "er": { "x": { "isDeleted": true } } }] }),
            vec!["execute", "destroy unknown/x"],
        ),
        (
            json!({ "deep": { "volumes": { "v": { "isdeleted": true } } } }),
            vec!["execute", "destroy volume/v"],
        ),
        (json!({ "volumes": { "v": { "sizeMB": 10 } } }), vec!["modify"]),
        (json!({}), vec!["modify"]),
        (json!(null), vec!["execute"]),
        (json!([]), vec!["execute"]),
        (json!("patch-123"), vec!["execute"]),
    ] {
        assert_eq!(patched(&patch), expect, "{patch}");
    }
}

#[test]
fn lists_of_changes_are_opened() {
    let query =
        "mutation($c: JSON!) { environmentApplyChangeSet(environmentId: \"e\", input: $c) }";
    for (change, expect) in [
        (
            json!({ "kind": "resource.delete", "address": "volume.data" }),
            vec!["modify railway:environment/e", "destroy railway:volume/data"],
        ),
        (
            json!({ "kind": "variable.delete", "address": "service.api", "variable": "A" }),
            vec!["remove railway:environment/e"],
        ),
        (
            json!({ "kind": "variable.set", "address": "service.api", "variable": "A" }),
            vec!["modify railway:environment/e"],
        ),
        (
            json!({ "kind": "resource.update", "address": "service.api", "field": "deploy" }),
            vec!["execute railway:environment/e"],
        ),
        (
            json!({ "kind": "resource.teleport", "address": "service.api" }),
            vec!["execute railway:environment/e"],
        ),
    ] {
        let change_set = json!({ "version": 1, "changes": [change], "diagnostics": [] });
        let expect: Vec<_> =
            expect.iter().map(|it| format!("railway:environmentApplyChangeSet {it}")).collect();
        let expect: Vec<_> = expect.iter().map(String::as_str).collect();
        check(&post(query, &json!({ "c": change_set })), &expect);
    }
}

#[test]
fn change_sets_that_stay_shut_are_opaque() {
    let commit = "mutation { environmentPatchCommitStaged(environmentId: \"e\") }";
    check(
        &post(commit, &json!({})),
        &["railway:environmentPatchCommitStaged execute railway:environment/e"],
    );
    let stage = "mutation($i: EnvironmentConfig!) {
        environmentStageChanges(environmentId: \"e\", input: $i) { id } }";
    check(
        &post(stage, &json!({ "i": "{\"volumes\":{\"v\":{\"isDeleted\":true}}}" })),
        &[
            "railway:environmentStageChanges execute railway:environment/e",
            "railway:environmentStageChanges destroy railway:volume/v",
        ],
    );
    let literal = "mutation { environmentStageChanges(environmentId: \"e\",
        input: {volumes: {v: {isDeleted: true}}}) { id } }";
    check(
        &post(literal, &json!({})),
        &[
            "railway:environmentStageChanges modify railway:environment/e",
            "railway:environmentStageChanges destroy railway:volume/v",
        ],
    );
}

#[test]
fn answers_made_of_secrets_are_marked() {
    for (query, expect) in [
        (
            "{ variables(environmentId: \"e\", projectId: \"p\") }",
            "railway:variables observe! railway:environment/e",
        ),
        ("{ me { id email } }", "railway:me observe railway:user/me"),
        (
            "{ environment(id: \"e\") { config(decryptVariables: true) } }",
            "railway:environment observe! railway:environment/e",
        ),
        (
            "{ environment(id: \"e\") { config(decryptVariables: false) } }",
            "railway:environment observe railway:environment/e",
        ),
        (
            "query($d: Boolean = true) { environment(id: \"e\") { ...c } }
             fragment c on Environment { config(decryptVariables: $d) }",
            "railway:environment observe! railway:environment/e",
        ),
        (
            "mutation { apiTokenCreate(input: {name: \"x\"}) }",
            "railway:apiTokenCreate mint_credential! railway:apiToken/new",
        ),
    ] {
        check(&post(query, &json!({})), &[expect]);
    }
}

#[test]
fn what_no_table_knows_is_a_guess() {
    let graphql = "graphql:backboard.railway.com";
    for (query, expect) in [
        (
            "mutation { volumeVanish(id: \"v\") }",
            format!("railway:volumeVanish? execute {graphql}/volumeVanish/v"),
        ),
        (
            "mutation { volumePurge(id: \"v\") }",
            format!("railway:volumePurge? destroy {graphql}/volumePurge/v"),
        ),
        ("{ brandNew }", format!("railway:brandNew? observe {graphql}/brandNew")),
        ("{ __schema { types { name } } }", format!("graphql:__schema observe {graphql}/__schema")),
        ("mutation { __typename }", format!("graphql:__typename observe {graphql}/__typename")),
        ("mutation { __schema }", format!("railway:__schema? execute {graphql}/__schema")),
        (
            "subscription { deploymentLogs(deploymentId: \"d\") { message } }",
            "railway:deploymentLogs observe railway:deployment/d".to_owned(),
        ),
    ] {
        check(&post(query, &json!({})), &[&expect]);
    }
    let message = post("mutation { deleteRepo(input: {repoId: \"r\"}) a: ping }", &json!({}));
    let operations = interpret(&message, None, &Persisted::default()).expect("readable");
    let shown: Vec<_> = operations.iter().map(super::shown).collect();
    assert_eq!(
        shown,
        [
            format!("graphql:deleteRepo? destroy {graphql}/deleteRepo/r"),
            format!("graphql:ping? execute {graphql}/ping"),
        ]
    );
}
