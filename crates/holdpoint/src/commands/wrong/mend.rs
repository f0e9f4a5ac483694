//! What would settle a decision: settings and rules, each of which was tried on its record before it
//! is named.

use std::collections::BTreeSet;

use holdpoint_core::{
    Environment,
    ledger::{Circumstances, Meaning},
    policy::{Credential, Mode, Modes, Pdp, PolicySource, Request, Verdict},
};
use holdpoint_enforce::explain::replay;
use holdpoint_store::inventory;
use serde::Serialize;

use super::{
    super::{
        Here,
        policy::sources,
        suggest::{authority, misleads},
    },
    Found,
};
use crate::{
    quoted::{cedar, shell, toml},
    status::CommandError,
};

/// Commands, or lines of one setting, at most: more is no narrow change.
const LINES_MAX: usize = 5;

/// One change that settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mend {
    /// When it is right, or where it goes.
    pub(super) place: &'static str,
    /// The commands, the setting or the policy, to be pasted.
    pub(super) text: String,
}

/// What would make of `found` what it should have been.
pub(super) fn mends(
    id: &str,
    found: &Found,
    should: Verdict,
    here: &Here,
) -> Result<Vec<Mend>, CommandError> {
    let sources = sources(&here.config.policies)?;
    let mend = Mending { found, sources };
    if found.decided.operations.iter().any(misleads) {
        return Ok(Vec::new());
    }
    if should != Verdict::Allow {
        return Ok(mend.rule(id, should).into_iter().collect());
    }
    let pdp = Pdp::load(&mend.sources).map_err(CommandError::usage)?;
    let facts = [mend.credential(&pdp), mend.host(&pdp), mend.environment(&pdp)];
    Ok(facts.into_iter().flatten().chain(mend.mode(&pdp)).collect())
}

/// A record, and the policies that it is tried with.
struct Mending<'a> {
    found: &'a Found,
    sources: Vec<PolicySource>,
}

