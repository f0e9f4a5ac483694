//! Answers in, whereabouts out.

use holdpoint_core::{
    Effect,
    Environment::{self, Development, Production, Staging, Unknown},
    Message as _, Operation, Resource, ResourceId, Reversibility,
};
use serde_json::{Value, json};

use super::{AnswerError, Directory, Need, Whereabouts, directory, subjects};

fn railway() -> &'static dyn Directory {
    directory("railway").unwrap()
}

fn everything() -> Need {
    Need { provider: "railway", subject: None }
}

/// A whole list, in the shape in which Railway pages it.
fn list(nodes: Value) -> Value {
    let edges: Vec<Value> =
        nodes.as_array().unwrap().iter().map(|node| json!({"node": node})).collect();
    json!({"pageInfo": {"hasNextPage": false, "endCursor": null}, "edges": edges})
}

fn part(id: &str, environment: &str) -> Value {
    let domains = json!({"customDomains": [{"id": format!("domain-{id}")}], "serviceDomains": []});
    json!({"id": id, "environmentId": environment, "domains": domains})
}

/// One project: a service and a volume in both environments, and a volume in staging only.
fn project() -> Value {
    let environment = |id: &str, name: &str| json!({"id": id, "name": name, "isEphemeral": false, "canAccess": true});
    json!({
        "id": "p",
        "environments": list(json!([environment("e1", "production"), environment("e2", "staging")])),
        "services": list(json!([
            {"id": "s", "serviceInstances": list(json!([part("si1", "e1"), part("si2", "e2")]))},
        ])),
        "volumes": list(json!([
            {"id": "shared", "volumeInstances": list(json!([part("vi1", "e1"), part("vi2", "e2")]))},
            {"id": "single", "volumeInstances": list(json!([part("vi3", "e2")]))},
            {"id": "empty", "volumeInstances": list(json!([]))},
        ])),
    })
}

fn answer(project: &Value) -> Vec<u8> {
    json!({"data": {"projects": list(json!([project]))}}).to_string().into_bytes()
}

/// The strictest environment of `resource` by `project`.
fn find(project: &Value, resource: &str) -> Option<Environment> {
    let page = railway().read(&everything(), &answer(project)).unwrap();
    let found = page.found.get(&ResourceId::new(format!("railway:{resource}")))?;
    found.strictest(|_| None)
}

#[test]
fn everything_in_a_project_has_a_place() {
    for (resource, expect) in [
        ("environment/e1", Some(Production)),
        ("environment/e2", Some(Staging)),
        ("project/p", Some(Production)),
        ("service/s", Some(Production)),
        ("serviceInstance/si2", Some(Staging)),
        ("customDomain/domain-si1", Some(Production)),
        ("customDomain/domain-si2", Some(Staging)),
        ("volume/shared", Some(Production)),
        ("volume/single", Some(Staging)),
        ("volumeInstance/vi1", Some(Production)),
        ("volumeInstance/vi3", Some(Staging)),
        ("volume/empty", None),
        ("volume/other", None),
    ] {
        assert_eq!(find(&project(), resource), expect, "{resource}");
    }
}

#[test]
fn what_an_answer_leaves_open_lowers_nothing() {
    let yes = json!(true);
    for (pointer, value, resource, expect) in [
        // More instances than were shown.
        (
            "/volumes/edges/1/node/volumeInstances/pageInfo/hasNextPage",
            &yes,
            "volume/single",
            Unknown,
        ),
        // More environments than were shown.
        ("/environments/pageInfo/hasNextPage", &yes, "volume/single", Unknown),
        // One that the credential may not look into.
        ("/environments/edges/0/node/canAccess", &json!(false), "volume/single", Unknown),
        ("/environments/edges/0/node/canAccess", &json!(null), "volume/single", Unknown),
        // One that is not listed.
        (
            "/volumes/edges/1/node/volumeInstances/edges/0/node/environmentId",
            &json!("e9"),
            "volume/single",
            Unknown,
        ),
        ("/environments/edges/1/node/name", &json!("blue"), "volume/single", Unknown),
        ("/environments/edges/1/node/name", &json!("blue"), "volume/shared", Production),
        ("/environments/edges/1/node/name", &json!("staging-prod"), "volume/single", Production),
        ("/environments/edges/1/node/isEphemeral", &yes, "volume/single", Staging),
    ] {
        let mut project = project();
        *project.pointer_mut(pointer).unwrap() = value.clone();
        assert_eq!(find(&project, resource), Some(expect), "{pointer} {value}");
    }
    let mut ephemeral = project();
    *ephemeral.pointer_mut("/environments/edges/1/node/name").unwrap() = json!("rentals-123");
    *ephemeral.pointer_mut("/environments/edges/1/node/isEphemeral").unwrap() = yes;
    assert_eq!(find(&ephemeral, "volume/single"), Some(Development));
}

