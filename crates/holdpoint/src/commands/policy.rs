//! `holdpoint policy`: what is allowed, held and denied.

use std::{fs, path::Path, path::PathBuf};

use clap::{Args, Subcommand};
use holdpoint_core::{
    Digest,
    policy::{Pdp, PolicySource},
};
use holdpoint_store::Config;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Here,
    suggest::suggest,
    trial::{self, Try},
};
use crate::status::{CommandError, Ended, Status};

/// More than this is no policy file.
const POLICY_BYTES_MAX: u64 = 1 << 20;

/// What is allowed, held and denied: the starter policies, and yours.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint policy check team.cedar\n  holdpoint policy try team.cedar --since 14d")]
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
    /// Replay what is recorded against a change: what it would have released, held and refused.
    Try(Try),
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
        Verb::Try(own) => trial::run(&own, here),
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

/// The policies in the modes that are configured.
pub fn in_modes(pdp: Pdp, config: &Config) -> Result<Pdp, CommandError> {
    pdp.in_modes(config.modes.clone()).map_err(|unknown| {
        CommandError::usage(format!(
            "holdpoint.toml: [modes] {unknown}: there is no such rule or reason; `holdpoint policy \
             show` names the rules by their @id"
        ))
    })
}

/// One policy file.
pub fn read(path: &Path) -> Result<PolicySource, CommandError> {
    let failed =
        |error: &dyn std::fmt::Display| CommandError::usage(format!("{}: {error}", path.display()));
    if !path.exists() {
        return Err(failed(&"there is no such file; write it, or name another"));
    }
    let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > POLICY_BYTES_MAX {
        return Err(failed(&format!("more than {POLICY_BYTES_MAX} bytes are no policy file")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    Ok(PolicySource { name: path.display().to_string(), text })
}

/// Where the sources of policies that were valid are kept.
const LAST_VALID: &str = "policies.valid";

/// Sources that were valid when they were last loaded, and the digest that they had then.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    digest: Digest,
    sources: Vec<(String, String)>,
}

impl Kept {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    fn load(self) -> Result<Pdp, CommandError> {
        let sources = self.sources.into_iter();
        let sources: Vec<_> = sources.map(|(name, text)| PolicySource { name, text }).collect();
        Pdp::load_again(&sources, self.digest).map_err(CommandError::unable)
    }
}

/// The policies that are configured, if they are valid; else those that were when they were last
/// loaded from the state directory `dir`. What was valid once is not validated again.
pub fn last_valid(dir: &Path, files: &[PathBuf]) -> Result<Pdp, CommandError> {
    if files.is_empty() {
        return Pdp::starter().map_err(CommandError::unable);
    }
    let path = dir.join(LAST_VALID);
    let kept = Kept::read(&path);
    let digest = kept.as_ref().map_or(Digest([0; 32]), |kept| kept.digest);
    let loaded = sources(files).and_then(|sources| {
        let pdp = Pdp::load_again(&sources, digest).map_err(CommandError::usage)?;
        Ok((sources, pdp))
    });
    match (loaded, kept) {
        (Ok((sources, pdp)), _) => {
            if pdp.digest() != digest {
                let sources = sources.into_iter().map(|it| (it.name, it.text)).collect();
                let kept = Kept { digest: pdp.digest(), sources };
                let text = serde_json::to_vec(&kept).map_err(CommandError::unable)?;
                // If it cannot be kept, there is nothing to fall back on; these are valid.
                let _kept = replace(&path, &text);
            }
            Ok(pdp)
        }
        (Err(_), Some(kept)) => kept.load(),
        (Err(error), None) => Err(error),
    }
}

/// Puts a file in place as a whole, its owner's alone.
pub(super) fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let new = path.with_extension(format!("new.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    fs::rename(&new, path)
}
