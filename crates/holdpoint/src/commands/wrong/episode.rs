//! The episode of a decision: what it meant and what was known, without secrets, phantoms and
//! anybody's words.

use holdpoint_catalog::credentials::Finder;
use holdpoint_core::policy::Verdict;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{super::Here, Found};
use crate::status::CommandError;

/// What stands where a credential stood.
const TAKEN_OUT: &str = "[credential]";

/// What `holdpoint explain` judges again: one operation, read and resolved as it was then.
pub(super) fn of(
    id: &str,
    found: &Found,
    should: Verdict,
    here: &Here,
) -> Result<Value, CommandError> {
    let Found { at, by, decided } = found;
    let names = decided.reasons.iter().map(|reason| match reason.policy.as_str() {
        "" => reason.code.as_str(),
        policy => policy,
    });
    let mut episode = json!({
        "id": id,
        "date": at.to_string(),
        "expected": should,
        "task": by.task.environment.map(|environment| json!({ "environment": environment })),
        "operations": [{
            "kind": "recorded",
            "agent": by.agent,
            "ring": by.task.ring,
            "killed": by.killed,
            "operations": decided.operations,
            "circumstances": decided.circumstances,
        }],
        "x_was": decided.judged(),
        "x_rules": names.collect::<Vec<_>>(),
        "x_policies": decided.policies,
        "x_version": env!("CARGO_PKG_VERSION"),
    });
    let known = known(here)?;
    redact(&mut episode, &known);
    Ok(episode)
}

/// All that must not be in it: secrets that are kept, and their phantoms.
fn known(here: &Here) -> Result<Vec<String>, CommandError> {
    let secrets = here.state.secrets().reveal_all().map_err(CommandError::unable)?;
    let both = secrets.iter().flat_map(|it| [it.value.expose_secret(), it.phantom.as_str()]);
    Ok(both.filter(|it| !it.is_empty()).map(str::to_owned).collect())
}

/// Takes out of every text what is known, and what looks like a credential.
fn redact(value: &mut Value, known: &[String]) {
    match value {
        Value::String(text) => *text = redacted(text, known),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, known)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redact(field, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redacted(text: &str, known: &[String]) -> String {
    let text = known.iter().fold(text.to_owned(), |text, it| text.replace(it, TAKEN_OUT));
    let (mut kept, mut from) = (String::new(), 0);
    for found in Finder::shared().find_in("resource.txt", text.as_bytes()) {
        // A span that does not fall on letters takes everything behind it along.
        let Some(before) = text.get(from..found.span.start) else { return kept };
        kept = kept + before + TAKEN_OUT;
        from = found.span.end;
    }
    kept + text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_stays() {
        let token = "ghp_9drTJvcXLB89aBfLB89PLcKEYd8YSFbyUzg3";
        let known = ["hp_real-value".to_owned()];
        for (text, expect) in [
            ("railway:volume/3d2c42fb-9f1e-4b41-8f1d-0c5b7b6f4a11", None),
            ("file:/home/dev/app/.env", None),
            ("rest:api.example.com/items/5", None),
            ("rest:api.example.com/hp_real-value/5", Some("rest:api.example.com/[credential]/5")),
        ] {
            assert_eq!(redacted(text, &known), expect.unwrap_or(text));
        }
        for text in [format!("rest:a.example.com/{token}"), format!("postgres://u:{token}@h/db")] {
            assert!(!redacted(&text, &known).contains(token), "{text}");
        }
        let mut value = json!({ "a": [{ "b": "hp_real-value" }], "c": 1 });
        redact(&mut value, &known);
        assert_eq!(value, json!({ "a": [{ "b": TAKEN_OUT }], "c": 1 }));
    }
}
