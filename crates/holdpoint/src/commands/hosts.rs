//! `holdpoint hosts`: which hosts agents may talk to, and what these speak.

use clap::{Args, Subcommand};
use holdpoint_catalog::hosts::Speaks;
use holdpoint_core::Environment;
use holdpoint_store::{
    host_pattern::HostPattern,
    hosts::{ListedHost, default_environment},
    refusals::Mend,
};
use serde_json::json;

use super::Here;
use crate::status::{CommandError, Ended, Status};

/// Which hosts agents may talk to, and what these speak.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint hosts add backboard.railway.com --speaks graphql")]
pub struct Hosts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every listed host.
    List,
    /// List a host.
    Add {
        /// The host, or `*.example.com` for everything below it.
        host: HostPattern,
        /// Only this port.
        #[arg(long)]
        port: Option<u16>,
        /// What it speaks.
        #[arg(long, default_value = "rest")]
        speaks: Speaks,
        /// The environment of what lies there; unknown is judged as production.
        #[arg(long)]
        environment: Option<Environment>,
    },
    /// Take a host off the list.
    Remove {
        /// The host as it was listed.
        host: HostPattern,
    },
}

/// Runs `holdpoint hosts`.
pub fn run(hosts: Hosts, here: &Here) -> Ended {
    let store = here.state.hosts();
    match hosts.verb {
        Verb::List => {
            let mut listed = here.config.hosts.clone();
            listed.extend(store.list().map_err(CommandError::unable)?);
            let line = |host: &ListedHost| {
                format!("{:<40} {:<14} {}\n", host.host.as_str(), host.speaks, host.environment)
            };
            let text: String = listed.iter().map(line).collect();
            here.print(
                &listed,
                if text.is_empty() { "no host is listed beside the presets" } else { &text },
            )?;
        }
        Verb::Add { host, port, speaks, environment } => {
            let speaks = speaks.as_str().to_owned();
            let environment = environment.unwrap_or_else(|| default_environment(&speaks));
            let listed = ListedHost { host, port, speaks, environment };
            store.add(&listed).map_err(CommandError::unable)?;
            forget(here, &Mend::Host(listed.host.as_str().to_owned()))?;
            here.print(&listed, &format!("{} is listed, {environment}", listed.host.as_str()))?;
        }
        Verb::Remove { host } => {
            store.remove(&host).map_err(CommandError::unable)?;
            here.print(&json!({ "removed": host.as_str() }), "removed")?;
        }
    }
    Ok(Status::Done)
}

/// A human's mend: what was refused for the lack of it starts anew.
pub(super) fn forget(here: &Here, mend: &Mend) -> Result<(), CommandError> {
    let refusals = here.state.refusals(here.config.refusals.remember_minutes);
    refusals.forget(mend).map(drop).map_err(CommandError::unable)
}

#[cfg(test)]
mod tests {
    use holdpoint_catalog::hosts::Speaks;
    use holdpoint_store::hosts::SPEAKS;

    #[test]
    fn what_is_kept_can_be_read_and_what_can_be_read_is_kept() {
        assert_eq!(Speaks::ALL.map(Speaks::as_str), SPEAKS);
    }
}
