//! Commands, and what is none.

use holdpoint_core::{Code, Effect};
use proptest::prelude::*;

use super::*;
use crate::world::{Host, World};

/// Old id, new id and reference, and the operations.
const COMMANDS: &[(&str, &str, &str, &[&str])] = &[
    (NULL, NEW, "refs/heads/fix", &["create_ref create ./refs/heads/fix"]),
    (OLD, NEW, "refs/heads/fix", &["force_ref destroy ./refs/heads/fix"]),
    (OLD, NULL, "refs/heads/fix", &["delete_ref remove ./refs/heads/fix"]),
    (NULL, NEW, "refs/heads/main", &["create_ref execute ./refs/heads/main"]),
    (OLD, NEW, "refs/heads/main", &["force_ref destroy ./refs/heads/main"]),
    (OLD, NULL, "refs/heads/main", &["delete_ref destroy ./refs/heads/main"]),
    (OLD, NEW, "refs/heads/MAIN", &["force_ref destroy ./refs/heads/MAIN"]),
    (OLD, NEW, "refs/heads/release/1.2", &["force_ref destroy ./refs/heads/release/1.2"]),
    (OLD, NEW, "refs/heads/gh-pages", &["force_ref destroy ./refs/heads/gh-pages"]),
    (OLD, NEW, "refs/heads/fix/main", &["force_ref destroy ./refs/heads/fix/main"]),
    (OLD, NEW, "refs/heads/maintenance", &["force_ref destroy ./refs/heads/maintenance"]),
    (NULL, NEW, "refs/tags/v1", &["create_ref execute ./refs/tags/v1"]),
    (OLD, NEW, "refs/tags/v1", &["force_ref execute ./refs/tags/v1"]),
    (OLD, NULL, "refs/tags/v1", &["delete_ref remove ./refs/tags/v1"]),
    (NULL, NEW, "refs/for/main", &["create_ref create ./refs/for/main"]),
    (NULL, NEW, "refs/for/main%topic=x", &["create_ref create ./refs/for/main"]),
    (
        NULL,
        NEW,
        "refs/for/main%topic=x,submit",
        &["create_ref create ./refs/for/main", "push_option execute ."],
    ),
    (OLD, NEW, "refs/meta/config", &["force_ref grant_access ./refs/meta/config"]),
    (OLD, NEW, "refs/replace/1", &["force_ref execute ./refs/replace/1"]),
];

#[test]
fn each_command_is_an_operation_on_its_reference() {
    for (old, new, reference, expect) in COMMANDS {
        let command = format!("{old} {new} {reference}{CAPABILITIES}");
        let pack: &[&str] = if *new == NULL { &[] } else { &["PACK"] };
        let body = pkt(&[&[command.as_str(), "0000"], pack].concat());
        let operations = read(body).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(shown(&operations), *expect, "{command}");
        let within = operations.first().map(|first| first.resource.within.clone()).unwrap();
        assert_eq!(within.first().unwrap().as_str(), "git:github.com/acme/shop", "{command}");
    }
}

#[test]
fn a_push_is_all_of_its_commands_and_options() {
    let check = |lines: &[&str], expect: &[&str]| {
        assert_eq!(shown(&read(pkt(lines)).unwrap()), expect, "{lines:?}");
    };
    let fix = format!("{NULL} {NEW} refs/heads/fix");
    let main = format!("{OLD} {NEW} refs/heads/main\n");
    let gone = format!("{OLD} {NULL} refs/heads/old");
    let first = format!("{fix}{CAPABILITIES}");
    let optional = format!("{fix}{CAPABILITIES} push-options\n");
    let shallow = format!("shallow {OLD}");
    let created = "create_ref create ./refs/heads/fix";
    let moved = "force_ref destroy ./refs/heads/main";
    let removed = "delete_ref remove ./refs/heads/old";
    // What a client sends before a large pack, to see whether it may push at all.
    check(&["0000"], &["receive_pack observe ."]);
    check(&[&first, &main, &gone, "0000", "PACK"], &[created, moved, removed]);
    check(&[&shallow, &first, "0000", "PACK"], &[created]);
    check(&[&optional, "0000", "ci.skip", "topic=x", "0000", "PACK"], &[created]);
    check(&[&optional, "0000", "0000", "PACK"], &[created]);
    let opens = "push_option grant_access .";
    check(&[&optional, "0000", "repo.private=false", "0000", "PACK"], &[created, opens]);
    let runs = "push_option execute .";
    check(&[&optional, "0000", "merge_request.auto_merge", "0000", "PACK"], &[created, runs]);
    check(&[&optional, "0000", "frobnicate", "0000", "PACK"], &[created, runs]);
    let wide = |id: &str| id.repeat(2).chars().take(64).collect::<String>();
    let sha256 = format!("{} {} refs/heads/fix\0object-format=sha256", wide(OLD), wide(NEW));
    check(&[&sha256, "0000", "PACK"], &["force_ref destroy ./refs/heads/fix"]);
}

