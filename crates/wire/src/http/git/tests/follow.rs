//! What answers teach, as git and code hosts write them.

use bytes::Bytes;

use super::{NEW, NULL, OLD, URL, pkt, push};
use crate::http::{
    Body, Message,
    git::{default_branch, lists_references, moved, moves},
    tests::message,
};

#[test]
fn a_push_moves_what_its_commands_say() {
    let lines = [
        &format!("{NULL} {NEW} refs/heads/fix\0report-status") as &str,
        &format!("{OLD} {NULL} refs/heads/gone"),
        "0000",
        "PACK",
    ];
    let moves = moves(&push(Body::Whole(pkt(&lines).into())));
    let shown: Vec<_> = moves
        .iter()
        .map(|it| (it.resource.as_str(), it.old.as_deref(), it.new.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("git:github.com/acme/shop/refs/heads/fix", None, Some(NEW)),
            ("git:github.com/acme/shop/refs/heads/gone", Some(OLD), None),
        ]
    );
    let other = message(&URL.replace("git-receive-pack", "git-upload-pack"), &[], "0000");
    assert_eq!(crate::http::git::moves(&other), []);
}

/// `lines` on the band of reports, between progress.
fn banded(lines: &[&str]) -> Vec<u8> {
    let report = String::from_utf8(pkt(lines)).unwrap();
    let (first, second) = report.split_at(report.len() / 2);
    pkt(&["\u{2}Resolving deltas", &format!("\u{1}{first}"), &format!("\u{1}{second}"), "0000"])
}

#[test]
fn only_what_a_server_says_it_moved_was_moved() {
    let check = |lines: &[&str], expect: &[&str]| {
        assert_eq!(moved(&pkt(lines)), expect, "{lines:?}");
        assert_eq!(moved(&banded(lines)), expect, "banded {lines:?}");
    };
    check(&["unpack ok\n", "ok refs/heads/a\n", "ng refs/heads/b no\n", "0000"], &["refs/heads/a"]);
    check(
        &["unpack ok", "ok refs/heads/a", "option refname x", "ok refs/heads/b", "0000"],
        &["refs/heads/a", "refs/heads/b"],
    );
    check(&["unpack index-pack failed\n", "ok refs/heads/a\n", "0000"], &[]);
    assert!(moved(b"").is_empty() && moved(b"<html>").is_empty());
}

#[test]
fn every_version_of_the_protocol_names_the_default_branch() {
    let check = |lines: &[&str], expect: Option<&str>| {
        assert_eq!(default_branch(&pkt(lines)).as_deref(), expect, "{lines:?}");
    };
    let head = format!("{NEW} HEAD\0multi_ack symref=HEAD:refs/heads/trunk/a agent=git/2.39");
    check(&["# service=git-upload-pack\n", "0000", &head, "0000"], Some("trunk/a"));
    check(&["version 1", &head], Some("trunk/a"));
    check(&[&format!("{NEW} HEAD symref-target:refs/heads/main peeled:{NEW}\n")], Some("main"));
    check(&["unborn HEAD symref-target:refs/heads/main\n"], Some("main"));
    check(&[&format!("{NEW} refs/heads/main\n"), "0000"], None);
    check(&[&format!("{NEW} HEAD\0symref=HEAD:refs/remotes/x")], None);
    assert_eq!(default_branch(b"\x1f\x8b"), None);
}

#[test]
fn a_list_of_references_is_told_by_what_was_asked() {
    let check = |line: &str, body: &str, expect: Option<&str>| {
        let message = message(line, &[], "");
        let message = Message { body: Body::Whole(Bytes::from(body.to_owned())), ..message };
        let found = lists_references(&message).map(|(host, path)| format!("{host}/{path}"));
        assert_eq!(found.as_deref(), expect, "{line}");
    };
    let at = |path: &str| format!("https://github.com/Acme/shop.git/{path}");
    let shop = Some("github.com/acme/shop");
    check(&format!("GET {}", at("info/refs?service=git-upload-pack")), "", shop);
    check(&format!("GET {}", at("info/refs?service=git-receive-pack")), "", None);
    check(&format!("POST {}", at("git-upload-pack")), "0014command=ls-refs\n", shop);
    check(&format!("POST {}", at("git-upload-pack")), "0012command=fetch", None);
    check("GET https://github.com/acme/shop", "", None);
}
