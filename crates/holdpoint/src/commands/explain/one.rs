//! `holdpoint explain CMD`: one command, for a human.

use std::io::{self, Write as _};

use holdpoint_core::{
    Judgement, Reversibility,
    policy::{Decision, Pdp},
};
use holdpoint_sandbox::{
    Mark,
    hook::{Answering, Call, Explained},
};
use holdpoint_store::{Config, config::RefusalTerms};
use holdpoint_wire::{
    hook::{Act, Agent, Heard, Moment, Outcome, ToolCall},
    shell::Dialect,
};
use serde_json::{Value, json};

use crate::{
    commands::{
        hook::{question, told},
        now,
    },
    status::{CommandError, Ended, Status},
};

/// Says what `command` would do here, by these policies and what every machine knows. It ends with 1 where it would not simply pass.
pub(super) fn run(pdp: &Pdp, command: String, dialect: &str, as_json: bool) -> Ended {
    let dialect: Dialect = serde_json::from_value(json!(dialect))
        .map_err(|_| CommandError::usage("the shell is `bash`, `powershell` or `cmd`"))?;
    let known = told::ToldWhenAsked::new("/nonexistent".into(), Config::default().into());
    let answering = Answering {
        pdp,
        known: &known,
        episodes: None,
        remember_minutes: RefusalTerms::default().remember_minutes,
        keeper: None,
    };
    let call = question::Question::here(None, Vec::new()).call(said(command, dialect), now());
    let call = Call { enclosed: Mark::here().is_some(), ..call };
    let facts = match answering.explained(&call) {
        Ok(explained) => facts(&explained),
        Err(reason) => json!({
            "verdict": "deny", "operations": [], "obligations": [],
            "reasons": [{"code": reason.code.as_str(), "text": reason.text}],
        }),
    };
    let passes = facts.get("verdict").and_then(Value::as_str) == Some("allow");
    let shown = if as_json { format!("{facts}\n") } else { shown(&facts) };
    io::stdout().lock().write_all(shown.as_bytes()).map_err(CommandError::unable)?;
    Ok(if passes { Status::Done } else { Status::Wanting })
}

/// The command, as an agent would say it to its hook.
fn said(text: String, dialect: Dialect) -> Heard {
    let act = Act::Shell { dialect, text, directory: None };
    Heard {
        agent: Agent::Claude,
        moment: Moment::Before,
        event: "explain".to_owned(),
        session: "explain".to_owned(),
        directory: None,
        roots: Vec::new(),
        asks_nobody: false,
        calls: vec![ToolCall { tool: "shell".to_owned(), acts: vec![act] }],
        call_id: None,
        outcome: Outcome::Done,
    }
}

fn facts(explained: &Explained) -> Value {
    let (verdict, obligations) = match &explained.decision {
        Decision::Allow { obligations } => ("allow", Some(obligations)),
        Decision::Hold { obligations, .. } => ("hold", Some(obligations)),
        Decision::Deny { .. } => ("deny", None),
    };
    let operation = |Judgement { operation, facts, .. }: &Judgement| {
        json!({
            "operation": operation.name, "effect": operation.effect.as_str(),
            "resource": operation.resource.id, "environment": facts.environment,
            "known": operation.known,
            "reversible": !matches!(operation.reversibility, Reversibility::None | Reversibility::Unknown),
        })
    };
    let reasons = explained.decision.reasons().iter();
    json!({
        "verdict": verdict,
        "operations": explained.judgements.iter().map(operation).collect::<Vec<_>>(),
        "obligations": obligations,
        "reasons": reasons.map(|it| json!({"code": it.code.as_str(), "text": it.text})).collect::<Vec<_>>(),
    })
}

/// The facts in words, for a terminal.
fn shown(facts: &Value) -> String {
    let list = |key: &str| facts.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is = |of: &Value, key: &str| of.get(key).and_then(Value::as_bool).unwrap_or_default();
    let verdict = match text(facts, "verdict").as_str() {
        "allow" => "It passes.",
        "hold" => "It is held: a human is asked.",
        _ => "It is refused.",
    };
    let mut shown = format!("{verdict}\n\nWhat it would do:\n");
    let mut operations = list("operations");
    operations.retain(|own| text(own, "operation") != "shell:read");
    if operations.is_empty() {
        shown += "  nothing that changes anything\n";
    }
    for own in &operations {
        let sure = if is(own, "known") { "known" } else { "a guess by its words" };
        let back = if is(own, "reversible") { "it can be taken back" } else { "no way back" };
        shown += &format!(
            "  {:<18} {} ({}; {sure}; {back}; {})\n",
            text(own, "effect"),
            text(own, "resource"),
            text(own, "environment"),
            text(own, "operation"),
        );
    }
    let obligations = list("obligations");
    if !obligations.is_empty() {
        let all: Vec<&str> = obligations.iter().filter_map(Value::as_str).collect();
        shown += &format!("\nWhat comes first: {}\n", all.join(", "));
    }
    for reason in list("reasons") {
        shown += &format!("\n{}: {}\n", text(&reason, "code"), text(&reason, "text"));
    }
    shown
}
