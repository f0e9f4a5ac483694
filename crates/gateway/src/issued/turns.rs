//! Refreshes of one login, one after the other: its issuer may take a refresh token only once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Whose turn it is, by family of refresh tokens. What nobody waits for is forgotten.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Weak<Turn<()>>>>);

impl Turns {
    /// Waits until no other exchange uses a token of `family`.
    pub(super) async fn take(&self, family: &str) -> OwnedMutexGuard<()> {
        self.turn(family).lock_owned().await
    }

    fn turn(&self, family: &str) -> Arc<Turn<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(family).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::new(()));
        turns.insert(family.to_owned(), Arc::downgrade(&turn));
        turn
    }
}
