//! What a push does to each reference, by where the reference lies and whether it is protected.
//!
//! A branch that is not shown to go forward counts as forced: what it held may be lost. That is
//! also the case where it moves to commits that the server has and that never passed through us;
//! only the code host could tell, and it is not asked yet.

use holdpoint_catalog::hosts;
use holdpoint_core::{
    Effect::{self, Create, Destroy, Execute, GrantAccess, Modify, Observe, Remove},
    Operation, Resource, ResourceId, Reversibility,
};

use super::{
    ancestry::Ancestry,
    receive_pack::{Command, Push},
};
use crate::{World, http::message::Message};

/// The branches that are protected by habit, until somebody who knows says otherwise. What they
/// hold is deployed, published or built upon.
const BY_HABIT: &[&str] = &[
    "main",
    "master",
    "trunk",
    "default",
    "develop",
    "production",
    "prod",
    "release",
    "stable",
    "live",
    "gh-pages",
];
/// The same for everything below them.
const FAMILIES_BY_HABIT: &[&str] = &["release/", "releases/", "production/", "stable/"];

/// Push options that say how everyday work is labelled, reviewed or built.
/// Sources: the push options of GitLab, Gerrit and Forgejo.
const EVERYDAY_OPTIONS: &[&str] = &[
    "ci.skip",
    "ci.no_pipeline",
    "ci.variable",
    "ci.input",
    "merge_request.create",
    "merge_request.target",
    "merge_request.title",
    "merge_request.description",
    "merge_request.label",
    "merge_request.unlabel",
    "merge_request.assign",
    "merge_request.unassign",
    "merge_request.milestone",
    "merge_request.draft",
    "merge_request.squash",
    "merge_request.remove_source_branch",
    "topic",
    "title",
    "description",
    "t",
    "hashtag",
    "r",
    "reviewer",
    "cc",
    "m",
    "message",
    "wip",
    "ready",
    "private",
    "notify",
];
/// Push options that merge.
const MERGING_OPTIONS: &[&str] =
    &["submit", "merge_request.auto_merge", "merge_request.merge_when_pipeline_succeeds"];
/// Push options that open a repository to others.
const OPENING_OPTIONS: &[&str] = &["repo.private"];

/// The repository that a push goes to.
pub(super) struct Repository<'a> {
    message: &'a Message,
    /// Path without `.git`.
    path: String,
}

impl<'a> Repository<'a> {
    /// The repository whose service lies at `segments`. Code hosts that we know do not tell its
    /// letters' case apart.
    pub(super) fn of(message: &'a Message, segments: &[String]) -> Self {
        let parts = segments.split_last().map_or(segments, |(_, repository)| repository);
        let path = parts.join("/");
        let path = path.strip_suffix(".git").unwrap_or(&path);
        let folds = hosts::identity(&message.host).is_some();
        Self { message, path: if folds { path.to_ascii_lowercase() } else { path.to_owned() } }
    }

    /// `owner/repository`.
    pub(super) fn into_path(self) -> String {
        self.path
    }

    /// `git:host/owner/repository`.
    fn resource(&self) -> ResourceId {
        ResourceId::new(format!("git:{}/{}", self.message.authority(), self.path))
    }

    /// `git:host/owner/repository/refs/heads/name`, in its repository.
    pub(super) fn reference(&self, name: &str) -> Resource {
        let repository = self.resource();
        Resource { id: ResourceId::new(format!("{repository}/{name}")), within: vec![repository] }
    }
}

/// What a push does, never empty.
pub(super) fn operations(
    push: &Push<'_>,
    repository: &Repository<'_>,
    world: &dyn World,
) -> Vec<Operation> {
    let updates = |command: &Command| !command.old.is_null() && !command.new.is_null();
    // Only what was there before can lose something.
    let pack = if push.commands.iter().any(updates) { push.pack } else { &[] };
    let ancestry = Ancestry::read(pack, push.format);
    let mut operations = Vec::new();
    for command in &push.commands {
        operations.push(of_command(command, &ancestry, repository, world));
        let (_, options) = split_review(&command.reference);
        operations.extend(options.filter_map(|option| of_option(option, repository)));
    }
    operations.extend(push.options.iter().filter_map(|option| of_option(option, repository)));
    if operations.is_empty() {
        let (name, resource) = (super::RECEIVE_PACK, repository.resource());
        operations.push(Operation::known(name, Observe, resource, Reversibility::Inverse));
    }
    operations
}

/// What a command does to its reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    /// Only goes forward.
    Update,
    /// May lose what it held.
    Force,
    Delete,
}

