//! The command line of an interpreter: its own options, what it runs, and what it hands to that.

use super::super::program::Language;

/// What an interpreter is told to run. Its options end where the program begins: what stands
/// behind is the program's own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line<'c> {
    /// Programs among the options; they are run as one.
    pub(super) inline: Vec<&'c str>,
    /// Modules that are taken in before, as the option says it.
    pub(super) taken_in: Vec<&'c str>,
    /// A module that is run as a program.
    pub(super) module: Option<&'c str>,
    /// The file that holds the program; `-` is standard input.
    pub(super) file: Option<&'c str>,
    /// The files that the program is handed are written anew.
    pub(super) in_place: bool,
    /// Only the program's grammar is looked at.
    pub(super) only_checked: bool,
    /// It answers requests, and runs nothing until then.
    pub(super) serves: bool,
    /// What the program is handed.
    pub(super) handed: &'c [String],
}

/// Options of an interpreter whose short ones may stand in one word, letter by letter.
struct Letters {
    /// They carry a program.
    code: &'static str,
    /// They name a module that is taken in first.
    taken_in: &'static str,
    /// Their value is the rest of the word, or the next one.
    valued: &'static str,
    /// Their value is the rest of the word, if there is any.
    joined: &'static str,
    /// Long options that are one of these letters, or have a value.
    long: &'static [(&'static str, char)],
}

const PYTHON: Letters = Letters {
    code: "c",
    taken_in: "",
    valued: "WXQ",
    joined: "",
    long: &[("--check-hash-based-pycs", 'X')],
};
const RUBY: Letters = Letters {
    code: "e",
    taken_in: "r",
    valued: "IECX",
    joined: "iFxWKT0",
    long: &[
        ("--encoding", 'E'),
        ("--external-encoding", 'E'),
        ("--internal-encoding", 'E'),
        ("--enable", 'E'),
        ("--disable", 'E'),
        ("--require", 'r'),
    ],
};
const PERL: Letters =
    Letters { code: "eE", taken_in: "mM", valued: "I", joined: "iFxDC", long: &[] };
const PHP: Letters = Letters {
    code: "rBRE",
    taken_in: "",
    valued: "dctzfFS",
    joined: "",
    long: &[
        ("--run", 'r'),
        ("--process-begin", 'B'),
        ("--process-code", 'R'),
        ("--process-end", 'E'),
        ("--file", 'f'),
        ("--process-file", 'F'),
        ("--define", 'd'),
        ("--php-ini", 'c'),
        ("--docroot", 't'),
        ("--server", 'S'),
        ("--zend-extension", 'z'),
        ("--syntax-check", 'l'),
    ],
};

/// Options of the runtimes of JavaScript that carry a program.
const JS_CODE: &str = "-e --eval -p --print -pe";
/// Those that name a module that is taken in first.
const JS_TAKEN_IN: &str = "-r --require --import --preload --loader --experimental-loader";
/// Those whose value may be a word of its own.
const JS_VALUED: &str =
    "--env-file --env-file-if-exists --conditions -C --input-type --title --tsconfig --project -P -O
    --compiler-options --cwd --cwd-mode -I --ignore -D --ignoreDiagnostics --config --import-map
    --cert --location --seed --log-level -L --ext --define -d --tsconfig-override --test-reporter
    --test-reporter-destination --test-name-pattern --test-skip-pattern --test-concurrency
    --diagnostic-dir --redirect-warnings --disable-warning --icu-data-dir --openssl-config
    --watch-path --dns-result-order --unhandled-rejections --stack-trace-limit --max-http-header-size
    --experimental-default-type --experimental-config-file --localstorage-file --cpu-prof-dir
    --heap-prof-dir --trace-event-categories --secure-heap --tls-keylog --inspect-port";

impl<'c> Line<'c> {
    /// Reads the words behind the name of an interpreter.
    pub(super) fn read(language: Language, name: &str, words: &'c [String]) -> Self {
        let letters = match language {
            Language::JavaScript => return javascript(name, words),
            Language::Python => &PYTHON,
            Language::Ruby => &RUBY,
            Language::Perl => &PERL,
            Language::Php => &PHP,
        };
        let mut line = Self::default();
        let mut rest = words;
        while let Some((word, behind)) = rest.split_first() {
            if word == "--" || !word.starts_with('-') || word.len() < 2 {
                break;
            }
            rest = behind;
            let ended = match word.starts_with("--") {
                true => line.long(letters, word, &mut rest),
                false => line.cluster(language, letters, word.get(1..).unwrap_or(""), &mut rest),
            };
            if ended {
                line.handed = rest;
                return line;
            }
        }
        line.program(rest);
        line
    }

