//! What the fake provider holds: one workspace, its projects, and the credentials to them.

use std::collections::BTreeMap;

use crate::error::DrillError;

/// A project.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) primary_environment: String,
}

/// An environment of a project.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    pub(super) name: String,
    pub(super) project: String,
}

/// A service of a project.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) project: String,
}

/// A volume: one thing with an instance in each of several environments. Deleting it deletes all
/// of them, and what is backed up inside them.
#[derive(Debug, Clone)]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) instances: BTreeMap<String, Instance>,
}

/// The part of a volume in one environment, with its backups inside.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) environment: String,
    pub(super) service: Option<String>,
    pub(super) mount_path: String,
    pub(super) size_mb: u32,
    pub(super) backups: BTreeMap<String, Backup>,
}

/// A backup. It lies in the volume that it is a backup of.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    pub(super) name: String,
}

/// A domain of a service in an environment.
#[derive(Debug, Clone)]
pub(super) struct CustomDomain {
    pub(super) domain: String,
    pub(super) project: String,
    pub(super) environment: String,
    pub(super) service: String,
    pub(super) target_port: Option<i64>,
}

/// A deployment of a service in an environment.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) project: String,
    pub(super) environment: String,
    pub(super) service: String,
}

/// What a credential has power over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Power {
    /// Everything in the account, whatever it was made for (`Authorization: Bearer`).
    Account,
    /// One environment of one project (`Project-Access-Token`).
    Environment {
        /// The project.
        project: String,
        /// The environment.
        environment: String,
    },
}

/// What an operation touches: nothing is beyond the account, some things span environments.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) project: Option<String>,
    pub(super) environments: Vec<String>,
}

impl Power {
    /// Whether this power reaches all of `scope`.
    pub(super) fn reaches(&self, scope: &Scope) -> bool {
        match self {
            Self::Account => true,
            Self::Environment { project, environment } => {
                scope.project.as_ref() == Some(project)
                    && !scope.environments.is_empty()
                    && scope.environments.iter().all(|touched| touched == environment)
            }
        }
    }
}

/// Everything that the fake provider holds, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) projects: BTreeMap<String, Project>,
    pub(super) environments: BTreeMap<String, Environment>,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) domains: BTreeMap<String, CustomDomain>,
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// By (environment, service) and name.
    pub(super) variables: BTreeMap<(String, Option<String>), BTreeMap<String, String>>,
    /// By the credential itself.
    pub(super) credentials: BTreeMap<String, Power>,
}

/// How many backups a seeded volume instance holds.
const BACKUPS: usize = 3;

impl State {
    /// The volume with an instance `id`, and the instance.
    pub(super) fn instance(&self, id: &str) -> Option<(&String, &Instance)> {
        self.volumes
            .iter()
            .find_map(|(volume, held)| held.instances.get(id).map(|instance| (volume, instance)))
    }

    /// The volume with an instance `id`, and the instance, to be changed.
    pub(super) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.volumes.values_mut().find_map(|volume| volume.instances.get_mut(id))
    }

    /// The environment `name` of `project`.
    pub(super) fn environment_named(&self, project: &str, name: &str) -> Option<String> {
        let mut all = self.environments.iter();
        all.find(|(_, held)| held.project == project && held.name == name).map(|(id, _)| id.clone())
    }

    /// Adds an empty project with the environments `names`; the first is the primary one.
    pub(super) fn add_project(&mut self, name: &str, names: &[&str]) -> Result<String, DrillError> {
        let project = uuid()?;
        let mut primary_environment = String::new();
        for &environment in names {
            let id = uuid()?;
            if primary_environment.is_empty() {
                primary_environment.clone_from(&id);
            }
            let held = Environment { name: environment.to_owned(), project: project.clone() };
            self.environments.insert(id, held);
        }
        let held = Project { name: name.to_owned(), primary_environment };
        self.projects.insert(project.clone(), held);
        Ok(project)
    }

    /// Adds a service.
    pub(super) fn add_service(&mut self, project: &str, name: &str) -> Result<String, DrillError> {
        let id = uuid()?;
        let held = Service { name: name.to_owned(), project: project.to_owned() };
        self.services.insert(id.clone(), held);
        Ok(id)
    }

    /// Adds a volume with an instance, and backups in it, in every environment of `project`.
    pub(super) fn add_volume(
        &mut self,
        project: &str,
        service: &str,
        name: &str,
    ) -> Result<String, DrillError> {
        self.add_volume_in(project, service, name, |_| true)
    }

    /// The same in those environments only whose id `has`.
    pub(super) fn add_volume_in(
        &mut self,
        project: &str,
        service: &str,
        name: &str,
        has: impl Fn(&str) -> bool,
    ) -> Result<String, DrillError> {
        let mut instances = BTreeMap::new();
        for (environment, held) in &self.environments {
            if held.project == project && has(environment) {
                let mut backups = BTreeMap::new();
                for day in 1..=BACKUPS {
                    backups.insert(uuid()?, Backup { name: format!("daily {day}") });
                }
                let instance = Instance {
                    environment: environment.clone(),
                    service: Some(service.to_owned()),
                    mount_path: "/var/lib/postgresql/data".to_owned(),
                    size_mb: 5_000,
                    backups,
                };
                instances.insert(uuid()?, instance);
            }
        }
        let id = uuid()?;
        let held = Volume { name: name.to_owned(), project: project.to_owned(), instances };
        self.volumes.insert(id.clone(), held);
        Ok(id)
    }

    /// Issues a credential with `power`: a bare UUID, as the provider does.
    pub(super) fn issue(&mut self, power: Power) -> Result<String, DrillError> {
        let credential = uuid()?;
        self.credentials.insert(credential.clone(), power);
        Ok(credential)
    }
}

/// A random UUID (RFC 9562, version 4).
pub(super) fn uuid() -> Result<String, DrillError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| DrillError::Random(error.to_string()))?;
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let (time, rest) = hex.split_at(8);
    let (mid, rest) = rest.split_at(4);
    let (version, rest) = rest.split_at(4);
    let (variant, node) = rest.split_at(4);
    Ok(format!("{time}-{mid}-{version}-{variant}-{node}"))
}
