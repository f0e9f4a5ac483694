//! PowerShell and the command interpreter of Windows: split into commands and words; what takes
//! files away is read, everything else as in bash.

use super::{
    Step,
    call::{Call, Pipe, base},
    expand::UNKNOWN,
    scope::Scope,
    walk::Walk,
};

/// Commands within commands (`cmd /c`, `powershell -Command`).
const DEPTH_MAX: usize = 4;

/// Reads a script of PowerShell.
pub(super) fn powershell(walk: &mut Walk<'_>, scope: &mut Scope, text: &str) {
    nested(walk, scope, text, '`', 0);
}

/// Reads a line of `cmd`.
pub(super) fn cmd(walk: &mut Walk<'_>, scope: &mut Scope, text: &str) {
    nested(walk, scope, &variables(scope, text), '^', 0);
}

/// `%NAME%`, put in.
fn variables(scope: &Scope, text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('%').enumerate() {
        match (at % 2, scope.value(part)) {
            (0, _) => out.push_str(part),
            (_, Some(value)) => out.push_str(value),
            (_, None) if part.eq_ignore_ascii_case("userprofile") => {
                out.push_str(scope.value("HOME").unwrap_or("C:\\Users\\dev"))
            }
            (_, None) => {}
        }
    }
    out
}

fn nested(walk: &mut Walk<'_>, scope: &mut Scope, text: &str, escape: char, depth: usize) {
    if depth > DEPTH_MAX {
        return walk.push(Step::opaque("shell:too_deep", true));
    }
    for words in commands(text, escape) {
        let Some(first) = words.first() else { continue };
        let name = base(first).to_ascii_lowercase();
        let rest: Vec<String> = words.iter().skip(1).cloned().collect();
        let behind = |options: &[&str]| {
            let at = rest
                .iter()
                .position(|word| options.iter().any(|it| word.eq_ignore_ascii_case(it)))?;
            Some(rest.iter().skip(at + 1).cloned().collect::<Vec<_>>().join(" "))
        };
        match name.as_str() {
            "cmd" => nested(
                walk,
                scope,
                &behind(&["/c", "/k", "/r"]).unwrap_or_default(),
                '^',
                depth + 1,
            ),
            "powershell" | "pwsh" => match behind(&["-command", "-c"]) {
                Some(text) => nested(walk, scope, &text, '`', depth + 1),
                None => walk.push(Step::opaque("shell:powershell", true)),
            },
            "iex" | "invoke-expression" if rest.is_empty() => {
                walk.push(Step::opaque("shell:powershell", true));
            }
            "iex" | "invoke-expression" => nested(walk, scope, &rest.join(" "), '`', depth + 1),
            "remove-item" | "ri" | "rd" | "rmdir" | "del" | "erase" | "rm" | "clear-content" => {
                removed(walk, scope, &rest);
            }
            "invoke-restmethod" | "irm" | "invoke-webrequest" | "iwr" => {
                sent(walk, scope, &rest);
            }
            "set-content" | "out-file" | "sc" => {
                if let Some(path) = rest.iter().find(|word| !word.starts_with('-')) {
                    walk.writes(scope, path, "", false);
                }
            }
            "cd" | "chdir" | "set-location" | "sl" | "pushd" => {
                if let Some(path) = rest.iter().rfind(|word| !word.starts_with('/')) {
                    scope.go(path, true);
                }
            }
            "robocopy" => robocopy(walk, scope, &Call::new(&words, &Pipe::terminal())),
            name if is_of_system(walk, scope, name) => {}
            _ if name.starts_with("get-")
                || name.starts_with("write-")
                || name.starts_with("test-")
                || name.starts_with("select-")
                || name.starts_with("where-")
                || name.starts_with("measure-") => {}
            "dir" | "gci" | "echo" | "copy" | "copy-item" | "new-item" | "md" | "mkdir" | "set"
            | "where" | "findstr" | "tasklist" | "ver" | "move" | "ren" | "sort-object"
            | "format-table" | "out-host" | "rem" | "if" | "for" => {}
            _ => {
                if walk.call(scope, &words, &Pipe::terminal()).is_err() {
                    walk.push(Step::opaque("shell:unread", true));
                }
            }
        }
    }
}

