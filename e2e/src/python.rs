//! Real clients in Python, behind the gateway: what PyPI has, installed once into a folder of
//! the build.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::curl::Curl;

/// What the clients need, pinned: their words are compared.
const PACKAGES: [&str; 2] = ["httpx[http2]==0.28.1", "grpcio==1.85.1"];

/// Python with the packages of the clients.
#[derive(Debug)]
pub struct Python {
    packages: PathBuf,
}

impl Python {
    /// Python with the clients of HTTP/2.
    pub fn with_clients(folder: &str) -> Self {
        Self::with(folder, &PACKAGES)
    }

    /// Installs what is missing into `folder` (`env!("CARGO_TARGET_TMPDIR")`). Several tests may
    /// do so at once: whoever is first has done it for all.
    pub fn with(folder: &str, names: &[&str]) -> Self {
        let packages = Path::new(folder).join(format!("python-{}", names.join("-")));
        if !packages.exists() {
            let made = tempfile::tempdir_in(folder).unwrap();
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            let mut install = Command::new("python3");
            install.args(pip).args(["--no-input", "--target"]).arg(made.path()).args(names);
            let installed = install.output().unwrap();
            assert!(installed.status.success(), "pip: {installed:?}");
            // Where another test was first, ours is thrown away with `made`.
            if let Err(error) = std::fs::rename(made.path(), &packages) {
                assert!(packages.exists(), "{error}");
            }
        }
        Self { packages }
    }

    /// Where the packages are.
    pub fn packages(&self) -> &Path {
        &self.packages
    }

    /// Python, as `agent` would run it.
    pub fn program(&self, agent: &Curl) -> Command {
        let mut command = agent.program("python3");
        command.env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Python with `script` and `arguments`, as `agent` would run it.
    pub fn command(&self, agent: &Curl, script: &str, arguments: &[&str]) -> Command {
        let mut command = self.program(agent);
        command.args(["-c", script]).args(arguments);
        command
    }

    /// Runs `script` to its end, which must be a good one; what it printed.
    pub fn run(&self, agent: &Curl, script: &str, arguments: &[&str]) -> String {
        let output = self.command(agent, script, arguments).output().unwrap();
        let (said, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{said}\n{errors}");
        said
    }
}
