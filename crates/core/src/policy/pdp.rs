//! The policy decision point: a request in, a decision with its obligations out.

use std::{collections::BTreeSet, sync::Arc};

use cedar_policy::EntityUid;

use super::{
    cache::Cache,
    context::{ContextCache, Contexts},
    decision::Decision,
    entities::{Located, Names, Resources},
    evaluate::Evaluation,
    lattice::Lattice,
    load::{self, Delays, LoadError, PolicySource, Rule, Validated},
    mode::Modes,
    reasons,
    request::{Facts, Request},
    slice::{Slice, Slices},
};
use crate::{
    authorized::{Judged, Judgement, Message},
    digest::Digest,
    identity::Principal,
    obligation::Obligations,
    reason::Code,
};

/// At most so many decisions are kept.
const MAX_DECISIONS: usize = 1024;

/// Decides requests by loaded policies. The same request always gets the same decision.
#[derive(Debug)]
pub struct Pdp {
    digest: Digest,
    names: Names,
    slices: Slices,
    lattice: Lattice,
    resources: Resources,
    contexts: ContextCache,
    decisions: Cache<Request, Decision>,
    /// The ids of all rules.
    ids: BTreeSet<String>,
    modes: Modes,
}

impl Pdp {
    /// Loads policies, which may ask for the default delays. Without
    /// [`PolicySource::starter`] among `sources` nothing is allowed but what they allow.
    pub fn load(sources: &[PolicySource]) -> Result<Self, LoadError> {
        Self::load_with(sources, &Delays::default())
    }

    /// Loads policies, which may ask for `delays`.
    pub fn load_with(sources: &[PolicySource], delays: &Delays) -> Result<Self, LoadError> {
        Self::assemble(sources, delays, Validated::Now)
    }

    /// Loads policies that were [loaded](Self::load) before under this `digest`, for a process
    /// that answers once and has no time to validate them anew; all others are validated.
    pub fn load_again(sources: &[PolicySource], digest: Digest) -> Result<Self, LoadError> {
        let validated = match load::digest(sources) == digest {
            true => Validated::Before,
            false => Validated::Now,
        };
        Self::assemble(sources, &Delays::default(), validated)
    }

    /// The starter policies alone, which were validated when this was built.
    pub fn starter() -> Result<Self, LoadError> {
        Self::assemble(&[PolicySource::starter()], &Delays::default(), Validated::Before)
    }

    fn assemble(
        sources: &[PolicySource],
        delays: &Delays,
        validated: Validated,
    ) -> Result<Self, LoadError> {
        let rules = load::rules(sources, delays, validated)?;
        let lattice = Lattice::of(rules.iter().map(|rule| &rule.ways));
        let names = load::names()?;
        let ids = rules.iter().map(|rule| rule.id().to_string()).collect();
        Ok(Self {
            digest: load::digest(sources),
            slices: Slices::of(rules, &names),
            names,
            contexts: ContextCache::new(&lattice),
            lattice,
            decisions: Cache::new(MAX_DECISIONS),
            resources: Resources::new(),
            ids,
            modes: Modes::default(),
        })
    }

    /// The same, in these modes. Fails with a name that is neither a rule's nor a reason's, as a
    /// typo must not leave a rule in another mode than was meant.
    pub fn in_modes(self, modes: Modes) -> Result<Self, String> {
        let unknown = |key: &&String| {
            let rule = key.split(' ').next().unwrap_or_default();
            !self.ids.contains(rule) && rule.parse::<Code>().is_err()
        };
        match modes.rules.keys().find(unknown) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Self { modes, ..self }),
        }
    }

    /// Whether what is judged to be a "no" is one.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// The digest of the schema and of every source in order. An approval is for these policies
    /// and no others.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Decides one request. The same is asked again and again: what was decided is remembered.
    pub fn decide(&self, request: &Request) -> Decision {
        let decide = || self.decide_counted(request).0;
        match request.facts.changes {
            // What was counted is seldom counted again.
            Some(_) => decide(),
            None => self.decisions.get_or_make(request, decide),
        }
    }

    /// Judges a message by all that it would do: the strictest operation decides. A message
    /// that does nothing that we know of is refused.
    pub fn judge<M: Message>(&self, message: M, requests: Vec<Request>) -> Judged<M> {
        let judge = |request: Request| {
            let decision = self.decide(&request);
            Judgement { operation: request.operation, facts: request.facts, decision }
        };
        let judgements: Vec<Judgement> = requests.into_iter().map(judge).collect();
        let nothing = || (Decision::Deny { reasons: reasons::unparsed() }, None);
        let (decision, spared) = self.modes.spare(&judgements).unwrap_or_else(nothing);
        let digest = message.digest();
        Judged::new(message, digest, judgements, decision, self.digest).spared_by(spared)
    }

    /// Judges the same message once more, as what nobody here can save.
    pub fn judge_unsaved<M: Message>(&self, judged: Judged<M>, principal: &Principal) -> Judged<M> {
        let (message, judgements) = judged.into_parts();
        let request = |Judgement { operation, facts, .. }| {
            let facts = Facts { can_snapshot: false, ..facts };
            Request { principal: principal.clone(), operation, facts }
        };
        self.judge(message, judgements.into_iter().map(request).collect())
    }

    /// The decision, and how many evaluations it took.
    pub(super) fn decide_counted(&self, request: &Request) -> (Decision, usize) {
        let Some(mut question) = Question::of(self, request) else {
            let reasons = reasons::policy_error("the request cannot be put to Cedar");
            return (Decision::Deny { reasons }, 0);
        };
        let decision = question.decide(&request.facts).unwrap_or_else(|PolicyError(what)| {
            Decision::Deny { reasons: reasons::policy_error(&what) }
        });
        (decision, question.evaluations)
    }
}

