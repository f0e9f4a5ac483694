//! The project's own chores, run as `cargo xtask <chore>`.

mod tidy;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Checks the rules of the house: arrows, purity, size, docs, words, mints, leftovers.
    #[command(after_help = "Example: cargo xtask tidy")]
    Tidy {
        /// The root of the tree to check.
        #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
        root: PathBuf,
    },
}

/// 0: in order. 1: found wanting. 3: could not look. (2, called wrongly, is clap's.)
fn main() -> ExitCode {
    let Chore::Tidy { root } = Arguments::parse().chore;
    match tidy::check(&root) {
        Ok(findings) if findings.is_empty() => {
            println!("tidy: in order");
            ExitCode::SUCCESS
        }
        Ok(findings) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("tidy: {} to mend", findings.len());
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::from(3)
        }
    }
}
