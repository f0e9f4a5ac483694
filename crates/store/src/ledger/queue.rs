//! The queue between those who record and the one thread that writes: it gives out the order.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, oneshot};

use crate::ledger::LedgerError;

/// How many bytes of records may wait to be written; who comes then, waits.
const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a record costs in the queue beside its bytes.
const RECORD_OVERHEAD_BYTES: usize = 128;
/// How many records are written together at most; bounds the files that are open at once.
const GROUP_RECORDS_MAX: usize = 16 * 1024;
/// How long a record that nobody waits for may stay unwritten. Together with one write before
/// it and its own it has to stay below 100 ms.
pub(crate) const LINGER: Duration = Duration::from_millis(30);

/// Called once the record is on disk.
pub(crate) type Waiter = oneshot::Sender<()>;

/// A record on its way to the disk.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) entry: Vec<u8>,
    pub(crate) waiter: Option<Waiter>,
}

impl Queued {
    fn cost(&self) -> usize {
        self.entry.len() + RECORD_OVERHEAD_BYTES
    }
}

/// What the writer has to do next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write these, in this order.
    Group(Vec<Queued>),
    /// Nothing came for the time that was asked for.
    Idle,
    /// Nothing will come any more.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    room: Semaphore,
    linger: Duration,
}

#[derive(Debug)]
struct State {
    next: u64,
    queued: VecDeque<Queued>,
    oldest: Option<Instant>,
    waiters: usize,
    closed: bool,
    failure: Option<String>,
}

impl Queue {
    /// A queue whose first record gets the index `next`, and in which no record stays longer
    /// than `linger` before it is written.
    pub(crate) fn new(next: u64, linger: Duration) -> Self {
        let state = State {
            next,
            queued: VecDeque::new(),
            oldest: None,
            waiters: 0,
            closed: false,
            failure: None,
        };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            room: Semaphore::new(QUEUED_BYTES_MAX),
            linger,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record into the order and returns its index; waits while the queue is full.
    pub(crate) async fn push(&self, queued: Queued) -> Result<u64, LedgerError> {
        let cost = u32::try_from(queued.cost()).unwrap_or(u32::MAX);
        let Ok(room) = self.room.acquire_many(cost).await else { return Err(self.failure()) };
        let mut state = self.state();
        if state.failure.is_some() || state.closed {
            drop(state);
            return Err(self.failure());
        }
        room.forget();
        let index = state.next;
        state.next += 1;
        let wake = state.queued.is_empty() || (queued.waiter.is_some() && state.waiters == 0);
        state.oldest.get_or_insert_with(Instant::now);
        state.waiters += usize::from(queued.waiter.is_some());
        state.queued.push_back(queued);
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(index)
    }

    /// What to do next: at once if somebody waits, else when the oldest record has lingered.
    pub(crate) fn next(&self, idle_after: Duration) -> Work {
        let started = Instant::now();
        let mut state = self.state();
        loop {
            let lingered = state.oldest.map(|oldest| oldest.elapsed());
            let wait = match lingered {
                None if state.closed => return Work::Closed,
                None => match idle_after.checked_sub(started.elapsed()) {
                    None => return Work::Idle,
                    Some(rest) => rest,
                },
                Some(lingered) if lingered < self.linger && state.waiters == 0 && !state.closed => {
                    self.linger - lingered
                }
                Some(_) => return Work::Group(state.take()),
            };
            let woken = self.ready.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A group is on disk: tells who waits for it, and gives its room back.
    pub(crate) fn written(&self, group: Vec<Queued>) {
        self.room.add_permits(group.iter().map(Queued::cost).sum());
        for waiter in group.into_iter().filter_map(|queued| queued.waiter) {
            // Who no longer waits needs no answer.
            let _ = waiter.send(());
        }
    }

    /// From now on everything fails, because of `cause`. Who waits learns it.
    pub(crate) fn fail(&self, cause: String) {
        let mut state = self.state();
        state.failure.get_or_insert(cause);
        state.queued.clear();
        state.oldest = None;
        drop(state);
        self.room.close();
    }

    /// Takes no more records; what is queued is still written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.ready.notify_all();
    }

    /// Why nothing is taken any more.
    pub(crate) fn failure(&self) -> LedgerError {
        let cause = self.state().failure.clone();
        LedgerError::Stopped { cause: cause.unwrap_or_else(|| "it was closed".to_owned()) }
    }
}

impl State {
    fn take(&mut self) -> Vec<Queued> {
        let count = self.queued.len().min(GROUP_RECORDS_MAX);
        let group: Vec<_> = self.queued.drain(..count).collect();
        self.waiters -= group.iter().filter(|queued| queued.waiter.is_some()).count();
        if self.queued.is_empty() {
            self.oldest = None;
        }
        group
    }
}
