//! The mutations. What they delete is gone: there is no second place that it could come back from.

use serde_json::{Map, Value, json};

use super::{
    document::Field,
    execute::{Failure, authorize, environment_scope, instance, text},
    node::{Found, Node},
    state::{Backup, CustomDomain, Instance, Power, Scope, State, Volume, uuid},
};

type Arguments = Map<String, Value>;

/// Executes the mutation `field`.
pub(super) fn execute(state: &mut State, power: &Power, field: &Field) -> Result<Found, Failure> {
    let arguments = &field.arguments;
    let nothing = Map::new();
    let input = arguments.get("input").and_then(Value::as_object).unwrap_or(&nothing);
    match field.name.as_str() {
        "volumeDelete" => volume_delete(state, power, text(arguments, "volumeId")),
        "volumeCreate" => volume_create(state, power, input),
        "volumeInstanceBackupCreate" => backup_create(state, power, arguments),
        "volumeInstanceBackupDelete" => backup_delete(state, power, arguments),
        "customDomainCreate" => domain_create(state, power, input),
        "customDomainDelete" => {
            let id = text(arguments, "id");
            domain_mut(state, power, id)?;
            state.domains.remove(id);
            Ok(done())
        }
        "customDomainUpdate" => {
            let held = domain_mut(state, power, text(arguments, "id"))?;
            held.target_port = arguments.get("targetPort").and_then(Value::as_i64);
            Ok(done())
        }
        "environmentPatchCommit" => patch_commit(state, power, arguments),
        "apiTokenCreate" => {
            authorize(power, &Scope::default())?;
            Ok(Found::Leaf(Value::String(state.issue(Power::Account).map_err(failed)?)))
        }
        "variableUpsert" => variable_upsert(state, power, input),
        "projectDelete" => project_delete(state, power, text(arguments, "id")),
        other => Err(format!("Cannot execute \"{other}\" here")),
    }
}

fn done() -> Found {
    Found::Leaf(Value::Bool(true))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    error.to_string()
}

fn workflow() -> Result<Found, Failure> {
    Ok(Found::One(Node::Leaves(json!({"workflowId": uuid().map_err(failed)?}))))
}

/// Deletes the volume in every environment, and the backups, which lie in it.
fn volume_delete(state: &mut State, power: &Power, id: &str) -> Result<Found, Failure> {
    let volume = state.volumes.get(id).ok_or("Volume not found")?;
    let environments = volume.instances.values().map(|held| held.environment.clone()).collect();
    authorize(power, &Scope { project: Some(volume.project.clone()), environments })?;
    state.volumes.remove(id);
    Ok(done())
}

fn volume_create(state: &mut State, power: &Power, input: &Arguments) -> Result<Found, Failure> {
    let project = text(input, "projectId");
    let primary = &state.projects.get(project).ok_or("Project not found")?.primary_environment;
    let environment = match text(input, "environmentId") {
        "" => primary.clone(),
        given => given.to_owned(),
    };
    authorize(power, &environment_scope(state, &environment)?)?;
    let held = Instance {
        environment,
        service: input.get("serviceId").and_then(Value::as_str).map(str::to_owned),
        mount_path: text(input, "mountPath").to_owned(),
        size_mb: 500,
        backups: Default::default(),
    };
    let instances = [(uuid().map_err(failed)?, held)].into();
    let id = uuid().map_err(failed)?;
    let volume = Volume { name: "new-volume".to_owned(), project: project.to_owned(), instances };
    state.volumes.insert(id.clone(), volume);
    Ok(Found::One(Node::Volume(id)))
}

fn backup_create(state: &mut State, power: &Power, given: &Arguments) -> Result<Found, Failure> {
    let id = text(given, "volumeInstanceId");
    instance(state, power, id)?;
    let name = given.get("name").and_then(Value::as_str).unwrap_or("manual").to_owned();
    let backup = uuid().map_err(failed)?;
    let held = state.instance_mut(id).ok_or("Volume instance not found")?;
    held.backups.insert(backup, Backup { name });
    workflow()
}

