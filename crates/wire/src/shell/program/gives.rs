//! Calls that answer something known: paths, texts, what the environment holds.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Reader, UNKNOWN, Value, call::Made, grammar, grammar::Gives};
use crate::shell::path;

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
            Gives::Path => {
                let parts: Vec<String> = call.arguments.iter().map(|(_, it)| it.text()).collect();
                Value::Path(together(&parts))
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
            Gives::Files => {
                let pattern = match call.on {
                    Some(Value::Path(directory)) => together(&[directory.clone(), first().text()]),
                    _ => first().text(),
                };
                Value::List(vec![Value::Path(pattern)])
            }
            Gives::Names => match call.on {
                Some(Value::Path(directory)) => {
                    Value::List(vec![Value::Path(format!("{directory}/{UNKNOWN}"))])
                }
                _ => Value::List(vec![Value::Text(UNKNOWN.to_string())]),
            },
            Gives::Walk => {
                let unknown = || Value::List(vec![Value::Text(UNKNOWN.to_string())]);
                let directory = Value::Path(own().text());
                Value::List(vec![Value::List(vec![directory, unknown(), unknown()])])
            }
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
        let path = together(&parts);
        let from_here = matches!(call.verb(), "resolve" | "expand_path");
        let path = match from_here && !path.contains(UNKNOWN) {
            true => path::normal(&path, self.scope.directory()),
            false => path,
        };
        self.at_home(Value::Path(path))
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
    let values: Vec<Value<'t>> = call.arguments.iter().map(|(_, value)| value.clone()).collect();
    match call.on {
        Some(Value::Text(format)) => Value::of(grammar::formatted(format, &Value::List(values))),
        _ => {
            let rest = values.get(1..).unwrap_or_default().to_vec();
            Value::of(grammar::formatted(&call.text(0), &Value::List(rest)))
        }
    }
}

/// Parts of a path, one below the other. One that begins at the root begins anew.
fn together(parts: &[String]) -> String {
    let mut path = String::new();
    for part in parts {
        match path.is_empty() || part.starts_with('/') {
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
