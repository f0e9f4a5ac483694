//! What programs print whose output is a matter of their words and their input alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    call::Call,
    expand::{UNKNOWN, ansi},
    path,
    scope::Scope,
    walk::Walk,
};

/// Programs that only look, and print what nobody here knows.
const LOOKING: &str =
    "ls tree stat file du df date whoami id uname hostname ps top uptime free lsof nproc arch
    sleep clear tput findmnt mount locate fd md5sum sha1sum sha256sum shasum cksum cmp
    groups who locale getconf lscpu lsblk dmesg man ping dig nslookup host netstat ss
    ifconfig traceroute expr bc cal factor open xdg-open pstree vmstat apropos whatis info say
    notify-send logger fc tldr journalctl iostat whereis
    env-info tty stty reset logname pbcopy xclip exa eza delta glow shellcheck tokei cloc
    lsb_release sw_vers nvidia-smi dpkg-query ldd nm objdump readelf
    size";

/// What `call` prints; `None` if it is none of these programs.
pub(super) fn of(walk: &mut Walk<'_>, scope: &mut Scope, call: &Call<'_>) -> Option<String> {
    let (options, operands) = call.parts();
    let stdin = || call.pipe.stdin.clone().unwrap_or_default();
    Some(match call.name {
        "echo" => echo(call.arguments),
        "printf" => printf(call.arguments),
        "cat" | "bat" | "tac" | "less" | "more" | "nl" => {
            let mut text = String::new();
            if operands.is_empty() || operands.contains(&"-") {
                text.push_str(&stdin());
            }
            for file in operands.iter().filter(|file| **file != "-") {
                text.push_str(&walk.read(scope, file, call.pipe.captured && !shown_later(call)));
            }
            text
        }
        "head" | "tail" | "grep" | "egrep" | "fgrep" | "rg" | "awk" | "gawk" | "mawk" | "nawk"
        | "cut" | "sort" | "gsed" | "uniq" | "wc" | "jq" | "yq" | "strings" | "xxd" | "od"
        | "hexdump" | "base64" | "base32" | "rev" | "tr" | "sed" | "diff" | "ag" | "ack"
        | "column" | "paste" | "comm" | "fold" | "fmt" | "split" => {
            return filtered(walk, scope, call, &options, &operands);
        }
        "pwd" => format!("{}\n", scope.directory()),
        // Their numbers nobody knows, but whose they are.
        "pgrep" | "pidof" => operands.iter().map(|it| format!("{UNKNOWN}{it}\n")).collect(),
        "basename" => {
            let name = operands
                .first()
                .map_or("", |it| it.trim_end_matches('/').rsplit('/').next().unwrap_or(it));
            let name = operands.get(1).and_then(|end| name.strip_suffix(end)).unwrap_or(name);
            format!("{name}\n")
        }
        "dirname" => {
            let parent = operands.first().and_then(|it| it.trim_end_matches('/').rsplit_once('/'));
            format!(
                "{}\n",
                parent.map_or(".", |(parent, _)| if parent.is_empty() { "/" } else { parent })
            )
        }
        "realpath" | "readlink" | "cygpath" => {
            let file = operands.first().copied().unwrap_or(".");
            format!("{}\n", path::normal(file, scope.directory()))
        }
        "mktemp" => mktemp(walk, call),
        "which" | "type" | "hash" => {
            operands.iter().map(|name| format!("/usr/bin/{name}\n")).collect()
        }
        "seq" => seq(&operands),
        "printenv" => {
            if operands.is_empty() && !call.pipe.captured {
                walk.dump(scope);
            }
            let pairs = scope
                .environment()
                .filter(|(name, _)| operands.is_empty() || operands.contains(name));
            match operands.is_empty() {
                true => pairs.map(|(name, value)| format!("{name}={value}\n")).collect(),
                false => pairs.map(|(_, value)| format!("{value}\n")).collect(),
            }
        }
        "yes" => "y\n".to_owned(),
        name if LOOKING.split_whitespace().any(|it| it == name) => UNKNOWN.to_string(),
        _ => return None,
    })
}

