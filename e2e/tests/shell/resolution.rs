//! The database that a hook says a framework's tool would go to is the one that the real tool goes
//! to: knex, sequelize-cli, typeorm, drizzle-kit, Prisma, Django and Alembic, as npm and PyPI have them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

mod prisma;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    process::Command as Process,
    sync::{Arc, Mutex},
    thread,
};

use e2e::{npm, python::Python};
use holdpoint_wire::{
    machine::Bare,
    shell::{self, Dialect},
};
use serde_json::Value;
use tempfile::TempDir;

/// Each a command, the variables that it is started with, and the files of a project.
const CASES: &str = include_str!("resolution/cases.json");
const PACKAGES: [&str; 9] = [
    "knex@3.1.0",
    "sequelize@6.37.7",
    "sequelize-cli@6.6.3",
    "typeorm@0.3.27",
    "reflect-metadata@0.2.2",
    "pg@8.16.3",
    "dotenv@16.6.1",
    "drizzle-kit@0.31.5",
    "drizzle-orm@0.44.6",
];
const WHEELS: [&str; 4] =
    ["django==5.2.7", "alembic==1.17.0", "sqlalchemy==2.0.44", "psycopg2-binary==2.9.11"];
/// Codes of requests that come before the startup message (PostgreSQL: 54.2.10, 54.2.11).
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// The databases that clients of a server asked for that lets nobody in.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<BTreeSet<String>>>);

impl Asked {
    /// Listens on a port of its own, and answers which.
    fn listen(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = asked.clone();
                thread::spawn(move || asked.hear(stream));
            }
        });
        port
    }

    /// One client: what it asks for, and a no.
    fn hear(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()? - 4];
            stream.read_exact(&mut body).ok()?;
            let (code, pairs) = body.split_first_chunk::<4>()?;
            if ENCRYPTION.contains(&u32::from_be_bytes(*code)) {
                stream.write_all(b"N").ok()?;
                continue;
            }
            let texts: Vec<_> = pairs.split(|it| *it == 0).map(String::from_utf8_lossy).collect();
            let own = texts.chunks(2).find(|it| it[0] == "database")?;
            self.0.lock().unwrap().insert(own[1].clone().into_owned());
            let refusal = b"SFATAL\0VFATAL\0C28000\0Mnobody is let in\0\0";
            let length = u32::try_from(refusal.len() + 4).ok()?.to_be_bytes();
            return stream.write_all(&[b"E", &length[..], refusal].concat()).ok();
        }
    }
}

/// The command as it is started here: what npm installs lies in the project.
fn started(command: &str) -> String {
    let alembic =
        "python3 -c 'import sys; from alembic.config import main; main(argv=sys.argv[1:])'";
    match (command.strip_prefix("npx "), command.strip_prefix("alembic ")) {
        (Some(rest), _) => format!("node_modules/.bin/{rest}"),
        (_, Some(rest)) => format!("{alembic} {rest}"),
        _ => command.to_owned(),
    }
}

/// The databases that the hook says a command goes to.
fn read(
    command: &str,
    workspace: &str,
    environment: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let text = |path: &str| fs::read_to_string(path).ok().map(Arc::from);
    let desk = Bare { workspace: workspace.to_owned(), text, masked: true };
    let dialect = Dialect::Bash;
    let own = shell::Command { dialect, text: command, directory: workspace, environment };
    let steps = shell::interpret(&own, &desk).unwrap().steps;
    let ids = steps.iter().map(|step| step.operation.resource.id.as_str());
    ids.filter_map(|id| Some(id.split_once(":127.0.0.1/")?.1.to_owned())).collect()
}

/// The project of a case.
fn project(case: &Value, modules: &Path, put: &dyn Fn(&Value) -> String) -> TempDir {
    let room = tempfile::tempdir().unwrap();
    symlink(modules, room.path().join("node_modules")).unwrap();
    for (path, text) in case["files"].as_object().unwrap() {
        let path = room.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, put(text)).unwrap();
    }
    room
}

/// Holds every case of `tool` against the real one; how many there are.
fn check(tool: &str) -> usize {
    let modules = npm::installed("frameworks", &PACKAGES, &[]);
    let wheels = Python::with(env!("CARGO_TARGET_TMPDIR"), &WHEELS);
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let own = |case: &&Value| case["command"].as_str().unwrap().contains(tool);
    let mut differ = Vec::new();
    for case in cases.iter().filter(own) {
        let asked = Asked::default();
        let port = asked.listen().to_string();
        let put = |value: &Value| value.as_str().unwrap().replace("{port}", &port);
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
            .env("PYTHONPATH", wheels.packages())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(&environment)
            .output()
            .unwrap();
        let real = asked.0.lock().unwrap().clone();
        assert_eq!(real.len(), 1, "{command}: {done:?}");
        let hook = read(&command, &room.path().display().to_string(), &environment);
        if real != hook {
            differ.push(format!("{command} {}: {real:?}, and not {hook:?}", case["files"]));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    cases.iter().filter(own).count()
}

#[test]
fn knex_goes_where_the_hook_says() {
    assert_eq!(check("knex"), 9);
}

#[test]
fn sequelize_goes_where_the_hook_says() {
    assert_eq!(check("sequelize-cli"), 5);
}

#[test]
fn typeorm_goes_where_the_hook_says() {
    assert_eq!(check("typeorm"), 2);
}

#[test]
fn drizzle_goes_where_the_hook_says() {
    assert_eq!(check("drizzle-kit"), 5);
}

#[test]
fn django_goes_where_the_hook_says() {
    assert_eq!(check("manage.py"), 4);
}

#[test]
fn alembic_goes_where_the_hook_says() {
    assert_eq!(check("alembic"), 3);
}
