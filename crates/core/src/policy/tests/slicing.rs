//! The quick decision against the plain one: no slices, no caches, nothing left out, and every
//! context and entity made from JSON and held against the schema.

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, EntityUid, PolicySet,
    Request as CedarRequest, Schema,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::{Changes, Credential, Facts, Ground, Request, Verdict, request};
use crate::{
    identity::{Ring, Task},
    obligation::Obligations,
    operation::{Effect, Environment, Place, Resource, ResourceId, Reversibility},
    policy::{Delays, Pdp, PolicySource, lattice::Lattice, load},
};

const AGENTS: [&str; 3] = ["fixer", "other", "third"];
const RESOURCES: [&str; 4] =
    ["railway:volume/v1", "railway:project/p1", "railway:project/p2", "github:repo/r"];

fn uid(of: &str, id: &str) -> EntityUid {
    format!("{of}::{id:?}").parse().unwrap()
}

fn context_json(request: &Request, obligations: Obligations) -> serde_json::Value {
    let (operation, facts) = (&request.operation, &request.facts);
    let reversibility = operation.reversibility.to_string();
    json!({
        "operation": operation.name,
        "known": operation.known,
        "reversibility": reversibility.split(':').next(),
        "reveals_secrets": operation.reveals_secrets,
        "on_this_machine": operation.place == Place::ThisMachine,
        "task_environment": request.principal.task.environment.map_or("any", |one| one.as_str()),
        "credential": facts.credential,
        "ground": facts.ground,
        "host_listed": facts.host_listed,
        "host_preset": facts.host_preset,
        "learned": facts.learned,
        "measured": facts.changes.is_some(),
        "rows_inserted": facts.changes.as_ref().map_or(0, |it| it.rows_inserted),
        "rows_updated": facts.changes.as_ref().map_or(0, |it| it.rows_updated),
        "rows_deleted": facts.changes.as_ref().map_or(0, |it| it.rows_deleted),
        "tables": facts.changes.as_ref().map_or_else(Vec::new, |it| it.tables.clone()),
        "ring": request.principal.task.ring.number(),
        "made_by_run": facts.made_by_run,
        "enclosed": facts.enclosed,
        "credentials_in_reach": facts.credentials_in_reach,
        "refused_before": facts.refused_before,
        "tampers": facts.tampers,
        "killed": request.principal.killed,
        "approvals": obligations.approvals,
        "assurance": 0,
        "snapshot": obligations.snapshot,
        "delay_seconds": obligations.delay_seconds,
    })
}

/// The entities of a request, strictly valid, with everything that the resource lies in.
fn entities(request: &Request, schema: &Schema) -> Entities {
    let resource = &request.operation.resource;
    let entity = |id: &str, environment: &str, provider: &str, parents: Vec<&str>| {
        let parents: Vec<_> =
            parents.iter().map(|id| json!({"type": "Resource", "id": id})).collect();
        json!({
            "uid": {"type": "Resource", "id": id},
            "attrs": {"environment": environment, "provider": provider},
            "parents": parents,
        })
    };
    let within: Vec<&str> = resource.within.iter().map(ResourceId::as_str).collect();
    let mut all: Vec<_> = within.iter().map(|id| entity(id, "unknown", "", Vec::new())).collect();
    let environment = request.facts.environment.as_str();
    all.push(entity(resource.id.as_str(), environment, request.operation.provider(), within));
    all.push(json!({"uid": {"type": "Agent", "id": request.principal.agent}, "attrs": {}, "parents": []}));
    Entities::from_json_value(json!(all), Some(schema)).unwrap()
}

/// The architecture, word by word.
struct Plain {
    schema: Schema,
    policies: PolicySet,
    lattice: Lattice,
}

impl Plain {
    fn load(sources: &[PolicySource]) -> Self {
        let rules = load::rules(sources, &Delays::default(), load::Validated::Now).unwrap();
        let lattice = Lattice::of(rules.iter().map(|rule| &rule.ways));
        let policies = rules.iter().map(|rule| rule.policy.clone());
        let policies = PolicySet::from_policies(policies).unwrap();
        Self { schema: load::schema().unwrap(), policies, lattice }
    }

