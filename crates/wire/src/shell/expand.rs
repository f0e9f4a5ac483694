//! Words as they will be when the command runs: braces, tilde, parameters, substitutions, quotes,
//! splitting and globs, in the order in which a shell does it.

use brush_parser::{
    ParserOptions,
    word::{
        self, BraceExpressionMember, BraceExpressionOrText, TildeExpr, WordPiece,
        WordPieceWithSource,
    },
};

use super::{parameter, path, pattern, scope::Scope, walk::Walk};
use crate::Unreadable;

/// Stands in a word for what nobody here can know. No text of a human has this character
/// (Unicode: a noncharacter); a command that has it is read as if it were unknown.
pub const UNKNOWN: char = '\u{FDD0}';
/// At most so many words become of one.
const WORDS_MAX: usize = 256;

/// Where a character comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It stands in the word as it is.
    Plain,
    /// It was quoted.
    Quoted,
    /// It came out of an expansion.
    Expanded,
}

/// A word in the making.
#[derive(Default)]
pub(super) struct Draft {
    fields: Vec<Vec<(char, Origin)>>,
    /// The last field is there even if it stays empty.
    open: bool,
}

impl Draft {
    /// Puts words that stay apart within quotes.
    fn put_apart(&mut self, values: &[String]) {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.split();
            }
            self.quote();
            self.put(value, Origin::Quoted, "");
        }
    }

    fn put(&mut self, text: &str, origin: Origin, separators: &str) {
        for letter in text.chars() {
            if origin == Origin::Expanded && separators.contains(letter) {
                self.open = false;
                continue;
            }
            if !self.open {
                self.fields.push(Vec::new());
                self.open = true;
            }
            if let Some(field) = self.fields.last_mut() {
                field.push((letter, origin));
            }
        }
    }

    /// A quoted part is there even if it is empty.
    fn quote(&mut self) {
        if !self.open {
            self.fields.push(Vec::new());
            self.open = true;
        }
    }

    fn split(&mut self) {
        self.open = false;
    }
}

pub(super) fn options() -> ParserOptions {
    ParserOptions::default()
}

