//! The hosts that a human listed: what they speak, and whose environment they are.

use holdpoint_core::Environment;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::{
    database::{count, rows, word},
    error::{Result, StoreError},
    host_pattern::HostPattern,
    state::State,
    watch::Topic,
};

/// A host that agents may speak to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedHost {
    /// One host, or all below a domain.
    pub host: HostPattern,
    /// Only this port; without it, every port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What it speaks: `graphql`, `rest`, `service`, `collaboration` and others.
    pub speaks: String,
    /// The environment of what lies there, unless something knows better.
    pub environment: Environment,
}

impl ListedHost {
    fn matches(&self, host: &str, port: u16) -> bool {
        self.host.matches(host) && self.port.is_none_or(|only| only == port)
    }

    /// The greater, the more exactly it names what it means.
    fn exactness(&self) -> (bool, usize, bool) {
        (!self.host.is_wildcard(), self.host.as_str().len(), self.port.is_some())
    }
}

/// Every word for what a host can speak; the catalogue says what they mean.
pub const SPEAKS: [&str; 6] =
    ["graphql", "rest", "service", "collaboration", "kubernetes", "elasticsearch"];

/// Checks the word for what a host speaks: a typo must not change how its messages are read.
pub fn check_speaks(word: &str) -> Result<String> {
    if SPEAKS.contains(&word) {
        return Ok(word.to_owned());
    }
    let value = word.chars().take(32).collect::<String>().escape_debug().to_string();
    let expected = "graphql, rest, service, collaboration, kubernetes or elasticsearch";
    Err(StoreError::Malformed { what: "protocol", value, expected })
}

/// The environment of a host of which nobody said it: services and collaboration tools have
/// none, everything else is unknown (and so judged as production).
pub fn default_environment(speaks: &str) -> Environment {
    match speaks {
        "service" | "collaboration" => Environment::None,
        _ => Environment::Unknown,
    }
}

/// All listed hosts, to look up in; rebuilt when [`Topic::Hosts`] or [`Topic::Config`] is heard.
#[derive(Debug, Clone, Default)]
pub struct HostTable(Vec<ListedHost>);

impl HostTable {
    /// The hosts of the configuration and of the store. Of two entries for the same host and
    /// port, the first says what it speaks; the stricter environment holds.
    pub fn merge(config: &[ListedHost], store: &[ListedHost]) -> Self {
        let mut merged: Vec<ListedHost> = Vec::new();
        for entry in config.iter().chain(store) {
            let same =
                |other: &&mut ListedHost| other.host == entry.host && other.port == entry.port;
            match merged.iter_mut().find(same) {
                Some(other) => other.environment = other.environment.max(entry.environment),
                None => merged.push(entry.clone()),
            }
        }
        Self(merged)
    }

    /// The entry that names `host` and `port` most exactly; none if the host is not listed.
    pub fn find(&self, host: &str, port: u16) -> Option<&ListedHost> {
        let matching = self.0.iter().filter(|entry| entry.matches(host, port));
        matching.max_by_key(|entry| entry.exactness())
    }

    /// Whether any entry, for whatever port, names `host`.
    pub fn names(&self, host: &str) -> bool {
        self.0.iter().any(|entry| entry.host.matches(host))
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = &ListedHost> {
        self.0.iter()
    }
}

/// The hosts that are kept in the store.
#[derive(Debug, Clone)]
pub struct Hosts(pub(crate) State);

impl Hosts {
    /// Lists a host. What was said about the same host and port before is replaced.
    pub fn add(&self, listed: &ListedHost) -> Result<()> {
        check_speaks(&listed.speaks)?;
        let max = self.0.0.limits.hosts;
        self.0.0.database.write(|transaction| {
            let environment = listed.environment.as_str();
            transaction.execute(
                "INSERT INTO hosts (host, port, speaks, environment) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (host, port)
                 DO UPDATE SET speaks = excluded.speaks, environment = excluded.environment",
                params![listed.host.as_str(), listed.port.unwrap_or(0), listed.speaks, environment],
            )?;
            match count(transaction, "SELECT count(*) FROM hosts", [])? {
                hosts if hosts > max => Err(StoreError::Full { what: "hosts", max }),
                _ => Ok(()),
            }
        })?;
        self.0.announce(Topic::Hosts);
        Ok(())
    }

