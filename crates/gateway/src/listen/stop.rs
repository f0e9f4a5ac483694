//! A word that many tasks can wait for: stop.

use tokio::sync::watch;

/// Says stop to everything that waits on its [`Stop`]s. Dropping it says the same.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Becomes true once and stays so.
#[derive(Debug, Clone)]
pub struct Stop(Option<watch::Receiver<bool>>);

impl Stopper {
    /// A stopper that has not spoken yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Something to wait on.
    pub fn stop(&self) -> Stop {
        Stop(Some(self.0.subscribe()))
    }

    /// Speaks.
    pub fn say(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Stopper {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// One that nobody will ever say.
    pub fn never() -> Self {
        Self(None)
    }

    /// Whether it was said.
    pub fn is_said(&self) -> bool {
        self.0.as_ref().is_some_and(|said| *said.borrow() || said.has_changed().is_err())
    }

    /// Waits until it is said.
    pub async fn said(&self) {
        match self.0.clone() {
            // An error means that the stopper is gone, which says the same.
            Some(mut said) => drop(said.wait_for(|said| *said).await),
            None => std::future::pending().await,
        }
    }
}