impl Walk<'_> {
    /// All the words that become of one.
    pub(super) fn words(
        &mut self,
        scope: &mut Scope,
        raw: &str,
    ) -> Result<Vec<String>, Unreadable> {
        let mut words = Vec::new();
        for raw in braced(raw) {
            let draft = self.draft(scope, &raw)?;
            for field in draft.fields.into_iter().take(WORDS_MAX) {
                words.extend(self.globbed(scope, &field));
            }
        }
        words.truncate(WORDS_MAX);
        Ok(words)
    }

    /// The one text that becomes of a word where nothing is split: behind `=`, in a redirection.
    pub(super) fn text(&mut self, scope: &mut Scope, raw: &str) -> Result<String, Unreadable> {
        let draft = self.draft(scope, raw)?;
        let fields =
            draft.fields.iter().map(|field| field.iter().map(|(letter, _)| *letter).collect());
        Ok(fields.collect::<Vec<String>>().join(" "))
    }

    /// The text of a here-document.
    pub(super) fn document(&mut self, scope: &mut Scope, raw: &str) -> Result<String, Unreadable> {
        let pieces = word::parse_heredoc(raw, &options()).map_err(|_| unreadable(raw))?;
        let mut draft = Draft::default();
        self.pieces(scope, &pieces, true, &mut draft)?;
        let fields =
            draft.fields.iter().map(|field| field.iter().map(|(letter, _)| *letter).collect());
        Ok(fields.collect::<Vec<String>>().join(" "))
    }

    /// A pattern, as `case` and `${x#…}` take it: what was quoted in it is escaped.
    pub(super) fn pattern(&mut self, scope: &mut Scope, raw: &str) -> Result<String, Unreadable> {
        let draft = self.draft(scope, raw)?;
        Ok(draft.fields.iter().map(|field| escaped(field)).collect::<Vec<_>>().join(" "))
    }

    fn draft(&mut self, scope: &mut Scope, raw: &str) -> Result<Draft, Unreadable> {
        let mut draft = Draft::default();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
        if raw.chars().all(plain) && !raw.is_empty() {
            draft.put(raw, Origin::Plain, "");
            return Ok(draft);
        }
        let pieces = word::parse(raw, &options()).map_err(|_| unreadable(raw))?;
        self.pieces(scope, &pieces, false, &mut draft)?;
        Ok(draft)
    }

    fn pieces(
        &mut self,
        scope: &mut Scope,
        pieces: &[WordPieceWithSource],
        quoted: bool,
        draft: &mut Draft,
    ) -> Result<(), Unreadable> {
        for piece in pieces {
            self.piece(scope, &piece.piece, quoted, draft)?;
        }
        Ok(())
    }

    fn piece(
        &mut self,
        scope: &mut Scope,
        piece: &WordPiece,
        quoted: bool,
        draft: &mut Draft,
    ) -> Result<(), Unreadable> {
        let separators = scope.value("IFS").unwrap_or(" \t\n").to_owned();
        let plain = if quoted { Origin::Quoted } else { Origin::Plain };
        let expanded = if quoted { Origin::Quoted } else { Origin::Expanded };
        match piece {
            WordPiece::Text(text) => draft.put(text, plain, ""),
            WordPiece::SingleQuotedText(text) => {
                draft.quote();
                draft.put(text, Origin::Quoted, "");
            }
            WordPiece::AnsiCQuotedText(text) => {
                draft.quote();
                draft.put(&ansi(text), Origin::Quoted, "");
            }
            WordPiece::DoubleQuotedSequence(pieces)
            | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                if !is_all_arguments(pieces) {
                    draft.quote();
                }
                self.pieces(scope, pieces, true, draft)?;
            }
            WordPiece::EscapeSequence(text) => {
                let text = text.strip_prefix('\\').unwrap_or(text);
                if text != "\n" {
                    draft.quote();
                    draft.put(text, Origin::Quoted, "");
                }
            }
            WordPiece::TildeExpansion(tilde) => {
                draft.put(&tilde_of(scope, tilde), Origin::Quoted, "");
            }
            WordPiece::ParameterExpansion(expression) => {
                let (values, apart) = parameter::expand(self, scope, expression)?;
                match apart && quoted {
                    true => draft.put_apart(&values),
                    false => draft.put(&values.join(" "), expanded, &separators),
                }
            }
            WordPiece::CommandSubstitution(script) => {
                let text = self.substitution(scope, script)?;
                draft.put(&text, expanded, &separators);
            }
            WordPiece::BackquotedCommandSubstitution(script) => {
                let script = script.replace("\\`", "`").replace("\\$", "$");
                let text = self.substitution(scope, &script)?;
                draft.put(&text, expanded, &separators);
            }
            WordPiece::ArithmeticExpression(expression) => {
                let text = parameter::arithmetic(self, scope, &expression.value)?;
                draft.put(&text, expanded, &separators);
            }
        }
        Ok(())
    }

    /// What a pattern stands for: the files that it matches, else itself. A pattern for all that
    /// is in a directory stays beside its files, so that the directory is known to be emptied.
    fn globbed(&self, scope: &Scope, field: &[(char, Origin)]) -> Vec<String> {
        let text: String = field.iter().map(|(letter, _)| *letter).collect();
        let active = |&(letter, origin): &(char, Origin)| {
            origin != Origin::Quoted && matches!(letter, '*' | '?' | '[')
        };
        if !field.iter().any(active) || text.contains(UNKNOWN) {
            return vec![text];
        }
        let glob = escaped(field);
        let mut found = Vec::new();
        for directory in &scope.directories {
            found.extend(pattern::files(&self.files, directory, &glob));
        }
        if found.is_empty() || pattern::is_all(&text) {
            found.push(text);
        }
        found.truncate(WORDS_MAX);
        found
    }
}

