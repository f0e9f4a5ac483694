//! The shape of a file: which brackets belong together, what is imported by which name, where
//! something is called, and what a name was last made.

use std::{cell::Cell, collections::BTreeMap};

use super::{
    Language,
    lexer::{self, Token},
};

/// Words of a path, of a chain of calls, of what is imported at once, at most.
pub(super) const CHAIN_MAX: usize = 64;
/// Tokens between a name and what it is made.
pub(super) const DECLARED_MAX: usize = 24;
/// What is looked at in one file, at most: a token costs one each time.
const LOOKS_MAX: usize = 200_000;
/// What joins the words of a path.
pub(super) const JOINS: [&str; 4] = [".", "::", "->", "?."];
/// Words that are called by nobody.
const KEYWORDS: [&str; 8] = ["return", "in", "else", "throw", "if", "while", "match", "yield"];
const OPENS: [&str; 4] = ["(", "[", "{", lexer::OPEN];
const CLOSES: [&str; 4] = [")", "]", "}", lexer::CLOSE];

/// A range of tokens.
pub(super) type Range = std::ops::Range<usize>;

/// A file of a compiled language.
pub(super) struct Code<'t> {
    pub(super) language: Language,
    tokens: Vec<(Token<'t>, usize)>,
    /// The other bracket of each.
    pairs: BTreeMap<usize, usize>,
    /// The brace that each token stands in.
    blocks: Vec<usize>,
    /// Names, and what is imported by them, its parts joined by dots.
    pub(super) imports: BTreeMap<String, String>,
    /// What is imported as a whole.
    pub(super) all_of: Vec<String>,
    /// Where names are made something, and what.
    pub(super) made: BTreeMap<&'t str, Vec<Made>>,
    /// Where something is called by each name.
    calls: BTreeMap<&'t str, Vec<usize>>,
    /// Whether the tokens are all of the file.
    pub(super) whole: bool,
    looks: Cell<usize>,
}

/// A name is made something.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) at: usize,
    pub(super) what: Range,
    /// One after the other of what this is a list of.
    pub(super) each: bool,
}

/// A call, or something that is written like one.
#[derive(Debug, Clone)]
pub(super) struct Site<'t> {
    pub(super) at: usize,
    pub(super) name: &'t str,
    /// The word before it, as it is called where it comes from; `.` if it is no word.
    pub(super) owner: Option<String>,
    /// Where the expression begins that it is called on.
    pub(super) begins: usize,
    pub(super) arguments: Vec<Range>,
    /// Behind the bracket that closes it.
    pub(super) end: usize,
}

