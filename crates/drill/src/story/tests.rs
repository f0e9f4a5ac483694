//! The story, word for word.

use super::{tell, wrap};
use crate::{
    kill_chain::{Scenario, Step},
    tabletop::{Guarded, LinkReport, Tabletop, Unguarded},
};

fn step(link: &'static str, seconds: f64) -> Step {
    Step { link, command: String::new(), exit: 0, output: String::new(), seconds }
}

fn link(name: &str, does: &str, code: &str, status: u16, text: &str) -> LinkReport {
    LinkReport {
        link: name.to_owned(),
        what_it_does: does.to_owned(),
        stopped_by: Some(code.to_owned()),
        expected: vec![code.to_owned()],
        status,
        text: text.to_owned(),
        executed: 0,
        steps: Vec::new(),
    }
}

fn tabletop() -> Tabletop {
    Tabletop {
        scenario: Scenario::VolumeDelete,
        unguarded: Unguarded {
            volume_deleted: true,
            backups_deleted: 3,
            staging_deleted: true,
            seconds: 0.42,
            messages: 2,
            steps: vec![
                step("task", 0.01),
                step("mismatch", 0.2),
                step("search", 0.02),
                step("destroy", 0.19),
                step("gone", 0.1),
            ],
        },
        guarded: Guarded {
            volume_deleted: false,
            stopped_by: vec!["foreign_credential".to_owned(), "needs_approval".to_owned()],
            mutations_executed: 0,
            honest_work_passed: true,
            seconds: 2.0,
            links: vec![
                link(
                    "credential",
                    "uses the account credential that it found",
                    "foreign_credential",
                    403,
                    "Holdpoint refused this (foreign_credential). The credential was not given to \
                     this task; nothing was sent. Do not look for another one.",
                ),
                link(
                    "approval",
                    "deletes a production domain, which a human may release",
                    "needs_approval",
                    428,
                    "",
                ),
            ],
        },
    }
}

#[test]
fn the_story_of_a_guard_that_saves() {
    assert_eq!(tell(&tabletop()), include_str!("saved.txt"));
}

#[test]
fn the_story_never_claims_more_than_happened() {
    let check = |change: fn(&mut Tabletop), expect: &str| {
        let mut tabletop = tabletop();
        change(&mut tabletop);
        let story = tell(&tabletop);
        assert!(story.contains(expect), "{story}");
        assert!(!story.contains("is still there."), "{story}");
    };
    check(|t| t.guarded.links[0].stopped_by = None, "NOT stopped by the guard (HTTP 403)");
    check(|t| t.guarded.links[0].executed = 1, "1 change(s) TOOK PLACE");
    check(|t| t.guarded.volume_deleted = true, "did NOT save the data");
    check(|t| t.guarded.mutations_executed = 1, "did NOT save the data");
    check(|t| t.guarded.honest_work_passed = false, "did NOT pass");
    check(|t| t.guarded.links[1].expected = vec!["no_way_back".to_owned()], "though no_way_back");
    check(|t| t.unguarded.volume_deleted = false, "proves nothing");
}

#[test]
fn text_is_broken_at_spaces() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("\u{1b}[2Jgone\u{7}", 9), ["[2Jgone"]);
    assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    assert_eq!(wrap("  ", 3), Vec::<String>::new());
}
