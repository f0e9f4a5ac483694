//! Git and masked files: whatever git commits of them, and however it comes to it, is what they are
//! outside; what comes into a history meanwhile is masked too.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use e2e::{enclosed::Enclosed, holdpoint::Called, serving::serving};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const RAILWAY: &str = "7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f605";
const FRESH: &str = "c41a9d37-0be2-4d5f-b86c-25f7e1903ad8";

fn outside(place: &Enclosed, script: &str) -> Called {
    let script = format!("export GIT_CONFIG_NOSYSTEM=1; {script}");
    place.outside("bash").args(["-ec", &script]).output().unwrap().into()
}

fn made(place: &Enclosed, script: &str) -> String {
    let called = outside(place, script);
    assert_eq!(called.status, 0, "{script}: {}", called.stderr);
    called.stdout
}

fn inside(place: &Enclosed, script: &str) -> Called {
    serving(&place.run(&["bash", "-c", script])).output().unwrap().into()
}

/// A repository with a masked file, and branches that change it in several commits.
fn repository() -> String {
    format!(
        "find . -mindepth 1 -delete; git init -q -b main .; mkdir app; seq 1 30 | sed 's/^/LINE_/; s/$/=a/' > app/.env; \
         echo RAILWAY_API_TOKEN={RAILWAY} >> app/.env; seq 31 60 | sed 's/^/LINE_/; s/$/=a/' >> app/.env; \
         echo text > plain; git add -A; git commit -qm one; git checkout -q -b side; \
         for n in 40 45 50; do sed -i \"s/LINE_$n=.*/LINE_$n=side/\" app/.env; git commit -qam \"side $n\"; done; \
         git checkout -q main; sed -i s/LINE_3=.*/LINE_3=main/ app/.env; git commit -qam two; echo more >> plain; git commit -qam three"
    )
}

