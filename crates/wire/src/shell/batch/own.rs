//! Commands that `cmd` carries out itself; every other is a program.

use super::{Batch, Pipe, UNKNOWN};
use crate::{
    Unreadable,
    shell::{Step, windows},
};

/// Commands whose flags may stand at them without a space.
const GLUED: &[&str] = &[
    "rd", "rmdir", "del", "erase", "dir", "copy", "xcopy", "move", "ren", "cd", "chdir", "md",
    "format", "shutdown", "cmd", "cls", "type", "start",
];

/// Commands that show something, or only change what this shell knows.
const SHOWING: &str = "dir ver vol title cls color prompt path date time assoc ftype pause break verify
    where findstr find more sort fc comp tree tasklist systeminfo hostname whoami ipconfig ping nslookup
    tracert netstat timeout choice setlocal endlocal shift goto exit mode chcp help clip
    md mkdir curdir";

impl Batch<'_, '_> {
    /// What a command with these words does; each with whether it was quoted.
    pub(super) fn own(
        &mut self,
        words: &[(String, bool)],
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let Some((first, _)) = words.first() else { return Ok(String::new()) };
        let first = first.trim_start_matches('@');
        let (name, glued) = unglued(first);
        let rest: Vec<String> =
            glued.into_iter().chain(words.iter().skip(1).map(|(word, _)| word.clone())).collect();
        let text = || rest.join(" ");
        match name.as_str() {
            "" => {}
            // It is only asked what it does.
            name if is_own(name) && words.iter().any(|(it, quoted)| it == "/?" && !quoted) => {}
            label if label.starts_with(':') => {}
            _ if says(first) => return Ok(format!("{}\n", text())),
            "set" => self.set(&rest),
            "call" if rest.first().is_some_and(|it| it.starts_with(':')) => {}
            "call" => return self.script(&again(words.get(1..).unwrap_or_default()), false, pipe),
            "start" => return self.started(words, pipe),
            "cmd" => return self.nested(&rest, pipe),
            "cd" | "chdir" | "pushd" => self.goes(&name, &rest),
            "popd" => self.scope.pop_directory(),
            "doskey" => return self.typed_later(&text(), pipe),
            "rd" | "rmdir" | "del" | "erase" => {
                let rest: Vec<String> = rest.iter().flat_map(|it| switched(it)).collect();
                // Only what is empty goes without it.
                let whole = rest.iter().any(|it| it.eq_ignore_ascii_case("/s"));
                if name.starts_with('r') && !whole {
                    return Ok(String::new());
                }
                self.each(&rest, |batch, path| {
                    batch.walk.deletes(batch.scope, path, "file:delete");
                });
            }
            "ren" | "rename" => self.moved(&rest, false)?,
            "move" => self.moved(&rest, true)?,
            "copy" | "xcopy" => self.copied(&rest),
            "type" => {
                let mut shown = String::new();
                for file in rest.iter().filter(|it| !it.eq_ignore_ascii_case("nul")) {
                    shown += &self.walk.read(self.scope, &windows::path(file), pipe.captured);
                }
                return Ok(shown);
            }
            "forfiles" => return self.for_files(&rest, pipe),
            "assoc" | "ftype" if rest.iter().any(|it| it.contains('=')) => {
                self.walk.touches(self.scope, "/c/Windows/System32", "system:change");
            }
            name if SHOWING.split_whitespace().any(|it| it == name) => {
                if name == "dir" {
                    return Ok(listed(&rest));
                }
                return Ok(UNKNOWN.to_string());
            }
            _ => {
                let words: Vec<String> = [name].into_iter().chain(rest).collect();
                return windows::program(self.walk, self.scope, &words, pipe);
            }
        }
        Ok(String::new())
    }

    fn goes(&mut self, name: &str, words: &[String]) {
        let Some(to) = words.iter().find(|it| !is_flag(it)) else { return };
        let to = windows::path(to);
        match name {
            "pushd" => self.scope.push_directory(Some(&to), true),
            _ => self.scope.go(&to, true),
        }
    }

