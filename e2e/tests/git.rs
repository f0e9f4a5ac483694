//! Real git behind a live gateway: what everyday work needs passes, the rest is held in words
//! that git prints, and what a human releases is pushed by the gateway.

use std::fs;

use e2e::{
    git::GitStage,
    holdpoint::{Called, Gateway, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Bodies are judged by their first MiB, so that what streams can be told from what is kept.
const SMALL: &str = "[hold]\nwait_seconds = 0\n[limits]\nbody_bytes = 1048576\n";
/// More than the gateway may grow by while 20 MB stream through it.
const GROWTH_KB_MAX: u64 = 12 * 1024;

/// What cannot be compressed, always the same.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| next()).collect()
}

/// The most memory that the gateway ever had, in KiB.
fn peak_kb(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Panics unless git said that `reference` was not changed, and why.
fn assert_rejected(pushed: &Called, reference: &str, words: &[&str]) {
    assert_eq!(pushed.status, 1, "{pushed:?}");
    let said = &pushed.stderr;
    assert!(said.contains("! [remote rejected]") && said.contains(reference), "{said}");
    assert!(said.contains("remote: Holdpoint ") && said.contains("Nothing was sent."), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyday_work_passes_and_a_large_pack_streams() {
    let stage = GitStage::set(BINARY, SMALL).await;
    let copy = stage.agent("worker");
    copy.git(&["checkout", "--quiet", "-b", "fix"]).done();
    let small = copy.commit("note.txt", "a note\n");
    copy.git(&["push", "origin", "fix"]).done();
    assert_eq!(stage.tip("refs/heads/fix"), Some(small));
    let next = copy.commit("note.txt", "another note\n");
    copy.git(&["push", "-o", "ci.skip", "origin", "fix"]).done();
    assert_eq!(stage.tip("refs/heads/fix"), Some(next));
    // Alike enough for git to send most of the commits as differences to one of them.
    let many: Vec<String> = (0..20).map(|n| copy.commit("note.txt", format!("{n}\n"))).collect();
    copy.git(&["push", "origin", "fix"]).done();
    assert_eq!(stage.tip("refs/heads/fix"), many.last().cloned());

    let before = peak_kb(&stage.gateway);
    let large = copy.commit("large.bin", noise(20_000_000));
    copy.git(&["push", "origin", "fix:refs/heads/large"]).done();
    let grown = peak_kb(&stage.gateway) - before;
    assert_eq!(stage.tip("refs/heads/large"), Some(large.clone()));
    assert!(grown < GROWTH_KB_MAX, "{grown} KiB for 20 MB");
    let asked = stage.host.asked();
    assert!(asked.iter().any(|it| it.body_bytes > 20_000_000), "{asked:?}");

    let other = stage.agent("reader");
    other.git(&["fetch", "--quiet", "origin"]).done();
    assert_eq!(other.git(&["rev-parse", "origin/large"]).done(), large);
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_everyday_is_held_and_git_says_so() {
    let stage = GitStage::set(BINARY, SMALL).await;
    let copy = stage.agent("worker");
    let main = stage.tip("refs/heads/main").unwrap();
    copy.git(&["checkout", "--quiet", "-b", "fix"]).done();
    let tip = copy.commit("note.txt", "a note\n");
    let update = copy.git(&["push", "origin", "fix:main"]);
    assert_rejected(&update, "main", &["git:update_ref", "(opaque)", "holdpoint approve h"]);
    copy.git(&["push", "--quiet", "origin", "fix"]).done();
    copy.git(&["tag", "v1"]).done();
    copy.git(&["commit", "--quiet", "--amend", "-m", "written anew"]).done();

    for (arguments, reference, words) in [
        (vec!["push", "--force", "origin", "fix"], "fix", vec!["git:force_ref"]),
        (vec!["push", "--force", "origin", "fix:main"], "main", vec!["Holdpoint holds"]),
        (vec!["push", "origin", "--delete", "fix"], "fix", vec!["git:delete_ref"]),
        (vec!["push", "origin", ":main"], "main", vec!["git:delete_ref"]),
        (vec!["push", "origin", "v1"], "v1", vec!["git:create_ref", "refs/tags/v1"]),
        (vec!["push", "-o", "repo.private=false", "origin", "fix:a"], "a", vec!["git:push_option"]),
        (vec!["push", "origin", "fix:fine", "v1"], "fine", vec!["refs/tags/v1"]),
    ] {
        assert_rejected(&copy.git(&arguments), reference, &words);
    }
    copy.commit("large.bin", noise(4_000_000));
    let large = copy.git(&["push", "origin", "fix:main"]);
    assert_rejected(&large, "main", &["too_large_to_hold"]);

    assert_eq!(stage.tip("refs/heads/main"), Some(main));
    assert_eq!(stage.tip("refs/heads/fix"), Some(tip));
    for reference in ["refs/tags/v1", "refs/heads/a", "refs/heads/fine"] {
        assert_eq!(stage.tip(reference), None, "{reference}");
    }
    let pushed = stage.host.asked().iter().filter(|it| it.body_bytes > 0).count();
    assert!(pushed >= 2, "the clone and the feature branch");
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_push_is_done_by_the_gateway_and_seen_by_the_next_fetch() {
    let stage = GitStage::set(BINARY, SMALL).await;
    let copy = stage.agent("worker");
    let tip = copy.commit("note.txt", "a note\n");
    let push = || copy.git(&["push", "origin", "main"]);
    assert_rejected(&push(), "main", &["(opaque)"]);
    let hold = stage.hold();
    assert_rejected(&push(), "main", &[&format!("holdpoint approve {hold}")]);

    stage.approve(&hold, "");
    until("the push", || (stage.tip("refs/heads/main") == Some(tip.clone())).then_some(()));
    assert_eq!(copy.git(&["rev-parse", "origin/main"]).status, 0);
    copy.git(&["fetch", "--quiet", "origin"]).done();
    assert_eq!(copy.git(&["rev-parse", "origin/main"]).done(), tip);
    let again = push();
    assert!(again.status == 0 && again.stderr.contains("Everything up-to-date"), "{again:?}");
    let approved = stage.holdpoint.call(&["holds", "--all", "--json"]).json();
    assert_eq!(approved[0]["hold"], hold.as_str(), "{approved}");
    stage.holdpoint.verified();
}
