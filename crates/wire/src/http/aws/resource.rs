//! What an operation of AWS is about: `aws:s3/bucket/key`, `aws:ec2/i-0f3c…`, within a region.

use holdpoint_catalog::aws::Endpoint;
use holdpoint_core::{Resource, ResourceId};

use super::{protocol::Call, spoken::Spoken};

/// The most things that one message names one by one; beyond it, it is about all of them.
const EACH_MAX: usize = 32;

/// What ends the name of a parameter that says which thing is meant.
const ENDINGS: &[&str] = &["identifier", "name", "arn", "url", "id", ""];

/// Where a message goes.
pub(super) struct Place<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) region: Option<&'a str>,
}

impl Place<'_> {
    /// What `call` is about: labels of its path, else the parameters that are named for what its
    /// name says it acts on; never none.
    pub(super) fn resources(&self, call: &Call, spoken: &Spoken) -> Vec<Resource> {
        let of_path: Vec<String> = call.labels.iter().map(|label| plain(label)).collect();
        let mut ids = match of_path.is_empty() {
            true => named(&call.operation, spoken),
            false => vec![of_path.join("/")],
        };
        ids.dedup();
        if ids.is_empty() || ids.len() > EACH_MAX {
            ids = vec!["*".to_owned()];
        }
        ids.iter().map(|id| self.resource(call.service, id, None)).collect()
    }

    /// One thing of a service, in a container of the same service where it has one.
    pub(super) fn resource(&self, service: &str, id: &str, within: Option<&str>) -> Resource {
        let of = |id: &str| ResourceId::of("aws", service, id);
        let region = self.region.map(|region| ResourceId::of("aws", "region", region));
        Resource { id: of(id), within: within.map(of).into_iter().chain(region).collect() }
    }
}

/// The values of the parameters that say which thing an operation is about.
fn named(operation: &str, spoken: &Spoken) -> Vec<String> {
    let noun = noun(operation);
    let best = spoken.top().filter_map(|(name, _)| Some((score(name, &noun)?, name)));
    // Of equals the first in the alphabet, whatever the order in the message.
    let best = best.max_by(|(one, name), (other, other_name)| {
        one.cmp(other).then_with(|| other_name.cmp(name))
    });
    let Some((_, best)) = best else { return Vec::new() };
    let values = spoken.top().filter(|(name, _)| *name == best);
    values.map(|(_, value)| plain(value)).collect()
}

/// What an operation acts on, in small letters and in the singular: `TerminateInstances` is about
/// an `instance`.
fn noun(operation: &str) -> String {
    let end = operation.char_indices().skip(1).find(|(_, letter)| letter.is_ascii_uppercase());
    let rest = end.and_then(|(at, _)| operation.get(at..)).unwrap_or_default();
    singular(&rest.to_ascii_lowercase()).to_owned()
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

/// How surely a parameter says which thing is meant; `None` if it does not.
fn score(name: &str, noun: &str) -> Option<u8> {
    let name = name.to_ascii_lowercase();
    let name = singular(&name);
    let (ending, thing) =
        ENDINGS.iter().find_map(|ending| Some((*ending, name.strip_suffix(ending)?)))?;
    let thing = singular(thing);
    let other = ["final", "target", "source", "client", "new", "kms", "owner", "master"];
    match () {
        () if thing == noun => Some(4),
        () if ending.is_empty() || other.iter().any(|word| name.starts_with(word)) => None,
        () if noun.starts_with(thing) && !thing.is_empty() => Some(3),
        () if noun.ends_with(thing) || thing.ends_with(noun) => Some(2),
        () => Some(1),
    }
}

/// A name without what an ARN or a URL puts before it: `arn:aws:rds:eu-west-1:1:db:shop` and
/// `shop` are one.
fn plain(value: &str) -> String {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    if let [arn, _, service, _, _, rest] = parts.as_slice()
        && *arn == "arn"
    {
        let whole = matches!(*service, "s3" | "sqs" | "sns");
        let name = rest.split_once([':', '/']).filter(|_| !whole).map_or(*rest, |(_, name)| name);
        return name.to_owned();
    }
    match value.split_once("://") {
        Some((_, rest)) => rest.rsplit('/').next().unwrap_or(rest).to_owned(),
        None => value.to_owned(),
    }
}
