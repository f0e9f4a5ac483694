//! What an installed `kingfisher` finds beside us, by its own rules. It is asked without validation: no
//! credential is tried.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::search::Searched;

/// The program.
const PROGRAM: &str = "kingfisher";
/// Bytes of an answer.
const ANSWER_MAX: u64 = 256 << 20;
/// How long it may take.
const TIME_MAX: Duration = Duration::from_secs(300);
/// Directories in which programs are looked for.
const DIRECTORIES_MAX: usize = 256;

/// A find of its that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// The file.
    pub path: PathBuf,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Its rule.
    pub rule: String,
    /// A keyed fingerprint of the value.
    pub fingerprint: String,
}

#[derive(Deserialize)]
struct Answer {
    findings: Vec<Both>,
}

#[derive(Deserialize)]
struct Both {
    rule: Rule,
    finding: Finding,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
}

#[derive(Deserialize)]
struct Finding {
    snippet: String,
    line: usize,
    path: PathBuf,
}

/// What it finds below `roots` and was not `searched` out by us; nothing if it is not installed.
pub fn others(
    roots: &[PathBuf],
    searched: &Searched,
    fingerprint: &dyn Fn(&str) -> String,
) -> io::Result<Option<Vec<Other>>> {
    let path = env::var_os("PATH").unwrap_or_default();
    let Some(program) = program(&path, roots) else { return Ok(None) };
    let answer = ask(&program, roots, TIME_MAX)?;
    let answer: Answer = serde_json::from_slice(&answer)?;
    Ok(Some(beside(answer, searched, fingerprint)))
}

fn beside(answer: Answer, searched: &Searched, fingerprint: &dyn Fn(&str) -> String) -> Vec<Other> {
    let own: BTreeSet<(&Path, usize)> =
        searched.exposed.iter().filter_map(|it| Some((it.path.as_deref()?, it.line))).collect();
    let known: BTreeSet<&str> =
        searched.exposed.iter().filter_map(|it| it.fingerprint.as_deref()).collect();
    let mut seen = BTreeSet::new();
    let others = answer.findings.into_iter().map(|Both { rule, finding }| Other {
        fingerprint: fingerprint(&finding.snippet),
        path: finding.path,
        line: finding.line,
        rule: rule.id,
    });
    others
        .filter(|it| !own.contains(&(it.path.as_path(), it.line)))
        .filter(|it| !known.contains(it.fingerprint.as_str()))
        .filter(|it| seen.insert((it.path.clone(), it.line)))
        .collect()
}

/// Where it is installed, but for places that somebody else writes to: what lies below `roots` may be an
/// agent's, and what everybody may write anybody's.
fn program(path: &OsStr, roots: &[PathBuf]) -> Option<PathBuf> {
    let roots: Vec<PathBuf> = roots.iter().filter_map(|root| fs::canonicalize(root).ok()).collect();
    let directories = env::split_paths(path).take(DIRECTORIES_MAX);
    let mut all = directories.filter(|directory| directory.is_absolute()).filter_map(|directory| {
        let directory = fs::canonicalize(directory).ok()?;
        Some((fs::canonicalize(directory.join(PROGRAM)).ok()?, directory))
    });
    let found = all.find(|(program, directory)| {
        let owns =
            |at: &Path| fs::metadata(at).is_ok_and(|it| it.permissions().mode() & 0o002 == 0);
        let inside = |at: &Path| roots.iter().any(|root| at.starts_with(root));
        let runs = |at: &Path| {
            fs::metadata(at).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        };
        let at = program.parent().unwrap_or(program);
        runs(program)
            && !inside(program)
            && !inside(directory)
            && [program, directory.as_path(), at].into_iter().all(owns)
    });
    found.map(|(program, _)| program)
}

