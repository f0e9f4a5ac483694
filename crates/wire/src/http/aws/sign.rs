//! A message signed anew: Signature Version 4, in the header.
//! Source: AWS's reference "Create a signed AWS API request".

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use holdpoint_core::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::signature::{ALGORITHM, Scope, Stands, is_of_old_query, is_of_query};
use crate::http::message::{Body, Message};

/// What a canonical query leaves as it is (RFC 3986 §2.3, unreserved).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a canonical path leaves as it is.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Says that the body is not part of the signature.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// An AWS credential. Its secret parts are wiped when dropped, and printed nowhere.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
    /// The session token of a temporary one.
    pub session: Option<SecretString>,
}

impl Keys {
    /// Reads `AKID:secret` or `AKID:secret:session`; `None` if it is none of these.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (id, secret) = (parts.next()?, parts.next()?);
        let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let begins = id.starts_with("AKIA") || id.starts_with("ASIA");
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let session = parts.next();
        let good = begins
            && (16..=128).contains(&id.len())
            && id.bytes().all(letters)
            && secret.len() >= 16
            && plain(secret)
            && session.is_none_or(|session| session.len() >= 16 && plain(session));
        good.then(|| Self {
            id: id.to_owned(),
            secret: SecretString::from(secret),
            session: session.map(SecretString::from),
        })
    }
}

/// Why a message cannot be signed. It is unchanged as far as it matters: it is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignError {
    /// The body streams, and nothing says what its digest is.
    #[error("the body streams and has no x-amz-content-sha256; send that header, or less at once")]
    Streams,
    /// The session token cannot stand in a header.
    #[error("the session token has bytes that no header can hold; keep the credential anew")]
    NotWritable,
}

/// What the signatures of a body's pieces go on from.
#[derive(Debug)]
pub struct Seal {
    key: Zeroizing<[u8; 32]>,
    stamp: String,
    scope: String,
    /// The signature before, in hexadecimal.
    pub(super) previous: String,
}

/// Takes whatever signature `message` carries off it, and signs it with `keys` at `at`.
pub fn sign(
    message: &mut Message,
    scope: &Scope,
    stands: Stands,
    keys: &Keys,
    at: Timestamp,
) -> Result<Seal, SignError> {
    let payload = payload(message, stands, &scope.service)?;
    strip(message);
    let stamp = stamp(at);
    let mut add = |name: &str, value: String| message.headers.push((name.to_owned(), value.into()));
    add("x-amz-content-sha256", payload.clone());
    add("x-amz-date", stamp.clone());
    if let Some(session) = &keys.session {
        let session = session.expose_secret();
        if !session.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SignError::NotWritable);
        }
        add("x-amz-security-token", session.to_owned());
    }
    let (names, headers) = canonical_headers(message);
    let path = canonical_path(message.raw_path(), &scope.service);
    let query = message.target.split_once('?').map_or("", |(_, query)| query);
    let method = &message.method;
    let canonical =
        format!("{method}\n{path}\n{}\n{headers}\n{names}\n{payload}", canonical_query(query));
    let day = stamp.get(..8).unwrap_or_default();
    let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let key = signing_key(keys.secret.expose_secret(), day, scope);
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope_text}\n{}", digest(canonical.as_bytes()));
    let signature = hex(&mac(key.as_slice(), to_sign.as_bytes()));
    let credential = format!("{}/{scope_text}", keys.id);
    let authorization = format!(
        "{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    );
    message.headers.push(("authorization".to_owned(), Bytes::from(authorization)));
    Ok(Seal { key, stamp, scope: scope_text, previous: signature })
}

impl Seal {
    /// The signature of the next piece of a body.
    pub(super) fn piece(&mut self, data_digest: &str) -> &str {
        let empty = digest(b"");
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{empty}\n{data_digest}",
            self.stamp, self.scope, self.previous
        );
        self.previous = hex(&mac(self.key.as_slice(), text.as_bytes()));
        &self.previous
    }

    /// The signature of what stands behind the last piece.
    pub(super) fn trailer(&mut self, lines: &[u8]) -> &str {
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            self.stamp,
            self.scope,
            self.previous,
            digest(lines)
        );
        self.previous = hex(&mac(self.key.as_slice(), text.as_bytes()));
        &self.previous
    }
}

