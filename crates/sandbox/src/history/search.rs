//! The search of a history: every object of a repository, but for those that are known to be clean.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use super::{Name, hexadecimal, name};
use crate::view::{Mask, SEARCHED_MAX};

/// Objects of one repository that are searched.
const OBJECTS_MAX: usize = 5_000_000;
/// Where files are of which nobody knows what they are called.
pub(super) const NAMELESS: &str = "history";
/// What is seen of a file that is too long to be masked.
const TOO_LONG: &[u8] = b"holdpoint: this file holds secrets and is too long to be masked\n";
/// What the parts of such a file have in common, so that nothing is cut in two.
const OVERLAP: usize = 64 * 1024;

/// What a search of a history came to.
#[derive(Debug, Default)]
pub struct Found {
    /// Files with secrets, as they are to be seen.
    pub(super) masked: BTreeMap<Name, Vec<u8>>,
    /// Commits and tags with secrets in their messages, likewise.
    pub(super) messages: BTreeMap<Name, (String, Vec<u8>)>,
}

impl Found {
    /// How many files are masked.
    pub fn count(&self) -> usize {
        self.masked.len()
    }

    /// How many messages of commits and tags are.
    pub fn messages(&self) -> usize {
        self.messages.len()
    }
}

/// Searches all objects of the repository at `git`, whose files are in `tree`, but for those that
/// `known` says are clean; it hears of the others that are.
pub fn search(
    git: &Path,
    tree: &Path,
    mask: &dyn Mask,
    known: &mut BTreeSet<Name>,
) -> io::Result<Found> {
    let listed = call(git, &["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"])?;
    let listed = text(listed);
    if listed.lines().next().is_some_and(|first| name(first).is_none()) {
        return Err(io::Error::other("its objects have names that we do not read"));
    }
    let all = listed.lines().filter_map(name);
    let new: Vec<Name> = all.take(OBJECTS_MAX).filter(|name| !known.contains(name)).collect();
    if new.is_empty() {
        return Ok(Found::default());
    }
    let named = call(git, &["rev-list", "--objects", "--all", "--reflog"]).map(text);
    let paths: HashMap<Name, PathBuf> = named
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(it, path)| Some((name(it)?, tree.join(path))))
        .collect();
    let path = |name: &Name| paths.get(name).cloned().unwrap_or_else(|| tree.join(NAMELESS));
    search_these(git, &new, &path, mask, known)
}

/// Searches objects by their names; `path` says what a file is called.
pub(super) fn search_these(
    git: &Path,
    names: &[Name],
    path: &dyn Fn(&Name) -> PathBuf,
    mask: &dyn Mask,
    known: &mut BTreeSet<Name>,
) -> io::Result<Found> {
    let mut child =
        git_in(git).args(["cat-file", "--batch", "--buffer"]).stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let asked = names.to_vec();
    // Both ends of a pipe would wait for each other.
    let ask = thread::Builder::new().spawn(move || ask(input, &asked))?;
    let found = read_all(&mut child, mask, path, known);
    // It has ended, or is of no more use.
    let _ = child.kill();
    let _ = child.wait();
    let _ = ask.join();
    found
}

fn ask(mut input: impl io::Write, names: &[Name]) -> io::Result<()> {
    let mut input = io::BufWriter::new(&mut input);
    for name in names {
        writeln!(input, "{}", hexadecimal(name))?;
    }
    input.flush()
}

fn read_all(
    child: &mut Child,
    mask: &dyn Mask,
    path: &dyn Fn(&Name) -> PathBuf,
    known: &mut BTreeSet<Name>,
) -> io::Result<Found> {
    let mut output = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
    let (mut found, mut line) = (Found::default(), String::new());
    loop {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            return Ok(found);
        }
        let mut words = line.split_whitespace();
        let (object, kind, size) = (words.next(), words.next(), words.next());
        let (Some(object), Some(kind), Some(size)) = (object.and_then(name), kind, size) else {
            // What is missing (a partial clone) cannot be read inside either.
            continue;
        };
        let size: u64 = size.parse().map_err(io::Error::other)?;
        let mut content = (&mut output).take(size);
        let seen = match kind {
            "tree" => None,
            _ => seen(&path(&object), &mut content, mask)?,
        };
        // What is left of it, and the end of its line.
        io::copy(&mut content, &mut io::sink())?;
        io::copy(&mut (&mut output).take(1), &mut io::sink())?;
        match seen {
            None => drop(known.insert(object)),
            Some(seen) if kind == "blob" => drop(found.masked.insert(object, seen)),
            Some(seen) => drop(found.messages.insert(object, (kind.to_owned(), seen))),
        }
    }
}

/// What is seen of the content of an object; nothing if it is seen as it is.
pub(super) fn seen(
    path: &Path,
    content: &mut dyn io::Read,
    mask: &dyn Mask,
) -> io::Result<Option<Vec<u8>>> {
    let mut part = Vec::new();
    content.take(SEARCHED_MAX).read_to_end(&mut part)?;
    let masked = mask.masked(path, &part, false);
    if part.len() as u64 != SEARCHED_MAX {
        return Ok(masked);
    }
    let mut secret = masked.is_some();
    loop {
        part.drain(..part.len().saturating_sub(OVERLAP));
        let before = part.len();
        content.take(SEARCHED_MAX - before as u64).read_to_end(&mut part)?;
        if part.len() == before {
            return Ok(secret.then(|| TOO_LONG.to_vec()));
        }
        secret = secret || mask.masked(path, &part, false).is_some();
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn call(git: &Path, words: &[&str]) -> io::Result<Vec<u8>> {
    let output = git_in(git).args(words).output()?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// The kind and the content of an object.
pub(super) fn object(git: &Path, name: &Name) -> io::Result<(String, Vec<u8>)> {
    let word = hexadecimal(name);
    let kind = text(call(git, &["cat-file", "-t", &word])?).trim().to_owned();
    let bytes = call(git, &["cat-file", &kind, &word])?;
    Ok((kind, bytes))
}

/// Git that reads one repository as it is: no replacements, nothing fetched, no configuration but
/// that repository's.
fn git_in(git: &Path) -> Command {
    let mut command = crate::kept::git_alone();
    command.arg("--git-dir").arg(git).args(["-c", "core.fsmonitor=false"]);
    command.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_NO_LAZY_FETCH", "1");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory");
    command.env("GIT_CONFIG_VALUE_0", "*").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
