//! Programs of Windows, whichever shell starts them: other shells, and what changes disks, users,
//! services and settings of the machine.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Step, batch,
    call::{Call, Pipe, base},
    expand::UNKNOWN,
    powershell,
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

/// A path with the slashes of every other system, where it has no drive that says so.
pub(super) fn path(word: &str) -> String {
    let word = word.trim_matches('"');
    let drive = word.as_bytes().get(1) == Some(&b':') || word.starts_with("\\\\");
    if drive { word.to_owned() } else { word.replace('\\', "/") }
}

/// Whether a word is a page that a browser opens.
pub(super) fn is_page(word: &str) -> bool {
    let lower = word.trim().to_ascii_lowercase();
    ["http://", "https://"].iter().any(|it| lower.starts_with(it))
}

/// The words of a line that is handed over whole, as a program of Windows parts it.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quoted, mut open) = (false, false);
    for letter in line.chars() {
        if letter == '"' {
            quoted = !quoted;
        }
        if letter.is_whitespace() && !quoted {
            open = false;
            continue;
        }
        if !std::mem::replace(&mut open, true) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter != '"') {
            word.push(letter);
        }
    }
    words
}

/// What a program does that a shell of Windows starts.
pub(super) fn program(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    words: &[String],
    pipe: &Pipe,
) -> Result<String, Unreadable> {
    let Some(first) = words.first() else { return Ok(String::new()) };
    let name = base(first).to_ascii_lowercase();
    let name = name.strip_suffix(".bat").unwrap_or(&name);
    let rest = words.get(1..).unwrap_or_default();
    if let Some(output) = shell(walk, scope, name, rest, pipe)? {
        return Ok(output);
    }
    if name == "where" || of_system(walk, scope, name, rest) {
        return Ok(UNKNOWN.to_string());
    }
    let lower = first.to_ascii_lowercase();
    if [".bat", ".cmd", ".ps1"].iter().any(|end| lower.ends_with(end)) {
        let text = walk.read(scope, &path(first), true);
        match (text == UNKNOWN.to_string(), lower.ends_with(".ps1")) {
            // An environment of Python is activated; what is not there does nothing.
            (true, true) if activates(walk, scope, &lower) => return Ok(String::new()),
            (true, _) => {}
            (false, true) => return powershell::read(walk, scope, &text, pipe),
            (false, false) => return batch::read(walk, scope, &text, pipe),
        }
    }
    // A Python of Windows is a Python.
    let name = if first.contains(['/', '\\']) { path(first) } else { name.to_owned() };
    let mut words: Vec<String> = words.to_vec();
    if let Some(first) = words.first_mut() {
        *first = name;
    }
    walk.call(scope, &words, pipe)
}

/// Whether a path is what makes an environment of Python the shell's own, and not just written.
fn activates(walk: &Walk<'_>, scope: &Scope, path: &str) -> bool {
    let path = self::path(path);
    let is_own = path.contains("venv") && path.ends_with("/activate.ps1");
    is_own
        && !walk
            .paths(scope, &path)
            .iter()
            .any(|it| walk.files.written.keys().any(|own| own.eq_ignore_ascii_case(it)))
}

/// What another shell runs; `None` if `name` is none of these.
pub(super) fn shell(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    name: &str,
    words: &[String],
    pipe: &Pipe,
) -> Result<Option<String>, Unreadable> {
    let behind = |flags: &[&str]| {
        let at =
            words.iter().position(|word| flags.iter().any(|it| word.eq_ignore_ascii_case(it)))?;
        Some(words.iter().skip(at + 1).cloned().collect::<Vec<_>>().join(" "))
    };
    let output = match name {
        "cmd" => match behind(&["/c", "/k", "/r"]) {
            Some(text) => batch::read(walk, scope, &text, pipe)?,
            None => return Ok(None),
        },
        "powershell" | "pwsh" => of_powershell(walk, scope, words, pipe)?,
        "wsl" => {
            let own = |it: &&String| it.starts_with('-');
            let mut rest = words.iter().skip_while(own).cloned().collect::<Vec<_>>();
            let named = words.iter().take_while(own).any(|it| matches!(it.as_str(), "-d" | "-u"));
            rest.drain(..usize::from(named).min(rest.len()));
            let rest: Vec<String> = rest.into_iter().skip_while(|it| it.starts_with('-')).collect();
            if words.iter().any(|it| it == "--unregister") {
                walk.touches(scope, "/c/Windows/System32", "system:change");
                return Ok(Some(String::new()));
            }
            walk.call(scope, &rest, pipe)?
        }
        "mshta" | "cscript" | "wscript" | "rundll32" | "regsvr32" => {
            walk.push(Step::opaque(format!("shell:{name}"), true));
            UNKNOWN.to_string()
        }
        _ => return Ok(None),
    };
    Ok(Some(output))
}