impl Mending<'_> {
    fn verdict(&self, pdp: &Pdp, change: impl Fn(&mut Request)) -> Option<Verdict> {
        let judged = replay(pdp, &self.found.by, &self.found.decided, change)?;
        Some(judged.decision().verdict())
    }

    fn passes(&self, pdp: &Pdp, change: impl Fn(&mut Request)) -> bool {
        self.verdict(pdp, change) == Some(Verdict::Allow)
    }

    fn known(&self) -> impl Iterator<Item = (&Meaning, &Circumstances)> {
        self.found.decided.operations.iter().zip(&self.found.decided.circumstances)
    }

    /// Environments that somebody may mean: that of the task first.
    fn environments(&self) -> impl Iterator<Item = Environment> + use<> {
        let told = self.found.by.task.environment;
        let others = [Environment::Staging, Environment::Development];
        told.into_iter().chain(others.into_iter().filter(move |it| Some(*it) != told))
    }

    /// A credential that is bound to what it was used for.
    fn credential(&self, pdp: &Pdp) -> Option<Mend> {
        let wanting = |it: Credential| {
            !matches!(it, Credential::None | Credential::Granted | Credential::Issued)
        };
        let (meaning, known) = self.known().find(|(_, known)| wanting(known.facts.credential))?;
        let granted = |request: &mut Request| {
            if wanting(request.facts.credential) {
                request.facts.credential = Credential::Granted;
            }
        };
        let host = authority(&meaning.resource).map_or("HOST", |(host, _)| host);
        let bound = format!("--host {} --purpose {}", shell(host), shell(&meaning.operation));
        let (place, verb) = match known.facts.credential {
            Credential::Foreign => ("if this task may use such a credential", "add"),
            _ => ("if that secret is for this (say its other hosts and purposes again)", "bind"),
        };
        self.passes(pdp, granted)
            .then(|| Mend { place, text: format!("holdpoint secrets {verb} NAME {bound}") })
    }

    /// A host that nobody has listed.
    fn host(&self, pdp: &Pdp) -> Option<Mend> {
        let unlisted = self.known().filter(|(_, known)| !known.facts.host_listed);
        let hosts: BTreeSet<_> = unlisted.filter_map(|(it, _)| authority(&it.resource)).collect();
        // A name that begins like this is no host, and would be read as a flag.
        if hosts.is_empty()
            || hosts.len() > LINES_MAX
            || hosts.iter().any(|it| it.0.starts_with('-'))
        {
            return None;
        }
        let listed = |place: Option<Environment>| {
            move |request: &mut Request| {
                if !request.facts.host_listed {
                    request.facts.host_listed = true;
                    request.facts.environment = place.unwrap_or(request.facts.environment);
                }
            }
        };
        let mut places = std::iter::once(None).chain(self.environments().map(Some));
        let place = places.find(|place| self.passes(pdp, listed(*place)))?;
        let there = place.map_or_else(String::new, |it| format!(" --environment {it}"));
        let command = |(host, port): &(&str, Option<u16>)| {
            let port = port.map_or_else(String::new, |port| format!(" --port {port}"));
            format!("holdpoint hosts add {}{port}{there}", shell(host))
        };
        let text = hosts.iter().map(command).collect::<Vec<_>>().join("\n");
        let place = match place {
            None => "if agents may read there",
            Some(_) => "if agents may talk to it, and that is where it lies",
        };
        Some(Mend { place, text })
    }

    /// Something that is in no production.
    fn environment(&self, pdp: &Pdp) -> Option<Mend> {
        let strict = |it: Environment| matches!(it, Environment::Production | Environment::Unknown);
        let there = self.known().filter(|(_, known)| strict(known.facts.environment));
        let resources: BTreeSet<_> = there.map(|(meaning, _)| &meaning.resource).collect();
        let placeable = resources.iter().all(|it| inventory::check_resource(it).is_ok());
        if resources.is_empty() || resources.len() > LINES_MAX || !placeable {
            return None;
        }
        let moved = |place: Environment| {
            move |request: &mut Request| {
                if strict(request.facts.environment) {
                    request.facts.environment = place;
                }
            }
        };
        let place = self.environments().find(|place| self.passes(pdp, moved(*place)))?;
        let command = |resource: &&_| {
            let resource: &holdpoint_core::ResourceId = resource;
            format!("holdpoint inventory add {} --environment {place}", shell(resource.as_str()))
        };
        let text = resources.iter().map(command).collect::<Vec<_>>().join("\n");
        Some(Mend { place: "if that is where it lies", text })
    }

    /// The rules that stopped it, for this operation on this resource alone.
    fn mode(&self, pdp: &Pdp) -> Option<Mend> {
        let judged = replay(pdp, &self.found.by, &self.found.decided, |_| ())?;
        let mut modes = Modes::default();
        for judgement in judged.judgements() {
            let (name, resource) = (&judgement.operation.name, &judgement.operation.resource.id);
            for reason in judgement.decision.reasons() {
                let rule = match reason.policy.as_str() {
                    "" => reason.code.as_str(),
                    policy => policy,
                };
                modes.rules.insert(format!("{rule} {name} {resource}"), Mode::Observe);
            }
        }
        let few = (1..=LINES_MAX).contains(&modes.rules.len());
        let lines = modes.rules.iter().map(|(rule, mode)| format!("\n{} = \"{mode}\"", toml(rule)));
        let text = format!("[modes]{}", lines.collect::<String>());
        let lax = Pdp::load(&self.sources).ok()?.in_modes(modes).ok()?;
        let place = "for this operation on this resource alone, in holdpoint.toml";
        (few && self.passes(&lax, |_| ())).then_some(Mend { place, text })
    }

    /// A rule that holds or refuses this operation on this resource alone.
    fn rule(&self, id: &str, should: Verdict) -> Option<Mend> {
        let meaning = self.found.decided.operations.iter().max_by_key(|meaning| meaning.effect)?;
        let unless = match should {
            Verdict::Deny => "",
            _ => "\nunless { context.approvals >= 1 }",
        };
        let text = format!(
            "@id({})\n@code(\"needs_approval\")\n@text(\"A human said that this was wrong to pass.\")\n\
             forbid (principal, action == Action::\"{}\", resource == Resource::{})\n\
             when {{ context.operation == {} }}{unless};",
            cedar(&format!("wrong.{id}")),
            meaning.effect,
            cedar(meaning.resource.as_str()),
            cedar(&meaning.operation),
        );
        let source = PolicySource { name: "wrong".to_owned(), text: text.clone() };
        let sources: Vec<_> = self.sources.iter().cloned().chain([source]).collect();
        let pdp = Pdp::load(&sources).ok()?;
        let place = "a rule for this operation on this resource alone, in a file that `policies` in \
                     holdpoint.toml names (`holdpoint policy try FILE` first)";
        (self.verdict(&pdp, |_| ())? == should).then_some(Mend { place, text })
    }
}
