//! What waits for its time: never early, never twice, and not at all once it is taken back.

use holdpoint_core::{Timestamp, identity::Task, obligation::Obligations};

use super::{HOUR, MINUTE, NOW, Scene, digest, principal};
use crate::{
    agents::Kill,
    config::Limits,
    error::StoreError,
    holds::{Asked, CancelError, ConsumeError, Consumed, Ending, Hold, HoldState, Opening, Uptime},
    state::State,
};

pub(super) const DAYS_2: u64 = 48 * HOUR;

/// A scene in which what is released waits two days.
pub(super) fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.delay_seconds = DAYS_2;
    scene
}

/// So many seconds after the machine was up for a day.
pub(super) fn up(boot: &str, seconds: u64) -> Uptime {
    Uptime { boot: boot.to_owned(), millis: (24 * HOUR + seconds) * 1000 }
}

pub(super) const ASKED: Obligations =
    Obligations { approvals: 1, snapshot: false, delay_seconds: DAYS_2 };

impl Scene {
    pub(super) fn scheduled(&self, operation: &str) -> Hold {
        let hold = self.opened(operation, NOW);
        if self.approvals > 0 {
            self.approve(&hold, &self.ada, NOW).unwrap();
        }
        self.schedule(&hold).unwrap()
    }

    fn schedule(&self, hold: &Hold) -> Result<Hold, ConsumeError> {
        self.holds.schedule(&hold.id, NOW, &up("first", 0), digest("policies"), digest("state"))
    }

    pub(super) fn due(
        &self,
        hold: &Hold,
        now: Timestamp,
        uptime: &Uptime,
    ) -> Result<Consumed, ConsumeError> {
        let (operation_digest, state_digest) = (hold.operation_digest, hold.state_digest);
        let asked = Asked { operation_digest, state_digest, obligations: ASKED };
        self.holds.consume_due(&hold.id, &asked, now, uptime)
    }
}

#[test]
fn a_release_is_consumed_into_a_schedule_and_that_once_into_an_execution() {
    let scene = scene();
    let hold = scene.scheduled("op");
    let over = NOW.plus_seconds(DAYS_2);
    assert_eq!((hold.state, hold.not_before), (HoldState::Scheduled, Some(over)));
    assert!(scene.schedule(&hold).is_err(), "the approval is used");
    assert!(matches!(scene.consume(&hold, NOW), Err(ConsumeError::NotApproved(_))));
    // Long after the approval and the hold would have expired.
    let early = (over.0 - 1, DAYS_2 - 1);
    for (now, counted) in [(NOW.0, 0), early, (over.0 - 1, DAYS_2), (over.0, DAYS_2 - 1)] {
        let tried = scene.due(&hold, Timestamp(now), &up("first", counted));
        assert!(matches!(tried, Err(ConsumeError::Early)), "{now} {counted}");
        assert_eq!(scene.state_of(&hold, Timestamp(now)), HoldState::Scheduled);
    }
    let consumed = scene.due(&hold, over, &up("first", DAYS_2)).unwrap();
    assert_eq!(consumed.approvers(), ["ada"]);
    assert_eq!(consumed.waited().map(|(seconds, _)| seconds), Some(DAYS_2));
    let again = scene.due(&hold, over, &up("first", DAYS_2));
    assert!(matches!(again, Err(ConsumeError::NotApproved(HoldState::Consuming))));
    let done = scene.holds.finish(consumed, Ending::Done { response: Some(b"ok") }, over).unwrap();
    assert_eq!(done.state, HoldState::Done);
    assert!(scene.due(&hold, over, &up("first", DAYS_2)).is_err());
}

#[test]
fn the_card_says_how_long_it_waits_and_how_it_is_cancelled() {
    for (seconds, expect) in [(0, None), (DAYS_2, Some("waits 48 h,")), (90, Some("waits 90 s,"))] {
        let mut scene = Scene::new();
        scene.delay_seconds = seconds;
        let hold = scene.opened("op", NOW);
        let card = hold.card();
        let line = card.lines().find(|line| line.starts_with("then "));
        let said = |line: &str| line.contains(expect.unwrap_or("-")) && line.contains(&hold.id);
        assert_eq!(line.is_some_and(said), expect.is_some(), "{seconds}: {card}");
    }
}

