//! What a session's role could do, and what is said of its database: judgements stand on it, so
//! that it is looked at again once the catalogue has changed.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use holdpoint_core::Environment;

use super::{
    own::Own,
    point::SessionPoint,
    upstream::{OwnError, Row},
};

/// From here on, changing a large object is writing.
const LARGE_OBJECTS_COUNT: u32 = 160_000;
/// How long what was found out stands while nobody here has changed the catalogue: others, past
/// the gateway, may have.
const STANDS: Duration = Duration::from_secs(1);

/// What was found out about a role and its database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    /// It could act outside of its transactions, so that code which nobody can see is judged
    /// before it runs.
    pub(super) escapes: bool,
    /// Reading could take large objects away, which an older server does not count as writing.
    pub(super) careful: bool,
    /// Where the server is if its address is one of this machine: here, or behind a tunnel.
    pub(super) local: Option<Environment>,
    /// A comment on the database speaks of production or staging.
    pub(super) marked: Option<Environment>,
}

impl Role {
    /// What the answer to [`Own::Role`] says; as much as could be where it says nothing.
    pub(super) fn of(row: Option<&Row>, local: Option<Environment>) -> Self {
        let text = |column: usize| row.map_or("", |row| row.text(column));
        let marked = row.and_then(|row| row.some(2)).map(holdpoint_catalog::environments::of_name);
        let marked = marked.filter(|it| {
            use Environment::{Production, Staging};
            matches!(it, Production | Staging)
        });
        let version: u32 = text(1).parse().unwrap_or(0);
        let careful = version < LARGE_OBJECTS_COUNT && text(4) != "false";
        Self { escapes: text(0) != "false", careful, local, marked }
    }
}

/// How often the catalogue of a database was changed through its gateway.
#[derive(Debug, Default)]
pub(super) struct Catalogue(AtomicU64);

impl Catalogue {
    /// Takes note of a change: what was found out before is looked at again.
    pub(super) fn changed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was changed.
    pub(super) fn version(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A role, as it was at a version of the catalogue.
#[derive(Debug)]
pub(super) struct Looked(Mutex<(Role, u64, Instant)>);

impl Looked {
    /// What was found out just now, at a `version` of the catalogue or a later one.
    pub(super) fn new(role: Role, version: u64) -> Self {
        Self(Mutex::new((role, version, Instant::now())))
    }

    fn get(&self) -> (Role, u64, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, role: Role, version: u64) {
        let looked = (role, version, Instant::now());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = looked;
    }
}

impl SessionPoint {
    /// What the role could do, as far as it is known.
    pub(super) fn role(&self) -> Role {
        self.looked.get().0
    }

    /// Looks again at what the role could do, if that may be another thing by now. Within a
    /// transaction of the client's it is what it was when that began.
    pub(super) async fn look_again(&self) -> io::Result<()> {
        let (known, at_version, at) = self.looked.get();
        let version = self.served.catalogue.version();
        let mut upstream = self.upstream.lock().await;
        let stands = at_version == version && at.elapsed() < STANDS;
        if stands || upstream.status != b'I' {
            return Ok(());
        }
        let rows = match upstream.rows(&Own::Role).await {
            Ok(rows) => rows,
            Err(OwnError::Io(error)) => return Err(error),
            // What cannot be looked at could be anything.
            Err(_) => Vec::new(),
        };
        self.looked.set(Role::of(rows.first(), known.local), version);
        Ok(())
    }
}
