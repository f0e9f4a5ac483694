//! Which uses of obligations are monotone, and that the others are refused.

use crate::policy::{Pdp, PolicySource};

fn load(policy: &str) -> Result<(), String> {
    Pdp::load(&[PolicySource::new("p.cedar", policy)]).map(|_| ()).map_err(|error| error.problem)
}

fn forbid(clauses: &str) -> String {
    format!("forbid (principal, action, resource) {clauses};")
}

fn permit(clauses: &str) -> String {
    format!("permit (principal, action, resource) {clauses};")
}

#[test]
fn what_only_helps_is_accepted() {
    for clauses in [
        "unless { context.snapshot }",
        "unless { context.approvals >= 1 }",
        "unless { context.approvals > 0 }",
        "unless { 1 <= context.approvals }",
        "unless { 0 < context.approvals }",
        "unless { !(context.approvals < 1) }",
        "unless { !(context.approvals <= 0) }",
        "unless { !(1 > context.approvals) }",
        "unless { context[\"approvals\"] >= 3 }",
        "unless { context.assurance >= 2 && context.approvals >= 1 }",
        "unless { context.delay_seconds >= 172800 || context.snapshot }",
        "unless { context.delay_seconds > 172799 }",
        "when { !context.snapshot }",
        "when { context.approvals < 2 && context.known }",
        "when { if context.known then context.approvals < 1 else !context.snapshot }",
        "when { context.operation like \"a:*\" } unless { context.known && context.snapshot }",
    ] {
        assert_eq!(load(&forbid(clauses)), Ok(()), "{clauses}");
    }
    for clauses in [
        "when { context.snapshot && context.approvals >= 1 }",
        "when { context.known } unless { context.killed }",
        "unless { !context.snapshot }",
        "unless { !context.known }",
    ] {
        assert_eq!(load(&permit(clauses)), Ok(()), "{clauses}");
    }
}

#[test]
fn what_counts_against_the_request_is_refused() {
    for policy in [
        forbid("when { context.snapshot }"),
        forbid("when { context.approvals >= 1 }"),
        forbid("unless { !context.snapshot }"),
        forbid("unless { context.approvals < 1 }"),
        forbid("unless { context.approvals <= 1 }"),
        forbid("unless { 3 > context.approvals }"),
        forbid("unless { !(context.approvals >= 1) }"),
        forbid("unless { if context.known then context.snapshot else !context.snapshot }"),
        permit("when { !context.snapshot }"),
        permit("unless { context.snapshot }"),
        permit("when { context.delay_seconds < 172800 }"),
    ] {
        let problem = load(&policy).expect_err(&policy);
        assert_eq!(problem, "an obligation that counts against the request", "{policy}");
    }
}

#[test]
fn every_other_use_is_refused() {
    let misused = "an obligation is used other than";
    for (clauses, words) in [
        ("unless { context.snapshot == true }", misused),
        ("unless { context.approvals == 1 }", misused),
        ("unless { context.approvals != 0 }", misused),
        ("unless { context.approvals >= context.assurance }", misused),
        ("unless { context.approvals + 1 >= 2 }", misused),
        ("unless { context.approvals * 2 >= 2 }", misused),
        ("unless { -context.approvals <= -1 }", misused),
        ("unless { [1, 2].contains(context.approvals) }", misused),
        ("unless { [context.snapshot].contains(true) }", misused),
        ("unless { {s: context.snapshot}.s }", misused),
        ("unless { (if context.snapshot then 1 else 0) >= 1 }", misused),
        ("unless { if context.snapshot then context.known else context.killed }", misused),
        ("unless { if context.approvals >= 1 then true else context.known }", misused),
        ("unless { (if context.known then context.approvals else 0) >= 1 }", misused),
        ("unless { context has snapshot }", "policy is impossible"),
        ("unless { context has operation && context.known }", "`context` is used as a whole"),
        ("unless { [context].contains(context) }", "`context` is used as a whole"),
        ("unless { {c: context}.c.snapshot }", "`context` is used as a whole"),
        ("unless { (if context.known then context else context).snapshot }", "as a whole"),
        ("unless { context.approvals >= 0 }", "less than 1"),
        ("unless { context.approvals > -1 }", "less than 1"),
        ("unless { context.approvals >= 4 }", "4 approvals are more than anybody can ask for"),
        ("unless { context.approvals > 9223372036854775807 }", "less than 1"),
        ("unless { context.delay_seconds >= 60 }", "a delay of 60 seconds"),
        ("unless { context.delay_seconds > 172800 }", "a delay of 172801 seconds"),
    ] {
        let problem = load(&forbid(clauses)).expect_err(clauses);
        assert!(problem.contains(words), "{clauses}: {problem}");
    }
}
