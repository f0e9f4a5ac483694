//! Every cell of the table "What the starter policies do", against an expectation that is
//! written out here and knows nothing of Cedar.

use super::{Request, request, starter, told};
use crate::operation::{Effect, Environment, Place, Reversibility};

/// The columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Local,
    Task,
    Nowhere,
    Production,
    Another,
}

fn column(request: &Request) -> Column {
    let task = request.principal.task.environment;
    let environment = request.facts.environment;
    match environment {
        Environment::Local => Column::Local,
        Environment::None => Column::Nowhere,
        Environment::Unknown => Column::Production,
        Environment::Development | Environment::Staging | Environment::Production
            if task.is_some_and(|task| task != environment) =>
        {
            Column::Another
        }
        Environment::Development | Environment::Staging => Column::Task,
        Environment::Production => Column::Production,
    }
}

/// What has to be there before an operation passes.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Pass,
    Deny,
    Hold(&'static str),
    SnapshotElseHold,
    ApprovalAndWayBack,
}

/// The table, row by row as it is written in the contract.
fn cell(request: &Request) -> Cell {
    use Cell::{ApprovalAndWayBack, Deny, Hold, Pass, SnapshotElseHold};
    use Column::{Another, Local, Nowhere, Production, Task};
    let operation = &request.operation;
    let asks = Hold("needs_approval");
    match (operation.effect, column(request)) {
        (Effect::Observe, _) if operation.reveals_secrets => Hold("secret_unmasked"),
        (Effect::Observe, _) => Pass,
        (_, Another) => Deny,

        (Effect::Create, Local | Task | Nowhere) => Pass,
        (Effect::Create, Production) if operation.known => Pass,
        (Effect::Create, Production) => asks,

        (Effect::Modify, Local | Task | Nowhere) => Pass,
        (Effect::Modify, Production)
            if operation.known && operation.reversibility == Reversibility::Inverse =>
        {
            SnapshotElseHold
        }
        (Effect::Modify, Production) => asks,

        (Effect::Remove | Effect::Destroy, Local | Task) => SnapshotElseHold,
        (Effect::Remove, Nowhere) if request.facts.made_by_run => Pass,
        (Effect::Remove | Effect::Destroy, Nowhere) | (Effect::Remove, Production) => asks,
        (Effect::Destroy, Production) => ApprovalAndWayBack,

        (Effect::WeakenRecovery, Local) => Pass,
        (Effect::WeakenRecovery, Task | Nowhere | Production) => Hold("recovery_path"),
        (Effect::GrantAccess | Effect::MintCredential | Effect::Spend, Local) => Pass,
        (Effect::GrantAccess | Effect::MintCredential | Effect::Spend, _) => asks,

        (Effect::Execute, Local) => match operation.place {
            Place::Elsewhere => Pass,
            Place::ThisMachine if request.facts.enclosed || !request.facts.credentials_in_reach => {
                Pass
            }
            Place::ThisMachine => Hold("opaque"),
        },
        (Effect::Execute, Task | Nowhere | Production) => Hold("opaque"),
    }
}

fn expect(request: &Request) -> String {
    let facts = &request.facts;
    match cell(request) {
        Cell::Pass => "allow".to_owned(),
        Cell::Deny => "deny wrong_environment".to_owned(),
        Cell::Hold(code) => format!("hold approval:1 {code}"),
        Cell::SnapshotElseHold if facts.can_snapshot => "allow snapshot".to_owned(),
        Cell::SnapshotElseHold => "hold approval:1 needs_approval".to_owned(),
        Cell::ApprovalAndWayBack if facts.can_snapshot => {
            "hold snapshot approval:1 needs_approval".to_owned()
        }
        Cell::ApprovalAndWayBack if facts.can_delay => {
            "hold approval:1 delay:172800 needs_approval".to_owned()
        }
        Cell::ApprovalAndWayBack => "deny no_way_back".to_owned(),
    }
}

const TASKS: [Option<Environment>; 7] = [
    None,
    Some(Environment::None),
    Some(Environment::Local),
    Some(Environment::Development),
    Some(Environment::Staging),
    Some(Environment::Unknown),
    Some(Environment::Production),
];

/// Every bit of a number as a flag.
fn bits<const N: usize>() -> impl Iterator<Item = [bool; N]> {
    (0..1_u32 << N).map(|number| std::array::from_fn(|bit| number & (1 << bit) != 0))
}

#[test]
fn every_cell_of_the_table() {
    let pdp = starter();
    let mut seen = std::collections::BTreeSet::new();
    for effect in Effect::ALL {
        for environment in Environment::ALL {
            for task in TASKS {
                for [snapshot, delay, known, inverse, made, reveals] in bits() {
                    let mut request = request(effect, environment);
                    request.principal.task.environment = task;
                    request.operation.known = known;
                    request.operation.reveals_secrets = reveals;
                    if inverse {
                        request.operation.reversibility = Reversibility::Inverse;
                    }
                    request.facts.can_snapshot = snapshot;
                    request.facts.can_delay = delay;
                    request.facts.made_by_run = made;
                    let (decision, evaluations) = pdp.decide_counted(&request);
                    assert_eq!(told(&decision), expect(&request), "{request:?}");
                    assert!(evaluations <= 6, "{evaluations} evaluations for {request:?}");
                    seen.insert((effect, told(&decision)));
                }
            }
        }
    }
    // 10 effects with between one and six different answers each: the walk saw the whole table.
    assert_eq!(seen.len(), 34, "{seen:#?}");
}

#[test]
fn code_on_this_machine_is_as_dangerous_as_what_it_can_reach() {
    let pdp = starter();
    for environment in Environment::ALL {
        for [enclosed, in_reach, here] in bits() {
            let mut request = request(Effect::Execute, environment);
            request.facts.enclosed = enclosed;
            request.facts.credentials_in_reach = in_reach;
            request.operation.place = if here { Place::ThisMachine } else { Place::Elsewhere };
            assert_eq!(told(&pdp.decide(&request)), expect(&request), "{request:?}");
        }
    }
}

#[test]
fn only_an_inverse_counts_as_one() {
    let pdp = starter();
    let reversibilities =
        [Reversibility::Window(86_400), Reversibility::None, Reversibility::Unknown];
    for reversibility in reversibilities {
        let mut request = request(Effect::Modify, Environment::Production);
        request.operation.reversibility = reversibility;
        assert_eq!(told(&pdp.decide(&request)), "hold approval:1 needs_approval");
    }
}
