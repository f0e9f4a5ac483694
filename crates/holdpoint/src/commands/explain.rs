//! `holdpoint explain`: what would be decided, without doing it.

mod one;

use std::{
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use holdpoint_core::policy::{Pdp, PolicySource};
use holdpoint_enforce::explain;
use serde_json::json;

use crate::status::{CommandError, Ended, Status};

/// The longest line that is read: an episode with its fixtures.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// What would be decided, without doing it. Touches nothing and needs no running gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  holdpoint explain 'git push --force origin main'\n  holdpoint explain --batch episodes.jsonl | jq .verdict"
)]
pub struct Explain {
    /// What a command would do here, where, how sure that is, and what would be asked.
    #[arg(value_name = "CMD", required_unless_present = "batch", conflicts_with = "batch")]
    command: Option<String>,

    /// Which shell reads the command: `bash`, `powershell` or `cmd`.
    #[arg(long, value_name = "SHELL", default_value = "bash", requires = "command")]
    dialect: String,

    /// Print the facts about the command as JSON.
    #[arg(long, requires = "command")]
    json: bool,

    /// Judge episodes, one JSON object a line, from a file or from standard input (`-`).
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,

    /// Add to each operation the microseconds that it took to interpret and decide it.
    #[arg(long)]
    micros: bool,

    /// Judge by these policies as well as the starter policies.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
}

/// Answers what is asked: about one command, or about every line of a batch, in order. Of a batch
/// it ends with 2 if a line was malformed, whatever the verdicts.
pub fn run(explain: Explain) -> Ended {
    let mut sources = vec![PolicySource::starter()];
    for path in &explain.policy {
        sources.push(super::policy::read(path)?);
    }
    let pdp = Pdp::load(&sources).map_err(CommandError::usage)?;
    let Some(batch) = &explain.batch else {
        let command = explain.command.unwrap_or_default();
        return one::run(&pdp, command, &explain.dialect, explain.json);
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let malformed = answer_all(&pdp, input(batch)?, &mut output, explain.micros)
        .and_then(|malformed| output.flush().map(|()| malformed))
        .map_err(CommandError::unable)?;
    match malformed {
        0 => Ok(Status::Done),
        count => Err(CommandError::usage(format!("{count} malformed lines; see their `error`"))),
    }
}

/// The lines to be judged.
fn input(batch: &Path) -> Result<Box<dyn BufRead>, CommandError> {
    if batch == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = std::fs::File::open(batch)
        .map_err(|error| CommandError::unable(format!("{}: {error}", batch.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

/// Writes one answer for each line that is not blank; returns how many were malformed.
fn answer_all(
    pdp: &Pdp,
    mut input: impl BufRead,
    output: &mut impl Write,
    micros: bool,
) -> io::Result<usize> {
    let mut malformed = 0;
    for number in 1.. {
        let mut line = String::new();
        if input.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        match explain::explain(pdp, &line, number, micros) {
            Ok(answer) => serde_json::to_writer(&mut *output, &answer)?,
            Err(error) => {
                malformed += 1;
                let answer = json!({ "id": error.id, "error": error.to_string() });
                serde_json::to_writer(&mut *output, &answer)?;
            }
        }
        writeln!(output)?;
    }
    Ok(malformed)
}
