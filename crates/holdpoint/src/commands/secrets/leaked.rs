//! `holdpoint secrets leaked`: what agents have seen in clear.

use std::{env, path::PathBuf};

use clap::Args;
use holdpoint_catalog::credentials::Finder;
use holdpoint_posture::{
    leaks::{Leak, grouped, leaks, transcripts},
    search::Cache,
};

use super::{super::Here, found::forget_phantoms};
use crate::status::{CommandError, Ended, Status};

/// What agents have seen in clear, as their own transcripts say, in the home and in this
/// directory. Whoever runs the model has seen it too: treat it as compromised.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint secrets leaked\n\nEnds with 1 if there is any.")]
pub(super) struct LeakedFlags {
    /// A workspace into which agents write transcripts, beside this directory.
    path: Option<PathBuf>,
}

/// Runs `holdpoint secrets leaked`.
pub(super) fn run(flags: &LeakedFlags, here: &Here) -> Ended {
    let secrets = here.state.secrets();
    let fingerprint = |value: &str| secrets.fingerprint(value);
    let workspace = match &flags.path {
        Some(path) => path
            .canonicalize()
            .map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?,
        None => env::current_dir().map_err(CommandError::unable)?,
    };
    let home = env::var_os("HOME").map(PathBuf::from);
    let roots = [Some(workspace), home].into_iter().flatten().collect::<Vec<_>>();
    let mut transcripts = transcripts(roots.iter().map(PathBuf::as_path));
    transcripts.sort_unstable();
    transcripts.dedup();
    let cache = |root: &std::path::Path| Cache::open(&here.dir, root);
    let (mut exposed, searched) = leaks(&transcripts, Finder::shared(), &fingerprint, cache);
    forget_phantoms(here, &mut exposed)?;
    exposed.retain(|it| !it.is_test());
    // What a store that does not open says of a name is nothing; the leak is told all the same.
    let leaked = grouped(exposed, |it| secrets.of_fingerprint(it).ok().flatten());
    let unsearched: Vec<_> = searched.iter().flat_map(|it| &it.unsearched).collect();
    let fact = serde_json::json!({ "leaked": leaked, "unsearched": unsearched });
    let lines: String = leaked.iter().map(line).collect();
    let count = leaked.len();
    here.print(&fact, &format!("{lines}{count} credentials in {} transcripts", transcripts.len()))?;
    let none = leaked.is_empty() && unsearched.is_empty();
    Ok(if none { Status::Done } else { Status::Wanting })
}

fn line(leak: &Leak) -> String {
    let exposed = &leak.exposed;
    let place = leak.places.first().map_or_else(String::new, |path| path.display().to_string());
    let name = exposed.name.escape_debug();
    let rotate = match &leak.secret {
        Some(secret) => format!("holdpoint secrets rotate {secret}"),
        None => "make it anew at its provider".to_owned(),
    };
    let kind = exposed.kind.name;
    format!(
        "{name} ({kind}), {} times, first in {place}:{}: treat it as compromised: {rotate}\n",
        leak.times, exposed.line
    )
}
