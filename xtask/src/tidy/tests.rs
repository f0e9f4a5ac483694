//! Each rule against a small tree that breaks it, and a tree that breaks none.

use std::fs;

use tempfile::TempDir;

use super::check;

const GLOSSARY: &str = "# Words\n\n```not-names\nManager: say what it does\nPending Request: say Hold\n\
     Permit (except crates/core/src/policy): say Authorized\n```\n";

/// A tree in which everything is in order.
fn good() -> Vec<(&'static str, String)> {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}\n");
    vec![
        ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n".to_owned()),
        ("docs/glossary.md", GLOSSARY.to_owned()),
        ("crates/core/Cargo.toml", manifest("holdpoint-core", "")),
        (
            "crates/core/src/lib.rs",
            "//! The core.\n\nmod time;\n#[cfg(test)]\nmod tests;\npub use time::Timestamp;\n"
                .to_owned(),
        ),
        ("crates/core/src/time.rs", "//! Time.\n\npub struct Timestamp(pub u64);\n".to_owned()),
        (
            "crates/core/src/tests.rs",
            "//! Tests.\n\nfn now() { std::time::Instant::now(); std::fs::read(\"a\"); }\n"
                .to_owned(),
        ),
        (
            "crates/store/Cargo.toml",
            manifest(
                "holdpoint-store",
                "[dependencies]\nholdpoint-core.workspace = true\nrand = \"1\"",
            ),
        ),
        (
            "crates/store/src/lib.rs",
            "//! The store.\n\nuse std::fs::File;\nmod ledger;\nfn go(_: File) {}\n".to_owned(),
        ),
        (
            "crates/store/src/ledger/mod.rs",
            "//! The ledger.\n\nfn on_disk() { holdpoint_core::Durable::at(1); }\n".to_owned(),
        ),
        ("crates/wire/Cargo.toml", manifest("holdpoint-wire", "")),
        (
            "crates/wire/src/lib.rs",
            "//! Wire.\n\nuse std::net::IpAddr;\npub fn ip(_: IpAddr) {}\n\
             #[cfg(test)]\nmod tests { use std::env; }\n"
                .to_owned(),
        ),
    ]
}

/// What tidy says about the good tree once these files say these texts.
fn with(changed: &[(&str, &str)]) -> Vec<String> {
    let root = TempDir::new().expect("a temporary folder");
    let good = good();
    let kept = good.iter().map(|(path, text)| (*path, text.as_str()));
    for (path, text) in kept.chain(changed.iter().copied()) {
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let findings = check(root.path()).expect("a readable tree");
    findings.iter().map(ToString::to_string).collect()
}

/// The file at `path`, saying `text`, is found wanting in one place, in these words.
#[track_caller]
fn wanting(path: &str, text: &str, place: &str, words: &str) {
    let findings = with(&[(path, text)]);
    let [finding] = findings.as_slice() else {
        panic!("expected one finding at {place}, got {findings:#?}");
    };
    assert!(finding.starts_with(&format!("{path}:{place}: ")), "{finding}");
    assert!(finding.contains(words), "{finding}");
}

/// The file at `path`, saying `text`, is in order.
#[track_caller]
fn in_order(path: &str, text: &str) {
    assert_eq!(with(&[(path, text)]), Vec::<String>::new());
}

#[test]
fn a_good_tree_is_in_order() {
    in_order("README.md", "Holdpoint.\n");
}

#[test]
fn this_tree_is_in_order() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let findings = check(&root).expect("a readable tree");
    let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
}

#[test]
fn a_folder_without_a_workspace_cannot_be_checked() {
    let root = TempDir::new().expect("a temporary folder");
    assert!(check(root.path()).is_err());
}

#[test]
fn what_cannot_be_parsed_is_found() {
    wanting("crates/core/src/time.rs", "//! Time.\nfn (", "2", "cannot be parsed");
    wanting("crates/wire/Cargo.toml", "[package\n", "1", "cannot be parsed");
}

#[test]
fn arrows() {
    let core = |rest: &str| format!("[package]\nname = \"holdpoint-core\"\n\n{rest}\n");
    let path = "crates/core/Cargo.toml";
    let broken = "`core` must not see `store`";
    wanting(path, &core("[dependencies]\nholdpoint-store.workspace = true"), "5", broken);
    wanting(path, &core("[build-dependencies]\nholdpoint-store = { path = \"\" }"), "5", broken);
    wanting(path, &core("[dependencies]\nd = { package = \"holdpoint-store\" }"), "5", broken);
    wanting(
        path,
        &core("[target.'cfg(unix)'.dependencies.holdpoint-store]\npath = \"\""),
        "4",
        broken,
    );
    in_order(path, &core("[dev-dependencies]\nholdpoint-store.workspace = true"));
    in_order(path, &core("[dependencies]\nserde = \"1\""));
    let stranger = "[package]\nname = \"holdpoint-attic\"\n";
    wanting("crates/attic/Cargo.toml", stranger, "1", "has no row in the table");
    let above = "[package]\nname = \"holdpoint\"\n[dev-dependencies]\nholdpoint-store = \"1\"\n";
    in_order("crates/holdpoint/Cargo.toml", above);
}

