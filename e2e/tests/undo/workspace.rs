//! `holdpoint undo`: whatever an agent did to its workspace comes back, bit for bit.

use std::{fs, path::Path};

use e2e::{
    enclosed::Enclosed,
    holdpoint::Called,
    tree::{Leaf, assert_same, tree},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// A repository with history, a stash, uncommitted and ignored work, and odd names and kinds.
const PROJECT: &str = r#"
    set -e
    git init -q -b main .
    git config user.name a; git config user.email a@b.test
    mkdir -p src/deep/er docs empty
    echo 'fn main() {}' > src/main.rs
    printf 'one\ntwo\n' > src/deep/er/lines.txt
    echo docs > docs/readme.md
    printf '.env\nbuilt/\nnode_modules/\n' > .gitignore
    git add -A; git commit -q -m first
    echo changed >> docs/readme.md; git stash -q
    echo 'fn main() { work() }' > src/main.rs
    echo staged > src/staged.rs; git add src/staged.rs
    echo untracked > notes.txt
    echo 'KEY=value' > .env
    mkdir -p built; echo artefact > built/artefact
    mkdir -p node_modules/left-pad; echo x > node_modules/left-pad/index.js
    : > zero
    ln -s src/main.rs link; ln -s nowhere dangling
    ln src/deep/er/lines.txt hard; ln src/deep/er/lines.txt docs/harder
    printf 'x' > $'odd \xff\xfe name\n"quoted" \\ \t'
    truncate -s 8M sparse; printf end >> sparse
    printf '#!/bin/sh\n' > tool; chmod 4755 tool; chmod 600 .env; chmod 555 empty
    python3 -c 'import os; os.setxattr("notes.txt", "user.colour", b"green\0\1")' || true
    mkfifo pipe
    touch -d '2001-02-03 04:05:06.123456789' docs src/main.rs
    touch -h -d '1999-01-01' link
"#;

/// What is no part of a snapshot.
fn left_alone(path: &Path) -> bool {
    path.ends_with("node_modules") || path.ends_with("pipe")
}

struct Project {
    place: Enclosed,
    before: std::collections::BTreeMap<std::path::PathBuf, Leaf>,
}

impl Project {
    fn new(place: Enclosed) -> Self {
        let made = place.outside("bash").args(["-c", PROJECT]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let before = tree(&place.path("work"), &left_alone);
        Self { place, before }
    }

    fn now(&self) -> std::collections::BTreeMap<std::path::PathBuf, Leaf> {
        tree(&self.place.path("work"), &left_alone)
    }

    /// Lets an agent do this, and says which run it was.
    fn agent(&self, script: &str) -> (String, Called) {
        let ran = self.place.script(script);
        let run = ran.stderr.split("run r-").nth(1).unwrap_or_else(|| panic!("{}", ran.stderr));
        let run = format!("r-{}", run.split([' ', ';', '\n']).next().unwrap());
        (run, ran)
    }
}

/// What an agent may do to its workspace.
const DESTRUCTION: &[&str] = &[
    "rm -rf src .git",
    "git reset -q --hard && git clean -qfdx",
    "python3 -c 'import shutil; [shutil.rmtree(d) for d in (\"src\", \".git\", \"docs\")]'",
    "bash -c 'bash -c \"find . -mindepth 1 -delete\"' 2>/dev/null",
    "for file in src/main.rs hard notes.txt .env; do : > $file; done",
    "git stash drop -q",
    "chmod -R 000 .",
    "git checkout -q -f -b other && git commit -q -am gone && git branch -q -D main && git reflog expire --expire=now --all && git gc -q --prune=now",
    "mv src moved; mv moved/main.rs src; rm -rf docs; echo new > docs; ln -sf /etc/passwd link; rm hard; cp notes.txt hard",
    "rm docs/harder && cp hard docs/harder; ln -f notes.txt zero; chmod 777 .env; touch notes.txt; truncate -s 64M sparse",
    "mkdir -p new/tree; echo x > new/tree/file; chmod 000 new/tree; setfattr -x user.colour notes.txt; python3 -c 'import os; os.setxattr(\"notes.txt\", \"user.other\", b\"1\")'",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_agent_destroys_comes_back() {
    for place in Enclosed::each(BINARY).await {
        let project = Project::new(place);
        let who = project.place.who();
        for script in DESTRUCTION {
            let (run, ran) = project.agent(script);
            let said = &ran.stderr;
            assert!(said.contains("undo point") && said.contains(&format!("undo {run}")), "{said}");
            let undone = project.place.call(&["undo", &run, "--yes", "--json"]);
            assert_eq!(undone.status, 0, "{who} {script}\n{}{}", undone.stdout, undone.stderr);
            assert_same(&format!("{who} {script}"), &project.before, &project.now());
        }
        let verified = project.place.call(&["snapshots", "verify"]);
        assert_eq!(verified.status, 0, "{}{}", verified.stdout, verified.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_can_be_undone_and_is_on_record() {
    for place in Enclosed::each(BINARY).await {
        let project = Project::new(place);
        let (run, _) = project.agent("rm -rf src; echo agent > notes.txt; echo more > added");
        let after = project.now();
        let shown = project.place.call(&["undo", &run]);
        assert_eq!(shown.status, 1, "nobody said yes: {}", shown.stderr);
        for line in ["+ src/main.rs", "~ notes.txt", "- added"] {
            assert!(shown.stdout.contains(line), "{line}\n{}", shown.stdout);
        }
        assert_same("nothing is touched before", &after, &project.now());
        let undone = project.place.call(&["undo", "--last", "--yes", "--json"]).json();
        assert_same("undone", &project.before, &project.now());
        let saved = undone["saved"].as_str().unwrap();
        let again = project.place.call(&["undo", saved, "--yes", "--json"]);
        assert_eq!(again.status, 0, "{}{}", again.stdout, again.stderr);
        assert_same("undone again", &after, &project.now());
        // With the gateway that the run started, and without one.
        project.place.end_gateway();
        assert_eq!(project.place.call(&["undo", &run, "--yes"]).status, 0);
        assert_same("and once more", &project.before, &project.now());
        let records = project.place.call(&["ledger", "show", "--last", "50", "--json"]).stdout;
        assert_eq!(
            records.matches(&format!("undo of {}", project.place.path("work").display())).count(),
            3
        );
        assert_eq!(project.place.call(&["ledger", "verify"]).status, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_path_comes_back_and_the_rest_stays() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let project = Project::new(place);
    let (run, _) = project.agent("rm -rf src; echo agent > notes.txt");
    assert_eq!(project.place.call(&["undo", &run, "--path", "src", "--yes"]).status, 0);
    let now = project.now();
    let same = |path: &str| now.get(Path::new(path)) == project.before.get(Path::new(path));
    assert!(same("src/main.rs") && same("src/deep/er/lines.txt") && same("src"));
    assert_eq!(fs::read_to_string(project.place.path("work/notes.txt")).unwrap(), "agent\n");
    let nowhere = project.place.call(&["undo", &run, "--path", "/etc", "--yes"]);
    assert_eq!(nowhere.status, 2, "{}", nowhere.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_work_is_named_before_it_is_taken_away() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let project = Project::new(place);
    let (run, _) = project.agent("rm -rf docs");
    std::thread::sleep(std::time::Duration::from_millis(30));
    fs::write(project.place.path("work/mine.txt"), "a human's").unwrap();
    let shown = project.place.call(&["undo", &run, "--json"]).json();
    let newer = |path: &str| {
        let changes = shown["changes"].as_array().unwrap();
        let found = changes.iter().find(|it| it["path"].as_str().unwrap().ends_with(path));
        found.unwrap_or_else(|| panic!("{path}: {shown}"))["newer"].as_bool().unwrap()
    };
    assert!(newer("mine.txt"));
    assert_eq!(shown["undone"], false);
    assert!(project.place.path("work/mine.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_restic_restores_it() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let project = Project::new(place);
    let (run, _) = project.agent("rm -rf src .git");
    let listed = project.place.call(&["snapshots", "--json"]).json();
    let row = listed.as_array().unwrap().iter().find(|it| it["run"] == run.as_str()).unwrap();
    let key = project.place.call(&["snapshots", "key", "--json"]).json();
    let target = project.place.path("elsewhere/restored");
    let restic = |arguments: &[&str]| {
        let output = project
            .place
            .outside("restic")
            .args(["--no-lock", "--no-cache", "-r", key["repository"].as_str().unwrap()])
            .args(arguments)
            .env("RESTIC_PASSWORD", key["password"].as_str().unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    restic(&["check", "--read-data"]);
    restic(&["restore", row["stored"].as_str().unwrap(), "--target", target.to_str().unwrap()]);
    let work = project.place.path("work");
    let restored = tree(&target.join(work.strip_prefix("/").unwrap()), &left_alone);
    assert_same("restored by restic", &project.before, &restored);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_is_said_and_nothing_starts_without_a_word() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let project = Project::new(place);
    let said = project.place.script("true").stderr;
    assert!(!said.contains("NOT saved"), "{said}");
    let omitted = project.place.call(&["snapshots", "--json"]).json()[0]["omitted"].to_string();
    assert!(omitted.contains("node_modules") && omitted.contains("pipe"), "{omitted}");
    let configuration = project.place.path("state/holdpoint.toml");
    let text = fs::read_to_string(&configuration).unwrap();
    let with = |settings: &str| {
        fs::write(&configuration, format!("{text}[snapshots]\n{settings}\n")).unwrap();
        project.place.script("echo began")
    };
    let large = with("file_bytes = 1048576");
    assert!(large.stderr.contains("NOT saved: sparse"), "{}", large.stderr);
    assert!(large.stdout.contains("began"));
    let ignored = with("ignored_bytes = 3");
    assert!(
        ignored.stderr.contains("NOT saved:") && ignored.stderr.contains(".env"),
        "{}",
        ignored.stderr
    );
    let many = with("files = 100\nbytes = 1048576");
    assert_eq!(many.status, 3, "{}", many.stderr);
    assert!(many.stderr.contains("nothing was started") && !many.stdout.contains("began"));
    let anyway = project
        .place
        .outside(project.place.path("holdpoint"))
        .args(["run", "--no-snapshot", "--", "echo", "began"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&anyway.stderr).into_owned();
    assert!(anyway.status.success() && said.contains("undo point   none"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_out_of_reach_and_what_the_writer_can_do_is_said() {
    let place = Enclosed::each(BINARY).await.remove(0);
    let project = Project::new(place);
    let snapshots = project.place.path("state/snapshots");
    let (_, inside) = project.agent(&format!("ls {} && echo seen", snapshots.display()));
    assert!(!inside.stdout.contains("seen"));
    let undo = project.place.script("/run/holdpoint/holdpoint undo --last --yes");
    assert_eq!(undo.status, 2, "{}", undo.stderr);
    let checked = project.place.call(&["snapshots", "check", "--json"]);
    assert_eq!(checked.status, 1, "the same user, the same disk");
    let found = |what: &str| {
        let all = checked.json();
        let found = all.as_array().unwrap().iter().find(|it| it["what"] == what).cloned();
        found.unwrap()["ok"].as_bool().unwrap()
    };
    assert!(found("add") && found("read") && found("place"));
    assert!(!found("remove") && !found("disk"));
}