/// Each changes the masked file in commits; `PHANTOM` is what is seen of its secret.
const WAYS: &[(&str, &str)] = &[
    ("no hook is asked", "sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git commit -q --no-verify -am x"),
    (
        "no hook is there",
        "git config core.hooksPath /nowhere; sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git commit -qam x",
    ),
    (
        "amended",
        "sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git commit -q --no-verify --amend -a -m again",
    ),
    ("merged", "git merge -q --no-edit side"),
    ("merged by hand", "git merge -q --no-commit side; git commit -q --no-verify -m merged"),
    ("merged, flattened", "git merge -q --squash side; git commit -q --no-verify -m squashed"),
    ("picked", "git cherry-pick side~2"),
    ("picked in a row", "git cherry-pick main..side"),
    ("rebased", "git rebase -q side"),
    ("rebased the other way", "git checkout -q side; git rebase -q main"),
    (
        "rebased step by step",
        "git checkout -q side; GIT_SEQUENCE_EDITOR='sed -i s/^pick/reword/' GIT_EDITOR=true git rebase -q -i main || git rebase --continue || git rebase --continue || git rebase --continue",
    ),
    ("rebased by patches", "git checkout -q side; git rebase -q --apply main"),
    (
        "squashed",
        "git checkout -q side; GIT_SEQUENCE_EDITOR='sed -i 2,3s/^pick/squash/' GIT_EDITOR=true git rebase -q -i main",
    ),
    ("reverted", "git revert --no-edit HEAD~1"),
    (
        "stashed",
        "sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git stash -q; git stash list | grep -q . ; git stash pop -q; git commit -q --no-verify -am x",
    ),
    ("as a patch", "git format-patch -q --stdout main..side | git am -q -3"),
    (
        "by its parts",
        "sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git add app/.env; git update-ref HEAD $(echo parts | git commit-tree $(git write-tree) -p HEAD)",
    ),
    (
        "on a branch of its own",
        "git checkout -q --orphan alone; git commit -q --no-verify -m alone",
    ),
    (
        "in another tree",
        "git worktree add -q ../work/tree side; cd tree; sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git commit -q --no-verify -am x; cd ..; git worktree remove --force tree",
    ),
    (
        "tagged",
        "sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git commit -q --no-verify -am x; git tag light; git tag -a -m heavy heavy; git branch other",
    ),
    (
        "many",
        "for n in 1 2 3 4 5; do sed -i s/LINE_7=.*/LINE_7=$n/ app/.env; git commit -q --no-verify -am $n; done",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_git_commits_is_what_it_is_outside() {
    for place in Enclosed::each(BINARY).await {
        for (way, script) in WAYS {
            let who = format!("{}, {way}", place.who());
            made(&place, &repository());
            let called = inside(
                &place,
                &format!(
                    "set -e; {script}; git status --short; git diff --stat; git log -p --all; cat app/.env"
                ),
            );
            assert_eq!(called.status, 0, "{who}: {}\n{}", called.stderr, tail(&called.stdout));
            assert!(!called.stdout.contains(RAILWAY), "{who}");
            assert!(
                !called.stdout.starts_with(" M") && !called.stdout.starts_with("M"),
                "{who}: {}",
                called.stdout
            );
            let phantom =
                called.stdout.lines().find_map(|line| line.strip_prefix("RAILWAY_API_TOKEN="));
            let phantom = phantom.unwrap().to_owned();
            // Every commit that has a name holds the real one, and nothing else.
            let listed = made(
                &place,
                "git log --all --reflog -p; for c in $(git rev-list --all --reflog); do git grep -h RAILWAY $c; done; git status --short; git stash list",
            );
            assert!(!listed.contains(&phantom), "{who}: {}", tail(&listed));
            let counted = listed
                .lines()
                .filter(|line| *line == format!("RAILWAY_API_TOKEN={RAILWAY}"))
                .count();
            let commits = made(&place, "git rev-list --all --reflog | wc -l");
            assert_eq!(counted.to_string(), commits.trim(), "{who}");
            let whole = made(
                &place,
                "git fsck --full 2>&1 | grep -v -e dangling -e ^notice -e unreachable || true; git status --short",
            );
            assert_eq!(whole, "", "{who}");
            let text = fs::read_to_string(place.path("work/app/.env")).unwrap();
            assert!(text.contains(RAILWAY) && !text.contains(&phantom), "{who}: {text}");
        }
    }
}

fn tail(text: &str) -> &str {
    text.get(text.len().saturating_sub(1500)..).unwrap_or(text)
}

/// Every way to read a history; what is read is said.
const READ: &str = "git log -p --all --reflog; git cat-file --batch --batch-all-objects < /dev/null; \
    for o in $(git cat-file --batch-all-objects --batch-check='%(objectname)'); do git cat-file -p $o; git --no-replace-objects cat-file -p $o; done; \
    git grep -h . $(git rev-list --all --reflog); git show HEAD; git rev-parse HEAD; git status --short; git checkout -q HEAD~1; git checkout -q main; \
    /usr/bin/python3 -c '\
import os, zlib\n\
for d, _, fs in os.walk(\".git\"):\n\
\x20\x20\x20\x20for f in fs:\n\
\x20\x20\x20\x20\x20\x20\x20\x20try: b = open(os.path.join(d, f), \"rb\").read()\n\
\x20\x20\x20\x20\x20\x20\x20\x20except OSError: continue\n\
\x20\x20\x20\x20\x20\x20\x20\x20print(b.decode(\"latin-1\")); at = b.find(b\"\\x78\")\n\
\x20\x20\x20\x20\x20\x20\x20\x20while at >= 0:\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20try: print(zlib.decompressobj().decompress(b[at:at+65536]).decode(\"latin-1\"))\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20except zlib.error: pass\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20at = b.find(b\"\\x78\", at + 1)'";

#[tokio::test(flavor = "multi_thread")]
async fn messages_long_files_and_inner_repositories_are_masked() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        made(&place, &repository());
        made(
            &place,
            &format!(
                "git commit -q --allow-empty -m 'deployed with RAILWAY_API_TOKEN={FRESH}'; git tag -a -m 'RAILWAY_API_TOKEN={FRESH}' v1; \
                 (seq 1500000; echo RAILWAY_API_TOKEN={FRESH}; seq 10) > long.txt; git add long.txt; git commit -qm long; git rm -q long.txt; git commit -qm short; \
                 mkdir -p part/inner; cd part/inner; git init -q -b main .; echo RAILWAY_API_TOKEN={FRESH} > a.env; git add a.env; git commit -qm 'RAILWAY_API_TOKEN={FRESH}'; \
                 git rm -q a.env; git commit -qm gone; git gc -q; cd ../..; git gc -q; \
                 git commit -q --allow-empty -m 'again RAILWAY_API_TOKEN={FRESH}'"
            ),
        );
        let names = made(
            &place,
            "git rev-list --branches --tags; git -C part/inner rev-list --branches --tags",
        );
        let called = inside(
            &place,
            &format!(
                "{READ}; cd part/inner; {READ}; cd ../..; git rev-list --branches --tags > names; git -C part/inner rev-list --branches --tags >> names; \
                      git commit -q --allow-empty -m next && git log --oneline -1"
            ),
        );
        for secret in [RAILWAY, FRESH] {
            let at = called.stdout.find(secret);
            let around = at.map(|at| &called.stdout[at.saturating_sub(300)..at]);
            assert_eq!(around, None, "{who}");
        }
        assert!(
            called.stdout.contains("deployed with RAILWAY_API_TOKEN="),
            "{who}: {}",
            called.stderr
        );
        assert!(called.stdout.contains("too long to be masked"), "{who}");
        assert!(called.stdout.trim_end().ends_with(" next"), "{who}: {}", called.stderr);
        assert!(called.stderr.contains("messages with secrets"), "{who}: {}", called.stderr);
        assert_eq!(fs::read_to_string(place.path("work/names")).unwrap(), names, "{who}");
        made(
            &place,
            "rm names; git log -3 --format=%B | grep -q 'again RAILWAY'; git fsck --full; git -C part/inner fsck --full",
        );
    }
}

