//! What somebody inside could try against the view of files and of git's objects: no secret is read, and
//! the repository of the human is what it was.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use e2e::{
    enclosed::Enclosed,
    holdpoint::Called,
    serving::{serving, unserved},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const RAILWAY: &str = "7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f605";
const FRESH: &str = "c41a9d37-0be2-4d5f-b86c-25f7e1903ad8";

/// `walk` reads every file there is, as it is and unpacked.
const WALK: &str = r#"walk() {
/usr/bin/python3 - <<'END'
import os, sys, zlib
for d, _, fs in os.walk(".", followlinks=True):
    for f in fs:
        at = os.path.join(d, f)
        if not os.path.isfile(at): continue
        try: b = open(at, "rb").read()
        except OSError: continue
        print(b.decode("latin-1")); at = b.find(b"\x78")
        while at >= 0:
            try: print(zlib.decompressobj().decompress(b[at:at+65536]).decode("latin-1"))
            except zlib.error: pass
            at = b.find(b"\x78", at + 1)
END
}
"#;

fn made(place: &Enclosed, script: &str) -> String {
    let script = format!("export GIT_CONFIG_NOSYSTEM=1; {script}");
    let called: Called = place.outside("bash").args(["-ec", &script]).output().unwrap().into();
    assert_eq!(called.status, 0, "{script}: {}", called.stderr);
    called.stdout
}

fn repository(place: &Enclosed) {
    made(
        place,
        &format!(
            "find . -mindepth 1 -delete; git init -q -b main .; mkdir app; seq 1 30 | sed 's/^/LINE_/; s/$/=a/' > app/.env; \
             echo RAILWAY_API_TOKEN={RAILWAY} >> app/.env; echo text > plain; git add -A; git commit -qm one; \
             echo more >> plain; git commit -qam two; git branch side; git tag -a -m heavy heavy"
        ),
    );
}