    /// Takes every entry of this host off the list.
    pub fn remove(&self, host: &HostPattern) -> Result<()> {
        let removed = self.0.0.database.write(|transaction| -> Result<usize> {
            Ok(transaction.execute("DELETE FROM hosts WHERE host = ?1", [host.as_str()])?)
        })?;
        if removed == 0 {
            return Err(StoreError::Missing { what: "listed host", name: host.to_string() });
        }
        self.0.announce(Topic::Hosts);
        Ok(())
    }

    /// Every host that is kept here, by name.
    pub fn list(&self) -> Result<Vec<ListedHost>> {
        let sql = "SELECT host, port, speaks, environment FROM hosts ORDER BY host, port";
        self.0.0.database.read(|connection| rows(connection, sql, [], listed))
    }
}

fn listed(row: &Row<'_>) -> Result<ListedHost> {
    let port: u16 = row.get("port")?;
    Ok(ListedHost {
        host: word(row, "host")?,
        port: (port != 0).then_some(port),
        speaks: row.get("speaks")?,
        environment: word(row, "environment")?,
    })
}

#[cfg(test)]
mod tests {
    use holdpoint_core::Environment::{
        self, Development, None as Nowhere, Production, Staging, Unknown,
    };

    use super::{HostTable, ListedHost, default_environment};
    use crate::{error::StoreError, state::State};

    fn listed(host: &str, port: u16, speaks: &str, environment: Environment) -> ListedHost {
        let port = (port != 0).then_some(port);
        ListedHost { host: host.parse().unwrap(), port, speaks: speaks.to_owned(), environment }
    }

    #[test]
    fn the_most_exact_entry_is_found_and_the_stricter_environment_holds() {
        let config = [
            listed("*.example.com", 0, "rest", Development),
            listed("prod.example.com", 0, "graphql", Production),
            listed("*.eu.example.com", 0, "rest", Staging),
        ];
        let store = [
            listed("prod.example.com", 0, "rest", Development),
            listed("a.example.com", 8443, "service", Nowhere),
        ];
        let table = HostTable::merge(&config, &store);
        for (host, port, expect) in [
            ("x.example.com", 443, Some(("rest", Development))),
            ("PROD.example.com.", 443, Some(("graphql", Production))),
            ("b.eu.example.com", 443, Some(("rest", Staging))),
            ("a.example.com", 8443, Some(("service", Nowhere))),
            ("a.example.com", 443, Some(("rest", Development))),
            ("example.com", 443, None),
            ("example.org", 443, None),
        ] {
            let found = table.find(host, port);
            let found = found.map(|entry| (entry.speaks.as_str(), entry.environment));
            assert_eq!(found, expect, "{host}:{port}");
        }
    }

    #[test]
    fn entries_are_kept_replaced_and_removed() {
        let hosts = State::in_memory().unwrap().hosts();
        let first = listed("api.example.com", 443, "rest", Staging);
        let second = listed("api.example.com", 443, "graphql", Production);
        let third = listed("*.example.com", 0, "service", Nowhere);
        for entry in [&first, &second, &third] {
            hosts.add(entry).unwrap();
        }
        assert_eq!(hosts.list().unwrap(), [third, second]);
        hosts.remove(&first.host).unwrap();
        assert_eq!(hosts.list().unwrap().len(), 1);
        assert!(matches!(hosts.remove(&first.host), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn only_what_has_no_environment_is_lax_by_default() {
        let expected =
            [("service", Nowhere), ("collaboration", Nowhere), ("rest", Unknown), ("x", Unknown)];
        for (speaks, expect) in expected {
            assert_eq!(default_environment(speaks), expect, "{speaks}");
        }
    }
}