/// What the signature says about the body: what the sender said, or its digest.
fn payload(message: &Message, stands: Stands, service: &str) -> Result<String, SignError> {
    if let Some(said) = message.header_text("x-amz-content-sha256") {
        return Ok(said.trim().to_owned());
    }
    match &message.body {
        // What a presigned URL will carry is not known when it is made.
        _ if stands == Stands::Query && service == "s3" => Ok(UNSIGNED.to_owned()),
        // As it goes out: compressed, if it came so.
        Body::Whole(_) => Ok(digest(message.sent_body())),
        Body::Prefix(_) => Err(SignError::Streams),
    }
}

/// Takes signatures and what belongs to them off a message.
fn strip(message: &mut Message) {
    const OF_SIGNATURES: &[&str] =
        &["authorization", "date", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    message.headers.retain(|(name, _)| !OF_SIGNATURES.contains(&name.as_str()));
    let Some((path, query)) = message.target.split_once('?') else { return };
    let old = query.split('&').any(|pair| pair.starts_with("AWSAccessKeyId="));
    let goes = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        is_of_query(name) || (old && (is_of_old_query(name) || is_token(name)))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !goes(pair)).collect();
    message.target = match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    };
}

/// The session token in a URL of version 2.
fn is_token(name: &str) -> bool {
    name.eq_ignore_ascii_case("x-amz-security-token")
}

/// The names of the signed headers, and a line for each: what AWS wants signed, and nothing that
/// is written anew on the way out.
fn canonical_headers(message: &Message) -> (String, String) {
    let mut lines = vec![("host".to_owned(), message.authority())];
    for (name, value) in &message.headers {
        let signed = name.starts_with("x-amz-") || name == "content-type" || name == "content-md5";
        if !signed {
            continue;
        }
        let text = String::from_utf8_lossy(value);
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        match lines.iter_mut().find(|(own, _)| own == name) {
            Some((_, values)) => *values = format!("{values},{text}"),
            None => lines.push((name.clone(), text)),
        }
    }
    lines.sort();
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let text = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    (names.join(";"), text)
}

/// The path with everything encoded that has to be: once for S3, whose names are bytes; for all
/// others once more, and without empty parts.
fn canonical_path(raw: &str, service: &str) -> String {
    if service.starts_with("s3") {
        let decoded: Vec<u8> = percent_decode_str(raw).collect();
        return percent_encode(&decoded, PATH).to_string();
    }
    let mut path = String::new();
    for part in raw.split('/').filter(|part| !part.is_empty()) {
        path = format!("{path}/{part}");
    }
    if raw.ends_with('/') {
        path.push('/');
    }
    percent_encode(path.as_bytes(), PATH).to_string()
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded: Vec<u8> = percent_decode_str(&spaced).collect();
        percent_encode(&decoded, QUERY).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn signing_key(secret: &str, day: &str, scope: &Scope) -> Zeroizing<[u8; 32]> {
    let first = Zeroizing::new(format!("AWS4{secret}").into_bytes());
    let parts = [day, scope.region.as_str(), scope.service.as_str(), "aws4_request"];
    let mut key = Zeroizing::new([0; 32]);
    for (at, part) in parts.iter().enumerate() {
        let with: &[u8] = if at == 0 { &first } else { key.as_slice() };
        key = Zeroizing::new(mac(with, part.as_bytes()));
    }
    key
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length (RFC 2104), so this is never the default.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// The digest of some bytes, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const DAY_SECONDS: i64 = 86_400;

/// `20261120T140459Z`.
fn stamp(at: Timestamp) -> String {
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(0);
    let (days, rest) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of a number of days since 1970 (proleptic Gregorian calendar, years of
/// the calculation beginning in March).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Seconds since 1970 of a stamp.
pub(super) fn seconds_of_stamp(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    u64::try_from(days * DAY_SECONDS + hour * 3600 + minute * 60 + second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_is_written() {
        for (millis, expect) in [
            (0, "19700101T000000Z"),
            (951_782_400_000, "20000229T000000Z"),
            (1_795_183_499_000, "20261120T140459Z"),
            (4_107_542_399_000, "21000228T235959Z"),
        ] {
            assert_eq!(stamp(Timestamp(millis)), expect);
            assert_eq!(seconds_of_stamp(expect), Some(millis / 1000));
        }
        assert_eq!(seconds_of_stamp("yesterday"), None);
    }
}
