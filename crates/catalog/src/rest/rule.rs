//! One row of a table: a method, a path pattern, sometimes a field of the body, and what it does.

use holdpoint_core::{Effect, Reversibility};

/// One row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The method; `GET` also means `HEAD`, `*` any, `!` any that changes something.
    method: &'static str,
    /// The path: `{}` is one segment, `{pkg}` a name with or without its `@scope`, `**` any
    /// number of segments. Everything else is compared without regard to case.
    path: &'static str,
    /// What the provider or we call it, without the provider.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Whether it can be taken back.
    pub reversibility: Reversibility,
    /// What the body must say for this rule to hold; `None` where method and path say it all.
    pub field: Option<Field>,
}

/// A condition on a top-level field of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The field has one of these values (numbers and truth values as they are written).
    Is(&'static str, &'static [&'static str]),
    /// There is no such field, or it is null.
    Absent(&'static str),
}

impl Field {
    /// Whether a body, whose fields `value` gives, meets the condition.
    pub fn holds(self, value: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::Is(name, values) => value(name)
                .is_some_and(|value| values.iter().any(|one| one.eq_ignore_ascii_case(&value))),
            Self::Absent(name) => value(name).is_none(),
        }
    }
}

/// A row; what it does cannot be taken back unless [`Rule::inverse`] says so.
pub(super) const fn rule(
    method: &'static str,
    path: &'static str,
    name: &'static str,
    effect: Effect,
) -> Rule {
    let reversibility = match effect {
        Effect::Destroy | Effect::Spend => Reversibility::None,
        _ => Reversibility::Unknown,
    };
    Rule { method, path, name, effect, reversibility, field: None }
}

impl Rule {
    /// The same row, for bodies that meet `field`.
    pub(super) const fn when(self, field: Field) -> Self {
        Self { field: Some(field), ..self }
    }

    /// The same row, undone by another operation of the provider.
    pub(super) const fn inverse(self) -> Self {
        Self { reversibility: Reversibility::Inverse, ..self }
    }

    /// Whether method and path are this rule's.
    pub(super) fn fits(&self, method: &str, segments: &[String]) -> bool {
        let safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
        let method_fits = match self.method {
            "*" => true,
            "!" => !safe,
            "GET" => matches!(method, "GET" | "HEAD"),
            own => own == method,
        };
        let pattern: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        method_fits && path_fits(&pattern, segments)
    }
}

/// Whether `segments` are of the form `pattern`. Patterns are ours and short, so the recursion is
/// as deep as the longest of them.
fn path_fits(pattern: &[&str], segments: &[String]) -> bool {
    let Some((part, pattern_rest)) = pattern.split_first() else { return segments.is_empty() };
    if *part == "**" {
        return (0..=segments.len())
            .any(|taken| segments.get(taken..).is_some_and(|rest| path_fits(pattern_rest, rest)));
    }
    let Some((segment, rest)) = segments.split_first() else { return false };
    match *part {
        "{}" => path_fits(pattern_rest, rest),
        "{pkg}" if segment.starts_with('@') && !segment.contains('/') => {
            rest.split_first().is_some_and(|(_, rest)| path_fits(pattern_rest, rest))
        }
        "{pkg}" => !segment.starts_with('-') && path_fits(pattern_rest, rest),
        literal => literal.eq_ignore_ascii_case(segment) && path_fits(pattern_rest, rest),
    }
}
