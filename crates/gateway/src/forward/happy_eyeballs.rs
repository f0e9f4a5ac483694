//! Several addresses of one host, both families, the first that answers (RFC 8305).

use std::{future::poll_fn, net::SocketAddr, pin::Pin, task::Poll, time::Duration};

use tokio::time::sleep;

/// How long an attempt has before the next one begins beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses in the resolver's order, but with the families in turn, beginning with the
/// family that the resolver prefers (RFC 8305 §4).
pub(super) fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == prefers_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        turns.extend(first.next());
        turns.extend(second.next());
    }
    turns
}

/// The first attempt that succeeds, else the error of the one that failed last; `None` if there
/// are no attempts. The next begins when one fails, or has taken a while; those that are open
/// when one succeeds are given up.
pub(super) async fn first<T, E, F>(attempts: impl IntoIterator<Item = F>) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = attempts.into_iter().peekable();
    let mut open: Vec<Pin<Box<F>>> = Vec::new();
    let mut failed = None;
    loop {
        match waiting.next() {
            Some(attempt) => open.push(Box::pin(attempt)),
            None if open.is_empty() => return failed.map(Err),
            None => {}
        }
        tokio::select! {
            biased;
            done = any_of(&mut open) => match done {
                Ok(found) => return Some(Ok(found)),
                Err(error) => failed = Some(error),
            },
            () = sleep(ATTEMPT_DELAY), if waiting.peek().is_some() => {}
        }
    }
}

/// Waits for whichever of the open attempts ends first, and takes it out.
async fn any_of<T, E, F>(open: &mut Vec<Pin<Box<F>>>) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    poll_fn(|context| {
        let polled = open.iter_mut().enumerate().find_map(|(at, attempt)| {
            match attempt.as_mut().poll(context) {
                Poll::Ready(done) => Some((at, done)),
                Poll::Pending => None,
            }
        });
        let Some((at, done)) = polled else { return Poll::Pending };
        drop(open.swap_remove(at));
        Poll::Ready(done)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use tokio::time::{Instant, sleep};

    use super::{first, in_turn};

    #[test]
    fn families_take_turns_beginning_with_the_preferred_one() {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let (a, b, c) = ("[2001:db8::a]:1", "[2001:db8::b]:1", "[2001:db8::c]:1");
        let (x, y) = ("192.0.2.1:1", "192.0.2.2:1");
        for (found, expect) in [
            (vec![a, b, c, x, y], vec![a, x, b, y, c]),
            (vec![x, y, a], vec![x, a, y]),
            (vec![x, y], vec![x, y]),
            (vec![a], vec![a]),
            (vec![], vec![]),
        ] {
            assert_eq!(in_turn(parse(&found)), parse(&expect), "{found:?}");
        }
    }

    /// Answers after so many milliseconds, well or badly.
    async fn attempt(milliseconds: u64, answer: Result<u8, u8>) -> Result<u8, u8> {
        sleep(Duration::from_millis(milliseconds)).await;
        answer
    }

    #[tokio::test]
    async fn the_first_that_answers_wins_and_none_is_waited_for() {
        const LONG: u64 = 60_000;
        for (attempts, expect) in [
            (vec![], None),
            (vec![(10, Ok(1)), (0, Ok(2))], Some(Ok(1))),
            // The first hangs: the second begins beside it, and does not end it.
            (vec![(LONG, Ok(1)), (10, Ok(2))], Some(Ok(2))),
            (vec![(300, Ok(1)), (LONG, Ok(2))], Some(Ok(1))),
            // A failure is followed at once.
            (vec![(10, Err(1)), (10, Ok(2))], Some(Ok(2))),
            (vec![(10, Err(1)), (20, Err(2))], Some(Err(2))),
            (vec![(LONG, Err(1)), (LONG, Err(2)), (10, Ok(3))], Some(Ok(3))),
            (vec![(900, Err(1)), (10, Err(2)), (10, Err(3))], Some(Err(1))),
        ] {
            let shown = format!("{attempts:?}");
            let started = Instant::now();
            let won = first(attempts.into_iter().map(|(ms, answer)| attempt(ms, answer))).await;
            assert_eq!(won, expect, "{shown}");
            assert!(started.elapsed() < Duration::from_millis(LONG / 2), "{shown}");
        }
    }
}
