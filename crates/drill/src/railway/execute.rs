//! Executes a document: may this credential, and what comes of it.

use serde_json::{Map, Value, json};

use super::{
    document::{Document, Field},
    mutation,
    node::{self, Found, Node},
    state::{Power, Scope, State},
};

/// The message of a GraphQL error.
pub(super) type Failure = String;

/// What came of a document.
pub(super) struct Executed {
    /// The answer's body.
    pub(super) answer: Value,
    /// The mutations that took place, in order.
    pub(super) mutations: Vec<String>,
}

/// Executes `document`; the first root field that fails ends it. As in the original, what earlier
/// fields of it have done stays done.
pub(super) fn execute(state: &mut State, power: Option<&Power>, document: &Document) -> Executed {
    let mut mutations = Vec::new();
    let mut data = Map::new();
    for field in &document.fields {
        let found = match power {
            None => Err(not_authorized()),
            Some(_) if field.name == "__typename" => {
                Ok(Found::Leaf(Value::String(field.gives.clone())))
            }
            Some(power) if document.mutation => mutation::execute(state, power, field),
            Some(power) => query(state, power, field),
        };
        match found {
            Ok(found) => {
                if document.mutation && field.name != "__typename" {
                    mutations.push(field.name.clone());
                }
                data.insert(field.key.clone(), found.answer(state, field));
            }
            Err(message) => {
                let error = json!({"message": message, "path": [field.key]});
                return Executed { answer: json!({"errors": [error], "data": null}), mutations };
            }
        }
    }
    Executed { answer: json!({"data": data}), mutations }
}

/// What the original says to a credential that has no power here.
pub(super) fn not_authorized() -> Failure {
    "Not Authorized".to_owned()
}

/// A text argument; empty where there is none.
pub(super) fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Refuses what `power` does not reach.
pub(super) fn authorize(power: &Power, scope: &Scope) -> Result<(), Failure> {
    if power.reaches(scope) { Ok(()) } else { Err(not_authorized()) }
}

/// What is in the project of an environment, and in that environment only.
pub(super) fn environment_scope(state: &State, environment: &str) -> Result<Scope, Failure> {
    let held = state.environments.get(environment).ok_or("Environment not found")?;
    let environments = vec![environment.to_owned()];
    Ok(Scope { project: Some(held.project.clone()), environments })
}

fn query(state: &State, power: &Power, field: &Field) -> Result<Found, Failure> {
    let argument = |name| text(&field.arguments, name);
    match field.name.as_str() {
        "me" | "projects" => {
            authorize(power, &Scope::default())?;
            let me = field.name == "me";
            Ok(if me { Found::One(Node::User) } else { node::projects(state) })
        }
        "projectToken" => match power {
            Power::Account => Err(not_authorized()),
            Power::Environment { project, environment } => {
                Ok(Found::One(Node::ProjectCredential {
                    project: project.clone(),
                    environment: environment.clone(),
                }))
            }
        },
        "project" => {
            let id = argument("id");
            state.projects.get(id).ok_or("Project not found")?;
            let environments = match power {
                Power::Account => Vec::new(),
                Power::Environment { environment, .. } => vec![environment.clone()],
            };
            authorize(power, &Scope { project: Some(id.to_owned()), environments })?;
            Ok(Found::One(Node::Project(id.to_owned())))
        }
        "environment" => {
            authorize(power, &environment_scope(state, argument("id"))?)?;
            Ok(Found::One(Node::Environment(argument("id").to_owned())))
        }
        "volumeInstance" => {
            instance(state, power, argument("id"))?;
            Ok(Found::One(Node::Instance(argument("id").to_owned())))
        }
        "volumeInstanceBackupList" => {
            let held = instance(state, power, argument("volumeInstanceId"))?;
            let backups = held.backups.iter();
            Ok(Found::Many(backups.map(|(id, held)| node::backup(id, &held.name)).collect()))
        }
        "customDomain" => {
            let id = argument("id");
            let held = state.domains.get(id).ok_or("Custom domain not found")?;
            authorize(power, &environment_scope(state, &held.environment)?)?;
            Ok(Found::One(Node::Domain(id.to_owned())))
        }
        "deployment" => {
            let id = argument("id");
            let held = state.deployments.get(id).ok_or("Deployment not found")?;
            authorize(power, &environment_scope(state, &held.environment)?)?;
            Ok(Found::One(Node::Deployment(id.to_owned())))
        }
        "domains" => {
            authorize(power, &environment_scope(state, argument("environmentId"))?)?;
            let environment = argument("environmentId").to_owned();
            Ok(Found::One(Node::Domains { environment, service: argument("serviceId").to_owned() }))
        }
        "variables" => {
            authorize(power, &environment_scope(state, argument("environmentId"))?)?;
            let service = field.arguments.get("serviceId").and_then(Value::as_str);
            let key = (argument("environmentId").to_owned(), service.map(str::to_owned));
            Ok(Found::Leaf(json!(state.variables.get(&key).cloned().unwrap_or_default())))
        }
        other => Err(format!("Cannot query field \"{other}\" here")),
    }
}

/// The volume instance `id`, if `power` reaches it.
pub(super) fn instance<'a>(
    state: &'a State,
    power: &Power,
    id: &str,
) -> Result<&'a super::state::Instance, Failure> {
    let (_, held) = state.instance(id).ok_or("Volume instance not found")?;
    authorize(power, &environment_scope(state, &held.environment)?)?;
    Ok(held)
}