#[test]
fn both_clocks_have_to_agree_that_the_time_is_over() {
    let scene = scene();
    scene.scheduled("op");
    let remaining = |wall: i64, uptime: Uptime| {
        let now = Timestamp(NOW.0.checked_add_signed(wall * 1000).unwrap());
        scene.holds.scheduled().unwrap()[0].remaining(now, &uptime).as_secs()
    };
    let days = i64::try_from(DAYS_2).unwrap();
    for (wall, uptime, expect) in [
        (0, up("first", 0), DAYS_2),
        (days / 2, up("first", DAYS_2 / 2), DAYS_2 / 2),
        (days, up("first", DAYS_2), 0),
        // The clock jumps two days ahead; what was counted stays.
        (days, up("first", 60), DAYS_2 - 60),
        // It jumps two days back, after two days.
        (0, up("first", DAYS_2), DAYS_2),
        // Another boot counts from nothing until it has been written down.
        (days, up("second", DAYS_2), DAYS_2),
        // Uptime does not go back.
        (days, Uptime { boot: "first".into(), millis: 0 }, DAYS_2),
    ] {
        assert_eq!(remaining(wall, uptime.clone()), expect, "{wall} {uptime:?}");
    }
}

#[test]
fn what_was_counted_survives_a_boot_and_the_time_between_is_not_counted() {
    let scene = scene();
    let hold = scene.scheduled("op");
    let count = |uptime: &Uptime| {
        scene.holds.write_counted(uptime).unwrap();
        let later = NOW.plus_seconds(10 * DAYS_2);
        scene.holds.scheduled().unwrap()[0].remaining(later, uptime).as_secs()
    };
    assert_eq!(count(&up("first", HOUR)), 47 * HOUR);
    // Less than a minute more is not written.
    assert_eq!(count(&up("first", HOUR + 59)), 47 * HOUR - 59);
    assert_eq!(count(&up("second", 100 * HOUR)), 47 * HOUR);
    assert_eq!(count(&up("second", 101 * HOUR)), 46 * HOUR);
    assert_eq!(count(&up("third", 0)), 46 * HOUR);
    assert_eq!(count(&up("third", 46 * HOUR)), 0);
    assert!(scene.due(&hold, NOW.plus_seconds(DAYS_2), &up("third", 46 * HOUR)).is_ok());
}

#[test]
fn what_is_cancelled_or_denied_is_never_done_and_stays_so() {
    type TakeBack = fn(&Scene, &Hold) -> HoldState;
    let cancel: TakeBack = |scene, hold| scene.holds.cancel(&hold.id, NOW).unwrap().state;
    let deny: TakeBack = |scene, hold| scene.deny(hold, &scene.bob, NOW).unwrap().state;
    let abandon: TakeBack = |scene, hold| {
        scene.holds.abandon(&hold.id, "policies", NOW).unwrap();
        scene.state_of(hold, NOW)
    };
    for (take_back, expect, asked_again) in [
        (cancel, HoldState::Cancelled, "denied"),
        (deny, HoldState::Denied, "denied"),
        (abandon, HoldState::Void, "opened"),
    ] {
        let scene = scene();
        let hold = scene.scheduled("op");
        assert!(matches!(scene.open("op", NOW), Opening::Joined(_)));
        // Nor does who asks under other policies end what is scheduled.
        let other = scene.open_with("op", "other", NOW).unwrap();
        assert_eq!(other.hold().state, HoldState::Scheduled);
        assert_eq!(take_back(&scene, &hold), expect);
        assert_eq!(scene.holds.scheduled().unwrap(), []);
        let over = NOW.plus_seconds(DAYS_2);
        assert!(scene.due(&hold, over, &up("first", DAYS_2)).is_err());
        assert!(scene.approve(&hold, &scene.ada, NOW).is_err());
        let again = scene.holds.cancel(&hold.id, NOW);
        assert!(matches!(again, Err(CancelError::NotScheduled(state)) if state == expect));
        let opening = match scene.open("op", NOW) {
            Opening::Denied(_) => "denied",
            Opening::Opened(_) => "opened",
            other => panic!("{other:?}"),
        };
        assert_eq!(opening, asked_again, "{expect}");
        let later = scene.open("op", NOW.plus_seconds(31 * MINUTE));
        assert!(matches!(later, Opening::Opened(_) | Opening::Joined(_)));
    }
    assert!(matches!(scene().holds.cancel("h-none", NOW), Err(CancelError::Missing(_))));
}

