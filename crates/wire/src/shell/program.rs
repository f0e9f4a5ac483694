//! Programs in other languages, read for their calls: what they delete, write, start, ask a
//! database and send. What cannot be followed is code that nobody sees.

use holdpoint_core::Effect;

use super::{
    call::Pipe,
    expand::{UNKNOWN, ansi},
    scope::Scope,
    targets,
    walk::Walk,
};
use crate::Unreadable;

/// Tokens of one program.
const TOKENS_MAX: usize = 40_000;

/// A language whose programs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Ruby,
    Perl,
    Php,
}

impl Language {
    /// The language that an interpreter of this name speaks.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.') {
            "python" | "pypy" | "ipython" => Self::Python,
            "node" | "nodejs" | "deno" | "tsx" | "ts-node" | "mynode" => Self::JavaScript,
            "bun" if name == "bun" => Self::JavaScript,
            "ruby" | "irb" => Self::Ruby,
            "perl" => Self::Perl,
            "php" => Self::Php,
            _ => return None,
        })
    }

    /// The options that carry a program.
    pub(super) fn inline(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["-c"],
            Self::JavaScript => &["-e", "--eval", "-p", "--print", "-pe"],
            Self::Ruby => &["-e"],
            Self::Perl => &["-e", "-E", "-ne", "-pe", "-i -pe"],
            Self::Php => &["-r"],
        }
    }

    fn comments(self) -> &'static [&'static str] {
        match self {
            Self::Python | Self::Ruby | Self::Perl => &["#"],
            Self::JavaScript => &["//"],
            Self::Php => &["//", "#"],
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

/// Modules that reach nothing beyond what their calls say.
const PLAIN: &[&str] = &[
    "os",
    "sys",
    "json",
    "re",
    "math",
    "time",
    "datetime",
    "pathlib",
    "shutil",
    "subprocess",
    "glob",
    "collections",
    "itertools",
    "functools",
    "typing",
    "random",
    "string",
    "textwrap",
    "csv",
    "io",
    "hashlib",
    "base64",
    "argparse",
    "logging",
    "tempfile",
    "uuid",
    "decimal",
    "enum",
    "dataclasses",
    "copy",
    "pprint",
    "statistics",
    "struct",
    "zlib",
    "gzip",
    "zipfile",
    "tarfile",
    "configparser",
    "difflib",
    "unittest",
    "traceback",
    "types",
    "abc",
    "contextlib",
    "fs",
    "path",
    "util",
    "child_process",
    "assert",
    "events",
    "url",
    "crypto",
    "process",
    "fs/promises",
    "stream",
    "test",
    "readline",
    "perf_hooks",
    "buffer",
    "fileutils",
    "set",
    "date",
    "pp",
    "yaml",
    "tomllib",
    "toml",
    "ast",
    "sqlite3",
    "psycopg2",
    "psycopg",
    "pymysql",
    "mysql",
    "asyncpg",
    "pg",
    "requests",
    "httpx",
    "urllib",
    "axios",
    "node-fetch",
    "http",
    "https",
    "net/http",
    "strict",
    "warnings",
    "__future__",
    "inspect",
    "platform",
    "getpass",
    "chalk",
    "dotenv",
    "numpy",
    "pandas",
    "matplotlib",
    "django",
    "sqlalchemy",
    "pytest",
    "flask",
    "secrets",
    "bisect",
    "heapq",
    "operator",
    "fnmatch",
    "locale",
    "signal",
    "queue",
    "threading",
    "concurrent",
    "asyncio",
    "select",
    "html",
];

/// Reads a program, and notes what it would do.
pub(super) fn read(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
) -> Result<(), Unreadable> {
    let tokens = tokens(code, language);
    let mut reader = Reader {
        walk,
        scope,
        variables: Vec::new(),
        unclear: code.contains(UNKNOWN),
        tokens: &tokens,
    };
    reader.imports(code);
    let mut at = 0;
    while at < tokens.len() {
        reader.token(at)?;
        at += 1;
    }
    if reader.unclear || tokens.len() >= TOKENS_MAX {
        walk.unseen_program(scope, "code", tokens.len() >= TOKENS_MAX);
    }
    Ok(())
}

struct Reader<'r, 'a> {
    walk: &'r mut Walk<'a>,
    scope: &'r mut Scope,
    variables: Vec<(String, String)>,
    unclear: bool,
    tokens: &'r [Token],
}

impl Reader<'_, '_> {
    /// Whether it uses modules whose calls nobody here knows.
    fn imports(&mut self, code: &str) {
        for line in code.split(['\n', ';']) {
            let line = line.trim();
            let module = if let Some(rest) = line.strip_prefix("from ") {
                rest.split_whitespace().next()
            } else if let Some(rest) =
                line.strip_prefix("import ").filter(|it| !it.contains(['\'', '"', '{']))
            {
                for module in rest.split(',') {
                    let module = module.split_whitespace().next().unwrap_or_default();
                    self.unclear |= !is_plain(module);
                }
                None
            } else if line.starts_with("import ")
                || line.contains("require(")
                || line.starts_with("require ")
            {
                let quoted = line.rsplit(['\'', '"']).nth(1);
                quoted.map(|module| module.trim_start_matches("node:"))
            } else {
                None
            };
            self.unclear |= module.is_some_and(|module| !is_plain(module));
        }
    }

    fn token(&mut self, at: usize) -> Result<(), Unreadable> {
        let Some(Token::Name(name)) = self.tokens.get(at) else { return Ok(()) };
        match self.tokens.get(at + 1) {
            Some(Token::Sign('=')) if self.tokens.get(at + 2) != Some(&Token::Sign('=')) => {
                let end = self.end_of_value(at + 2);
                let value = self.value(at + 2, end);
                self.variables.retain(|(own, _)| own != name);
                self.variables.push((name.clone(), value));
                Ok(())
            }
            Some(Token::Sign('(')) => {
                let arguments = self.arguments(at + 2);
                self.called(name, at, &arguments)
            }
            // Perl and Ruby call without brackets.
            Some(Token::Text(text))
                if matches!(
                    name.as_str(),
                    "system" | "exec" | "unlink" | "rmtree" | "FileUtils.rm_rf" | "File.delete"
                ) =>
            {
                self.called(name, at, &[vec![text.clone()]])
            }
            _ => Ok(()),
        }
    }

    fn end_of_value(&self, from: usize) -> usize {
        let mut open = 0_i32;
        let mut at = from;
        while let Some(token) = self.tokens.get(at) {
            match token {
                Token::Sign('(' | '[' | '{') => open += 1,
                Token::Sign(')' | ']' | '}') => open -= 1,
                Token::Sign('\n' | ';') if open <= 0 => break,
                _ => {}
            }
            if open < 0 {
                break;
            }
            at += 1;
        }
        at
    }

    /// The arguments of a call, each as its texts.
    fn arguments(&self, from: usize) -> Vec<Vec<String>> {
        let mut arguments = Vec::new();
        let (mut open, mut start, mut at) = (0_i32, from, from);
        while let Some(token) = self.tokens.get(at) {
            match token {
                Token::Sign('(' | '[' | '{') => open += 1,
                Token::Sign(')' | ']' | '}') => open -= 1,
                Token::Sign(',') if open == 0 => {
                    arguments.push(self.texts(start, at));
                    start = at + 1;
                }
                _ => {}
            }
            if open < 0 {
                break;
            }
            at += 1;
        }
        if at > start {
            arguments.push(self.texts(start, at));
        }
        arguments
    }

    /// What the tokens between two places say: a list's texts, or one value.
    fn texts(&self, from: usize, to: usize) -> Vec<String> {
        if self.tokens.get(from) == Some(&Token::Sign('[')) {
            let mut texts = Vec::new();
            let mut start = from + 1;
            for at in from + 1..to {
                if matches!(self.tokens.get(at), Some(Token::Sign(',' | ']'))) {
                    if at > start {
                        texts.push(self.value(start, at));
                    }
                    start = at + 1;
                }
            }
            return texts;
        }
        vec![self.value(from, to)]
    }

    /// One value: texts that are joined, variables, what the environment holds, paths that are
    /// made of parts.
    fn value(&self, from: usize, to: usize) -> String {
        let tokens = self.tokens.get(from..to).unwrap_or_default();
        let name = tokens.iter().find_map(|token| match token {
            Token::Name(name) => Some(name.as_str()),
            _ => None,
        });
        let texts: Vec<&str> = tokens
            .iter()
            .filter_map(|token| match token {
                Token::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let from_environment = name.is_some_and(|name| {
            name.contains("environ")
                || name.contains("process.env")
                || name.ends_with("getenv")
                || name == "ENV"
        });
        if from_environment {
            let named =
                name.and_then(|name| name.strip_prefix("process.env.")).or(texts.first().copied());
            return named
                .and_then(|name| self.scope.value(name))
                .map_or_else(|| UNKNOWN.to_string(), str::to_owned);
        }
        let mut value = String::new();
        let joins = name.is_some_and(|name| {
            name.ends_with("join") || name.ends_with("Path") || name.ends_with("resolve")
        });
        let mut plain = true;
        for token in tokens {
            match token {
                Token::Text(text) if joins && !value.is_empty() => {
                    value = format!("{}/{text}", value.trim_end_matches('/'));
                }
                Token::Text(text) => value.push_str(text),
                Token::Sign('/') => value.push('/'),
                Token::Sign(_) => {}
                Token::Name(name) => match self.variables.iter().find(|(own, _)| own == name) {
                    Some((_, known)) => value.push_str(known),
                    None if name.ends_with("homedir") || name.ends_with("Path.home") => {
                        value.push_str(self.scope.value("HOME").unwrap_or("/"))
                    }
                    None if [
                        "expanduser",
                        "join",
                        "Path",
                        "pathlib.Path",
                        "resolve",
                        "str",
                        "abspath",
                        "execute",
                        "text",
                        "sql",
                        "URL",
                        "encode",
                    ]
                    .iter()
                    .any(|it| name.ends_with(it)) => {}
                    None if matches!(
                        name.as_str(),
                        "recursive"
                            | "force"
                            | "True"
                            | "true"
                            | "ignore_errors"
                            | "shell"
                            | "check"
                    ) => {}
                    None => plain = false,
                },
            }
        }
        let home = self.scope.value("HOME").unwrap_or("/");
        let value = match value.strip_prefix('~') {
            Some(rest) => format!("{home}{rest}"),
            None => value,
        };
        if plain { value } else { format!("{value}{UNKNOWN}") }
    }

    fn called(
        &mut self,
        name: &str,
        at: usize,
        arguments: &[Vec<String>],
    ) -> Result<(), Unreadable> {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let first = arguments.first().and_then(|texts| texts.first()).cloned();
        let receiver = || self.receiver(name, at);
        let unknown = || UNKNOWN.to_string();
        match last {
            "rmtree" | "removedirs" | "rmSync" | "unlinkSync" | "rmdirSync" | "rm_rf" | "rm_r"
            | "remove_dir_all" | "removeSync" | "emptyDirSync" | "rimraf" | "remove_tree"
            | "emptyDir" => {
                self.walk.deletes(self.scope, &first.unwrap_or_else(unknown), "program:delete");
            }
            "remove" | "unlink" | "rm" | "rmdir" | "delete" if is_file_call(name) => {
                let path = first.or_else(receiver).unwrap_or_else(unknown);
                self.walk.deletes(self.scope, &path, "program:delete");
            }
            "writeFileSync" | "writeFile" | "file_put_contents" | "outputFile"
            | "outputFileSync" | "copyFileSync" | "copyfile" | "copy2" | "writeTextFile" => {
                let copies = last.starts_with("copy");
                let path = arguments
                    .get(usize::from(copies))
                    .and_then(|it| it.first())
                    .cloned()
                    .unwrap_or_else(unknown);
                let text =
                    arguments.get(1).and_then(|it| it.first()).cloned().unwrap_or_else(unknown);
                self.walk.writes(self.scope, &path, &text, false);
            }
            "write_text" | "write_bytes" => {
                let path = receiver().unwrap_or_else(unknown);
                self.walk.writes(self.scope, &path, &first.unwrap_or_else(unknown), false);
            }
            "appendFileSync" | "appendFile" => {
                self.walk.writes(self.scope, &first.unwrap_or_else(unknown), "", true)
            }
            "open" | "fopen" | "createWriteStream" if name != "os.open" => {
                let mode = arguments
                    .iter()
                    .skip(1)
                    .flatten()
                    .find(|mode| mode.len() <= 3 && mode.starts_with(['w', 'a', 'x']));
                if last == "createWriteStream" || mode.is_some() {
                    let append = mode.is_some_and(|mode| mode.starts_with('a'));
                    self.walk.writes(
                        self.scope,
                        &first.unwrap_or_else(unknown),
                        &unknown(),
                        append,
                    );
                } else if let Some(path) = first {
                    self.walk.read(self.scope, &path, false);
                }
            }
            "move" | "rename" | "renameSync" | "moveSync" if arguments.len() == 2 => {
                let words: Vec<String> = ["mv".to_owned()]
                    .into_iter()
                    .chain(arguments.iter().flatten().cloned())
                    .collect();
                self.walk.call(self.scope, &words, &Pipe::captured(None))?;
            }
            "chmod" | "chmodSync" | "utime" | "chown" => {}
            "run" | "call" | "check_call" | "check_output" | "Popen" | "system" | "popen"
            | "execSync" | "exec" | "spawn" | "spawnSync" | "execFile" | "execFileSync"
            | "shell_exec" | "passthru" | "getoutput" | "execa"
                if is_process_call(name) =>
            {
                self.starts(arguments)?
            }
            "execute" | "executescript" | "executemany" | "query" | "exec_driver_sql"
            | "executeRawUnsafe" | "queryRawUnsafe" | "raw" | "unsafe" | "execute_batch" => {
                let text = first.unwrap_or_else(unknown);
                self.asks(&text)?;
            }
            "drop_all" | "deleteMany" | "delete_all" | "destroy_all" | "dropDatabase"
            | "drop_database" | "flushall" | "flushdb" | "truncate_all" | "dropTable"
            | "dropAllTables" | "truncate" | "bulk_delete" => {
                let target = targets::ambient(self.walk, self.scope, None);
                self.walk.at_database(&target, &format!("orm:{last}"), Effect::Destroy);
            }
            "get" | "post" | "put" | "patch" | "delete" | "request" | "fetch" | "urlopen"
            | "urlretrieve"
                if is_http_call(name) =>
            {
                self.sends(last, arguments)?;
            }
            "eval" | "compile" | "__import__" | "import_module" | "loads"
                if name == last || name.contains("pickle") || name.contains("marshal") =>
            {
                self.unclear |= last != "loads" || name.contains("pickle")
            }
            _ => {}
        }
        Ok(())
    }

    /// What a method is called on: `Path('x').unlink()`, `p.unlink()`.
    fn receiver(&self, name: &str, at: usize) -> Option<String> {
        let own = name.rsplit_once('.').map(|(own, _)| own).filter(|own| !own.is_empty());
        if let Some(own) = own {
            return self
                .variables
                .iter()
                .find(|(name, _)| name == own)
                .map(|(_, value)| value.clone());
        }
        let before = self.tokens.get(..at).unwrap_or_default();
        let start = before.iter().rposition(|token| matches!(token, Token::Name(_)))?;
        Some(self.value(start, at))
    }

    fn starts(&mut self, arguments: &[Vec<String>]) -> Result<(), Unreadable> {
        let Some(first) = arguments.first() else { return Ok(()) };
        let mut words = first.clone();
        // `spawn('rm', ['-rf', 'x'])`
        let lists = arguments
            .get(1)
            .filter(|list| list.len() > 1 || words.first().is_some_and(|it| !it.contains(' ')));
        if let Some(list) = lists.filter(|list| {
            words.len() == 1
                && !list.is_empty()
                && list.iter().all(|it| !it.contains(UNKNOWN) || it.len() > 3)
        }) {
            words.extend(list.iter().filter(|it| !it.is_empty()).cloned());
        }
        let pipe = Pipe { stdin: None, captured: false, piped: false };
        match words.as_slice() {
            [script] => self.walk.script(&mut self.scope.clone(), script, &pipe)?,
            words => self.walk.call(self.scope, words, &pipe)?,
        };
        Ok(())
    }

    fn asks(&mut self, text: &str) -> Result<(), Unreadable> {
        let url = self
            .variables
            .iter()
            .map(|(_, value)| value.as_str())
            .find(|value| targets::is_url(value));
        let literal = self.tokens.iter().find_map(|token| match token {
            Token::Text(text) if targets::is_url(text) => Some(text.as_str()),
            Token::Text(text)
                if [".db", ".sqlite", ".sqlite3"].iter().any(|end| text.ends_with(end))
                    || text == ":memory:" =>
            {
                Some(text.as_str())
            }
            _ => None,
        });
        let target = match url.or(literal) {
            Some(url) => targets::of_url(url),
            None => targets::ambient(self.walk, self.scope, None),
        };
        self.walk.statements(text, &target);
        Ok(())
    }

    fn sends(&mut self, method: &str, arguments: &[Vec<String>]) -> Result<(), Unreadable> {
        let texts: Vec<&String> = arguments.iter().flatten().collect();
        let Some(url) = texts.iter().find(|text| text.starts_with("http")) else { return Ok(()) };
        let words: Vec<&str> = texts
            .iter()
            .map(|it| it.as_str())
            .filter(|it| ["POST", "PUT", "PATCH", "DELETE", "GET"].contains(it))
            .collect();
        let named =
            self.tokens.iter().any(|token| matches!(token, Token::Name(name) if name == "method"));
        let literal = self.tokens.iter().find_map(|token| match token {
            Token::Text(text)
                if named && ["POST", "PUT", "PATCH", "DELETE"].contains(&text.as_str()) =>
            {
                Some(text.as_str())
            }
            _ => None,
        });
        let method = match method {
            "post" | "put" | "patch" | "delete" => method.to_ascii_uppercase(),
            _ => words.first().copied().or(literal).unwrap_or("GET").to_owned(),
        };
        let call: Vec<String> =
            ["curl", "-X", &method, url.as_str()].iter().map(|it| (*it).to_owned()).collect();
        self.walk.call(self.scope, &call, &Pipe::captured(None))?;
        Ok(())
    }
}

fn is_plain(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    PLAIN.contains(&module) || PLAIN.contains(&first) || module.starts_with("@types/")
}

fn is_file_call(name: &str) -> bool {
    ["os.", "fs.", "File", "Path", "promises", "Deno.", "fsp.", "fse."]
        .iter()
        .any(|it| name.contains(it))
        || name == "unlink"
        || name.ends_with(".unlink")
        || name.ends_with(".rmdir")
        || name == "rmdir"
        || name == "rm"
}

fn is_process_call(name: &str) -> bool {
    !name.contains('.')
        || [
            "subprocess",
            "os.",
            "child_process",
            "cp.",
            "process.",
            "sp.",
            "Kernel",
            "Open3",
            "Deno",
            "Bun",
            "commands",
        ]
        .iter()
        .any(|it| name.contains(it))
}

fn is_http_call(name: &str) -> bool {
    [
        "requests.",
        "httpx.",
        "axios.",
        "fetch",
        "urllib",
        "urlopen",
        "http.",
        "https.",
        "session.",
        "client.",
        "got.",
        "HTTP",
        "ky.",
    ]
    .iter()
    .any(|it| name.contains(it))
        || name == "axios"
}

/// A program's names, texts and signs, without its comments.
fn tokens(code: &str, language: Language) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        if tokens.len() >= TOKENS_MAX {
            break;
        }
        if language.comments().iter().any(|it| rest.starts_with(it)) {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
        } else if language != Language::Python && rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, rest)| rest);
        } else if letter.is_alphabetic() || matches!(letter, '_' | '$' | '.') && letter != '"' {
            let is_name = |it: char| it.is_alphanumeric() || matches!(it, '_' | '.' | '$' | ':');
            let end = rest.find(|it: char| !is_name(it)).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let quote =
                after.starts_with(['\'', '"']) && name.len() <= 2 && language == Language::Python;
            if !quote {
                let name = name.trim_end_matches([':']).trim_start_matches(['.', '$']);
                tokens.push(Token::Name(name.to_owned()));
            }
            rest = after;
            if quote {
                let (text, after) =
                    literal(rest, name.contains(['f', 'F']), name.contains(['r', 'R']));
                tokens.push(Token::Text(text));
                rest = after;
            }
        } else if matches!(letter, '\'' | '"' | '`') {
            let fills = letter == '`'
                || letter == '"'
                    && matches!(language, Language::Ruby | Language::Perl | Language::Php);
            let (text, after) = literal(rest, fills, false);
            tokens.push(Token::Text(text));
            rest = after;
        } else {
            if !letter.is_whitespace() || letter == '\n' {
                tokens.push(Token::Sign(letter));
            }
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    tokens
}

/// The text of a literal at the beginning of `rest`, and what comes behind it.
fn literal(rest: &str, fills: bool, raw: bool) -> (String, &str) {
    let quote = ["\"\"\"", "'''"].into_iter().find(|it| rest.starts_with(it));
    let quote = quote.unwrap_or_else(|| rest.get(..1).unwrap_or_default());
    let body = rest.get(quote.len()..).unwrap_or_default();
    let (mut end, mut escaped) = (body.len(), false);
    for (at, letter) in body.char_indices() {
        if !escaped && body.get(at..).is_some_and(|it| it.starts_with(quote)) {
            end = at;
            break;
        }
        escaped = letter == '\\' && !escaped;
    }
    let (text, after) = body.split_at_checked(end).unwrap_or((body, ""));
    let text = if raw { text.to_owned() } else { ansi(text) };
    let text = if fills { filled(&text) } else { text };
    (text, after.get(quote.len()..).unwrap_or_default())
}

/// A text with what is put into it when it runs taken as unknown.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    for letter in text.chars() {
        match letter {
            '{' => {
                depth += 1;
                if out.ends_with(['$', '#']) {
                    out.pop();
                }
                out.push(UNKNOWN);
            }
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(letter),
            _ => {}
        }
    }
    out
}
