//! An upstream that echoes, with a gateway in front of it.

use std::net::SocketAddr;

use holdpoint_drill::upstream::{Arrival, EchoUpstream};

use crate::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// A REST host that a human listed, in development.
pub const LISTED: &str = "api.example.test";
/// Another one.
pub const OTHER: &str = "other.example.test";
/// A host that nobody listed.
pub const UNLISTED: &str = "unlisted.example.test";
/// A model host that a preset lists.
pub const MODEL: &str = "api.openai.com";
/// A host that a human listed, and where nobody listens.
pub const GONE: &str = "gone.example.test";

/// An upstream behind four names, and a gateway that dials it for each of them.
pub struct EchoStage {
    /// The upstream.
    pub upstream: EchoUpstream,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    ca: tempfile::NamedTempFile,
}

impl EchoStage {
    /// Starts both, with this `holdpoint.toml`.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        Self::set_with(binary, configuration, &[]).await
    }

    /// Starts both, with this `holdpoint.toml`, and the gateway with these variables.
    pub async fn set_with(binary: &str, configuration: &str, variables: &[(&str, &str)]) -> Self {
        let upstream = EchoUpstream::https(&[LISTED, OTHER, UNLISTED, MODEL]).await.unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), upstream.ca_pem().unwrap()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        for host in [LISTED, OTHER, GONE] {
            let arguments = ["hosts", "add", host, "--speaks", "rest"];
            let environment = ["--environment", "development", "--json"];
            holdpoint.json(&[&arguments[..], &environment].concat());
        }
        let arguments = arguments(upstream.addr(), ca.path().to_str().unwrap());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let gateway = holdpoint.up(&arguments, variables);
        Self { upstream, holdpoint, gateway, ca }
    }

    /// What the gateway was started with, beside the address of its proxy.
    pub fn arguments(&self) -> Vec<String> {
        arguments(self.upstream.addr(), self.ca.path().to_str().unwrap())
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// Gives a secret for everything at `host`, in headers only; the phantom.
    pub fn phantom(&self, name: &str, host: &str, value: &str) -> String {
        self.phantom_in(&[], name, host, value)
    }

    /// Gives a secret for everything at `host`, in `places` too; the phantom.
    pub fn phantom_in(&self, places: &[&str], name: &str, host: &str, value: &str) -> String {
        let arguments = ["secrets", "add", name, "--host", host, "--purpose", "rest:*", "--json"];
        let places = places.iter().flat_map(|&place| ["--place", place]);
        let arguments: Vec<&str> = arguments.into_iter().chain(places).collect();
        let added = self.holdpoint.call_with(&arguments, value);
        assert_eq!(added.status, 0, "{}", added.stderr);
        added.json()["phantom"].as_str().unwrap().to_owned()
    }

    /// What arrived upstream.
    pub fn arrived(&self) -> Vec<Arrival> {
        self.upstream.log()
    }
}

fn arguments(upstream: SocketAddr, ca: &str) -> Vec<String> {
    let names = [LISTED, OTHER, UNLISTED, MODEL].map(|host| format!("{host}:443:{upstream}"));
    // The port of discard: nothing listens there on any machine of ours.
    let gone = format!("{GONE}:443:127.0.0.1:9");
    let resolve = names.into_iter().chain([gone]);
    let resolve = resolve.flat_map(|to| ["--resolve".to_owned(), to]);
    ["--upstream-ca".to_owned(), ca.to_owned()].into_iter().chain(resolve).collect()
}
