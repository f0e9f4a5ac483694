//! A run that is asked for inside of a run. It may ask for less, never for more; and as the way out
//! and the mounts are made outside, the same is all that can be had.

use std::process::Command;

use holdpoint_sandbox::{Mark, wait};

use super::Run;
use crate::status::{CommandError, Ended, Status};

/// Runs `holdpoint run` inside of the run that `mark` is of.
pub fn nested(run: &Run, mark: &Mark) -> Ended {
    check(run, mark)?;
    let Some((program, arguments)) = run.command.split_first() else {
        return Err(CommandError::usage("say what to run: `holdpoint run -- CMD`"));
    };
    eprintln!("holdpoint: run {} guards this already; nothing is added to it", mark.run);
    let status = Command::new(program).args(arguments).status().map_err(|error| {
        CommandError::unable(format!("cannot run {}: {error}", program.display()))
    })?;
    Ok(Status::Of(wait::Ended::from(status).0))
}

fn check(run: &Run, mark: &Mark) -> Result<(), CommandError> {
    let (own, run_name) = (mark.task.ring, &mark.run);
    let refused = |text: String| Err(CommandError::usage(format!("{text}; nothing was started")));
    let more = run.unguarded
        || (run.learn && !mark.task.learns)
        || run.ring.is_some_and(|ring| ring < own)
        || !run.also.is_empty()
        || run.environment.is_some_and(|it| mark.task.environment.is_some_and(|own| own != it));
    if more {
        return refused(format!(
            "this is inside of run {run_name}, in ring {own}: from here nobody can ask for more \
             than it has"
        ));
    }
    match run.ring.filter(|ring| *ring > own) {
        Some(ring) => refused(format!(
            "this is inside of run {run_name}, in ring {own}: ask the human to start a run of its \
             own in ring {ring}"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use holdpoint_core::identity::{Ring, Task};
    use holdpoint_sandbox::Mark;

    use super::check;
    use crate::cli::{Cli, Verb};

    #[test]
    fn the_same_and_never_more() {
        for (own, arguments, passes) in [
            (Ring::Supervised, &["--task", "a part of it"][..], true),
            (Ring::Supervised, &["--ring", "2"], true),
            (Ring::Untrusted, &[], true),
            (Ring::Untrusted, &["--ring", "3"], true),
            (Ring::Untrusted, &["--ring", "2"], false),
            (Ring::Supervised, &["--ring", "3"], false),
            (Ring::Supervised, &["--ring", "1"], false),
            (Ring::Supervised, &["--ring", "0"], false),
            (Ring::Untrusted, &["--ring", "1"], false),
            (Ring::Supervised, &["--unguarded"], false),
            (Ring::Supervised, &["--learn"], false),
            (Ring::Supervised, &["--also", "/"], false),
            (Ring::Supervised, &["--environment", "production"], false),
            (Ring::Supervised, &["--environment", "staging"], true),
        ] {
            let environment = Some(holdpoint_core::Environment::Staging);
            let task = Task { environment, ring: own, ..Task::default() };
            let mark = Mark { run: "r-1".into(), task };
            let words = ["holdpoint", "run"].iter().chain(arguments).chain(&["--", "true"]);
            let Ok(Cli { verb: Some(Verb::Run(run)), .. }) = Cli::try_parse_from(words) else {
                panic!("{arguments:?} is a run");
            };
            assert_eq!(check(&run, &mark).is_ok(), passes, "{own:?} {arguments:?}");
        }
    }
}