/// What changes disks, users and services of the machine; whether `name` is one of these.
fn is_of_system(walk: &mut Walk<'_>, scope: &Scope, name: &str) -> bool {
    match name {
        "format-volume" | "clear-disk" | "format" | "remove-partition" | "initialize-disk" => {
            walk.deletes(scope, "/dev/disk", "device:wipe");
        }
        "stop-computer"
        | "restart-computer"
        | "remove-localuser"
        | "set-executionpolicy"
        | "stop-service"
        | "set-service" => {
            walk.touches(scope, "/c/Windows/System32", "system:change");
        }
        _ => return false,
    }
    true
}

fn removed(walk: &mut Walk<'_>, scope: &Scope, words: &[String]) {
    let rehearsed = words.iter().any(|word| word.eq_ignore_ascii_case("-whatif"));
    let valued = ["-filter", "-include", "-exclude", "-erroraction", "-ea"];
    let mut named = rehearsed;
    let mut words = words.iter();
    while let Some(word) = words.next().filter(|_| !rehearsed) {
        if valued.iter().any(|it| word.eq_ignore_ascii_case(it)) {
            words.next();
        } else if !(word.starts_with('-') || word.starts_with('/') && word.len() <= 3) {
            for path in word.split(',').filter(|it| !it.is_empty()) {
                named = true;
                walk.deletes(scope, &filled(scope, path), "file:delete");
            }
        }
    }
    // What comes through a pipe could be anything.
    if !named {
        walk.deletes(scope, &UNKNOWN.to_string(), "file:delete");
    }
}

/// `$HOME` and `$env:NAME`, put in; another variable may be anything.
fn filled(scope: &Scope, path: &str) -> String {
    let Some(rest) = path.strip_prefix('$') else { return path.to_owned() };
    let end = rest.find(['\\', '/']).unwrap_or(rest.len());
    let (name, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let name = name.strip_prefix("env:").unwrap_or(name);
    let home = ["home", "userprofile"].iter().any(|it| name.eq_ignore_ascii_case(it));
    let value = if home { scope.value("HOME") } else { scope.value(name) };
    value.map_or_else(|| UNKNOWN.to_string(), |value| format!("{value}{behind}"))
}

/// What is sent over HTTP, as curl would send it.
fn sent(walk: &mut Walk<'_>, scope: &mut Scope, words: &[String]) {
    let value = |name: &str| {
        let at = words.iter().position(|it| it.eq_ignore_ascii_case(name))?;
        words.get(at + 1).cloned()
    };
    let bare = || words.iter().find(|it| it.contains("://")).cloned();
    let Some(url) = value("-uri").or_else(bare) else { return };
    let mut call = vec!["curl".to_owned()];
    call.extend(
        value("-method").into_iter().flat_map(|it| ["-X".to_owned(), it.to_ascii_uppercase()]),
    );
    call.extend(value("-body").into_iter().flat_map(|it| ["-d".to_owned(), it]));
    call.push(url);
    if walk.call(scope, &call, &Pipe::terminal()).is_err() {
        walk.push(Step::opaque("shell:unread", true));
    }
}

/// Copies a tree; with `/MIR` it purges its target, with `/MOVE` its source.
pub(super) fn robocopy(walk: &mut Walk<'_>, scope: &Scope, call: &Call<'_>) {
    let has = |flag: &str| call.arguments.iter().any(|word| word.eq_ignore_ascii_case(flag));
    let places: Vec<&String> = call
        .arguments
        .iter()
        .filter(|word| {
            !(word.starts_with('/')
                && word.len() <= 6
                && !word.get(1..).unwrap_or_default().contains('/'))
        })
        .collect();
    if has("/L") {
        return;
    }
    if let Some(to) = places.get(1).filter(|_| has("/MIR") || has("/PURGE")) {
        walk.deletes(scope, to, "robocopy:mirror");
    }
    if let Some(from) = places.first().filter(|_| has("/MOVE") || has("/MOV")) {
        walk.deletes(scope, from, "robocopy:move");
    }
}

/// The commands of a text, each as its words.
fn commands(text: &str, escape: char) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    let end = |word: &mut Option<String>, commands: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(last)) = (word.take(), commands.last_mut()) {
            last.push(word);
        }
    };
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter == escape => {
                word.get_or_insert_default().extend(letters.next())
            }
            (None, ' ' | '\t') => {
                // `a, b` is one list.
                if word.as_ref().is_none_or(|word| !word.ends_with(',')) {
                    end(&mut word, &mut commands);
                }
            }
            (None, ';' | '&' | '|' | '\n' | '\r' | '{' | '}' | '(' | ')') => {
                end(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    end(&mut word, &mut commands);
    commands.retain(|words| !words.is_empty());
    commands
}
