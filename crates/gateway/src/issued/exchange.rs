//! One message on its way out: what it carries that was issued, and what its answer may issue.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::Ordering,
};

use bytes::Bytes;
use holdpoint_catalog::hosts::{self, Bodies};
use holdpoint_core::{Code, Refusal, identity::Site, refusal::RefusalKind};
use holdpoint_store::issued::{Captured, Kind};
use holdpoint_wire::{
    Speaks, World as _,
    http::{
        Message,
        credentials::{CredentialUse, ToldBy},
        issued,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OwnedMutexGuard;

use super::{Issuing, Lookup};
use crate::{
    forward::scrub::{Needles, NeedlesError},
    known::Known,
    point::{Arrived, unavailable},
    spelling,
};

/// One message and what its answer may give out.
pub(crate) struct Exchange {
    pub(super) issuing: Issuing,
    pub(super) run: String,
    /// As the agent sent it: what it said itself, nobody issues to it.
    pub(super) message: Message,
    /// The names of the secrets with which it is sent.
    pub(super) via: BTreeSet<String>,
    /// Whose answer it waits for, if that one is captured.
    pub(super) capture: Option<Capture>,
    /// Tokens in the answer are issued.
    pub(super) tokens: bool,
    /// Signed links in the answer are issued.
    pub(super) links: bool,
    /// Hosts that sent the run here for their tokens.
    pub(super) challengers: BTreeSet<String>,
    /// The captured tokens in the message, by their phantoms.
    captured: HashMap<Vec<u8>, Captured>,
    /// All captured tokens that this host must not show.
    hidden: Vec<Captured>,
    /// The turns of the refresh tokens in it.
    _turns: Vec<OwnedMutexGuard<()>>,
}

/// An answer whose tokens are captured.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    /// Where its access tokens may be sent.
    pub(super) resources: Vec<String>,
    /// The refresh token that it is the answer to.
    pub(super) family: Option<String>,
}

impl Exchange {
    /// Looks up what was issued among the credentials of a message. Waits where another exchange
    /// refreshes the same login.
    pub(crate) async fn begin(
        issuing: &Issuing,
        arrived: &Arrived,
        known: &Known,
    ) -> Result<Self, Refusal> {
        let message = &arrived.message;
        let run = arrived.run().to_owned();
        let Carried { via, phantoms } = carried(issuing, arrived, known, &run)?;
        let mut turns = Vec::new();
        for family in families(issuing, &run, &phantoms)? {
            turns.push(issuing.turns.take(&family).await);
        }
        // Only now: whoever had the turn before may have brought another token.
        let mut captured = HashMap::new();
        for phantom in phantoms {
            if let Some(token) = captured_by(issuing, &run, &phantom)? {
                captured.insert(phantom.into_bytes(), token);
            }
        }
        let hidden = match issuing.captures.load(Ordering::Acquire) {
            true => issuing.state.issued().captured_at(&run, &message.host).map_err(unavailable)?,
            false => Vec::new(),
        };
        let graphql = known.host(&message.host, message.port);
        let graphql = graphql.is_some_and(|host| host.speaks == Speaks::Graphql);
        let challengers = issuing.challengers(&run, message);
        // What a registry gives to anybody is no login.
        let known_by = !(via.is_empty() && captured.is_empty());
        let family = || captured.values().find(|token| token.kind == Kind::Refresh);
        let family = family().map(|token| token.family.clone());
        let resources = known.issuer(message).or_else(|| {
            (known_by && !challengers.is_empty()).then(|| challengers.iter().cloned().collect())
        });
        let capture = resources.map(|resources| Capture { resources, family });
        let reads = !graphql && !streams(&message.host);
        Ok(Self {
            issuing: issuing.clone(),
            tokens: capture.is_some()
                || !challengers.is_empty()
                || (reads && issued::asks_for_tokens(message)),
            links: reads && issued::asks_for_links(message),
            message: message.clone(),
            run,
            via,
            capture,
            challengers,
            captured,
            hidden,
            _turns: turns,
        })
    }

    /// What is to be put in the place of `used`, where a phantom of a captured token stands and
    /// its issuer or what it serves reads it. A refresh token goes to its issuer's endpoint only.
    pub(crate) fn real(&self, used: &CredentialUse) -> Option<&SecretString> {
        let token = self.captured.get(used.value.expose_secret())?;
        let here = token.reach.has(&self.message.host);
        let takes = match (token.kind, used.site()) {
            (Kind::Access, Site::Header) => true,
            (Kind::Access | Kind::Refresh, Site::Body(_)) => self.captures(),
            _ => false,
        };
        (here && takes).then_some(&token.value)
    }

    /// Whether the answer is captured: then it is read to its end, whether or not the agent waits.
    pub(crate) fn captures(&self) -> bool {
        self.capture.is_some()
    }

    /// Asks for an answer that can be read, where it has to be.
    pub(crate) fn make_readable(&self, message: &mut Message) {
        if self.tokens || self.links {
            message.headers.retain(|(name, _)| name != "accept-encoding");
            let plain = ("accept-encoding".to_owned(), Bytes::from_static(b"identity"));
            message.headers.push(plain);
        }
    }

    /// What must not come back: what is known of the host, and the captured tokens that it may
    /// have seen.
    pub(crate) fn scrub(
        &self,
        known: &Known,
    ) -> Result<Option<std::sync::Arc<Needles>>, NeedlesError> {
        let pairs = self
            .hidden
            .iter()
            .flat_map(|token| spelling::pairs(token.value.expose_secret(), &token.phantom));
        known.scrub(&self.run, &self.message.host, pairs.collect())
    }
}

/// What a message carries.
#[derive(Default)]
struct Carried {
    /// The names of the secrets that it is sent with.
    via: BTreeSet<String>,
    /// The values in it that may be phantoms of captured tokens.
    phantoms: Vec<String>,
}

/// What a message carries. Policy has let it through: what is neither ours nor issued was taken
/// away a moment ago.
fn carried(
    issuing: &Issuing,
    arrived: &Arrived,
    known: &Known,
    run: &str,
) -> Result<Carried, Refusal> {
    let lookup = Lookup::new(issuing, known, run, &arrived.message);
    let mut carried = Carried { via: lookup.via_of_code(), ..Carried::default() };
    for used in arrived.credentials.iter().filter(|used| used.told_by != ToldBy::Nothing) {
        let value = used.value.expose_secret();
        if let Some(secret) = known.secret_of(run, value) {
            carried.via.insert(secret.secret.name.clone());
        } else if let Some(names) = lookup.via(used) {
            carried.via.extend(names);
            carried.phantoms.extend(String::from_utf8(value.to_vec()));
        } else if used.told_by == ToldBy::Place {
            return Err(gone());
        }
    }
    Ok(carried)
}

/// The families of the refresh tokens among `phantoms`, each once and in one order for all.
fn families(
    issuing: &Issuing,
    run: &str,
    phantoms: &[String],
) -> Result<BTreeSet<String>, Refusal> {
    let mut families = BTreeSet::new();
    for phantom in phantoms {
        let token = captured_by(issuing, run, phantom)?;
        // Only what is renewed waits: an access token is good for many messages at a time.
        families.extend(token.filter(|it| it.kind == Kind::Refresh).map(|token| token.family));
    }
    Ok(families)
}

fn captured_by(issuing: &Issuing, run: &str, phantom: &str) -> Result<Option<Captured>, Refusal> {
    issuing.state.issued().captured_by(run, phantom, issuing.now()).map_err(unavailable)
}

/// What models say and registries send is not delayed.
fn streams(host: &str) -> bool {
    hosts::identity(host).is_some_and(|identity| identity.bodies != Bodies::Instructions)
}

fn gone() -> Refusal {
    let text = "the secret of this credential was removed a moment ago";
    Refusal::new(RefusalKind::Deny, Code::ForeignCredential, text)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Timestamp, identity::Task};
    use holdpoint_store::{
        State,
        issued::{NewCaptured, Reach},
    };

    use super::*;

    #[test]
    fn only_what_is_renewed_takes_turns() {
        let state = State::in_memory().unwrap();
        let issuing = Issuing::new(state.clone(), || Timestamp(1)).unwrap();
        let run = state.agents().add("worker", &Task::default(), Timestamp(1)).unwrap();
        let run = run.agent.principal.run;
        let token = |kind: Kind, value: &str| NewCaptured {
            kind,
            name: kind.as_str().to_owned(),
            value: value.into(),
            reach: Reach { hosts: vec!["a.example".to_owned()], ..Reach::default() },
            expires_at: Timestamp(9_000),
        };
        let tokens = [
            token(Kind::Access, "access-0123456789abcdef"),
            token(Kind::Refresh, "refresh-0123456789abcdef"),
        ];
        let phantoms =
            state.issued().capture(&run, &tokens, &BTreeSet::new(), None, Timestamp(1)).unwrap();
        let turns = |of: &[String]| families(&issuing, &run, of).unwrap().len();
        assert_eq!(turns(phantoms.get(..1).unwrap()), 0, "many messages at a time");
        assert_eq!(turns(phantoms.get(1..).unwrap()), 1, "one refresh at a time");
    }
}
