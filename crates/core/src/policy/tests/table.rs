//! Every cell of the table "What the starter policies do", against an expectation that is
//! written out here and knows nothing of Cedar.

use super::{Ground, Request, request, starter, told};
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

/// What is written beneath the table about the files of this machine.
fn ground(request: &Request) -> Option<(&'static str, Need)> {
    let effect = request.operation.effect;
    if effect == Effect::Observe {
        return None;
    }
    match request.facts.ground {
        Ground::None | Ground::Rebuildable => None,
        Ground::Workspace if effect == Effect::Modify => {
            Some(("needs_approval", |met| met.snapshot || met.approval))
        }
        Ground::Workspace => None,
        Ground::Root if request.facts.enclosed => {
            Some(("needs_approval", |met| met.snapshot || met.approval))
        }
        Ground::Root => Some(("needs_approval", |met| met.approval)),
        Ground::Outside => Some(("outside_task", |met| met.approval)),
        Ground::System => Some(("outside_task", |_| false)),
    }
}

/// What can be done first.
#[derive(Debug, Clone, Copy)]
struct Met {
    snapshot: bool,
    delay: bool,
    approval: bool,
}

/// Whether what is done first is enough.
type Need = fn(Met) -> bool;

/// Every set of what can be done first, the lightest first.
const MET: [Met; 6] = {
    const fn met(snapshot: bool, delay: bool, approval: bool) -> Met {
        Met { snapshot, delay, approval }
    }
    [
        met(false, false, false),
        met(true, false, false),
        met(false, true, false),
        met(false, false, true),
        met(true, false, true),
        met(false, true, true),
    ]
};

/// What a cell asks for, by the code that it is refused with.
fn needs(request: &Request) -> Option<(&'static str, Need)> {
    let rebuilt = request.facts.ground == Ground::Rebuildable;
    match cell(request) {
        Cell::Pass => None,
        Cell::Deny => Some(("wrong_environment", |_| false)),
        Cell::Hold(code) => Some((code, |met| met.approval)),
        Cell::SnapshotElseHold if rebuilt && request.operation.effect != Effect::Modify => None,
        Cell::SnapshotElseHold => Some(("needs_approval", |met| met.snapshot || met.approval)),
        Cell::ApprovalAndWayBack => {
            Some(("needs_approval", |met| met.approval && (met.snapshot || met.delay)))
        }
    }
}

fn expect(request: &Request) -> String {
    let facts = &request.facts;
    // The policies about environments stand before those about files, and these before the rest.
    let (of_cell, of_files) = (needs(request), ground(request));
    let denied = |(code, need): &(&'static str, Need)| {
        (!MET.iter().any(|met| need(*met))).then(|| format!("deny {code}"))
    };
    let of_denial = of_cell.iter().chain(&of_files).find_map(denied);
    if let Some(denial) = of_denial {
        return denial;
    }
    let mut asked: Vec<(&str, Need)> = of_files.into_iter().chain(of_cell).collect();
    // What asks a human for the plainest reason is told last.
    asked.sort_by_key(|(code, _)| *code == "needs_approval");
    let offered = MET
        .iter()
        .filter(|met| (facts.can_snapshot || !met.snapshot) && (facts.can_delay || !met.delay));
    let Some(met) = offered.clone().find(|met| asked.iter().all(|(_, need)| need(**met))) else {
        return "deny no_way_back".to_owned();
    };
    let done =
        [(met.snapshot, "snapshot"), (met.approval, "approval:1"), (met.delay, "delay:172800")];
    let done = done.into_iter().filter_map(|(is_met, word)| is_met.then_some(word));
    let waits = met.approval || met.delay;
    let verdict = if waits { "hold" } else { "allow" };
    let code = asked.first().map(|(code, _)| *code).filter(|_| waits);
    std::iter::once(verdict).chain(done).chain(code).collect::<Vec<_>>().join(" ")
}

const GROUNDS: [Ground; 6] = [
    Ground::None,
    Ground::Rebuildable,
    Ground::Workspace,
    Ground::Root,
    Ground::Outside,
    Ground::System,
];

const TASKS: [Option<Environment>; 7] = [
    None,
    Some(Environment::None),
    Some(Environment::Local),
    Some(Environment::Development),
    Some(Environment::Staging),
    Some(Environment::Unknown),
    Some(Environment::Production),
];

/// Every task where no file is concerned; with each kind of file, one that is about everything and
/// one that is not.
fn tasks_and_grounds() -> impl Iterator<Item = (Option<Environment>, Ground)> {
    let every = TASKS.into_iter().map(|task| (task, Ground::None));
    let on_files = GROUNDS.into_iter().filter(|ground| *ground != Ground::None);
    let two = [None, Some(Environment::Staging)];
    every.chain(on_files.flat_map(move |ground| two.map(|task| (task, ground))))
}

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
            for (task, ground) in tasks_and_grounds() {
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
                    request.facts.ground = ground;
                    let (decision, evaluations) = pdp.decide_counted(&request);
                    assert_eq!(told(&decision), expect(&request), "{request:?}");
                    assert!(evaluations <= 6, "{evaluations} evaluations for {request:?}");
                    seen.insert((effect, ground, told(&decision)));
                }
            }
        }
    }
    // 10 effects with between one and six different answers each: the walk saw the whole table.
    let of_table = seen.iter().filter(|(_, ground, _)| *ground == Ground::None).count();
    assert_eq!((of_table, seen.len()), (34, 177), "{seen:#?}");
}

#[test]
fn code_on_this_machine_is_as_dangerous_as_what_it_can_reach() {
    let pdp = starter();
    for environment in Environment::ALL {
        for ([enclosed, in_reach, here], ground) in
            bits().flat_map(|bits| GROUNDS.map(|on| (bits, on)))
        {
            let mut request = request(Effect::Execute, environment);
            request.facts.ground = ground;
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
