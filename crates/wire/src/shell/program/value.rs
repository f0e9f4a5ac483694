//! Values in a program: texts that are joined, variables, paths that are made of parts.

use super::{Reader, Token, UNKNOWN};

impl Reader<'_, '_> {
    pub(super) fn end_of_value(&self, from: usize) -> usize {
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
    pub(super) fn arguments(&self, from: usize) -> Vec<Vec<String>> {
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

    /// The values of a list without brackets, up to the end of its line.
    pub(super) fn listed(&self, from: usize) -> Vec<String> {
        let end = self.end_of_value(from);
        let (mut values, mut start) = (Vec::new(), from);
        for at in from..=end {
            if at == end || self.tokens.get(at) == Some(&Token::Sign(',')) {
                if at > start {
                    values.push(self.value(start, at));
                }
                start = at + 1;
            }
        }
        values
    }

    /// What the tokens between two places say: a list's texts, or one value.
    pub(super) fn texts(&self, from: usize, to: usize) -> Vec<String> {
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
    pub(super) fn value(&self, from: usize, to: usize) -> String {
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
        if name.is_some_and(is_environment) {
            let named =
                name.and_then(|name| name.strip_prefix("process.env.")).or(texts.first().copied());
            let value = named.and_then(|name| self.scope.value(name));
            return value.map_or_else(|| UNKNOWN.to_string(), str::to_owned);
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
                    None if is_transparent(name) => {}
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

    /// What a method is called on: `Path('x').unlink()`, `p.unlink()`.
    pub(super) fn receiver(&self, name: &str, at: usize) -> Option<String> {
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
}

/// Whether a name is that of the environment, or of what reads it.
fn is_environment(name: &str) -> bool {
    name.contains("environ")
        || name.contains("process.env")
        || name.ends_with("getenv")
        || name == "ENV"
}

/// Whether a name leaves the value beside it as it is, or says nothing about it.
fn is_transparent(name: &str) -> bool {
    const CALLS: &str =
        "expanduser join Path pathlib.Path resolve str abspath execute text sql URL encode";
    const OPTIONS: &str = "recursive force True true ignore_errors shell check";
    CALLS.split_whitespace().any(|it| name.ends_with(it))
        || OPTIONS.split_whitespace().any(|it| name == it)
}
