//! Patterns of the shell: `*`, `?`, `[…]`, in words, in `case` and for files.

use super::{overlay::Overlay, path};

/// Whether `text` is of the form of `pattern`; a backslash in it quotes. `?` and `*` meet slashes
/// as in `case`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where the last asterisk stood, and how much it has swallowed: linear times linear at worst.
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        match one(&pattern, at, text.get(seen).copied().unwrap_or_default()) {
            Some(next) => {
                at = next;
                seen += 1;
            }
            None if pattern.get(at) == Some(&'*') => {
                retry = Some((at, seen));
                at += 1;
            }
            None => match retry {
                Some((star, swallowed)) => {
                    retry = Some((star, swallowed + 1));
                    at = star + 1;
                    seen = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == '*')
}

/// Behind what in the pattern stands for this one letter.
fn one(pattern: &[char], at: usize, letter: char) -> Option<usize> {
    match pattern.get(at)? {
        '*' => None,
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&letter)).then_some(at + 2),
        '[' => match set(pattern, at + 1, letter) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (letter == '[').then_some(at + 1),
        },
        own => (*own == letter).then_some(at + 1),
    }
}

/// Whether a letter is in the set that begins at `at`, and where the set ends.
fn set(pattern: &[char], mut at: usize, letter: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let begin = at;
    let mut inside = false;
    loop {
        let low = *pattern.get(at)?;
        if low == ']' && at > begin {
            return Some((inside != negated, at + 1));
        }
        let high = match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(high)) if *high != ']' => {
                at += 2;
                *high
            }
            _ => low,
        };
        inside |= (low..=high).contains(&letter);
        at += 1;
    }
}

/// Whether a word is a pattern for everything in its directory: `*`, `./*`, `x/.[!.]*`.
pub(super) fn is_all(word: &str) -> bool {
    let last = word.trim_end_matches('/').rsplit('/').next().unwrap_or(word);
    matches!(last, "*" | "**" | ".*" | ".[!.]*" | ".??*" | "{*,.*}" | "*.*" | "..?*" | ".[^.]*")
}

/// Whether a pattern for everything takes hidden names as well, a repository's history among them.
pub(super) fn takes_hidden(word: &str) -> bool {
    let last = word.trim_end_matches('/').rsplit('/').next().unwrap_or(word);
    is_all(word) && !matches!(last, "*" | "**" | "*.*")
}

/// The files and directories that `glob` matches from `directory`, spelt as the glob is.
pub(super) fn files(files: &Overlay<'_>, directory: &str, glob: &str) -> Vec<String> {
    let absolute = glob.starts_with('/');
    let prefix: Vec<&str> = glob.split('/').take_while(|part| !is_glob(part)).collect();
    let root = match (absolute, prefix.join("/")) {
        (true, prefix) => path::normal(&format!("/{prefix}"), "/"),
        (false, prefix) => path::normal(&prefix, directory),
    };
    let rest: Vec<&str> =
        glob.split('/').skip(prefix.len()).filter(|part| !part.is_empty()).collect();
    let spelt = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.join("/")) };
    let mut found: Vec<String> = Vec::new();
    for file in files.below(&root) {
        let Some(below) = file.strip_prefix(root.trim_end_matches('/')) else { continue };
        let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        let hidden = |pattern: &str, part: &str| part.starts_with('.') && !pattern.starts_with('.');
        let fits = parts.len() >= rest.len()
            && rest
                .iter()
                .zip(&parts)
                .all(|(pattern, part)| !hidden(pattern, part) && matches(pattern, part));
        if fits {
            let name = format!(
                "{spelt}{}",
                parts.iter().take(rest.len()).copied().collect::<Vec<_>>().join("/")
            );
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// Whether a part of a path is a pattern.
pub(super) fn is_glob(part: &str) -> bool {
    part.contains(['*', '?', '['])
}
