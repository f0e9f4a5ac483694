//! What the human is told: a few lines at the start, silence, a summary at the end. All of it on
//! standard error, as standard output is the command's.

use std::{ffi::OsStr, fmt::Write as _, path::Path, time::Instant};

use holdpoint_core::{
    identity::{Principal, Ring},
    ledger::{Record, RecordKind},
};
use holdpoint_sandbox::{environment::Environment, layout::Ground};
use holdpoint_store::ledger::{DIRECTORY, Reader};

use super::{Gateway, Here};

/// What is to be told of one run.
#[derive(Debug)]
pub(super) struct Told {
    banner: String,
    run: String,
    began: Instant,
    /// How many records there were; none where they are another user's.
    records: Option<u64>,
}

impl Told {
    /// Of a run that is about to begin.
    pub(super) fn begin(
        here: &Here,
        principal: &Principal,
        program: &OsStr,
        ground: &Ground,
        environment: &Environment,
        gateway: &Gateway,
    ) -> Self {
        let own = gateway.door.is_none();
        let records = own.then(|| reader(&here.dir).map_or(0, |reader| reader.head().size));
        let banner = banner(principal, program, ground, environment, gateway);
        Self { banner, run: principal.run.clone(), began: Instant::now(), records }
    }

    /// With further lines at the start.
    pub(super) fn and(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.banner.extend(lines.into_iter().map(|line| line + "\n"));
        self
    }

    /// At the start, with what is said of the undo point.
    pub(super) fn start(&self, point: &str) {
        eprintln!("{}  undo point   {point}", self.banner);
    }

    /// At the end.
    pub(super) fn end(
        &self,
        here: &Here,
        principal: &Principal,
        code: u8,
        changed: Option<String>,
    ) {
        let seconds = self.began.elapsed().as_secs();
        let counted = match self.records {
            Some(first) => count(&here.dir, first, principal)
                .unwrap_or_else(|| "the ledger cannot be read".to_owned()),
            None => "what it sent is in the ledger of its gateway".to_owned(),
        };
        let changed = changed.map_or_else(String::new, |changed| format!("; {changed}"));
        let run = &self.run;
        eprintln!("holdpoint: run {run} ended with {code} after {seconds} s: {counted}{changed}");
        if principal.task.learns {
            eprintln!("holdpoint: what it would need to be listed: holdpoint policy suggest {run}");
        }
    }
}

/// At most three lines; secrets, the undo point and services of this machine are one each.
fn banner(
    principal: &Principal,
    program: &OsStr,
    ground: &Ground,
    environment: &Environment,
    gateway: &Gateway,
) -> String {
    let task = &principal.task;
    let description = task.description.as_deref().unwrap_or("not said (--task)");
    let place = task.environment.map_or_else(|| "any".to_owned(), |it| it.to_string());
    let started = gateway.started.map_or_else(String::new, |process| {
        format!("; the gateway was started for it (process {process}) and stays")
    });
    let (run, ring) = (&principal.run, principal.task.ring);
    let learns = if task.learns { "; it learns" } else { "" };
    let Environment { passed, left_out, .. } = environment;
    [
        format!(
            "holdpoint: {} is guarded, run {run}{started}; to stop the run: holdpoint kill {run}",
            program.display()
        ),
        format!("  task         {description}; environment: {place}; ring: {ring}{learns}"),
        format!("{}; variables: {passed} passed, {left_out} left out", files(ground)),
    ]
    .map(|line| line + "\n")
    .concat()
}

fn files(ground: &Ground) -> String {
    let workspace = ground.workspace.display();
    match ground.mark.task.ring {
        Ring::Untrusted => format!(
            "  files        {workspace} and the system to read; what changes is thrown away"
        ),
        _ => format!("  files        {workspace} to change, the system to read"),
    }
}

fn reader(dir: &Path) -> Option<Reader> {
    Reader::open(&dir.join(DIRECTORY)).ok()
}

/// What was decided for this run since there were `first` records.
fn count(dir: &Path, first: u64, principal: &Principal) -> Option<String> {
    let (mut messages, mut held, mut refused, mut spared) = (0_u64, 0_u64, 0_u64, 0_u64);
    for record in reader(dir)?.records(first) {
        let Record { principal: Some(by), kind: RecordKind::Decision(decided), .. } =
            record.ok()?.1
        else {
            continue;
        };
        if by.run == principal.run {
            messages += 1;
            held += u64::from(decided.verdict == "hold");
            refused += u64::from(decided.verdict == "deny");
            spared += u64::from(decided.spared.is_some());
        }
    }
    let mut text = format!("{messages} messages, {held} held, {refused} refused");
    if spared > 0 {
        let _ = write!(text, ", {spared} passed by their mode (`holdpoint report`)");
    }
    if held > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, " (`holdpoint holds` shows what waits)");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{
        Environment as Place,
        identity::{Principal, Task},
    };
    use holdpoint_sandbox::{Mark, environment::Environment, home::Home, layout::Ground};

    use super::{Gateway, banner};

    #[test]
    fn six_lines_at_most() {
        let description = Some("fix the login page".to_owned());
        let task = Task { description, environment: Some(Place::Staging), ..Task::default() };
        let principal = Principal {
            agent: "run-1".into(),
            run: "r-4k2m9".into(),
            task,
            killed: false,
            did: None,
        };
        let ground = Ground {
            workspace: "/home/dev/app".into(),
            home: Home::of("/home/dev".into(), &["sh".into()]).unwrap(),
            also: Vec::new(),
            state: "/state".into(),
            binary: "/bin/holdpoint".into(),
            ca: "/state/ca.pem".into(),
            mark: Mark { run: "r-4k2m9".into(), task: principal.task.clone() },
        };
        let environment = Environment { variables: Vec::new(), passed: 12, left_out: 31 };
        let gateway = Gateway { ca: "/state/ca.pem".into(), started: Some(77), door: None };
        let told = banner(&principal, "claude".as_ref(), &ground, &environment, &gateway);
        assert!(told.lines().count() <= 3);
        insta::assert_snapshot!(told);
    }
}
