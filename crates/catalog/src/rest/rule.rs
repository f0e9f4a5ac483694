//! One row of a table: a method, a path pattern, sometimes a condition, and what it does.

use holdpoint_core::{Effect, Reversibility};

/// One row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The method; `GET` also means `HEAD`, `*` any, `!` any that changes something.
    method: &'static str,
    /// The path: `{}` is one segment, `{}:verb` one that ends so, `{pkg}` a name with or without
    /// its `@scope`, `one|other` either word, `**` any number of segments. Everything else is
    /// compared without regard to case.
    path: &'static str,
    /// What the provider or we call it, without the provider.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Whether it can be taken back.
    pub reversibility: Reversibility,
    /// Its answer is made of secrets.
    pub reveals_secrets: bool,
    /// What else the message must say for this row to hold.
    pub when: When,
    /// How much of the body has to be here.
    pub reads: Reads,
}

/// How much of a body has to be here before a message is judged. What is not here then streams,
/// while the beginning goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// All of it: a longer body than is read at all is refused.
    Whole,
    /// As much as is read at all (`limits.body_bytes`), so that it can be searched and held; of a
    /// longer body, method and path say what it does (prompts, packages that are published, the
    /// commands of a push).
    Most,
    /// A first piece: nothing in it is an instruction or a place for credentials (layers of
    /// images, what a clone asks for).
    Beginning,
}

/// The bytes of that first piece.
pub const BEGINNING_BYTES: usize = 64 * 1024;

/// What a message must say, beside its method and path, for a row to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Method and path say it all.
    Always,
    /// This top-level field of the body has one of these values (numbers and truth values as
    /// they are written).
    Is(&'static str, &'static [&'static str]),
    /// There is no such field, or it is null.
    Absent(&'static str),
    /// Some object in the body has this key.
    Key(&'static str),
    /// This parameter of the query is there, and never has another value than these.
    Query(&'static str, &'static [&'static str]),
    /// The query picks single rows, as PostgREST writes it (`id=eq.5`, `id=in.(5,6)`).
    Filtered,
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
    let (reveals_secrets, when, reads) = (false, When::Always, Reads::Whole);
    Rule { method, path, name, effect, reversibility, reveals_secrets, when, reads }
}

impl Rule {
    /// The same row, for messages that say so.
    pub(super) const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// The same row, whose answer is made of secrets.
    pub(super) const fn secret(self) -> Self {
        Self { reveals_secrets: true, ..self }
    }

    /// The same row, of whose body not all has to be here.
    pub(super) const fn streams(self, reads: Reads) -> Self {
        Self { reads, ..self }
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
        verb if verb.starts_with("{}") => {
            ends_with(segment, verb.trim_start_matches("{}")) && path_fits(pattern_rest, rest)
        }
        words => {
            words.split('|').any(|word| word.eq_ignore_ascii_case(segment))
                && path_fits(pattern_rest, rest)
        }
    }
}

/// Whether `segment` ends with `end`, without regard to case.
fn ends_with(segment: &str, end: &str) -> bool {
    let at = segment.len().checked_sub(end.len());
    at.and_then(|at| segment.get(at..)).is_some_and(|own| own.eq_ignore_ascii_case(end))
}
