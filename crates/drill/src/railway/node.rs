//! The graph that queries walk: what a node holds, and where its fields lead.

use serde_json::{Map, Value, json};

use super::{
    document::Field,
    state::{CustomDomain, State},
};

/// When everything here was made; nothing depends on it.
const CREATED: &str = "2026-01-15T09:00:00.000Z";
/// The one workspace.
pub(super) const WORKSPACE: &str = "6d1f8a5e-6f0b-4f6e-9a53-0e8f6f0f2b11";

/// Something that fields are selected of.
#[derive(Debug, Clone)]
pub(super) enum Node {
    User,
    Workspace,
    ProjectCredential {
        project: String,
        environment: String,
    },
    Project(String),
    Environment(String),
    Service(String),
    Volume(String),
    Instance(String),
    Domain(String),
    Domains {
        environment: String,
        service: String,
    },
    ServiceInstance {
        service: String,
        environment: String,
    },
    Deployment(String),
    Connection(Vec<Node>),
    Edge(Box<Node>),
    /// What has no links: its fields are given.
    Leaves(Value),
}

/// Where a field leads.
pub(super) enum Found {
    Leaf(Value),
    One(Node),
    Many(Vec<Node>),
}

impl Found {
    /// The answer to the selection `field` of what was found.
    pub(super) fn answer(self, state: &State, field: &Field) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::One(node) => node.answer(state, field),
            Self::Many(nodes) => nodes.iter().map(|node| node.answer(state, field)).collect(),
        }
    }
}

impl Node {
    /// The answer to the selections in `field`.
    fn answer(&self, state: &State, field: &Field) -> Value {
        let mut answer = Map::new();
        for inner in &field.fields {
            let value = if inner.name == "__typename" {
                Value::String(field.gives.clone())
            } else {
                self.find(state, &inner.name).answer(state, inner)
            };
            answer.insert(inner.key.clone(), value);
        }
        Value::Object(answer)
    }

    fn find(&self, state: &State, name: &str) -> Found {
        self.link(state, name).unwrap_or_else(|| {
            let value = self.leaves(state).and_then(|leaves| leaves.get(name).cloned());
            Found::Leaf(value.unwrap_or(Value::Null))
        })
    }

    /// The node or nodes that the field `name` leads to, if it does.
    fn link(&self, state: &State, name: &str) -> Option<Found> {
        Some(match (self, name) {
            (Self::User, "workspaces") => Found::Many(vec![Self::Workspace]),
            (Self::User, "projects") => projects(state),
            (Self::ProjectCredential { project, .. }, "project") => {
                Found::One(Self::Project(project.clone()))
            }
            (Self::ProjectCredential { environment, .. }, "environment") => {
                Found::One(Self::Environment(environment.clone()))
            }
            (Self::Project(id), "environments" | "services" | "volumes") => {
                Found::One(Self::Connection(parts(state, id, name)))
            }
            (Self::Environment(id), "volumeInstances") => connection(
                state
                    .volumes
                    .values()
                    .flat_map(|volume| &volume.instances)
                    .filter(|(_, instance)| instance.environment == *id)
                    .map(|(id, _)| Self::Instance(id.clone())),
            ),
            (Self::Service(id), "project") => {
                Found::One(Self::Project(state.services.get(id)?.project.clone()))
            }
            (Self::Volume(id), "project") => {
                Found::One(Self::Project(state.volumes.get(id)?.project.clone()))
            }
            (Self::Volume(id), "volumeInstances") => {
                connection(state.volumes.get(id)?.instances.keys().cloned().map(Self::Instance))
            }
            (Self::Instance(id), "volume") => {
                Found::One(Self::Volume(state.instance(id)?.0.clone()))
            }
            (Self::Instance(id), "environment") => {
                Found::One(Self::Environment(state.instance(id)?.1.environment.clone()))
            }
            (Self::Instance(id), "service") => {
                Found::One(Self::Service(state.instance(id)?.1.service.clone()?))
            }
            (Self::Connection(nodes), "edges") => {
                let edges = nodes.iter().map(|node| Self::Edge(Box::new(node.clone())));
                Found::Many(edges.collect())
            }
            (Self::Connection(_), "pageInfo") => Found::One(Self::Leaves(json!({
                "hasNextPage": false, "hasPreviousPage": false,
            }))),
            (Self::Edge(node), "node") => Found::One((**node).clone()),
            _ => return self.link_of_service(state, name),
        })
    }

    /// The same for what belongs to services.
    fn link_of_service(&self, state: &State, name: &str) -> Option<Found> {
        Some(match (self, name) {
            (Self::Service(id), "serviceInstances") => {
                let project = &state.services.get(id)?.project;
                let environments = state.environments.iter();
                let instance = |environment: &String| Self::ServiceInstance {
                    service: id.clone(),
                    environment: environment.clone(),
                };
                connection(
                    environments
                        .filter(|(_, held)| held.project == *project)
                        .map(|(environment, _)| instance(environment)),
                )
            }
            (Self::ServiceInstance { service, environment }, "domains") => {
                Found::One(Self::Domains {
                    environment: environment.clone(),
                    service: service.clone(),
                })
            }
            (Self::Deployment(id), "environment") => {
                Found::One(Self::Environment(state.deployments.get(id)?.environment.clone()))
            }
            (Self::Domains { .. }, "serviceDomains") => Found::Many(Vec::new()),
            (Self::Domains { environment, service }, "customDomains") => Found::Many(
                state
                    .domains
                    .iter()
                    .filter(|(_, domain)| {
                        domain.environment == *environment && domain.service == *service
                    })
                    .map(|(id, _)| Self::Domain(id.clone()))
                    .collect(),
            ),
            _ => return None,
        })
    }

