//! A stand-in for Railway with a gateway in front of it.

use holdpoint_drill::railway::{Config, FakeRailway, HOSTS};

use crate::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// A stand-in for Railway, and a gateway that dials it.
pub struct Stage {
    /// The upstream.
    pub railway: FakeRailway,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    arguments: Vec<String>,
    _ca: tempfile::NamedTempFile,
}

impl Stage {
    /// Starts both, with this `holdpoint.toml`; Railway's hosts are listed.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        let railway = FakeRailway::start(Config::default()).await.unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), railway.ca_pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let resolve = |host| ["--resolve".to_owned(), format!("{host}:443:{}", railway.addr())];
        let mut arguments = vec!["--upstream-ca".to_owned(), ca.path().display().to_string()];
        arguments.extend(HOSTS.iter().flat_map(resolve));
        let gateway = up(&holdpoint, &arguments, &[]);
        for host in HOSTS {
            holdpoint.json(&["hosts", "add", host, "--speaks", "graphql", "--json"]);
        }
        Self { railway, holdpoint, gateway, arguments, _ca: ca }
    }

    /// Ends the gateway, if it still runs, and starts another on the same state with this
    /// `environment`. It listens at another address.
    pub fn restart(&mut self, environment: &[(&str, &str)]) {
        self.gateway.end();
        self.gateway = up(&self.holdpoint, &self.arguments, environment);
    }

    /// The same, but where `host` is dialled only `holdpoint.toml` says.
    pub fn restart_without(&mut self, host: &str) {
        let fixed = |argument: &String| argument.starts_with(&format!("{host}:"));
        let flags = self.arguments.chunks(2).filter(|flag| !flag.iter().any(fixed));
        self.arguments = flags.flatten().cloned().collect();
        self.restart(&[]);
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// Gives a fresh account credential for `purpose`; the phantom.
    pub fn phantom(&self, name: &str, purpose: &str) -> String {
        let credential = self.railway.issue_account_credential().unwrap();
        let mut arguments = vec!["secrets", "add", name, "--purpose", purpose, "--json"];
        arguments.extend(HOSTS.iter().flat_map(|host| ["--host", *host]));
        self.holdpoint.call_with(&arguments, &credential).json()["phantom"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn up(holdpoint: &Holdpoint, arguments: &[String], environment: &[(&str, &str)]) -> Gateway {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    holdpoint.up(&arguments, environment)
}
