//! A fake of Railway's public API: HTTPS and GraphQL as in the original, and like the original it
//! has credentials with power over the whole account, volumes that span environments, and backups
//! inside the volume that they are backups of.
//!
//! It executes a part of the real schema (`schema.graphql`) and offers nothing that the real one
//! lacks. It is a stand-in for drills: it says nothing about how Railway is built.

mod arrival;
mod document;
mod execute;
mod mutation;
mod node;
mod schema;
mod state;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;

use arrival::Log;
pub use arrival::{Arrival, fingerprint};
use schema::Schema;
use state::{CustomDomain, Deployment, Power, State};

use crate::{
    error::DrillError,
    server::{Answer, AnswerBody, Server, whole},
    tls::Authority,
};

/// The names that the original answers to.
pub const HOSTS: [&str; 2] = ["backboard.railway.com", "backboard.railway.app"];

/// How a fake is to be started.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where each arrival is also appended as a line of JSON, for readers in other processes.
    pub log_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), log_file: None }
    }
}

/// A running fake; dropping it ends it.
pub struct FakeRailway {
    server: Server,
    authority: Authority,
    provider: Arc<Provider>,
    seed: Seed,
}

/// What a fresh fake holds: one project with production and staging, ready for the incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// The project.
    pub project: String,
    /// Its environment `production`.
    pub production: String,
    /// Its environment `staging`.
    pub staging: String,
    /// Its service `api`.
    pub service: String,
    /// A volume with an instance, and backups in it, in both environments.
    pub volume: String,
    /// A custom domain of the service in production.
    pub domain: String,
    /// An account credential: blanket power, whatever it was made for.
    pub account_credential: String,
    /// A project credential, bound to the environment `staging`.
    pub staging_credential: String,
}

/// A running fake as other processes need to know it.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The certificate to trust, in PEM.
    pub ca_pem: String,
    /// What it held when it started.
    pub seed: Seed,
}

struct Provider {
    schema: Schema,
    state: Mutex<State>,
    log: Log,
}

