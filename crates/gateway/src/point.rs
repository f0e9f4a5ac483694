//! The HTTP enforcement point: what HTTP brings to the walk.

use std::{
    collections::{HashMap, HashSet},
    fmt, iter,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use holdpoint_core::{
    Code, Digest, Operation, Refusal, Resource, ResourceId, Timestamp,
    authorized::{Appended, Durable},
    identity::Principal,
    ledger::Record,
    policy::Pdp,
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Identify, Interpret, Ledger, LedgerUnavailable, Point, Stage, keep::Keep, resolve::is_loopback,
    stages::Arrivals,
};
use holdpoint_store::{Config, Holds, State, StoreError, holds::Consumed, ledger};
use holdpoint_wire::{
    Unreadable,
    http::{
        self, Message,
        credentials::{CredentialUse, Part, Position},
    },
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    body::Rest,
    branches::{DefaultBranches, Surveyed},
    commits::Commits,
    forward::Client,
    issued::Issuing,
    kills::Kills,
    known::Known,
    listen::{Arrival, Door, Evidence},
    lookup::Lookups,
    made::Maker,
    metrics::Metrics,
};

/// What stands for a credential in the name of a resource.
const CREDENTIAL: &str = "{credential}";

/// The clock of a gateway.
pub type Clock = fn() -> Timestamp;

/// Everything that the stages of one gateway share.
pub struct HttpPoint {
    pub(crate) state: State,
    config: RwLock<Arc<Config>>,
    pub(crate) client: Arc<Client>,
    pub(crate) lookups: Lookups,
    pub(crate) clock: Clock,
    pub(crate) ledger: ledger::Ledger,
    pub(crate) kills: Kills,
    pub(crate) issuing: Issuing,
    pub(crate) branches: Arc<DefaultBranches>,
    pub(crate) commits: Arc<Commits>,
    /// The ports that stand for services of this machine, for each run that is guarded.
    services: RwLock<HashMap<String, Vec<u16>>>,
    known: RwLock<Arc<Known>>,
    policies: RwLock<Arc<Pdp>>,
    /// Whoever saves what is about to be taken away.
    keeper: OnceLock<Arc<dyn Keep>>,
    metrics: Arc<Metrics>,
    observe: fn(Stage),
}

impl fmt::Debug for HttpPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPoint").field("state", &self.state).finish_non_exhaustive()
    }
}

/// A message on its way through the walk.
#[derive(Debug)]
pub struct Arrived {
    /// What arrived.
    pub message: Message,
    /// The credentials that it carries.
    pub credentials: Vec<CredentialUse>,
    /// What follows the prefix of its body.
    pub(crate) rest: Mutex<Option<Rest>>,
    /// Whose run would make something by it, once that is known.
    pub(crate) maker: OnceLock<Maker>,
    /// Whether an agent sent it now, or a human released it.
    pub origin: Origin,
}

/// Where a message on its way through the walk comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// An agent sent it just now.
    Agent {
        /// Whether from an enclosure.
        enclosed: bool,
    },
    /// It was held, and a human released it: these are the stored bytes.
    Release(Release),
    /// An agent asks for a connection just now. Nobody else can use it, so that a release is
    /// consumed by the message itself; the right to it lies here until it has been used.
    Upgrade {
        /// Whether from an enclosure.
        enclosed: bool,
        /// The right to use the release.
        consumed: Arc<Mutex<Option<Consumed>>>,
    },
}

/// A hold that a human released, on its way to be consumed.
#[derive(Debug, Clone)]
pub struct Release {
    /// The hold.
    pub hold: String,
    /// The right to execute it, once the walk has got that far.
    pub consumed: Arc<Mutex<Option<Consumed>>>,
}

/// What proves who asks.
#[derive(Debug)]
pub enum Claim {
    /// What an agent sent along.
    Bearer(Option<SecretString>),
    /// The listener in a run's enclosure.
    Enclosed {
        /// The run.
        run: Arc<str>,
    },
    /// An address that a human gave to one agent, in reverse mode.
    Address {
        /// The agent.
        agent: String,
    },
    /// A hold that was released: who asked then asks now.
    Released {
        /// The hold.
        hold: String,
    },
}

impl From<Evidence> for Claim {
    fn from(evidence: Evidence) -> Self {
        match evidence.door {
            Door::Proxy => Self::Bearer(evidence.bearer),
            Door::Enclosure(at) => Self::Enclosed { run: Arc::clone(&at.run) },
            Door::Reverse(at) => Self::Address { agent: at.agent.clone() },
        }
    }
}

