//! `holdpoint secrets rotate`: a secret made anew.

use clap::Args;
use holdpoint_catalog::credentials::{Provider, Rotation, providers};
use holdpoint_core::glob;
use holdpoint_gateway::{
    forward::{Client, Limits},
    lookup::anew::{Rotates, anew},
};
use holdpoint_store::{host_pattern::HostPattern, secrets::Listed};
use secrecy::SecretString;
use serde_json::json;

use super::{super::Here, line};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
    upstream::Upstream,
};

/// Make a secret anew. Its name and its bounds stay, and its phantom too if the new one is as long:
/// nothing has to be told to anybody.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint secrets rotate railway-domains\n  \
holdpoint secrets rotate railway-domains --value < new-token.txt")]
pub(super) struct RotateFlags {
    /// The secret.
    name: String,
    /// The new value is there: read it from standard input.
    #[arg(long)]
    value: bool,
}

/// Runs `holdpoint secrets rotate`.
pub(super) fn run(flags: &RotateFlags, here: &Here) -> Ended {
    let secrets = here.state.secrets();
    if flags.value {
        let value = terminal::secret("The new credential (not shown): ")?;
        let rotated = secrets.rotate(&flags.name, &value).map_err(CommandError::usage)?;
        here.print(&rotated, &format!("{}agents use this: {}", line(&rotated), rotated.phantom))?;
        return Ok(Status::Done);
    }
    let listed = secrets.list().map_err(CommandError::unable)?;
    let Some(listed) = listed.into_iter().find(|it| it.name == flags.name) else {
        return Err(CommandError::usage(format!(
            "no secret is called {}; `holdpoint secrets list` shows those that are kept",
            flags.name
        )));
    };
    if let Some(rotates) = asked_of(&listed) {
        match by_provider(here, &listed, rotates) {
            Ok(value) => return kept(here, &listed, &value),
            Err(error) => eprintln!("holdpoint: {} gave none: {error}", rotates.host),
        }
    }
    let steps = steps(&listed);
    let text: String =
        steps.iter().enumerate().map(|(at, step)| format!("{}. {step}\n", at + 1)).collect();
    here.print(&json!({ "name": listed.name, "rotated": false, "steps": steps }), &text)?;
    // It is not done: whoever runs this in a script must not take it for done.
    Ok(Status::Wanting)
}

/// Keeps what a provider gave out.
fn kept(here: &Here, listed: &Listed, value: &SecretString) -> Ended {
    let name = &listed.name;
    let rotated = here.state.secrets().rotate(name, value).map_err(|error| {
        CommandError::unable(format!(
            "{error}; the old one has ended, and the new one is not kept: make one at its provider, \
             then `holdpoint secrets rotate {name} --value`"
        ))
    })?;
    here.print(
        &json!({ "name": name, "rotated": true, "phantom": rotated.phantom }),
        &format!(
            "{}it is rotated, and the old one has ended; agents use this: {}\n\
             whatever else had the old one needs the new one from its provider",
            line(&rotated),
            rotated.phantom
        ),
    )?;
    Ok(Status::Done)
}

/// The provider that a secret is for.
fn provider_of(listed: &Listed) -> Option<&'static Provider> {
    let serves = |host: &HostPattern, own: &&str| {
        glob::host_matches(own, host.as_str()) || *own == host.as_str()
    };
    providers().find(|provider| {
        listed.bounds.hosts.iter().any(|host| provider.hosts().iter().any(|own| serves(host, own)))
    })
}

/// How its provider is asked, if it can be: at the one host that the secret is for.
fn asked_of(listed: &Listed) -> Option<Rotates<'_>> {
    let Rotation::Api { method, path, header, field } = provider_of(listed)?.rotation else {
        return None;
    };
    let host = listed.bounds.hosts.first()?.as_str();
    (!host.starts_with('*')).then_some(Rotates { host, method, path, header, field })
}

fn by_provider(
    here: &Here,
    listed: &Listed,
    rotates: Rotates<'_>,
) -> Result<SecretString, CommandError> {
    let secrets = here.state.secrets().reveal_all().map_err(CommandError::unable)?;
    let secret = secrets.into_iter().find(|secret| secret.name == listed.name);
    let secret = secret.ok_or_else(|| CommandError::unable("it is not kept any more"))?;
    let upstream = Upstream::new(&here.config)?;
    let client = Client::new(upstream.dialer(&here.config)?, Limits::default());
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::unable)?;
    let new = runtime.block_on(anew(&client, rotates, &secret.value));
    new.map_err(CommandError::unable)
}

/// What a human does to make `listed` anew.
fn steps(listed: &Listed) -> Vec<String> {
    let name = &listed.name;
    let of = provider_of(listed);
    let host = listed.bounds.hosts.first().map_or("HOST", HostPattern::as_str);
    let page = match of.map(|provider| (provider.name, provider.rotation)) {
        Some((_, Rotation::Page(page))) => page.to_owned(),
        Some((_, Rotation::Api { method, path, header, field })) => {
            format!(
                "{method} https://{host}{path} with itself in `{header}` (the answer's `{field}`)"
            )
        }
        Some((provider, Rotation::Unknown)) => format!("the settings of {provider}"),
        None => "its provider".to_owned(),
    };
    vec![
        format!("make a new one: {page}; for no more than this one is for"),
        format!("give it to Holdpoint: holdpoint secrets rotate {name} --value"),
        "put it wherever else the old one is in use: servers, CI, colleagues".to_owned(),
        "take back the old one there; until then whoever has it can use it".to_owned(),
        "see in the provider's own log whether anybody did".to_owned(),
    ]
}
