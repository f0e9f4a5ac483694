//! Marks and words of a script of `cmd`.

use std::ops::Range;

/// Tokens of one script, at most.
pub(super) const TOKENS_MAX: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// `&`, `&&`, `||`.
    And,
    /// The end of a line.
    Line,
    Pipe,
    Open,
    Close,
    From,
    Into,
    Append,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// A word without its quotes and carets.
    pub(super) text: String,
    pub(super) quoted: bool,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

/// The tokens of a text, up to the limit.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { tokens: Vec::new(), word: None, open: 0 };
    let mut letters = text.char_indices().peekable();
    let mut quoted = false;
    while let Some((at, letter)) = letters.next() {
        if lexer.tokens.len() >= TOKENS_MAX {
            break;
        }
        let end = at + letter.len_utf8();
        let next = letters.peek().map(|(_, next)| *next);
        match letter {
            // A quote that nothing closes ends with its line.
            '"' | '\n' if letter == '"' || quoted => {
                quoted = letter == '"' && !quoted;
                match letter {
                    '"' => lexer.letter(None, at, end, true),
                    _ => lexer.mark(Kind::Line, at..end),
                }
            }
            letter if quoted => lexer.letter(Some(letter), at, end, true),
            '^' => {
                if let Some((at, letter)) = letters.next().filter(|(_, it)| *it != '\n') {
                    lexer.letter(Some(letter), at, at + letter.len_utf8(), false);
                }
            }
            ' ' | '\t' => lexer.end(),
            '\n' => lexer.mark(Kind::Line, at..end),
            '&' => lexer.mark(Kind::And, at..end),
            '|' if next == Some('|') => {
                letters.next();
                lexer.mark(Kind::And, at..end + 1);
            }
            '|' => lexer.mark(Kind::Pipe, at..end),
            '(' if lexer.word.is_none() => {
                lexer.open += 1;
                lexer.mark(Kind::Open, at..end);
            }
            ')' if lexer.open > 0 => {
                lexer.open -= 1;
                lexer.mark(Kind::Close, at..end);
            }
            '>' | '<' => {
                lexer.handle();
                let twice = next == Some('>') && letter == '>';
                if twice {
                    letters.next();
                }
                // `2>&1` goes where the other goes.
                if letters.next_if(|(_, it)| *it == '&').is_some() {
                    letters.next_if(|(_, it)| it.is_ascii_digit());
                    continue;
                }
                let kind = match (letter, twice) {
                    ('<', _) => Kind::From,
                    (_, true) => Kind::Append,
                    _ => Kind::Into,
                };
                lexer.mark(kind, at..end);
            }
            letter => lexer.letter(Some(letter), at, end, false),
        }
    }
    lexer.end();
    lexer.tokens
}

struct Lexer {
    tokens: Vec<Token>,
    word: Option<Token>,
    /// Brackets that are open.
    open: usize,
}

impl Lexer {
    fn letter(&mut self, letter: Option<char>, at: usize, end: usize, quoted: bool) {
        let word = self.word.get_or_insert_with(|| Token {
            kind: Kind::Word,
            text: String::new(),
            quoted: false,
            span: at..at,
        });
        word.text.extend(letter);
        word.quoted |= quoted;
        word.span.end = end;
    }

    fn end(&mut self) {
        self.tokens.extend(self.word.take());
    }

    fn mark(&mut self, kind: Kind, span: Range<usize>) {
        self.end();
        self.tokens.push(Token { kind, text: String::new(), quoted: false, span });
    }

    /// The number of a stream before a redirection is no word.
    fn handle(&mut self) {
        let is_number = |it: &mut Token| it.text.len() == 1 && it.text.starts_with(['1', '2']);
        if self.word.take_if(is_number).is_none() {
            self.end();
        }
    }
}
