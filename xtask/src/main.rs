//! The project's own chores, run as `cargo xtask <chore>`.

mod corpus;
mod tidy;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use xtask::dist;

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
    /// Judges the corpus of commands, and prints what is missed and what is stopped for nothing.
    #[command(after_help = "Example: cargo xtask corpus --list")]
    Corpus {
        /// Name every line that is judged wrongly; not those that are kept aside.
        #[arg(long)]
        list: bool,
        /// Those as well: whoever has seen a family has not kept it aside any more.
        #[arg(long, requires = "list")]
        aside: bool,
    },
    /// Writes `docs/coverage.md` from the corpus and the documented incidents.
    #[command(after_help = "Example: cargo xtask coverage ../../shared/incidents/incidents.jsonl")]
    Coverage {
        /// The documented incidents.
        incidents: PathBuf,
    },
    /// Makes what is released: an archive with its installer, a Debian package, checksums.
    #[command(after_help = "Example: cargo xtask dist --out target/dist")]
    Dist {
        /// Where it is made.
        #[arg(long, default_value = "target/dist")]
        out: PathBuf,
        /// Take this binary, as it is, instead of building one.
        #[arg(long)]
        binary: Option<PathBuf>,
    },
}

/// The root of the tree.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 0: in order. 1: found wanting. 3: could not look. (2, called wrongly, is clap's.)
fn main() -> ExitCode {
    let ended = match Arguments::parse().chore {
        Chore::Tidy { root } => tidied(&root),
        Chore::Corpus { list, aside } => judged(Path::new(ROOT), list, aside),
        Chore::Coverage { incidents } => covered(Path::new(ROOT), &incidents),
        Chore::Dist { out, binary } => released(Path::new(ROOT), binary.as_deref(), &out),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::from(3)
    })
}

fn tidied(root: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let findings = tidy::check(root)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: in order");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("tidy: {} to mend", findings.len());
    Ok(ExitCode::from(1))
}

fn released(root: &Path, binary: Option<&Path>, out: &Path) -> Result<ExitCode, Box<dyn Error>> {
    for file in dist::make(root, binary, out)? {
        println!("{:>12} {}", fs::metadata(&file)?.len(), file.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn judged(root: &Path, list: bool, aside: bool) -> Result<ExitCode, Box<dyn Error>> {
    let lines = corpus::judge(root)?;
    let (first, now) = (corpus::Figures::first(root)?, corpus::Figures::of(&lines));
    println!("{}\nfirst: {first}\nnow:   {now}", now.beside(&first));
    let named = |it: &&corpus::Line| list && (aside || it.kind != corpus::Kind::Aside);
    for line in lines.iter().filter(named).filter(|it| !it.is_right()) {
        let what = if line.stopped { "stopped" } else { "passed" };
        println!("{what} {:?}/{} {}", line.kind, line.family, line.text);
    }
    Ok(ExitCode::SUCCESS)
}

fn covered(root: &Path, incidents: &Path) -> Result<ExitCode, Box<dyn Error>> {
    fs::write(root.join("docs/coverage.md"), corpus::coverage(root, Some(incidents))?)?;
    Ok(ExitCode::SUCCESS)
}
