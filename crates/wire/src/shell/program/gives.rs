//! Calls that answer something known: paths, texts, what the environment holds.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Language, Reader, UNKNOWN, Value, call::Made, grammar, grammar::Gives};
use crate::shell::{call::quoted, path};

/// Where files lie that a program was given for what is temporary.
pub(super) const TEMPORARY: &str = "/tmp/tempfile.";

impl<'t> Reader<'_, '_, 't> {
    /// What a call answers.
    pub(super) fn gives(&mut self, gives: Gives, call: &Made<'_, 't>) -> Value<'t> {
        let first = || call.at(0).cloned().unwrap_or(Value::Unknown);
        let own = || match call.on {
            Some(value @ (Value::Text(_) | Value::Path(_) | Value::List(_))) => value.clone(),
            _ => first(),
        };
        match gives {
            Gives::Same => self.at_home(own()),
            Gives::Trimmed | Gives::Lower | Gives::Decoded | Gives::Quoted => {
                self.at_home(transformed(gives, call, own()))
            }
            Gives::Address => match call.text(0).strip_prefix("file://") {
                Some(path) => Value::Path(path.to_owned()),
                None => first(),
            },
            Gives::One => self.one_of(call),
            Gives::Path => {
                let parts: Vec<String> = call.arguments.iter().map(|(_, it)| it.text()).collect();
                Value::Path(together(&parts, true))
            }
            Gives::PathJoin => self.path_of(call),
            Gives::Home => Value::Path(self.scope.value("HOME").unwrap_or("/").to_owned()),
            Gives::Here => Value::Path(self.scope.directory().to_owned()),
            Gives::Variable => {
                let usual = call.at(1).cloned();
                let told = call.at(0).and_then(Value::known).map(|name| self.of_environment(name));
                match (told, usual) {
                    (Some(Value::Absent), Some(usual)) => usual,
                    (told, _) => told.unwrap_or(Value::Unknown),
                }
            }
            Gives::Split => split(call),
            Gives::Format => formatted(call),
            Gives::JoinText => joined(call),
            Gives::Files | Gives::Names | Gives::Walk => found(gives, call, &own()),
            Gives::Temporary => {
                let path = format!("{TEMPORARY}{}", self.walk.programs.number());
                self.walk.files.write(&path, "");
                Value::Path(path)
            }
            Gives::Json => Value::of(own().json().to_string()),
            // `Buffer.from('text')`
            Gives::Base64 if call.verb() == "from" && call.text(1) != "base64" => first(),
            Gives::Base64 => {
                let decoded = first().known().and_then(|it| STANDARD.decode(it.trim()).ok());
                let text = decoded.and_then(|it| String::from_utf8(it).ok());
                text.map_or(Value::Unknown, Value::Text)
            }
        }
    }

    /// One of what a list or a table holds.
    fn one_of(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        match call.on {
            Some(Value::List(items)) => {
                items.iter().cloned().reduce(Value::either).unwrap_or(Value::Absent)
            }
            Some(table @ Value::Table(_)) => {
                let key = call.at(0).cloned().unwrap_or(Value::Unknown);
                self.at_key(table.clone(), &key)
            }
            _ => Value::Unknown,
        }
    }

    /// A path that begins with `~`, from the home.
    fn at_home(&self, value: Value<'t>) -> Value<'t> {
        let rest = |text: &str| {
            let home = self.scope.value("HOME").unwrap_or("/");
            text.strip_prefix('~').map(|rest| format!("{home}{rest}"))
        };
        match value {
            Value::Text(text) => Value::Text(rest(&text).unwrap_or(text)),
            Value::Path(text) => Value::Path(rest(&text).unwrap_or(text)),
            value => value,
        }
    }

    fn path_of(&self, call: &Made<'_, 't>) -> Value<'t> {
        let mut parts: Vec<String> = call.arguments.iter().map(|(_, it)| it.text()).collect();
        if let Some(Value::Path(own)) = call.on {
            parts.insert(0, own.clone());
        }
        // `File.expand_path(x, base)`
        if call.verb() == "expand_path" {
            parts.reverse();
        }
        let below = match self.language {
            Language::JavaScript => call.verb() == "join",
            Language::Ruby => call.name == "File.join",
            Language::Perl => true,
            Language::Python | Language::Php => false,
        };
        let path = together(&parts, !below);
        let from_here = matches!(call.verb(), "resolve" | "expand_path");
        let path = match from_here && !path.contains(UNKNOWN) {
            true => path::normal(&path, self.scope.directory()),
            false => path,
        };
        self.at_home(Value::Path(path))
    }
}

