//! A stand-in for Railway and a gateway in front of it, both of whose clocks a test sets: what is
//! approved, and what becomes of it in the two days after.

use std::process::Stdio;

use serde_json::Value;

use crate::{
    curl::{Answer, Curl},
    holdpoint::{Called, PASSPHRASE, until},
    stage::Stage,
    two_clocks::TwoClocks,
};

/// An hour in seconds.
pub const HOUR: i64 = 3600;
/// How long the starter policies let a released deletion in production wait, in seconds.
pub const WINDOW: i64 = 48 * HOUR;
/// A minute in seconds.
pub const MINUTE: i64 = 60;

/// The stage, with clocks of its own.
pub struct WindowStage {
    /// Railway, the binary, the gateway.
    pub stage: Stage,
    /// The clocks of the gateway, of commands and of agents.
    pub clocks: TwoClocks,
    variables: Vec<(String, String)>,
    phantom: String,
}

impl WindowStage {
    /// Starts all of it, with this `holdpoint.toml`, an approver, and a credential for volumes.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        Self::set_at(binary, configuration, 0, &[]).await
    }

    /// The same at another time: so many seconds from now, with these variables.
    pub async fn set_at(
        binary: &str,
        configuration: &str,
        wall: i64,
        variables: &[(&str, &str)],
    ) -> Self {
        let clocks = TwoClocks::new();
        clocks.set(wall, 0);
        let mut all: Vec<(String, String)> = clocks.variables().into();
        all.extend(variables.iter().map(|(name, it)| ((*name).to_owned(), (*it).to_owned())));
        let mut stage = Stage::set(binary, configuration).await;
        stage.holdpoint.enrol("ada");
        let phantom = stage.phantom("railway-volumes", "railway:volume*");
        stage.restart(&borrowed(&all));
        Self { stage, clocks, variables: all, phantom }
    }

    /// Ends the gateway as a power cut would, and starts the next.
    pub fn cut(&mut self) {
        self.stage.gateway.cut();
        self.restart();
    }

    /// Starts the next gateway, once the one that runs has ended.
    pub fn restart(&mut self) {
        let variables = self.variables.clone();
        self.stage.restart(&borrowed(&variables));
    }

    /// A client with the identity of a new agent, by the same clocks.
    pub fn agent(&self, name: &str) -> Curl {
        let mut agent = self.call(&["agents", "new", name, "--json"]).json();
        for (name, value) in &self.variables {
            agent["env"][name] = value.as_str().into();
        }
        Curl::new(&agent)
    }

    /// Has `agent` delete `volume`.
    pub fn delete(&self, agent: &Curl, volume: &str) -> Answer {
        agent
            .railway(&self.phantom, &format!("mutation {{ volumeDelete(volumeId: \"{volume}\") }}"))
    }

    /// A new volume whose deletion is approved and scheduled; its id, and the hold's.
    pub fn scheduled(&self, agent: &Curl, name: &str) -> (String, String) {
        let volume = self.stage.railway.add_volume(name).unwrap();
        let held = self.delete(agent, &volume);
        assert_eq!((held.status, held.code().as_str()), (428, "needs_approval"), "{held:?}");
        let hold = extensions(&held)["hold"].as_str().unwrap().to_owned();
        let approved = self.approve(&hold, &volume);
        assert_eq!(approved.status, 0, "{approved:?}");
        self.until_state(&hold, "scheduled");
        (volume, hold)
    }

    /// Releases a hold as ada, by the same clocks.
    pub fn approve(&self, hold: &str, name: &str) -> Called {
        self.call_with(&["approve", hold, "--name", name], PASSPHRASE)
    }

    /// Calls the binary by the same clocks.
    pub fn call(&self, arguments: &[&str]) -> Called {
        self.call_with(arguments, "")
    }

    /// The same, with `input` on its standard input.
    pub fn call_with(&self, arguments: &[&str], input: &str) -> Called {
        use std::io::Write as _;
        let mut command = self.stage.holdpoint.command(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever asks for nothing may be gone before it is said.
        let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    /// What `holdpoint holds` says of a hold.
    pub fn hold(&self, hold: &str) -> Value {
        let all = self.call(&["holds", "--all", "--json"]).json();
        all.as_array().unwrap().iter().find(|it| it["hold"] == hold).cloned().unwrap_or_default()
    }

    /// Waits until a hold is in this state.
    pub fn until_state(&self, hold: &str, state: &str) {
        until(state, || (self.hold(hold)["state"] == state).then_some(()));
    }

    /// What `holdpoint holds --scheduled` says.
    pub fn countdowns(&self) -> Vec<Value> {
        self.call(&["holds", "--scheduled", "--json"]).json().as_array().unwrap().clone()
    }

    /// The states that the ledger has of a hold's schedule, in order.
    pub fn recorded(&self, hold: &str) -> Vec<String> {
        let records =
            self.stage.holdpoint.records_from(0).into_iter().map(|it| it["record"].clone());
        let schedules = records.filter(|it| it["kind"] == "schedule" && it["hold"] == hold);
        schedules.map(|it| it["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Sets both clocks while no gateway runs, and starts one.
    pub fn later(&mut self, seconds: i64) {
        self.stage.gateway.end();
        self.clocks.set(seconds, seconds);
        self.restart();
    }
}

/// The fields of a refusal in GraphQL's shape.
pub fn extensions(answer: &Answer) -> Value {
    answer.json()["errors"][0]["extensions"].clone()
}

fn borrowed(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