#[test]
fn the_facts_of_then_decide() {
    type Change = fn(&Scene, &mut Asked);
    let changes: [(&str, Change, Option<&str>); 10] = [
        ("nothing", |_, _| {}, None),
        ("another meaning", |_, asked| asked.operation_digest = digest("x"), Some("what it means")),
        ("moved", |_, asked| asked.state_digest = digest("x"), Some("the resources' state")),
        (
            "killed",
            |scene, _| {
                scene.state.agents().kill(Kill::One("fixer")).unwrap();
            },
            Some("whether the agent may act"),
        ),
        ("less asked", |_, asked| asked.obligations = Obligations::NONE, None),
        (
            "two approvals",
            |_, asked| asked.obligations.approvals = 2,
            Some("what has to be done first"),
        ),
        (
            "a snapshot",
            |_, asked| asked.obligations.snapshot = true,
            Some("what has to be done first"),
        ),
        (
            "longer",
            |_, asked| asked.obligations.delay_seconds = DAYS_2 + 1,
            Some("what has to be done first"),
        ),
        (
            "approver gone",
            |scene, _| scene.state.approvers().remove("ada").unwrap(),
            Some("who may approve"),
        ),
        ("another approver gone", |scene, _| scene.state.approvers().remove("bob").unwrap(), None),
    ];
    for (name, change, expect) in changes {
        let scene = scene();
        scene.state.agents().add("fixer", &Task::default(), NOW).unwrap();
        let hold = scene.scheduled("op");
        let (operation_digest, state_digest) = (hold.operation_digest, hold.state_digest);
        let mut asked = Asked { operation_digest, state_digest, obligations: ASKED };
        change(&scene, &mut asked);
        let (now, uptime) = (NOW.plus_seconds(DAYS_2), up("first", DAYS_2));
        let consumed = scene.holds.consume_due(&hold.id, &asked, now, &uptime);
        match (consumed, expect) {
            (Ok(_), None) => {}
            (Err(ConsumeError::Void(what)), Some(expect)) => {
                assert_eq!(what, expect, "{name}");
                assert_eq!(scene.state_of(&hold, now), HoldState::Void);
                let unrecorded = scene.holds.unrecorded().unwrap();
                assert_eq!(unrecorded[0].failure.as_deref(), Some(expect), "{name}");
                assert!(scene.due(&hold, now, &uptime).is_err(), "{name}: decided once");
            }
            (consumed, expect) => panic!("{name}: {consumed:?}, not {expect:?}"),
        }
    }
}

#[test]
fn a_schedule_is_made_under_the_conditions_of_any_release() {
    let scene = scene();
    scene.state.agents().add("fixer", &Task::default(), NOW).unwrap();
    let hold = scene.opened("op", NOW);
    assert!(scene.schedule(&hold).is_err(), "nobody released it");
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    let schedule = |now, policies, state| {
        scene.holds.schedule(&hold.id, now, &up("first", 0), digest(policies), digest(state))
    };
    let void = schedule(NOW, "other", "state");
    assert!(matches!(void, Err(ConsumeError::Void("the policies"))), "{void:?}");
    assert!(schedule(NOW, "policies", "state").is_err(), "void for good");
    let late = scene.opened("late", NOW);
    scene.approve(&late, &scene.ada, NOW).unwrap();
    let now = NOW.plus_seconds(5 * MINUTE);
    let (policies, state) = (digest("policies"), digest("state"));
    let late = scene.holds.schedule(&late.id, now, &up("first", 0), policies, state);
    assert!(matches!(late, Err(ConsumeError::Expired)), "{late:?}");
}

