//! Documents of YAML, as the JSON that says the same. What an alias stands for is not followed.

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use super::expand::UNKNOWN;

/// How deep a document may be.
const DEPTH_MAX: usize = 32;
/// Events of one document.
const EVENTS_MAX: usize = 20_000;

/// What is open while a document is read.
enum Open {
    List(Vec<Value>),
    /// The pairs, and the key whose value is awaited.
    Table(Map<String, Value>, Option<String>),
}

/// The first document of a text; `None` if it cannot be read.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut open: Vec<Open> = Vec::new();
    for (count, event) in Parser::new_from_str(text).enumerate() {
        let (event, _) = event.ok().filter(|_| count < EVENTS_MAX && open.len() < DEPTH_MAX)?;
        let value = match event {
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::Alias(_) => Value::String(UNKNOWN.to_string()),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Table(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop()? {
                Open::List(items) => Value::Array(items),
                Open::Table(pairs, _) => Value::Object(pairs),
            },
            _ => continue,
        };
        match open.last_mut() {
            None => return Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Table(pairs, key)) => match key.take() {
                Some(key) => {
                    pairs.insert(key, value);
                }
                None => *key = Some(value.as_str().unwrap_or_default().to_owned()),
            },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_what_its_words_say() {
        for (text, expect) in [
            ("a: 1\nb: [x, 'y']\n", Some(json!({"a": "1", "b": ["x", "y"]}))),
            ("- a\n- b: |\n    c\n    d\n", Some(json!(["a", {"b": "c\nd\n"}]))),
            ("a: &x 1\nb: *x\n", Some(json!({"a": "1", "b": UNKNOWN.to_string()}))),
            ("a: [", None),
            ("", None),
            (&"[".repeat(100), None),
        ] {
            assert_eq!(read(text), expect, "{text}");
        }
    }
}
