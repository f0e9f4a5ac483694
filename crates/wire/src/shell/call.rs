//! One simple command: its name, its options, and who reads it.

use super::{At, Step, expand::UNKNOWN, output, scope::Scope, secret, walk::Walk};
use crate::Unreadable;

/// Where a command reads from, and who sees what it prints.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    /// What it reads; `None` if nothing is piped in.
    pub(super) stdin: Option<String>,
    /// What it prints is not shown: it goes into a file, a variable or another program.
    pub(super) captured: bool,
    /// It goes into another program.
    pub(super) piped: bool,
}

impl Pipe {
    /// What it prints is shown.
    pub(super) fn terminal() -> Self {
        Self { stdin: None, captured: false, piped: false }
    }

    /// What it prints is kept.
    pub(super) fn captured(stdin: Option<String>) -> Self {
        Self { stdin, captured: true, piped: false }
    }
}

/// A simple command, expanded.
pub(super) struct Call<'c> {
    /// Its name without the directory.
    pub(super) name: &'c str,
    /// Its first word as it stands.
    pub(super) program: &'c str,
    /// The words behind it.
    pub(super) arguments: &'c [String],
    pub(super) pipe: &'c Pipe,
}

impl<'c> Call<'c> {
    pub(super) fn new(words: &'c [String], pipe: &'c Pipe) -> Self {
        let (program, arguments) = match words.split_first() {
            Some((program, arguments)) => (program.as_str(), arguments),
            None => ("", words),
        };
        Self { name: base(program), program, arguments, pipe }
    }

    /// Options and operands; what comes behind `--` is an operand.
    pub(super) fn parts(&self) -> (Vec<&'c str>, Vec<&'c str>) {
        let (mut options, mut operands) = (Vec::new(), Vec::new());
        let mut only_operands = false;
        for word in self.arguments {
            match word.as_str() {
                "--" if !only_operands => only_operands = true,
                option if !only_operands && option.len() > 1 && option.starts_with('-') => {
                    options.push(option)
                }
                operand => operands.push(operand),
            }
        }
        (options, operands)
    }

    /// Whether one of these options is given, `--x` or `--x=…`.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.arguments.iter().any(|word| {
            names.iter().any(|name| {
                word == name
                    || word
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('=') && name.starts_with("--"))
            })
        })
    }

    /// Whether a short flag is given, alone or among others (`-fdx`).
    pub(super) fn flag(&self, letter: char) -> bool {
        self.arguments.iter().take_while(|word| *word != "--").any(|word| {
            word.strip_prefix('-').is_some_and(|rest| {
                !rest.starts_with('-')
                    && rest.contains(letter)
                    && rest.chars().all(|it| it.is_ascii_alphanumeric())
            })
        })
    }

    /// The value of one of these options: `--x v`, `--x=v`, `-xv`.
    pub(super) fn value(&self, names: &[&str]) -> Option<&'c str> {
        self.values(names).into_iter().next_back()
    }

    /// All values of these options.
    pub(super) fn values(&self, names: &[&str]) -> Vec<&'c str> {
        let mut values = Vec::new();
        let mut words = self.arguments.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            if names.contains(&word) {
                values.extend(words.peek().copied());
                continue;
            }
            for name in names {
                let joined = match word.strip_prefix(name) {
                    Some(rest) if rest.starts_with('=') => rest.strip_prefix('='),
                    Some(rest)
                        if !name.starts_with("--") && name.len() == 2 && !rest.is_empty() =>
                    {
                        Some(rest)
                    }
                    _ => None,
                };
                values.extend(joined);
            }
        }
        values
    }

    /// The words that are no options, where these options take a value.
    pub(super) fn operands(&self, valued: &[&str]) -> Vec<&'c str> {
        let mut operands = Vec::new();
        let mut words = self.arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if valued.contains(&word) {
                words.next();
            } else if word == "--" {
                operands.extend(words.by_ref());
            } else if !(word.len() > 1 && word.starts_with('-')) {
                operands.push(word);
            }
        }
        operands
    }
}