/// Files that are found: by a pattern, in a directory, below one.
fn found<'t>(gives: Gives, call: &Made<'_, 't>, own: &Value<'t>) -> Value<'t> {
    let first = call.text(0);
    let unknown = || Value::List(vec![Value::Text(UNKNOWN.to_string())]);
    match (gives, call.on) {
        (Gives::Files, Some(Value::Path(directory))) => {
            Value::List(vec![Value::Path(together(&[directory.clone(), first], true))])
        }
        (Gives::Files, _) => Value::List(vec![Value::Path(first)]),
        (Gives::Names, Some(Value::Path(directory))) => {
            Value::List(vec![Value::Path(format!("{directory}/{UNKNOWN}"))])
        }
        (Gives::Names, _) => unknown(),
        _ => {
            let directory = Value::Path(own.text());
            Value::List(vec![Value::List(vec![directory, unknown(), unknown()])])
        }
    }
}

/// A text that is not what it was: without what is around it, in small letters, out of a code or
/// in quotes.
fn transformed<'t>(gives: Gives, call: &Made<'_, 't>, own: Value<'t>) -> Value<'t> {
    let Some(text) = own.known() else { return own };
    let told = match call.on {
        Some(Value::Text(_)) => call.at(0),
        _ => call.at(1),
    };
    let told = told.map(Value::text).unwrap_or_default();
    match gives {
        Gives::Trimmed if told.is_empty() => Value::of(text.trim().to_owned()),
        Gives::Lower => Value::of(text.to_lowercase()),
        Gives::Quoted => Value::of(quoted(text)),
        Gives::Decoded if matches!(told.as_str(), "" | "utf-8" | "utf8" | "ascii") => own,
        _ => Value::Unknown,
    }
}

/// The words of a text: what it is called on, or its last argument (`explode(' ', $x)`).
fn split<'t>(call: &Made<'_, 't>) -> Value<'t> {
    let text = match call.on {
        Some(Value::Text(text)) => text.clone(),
        _ => call.arguments.last().map_or_else(String::new, |(_, it)| it.text()),
    };
    Value::list(text.split_whitespace().map(|it| Value::Text(it.to_owned())).collect())
}

/// A text with values put in: `'{}'.format(x)`, `sprintf('%s', $x)`.
fn formatted<'t>(call: &Made<'_, 't>) -> Value<'t> {
    Value::of(match call.on {
        Some(Value::Text(format)) => grammar::formatted(format, call.arguments),
        _ => grammar::formatted(&call.text(0), call.arguments.get(1..).unwrap_or_default()),
    })
}

/// Parts of a path, one below the other. One that begins at the root begins `anew`, or is below
/// the others as well.
fn together(parts: &[String], anew: bool) -> String {
    let mut path = String::new();
    for part in parts {
        match path.is_empty() || anew && part.starts_with('/') {
            true => path.clone_from(part),
            false => path = format!("{}/{part}", path.trim_end_matches('/')),
        }
    }
    path
}

fn joined<'t>(call: &Made<'_, 't>) -> Value<'t> {
    let arguments: Vec<&Value<'t>> = call.arguments.iter().map(|(_, value)| value).collect();
    let (sign, items) = match (call.on, arguments.as_slice()) {
        (Some(Value::List(items)), [sign, ..]) => (sign.text(), items.clone()),
        (Some(Value::List(items)), []) => (",".to_owned(), items.clone()),
        (Some(Value::Text(sign)), [Value::List(items)]) => (sign.clone(), items.clone()),
        (_, [sign, Value::List(items)]) => (sign.text(), items.clone()),
        (_, [sign, rest @ ..]) => (sign.text(), rest.iter().map(|it| (*it).clone()).collect()),
        _ => return Value::Unknown,
    };
    let texts: Vec<String> = items.iter().map(Value::text).collect();
    Value::of(texts.join(&sign))
}
