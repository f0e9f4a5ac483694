//! The parameters of an operation, whatever they are written in: one list of names and values.

use holdpoint_catalog::aws::Parameters;

use super::xml::Element;
use crate::{Unreadable, http::json::Json};

/// The most parameters, at all depths, that are looked at.
const PARAMETERS_MAX: usize = 20_000;

/// Names (`Outer.Inner`, without the places in lists) and values; what holds others is there
/// with no value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spoken(Vec<(String, String)>);

impl Spoken {
    /// Adds one.
    pub(super) fn push(&mut self, name: &str, value: &str) -> Result<(), Unreadable> {
        if self.0.len() == PARAMETERS_MAX {
            return Err(Unreadable::over_limit(format!(
                "the message has more than {PARAMETERS_MAX} parameters; send it in parts"
            )));
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Adds the pairs of a query or form: `Filter.1.Value.member.2` is one of `Filter.Value`.
    /// Refuses a parameter that is there twice: servers differ in which one they take.
    pub(super) fn push_pairs(&mut self, pairs: &[(String, String)]) -> Result<(), Unreadable> {
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(Unreadable::new(format!(
                "the parameter `{name}` is there twice; send one"
            )));
        }
        for (name, value) in pairs {
            let place = |part: &&str| {
                *part != "member" && *part != "entry" && !part.bytes().all(|b| b.is_ascii_digit())
            };
            let parts: Vec<&str> = name.split('.').filter(place).collect();
            for (at, _) in parts.iter().enumerate().skip(1) {
                self.push(&parts.get(..at).unwrap_or_default().join("."), "")?;
            }
            self.push(&parts.join("."), value)?;
        }
        Ok(())
    }

    /// Adds the fields of a JSON object.
    pub(super) fn push_json(&mut self, json: &Json, within: &str) -> Result<(), Unreadable> {
        for (name, value) in json.fields() {
            self.push_value(&joined(within, name), value)?;
        }
        Ok(())
    }

    fn push_value(&mut self, name: &str, value: &Json) -> Result<(), Unreadable> {
        match value {
            Json::Null => Ok(()),
            Json::Object(_) => {
                self.push(name, "")?;
                self.push_json(value, name)
            }
            Json::Array(values) => values.iter().try_for_each(|it| self.push_value(name, it)),
            word => self.push(name, word.word().unwrap_or_default()),
        }
    }

    /// Adds the elements of an XML document.
    pub(super) fn push_xml(&mut self, elements: &[Element]) -> Result<(), Unreadable> {
        elements.iter().try_for_each(|Element { path, text }| self.push(path, text))
    }

    /// The parameters at the top, in order.
    pub(super) fn top(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.filter(|(name, value)| !name.contains('.') && !value.is_empty())
    }
}

fn joined(within: &str, name: &str) -> String {
    if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") }
}

impl Parameters for Spoken {
    fn values(&self, name: &str) -> Vec<&str> {
        let own = |path: &str| match name.strip_prefix('*') {
            Some(inner) => path.split('.').any(|part| part == inner),
            None => path == name,
        };
        let values = self.0.iter().filter(|(path, _)| own(path));
        values.map(|(_, value)| value.as_str()).collect()
    }
}
