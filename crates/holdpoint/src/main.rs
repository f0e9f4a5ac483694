//! The `holdpoint` binary: reads the command line, runs one verb, and ends with its status.

use std::process::ExitCode;

use holdpoint::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::read()) {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("holdpoint: {error}");
            error.status().into()
        }
    }
}
