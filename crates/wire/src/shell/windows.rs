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
            (true, true) if lower.contains("venv") => return Ok(String::new()),
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
        "powershell" | "pwsh" => {
            let abbreviated = |word: &String, whole: &str| {
                word.len() > 1 && whole.starts_with(&word.to_ascii_lowercase())
            };
            let encoded =
                words.iter().position(|it| abbreviated(it, "-encodedcommand") && it.len() > 1);
            let file = behind(&["-file", "-f"]);
            match (behind(&["-command", "-c", "/c"]), encoded) {
                (Some(text), _) => powershell::read(walk, scope, &text, pipe)?,
                (None, Some(at)) => {
                    let text = words.get(at + 1).and_then(|it| decoded(it));
                    let text = text.unwrap_or_else(|| UNKNOWN.to_string());
                    powershell::read(walk, scope, &text, pipe)?
                }
                (None, None) => {
                    let file =
                        file.or_else(|| words.iter().find(|it| it.ends_with(".ps1")).cloned());
                    let file = file.and_then(|it| it.split(' ').next().map(path));
                    let text = match (file, pipe.stdin.clone()) {
                        (Some(file), _) => walk.read(scope, &file, true),
                        (None, Some(text)) => text,
                        (None, None) if words.iter().all(|it| it.starts_with('-')) => String::new(),
                        (None, None) => words.join(" "),
                    };
                    powershell::read(walk, scope, &text, pipe)?
                }
            }
        }
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
    let asked = words.iter().any(|it| it == "/?");
    let only_reads =
        lower.iter().any(|word| reads.split(' ').any(|it| !it.is_empty() && it == word));
    let only_reads = only_reads || name == "net" && lower.len() < 2;
    if !asked && !only_reads {
        match name {
            "format" | "diskpart" => walk.deletes(scope, "/dev/disk", "device:wipe"),
            _ => walk.touches(scope, "/c/Windows/System32", "system:change"),
        }
    }
    true
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
