//! A real repository, held against what git itself says of it.

use std::{fs, path::Path, process::Command};

use super::*;

/// Nothing was said by anybody.
struct Nobody;

impl Known for Nobody {
    fn host(&self, _host: &str) -> Option<Host> {
        None
    }

    fn inventory(&self, _resource: &ResourceId) -> Option<Environment> {
        None
    }

    fn protected(&self, _branch: &str) -> Option<bool> {
        None
    }
}

fn git(at: &Path, arguments: &[&str]) -> bool {
    let mut git = Command::new("git");
    git.current_dir(at).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
    git.output().unwrap().status.success()
}

fn write(at: &Path, name: &str, text: &str) {
    let path = at.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const IGNORED: &str = "# a comment\n*.log\n!keep.log\n/only-here\nbuilt/\ndocs/**/*.tmp\n**/cache\n\
                       a/**/z\nfoo[0-9].txt\n!/foo7.txt\n\\!odd\nspaced\\ \nsub/dir/\n";

#[test]
fn what_git_ignores_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    assert!(git(&root, &["init", "-q"]));
    write(&root, ".gitignore", IGNORED);
    write(&root, "nested/.gitignore", "!inner.log\nown\n/top\n");
    let names = [
        "x.log",
        "keep.log",
        "nested/x.log",
        "nested/inner.log",
        "only-here",
        "nested/only-here",
        "built/a",
        "nested/built/b/c",
        "docs/a.tmp",
        "docs/a/b/c.tmp",
        "x/cache/y",
        "a/z",
        "a/b/c/z",
        "foo1.txt",
        "foo7.txt",
        "foox.txt",
        "!odd",
        "spaced ",
        "sub/dir/f",
        "x/sub/dir/f",
        "nested/own",
        "nested/a/own",
        "nested/top",
        "nested/a/top",
        "plain.txt",
        "built.txt",
    ];
    for name in names {
        write(&root, name, "");
    }
    let episode = Episode::default();
    let machine = ThisMachine::new("/home/dev", root.to_str(), false, &Nobody, &episode);
    for name in names {
        let path = root.join(name).display().to_string();
        assert_eq!(machine.ignored(&path), git(&root, &["check-ignore", "-q", name]), "{name}");
    }
}

#[test]
fn what_git_has_comes_back_and_nothing_else_does() {
    for version in ["2", "3", "4"] {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        assert!(git(&root, &["init", "-q"]));
        assert!(git(&root, &["config", "index.version", version]));
        for name in ["src/a.rs", "src/b.rs", "src/deep/c.rs", "tracked.log"] {
            write(&root, name, "text");
        }
        write(&root, ".gitignore", "*.log\nout/\n");
        assert!(git(&root, &["add", "-f", "."]) && git(&root, &["commit", "-qm", "first"]));
        write(&root, "src/b.rs", "changed since");
        write(&root, "new.rs", "nowhere else");
        write(&root, "out/made", "");
        let mut episode = Episode::default();
        let path = |name: &str| root.join(name).display().to_string();
        episode.made.insert(path("mine.rs"));
        write(&root, "mine.rs", "by this session");
        let machine = ThisMachine::new("/home/dev", root.to_str(), false, &Nobody, &episode);
        let gives_back = |name: &str, operation: &str, ground: Ground| {
            let id = ResourceId::new(format!("file:{}", path(name)));
            let effect = holdpoint_core::Effect::Destroy;
            let operation = Operation::known(operation, effect, id, Reversibility::None);
            let step = Step::new(operation, holdpoint_wire::shell::At::Here);
            machine.gives_back(&Step { ground, ..step })
        };
        for (name, operation, expect) in [
            ("src/a.rs", "file:delete", true),
            ("src/b.rs", "file:delete", false),
            ("new.rs", "file:delete", false),
            ("mine.rs", "file:delete", true),
            ("src/deep", "file:delete", true),
            ("src", "file:delete", false),
            ("src/deep/*", "file:delete", true),
            ("src/*.rs", "file:delete", false),
            ("not-there", "file:delete", true),
            ("src/deep#uncommitted", "git:restore", true),
            ("src#uncommitted", "git:reset_hard", false),
            ("src/deep#uncommitted", "git:clean", false),
        ] {
            assert_eq!(gives_back(name, operation, Ground::Workspace), expect, "v{version} {name}");
            assert!(!gives_back(name, operation, Ground::Root), "only of the workspace: {name}");
        }
        for (name, work) in [
            ("src", true),
            ("out", false),
            ("out/made", false),
            ("new.rs", true),
            ("tracked.log", true),
            ("not-there", false),
        ] {
            assert_eq!(machine.has_work(&path(name)), work, "v{version} {name}");
        }
        assert!(!machine.ignored(&path("tracked.log")), "it is under version control");
    }
}

#[test]
fn links_lead_where_they_lead() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir_all(root.join("w/in")).unwrap();
    fs::create_dir_all(root.join("outside")).unwrap();
    std::os::unix::fs::symlink(root.join("outside"), root.join("w/in/link")).unwrap();
    let episode = Episode::default();
    let workspace = root.join("w").display().to_string();
    let machine = ThisMachine::new("/home/dev", Some(&workspace), false, &Nobody, &episode);
    let at = |name: &str| root.join(name).display().to_string();
    assert_eq!(machine.resolved(&at("w/in/link/new/file")), at("outside/new/file"));
    assert_eq!(machine.resolved(&at("w/in/none")), at("w/in/none"));
    assert_eq!(machine.files_below(&at("w")), [at("w/in/link")], "not what it leads to");
}

#[test]
fn a_file_that_is_no_text_is_there_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("binary"), [0xff, 0xfe, 0]).unwrap();
    fs::write(at("long"), "x".repeat(300_000)).unwrap();
    fs::write(at("text"), "text").unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let episode = Episode::default();
    let machine = ThisMachine::new("/home/dev", None, false, &Nobody, &episode);
    let unknown = UNKNOWN.to_string();
    for (name, text) in
        [("binary", &*unknown), ("long", &unknown), ("pipe", &unknown), ("text", "text")]
    {
        assert_eq!(machine.text(&at(name)).as_deref(), Some(text), "{name}");
    }
    assert_eq!(machine.text(&at("none")), None);
}

#[test]
fn what_a_listing_leaves_out_is_said_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display().to_string();
    let episode = Episode::default();
    let listed = || {
        let machine = ThisMachine::new("/home/dev", None, false, &Nobody, &episode);
        machine.files_below(&at)
    };
    let unlisted = format!("{at}/{UNKNOWN}");
    for number in 0..LISTED_MAX {
        fs::write(dir.path().join(number.to_string()), "").unwrap();
    }
    assert_eq!(listed().len(), LISTED_MAX);
    assert!(!listed().contains(&unlisted));
    fs::write(dir.path().join("one more"), "").unwrap();
    assert!(listed().contains(&unlisted));
    // Nothing is there, or there is no telling what.
    let machine = ThisMachine::new("/home/dev", None, false, &Nobody, &episode);
    assert!(machine.files_below(&format!("{at}/none")).is_empty());
    assert!(machine.files_below(&format!("{at}/1")).is_empty());
    let long = format!("{at}/{}", "x".repeat(300));
    assert_eq!(machine.files_below(&long), [format!("{long}/{UNKNOWN}")]);
}
