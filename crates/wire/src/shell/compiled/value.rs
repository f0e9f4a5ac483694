//! What an expression is, as far as literals say so: texts, what is made of them, and the names
//! that stand for them.

use super::{
    Language,
    code::{Code, Range, Site},
    lexer::{self, Token},
};
use crate::shell::{expand::UNKNOWN, scope::Scope};

/// How deep expressions, names and functions that stand for one another are followed.
const DEPTH_MAX: usize = 24;
/// Texts that one expression may be.
const WAYS_MAX: usize = 16;
/// Bytes of a text that is put together.
pub(super) const TEXT_MAX: usize = 8 * 1024;
/// Words that say something about the expression behind them.
const BEFORE: &str = "mut ref new try await const in out borrow consume comptime";
/// What is the same as what it is called on.
pub(super) const SAME: &str = "to_string to_owned into clone as_str as_ref as_path as_os_str unwrap expect toPath \
                    toFile toString trim c_str data absolutePath toList iter into_iter collect as_bytes \
                    toAbsolutePath normalize getPath getAbsolutePath path as_ptr toURI utf8 trimIndent \
                    stripIndent toArray utf8String iterator stream toUri absoluteString get orElseThrow";

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A file or an address, made as one.
    Path(String),
    List(Vec<Value>),
    /// One of these.
    Any(Vec<Value>),
    Unknown,
}

impl Value {
    /// The texts that it may be; nothing where one of them is not known at all.
    pub(super) fn texts(&self) -> Vec<Option<String>> {
        match self {
            Self::Text(text) | Self::Path(text) => vec![Some(text.clone())],
            Self::Any(ways) => ways.iter().take(WAYS_MAX).flat_map(Self::texts).collect(),
            Self::List(_) | Self::Unknown => vec![None],
        }
    }

    /// As one text, what is not known as the letter for that.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Path(text) => text.clone(),
            Self::Any(ways) => ways.first().map_or_else(|| UNKNOWN.to_string(), Self::text),
            Self::List(_) | Self::Unknown => UNKNOWN.to_string(),
        }
    }

    /// The words that it is as part of a command, where it may be several things in this way.
    pub(super) fn words(&self, way: usize) -> Vec<String> {
        match self {
            Self::List(items) => items.iter().flat_map(|it| it.words(way)).collect(),
            Self::Any(ways) => match ways.get(way).or(ways.last()) {
                Some(own) => own.words(way),
                None => vec![UNKNOWN.to_string()],
            },
            other => vec![other.text()],
        }
    }

    /// How many things it may be.
    pub(super) fn ways(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(Self::ways).max().unwrap_or(1),
            Self::Any(ways) => ways.len().clamp(1, WAYS_MAX),
            _ => 1,
        }
    }

    pub(super) fn is_path(&self) -> bool {
        match self {
            Self::Path(_) => true,
            Self::Any(ways) => ways.iter().any(Self::is_path),
            _ => false,
        }
    }

    pub(super) fn into_path(self) -> Self {
        match self {
            Self::Text(text) => Self::Path(text),
            Self::Any(ways) => Self::Any(ways.into_iter().map(Self::into_path).collect()),
            other => other,
        }
    }

    /// Another text of each that it may be.
    pub(super) fn map(&self, of: &dyn Fn(&str) -> String) -> Self {
        let capped = |text: String| if text.len() > TEXT_MAX { UNKNOWN.to_string() } else { text };
        match self {
            Self::Text(text) => Self::Text(capped(of(text))),
            Self::Path(text) => Self::Path(capped(of(text))),
            Self::Any(ways) => Self::Any(ways.iter().map(|it| it.map(of)).collect()),
            Self::List(_) | Self::Unknown => Self::Text(capped(of(&UNKNOWN.to_string()))),
        }
    }
}

/// Reads the expressions of a file.
pub(super) struct Values<'c, 't> {
    pub(super) code: &'c Code<'t>,
    pub(super) scope: &'c Scope,
}

pub(super) fn is_among(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|it| it == word)
}

