//! MariaDB and Redis on this machine: emptied or dropped, and brought back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "all of this file is a test")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;
use holdpoint_snapshots::{
    Cause,
    preserve::{Mysql, Preserve as _, Redis},
};

use place::Place;

mod place;

const PASSWORD: &str = "no secret but of a test";

/// A server of its own, ended with the value.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(port: u16, command: &mut Command, answers: impl Fn() -> bool) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: child.spawn().expect("it is installed"), port };
        let until = Instant::now() + Duration::from_secs(90);
        while !answers() {
            assert!(Instant::now() < until, "the server does not start");
            thread::sleep(Duration::from_millis(100));
        }
        server
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn mariadb(port: u16, sql: &str) -> Option<String> {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-u", "root"]);
    output(command.args(["-P", &port.to_string(), "-N", "-B", "-e", sql]))
}

fn mariadb_in(dir: &Path) -> Server {
    let (data, port) = (dir.join("data"), free_port());
    let data = format!("--datadir={}", data.display());
    let user = format!("--user={}", if rustix::process::geteuid().is_root() { "root" } else { "" });
    let own = |command: &mut Command| {
        command.arg("--no-defaults").arg(&data).args(Some(&user).filter(|it| it.ends_with("root")));
    };
    let mut install = Command::new("mariadb-install-db");
    own(&mut install);
    install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    output(&mut install).expect("mariadb-server is installed");
    let mut command = Command::new("mariadbd");
    own(&mut command);
    command.args(["--bind-address=127.0.0.1", &format!("--port={port}")]);
    command.arg(format!("--socket={}", dir.join("socket").display()));
    Server::start(port, &mut command, || mariadb(port, "SELECT 1").is_some())
}

#[test]
fn a_mariadb_database_that_was_emptied_or_dropped_comes_back() {
    let place = Place::new();
    let server = mariadb_in(place.dir.path());
    let sql = |text: &str| mariadb(server.port, text);
    sql(&format!(
        "CREATE USER app@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; \
                  GRANT ALL ON *.* TO app@'127.0.0.1'"
    ))
    .unwrap();
    sql("CREATE DATABASE shop_undo; CREATE TABLE shop_undo.mine (a int); \
         CREATE DATABASE shop CHARACTER SET latin1 COLLATE latin1_german1_ci; USE shop; \
         CREATE TABLE orders (id int PRIMARY KEY, what varbinary(40), at timestamp(6) NULL); \
         INSERT INTO orders SELECT seq, UNHEX(MD5(seq)), NOW(6) FROM seq_1_to_500; \
         CREATE VIEW many AS SELECT count(*) AS n FROM orders; \
         CREATE TRIGGER stamped BEFORE INSERT ON orders FOR EACH ROW SET NEW.at = NOW(6)")
    .unwrap();
    let sum = || sql("SELECT MD5(GROUP_CONCAT(id, HEX(what), at ORDER BY id)) FROM shop.orders");
    let before = sum().unwrap();
    let it = Mysql {
        host: "127.0.0.1".into(),
        port: server.port,
        user: "app".into(),
        database: "shop".into(),
        password: Some(PASSWORD.into()),
    };
    let mark = it.mark().unwrap();
    let saved = place.save(&it);
    assert_eq!(it.mark().unwrap(), mark, "reading changes no mark");
    sql("DELETE FROM shop.orders WHERE id > 3").unwrap();
    assert_ne!(it.mark().unwrap(), mark);
    let emptied = sum();
    // Whoever brings it back need not know the password.
    let unknown = Mysql { user: "root".into(), password: None, ..it.clone() };
    let there = place.bring_back(&unknown, &saved).unwrap();
    assert_eq!(sum().as_ref(), Some(&before));
    assert_eq!(sql("SELECT n FROM shop.many").as_deref(), Some("500"));
    let triggers = "SELECT count(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'";
    assert_eq!(sql(triggers).as_deref(), Some("1"));
    place.bring_back(&it, &there);
    assert_eq!(sum(), emptied, "the undo is undone");
    sql("DROP DATABASE shop").unwrap();
    assert_eq!(place.bring_back(&it, &saved), None);
    assert_eq!(sum(), Some(before));
    let collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
        WHERE SCHEMA_NAME = 'shop'";
    assert_eq!(sql(collation).as_deref(), Some("latin1_german1_ci"));
    let others = sql("SHOW DATABASES LIKE '%undo%'");
    assert_eq!(others.as_deref(), Some("shop_undo"));
    assert_eq!(sql("SELECT count(*) FROM shop_undo.mine").as_deref(), Some("0"));
    let wrong = Mysql { password: Some("wrong".into()), ..it };
    let cause = Cause { run: None, why: "before a test".to_owned() };
    assert!(place.snapshots.preserve(&wrong, &cause, Timestamp(3)).is_err());
}

