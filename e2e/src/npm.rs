//! Programs from npm, installed once, beside what is built.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The folder of the build in which tools lie that only tests use.
pub fn tools() -> PathBuf {
    let target = option_env!("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let folder = target.join("tools");
    fs::create_dir_all(&folder).unwrap();
    fs::canonicalize(folder).unwrap()
}

/// The `node_modules` with `packages` (each in one version) of the tool called `name`; those that
/// are `scripted` complete themselves by a script.
pub fn installed(name: &str, packages: &[&str], scripted: &[&str]) -> PathBuf {
    let folder = tools().join(name);
    fs::create_dir_all(&folder).unwrap();
    let (done, wanted) = (folder.join("installed"), packages.join(" "));
    // Tests run in processes of their own: only one of them installs.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&done).unwrap_or_default() != wanted {
        fs::write(folder.join("package.json"), "{\"private\":true}").unwrap();
        let quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
        call(Command::new("npm").arg("install").args(quiet).args(packages).current_dir(&folder));
        if !scripted.is_empty() {
            call(Command::new("npm").arg("rebuild").args(scripted).current_dir(&folder));
        }
        fs::write(done, wanted).unwrap();
    }
    folder.join("node_modules")
}

fn call(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
