//! What belongs beside the binary and is made from its own command line: completions for shells,
//! and manual pages.

use std::{fs, io, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{
    cli::Cli,
    status::{CommandError, Ended, Status},
};

/// Completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint completions bash > ~/.local/share/bash-completion/completions/holdpoint")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// Manual pages, one for each verb.
#[derive(Debug, Args)]
pub struct Man {
    /// Where they are written.
    dir: PathBuf,
}

/// Runs `holdpoint completions`.
pub fn completions(of: &Completions) -> Ended {
    clap_complete::generate(of.shell, &mut Cli::command(), "holdpoint", &mut io::stdout());
    Ok(Status::Done)
}

/// Writes the manual pages.
pub fn man(man: &Man) -> Ended {
    fs::create_dir_all(&man.dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &man.dir))
        .map_err(CommandError::unable)?;
    Ok(Status::Done)
}