#[test]
fn a_redis_server_that_was_flushed_comes_back() {
    let place = Place::new();
    let port = free_port();
    let redis = |arguments: &[&str]| {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port.to_string(), "-a", PASSWORD, "--no-auth-warning"]);
        output(command.args(arguments))
    };
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--requirepass", PASSWORD, "--dir", place.dir.path().to_str().unwrap()]);
    let server = Server::start(port, &mut command, || {
        redis(&["PING"]).is_some_and(|answer| answer == "PONG")
    });
    let redis = |arguments: &[&str]| redis(arguments).unwrap();
    let fill = "for i = 1, 3000 do redis.call('SET', 'k' .. i, string.rep('v', i % 99)) end \
                redis.call('RPUSH', 'list', 'a', 'b', 'a') redis.call('ZADD', 'set', 1, 'x', 2, 'y') \
                redis.call('SET', 'odd\\r\\n\\0key', 'v\\r\\n') redis.call('SET', 'later', '1', 'EX', 9999) \
                redis.call('SELECT', 3) redis.call('HSET', 'hash', 'f', '1')";
    redis(&["EVAL", fill, "0"]);
    let now = || {
        let hash = redis(&["-n", "3", "HGETALL", "hash"]);
        (redis(&["DBSIZE"]), hash, redis(&["STRLEN", "k98"]))
    };
    let before = now();
    let it = Redis {
        host: "127.0.0.1".into(),
        port: server.port,
        user: String::new(),
        password: Some(PASSWORD.into()),
    };
    let mark = it.mark().unwrap();
    let saved = place.save(&it);
    assert_eq!(it.mark().unwrap(), mark, "reading changes no mark");
    redis(&["FLUSHALL"]);
    redis(&["SET", "mine", "newer"]);
    assert_ne!(it.mark().unwrap(), mark);
    let unknown = Redis { password: None, ..it.clone() };
    let flushed = place.bring_back(&unknown, &saved).unwrap();
    assert_eq!(now(), before);
    assert_eq!(redis(&["LRANGE", "list", "0", "-1"]), "a\nb\na");
    let left: i64 = redis(&["TTL", "later"]).parse().unwrap();
    assert!((9000..=9999).contains(&left), "{left}");
    place.bring_back(&it, &flushed);
    assert_eq!((redis(&["DBSIZE"]), redis(&["GET", "mine"])), ("1".into(), "newer".into()));
    // What the server does not take any more takes nothing else away.
    let commands = |value: &str| {
        format!(
            "*6\r\n$7\r\nRESTORE\r\n$1\r\na\r\n$1\r\n0\r\n${}\r\n{value}\r\n$7\r\nREPLACE\r\n$6\r\nABSTTL\r\n",
            value.len()
        )
    };
    let from = place.dir.path().join("from");
    std::fs::create_dir(&from).unwrap();
    std::fs::write(from.join("commands.resp"), commands("of another version")).unwrap();
    assert!(it.take_in(&from).is_err());
    assert_eq!((redis(&["DBSIZE"]), redis(&["GET", "mine"])), ("1".into(), "newer".into()));
    let elsewhere = Redis { host: "cache.example.com".into(), ..it };
    let cause = Cause { run: None, why: "before a test".to_owned() };
    let refused = place.snapshots.preserve(&elsewhere, &cause, Timestamp(3)).unwrap_err();
    assert!(refused.to_string().contains("not on this machine"), "{refused}");
}
