//! `holdpoint policy`: what is allowed, held and denied.

use std::{fs, path::Path, path::PathBuf};

use clap::{Args, Subcommand};
use holdpoint_core::policy::{Pdp, PolicySource};
use serde_json::json;

use super::{Here, suggest::suggest};
use crate::status::{CommandError, Ended, Status};

/// More than this is no policy file.
const POLICY_BYTES_MAX: u64 = 1 << 20;

/// What is allowed, held and denied: the starter policies, and yours.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint policy check team.cedar")]
pub struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the policies in force, as Cedar.
    Show,
    /// Check a file as if it were loaded: grammar, schema, and that obligations can only help.
    Check {
        /// A file of Cedar policies.
        file: PathBuf,
    },
    /// Print what a run would have needed: listings, grants and inventory, as commands to choose
    /// from.
    Suggest {
        /// The run.
        run: String,
    },
}

/// Runs `holdpoint policy`.
pub fn run(policy: Policy, here: &Here) -> Ended {
    let mut sources = sources(&here.config.policies)?;
    match policy.verb {
        Verb::Suggest { run } => suggest(&run, here),
        Verb::Show => {
            let pdp = Pdp::load(&sources).map_err(CommandError::unable)?;
            let text: String = sources
                .iter()
                .map(|source| format!("// ==== {} ====\n\n{}\n", source.name, source.text))
                .collect();
            let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            here.print(&json!({ "digest": pdp.digest(), "sources": names }), &text)?;
            Ok(Status::Done)
        }
        Verb::Check { file } => {
            sources.push(read(&file)?);
            match Pdp::load(&sources) {
                Ok(pdp) => {
                    here.print(&json!({ "ok": true, "digest": pdp.digest() }), "in order")?;
                    Ok(Status::Done)
                }
                Err(error) => {
                    here.print(
                        &json!({ "ok": false, "error": error.to_string() }),
                        &error.to_string(),
                    )?;
                    Ok(Status::Wanting)
                }
            }
        }
    }
}

/// The starter policies and those of the configuration.
pub fn sources(files: &[PathBuf]) -> Result<Vec<PolicySource>, CommandError> {
    let starter = std::iter::once(Ok(PolicySource::starter()));
    starter.chain(files.iter().map(|file| read(file))).collect()
}

/// One policy file.
pub fn read(path: &Path) -> Result<PolicySource, CommandError> {
    let failed =
        |error: &dyn std::fmt::Display| CommandError::usage(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > POLICY_BYTES_MAX {
        return Err(failed(&format!("more than {POLICY_BYTES_MAX} bytes are no policy file")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    Ok(PolicySource { name: path.display().to_string(), text })
}
