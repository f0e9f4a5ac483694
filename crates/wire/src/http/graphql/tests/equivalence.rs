//! However one mutation is spelled, it means the same; whatever arrives, nothing breaks.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Persisted, interpret, message, on_railway, post};

/// One way to write `volumeDelete` of an id, and its variables.
#[derive(Debug, Clone)]
struct Spelling {
    alias: &'static str,
    gap: &'static str,
    wrap: usize,
    value: usize,
    directive: &'static str,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    (
        prop::sample::select(vec!["", "ok:", "volumeUpdate :", "__typename:"]),
        prop::sample::select(vec![" ", "\n", ",", "\t \r\n", "# x }\n", "\u{FEFF}", " , #\n "]),
        0..5usize,
        0..5usize,
        prop::sample::select(vec![
            "",
            "@skip(if: true)",
            "@include(if: false)",
            "@a @b(c: [1, {d: E}])",
        ]),
    )
        .prop_map(|(alias, gap, wrap, value, directive)| Spelling {
            alias,
            gap,
            wrap,
            value,
            directive,
        })
}

impl Spelling {
    fn write(&self, id: &str) -> (String, Value) {
        let literal = serde_json::to_string(id).expect("a string");
        let (declaration, value, variables) = match self.value {
            0 => (String::new(), literal, json!({})),
            1 => ("($i: String!)".to_owned(), "$i".to_owned(), json!({ "i": id, "j": "other" })),
            2 => (format!("($i: String = {literal})"), "$i".to_owned(), json!({})),
            3 => ("($i: String = \"other\")".to_owned(), "$i".to_owned(), json!({ "i": id })),
            _ => (String::new(), format!("\"\"\"{id}\"\"\""), json!({})),
        };
        let Self { alias, gap, directive, .. } = self;
        let field = format!(
            "{alias}{gap}volumeDelete{gap}({gap}volumeId{gap}:{gap}{value}{gap}){gap}{directive}"
        );
        let (selection, fragments) = match self.wrap {
            0 => (field, String::new()),
            // The parser takes no comma between `...` and `on`: refused, which is safe.
            1 => (format!("... on{gap}Mutation{gap}{{{field}}}"), String::new()),
            2 => (format!("...{{...{{{field}}}}}"), String::new()),
            3 => ("...f".to_owned(), format!("fragment{gap}f on Mutation{{{field}}}")),
            _ => (
                format!("...g {directive}"),
                format!("fragment g on Mutation{{...f}} fragment f on Mutation{{{field}}}"),
            ),
        };
        (format!("{fragments}{gap}mutation{gap}m{declaration}{gap}{{{selection}{gap}}}"), variables)
    }
}

proptest! {
    #[test]
    fn one_mutation_means_the_same_however_it_is_spelled(
        spelling in spelling(),
        id in "[a-zA-Z0-9_-]{1,40}",
    ) {
        let plain = post(&format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}"), &json!({}));
        let (query, variables) = spelling.write(&id);
        prop_assert_eq!(on_railway(&post(&query, &variables)), on_railway(&plain), "{}", query);
    }

    #[test]
    fn a_change_set_means_the_same_as_literal_and_as_variable(
        kind in prop::sample::select(vec!["services", "volumes", "buckets"]),
        id in "[a-z]{1,8}",
        flag in any::<bool>(),
    ) {
        let call = |value: &str| format!("environmentPatchCommit(environmentId: \"e\", patch: {value})");
        let literal = format!("mutation {{ {} }}", call(&format!("{{{kind}: {{{id}: {{isDeleted: {flag}}}}}}}")));
        let variable = format!("mutation($p: EnvironmentConfig) {{ {} }}", call("$p"));
        let patch = json!({ "p": { (kind): { (id): { "isDeleted": flag } } } });
        prop_assert_eq!(on_railway(&post(&literal, &json!({}))), on_railway(&post(&variable, &patch)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        body in any::<Vec<u8>>(),
        target in any::<String>(),
        content_type in prop::sample::select(vec![
            "application/json", "application/graphql", "application/x-www-form-urlencoded",
        ]),
    ) {
        let message = message("POST", &target, content_type, Bytes::from(body));
        let _ = interpret(&message, Some("railway"), &Persisted::default());
    }

    #[test]
    fn any_document_is_read_or_refused(
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "(", ")", "[", "]", ":", "$", "!", "=", "@", "...", "|", "&", "\"", "\"\"\"",
            "\\", "\\u", "\\ud800", "\\u{", "\\u{110000}", "d83d", "#", "\n", "\r", ",", " ", "\u{FEFF}",
            "mutation", "query", "subscription", "fragment", "on", "f", "volumeDelete", "volumeId",
            "null", "true", "1", "-", "0.5e", "é", "\0", "extend", "type", "input",
        ]), 0..40),
    ) {
        let document = parts.concat();
        let message = message("POST", "/", "application/graphql", document);
        let _ = interpret(&message, Some("railway"), &Persisted::default());
    }

    #[test]
    fn any_string_literal_is_read_or_refused(text in r#"[\\u{}0-9a-fA-Fn"/ ]{0,24}"#) {
        let document = format!("mutation {{ volumeDelete(volumeId: \"{text}\") }}");
        let message = message("POST", "/", "application/graphql", document);
        let _ = interpret(&message, Some("railway"), &Persisted::default());
    }
}
