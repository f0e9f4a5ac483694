//! Work whose threads hand each other many small things, kept on one processor.

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// As long as this lives, its thread and those that it starts share one processor. To hand a small
/// file to a thread on another one takes longer than to look at the file.
#[derive(Debug)]
pub(crate) struct OneProcessor {
    /// Where the thread may run otherwise; nothing where the kernel did not say or did not obey, and
    /// all is as it was.
    before: Option<CpuSet>,
}

impl OneProcessor {
    /// Keeps this thread where it runs now.
    pub(crate) fn keep() -> Self {
        let mut own = CpuSet::new();
        let number = sched_getcpu();
        if number < CpuSet::MAX_CPU {
            own.set(number);
        }
        let before = sched_getaffinity(None).ok();
        Self { before: before.filter(|_| sched_setaffinity(None, &own).is_ok()) }
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _none_is_left_that_it_may_have = sched_setaffinity(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_on_one_and_then_wherever_it_was() {
        let places = || sched_getaffinity(None).unwrap();
        let before = places();
        let one = OneProcessor::keep();
        assert_eq!(places().count(), 1);
        assert_eq!(std::thread::spawn(move || places().count()).join().unwrap(), 1);
        drop(one);
        assert_eq!(places(), before);
    }
}
