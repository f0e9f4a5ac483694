//! What functions make of what they are handed: paths, lists, texts that are put together.

use super::{
    code::Site,
    value::{SAME, TEXT_MAX, Value, Values, is_among, joined},
};
use crate::shell::expand::UNKNOWN;

/// Kinds that are made of the parts of a path, and what else is one.
const PATHS: &str = "File Path Paths PathBuf URL Uri URI FileInfo DirectoryInfo Directory file files \
                     Utf8Path Utf8PathBuf QFile QDir path fileTree FilePath layout joinpath";
/// What makes one of what it is handed, of these kinds or alone.
const MAKERS: &str = "new from of get create parse init fromFile fileURLWithPath";
/// Functions that make a list of what they are handed.
const LISTS: &str =
    "listOf arrayOf mutableListOf setOf asList List Set Seq Array Vector ArrayList vec c";
/// What puts a part of a path behind another.
const BEHIND: &str = "join resolve appendingPathComponent appending div push toPath child";

impl Values<'_, '_> {
    /// What a function makes, or a kind.
    pub(super) fn called(&self, site: &Site<'_>, alone: bool, deep: usize) -> Value {
        let owner = site.owner.as_deref().filter(|_| !alone).unwrap_or_default();
        let name = self.code.own_name(site.name);
        let name = name.rsplit(['.', '/']).next().unwrap_or(site.name);
        let given = self.arguments(site, deep);
        if let Some(value) = self.environment(owner, name, &given) {
            return value;
        }
        let owner = owner.rsplit(['.', '/']).next().unwrap_or(owner);
        let listed = ["List", "Set", "Arrays", "Vec", "Stream"].contains(&owner);
        if is_among(LISTS, name) || listed && is_among("of from asList new fromArray", name) {
            return match given.as_slice() {
                [one @ Value::List(_)] => one.clone(),
                _ => Value::List(given),
            };
        }
        let makes = is_among(MAKERS, name) && is_among(PATHS, owner);
        if is_among(PATHS, name)
            || makes
            || matches!((owner, name), ("Path" | "filepath", "Combine" | "Join"))
        {
            let parts = given.into_iter();
            return parts
                .reduce(|all, it| {
                    let more = it.text();
                    all.map(&|text| joined(text, &more))
                })
                .map_or(Value::Unknown, Value::into_path);
        }
        let same = matches!(
            owner,
            "String" | "OsString" | "OsStr" | "CString" | "CStr" | "Some" | "Box" | "Cow"
        );
        if same || is_among("Some Ok String str Optional NSString", name) {
            return given.into_iter().next().unwrap_or(Value::Unknown);
        }
        match name {
            "concat" | "paste0" | "string" => {
                let parts = given.iter().map(Value::text);
                Value::Text(parts.collect::<String>())
            }
            "format" | "Sprintf" | "formatted" => filled(&given, |name| {
                let range = site.arguments.first()?;
                Some(self.by_name(name, range.start, deep))
            }),
            _ => Value::Unknown,
        }
    }

    /// The value of a name that stands in a text.
    fn by_name(&self, name: &str, at: usize, deep: usize) -> String {
        let all = self.code.made.get(name).map(Vec::as_slice).unwrap_or_default();
        let seen = all.iter().rfind(|it| it.at < at && self.code.is_seen(it.at, at));
        seen.map_or_else(
            || self.handed(name, at, deep).text(),
            |made| self.statement(&made.what, deep + 1).text(),
        )
    }

    /// What is told by variables of the environment.
    fn environment(&self, owner: &str, name: &str, given: &[Value]) -> Option<Value> {
        let told = given.first().map(Value::text).unwrap_or_default();
        let variable = match name {
            "home_dir" | "NSHomeDirectory" | "UserHomeDir" | "homedir" | "user_home" => "HOME",
            "getProperty" if told == "user.home" => "HOME",
            "var" | "var_os" | "getenv" | "env" | "GetEnvironmentVariable" | "Getenv" | "get"
                if name != "get" || owner == "environment" =>
            {
                told.as_str()
            }
            _ => return None,
        };
        self.scope.value(variable).map(|value| Value::Text(value.to_owned()))
    }

    /// What comes of calling something on a value.
    pub(super) fn called_on(&self, value: &Value, site: &Site<'_>, deep: usize) -> Value {
        let given = self.arguments(site, deep);
        let first = given.first().map(Value::text);
        match (site.name, value) {
            (name, _) if is_among(SAME, name) && given.len() <= 1 => value.clone(),
            (name, Value::Path(_) | Value::Text(_)) if is_among(BEHIND, name) => {
                let all = given.iter().map(Value::text);
                all.fold(value.clone(), |value, more| value.map(&|text| joined(text, &more)))
            }
            (
                "split" | "split_whitespace" | "tokenize" | "components" | "Split",
                Value::Text(text),
            ) if first.as_deref().is_none_or(|it| matches!(it.trim(), "" | "\\s+")) => {
                Value::List(text.split_whitespace().map(|it| Value::Text(it.to_owned())).collect())
            }
            ("join" | "joinToString" | "mkString", Value::List(items)) => {
                let texts: Vec<String> = items.iter().map(Value::text).collect();
                Value::Text(texts.join(first.as_deref().unwrap_or(", ")))
            }
            ("concat" | "plus", _) => {
                let more = first.unwrap_or_else(|| UNKNOWN.to_string());
                value.map(&|text| format!("{text}{more}"))
            }
            ("format" | "formatted", Value::Text(_)) => {
                let all: Vec<Value> = std::iter::once(value.clone()).chain(given).collect();
                filled(&all, |_| None)
            }
            _ => Value::Unknown,
        }
    }
}

/// A text with what it is handed in its places: `{}`, `{0}`, `{name}`, `%s`.
fn filled(given: &[Value], by_name: impl Fn(&str) -> Option<String>) -> Value {
    let Some((Value::Text(template), rest)) = given.split_first() else { return Value::Unknown };
    let unknown = || UNKNOWN.to_string();
    let mut next = rest.iter().map(Value::text);
    let (mut text, mut left) = (String::new(), template.as_str());
    while let Some(at) = left.find(['{', '%']) {
        text.push_str(left.get(..at).unwrap_or_default());
        let place = left.get(at..).unwrap_or_default();
        let (own, behind) = match place.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some((name, behind)) => {
                let name = name.split(':').next().unwrap_or(name);
                let own = match (name, name.parse::<usize>()) {
                    ("", _) => next.next(),
                    (_, Ok(index)) => rest.get(index).map(Value::text),
                    (name, Err(_)) => by_name(name),
                };
                (own.unwrap_or_else(unknown), behind)
            }
            None if place.starts_with("%s") => {
                (next.next().unwrap_or_else(unknown), place.get(2..).unwrap_or_default())
            }
            None => {
                (place.get(..1).unwrap_or_default().to_owned(), place.get(1..).unwrap_or_default())
            }
        };
        text.push_str(&own);
        left = behind;
    }
    text.push_str(left);
    if text.len() > TEXT_MAX { Value::Unknown } else { Value::Text(text) }
}