impl Arrived {
    /// A message that an agent has just sent.
    pub fn from_agent(arrival: Arrival, enclosed: bool) -> Self {
        let Arrival { message, rest } = arrival;
        let credentials = http::credentials::find(&message);
        let (rest, maker) = (Mutex::new(rest), OnceLock::new());
        Self { message, credentials, rest, maker, origin: Origin::Agent { enclosed } }
    }

    /// A message that asks for a connection.
    pub fn to_open(
        message: Message,
        enclosed: bool,
        consumed: Arc<Mutex<Option<Consumed>>>,
    ) -> Self {
        let credentials = http::credentials::find(&message);
        let origin = Origin::Upgrade { enclosed, consumed };
        let (rest, maker) = (Mutex::new(None), OnceLock::new());
        Self { message, credentials, rest, maker, origin }
    }

    /// A message that was held.
    pub fn released(message: Message, release: Release) -> Self {
        let credentials = http::credentials::find(&message);
        let (rest, maker) = (Mutex::new(None), OnceLock::new());
        Self { message, credentials, rest, maker, origin: Origin::Release(release) }
    }

    /// Takes the credentials in the path out of a resource's names, which are shown and recorded.
    fn redact(&self, resource: &mut Resource) {
        let in_path =
            |position: &Position| position.part == Part::Target && position.name.is_empty();
        for credential in self.credentials.iter().filter(|it| in_path(&it.position)) {
            let value = String::from_utf8_lossy(credential.value.expose_secret());
            for id in iter::once(&mut resource.id).chain(&mut resource.within) {
                *id = ResourceId::new(id.as_str().replace(&*value, CREDENTIAL));
            }
        }
    }

    /// The run that it belongs to, once that is known; nobody's until then.
    pub(crate) fn run(&self) -> &str {
        self.maker.get().map_or("", Maker::run)
    }

    /// Whether all of it is here.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl holdpoint_core::Message for Arrived {
    fn digest(&self) -> Digest {
        self.message.digest()
    }
}

impl HttpPoint {
    /// A point on `state`, with what is known and the policies to begin with.
    pub fn new(
        state: State,
        config: Arc<Config>,
        client: Client,
        ledger: ledger::Ledger,
        policies: Pdp,
        clock: Clock,
        observe: fn(Stage),
    ) -> Result<Self, StoreError> {
        let known = RwLock::new(Arc::new(Known::read(&state, &config)?));
        let policies = RwLock::new(Arc::new(policies));
        let client = Arc::new(client);
        Ok(Self {
            issuing: Issuing::new(state.clone(), clock)?,
            state,
            config: RwLock::new(config),
            lookups: Lookups::new(Arc::clone(&client)),
            client,
            clock,
            ledger,
            kills: Kills::default(),
            branches: Arc::default(),
            commits: Arc::default(),
            services: RwLock::default(),
            known,
            policies,
            keeper: OnceLock::new(),
            metrics: Arc::default(),
            observe,
        })
    }

    /// Has what is about to be taken away saved by `keeper`; the first that is said stays.
    pub fn kept_by(&self, keeper: Arc<dyn Keep>) {
        let _first_stays = self.keeper.set(keeper);
    }

    /// Whoever saves what is about to be taken away, if anybody does.
    pub(crate) fn keeper(&self) -> Option<&Arc<dyn Keep>> {
        self.keeper.get()
    }

    /// What is counted of all this.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// What waits, on the configured terms.
    pub(crate) fn holds(&self) -> Holds {
        self.state.holds(self.config().hold.clone())
    }

    /// What is known now.
    pub(crate) fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of what a run was given of this machine.
    pub(crate) fn guards(&self, run: &str, services: &[u16]) {
        let mut all = self.services.write().unwrap_or_else(PoisonError::into_inner);
        match services {
            [] => all.remove(run),
            services => all.insert(run.to_owned(), services.to_owned()),
        };
    }

    /// The ports of this machine that a run was given.
    pub(crate) fn services_of(&self, run: &str) -> Vec<u16> {
        let all = self.services.read().unwrap_or_else(PoisonError::into_inner);
        all.get(run).cloned().unwrap_or_default()
    }

    /// Whether a message goes to a service of this machine that `run` was given.
    pub(crate) fn is_service(&self, run: &str, message: &Message) -> bool {
        is_loopback(&message.host) && self.services_of(run).contains(&message.port)
    }

    /// Reads again what humans said. If that fails, nothing is known and nobody is alive any more:
    /// a host, a secret or an agent that a human has just taken away must not go on.
    pub fn refresh(&self) -> Result<(), StoreError> {
        let (known, alive, result) = match self.read() {
            Ok((known, alive)) => (known, alive, Ok(())),
            Err(error) => (Known::default(), HashSet::new(), Err(error)),
        };
        self.kills.spare(&alive);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        result
    }

