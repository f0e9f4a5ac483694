//! The enforcement point of one session: what PostgreSQL brings to the walk.

use std::{
    fmt, io,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use holdpoint_core::{
    Authorized, Code, Digest, Effect, Operation, Refusal, Timestamp,
    authorized::{Appended, Durable},
    identity::Principal,
    ledger::Record,
    policy::{Decision, Pdp},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Forward, Forwarded, Identify, Interpret, Ledger, LedgerUnavailable, Point, Stage,
    stages::Arrivals,
};
use holdpoint_store::config::Database;
use holdpoint_wire::{
    Unreadable,
    sql::{
        Dialect, Target,
        protocol::scram::{Keys, Verifier},
        target::is_local,
    },
};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::sync::Mutex;

use super::{
    connect::Connect,
    meaning,
    own::{EXACT, NOWHERE, Own},
    preimage::KeptAs,
    reading::Readings,
    role::{Catalogue, Looked},
    script::{Script, Step},
    spool::Spooled,
    upstream::{OwnError, Upstream},
};
use crate::{
    point::{Claim, HttpPoint},
    tls::{Roots, TrustError},
};

/// Sessions that look at what others have not finished yet, kept for the next who need one.
const WITNESSES_MAX: usize = 4;

/// One database, as all its sessions share it.
pub struct Served {
    /// The store, the ledger, the policies.
    pub(super) http: Arc<HttpPoint>,
    /// As it is configured.
    pub(super) database: Database,
    /// The database and the role, in one word.
    pub(super) name: Arc<str>,
    /// As operations name it.
    pub(super) target: Target,
    pub(super) tls: Arc<ClientConfig>,
    /// Whom that believes, in PEM.
    pub(super) authorities: Arc<str>,
    pub(super) readings: Readings,
    pub(super) catalogue: Catalogue,
    witnesses: StdMutex<Vec<Upstream>>,
    /// Held once by each connection.
    places: Arc<()>,
    /// What was computed of the real password, and of its phantom.
    keys: StdMutex<Option<Keys>>,
    verifier: StdMutex<Option<(String, Verifier)>>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("database", &self.name).finish_non_exhaustive()
    }
}

impl Served {
    /// `database`, judged by what `http` knows; its server is known by `roots`.
    pub fn new(
        http: Arc<HttpPoint>,
        database: Database,
        roots: &Roots,
    ) -> Result<Self, ServedError> {
        let mut tls = ClientConfig::clone(&*roots.clone().client()?);
        tls.alpn_protocols = vec![super::connect::ALPN.to_vec()];
        let target = Target::read(&database.to_string(), Dialect::Postgres)?;
        let name = database.to_string().into();
        let tls = Arc::new(tls);
        Ok(Self {
            http,
            database,
            name,
            target,
            tls,
            authorities: roots.pem(),
            readings: Readings::default(),
            catalogue: Catalogue::default(),
            witnesses: StdMutex::default(),
            places: Arc::default(),
            keys: StdMutex::default(),
            verifier: StdMutex::default(),
        })
    }

    /// Whether this is its server's own address. Every name of this machine is the same.
    pub(crate) fn is_at(&self, host: &str, port: u16) -> bool {
        let Database { host: own, port: own_port, .. } = &self.database;
        let same = own.eq_ignore_ascii_case(host) || is_local(own) && is_local(host);
        same && *own_port == port
    }

    /// A place among its connections.
    pub(super) fn place(&self) -> Arc<()> {
        Arc::clone(&self.places)
    }

    /// What it stands for, and for whom.
    pub fn describe(&self) -> (String, Option<String>) {
        (self.name.to_string(), self.database.agent.clone())
    }

