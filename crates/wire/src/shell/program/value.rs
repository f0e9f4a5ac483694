//! What expressions come to, as far as constants allow.

use std::rc::Rc;

use tree_sitter::Node;

use super::{UNKNOWN, grammar};

/// Items that are kept of one list.
pub(super) const ITEMS_MAX: usize = 256;
/// What one value may weigh: itself, the values in it, and [`LETTERS_OF_ONE`] of their texts, each
/// as much as another.
const WEIGHT_MAX: usize = 4_000;
/// Letters that weigh as much as a value.
const LETTERS_OF_ONE: usize = 16;
/// Values within values within values.
const NESTED_MAX: usize = 24;
/// Letters that are kept of one text.
pub(super) const TEXT_MAX: usize = 64 * 1024;

/// What a call is handed: a value, by name or by its place.
pub(super) type Argument<'t> = (Option<String>, Value<'t>);

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'t> {
    /// Nobody knows.
    Unknown,
    /// What a caller hands over that is not seen, and what is got out of that.
    Given,
    /// Nothing: a variable that is not set, an argument that was not given.
    Absent,
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

    /// What can be called of it: itself, or what it holds.
    pub(super) fn callables(&self) -> Vec<&Self> {
        match self {
            Self::List(items) => items.iter().flat_map(Self::callables).collect(),
            Self::Table(pairs) => pairs.iter().flat_map(|(_, it)| it.callables()).collect(),
            value => vec![value],
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

    /// The same list or table, with something else under a key.
    pub(super) fn with(self, key: Option<&str>, value: Self) -> Self {
        let place = key.and_then(|it| it.parse::<usize>().ok());
        match (self, key, place) {
            (Self::Table(mut pairs), Some(key), _) => {
                pairs.retain(|(own, _)| own != key);
                pairs.push((key.to_owned(), value));
                Self::table(pairs)
            }
            (Self::List(mut items), _, Some(place)) if place <= items.len() => {
                items.truncate(ITEMS_MAX);
                match items.get_mut(place) {
                    Some(item) => *item = value,
                    None => items.push(value),
                }
                Self::list(items)
            }
            _ => Self::Unknown,
        }
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

    /// What a call of this name gave, unless that is too large.
    pub(super) fn made(name: String, with: &[Argument<'t>]) -> Self {
        let bare = name.clone();
        match Self::Made(name, with.into()).bounded() {
            Self::Unknown => Self::Made(bare, [].into()),
            made => made,
        }
    }

    /// One value or the other: what they agree about, and what can be called rather than what
    /// cannot.
    pub(super) fn either(self, other: Self) -> Self {
        match (self, other) {
            (own, other) if own == other => own,
            (own @ (Self::Name(_) | Self::Made(..)), other) => {
                if other.reach() > own.reach() {
                    other
                } else {
                    own
                }
            }
            (_, other @ (Self::Name(_) | Self::Made(..))) => other,
            (own @ Self::Code(_), _) => own,
            (_, other @ Self::Code(_)) => other,
            (Self::Path(_), _) | (_, Self::Path(_)) => Self::Path(UNKNOWN.to_string()),
            (Self::Given | Self::Absent, Self::Given | Self::Absent) => Self::Given,
            _ => Self::Unknown,
        }
    }

    /// How much whoever calls it could do with it.
    fn reach(&self) -> u8 {
        match self {
            Self::Name(name) if grammar::is_reach(name.split('.').next().unwrap_or(name)) => 2,
            Self::Name(_) | Self::Code(_) => 1,
            _ => 0,
        }
    }

    fn bounded(self) -> Self {
        match self.measured(NESTED_MAX) {
            Some(weight) if weight <= WEIGHT_MAX => self,
            _ => Self::Unknown,
        }
    }

    /// What it weighs.
    pub(super) fn weight(&self) -> usize {
        self.measured(NESTED_MAX).unwrap_or(WEIGHT_MAX)
    }

    /// What it weighs; `None` if that is too much, or if it is nested deeper than this.
    fn measured(&self, depth: usize) -> Option<usize> {
        let inner = depth.checked_sub(1)?;
        let add = |sum: usize, it: &Self| {
            let sum = sum + it.measured(inner)?;
            (sum <= WEIGHT_MAX).then_some(sum)
        };
        match self {
            Self::Text(text) | Self::Path(text) | Self::Name(text) => {
                Some(1 + text.len() / LETTERS_OF_ONE)
            }
            Self::List(items) => items.iter().try_fold(1, add),
            Self::Table(pairs) => pairs.iter().map(|(_, it)| it).try_fold(1, add),
            Self::Made(_, with) => with.iter().map(|(_, it)| it).try_fold(1, add),
            _ => Some(1),
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
