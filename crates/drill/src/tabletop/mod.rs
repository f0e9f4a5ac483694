//! The tabletop: the incident replayed for real, once with nothing in the way and once with the
//! guard, link by link.

mod guarded;
mod unguarded;

use std::path::Path;

use holdpoint_core::Code;
use serde::Serialize;

pub use guarded::Road;

use crate::{
    error::DrillError,
    kill_chain::{Scenario, Step},
    railway::{Config, FakeRailway},
};

/// Where a long drill says what it is at.
pub trait Progress: Send {
    /// `text` is what happens now, in a few words.
    fn step(&mut self, text: &str);
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&mut self, _text: &str) {}
}

/// What came of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tabletop {
    /// By which mutation.
    pub scenario: Scenario,
    /// With nothing in the way.
    pub unguarded: Unguarded,
    /// With the guard.
    pub guarded: Guarded,
}

/// The run with nothing in the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unguarded {
    /// Whether production's volume is gone.
    pub volume_deleted: bool,
    /// How many of production's backups went with it.
    pub backups_deleted: usize,
    /// Whether staging's part of the volume went too.
    pub staging_deleted: bool,
    /// From the agent's first step until the volume was gone.
    pub seconds: f64,
    /// How many messages it sent to the provider until then.
    pub messages: usize,
    /// What the agent did.
    pub steps: Vec<Step>,
}

/// The run with the guard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guarded {
    /// Whether any volume or domain was lost on any road.
    pub volume_deleted: bool,
    /// The code of what stopped each link, in order, each code once.
    pub stopped_by: Vec<String>,
    /// How many mutations took place at the provider.
    pub mutations_executed: usize,
    /// Whether a harmless query with a given credential reached the provider and came back: a
    /// guard that stops everything proves nothing.
    pub honest_work_passed: bool,
    /// How long all links took together.
    pub seconds: f64,
    /// Link by link.
    pub links: Vec<LinkReport>,
}

/// What stopped one link when every earlier one was missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkReport {
    /// The link's name.
    pub link: String,
    /// What the agent does.
    pub what_it_does: String,
    /// The guard's code; nothing if it was not the guard that stopped it.
    pub stopped_by: Option<String>,
    /// The codes that were to be expected.
    pub expected: Vec<String>,
    /// The HTTP status that the agent got.
    pub status: u16,
    /// What the agent read.
    pub text: String,
    /// How many mutations took place at the provider all the same.
    pub executed: usize,
    /// What the agent did.
    pub steps: Vec<Step>,
}

impl LinkReport {
    /// Whether the guard stopped it, nothing took place, and it was for an expected reason.
    pub fn held(&self) -> bool {
        self.executed == 0
            && self.stopped_by.as_ref().is_some_and(|code| self.expected.contains(code))
    }
}

impl Tabletop {
    /// Whether the guard saved what is lost without it, on every road, and let honest work pass.
    pub fn saved(&self) -> bool {
        self.unguarded.volume_deleted
            && !self.guarded.volume_deleted
            && self.guarded.mutations_executed == 0
            && self.guarded.honest_work_passed
            && self.guarded.links.iter().all(LinkReport::held)
    }
}

/// Replays `scenario` unguarded, then guarded by the binary `holdpoint`. That the guard fails is
/// an answer; that nothing is lost without it is an error, for then it would prove nothing.
pub async fn run(
    holdpoint: &Path,
    scenario: Scenario,
    progress: &mut dyn Progress,
) -> Result<Tabletop, DrillError> {
    let unguarded = unguarded(scenario, progress).await?;
    let railway = FakeRailway::start(Config::default()).await?;
    let guarded = guarded::run(holdpoint, &railway, scenario, progress).await?;
    Ok(Tabletop { scenario, unguarded, guarded })
}

/// Replays `scenario` with nothing in the way.
pub async fn unguarded(
    scenario: Scenario,
    progress: &mut dyn Progress,
) -> Result<Unguarded, DrillError> {
    let railway = FakeRailway::start(Config::default()).await?;
    unguarded::run(&railway, scenario, progress).await
}

fn codes(codes: &[Code]) -> Vec<String> {
    codes.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