/// Its answer about `roots`, if it comes in time.
fn ask(program: &Path, roots: &[PathBuf], time: Duration) -> io::Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.arg("scan").args(roots);
    command.args(["--no-validate", "--no-update-check", "--git-history", "none"]);
    command.args(["--format", "json"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let said = child.stdout.take();
    let (tell, hear) = mpsc::channel();
    let read = move || {
        let mut answer = Vec::new();
        let read = said.map_or(Ok(0), |said| said.take(ANSWER_MAX).read_to_end(&mut answer));
        // Whoever waited for it may be gone.
        let _ = tell.send(read.map(|_| answer));
    };
    thread::Builder::new().spawn(read)?;
    let answer = hear.recv_timeout(time);
    // What says more than that, or takes longer, is of no use any more.
    let _ = child.kill();
    child.wait()?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "kingfisher took too long");
    let answer = answer.map_err(late)??;
    // A summary may follow the one object.
    let mut objects =
        serde_json::Deserializer::from_slice(&answer).into_iter::<serde_json::Value>();
    match objects.next() {
        Some(Ok(_)) => Ok(answer.get(..objects.byte_offset()).unwrap_or_default().to_vec()),
        _ => Err(io::Error::other("kingfisher did not answer as its 2.14 does")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        io,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::{Path, PathBuf},
        time::{Duration, Instant},
    };

    use super::{Answer, PROGRAM, ask, beside, program};
    use crate::search::{Cache, search};

    fn install(directory: &Path, text: &str) {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join(PROGRAM), text).unwrap();
        fs::set_permissions(directory.join(PROGRAM), Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_program_that_an_agent_may_have_written_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| fs::canonicalize(dir.path()).unwrap().join(name);
        for name in ["work/bin", "own", "everybody"] {
            install(&at(name), "#!/bin/sh\n");
        }
        fs::create_dir(at("link")).unwrap();
        symlink(at("work/bin").join(PROGRAM), at("link").join(PROGRAM)).unwrap();
        symlink(at("work/bin"), at("way")).unwrap();
        fs::set_permissions(at("everybody"), Permissions::from_mode(0o777)).unwrap();
        for (directories, expect) in [
            (vec!["work/bin"], None),
            (vec!["link"], None),
            (vec!["way"], None),
            (vec!["everybody"], None),
            (vec!["none"], None),
            (vec!["own"], Some("own")),
            (vec!["work/bin", "link", "everybody", "own"], Some("own")),
        ] {
            let path = std::env::join_paths(directories.iter().map(|it| at(it))).unwrap();
            let found = program(&path, &[at("work")]);
            assert_eq!(found, expect.map(|it| at(it).join(PROGRAM)), "{directories:?}");
        }
        assert_eq!(program("own:.:".as_ref(), &[at("work")]), None);
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        install(dir.path(), "#!/bin/sh\nexec sleep 60\n");
        let began = Instant::now();
        let asked = ask(&dir.path().join(PROGRAM), &[], Duration::from_millis(200));
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn only_what_we_did_not_find_is_another_s() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a.env");
        std::fs::write(&file, "RAILWAY_API_TOKEN=3d2c42fb-9f1e-4b6a-8c0d-73aa51be90ab\nx\ny\n")
            .unwrap();
        let finder = holdpoint_catalog::credentials::Finder::shared();
        let searched = search(root.path(), finder, &mut Cache::default(), &str::to_owned);
        let of = |line: usize, snippet: &str, path: &PathBuf| serde_json::json!({"rule": {"id": "kf.x"}, "finding": {"snippet": snippet, "line": line, "path": path}});
        let answer = serde_json::json!({"findings": [
            of(1, "another value", &file),
            of(2, "3d2c42fb-9f1e-4b6a-8c0d-73aa51be90ab", &file),
            of(3, "new", &file),
            of(3, "new again", &file),
        ]});
        let answer: Answer = serde_json::from_value(answer).unwrap();
        let found = beside(answer, &searched, &str::to_owned);
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [3]);
    }
}
