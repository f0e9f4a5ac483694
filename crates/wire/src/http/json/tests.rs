//! Strict JSON: what is read, and what is refused.

use holdpoint_core::Code;
use proptest::prelude::*;

use super::{DEPTH_MAX, Json};

fn read(text: &str) -> Json {
    Json::read(text.as_bytes()).expect(text)
}

#[test]
fn numbers_stay_as_they_were_written() {
    for written in ["0", "-0", "1.0", "1e400", "123456789012345678901234567890", "-1.50E+7"] {
        assert_eq!(read(written), Json::Number(written.to_owned()));
    }
}

#[test]
fn escapes_are_what_they_stand_for() {
    assert_eq!(read(r#"{"\u0071uery":1}"#).get("query"), Some(&Json::Number("1".to_owned())));
    assert_eq!(read(r#""\ud83d\ude00\n\/""#), Json::String("😀\n/".to_owned()));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for (text, says) in [
        (r#"{"a":1,"a":2}"#, "twice"),
        (r#"{"a":1,"\u0061":2}"#, "twice"),
        (r#"[{"x":{"b":1,"c":2,"b":1}}]"#, "twice"),
        ("{} {}", "follows"),
        ("1 2", "follows"),
        ("{}\0", "follows"),
        ("\u{FEFF}{}", "byte order mark"),
        ("NaN", "NaN"),
        ("[1,Infinity]", "NaN"),
        ("[-Infinity]", "number"),
        ("{a:1}", "expected"),
        ("{'a':1}", "expected"),
        ("[1,]", "expected"),
        (r#"{"a":1,}"#, "expected"),
        ("/* */{}", "comments"),
        ("01", "number"),
        ("1.", "number"),
        (".5", "expected"),
        ("+1", "expected"),
        ("1e", "number"),
        (r#""\ud800""#, "surrogate"),
        (r#""\ud800\u0041""#, "surrogate"),
        (r#""\udc00""#, "surrogate"),
        (r#""\u00""#, "hexadecimal"),
        (r#""\x41""#, "escape"),
        ("\"a\nb\"", "control"),
        ("\"a", "end"),
        ("", "expected"),
        ("truefalse", "follows"),
        ("{", "expected"),
    ] {
        let refusal = Json::read(text.as_bytes()).expect_err(text);
        assert_eq!(refusal.code, Code::Unparsed, "{text}");
        assert!(refusal.text.contains(says), "{text}: {}", refusal.text);
    }
}

#[test]
fn other_encodings_are_refused() {
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [utf16.as_slice(), b"\xFF\xFE{\0}\0", b"\"\xC3\"", b"\"\xED\xA0\x80\""] {
        assert!(Json::read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::read(nested(DEPTH_MAX).as_bytes()).is_ok());
    let refusal = Json::read(nested(100_000).as_bytes()).expect_err("too deep");
    assert_eq!(refusal.code, Code::OverLimit);
}

#[test]
fn keys_that_only_some_take_for_it_are_refused() {
    for (text, key) in [
        (r#"{"query":1,"Query":2}"#, "query"),
        (r#"{"QUERY":2}"#, "query"),
        (r#"{"variable\u017f":2}"#, "variables"),
        ("{\"to\u{212A}en\":2}", "token"),
    ] {
        assert!(read(text).field(key).is_err(), "{text}");
    }
    assert_eq!(read(r#"{"query":null,"queries":1}"#).field("query"), Ok(Some(&Json::Null)));
    assert_eq!(read("[]").field("query"), Ok(None));
}

/// JSON as text, with its meaning.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn agrees(json: &Json, value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (json, value) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(one), Value::Bool(other)) => one == other,
        (Json::Number(one), Value::Number(other)) => one.parse::<f64>().ok() == other.as_f64(),
        (Json::String(one), Value::String(other)) => one == other,
        (Json::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| agrees(one, other))
        }
        (Json::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|it| agrees(one, it)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_others_write_is_read_as_they_mean_it(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert!(agrees(&Json::read(text.as_bytes()).unwrap(), &value), "{}", text);
        }
    }

    #[test]
    fn what_is_read_others_can_read(text in r#"[\[\]{}",:0-9eE.+\-\\utrnfalse ]{0,40}"#) {
        if Json::read(text.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = Json::read(&bytes);
    }
}
