//! Databases and references of git: dropped, forced, and brought back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "all of this file is a test")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;
use holdpoint_snapshots::{
    Cause,
    preserve::{GitRemote, Postgres, Sqlite},
};
use tempfile::TempDir;

use place::Place;

mod place;

fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_sqlite_database_that_was_emptied_comes_back_while_it_is_open() {
    let place = Place::new();
    let file = place.dir.path().join("app.sqlite");
    let open = rusqlite::Connection::open(&file).unwrap();
    open.pragma_update(None, "journal_mode", "wal").unwrap();
    let made = "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('a'), ('b');";
    open.execute_batch(made).unwrap();
    let users = || -> i64 {
        open.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap_or(-1)
    };
    let database = Sqlite { file };
    let saved = place.save(&database);
    assert_eq!((saved.kind.as_str(), users()), ("sqlite", 2));
    open.execute_batch("DROP TABLE users").unwrap();
    assert_eq!(users(), -1);
    let dropped = place.bring_back(&database, &saved).unwrap();
    assert_eq!(users(), 2);
    place.bring_back(&database, &dropped);
    assert_eq!(users(), -1, "the undo is undone");
    drop(open);
    fs::remove_file(&database.file).unwrap();
    place.bring_back(&database, &saved);
    let again = rusqlite::Connection::open(&database.file).unwrap();
    let names: i64 = again.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(names, 2, "a file that is gone is made anew");
}

#[test]
fn a_sqlite_database_is_its_very_file_and_no_link_to_another() {
    let place = Place::new();
    let (file, other) =
        (place.dir.path().join("app.sqlite"), place.dir.path().join("other.sqlite"));
    for (path, name) in [(&file, "mine"), (&other, "theirs")] {
        let open = rusqlite::Connection::open(path).unwrap();
        open.execute_batch(&format!("CREATE TABLE {name} (a)")).unwrap();
    }
    let it = Sqlite { file };
    let saved = place.save(&it);
    let theirs = fs::read(&other).unwrap();
    fs::remove_file(&it.file).unwrap();
    std::os::unix::fs::symlink(&other, &it.file).unwrap();
    let cause = Cause { run: None, why: "before a test".to_owned() };
    assert!(place.snapshots.preserve(&it, &cause, Timestamp(2)).is_err());
    assert!(place.snapshots.take_in(&it, &saved).is_err());
    assert_eq!(fs::read(&other).unwrap(), theirs);
}

#[test]
fn what_somebody_left_who_was_ended_goes_with_the_next() {
    let place = Place::new();
    let state = place.dir.path().join("state");
    let (left, used) = (state.join("passage-1-left"), state.join("passage-1-used"));
    for path in [&left, &used] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("login.json"), "{}").unwrap();
    }
    let lock = fs::File::open(&used).unwrap();
    lock.lock().unwrap();
    let file = place.dir.path().join("app.sqlite");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    place.save(&Sqlite { file });
    assert!(!left.exists() && used.join("login.json").exists());
}

#[test]
fn what_cannot_be_saved_says_so() {
    let place = Place::new();
    let cause = Cause { run: None, why: "before a test".to_owned() };
    let missing = Sqlite { file: place.dir.path().join("none/app.sqlite") };
    let refused = place.snapshots.preserve(&missing, &cause, Timestamp(1)).unwrap_err();
    assert!(refused.to_string().contains("SQLite"), "{refused}");
    let elsewhere = Postgres {
        host: "db.example.com".into(),
        port: 5432,
        user: "app".into(),
        database: "app".into(),
        password: None,
    };
    let refused = place.snapshots.preserve(&elsewhere, &cause, Timestamp(1)).unwrap_err();
    assert!(refused.to_string().contains("not on this machine"), "{refused}");
}

