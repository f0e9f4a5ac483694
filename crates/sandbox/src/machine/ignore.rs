//! What a repository ignores (gitignore(5)): the last pattern that fits decides, and what lies in
//! an ignored directory is ignored with it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::short;

/// The longest file of patterns that is read; of a longer one nothing counts as ignored.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Patterns of one file, and letters of one pattern.
const PATTERNS_MAX: usize = 2_000;
const LETTERS_MAX: usize = 500;
/// Steps of one comparison: a pattern of many stars fits nothing rather than take for ever.
const STEPS_MAX: usize = 20_000;

/// The patterns of a repository, read as they are needed.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    by_directory: Mutex<HashMap<PathBuf, Arc<Vec<Pattern>>>>,
}

/// One line of a file of patterns.
#[derive(Debug)]
struct Pattern {
    /// With `!`: what fits is not ignored after all.
    keeps: bool,
    /// With `/` at its end: only directories.
    directories: bool,
    /// With `/` elsewhere: seen from the file's directory, and not from any below.
    anchored: bool,
    letters: Vec<char>,
}

impl Ignored {
    /// Whether the repository at `root` ignores `path`.
    pub(super) fn is_ignored(&self, root: &Path, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(root) else { return false };
        let mut at = root.to_owned();
        for part in below.components() {
            at.push(part);
            if self.decides(root, &at) {
                return true;
            }
        }
        // A directory may ignore all that is in it: tools write that into what they build.
        let own = self.patterns(path);
        own.last().is_some_and(|it| !it.keeps && it.letters == ['*'])
    }

    /// Whether `path` itself is ignored, given that what it lies in is not.
    fn decides(&self, root: &Path, path: &Path) -> bool {
        let is_directory = path.is_dir();
        let mut ignored = false;
        let exclude = root.join(".git/info");
        let parents: Vec<&Path> =
            path.ancestors().skip(1).take_while(|it| it.starts_with(root)).collect();
        let nearest_last = parents.into_iter().rev();
        for (directory, patterns) in [(root, self.read(&exclude, "exclude"))]
            .into_iter()
            .chain(nearest_last.map(|directory| (directory, self.patterns(directory))))
        {
            let Ok(below) = path.strip_prefix(directory) else { continue };
            let below = below.to_string_lossy();
            for pattern in patterns.iter().filter(|it| is_directory || !it.directories) {
                if pattern.fits(&below) {
                    ignored = !pattern.keeps;
                }
            }
        }
        ignored
    }

    fn patterns(&self, directory: &Path) -> Arc<Vec<Pattern>> {
        self.read(directory, ".gitignore")
    }

    fn read(&self, directory: &Path, name: &str) -> Arc<Vec<Pattern>> {
        let mut known = self.by_directory.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let path = directory.join(name);
            let text = short::text(&path, FILE_BYTES_MAX).unwrap_or_default();
            Arc::new(text.lines().take(PATTERNS_MAX).filter_map(Pattern::read).collect())
        };
        Arc::clone(known.entry(directory.to_owned()).or_insert_with(read))
    }
}

impl Pattern {
    fn read(line: &str) -> Option<Self> {
        let line = match line.strip_suffix("\\ ") {
            Some(escaped) => format!("{escaped} "),
            None => line.trim_end().to_owned(),
        };
        if line.starts_with('#') || line.is_empty() || line.len() > LETTERS_MAX {
            return None;
        }
        let (keeps, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (
                false,
                line.strip_prefix('\\').filter(|it| it.starts_with(['#', '!'])).unwrap_or(&line),
            ),
        };
        let (directories, text) = match text.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let anchored = text.contains('/');
        let text = text.strip_prefix('/').unwrap_or(text);
        Some(Self { keeps, directories, anchored, letters: text.chars().collect() })
    }

    /// Whether it fits a path as seen from its file's directory.
    fn fits(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let text: Vec<char> = if self.anchored { path } else { name }.chars().collect();
        let mut steps = 0;
        fits(&self.letters, &text, &mut steps)
    }
}

/// Whether a pattern fits a text: `*` and `?` within one name, `**` across names, `[…]`.
fn fits(pattern: &[char], text: &[char], steps: &mut usize) -> bool {
    *steps += 1;
    if *steps > STEPS_MAX {
        return false;
    }
    match pattern {
        [] => text.is_empty(),
        ['*', '*', '/', rest @ ..] => {
            let mut starts =
                text.iter().enumerate().filter(|(_, it)| **it == '/').map(|(at, _)| at + 1);
            fits(rest, text, steps)
                || starts.any(|at| text.get(at..).is_some_and(|text| fits(rest, text, steps)))
        }
        ['/', '*', '*'] => matches!(text, ['/', _, ..]),
        ['*', '*', rest @ ..] | ['*', rest @ ..] => {
            let across = matches!(pattern, ['*', '*', ..]);
            let ends = (0..=text.len())
                .take_while(|end| across || !text.iter().take(*end).any(|letter| *letter == '/'));
            ends.into_iter().any(|end| text.get(end..).is_some_and(|text| fits(rest, text, steps)))
        }
        ['?', rest @ ..] => match text {
            [first, text @ ..] if *first != '/' => fits(rest, text, steps),
            _ => false,
        },
        ['[', rest @ ..] => match (rest.iter().position(|it| *it == ']'), text) {
            (Some(end), [first, text @ ..]) if end > 0 && *first != '/' => {
                let (set, rest) = rest.split_at_checked(end).unwrap_or_default();
                let rest = rest.strip_prefix(&[']']).unwrap_or(rest);
                in_set(set, *first) && fits(rest, text, steps)
            }
            _ => false,
        },
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => match text {
            [first, text @ ..] if first == letter => fits(rest, text, steps),
            _ => false,
        },
    }
}

/// Whether a letter is one of a set: letters and ranges, all others with `!`.
fn in_set(set: &[char], letter: char) -> bool {
    let (not, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    let mut rest = set;
    while let Some((first, more)) = rest.split_first() {
        match more {
            ['-', last, more @ ..] => {
                found |= (*first..=*last).contains(&letter);
                rest = more;
            }
            more => {
                found |= *first == letter;
                rest = more;
            }
        }
    }
    found != not
}
