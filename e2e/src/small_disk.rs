//! A state directory on a disk of its own, in a mount namespace of its own: it can be full or
//! read-only without harm to anything else.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The disk; it goes with the value.
#[derive(Debug)]
pub struct SmallDisk {
    directory: TempDir,
    /// The process that keeps the namespace; it ends when its standard input does.
    keeper: Child,
}

impl SmallDisk {
    /// A disk of so many mebibytes, and `binary` made to see it.
    pub fn new(binary: &str, mebibytes: u32) -> Self {
        let directory = tempfile::Builder::new().prefix("holdpoint-disk-").tempdir().unwrap();
        fs::create_dir(directory.path().join("state")).unwrap();
        let mount = "mount -t tmpfs -o \"size=$1m,mode=700\" none \"$2\" && echo ready && cat";
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"])
            .arg(mebibytes.to_string())
            .arg(directory.path().join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        let script = format!(
            "#!/bin/sh\nexec nsenter --target {} --user --mount --preserve-credentials -- '{binary}' \"$@\"\n",
            keeper.id()
        );
        let disk = Self { directory, keeper };
        fs::write(disk.binary(), script).unwrap();
        fs::set_permissions(disk.binary(), fs::Permissions::from_mode(0o755)).unwrap();
        disk
    }

    /// Where the disk is, for whoever can see it.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The binary that can see it.
    pub fn binary(&self) -> PathBuf {
        self.directory.path().join("binary")
    }

    /// Leaves not a byte of room.
    pub fn fill(&self) {
        self.run("cat /dev/zero > \"$1/ballast\" 2>/dev/null; true");
    }

    /// Makes room again.
    pub fn clear(&self) {
        self.run("rm \"$1/ballast\"");
    }

    /// Lets nobody open a file to write, or everybody again.
    pub fn read_only(&self, only: bool) {
        self.run(match only {
            true => "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"",
            false => "umount \"$1\"",
        });
    }

    fn run(&self, script: &str) {
        let target = self.keeper.id().to_string();
        let enter = ["--target", &target, "--user", "--mount", "--preserve-credentials", "--"];
        let mut command = Command::new("nsenter");
        command.args(enter).args(["sh", "-c", script, "sh"]).arg(self.path());
        assert!(command.status().unwrap().success(), "{script}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
