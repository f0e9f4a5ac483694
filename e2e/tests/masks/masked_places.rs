//! Masking beyond one run and its workspace: further places, what agents keep in the home, two runs
//! at once, and what others change outside meanwhile.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use e2e::{enclosed::Enclosed, holdpoint::Called, serving::serving};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const RAILWAY: &str = "7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f605";
const STRIPE: &str = concat!("sk_live_", "51Nx8QpLmV3kTz9RbYw2HcJd7GfSa4Ue");

fn outside(place: &Enclosed, script: &str) {
    let called: Called = place.outside("bash").args(["-ec", script]).output().unwrap().into();
    assert_eq!(called.status, 0, "{script}: {}", called.stderr);
}

/// `holdpoint run` with these words, where files may be served.
fn run(place: &Enclosed, words: &[&str], command: &[&str]) -> Called {
    let mut run = place.outside(place.path("holdpoint"));
    run.args(["run", "--no-snapshot"]).args(words).arg("--").args(command);
    serving(&run).output().unwrap().into()
}

fn read(place: &Enclosed, path: &str) -> String {
    fs::read_to_string(place.path(path)).unwrap()
}

fn nothing_is_shown_by_another_name(place: &Enclosed) {
    let who = place.who();
    // What lies around the workspace, or in it, hides nothing of it and shows no more.
    for word in ["../elsewhere/lib/..", ".", "../elsewhere:ro"] {
        let called = run(
            place,
            &["--also", word],
            &[
                "bash",
                "-c",
                "cat .env ../elsewhere/one.env; cat ../elsewhere/lib/.env; echo x > y && rm y",
            ],
        );
        assert!(
            !called.stdout.contains(RAILWAY) && !called.stdout.contains(STRIPE),
            "{who}, {word}: {}",
            called.stdout
        );
        assert!(called.stdout.contains("RAILWAY_API_TOKEN="), "{who}, {word}: {}", called.stderr);
        assert!(!called.stderr.contains(" y: "), "{who}, {word}: {}", called.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_places_are_masked_as_the_workspace_is() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        outside(
            &place,
            &format!(
                "echo RAILWAY_API_TOKEN={RAILWAY} > .env; cd ../elsewhere; mkdir -p lib/.git/hooks docs; \
                 printf 'STRIPE_SECRET_KEY={STRIPE}\\nPORT=1\\n' > lib/.env; echo RAILWAY_API_TOKEN={RAILWAY} > docs/notes.md; \
                 echo RAILWAY_API_TOKEN={RAILWAY} > one.env; cd lib; git init -q -b main .; git add .env; git commit -qm one; git rm -q --cached .env; git commit -qm two"
            ),
        );
        let (lib, docs, one) = (
            place.path("elsewhere/lib"),
            place.path("elsewhere/docs"),
            place.path("elsewhere/one.env"),
        );
        let words = [
            lib.display().to_string(),
            format!("{}:ro", docs.display()),
            one.display().to_string(),
        ];
        let also: Vec<&str> = words.iter().flat_map(|word| ["--also", word]).collect();
        let script = format!(
            "cat .env; cd {}; cat .env ../docs/notes.md ../one.env; git log -p; git cat-file --batch-all-objects --batch < /dev/null; \
             sed -i s/PORT=1/PORT=2/ .env; cp .env copy; echo x > ../docs/x || echo cannot write; echo '#!/bin/sh' > .git/hooks/post-commit; cat /proc/self/root/{}/.env",
            lib.display(),
            lib.display()
        );
        let called = run(&place, &also, &["bash", "-c", &script]);
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        for secret in [RAILWAY, STRIPE] {
            assert!(!called.stdout.contains(secret), "{who}: {}", called.stdout);
        }
        assert!(
            called.stdout.matches("RAILWAY_API_TOKEN=").count() >= 3,
            "{who}: {}",
            called.stdout
        );
        assert!(called.stdout.contains("cannot write"), "{who}: {}", called.stdout);
        assert_eq!(
            read(&place, "elsewhere/lib/.env"),
            format!("STRIPE_SECRET_KEY={STRIPE}\nPORT=2\n"),
            "{who}"
        );
        assert!(!read(&place, "elsewhere/lib/copy").contains(STRIPE), "{who}");
        assert!(
            !place.path("elsewhere/lib/.git/hooks/post-commit").exists(),
            "{who}: {}",
            called.stderr
        );
        nothing_is_shown_by_another_name(&place);
        // Where nothing is served, it can be read.
        let mut plain = place.outside(place.path("holdpoint"));
        plain.args(["run", "--no-snapshot"]).args(&also).args(["--", "bash", "-c", &script]);
        let called: Called = plain.output().unwrap().into();
        assert!(!called.stdout.contains(RAILWAY), "{who}: {}", called.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_keeps_in_the_home_is_masked_and_goes_on() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let line = format!("{{\"type\":\"tool\",\"output\":\"RAILWAY_API_TOKEN={RAILWAY}\"}}");
        outside(
            &place,
            &format!(
                "cd; mkdir -p .codex/sessions/2026 .codex/log .claude/projects; echo '{line}' | tee .codex/sessions/2026/a.jsonl .codex/history.jsonl > .claude/projects/b.jsonl; \
                 printf '[mcp_servers.a.env]\\nSTRIPE_SECRET_KEY = \"{STRIPE}\"\\n' > .codex/config.toml; \
                 echo '{{\"mcpServers\": {{\"a\": {{\"env\": {{\"STRIPE_SECRET_KEY\": \"{STRIPE}\"}}}}}}}}' > .claude.json; \
                 for name in codex claude; do printf '#!/bin/bash\\n%s\\n' \
                 'cd; cat .codex/sessions/2026/a.jsonl .codex/history.jsonl .codex/config.toml .claude/projects/b.jsonl .claude.json; \
                  grep -r . ~; echo more >> .codex/sessions/2026/a.jsonl; echo more >> .codex/history.jsonl; echo new > .codex/sessions/2026/b.jsonl; echo bad >> .codex/config.toml; echo bad >> .claude.json; true' > ~/../work/$name; chmod +x ~/../work/$name; done"
            ),
        );
        for agent in ["./codex", "./claude"] {
            let called = run(&place, &[], &[agent]);
            assert!(
                !called.stdout.contains(RAILWAY) && !called.stdout.contains(STRIPE),
                "{who}, {agent}: {}",
                called.stdout
            );
            assert!(
                called.stdout.contains("RAILWAY_API_TOKEN=")
                    && called.stdout.contains("STRIPE_SECRET_KEY"),
                "{who}, {agent}: {}",
                called.stderr
            );
            // What stands in what an agent was told is nobody's to bind.
            assert!(!called.stderr.contains("railway"), "{who}, {agent}: {}", called.stderr);
        }
        assert_eq!(
            read(&place, "home/.codex/sessions/2026/a.jsonl"),
            format!("{line}\nmore\n"),
            "{who}"
        );
        assert_eq!(read(&place, "home/.codex/history.jsonl"), format!("{line}\nmore\n"), "{who}");
        assert_eq!(read(&place, "home/.codex/sessions/2026/b.jsonl"), "new\n", "{who}");
        assert!(!read(&place, "home/.codex/config.toml").contains("bad"), "{who}");
        assert!(!read(&place, "home/.claude.json").contains("bad"), "{who}");
    }
}

/// A run that waits for `go`, then goes on.
fn begin(place: &Enclosed, name: &str, script: &str) -> Child {
    let script = format!(
        "touch ready-{name}; while [ ! -e go ]; do sleep 0.02; done; {script}; touch over-{name}; while [ ! -e end ]; do sleep 0.02; done; cat .env"
    );
    let mut run = serving(&place.run(&["bash", "-c", &script]));
    run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(place: &Enclosed, name: &str) {
    let began = Instant::now();
    while !place.path(name).exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "{name}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_work_in_one_workspace() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        outside(
            &place,
            &format!(
                "git init -q -b main .; printf 'RAILWAY_API_TOKEN={RAILWAY}\\nONE=0\\nTWO=0\\n' > .env; printf 'STRIPE_SECRET_KEY={STRIPE}\\nTHREE=0\\n' > b.env; git add -A; git commit -qm one"
            ),
        );
        let each = "for n in $(seq 20); do flock lock sed -i s/NAME=.*/NAME=$n/ .env; done; sed s/THREE=0/THREE=NAME/ b.env > NAME.env; \
                    flock lock git commit -q --no-verify -am NAME; cat .env b.env; git cat-file --batch --batch-all-objects < /dev/null";
        let runs = ["ONE", "TWO"].map(|name| begin(&place, name, &each.replace("NAME", name)));
        for name in ["work/ready-ONE", "work/ready-TWO"] {
            wait_for(&place, name);
        }
        outside(&place, "touch go");
        for name in ["work/over-ONE", "work/over-TWO"] {
            wait_for(&place, name);
        }
        // The last look of each is at what both did, and at what the other committed.
        outside(&place, "touch end");
        for run in runs {
            let called: Called = run.wait_with_output().unwrap().into();
            assert_eq!(called.status, 0, "{who}: {}", called.stderr);
            assert!(
                !called.stdout.contains(RAILWAY) && !called.stdout.contains(STRIPE),
                "{who}: {}",
                called.stdout
            );
            let last = called.stdout.lines().rev().take(3).collect::<Vec<_>>();
            assert_eq!(last[..2], ["TWO=20", "ONE=20"], "{who}: {}", called.stderr);
        }
        assert_eq!(
            read(&place, "work/.env"),
            format!("RAILWAY_API_TOKEN={RAILWAY}\nONE=20\nTWO=20\n"),
            "{who}"
        );
        for name in ["ONE", "TWO"] {
            let copied = read(&place, &format!("work/{name}.env"));
            assert!(
                copied.ends_with(&format!("THREE={name}\n")) && !copied.contains(STRIPE),
                "{who}: {copied}"
            );
        }
        // Whoever came first took what both did; what is committed is real, and whole.
        outside(&place, "git fsck --full --no-dangling; git log --format=%s | grep -qE 'ONE|TWO'");
        let real = format!(
            "for c in $(git rev-list main); do git show $c:.env | grep -q {RAILWAY} || git show $c:.env >&2; done"
        );
        let mut git = place.outside("bash");
        let shown: Called = git.args(["-c", &real]).output().unwrap().into();
        assert_eq!(shown.stderr, "", "{who}: every commit holds the real value");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_seen_at_once() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        outside(
            &place,
            &format!(
                "echo RAILWAY_API_TOKEN={RAILWAY} > .env; echo 1 > written; echo 1 > replaced; mkdir d"
            ),
        );
        // It looks at what it will be asked about as often as it can, so that all is remembered.
        let watch = "/usr/bin/python3 -c '\
import os, time\n\
def text(p):\n\
\x20\x20\x20\x20try: return open(p).read().strip()\n\
\x20\x20\x20\x20except OSError: return None\n\
names = [\"written\", \"replaced\", \"d/new\", \".env\"]\n\
open(\"ready\", \"w\").close()\n\
seen = {}\n\
until = time.time() + 20\n\
while time.time() < until and len(seen) < 4:\n\
\x20\x20\x20\x20for n in names:\n\
\x20\x20\x20\x20\x20\x20\x20\x20t, s = text(n), os.path.exists(n) and os.stat(n).st_size\n\
\x20\x20\x20\x20\x20\x20\x20\x20if t and t.startswith(\"222222\") and n not in seen: seen[n] = time.time() - float(t.split()[1])\n\
\x20\x20\x20\x20\x20\x20\x20\x20if n == \".env\" and t and \"OTHER\" in t and n not in seen: seen[n] = time.time() - float(t.split()[-1].split(\"=\")[1])\n\
print(max(seen.values()), sorted(seen))'";
        let mut run = serving(&place.run(&["bash", "-c", watch]));
        let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&place, "work/ready");
        std::thread::sleep(Duration::from_millis(300));
        outside(
            &place,
            &format!(
                "now() {{ date +%s.%N; }}; echo 222222 $(now) > written; echo 222222 $(now) > r; mv r replaced; echo 222222 $(now) > d/new; \
                      printf 'RAILWAY_API_TOKEN={RAILWAY}\\nOTHER=1\\nAT=%s\\n' $(now) > .env"
            ),
        );
        let called: Called = child.wait_with_output().unwrap().into();
        let (slowest, seen) =
            called.stdout.split_once(' ').unwrap_or_else(|| panic!("{who}: {}", called.stderr));
        assert_eq!(seen.trim(), "['.env', 'd/new', 'replaced', 'written']", "{who}");
        let slowest: f64 = slowest.parse().unwrap();
        assert!(slowest < 0.5, "{who}: {slowest} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_attributes_are_passed_through() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        outside(
            &place,
            &format!(
                "echo RAILWAY_API_TOKEN={RAILWAY} > .env; echo x > file; mkdir d; python3 -c 'import os; os.setxattr(\"file\", \"user.from\", b\"outside\"); \
                 [os.setxattr(n, \"user.xdg.origin.url\", b\"https://ada:{RAILWAY}@files.acme-outdoor.dev/\") for n in (\"file\", \"d\", \".env\")]'"
            ),
        );
        let script = "import os\n\
            assert os.getxattr('file', 'user.from') == b'outside' and os.listxattr('file') == ['user.from']\n\
            for n in ('file', 'd', '.env'):\n\
            \x20   os.setxattr(n, 'user.to', b'inside'); assert os.getxattr(n, 'user.to') == b'inside'\n\
            os.setxattr('file', 'user.gone', b'1'); os.removexattr('file', 'user.gone'); os.setxattr('file', 'user.long', b'x' * 3500)\n\
            try: os.setxattr('file', 'user.to', b'', os.XATTR_CREATE); print('made twice')\n\
            except FileExistsError: pass\n\
            for n in ('file', 'd', '.env'):\n\
            \x20   assert 'user.xdg.origin.url' not in os.listxattr(n), n\n\
            \x20   for act in (lambda: print(os.getxattr(n, 'user.xdg.origin.url')), lambda: os.setxattr(n, 'user.xdg.origin.url', b'x'), lambda: os.removexattr(n, 'user.xdg.origin.url')):\n\
            \x20       try: act(); print(n, 'was told or changed')\n\
            \x20       except OSError: pass\n\
            for n in ('trusted.x', 'security.capability', 'system.posix_acl_access'):\n\
            \x20   try: os.setxattr('file', n, b'x'); print(n, 'was set')\n\
            \x20   except OSError: pass\n\
            os.chmod('file', 0o4755); open('file', 'a').write('y'); print(oct(os.stat('file').st_mode))\n";
        let called = run(&place, &[], &["/usr/bin/python3", "-c", script]);
        assert_eq!(
            (called.stdout.as_str(), called.status),
            ("0o100755\n", 0),
            "{who}: {}",
            called.stderr
        );
        outside(
            &place,
            "python3 -c 'import os; assert os.getxattr(\"file\", \"user.to\") == os.getxattr(\"d\", \"user.to\") == os.getxattr(\".env\", \"user.to\") == b\"inside\"; \
             assert sorted(os.listxattr(\"file\")) == [\"user.from\", \"user.long\", \"user.to\", \"user.xdg.origin.url\"]; \
             assert b\"ada\" in os.getxattr(\"file\", \"user.xdg.origin.url\")'",
        );
    }
}
