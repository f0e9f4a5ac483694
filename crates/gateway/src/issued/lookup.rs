//! What a credential in a message is, if an upstream issued it to this run.

use std::{cell::OnceCell, collections::BTreeSet};

use holdpoint_catalog::issuers;
use holdpoint_core::{Environment, Operation, identity::Site, policy::Credential};
use holdpoint_store::issued::{Found, Kind};
use holdpoint_wire::http::{
    Message, Scheme,
    credentials::{CredentialUse, Part},
    issued::{self, cookie::path_matches},
};
use secrecy::ExposeSecret as _;

use super::Issuing;
use crate::known::Known;

/// Methods by which a link reads, and those by which it uploads as well.
const READS: &[&str] = &["GET", "HEAD"];
const UPLOADS: &[&str] = &["GET", "HEAD", "PUT", "POST"];

/// Looks credentials of one message up.
pub(crate) struct Lookup<'a> {
    issuing: &'a Issuing,
    known: &'a Known,
    run: &'a str,
    message: &'a Message,
    /// The message's URL, if it was issued as a link.
    link: OnceCell<Vec<Found>>,
}

impl<'a> Lookup<'a> {
    /// For what `run` sends.
    pub(crate) fn new(
        issuing: &'a Issuing,
        known: &'a Known,
        run: &'a str,
        message: &'a Message,
    ) -> Self {
        Self { issuing, known, run, message, link: OnceCell::new() }
    }

    /// What `used`, which is no phantom of a secret, is to `operation`.
    pub(crate) fn credential(
        &self,
        used: &CredentialUse,
        operation: &Operation,
        environment: Environment,
    ) -> Credential {
        if self.is_of_program(used) {
            return Credential::None;
        }
        let found = self.found(used);
        let each = found.iter().map(|it| self.covers(it, used, operation, environment));
        each.min().unwrap_or(Credential::Foreign)
    }

    /// The names of the secrets that `used` was obtained with; nothing, if it was not issued.
    pub(crate) fn via(&self, used: &CredentialUse) -> Option<BTreeSet<String>> {
        if self.is_of_program(used) {
            return Some(BTreeSet::new());
        }
        let found = self.found(used);
        let any = !found.is_empty();
        any.then(|| found.into_iter().flat_map(|found| found.via).collect())
    }

    /// The names of the secrets with which the authorization code in the message was obtained.
    pub(crate) fn via_of_code(&self) -> BTreeSet<String> {
        let code = issued::asks_for_tokens(self.message)
            .then(|| issued::field(self.message, "code"))
            .flatten();
        let found = code.map(|code| self.look(Kind::Refresh, "code", &code)).unwrap_or_default();
        found.into_iter().flat_map(|found| found.via).collect()
    }

    /// Whether the message goes where a link leads that counts its host as listed.
    pub(crate) fn lists_host(&self) -> bool {
        self.link().iter().any(|link| link.reach.lists && self.fits_link(link))
    }

    /// A `client_secret` that everybody has with the program.
    fn is_of_program(&self, used: &CredentialUse) -> bool {
        let Site::Body(name) = used.site() else { return false };
        let issuer =
            issuers::issuer(&self.message.method, &self.message.host, &self.message.plain_path());
        name == "client_secret"
            && issuer.is_some_and(|issuer| {
                let client = issued::field(self.message, "client_id");
                client.is_some_and(|id| issuer.public_clients.contains(&id.as_str()))
            })
    }

    fn found(&self, used: &CredentialUse) -> Vec<Found> {
        if used.position.part == Part::Target && !self.link().is_empty() {
            return self.link().to_vec();
        }
        let Ok(value) = std::str::from_utf8(used.value.expose_secret()) else { return Vec::new() };
        match cookie_name(used) {
            Some(name) => self.look(Kind::Cookie, name, value),
            None => self.look(Kind::Access, "", value),
        }
    }

    fn link(&self) -> &[Found] {
        self.link.get_or_init(|| self.look(Kind::Link, "", &url(self.message)))
    }

    fn look(&self, kind: Kind, name: &str, value: &str) -> Vec<Found> {
        let (store, now) = (self.issuing.state.issued(), self.issuing.now());
        let found = store.find(self.run, kind, name, value, now);
        found.unwrap_or_else(|error| {
            // What cannot be looked up is foreign.
            tracing::error!(%error, "what was issued cannot be looked up");
            Vec::new()
        })
    }

    /// What one finding makes of the credential where it stands.
    fn covers(
        &self,
        found: &Found,
        used: &CredentialUse,
        operation: &Operation,
        environment: Environment,
    ) -> Credential {
        let away = if found.captured { Credential::Leaving } else { Credential::Foreign };
        let fits = match found.kind {
            Kind::Link => self.fits_link(found),
            Kind::Cookie => self.fits(found),
            Kind::Access | Kind::Refresh => self.fits(found) && self.takes(found, used),
        };
        if !fits || (found.captured && !self.known.takes_secrets(self.message)) {
            return away;
        }
        let bounds = found.via.iter().map(|name| {
            let secret = self.known.secret_named(name);
            secret.map_or(Credential::Foreign, |secret| secret.grant.bounds(operation, environment))
        });
        match bounds.max().unwrap_or(Credential::Issued) {
            Credential::Granted => Credential::Issued,
            other => other,
        }
    }

    /// Whether the message goes to the site of what was issued.
    fn fits(&self, found: &Found) -> bool {
        let reach = &found.reach;
        reach.has(&self.message.host)
            && (self.message.scheme == Scheme::Https || !reach.tls)
            && (reach.path.is_empty() || path_matches(&reach.path, self.message.raw_path()))
    }

    /// Whether a token may stand where it does. What the agent itself holds is sent in a header,
    /// or in a parameter or field that is named for it (RFC 6750 §2), and a refresh token in the
    /// body. A captured one goes into headers, and into the body of its issuer's endpoint; as text
    /// it stays a phantom.
    fn takes(&self, found: &Found, used: &CredentialUse) -> bool {
        let access = found.kind == Kind::Access;
        match used.site() {
            Site::Header => access && cookie_name(used).is_none(),
            Site::Body(_) => !found.captured || self.issues(),
            Site::Query(_) => access && !found.captured,
            Site::Text => found.captured,
            Site::Content => false,
        }
    }

    /// Whether the message goes where credentials are given out.
    fn issues(&self) -> bool {
        self.known.issuer(self.message).is_some()
            || !self.issuing.challengers(self.run, self.message).is_empty()
    }

    fn fits_link(&self, link: &Found) -> bool {
        let methods = if link.reach.uploads { UPLOADS } else { READS };
        self.fits(link) && methods.contains(&self.message.method.as_str())
    }
}

/// The name of the cookie that a credential is.
fn cookie_name(used: &CredentialUse) -> Option<&str> {
    match used.position.part {
        Part::Header(_) => used.position.name.strip_prefix("cookie "),
        Part::Target | Part::Body | Part::Upload => None,
    }
}

/// The URL of a message, as a link is kept.
pub(super) fn url(message: &Message) -> String {
    format!("{}://{}{}", message.scheme.as_str(), message.authority(), message.target)
}
