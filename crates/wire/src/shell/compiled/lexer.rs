//! The words, texts and signs of a compiled language: comments left out, literals read as the
//! language reads them.

use super::Language;
use crate::shell::expand::UNKNOWN;

/// Tokens that are read of one file; what comes then is not seen.
pub(super) const TOKENS_MAX: usize = 40_000;
/// Texts within texts: `"${f("${x}")}"`.
const DEPTH_MAX: usize = 4;
/// What stands around the parts of a text with expressions in it.
pub(super) const OPEN: &str = "⟦";
pub(super) const CLOSE: &str = "⟧";
/// Signs of two letters that mean something else than one after the other.
const PAIRS: [&str; 16] = [
    "::", "->", "=>", "==", "!=", "<=", ">=", "?.", "!!", ":=", "&&", "||", "+=", "-=", "..", "|=",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Number(&'t str),
    Text(String),
    Sign(&'t str),
}

/// A text that is being read.
pub(super) struct Lexer<'t> {
    language: Language,
    text: &'t str,
    at: usize,
    line: usize,
    depth: usize,
    /// The tokens, and the lines that they stand in.
    tokens: Vec<(Token<'t>, usize)>,
    /// A text of Elixir that is handed to the next call: `"x" |> f()`.
    handed: Option<String>,
}

/// How a literal is written.
#[derive(Clone, Copy)]
struct Quote<'q> {
    end: &'q str,
    /// What makes the next letter another one.
    escape: Option<char>,
    holes: Holes,
    /// It may go on in the next line.
    long: bool,
}

/// How expressions stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    None,
    /// `$x`, `${x}`
    Dollar,
    /// `{x}`
    Brace,
    /// `\(x)`
    Slash,
    /// `#{x}`
    Hash,
}

