//! A gateway to which somebody passes the socket at which they listened for it, and a ledger that is not
//! there. A service manager that does so: `day/service.rs`.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use e2e::holdpoint::{Called, until};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Listens at an address, and passes that on to what it becomes, as sd_listen_fds(3) says.
const PASSES: &str = "
import os, socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='proxy')
os.execv(sys.argv[2], sys.argv[2:])
";

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for name in ["work", ".local/state/holdpoint"] {
        fs::create_dir_all(home.path().join(name)).unwrap();
    }
    let state = home.path().join(".local/state/holdpoint");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(state.join("holdpoint.toml"), "console = \"127.0.0.1:0\"\n").unwrap();
    fs::write(state.join("enrol.asked"), "later").unwrap();
    home
}

fn command(home: &Path, program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).env_clear().current_dir(home.join("work")).env("HOME", home);
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
    command
}

fn call(home: &Path, words: &[&str]) -> Called {
    command(home, BINARY, words).output().unwrap().into()
}

/// What the gateway says of itself.
fn said(home: &Path) -> Option<Value> {
    let text = fs::read(home.join(".local/state/holdpoint/gateway.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Takes note of its end, as its own parent would.
fn reap(mut child: Child) {
    std::thread::spawn(move || child.wait());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_gateway_goes_on_where_somebody_listened_for_it() {
    let home = home();
    let port = free_port();
    let words = ["-c", PASSES, &port.to_string(), BINARY, "up"];
    let mut gateway = command(home.path(), "/usr/bin/python3", &words);
    let gateway = gateway.stdout(Stdio::null()).spawn().unwrap();
    let said = until("the gateway", || said(home.path()));
    assert_eq!(said["proxy"], format!("127.0.0.1:{port}"));
    assert_eq!(said["pid"], gateway.id());
    let at: SocketAddr = said["proxy"].as_str().unwrap().parse().unwrap();
    assert!(TcpStream::connect(at).is_ok());
    // What it starts has none of it, and the file that was passed is not open twice.
    let open = fs::read_dir(format!("/proc/{}/fd", gateway.id())).unwrap().flatten();
    let listener = fs::read_to_string("/proc/net/tcp").unwrap();
    let inode =
        listener.lines().find(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A")));
    let inode = inode.unwrap().split_ascii_whitespace().nth(9).unwrap().to_owned();
    let socket = format!("socket:[{inode}]");
    let same = open.filter(|file| {
        fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket.as_str())
    });
    assert_eq!(same.count(), 1);
    reap(gateway);
    assert_eq!(call(home.path(), &["uninstall", "--yes"]).status, 1, "its program stays");
    // Passed to somebody else: it listens by itself.
    let mut other = command(home.path(), BINARY, &["up", "--proxy", "127.0.0.1:0"]);
    other.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").stdout(Stdio::null());
    let other = other.spawn().unwrap();
    until("another one", || self::said(home.path()).filter(|it| it["pid"] == other.id()));
    reap(other);
    assert_eq!(call(home.path(), &["uninstall", "--yes"]).status, 1);
}

#[test]
fn a_ledger_that_is_not_there_says_what_to_do() {
    let home = home();
    for words in [&["verify"][..], &["show"], &["show", "0"], &["prove", "0"]] {
        let called = call(home.path(), &[&["ledger"], words].concat());
        assert_eq!(called.status, 3, "{words:?}");
        assert!(called.stderr.contains("the first gateway begins it"), "{}", called.stderr);
        assert!(!called.stderr.contains("No such file"), "{}", called.stderr);
    }
    let mut up = command(home.path(), BINARY, &["up", "--proxy", "127.0.0.1:0"]);
    let gateway = up.stdout(Stdio::null()).spawn().unwrap();
    until("the gateway", || said(home.path()));
    reap(gateway);
    assert_eq!(call(home.path(), &["uninstall", "--yes"]).status, 1);
    assert_eq!(call(home.path(), &["ledger", "verify"]).status, 0);
    fs::remove_dir_all(home.path().join(".local/state/holdpoint/ledger")).unwrap();
    let called = call(home.path(), &["ledger", "verify"]);
    assert_eq!(called.status, 3);
    assert!(called.stderr.contains("though a ledger was begun here"), "{}", called.stderr);
}
