//! Guarded files: an agent writes its git settings, hooks, agents' settings and CI files as ever;
//! outside, what does no harm is there when it ends, and what runs programs when a human says so.

use std::{fs, path::Path};

use e2e::{enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// A place whose workspace is a repository.
async fn repositories() -> Vec<Enclosed> {
    let places = Enclosed::each(BINARY).await;
    for place in &places {
        let made = outside(
            place,
            "git init -q -b main . && mkdir -p .claude .github/workflows && \
             echo '{}' > .claude/settings.json && echo 'on: push' > .github/workflows/ci.yml && \
             echo one > file && git add -A && git commit -q -m one",
        );
        assert_eq!(made.status, 0, "{}", made.stderr);
    }
    places
}

fn outside(place: &Enclosed, script: &str) -> Called {
    place.outside("bash").args(["-ec", script]).output().unwrap().into()
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The run that the summary names.
fn run_of(called: &Called) -> String {
    let told = called.stderr.split("holdpoint merge ").nth(1);
    let told = told.unwrap_or_else(|| panic!("it names the command: {}", called.stderr));
    told.split('`').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn harmless_settings_come_back_by_themselves() {
    for place in repositories().await {
        let called = place.script(
            "set -e; git config user.email agent@example.test; \
             git remote add origin git@github.com:acme/shop.git; \
             git update-ref refs/remotes/origin/topic HEAD; git checkout -q -b topic --track origin/topic; \
             git branch --edit-description 2>/dev/null || true; git config branch.topic.description x; \
             echo two >> file; git commit -qam two; git config --get user.email; git status --short",
        );
        let who = place.who();
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        assert_eq!(called.stdout, "agent@example.test\n", "{who}");
        assert!(!called.stderr.contains("holdpoint merge"), "{who}: {}", called.stderr);
        let after = outside(
            &place,
            "git config user.email; git config remote.origin.url; git config branch.topic.merge; \
             git log -1 --format=%s; git status --short; git symbolic-ref --short HEAD",
        );
        assert_eq!(
            after.stdout,
            "agent@example.test\ngit@github.com:acme/shop.git\nrefs/heads/topic\ntwo\ntopic\n",
            "{who}: {}",
            after.stderr
        );
        let listed = place.call(&["merge"]);
        assert!(listed.stdout.contains("no run left anything"), "{who}: {}", listed.stdout);
    }
}

/// What an agent plants, each of which leaves `planted` outside if it takes effect.
const PLANTED: &str = "set -e; mark=$HOLDPOINT_MARK; \
    git config core.hooksPath .evil; mkdir .evil; printf '#!/bin/sh\\ntouch planted-path\\n' > .evil/pre-commit; chmod +x .evil/pre-commit; \
    git config core.fsmonitor 'touch planted-fsmonitor; false'; \
    git config alias.st '!touch planted-alias'; \
    git config filter.x.clean 'sh -c \"touch planted-filter; cat\"'; \
    git config include.path ../.evil/more; \
    git config credential.helper '!touch planted-helper'; \
    git config core.sshCommand 'touch planted-ssh'; \
    git config remote.evil.url 'ext::touch planted-ext'; \
    git config user.name good; \
    printf '#!/bin/sh\\ntouch planted-hook\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; \
    echo '{\"hooks\":{}}' > .claude/settings.json; mkdir -p .husky; echo 'touch x' > .husky/pre-commit; \
    echo '{}' > .mcp.json; echo 'on: evil' > .github/workflows/ci.yml; echo 'on: new' > .github/workflows/new.yml; \
    test -x .git/hooks/pre-commit; git config alias.st; cat .mcp.json .claude/settings.json; ls .husky .github/workflows";

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_programs_waits_for_a_yes() {
    for place in repositories().await {
        let who = place.who();
        let called = place.script(PLANTED);
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        // Inside, it was all there.
        assert_eq!(
            called.stdout,
            "!touch planted-alias\n{}\n{\"hooks\":{}}\n.github/workflows:\nci.yml\nnew.yml\n\n.husky:\npre-commit\n",
            "{who}"
        );
        let run = run_of(&called);
        // Outside, nothing is, but for the harmless name.
        let worked = outside(
            &place,
            "git config user.name; git st 2>/dev/null || true; echo three > file; git add file; git status >/dev/null; \
             git commit -q -m three; ls -d planted* .evil/planted* 2>/dev/null || true; \
             git config --list | grep -c -e planted -e evil || true",
        );
        assert_eq!(worked.stdout, "good\n0\n", "{who}: {}", worked.stderr);
        assert_eq!(
            text(place.path("work/.claude/settings.json")).as_deref(),
            Some("{}\n"),
            "{who}"
        );
        assert_eq!(
            text(place.path("work/.github/workflows/ci.yml")).as_deref(),
            Some("on: push\n"),
            "{who}"
        );
        for gone in
            [".mcp.json", ".husky/pre-commit", ".git/hooks/pre-commit", ".github/workflows/new.yml"]
        {
            assert_eq!(text(place.path("work").join(gone)), None, "{who}: {gone}");
        }
        // A human looks, and nothing changes by that.
        let shown = place.call(&["merge", &run]);
        assert_eq!(shown.status, 1, "{who}");
        for part in ["+++", "hookspath", "planted-hook", "on: evil", "settings.json", ".mcp.json"] {
            let all = shown.stdout.to_lowercase();
            assert!(all.contains(&part.to_lowercase()), "{who}: {part}: {}", shown.stdout);
        }
        assert_eq!(text(place.path("work/.mcp.json")), None, "{who}");
        // A human says yes.
        let taken = place.call(&["merge", &run, "--yes"]);
        assert_eq!(taken.status, 0, "{who}: {}", taken.stderr);
        assert_eq!(text(place.path("work/.mcp.json")).as_deref(), Some("{}\n"), "{who}");
        let there = outside(
            &place,
            "git config alias.st; test -x .git/hooks/pre-commit; cat .husky/pre-commit",
        );
        assert_eq!(there.stdout, "!touch planted-alias\ntouch x\n", "{who}: {}", there.stderr);
        assert_ne!(place.call(&["merge", &run, "--yes"]).status, 0, "{who}: once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_thrown_away_never_was() {
    for place in repositories().await {
        let called = place.script("git config alias.x '!id'; echo x > .envrc");
        assert_eq!(called.status, 0, "{}", called.stderr);
        let run = run_of(&called);
        let dropped = place.call(&["merge", &run, "--drop"]);
        assert_eq!(dropped.status, 0, "{}", dropped.stderr);
        assert!(place.call(&["merge"]).stdout.contains("no run left anything"));
        assert_ne!(outside(&place, "git config alias.x").status, 0);
        assert_eq!(text(place.path("work/.envrc")), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_nowhere_else() {
    for place in repositories().await {
        let (who, elsewhere) = (place.who(), place.path("elsewhere"));
        let called = place.script(&format!(
            "rm -rf .github/workflows; ln -s {} .github/workflows || true; \
             echo x > .github/workflows/new.yml || true; ln -sfn /etc .claude || true; \
             rm -f .git/config; ln -s {}/config .git/config || true",
            elsewhere.display(),
            elsewhere.display()
        ));
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        assert!(!elsewhere.join("new.yml").exists(), "{who}");
        if called.stderr.contains("holdpoint merge ") {
            let taken = place.call(&["merge", &run_of(&called), "--yes"]);
            assert!(!elsewhere.join("new.yml").exists(), "{who}: {}", taken.stderr);
            assert!(!elsewhere.join("config").exists(), "{who}: {}", taken.stderr);
        }
        assert_eq!(
            outside(&place, "git status --short >/dev/null; git config core.bare").stdout,
            "false\n",
            "{who}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_made_inside_are_guarded_too() {
    for place in repositories().await {
        let who = place.who();
        let called = place.script(
            "set -e; git init -q part; cd part; git config user.name good; git config alias.x '!id'; \
             printf x > .git/hooks/pre-push; git commit -q --allow-empty -m x; cd ..; \
             git worktree add -q tree; cd tree; git commit -q --allow-empty -m y; cd ..; mv part moved; \
             git -C moved config alias.x",
        );
        assert_eq!(
            (called.status, called.stdout.as_str()),
            (0, "!id\n"),
            "{who}: {}",
            called.stderr
        );
        let after = outside(
            &place,
            "git -C moved log -1 --format=%s; git -C moved config user.name; git -C tree log -1 --format=%s",
        );
        if called.stderr.contains("is served") || after.stdout == "x\ngood\ny\n" {
            assert_eq!(after.stdout, "x\ngood\ny\n", "{who}: {}", after.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_is_not_sent_elsewhere_for_its_settings() {
    for place in repositories().await {
        let who = place.who();
        let fired = place.path("elsewhere").join("fired");
        for (made_in, says) in [("c", "../c"), ("node_modules/c", "../node_modules/c")] {
            let called = place.script(&format!(
                "mkdir -p {made_in}/objects {made_in}/refs; chmod 311 {made_in}; \
                 printf '[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = \"touch {} #\"\\n' > {made_in}/config; \
                 echo {says} > .git/commondir; exit 0",
                fired.display()
            ));
            assert_eq!(called.status, 0, "{who}: {}", called.stderr);
            outside(&place, "git status --short; git diff; exit 0");
            assert!(!fired.exists(), "{who}: {made_in}: a program of the agent's ran outside");
        }
    }
}