/// The tokens of a text with their lines, and whether these are all of it.
pub(super) fn read(language: Language, text: &str) -> (Vec<(Token<'_>, usize)>, bool) {
    let (tokens, handed) = (Vec::new(), None);
    let mut lexer = Lexer { language, text, at: 0, line: 0, depth: 0, tokens, handed };
    lexer.all();
    let whole = lexer.tokens.len() < TOKENS_MAX;
    (lexer.tokens, whole)
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn go(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at += bytes.max(1);
        // Never within a letter.
        while self.at < self.text.len() && !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn push(&mut self, token: Token<'t>) {
        self.tokens.push((token, self.line));
    }

    fn all(&mut self) {
        while self.tokens.len() < TOKENS_MAX {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else { return };
            if first.is_whitespace() {
                self.go(first.len_utf8());
            } else if !(self.comment(rest) || self.literal(rest, first)) {
                self.plain(rest, first);
            }
        }
    }

    /// Comments, and lines for a preprocessor.
    fn comment(&mut self, rest: &'t str) -> bool {
        let line = rest.find('\n').unwrap_or(rest.len());
        let begins = self.tokens.is_empty() && rest.starts_with("#!") && !rest.starts_with("#![");
        let long = long_bracket(rest.strip_prefix("--").filter(|_| self.language == Language::Lua));
        if let Some((skip, end)) = long {
            self.go(rest.find(&end).map_or(rest.len(), |at| at + end.len()).max(skip + 2));
            return true;
        }
        if rest.starts_with(self.language.comment()) || begins {
            self.go(line);
            return true;
        }
        if rest.starts_with("/*") && self.language.comment() == "//" {
            self.go(block_comment(rest, self.language.nests_comments()));
            return true;
        }
        if !rest.starts_with('#') || !matches!(self.language, Language::C | Language::CSharp) {
            return false;
        }
        // `#define NAME "x"` is as good as `NAME = "x"`.
        let told = rest.get(..line).unwrap_or_default().trim_start_matches('#').trim_start();
        let name = told.strip_prefix("define").and_then(|it| it.split_whitespace().next());
        match name.filter(|it| it.chars().all(|it| it.is_alphanumeric() || it == '_')) {
            Some(name) => {
                let behind = rest.find(name).unwrap_or_default() + name.len();
                self.push(Token::Sign(";"));
                self.push(Token::Word(name));
                self.push(Token::Sign("="));
                self.go(behind);
            }
            None => self.go(line),
        }
        true
    }

    fn literal(&mut self, rest: &'t str, first: char) -> bool {
        use Language as L;
        if let Some((skip, quote)) = raw(self.language, rest) {
            let body = rest.get(skip..).unwrap_or_default();
            let end = body.find(quote.as_str()).unwrap_or(body.len());
            let text = body.get(..end).unwrap_or_default();
            self.push(Token::Text(text.to_owned()));
            self.go(skip + end + quote.len());
            return true;
        }
        if self.language == L::Zig && rest.starts_with("\\\\") {
            let line = rest.find('\n').unwrap_or(rest.len());
            self.push(Token::Text(rest.get(2..line).unwrap_or_default().to_owned()));
            self.go(line);
            return true;
        }
        let plain = Quote { end: "\"", escape: Some('\\'), holes: Holes::None, long: false };
        let holes = self.language.holes();
        if self.language == L::CSharp
            && let Some((skip, quote)) = sharp(rest)
        {
            self.quoted(skip, quote);
            return true;
        }
        // Letters before a quote say what kind of text it is.
        let letters = rest.len() - rest.trim_start_matches(|it: char| it.is_alphanumeric()).len();
        let behind = rest.get(letters..).unwrap_or_default();
        let prefix = rest.get(..letters).unwrap_or_default();
        let known = match self.language {
            L::Rust => matches!(prefix, "b" | "c"),
            L::C => matches!(prefix, "L" | "u8" | "u" | "U"),
            L::Scala => matches!(prefix, "s" | "f" | "raw"),
            _ => false,
        };
        if letters > 0 && !(known && behind.starts_with('"')) {
            return false;
        }
        let holes = if self.language == L::Scala && letters == 0 { Holes::None } else { holes };
        let long = Quote { holes, long: true, ..plain };
        let threefold = !matches!(self.language, L::Rust | L::C | L::Go | L::Zig | L::Lua | L::R);
        let single = matches!(self.language, L::Groovy | L::Dart | L::Lua | L::R | L::Elixir);
        if threefold && behind.starts_with("\"\"\"") {
            let escape = Some('\\').filter(|_| !matches!(self.language, L::Kotlin | L::Scala));
            self.quoted(letters + 3, Quote { end: "\"\"\"", escape, ..long });
        } else if single && behind.starts_with("'''") {
            self.quoted(3, Quote { end: "'''", ..Quote { holes: Holes::None, ..long } });
        } else if behind.starts_with('"') {
            let long = matches!(self.language, L::Rust | L::R | L::Julia | L::Elixir);
            self.quoted(letters + 1, Quote { holes, long, ..plain });
        } else if single && first == '\'' {
            let holes = if self.language == L::Dart { holes } else { Holes::None };
            self.quoted(1, Quote { end: "'", holes, ..plain });
        } else if first == '\'' {
            self.letter(rest);
        } else if first == '`' && self.language != L::Go {
            let name = rest.get(1..).and_then(|it| it.split('`').next()).unwrap_or_default();
            self.push(Token::Word(name));
            self.go(name.len() + 2);
        } else if self.language == L::Groovy && first == '/' && self.may_begin_pattern() {
            self.quoted(1, Quote { end: "/", ..plain });
        } else {
            return false;
        }
        true
    }

    /// Whether a slash here begins a text of Groovy, and divides nothing.
    fn may_begin_pattern(&self) -> bool {
        let signs = ["(", "=", ",", "~", "=="];
        matches!(self.tokens.last(), Some((Token::Sign(it), _)) if signs.contains(it))
    }

    /// A single letter in quotes, or the lifetime of a Rust reference.
    fn letter(&mut self, rest: &'t str) {
        let mut letters = rest.char_indices().skip(1);
        let first = letters.next().map_or('\'', |(_, it)| it);
        let end = match first {
            '\\' => rest.get(2..).and_then(|it| it.get(1..)?.find('\'')).map(|it| it + 3),
            _ => letters.next().filter(|(_, it)| *it == '\'').map(|(at, _)| at),
        };
        match end.filter(|it| *it < 16) {
            Some(end) => {
                let text = if first == '\\' { UNKNOWN } else { first };
                self.push(Token::Text(text.to_string()));
                self.go(end + 1);
            }
            None => self.go(1),
        }
    }

    /// A text up to its end, with the expressions in it as tokens of their own.
    fn quoted(&mut self, skip: usize, quote: Quote<'_>) {
        self.go(skip);
        let (mut own, mut pieces) = (String::new(), 0_usize);
        loop {
            let rest = self.rest();
            let Some(letter) = rest.chars().next() else { break };
            if rest.starts_with(quote.end) {
                self.go(quote.end.len());
                break;
            }
            if letter == '\n' && !quote.long {
                break;
            }
            if let Some((before, inner, behind)) = hole(rest, quote.holes) {
                if pieces == 0 {
                    self.push(Token::Sign(OPEN));
                }
                pieces += 1;
                self.push(Token::Text(std::mem::take(&mut own)));
                self.push(Token::Sign("+"));
                self.hole(inner);
                self.push(Token::Sign("+"));
                self.go(before + inner.len() + behind);
                continue;
            }
            // C# writes a quote, and a brace between expressions, twice.
            let doubled = quote.escape.is_none() && rest.starts_with("\"\"")
                || quote.holes == Holes::Brace
                    && (rest.starts_with("{{") || rest.starts_with("}}"));
            if doubled {
                own.push(letter);
                self.go(2);
            } else if quote.escape == Some(letter) {
                let (text, length) = escaped(rest);
                own.extend(text);
                self.go(length);
            } else {
                own.push(letter);
                self.go(letter.len_utf8());
            }
        }
        self.push(Token::Text(own));
        if pieces > 0 {
            self.push(Token::Sign(CLOSE));
        }
    }

    fn hole(&mut self, inner: &'t str) {
        let room = self.depth < DEPTH_MAX;
        let mut nested = Lexer {
            language: self.language,
            text: if room { inner } else { "_" },
            at: 0,
            line: self.line,
            depth: self.depth + 1,
            tokens: Vec::new(),
            handed: None,
        };
        nested.all();
        self.push(Token::Sign("("));
        self.tokens.append(&mut nested.tokens);
        self.push(Token::Sign(")"));
    }

    fn plain(&mut self, rest: &'t str, first: char) {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        if is_part(first) || first == '@' {
            let end = rest.char_indices().skip(1).find(|(_, it)| !is_part(*it));
            let word = rest.get(..end.map_or(rest.len(), |(at, _)| at)).unwrap_or_default();
            let number = first.is_ascii_digit();
            self.push(if number { Token::Number(word) } else { Token::Word(word) });
            // `File.rm!` does what `File.rm` does.
            let behind = rest.get(word.len()..).unwrap_or_default();
            let marked = self.language == Language::Elixir
                && behind.starts_with(['!', '?'])
                && !behind.starts_with("!=");
            return self.go(word.len() + usize::from(marked));
        }
        // What puts texts together here, others call otherwise.
        let after_text = matches!(self.tokens.last(), Some((Token::Text(_), _)));
        let joins = match self.language {
            Language::Lua => rest.starts_with(".."),
            Language::Elixir => rest.starts_with("<>"),
            Language::Julia => after_text && rest.starts_with('*'),
            _ => false,
        };
        if joins {
            self.push(Token::Sign("+"));
            return self.go(if self.language == Language::Julia { 1 } else { 2 });
        }
        if self.language == Language::Elixir && rest.starts_with("|>") {
            self.handed = match self.tokens.last() {
                Some((Token::Text(text), _)) => Some(text.clone()),
                _ => None,
            };
            return self.go(2);
        }
        let pair = PAIRS.iter().find(|it| rest.starts_with(**it));
        let sign = pair.map_or_else(|| rest.get(..first.len_utf8()).unwrap_or_default(), |it| *it);
        self.push(Token::Sign(sign));
        self.go(sign.len());
        if let Some(text) = self.handed.take_if(|_| sign == "(") {
            self.push(Token::Text(text));
            if !self.rest().trim_start().starts_with(')') {
                self.push(Token::Sign(","));
            }
        }
    }
}

/// How long a comment between `/*` and `*/` is.
fn block_comment(text: &str, nests: bool) -> usize {
    let (mut open, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..) {
        let next = rest.find(['/', '*']).map(|it| at + it);
        let Some(next) = next else { return text.len() };
        match text.get(next..next + 2) {
            Some("/*") if nests || open == 0 => {
                open += 1;
                at = next + 2;
            }
            Some("*/") => {
                open = open.saturating_sub(1);
                at = next + 2;
                if open == 0 {
                    return at;
                }
            }
            _ => at = next + 1,
        }
    }
    text.len()
}

/// A raw text: how many bytes its beginning has, and how it ends.
fn raw(language: Language, rest: &str) -> Option<(usize, String)> {
    match language {
        Language::Go => rest.starts_with('`').then(|| (1, "`".to_owned())),
        Language::Rust => {
            let behind = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
            let hashes = behind.len() - behind.trim_start_matches('#').len();
            behind.get(hashes..)?.strip_prefix('"')?;
            let skip = rest.len() - behind.len() + hashes + 1;
            Some((skip, format!("\"{}", "#".repeat(hashes))))
        }
        Language::Swift => {
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            (hashes > 0 && rest.get(hashes..)?.starts_with('"'))
                .then(|| (hashes + 1, format!("\"{}", "#".repeat(hashes))))
        }
        Language::C => {
            let behind =
                ["R\"", "LR\"", "u8R\"", "uR\""].iter().find_map(|it| rest.strip_prefix(it));
            let (mark, _) = behind?.split_once('(').filter(|(mark, _)| mark.len() <= 16)?;
            let skip = rest.find('(')? + 1;
            Some((skip, format!("){mark}\"")))
        }
        Language::Lua => long_bracket(Some(rest)),
        Language::R => {
            let behind = rest.strip_prefix(['r', 'R'])?.strip_prefix(['"', '\''])?;
            let quote = rest.get(1..2)?;
            behind.starts_with('(').then(|| (3, format!("){quote}")))
        }
        // A command.
        Language::Julia if rest.starts_with('`') => Some((1, "`".to_owned())),
        Language::Julia if rest.starts_with("raw\"") => Some((4, "\"".to_owned())),
        Language::Elixir => {
            let open = rest.strip_prefix("~s").or_else(|| rest.strip_prefix("~S"))?;
            let (open, close) =
                [("(", ")"), ("[", "]"), ("{", "}"), ("|", "|"), ("/", "/"), ("\"", "\"")]
                    .into_iter()
                    .find(|(it, _)| open.starts_with(it))?;
            Some((2 + open.len(), close.to_owned()))
        }
        Language::CSharp if rest.starts_with("\"\"\"") => {
            let quotes = rest.len() - rest.trim_start_matches('"').len();
            Some((quotes, "\"".repeat(quotes)))
        }
        _ => None,
    }
}

/// What begins like a text of several lines of Lua: `[[`, `[==[`; bytes before it, and its end.
fn long_bracket(rest: Option<&str>) -> Option<(usize, String)> {
    let behind = rest?.strip_prefix('[')?;
    let signs = behind.len() - behind.trim_start_matches('=').len();
    behind.get(signs..)?.strip_prefix('[')?;
    Some((signs + 2, format!("]{}]", "=".repeat(signs))))
}

/// A text of C# that is marked by signs: `@"…"`, `$"…"`, both.
fn sharp(rest: &str) -> Option<(usize, Quote<'static>)> {
    let signs = rest.len() - rest.trim_start_matches(['@', '$']).len();
    let (signs_text, behind) = rest.split_at_checked(signs)?;
    if signs == 0 || !behind.starts_with('"') {
        return None;
    }
    let escape = Some('\\').filter(|_| !signs_text.contains('@'));
    let holes = if signs_text.contains('$') { Holes::Brace } else { Holes::None };
    Some((signs + 1, Quote { end: "\"", escape, holes, long: escape.is_none() }))
}

/// The expression that a text begins with: bytes before it, itself, bytes behind it.
fn hole(rest: &str, holes: Holes) -> Option<(usize, &str, usize)> {
    let (open, close) = match holes {
        Holes::None => return None,
        Holes::Dollar if rest.starts_with("${") => ("${", '}'),
        Holes::Dollar => {
            let name = rest.strip_prefix('$')?;
            let begins = name.starts_with(|it: char| it.is_alphabetic() || it == '_');
            let end = name.find(|it: char| !it.is_alphanumeric() && it != '_');
            let name = name.get(..end.unwrap_or(name.len())).filter(|_| begins)?;
            return Some((1, name, 0));
        }
        Holes::Brace if rest.starts_with("{{") => return None,
        Holes::Brace => ("{", '}'),
        Holes::Slash => ("\\(", ')'),
        Holes::Hash => ("#{", '}'),
    };
    let inner = rest.strip_prefix(open)?;
    let mut deep = 0_usize;
    let end = inner.char_indices().find(|(_, letter)| {
        match letter {
            '(' | '{' => deep += 1,
            ')' | '}' if deep > 0 => {
                deep -= 1;
                return false;
            }
            _ => {}
        }
        deep == 0 && *letter == close
    });
    let (end, _) = end?;
    Some((open.len(), inner.get(..end)?, 1))
}

/// The letter that a backslash and what follows it stand for, and their length.
fn escaped(rest: &str) -> (Option<char>, usize) {
    let mut letters = rest.char_indices().skip(1);
    let Some((at, letter)) = letters.next() else { return (None, 1) };
    let digits = |skip: usize, most: usize| {
        let text = rest.get(skip..).unwrap_or_default().trim_start_matches('{');
        let end = text.char_indices().find(|(at, it)| *at >= most || !it.is_ascii_hexdigit());
        text.get(..end.map_or(text.len(), |(at, _)| at)).unwrap_or_default().to_owned()
    };
    let of = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    match letter {
        'n' => (Some('\n'), 2),
        't' => (Some('\t'), 2),
        'r' => (Some('\r'), 2),
        // A line that goes on in the next one.
        '\n' => (None, rest.len() - rest.get(2..).unwrap_or_default().trim_start().len()),
        // Where a text ends for C.
        '0' => (None, 2),
        'x' => (of(&digits(2, 2)), 2 + digits(2, 2).len()),
        'u' if rest.starts_with("\\u{") => (of(&digits(2, 6)), 4 + digits(2, 6).len()),
        'u' => (of(&digits(2, 4)), 2 + digits(2, 4).len()),
        other => (Some(other), at + other.len_utf8()),
    }
}