#[test]
fn a_forced_and_a_deleted_reference_are_pushed_back() {
    let place = Place::new();
    let (remote, work) = (place.dir.path().join("remote.git"), place.dir.path().join("work"));
    done(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&remote));
    done(Command::new("git").args(["init", "-q", "-b", "main"]).arg(&work));
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&work).args(["-c", "user.name=a", "-c", "user.email=a@b.test"]);
        done(command.args(arguments))
    };
    let url = remote.to_str().unwrap().to_owned();
    for message in ["one", "two"] {
        git(&["commit", "-q", "--allow-empty", "-m", message]);
    }
    git(&["push", "-q", &url, "main", "main:feature"]);
    let references = vec!["refs/heads/main".to_owned(), "refs/heads/feature".to_owned()];
    let there = || done(Command::new("git").args(["ls-remote", &url]));
    let before = there();
    let it = GitRemote { url: url.clone(), references, settings: Vec::new() };
    let saved = place.save(&it);
    git(&["reset", "-q", "--hard", "HEAD^"]);
    git(&["commit", "-q", "--allow-empty", "-m", "another"]);
    git(&["push", "-q", "--force", &url, "main", ":feature"]);
    done(Command::new("git").arg("-C").arg(&remote).args(["gc", "-q", "--prune=now"]));
    assert_ne!(there(), before);
    place.bring_back(&it, &saved);
    assert_eq!(there(), before);
}

/// A server of PostgreSQL in a directory of its own, ended with the value.
struct Server {
    child: Child,
    port: u16,
    _dir: TempDir,
}

/// Nobody: the server refuses to run as root.
const NOBODY: &str = "65534";

fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|it| it.path().join("bin")).collect();
    found.sort();
    found.pop().expect("PostgreSQL is installed (apt-get install postgresql)")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_nobody(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(program);
    command
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        if is_root() {
            let nobody = Some(NOBODY.parse().unwrap());
            std::os::unix::fs::chown(dir.path(), nobody, nobody).unwrap();
        }
        let data = dir.path().join("data");
        let mut init = as_nobody(&programs().join("initdb"));
        done(init.args(["-A", "trust", "-U", "app", "--no-sync", "-D"]).arg(&data));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = as_nobody(&programs().join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F"])
            .args(["-c", "unix_socket_directories="])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, _dir: dir };
        let until = Instant::now() + Duration::from_secs(60);
        while server.psql("postgres", "SELECT 1").is_none() {
            assert!(Instant::now() < until, "the server does not start");
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn psql(&self, database: &str, sql: &str) -> Option<String> {
        let mut command = Command::new("psql");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "app", "-X"]);
        command.args(["-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = rustix::process::Pid::from_child(&self.child);
        // SIGINT is its fast shutdown; it may have ended by itself.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
        let _ = self.child.wait();
    }
}

#[test]
fn a_postgres_database_that_was_reset_or_dropped_comes_back() {
    let place = Place::new();
    let server = Server::start();
    // Its name is as long as one can be, and it is another kind than its neighbours.
    let shop = format!("{}sho", "shop".repeat(15));
    let kind = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    server.psql("postgres", &format!("CREATE DATABASE {shop} TEMPLATE template0 {kind}")).unwrap();
    for name in ["shop_undo", "shop_undone"] {
        server.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
    }
    let fill = "CREATE TABLE orders (id serial PRIMARY KEY, what text NOT NULL); \
                INSERT INTO orders (what) SELECT md5(n::text) FROM generate_series(1, 500) n; \
                CREATE VIEW many AS SELECT count(*) FROM orders";
    server.psql(&shop, fill).unwrap();
    let checksum = "SELECT md5(string_agg(id || what, ',' ORDER BY id)) FROM orders";
    let sum = || server.psql(&shop, checksum);
    let before = sum().unwrap();
    let it = Postgres {
        host: "127.0.0.1".into(),
        port: server.port,
        user: "app".into(),
        database: shop.clone(),
        password: None,
    };
    let saved = place.save(&it);
    // What `prisma migrate reset` does to it.
    server.psql(&shop, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap();
    assert_eq!(sum(), None);
    let reset = place.bring_back(&it, &saved).unwrap();
    assert_eq!(sum().as_ref(), Some(&before));
    assert_eq!(server.psql(&shop, "SELECT * FROM many").as_deref(), Some("500"));
    place.bring_back(&it, &reset);
    assert_eq!(sum(), None, "the undo is undone");
    let encoding = || server.psql(&shop, "SHOW server_encoding");
    assert_eq!(encoding().as_deref(), Some("LATIN1"));
    server.psql("postgres", &format!("DROP DATABASE {shop}")).unwrap();
    place.bring_back(&it, &saved);
    assert_eq!((sum().as_ref(), encoding().as_deref()), (Some(&before), Some("LATIN1")));
    let names = "SELECT string_agg(datname, ' ' ORDER BY datname COLLATE \"C\") FROM pg_database \
        WHERE NOT datistemplate AND datname <> 'postgres'";
    let names = server.psql("postgres", names);
    assert_eq!(names, Some(format!("shop_undo shop_undone {shop}")));
}
