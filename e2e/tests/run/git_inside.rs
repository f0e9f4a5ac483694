//! Git inside: repositories by their SSH names, worktrees, submodules, siblings; no keys.

use std::process::Command;

use e2e::{
    enclosed::Enclosed,
    far_ends::lead,
    git_host::{GitHost, HOST},
    holdpoint::Called,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const REPOSITORY: &str = "acme/shop.git";
const PASSWORD: &str = "ghp_R3alR3alR3alR3alR3alR3alR3alR3alR3al";

/// A place, and a code host that wants a password; the phantom for it is kept if `kept`.
async fn places(kept: bool) -> Vec<(Enclosed, GitHost)> {
    let mut all = Vec::new();
    for place in Enclosed::each(BINARY).await {
        let host = GitHost::start_private(PASSWORD).await;
        host.add_repository(REPOSITORY);
        host.add_repository("acme/part.git");
        lead(&place, &[(&[HOST], host.addr(), host.ca_pem())]);
        if kept {
            let script = format!(
                "printf %s {PASSWORD} | \"$0\" secrets add code --host {HOST} --purpose 'git:*'"
            );
            let added = outside(&place, &["sh", "-c", &script, binary(&place).as_str()]);
            assert_eq!(added.status, 0, "{}", added.stderr);
        }
        all.push((place, host));
    }
    all
}

fn binary(place: &Enclosed) -> String {
    place.path("holdpoint").display().to_string()
}

fn outside(place: &Enclosed, words: &[&str]) -> Called {
    place.outside(words[0]).args(&words[1..]).output().unwrap().into()
}

/// Runs a script inside, in a directory below the workspace's, with further words for `run`.
fn inside(place: &Enclosed, directory: &str, words: &[&str], script: &str) -> Called {
    let mut run: Command = place.outside(binary(place));
    run.current_dir(place.path(directory)).arg("run").args(words);
    run.args(["--", "bash", "-ec", script]).output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_names_of_code_hosts_are_carried_by_https() {
    for (place, host) in places(true).await {
        // Many people have this the other way round.
        let own = "[user]\nname=a\nemail=a@b.test\n[url \"git@github.com:\"]\n\
                   insteadOf=https://github.com/\npushInsteadOf=https://github.com/\n";
        std::fs::write(place.path("home/.gitconfig"), own).unwrap();
        for (number, url) in [
            "git@github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "ssh://git@github.com:22/acme/shop.git",
            "https://github.com/acme/shop.git",
        ]
        .iter()
        .enumerate()
        {
            let called = place.script(&format!(
                "set -e; git clone -q {url} {number}; cd {number}; test \"$(git remote get-url origin)\" != ''; \
                 git checkout -q -b b{number}; git commit -q --allow-empty -m x; git push -q origin b{number}; \
                 git config remote.origin.url"
            ));
            assert_eq!((called.status, called.stdout.trim()), (0, *url), "{}", called.stderr);
            assert!(host.tip(REPOSITORY, &format!("refs/heads/b{number}")).is_some(), "{url}");
        }
        let asked = host.asked();
        assert!(!asked.is_empty() && asked.iter().all(|it| it.authorization.is_some()));
        let seen = place.script("env; cat /run/holdpoint/*; cat ~/.gitconfig");
        assert!(!seen.stdout.contains(PASSWORD) && seen.stdout.contains("pushInsteadOf"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_git_hears_what_to_do() {
    for (place, _host) in places(false).await {
        let called = place.script("git clone -q git@github.com:acme/shop.git");
        assert_ne!(called.status, 0);
        assert!(
            called.stderr.contains("holdpoint secrets add NAME --host github.com"),
            "{}",
            called.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ssh_hears_a_clear_word() {
    for (place, _host) in places(false).await {
        let mark = "holdpoint: SSH does not lead out of here";
        // A user without an entry has no SSH at all, inside and outside.
        let known = outside(&place, &["ssh", "-G", "example.test"]).status == 0;
        for script in ["ssh someone@example.test true", "git clone -q git@example.test:a/b.git"] {
            let called = place.script(script);
            assert_ne!(called.status, 0, "{script}");
            assert!(!known || called.stderr.contains(mark), "{script}: {}", called.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_go_unsigned_with_a_notice() {
    let notice = "commits go unsigned";
    for (place, _host) in places(false).await {
        let script = "set -e; git init -q r; cd r; git commit -q --allow-empty -m x; git tag -a -m v v1; \
                      git log -1 --format=%G?";
        let plain = place.script(script);
        assert_eq!((plain.status, plain.stdout.as_str()), (0, "N\n"), "{}", plain.stderr);
        assert!(!plain.stderr.contains(notice), "{}", plain.stderr);
        let own = "[user]\nname=a\nemail=a@b.test\nsigningKey=/nowhere\n[gpg]\nformat=ssh\n\
                   [commit]\ngpgSign=true\n[tag]\ngpgsign=true\n";
        std::fs::write(place.path("home/.gitconfig"), own).unwrap();
        let signed = place.script(&format!("rm -rf r; {script}"));
        assert_eq!((signed.status, signed.stdout.as_str()), (0, "N\n"), "{}", signed.stderr);
        assert!(signed.stderr.contains(notice), "{}", signed.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn worktrees_submodules_and_siblings_work() {
    for (place, host) in places(true).await {
        let made = place.script(
            "set -e; git clone -q git@github.com:acme/shop.git main; cd main; \
             git submodule --quiet add git@github.com:acme/part.git part; git commit -q -m part; \
             git worktree add -q ../tree; cd part; git checkout -q -b own; git commit -q --allow-empty -m x; \
             git push -q origin own",
        );
        assert_eq!(made.status, 0, "{}", made.stderr);
        assert!(host.tip("acme/part.git", "refs/heads/own").is_some());
        // In the worktree, and in the submodule, the rest of the repository lies beside.
        for (directory, branch) in [("work/tree", "linked"), ("work/main/part", "module")] {
            let script = format!(
                "git checkout -q -b {branch}; git commit -q --allow-empty -m x; git push -q origin {branch}; \
                 git status --short; touch ../escaped || true"
            );
            let called = inside(&place, directory, &[], &script);
            assert_eq!((called.status, called.stdout.as_str()), (0, ""), "{}", called.stderr);
            assert!(!place.path(directory).join("../escaped").exists(), "{directory}");
            let repository = if branch == "module" { "acme/part.git" } else { REPOSITORY };
            assert!(host.tip(repository, &format!("refs/heads/{branch}")).is_some(), "{directory}");
        }
        // A link that somebody wrote to get elsewhere leads nowhere.
        std::fs::create_dir(place.path("work/thief")).unwrap();
        let elsewhere = place.path("elsewhere");
        std::fs::write(place.path("work/thief/.git"), format!("gitdir: {}\n", elsewhere.display()))
            .unwrap();
        let look = format!("ls {}", elsewhere.display());
        assert_ne!(inside(&place, "work/thief", &[], &look).status, 0);
        // A sibling, to read or to change.
        let elsewhere = elsewhere.to_str().unwrap();
        let touch = format!("cat {elsewhere}/file; touch {elsewhere}/new");
        let only_read = inside(&place, "work", &["--also", &format!("{elsewhere}:ro")], &touch);
        assert_eq!(
            (only_read.status, only_read.stdout.as_str()),
            (1, "outside"),
            "{}",
            only_read.stderr
        );
        let changed = inside(&place, "work", &["--also", elsewhere], &touch);
        assert_eq!(changed.status, 0, "{}", changed.stderr);
        assert!(place.path("elsewhere/new").exists());
    }
}
