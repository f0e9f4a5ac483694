//! A program's names, texts and signs, without its comments.

use super::{Language, UNKNOWN, ansi};

/// Tokens of one program.
pub(super) const TOKENS_MAX: usize = 40_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

/// The tokens of a program, up to the limit.
pub(super) fn tokens(code: &str, language: Language) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        if tokens.len() >= TOKENS_MAX {
            break;
        }
        if comments(language).iter().any(|it| rest.starts_with(it)) {
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
            // A text in these runs.
            if letter == '`' && language != Language::JavaScript {
                tokens.push(Token::Name("system".to_owned()));
            }
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

/// What begins a comment that ends with its line.
fn comments(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python | Language::Ruby | Language::Perl => &["#"],
        Language::JavaScript => &["//"],
        Language::Php => &["//", "#"],
    }
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