    fn allows(&self, request: &Request, entities: &Entities, obligations: Obligations) -> bool {
        let schema = &self.schema;
        let action = uid("Action", request.operation.effect.as_str());
        let json = context_json(request, obligations);
        let context = Context::from_json_value(json, Some((schema, &action))).unwrap();
        let principal = uid("Agent", &request.principal.agent);
        let resource = uid("Resource", request.operation.resource.id.as_str());
        let asked = CedarRequest::new(principal, action, resource, context, Some(schema)).unwrap();
        let response = Authorizer::new().is_authorized(&asked, &self.policies, entities);
        assert_eq!(response.diagnostics().errors().count(), 0);
        response.decision() == CedarDecision::Allow
    }

    /// Verdict, obligations, and whether only what nobody here can do would release it.
    fn decide(&self, request: &Request) -> (Verdict, Obligations, bool) {
        let entities = entities(request, &self.schema);
        let allows = |candidate: &Obligations| self.allows(request, &entities, *candidate);
        let (can, cannot): (Vec<_>, Vec<_>) =
            self.lattice.candidates().iter().copied().partition(|candidate| {
                (!candidate.snapshot || request.facts.can_snapshot)
                    && (candidate.delay_seconds == 0 || request.facts.can_delay)
            });
        match can.into_iter().find(allows) {
            Some(obligations) if obligations.holds() => (Verdict::Hold, obligations, false),
            Some(obligations) => (Verdict::Allow, obligations, false),
            None => (Verdict::Deny, Obligations::NONE, cannot.iter().any(allows)),
        }
    }
}

fn agent() -> impl Strategy<Value = &'static str> {
    select(&AGENTS[..])
}

fn resource() -> impl Strategy<Value = &'static str> {
    select(&RESOURCES[..])
}

fn effect() -> impl Strategy<Value = Effect> {
    select(&Effect::ALL[..])
}

fn scope(var: &'static str, of: &'static str, id: &str) -> impl Strategy<Value = String> + use<> {
    let named = format!("{of}::{id:?}");
    prop_oneof![
        4 => Just(var.to_owned()),
        1 => Just(format!("{var} is {of}")),
        2 => Just(format!("{var} == {named}")),
        2 => Just(format!("{var} in {named}")),
        1 => Just(format!("{var} is {of} in {named}")),
    ]
}

fn action_scope() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("action".to_owned()),
        3 => effect().prop_map(|effect| format!("action == Action::\"{effect}\"")),
        2 => vec(effect(), 1..4).prop_map(|effects| {
            let actions: Vec<_> =
                effects.iter().map(|effect| format!("Action::\"{effect}\"")).collect();
            format!("action in [{}]", actions.join(", "))
        }),
    ]
}

const FORBID_CLAUSES: [&str; 13] = [
    "",
    "when { context.known }",
    "when { resource.environment == \"production\" } unless { context.snapshot }",
    "when { resource.provider == \"railway\" } unless { context.approvals >= 1 }",
    "unless { context.approvals >= 2 }",
    "unless { context.snapshot || context.approvals >= 1 }",
    "unless { context.snapshot && context.delay_seconds >= 172800 }",
    "unless { context.delay_seconds >= 172800 }",
    "unless { context.approvals >= 1 && (context.snapshot || context.delay_seconds >= 172800) }",
    "unless { context.host_listed }",
    "when { !context.snapshot && context.made_by_run }",
    "when { context.ground == \"outside\" } unless { context.approvals >= 1 }",
    "when { if context.enclosed then context.approvals < 1 else !context.snapshot }",
];

const PERMIT_CLAUSES: [&str; 5] = [
    "",
    "when { resource.environment != \"unknown\" }",
    "when { context.snapshot }",
    "when { context.approvals >= 1 && context.known }",
    "unless { context.tampers }",
];