#[test]
fn an_answer_of_another_shape_is_none() {
    let read = |body: &str| railway().read(&everything(), body.as_bytes()).map(|_| ());
    for (body, expect) in [
        (r#"{"errors":[{"message":"Not Authorized"}],"data":null}"#, AnswerError::Refused),
        (r#"{"errors":[{"message":"half of it"}],"data":{"projects":{}}}"#, AnswerError::Refused),
        (r#"{"data":null}"#, AnswerError::Lacks("projects")),
        (r#"{"data":{"projects":{"edges":[]}}}"#, AnswerError::Lacks("pageInfo")),
        (
            r#"{"data":{"projects":{"edges":[{"node":{"id":"p"}}],"pageInfo":{"hasNextPage":false}}}}"#,
            AnswerError::Lacks("environments"),
        ),
        (r#"{"data":{},"data":{}}"#, AnswerError::Unreadable),
        ("<html>", AnswerError::Unreadable),
        ("", AnswerError::Unreadable),
    ] {
        assert_eq!(read(body).unwrap_err(), expect, "{body}");
    }
    for field in ["services", "volumes", "environments", "id"] {
        let mut project = project();
        project.as_object_mut().unwrap().remove(field);
        assert!(railway().read(&everything(), &answer(&project)).is_err(), "{field}");
    }
}

#[test]
fn what_goes_on_says_where() {
    let mut answer: Value = serde_json::from_slice(&answer(&project())).unwrap();
    let page = answer.pointer_mut("/data/projects/pageInfo").unwrap();
    *page = json!({"hasNextPage": true, "endCursor": "c50"});
    let read = railway().read(&everything(), answer.to_string().as_bytes()).unwrap();
    assert_eq!(read.next.as_deref(), Some("c50"));
    let question = railway().question(&everything(), Some("c50"), &"secret-value".into());
    let body: Value = serde_json::from_slice(question.body.bytes()).unwrap();
    assert_eq!(body["variables"], json!({"after": "c50"}));
    assert_eq!(question.host, "backboard.railway.com");
    let other = railway().question(&everything(), None, &"other-value".into());
    assert_ne!(question.digest(), other.digest());
}

#[test]
fn a_deployment_is_asked_for_by_itself() {
    let deployment = ResourceId::new("railway:deployment/d");
    let need = railway().need(&deployment).unwrap();
    assert_eq!(need.subject.as_ref(), Some(&deployment));
    let body = r#"{"data":{"deployment":{"id":"d","environment":{"id":"e2","name":"staging","isEphemeral":false}}}}"#;
    let page = railway().read(&need, body.as_bytes()).unwrap();
    assert_eq!(page.found.get(&deployment).unwrap().strictest(|_| None), Some(Staging));
    for (id, expect) in [
        ("railway:volume/v", Some(everything())),
        ("railway:customDomain/d", Some(everything())),
        ("railway:volume/new", None),
        ("railway:volume/unknown", None),
        ("railway:apiToken/a", None),
        ("github:volume/v", None),
    ] {
        assert_eq!(railway().need(&ResourceId::new(id)), expect, "{id}");
    }
}

#[test]
fn a_human_corrects_environments_and_a_message_picks_among_them() {
    let id = |name: &str| ResourceId::new(format!("railway:environment/{name}"));
    let both = Whereabouts::new(vec![(id("e1"), Production), (id("e2"), Staging)]).unwrap();
    assert_eq!(both.strictest(|_| None), Some(Production));
    let corrected = |own: &ResourceId| (*own == id("e1")).then_some(Development);
    assert_eq!(both.strictest(corrected), Some(Staging));
    for (named, expect) in [
        (vec![id("e2")], Staging),
        (vec![id("e1"), id("e2")], Production),
        (vec![id("e9")], Production),
        (vec![], Production),
    ] {
        assert_eq!(both.narrowed(&named).strictest(|_| None), Some(expect), "{named:?}");
    }
    assert_eq!(Whereabouts::new(Vec::new()), None);
}

#[test]
fn an_operation_is_about_its_resource_and_the_environments_that_it_names() {
    let id = |text: &str| ResourceId::new(format!("railway:{text}"));
    let within = ["service/s", "environment/e", "project/p"].map(id).to_vec();
    let resource = Resource { id: id("volume/v"), within };
    let operation =
        Operation::known("railway:volumeDelete", Effect::Destroy, resource, Reversibility::None);
    let found: Vec<&ResourceId> = subjects(&operation).collect();
    assert_eq!(found, [&id("volume/v"), &id("environment/e")]);
}