    /// What a macro stands for, which may be typed later.
    fn typed_later(&mut self, text: &str, pipe: &Pipe) -> Result<String, Unreadable> {
        let meant = text.split_once('=').filter(|(name, _)| !name.starts_with('/'));
        let Some((_, meant)) = meant else { return Ok(UNKNOWN.to_string()) };
        let meant = meant.replace("$T", "&").replace("$t", "&").replace("$*", &UNKNOWN.to_string());
        self.script(&meant, false, pipe)
    }

    fn copied(&mut self, words: &[String]) {
        let paths: Vec<&String> = words.iter().filter(|it| !is_flag(it)).collect();
        // Alone it comes here.
        if let Some(to) = paths.last() {
            let to = windows::path(to);
            let name = to.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            let to = if paths.len() > 1 { to } else { name };
            self.walk.writes(self.scope, &to, &UNKNOWN.to_string(), false);
        }
    }

    fn each(&mut self, words: &[String], mut act: impl FnMut(&mut Self, &str)) {
        let paths = words.iter().filter(|it| !is_flag(it)).flat_map(|it| it.split([',', ';']));
        for path in paths.filter(|it| !it.is_empty()) {
            act(self, &windows::path(path));
        }
    }

    fn moved(&mut self, words: &[String], moves: bool) -> Result<(), Unreadable> {
        let paths: Vec<String> =
            words.iter().filter(|it| !is_flag(it)).map(|it| windows::path(it)).collect();
        let [from, to] = paths.as_slice() else {
            self.walk.push(Step::opaque("shell:cmd", true));
            return Ok(());
        };
        let beside = from.rsplit_once('/').map(|(parent, _)| format!("{parent}/{to}"));
        let to = if moves { to.clone() } else { beside.unwrap_or_else(|| to.clone()) };
        let words = ["mv".to_owned(), from.clone(), to];
        self.walk.call(self.scope, &words, &Pipe::captured(None)).map(drop)
    }

    fn set(&mut self, words: &[String]) {
        let text = words.join(" ");
        match text.split_once('=').filter(|_| !text.starts_with('/')) {
            Some((name, value)) => {
                self.scope.export(name.trim_start(), Some(value.to_owned()));
            }
            // Asked for, or counted.
            None if text.starts_with('/') => {
                if let Some((name, _)) = text.split_once('=') {
                    let name = name.rsplit(' ').next().unwrap_or(name).to_owned();
                    self.scope.export(&name, Some(UNKNOWN.to_string()));
                }
            }
            None if text.is_empty() => self.walk.dump(self.scope),
            None => {}
        }
    }

    /// `start "a title" /b program …`.
    fn started(&mut self, words: &[(String, bool)], pipe: &Pipe) -> Result<String, Unreadable> {
        let mut words = words.get(1..).unwrap_or_default();
        if let Some(((_, true), rest)) = words.split_first() {
            words = rest;
        }
        while let Some(((word, _), rest)) = words.split_first().filter(|((it, _), _)| is_flag(it)) {
            let valued = word.eq_ignore_ascii_case("/d");
            words = rest.get(usize::from(valued)..).unwrap_or_default();
        }
        match words.first() {
            Some((page, _)) if windows::is_page(page) => Ok(String::new()),
            Some(_) => self.script(&again(words), true, pipe),
            None => Ok(String::new()),
        }
    }

    /// The command behind `cmd /c`.
    fn nested(&mut self, words: &[String], pipe: &Pipe) -> Result<String, Unreadable> {
        let runs = |it: &String| ["/c", "/k", "/r"].iter().any(|own| it.eq_ignore_ascii_case(own));
        match words.iter().position(runs) {
            Some(at) => {
                let text = words.iter().skip(at + 1).cloned().collect::<Vec<_>>().join(" ");
                self.script(&text, false, &Pipe { stdin: None, ..pipe.clone() })
            }
            None => match pipe.stdin.clone() {
                Some(text) if text.contains(UNKNOWN) => {
                    self.walk.push(Step::opaque("shell:piped_script", true));
                    Ok(UNKNOWN.to_string())
                }
                Some(text) => self.script(&text, false, &Pipe::terminal()),
                None => Ok(String::new()),
            },
        }
    }