fn backup_delete(state: &mut State, power: &Power, given: &Arguments) -> Result<Found, Failure> {
    let id = text(given, "volumeInstanceId");
    instance(state, power, id)?;
    let held = state.instance_mut(id).ok_or("Volume instance not found")?;
    held.backups.remove(text(given, "volumeInstanceBackupId")).ok_or("Backup not found")?;
    workflow()
}

fn domain_create(state: &mut State, power: &Power, input: &Arguments) -> Result<Found, Failure> {
    authorize(power, &environment_scope(state, text(input, "environmentId"))?)?;
    let held = CustomDomain {
        domain: text(input, "domain").to_owned(),
        project: text(input, "projectId").to_owned(),
        environment: text(input, "environmentId").to_owned(),
        service: text(input, "serviceId").to_owned(),
        target_port: input.get("targetPort").and_then(Value::as_i64),
    };
    let id = uuid().map_err(failed)?;
    state.domains.insert(id.clone(), held);
    Ok(Found::One(Node::Domain(id)))
}

fn domain_mut<'a>(
    state: &'a mut State,
    power: &Power,
    id: &str,
) -> Result<&'a mut CustomDomain, Failure> {
    let held = state.domains.get(id).ok_or("Custom domain not found")?;
    authorize(power, &environment_scope(state, &held.environment)?)?;
    state.domains.get_mut(id).ok_or_else(|| "Custom domain not found".to_owned())
}

/// Commits a patch to one environment: what it marks `isDeleted` is gone there. A volume that has
/// no instance left is gone altogether.
fn patch_commit(state: &mut State, power: &Power, given: &Arguments) -> Result<Found, Failure> {
    let environment = text(given, "environmentId");
    authorize(power, &environment_scope(state, environment)?)?;
    let patch = given.get("patch").cloned().unwrap_or(Value::Null);
    let volumes = deleted(&patch, "volumes");
    if !volumes.iter().all(|id| state.volumes.contains_key(id)) {
        return Err("Volume not found".to_owned());
    }
    for (_, volume) in state.volumes.iter_mut().filter(|(id, _)| volumes.contains(id)) {
        volume.instances.retain(|_, held| held.environment != environment);
    }
    state.volumes.retain(|_, volume| !volume.instances.is_empty());
    for id in deleted(&patch, "services") {
        state.domains.retain(|_, held| held.service != id || held.environment != environment);
        state.variables.remove(&(environment.to_owned(), Some(id)));
    }
    Ok(Found::Leaf(Value::String(uuid().map_err(failed)?)))
}

/// The ids that `patch` marks as deleted among its `kind`.
fn deleted(patch: &Value, kind: &str) -> Vec<String> {
    let marked = patch.get(kind).and_then(Value::as_object).into_iter().flatten();
    marked
        .filter(|(_, change)| change.get("isDeleted").and_then(Value::as_bool) == Some(true))
        .map(|(id, _)| id.clone())
        .collect()
}

fn variable_upsert(state: &mut State, power: &Power, input: &Arguments) -> Result<Found, Failure> {
    authorize(power, &environment_scope(state, text(input, "environmentId"))?)?;
    let service = input.get("serviceId").and_then(Value::as_str).map(str::to_owned);
    let key = (text(input, "environmentId").to_owned(), service);
    let held = state.variables.entry(key).or_default();
    held.insert(text(input, "name").to_owned(), text(input, "value").to_owned());
    Ok(done())
}

fn project_delete(state: &mut State, power: &Power, id: &str) -> Result<Found, Failure> {
    state.projects.get(id).ok_or("Project not found")?;
    let environments: Vec<String> = state
        .environments
        .iter()
        .filter(|(_, held)| held.project == id)
        .map(|(environment, _)| environment.clone())
        .collect();
    authorize(power, &Scope { project: Some(id.to_owned()), environments: environments.clone() })?;
    state.projects.remove(id);
    state.environments.retain(|_, held| held.project != id);
    state.services.retain(|_, held| held.project != id);
    state.volumes.retain(|_, held| held.project != id);
    state.domains.retain(|_, held| held.project != id);
    state.variables.retain(|(environment, _), _| !environments.contains(environment));
    Ok(done())
}
