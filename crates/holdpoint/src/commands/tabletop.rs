//! `holdpoint tabletop`: the nine-second incident, unguarded and then guarded.

use clap::{Args, ValueEnum};
use holdpoint_drill::{
    kill_chain::Scenario as Chain,
    story,
    tabletop::{self, Progress, Silent},
};

use crate::status::{CommandError, Ended, Status};

/// The nine-second incident, unguarded and then guarded: a stand-in for the platform, an agent
/// that walks the kill chain with real tools, and this binary in between. Touches nothing else.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint tabletop --json | jq -e '.unguarded.volume_deleted and (.guarded.volume_deleted|not)'")]
pub struct Tabletop {
    /// Which way the volume is deleted.
    #[arg(long, default_value = "volume-delete")]
    scenario: Scenario,
}

/// The ways in which the volume is deleted.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    /// By the mutation that says so.
    VolumeDelete,
    /// By a change set committed to an environment.
    EnvironmentPatch,
}

/// Shows on standard error what happens now.
struct Told;

impl Progress for Told {
    fn step(&mut self, text: &str) {
        eprintln!("… {text}");
    }
}

/// Runs the drill. Ends with 1 if the guarded run did not save the data.
pub fn run(drill: Tabletop, json: bool) -> Ended {
    let scenario = match drill.scenario {
        Scenario::VolumeDelete => Chain::VolumeDelete,
        Scenario::EnvironmentPatch => Chain::EnvironmentPatch,
    };
    let binary = std::env::current_exe().map_err(CommandError::unable)?;
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::unable)?;
    let mut progress: Box<dyn Progress> = if json { Box::new(Silent) } else { Box::new(Told) };
    let drilled = runtime
        .block_on(tabletop::run(&binary, scenario, progress.as_mut()))
        .map_err(CommandError::unable)?;
    match json {
        true => println!("{}", serde_json::to_string(&drilled).map_err(CommandError::unable)?),
        false => println!("{}", story::tell(&drilled)),
    }
    Ok(if drilled.saved() { Status::Done } else { Status::Wanting })
}
