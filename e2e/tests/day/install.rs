//! What is released, installed and taken back again: nothing of it stays.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    holdpoint::{Called, until},
    released::{Home, Released},
};

use crate::service::systemd_starts_it_when_somebody_comes;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// What is released. Making it takes long, so that one test makes it and tries all of it.
#[test]
fn what_is_released_is_installed_used_and_taken_back() {
    let released = Released::of(BINARY);
    the_checksums_are_those_of_what_lies_beside_them(released.path());
    a_package_goes_in_and_out_by_dpkg(&released.package);
    an_archive_leaves_no_trace(&Home::new(&released));
    nothing_is_taken_from_under_an_agent_that_runs(&Home::new(&released));
    a_person_is_asked_and_the_state_is_asked_for_apart(&Home::new(&released));
    systemd_starts_it_when_somebody_comes(&Home::new(&released));
}

fn the_checksums_are_those_of_what_lies_beside_them(out: &Path) {
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(out);
    assert!(check.status().unwrap().success());
}

fn an_archive_leaves_no_trace(home: &Home) {
    fs::create_dir_all(home.path(".claude")).unwrap();
    let settings = "{\n  \"model\": \"opus\"\n}\n";
    fs::write(home.path(".claude/settings.json"), settings).unwrap();
    let installed = home.install();
    assert_eq!(installed.status, 0, "{}{}", installed.stdout, installed.stderr);
    assert!(installed.stdout.contains("holdpoint run -- claude"), "{}", installed.stdout);
    let again = home.holdpoint(&["--version"]);
    assert_eq!(again.stdout.trim(), format!("holdpoint {}", env!("CARGO_PKG_VERSION")));

    // What came beside it is of use.
    let words =
        "source ~/.local/share/bash-completion/completions/holdpoint; complete -p holdpoint";
    let completed = home.call("bash", &["-c", words]);
    assert_eq!(completed.status, 0, "{}", completed.stderr);
    let page = fs::read_to_string(home.path(".local/share/man/man1/holdpoint-run.1")).unwrap();
    assert!(page.contains("one way out"), "{page}");
    let unit = home.path(".local/share/systemd/user/holdpoint.service");
    let starts = format!("ExecStart={}", home.path(".local/bin/holdpoint up").display());
    assert!(fs::read_to_string(unit).unwrap().contains(&starts));
    let socket = home.path(".local/share/systemd/user/holdpoint.socket");
    assert!(fs::read_to_string(socket).unwrap().contains("FileDescriptorName=proxy"));

    let put = home.holdpoint(&["init", "--agent", "claude", "--yes"]);
    assert_eq!(put.status, 0, "{}", put.stderr);
    let hooked = fs::read_to_string(home.path(".claude/settings.json")).unwrap();
    assert!(hooked.contains(home.path(".local/bin/holdpoint").to_str().unwrap()), "{hooked}");
    assert_eq!(home.holdpoint(&["run", "--", "true"]).status, 0);
    let said = fs::read(home.path(".local/state/holdpoint/gateway.json")).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    let gateway = PathBuf::from(format!("/proc/{}", said["pid"]));
    assert!(gateway.exists());

    let gone = home.holdpoint(&["uninstall", "--yes"]);
    assert_eq!(gone.status, 0, "{}{}", gone.stdout, gone.stderr);
    until("the gateway is gone", || (!gateway.exists()).then_some(()));
    let left = home.files();
    let state = home.path(".local/state/holdpoint");
    let others = left.iter().filter(|(file, _)| !file.starts_with(&state));
    let others: Vec<_> = others.map(|(file, text)| (file.clone(), text.clone())).collect();
    assert_eq!(others, [(home.path(".claude/settings.json"), settings.into())]);
    // What it recorded is still there to be read, until somebody says otherwise.
    assert_eq!(home.call(BINARY, &["ledger", "verify"]).status, 0);
    let purged = home.call(BINARY, &["uninstall", "--purge", "--yes"]);
    assert_eq!(purged.status, 1, "its own program stays: {}", purged.stdout);
    assert!(!state.exists());
}

fn nothing_is_taken_from_under_an_agent_that_runs(home: &Home) {
    assert_eq!(home.install().status, 0);
    let mut run = home.command(home.path(".local/bin/holdpoint"), &["run", "--", "sh", "-c"]);
    let mut run = run.arg("touch began; sleep 600").spawn().unwrap();
    until("the agent began", || home.path("project/began").exists().then_some(()));
    let refused = home.holdpoint(&["uninstall", "--yes", "--purge"]);
    assert_eq!(refused.status, 3, "{}", refused.stdout);
    assert!(refused.stderr.contains("holdpoint kill --all"), "{}", refused.stderr);
    assert!(home.path(".local/bin/holdpoint").exists());
    assert_eq!(home.holdpoint(&["kill", "--all"]).status, 0);
    run.wait().unwrap();
    let gone = home.holdpoint(&["uninstall", "--yes", "--purge"]);
    assert_eq!(gone.status, 0, "{}{}", gone.stdout, gone.stderr);
    assert_eq!(home.files().into_keys().collect::<Vec<_>>(), [home.path("project/began")]);
}

fn a_person_is_asked_and_the_state_is_asked_for_apart(home: &Home) {
    assert_eq!(home.install().status, 0);
    assert_eq!(home.holdpoint(&["holds"]).status, 0);
    let answer = |words: &str| {
        let script = format!("printf '{words}' | holdpoint uninstall --purge");
        home.call("bash", &["-c", &script])
    };
    let before = home.files();
    assert_eq!(answer("n\\n").status, 1);
    assert_eq!(home.files().len(), before.len());
    let kept = answer("y\\nn\\n");
    assert_eq!(kept.status, 0, "{}", kept.stderr);
    assert!(home.path(".local/state/holdpoint/state.db").exists());
    assert!(!home.path(".local/bin/holdpoint").exists());
}

fn a_package_goes_in_and_out_by_dpkg(package: &Path) {
    let root = tempfile::tempdir().unwrap();
    for place in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/apparmor.d/abi"] {
        fs::create_dir_all(root.path().join(place)).unwrap();
    }
    fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
    fs::write(root.path().join("etc/apparmor.d/abi/4.0"), "").unwrap();
    let dpkg = |words: &[&str]| {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", root.path().display()));
        dpkg.args(["--force-script-chrootless", "--force-depends", "--force-not-root"]);
        let called: Called = dpkg.args(words).output().unwrap().into();
        assert_eq!(called.status, 0, "{}{}", called.stdout, called.stderr);
    };
    dpkg(&["--install", package.to_str().unwrap()]);
    let profile = fs::read_to_string(root.path().join("etc/apparmor.d/holdpoint")).unwrap();
    assert!(profile.contains("profile holdpoint \"/usr/bin/holdpoint\""), "{profile}");
    let unit = fs::read_to_string(root.path().join("usr/lib/systemd/user/holdpoint.service"));
    assert!(unit.unwrap().contains("ExecStart=/usr/bin/holdpoint up"));
    assert!(root.path().join("usr/lib/systemd/user/holdpoint.socket").exists());
    let mut version = Command::new(root.path().join("usr/bin/holdpoint"));
    assert!(version.arg("--version").status().unwrap().success());
    dpkg(&["--purge", "holdpoint"]);
    assert!(!root.path().join("usr/bin/holdpoint").exists());
    assert!(!root.path().join("etc/apparmor.d/holdpoint").exists());
}