fn unreadable(raw: &str) -> Unreadable {
    let word: String = raw.chars().take(60).collect();
    Unreadable::new(format!("the word `{word}` cannot be read as bash; write it more plainly"))
}

fn is_all_arguments(pieces: &[WordPieceWithSource]) -> bool {
    let is = |piece: &WordPieceWithSource| matches!(&piece.piece, WordPiece::ParameterExpansion(expression) if parameter::is_apart(expression));
    pieces.len() == 1 && pieces.iter().all(is)
}

/// A field with its quoted characters escaped, as a pattern.
fn escaped(field: &[(char, Origin)]) -> String {
    let mut pattern = String::new();
    for (letter, origin) in field {
        if *origin == Origin::Quoted && "*?[]\\".contains(*letter) {
            pattern.push('\\');
        }
        pattern.push(*letter);
    }
    pattern
}

/// A word's braces, taken apart.
fn braced(raw: &str) -> Vec<String> {
    let whole = || vec![raw.to_owned()];
    if !raw.contains('{') || !(raw.contains(',') || raw.contains("..")) {
        return whole();
    }
    match word::parse_brace_expansions(raw, &options()) {
        Ok(Some(parts)) => joined(&parts, 0),
        _ => whole(),
    }
}

fn joined(parts: &[BraceExpressionOrText], depth: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    for part in parts {
        let endings: Vec<String> = match part {
            BraceExpressionOrText::Text(text) => vec![text.clone()],
            BraceExpressionOrText::Expr(_) if depth > 8 => vec![UNKNOWN.to_string()],
            BraceExpressionOrText::Expr(members) => members
                .iter()
                .flat_map(|member| alternatives(member, depth))
                .take(WORDS_MAX)
                .collect(),
        };
        let longer = |word: &String| {
            let word = word.clone();
            endings.iter().map(move |ending| format!("{word}{ending}"))
        };
        words = words.iter().flat_map(longer).take(WORDS_MAX).collect();
    }
    words
}

fn alternatives(member: &BraceExpressionMember, depth: usize) -> Vec<String> {
    match member {
        BraceExpressionMember::Child(parts) => joined(parts, depth + 1),
        BraceExpressionMember::NumberSequence { start, end, increment } => {
            let step = increment.unsigned_abs().max(1) as usize;
            let (low, high) = (*start.min(end), *start.max(end));
            (low..=high).step_by(step).take(WORDS_MAX).map(|number| number.to_string()).collect()
        }
        BraceExpressionMember::CharSequence { start, end, .. } => {
            let (low, high) = (*start.min(end), *start.max(end));
            (low..=high).take(WORDS_MAX).map(String::from).collect()
        }
    }
}

/// The text of `$'…'` (bash's manual, ANSI-C quoting).
pub(super) fn ansi(raw: &str) -> String {
    let mut text = String::new();
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        let Some(escape) = letters.next() else { break };
        let mut digits = |radix: u32, most: usize, first: Option<char>| {
            let mut number = first.and_then(|digit| digit.to_digit(radix)).unwrap_or(0);
            let mut count = usize::from(first.is_some());
            while count < most {
                let Some(digit) = letters.peek().and_then(|next| next.to_digit(radix)) else {
                    break;
                };
                number = number * radix + digit;
                letters.next();
                count += 1;
            }
            char::from_u32(number).unwrap_or(UNKNOWN)
        };
        text.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => digits(16, 2, None),
            'u' => digits(16, 4, None),
            'U' => digits(16, 8, None),
            '0'..='7' => digits(8, 3, Some(escape)),
            other => other,
        });
    }
    text
}

/// What a tilde stands for.
fn tilde_of(scope: &Scope, tilde: &TildeExpr) -> String {
    match tilde {
        TildeExpr::Home => scope.value("HOME").unwrap_or("/").to_owned(),
        TildeExpr::UserHome(user) => path::home_of(user),
        TildeExpr::WorkingDir => scope.directory().to_owned(),
        _ => UNKNOWN.to_string(),
    }
}