impl<'t> Code<'t> {
    pub(super) fn read(language: Language, text: &'t str) -> Self {
        let (tokens, whole) = lexer::read(language, text);
        let (mut pairs, mut open, mut blocks) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (at, (token, _)) in tokens.iter().enumerate() {
            let braces = open.iter().rev().find(|(_, sign)| *sign == "{");
            blocks.push(braces.map_or(usize::MAX, |(at, _)| *at));
            let Token::Sign(sign) = token else { continue };
            if OPENS.contains(sign) {
                open.push((at, *sign));
            } else if let Some(kind) = CLOSES.iter().position(|it| it == sign) {
                // What nobody closed ends where something around it does.
                let own = open.iter().rposition(|(_, it)| OPENS.get(kind) == Some(it));
                if let Some(own) = own {
                    open.truncate(own + 1);
                    if let Some((from, _)) = open.pop() {
                        pairs.insert(from, at);
                        pairs.insert(at, from);
                    }
                }
            }
        }
        let (imports, all_of, made, calls) = Default::default();
        let looks = Cell::new(0);
        let mut code =
            Self { language, tokens, pairs, blocks, imports, all_of, made, calls, whole, looks };
        code.imported();
        code.declared();
        code
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// One more look; whether there may be.
    pub(super) fn look(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() < LOOKS_MAX
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token<'t>> {
        self.tokens.get(at).map(|(token, _)| token)
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(usize::MAX, |(_, line)| *line)
    }

    pub(super) fn word(&self, at: usize) -> Option<&'t str> {
        match self.token(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is(&self, at: usize, sign: &str) -> bool {
        matches!(self.token(at), Some(Token::Sign(own)) if *own == sign)
    }

    pub(super) fn joins(&self, at: usize) -> bool {
        matches!(self.token(at), Some(Token::Sign(own)) if JOINS.contains(own))
    }

    /// Where the bracket ends that begins at `at`, or the other way round.
    pub(super) fn pair(&self, at: usize) -> Option<usize> {
        self.pairs.get(&at).copied()
    }

    /// The braces around a token, from the nearest: where each opens.
    pub(super) fn around(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let of = |at: usize| self.blocks.get(at).copied().filter(|it| *it != usize::MAX);
        std::iter::successors(of(at), move |at| of(*at)).take(CHAIN_MAX)
    }

    /// Whether what is made at `at` is known at `from`.
    pub(super) fn is_seen(&self, at: usize, from: usize) -> bool {
        match self.around(at).next() {
            Some(open) => open < from && self.pair(open).is_none_or(|end| from < end),
            None => true,
        }
    }

    /// The name by which something is called where it comes from.
    pub(super) fn own_name(&self, name: &str) -> String {
        let told = self.imports.get(name);
        told.map_or_else(|| name.to_owned(), |it| self.last(it))
    }

    /// Go names a package by its whole path, others by the last part.
    fn last(&self, path: &str) -> String {
        match self.language {
            Language::Go => path.to_owned(),
            _ => path.rsplit('.').next().unwrap_or(path).to_owned(),
        }
    }

    /// What a bare name belongs to: where it is imported from, or anything that is imported whole.
    pub(super) fn owners(&self, name: &str) -> Vec<String> {
        let one = self.imports.get(name).and_then(|it| it.rsplit_once('.'));
        let one = one.filter(|_| self.language != Language::Go).map(|(owner, _)| self.last(owner));
        one.into_iter().chain(self.all_of.iter().map(|it| self.last(it))).collect()
    }

    /// The parts between two brackets that commas separate.
    pub(super) fn parts(&self, open: usize) -> Vec<Range> {
        let Some(close) = self.pair(open) else { return Vec::new() };
        let (mut parts, mut from, mut at) = (Vec::new(), open + 1, open + 1);
        while at < close {
            if !self.look() {
                return Vec::new();
            }
            if self.is(at, ",") || self.is(at, ";") {
                parts.push(from..at);
                from = at + 1;
            }
            at = self.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
        }
        if from < close {
            parts.push(from..close);
        }
        parts
    }

    /// Behind the brackets of kinds at `at`: `::<T>`, `<A, B>`. They hold nothing but names.
    pub(super) fn past_kinds(&self, at: usize) -> usize {
        let begin = if self.is(at, "::") { at + 1 } else { at };
        if !self.is(begin, "<") {
            return at;
        }
        let mut deep = 0_usize;
        for next in begin..begin + DECLARED_MAX {
            match self.token(next) {
                Some(Token::Sign("<")) => deep += 1,
                Some(Token::Sign(">")) if deep == 1 => return next + 1,
                Some(Token::Sign(">")) => deep -= 1,
                Some(Token::Word(_) | Token::Sign("," | "." | "::" | "?" | "[" | "]" | "&")) => {}
                _ => return at,
            }
        }
        at
    }

    /// The call of the name at `at`, if it is one.
    pub(super) fn site(&self, at: usize) -> Option<Site<'t>> {
        let name = self.word(at)?;
        let mut open = self.past_kinds(at + 1);
        if self.language == Language::Rust && self.is(open, "!") {
            open += 1;
        }
        // `delete '/x', '/y'`: the line is what it is called with.
        let bare = matches!(self.language, Language::Groovy | Language::Lua | Language::Elixir)
            && (matches!(self.token(open), Some(Token::Text(_))) || self.is(open, lexer::OPEN))
            && self.line(open) == self.line(at);
        let is_macro =
            self.is(open.saturating_sub(1), "!") && (self.is(open, "[") || self.is(open, "{"));
        let (arguments, end) = match self.pair(open) {
            _ if bare => self.line_of_arguments(open),
            Some(close) if self.is(open, "(") || is_macro => (self.parts(open), close + 1),
            // `new ProcessStartInfo { … }`
            _ if self.is(open, "{") && self.word(at.wrapping_sub(1)) == Some("new") => {
                (Vec::new(), open)
            }
            _ => return None,
        };
        let before = at.wrapping_sub(1);
        // `::unlink` belongs to nothing.
        let global = self.is(before, "::")
            && self.word(before.wrapping_sub(1)).is_none_or(|it| it == "return");
        let owner = match self.joins(before) && !global {
            true => Some(match self.word(before.wrapping_sub(1)) {
                Some(word) => self.own_name(word),
                None => ".".to_owned(),
            }),
            false => None,
        };
        Some(Site { at, name, owner, begins: self.begins(at), arguments, end })
    }

    /// A sign that does what a call does to what is before it.
    pub(super) fn sign(&self, at: usize) -> Option<Site<'t>> {
        let name = "!";
        let before = at.wrapping_sub(1);
        let text = matches!(self.token(before), Some(Token::Text(_)));
        let begins = if self.joins(before) { self.begins(at) } else { before };
        // The sign between the two counts as the dot that may be left out.
        let owner = (text || self.joins(before)).then(|| ".".to_owned())?;
        let at = if text { at + 1 } else { at };
        Some(Site { at, name, owner: Some(owner), begins, arguments: Vec::new(), end: at + 1 })
    }

