//! Real git behind a live gateway: what everyday work needs passes, the rest is held in words
//! that git prints, and what a human releases is pushed by the gateway.

use std::{thread, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::{
    git::{GitStage, REPOSITORY},
    git_host::HOST,
    holdpoint::{Called, until},
};

/// A secret with the shape of a known issuer's.
const REAL: &str = "ghp_7hIsIsTheRealOneAndNobodySeesIt00042";
/// A credential that an agent has found somewhere.
const FOUND: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";
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

    let before = stage.gateway.peak_kb();
    let large = copy.commit("large.bin", noise(20_000_000));
    copy.git(&["push", "origin", "fix:refs/heads/large"]).done();
    let grown = stage.gateway.peak_kb() - before;
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
    // What it has made itself it may delete; another run has not made it.
    let copy = stage.hand_over(copy, "another");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_phantom_pushes_with_the_real_secret_and_a_found_one_gets_a_sentence() {
    let stage = GitStage::set(BINARY, SMALL).await;
    let arguments = ["secrets", "add", "code", "--host", HOST, "--purpose", "git:*", "--json"];
    let added = stage.holdpoint.call_with(&arguments, REAL);
    let phantom = added.json()["phantom"].as_str().unwrap().to_owned();
    let copy = stage.agent("worker");
    copy.git(&["checkout", "--quiet", "-b", "fix"]).done();
    let tip = copy.commit("note.txt", "a note\n");
    let push_as = |password: &str| {
        let basic = BASE64_STANDARD.encode(format!("x-access-token:{password}"));
        let header = format!("http.extraHeader=Authorization: Basic {basic}");
        copy.git(&["-c", &header, "push", "origin", "fix"])
    };

    let found = push_as(FOUND);
    assert_eq!(found.status, 128, "{found:?}");
    let said = &found.stderr;
    assert!(
        said.contains("remote: Holdpoint refused") && said.contains("foreign_credential"),
        "{said}"
    );
    assert_eq!(stage.tip("refs/heads/fix"), None);

    push_as(&phantom).done();
    assert_eq!(stage.tip("refs/heads/fix"), Some(tip));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("x-access-token:{REAL}")));
    let asked = stage.host.asked();
    let sent: Vec<_> = asked.iter().filter_map(|it| it.authorization.as_deref()).collect();
    assert!(sent.len() >= 2 && sent.iter().all(|it| *it == basic), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_is_what_a_human_lists_and_what_the_host_calls_its_default() {
    let lists = "[[git.repositories]]\nrepository = \"github.com/acme/*\"\n\
                 protected = [\"staging\", \"release/*\"]\n";
    let stage = GitStage::set(BINARY, &format!("{SMALL}{lists}")).await;
    stage.host.add_branches(REPOSITORY, &["trunk", "staging", "master"]);
    stage.host.set_default(REPOSITORY, "trunk");
    let copy = stage.agent("worker");
    assert_eq!(copy.git(&["rev-parse", "--abbrev-ref", "HEAD"]).done(), "trunk");
    let tip = copy.commit("note.txt", "a note\n");
    for held in ["trunk", "staging", "release/1.0"] {
        let pushed = copy.git(&["push", "origin", &format!("trunk:refs/heads/{held}")]);
        assert_rejected(&pushed, held, &["(opaque)"]);
    }
    for passes in ["main", "fix"] {
        copy.git(&["push", "origin", &format!("trunk:refs/heads/{passes}")]).done();
        assert_eq!(stage.tip(&format!("refs/heads/{passes}")), Some(tip.clone()), "{passes}");
    }
    // The server has these commits already, and they have passed through us: it goes forward.
    copy.git(&["push", "origin", "trunk:refs/heads/master"]).done();
    assert_eq!(stage.tip("refs/heads/master"), Some(tip));
    // The default branch moves, and the next fetch says so.
    stage.host.set_default(REPOSITORY, "main");
    copy.git(&["fetch", "--quiet", "origin"]).done();
    copy.git(&["ls-remote", "--symref", "origin", "HEAD"]).done();
    copy.commit("note.txt", "another note\n");
    assert_rejected(&copy.git(&["push", "origin", "trunk:main"]), "main", &["(opaque)"]);
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_delete_the_branch_that_it_made_and_force_none() {
    let mut stage = GitStage::set(BINARY, SMALL).await;
    stage.host.add_branches(REPOSITORY, &["theirs"]);
    let copy = stage.agent("worker");
    copy.git(&["checkout", "--quiet", "-b", "mine"]).done();
    let mine = copy.commit("note.txt", "a note\n");
    copy.git(&["push", "origin", "mine"]).done();
    copy.git(&["commit", "--quiet", "--amend", "-m", "written anew"]).done();
    assert_rejected(&copy.git(&["push", "--force", "origin", "mine"]), "mine", &["git:force_ref"]);
    assert_eq!(stage.tip("refs/heads/mine"), Some(mine));

    let delete = |branch: &str| copy.git(&["push", "origin", "--delete", branch]);
    assert_rejected(&delete("theirs"), "theirs", &["git:delete_ref"]);
    let other = stage.agent("other");
    let theirs = other.git(&["push", "origin", "--delete", "mine"]);
    assert_rejected(&theirs, "mine", &["git:delete_ref"]);

    // What is noted outlives the gateway.
    stage.restart();
    let copy = copy.through(stage.gateway.proxy());
    copy.git(&["push", "origin", "--delete", "mine"]).done();
    assert_eq!(stage.tip("refs/heads/mine"), None);

    // Somebody else goes on with a branch: it is not the run's alone any more.
    copy.git(&["push", "origin", "HEAD:refs/heads/shared"]).done();
    let other = other.through(stage.gateway.proxy());
    other.git(&["fetch", "--quiet", "origin"]).done();
    other.git(&["checkout", "--quiet", "shared"]).done();
    let more = other.commit("more.txt", "more\n");
    other.git(&["push", "origin", "shared"]).done();
    let both = copy.git(&["push", "origin", "--delete", "shared"]);
    assert_rejected(&both, "shared", &["git:delete_ref"]);
    assert_eq!(stage.tip("refs/heads/shared"), Some(more));
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_whose_negotiation_is_compressed_works() {
    let mut stage = GitStage::set(BINARY, SMALL).await;
    stage.host.add_branches(REPOSITORY, &["behind"]);
    let copy = stage.agent("worker");
    // More than 1,024 bytes of `have` lines: git compresses its request. It names the newest first,
    // to the second, and what both sides have would end it early.
    thread::sleep(Duration::from_millis(1100));
    copy.git(&["checkout", "--quiet", "--orphan", "own"]).done();
    for number in 0..80 {
        copy.git(&["commit", "--quiet", "--allow-empty", "-m", &number.to_string()]).done();
    }
    let other = stage.agent("other");
    other.git(&["checkout", "--quiet", "-b", "fix"]).done();
    let tip = other.commit("large.bin", noise(3_000_000));
    other.git(&["push", "--quiet", "origin", "fix"]).done();
    copy.git(&["fetch", "--quiet", "origin"]).done();
    assert_eq!(copy.git(&["rev-parse", "origin/fix"]).done(), tip);
    // A clone shows how a branch goes forward to commits that the server has.
    stage.restart();
    let third = stage.agent("third");
    third.git(&["push", "origin", "origin/fix:refs/heads/behind"]).done();
    assert_eq!(stage.tip("refs/heads/behind"), Some(tip));
    let asked = stage.host.asked();
    let compressed = asked.iter().filter(|it| it.encoding == "gzip");
    assert!(compressed.count() > 0, "{asked:?}");
}
