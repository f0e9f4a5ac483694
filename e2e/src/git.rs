//! A code host with a gateway in front of it, and an agent's working copy with real git.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::{
    curl::Curl,
    git_host::{GitHost, HOST, with_identity},
    holdpoint::{Called, Gateway, Holdpoint, PASSPHRASE},
};

/// The repository that agents work on.
pub const REPOSITORY: &str = "acme/shop.git";

/// A code host, and a gateway that dials it.
pub struct GitStage {
    /// The upstream.
    pub host: GitHost,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    arguments: Vec<String>,
    _ca: tempfile::NamedTempFile,
}

impl GitStage {
    /// Starts both, with this `holdpoint.toml` and an approver.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        let host = GitHost::start().await;
        host.add_repository(REPOSITORY);
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), host.ca_pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let resolve = format!("{HOST}:443:{}", host.addr());
        let trust = ca.path().to_str().unwrap();
        let arguments = ["--upstream-ca", trust, "--resolve", &resolve].map(str::to_owned).to_vec();
        let gateway = up(&holdpoint, &arguments);
        holdpoint.enrol("ada");
        Self { host, holdpoint, gateway, arguments, _ca: ca }
    }

    /// Ends the gateway and starts another on the same state. It listens at another address.
    pub fn restart(&mut self) {
        self.gateway.end();
        self.gateway = up(&self.holdpoint, &self.arguments);
    }

    /// A new agent with a clone of the repository.
    pub fn agent(&self, name: &str) -> WorkingCopy {
        let agent = Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]));
        let copy = WorkingCopy { agent, folder: tempfile::tempdir().unwrap() };
        let url = format!("https://{HOST}/{REPOSITORY}");
        copy.git_in(copy.folder.path().to_owned(), &["clone", "--quiet", &url, "shop"]).done();
        copy
    }

    /// The same clone in the hands of another agent.
    pub fn hand_over(&self, copy: WorkingCopy, name: &str) -> WorkingCopy {
        let agent = Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]));
        WorkingCopy { agent, ..copy }
    }

    /// Where `reference` of the repository points, if it is there.
    pub fn tip(&self, reference: &str) -> Option<String> {
        self.host.tip(REPOSITORY, reference)
    }

    /// The newest open hold.
    pub fn hold(&self) -> String {
        let holds = self.holdpoint.json(&["holds", "--json"]);
        holds[0]["hold"].as_str().unwrap_or_else(|| panic!("no hold: {holds}")).to_owned()
    }

    /// Releases a hold; what the human types beside the passphrase is `name`.
    pub fn approve(&self, hold: &str, name: &str) {
        let answer =
            if name.is_empty() { PASSPHRASE.to_owned() } else { format!("{name}\n{PASSPHRASE}\n") };
        let approved = self.holdpoint.call_with(&["approve", hold], &answer);
        assert_eq!(approved.status, 0, "{} {}", approved.stdout, approved.stderr);
    }
}

fn up(holdpoint: &Holdpoint, arguments: &[String]) -> Gateway {
    holdpoint.up(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

/// A clone, and the agent that works in it.
pub struct WorkingCopy {
    agent: Curl,
    folder: TempDir,
}

impl WorkingCopy {
    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// The same behind a gateway that listens at `proxy` now.
    #[must_use]
    pub fn through(self, proxy: &str) -> Self {
        Self { agent: self.agent.through(proxy), ..self }
    }

    /// Calls git in it, with what the agent is given to get out.
    pub fn git(&self, arguments: &[&str]) -> Called {
        self.git_in(self.path(), arguments)
    }

    fn git_in(&self, folder: PathBuf, arguments: &[&str]) -> Called {
        let mut command = self.agent.program("git");
        with_identity(&mut command).current_dir(folder).args(arguments).output().unwrap().into()
    }

    /// Commits a file with this content; the commit's id.
    pub fn commit(&self, file: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path().join(file), content).unwrap();
        self.git(&["add", file]).done();
        self.git(&["commit", "--quiet", "-m", file]).done();
        self.git(&["rev-parse", "HEAD"]).done()
    }
}

impl Called {
    /// What it printed; panics if it did not end well.
    pub fn done(&self) -> String {
        assert_eq!(self.status, 0, "{} {}", self.stdout, self.stderr);
        self.stdout.trim().to_owned()
    }
}