fn mktemp(walk: &mut Walk<'_>, call: &Call<'_>) -> String {
    let path = "/tmp/mktemp.0".to_owned();
    let file = if call.flag('d') || call.has(&["--directory"]) {
        format!("{path}/.")
    } else {
        path.clone()
    };
    walk.files.write(file.trim_end_matches("/."), "");
    format!("{path}\n")
}

fn seq(operands: &[&str]) -> String {
    let number = |at: usize| operands.get(at).and_then(|it| it.parse::<i64>().ok());
    let (low, high) = match operands.len() {
        1 => (Some(1), number(0)),
        _ => (number(0), number(operands.len().saturating_sub(1))),
    };
    let (Some(low), Some(high)) = (low, high) else { return UNKNOWN.to_string() };
    (low..=high).take(100).map(|number| format!("{number}\n")).collect()
}

/// Whether what is read goes on to a screen through a filter.
fn shown_later(call: &Call<'_>) -> bool {
    call.pipe.piped
}

/// Filters whose first operand is a script or a pattern.
const SCRIPTED: &[&str] = &[
    "grep", "egrep", "fgrep", "rg", "awk", "gawk", "mawk", "nawk", "sed", "gsed", "jq", "yq", "ag",
    "ack", "tr", "cut",
];

fn filtered(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    call: &Call<'_>,
    options: &[&str],
    operands: &[&str],
) -> Option<String> {
    let stdin = call.pipe.stdin.clone();
    let counts = call.name == "wc"
        || call.flag('q')
        || call.flag('c') && call.name.contains("grep")
        || call.flag('l');
    let scripted = SCRIPTED.contains(&call.name);
    let has_script = options.iter().any(|it| it.starts_with("-e") || it.starts_with("-f"));
    let skipped = usize::from(scripted && !has_script);
    let valued =
        ["-n", "-c", "-d", "-f", "-k", "-A", "-B", "-C", "-m", "--include", "--exclude", "-F"];
    let operands: Vec<&str> = match call.name {
        "grep" | "egrep" | "fgrep" | "rg" | "head" | "tail" | "cut" => call.operands(&valued),
        _ => operands.to_vec(),
    };
    let files: Vec<&str> = operands.iter().skip(skipped).copied().filter(|it| *it != "-").collect();
    let in_place = matches!(call.name, "sed" | "yq" | "awk" | "gawk")
        && options.iter().any(|it| {
            it.starts_with("-i")
                || it.starts_with("--in-place")
                || !it.starts_with("--") && it.ends_with('i') && call.name == "sed"
        });
    walk.filter(scope, call);
    if in_place {
        for file in &files {
            let text = walk.read(scope, file, true);
            walk.writes(scope, file, &format!("{text}{UNKNOWN}"), false);
        }
        return Some(String::new());
    }
    if let Some(to) = call.value(&["-o", "--output"]).filter(|_| call.name == "sort") {
        walk.writes(scope, to, &UNKNOWN.to_string(), false);
    }
    let mut text = stdin.clone().unwrap_or_default();
    for file in &files {
        text.push_str(&walk.read(scope, file, counts || call.pipe.captured && !shown_later(call)));
    }
    Some(shown(call, text, options, &operands, skipped == 1 && stdin.is_some()))
}

