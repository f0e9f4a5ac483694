//! `holdpoint inventory`: which environment a resource belongs to.

use clap::{Args, Subcommand};
use holdpoint_core::{Environment, ResourceId};
use holdpoint_store::{inventory::Placed, refusals::Mend};
use serde_json::json;

use super::{Here, hosts::forget};
use crate::status::{CommandError, Ended, Status};

/// Which environment a resource belongs to. What is listed twice is in the stricter one, what is
/// not listed is judged as production.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint inventory add railway:volume/3d2c42fb-8a17 --environment staging")]
pub struct Inventory {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every resource that a human placed.
    List,
    /// Place a resource.
    Add {
        /// `provider:type/identifier`.
        resource: String,
        /// Where it lives.
        #[arg(long)]
        environment: Environment,
    },
    /// Forget what was said about a resource.
    Remove {
        /// `provider:type/identifier`.
        resource: String,
    },
}

/// Runs `holdpoint inventory`.
pub fn run(inventory: Inventory, here: &Here) -> Ended {
    let store = here.state.inventory();
    match inventory.verb {
        Verb::List => {
            let mut placed = here.config.inventory.clone();
            placed.extend(store.list().map_err(CommandError::unable)?);
            let line = |it: &Placed| format!("{:<60} {}\n", it.resource.as_str(), it.environment);
            let text: String = placed.iter().map(line).collect();
            here.print(&placed, if text.is_empty() { "no resource is placed" } else { &text })?;
        }
        Verb::Add { resource, environment } => {
            let placed = Placed { resource: ResourceId::new(resource), environment };
            store.add(&placed).map_err(CommandError::usage)?;
            forget(here, &Mend::Resource(placed.resource.clone()))?;
            here.print(&placed, &format!("{} is in {environment}", placed.resource))?;
        }
        Verb::Remove { resource } => {
            store.remove(&ResourceId::new(resource.as_str())).map_err(CommandError::unable)?;
            here.print(&json!({ "removed": resource }), "removed")?;
        }
    }
    Ok(Status::Done)
}
