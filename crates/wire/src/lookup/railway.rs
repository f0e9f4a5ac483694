//! Railway's directory. There is no query for one volume, and a service or a domain does not say
//! in which environments it is: so everything that a credential sees is listed, project by
//! project. Fields and arguments are facts of the schema in the package `railwayapp` 5.71.0.

use std::collections::HashMap;

use bytes::Bytes;
use holdpoint_catalog::environments;
use holdpoint_core::{Environment, ResourceId};
use secrecy::{ExposeSecret as _, SecretString};

use super::{AnswerError, Directory, Need, Page, Whereabouts, identifier, kind};
use crate::http::{Body, Message, Scheme, json::Json};

const PROVIDER: &str = "railway";

/// Everything, fifty projects a page.
const PROJECTS: &str = "query ($after: String) { projects(first: 50, after: $after) { \
    pageInfo { hasNextPage endCursor } edges { node { id \
    environments { pageInfo { hasNextPage } edges { node { id name isEphemeral canAccess } } } \
    services { pageInfo { hasNextPage } edges { node { id serviceInstances { \
    pageInfo { hasNextPage } edges { node { id environmentId \
    domains { customDomains { id } serviceDomains { id } } } } } } } } \
    volumes { pageInfo { hasNextPage } edges { node { id volumeInstances { \
    pageInfo { hasNextPage } edges { node { id environmentId } } } } } } } } } }";

/// One deployment: there are too many to list.
const DEPLOYMENT: &str =
    "query ($id: String!) { deployment(id: $id) { id environment { id name isEphemeral } } }";

/// Railway, by its GraphQL API.
#[derive(Debug)]
pub(super) struct Railway;

impl Directory for Railway {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn host(&self) -> &'static str {
        "backboard.railway.com"
    }

    fn need(&self, resource: &ResourceId) -> Option<Need> {
        if resource.provider() != PROVIDER || matches!(identifier(resource), "" | "new" | "unknown")
        {
            return None;
        }
        let subject = match kind(resource) {
            "deployment" => Some(resource.clone()),
            "project" | "environment" | "service" | "serviceInstance" | "customDomain"
            | "serviceDomain" | "volume" | "volumeInstance" => None,
            _ => return None,
        };
        Some(Need { provider: PROVIDER, subject })
    }

    fn question(&self, need: &Need, after: Option<&str>, credential: &SecretString) -> Message {
        let body = match &need.subject {
            Some(one) => {
                serde_json::json!({"query": DEPLOYMENT, "variables": {"id": identifier(one)}})
            }
            None => serde_json::json!({"query": PROJECTS, "variables": {"after": after}}),
        };
        let header = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
        Message {
            method: "POST".to_owned(),
            scheme: Scheme::Https,
            host: self.host().to_owned(),
            port: Scheme::Https.default_port(),
            target: "/graphql/v2".to_owned(),
            headers: vec![
                header("accept", "application/json".to_owned()),
                header("content-type", "application/json".to_owned()),
                // A project's credential is sent in another header, and would see one environment
                // only: it could not say that a volume has an instance in a second one.
                header("authorization", format!("Bearer {}", credential.expose_secret())),
            ],
            body: Body::Whole(body.to_string().into()),
            coded: None,
        }
    }

    fn read(&self, need: &Need, body: &[u8]) -> Result<Page, AnswerError> {
        let answer = Json::read(body).map_err(|_| AnswerError::Unreadable)?;
        if answer.get("errors").is_some_and(|errors| !errors.is_null()) {
            return Err(AnswerError::Refused);
        }
        let data = answer.get("data").ok_or(AnswerError::Lacks("data"))?;
        let mut found = Found::default();
        if let Some(subject) = &need.subject {
            let one = at(data, "deployment")?;
            let told = environment(at(one, "environment")?)?;
            found.place(subject.clone(), vec![told]);
            return Ok(Page { found: found.0, next: None });
        }
        let projects = Connection::read(data, "projects")?;
        for project in &projects.nodes {
            found.project(project)?;
        }
        Ok(Page { found: found.0, next: projects.next })
    }
}

/// An environment and what it is.
type Told = (ResourceId, Environment);

/// Where things lie, as it is read.
#[derive(Default)]
struct Found(HashMap<ResourceId, Whereabouts>);

/// The environments of one project.
struct Environments {
    known: Vec<Told>,
    /// What the credential may not see could hold an instance of anything in the project.
    complete: bool,
}

impl Environments {
    /// Those with these ids; an unknown one in place of what is not listed or not seen.
    fn among(&self, ids: &[&str], complete: bool) -> Vec<Told> {
        let find = |id: &&str| {
            let id = of("environment", id);
            let known = self.known.iter().find(|(own, _)| *own == id).cloned();
            known.unwrap_or((id, Environment::Unknown))
        };
        let unseen = !(complete && self.complete);
        ids.iter().map(find).chain(unseen.then(self::unseen)).collect()
    }
}

