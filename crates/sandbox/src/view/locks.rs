//! Locks on whole files (flock(2)), which are held outside: two runs, and whoever works outside, wait for
//! each other.

use std::{
    fs,
    fs::File,
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Who waits at a time in all runs of one supervisor; more are told that there is no room (ENOLCK).
const WAITING_MAX: usize = 256;
/// How often somebody who waits looks whether it is free.
const AGAIN: Duration = Duration::from_millis(10);

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Somebody who waits for a lock.
#[derive(Debug)]
pub(super) struct Waits {
    file: File,
    how: FlockOperation,
    process: u32,
}

/// Takes or gives back a lock of `kind` (fcntl_locking(2)) on what is open; nothing is left to do then.
/// Where another has it, `process` waits, if one does.
pub(super) fn take(file: File, kind: i32, process: Option<u32>) -> io::Result<Option<Waits>> {
    let how = match kind {
        libc::F_RDLCK => FlockOperation::NonBlockingLockShared,
        libc::F_WRLCK => FlockOperation::NonBlockingLockExclusive,
        libc::F_UNLCK => FlockOperation::NonBlockingUnlock,
        _ => return Err(Errno::INVAL.into()),
    };
    match (flock(&file, how), process) {
        (Ok(()), _) => Ok(None),
        (Err(Errno::WOULDBLOCK), Some(process)) => {
            if WAITING.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
                WAITING.fetch_sub(1, Ordering::Relaxed);
                return Err(Errno::NOLCK.into());
            }
            Ok(Some(Waits { file, how, process }))
        }
        (Err(error), _) => Err(error.into()),
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Waits {
    /// Waits beside everything else, and tells `then` what came of it. Whoever gets a signal meanwhile
    /// does not wait any more: the kernel would not end it before it is answered.
    pub(super) fn then(self, then: impl FnOnce(io::Result<()>) + Send + 'static) {
        let wait = move || {
            let taken = loop {
                thread::sleep(AGAIN);
                match flock(&self.file, self.how) {
                    Err(Errno::WOULDBLOCK) if is_signalled(self.process) => {
                        break Err(Errno::INTR.into());
                    }
                    Err(Errno::WOULDBLOCK) => {}
                    other => break other.map_err(io::Error::from),
                }
            };
            then(taken);
        };
        // Without a thread nobody is answered, which the end of the run mends.
        let _ = thread::Builder::new().spawn(wait);
    }
}

/// Whether a signal waits for a process, or it is gone.
fn is_signalled(process: u32) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{process}/status")) else { return true };
    let pending = |line: &str| {
        let mask = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"));
        mask.is_some_and(|mask| mask.trim().bytes().any(|digit| digit != b'0'))
    };
    text.lines().any(pending)
}
