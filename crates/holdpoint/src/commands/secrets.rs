//! `holdpoint secrets`: real credentials, kept away from agents.

use clap::{Args, Subcommand};
use holdpoint_core::Environment;
use holdpoint_store::{
    host_pattern::HostPattern,
    refusals::Mend,
    secrets::{Bounds, Listed, Purpose},
};
use serde_json::json;

use super::{Here, hosts::forget, now};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
};

/// Real credentials, kept away from agents. An agent gets a phantom; the gateway puts the real
/// one in, only for an operation within its purpose.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint secrets add railway-domains --host backboard.railway.com \\\n    \
--purpose 'railway:customDomain*' --environment production < token.txt")]
pub struct Secrets {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every secret, without its value.
    List,
    /// Keep a secret, read from standard input, and print its phantom.
    Add {
        /// What to call it.
        name: String,
        #[command(flatten)]
        grant: GrantFlags,
    },
    /// Say anew what a secret is for; its phantom stays.
    Bind {
        /// The secret.
        name: String,
        #[command(flatten)]
        grant: GrantFlags,
    },
    /// Forget a secret; its phantom stands for nothing any more.
    Remove {
        /// The secret.
        name: String,
    },
}

/// What a secret is for.
#[derive(Debug, Args)]
struct GrantFlags {
    /// Where it may be sent; repeatable, `*.example.com` is everything below.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostPattern>,
    /// The operations that it was made for, such as `railway:customDomain*`; repeatable. Reading
    /// what is no secret, at the same provider, is always within it.
    #[arg(long = "purpose", value_name = "GLOB")]
    purposes: Vec<Purpose>,
    /// The one environment that it may act on.
    #[arg(long)]
    environment: Option<Environment>,
}

impl From<GrantFlags> for Bounds {
    fn from(flags: GrantFlags) -> Self {
        let GrantFlags { hosts, purposes, environment } = flags;
        Self { hosts, purposes, environment }
    }
}

/// Runs `holdpoint secrets`.
pub fn run(secrets: Secrets, here: &Here) -> Ended {
    let store = here.state.secrets();
    match secrets.verb {
        Verb::List => {
            let listed = store.list().map_err(CommandError::unable)?;
            let text: String = listed.iter().map(line).collect();
            here.print(&listed, if text.is_empty() { "no secret is kept" } else { &text })?;
        }
        Verb::Add { name, grant } => {
            let bounds = Bounds::from(grant);
            let value = terminal::secret("The real credential (not shown): ")?;
            let added = store.add(&name, &value, &bounds, now()).map_err(CommandError::usage)?;
            mend(here, &added)?;
            here.print(&added, &format!("give agents this: {}", added.phantom))?;
        }
        Verb::Bind { name, grant } => {
            let bound = store.bind(&name, &Bounds::from(grant)).map_err(CommandError::unable)?;
            mend(here, &bound)?;
            here.print(&bound, &line(&bound))?;
        }
        Verb::Remove { name } => {
            store.remove(&name).map_err(CommandError::unable)?;
            here.print(&json!({ "removed": name }), "removed")?;
        }
    }
    Ok(Status::Done)
}

/// A grant is a mend: what was refused at its hosts starts anew.
fn mend(here: &Here, listed: &Listed) -> Result<(), CommandError> {
    let mut hosts = listed.bounds.hosts.iter();
    hosts.try_for_each(|host| forget(here, &Mend::Host(host.as_str().to_owned())))
}

fn line(listed: &Listed) -> String {
    let Bounds { hosts, purposes, environment } = &listed.bounds;
    let hosts: Vec<&str> = hosts.iter().map(HostPattern::as_str).collect();
    let purposes: Vec<&str> = purposes.iter().map(Purpose::as_str).collect();
    let environment = environment.map_or("any environment", Environment::as_str);
    let bound = match hosts.is_empty() || purposes.is_empty() {
        true => "not bound: it is sent nowhere".to_owned(),
        false => format!("{} at {}, {environment}", purposes.join(" "), hosts.join(" ")),
    };
    format!("{:<24} {:<40} {bound}\n", listed.name, listed.phantom)
}