/// What a human does outside while somebody is inside.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_into_a_history_meanwhile_is_masked_too() {
    for place in Enclosed::each(BINARY).await {
        for (way, script) in [
            ("a commit", "git commit -qam fresh"),
            ("a commit in a pack", "git commit -qam fresh; git repack -qad"),
            ("a collection", "git gc -q --prune=now"),
            ("no commit", "git hash-object -w fresh.env; git repack -qd"),
        ] {
            let who = format!("{}: {way}", place.who());
            made(&place, &repository());
            let read = format!(
                "touch ready; while [ ! -e go ]; do sleep 0.05; done; sleep 0.3; rm -f go ready; {READ}; git fsck 2>&1 | tail -3"
            );
            let mut run = serving(&place.run(&["bash", "-c", &read]));
            let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            wait_for(&place, "work/ready");
            made(
                &place,
                &format!(
                    "git log --oneline > /dev/null; echo RAILWAY_API_TOKEN={FRESH} > fresh.env; echo OTHER_TOKEN={FRESH} >> app/.env; git add fresh.env app/.env; {script}; git rm -rq --cached fresh.env || true; rm fresh.env; touch go"
                ),
            );
            let called: Called = child.wait_with_output().unwrap().into();
            assert!(called.stdout.contains("LINE_3=main"), "{who}: {}", called.stderr);
            for secret in [RAILWAY, FRESH] {
                let at = called.stdout.find(secret);
                let around = at.map(|at| &called.stdout[at.saturating_sub(300)..at]);
                assert_eq!(around, None, "{who}: {}", called.stderr);
            }
        }
    }
}

fn wait_for(place: &Enclosed, name: &str) {
    let began = Instant::now();
    while !place.path(name).exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "{name}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
