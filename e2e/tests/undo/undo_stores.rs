//! Snapshots in a store of another machine: an agent that holds everything that the gateway has for
//! writing them deletes none, whether the store only appends or locks. Both stores are fakes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, process::Command};

use e2e::{
    holdpoint::{Called, Holdpoint},
    snapshot_stores::Store,
};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const WRITER: &str = "writer:may-write";
const KEEPER: &str = "keeper:may-remove";
/// S3's login: moto takes any, so that the locks alone are between the agent and the snapshots.
const KEYS: &str = "AKIAWRITERWRITERWRIT:writer-writer-writer";

/// With the writer's login: remove, replace and shorten every file, and the repository itself.
const ATTACK_REST: &str = r#"
import base64, http.client, os, sys
port, login, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
auth = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
def ask(method, path, body=None, headers={}):
    c = http.client.HTTPConnection("127.0.0.1", port); c.request(method, path, body, {**auth, **headers})
    return c.getresponse().status
files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
assert any("/snapshots/" in it for it in files) and any("/data/" in it for it in files), files
before = {it: open(it, "rb").read() for it in files}
for it in files:
    path = it[len(folder):]
    for method, body in (("DELETE", None), ("POST", b""), ("POST", b"x"), ("POST", before[it][:9]),
                         ("PUT", b"x"), ("PATCH", b"x"), ("POST", before[it] + b"\0")):
        if ask(method, path, body) < 400: print("DONE", method, path)
    ask("DELETE", path + "?force=true"); ask("DELETE", "/." + path); ask("DELETE", "/team/." + path)
for path in ("/", "/team", "/team/", "/team/data/", "/team/snapshots/", "/team/?create=true"):
    ask("DELETE", path); ask("POST", path + "?create=true")
for it in files:
    if not os.path.exists(it) or open(it, "rb").read() != before[it]: print("GONE", it)
print("tried")
"#;

/// The same of a bucket: every version of every name, in every way that the API has.
const ATTACK_S3: &str = r#"
import boto3, datetime, sys
from botocore.config import Config
key, secret = sys.argv[2].split(":")
s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:" + sys.argv[1], region_name="us-east-1",
                  aws_access_key_id=key, aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}))
B = "locked"
def versions():
    return {(v["Key"], v["VersionId"]): v["ETag"] for v in s3.list_object_versions(Bucket=B).get("Versions", [])}
before = versions()
assert any("/snapshots/" in key for key, _ in before), before
past, soon = datetime.datetime(2020, 1, 1), datetime.datetime.now() + datetime.timedelta(seconds=1)
def attempt(act):
    try: act()
    except Exception: pass