impl FakeRailway {
    /// Starts a fake with a fresh [`Seed`].
    pub async fn start(config: Config) -> Result<Self, DrillError> {
        let authority = Authority::new("Fake Railway")?;
        let tls = authority.server(&HOSTS.map(str::to_owned))?;
        let mut state = State::default();
        let seed = seed(&mut state)?;
        let provider = Arc::new(Provider {
            schema: Schema::railway(),
            state: Mutex::new(state),
            log: Log::new(config.log_file)?,
        });
        let answering = Arc::clone(&provider);
        let handler = Arc::new(move |request: Request<Bytes>| -> Answer {
            let provider = Arc::clone(&answering);
            Box::pin(async move { provider.answer(&request) })
        });
        let server = Server::start(config.listen, Some(tls), handler).await?;
        Ok(Self { server, authority, provider, seed })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The authority that signed its certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// What it held when it started.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// What another process needs to know of it.
    pub fn description(&self) -> Description {
        let (addr, ca_pem) = (self.addr(), self.ca_pem().to_owned());
        Description { addr, ca_pem, seed: self.seed.clone() }
    }

    /// Everything that arrived, oldest first.
    pub fn log(&self) -> Vec<Arrival> {
        self.provider.log.arrivals()
    }

    /// How many mutations took place.
    pub fn mutations(&self) -> usize {
        self.log().iter().map(|arrival| arrival.executed.len()).sum()
    }

    /// Whether the volume is there in any environment.
    pub fn volume_exists(&self, id: &str) -> bool {
        self.state().volumes.contains_key(id)
    }

    /// Whether the volume has an instance in the environment `environment` (an id).
    pub fn volume_exists_in(&self, id: &str, environment: &str) -> bool {
        self.state().volumes.get(id).is_some_and(|volume| {
            volume.instances.values().any(|held| held.environment == environment)
        })
    }

    /// How many backups of the volume there are in the environment `environment` (an id).
    pub fn backups_in(&self, id: &str, environment: &str) -> usize {
        let state = self.state();
        let instances = state.volumes.get(id).into_iter().flat_map(|held| held.instances.values());
        instances
            .filter(|held| held.environment == environment)
            .map(|held| held.backups.len())
            .sum()
    }

    /// Whether the custom domain is there.
    pub fn domain_exists(&self, id: &str) -> bool {
        self.state().domains.contains_key(id)
    }

    /// The names of the variables that all services of the environment `environment` (an id)
    /// share.
    pub fn shared_variables(&self, environment: &str) -> Vec<String> {
        let held = self.state().variables.get(&(environment.to_owned(), None)).cloned();
        held.unwrap_or_default().into_keys().collect()
    }

    /// Adds a volume like the seeded one, past the API.
    pub fn add_volume(&self, name: &str) -> Result<String, DrillError> {
        self.state().add_volume(&self.seed.project, &self.seed.service, name)
    }

    /// Adds a volume with an instance in the environment `environment` (an id) only, past the API.
    pub fn add_volume_in(&self, name: &str, environment: &str) -> Result<String, DrillError> {
        let Seed { project, service, .. } = &self.seed;
        self.state().add_volume_in(project, service, name, |id| id == environment)
    }

    /// Adds a deployment of the service in the environment `environment` (an id), past the API.
    pub fn add_deployment(&self, environment: &str) -> Result<String, DrillError> {
        let id = state::uuid()?;
        let deployment = Deployment {
            project: self.seed.project.clone(),
            environment: environment.to_owned(),
            service: self.seed.service.clone(),
        };
        self.state().deployments.insert(id.clone(), deployment);
        Ok(id)
    }

    /// Renames an environment (an id), past the API.
    pub fn rename_environment(&self, environment: &str, name: &str) {
        if let Some(held) = self.state().environments.get_mut(environment) {
            name.clone_into(&mut held.name);
        }
    }

    /// Adds a custom domain of the service in production, past the API.
    pub fn add_domain(&self, domain: &str) -> Result<String, DrillError> {
        add_domain(&mut self.state(), &self.seed, domain)
    }

    /// Issues another account credential, past the API.
    pub fn issue_account_credential(&self) -> Result<String, DrillError> {
        self.state().issue(Power::Account)
    }

    /// A credential is no longer known.
    pub fn revoke(&self, credential: &str) {
        self.state().credentials.remove(credential);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.provider.state()
    }
}

impl Provider {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<AnswerBody> {
        // One message at a time, so that the log's order is that of the effects.
        let mut state = self.state();
        if self.log.is_full() {
            return whole(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the log is full");
        }
        let mut arrival = Arrival::of(request);
        let (status, body) = arrival.serve(&self.schema, &mut state, request);
        match self.log.keep(arrival) {
            Ok(()) => whole(status, "application/json", body.to_string()),
            Err(error) => whole(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
        }
    }
}

fn seed(state: &mut State) -> Result<Seed, DrillError> {
    let project = state.add_project("rentals", &["production", "staging"])?;
    let environment =
        |state: &State, name| state.environment_named(&project, name).unwrap_or_default();
    let (production, staging) = (environment(state, "production"), environment(state, "staging"));
    let service = state.add_service(&project, "api")?;
    let power = Power::Environment { project: project.clone(), environment: staging.clone() };
    let mut seed = Seed {
        volume: state.add_volume(&project, &service, "postgres-data")?,
        account_credential: state.issue(Power::Account)?,
        staging_credential: state.issue(power)?,
        domain: String::new(),
        project,
        production,
        staging,
        service,
    };
    seed.domain = add_domain(state, &seed, "book.example.com")?;
    for environment in [&seed.production, &seed.staging] {
        let key = (environment.clone(), Some(seed.service.clone()));
        let url = "postgres://app:not-a-real-password@postgres.railway.internal/app".to_owned();
        state.variables.insert(key, [("DATABASE_URL".to_owned(), url)].into());
    }
    Ok(seed)
}

fn add_domain(state: &mut State, seed: &Seed, domain: &str) -> Result<String, DrillError> {
    let id = state::uuid()?;
    let held = CustomDomain {
        domain: domain.to_owned(),
        project: seed.project.clone(),
        environment: seed.production.clone(),
        service: seed.service.clone(),
        target_port: None,
    };
    state.domains.insert(id.clone(), held);
    Ok(id)
}
