//! Go, which is not parsed: calls that say plainly, by literals, what they take away, start or send.
//! The same calls with anything else make it code that nobody sees.

use super::{call::Pipe, expand::UNKNOWN, scope::Scope, targets, walk::Walk};
use crate::Unreadable;

/// Bytes of the arguments of one call, at most.
const ARGUMENTS_MAX: usize = 2_048;
/// How a line begins that `go generate` runs.
const GENERATES: &str = "//go:generate ";
/// What makes directories that go with the program.
const TEMPORARY: [&str; 3] = ["TempDir(", "MkdirTemp(", "CreateTemp("];

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Takes the file at its first argument away.
    Deletes,
    /// Starts a program: its words, behind so many arguments.
    Starts(usize),
    /// Sends a message: method and address, behind so many arguments.
    Sends(usize),
    /// Sends a body to the address that is its first argument.
    Posts,
    /// Something that its words do not say.
    Hides,
}

/// Functions, by their packages.
const CALLS: &[(&str, &str, Does)] = &[
    ("os", "RemoveAll", Does::Deletes),
    ("os", "Remove", Does::Deletes),
    ("os", "Truncate", Does::Deletes),
    ("os/exec", "Command", Does::Starts(0)),
    ("os/exec", "CommandContext", Does::Starts(1)),
    ("net/http", "NewRequest", Does::Sends(0)),
    ("net/http", "NewRequestWithContext", Does::Sends(1)),
    ("net/http", "Post", Does::Posts),
    ("net/http", "PostForm", Does::Posts),
    ("syscall", "Exec", Does::Hides),
    ("syscall", "ForkExec", Does::Hides),
    ("syscall", "Unlink", Does::Hides),
    ("syscall", "Rmdir", Does::Hides),
    ("plugin", "Open", Does::Hides),
];

impl Walk<'_> {
    /// Reads a file of Go; `generates` the commands in its comments, too. Whether all of it says
    /// what it does.
    pub(super) fn go(
        &mut self,
        scope: &mut Scope,
        text: &str,
        generates: bool,
    ) -> Result<bool, Unreadable> {
        let mut clear = true;
        for command in text.lines().filter_map(|it| it.strip_prefix(GENERATES)) {
            if generates {
                let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
                self.call(scope, &words, &Pipe::captured(None))?;
            }
        }
        let code: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        for (package, function, does) in CALLS {
            let Some(name) = named(&code, package) else { continue };
            for arguments in calls(&code, &format!("{name}{function}(")) {
                clear &= self.go_call(scope, &code, *does, &arguments)?;
            }
        }
        Ok(clear)
    }

    /// Notes what a call does; whether it says so.
    fn go_call(
        &mut self,
        scope: &mut Scope,
        code: &str,
        does: Does,
        arguments: &[Option<String>],
    ) -> Result<bool, Unreadable> {
        let literal = |at: usize| arguments.get(at).cloned().flatten();
        let stays = || !targets::mentions_remote(code);
        match (does, literal(0)) {
            (Does::Deletes, Some(path)) => self.deletes(scope, &path, "file:delete"),
            (Does::Deletes, None) => return Ok(TEMPORARY.iter().any(|it| code.contains(it))),
            (Does::Starts(behind), _) if literal(behind).is_some() => {
                let words = arguments.iter().skip(behind).cloned();
                let words: Vec<String> =
                    words.map(|it| it.unwrap_or_else(|| UNKNOWN.to_string())).collect();
                self.call(scope, &words, &Pipe::captured(None))?;
            }
            (Does::Sends(behind), _) => match (literal(behind), literal(behind + 1)) {
                (Some(method), Some(url)) => self.send(&method, &url, Vec::new(), String::new()),
                _ => return Ok(stays()),
            },
            (Does::Posts, Some(url)) => self.send("POST", &url, Vec::new(), String::new()),
            (Does::Posts, None) => return Ok(stays()),
            (Does::Starts(_) | Does::Hides, _) => return Ok(false),
        }
        Ok(true)
    }
}

/// How the functions of a package are called in a file: `exec.`, by another name, or none at all.
fn named(code: &str, package: &str) -> Option<String> {
    let import = format!("\"{package}\"");
    let mut clauses = code.split(['\n', ';']).map(|it| it.trim().trim_end_matches(')').trim_end());
    let before = clauses.find_map(|it| it.strip_suffix(&import))?;
    let before = before.trim_start_matches("import").trim();
    Some(match before.trim_start_matches('(').trim() {
        "" => format!("{}.", package.rsplit('/').next().unwrap_or(package)),
        "." => String::new(),
        other => format!("{other}."),
    })
}

/// The arguments of every call that begins with `call`; a literal's text, or nothing.
fn calls(code: &str, call: &str) -> Vec<Vec<Option<String>>> {
    let behind = code.match_indices(call).filter_map(|(at, _)| {
        let before = code.get(..at)?.chars().next_back();
        let whole = before.is_none_or(|it| !it.is_alphanumeric() && !matches!(it, '_' | '.'));
        code.get(at + call.len()..).filter(|_| whole)
    });
    behind.map(arguments).collect()
}

/// The arguments up to the bracket that closes them.
fn arguments(text: &str) -> Vec<Option<String>> {
    let (mut all, mut own, mut open, mut quote) = (Vec::new(), String::new(), 0_usize, None);
    let mut letters = text.chars().take(ARGUMENTS_MAX);
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => {
                own.push(letter);
                own.extend(letters.next());
                continue;
            }
            (Some(end), _) if letter == end => quote = None,
            (None, '"' | '`' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => open += 1,
            (None, ')') if open == 0 => break,
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            (None, ',') if open == 0 => {
                all.push(literal(&own));
                own.clear();
                continue;
            }
            _ => {}
        }
        own.push(letter);
    }
    if !own.trim().is_empty() {
        all.push(literal(&own));
    }
    all
}

/// The text of a literal; nothing of anything else.
fn literal(argument: &str) -> Option<String> {
    let argument = argument.trim();
    let raw = argument.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
    if let Some(raw) = raw {
        return Some(raw.to_owned()).filter(|it| !it.contains('`'));
    }
    serde_json::from_str(argument).ok()
}