impl Verb {
    fn of(command: &Command, ancestry: &Ancestry, world: &dyn World) -> Self {
        let Command { old, new, .. } = command;
        match (old.is_null(), new.is_null()) {
            (_, true) => Self::Delete,
            (true, false) => Self::Create,
            (false, false) if ancestry.shows(new, old, world) => Self::Update,
            (false, false) => Self::Force,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Create => "git:create_ref",
            Self::Update => "git:update_ref",
            Self::Force => "git:force_ref",
            Self::Delete => "git:delete_ref",
        }
    }
}

/// What a reference is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A branch on which somebody works.
    Feature,
    /// A branch that others, or machines, act upon.
    Protected,
    /// A tag: releases are built from it.
    Tag,
    /// A change put forward for review (Gerrit, Forgejo): no branch changes.
    Review,
    /// Who may do what with the repository (Gerrit).
    Access,
    /// Anything else that a server may keep.
    Other,
}

impl Kind {
    fn of(reference: &str, repository: &Repository<'_>, world: &dyn World) -> Self {
        let below = |prefix: &str| reference.starts_with(prefix);
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            let host = &repository.message.host;
            let known = world.protected(host, &repository.path, reference);
            return match known.unwrap_or_else(|| is_protected_by_habit(branch)) {
                true => Self::Protected,
                false => Self::Feature,
            };
        }
        match reference {
            "refs/meta/config" => Self::Access,
            _ if below("refs/tags/") => Self::Tag,
            _ if below("refs/for/") => Self::Review,
            _ if below("refs/notes/") => Self::Feature,
            _ => Self::Other,
        }
    }
}

/// Some hosts do not tell the letters' case apart, so nobody does here.
fn is_protected_by_habit(branch: &str) -> bool {
    let branch = branch.to_ascii_lowercase();
    BY_HABIT.contains(&branch.as_str())
        || FAMILIES_BY_HABIT.iter().any(|family| branch.starts_with(family))
}

fn of_command(
    command: &Command,
    ancestry: &Ancestry,
    repository: &Repository<'_>,
    world: &dyn World,
) -> Operation {
    let (name, _) = split_review(&command.reference);
    let (verb, kind) = (Verb::of(command, ancestry, world), Kind::of(name, repository, world));
    let resource = repository.reference(name);
    if kind == Kind::Other {
        return Operation::guessed(verb.name(), Execute, resource);
    }
    let (effect, reversibility) = effect(verb, kind);
    Operation::known(verb.name(), effect, resource, reversibility)
}

/// What a command does, and whether another push takes it back.
fn effect(verb: Verb, kind: Kind) -> (Effect, Reversibility) {
    use Reversibility::{Inverse, None, Unknown};
    match (kind, verb) {
        (Kind::Access, _) => (GrantAccess, Unknown),
        (Kind::Protected, Verb::Delete) => (Destroy, None),
        // Whoever has the tip can push it again; nobody knows who has.
        (_, Verb::Delete) => (Remove, Unknown),
        // Commits of others may lie between, and who forces has not looked at them.
        (Kind::Protected | Kind::Feature, Verb::Force) => (Destroy, Unknown),
        // What follows from it runs elsewhere: a deployment, a release.
        (Kind::Protected | Kind::Tag, _) => (Execute, Unknown),
        (_, Verb::Create) => (Create, Inverse),
        // The old tip is still there, behind the new one.
        (_, Verb::Update) => (Modify, Inverse),
        (_, Verb::Force) => (Modify, Unknown),
    }
}

/// A reference for review without the options behind it (`refs/for/main%topic=x,submit`), and
/// these; any other reference as it is.
fn split_review(reference: &str) -> (&str, impl Iterator<Item = &str>) {
    let review = reference.starts_with("refs/for/").then(|| reference.split_once('%')).flatten();
    let (name, options) = review.unwrap_or((reference, ""));
    (name, options.split(',').filter(|option| !option.is_empty()))
}

/// What a push option does beside the commands; `None` for what belongs to everyday work.
fn of_option(option: &str, repository: &Repository<'_>) -> Option<Operation> {
    let name = option.split('=').next().unwrap_or_default();
    let known = |effect| {
        let resource = repository.resource();
        Operation::known("git:push_option", effect, resource, Reversibility::Unknown)
    };
    match name {
        name if EVERYDAY_OPTIONS.contains(&name) => None,
        name if MERGING_OPTIONS.contains(&name) => Some(known(Execute)),
        name if OPENING_OPTIONS.contains(&name) => Some(known(GrantAccess)),
        _ => Some(Operation::guessed("git:push_option", Execute, repository.resource())),
    }
}
