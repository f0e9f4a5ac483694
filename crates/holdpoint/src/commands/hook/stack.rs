//! A stack with room for the deepest command that is read.

use std::thread;

use tokio::runtime::Handle;

use crate::status::CommandError;

/// Room for the deepest command that is read.
pub(super) const STACK_BYTES: usize = 256 << 20;

/// Does `work` on such a stack, within the runtime that calls it, and waits for it. What fails in it
/// fails alone.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, CommandError> {
    let runtime = Handle::current();
    thread::scope(|scope| {
        let inner = || {
            let _entered = runtime.enter();
            work()
        };
        let started = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, inner);
        let ended = started.map_err(CommandError::unable)?.join();
        ended.map_err(|_| CommandError::unable("a part of holdpoint failed on it"))
    })
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::deep;

    /// Some sixteen MiB of stack, where threads of a runtime have two.
    fn down(levels: usize) -> usize {
        let room = black_box([levels; 2_048]);
        match levels {
            0 => 0,
            levels => down(levels - 1) + room.iter().filter(|it| **it == levels).count() / 2_048,
        }
    }

    #[tokio::test]
    async fn it_is_deeper_than_that_of_a_runtime() {
        let judging = tokio::task::spawn_blocking(|| deep(|| down(1_000)));
        assert_eq!(judging.await.expect("it ends").expect("it is started"), 1_000);
    }

    #[tokio::test]
    async fn what_fails_in_it_fails_alone() {
        let judging = tokio::task::spawn_blocking(|| deep(|| -> usize { panic!("as it should") }));
        assert!(judging.await.expect("it ends").is_err());
    }
}
