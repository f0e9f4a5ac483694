//! Stores of snapshots on another machine, both fakes: restic's REST protocol in Python, and moto.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::python::Python;

const REST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/restic_rest_stand_in.py");
const S3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/s3_stand_in.py");
/// The fake of S3, and a client of it, pinned.
const PACKAGES: [&str; 2] = ["moto[s3,server]==5.2.1", "boto3==1.44.5"];

/// A store that runs; it ends with the value.
#[derive(Debug)]
pub struct Store {
    child: Child,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Where its files lie, if it keeps any.
    pub folder: TempDir,
    packages: Option<PathBuf>,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Store {
    /// Behind its first port it only appends, behind the second it removes as well.
    pub fn rest() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("python3");
        command.arg(REST).arg(folder.path());
        Self::start(command, folder, None)
    }

    /// Three buckets: `locked`, `lenient` and `open`; packages go to `folder`
    /// (`env!("CARGO_TARGET_TMPDIR")`).
    pub fn s3(folder: &str) -> Self {
        let packages = Python::with(folder, &PACKAGES).packages().to_owned();
        let mut command = Command::new("python3");
        command.arg(S3).env("PYTHONPATH", &packages);
        Self::start(command, tempfile::tempdir().unwrap(), Some(packages))
    }

    fn start(mut command: Command, folder: TempDir, packages: Option<PathBuf>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().unwrap()).collect();
        assert!(!ports.is_empty(), "the store does not start");
        Self { child, ports, folder, packages }
    }

    /// Python, with whatever this store's own clients need.
    pub fn python(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command.args(["-c", script]).args(arguments);
        if let Some(packages) = &self.packages {
            command.env("PYTHONPATH", packages);
        }
        command
    }
}