#[test]
fn what_nobody_has_to_release_waits_for_its_time_alone() {
    let mut scene = scene();
    scene.approvals = 0;
    let hold = scene.scheduled("op");
    assert_eq!(hold.state, HoldState::Scheduled);
    let (operation_digest, state_digest) = (hold.operation_digest, hold.state_digest);
    let obligations = Obligations { approvals: 0, ..ASKED };
    let asked = Asked { operation_digest, state_digest, obligations };
    let (now, uptime) = (NOW.plus_seconds(DAYS_2), up("first", DAYS_2));
    let consumed = scene.holds.consume_due(&hold.id, &asked, now, &uptime).unwrap();
    assert_eq!(consumed.approvers(), [""; 0]);
}

#[test]
fn the_ledger_hears_of_every_step_once() {
    let scene = scene();
    let hold = scene.scheduled("op");
    let unrecorded = || scene.holds.unrecorded().unwrap();
    let states = || -> Vec<HoldState> { unrecorded().iter().map(|one| one.hold.state).collect() };
    let first = unrecorded().remove(0);
    assert_eq!((first.hold.state, first.approvers), (HoldState::Scheduled, vec!["ada".to_owned()]));
    // It is cancelled while the schedule is being recorded.
    scene.holds.cancel(&hold.id, NOW).unwrap();
    scene.holds.recorded(&first.hold).unwrap();
    assert_eq!(states(), [HoldState::Cancelled]);
    let second = unrecorded().remove(0);
    assert!(second.approvers.is_empty(), "{second:?}");
    scene.holds.recorded(&second.hold).unwrap();
    assert_eq!(states(), []);
}

#[test]
fn there_is_a_greatest_number_of_schedules() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { schedules: 1, ..Limits::default() };
    let mut scene = Scene::on(State::open_with(dir.path(), &limits).unwrap());
    scene.delay_seconds = DAYS_2;
    let (first, second) = (scene.opened("1", NOW), scene.opened("2", NOW));
    for hold in [&first, &second] {
        scene.approve(hold, &scene.ada, NOW).unwrap();
    }
    scene.schedule(&first).unwrap();
    let full = scene.schedule(&second);
    assert!(
        matches!(full, Err(ConsumeError::Store(StoreError::Full { what: "schedules", max: 1 }))),
        "{full:?}"
    );
    assert!(scene.open_with("3", "policies", NOW).is_err(), "nor is one asked for");
    scene.holds.cancel(&first.id, NOW).unwrap();
    scene.schedule(&second).unwrap();
}

#[test]
fn what_waits_may_outlive_its_run_but_not_a_kill() {
    for (whom, outlives) in
        [(None, true), (Some(Kill::All), false), (Some(Kill::One("r-1")), false)]
    {
        let scene = scene();
        // One waits for a human, the other for its time.
        let holds = [scene.scheduled("op"), scene.opened("another", NOW)];
        assert!(holds.iter().all(|hold| !scene.holds.outlives(&hold.id).unwrap()));
        assert_eq!(scene.holds.outlive("r-2").unwrap(), 0);
        assert_eq!(scene.holds.outlive(&principal().run).unwrap(), 2);
        if let Some(whom) = whom {
            assert_eq!(scene.state.agents().kill(whom).unwrap(), 2, "{whom:?}");
        }
        for hold in holds {
            assert_eq!(scene.holds.outlives(&hold.id).unwrap(), outlives, "{whom:?}");
        }
    }
}

#[test]
fn a_kill_after_the_run_is_over_still_stops_what_was_released() {
    for take_back in [false, true] {
        let scene = scene();
        let hold = scene.opened("op", NOW);
        scene.approve(&hold, &scene.ada, NOW).unwrap();
        scene.holds.outlive(&principal().run).unwrap();
        let agents = scene.state.agents();
        agents.kill(Kill::One("r-1")).unwrap();
        if take_back {
            agents.revive(Kill::One("r-1")).unwrap();
        }
        assert_eq!(scene.schedule(&hold).is_ok(), take_back);
        // And nobody releases what a killed run still asks for.
        let other = scene.opened("other", NOW);
        scene.holds.outlive(&principal().run).unwrap();
        if !take_back {
            agents.kill(Kill::One("r-1")).unwrap();
        }
        assert_eq!(scene.approve(&other, &scene.ada, NOW).is_ok(), take_back);
    }
}
