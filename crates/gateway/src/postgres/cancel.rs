//! Cancel requests: a client is told a key of ours, and what it cancels with it is its own session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::point::Served;

/// A session at its server, as far as cancelling it goes.
#[derive(Debug, Clone)]
pub(super) struct Cancellable {
    pub(super) served: Arc<Served>,
    /// The server's process, and the key that cancels what it does.
    pub(super) key: (u32, Bytes),
}

/// Every session that can be cancelled, by what its client was told. There are never more than
/// there are sessions.
#[derive(Debug, Default)]
pub(super) struct Cancels(Mutex<HashMap<(u32, [u8; 4]), Cancellable>>);

impl Cancels {
    /// Lets a session be cancelled with this key.
    pub(super) fn allow(&self, process: u32, key: [u8; 4], session: Cancellable) {
        self.lock().insert((process, key), session);
    }

    /// Forgets a session.
    pub(super) fn forget(&self, process: u32, key: [u8; 4]) {
        self.lock().remove(&(process, key));
    }

    /// Cancels what a session does, if the key is right. Nobody is told whether it was.
    pub(super) async fn cancel(&self, process: u32, key: &[u8]) {
        let Ok(key) = <[u8; 4]>::try_from(key) else { return };
        let found = self.lock().get(&(process, key)).cloned();
        if let Some(Cancellable { served, key }) = found
            && let Err(error) = served.connect().cancel(key.0, &key.1).await
        {
            tracing::info!(%error, "a query was not cancelled");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(u32, [u8; 4]), Cancellable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
