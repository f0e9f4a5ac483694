//! How long a decision takes: a table in thread CPU time, then criterion's own numbers.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be made should stop"
)]

use std::hint::black_box;

use criterion::Criterion;
use holdpoint_core::{
    Effect, Environment, Operation, ResourceId, Reversibility,
    identity::{Principal, Task},
    operation::Place,
    policy::{Credential, Decision, Facts, Ground, Pdp, PolicySource, Request},
};
use nix::time::{ClockId, clock_gettime};

const SAMPLES: usize = 20_000;

/// What is measured: a name, how many policies, and a request that has this verdict.
struct Case {
    name: &'static str,
    policies: usize,
    effect: Effect,
    environment: Environment,
    credential: Credential,
    /// Every operation and resource is a new one, so that no cache helps.
    fresh: bool,
}

const CASES: [Case; 7] = [
    Case {
        name: "allow",
        policies: 100,
        effect: Effect::Observe,
        environment: Environment::Staging,
        credential: Credential::Granted,
        fresh: false,
    },
    Case {
        name: "allow a change",
        policies: 100,
        effect: Effect::Create,
        environment: Environment::Staging,
        credential: Credential::Granted,
        fresh: false,
    },
    Case {
        name: "allow",
        policies: 1000,
        effect: Effect::Observe,
        environment: Environment::Staging,
        credential: Credential::Granted,
        fresh: false,
    },
    Case {
        name: "allow, nothing cached",
        policies: 100,
        effect: Effect::Observe,
        environment: Environment::Staging,
        credential: Credential::Granted,
        fresh: true,
    },
    Case {
        name: "allow with a snapshot",
        policies: 100,
        effect: Effect::Destroy,
        environment: Environment::Staging,
        credential: Credential::Granted,
        fresh: false,
    },
    Case {
        name: "hold",
        policies: 100,
        effect: Effect::Destroy,
        environment: Environment::Production,
        credential: Credential::Granted,
        fresh: false,
    },
    Case {
        name: "deny",
        policies: 100,
        effect: Effect::Destroy,
        environment: Environment::Production,
        credential: Credential::Foreign,
        fresh: false,
    },
];

/// The starter policies and as many others, about single resources and agents, as make `count`.
fn pdp(count: usize) -> Pdp {
    let starter = PolicySource::starter();
    let starters = starter.text.matches("@id").count();
    let others = (starters..count).map(|n| {
        let (effect, scope) = (Effect::ALL[n % 10], n / 10);
        match n % 3 {
            0 => format!(
                "forbid (principal == Agent::\"other-{scope}\", action == Action::\"{effect}\", \
                 resource) unless {{ context.approvals >= 1 }};\n"
            ),
            1 => format!(
                "forbid (principal, action == Action::\"{effect}\", \
                 resource in Resource::\"railway:project/{scope}\") \
                 when {{ context.operation like \"railway:*Delete\" }} \
                 unless {{ context.approvals >= 2 }};\n"
            ),
            _ => format!(
                "permit (principal, action == Action::\"{effect}\", \
                 resource == Resource::\"github:repo/{scope}\") when {{ context.known }};\n"
            ),
        }
    });
    let others = PolicySource::new("others.cedar", others.collect::<String>());
    Pdp::load(&[starter, others]).expect("the policies load")
}

/// A request, made afresh like the gateway does.
fn request(case: &Case, n: usize) -> Request {
    let names = ["railway:variables", "railway:volume", "railway:service", "railway:project"];
    let name = if case.fresh { format!("railway:field{n}") } else { names[n % 4].to_owned() };
    let number = if case.fresh { n } else { n % 64 };
    let resource = holdpoint_core::Resource {
        id: ResourceId::of("railway", "volume", &number.to_string()),
        within: vec![ResourceId::of("railway", "environment", "7f1c")],
    };
    let mut operation = Operation::known(name, case.effect, resource, Reversibility::None);
    operation.place = Place::Elsewhere;
    Request {
        principal: Principal {
            agent: "domain-fixer".to_owned(),
            run: "run-1".to_owned(),
            task: Task::default(),
            killed: false,
            did: None,
        },
        operation,
        facts: Facts {
            environment: case.environment,
            credential: case.credential,
            host_listed: true,
            host_preset: false,
            learned: false,
            made_by_run: false,
            enclosed: true,
            credentials_in_reach: false,
            refused_before: false,
            tampers: false,
            ground: Ground::None,
            changes: None,
            can_snapshot: true,
            can_delay: true,
        },
    }
}

fn decide(pdp: &Pdp, case: &Case, n: usize) -> Decision {
    pdp.decide(black_box(&request(case, n)))
}

/// Thread CPU time in nanoseconds: what other processes do does not count.
fn cpu_nanoseconds() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the clock runs");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// Microseconds that a share of all decisions stays under: p50 and p99.
fn percentiles(mut measured: impl FnMut(usize)) -> (f64, f64) {
    for n in 0..1000 {
        measured(n);
    }
    let mut samples: Vec<i64> = (0..SAMPLES)
        .map(|n| {
            let start = cpu_nanoseconds();
            measured(n);
            cpu_nanoseconds() - start
        })
        .collect();
    samples.sort_unstable();
    let at = |share: usize| samples[SAMPLES * share / 100] as f64 / 1000.0;
    (at(50), at(99))
}

fn main() {
    let sets = [pdp(100), pdp(1000)];
    let of = |case: &Case| &sets[usize::from(case.policies == 1000)];
    println!("{:24} {:>8} {:>10} {:>10}   verdict", "case", "policies", "p50 in us", "p99 in us");
    let (p50, p99) = percentiles(|n| {
        black_box(request(&CASES[0], n));
    });
    println!("{:24} {:>8} {p50:>10.1} {p99:>10.1}", "making the request", "-");
    for case in &CASES {
        let (p50, p99) = percentiles(|n| {
            black_box(decide(of(case), case, n));
        });
        let verdict = decide(of(case), case, 0).verdict();
        println!("{:24} {:>8} {p50:>10.1} {p99:>10.1}   {verdict:?}", case.name, case.policies);
    }
    let mut criterion = Criterion::default().configure_from_args();
    for case in &CASES {
        let mut n = 0;
        criterion.bench_function(&format!("{} of {}", case.name, case.policies), |bencher| {
            bencher.iter(|| {
                n += 1;
                decide(of(case), case, n)
            });
        });
    }
    criterion.final_summary();
}