#[test]
fn nobody_sees_the_tops_but_the_end_to_end_tests() {
    let top = ("crates/holdpoint/Cargo.toml", "[package]\nname = \"holdpoint\"\n");
    let seer =
        |name| format!("[package]\nname = \"{name}\"\n[dev-dependencies]\nholdpoint = \"1\"\n");
    let e2e = seer("e2e");
    assert_eq!(with(&[top, ("e2e/Cargo.toml", &e2e)]), Vec::<String>::new());
    for (path, name) in
        [("xtask/Cargo.toml", "xtask"), ("crates/store/Cargo.toml", "holdpoint-store")]
    {
        let findings = with(&[top, (path, &seer(name))]);
        assert!(findings.concat().starts_with(&format!("{path}:4: arrows: ")), "{findings:?}");
    }
}

#[test]
fn gateway_and_console_never_meet() {
    let console = ("crates/console/Cargo.toml", "[package]\nname = \"holdpoint-console\"\n");
    let gateway =
        "[package]\nname = \"holdpoint-gateway\"\n[dev-dependencies]\nholdpoint-console = \"1\"\n";
    let findings = with(&[console, ("crates/gateway/Cargo.toml", gateway)]);
    assert!(findings.concat().contains("`gateway` must not see `console`"), "{findings:?}");
}

#[test]
fn a_renamed_dependency_is_the_package() {
    let workspace = "[workspace.dependencies]\nplain = { package = \"tokio\", version = \"1\" }\n";
    for plain in ["plain.workspace = true", "plain = { package = \"tokio\", version = \"1\" }"] {
        let wire = format!("[package]\nname = \"holdpoint-wire\"\n[dependencies]\n{plain}\n");
        let findings = with(&[("Cargo.toml", workspace), ("crates/wire/Cargo.toml", &wire)]);
        assert!(findings.concat().contains("`tokio` opens a socket"), "{findings:?}");
    }
}

#[test]
fn purity_of_what_is_named() {
    let cases = [
        ("use std::time::Instant;", "reads a clock"),
        ("use std::time::{Duration, SystemTime as Clock};", "reads a clock"),
        ("fn f() { core::time::Instant::now(); }", "reads a clock"),
        ("use std::time::*;", "`std::time::*` reads a clock"),
        ("fn f(_: std::net::TcpStream) {}", "opens a socket"),
        ("fn f() { let x = vec![std::env::var(\"A\")]; }", "surroundings"),
        ("fn f() { println!(\"x\"); }", "prints"),
        ("fn f() { g!(println!(\"x\")); }", "prints"),
        ("fn f() { <std::fs::File>::open(\"x\"); }", "touches a file"),
        ("fn f(p: &std::path::Path) -> bool { p.exists() }", "touches a file"),
        ("type Random = std::hash::RandomState;", "random number"),
        ("#[cfg(not(test))] use std::fs;", "touches a file"),
    ];
    for (code, words) in cases {
        let text = format!("//! Time.\n{code}\npub struct Timestamp;\n");
        let findings = with(&[("crates/core/src/time.rs", &text)]);
        assert!(!findings.is_empty(), "`{code}` was let through");
        for finding in findings {
            assert!(finding.starts_with("crates/core/src/time.rs:2: purity: "), "{finding}");
            assert!(finding.contains(words), "{finding}");
        }
    }
}

#[test]
fn an_alias_hides_nothing() {
    let code = "//! Time.\nuse std as s;\nuse s::time;\nfn f() {\n    time::Instant::now();\n}\n";
    wanting("crates/core/src/time.rs", code, "5", "`std::time::Instant::now` reads a clock");
}

#[test]
fn purity_lets_values_and_tests_through() {
    for code in [
        "use std::{collections::HashMap, net::{IpAddr, Ipv6Addr}, time::Duration};",
        "mod process { pub fn run() {} }\nfn f() { process::run(); }",
        "#[cfg(test)]\nfn f() { std::env::var(\"A\"); }",
        "struct S;\nimpl S {\n    #[cfg(test)]\n    fn f() { std::fs::read(\"a\"); }\n}",
        "fn f(set: &Set) -> bool { set.exists() }",
    ] {
        in_order("crates/core/src/time.rs", &format!("//! Time.\n{code}\n"));
    }
}

#[test]
fn purity_of_dependencies() {
    let wire = |rest: &str| format!("[package]\nname = \"holdpoint-wire\"\n{rest}\n");
    let path = "crates/wire/Cargo.toml";
    wanting(path, &wire("[dependencies]\ntokio.workspace = true"), "4", "`tokio` opens a socket");
    wanting(path, &wire("[dependencies]\ngetrandom = \"0.3\""), "4", "random number");
    in_order(path, &wire("[dev-dependencies]\ntempfile = \"3\""));
}

