//! What a secret may be used for: hosts, places in a message, a purpose, and an environment.

use serde::{Deserialize, Serialize};

use super::place::{Place, Site};
use crate::{
    glob,
    operation::{Effect, Environment, Operation},
    policy::Credential,
};

/// What a human said that a secret is for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grant {
    /// Where it may be sent: hosts, or `*.example.com`.
    pub hosts: Vec<String>,
    /// The operations that it was made for, as patterns over their names
    /// (`railway:customDomain*`).
    pub purpose: Vec<String>,
    /// The one environment that it may act on; without it there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Where in a message it may stand, beside the headers that carry credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

impl Grant {
    /// What this grant makes of a credential that `operation` on `host` carries at `site`, when
    /// the operation's resource lives in `environment`.
    pub fn covers(
        &self,
        host: &str,
        site: Site<'_>,
        operation: &Operation,
        environment: Environment,
    ) -> Credential {
        if self.hosts.is_empty() || self.purpose.is_empty() {
            Credential::Unbound
        } else if !self.reaches(host) || !(site == Site::Text || self.takes(site)) {
            Credential::Leaving
        } else {
            self.bounds(operation, environment)
        }
    }

    /// What purpose and environment alone make of a credential on `operation`: they also bind
    /// what an upstream issued for the secret, which has a site of its own.
    pub fn bounds(&self, operation: &Operation, environment: Environment) -> Credential {
        if self.hosts.is_empty() || self.purpose.is_empty() {
            Credential::Unbound
        } else if !self.purpose_covers(operation) {
            Credential::OutsidePurpose
        } else if operation.effect.changes() && !self.environment_covers(environment) {
            Credential::WrongEnvironment
        } else {
            Credential::Granted
        }
    }

    /// A purpose bounds what a credential may *change*. Reading what is no secret, at a provider
    /// that the purpose names, lies within it: every client looks around before it acts.
    fn purpose_covers(&self, operation: &Operation) -> bool {
        let reads = operation.effect == Effect::Observe && !operation.reveals_secrets;
        self.purpose.iter().any(|pattern| {
            let provider = pattern.split_once(':').map(|(provider, _)| provider);
            glob::matches(pattern, &operation.name)
                || (reads && provider.is_some_and(|name| glob::matches(name, operation.provider())))
        })
    }

    /// What is local, without an environment or unknown is not *another* environment.
    fn environment_covers(&self, environment: Environment) -> bool {
        use Environment::{Local, None, Unknown};
        self.environment.is_none_or(|granted| {
            granted == environment || matches!(environment, Local | None | Unknown)
        })
    }

    /// Whether the secret may be sent to `host` at all.
    pub fn reaches(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| glob::host_matches(pattern, host))
    }

    /// Whether the secret is put where a phantom stands at `site`. A host keeps and shows what it
    /// finds in fields, metadata and uploads: an agent that could choose among them could have
    /// the secret published.
    pub fn takes(&self, site: Site<'_>) -> bool {
        match site {
            Site::Header => true,
            Site::Query(_) | Site::Body(_) => self.places.iter().any(|place| place.is_at(site)),
            Site::Content | Site::Text => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{ResourceId, Reversibility};

    fn operation(name: &str, effect: Effect) -> Operation {
        let volume = ResourceId::new("railway:volume/1");
        Operation::known(name, effect, volume, Reversibility::None)
    }

    #[test]
    fn a_grant_is_for_its_hosts_purpose_and_environment() {
        let grant = Grant {
            hosts: vec!["backboard.railway.com".into()],
            purpose: vec!["railway:customDomain*".into()],
            environment: Some(Environment::Production),
            places: Vec::new(),
        };
        let here = "backboard.railway.com";
        let delete_domain = operation("railway:customDomainDelete", Effect::Remove);
        let delete_volume = operation("railway:volumeDelete", Effect::Destroy);
        let read = operation("railway:project", Effect::Observe);
        let read_elsewhere = operation("rest:GET", Effect::Observe);
        let mut read_secrets = operation("railway:variables", Effect::Observe);
        read_secrets.reveals_secrets = true;
        use Credential::{Granted, Leaving, OutsidePurpose, WrongEnvironment};
        use Environment::{Development, Local, Production, Staging, Unknown};
        for (host, operation, environment, expected) in [
            (here, &delete_domain, Production, Granted),
            (here, &delete_domain, Unknown, Granted),
            (here, &delete_domain, Local, Granted),
            (here, &delete_domain, Development, WrongEnvironment),
            (here, &delete_domain, Staging, WrongEnvironment),
            ("evil.example", &delete_domain, Production, Leaving),
            (here, &delete_volume, Production, OutsidePurpose),
            (here, &read, Staging, Granted),
            (here, &read_elsewhere, Production, OutsidePurpose),
            (here, &read_secrets, Production, OutsidePurpose),
        ] {
            let found = grant.covers(host, Site::Header, operation, environment);
            assert_eq!(found, expected, "{host} {} {environment}", operation.name);
        }
        let unbound = Grant::default().covers(here, Site::Header, &read, Production);
        assert_eq!(unbound, Credential::Unbound);
    }
    #[test]
    fn a_secret_stands_in_a_header_or_where_a_human_said() {
        let places = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let grant = |texts| Grant {
            hosts: vec!["api.example.com".into()],
            purpose: vec!["rest:*".into()],
            environment: None,
            places: places(texts),
        };
        let (plain, wide) = (grant(&[]), grant(&["query:access_token", "body:Client_Secret"]));
        let read = operation("rest:GET", Effect::Observe);
        use Credential::{Granted, Leaving};
        for (site, by_default, where_said) in [
            (Site::Header, Granted, Granted),
            (Site::Query("Access_Token"), Leaving, Granted),
            (Site::Query("token"), Leaving, Leaving),
            (Site::Body("client_secret"), Leaving, Granted),
            (Site::Body("access_token"), Leaving, Leaving),
            (Site::Query("client_secret"), Leaving, Leaving),
            (Site::Content, Leaving, Leaving),
            // A phantom in a text stays one, which harms nobody at its own host.
            (Site::Text, Granted, Granted),
        ] {
            for (grant, expected) in [(&plain, by_default), (&wide, where_said)] {
                let found = grant.covers("api.example.com", site, &read, Environment::None);
                assert_eq!(found, expected, "{site:?} {:?}", grant.places);
                let put = site != Site::Text && expected == Granted;
                assert_eq!(grant.takes(site), put, "{site:?} {:?}", grant.places);
            }
        }
    }
}
