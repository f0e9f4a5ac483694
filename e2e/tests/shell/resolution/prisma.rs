//! Prisma resolves in its own process, and has an engine of its own do the rest: in this engine's
//! place stands a program that does nothing, and Prisma says which database it has found.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::PermissionsExt as _,
    process::Command as Process,
};

use e2e::npm;
use serde_json::Value;

use super::{project, read, started};

/// Each a command, the variables that it is started with, and the files of a project.
const CASES: &str = include_str!("prisma.json");
const PACKAGES: [&str; 2] = ["prisma@6.19.0", "dotenv@16.6.1"];
/// The variables by which it finds its engines.
const ENGINES: [&str; 2] = ["PRISMA_SCHEMA_ENGINE_BINARY", "PRISMA_QUERY_ENGINE_LIBRARY"];

/// The database that it says it goes to.
fn told(said: &str) -> BTreeSet<String> {
    let found = said.split("database \"").skip(1).filter_map(|it| it.split('"').next());
    found.map(str::to_owned).collect()
}

#[test]
fn prisma_goes_where_the_hook_says() {
    let modules = npm::installed("prisma", &PACKAGES, &[]);
    let engines = tempfile::tempdir().unwrap();
    let engine = engines.path().join("engine");
    fs::write(&engine, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let put = |value: &Value| value.as_str().unwrap().to_owned();
    let mut differ = Vec::new();
    for case in &cases {
        let room = project(case, &modules, &put);
        let pairs = case["env"].as_object().unwrap().iter();
        let environment: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.clone(), put(value))).collect();
        let command = put(&case["command"]);
        let done = Process::new("sh")
            .args(["-c", &started(&command)])
            .current_dir(room.path())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap())
            .env("HOME", room.path())
            .env("CHECKPOINT_DISABLE", "1")
            .envs(ENGINES.map(|name| (name, &engine)))
            .envs(&environment)
            .output()
            .unwrap();
        let said = [done.stdout.as_slice(), done.stderr.as_slice()].concat();
        let real = told(&String::from_utf8_lossy(&said));
        assert_eq!(real.len(), 1, "{command}: {}", String::from_utf8_lossy(&said));
        let hook = read(&command, &room.path().display().to_string(), &environment);
        if real != hook {
            differ.push(format!("{command} {}: {real:?}, and not {hook:?}", case["files"]));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(cases.len(), 14);
}