#[test]
fn size() {
    let file = |lines: usize| format!("//! Long.\n{}", "// a\n".repeat(lines - 1));
    in_order("crates/store/src/long.rs", &file(500));
    wanting("crates/store/src/long.rs", &file(600), "600", "600 lines, of 500");
    let function = |lines: usize| {
        format!("//! Long.\n\n/// Doc.\nfn long() {{\n{}}}\n", "    f();\n".repeat(lines - 2))
    };
    in_order("crates/store/src/long.rs", &function(70));
    wanting("crates/store/src/long.rs", &function(80), "4", "`long` has 80 lines, of 70");
    let method = function(71).replace("//! Long.", "//! Long.\nimpl S {") + "}";
    wanting("crates/store/src/long.rs", &method, "5", "`long` has 71 lines");
}

#[test]
fn docs() {
    let path = "crates/store/tests/disk.rs";
    wanting(path, "fn f() {}\n", "1", "begin with a `//!` line");
    wanting(path, "//!\nfn f() {}\n", "1", "begin with a `//!` line");
    in_order(path, "//! The disk.\nfn f() {}\n");
}

#[test]
fn pages_point_to_what_is_there() {
    let path = "docs/a.md";
    in_order(path, "[words](glossary.md#top), [up](../Cargo.toml), [core](../crates/core)\n");
    in_order(path, "[out](https://example.com/x), [here](#a)\n");
    wanting(path, "a\n[gone](gone.md)\n", "2", "`gone.md` is not there");
    in_order(path, "It holds. (test: now, ?later)\n");
    wanting(path, "It holds.\n(test: now,\nnever)\n", "2", "there is no test `never`");
}

#[test]
fn glossary() {
    let path = "crates/store/src/a.rs";
    for name in [
        "struct HoldManager;",
        "enum Managers {}",
        "mod manager {}",
        "fn pending_request() {}",
        "struct S; impl S { fn manager(&self) {} }",
        "trait T { fn manager(&self); }",
        "struct Permit;",
    ] {
        wanting(path, &format!("//! A.\n{name}\n"), "2", "say ");
    }
    for name in ["fn manage() {}", "struct Pending;", "impl T for S { fn manager(&self) {} }"] {
        in_order(path, &format!("//! A.\n{name}\n"));
    }
    in_order("crates/core/src/policy/cedar.rs", "//! Cedar.\nstruct Permit;\n");
    wanting("docs/glossary.md", "# Words\n", "1", "has no list of words");
}

#[test]
fn mints() {
    let path = "crates/store/src/a.rs";
    for (code, words) in [
        ("fn f() { holdpoint_core::authorized::Durable::at(1); }", "`Durable::at` makes a proof"),
        ("use x::Durable as D;\nfn f() { D::at(1); }", "`Durable::at` makes a proof"),
        ("type D = x::Durable;\nfn f() { D::at(1); }", "`Durable::at` makes a proof"),
        ("fn f() { g(Appended::at); }", "`Appended::at` makes a proof"),
        ("fn f() { assert!(Receipt::issue(1)); }", "`Receipt::issue` makes a proof"),
    ] {
        let findings = with(&[(path, &format!("//! A.\n{code}\n"))]);
        assert!(findings.iter().any(|finding| finding.contains(words)), "{code}: {findings:?}");
    }
    let receipt = "//! Fulfil.\nfn f() { Receipt::issue(1); }\n";
    in_order("crates/gateway/src/fulfil.rs", receipt);
    in_order("crates/gateway/src/fulfil/approval.rs", receipt);
    in_order("crates/enforce/tests/walk.rs", receipt);
    wanting("crates/store/src/ledger/mod.rs", receipt, "2", "only a fulfiller");
}

#[test]
fn leftovers() {
    let path = "crates/store/src/a.rs";
    for mark in [concat!("FIX", "ME"), concat!("TO", "DO")] {
        wanting(path, &format!("//! A.\n// {mark} later\n"), "2", mark);
    }
    wanting(path, "//! A.\nfn f() {\n    todo!()\n}\n", "3", "`todo!`");
    wanting(path, "//! A.\n#[test]\n#[ignore]\nfn f() {}\n", "3", "`#[ignore]`");
    for root in ["work/main", "home/me/app"] {
        wanting("docs/a.md", &format!("See `/{root}`.\n"), "1", "a path of one machine");
        wanting(
            path,
            &format!("//! A.\nconst A: &str = \"/{root}\";\n"),
            "2",
            "a path of one machine",
        );
        in_order("docs/a.md", &format!("https://example.com/{root}\n"));
    }
    in_order("docs/a.md", "`/home/dev/app`, `~/work/x`, `./work/x`, /workspaces, net/work/it\n");
}
