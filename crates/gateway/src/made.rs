//! What answers teach: what a run has made, noted when the upstream says that it is done; which
//! branch is a repository's default; which commits there are.

use std::sync::Arc;

use holdpoint_core::{Effect, Operation, Resource, ResourceId, Timestamp, identity::Principal};
use holdpoint_store::{State, StoreError};
use holdpoint_wire::http::{
    Body, Message,
    git::{self, Commit, Move},
    located,
};
use http::{Response, StatusCode, header};

use crate::{
    body::ResponseBody,
    branches::DefaultBranches,
    overheard::overheard,
    point::{Arrived, HttpPoint},
};

/// The longest answer to a push that is read; of a longer one nothing is noted.
const REPORT_BYTES_MAX: usize = 256 * 1024;
/// How far into the answer to a fetch commits are read: a pack begins with them.
const FETCH_BYTES_MAX: usize = 512 * 1024;
/// How far into a list of references its default branch is looked for.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// Who would make something by a message.
#[derive(Debug)]
pub(crate) struct Maker {
    run: String,
    /// What is created in, if that is all that the message does.
    within: Option<Resource>,
    /// What is taken away.
    taken: Vec<ResourceId>,
}

impl Maker {
    /// The run of `principal`, by these operations.
    pub(crate) fn of(principal: &Principal, operations: &[Operation]) -> Self {
        let within = match operations {
            [only] if only.effect == Effect::Create => Some(only.resource.clone()),
            _ => None,
        };
        let takes = |it: &&Operation| matches!(it.effect, Effect::Remove | Effect::Destroy);
        let taken = operations.iter().filter(takes).map(|it| it.resource.id.clone()).collect();
        Self { run: principal.run.clone(), within, taken }
    }

    /// Whose it is.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }
}

/// What the answer to a message can teach.
pub(crate) enum Lesson {
    /// Nothing.
    None,
    /// Which references a push has moved.
    Push { run: String, moves: Vec<Move>, commits: Vec<Commit> },
    /// Which commits there are.
    Fetch { message: Box<Message> },
    /// Which branch is the default of a host's repository.
    References { repository: (String, String) },
    /// That something is gone.
    Removal { taken: Vec<ResourceId> },
    /// Where what was created lies.
    Creation { run: String, within: Resource, message: Box<Message> },
}

impl Lesson {
    /// What the answer to `arrived` can teach.
    pub(crate) fn of(arrived: &Arrived) -> Self {
        let message = &arrived.message;
        if let Some(repository) = git::lists_references(message) {
            return Self::References { repository };
        }
        let Some(Maker { run, within, taken }) = arrived.maker.get() else { return Self::None };
        let moves = git::moves(message);
        match within {
            _ if !moves.is_empty() => {
                Self::Push { run: run.clone(), moves, commits: git::pushed(message) }
            }
            _ if git::fetches(message) => Self::Fetch { message: Box::new(message.clone()) },
            Some(within) => {
                let head = Message { headers: Vec::new(), coded: None, ..message.clone() };
                let body = Body::Whole(bytes::Bytes::new());
                let message = Box::new(Message { body, ..head });
                Self::Creation { run: run.clone(), within: within.clone(), message }
            }
            None if !taken.is_empty() => Self::Removal { taken: taken.clone() },
            None => Self::None,
        }
    }
}

