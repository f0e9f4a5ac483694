//! `holdpoint secrets`: real credentials, kept away from agents.

mod found;
mod leaked;
mod rotate;

use clap::{Args, Subcommand};
use holdpoint_core::{Environment, identity::Place};
use holdpoint_store::{
    host_pattern::HostPattern,
    issued::Found,
    refusals::Mend,
    secrets::{AWS_VARIABLES, Bounds, Listed, Purpose, aws_credential},
};
use holdpoint_wire::lookup;
use serde_json::{Map, Value, json};

use super::{Here, hosts::forget, now};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
};

/// Real credentials, kept away from agents. An agent gets a phantom; the gateway puts the real
/// one in, only for an operation within its purpose, and only in a header that carries credentials
/// or in a place that you name.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint secrets add railway-domains --host backboard.railway.com \\\n    \
--purpose 'railway:customDomain*' --environment production < token.txt\n  \
holdpoint secrets add login --host id.example.com --purpose 'rest:POST' \\\n    \
--place query:access_token --place body:client_secret < client-secret.txt\n  \
holdpoint secrets add aws-staging --aws --host '*.amazonaws.com' --purpose 'aws:s3:*' \\\n    \
--environment staging < profile.txt\n  \
holdpoint secrets add railway-lookup --host backboard.railway.com \\\n    \
--purpose lookup:railway < read-only-token.txt\n\n\
With a secret whose only purpose is lookup:PROVIDER the gateway itself asks the provider in which \
environment a resource lies. No agent can use it. Providers that can be asked: railway.")]
pub struct Secrets {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every secret, without its value.
    List,
    /// What upstreams issued to each run, and what of it is captured; never a value.
    Issued,
    /// What lies about in clear, in files and variables.
    Found(found::FoundFlags),
    /// What agents have seen in clear: it counts as known to others.
    Leaked(leaked::LeakedFlags),
    /// Make a secret anew: at its provider where that can be asked, else by a list of steps.
    Rotate(rotate::RotateFlags),
    /// Keep a secret, read from standard input, and print its phantom.
    Add {
        /// What to call it.
        name: String,
        /// It is an AWS credential: `AKIA…:secret`, `ASIA…:secret:session`, the lines of a
        /// profile, or what `aws sts` printed. What its phantom signs is signed anew with it.
        #[arg(long)]
        aws: bool,
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
    /// It signs or decrypts on this machine, and is sent nowhere: it is real inside, unprotected.
    #[arg(long, conflicts_with_all = ["hosts", "purposes", "environment", "places"])]
    local: bool,
    /// A query parameter or a body field in which it may stand, such as `query:access_token` or
    /// `body:client_secret`; repeatable, whatever the case of the name. Without it: only headers
    /// that carry credentials, as what stands elsewhere may be kept and shown by the host.
    #[arg(long = "place", value_name = "query:NAME|body:NAME")]
    places: Vec<Place>,
}

impl From<GrantFlags> for Bounds {
    fn from(flags: GrantFlags) -> Self {
        let GrantFlags { hosts, mut purposes, environment, places, local } = flags;
        purposes.extend(local.then(Purpose::local));
        Self { hosts, purposes, environment, places }
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
        Verb::Issued => {
            let issued = here.state.issued().list(now()).map_err(CommandError::unable)?;
            let text: String = issued.iter().map(issued_line).collect();
            here.print(&issued, if text.is_empty() { "nothing is issued" } else { &text })?;
        }
        Verb::Found(flags) => return found::run(&flags, here),
        Verb::Leaked(flags) => return leaked::run(&flags, here),
        Verb::Rotate(flags) => return rotate::run(&flags, here),
        Verb::Add { name, aws, grant } => add(here, &name, aws, grant)?,
        Verb::Bind { name, grant } => {
            let bounds = Bounds::from(grant);
            check_lookup(&bounds)?;
            let bound = store.bind(&name, &bounds).map_err(CommandError::unable)?;
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

/// Keeps a secret, and says what agents get in its place.
fn add(here: &Here, name: &str, aws: bool, grant: GrantFlags) -> Result<(), CommandError> {
    let bounds = Bounds::from(grant);
    check_lookup(&bounds)?;
    let mut value = terminal::secret("The real credential (not shown): ")?;
    if aws {
        value = aws_credential(&value).map_err(CommandError::usage)?;
    }
    let added = here.state.secrets().add(name, &value, &bounds, now());
    let added = added.map_err(CommandError::usage)?;
    mend(here, &added)?;
    match bounds.lookup() {
        _ if aws => print_variables(here, &added),
        Some(provider) => {
            here.print(&added, &format!("{provider} is asked with it; agents have no use of it"))
        }
        None => here.print(&added, &format!("give agents this: {}", added.phantom)),
    }
}

/// A secret for look-ups is for a provider that can be asked, at the host where it is.
fn check_lookup(bounds: &Bounds) -> Result<(), CommandError> {
    let Some(provider) = bounds.lookup() else { return Ok(()) };
    let Some(directory) = lookup::directory(provider) else {
        let known: Vec<&str> = lookup::DIRECTORIES.iter().map(|known| known.provider()).collect();
        let known = known.join(", ");
        let text = format!("`{provider}` cannot be asked where things lie; only {known} can");
        return Err(CommandError::usage(text));
    };
    let host = directory.host();
    match bounds.hosts.iter().any(|bound| bound.matches(host)) {
        true => Ok(()),
        false => {
            Err(CommandError::usage(format!("{provider} is asked at {host}; add --host {host}")))
        }
    }
}

/// Prints the phantom of an AWS credential as the variables that AWS's tools read.
fn print_variables(here: &Here, added: &Listed) -> Result<(), CommandError> {
    let parts = AWS_VARIABLES.iter().zip(added.phantom.splitn(3, ':'));
    let variables: Map<String, Value> =
        parts.map(|(name, part)| ((*name).to_owned(), json!(part))).collect();
    let line = |(name, part): (&String, &Value)| {
        format!("export {name}='{}'\n", part.as_str().unwrap_or_default())
    };
    let text: String = variables.iter().map(line).collect();
    let mut fact = json!(added);
    if let Some(fields) = fact.as_object_mut() {
        fields.insert("env".to_owned(), Value::Object(variables));
    }
    here.print(&fact, &format!("give agents this:\n{}", text.trim_end()))
}

/// A grant is a mend: what was refused at its hosts starts anew.
fn mend(here: &Here, listed: &Listed) -> Result<(), CommandError> {
    let mut hosts = listed.bounds.hosts.iter();
    hosts.try_for_each(|host| forget(here, &Mend::Host(host.as_str().to_owned())))
}

fn issued_line(found: &Found) -> String {
    let Found { run, kind, name, reach, via, captured, expires_at } = found;
    let captured = if *captured { "captured" } else { "known" };
    let minutes = expires_at.0.saturating_sub(now().0) / 60_000;
    let via: String = via.iter().map(|secret| format!(", by {secret}")).collect();
    let hosts = reach.hosts.join(" ");
    let what = format!("{} {name}", kind.as_str()).escape_debug().to_string();
    format!("{run:<14} {what:<24} {captured:<9} {hosts}, {minutes} minutes{via}\n")
}

fn line(listed: &Listed) -> String {
    let Bounds { hosts, purposes, environment, places } = &listed.bounds;
    let hosts: Vec<&str> = hosts.iter().map(HostPattern::as_str).collect();
    let purposes: Vec<&str> = purposes.iter().map(Purpose::as_str).collect();
    let environment = environment.map_or("any environment", Environment::as_str);
    let places: String = places.iter().map(|place| format!(", also in {place}")).collect();
    let bound = match hosts.is_empty() || purposes.is_empty() {
        _ if listed.bounds.is_local() => "used on this machine alone, unprotected".to_owned(),
        true => "not bound: it is sent nowhere".to_owned(),
        false => format!("{} at {}, {environment}{places}", purposes.join(" "), hosts.join(" ")),
    };
    format!("{:<24} {:<40} {bound}\n", listed.name, listed.phantom)
}