/// A program's name without its directory and the endings of Windows.
pub(super) fn base(program: &str) -> &str {
    let last = program.rsplit(['/', '\\']).next().unwrap_or(program);
    last.strip_suffix(".exe").or(last.strip_suffix(".cmd")).unwrap_or(last)
}

impl Walk<'_> {
    /// Reads one simple command, and answers what it prints.
    pub(super) fn call(
        &mut self,
        scope: &mut Scope,
        words: &[String],
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let call = Call::new(words, pipe);
        if call.program.is_empty() {
            return Ok(String::new());
        }
        if call.program.contains(UNKNOWN) {
            self.push(Step::opaque("shell:unknown_command", true));
            return Ok(UNKNOWN.to_string());
        }
        if let Some(text) = scope.aliases.get(call.program).cloned() {
            let rest: Vec<String> = call.arguments.iter().map(|word| quoted(word)).collect();
            let mut inner = scope.clone();
            inner.aliases.remove(call.program);
            return self.script(&mut inner, &format!("{text} {}", rest.join(" ")), pipe);
        }
        if let Some(body) = scope.functions.get(call.program).cloned() {
            let outer = std::mem::replace(&mut scope.positional, call.arguments.to_vec());
            // A function that calls itself is read once.
            scope.functions.remove(call.program);
            let output = self.compound(scope, &body, pipe);
            scope.functions.insert(call.program.to_owned(), body);
            scope.positional = outer;
            return output;
        }
        self.files.takes_hidden |= scope.takes_hidden();
        self.hidden(scope, &call)?;
        self.takes_in(scope, &call)?;
        let output = self.program(scope, &call)?;
        // What a program nobody knows makes of secrets that it is handed may be just these.
        let handed = || call.pipe.stdin.as_deref().is_some_and(|text| secret::shows(scope, text));
        let passed_on = output.contains(UNKNOWN) && handed();
        if !pipe.captured
            && !self.machine().masked()
            && (passed_on || secret::shows(scope, &output))
        {
            let resource = holdpoint_core::ResourceId::of("machine", "environment", call.name);
            self.push(Step::reveals("shell:print", resource, At::Here));
        }
        Ok(output)
    }

    /// The file that this run made under the name of a program, where it is found first.
    fn made_on_path(&self, scope: &Scope, program: &str) -> Option<String> {
        if program.contains('/') {
            return None;
        }
        let system =
            |it: &&str| ["/usr/", "/bin", "/sbin", "/opt/"].iter().any(|of| it.starts_with(of));
        let first = scope.value("PATH")?.split(':').take_while(|it| !system(it));
        let all = first.filter(|it| !it.is_empty() && !it.contains(UNKNOWN));
        let mut files = all.flat_map(|it| self.paths(scope, &format!("{it}/{program}")));
        files.find(|it| self.files.made(it) && self.files.text(it).is_some())
    }

    fn program(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<String, Unreadable> {
        // What this command has written is what it is, whatever its name.
        let own =
            |path: &String| matches!(self.files.written.get(path), Some(super::Written::Text(_)));
        if call.program.contains('/') && self.paths(scope, call.program).iter().any(own) {
            return self.by_path(scope, call);
        }
        if let Some(path) = self.made_on_path(scope, call.program) {
            let (name, arguments, pipe) = (call.name, call.arguments, call.pipe);
            return self.by_path(scope, &Call { name, program: &path, arguments, pipe });
        }
        if let Some(output) = self.builtin(scope, call)? {
            return Ok(output);
        }
        let script = |path: &String| self.files.text(path).is_some();
        let runs = call.program.contains('/') && self.paths(scope, call.program).iter().any(script);
        if !runs && is_asking(call) {
            return Ok(UNKNOWN.to_string());
        }
        if matches!(call.name, "powershell" | "pwsh" | "wsl" | "cmd") {
            let (name, words) = (call.name, call.arguments);
            if let Some(output) = super::windows::shell(self, scope, name, words, call.pipe)? {
                return Ok(output);
            }
        }
        if let Some(output) = self.carried(scope, call)? {
            return Ok(output);
        }
        if call.name == "journalctl" && call.arguments.iter().any(|it| it.starts_with("--vacuum")) {
            self.tool(scope, call);
            return Ok(UNKNOWN.to_string());
        }
        if let Some(output) = output::of(self, scope, call) {
            return Ok(output);
        }
        match call.name {
            "find" | "gfind" => return self.find(scope, call),
            "git" => return self.git(scope, call),
            "curl" | "wget" | "http" | "https" | "xh" | "xhs" | "curlie" => {
                return self.fetch(scope, call);
            }
            _ => {}
        }
        if let Some(output) = self.disk(scope, call) {
            return Ok(output);
        }
        if let Some(output) = self.interpreted(scope, call)? {
            return Ok(output);
        }
        if let Some(output) = self.database(scope, call)? {
            return Ok(output);
        }
        self.tool(scope, call);
        Ok(UNKNOWN.to_string())
    }

    /// What the shell does itself.
    fn builtin(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        match call.program {
            "shopt" | "setopt" if call.arguments.iter().any(|it| takes_hidden(it)) => {
                self.files.takes_hidden = true;
            }
            ":" | "true" | "false" | "test" | "[" | "return" | "exit" | "break" | "continue"
            | "wait" | "jobs" | "fg" | "bg" | "disown" | "shopt" | "ulimit" | "umask" | "times"
            | "let" | "getopts" | "complete" | "bind" | "history" | "unalias" | "logout"
            | "caller" | "dirs" => {}
            "cd" | "pushd" | "chdir" | "Set-Location" => self.goes(scope, call),
            "popd" => scope.pop_directory(),
            "export" | "declare" | "local" | "typeset" | "readonly" => self.declare(scope, call),
            "unset" => call.parts().1.iter().for_each(|name| {
                scope.variables.remove(*name);
                scope.exported.remove(*name);
            }),
            "set" => match call.arguments.first().map(String::as_str) {
                None if !call.pipe.captured => self.dump(scope),
                Some(option) if option.starts_with('-') && option.contains('a') => {
                    scope.exports_all = true
                }
                Some(option) if option.starts_with('+') && option.contains('a') => {
                    scope.exports_all = false
                }
                Some("--") => scope.positional = call.arguments.iter().skip(1).cloned().collect(),
                _ => {}
            },
            "shift" => {
                let count = call.arguments.first().and_then(|it| it.parse().ok()).unwrap_or(1);
                scope.positional = scope.positional.iter().skip(count).cloned().collect();
            }
            "read" | "mapfile" | "readarray" => {
                for command in call.values(&["-C"]) {
                    self.script(&mut scope.clone(), command, call.pipe)?;
                }
                reads(scope, call);
            }
            "hash" => {
                if let [_, path, name] = call.arguments {
                    scope.aliases.insert(name.clone(), quoted(path));
                }
            }
            "alias" => {
                for word in call.arguments {
                    if let Some((name, text)) = word.split_once('=') {
                        scope.aliases.insert(name.to_owned(), text.to_owned());
                    }
                }
            }
            "eval" => return self.script(scope, &call.arguments.join(" "), call.pipe).map(Some),
            "trap" => {
                if let Some(script) = call.parts().1.first().filter(|_| call.arguments.len() > 1) {
                    self.script(&mut scope.clone(), script, call.pipe)?;
                }
            }
            "source" | "." => {
                let Some(file) = call.arguments.first() else { return Ok(Some(String::new())) };
                return self.source(scope, file, call).map(Some);
            }
            _ => return Ok(None),
        }
        Ok(Some(String::new()))
    }

    fn goes(&self, scope: &mut Scope, call: &Call<'_>) {
        let named = call.parts().1.first().map(|it| (*it).to_owned());
        if named.is_none() && call.program == "pushd" {
            return scope.push_directory(None, true);
        }
        let to = named.unwrap_or_else(|| self.machine().home().to_owned());
        let to = if to == "-" { UNKNOWN.to_string() } else { to };
        let certain = self.paths(scope, &to).iter().all(|path| {
            self.files.exists(path)
                || self.machine().workspace() == Some(path)
                || self.machine().home() == path
        });
        match call.program {
            "pushd" => scope.push_directory(Some(&to), certain),
            _ => scope.go(&to, certain),
        }
    }

    fn declare(&mut self, scope: &mut Scope, call: &Call<'_>) {
        let (options, operands) = call.parts();
        let exports = call.program == "export" || options.iter().any(|it| it.contains('x'));
        let shows = operands.is_empty() || options.contains(&"-p");
        if exports && shows && !call.pipe.captured {
            self.dump(scope);
        }
        for word in operands {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            // `declare -n x=y`: a name for another variable.
            let value = match (options.contains(&"-n"), value) {
                (true, Some(other)) => Some(scope.value(&other).unwrap_or_default().to_owned()),
                (_, value) => value,
            };
            match (exports, value) {
                (true, value) => scope.export(name, value),
                (false, Some(value)) => scope.assign(name, vec![value]),
                (false, None) => {}
            }
        }
    }

    /// All variables of the environment are shown.
    pub(super) fn dump(&mut self, scope: &Scope) {
        let secret = scope.environment().any(|(name, value)| secret::is_secret(name, value));
        if secret && !self.machine().masked() {
            let resource = holdpoint_core::ResourceId::of("machine", "environment", "all");
            self.push(Step::reveals("shell:environment", resource, At::Here));
        }
    }

    /// Runs the file at `word` in this very shell.
    fn source(
        &mut self,
        scope: &mut Scope,
        word: &str,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let text = self.read(scope, word, true);
        if text.contains(UNKNOWN) && text.chars().count() == 1 {
            // An environment of Python or Node is activated; what is not there does nothing.
            let unknown = word.contains(UNKNOWN) || word.starts_with("/tmp");
            if unknown {
                self.push(Step::opaque("shell:source", true));
            }
            return Ok(UNKNOWN.to_string());
        }
        let arguments = call.arguments.iter().skip(1).cloned().collect::<Vec<_>>();
        let outer =
            (!arguments.is_empty()).then(|| std::mem::replace(&mut scope.positional, arguments));
        let output = self.script(scope, &text, call.pipe);
        if let Some(outer) = outer {
            scope.positional = outer;
        }
        output
    }
}