    /// What humans said, and the runs that are alive.
    fn read(&self) -> Result<(Known, HashSet<String>), StoreError> {
        let agents = self.state.agents().list()?.into_iter().map(|agent| agent.principal);
        let alive = agents.filter(|principal| !principal.killed);
        let alive = alive.map(|principal| principal.run).collect();
        self.issuing.look()?;
        Ok((Known::read(&self.state, &self.config())?, alive))
    }

    /// Puts another configuration and other policies in force. Addresses, certificates and
    /// limits of the listener stay as they were at the start.
    pub fn take(&self, config: Arc<Config>, policies: Pdp) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
        if let Err(error) = self.refresh() {
            tracing::error!(%error, "a change could not be read; nothing is known until it can");
        }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The store could not answer: nothing passes.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the store does not answer");
    let text = format!("the gateway's own state cannot be used: {error}");
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}

impl Arrivals for HttpPoint {
    type Message = Arrived;
}

impl Interpret for HttpPoint {
    fn interpret(&self, arrived: &Arrived) -> Result<Vec<Operation>, Unreadable> {
        let (known, config) = (self.known(), self.config());
        let (defaults, commits) = (&self.branches, &self.commits);
        let world = Surveyed { known: &known, terms: &config.git, defaults, commits };
        let mut operations = http::interpret(&arrived.message, &world)?;
        operations.iter_mut().for_each(|operation| arrived.redact(&mut operation.resource));
        let max = config.limits.operations;
        match u64::try_from(operations.len()) {
            Ok(count) if count <= max => Ok(operations),
            _ => Err(Unreadable::over_limit(format!(
                "the message is more than {max} operations; send them in parts"
            ))),
        }
    }
}

impl Identify for HttpPoint {
    type Evidence = Claim;

    async fn identify(&self, claim: &Claim) -> Result<Principal, Refusal> {
        let found = match claim {
            Claim::Bearer(None) => None,
            Claim::Bearer(Some(bearer)) => {
                let agents = self.state.agents();
                agents.identify(bearer.expose_secret()).map_err(unavailable)?
            }
            Claim::Enclosed { run } => {
                let agent = self.state.agents().of_run(run).map_err(unavailable)?;
                agent.map(|agent| agent.principal)
            }
            Claim::Address { agent } => {
                let found = self.state.agents().find(agent).map_err(unavailable)?;
                found.map(|agent| agent.principal)
            }
            Claim::Released { hold } => self.principal_of(hold).map_err(unavailable)?,
        };
        found.ok_or_else(|| {
            if let Claim::Address { agent } = claim {
                let text = format!("the agent `{agent}`, whose address this is, is not there");
                return Refusal::new(RefusalKind::Deny, Code::Unidentified, text);
            }
            if let Claim::Released { .. } = claim {
                let text = "who asked for it is not there any more";
                return Refusal::new(RefusalKind::Deny, Code::Unidentified, text);
            }
            let text = "the proxy credential is missing or unknown; a human makes one with \
                        `holdpoint agents new NAME`";
            Refusal::new(RefusalKind::Deny, Code::Unidentified, text)
        })
    }
}

impl HttpPoint {
    /// Who asked for what is held, if that run still exists, killed if it is killed now; or if what
    /// it waits for outlives it.
    fn principal_of(&self, hold: &str) -> Result<Option<Principal>, StoreError> {
        let Some(hold) = self.holds().find(hold, self.now())? else {
            return Ok(None);
        };
        let agent = self.state.agents().find(&hold.principal.agent)?;
        let same = agent.filter(|agent| agent.principal.run == hold.principal.run);
        if same.is_none() && self.holds().outlives(&hold.id)? {
            return Ok(Some(hold.principal));
        }
        Ok(same.map(|agent| Principal { killed: agent.principal.killed, ..hold.principal }))
    }
}

impl Ledger for HttpPoint {
    async fn append(&self, record: Record, subject: Digest) -> Result<Appended, LedgerUnavailable> {
        let appended = self.ledger.append(&record, subject).await.map_err(unwritten)?;
        self.metrics.count(appended.index(), &record);
        Ok(appended)
    }

    async fn commit(&self, record: Record, subject: Digest) -> Result<Durable, LedgerUnavailable> {
        let durable = self.ledger.commit(&record, subject).await.map_err(unwritten)?;
        self.metrics.count(durable.index(), &record);
        Ok(durable)
    }
}

fn unwritten(error: ledger::LedgerError) -> LedgerUnavailable {
    LedgerUnavailable(error.to_string())
}

impl Point for HttpPoint {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn policies(&self) -> Arc<Pdp> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reached(&self, stage: Stage) {
        tracing::trace!(?stage, "reached");
        (self.observe)(stage);
    }
}
