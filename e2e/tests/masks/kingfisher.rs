//! An installed kingfisher is asked beside our own detectors, and what it alone finds is told as its
//! find, never by value.

use std::{env, fs};

use e2e::{
    holdpoint::{Called, Holdpoint},
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// A key of a monitor, named after nothing but its maker.
const ITS: &str = "9c1e7a4b2d8f6035a1b9c8d7e6f5a4b3";
const OURS: &str = "3a7d10c8-64be-4f29-8d51-b2e9f07c6a43";

#[test]
fn what_an_installed_kingfisher_finds_is_told_beside_what_we_find() {
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), &["kingfisher-bin==2.14.0"]);
    let its = python.packages().join("kingfisher/bin");
    let (holdpoint, work) = (Holdpoint::new(BINARY), tempfile::tempdir().unwrap());
    fs::write(work.path().join("monitor.py"), format!("finicity = \"{ITS}\"\n")).unwrap();
    fs::write(work.path().join("notes.md"), format!("RAILWAY_API_TOKEN={OURS}\n")).unwrap();
    let path =
        env::join_paths([its].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let found = |more: &[&str]| -> Called {
        let words = ["secrets", "found"].iter().chain(more).copied().collect::<Vec<_>>();
        let mut command = holdpoint.command(&words);
        command.arg(work.path()).env("HOME", work.path()).env("PATH", path.as_ref().unwrap());
        command.output().unwrap().into()
    };
    let both = found(&[]);
    assert!(both.stdout.contains("monitor.py:1: found by kingfisher ("), "{both:?}");
    assert!(both.stdout.contains("notes.md:1: RAILWAY_API_TOKEN"), "{both:?}");
    assert!(!both.stdout.contains(ITS) && !both.stdout.contains(OURS), "{both:?}");
    let alone = found(&["--alone"]);
    assert!(
        !alone.stdout.contains("kingfisher") && alone.stdout.contains("notes.md:1"),
        "{alone:?}"
    );
}