/// What `read` does with a line: a word for each name, and the rest for the last.
fn reads(scope: &mut Scope, call: &Call<'_>) {
    let line = call.pipe.stdin.as_deref().and_then(|text| text.lines().next());
    let line = line.map_or_else(|| UNKNOWN.to_string(), str::to_owned);
    let names = call.operands(&["-d", "-n", "-N", "-p", "-t", "-u", "-i", "-a"]);
    let (last, first) = match names.split_last() {
        Some((last, first)) => (*last, first),
        None => ("REPLY", &[][..]),
    };
    let mut rest = line.as_str();
    for name in first {
        let (word, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        scope.assign(name, vec![word.to_owned()]);
        rest = after;
    }
    scope.assign(last, vec![rest.to_owned()]);
}

/// A word as the shell would have to read it to get it back.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether a program is only asked what it is.
fn is_asking(call: &Call<'_>) -> bool {
    let one = call.arguments.len() == 1;
    one && call.has(&["--version", "--help", "-V", "version", "-version", "--usage"])
        || call.arguments.last().is_some_and(|last| last == "--help")
            && !call.has(&["-c", "-e"])
            && !super::carrier::is_carrier(call.name)
            && !super::interpreter::is_interpreter(call.name)
}

/// Whether an option of a shell has patterns match hidden names, too (bash, zsh).
pub(super) fn takes_hidden(option: &str) -> bool {
    let plain = option.replace('_', "").to_ascii_lowercase();
    matches!(plain.as_str(), "dotglob" | "globdots")
}
