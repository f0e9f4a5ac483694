//! Parameters and their operators: `${x:-y}`, `${x#p}`, `${x//a/b}`, `${!x}`.

use brush_parser::word::{
    Parameter, ParameterExpr, ParameterTestType, ParameterTransformOp, SpecialParameter,
    SubstringMatchKind,
};

use super::{expand::UNKNOWN, pattern::matches, scope::Scope, walk::Walk};
use crate::Unreadable;

/// The values of an expansion, and whether they stay words of their own (`"$@"`).
pub(super) type Expanded = (Vec<String>, bool);

/// Whether an expression's values stay words of their own.
pub(super) fn is_apart(expression: &ParameterExpr) -> bool {
    let ParameterExpr::Parameter { parameter, .. } = expression else { return false };
    parameter_is_apart(parameter)
}

fn parameter_is_apart(parameter: &Parameter) -> bool {
    matches!(
        parameter,
        Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate: false })
            | Parameter::NamedWithAllIndices { concatenate: false, .. }
    )
}

/// The values of `expression`.
pub(super) fn expand(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    expression: &ParameterExpr,
) -> Result<Expanded, Unreadable> {
    use ParameterExpr as E;
    let (parameter, indirect) = match expression {
        E::Parameter { parameter, indirect }
        | E::UseDefaultValues { parameter, indirect, .. }
        | E::AssignDefaultValues { parameter, indirect, .. }
        | E::IndicateErrorIfNullOrUnset { parameter, indirect, .. }
        | E::UseAlternativeValue { parameter, indirect, .. }
        | E::ParameterLength { parameter, indirect }
        | E::RemoveSmallestSuffixPattern { parameter, indirect, .. }
        | E::RemoveLargestSuffixPattern { parameter, indirect, .. }
        | E::RemoveSmallestPrefixPattern { parameter, indirect, .. }
        | E::RemoveLargestPrefixPattern { parameter, indirect, .. }
        | E::Substring { parameter, indirect, .. }
        | E::Transform { parameter, indirect, .. }
        | E::UppercaseFirstChar { parameter, indirect, .. }
        | E::UppercasePattern { parameter, indirect, .. }
        | E::LowercaseFirstChar { parameter, indirect, .. }
        | E::LowercasePattern { parameter, indirect, .. }
        | E::ReplaceSubstring { parameter, indirect, .. } => (parameter, *indirect),
        E::VariableNames { .. } | E::MemberKeys { .. } => return Ok(unknown()),
    };
    let values = values(walk, scope, parameter, indirect)?;
    let apart = parameter_is_apart(parameter);
    match expression {
        E::Parameter { .. } => Ok((values.unwrap_or_default(), apart)),
        E::UseDefaultValues { test_type, default_value, .. }
        | E::AssignDefaultValues { test_type, default_value, .. } => {
            if is_set(values.as_deref(), test_type) {
                return Ok((values.unwrap_or_default(), apart));
            }
            let text = walk.text(scope, default_value.as_deref().unwrap_or_default())?;
            if let (E::AssignDefaultValues { .. }, Parameter::Named(name)) = (expression, parameter)
            {
                scope.assign(name, vec![text.clone()]);
            }
            Ok((vec![text], false))
        }
        E::IndicateErrorIfNullOrUnset { test_type, .. } => {
            // If it is not set, the shell ends here and nothing runs.
            let set = is_set(values.as_deref(), test_type);
            Ok((values.filter(|_| set).unwrap_or_else(|| vec![UNKNOWN.to_string()]), apart))
        }
        E::UseAlternativeValue { test_type, alternative_value, .. } => {
            if !is_set(values.as_deref(), test_type) {
                return Ok((Vec::new(), false));
            }
            Ok((vec![walk.text(scope, alternative_value.as_deref().unwrap_or_default())?], false))
        }
        _ => {
            let mut changed = Vec::new();
            for value in values.unwrap_or_default() {
                changed.push(operated(walk, scope, expression, &value)?);
            }
            Ok((changed, apart))
        }
    }
}

fn unknown() -> Expanded {
    (vec![UNKNOWN.to_string()], false)
}

fn is_set(values: Option<&[String]>, test: &ParameterTestType) -> bool {
    match (values, test) {
        (None, _) => false,
        (Some(_), ParameterTestType::Unset) => true,
        (Some(values), ParameterTestType::UnsetOrNull) => values.iter().any(|it| !it.is_empty()),
    }
}

/// The values of a parameter; `None` if it is not set.
fn values(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    parameter: &Parameter,
    indirect: bool,
) -> Result<Option<Vec<String>>, Unreadable> {
    let values = match parameter {
        Parameter::Positional(0) => Some(vec!["bash".to_owned()]),
        Parameter::Positional(number) => {
            let at = (*number as usize).saturating_sub(1);
            scope.positional.get(at).map(|value| vec![value.clone()])
        }
        Parameter::Special(SpecialParameter::AllPositionalParameters { .. }) => {
            Some(scope.positional.clone())
        }
        Parameter::Special(SpecialParameter::PositionalParameterCount) => {
            Some(vec![scope.positional.len().to_string()])
        }
        Parameter::Special(SpecialParameter::ShellName) => Some(vec!["bash".to_owned()]),
        Parameter::Special(_) => Some(vec![UNKNOWN.to_string()]),
        Parameter::Named(name) => match name.as_str() {
            "RANDOM" | "SECONDS" | "BASHPID" | "EPOCHSECONDS" => Some(vec![UNKNOWN.to_string()]),
            _ => scope.variables.get(name).map(|values| values.iter().take(1).cloned().collect()),
        },
        Parameter::NamedWithIndex { name, index } => {
            let index = arithmetic(walk, scope, index)?;
            let at: Option<usize> = index.parse().ok();
            match (scope.variables.get(name), at) {
                (Some(values), Some(at)) => values.get(at).map(|value| vec![value.clone()]),
                (Some(_), None) => Some(vec![UNKNOWN.to_string()]),
                (None, _) => None,
            }
        }
        Parameter::NamedWithAllIndices { name, .. } => scope.variables.get(name).cloned(),
    };
    if !indirect {
        return Ok(values);
    }
    let name = values.unwrap_or_default().concat();
    Ok(match name.contains(UNKNOWN) {
        true => Some(vec![UNKNOWN.to_string()]),
        false => scope.variables.get(&name).cloned(),
    })
}