/// What PowerShell is started with: the first option that says so tells what it runs.
fn of_powershell(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    words: &[String],
    pipe: &Pipe,
) -> Result<String, Unreadable> {
    const SOURCES: [&str; 3] = ["-command", "-encodedcommand", "-file"];
    let source = |word: &String| {
        let lower = word.to_ascii_lowercase().replacen('/', "-", 1).replacen("--", "-", 1);
        match lower.as_str() {
            "-cwa" | "-commandwithargs" => Some("-command"),
            "-ec" => Some("-encodedcommand"),
            _ => SOURCES.into_iter().find(|it| lower.len() > 1 && it.starts_with(&lower)),
        }
    };
    let first = words.iter().enumerate().find_map(|(at, word)| Some((at, source(word)?)));
    let behind = |at: usize| words.iter().skip(at + 1);
    let text = match first {
        Some((at, "-command")) => {
            let text = behind(at).cloned().collect::<Vec<_>>().join(" ");
            match (text.trim(), pipe.stdin.clone()) {
                ("-", Some(typed)) => typed,
                ("-", None) => UNKNOWN.to_string(),
                _ => text,
            }
        }
        Some((at, "-encodedcommand")) => {
            let text = behind(at).next().and_then(|it| decoded(it));
            text.unwrap_or_else(|| UNKNOWN.to_string())
        }
        Some((at, _)) => match behind(at).next() {
            Some(file) if file == "-" => pipe.stdin.clone().unwrap_or_else(|| UNKNOWN.to_string()),
            Some(file) => walk.read(scope, &path(file), true),
            None => UNKNOWN.to_string(),
        },
        None => {
            let file = words.iter().find(|it| it.to_ascii_lowercase().ends_with(".ps1"));
            match (file, pipe.stdin.clone()) {
                (Some(file), _) => walk.read(scope, &path(file), true),
                (None, Some(text)) => text,
                (None, None) if words.iter().all(|it| it.starts_with('-')) => String::new(),
                (None, None) => words.join(" "),
            }
        }
    };
    powershell::read(walk, scope, &text, pipe)
}

/// A command that was handed over in base64: UTF-16 as PowerShell takes it, or UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let wide = bytes.len() >= 2 && bytes.iter().skip(1).step_by(2).all(|byte| *byte == 0);
    if !wide {
        return String::from_utf8(bytes).ok();
    }
    let pairs = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    });
    char::decode_utf16(pairs).collect::<Result<String, _>>().ok()
}

/// Programs of the system, and the words by which they change nothing.
const SYSTEM: &[(&str, &str)] = &[
    ("reg", "query export compare"),
    ("sc", "query queryex qc qdescription getdisplayname"),
    ("net", "view statistics time accounts config helpmsg help"),
    ("schtasks", "/query"),
    ("bcdedit", "/enum"),
    ("wbadmin", "get"),
    ("wmic", "get list"),
    ("diskpart", ""),
    ("format", ""),
    ("cipher", ""),
    ("takeown", ""),
    ("shutdown", "/a"),
    ("vssadmin", "list"),
    ("fsutil", "query info list"),
    ("manage-bde", "-status"),
    ("dism", "/get-features /get-packages"),
    ("netsh", "show"),
    ("powercfg", "/list /query /getactivescheme"),
];

/// What changes disks, users and services of the machine; whether `name` is one of these.
pub(super) fn of_system(walk: &mut Walk<'_>, scope: &Scope, name: &str, words: &[String]) -> bool {
    let place = || words.iter().find(|it| !it.starts_with('/') && it.contains(['\\', '/', ':']));
    match name {
        "icacls" | "cacls" | "attrib" => {
            let changes = words.iter().any(|it| it.starts_with(['/', '+', '-']) && it.len() > 1);
            if let Some(place) = place().filter(|_| changes) {
                walk.touches(scope, &path(place), "system:change");
            }
            return true;
        }
        "robocopy" => {
            let mut call = vec!["robocopy".to_owned()];
            call.extend(
                words.iter().map(|it| if it.starts_with('/') { it.clone() } else { path(it) }),
            );
            robocopy(walk, scope, &Call::new(&call, &Pipe::terminal()));
            return true;
        }
        "takeown" if place().is_some() => {
            place().into_iter().for_each(|it| walk.touches(scope, &path(it), "system:change"));
            return true;
        }
        "taskkill" => return true,
        _ => {}
    }
    let Some((_, reads)) = SYSTEM.iter().find(|(own, _)| *own == name) else { return false };
    let lower: Vec<String> = words.iter().map(|it| it.to_ascii_lowercase()).collect();
    let asked = words.len() <= 2 && words.last().is_some_and(|it| it == "/?");
    let only_reads = looks(name, &lower, reads);
    if !asked && !only_reads {
        match name {
            "format" | "diskpart" => walk.deletes(scope, "/dev/disk", "device:wipe"),
            _ => walk.touches(scope, "/c/Windows/System32", "system:change"),
        }
    }
    true
}

/// Whether the verb of a program is one by which it changes nothing: elsewhere it is a name.
fn looks(name: &str, words: &[String], reads: &str) -> bool {
    const CHANGES: &str =
        "call create delete set add reset import exec connect disconnect start stop";
    let is = |list: &str, word: &String| list.split_whitespace().any(|it| it == word);
    let places: &[String] = match name {
        // Their verb stands behind what it is about, however deep that is.
        "wmic" | "netsh" if words.iter().any(|it| is(CHANGES, it)) => &[],
        "wmic" | "netsh" => words,
        "fsutil" => words.get(1..2).unwrap_or_default(),
        "dism" => words.get(..2).unwrap_or(words),
        "sc" if words.first().is_some_and(|it| it.starts_with("\\\\")) => {
            words.get(1..2).unwrap_or_default()
        }
        "net" if words.len() < 2 => return true,
        _ => words.get(..1).unwrap_or_default(),
    };
    places.iter().any(|it| is(reads, it))
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
