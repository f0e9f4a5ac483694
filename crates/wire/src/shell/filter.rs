//! What the scripts of `sed` and `awk` do beyond what they print: files that they write, programs
//! that they start.

use super::{
    Step,
    call::{Call, Pipe},
    expand::UNKNOWN,
    scope::Scope,
    walk::Walk,
};

/// Commands of one script that are looked at, at most.
const COMMANDS_MAX: usize = 1_000;

impl Walk<'_> {
    /// What the script of a filter does, if `call` is one that has a script.
    pub(super) fn filter(&mut self, scope: &Scope, call: &Call<'_>) {
        let starts = match call.name {
            "sed" | "gsed" => self.sed(scope, call),
            "awk" | "gawk" | "mawk" | "nawk" => self.awk(scope, call),
            _ => false,
        };
        if starts {
            self.push(Step::opaque(format!("shell:{}", call.name), true));
        }
    }

    /// Whether a script of `sed` starts something that it does not say.
    fn sed(&mut self, scope: &Scope, call: &Call<'_>) -> bool {
        let given = call.values(&["-e", "--expression"]);
        let first = call.operands(&["-e", "--expression", "-f", "--file", "-l"]);
        let filed = call.value(&["-f", "--file"]).is_some();
        let own = first.first().copied().filter(|_| given.is_empty() && !filed);
        let files = self.scripts(scope, call);
        let mut unsaid = false;
        for script in given.into_iter().chain(own).chain(files.iter().map(String::as_str)) {
            for act in acts(script) {
                match act {
                    Act::Writes(file) => self.writes(scope, file, &UNKNOWN.to_string(), false),
                    Act::Starts("") => unsaid = true,
                    Act::Starts(command) => {
                        let pipe = Pipe::captured(None);
                        unsaid |= self.script(&mut scope.clone(), command, &pipe).is_err();
                    }
                }
            }
        }
        unsaid
    }

    /// The scripts that lie in files, as far as their text is known.
    fn scripts(&self, scope: &Scope, call: &Call<'_>) -> Vec<String> {
        let files = call.values(&["-f", "--file"]).into_iter();
        let paths = files.flat_map(|file| self.paths(scope, file));
        paths.filter_map(|path| self.files.text(&path).map(|text| text.to_string())).collect()
    }

    /// Whether a script of `awk` starts something.
    fn awk(&mut self, scope: &Scope, call: &Call<'_>) -> bool {
        let files = self.scripts(scope, call).concat();
        let text = format!("{}\n{files}", call.arguments.join(" "));
        for statement in text.split([';', '{', '}', '\n']) {
            // Elsewhere, it compares.
            let prints = statement.trim_start().starts_with("print");
            let to = statement.rsplit_once('>').filter(|_| prints);
            let to = to.and_then(|(_, file)| file.trim_start().strip_prefix('"'));
            if let Some((file, _)) = to.and_then(|rest| rest.split_once('"')) {
                self.writes(scope, file, &UNKNOWN.to_string(), false);
            }
        }
        text.contains("system(") || text.contains("| getline") || text.contains("| \"")
    }
}

/// What a command of `sed` does beyond the text that it prints.
#[derive(Debug, PartialEq, Eq)]
enum Act<'s> {
    Writes(&'s str),
    /// Starts a command; an empty one is the text itself.
    Starts(&'s str),
}

/// Of the commands of a script those that write or start (the manual of GNU sed, chapters 3 and 4);
/// none of one that `sed` would not take.
fn acts(script: &str) -> Vec<Act<'_>> {
    let (mut rest, mut found) = (script, Vec::new());
    for _ in 0..COMMANDS_MAX {
        rest = addressed(rest.trim_start_matches([' ', '\t', '\n', ';', '{', '}']));
        let Some(command) = rest.chars().next() else { return found };
        let behind = rest.get(command.len_utf8()..).unwrap_or_default();
        let (line, after) = behind.split_once('\n').unwrap_or((behind, ""));
        // What has a text or a name goes on to the end of its line.
        rest = match command {
            'w' | 'W' => {
                found.push(Act::Writes(line.trim()));
                after
            }
            'e' => {
                found.push(Act::Starts(line.trim()));
                after
            }
            'a' | 'i' | 'c' | 'r' | 'R' | '#' => after,
            's' => {
                let (flags, behind) = substituted(behind);
                found.extend(flags.contains('e').then_some(Act::Starts("")));
                match behind.strip_prefix('w') {
                    Some(behind) => {
                        let (file, after) = behind.split_once('\n').unwrap_or((behind, ""));
                        found.push(Act::Writes(file.trim()));
                        after
                    }
                    None if ends(behind) => behind,
                    None => return Vec::new(),
                }
            }
            'y' if ends(substituted(behind).1) => substituted(behind).1,
            '{' | '}' => behind,
            ':' | 'b' | 't' | 'T' | 'l' | 'L' | 'q' | 'Q' | 'v' => behind_word(behind),
            _ if "=dDFgGhHnNpPxz".contains(command) && ends(behind) => behind,
            _ => return Vec::new(),
        };
    }
    found
}