fn policy() -> impl Strategy<Value = String> {
    let scopes = (agent(), resource()).prop_flat_map(|(agent, resource)| {
        (
            scope("principal", "Agent", agent),
            action_scope(),
            scope("resource", "Resource", resource),
        )
    });
    let body = prop_oneof![
        select(&FORBID_CLAUSES[..]).prop_map(|clauses| ("forbid", clauses)),
        select(&PERMIT_CLAUSES[..]).prop_map(|clauses| ("permit", clauses)),
    ];
    (scopes, body).prop_map(|((principal, action, resource), (effect, clauses))| {
        format!("{effect} ({principal}, {action}, {resource}) {clauses};\n")
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let environment = select(&Environment::ALL[..]);
    let credential = {
        use Credential::{Foreign, Granted, Issued};
        select(&[Granted, Issued, Credential::None, Foreign][..])
    };
    let ground = {
        use Ground::{None, Outside, Rebuildable, Root, System, Workspace};
        select(&[None, Rebuildable, Workspace, Root, Outside, System][..])
    };
    let flags = any::<[bool; 9]>();
    (environment, credential, ground, flags).prop_map(|(environment, credential, ground, flags)| {
        let [made_by_run, enclosed, credentials_in_reach, refused_before, tampers, ..] = flags;
        Facts {
            environment,
            credential,
            host_listed: true,
            host_preset: flags[7],
            learned: flags[8],
            made_by_run,
            enclosed,
            credentials_in_reach,
            refused_before,
            tampers: tampers && made_by_run,
            ground,
            changes: flags[4].then(|| Changes {
                rows_deleted: 99,
                tables: vec!["public.orders".to_owned()],
                ..Changes::default()
            }),
            can_snapshot: flags[5],
            can_delay: flags[6],
        }
    })
}

pub(super) fn any_request() -> impl Strategy<Value = Request> {
    let within = vec(resource(), 0..3);
    let task = prop_oneof![Just(None), select(&Environment::ALL[..]).prop_map(Some),];
    let operation = (effect(), any::<[bool; 4]>());
    (agent(), resource(), within, facts(), task, operation).prop_map(
        |(agent, resource, within, facts, environment, (effect, flags))| {
            let mut request = request(effect, facts.environment);
            request.principal.agent = agent.to_owned();
            let ring = if flags[0] == flags[3] { Ring::Untrusted } else { Ring::default() };
            request.principal.task = Task { environment, ring, ..Task::default() };
            let within: std::collections::BTreeSet<_> =
                within.into_iter().filter(|id| *id != resource).map(ResourceId::new).collect();
            let within = within.into_iter().collect();
            request.operation.resource = Resource { id: ResourceId::new(resource), within };
            request.operation.known = flags[0];
            request.operation.reveals_secrets = flags[1];
            request.operation.place = if flags[2] { Place::ThisMachine } else { Place::Elsewhere };
            if flags[3] {
                request.operation.reversibility = Reversibility::Inverse;
            }
            request.facts = facts;
            request
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn quick_and_plain_decisions_are_the_same(
        policies in vec(policy(), 1..12),
        with_starter: bool,
        requests in vec(any_request(), 1..8),
    ) {
        let mut sources = vec![PolicySource::new("some.cedar", policies.concat())];
        if with_starter {
            sources.push(PolicySource::starter());
        }
        let (pdp, plain) = (Pdp::load(&sources).unwrap(), Plain::load(&sources));
        // Twice: the second time from the caches.
        let expected: Vec<_> = requests.iter().map(|request| plain.decide(request)).collect();
        for (request, expected) in requests.iter().zip(&expected).cycle().take(2 * expected.len()) {
            let (verdict, obligations, only_elsewhere) = *expected;
            let decision = pdp.decide(request);
            prop_assert_eq!(decision.verdict(), verdict, "{:?}", decision);
            prop_assert_eq!(decision.obligations(), obligations);
            let code = decision.reasons().first().map(|reason| reason.code.as_str());
            prop_assert_eq!(code == Some("no_way_back"), only_elsewhere, "{:?}", decision);
        }
    }

    #[test]
    fn doing_more_never_turns_a_yes_into_a_no(
        policies in vec(policy(), 1..12),
        request in any_request(),
    ) {
        let plain = Plain::load(&[PolicySource::new("some.cedar", policies.concat())]);
        let entities = entities(&request, &plain.schema);
        let candidates = plain.lattice.candidates();
        let allowed: Vec<_> = candidates
            .iter()
            .filter(|candidate| plain.allows(&request, &entities, **candidate))
            .collect();
        for less in &allowed {
            for more in candidates.iter().filter(|more| more.union(**less) == **more) {
                prop_assert!(allowed.contains(&more), "{less:?} but not {more:?}");
            }
        }
    }
}