/// One request, put to Cedar with one set of obligations after the other.
struct Question<'a> {
    pdp: &'a Pdp,
    slice: Arc<Slice>,
    principal: EntityUid,
    action: EntityUid,
    resource: Arc<Located>,
    contexts: Arc<Contexts>,
    evaluations: usize,
}

/// What Cedar says with one set of obligations met.
enum Answer {
    Allow,
    /// By these forbids, or by none if no permit applies.
    Deny(Vec<Arc<Rule>>),
}

/// A policy could not be evaluated.
struct PolicyError(String);

impl<'a> Question<'a> {
    fn of(pdp: &'a Pdp, request: &Request) -> Option<Self> {
        let Request { principal, operation, facts } = request;
        let principal = pdp.names.agent(&principal.agent);
        let action = pdp.names.action(operation.effect)?.clone();
        let resource = pdp.resources.located(&pdp.names, operation, facts.environment)?;
        let slice = pdp.slices.slice(operation.effect, &principal, &resource.uid, &resource.within);
        let contexts = pdp.contexts.contexts(request);
        Some(Self { pdp, slice, principal, action, resource, contexts, evaluations: 0 })
    }

    /// Asks with nothing done, then with one candidate after the other.
    fn decide(&mut self, facts: &Facts) -> Result<Decision, PolicyError> {
        let Answer::Deny(first) = self.ask(0, Obligations::NONE)? else {
            return Ok(Decision::ALLOW);
        };
        let lattice: Vec<(usize, Obligations)> =
            self.pdp.lattice.candidates().iter().copied().enumerate().skip(1).collect();
        let useful = |obligations: Obligations| self.could_release(&first, obligations);
        let candidates = lattice.into_iter().filter(|(_, candidate)| useful(*candidate));
        let (possible, impossible): (Vec<_>, Vec<_>) =
            candidates.partition(|(_, candidate)| fulfillable(*candidate, facts));
        let mut last = first.clone();
        for (index, obligations) in possible {
            match self.ask(index, obligations)? {
                Answer::Allow => return Ok(released(obligations, &first)),
                Answer::Deny(forbids) => last = forbids,
            }
        }
        for (index, obligations) in impossible {
            match self.ask(index, obligations)? {
                Answer::Allow => {
                    return Ok(Decision::Deny { reasons: reasons::no_way_back(&first) });
                }
                Answer::Deny(forbids) => last = forbids,
            }
        }
        Ok(Decision::Deny { reasons: reasons::reasons(&unliftable(last)) })
    }

    /// Whether Cedar could answer otherwise once `obligations` are met. A policy that does not
    /// look at any of them says what it said before.
    fn could_release(&self, forbids: &[Arc<Rule>], obligations: Obligations) -> bool {
        if forbids.is_empty() {
            return self.slice.permits_touch.meets(obligations);
        }
        forbids.iter().all(|rule| rule.touches.meets(obligations))
    }

    fn ask(&mut self, index: usize, obligations: Obligations) -> Result<Answer, PolicyError> {
        self.evaluations += 1;
        let context = self.contexts.with(index, obligations);
        let context = context.ok_or_else(|| PolicyError("the context has no value".to_owned()))?;
        let (principal, action) = (self.principal.clone(), self.action.clone());
        let evaluation =
            Evaluation::new(principal, action, &self.resource, context).map_err(PolicyError)?;
        let (mut permitted, mut forbids) = (false, Vec::new());
        for rule in &self.slice.rules {
            // A forbid that looks at no obligation says what it said with nothing done.
            if index > 0 && rule.forbids && rule.touches.nothing() {
                continue;
            }
            // Cedar's authorizer leaves out what cannot be evaluated, a forbid too. We do not.
            match (evaluation.satisfies(rule).map_err(PolicyError)?, rule.forbids) {
                (true, true) => forbids.push(Arc::clone(rule)),
                (true, false) => permitted = true,
                (false, _) => {}
            }
        }
        if permitted && forbids.is_empty() {
            return Ok(Answer::Allow);
        }
        Ok(Answer::Deny(forbids))
    }
}

/// Whether somebody here can do what `obligations` ask for. A human can always be asked.
fn fulfillable(obligations: Obligations, facts: &Facts) -> bool {
    (!obligations.snapshot || facts.can_snapshot)
        && (obligations.delay_seconds == 0 || facts.can_delay)
}

fn released(obligations: Obligations, forbids: &[Arc<Rule>]) -> Decision {
    if obligations.holds() {
        return Decision::Hold { obligations, reasons: reasons::reasons(forbids) };
    }
    Decision::Allow { obligations }
}

/// Those of `forbids` that nothing lifts; all of them, if there is no such one.
fn unliftable(forbids: Vec<Arc<Rule>>) -> Vec<Arc<Rule>> {
    let hard: Vec<_> = forbids.iter().filter(|rule| rule.touches.nothing()).cloned().collect();
    if hard.is_empty() { forbids } else { hard }
}