    /// What the word at `at` is made, as if it were called with it.
    pub(super) fn property(&self, at: usize) -> Option<Site<'t>> {
        let name = self.word(at).filter(|_| self.is(at + 1, "="))?;
        let mut end = at + 2;
        let line = |end: usize| self.line(end) == self.line(end - 1) || self.is(end - 1, "=");
        while end < self.len() && line(end) && self.look() {
            let pair = self.pair(end);
            if self.is(end, ",") || self.is(end, ";") || pair.is_some_and(|it| it < end) {
                break;
            }
            end = pair.unwrap_or(end) + 1;
        }
        let owner = self.joins(at.wrapping_sub(1)).then(|| ".".to_owned());
        let begins = self.begins(at);
        let arguments = std::iter::once(at + 2..end).collect();
        Some(Site { at, name, owner, begins, arguments, end })
    }

    /// The list that stands behind a word of Groovy: `commandLine ['rm', 'x']`.
    pub(super) fn list_behind(&self, at: usize) -> Option<Site<'t>> {
        let name = self.word(at).filter(|_| self.language == Language::Groovy)?;
        let open = Some(at + 1).filter(|it| self.is(*it, "["))?;
        let end = self.pair(open)? + 1;
        let owner = self.joins(at.wrapping_sub(1)).then(|| ".".to_owned());
        let arguments = std::iter::once(open..end).collect();
        Some(Site { at, name, owner, begins: at, arguments, end })
    }

    /// The name that an expression is made which begins at `begins`, and where.
    pub(super) fn name_of(&self, begins: usize) -> Option<(&'t str, usize)> {
        let sign = begins.checked_sub(1)?;
        let of = |(name, all): (&&'t str, &Vec<Made>)| {
            all.iter().find(|it| it.what.start == sign + 1).map(|it| (*name, it.at))
        };
        let signs = self.is(sign, "=") || self.is(sign, ":=");
        signs.then(|| self.made.iter().find_map(of)).flatten()
    }

    /// The whole path of the name at `at`, as it is imported.
    pub(super) fn path(&self, at: usize) -> String {
        let mut first = at;
        while self.joins(first.wrapping_sub(1)) && self.word(first.wrapping_sub(2)).is_some() {
            first -= 2;
        }
        let words: Vec<&str> = (first..=at).filter_map(|it| self.word(it)).collect();
        let (head, rest) = words.split_first().map_or(("", &[][..]), |(head, rest)| (*head, rest));
        let head = self.imports.get(head).map_or(head, String::as_str);
        [&[head], rest].concat().join(".")
    }

    fn line_of_arguments(&self, from: usize) -> (Vec<Range>, usize) {
        let (mut parts, mut own, mut at) = (Vec::new(), from, from);
        let mut line = self.line(from);
        while at < self.len() && self.look() && !(self.is(at, ";") || self.is(at, "}")) {
            // A comma at its end goes on with it.
            if self.line(at) != line && !self.is(at - 1, ",") {
                break;
            }
            line = self.line(at);
            if self.is(at, ",") {
                parts.push(own..at);
                own = at + 1;
            }
            at = self.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
        }
        parts.push(own..at);
        (parts, at)
    }

    /// Where the chain of calls begins that the name at `at` ends: `a.b("c").d`.
    pub(super) fn begins(&self, at: usize) -> usize {
        let mut begin = at;
        for _ in 0..CHAIN_MAX {
            if !self.joins(begin.wrapping_sub(1)) {
                break;
            }
            let mut before = begin.wrapping_sub(2);
            while self.is(before, "?") || self.is(before, "!") || self.is(before, "!!") {
                before = before.wrapping_sub(1);
            }
            if let Some(open) = self.pair(before).filter(|open| *open < before) {
                before = open;
                let called = before.wrapping_sub(1);
                let called = if self.is(called, "!") { called.wrapping_sub(1) } else { called };
                let is_name = self.word(called).is_some_and(|it| !KEYWORDS.contains(&it));
                if is_name && !self.is(before, lexer::OPEN) {
                    before = called;
                }
            }
            if before >= self.len() {
                break;
            }
            begin = before;
        }
        begin
    }

    /// The calls that follow on one another behind `at`: `.arg("x").args(y)`.
    pub(super) fn follow(&self, mut at: usize) -> Vec<Site<'t>> {
        let mut follow = Vec::new();
        while follow.len() < CHAIN_MAX {
            while self.is(at, "?") || self.is(at, "!") || self.is(at, "!!") {
                at += 1;
            }
            if !self.joins(at) {
                break;
            }
            match self.site(at + 1) {
                Some(site) => {
                    at = site.end;
                    follow.push(site);
                }
                None => at += 2,
            }
        }
        follow
    }

    /// Where names are made something.
    fn declared(&mut self) {
        let mut made: BTreeMap<&'t str, Vec<Made>> = BTreeMap::new();
        let mut calls: BTreeMap<&'t str, Vec<usize>> = BTreeMap::new();
        for at in 0..self.len() {
            if let Some(name) = self.word(at).filter(|_| self.is(at + 1, "(")) {
                calls.entry(name).or_default().push(at);
            }
            let Some((name, own)) = self.assigned(at).or_else(|| self.each(at)) else { continue };
            made.entry(name).or_default().push(own);
        }
        (self.made, self.calls) = (made, calls);
    }

    /// Where something is called by a name.
    pub(super) fn called(&self, name: &str) -> &[usize] {
        self.calls.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// `name = …`, `name: Kind = …`, `name[] = …`.
    fn assigned(&self, at: usize) -> Option<(&'t str, Made)> {
        if !(self.is(at, "=") || self.is(at, ":=")) {
            return None;
        }
        let mut before = at.wrapping_sub(1);
        if self.is(before, "]") {
            before = self.pair(before)?.wrapping_sub(1);
        }
        // The name stands before its kind, if there is one.
        for kind in (before.saturating_sub(DECLARED_MAX)..before).rev() {
            match self.token(kind) {
                Some(Token::Sign(":")) => {
                    let told = ["let", "const", "static", "var", "val", "mut", "lazy"];
                    let is_told =
                        self.word(kind.wrapping_sub(2)).is_some_and(|it| told.contains(&it));
                    before = if is_told { kind - 1 } else { before };
                    break;
                }
                Some(
                    Token::Word(_) | Token::Sign("<" | ">" | "&" | "[" | "]" | "?" | "::" | "."),
                ) => {}
                _ => break,
            }
        }
        let name = self.word(before).filter(|_| !self.joins(before.wrapping_sub(1)))?;
        Some((name, Made { at, what: at + 1..self.len(), each: false }))
    }

    /// `for x in …`, `for (String x : …)`.
    fn each(&self, at: usize) -> Option<(&'t str, Made)> {
        if !matches!(self.word(at), Some("for" | "foreach")) {
            return None;
        }
        let near = at + 1..at + 1 + DECLARED_MAX / 2;
        let sign = near.into_iter().find(|it| self.word(*it) == Some("in") || self.is(*it, ":"))?;
        let name = self.word(sign - 1)?;
        let end = match self.is(at + 1, "(") {
            true => self.pair(at + 1)?,
            false => (sign..self.len()).find(|it| self.is(*it, "{"))?,
        };
        Some((name, Made { at, what: sign + 1..end, each: true }))
    }

    /// The function that braces at `open` are the body of: its name, and the words of its
    /// parameters.
    pub(super) fn function(&self, open: usize) -> Option<(&'t str, Vec<&'t str>)> {
        let least = open.saturating_sub(DECLARED_MAX);
        let close = (least..open).rev().find(|it| self.is(*it, ")"))?;
        if (close..open).any(|it| self.is(it, ";") || self.is(it, "=")) {
            return None;
        }
        let brackets = self.pair(close)?;
        let name = self.word(brackets.checked_sub(1)?)?;
        if matches!(name, "if" | "for" | "while" | "switch" | "match" | "catch" | "foreach") {
            return None;
        }
        let of = |part: Range| {
            let colon = part.clone().find(|it| self.is(*it, ":"));
            // `from path: String` is called by the second word.
            let last = match colon {
                Some(colon) => colon - 1,
                None => part.clone().rev().find(|it| self.word(*it).is_some())?,
            };
            // `name = usual`
            let usual = part.clone().find(|it| self.is(*it, "=")).filter(|_| colon.is_none());
            self.word(usual.map_or(last, |it| it - 1))
        };
        // Go names what is before its kind.
        let first = |part: Range| self.word(part.start);
        let go = self.language == Language::Go;
        let parameters = self.parts(brackets).into_iter();
        Some((
            name,
            parameters.map(|it| if go { first(it) } else { of(it) }.unwrap_or("")).collect(),
        ))
    }
}
