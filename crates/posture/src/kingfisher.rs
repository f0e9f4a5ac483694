//! What an installed `kingfisher` finds beside us, by its own rules. It is asked without validation: no
//! credential is tried.

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use crate::search::Searched;

/// The program.
const PROGRAM: &str = "kingfisher";
/// Bytes of an answer.
const ANSWER_MAX: u64 = 256 << 20;

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
    let Some(answer) = ask(roots)? else { return Ok(None) };
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

/// Its answer about `roots`.
fn ask(roots: &[PathBuf]) -> io::Result<Option<Vec<u8>>> {
    let mut command = Command::new(PROGRAM);
    command.arg("scan").args(roots);
    command.args(["--no-validate", "--no-update-check", "--git-history", "none"]);
    command.args(["--format", "json"]).stdin(Stdio::null());
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        spawned => spawned?,
    };
    let mut answer = Vec::new();
    let read = match child.stdout.take() {
        Some(said) => said.take(ANSWER_MAX).read_to_end(&mut answer),
        None => Ok(0),
    };
    // What says more than that is of no use any more.
    let _ = child.kill();
    child.wait()?;
    read?;
    // A summary may follow the one object.
    let mut objects =
        serde_json::Deserializer::from_slice(&answer).into_iter::<serde_json::Value>();
    match objects.next() {
        Some(Ok(_)) => Ok(Some(answer.get(..objects.byte_offset()).unwrap_or_default().to_vec())),
        _ => Err(io::Error::other("kingfisher did not answer as its 2.14 does")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Answer, beside};
    use crate::search::{Cache, search};

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
