//! Look-ups: what only a provider can tell is asked of it, with a secret that a human gave for
//! this alone (`--purpose lookup:railway`). An answer that does not come is none: then nobody
//! knows where a thing lies, and it is judged as production.
//!
//! - `ask`: one question, page by page; [`anew`]: one for a new credential
//! - `cache`: what was said a short while ago

pub mod anew;
mod ask;
mod cache;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use holdpoint_core::{Operation, ResourceId};
use holdpoint_wire::lookup::{self, Directory, Need, Whereabouts};
use tokio::{
    sync::watch,
    time::{Instant as Deadline, timeout, timeout_at},
};

use self::cache::{Cache, Cached, age_max};
use crate::{
    forward::Client,
    known::{Known, KnownSecret},
};

/// How long a message waits for a provider's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a provider may take; its answer serves the messages after this one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Resources of one message that are looked up.
const RESOURCES_MAX: usize = 32;
/// Questions that are open at the same time.
const OPEN_MAX: usize = 32;

/// Asks providers, each question once at a time.
#[derive(Clone)]
pub struct Lookups {
    client: Arc<Client>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cache: Mutex<Cache>,
    open: Mutex<HashMap<Need, watch::Receiver<()>>>,
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

impl Lookups {
    /// Nothing is known yet; questions go out through `client`.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, shared: Arc::default() }
    }

    /// Where the resources of `operations` lie, as far as their providers say so in time.
    pub async fn find(
        &self,
        known: &Known,
        operations: &[Operation],
    ) -> HashMap<ResourceId, Whereabouts> {
        let deadline = Deadline::now() + PATIENCE;
        let mut found = HashMap::new();
        let mut looked_up = HashSet::new();
        for operation in operations {
            for resource in lookup::subjects(operation) {
                if looked_up.len() >= RESOURCES_MAX || !looked_up.insert(resource.clone()) {
                    continue;
                }
                let age_max = age_max(operation.effect);
                if let Some(there) = self.one(known, resource, age_max, deadline).await {
                    found.insert(resource.clone(), there);
                }
            }
        }
        found
    }

    /// Where one resource lies.
    async fn one(
        &self,
        known: &Known,
        resource: &ResourceId,
        age_max: Duration,
        deadline: Deadline,
    ) -> Option<Whereabouts> {
        let directory = lookup::directory(resource.provider())?;
        let need = directory.need(resource)?;
        let secret = known.for_lookups(directory)?;
        let look = || self.shared.cache().find(&need, resource, age_max, Instant::now());
        match look() {
            Cached::There(there) => return Some(there),
            Cached::Unknown => return None,
            Cached::Ask => {}
        }
        let in_time = match self.question(directory, need.clone(), secret, &look) {
            // Ends when the question is answered or given up; what came of it is in the cache.
            Some(mut answered) => timeout_at(deadline, answered.changed()).await.is_ok(),
            None => true,
        };
        match look() {
            Cached::There(there) if in_time => Some(there),
            _ => None,
        }
    }

    /// The question that is open about `need`; asks it, if there is none. `None` if it was answered
    /// just now, or if too many are open.
    fn question(
        &self,
        directory: &'static dyn Directory,
        need: Need,
        secret: Arc<KnownSecret>,
        look: &impl Fn() -> Cached,
    ) -> Option<watch::Receiver<()>> {
        let mut open = self.shared.open();
        if let Some(answered) = open.get(&need) {
            return Some(answered.clone());
        }
        if open.len() >= OPEN_MAX || look() != Cached::Ask {
            return None;
        }
        let (ends, answered) = watch::channel(());
        open.insert(need.clone(), answered.clone());
        let question = Open { shared: Arc::clone(&self.shared), need, _ends: ends };
        let client = Arc::clone(&self.client);
        tokio::spawn(async move { question.ask(&client, directory, &secret).await });
        Some(answered)
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Need, watch::Receiver<()>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is open until it is dropped.
struct Open {
    shared: Arc<Shared>,
    need: Need,
    _ends: watch::Sender<()>,
}

impl Open {
    async fn ask(self, client: &Client, directory: &dyn Directory, secret: &KnownSecret) {
        let (began, provider) = (Instant::now(), self.need.provider);
        let credential = &secret.secret.value;
        let asked = timeout(ANSWER_TIMEOUT, ask::ask(client, directory, &self.need, credential));
        let answer = match asked.await {
            Ok(Ok(found)) => Some(Arc::new(found)),
            Ok(Err(error)) => {
                tracing::warn!(provider, %error, "a look-up failed; what it was about is judged as production");
                None
            }
            Err(_) => {
                tracing::warn!(
                    provider,
                    "a look-up took too long; what it was about is judged as production"
                );
                None
            }
        };
        let (millis, resources) = (began.elapsed().as_millis(), answer.as_ref().map(|it| it.len()));
        let about = self.need.subject.as_ref().map_or("everything", ResourceId::as_str);
        let name = &secret.secret.name;
        tracing::info!(provider, about, secret = %name, resources, millis, "a provider was asked");
        self.shared.cache().keep(self.need.clone(), answer, Instant::now());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.open().remove(&self.need);
    }
}