#[test]
fn what_could_be_read_otherwise_is_refused() {
    let check = |lines: &[&str], expect: &str| {
        let error = read(pkt(lines)).expect_err(&format!("{lines:?}"));
        assert!(error.text.contains(expect), "{lines:?}: {error}");
    };
    let fix = format!("{NULL} {NEW} refs/heads/fix");
    let gone = format!("{OLD} {NULL} refs/heads/old");
    let late = format!("{fix}{CAPABILITIES}");
    let format = format!("{fix}\0object-format=sha256");
    let twice = format!("{fix}\0object-format=sha1 object-format=sha256");
    let options = format!("{fix}\0push-options");
    let short = format!("{} {NEW} refs/heads/fix", "1".repeat(39));
    check(&[&fix], "breaks off");
    check(&[], "breaks off");
    check(&[&options, "0000", "ci.skip"], "breaks off");
    check(&[&fix, "0000"], "something else");
    check(&[&fix, "0000", "not a pack"], "something else");
    check(&[&gone, "0000", "PACK"], "something else");
    check(&["0000", "PACK"], "something else");
    check(&["0000", &fix, "0000", "PACK"], "something else");
    check(&[&fix, &late, "0000", "PACK"], "no command");
    check(&[&format!("{fix}\0a\0b"), "0000", "PACK"], "no command");
    check(&[&format, "0000", "PACK"], "no command");
    check(&[&twice, "0000", "PACK"], "object formats");
    check(&[&short, "0000", "PACK"], "no command");
    check(&["push-cert\0 report-status", "0000"], "--no-signed");
    check(&["shallow main", "0000"], "no command");
    for name in ["HEAD", "refs/", "refs/heads/a b", "refs/heads/../x", "refs/heads/a.lock", "x"] {
        check(&[&format!("{OLD} {NEW} {name}"), "0000", "PACK"], "no command");
    }
    for bytes in ["0001", "0004", "+00a", "fff1", "zzzz"] {
        let error = read(bytes.as_bytes().to_vec()).expect_err(bytes);
        assert!(error.text.contains("wrong length"), "{bytes}: {error}");
    }
}

#[test]
fn the_commands_are_read_from_a_prefix_and_the_pack_streams() {
    let body = pkt(&[&format!("{NULL} {NEW} refs/heads/fix"), "0000", "PACK"]);
    let prefix = |length: usize| {
        let part = Bytes::copy_from_slice(body.get(..length).unwrap());
        interpret(&push(Body::Prefix(part)), &Fixture)
    };
    let commands = body.len() - 12;
    for length in commands..=body.len() {
        let operations = prefix(length).unwrap();
        assert_eq!(shown(&operations), ["create_ref create ./refs/heads/fix"], "{length}");
    }
    for length in 0..commands {
        assert_eq!(prefix(length).unwrap_err().code, Code::OverLimit, "{length}");
    }
}

#[test]
fn what_is_compressed_wrongly_is_refused() {
    let check = |service: &str, expect: Result<Effect, Code>| {
        let line = format!("POST https://git.example.com/a/b.git/{service}");
        let message = message(&line, &[("content-encoding", "gzip")], "\u{1f}x");
        for body in [message.body.clone(), Body::Prefix(message.body.bytes().clone())] {
            let read = interpret(&Message { body, ..message.clone() }, &Fixture);
            let found = read.map(|them| them.first().unwrap().effect).map_err(|error| error.code);
            assert_eq!(found, expect, "{service}");
        }
    };
    check("git-receive-pack", Err(Code::Unparsed));
    check("git-upload-pack", Err(Code::Unparsed));
}

/// Somebody knows what is protected.
struct Said;

impl World for Said {
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        Fixture.host(host, port)
    }

    fn persisted(&self, sha256: &str) -> Option<std::sync::Arc<str>> {
        Fixture.persisted(sha256)
    }

    fn protected(&self, host: &str, repository: &str, reference: &str) -> Option<bool> {
        assert_eq!((host, repository), ("github.com", "acme/shop"));
        match reference {
            "refs/heads/next" => Some(true),
            "refs/heads/main" => Some(false),
            _ => None,
        }
    }
}

#[test]
fn who_knows_what_is_protected_is_believed() {
    for (branch, expect) in [("next", "execute"), ("main", "create"), ("master", "execute")] {
        let body = pkt(&[&format!("{NULL} {NEW} refs/heads/{branch}"), "0000", "PACK"]);
        let read = interpret(&push(Body::Whole(body.into())), &Said).unwrap();
        assert_eq!(shown(&read), [format!("create_ref {expect} ./refs/heads/{branch}")]);
    }
}

#[test]
fn what_is_deleted_has_to_be_said() {
    let body = pkt(&[&format!("{NULL} {NULL} refs/heads/fix{CAPABILITIES}"), "0000"]);
    let refused = read(body).unwrap_err();
    assert!(refused.to_string().contains("without saying what it points to"), "{refused}");
}

#[test]
fn more_than_can_be_judged_is_refused() {
    let lines: Vec<String> =
        (0..1001).map(|n| format!("{NULL} {NEW} refs/heads/fix-{n}")).collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.extend(["0000", "PACK"]);
    assert_eq!(read(pkt(&lines)).unwrap_err().code, Code::OverLimit);
    lines.remove(0);
    assert_eq!(read(pkt(&lines)).unwrap().len(), 1000);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes: Vec<u8>, whole: bool) {
        let body = if whole { Body::Whole(bytes.into()) } else { Body::Prefix(bytes.into()) };
        let read = interpret(&push(body), &Fixture);
        prop_assert!(read.is_err() || !read.unwrap().is_empty());
    }

    /// Whatever else is in a push, a command on a protected branch shows.
    #[test]
    fn nothing_hides_a_command(others in prop::collection::vec("[a-z]{1,8}", 0..8), at: u8) {
        let mut lines: Vec<String> =
            others.iter().map(|name| format!("{NULL} {NEW} refs/heads/f-{name}")).collect();
        let at = usize::from(at) % (lines.len() + 1);
        lines.insert(at, format!("{NULL} {NEW} refs/heads/main"));
        lines[0] += CAPABILITIES;
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.extend(["0000", "PACK"]);
        let operations = read(pkt(&lines)).unwrap();
        prop_assert_eq!(operations.len(), others.len() + 1);
        prop_assert_eq!(operations[at].effect, Effect::Execute);
    }
}
