//! How much of all bodies together is in memory while they are read and judged.

use std::{sync::Arc, time::Duration};

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
use http::StatusCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Limits, refuse::Unanswerable};

/// What is counted at a time, in bytes. A small body is one of these.
const STEP_BYTES: usize = 16 * 1024;

/// The memory that the bodies of one listener's messages share.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    steps: Arc<Semaphore>,
    patience: Duration,
}

/// A message's part of it, until it is answered.
#[derive(Debug)]
pub(super) struct Share {
    memory: Memory,
    taken: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// As much as `limits` has for all bodies; a single one always fits.
    pub(super) fn new(limits: &Limits) -> Self {
        let most = limits.bodies_bytes_max.max(limits.body_prefix_bytes);
        let steps = most.div_ceil(STEP_BYTES).min(Semaphore::MAX_PERMITS);
        Self { steps: Arc::new(Semaphore::new(steps)), patience: limits.body_idle_timeout }
    }

    /// Nothing yet.
    pub(super) fn share(&self) -> Share {
        Share { memory: self.clone(), taken: None }
    }
}

impl Share {
    /// Waits until there is room for all `bytes` that may come: who took it bit by bit could stop
    /// others half-way, and be stopped by them. Nothing is read from the client meanwhile.
    pub(super) async fn reserve(&mut self, bytes: usize) -> Result<(), Unanswerable> {
        let steps = u32::try_from(bytes.div_ceil(STEP_BYTES)).map_err(|_| full())?;
        let asked = Arc::clone(&self.memory.steps).acquire_many_owned(steps);
        let Ok(Ok(permit)) = timeout(self.memory.patience, asked).await else {
            return Err(full());
        };
        self.taken = Some(permit);
        Ok(())
    }

    /// Gives back what is more than `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let Some(taken) = &mut self.taken else { return };
        let surplus = taken.num_permits().saturating_sub(bytes.div_ceil(STEP_BYTES));
        drop(taken.split(surplus));
    }
}

fn full() -> Unanswerable {
    let text = "the bodies that are being read fill the memory that they may have \
                (`limits.bodies_bytes`): try again in a moment";
    let refusal = Refusal::new(RefusalKind::Unavailable, Code::OverLimit, text);
    Unanswerable { status: StatusCode::SERVICE_UNAVAILABLE, refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: usize) -> Memory {
        Memory::new(&Limits {
            bodies_bytes_max: bytes,
            body_prefix_bytes: 2 * STEP_BYTES,
            body_idle_timeout: Duration::from_millis(20),
            ..Limits::default()
        })
    }

    #[tokio::test]
    async fn what_is_full_refuses_and_what_is_given_back_is_there_again() {
        let memory = memory(3 * STEP_BYTES);
        let (mut one, mut other) = (memory.share(), memory.share());
        one.reserve(2 * STEP_BYTES).await.unwrap();
        other.reserve(1).await.unwrap();
        let refused = memory.share().reserve(1).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        one.shrink_to(STEP_BYTES + 1);
        memory.share().reserve(1).await.unwrap_err();
        one.shrink_to(STEP_BYTES);
        let mut third = memory.share();
        third.reserve(1).await.unwrap();
        drop((one, other, third));
        memory.share().reserve(3 * STEP_BYTES).await.unwrap();
    }

    #[tokio::test]
    async fn one_body_fits_however_little_there_is() {
        memory(0).share().reserve(2 * STEP_BYTES).await.unwrap();
    }
}
