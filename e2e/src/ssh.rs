//! A real server of SSH that knows a name of its own, as a bastion of production does, and real
//! tunnels through it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    npm::tools,
    running::{Process, free_port},
};

/// Whom everybody can be: a number without rights.
const NOBODY: u32 = 65534;
/// Where Debian keeps the server, and where `./test` unpacks it, which starts none.
const SERVER: &str = "/usr/sbin/sshd";

/// A server; ended with the value.
pub struct Bastion {
    dir: TempDir,
    port: u16,
    _process: Process,
}

impl Bastion {
    /// One for which `name` is itself.
    pub fn start(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("bastion-").tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        for key in ["host", "client"] {
            let mut made = Command::new("ssh-keygen");
            made.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key));
            assert!(made.status().unwrap().success());
        }
        let root = nix::unistd::geteuid().is_root();
        let user = if root { NOBODY } else { nix::unistd::geteuid().as_raw() };
        if root {
            chown(path("host"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let port = free_port();
        let shown = |name: &str| path(name).display().to_string();
        for (file, text) in [
            ("hosts", format!("127.0.0.1 localhost {name}\n")),
            ("passwd", format!("far:*:{user}:{user}::/tmp:/bin/sh\n")),
            (
                "settings",
                format!(
                    "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
                     PidFile none\nStrictModes no\nUsePAM no\n",
                    shown("host"),
                    shown("client.pub")
                ),
            ),
            (
                "start",
                "mount --bind hosts /etc/hosts && mount --bind passwd /etc/passwd || exit 9\n\
                 exec setpriv --inh-caps=-all --ambient-caps=-all \"$@\"\n"
                    .to_owned(),
            ),
        ] {
            fs::write(path(file), text).unwrap();
            fs::set_permissions(path(file), Permissions::from_mode(0o644)).unwrap();
        }
        let (server, libraries) = server(dir.path());
        let mut start = match root {
            true => {
                let mut start = Command::new("setpriv");
                start.args(["--reuid=65534", "--regid=65534", "--clear-groups", "unshare"]);
                start
            }
            false => Command::new("unshare"),
        };
        // The names that it knows are its own: in a namespace of mounts.
        start.args(["--user", "--mount", "--map-current-user", "--keep-caps", "sh", "start"]);
        start.arg(server).args(["-D", "-e", "-f"]).arg(path("settings")).current_dir(dir.path());
        start.env("LD_LIBRARY_PATH", libraries);
        start.stdin(Stdio::null()).stderr(fs::File::create(path("log")).unwrap());
        let process = Process::listening(&mut start, port);
        Self { dir, port, _process: process }
    }

    /// The words of a tunnel from `port` of this machine to `end`, as the bastion knows it.
    pub fn tunnel(&self, port: u16, end: &str) -> Process {
        let client = self.dir.path().join("client").display().to_string();
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-q", "-i", &client, "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes"]);
        ssh.args(["-N", "-L", &format!("{port}:{end}"), "-p", &self.port.to_string()]);
        ssh.arg("far@127.0.0.1").stdin(Stdio::null());
        Process::listening(&mut ssh, port)
    }
}

/// The server where everybody can run it, and its libraries.
fn server(dir: &Path) -> (PathBuf, PathBuf) {
    if Path::new(SERVER).exists() {
        return (SERVER.into(), PathBuf::new());
    }
    let unpacked = tools().join("sshd");
    let copied = Command::new("cp").arg("-a").arg(&unpacked).arg(dir).status().unwrap();
    assert!(copied.success(), "no server of SSH: ./test unpacks one");
    let own = dir.join("sshd");
    (own.join("usr/sbin/sshd"), own.join("usr/lib/x86_64-linux-gnu"))
}