/// One value, after its operator.
fn operated(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    expression: &ParameterExpr,
    value: &str,
) -> Result<String, Unreadable> {
    use ParameterExpr as E;
    if value.contains(UNKNOWN) {
        return Ok(UNKNOWN.to_string());
    }
    let mut glob = |pattern: &Option<String>| match pattern {
        Some(pattern) => walk.pattern(scope, pattern),
        None => Ok(String::new()),
    };
    let ends = |largest: bool| -> Vec<usize> {
        let ends = value.char_indices().map(|(at, _)| at).chain([value.len()]);
        if largest { ends.rev().collect() } else { ends.collect() }
    };
    let cut = |at: usize| value.split_at_checked(at).unwrap_or((value, ""));
    Ok(match expression {
        E::ParameterLength { .. } => value.chars().count().to_string(),
        E::RemoveSmallestPrefixPattern { pattern, .. }
        | E::RemoveLargestPrefixPattern { pattern, .. } => {
            let glob = glob(pattern)?;
            let largest = matches!(expression, E::RemoveLargestPrefixPattern { .. });
            let found = ends(largest).into_iter().find(|at| matches(&glob, cut(*at).0));
            found.map_or(value, |at| cut(at).1).to_owned()
        }
        E::RemoveSmallestSuffixPattern { pattern, .. }
        | E::RemoveLargestSuffixPattern { pattern, .. } => {
            let glob = glob(pattern)?;
            let smallest = matches!(expression, E::RemoveSmallestSuffixPattern { .. });
            let found = ends(smallest).into_iter().find(|at| matches(&glob, cut(*at).1));
            found.map_or(value, |at| cut(at).0).to_owned()
        }
        E::Substring { offset, length, .. } => {
            let offset = arithmetic(walk, scope, &offset.value)?;
            let length = match length {
                Some(length) => Some(arithmetic(walk, scope, &length.value)?),
                None => None,
            };
            substring(value, &offset, length.as_deref())
        }
        E::UppercasePattern { .. } => value.to_uppercase(),
        E::LowercasePattern { .. } => value.to_lowercase(),
        E::UppercaseFirstChar { .. } => first(value, char::to_ascii_uppercase),
        E::LowercaseFirstChar { .. } => first(value, char::to_ascii_lowercase),
        E::ReplaceSubstring { pattern, replacement, match_kind, .. } => {
            let glob = walk.pattern(scope, pattern)?;
            let new = walk.text(scope, replacement.as_deref().unwrap_or_default())?;
            replaced(value, &glob, &new, match_kind)
        }
        E::Transform { op, .. } => match op {
            ParameterTransformOp::ToUpperCase => value.to_uppercase(),
            ParameterTransformOp::ToLowerCase => value.to_lowercase(),
            ParameterTransformOp::CapitalizeInitial => first(value, char::to_ascii_uppercase),
            ParameterTransformOp::ExpandEscapeSequences => super::expand::ansi(value),
            _ => value.to_owned(),
        },
        _ => value.to_owned(),
    })
}

fn first(value: &str, change: fn(&char) -> char) -> String {
    let mut letters = value.chars();
    letters.next().map(|letter| change(&letter)).into_iter().chain(letters).collect()
}

fn substring(value: &str, offset: &str, length: Option<&str>) -> String {
    let count = value.chars().count() as i64;
    let Ok(offset) = offset.trim().parse::<i64>() else { return UNKNOWN.to_string() };
    let start = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let end = match length.map(|length| length.trim().parse::<i64>()) {
        None => count,
        Some(Ok(length)) if length < 0 => count + length,
        Some(Ok(length)) => start.saturating_add(length),
        Some(Err(_)) => return UNKNOWN.to_string(),
    };
    let taken = (end - start).max(0) as usize;
    value.chars().skip(start as usize).take(taken).collect()
}

/// `value` with what matches replaced; a pattern with wild cards in it is not followed further.
fn replaced(value: &str, glob: &str, new: &str, kind: &SubstringMatchKind) -> String {
    if super::pattern::is_glob(glob) || glob.contains('\\') {
        return UNKNOWN.to_string();
    }
    match kind {
        _ if glob.is_empty() => value.to_owned(),
        SubstringMatchKind::FirstOccurrence => value.replacen(glob, new, 1),
        SubstringMatchKind::Anywhere => value.replace(glob, new),
        SubstringMatchKind::Prefix => {
            value.strip_prefix(glob).map_or(value.to_owned(), |rest| format!("{new}{rest}"))
        }
        SubstringMatchKind::Suffix => {
            value.strip_suffix(glob).map_or(value.to_owned(), |rest| format!("{rest}{new}"))
        }
    }
}

/// The value of an arithmetic expression, where it is a number or one variable. What it
/// substitutes is run.
pub(super) fn arithmetic(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    expression: &str,
) -> Result<String, Unreadable> {
    let text = walk.text(scope, expression)?;
    let text = text.trim();
    let number = |text: &str| text.parse::<i64>().ok();
    let named = scope.value(text).and_then(number);
    Ok(number(text).or(named).map_or_else(|| UNKNOWN.to_string(), |number| number.to_string()))
}