impl Found {
    fn place(&mut self, id: ResourceId, environments: Vec<Told>) {
        if let Some(whereabouts) = Whereabouts::new(environments) {
            self.0.insert(id, whereabouts);
        }
    }

    fn project(&mut self, project: &Json) -> Result<(), AnswerError> {
        let listed = Connection::read(project, "environments")?;
        let known = listed.nodes.iter().map(|node| environment(node));
        let known: Vec<Told> = known.collect::<Result<_, _>>()?;
        let seen = listed.nodes.iter().all(|node| node.get("canAccess") == Some(&Json::Bool(true)));
        for told in &known {
            self.place(told.0.clone(), vec![told.clone()]);
        }
        let environments = Environments { known, complete: listed.complete() && seen };
        let mut all = environments.known.clone();
        all.extend((!environments.complete).then(unseen));
        self.place(of("project", text(project, "id")?), all);
        for service in Connection::read(project, "services")?.nodes {
            let instances = Connection::read(service, "serviceInstances")?;
            self.parts(
                &environments,
                of("service", text(service, "id")?),
                &instances,
                "serviceInstance",
            )?;
            for instance in instances.nodes {
                self.domains(&environments, instance)?;
            }
        }
        for volume in Connection::read(project, "volumes")?.nodes {
            let instances = Connection::read(volume, "volumeInstances")?;
            self.parts(
                &environments,
                of("volume", text(volume, "id")?),
                &instances,
                "volumeInstance",
            )?;
        }
        Ok(())
    }

    /// What has an instance in each of several environments, and those instances.
    fn parts(
        &mut self,
        environments: &Environments,
        whole: ResourceId,
        instances: &Connection<'_>,
        kind: &str,
    ) -> Result<(), AnswerError> {
        let mut ids = Vec::new();
        for instance in &instances.nodes {
            let id = text(instance, "environmentId")?;
            self.place(of(kind, text(instance, "id")?), environments.among(&[id], true));
            ids.push(id);
        }
        self.place(whole, environments.among(&ids, instances.complete()));
        Ok(())
    }

    /// The domains of a service in one environment.
    fn domains(&mut self, environments: &Environments, instance: &Json) -> Result<(), AnswerError> {
        let told = environments.among(&[text(instance, "environmentId")?], true);
        let domains = at(instance, "domains")?;
        for (field, kind) in
            [("customDomains", "customDomain"), ("serviceDomains", "serviceDomain")]
        {
            for domain in at(domains, field)?.values() {
                self.place(of(kind, text(domain, "id")?), told.clone());
            }
        }
        Ok(())
    }
}

/// A list as Railway pages it (GraphQL Cursor Connections).
struct Connection<'a> {
    nodes: Vec<&'a Json>,
    /// Where it goes on; empty if nobody says.
    next: Option<String>,
}

impl<'a> Connection<'a> {
    fn read(parent: &'a Json, field: &'static str) -> Result<Self, AnswerError> {
        let connection = at(parent, field)?;
        let edges = at(connection, "edges")?.values().iter();
        let nodes = edges.map(|edge| at(edge, "node")).collect::<Result<_, _>>()?;
        let page = at(connection, "pageInfo")?;
        let next = (at(page, "hasNextPage")? != &Json::Bool(false))
            .then(|| page.get("endCursor").and_then(Json::as_str).unwrap_or_default().to_owned());
        Ok(Self { nodes, next })
    }

    fn complete(&self) -> bool {
        self.next.is_none()
    }
}

fn at<'a>(parent: &'a Json, field: &'static str) -> Result<&'a Json, AnswerError> {
    parent.get(field).filter(|value| !value.is_null()).ok_or(AnswerError::Lacks(field))
}

fn text<'a>(parent: &'a Json, field: &'static str) -> Result<&'a str, AnswerError> {
    at(parent, field)?.as_str().ok_or(AnswerError::Lacks(field))
}

fn of(kind: &str, id: &str) -> ResourceId {
    ResourceId::of(PROVIDER, kind, id)
}

/// An environment by its name. One that a pull request made, and its end takes away, is for
/// development unless its name says something stricter.
fn environment(node: &Json) -> Result<Told, AnswerError> {
    let named = environments::of_name(text(node, "name")?);
    let ephemeral = at(node, "isEphemeral")? == &Json::Bool(true);
    let told = match named {
        Environment::Unknown if ephemeral => Environment::Development,
        named => named,
    };
    Ok((of("environment", text(node, "id")?), told))
}

/// Stands for whatever the answer leaves open.
fn unseen() -> Told {
    (of("environment", "unseen"), Environment::Unknown)
}
