//! Whose signature a message carries, and for what (Signature Version 4; presigned URLs of
//! version 2, which some clients still make for S3).

use std::{borrow::Cow, ops::Range};

use holdpoint_catalog::aws::Endpoint;

use crate::{
    Unreadable,
    http::{content, message::Message, path},
};

/// The word for Signature Version 4.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What begins the word for its asymmetric kin, which signs for several regions at once.
const ASYMMETRIC: &str = "AWS4-ECDSA";

/// What a signature says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The access key id.
    pub key_id: String,
    /// Region and service that it is for; version 2 does not say.
    pub scope: Option<Scope>,
    /// Where it stands.
    pub stands: Stands,
    /// When a presigned URL ends, in seconds since 1970; `None` for a header.
    pub ends_at: Option<u64>,
}

/// Region and service of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Such as `eu-west-1`.
    pub region: String,
    /// Such as `s3`.
    pub service: String,
}

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// In `Authorization`.
    Header,
    /// In the query.
    Query,
}

/// The signature on a message, if there is one that is read here.
pub fn read(message: &Message) -> Option<Signature> {
    if let Some(text) = message.header_text("authorization") {
        let (range, _) = key_id_in_header(text)?;
        let credential = text.get(range.start..)?.split([',', ' ']).next()?;
        let (key_id, scope) = credential_scope(credential)?;
        return Some(Signature {
            key_id,
            scope: Some(scope),
            stands: Stands::Header,
            ends_at: None,
        });
    }
    let query = message.target.split_once('?')?.1;
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let raw = pairs.find(|(own, _)| own.eq_ignore_ascii_case(name))?.1;
        path::decode(raw).ok()
    };
    if let Some(credential) = value("X-Amz-Credential") {
        let (key_id, scope) = credential_scope(&credential)?;
        let begins = value("X-Amz-Date").as_deref().and_then(super::sign::seconds_of_stamp);
        let lasts = value("X-Amz-Expires").and_then(|text| text.parse::<u64>().ok());
        let ends_at = Some(begins.unwrap_or(0).saturating_add(lasts.unwrap_or(0)));
        return Some(Signature { key_id, scope: Some(scope), stands: Stands::Query, ends_at });
    }
    let key_id = value("AWSAccessKeyId")?.into_owned();
    value("Signature")?;
    let ends_at = Some(value("Expires").and_then(|text| text.parse().ok()).unwrap_or(0));
    Some(Signature { key_id, scope: None, stands: Stands::Query, ends_at })
}

/// `AKID/20261120/eu-west-1/s3/aws4_request`.
fn credential_scope(text: &str) -> Option<(String, Scope)> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [key_id, _, region, service, "aws4_request"] => {
            let scope = Scope { region: (*region).to_owned(), service: (*service).to_owned() };
            Some(((*key_id).to_owned(), scope))
        }
        _ => None,
    }
}

/// Where the key id stands in an `Authorization` of version 4.
pub(in crate::http) fn key_id_in_header(text: &str) -> Option<(Range<usize>, &str)> {
    let rest = text.trim_start().strip_prefix(ALGORITHM)?;
    let begin = text.len() - rest.len();
    let mut named = rest.match_indices("Credential=");
    let (at, word) = named.next().filter(|_| rest.starts_with([' ', '\t']))?;
    if named.next().is_some() {
        return None;
    }
    let start = begin + at + word.len();
    let key_id = text.get(start..)?.split('/').next().filter(|key_id| !key_id.is_empty())?;
    Some((start..start + key_id.len(), key_id))
}

/// Whether a parameter of the query is part of a presigned URL, and of nothing that is asked.
pub(in crate::http) fn is_of_query(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-signature",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ];
    NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The same of version 2.
pub(super) fn is_of_old_query(name: &str) -> bool {
    ["AWSAccessKeyId", "Signature", "Expires"].contains(&name)
}

/// Path and query without what is another for each signing of the same: a digest of the message
/// must not depend on when it was signed.
pub(in crate::http) fn unsigned(target: &str) -> Cow<'_, str> {
    let signed = target.contains("X-Amz-Signature=");
    let Some((path, query)) = target.split_once('?').filter(|_| signed) else {
        return Cow::Borrowed(target);
    };
    let changes = |name: &str| {
        ["X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Credential"].contains(&name)
    };
    let name = |pair: &&str| pair.split_once('=').map_or(*pair, |(name, _)| name).to_owned();
    let kept: Vec<&str> = query.split('&').filter(|pair| !changes(&name(pair))).collect();
    let key_id = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="));
    let key_id = key_id.and_then(|value| value.split(['/', '%']).next()).unwrap_or_default();
    Cow::Owned(format!("{path}?{}&{key_id}", kept.join("&")))
}

/// Refuses signatures that cannot be made anew, and such as are for another service or region
/// than the host; the region that the message is signed for.
pub(super) fn check(message: &Message, endpoint: &Endpoint) -> Result<Option<String>, Unreadable> {
    let header = message.header_text("authorization").unwrap_or_default();
    let algorithm = message.target.contains(ASYMMETRIC);
    let payload = message.header_text("x-amz-content-sha256").unwrap_or_default();
    if header.trim_start().starts_with(ASYMMETRIC) || algorithm || payload.contains("ECDSA") {
        return Err(Unreadable::new(
            "the signature is of version 4a (several regions at once), which cannot be made anew; sign for one region with AWS4-HMAC-SHA256",
        ));
    }
    if content::media_type(message) == "multipart/form-data" {
        return Err(Unreadable::new(
            "a form with a signed policy (POST) cannot be signed anew; upload with PUT",
        ));
    }
    let in_query = message.target.contains("X-Amz-Credential=");
    if in_query && !header.is_empty() {
        return Err(Unreadable::new(
            "there is a signature in a header and one in the URL; send one",
        ));
    }
    let Some(Signature { scope: Some(scope), .. }) = read(message) else { return Ok(None) };
    if !endpoint.signs_as(&scope.service, &scope.region) {
        let region = endpoint.region.as_deref().unwrap_or("any region");
        return Err(Unreadable::new(format!(
            "the signature is for {} in {}, the host is {} in {region}; sign for the host that is meant",
            scope.service.escape_debug(),
            scope.region.escape_debug(),
            endpoint.name,
        )));
    }
    Ok(Some(scope.region))
}
