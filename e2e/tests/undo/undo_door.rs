//! Snapshots behind a door: an agent that holds everything that the gateway has for writing them
//! deletes none.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
};

use e2e::holdpoint::{Called, until};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// The gateway's user, and the one who keeps its snapshots.
const GATEWAY: u32 = 1001;
const KEEPER: u32 = 1002;

/// What an agent tries who has taken over the gateway's user: the files, the door, and every word
/// that could remove, replace or shorten something behind it.
const ATTACK: &str = r#"
import hashlib, json, os, shutil, socket, sys
store, door, before = sys.argv[1], sys.argv[2], sys.argv[3]
def say(head, body=b""):
    s = socket.socket(socket.AF_UNIX); s.connect(door)
    s.sendall(json.dumps(head).encode() + b"\n" + body); s.shutdown(socket.SHUT_WR)
    answer = b""
    while True:
        piece = s.recv(65536)
        if not piece: break
        answer += piece
    line, _, rest = answer.partition(b"\n")
    return json.loads(line) if line else {"error": "nothing"}, rest
shutil.rmtree(store, ignore_errors=True)
for attempt in (lambda: os.rename(store, store + "2"), lambda: os.chmod(store, 0o777),
                lambda: os.listdir(store), lambda: os.rmdir(store), lambda: open(store + "/config", "w")):
    try: attempt(); print("DONE to the directory")
    except OSError: pass
names = {}
for kind in ("key", "snapshot", "index", "pack", "config"):
    answer, rest = say({"verb": "list", "of": kind})
    assert answer["error"] is None, answer
    names[kind] = json.loads(rest)
assert all(names[kind] for kind in ("snapshot", "index", "pack", "config")), names
for kind, files in names.items():
    for name, size in files:
        for verb in ("remove", "delete", "truncate", "replace", "rename", "move", "prune", "write", "set_option"):
            answer, _ = say({"verb": verb, "of": kind, "id": name, "length": 0})
            if answer["error"] is None: print("DONE", verb)
        for body in (b"", b"x", b"\0" * size):
            if hashlib.sha256(body).hexdigest() == name: continue
            answer, _ = say({"verb": "add", "of": kind, "id": name, "length": len(body)}, body)
            if answer["error"] is None: print("DONE add", kind)
for name in ("../../etc/passwd", "../config", "/etc/passwd", "", "0" * 63):
    for verb in ("add", "read"):
        answer, _ = say({"verb": verb, "of": "pack", "id": name, "part": None, "length": 0}
                        if verb == "add" else {"verb": verb, "of": "pack", "id": name, "part": None})
        if answer["error"] is None: print("DONE", verb, name)
# It may add what is what its name says: that takes nothing away.
answer, _ = say({"verb": "add", "of": "index", "id": hashlib.sha256(b"rubbish").hexdigest(), "length": 7}, b"rubbish") if before == "yes" else ({}, b"")
print("tried")
"#;

struct Room {
    dir: TempDir,
    door: Child,
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.door.kill();
        let _ = self.door.wait();
    }
}

fn owned(path: &Path, user: u32) -> PathBuf {
    fs::create_dir_all(path).unwrap();
    chown(path, Some(user), Some(user)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

impl Room {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("door-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let binary = dir.path().join("holdpoint");
        fs::copy(BINARY, &binary).unwrap();
        fs::set_permissions(&binary, Permissions::from_mode(0o755)).unwrap();
        let keeper = owned(&dir.path().join("keeper"), KEEPER);
        let state = owned(&dir.path().join("state"), GATEWAY);
        owned(&dir.path().join("work"), GATEWAY);
        let socket = keeper.join("door.sock");
        fs::write(
            state.join("holdpoint.toml"),
            format!("proxy = \"127.0.0.1:0\"\nsnapshots_door = \"{}\"\n", socket.display()),
        )
        .unwrap();
        chown(state.join("holdpoint.toml"), Some(GATEWAY), Some(GATEWAY)).unwrap();
        let door = Command::new(&binary)
            .args(["snapshots", "door", "--user", &GATEWAY.to_string(), "--directory"])
            .arg(keeper.join("store"))
            .arg("--socket")
            .arg(&socket)
            .uid(KEEPER)
            .gid(KEEPER)
            .spawn()
            .unwrap();
        until("the door", || socket.exists().then_some(()));
        Self { dir, door }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn by(&self, user: u32, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Called {
        let mut command = Command::new(program);
        command.args(arguments).env("HOLDPOINT_STATE", self.path("state"));
        command.env("HOME", self.path("work")).current_dir(self.path("work"));
        command.uid(user).gid(user).output().unwrap().into()
    }

    fn call(&self, arguments: &[&str]) -> Called {
        self.by(GATEWAY, self.path("holdpoint"), arguments)
    }
}

#[test]
fn whoever_writes_behind_a_door_deletes_nothing() {
    let room = Room::new();
    let sqlite = |text: &str| {
        let done = room.by(GATEWAY, "sqlite3", &["app.db", text]);
        assert_eq!(done.status, 0, "{done:?}");
        done.stdout.trim().to_owned()
    };
    sqlite("CREATE TABLE t (a); INSERT INTO t VALUES (7)");
    let taken = room.call(&["snapshots", "take", "--sqlite", "app.db", "--json"]);
    assert_eq!(taken.status, 0, "{taken:?}");
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    sqlite("DROP TABLE t");

    let (store, door) = (room.path("keeper/store"), room.path("keeper/door.sock"));
    let (store, door) = (store.to_str().unwrap(), door.to_str().unwrap());
    let tried = room.by(GATEWAY, "python3", &["-c", ATTACK, store, door, "no"]);
    assert_eq!((tried.status, tried.stdout.trim()), (0, "tried"), "{tried:?}");
    let verified = room.call(&["snapshots", "verify"]);
    assert_eq!(verified.status, 0, "{verified:?}");
    let pruned = room.call(&["snapshots", "prune"]);
    assert_eq!(pruned.status, 3, "{pruned:?}");
    assert!(pruned.stderr.contains("--behind"), "{pruned:?}");

    let undone = room.call(&["undo", &id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(sqlite("SELECT a FROM t"), "7");

    let checked = room.call(&["snapshots", "check", "--json"]);
    let checked = checked.json();
    let ok = |what: &str| {
        let all = checked.as_array().unwrap().iter();
        let found: Vec<&Value> = all.filter(|it| it["what"] == what).collect();
        found.first().unwrap_or_else(|| panic!("{what}: {checked}"))["ok"].as_bool().unwrap()
    };
    for what in ["add", "read", "shorten", "replace", "remove", "user"] {
        assert!(ok(what), "{what}: {checked}");
    }
    assert!(room.call(&["snapshots", "verify"]).status == 0, "looking changes nothing");
    // Nobody else may knock.
    let stranger = room.by(1003, "python3", &["-c", ATTACK, store, door, "no"]);
    assert_ne!(stranger.status, 0, "{stranger:?}");

    // Whoever keeps them may remove: by the state's key, and with the directory to itself.
    let pruned = room.by(0, room.path("holdpoint"), &["snapshots", "prune", "--behind", store]);
    assert_eq!(pruned.status, 0, "{pruned:?}");
    let key = room.call(&["snapshots", "key", "--json"]).json();
    assert_eq!(key["repository"], store, "any restic reads it there");
}