impl HttpPoint {
    /// Learns from a response, while it goes on to the agent.
    pub(crate) fn learn(
        &self,
        lesson: Lesson,
        response: Response<ResponseBody>,
    ) -> Response<ResponseBody> {
        let status = response.status();
        match lesson {
            Lesson::References { repository } if status == StatusCode::OK => {
                let branches: Arc<DefaultBranches> = Arc::clone(&self.branches);
                overheard(response, LIST_BYTES_MAX, move |list| {
                    if let Some(branch) = git::default_branch(list.bytes()) {
                        branches.learn(repository, branch);
                    }
                })
            }
            Lesson::Push { run, moves, commits } if status == StatusCode::OK => {
                let (state, clock) = (self.state.clone(), self.clock);
                let passed = Arc::clone(&self.commits);
                overheard(response, REPORT_BYTES_MAX, move |report| {
                    if let Body::Whole(report) = report {
                        logged(note_moves(&state, &run, &moves, &git::moved(&report), clock()));
                        passed.learn(commits);
                    }
                })
            }
            Lesson::Fetch { message } if status == StatusCode::OK => {
                let passed = Arc::clone(&self.commits);
                overheard(response, FETCH_BYTES_MAX, move |answer| {
                    passed.learn(git::fetched(&message, answer.bytes()));
                })
            }
            Lesson::Removal { taken } if status.is_success() => {
                let made = self.state.made();
                taken.iter().for_each(|resource| logged(made.forget(resource)));
                response
            }
            Lesson::Creation { run, within, message } if status == StatusCode::CREATED => {
                let location = response.headers().get(header::LOCATION);
                let location = location.and_then(|value| value.to_str().ok());
                let made = location.and_then(|location| located(&message, location));
                // What lies elsewhere may have been there before.
                if let Some(made) = made.filter(|made| made.within.contains(&within.id)) {
                    logged(self.state.made().note(&run, &made.id, "", (self.clock)()));
                }
                response
            }
            _ => response,
        }
    }

    /// Whether `run` made what `operation` is about, and nobody has touched it since, as far as
    /// can be told: a branch has to stand where the run has put it.
    pub(crate) fn is_made_by(&self, run: &str, arrived: &Arrived, operation: &Operation) -> bool {
        let takes = operation.effect.changes() && operation.effect != Effect::Create;
        let resource = &operation.resource.id;
        let stands = takes.then(|| self.state.made().state(run, resource));
        let stands = stands.and_then(|stands| {
            stands.unwrap_or_else(|error| {
                tracing::error!(%error, "what a run has made cannot be looked up");
                None
            })
        });
        let Some(stands) = stands else { return false };
        match git::moves(&arrived.message).iter().find(|it| it.resource == *resource) {
            Some(of) => of.old.as_deref() == Some(&stands),
            None => true,
        }
    }
}

/// Notes what became of the references that a server says it has `moved`.
fn note_moves(
    state: &State,
    run: &str,
    moves: &[Move],
    moved: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let made = state.made();
    for Move { resource, old, new, .. } in moves.iter().filter(|it| moved.contains(&it.reference)) {
        let own = || made.state(run, resource).map(|stood| stood.is_some() && stood == *old);
        match new {
            None => made.forget(resource)?,
            Some(new) if old.is_none() || own()? => made.note(run, resource, new, now)?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// What is not noted needs a human to be taken away, and no more.
fn logged(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        tracing::error!(%error, "what a run has made is not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_its_maker_s_only_where_the_maker_has_put_it() {
        let state = State::in_memory().unwrap();
        let resource = ResourceId::new("git:github.com/acme/shop/refs/heads/fix");
        let step = |run: &str, old: Option<&str>, new: Option<&str>, moved: &[&str]| {
            let step = Move {
                reference: "refs/heads/fix".to_owned(),
                resource: resource.clone(),
                old: old.map(str::to_owned),
                new: new.map(str::to_owned),
            };
            let moved: Vec<String> = moved.iter().map(|&it| it.to_owned()).collect();
            note_moves(&state, run, &[step], &moved, Timestamp(1)).unwrap();
            state.made().state("one", &resource).unwrap()
        };
        let fix = ["refs/heads/fix"];
        assert_eq!(step("one", None, Some("1"), &[]), None, "not acknowledged");
        assert_eq!(step("one", Some("0"), Some("1"), &fix), None, "it was there before");
        assert_eq!(step("one", None, Some("1"), &fix).as_deref(), Some("1"));
        assert_eq!(step("one", Some("1"), Some("2"), &fix).as_deref(), Some("2"));
        assert_eq!(step("two", Some("2"), Some("3"), &fix).as_deref(), Some("2"), "moved away");
        assert_eq!(step("one", Some("3"), Some("4"), &fix).as_deref(), Some("2"));
        assert_eq!(step("two", Some("4"), None, &fix), None, "gone");
    }
}
