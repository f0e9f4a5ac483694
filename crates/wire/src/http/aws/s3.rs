//! S3: the bucket in the host or in the path, the key as it is, and what the query asks of them.

use holdpoint_catalog::aws::{self, Named, Parameters as _};
use holdpoint_core::{Effect, Operation, Resource};

use super::{
    beside, operation,
    protocol::{self, decoded},
    resource::Place,
    spoken::Spoken,
};
use crate::{
    Unreadable,
    http::{content, message::Message},
};

const S3: &str = "s3";

/// Bodies that are content: method, path and headers carry the meaning, so they may stream.
const CONTENT: &[&str] = &["PutObject", "UploadPart"];

/// The most keys of a deletion that are named one by one.
const KEYS_MAX: usize = 32;

/// Predefined rights that let nobody in who was not in before.
const PRIVATE: &[&str] = &["private", "bucket-owner-full-control", "bucket-owner-read"];

/// What a message to S3 would do.
pub(super) fn interpret(
    message: &Message,
    place: &Place<'_>,
) -> Result<Vec<Operation>, Unreadable> {
    let thing = Thing::read(message, place)?;
    let query = protocol::query(message)?;
    refuse_hoisted(&query)?;
    let segments: Vec<String> = thing.bucket.iter().chain(&thing.key).cloned().collect();
    let services = &place.endpoint.services;
    let asked = |part: &str| protocol::asks(&query, part);
    let routes = services.iter().flat_map(|it| it.route(&message.method, &segments, asked));
    let names: Vec<Named> = routes.filter(|named| is_meant(named.name, message)).collect();
    let mut spoken = Spoken::default();
    for name in protocol::HEADERS {
        if let Some(value) = message.header_text(name) {
            spoken.push(name, value)?;
        }
    }
    if let Some((name, version)) = query.iter().find(|(name, _)| name == "versionId") {
        spoken.push(name, version)?;
    }
    let streams = !names.is_empty() && names.iter().all(|named| CONTENT.contains(&named.name));
    if !streams {
        protocol::body(message, &content::read(message)?, &mut spoken)?;
    }
    let own = thing.resource(place);
    let mut operations = Vec::new();
    for named in &names {
        let meaning = aws::meaning(S3, named.name, Some(*named), &spoken);
        let name = format!("aws:s3:{}", named.name);
        for resource in each(named.name, &thing, place, &spoken) {
            operations.push(operation(&name, meaning, resource));
        }
    }
    if names.is_empty() {
        let meaning = aws::meaning(S3, "unknown", None, &spoken);
        operations.push(operation("aws:s3:unknown", meaning, own.clone()));
    }
    operations.extend(by_headers(message, place, &own)?);
    Ok(operations)
}

/// Whether an operation is meant of several that differ by a header only.
fn is_meant(name: &str, message: &Message) -> bool {
    let copies = message.header("x-amz-copy-source").next().is_some();
    let renames = message.header("x-amz-rename-source").next().is_some();
    match name {
        "PutObject" => !copies && !renames,
        "UploadPart" => !copies,
        "CopyObject" | "UploadPartCopy" => copies,
        "RenameObject" => renames,
        "ListDirectoryBuckets" => false,
        _ => true,
    }
}

/// Refuses headers that stand in the query, as some clients write them when they presign: there
/// they would be another operation than the one that is read.
fn refuse_hoisted(query: &[(String, String)]) -> Result<(), Unreadable> {
    let matters = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["acl", "grant-", "bypass-", "copy-source", "rename-source"]
            .iter()
            .any(|own| name.strip_prefix("x-amz-").is_some_and(|rest| rest.starts_with(own)))
    };
    match query.iter().find(|(name, _)| matters(name)) {
        Some((name, _)) => Err(Unreadable::new(format!(
            "`{}` stands in the query; send it as a header",
            name.escape_debug()
        ))),
        None => Ok(()),
    }
}

/// The things that an operation is about: for a deletion of many, each.
fn each(name: &str, thing: &Thing, place: &Place<'_>, spoken: &Spoken) -> Vec<Resource> {
    let keys = spoken.values("Object.Key");
    match &thing.bucket {
        Some(bucket) if name == "DeleteObjects" && (1..=KEYS_MAX).contains(&keys.len()) => keys
            .iter()
            .map(|key| place.resource(S3, &format!("{bucket}/{key}"), Some(bucket)))
            .collect(),
        _ => vec![thing.resource(place)],
    }
}

/// What headers ask for beside the operation.
fn by_headers(
    message: &Message,
    place: &Place<'_>,
    own: &Resource,
) -> Result<Vec<Operation>, Unreadable> {
    let mut found = Vec::new();
    let text = |name| message.header_text(name).map(str::trim);
    if text("x-amz-bypass-governance-retention").is_some_and(|it| !it.eq_ignore_ascii_case("false"))
    {
        let name = "aws:s3:BypassGovernanceRetention";
        found.push(beside(name, Effect::WeakenRecovery, own.clone()));
    }
    let public = text("x-amz-acl").is_some_and(|acl| !PRIVATE.contains(&acl));
    let grants = message.headers.iter().any(|(name, _)| name.starts_with("x-amz-grant-"));
    if public || grants {
        found.push(beside("aws:s3:PutObjectAcl", Effect::GrantAccess, own.clone()));
    }
    for name in ["x-amz-copy-source", "x-amz-rename-source"] {
        let Some(source) = text(name) else { continue };
        let source = source.split_once('?').map_or(source, |(source, _)| source);
        let source = decoded(source.trim_start_matches('/'))?;
        let bucket = source.split_once('/').map(|(bucket, _)| bucket);
        let resource = place.resource(S3, &source, bucket);
        let moved = name == "x-amz-rename-source";
        let effect = if moved { Effect::Remove } else { Effect::Observe };
        found.push(beside("aws:s3:GetObject", effect, resource));
    }
    Ok(found)
}

/// What a message is about.
struct Thing {
    bucket: Option<String>,
    key: Option<String>,
}

impl Thing {
    fn read(message: &Message, place: &Place<'_>) -> Result<Self, Unreadable> {
        let path = message.raw_path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = match &place.endpoint.bucket {
            Some(bucket) => (Some(bucket.clone()), path),
            None if path.is_empty() => (None, ""),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                let bucket = decoded(bucket)?;
                if bucket.is_empty() || bucket.contains('/') {
                    return Err(Unreadable::new("the path does not begin with a bucket's name"));
                }
                (Some(bucket), key)
            }
        };
        let key = Some(decoded(key)?).filter(|key| !key.is_empty());
        Ok(Self { bucket, key })
    }

    fn resource(&self, place: &Place<'_>) -> Resource {
        match (&self.bucket, &self.key) {
            (Some(bucket), Some(key)) => {
                place.resource(S3, &format!("{bucket}/{key}"), Some(bucket))
            }
            (Some(bucket), None) => place.resource(S3, bucket, None),
            (None, _) => place.resource(S3, "*", None),
        }
    }
}
