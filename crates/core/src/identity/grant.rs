//! What a secret may be used for: hosts, a purpose, and an environment.

use serde::{Deserialize, Serialize};

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
}

impl Grant {
    /// What this grant makes of a credential that `operation` on `host` carries, when the
    /// operation's resource lives in `environment`.
    pub fn covers(
        &self,
        host: &str,
        operation: &Operation,
        environment: Environment,
    ) -> Credential {
        if self.hosts.is_empty() || self.purpose.is_empty() {
            Credential::Unbound
        } else if !self.reaches(host) {
            Credential::Leaving
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
            let found = grant.covers(host, operation, environment);
            assert_eq!(found, expected, "{host} {} {environment}", operation.name);
        }
        let unbound = Grant::default().covers(here, &read, Production);
        assert_eq!(unbound, Credential::Unbound);
    }
}
