//! Container engines of their own, in a directory that goes with them: Docker's server, and the
//! place that Podman's program is told to keep things in. No container ever starts in them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    holdpoint::until,
    npm::tools,
    tree::{Leaf, tree},
};

/// An engine; it ends with the value.
#[derive(Debug)]
pub struct Containers {
    dir: TempDir,
    /// Docker's server, and where its programs are.
    server: Option<(Child, PathBuf)>,
}

impl Drop for Containers {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.server {
            // It ends what it has started, and unmounts it.
            let id = nix::unistd::Pid::from_raw(server.id() as i32);
            let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
            let _ = server.wait();
        }
    }
}

/// Where Podman keeps things; by copies, which need nothing of the machine.
const STORAGE: &str =
    "[storage]\ndriver = \"vfs\"\ngraphroot = \"DIR/root\"\nrunroot = \"DIR/run\"\n";

impl Containers {
    /// Podman, with a storage of its own.
    pub fn podman() -> Self {
        let dir = tempfile::Builder::new().prefix("hp-podman-").tempdir().unwrap();
        let text = STORAGE.replace("DIR", dir.path().to_str().unwrap());
        fs::write(dir.path().join("storage.conf"), text).unwrap();
        Self { dir, server: None }
    }

    /// Docker. Only root can start its server; `None` for others.
    pub fn docker() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let dir = tempfile::Builder::new().prefix("hp-docker-").tempdir().unwrap();
        let own = tools().join("docker/usr");
        let path = match own.exists() {
            true => format!("{0}/sbin:{0}/bin", own.display()),
            false => "/usr/sbin:/usr/bin".to_owned(),
        };
        let mut server = Command::new("dockerd");
        let at = |name: &str| dir.path().join(name).display().to_string();
        server.args(["--data-root", &at("root"), "--exec-root", &at("run")]);
        server.args(["--pidfile", &at("pid"), "--host", &format!("unix://{}", at("socket"))]);
        server.args(["--storage-driver", "vfs", "--bridge", "none", "--group", "root"]);
        server.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false"]);
        let inherited = std::env::var("PATH").unwrap_or_default();
        server.env("PATH", format!("{path}:{inherited}"));
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let server = server.stdout(Stdio::null()).stderr(log).spawn();
        let server = server.expect("no Docker: ./test unpacks it");
        let it = Self { dir, server: Some((server, path.into())) };
        until("Docker", || it.try_does(&it.command("version")).then_some(()));
        Some(it)
    }

    /// What leads programs to this engine.
    pub fn environment(&self) -> Vec<(String, String)> {
        let at = |name: &str| self.dir.path().join(name).display().to_string();
        let (name, value) = match self.server {
            Some(_) => ("DOCKER_HOST", format!("unix://{}", at("socket"))),
            None => ("CONTAINERS_STORAGE_CONF", at("storage.conf")),
        };
        vec![(name.to_owned(), value)]
    }

    /// A command line of the engine's own program.
    pub fn command(&self, words: &str) -> String {
        let led = self.environment();
        let led: Vec<String> = led.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let program = if self.server.is_some() { "docker" } else { "podman" };
        format!("{} {program} {words}", led.join(" "))
    }

    /// Runs it as an agent would, with the engine's own programs first.
    pub fn does(&self, command: &str) {
        assert!(self.try_does(command), "{command}");
    }

    fn try_does(&self, command: &str) -> bool {
        let mut shell = Command::new("bash");
        if let Some((_, path)) = &self.server {
            let inherited = std::env::var("PATH").unwrap_or_default();
            shell.env("PATH", format!("{}:{inherited}", path.display()));
        }
        let done = shell.args(["-c", command]).output().unwrap();
        if !done.status.success() {
            println!("{command}: {}", String::from_utf8_lossy(&done.stderr));
        }
        done.status.success()
    }

    /// What an engine says to a question of its own program.
    pub fn says(&self, words: &str) -> String {
        let file = self.dir.path().join("said");
        self.does(&format!("{} > {}", self.command(words), file.display()));
        fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// Where the contents of a volume lie.
    pub fn place(&self, volume: &str) -> PathBuf {
        self.dir.path().join("root/volumes").join(volume).join("_data")
    }

    /// Makes a volume with these labels, and puts something into it of every kind.
    pub fn volume(&self, name: &str, labels: &str) {
        self.does(&self.command(&format!("volume create {labels} {name}")));
        let place = self.place(name);
        fs::create_dir_all(place.join("base/13/deep")).unwrap();
        fs::write(place.join("base/13/1249"), format!("rows of {name}")).unwrap();
        fs::write(place.join("PG_VERSION"), "15\n").unwrap();
        fs::write(place.join("base/big"), vec![7; 3 << 20]).unwrap();
        fs::hard_link(place.join("base/13/1249"), place.join("second name")).unwrap();
        symlink("base/13", place.join("link")).unwrap();
        for (name, mode) in [("base", 0o1770), ("base/13/1249", 0o4640), ("", 0o750)] {
            fs::set_permissions(place.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        if nix::unistd::geteuid().is_root() {
            for name in ["base", "base/13/1249", "PG_VERSION", ""] {
                chown(place.join(name), Some(999), Some(998)).unwrap();
            }
            fs::set_permissions(place.join("base/13/1249"), fs::Permissions::from_mode(0o4640))
                .unwrap();
        }
    }

    /// What is in a volume, with modes and owners; to the second, as archives have it, and without
    /// the time of its root.
    pub fn contents(&self, volume: &str) -> Vec<(PathBuf, Leaf)> {
        contents(&self.place(volume))
    }
}

fn contents(place: &Path) -> Vec<(PathBuf, Leaf)> {
    let found = tree(place, &|_| false).into_iter();
    let seen = found.map(|(path, leaf)| {
        let is_root = path.as_os_str().is_empty();
        let modified = if is_root { (0, 0) } else { (leaf.modified.0, 0) };
        (path, Leaf { modified, ..leaf })
    });
    seen.collect()
}