/// What a filter makes of `text`. `matches`: its first operand is what lines are held against.
fn shown(
    call: &Call<'_>,
    text: String,
    options: &[&str],
    operands: &[&str],
    matches: bool,
) -> String {
    let known = !text.contains(UNKNOWN);
    match call.name {
        "base64"
            if options.iter().any(|it| matches!(*it, "-d" | "-D" | "--decode" | "-di" | "-id"))
                && known =>
        {
            let packed: String = text.split_whitespace().collect();
            STANDARD
                .decode(packed)
                .ok()
                .and_then(|it| String::from_utf8(it).ok())
                .unwrap_or_else(|| UNKNOWN.to_string())
        }
        "base64" if known => format!("{}\n", STANDARD.encode(text)),
        "xxd" if call.flag('r') && known => {
            let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
            hex(&digits).unwrap_or_else(|| UNKNOWN.to_string())
        }
        "rev" if known => text
            .lines()
            .map(|line| format!("{}\n", line.chars().rev().collect::<String>()))
            .collect(),
        "tr" if known => {
            translated(&text, operands, options).unwrap_or_else(|| UNKNOWN.to_string())
        }
        "sort" | "uniq" | "head" | "tail" if known && text.lines().count() <= 1 => text,
        "grep" | "egrep" if known && matches => {
            let word = operands.first().copied().unwrap_or_default();
            let plain = word.chars().all(|it| it.is_ascii_alphanumeric() || " _-/".contains(it));
            let inverted = call.flag('v');
            match plain {
                true => text
                    .lines()
                    .filter(|line| line.contains(word) != inverted)
                    .map(|it| format!("{it}\n"))
                    .collect(),
                false => UNKNOWN.to_string(),
            }
        }
        _ => UNKNOWN.to_string(),
    }
}

fn hex(digits: &str) -> Option<String> {
    let pairs: Vec<char> = digits.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
    let bytes: Option<Vec<u8>> = pairs.chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

fn translated(text: &str, operands: &[&str], options: &[&str]) -> Option<String> {
    let from = set(operands.first()?);
    if options.contains(&"-d") {
        return Some(text.chars().filter(|it| !from.contains(it)).collect());
    }
    let to = set(operands.get(1)?);
    let other = |letter: char| {
        let at = from.iter().position(|it| *it == letter);
        at.map_or(letter, |at| to.get(at).or(to.last()).copied().unwrap_or(letter))
    };
    Some(text.chars().map(other).collect())
}

fn set(spelt: &str) -> Vec<char> {
    let spelt = match spelt {
        "[:upper:]" => "A-Z".to_owned(),
        "[:lower:]" => "a-z".to_owned(),
        "[:digit:]" => "0-9".to_owned(),
        "[:space:]" => " \t\n\r".to_owned(),
        other => ansi(other),
    };
    let letters: Vec<char> = spelt.chars().collect();
    let mut set = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        match (letters.get(at + 1), letters.get(at + 2)) {
            (Some('-'), Some(high)) => {
                set.extend((*letter..=*high).take(128));
                at += 3;
            }
            _ => {
                set.push(*letter);
                at += 1;
            }
        }
    }
    set
}

fn echo(arguments: &[String]) -> String {
    let is_option = |word: &&String| matches!(word.as_str(), "-n" | "-e" | "-E" | "-ne" | "-en");
    let options: Vec<&String> = arguments.iter().take_while(is_option).collect();
    let text =
        arguments.iter().skip(options.len()).map(String::as_str).collect::<Vec<_>>().join(" ");
    let text = if options.iter().any(|it| it.contains('e')) { ansi(&text) } else { text };
    if options.iter().any(|it| it.contains('n')) { text } else { format!("{text}\n") }
}

/// `printf` with `%s`, `%b`, `%d` and escapes.
fn printf(arguments: &[String]) -> String {
    let words: Vec<&String> = arguments.iter().skip_while(|it| *it == "--").collect();
    let Some((form, rest)) = words.split_first() else { return String::new() };
    if form.as_str() == "-v" {
        return String::new();
    }
    let form = ansi(form);
    let mut values = rest.iter();
    let mut text = String::new();
    loop {
        let mut letters = form.chars();
        let before = values.len();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            match letters.by_ref().find(|it| it.is_ascii_alphabetic() || *it == '%') {
                Some('%') => text.push('%'),
                Some('b') => text.push_str(&values.next().map_or(String::new(), |it| ansi(it))),
                Some('x' | 'X' | 'o' | 'c' | 'q') => {
                    values.next();
                    text.push(UNKNOWN);
                }
                _ => text.push_str(values.next().map_or("", |it| it)),
            }
        }
        if values.len() == 0 || values.len() == before {
            return text;
        }
    }
}