for key, version in before:
    at = dict(Bucket=B, Key=key, VersionId=version)
    attempt(lambda: s3.put_object_retention(**at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon}))
    attempt(lambda: s3.put_object_retention(**at, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": past}, BypassGovernanceRetention=True))
    attempt(lambda: s3.put_object_retention(**at, Retention={}, BypassGovernanceRetention=True))
    attempt(lambda: s3.delete_object(**at))
    attempt(lambda: s3.delete_object(**at, BypassGovernanceRetention=True))
    attempt(lambda: s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": key, "VersionId": version}]}, BypassGovernanceRetention=True))
    attempt(lambda: s3.put_object(Bucket=B, Key=key, Body=b""))
    attempt(lambda: s3.copy_object(Bucket=B, Key=key, CopySource={"Bucket": B, "Key": "nothing"}))
    attempt(lambda: s3.delete_object(Bucket=B, Key=key))
attempt(lambda: s3.put_bucket_versioning(Bucket=B, VersioningConfiguration={"Status": "Suspended"}))
attempt(lambda: s3.put_bucket_lifecycle_configuration(Bucket=B, LifecycleConfiguration={"Rules": [
    {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]}))
attempt(lambda: s3.delete_bucket(Bucket=B))
after = versions()
for it in before:
    if after.get(it) != before[it]: print("GONE", it)
print("tried")
"#;

struct Room {
    holdpoint: Holdpoint,
    work: TempDir,
}

impl Room {
    fn new() -> Self {
        Self { holdpoint: Holdpoint::new(BINARY), work: tempfile::tempdir().unwrap() }
    }

    /// Snapshots lie there from now on.
    fn store(&self, url: &str, login: &str) {
        let configuration = self.holdpoint.state().join("holdpoint.toml");
        fs::write(configuration, format!("snapshots_store = \"{url}\"\n")).unwrap();
        let kept = self.holdpoint.call_with(&["snapshots", "login"], &format!("{login}\n"));
        assert_eq!(kept.status, 0, "{kept:?}");
    }

    fn sqlite(&self, text: &str) -> String {
        let mut command = Command::new("sqlite3");
        let done = command.arg("app.db").arg(text).current_dir(self.work.path()).output().unwrap();
        assert!(done.status.success(), "{text}: {done:?}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Saves a database, and drops what is in it.
    fn lose(&self) -> String {
        self.sqlite("CREATE TABLE t (a); INSERT INTO t VALUES (7)");
        let file = self.work.path().join("app.db");
        let taken = self.holdpoint.call(&[
            "snapshots",
            "take",
            "--sqlite",
            file.to_str().unwrap(),
            "--json",
        ]);
        assert_eq!(taken.status, 0, "{taken:?}");
        self.sqlite("DROP TABLE t");
        taken.json()["id"].as_str().unwrap().to_owned()
    }

    fn verified(&self) {
        let verified = self.holdpoint.call(&["snapshots", "verify"]);
        assert_eq!(verified.status, 0, "{verified:?}");
    }

    fn comes_back(&self, id: &str) {
        let undone = self.holdpoint.call(&["undo", id, "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{undone:?}");
        assert_eq!(self.sqlite("SELECT a FROM t"), "7");
    }

    /// What is found wanting by trying.
    fn wanting(&self) -> Vec<String> {
        let checked = self.holdpoint.call(&["snapshots", "check", "--json"]);
        let json = checked.json();
        let all = json.as_array().unwrap();
        assert!(all.len() > 4, "{json}");
        let wanting = all.iter().filter(|it| it["ok"] == false);
        let wanting: Vec<String> =
            wanting.map(|it| it["what"].as_str().unwrap().to_owned()).collect();
        assert_eq!(checked.status, i32::from(!wanting.is_empty()), "{json}");
        wanting
    }
}

fn tried(mut attack: Command) {
    let tried: Called = attack.output().unwrap().into();
    assert_eq!((tried.status, tried.stdout.trim()), (0, "tried"), "{tried:?}");
}

#[test]
fn whoever_writes_to_a_store_that_only_appends_deletes_nothing() {
    let (room, store) = (Room::new(), Store::rest());
    let at = |port: usize| format!("rest:http://127.0.0.1:{}/team/", store.ports[port]);
    room.store(&at(0), WRITER);
    let id = room.lose();
    let (port, folder) = (store.ports[0].to_string(), store.folder.path().to_str().unwrap());
    tried(store.python(ATTACK_REST, &[&port, WRITER, folder]));
    room.verified();
    // It is this machine: that is the only thing found.
    assert_eq!(room.wanting(), ["place"]);
    room.verified();
    // By restic itself, which the key of the repository opens: it reads, and cannot forget either.
    let key = room.holdpoint.json(&["snapshots", "key", "--json"]);
    let restic = |url: &str, arguments: &[&str]| {
        let url = url.replace("http://", &format!("http://{WRITER}@"));
        let mut command = Command::new("restic");
        command.args(["--no-cache", "-r", &url]).args(arguments);
        let password = key["password"].as_str().unwrap();
        command.env("RESTIC_PASSWORD", password).output().unwrap()
    };
    assert_eq!(key["repository"], at(0).as_str());
    let forgotten = restic(&at(0), &["forget", "--prune", "--keep-last", "1", "latest"]);
    assert!(restic(&at(0), &["check", "--read-data"]).status.success(), "{forgotten:?}");
    room.verified();
    room.comes_back(&id);
    // Who keeps it removes, at its own address and with its own login; the writer does not.
    let pruned = room.holdpoint.call(&["snapshots", "prune"]);
    assert_eq!(pruned.status, 3, "{pruned:?}");
    assert!(pruned.stderr.contains("prune --login"), "{pruned:?}");
    let pruned = room
        .holdpoint
        .call_with(&["snapshots", "prune", "--login", "--at", &at(1)], &format!("{KEEPER}\n"));
    assert_eq!(pruned.status, 0, "{pruned:?}");
    room.verified();
    // A server that lets the writer remove is found by trying.
    room.store(&at(1), WRITER);
    assert!(room.wanting().contains(&"remove".to_owned()));
    room.verified();
    room.store(&at(0), WRITER);
    let rows = || room.holdpoint.json(&["snapshots", "--json"]).as_array().unwrap().len();
    let before = rows();
    // Somebody else's login is none.
    room.store(&at(0), "writer:wrong");
    let file = room.work.path().join("app.db");
    let take = || room.holdpoint.call(&["snapshots", "take", "--sqlite", file.to_str().unwrap()]);
    assert_eq!(take().status, 3, "{:?}", take());
    // Nor does anything count that was for a store that is gone.
    room.store(&at(0), WRITER);
    drop(store);
    let taken = take();
    assert_eq!(taken.status, 3, "{taken:?}");
    assert_eq!(rows(), before);
}

#[test]
fn whoever_writes_to_a_store_that_locks_deletes_nothing() {
    let (room, store) = (Room::new(), Store::s3(env!("CARGO_TARGET_TMPDIR")));
    let at = |bucket: &str| format!("s3:http://127.0.0.1:{}/{bucket}/team", store.ports[0]);
    room.store(&at("locked"), KEYS);
    let id = room.lose();
    let port = store.ports[0].to_string();
    tried(store.python(ATTACK_S3, &[&port, KEYS]));
    // The attack has hidden every name, and put nothing over it; it is read all the same.
    room.verified();
    room.comes_back(&id);
    assert_eq!(room.wanting(), ["place"]);
    // What is locked is removed by nobody before its time, whoever asks.
    let pruned = room.holdpoint.call_with(&["snapshots", "prune", "--login"], KEYS);
    assert_eq!(pruned.status, 0, "nothing is tried: {pruned:?}");
    room.verified();
    // A bucket that does not hold what it promises, and one that promises nothing.
    room.store(&at("lenient"), KEYS);
    assert!(room.wanting().contains(&"shorten".to_owned()));
    room.store(&at("open"), KEYS);
    let checked = room.holdpoint.call(&["snapshots", "check"]);
    assert_eq!(checked.status, 3, "{checked:?}");
    assert!(checked.stderr.contains("Lock"), "{checked:?}");
}