    /// The fields that lead nowhere.
    fn leaves(&self, state: &State) -> Option<Value> {
        Some(match self {
            Self::User => json!({
                "id": "8b0c1f5c-2f8f-4b57-8f0f-4bb1d7f2a001",
                "name": "Founder", "email": "founder@example.com",
            }),
            Self::Workspace => json!({"id": WORKSPACE, "name": "Rentals"}),
            Self::ProjectCredential { project, environment } => json!({
                "id": "b8a5be0f-3f80-4a0e-8d6c-5f5a0c3e7a02", "name": "project credential",
                "projectId": project, "environmentId": environment,
            }),
            Self::Project(id) => {
                let project = state.projects.get(id)?;
                json!({
                    "id": id, "name": project.name, "createdAt": CREATED,
                    "primaryEnvironmentId": project.primary_environment, "workspaceId": WORKSPACE,
                })
            }
            Self::Environment(id) => {
                let held = state.environments.get(id)?;
                json!({
                    "id": id, "name": held.name, "projectId": held.project,
                    "isEphemeral": false, "canAccess": true, "createdAt": CREATED,
                })
            }
            Self::Service(id) => {
                let held = state.services.get(id)?;
                json!({"id": id, "name": held.name, "projectId": held.project, "createdAt": CREATED})
            }
            Self::Volume(id) => {
                let held = state.volumes.get(id)?;
                json!({"id": id, "name": held.name, "projectId": held.project, "createdAt": CREATED})
            }
            Self::Instance(id) => {
                let (volume, held) = state.instance(id)?;
                json!({
                    "id": id, "volumeId": volume, "environmentId": held.environment,
                    "serviceId": held.service, "mountPath": held.mount_path,
                    "sizeMB": held.size_mb, "currentSizeMB": f64::from(held.size_mb) / 2.0,
                    "state": "READY", "createdAt": CREATED, "isPendingDeletion": false,
                    "region": "us-west1",
                })
            }
            Self::Domain(id) => domain(id, state.domains.get(id)?),
            Self::ServiceInstance { service, environment } => {
                let held = state.services.get(service)?;
                json!({
                    "id": instance_id(service, environment), "serviceId": service,
                    "environmentId": environment, "serviceName": held.name, "createdAt": CREATED,
                })
            }
            Self::Deployment(id) => {
                let held = state.deployments.get(id)?;
                json!({
                    "id": id, "environmentId": held.environment, "projectId": held.project,
                    "serviceId": held.service, "createdAt": CREATED,
                })
            }
            Self::Edge(_) => json!({"cursor": "0"}),
            Self::Leaves(leaves) => leaves.clone(),
            Self::Domains { .. } | Self::Connection(_) => return None,
        })
    }
}

/// The id of a service's instance in an environment: half of either id, which is unique here.
fn instance_id(service: &str, environment: &str) -> String {
    let (first, _) = service.split_at_checked(18).unwrap_or((service, ""));
    let (_, last) = environment.split_at_checked(18).unwrap_or(("", environment));
    format!("{first}{last}")
}

/// The answer's fields of a backup.
pub(super) fn backup(id: &str, name: &str) -> Node {
    Node::Leaves(json!({
        "id": id, "name": name, "externalId": id, "createdAt": CREATED,
        "usedMB": 1200, "referencedMB": 1200,
    }))
}

/// Every project, as a connection.
pub(super) fn projects(state: &State) -> Found {
    connection(state.projects.keys().cloned().map(Node::Project))
}

fn connection(nodes: impl Iterator<Item = Node>) -> Found {
    Found::One(Node::Connection(nodes.collect()))
}

/// The parts of a project that the field `name` lists.
fn parts(state: &State, project: &str, name: &str) -> Vec<Node> {
    match name {
        "environments" => state
            .environments
            .iter()
            .filter(|(_, held)| held.project == project)
            .map(|(id, _)| Node::Environment(id.clone()))
            .collect(),
        "services" => state
            .services
            .iter()
            .filter(|(_, held)| held.project == project)
            .map(|(id, _)| Node::Service(id.clone()))
            .collect(),
        _ => state
            .volumes
            .iter()
            .filter(|(_, held)| held.project == project)
            .map(|(id, _)| Node::Volume(id.clone()))
            .collect(),
    }
}

fn domain(id: &str, held: &CustomDomain) -> Value {
    json!({
        "id": id, "domain": held.domain, "environmentId": held.environment,
        "projectId": held.project, "serviceId": held.service, "targetPort": held.target_port,
        "createdAt": CREATED, "isRailwayDomain": false, "syncStatus": "ACTIVE",
    })
}