    /// An option of more than one letter; whether the program's own words begin behind it.
    fn long(&mut self, letters: &Letters, word: &'c str, rest: &mut &'c [String]) -> bool {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let Some((_, letter)) = letters.long.iter().find(|(own, _)| *own == name) else {
            return false;
        };
        if *letter == 'l' {
            self.only_checked = true;
            return false;
        }
        let value = joined.or_else(|| next(rest));
        self.takes(letters, *letter, value)
    }

    /// Options of one letter each; whether the program's own words begin behind them.
    fn cluster(
        &mut self,
        language: Language,
        letters: &Letters,
        word: &'c str,
        rest: &mut &'c [String],
    ) -> bool {
        for (at, letter) in word.char_indices() {
            let behind = word.get(at + letter.len_utf8()..).filter(|it| !it.is_empty());
            match letter {
                'm' if language == Language::Python => {
                    self.module = behind.or_else(|| next(rest));
                    return true;
                }
                'l' if language == Language::Php => self.only_checked = true,
                'i' if matches!(language, Language::Perl | Language::Ruby) => {
                    self.in_place = true;
                    return false;
                }
                'M' | 'm' if language == Language::Perl => {
                    self.taken_in.extend(word.get(at..));
                    return false;
                }
                _ if letters.joined.contains(letter) => return false,
                _ if letters.code.contains(letter)
                    || letters.taken_in.contains(letter)
                    || letters.valued.contains(letter) =>
                {
                    let value = behind.or_else(|| next(rest));
                    return self.takes(letters, letter, value);
                }
                _ => {}
            }
        }
        false
    }

    fn takes(&mut self, letters: &Letters, letter: char, value: Option<&'c str>) -> bool {
        match letter {
            _ if letters.code.contains(letter) => {
                self.inline.extend(value);
                // Behind its program, Python has no options.
                return letter == 'c';
            }
            _ if letters.taken_in.contains(letter) => self.taken_in.extend(value),
            'f' | 'F' => self.file = value,
            'S' => self.serves = true,
            _ => {}
        }
        false
    }

    /// What stands behind the options: the program, unless there is one, and what it is handed.
    fn program(&mut self, mut rest: &'c [String]) {
        if let Some((first, behind)) = rest.split_first()
            && first == "--"
        {
            rest = behind;
        }
        if let Some((first, behind)) = rest.split_first()
            && self.inline.is_empty()
            && self.file.is_none()
        {
            self.file = Some(first);
            rest = behind;
        }
        self.handed = rest;
    }
}

fn next<'c>(rest: &mut &'c [String]) -> Option<&'c str> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(first)
}

/// The line of Node, Deno, Bun and those that run TypeScript with Node.
fn javascript<'c>(name: &str, words: &'c [String]) -> Line<'c> {
    let among = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    let mut line = Line::default();
    let mut rest = words;
    let mut verb = "";
    while let Some((word, behind)) = rest.split_first() {
        let (option, joined) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (word.as_str(), None),
        };
        if !word.starts_with('-') || word.len() < 2 {
            let verbs: &[&str] = match name {
                "deno" => &["run", "eval", "serve"],
                "bun" => &["run"],
                "tsx" => &["watch"],
                _ => &[],
            };
            if verb.is_empty() && verbs.contains(&word.as_str()) {
                verb = word;
                rest = behind;
                continue;
            }
            break;
        }
        if word == "--" {
            break;
        }
        rest = behind;
        match option {
            // Deno prints with `-p`, and `-c` is its configuration; it has `eval` for programs.
            "-p" | "--print" if name == "deno" => {}
            "-c" if matches!(name, "deno" | "bun") => drop(joined.or_else(|| next(&mut rest))),
            "-c" | "--check" | "--syntax-check" if name != "deno" => line.only_checked = true,
            // What is printed may be the program that follows.
            option if among(JS_CODE, option) => {
                let follows = rest.first().is_some_and(|it| !it.starts_with('-') || it.len() > 2);
                let value = joined.or_else(|| follows.then(|| next(&mut rest)).flatten());
                line.inline.extend(value);
            }
            option if among(JS_TAKEN_IN, option) => {
                line.taken_in.extend(joined.or_else(|| next(&mut rest)));
            }
            option if among(JS_VALUED, option) && joined.is_none() => drop(next(&mut rest)),
            _ => {}
        }
    }
    line.program(rest);
    if verb == "eval" {
        line.inline.extend(line.file.take());
    }
    line
}

#[cfg(test)]
mod tests;