    /// What is needed to connect to the server.
    pub(super) fn connect(&self) -> Connect<'_> {
        let Self { http, database, tls, keys, .. } = self;
        // A human wrote the address down, so it may lie inside.
        Connect { client: &http.client, database, tls, inside: true, keys }
    }

    /// What proves that a client knows a phantom.
    pub(super) fn verifier(&self, phantom: &str) -> io::Result<Verifier> {
        let mut known = self.verifier.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, verifier)) = &*known
            && of == phantom
        {
            return Ok(verifier.clone());
        }
        let verifier = Verifier::of(phantom, &super::connect::drawn::<16>()?);
        *known = Some((phantom.to_owned(), verifier.clone()));
        Ok(verifier)
    }

    /// A session of the gateway's own with the real password.
    pub(super) async fn session(&self, options: &[(String, String)]) -> Result<Upstream, Refusal> {
        let known = self.http.known();
        let secret = known.secret_named(&self.database.secret).ok_or_else(|| {
            let secret = &self.database.secret;
            let text = format!("the secret `{secret}` of this database is not kept here");
            Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
        })?;
        let password = super::password::real(secret);
        self.connect().session(&password, options).await.map_err(|error| {
            Refusal::new(RefusalKind::Upstream, Code::UpstreamUnreachable, error.to_string())
        })
    }

    /// A session that sees what everybody sees.
    pub(super) async fn witness(&self) -> Result<Upstream, Refusal> {
        let kept = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // The server may have gone since, and come again.
        if let Some(mut witness) = kept
            && witness.rows(&Own::Made("SELECT 1".to_owned())).await.is_ok()
        {
            return Ok(witness);
        }
        // Whoever looks on waits for nobody.
        // Rows that a policy would hide from it are an error, not fewer rows.
        let own = [("lock_timeout", "3s"), ("row_security", "off"), NOWHERE];
        let options = own.into_iter().chain(EXACT);
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.session(&options.collect::<Vec<_>>()).await
    }

    /// Keeps a witness for the next.
    pub(super) fn keep(&self, witness: Upstream) {
        let mut kept = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < WITNESSES_MAX && witness.status == b'I' {
            kept.push(witness);
        }
    }
}

/// Why a database cannot be served.
#[derive(Debug, Error)]
pub enum ServedError {
    /// Its name is none.
    #[error("{0}")]
    Name(#[from] Unreadable),
    /// There is no TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The enforcement point of one session.
#[derive(Debug)]
pub(super) struct SessionPoint {
    pub(super) served: Arc<Served>,
    /// The server's end.
    pub(super) upstream: Mutex<Upstream>,
    /// What proves who asks.
    pub(super) claim: Claim,
    /// Whether the agent has no way out but ours.
    pub(super) enclosed: bool,
    /// What the session began with.
    pub(super) options: Vec<(String, String)>,
    /// What was found out about the role and its database.
    pub(super) looked: Looked,
    /// What was read of the open transaction.
    pub(super) spooled: Spooled,
    /// The pre-image that was kept last, until the client has been told.
    kept: StdMutex<Option<KeptAs>>,
}

/// What became of a script.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is on its way; its answer comes from the server.
    Sent,
    /// The transaction ended well; what the server said.
    Committed(bytes::Bytes),
    /// The server would not end it well; what it said.
    Failed(bytes::Bytes),
    /// This very script was run a short while ago; here is what the server said.
    Answered(Vec<u8>),
}

impl Arrivals for SessionPoint {
    type Message = Script;
}

impl Interpret for SessionPoint {
    fn interpret(&self, script: &Script) -> Result<Vec<Operation>, Unreadable> {
        if let Some((_, unreadable)) = &script.unreadable {
            return Err(unreadable.clone());
        }
        if let Step::Commit(measured) = &script.step {
            return Ok(measured.operations.clone());
        }
        let readings = script.statements.iter().map(|bound| &bound.reading);
        let mut operations: Vec<Operation> = Vec::new();
        for operation in readings.flat_map(|reading| reading.operations.iter()) {
            if !operations.contains(operation) {
                operations.push(operation.clone());
            }
        }
        match operations.len() {
            // What does nothing, or only asks how far things are.
            0 => Ok(vec![meaning::looking(&self.served.target)]),
            count if count <= holdpoint_wire::sql::OPERATIONS_MAX => Ok(operations),
            _ => Err(Unreadable::over_limit("too many operations at once; send fewer")),
        }
    }
}

impl Identify for SessionPoint {
    type Evidence = Claim;

    async fn identify(&self, claim: &Claim) -> Result<Principal, Refusal> {
        self.served.http.identify(claim).await
    }
}

impl Ledger for SessionPoint {
    async fn append(&self, record: Record, subject: Digest) -> Result<Appended, LedgerUnavailable> {
        self.served.http.append(record, subject).await
    }

    async fn commit(&self, record: Record, subject: Digest) -> Result<Durable, LedgerUnavailable> {
        self.served.http.commit(record, subject).await
    }
}

impl Point for SessionPoint {
    fn now(&self) -> Timestamp {
        self.served.http.now()
    }

