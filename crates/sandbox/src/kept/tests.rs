//! What is kept beside has bounds, and beyond them nothing stays in its place either.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{Shelf, copy, differences, merge};
use crate::guarded::Kind;

/// One byte more than is kept of one path.
const TOO_LONG: u64 = 64 * 1024 * 1024 + 1;

struct Place {
    _directory: tempfile::TempDir,
    root: PathBuf,
    shelf: Shelf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for name in ["hooks", "shelf"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::write(root.join("hooks/pre-push"), "own").unwrap();
        fs::write(root.join("config"), "[user]\nname = ada\n").unwrap();
        fs::write(root.join("settings"), "own").unwrap();
        let shelf = Shelf::at(root.join("shelf"));
        for (name, kind) in
            [("config", Kind::GitConfig), ("hooks", Kind::Hooks), ("settings", Kind::Program)]
        {
            shelf.note(&root.join(name), kind).unwrap();
        }
        Self { _directory: directory, root, shelf }
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join(name)).ok()
    }

    fn grow(&self, name: &str) {
        File::options().create(true).append(true).open(self.root.join(name)).unwrap();
        File::options().write(true).open(self.root.join(name)).unwrap().set_len(TOO_LONG).unwrap();
    }
}

#[test]
fn what_is_too_long_to_be_kept_does_not_stay_in_its_place() {
    let place = Place::new();
    fs::write(place.root.join("hooks/post-checkout"), "run").unwrap();
    place.grow("hooks/ballast");
    fs::write(place.root.join("settings"), "run").unwrap();
    let error = place.shelf.withdraw().unwrap_err().to_string();
    assert!(error.contains("ballast") && error.contains("by hand"), "{error}");
    assert_eq!(place.text("hooks/pre-push").as_deref(), Some("own"));
    assert_eq!(place.text("hooks/post-checkout"), None);
    assert_eq!(place.text("hooks.withdrawn/post-checkout").as_deref(), Some("run"));
    assert_eq!(place.text("settings").as_deref(), Some("own"), "one keeps no other in its place");
    // Nothing of it waits for a yes, and what can be kept does.
    let waiting = merge::settle(&place.shelf, &|_| false).unwrap();
    let waiting: Vec<_> = waiting.iter().map(|it| it.at.file_name().unwrap()).collect();
    assert_eq!(waiting, ["settings"]);
}

#[test]
fn packed_refs_lose_what_they_would_show_instead_of_other_objects() {
    let (old, new) = ("bb refs/replace/dd\n", "aa refs/heads/main\nbb refs/replace/dd\n");
    let check = |before: &str, after: Option<&str>, expect: Option<&str>| {
        let place = Place::new();
        let at = place.root.join("packed-refs");
        if !before.is_empty() {
            fs::write(&at, before).unwrap();
        }
        place.shelf.note(&at, Kind::PackedRefs).unwrap();
        match after {
            Some("link") => {
                drop(fs::remove_file(&at));
                std::os::unix::fs::symlink("settings", &at).unwrap();
            }
            Some(text) => fs::write(&at, text).unwrap(),
            None => drop(fs::remove_file(&at)),
        }
        place.shelf.withdraw().unwrap();
        assert_eq!(place.text("packed-refs").as_deref(), expect, "{before} {after:?}");
        assert_eq!(merge::settle(&place.shelf, &|_| false).unwrap(), []);
        assert!(!at.is_symlink());
    };
    check(old, Some(new), Some(new));
    check("", Some(new), Some("aa refs/heads/main\n"));
    check(old, Some("b1 refs/replace/dd\n"), Some(""));
    check(old, None, None);
    check("", None, None);
    check(old, Some("link"), Some(old));
    check("", Some("link"), None);
}

#[test]
fn settings_of_git_that_nobody_reads_wait_as_a_whole() {
    let long = format!("[a]\nb = {}\n[core]\nsshCommand = run\n", "x".repeat(1024 * 1024));
    for text in [long.as_str(), "[core\nsshCommand = run\n"] {
        let place = Place::new();
        fs::write(place.root.join("config"), text).unwrap();
        place.shelf.withdraw().unwrap();
        assert_eq!(place.text("config").as_deref(), Some("[user]\nname = ada\n"));
        let waiting = merge::settle(&place.shelf, &|_| false).unwrap();
        assert!(waiting.iter().all(|it| it.key.is_none() && it.at.ends_with("config")));
        assert_eq!(waiting.len(), 1, "{}", text.len());
        assert_eq!(place.text("config").as_deref(), Some("[user]\nname = ada\n"));
    }
}

#[test]
fn files_are_compared_without_being_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    let check = |first: &[u8], second: &[u8], expect: bool| {
        fs::write(&one, first).unwrap();
        fs::write(&other, second).unwrap();
        assert_eq!(copy::is_same(&one, &other).unwrap(), expect, "{}", first.len());
    };
    let long = vec![1; 100_000];
    let mut else_where = long.clone();
    *else_where.last_mut().unwrap() = 2;
    check(b"", b"", true);
    check(b"a", b"b", false);
    check(b"a", b"", false);
    check(&long, &long, true);
    check(&long, &else_where, false);
    check(&long, &long[1..], false);
    File::options().write(true).open(&one).unwrap().set_len(TOO_LONG).unwrap();
    assert!(copy::is_same(&one, &other).is_err());
}

#[test]
fn a_long_difference_is_shown_in_part() {
    let place = Place::new();
    let lines: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    fs::write(place.root.join("settings"), lines).unwrap();
    place.shelf.withdraw().unwrap();
    let shown = differences(&place.shelf).unwrap();
    assert!(shown.contains("+line 10\n") && shown.contains("more than is shown"));
    assert!(shown.len() < 1100 * 1024, "{}", shown.len());
}

#[test]
fn an_index_that_is_too_long_is_not_read() {
    let place = Place::new();
    place.shelf.save().unwrap();
    let index = |root: &Path| root.join("shelf");
    assert_eq!(Shelf::open(index(&place.root)).unwrap().all(), place.shelf.all());
    let file = File::options().write(true).open(place.root.join("shelf/kept.json")).unwrap();
    file.set_len(17 * 1024 * 1024).unwrap();
    let error = Shelf::open(index(&place.root)).unwrap_err().to_string();
    assert!(error.contains("longer than is read"), "{error}");
}
