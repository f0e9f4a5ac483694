//! What expressions come to, as far as constants allow.

use std::rc::Rc;

use tree_sitter::Node;

use super::UNKNOWN;

/// Items that are kept of one list.
pub(super) const ITEMS_MAX: usize = 256;
/// Values that are kept in one value, those in its lists and tables included.
const WEIGHT_MAX: usize = 2_000;
/// Letters that are kept of one text.
pub(super) const TEXT_MAX: usize = 64 * 1024;

/// What a call is handed: a value, by name or by its place.
pub(super) type Argument<'t> = (Option<String>, Value<'t>);

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'t> {
    /// Nobody knows.
    Unknown,
    /// A text, or what can be written as one. What nobody knows of it stands in it as [`UNKNOWN`].
    Text(String),
    /// A path, as an object of its own.
    Path(String),
    List(Vec<Value<'t>>),
    Table(Vec<(String, Value<'t>)>),
    /// What something is called that the program did not make: `os.remove`, `fs.promises`.
    Name(String),
    /// What a call of this name gave, and what that call was handed: `requests.Session`. What is
    /// got out of it keeps both.
    Made(String, Rc<[Argument<'t>]>),
    /// A function of the program.
    Code(Node<'t>),
}

impl<'t> Value<'t> {
    /// The value as one text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Path(text) => text.clone(),
            Self::List(items) => match items.as_slice() {
                [one] => one.text(),
                _ => UNKNOWN.to_string(),
            },
            _ => UNKNOWN.to_string(),
        }
    }

    /// The value, if it is a text that is known as a whole.
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Path(text) => Some(text).filter(|it| !it.contains(UNKNOWN)),
            _ => None,
        }
        .map(String::as_str)
    }

    /// The texts that it is made of, lists and tables taken apart.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Table(pairs) => pairs.iter().flat_map(|(_, value)| value.texts()).collect(),
            value => vec![value.text()],
        }
    }

    /// What is under a name, in it or in a table that it holds.
    pub(super) fn under(&self, names: &[&str]) -> Option<&Self> {
        let pairs = match self {
            Self::Table(pairs) => pairs,
            Self::Made(_, with) => return with.iter().find_map(|(_, value)| value.under(names)),
            _ => return None,
        };
        let own = pairs.iter().rev().find(|(name, _)| names.contains(&name.as_str()));
        own.map(|(_, value)| value)
            .or_else(|| pairs.iter().find_map(|(_, value)| value.under(names)))
    }

    /// What a loop over it comes to, round by round.
    pub(super) fn rounds(&self) -> Vec<Self> {
        match self {
            Self::List(items) if !items.is_empty() => items.clone(),
            _ => vec![Self::Unknown],
        }
    }

    /// A list, cut where it is too long to be one.
    pub(super) fn list(mut items: Vec<Self>) -> Self {
        if items.len() > ITEMS_MAX {
            items.truncate(ITEMS_MAX);
            items.push(Self::Unknown);
        }
        Self::List(items).bounded()
    }

    /// A table, unless it is too large.
    pub(super) fn table(pairs: Vec<(String, Self)>) -> Self {
        Self::Table(pairs).bounded()
    }

    /// What a call of this name gave. What was given by something that was given is left out, so
    /// that nothing grows with every call.
    pub(super) fn made(name: String, with: &[Argument<'t>]) -> Self {
        let nested = |value: &Self| match value {
            Self::Made(_, with) => with.iter().any(|(_, it)| matches!(it, Self::Made(..))),
            _ => false,
        };
        let own = with.iter().map(|(name, value)| match nested(value) {
            true => (name.clone(), Self::Unknown),
            false => (name.clone(), value.clone()),
        });
        Self::Made(name, own.collect())
    }

    fn bounded(self) -> Self {
        if self.weight() > WEIGHT_MAX { Self::Unknown } else { self }
    }

    /// How many values it is made of.
    fn weight(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::weight).sum::<usize>(),
            Self::Table(pairs) => 1 + pairs.iter().map(|(_, it)| it.weight()).sum::<usize>(),
            Self::Made(_, with) => 1 + with.len(),
            _ => 1,
        }
    }

    /// A text, cut where it is too long.
    pub(super) fn of(text: String) -> Self {
        if text.len() > TEXT_MAX { Self::Unknown } else { Self::Text(text) }
    }

    /// The value as JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Table(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.json()));
                serde_json::Value::Object(pairs.collect())
            }
            Self::Made(_, with) => {
                with.first().map_or_else(|| UNKNOWN.to_string().into(), |(_, value)| value.json())
            }
            value => value.text().into(),
        }
    }
}