/// Each is tried from inside; then all that can be read is.
const TRICKS: &[(&str, &str)] = &[
    (
        "links where objects are written",
        "mkdir leak; for n in $(seq 0 255); do x=$(printf %02x $n); mkdir leak/$x; ln -s ../../leak/$x .git/objects/$x; done; \
         sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git add app/.env",
    ),
    (
        "links that are renamed to there",
        "mkdir leak; for n in $(seq 0 255); do x=$(printf %02x $n); mkdir leak/$x; ln -s ../../leak/$x l; mv -T l .git/objects/$x || rm l; done; \
         sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git add app/.env",
    ),
    (
        "links that are linked to there",
        "mkdir leak; for n in $(seq 0 255); do x=$(printf %02x $n); mkdir leak/$x; ln -s ../../leak/$x l$x; ln -P l$x .git/objects/$x; done; \
         sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git add app/.env",
    ),
    (
        "a directory with links that is renamed to there",
        "mkdir -p leak links; for n in $(seq 0 255); do x=$(printf %02x $n); mkdir leak/$x; ln -s ../../leak/$x links/$x; done; \
         mv -T links .git/objects; mv links .git/objects/links; mv links/* .git/objects; sed -i s/LINE_7=.*/LINE_7=x/ app/.env; git add app/.env",
    ),
    (
        "hard links",
        "ln app/.env one; ln app/.env .git/objects/one; ln -f app/.env plain; cat one plain",
    ),
    (
        "a directory above gets another name",
        "mv app other; cat other/.env; mv other .git/objects/other",
    ),
    (
        "a file gets another name",
        "mkdir -p x/.git/objects; mv app/.env x/.git/objects/y; mv x/.git/objects/y .git/objects/y; cat .git/objects/y",
    ),
    (
        "objects of another repository",
        "git clone -q --local . one; git clone -q --shared . two; git clone -q --no-local . three; cd two; git log -p; git gc -q; cd ..; \
         GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/.git/objects git -C three log -p --all",
    ),
    (
        "a repository without its files",
        "git config uploadpack.allowFilter true; git clone -q --filter=blob:none file://$PWD part; cd part; git log -p",
    ),
    (
        "archives and bundles",
        "git archive HEAD | tar xO; git archive --format=tar.gz -o a.tgz HEAD; tar xzOf a.tgz; git bundle create b.bundle --all; git clone -q b.bundle c; git -C c log -p; git fast-export --all",
    ),
    (
        "another tree",
        "git worktree add -q tree side; cat tree/app/.env; git --work-tree=/tmp checkout -f -- app; cat /tmp/app/.env",
    ),
    (
        "packed again",
        "git repack -qad; git gc -q --prune=now; git pack-objects --all out < /dev/null; git index-pack out-*.pack; git log -p",
    ),
    (
        "a pipe where a tree is",
        "git worktree add -q tree side; rm .git/worktrees/tree/gitdir; mkfifo .git/worktrees/tree/gitdir p; mv p .git/worktrees/tree/gitdir; ln p .git/worktrees/tree/gitdir; \
         for n in 1 2 3; do (cd tree; echo $n > plain; timeout 20 git add plain) & done; wait",
    ),
    (
        "pipes where objects are",
        "mkdir -p .git/objects/ab; for n in 1 2 3 4; do o=ab0000000000000000000000000000000000000$n; mkfifo .git/objects/ab/${o:2} p$n; mv p$n .git/objects/ab/${o:2}; \
         (timeout 20 bash -c \"echo $o > .git/refs/heads/p$n\") & done; wait; rm .git/refs/heads/p?",
    ),
    (
        "nothing where a tree is",
        "git worktree add -q tree side; rm .git/worktrees/tree/gitdir; ln -s /dev/zero .git/worktrees/tree/gitdir; (cd tree; echo 1 > plain; timeout 20 git add plain)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_trick_shows_what_is_real() {
    for place in Enclosed::each(BINARY).await {
        for (trick, script) in TRICKS {
            let who = format!("{}, {trick}", place.who());
            repository(&place);
            let before = made(&place, "git rev-parse HEAD");
            let script = format!("{WALK}exec 2>&1; ({script}); walk; echo alive");
            let mut run = serving(&place.run(&["timeout", "100", "bash", "-c", &script]));
            let called: Called = run.output().unwrap().into();
            let at = called.stdout.find(RAILWAY);
            let around = at.map(|at| &called.stdout[at.saturating_sub(300)..at]);
            assert_eq!(around, None, "{who}");
            assert!(called.stdout.ends_with("alive\n"), "{who}: {}", tail(&called.stdout));
            let after = made(
                &place,
                "git rev-parse HEAD; git log --oneline --all; git fsck --full 2>&1 | grep -v -e dangling -e ^notice -e 'bad sha1 file' -e unreachable || true; find .git/objects -type l",
            );
            let text = fs::read_to_string(place.path("work/app/.env"));
            let moved = trick.contains("name");
            assert!(moved || text.unwrap().contains(RAILWAY), "{who}");
            assert_eq!(after.lines().next(), before.lines().next(), "{who}: {after}");
            assert!(!after.contains("missing") && !after.contains("objects/"), "{who}: {after}");
        }
    }
}

fn tail(text: &str) -> &str {
    text.get(text.len().saturating_sub(1500)..).unwrap_or(text)
}

/// Each would have the human's git show something else than what is there.
const REPLACED: &[(&str, &str)] = &[
    ("loose", "git replace HEAD~1 HEAD"),
    ("packed", "git replace HEAD~1 HEAD; git pack-refs --all"),
    ("packed in a collection", "git replace HEAD~1 HEAD; git gc -q"),
    (
        "written",
        "echo \"$(git rev-parse HEAD) refs/replace/$(git rev-parse HEAD~1)\" >> .git/packed-refs",
    ),
    (
        "renamed",
        "(cat .git/packed-refs; echo \"$(git rev-parse HEAD) refs/replace/$(git rev-parse HEAD~1)\") > new; mv new .git/packed-refs",
    ),
    (
        "written after it is renamed",
        "cp .git/packed-refs new; exec 3>> new; mv new .git/packed-refs; echo \"$(git rev-parse HEAD) refs/replace/$(git rev-parse HEAD~1)\" >&3",
    ),
    (
        "linked",
        "(cat .git/packed-refs; echo \"$(git rev-parse HEAD) refs/replace/$(git rev-parse HEAD~1)\") > new; ln -f new .git/packed-refs; ln -sf ../new .git/packed-refs; cp new .git/packed-refs",
    ),
    (
        "other refs",
        "mkdir new; git rev-parse HEAD > new/$(git rev-parse HEAD~1); mv -T new .git/refs/replace; mkdir -p .git/refs/replace; mv new/* .git/refs/replace; ln -s ../../new .git/refs/replace",
    ),
    ("grafted", "echo \"$(git rev-parse HEAD)\" > .git/info/grafts"),
    (
        "from elsewhere",
        "mkdir -p far/pack; cp -r .git/objects far; echo $PWD/far/objects > .git/objects/info/alternates",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_human_sees_of_a_history_is_not_replaced() {
    const SEEN: &str = "git replace -l; git log --format='%H %P %T %s'; git rev-parse main side; cat .git/objects/info/alternates .git/info/grafts 2> /dev/null || true; git fsck 2>&1 | grep missing || true";
    for place in Enclosed::each(BINARY).await {
        for (way, script) in REPLACED {
            let who = format!("{}, {way}", place.who());
            repository(&place);
            let before = made(&place, &format!("git pack-refs --all; {SEEN}"));
            let script = format!("{script}; git log --oneline; echo done");
            let called: Called =
                serving(&place.run(&["bash", "-c", &script])).output().unwrap().into();
            assert!(called.stdout.ends_with("done\n"), "{who}: {}", called.stderr);
            assert_eq!(made(&place, SEEN), before, "{who}: {}", called.stderr);
            // What the human replaced stays, whoever packs it.
            made(&place, "git replace HEAD~1 HEAD");
            let own = made(&place, SEEN);
            let packed: Called =
                serving(&place.run(&["git", "pack-refs", "--all"])).output().unwrap().into();
            assert_eq!(made(&place, SEEN), own, "{who}: {}", packed.stderr);
            made(&place, "git pack-refs --all");
            serving(&place.run(&["git", "pack-refs", "--all"])).output().unwrap();
            assert_eq!(made(&place, SEEN), own, "{who}");
        }
    }
}

/// The same where no file system can be served: then it is looked at when the run is over.
#[tokio::test(flavor = "multi_thread")]
async fn without_fuse_a_history_is_not_replaced_either() {
    const SEEN: &str = "git replace -l; git log --format='%H %P %T %s'; git rev-parse main side; cat .git/info/grafts 2> /dev/null || true";
    for place in Enclosed::each(BINARY).await {
        for (way, script) in REPLACED.iter().filter(|(way, _)| *way != "from elsewhere") {
            let who = format!("{}, {way}", place.who());
            repository(&place);
            let before = made(&place, &format!("git pack-refs --all; {SEEN}"));
            let script = format!("{script}; git branch new; git pack-refs --all; echo done");
            let called: Called =
                unserved(&place.run(&["bash", "-c", &script])).output().unwrap().into();
            assert!(called.stdout.ends_with("done\n"), "{who}: {}", called.stderr);
            assert!(
                called.stderr.contains("/dev/fuse is out of reach"),
                "{who}: {}",
                called.stderr
            );
            assert_eq!(made(&place, SEEN), before, "{who}: {}", called.stderr);
            // What else it packed is there, and what the human replaced stays.
            made(&place, "git rev-parse new; git replace HEAD~1 HEAD; git pack-refs --all");
            let own = made(&place, SEEN);
            let packed = ["git", "pack-refs", "--all"];
            let packed: Called = unserved(&place.run(&packed)).output().unwrap().into();
            assert_eq!(made(&place, SEEN), own, "{who}: {}", packed.stderr);
        }
    }
}

/// What git is not done with, and what comes while somebody is inside, is no more read than the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_git_is_not_done_with_is_not_seen() {
    const UNFINISHED: &str = "o=$(git hash-object -w fresh.env); f=.git/objects/${o:0:2}/${o:2}; cp $f .git/objects/${o:0:2}/tmp_obj_AbCdEf; cp $f .git/objects/tmp_obj_AbCdEf; \
        mkdir -p .git/objects/tmp_objdir-incoming-AbCdEf/${o:0:2}; cp $f .git/objects/tmp_objdir-incoming-AbCdEf/${o:0:2}/${o:2}; \
        echo $o | git pack-objects --stdout -q > .git/objects/pack/tmp_pack_AbCdEf; echo $o | git pack-objects -q .git/objects/pack/pack; rm -f .git/objects/pack/pack-*.idx $f";
    for place in Enclosed::each(BINARY).await {
        for meanwhile in [false, true] {
            let who = format!("{}, meanwhile: {meanwhile}", place.who());
            repository(&place);
            let fresh = format!(
                "for name in fresh.env moved.env; do echo RAILWAY_API_TOKEN={FRESH} > $name; done; mkdir some; cp fresh.env some/moved.env; {UNFINISHED}; rm fresh.env"
            );
            if !meanwhile {
                made(&place, &fresh);
            }
            let read = format!(
                "{WALK}touch ready; while [ ! -e go ]; do sleep 0.05; done; mkdir -p x/.git/objects .git/objects/y; \
                 mv moved.env x/.git/objects/z; mv some x/.git/objects/some; walk; mv x/.git/objects/z .git/objects/z; mv x/.git/objects/some .git/objects/some; \
                 mv .git/objects/pack/tmp_pack_AbCdEf out; mv .git/objects/tmp_objdir-incoming-AbCdEf out2; walk; ls -R .git/objects; git log -p"
            );
            let mut run = serving(&place.run(&["bash", "-c", &read]));
            let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            wait_for(&place, "work/ready");
            if meanwhile {
                made(&place, &fresh);
            }
            made(&place, "touch go");
            let called: Called = child.wait_with_output().unwrap().into();
            assert!(called.stdout.contains("LINE_3=a"), "{who}: {}", called.stderr);
            for secret in [RAILWAY, FRESH] {
                let at = called.stdout.find(secret);
                let around = at.map(|at| &called.stdout[at.saturating_sub(300)..at]);
                assert_eq!(around, None, "{who}: {}", called.stderr);
            }
            assert!(!called.stdout.contains("AbCdEf"), "{who}: {}", tail(&called.stdout));
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

/// Each brings commits of what is seen into the repository from beside.
const BROUGHT: &[(&str, &str)] = &[
    ("fetched", "git fetch -q one main:other"),
    (
        "fetched as a pack",
        "git -c fetch.unpackLimit=1 -c transfer.unpackLimit=1 fetch -q one main:other",
    ),
    ("pushed", "git -C one push -q origin main:other"),
    ("bundled", "git -C one bundle create -q ../b.bundle main; git fetch -q b.bundle main:other"),
    (
        "unbundled",
        "git -C one bundle create -q ../b.bundle main; git bundle unbundle b.bundle; git update-ref refs/heads/other $(git -C one rev-parse main)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_come_from_beside_are_real_or_do_not_come() {
    for place in Enclosed::each(BINARY).await {
        for (way, script) in BROUGHT {
            let who = format!("{}, {way}", place.who());
            repository(&place);
            let script = format!(
                "git clone -q . one; (cd one && sed -i s/LINE_7=.*/LINE_7=x/ app/.env && git commit -qam x && echo text >> plain && git commit -qam y); {script}; cat app/.env"
            );
            let called: Called =
                serving(&place.run(&["bash", "-c", &script])).output().unwrap().into();
            let phantom =
                called.stdout.lines().find_map(|line| line.strip_prefix("RAILWAY_API_TOKEN="));
            let phantom = phantom.unwrap().to_owned();
            assert_ne!(phantom, RAILWAY, "{who}");
            let all = made(
                &place,
                "rm -rf one; git rev-list --all --reflog | sed 's/$/:app\\/.env/' | git cat-file --batch",
            );
            assert!(!all.contains(&phantom), "{who}: {}", called.stderr);
            let commits = made(&place, "git rev-list --all --reflog | wc -l");
            assert_eq!(all.matches(RAILWAY).count().to_string(), commits.trim(), "{who}");
            let brought = made(&place, "git rev-list --all | wc -l").trim() != "2";
            let refused = way.contains("pack") || way.contains("bundled");
            assert_eq!(brought, !refused, "{who}: {}", called.stderr);
            made(&place, "git fsck --connectivity-only");
        }
    }
}