    fn policies(&self) -> Arc<Pdp> {
        self.served.http.policies()
    }

    fn reached(&self, stage: Stage) {
        self.served.http.reached(stage);
    }
}

impl Forward for SessionPoint {
    type Outcome = Outcome;

    async fn forward(&self, authorized: Authorized<Script>) -> Forwarded<Outcome> {
        let ends = matches!(authorized.message().step, Step::Commit(_));
        let stands_alone = matches!(authorized.message().step, Step::Run);
        let mut upstream = self.upstream.lock().await;
        if upstream.strayed(stands_alone) {
            let outcome = Err(broken(&"a setting was changed by which statements are read"));
            return Forwarded { outcome, status: None, answer: None };
        }
        let structure = authorized.message().measured().is_some_and(|it| it.structure);
        let kept = if ends { self.spooled.settle() } else { Vec::new() };
        let outcome = match upstream.send(authorized).await {
            Err(error) if ends => Err(unknown(&error)),
            Err(error) => Err(broken(&error)),
            Ok(()) if ends => end(&mut upstream).await,
            Ok(()) => Ok(Outcome::Sent),
        };
        if structure {
            self.served.catalogue.changed();
        }
        if matches!(outcome, Ok(Outcome::Failed(_))) {
            self.spooled.erase(&kept);
        }
        Forwarded { outcome, status: None, answer: None }
    }
}

/// Waits for the end of a transaction.
async fn end(upstream: &mut Upstream) -> Result<Outcome, Refusal> {
    let (mut said, mut failed) = (bytes::BytesMut::new(), false);
    loop {
        let frame = upstream.frame().await.map_err(|error| unknown(&error))?;
        failed |= frame.tag == b'E';
        match frame.tag {
            b'S' => upstream.note(frame.body).map_err(|error| unknown(&error))?,
            b'Z' if failed => return Ok(Outcome::Failed(said.freeze())),
            b'Z' => return Ok(Outcome::Committed(said.freeze())),
            _ => said.extend_from_slice(&frame.encoded()),
        }
    }
}

/// The commit was sent, and nobody heard what became of it.
fn unknown(error: &dyn fmt::Display) -> Refusal {
    let text = format!("COMMIT was sent, and the connection broke before its answer: {error}");
    Refusal::new(RefusalKind::Upstream, Code::OutcomeUnknown, text)
}

/// The connection is gone, and with it everything that was not committed.
pub(super) fn broken(error: &dyn fmt::Display) -> Refusal {
    let text = format!("the connection to the database broke: {error}");
    Refusal::new(RefusalKind::Upstream, Code::UpstreamUnreachable, text)
}

/// One of the gateway's own statements failed.
pub(super) fn own_failed(error: &OwnError) -> Refusal {
    if let OwnError::Meanwhile = error {
        return Refusal::new(RefusalKind::Unavailable, Code::ChangedMeanwhile, error.to_string());
    }
    let text = format!("what the transaction changed could not be looked at: {error}");
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}

impl SessionPoint {
    pub(super) fn new(
        served: Arc<Served>,
        upstream: Mutex<Upstream>,
        claim: Claim,
        enclosed: bool,
        options: Vec<(String, String)>,
        looked: Looked,
    ) -> Self {
        let (spooled, kept) = (Spooled::new(served.http.state.payloads()), StdMutex::default());
        Self { served, upstream, claim, enclosed, options, looked, spooled, kept }
    }

    /// Takes note of a pre-image that was kept.
    pub(super) fn kept(&self, kept: KeptAs) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// The pre-image of the transaction that has just ended.
    pub(super) fn take_kept(&self) -> Option<KeptAs> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs one of the gateway's own statements in the session.
    pub(super) async fn own(&self, own: &Own) -> Result<Vec<super::upstream::Row>, OwnError> {
        self.upstream.lock().await.rows(own).await
    }

    /// What policy says of an operation as it stands in a text, before anybody has looked at what
    /// it does: whether nothing could release it.
    pub(super) fn is_denied(&self, request: &holdpoint_core::policy::Request) -> bool {
        matches!(self.policies().decide(request), Decision::Deny { .. })
    }
}

/// An operation that only looks: what a statement is while nothing of it counts yet.
pub(super) fn rehearsed(operation: Operation) -> Operation {
    Operation { effect: Effect::Observe, ..operation }
}
