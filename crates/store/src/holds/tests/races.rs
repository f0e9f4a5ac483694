//! Whoever races, a hold is opened once and executed once.

use std::{collections::HashSet, thread};

use super::{NOW, Scene};
use crate::{holds::Opening, state::State};

const THREADS: usize = 16;

/// Two connections to one state, as two processes have them.
fn scenes(dir: &std::path::Path) -> [Scene; 2] {
    let first = Scene::on(State::open(dir).unwrap());
    let state = State::open(dir).unwrap();
    let holds = state.holds(first.holds.terms.clone());
    let key = |name| crate::approvers::ApproverKey::generate(name).unwrap();
    let (ada, bob) = (key("ada"), key("bob"));
    let second = Scene { state, holds, ada, bob, approvals: 1, delay_seconds: 0 };
    [first, second]
}

fn race<T: Send>(scenes: &[Scene; 2], run: impl Fn(&Scene) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let run = &run;
        let start = |number: usize| scope.spawn(move || run(&scenes[number % 2]));
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_many_who_open_one_opens_and_all_share_the_hold() {
    let dir = tempfile::tempdir().unwrap();
    let scenes = scenes(dir.path());
    for round in 0..10 {
        let openings = race(&scenes, |scene| scene.open(&round.to_string(), NOW));
        let ids: HashSet<&str> = openings.iter().map(|o| o.hold().id.as_str()).collect();
        assert_eq!(ids.len(), 1);
        let opened = openings.iter().filter(|o| matches!(o, Opening::Opened(_))).count();
        assert_eq!(opened, 1);
    }
}

#[test]
fn of_many_who_consume_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let scenes = scenes(dir.path());
    for round in 0..10 {
        let hold = scenes[0].opened(&round.to_string(), NOW);
        scenes[0].approve(&hold, &scenes[0].ada, NOW).unwrap();
        let consumed = race(&scenes, |scene| scene.consume(&hold, NOW).is_ok());
        assert_eq!(consumed.iter().filter(|consumed| **consumed).count(), 1);
    }
}

#[test]
fn of_a_denial_and_an_execution_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let scenes = scenes(dir.path());
    for round in 0..20 {
        let hold = scenes[0].opened(&round.to_string(), NOW);
        scenes[0].approve(&hold, &scenes[0].ada, NOW).unwrap();
        let (denied, consumed) = thread::scope(|scope| {
            let deny = scope.spawn(|| scenes[0].deny(&hold, &scenes[0].bob, NOW).is_ok());
            let consume = scope.spawn(|| scenes[1].consume(&hold, NOW).is_ok());
            (deny.join().unwrap(), consume.join().unwrap())
        });
        assert_ne!(denied, consumed, "round {round}");
    }
}