    /// `forfiles /p PLACE /c "cmd /c del @path"`.
    fn for_files(&mut self, words: &[String], pipe: &Pipe) -> Result<String, Unreadable> {
        let value = |flag: &str| {
            let at = words.iter().position(|it| it.eq_ignore_ascii_case(flag))?;
            words.get(at + 1).cloned()
        };
        let place = value("/p").unwrap_or_else(|| self.scope.directory().to_owned());
        let Some(text) = value("/c") else { return Ok(UNKNOWN.to_string()) };
        let found = format!("{place}\\{UNKNOWN}");
        let text = text.replace("@path", &found).replace("@file", &found).replace("0x22", "\"");
        self.script(&text, true, pipe)
    }
}

/// A name and the flags that stand at it: `rd/s/q`.
fn unglued(word: &str) -> (String, Vec<String>) {
    let lower = word.to_ascii_lowercase();
    if let Some((name, flags)) = lower.split_once('/').filter(|(name, _)| GLUED.contains(name)) {
        return (name.to_owned(), flags.split('/').map(|it| format!("/{it}")).collect());
    }
    let bare = lower.strip_suffix(".exe").unwrap_or(&lower);
    if GLUED.contains(&bare) || !word.contains(['/', '\\']) {
        return (bare.to_owned(), Vec::new());
    }
    let name = super::super::call::base(word).to_ascii_lowercase();
    (if GLUED.contains(&name.as_str()) { name } else { word.to_owned() }, Vec::new())
}

/// Whether a command is one that `cmd` itself answers `/?` for.
fn is_own(name: &str) -> bool {
    const OWN: &str =
        "rd rmdir del erase ren rename move copy md mkdir dir type set cd chdir pushd popd
        cls ver vol date time assoc ftype prompt title color pause path verify echo break mklink";
    OWN.split_whitespace().any(|it| it == name)
}

/// Whether a word is `echo`, also where what it says stands at it.
fn says(word: &str) -> bool {
    let rest = word.get(..4).filter(|it| it.eq_ignore_ascii_case("echo")).and(word.get(4..));
    rest.is_some_and(|it| {
        it.is_empty() || it.starts_with(['.', ':', '/', '\\', ',', ';', '(', '[', '+', '='])
    })
}

/// A word of `rd` or `del` without the flags that stand at it, and these: `C:\x/s/q`, `/s,/q`.
fn switched(word: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in word.split([',', ';', '=']).filter(|it| !it.is_empty()) {
        let (mut path, mut flags) = (part, Vec::new());
        while let Some((before, flag)) = path.rsplit_once('/') {
            let is_flag = flag.len() == 1 && "sqfpSQFP".contains(flag)
                || flag.starts_with(['a', 'A']) && flag.len() <= 4;
            if !is_flag {
                break;
            }
            flags.push(format!("/{flag}"));
            path = before;
        }
        all.extend(flags);
        all.extend((!path.is_empty()).then(|| path.to_owned()));
    }
    all
}

fn is_flag(word: &str) -> bool {
    word.starts_with('/') && word.len() <= 4 && !word.get(1..).unwrap_or_default().contains('/')
}

/// What `dir` prints: names that nobody knows, below where it looks.
fn listed(words: &[String]) -> String {
    let whole = words.iter().any(|it| it.eq_ignore_ascii_case("/s"));
    match words.iter().find(|it| !is_flag(it)).filter(|_| whole) {
        Some(place) => format!("{place}\\{UNKNOWN}\n"),
        None => format!("{UNKNOWN}\n"),
    }
}

/// Words as they would have to be written to be read so again.
fn again(words: &[(String, bool)]) -> String {
    let quoted = words.iter().map(|(word, quoted)| match *quoted {
        true => format!("\"{word}\""),
        false => word.clone(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}
