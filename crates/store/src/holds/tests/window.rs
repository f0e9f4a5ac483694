//! Whatever clocks, processes and people do: nothing is done early, nothing twice, and nothing
//! that was taken back.

use proptest::prelude::*;

use super::{
    Hold, NOW, Scene,
    schedules::{DAYS_2, scene, up},
};
use crate::{
    agents::Kill,
    holds::{ConsumeError, Ending, HoldState, Uptime},
};

/// What can happen between two looks.
#[derive(Debug, Clone)]
enum Event {
    /// So many seconds go by, as the machine counts them, and by the clock as well.
    Passes(u64),
    /// The clock is set, by so many seconds.
    Steps(i64),
    /// The machine starts again, after so many seconds that it was off.
    Boots(u64),
    /// A gateway writes down what it counted.
    Writes,
    /// A gateway tries to use the schedule; how that ends.
    Tries(bool),
    /// A human cancels it.
    Cancels,
    /// A human stops the agent, or takes that back.
    Kills(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let days = i64::try_from(DAYS_2).unwrap_or(i64::MAX);
    prop_oneof![
        4 => (0..DAYS_2 / 2).prop_map(Event::Passes),
        2 => (-days..=days).prop_map(Event::Steps),
        1 => (0..DAYS_2).prop_map(Event::Boots),
        2 => Just(Event::Writes),
        4 => any::<bool>().prop_map(Event::Tries),
        1 => prop::sample::select(vec![Event::Cancels, Event::Kills(true), Event::Kills(false)]),
    ]
}

/// The world, as it really is.
struct World {
    scene: Scene,
    hold: Hold,
    /// Seconds by which the clock differs from its first moment.
    clock: i64,
    boots: u32,
    uptime: u64,
    /// Seconds that the machine has been up since it was scheduled.
    lived: u64,
    executed: u32,
    killed: bool,
    over: bool,
}

impl World {
    fn new() -> Self {
        let scene = scene();
        let task = holdpoint_core::identity::Task::default();
        scene.state.agents().add("fixer", &task, NOW).unwrap();
        let hold = scene.scheduled("op");
        let (clock, boots, uptime, lived) = (0, 0, 0, 0);
        Self { scene, hold, clock, boots, uptime, lived, executed: 0, killed: false, over: false }
    }

    fn uptime(&self) -> Uptime {
        let boot = if self.boots == 0 { "first".to_owned() } else { self.boots.to_string() };
        up(&boot, self.uptime)
    }

    fn now(&self) -> holdpoint_core::Timestamp {
        holdpoint_core::Timestamp(NOW.0.saturating_add_signed(self.clock.saturating_mul(1000)))
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Passes(seconds) => {
                self.clock += i64::try_from(*seconds).unwrap();
                self.uptime += seconds;
                self.lived += seconds;
            }
            Event::Steps(seconds) => self.clock += seconds,
            Event::Boots(off) => {
                self.clock += i64::try_from(*off).unwrap();
                self.boots += 1;
                self.uptime = 0;
            }
            Event::Writes => self.scene.holds.write_counted(&self.uptime()).unwrap(),
            Event::Tries(finishes) => self.tries(*finishes),
            Event::Cancels => {
                self.over |= self.scene.holds.cancel(&self.hold.id, self.now()).is_ok()
            }
            Event::Kills(kills) => {
                let agents = self.scene.state.agents();
                let change = if *kills { agents.kill(Kill::All) } else { agents.revive(Kill::All) };
                assert_eq!(change.unwrap(), 1);
                self.killed = *kills;
            }
        }
    }

    fn tries(&mut self, finishes: bool) {
        let days = i64::try_from(DAYS_2).unwrap();
        match self.scene.due(&self.hold, self.now(), &self.uptime()) {
            Ok(consumed) => {
                assert!(self.lived >= DAYS_2, "{} s were enough", self.lived);
                assert!(self.clock >= days, "the clock says {} s", self.clock);
                assert!(!self.killed && !self.over, "taken back, and done");
                self.executed += 1;
                if finishes {
                    let ending = Ending::Done { response: None };
                    self.scene.holds.finish(consumed, ending, self.now()).unwrap();
                }
            }
            Err(ConsumeError::Void(_)) => self.over = true,
            Err(_) => {}
        }
        assert!(self.executed <= 1, "done twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn never_early_never_twice_never_once_taken_back(
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut world = World::new();
        events.iter().for_each(|event| world.happens(event));
        // What was neither taken back nor done is done in the end, once the machine has been up
        // for long enough and the clock is right.
        world.happens(&Event::Kills(false));
        world.happens(&Event::Writes);
        world.happens(&Event::Passes(DAYS_2));
        world.clock = world.clock.max(i64::try_from(DAYS_2).unwrap());
        world.happens(&Event::Tries(true));
        prop_assert_eq!(world.executed == 0, world.over);
        let state = world.scene.state_of(&world.hold, world.now());
        let ended = matches!(
            state,
            HoldState::Done | HoldState::Unknown | HoldState::Cancelled | HoldState::Void
        );
        prop_assert!(ended, "{state}");
    }
}