impl<'t> Values<'_, 't> {
    /// What stands in a range; its name (`path:`) left out.
    pub(super) fn of(&self, range: &Range) -> Value {
        self.within(range, 0)
    }

    fn within(&self, range: &Range, deep: usize) -> Value {
        let mut from = range.start;
        let named = self.code.word(from).is_some()
            && (self.code.is(from + 1, ":") || self.code.is(from + 1, "="));
        if named {
            from += 2;
        }
        let (value, end) = self.sum(from, deep);
        let rest =
            end < range.end && !matches!(self.code.token(end), Some(Token::Word("as" | "else")));
        if rest { Value::Unknown } else { value }
    }

    /// What a name is made; a line may end it.
    pub(super) fn statement(&self, range: &Range, deep: usize) -> Value {
        let (value, end) = self.sum(range.start, deep);
        let goes_on = end < range.end
            && self.code.line(end) == self.code.line(end - 1)
            && !matches!(
                self.code.token(end),
                Some(Token::Word("as" | "else") | Token::Sign("," | "{" | ";" | ")" | "}" | "]"))
            );
        if goes_on { Value::Unknown } else { value }
    }

    /// The expression that begins at `from` and what it is called on ends at `until`.
    pub(super) fn receiver(&self, from: usize, until: usize) -> Value {
        let (value, end) = self.chain(from, 0, until);
        if end == until { value } else { Value::Unknown }
    }

    fn sum(&self, from: usize, deep: usize) -> (Value, usize) {
        let (mut value, mut at) = self.chain(from, deep, usize::MAX);
        while self.code.is(at, "+") || (self.code.is(at, "/") && value.is_path()) {
            let (next, end) = self.chain(at + 1, deep, usize::MAX);
            let (more, slash) = (next.text(), self.code.is(at, "/"));
            value = match value {
                Value::List(mut items) => {
                    items.extend(match next {
                        Value::List(more) => more,
                        other => vec![other],
                    });
                    Value::List(items)
                }
                value if slash => value.map(&|text| joined(text, &more)),
                value => value.map(&|text| format!("{text}{more}")),
            };
            at = end.max(at + 1);
        }
        (value, at)
    }

    /// A first part, and what is called on it one after the other.
    fn chain(&self, from: usize, deep: usize, until: usize) -> (Value, usize) {
        if deep > DEPTH_MAX || !self.code.look() {
            return (Value::Unknown, from + 1);
        }
        let (mut value, mut at) = self.first(from, deep, until);
        while at < until {
            if self.code.is(at, "?") || self.code.is(at, "!") || self.code.is(at, "!!") {
                at += 1;
                continue;
            }
            if self.code.is(at, "[") && self.code.line(at) == self.code.line(at - 1) {
                let item = match (&value, self.code.token(at + 1)) {
                    (Value::List(items), Some(Token::Number(index))) => {
                        index.parse().ok().and_then(|index: usize| items.get(index).cloned())
                    }
                    _ => None,
                };
                value = item.unwrap_or(Value::Unknown);
                at = self.code.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
                continue;
            }
            if !self.code.joins(at) || at + 1 >= until {
                break;
            }
            match self.code.site(at + 1) {
                Some(site) => {
                    value = self.called_on(&value, &site, deep + 1);
                    at = site.end;
                }
                None => {
                    let name = self.code.word(at + 1).unwrap_or_default();
                    if !is_among(SAME, name) && name != "FullName" {
                        value = Value::Unknown;
                    }
                    at += 2;
                }
            }
        }
        (value, at)
    }

    fn first(&self, from: usize, deep: usize, until: usize) -> (Value, usize) {
        let code = self.code;
        if deep > DEPTH_MAX {
            return (Value::Unknown, from + 1);
        }
        match code.token(from) {
            Some(Token::Text(text)) => {
                let (mut text, mut at) = (text.clone(), from + 1);
                // Texts that stand beside each other are one.
                while let Some(Token::Text(more)) = code.token(at) {
                    text.push_str(more);
                    at += 1;
                }
                (Value::Text(text), at)
            }
            Some(Token::Sign("&" | "*" | "@" | ".")) => self.first(from + 1, deep + 1, until),
            Some(Token::Sign(sign @ ("(" | "[" | "{" | lexer::OPEN))) => {
                let Some(close) = code.pair(from).filter(|it| *it > from) else {
                    return (Value::Unknown, from + 1);
                };
                self.bracket(sign, from, close, deep)
            }
            Some(Token::Word(word)) if is_among(BEFORE, word) && !code.is(from + 1, "(") => {
                self.first(from + 1, deep + 1, until)
            }
            Some(Token::Word(_)) => self.named(from, deep, until),
            _ => (Value::Unknown, from + 1),
        }
    }

    fn bracket(&self, sign: &str, open: usize, close: usize, deep: usize) -> (Value, usize) {
        let next = close + 1;
        let code = self.code;
        // What kind of list it is, before its items: `[]string{…}`, `[_][]const u8{…}`.
        if sign == "[" && matches!(code.language, Language::Go | Language::Zig) {
            let brace = (next..next + 8).find(|it| code.is(*it, "{"));
            let kind = |at: usize| code.word(at).is_some() || code.is(at, "[") || code.is(at, "]");
            if let Some(brace) = brace.filter(|brace| (next..*brace).all(kind)) {
                return self.first(brace, deep + 1, usize::MAX);
            }
        }
        if sign == "[" && next == open + 2 && code.is(next, "{") {
            return self.first(next, deep + 1, usize::MAX);
        }
        if matches!(sign, "[" | "{") {
            return (self.list(open, deep), next);
        }
        let is_literal = matches!(code.token(next), Some(Token::Text(_))) || code.is(next, "{");
        let casts = matches!(code.language, Language::C | Language::Java | Language::CSharp);
        if sign == "(" && casts && is_literal && code.line(next) == code.line(close) {
            return self.first(next, deep + 1, usize::MAX);
        }
        (self.within(&(open + 1..close), deep + 1), next)
    }

    fn list(&self, open: usize, deep: usize) -> Value {
        let parts = self.code.parts(open);
        Value::List(parts.iter().map(|it| self.within(it, deep + 1)).collect())
    }

    /// A name, or a call of one: `a::b::c`, `A.b("c")`.
    fn named(&self, from: usize, deep: usize, until: usize) -> (Value, usize) {
        let code = self.code;
        let mut at = from;
        loop {
            if let Some(site) = code.site(at).filter(|it| it.end <= until) {
                let is_first = at == from;
                let value = self.called(&site, is_first, deep + 1);
                return (value, site.end);
            }
            // `new String[] { … }`, `new List<string> { … }`
            let behind = code.past_kinds(at + 1);
            let empty = code.is(behind, "[") && code.pair(behind) == Some(behind + 1);
            let brace = if empty { behind + 2 } else { behind };
            let made = code.word(from.wrapping_sub(1)) == Some("new") || empty;
            if made && code.is(brace, "{") {
                let end = code.pair(brace).unwrap_or(brace) + 1;
                return (self.list(brace, deep), end);
            }
            let goes_on = code.joins(at + 1) && code.word(at + 2).is_some() && at + 2 < until;
            let is_own = at == from && !code.is(at + 1, "::") && self.is_name(from);
            if !goes_on || is_own {
                break;
            }
            at += 2;
        }
        match at == from {
            true => (self.resolved(from, deep + 1), from + 1),
            false => (self.constant(at, deep + 1), at + 1),
        }
    }

    /// A name that belongs to another one.
    fn constant(&self, at: usize, deep: usize) -> Value {
        let name = self.code.word(at).unwrap_or_default();
        // `Target.PATH`, `Self::PATH`
        let all = self.code.made.get(name).map(Vec::as_slice).unwrap_or_default();
        match all {
            [one] if !one.each => self.statement(&one.what, deep),
            _ => Value::Unknown,
        }
    }

    /// Whether a name stands for something that this file makes it.
    fn is_name(&self, at: usize) -> bool {
        self.code.word(at).is_some_and(|name| self.code.made.contains_key(name))
    }

    /// What a name was last made, where it is seen; or what functions are called with.
    fn resolved(&self, at: usize, deep: usize) -> Value {
        let Some(name) = self.code.word(at) else { return Value::Unknown };
        let all = self.code.made.get(name).map(Vec::as_slice).unwrap_or_default();
        let seen = |made: &&super::code::Made| {
            // In its own first line, a name is still what it was.
            let own = made.what.contains(&at)
                && self.code.line(at) == self.code.line(made.at)
                && !(made.what.start..at).any(|it| self.code.is(it, ";") || self.code.is(it, "}"));
            self.code.is_seen(made.at, at) && !own
        };
        let before = all.iter().filter(seen).rfind(|made| made.at < at);
        match before.or_else(|| all.iter().find(seen)) {
            Some(made) if made.each => match self.sum(made.what.start, deep).0 {
                Value::List(items) => Value::Any(items),
                _ => Value::Unknown,
            },
            Some(made) => self.statement(&made.what, deep),
            None => self.handed(name, at, deep),
        }
    }

    /// What the function is called with whose parameter this is, all over the file.
    pub(super) fn handed(&self, name: &str, at: usize, deep: usize) -> Value {
        if deep > DEPTH_MAX / 2 {
            return Value::Unknown;
        }
        for open in self.code.around(at) {
            let Some((function, parameters)) = self.code.function(open) else { continue };
            let Some(place) = parameters.iter().position(|it| *it == name) else { continue };
            let own = open.saturating_sub(24)..open;
            let calls = self.code.called(function).iter().copied();
            let calls = calls.filter(|it| !own.contains(it) && self.code.look());
            let sites = calls.filter_map(|it| self.code.site(it)).take(WAYS_MAX);
            let with = sites
                .filter_map(|site| site.arguments.get(place).map(|it| self.within(it, deep + 1)));
            let ways: Vec<Value> = with.filter(|it| *it != Value::Unknown).collect();
            return if ways.is_empty() { Value::Unknown } else { Value::Any(ways) };
        }
        Value::Unknown
    }

    pub(super) fn arguments(&self, site: &Site<'_>, deep: usize) -> Vec<Value> {
        site.arguments.iter().map(|it| self.within(it, deep + 1)).collect()
    }
}

/// One part of a path behind another.
pub(super) fn joined(before: &str, part: &str) -> String {
    match part.starts_with('/') {
        true => part.to_owned(),
        false => format!("{}/{part}", before.trim_end_matches('/')),
    }
}