/// Whether a command can end where this text begins.
fn ends(text: &str) -> bool {
    text.is_empty() || text.starts_with([' ', '\t', '\n', ';', '}', '#'])
}

/// What follows a label or a number.
fn behind_word(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t']);
    text.get(text.find([';', '\n', '}', ' ']).unwrap_or(text.len())..).unwrap_or_default()
}

/// A command without the lines that it is for: numbers, `$`, `/…/`, `\,…,`, their range, `!`.
fn addressed(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',', '!', '$', '~', '+']);
        rest = rest.trim_start_matches(|it: char| it.is_ascii_digit());
        let expression = match rest.strip_prefix('\\') {
            Some(other) => other.chars().next().map(|mark| (other, mark)),
            None => rest.starts_with('/').then_some((rest, '/')),
        };
        match expression {
            Some((from, mark)) => {
                let inner = from.get(mark.len_utf8()..).unwrap_or_default();
                rest = closed(inner, mark).1.trim_start_matches(['I', 'M']);
            }
            None if rest.starts_with([' ', '\t', ',', '!', '$', '~', '+']) => {}
            None => return rest,
        }
    }
}

/// The flags of `s` or `y`, and what follows them.
fn substituted(behind: &str) -> (&str, &str) {
    let Some(mark) = behind.chars().next() else { return ("", "") };
    let inner = behind.get(mark.len_utf8()..).unwrap_or_default();
    let after = closed(closed(inner, mark).1, mark).1;
    let flag = |it: char| it.is_ascii_digit() || "gpiIemM".contains(it);
    let end = after.find(|it: char| !flag(it)).unwrap_or(after.len());
    after.split_at_checked(end).unwrap_or((after, ""))
}

/// A text up to a mark that no backslash is before, and what is behind the mark.
fn closed(text: &str, mark: char) -> (&str, &str) {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if letter == mark && !escaped {
            let behind = text.get(at + mark.len_utf8()..).unwrap_or_default();
            return (text.get(..at).unwrap_or_default(), behind);
        }
        escaped = letter == '\\' && !escaped;
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::{Act, acts};

    #[test]
    fn scripts_of_sed_say_what_they_write_and_start() {
        for (script, expected) in [
            ("s/a/b/", vec![]),
            ("s/e/w/g; s,w x,e y,", vec![]),
            ("/we/d;10,$p", vec![]),
            ("1i we are here", vec![]),
            ("y/ew/we/", vec![]),
            ("1e rm x", vec![Act::Starts("rm x")]),
            ("e", vec![Act::Starts("")]),
            ("s/.*/rm &/e", vec![Act::Starts("")]),
            ("s/a/b/gw out.txt", vec![Act::Writes("out.txt")]),
            ("1w /etc/x\n2W y", vec![Act::Writes("/etc/x"), Act::Writes("y")]),
            ("/a\\/b/,/c/{ w z\n}", vec![Act::Writes("z")]),
            ("\\,a,!w z", vec![Act::Writes("z")]),
            ("$!{s/x/y/;w z\n};p", vec![Act::Writes("z")]),
            ("s/x/\\/e/;p", vec![]),
            // Not a script at all: `sed` says so and does nothing.
            ("/rm -rf /home/dev/p", vec![]),
            (":a;N;$!ba;s/\\n/ /g;e rm x", vec![Act::Starts("rm x")]),
            ("5q;1e rm x", vec![Act::Starts("rm x")]),
        ] {
            assert_eq!(acts(script), expected, "{script}");
        }
    }
}
