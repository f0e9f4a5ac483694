//! S3 with Object Lock: every file is locked when it is written, in the mode in which nobody
//! unlocks it before its time, and what somebody puts over it or before it changes nothing for us:
//! the first version is read. Source: Amazon S3 API Reference; "Locking objects with Object Lock".

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use holdpoint_core::{Digest, Timestamp};
use holdpoint_store::config::StoreUrl;
use holdpoint_wire::http::{
    Body, Message, Scheme,
    aws::{
        sign::{Keys, sign},
        signature::{Scope, Stands},
    },
};
use http::{Request, header::HOST};
use http_body_util::Full;
use rustic_core::{FileType, Id, jiff};

use super::{
    Elsewhere, Login,
    client::{Answer, Client, part},
    versions::{Version, element, first, read},
};
use crate::check::{Finding, can, cannot};

/// Versions whose names are remembered.
const REMEMBERED_MAX: usize = 1_000_000;
/// Pages of one list, of a thousand names each.
const PAGES_MAX: usize = 10_000;
/// How long what is tried stays locked.
const PROBE_DAYS: u64 = 1;
/// What is tried instead: before that, and still to come.
const SOONER_SECONDS: u64 = 3600;
const DAY_SECONDS: u64 = 24 * 3600;

/// A bucket.
#[derive(Debug)]
pub(super) struct S3 {
    client: Client,
    at: StoreUrl,
    keys: Keys,
    scope: Scope,
    /// How long a file is locked from when it is written.
    lock_days: u64,
    /// The first version of each name.
    known: Mutex<HashMap<String, String>>,
}

/// What is asked of a bucket.
struct Asked<'a> {
    method: &'static str,
    /// A name in it, or nothing for the bucket.
    key: &'a str,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl<'a> Asked<'a> {
    fn new(method: &'static str, key: &'a str) -> Self {
        let (query, headers) = (String::new(), Vec::new());
        Self { method, key, query, headers, body: Bytes::new() }
    }

    fn query(self, query: String) -> Self {
        Self { query, ..self }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What locks a name needs a checksum.
    fn body(self, body: Bytes) -> Self {
        let sum = BASE64.encode(Digest::of(&body).0);
        let sdk = self.header("x-amz-sdk-checksum-algorithm", "SHA256".to_owned());
        Self { body, ..sdk.header("x-amz-checksum-sha256", sum) }
    }
}

impl S3 {
    pub(super) fn new(at: &StoreUrl, client: Client, login: &Login, lock_days: u64) -> Self {
        let scope = Scope { region: region(&at.host), service: "s3".to_owned() };
        let (at, known) = (at.clone(), Mutex::default());
        Self { client, at, keys: login.keys(), scope, lock_days, known }
    }

    /// The bucket, and what stands before every name in it.
    fn places(&self) -> (&str, &str) {
        let path = self.at.path.trim_start_matches('/');
        path.split_once('/').unwrap_or((path, ""))
    }

    fn key(&self, of: FileType, id: &Id) -> String {
        let (prefix, hex) = (self.places().1, id.to_hex());
        let hex = hex.as_str();
        match of {
            FileType::Config => format!("{prefix}{}", of.dirname()),
            // As restic does in every store: a folder for each first byte.
            FileType::Pack => {
                format!("{prefix}{}/{}/{hex}", of.dirname(), hex.get(..2).unwrap_or_default())
            }
            of => format!("{prefix}{}/{hex}", of.dirname()),
        }
    }

    fn ask(&self, asked: Asked<'_>) -> io::Result<Answer> {
        let Asked { method, key, query, headers, body } = asked;
        let target = format!("/{}/{key}", self.places().0);
        let target = match query.is_empty() {
            true => target,
            false => format!("{target}?{query}"),
        };
        let own = |(name, value): (&str, String)| (name.to_owned(), Bytes::from(value));
        let mut message = Message {
            method: method.to_owned(),
            scheme: if self.at.tls { Scheme::Https } else { Scheme::Http },
            host: self.at.host.clone(),
            port: self.at.port,
            target,
            headers: headers.into_iter().map(own).collect(),
            body: Body::Whole(body.clone()),
            coded: None,
        };
        sign(&mut message, &self.scope, Stands::Header, &self.keys, super::now())
            .map_err(io::Error::other)?;
        let mut request = Request::builder()
            .method(method)
            .uri(&message.target)
            .header(HOST, message.authority());
        for (name, value) in &message.headers {
            request = request.header(name, value.as_ref());
        }
        self.client.ask(request.body(Full::new(body)).map_err(io::Error::other)?)
    }

    /// The first version of every name that begins so.
    fn versions(&self, prefix: &str) -> io::Result<Vec<Version>> {
        let (mut all, mut from) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let query = format!("versions&prefix={}{from}", encoded(prefix));
            let answer = self.ask(Asked::new("GET", "").query(query))?.good()?;
            let page = read(&String::from_utf8_lossy(&answer.body));
            let page =
                page.ok_or_else(|| io::Error::other("the store lists nothing to be read"))?;
            all.extend(page.versions);
            let Some((key, version)) = page.next else {
                return Ok(self.remember(first(all)));
            };
            let version = match version.as_str() {
                "" => String::new(),
                version => format!("&version-id-marker={}", encoded(version)),
            };
            from = format!("&key-marker={}{version}", encoded(&key));
        }
        Err(io::Error::other("the bucket has more names than are read"))
    }

    fn remember(&self, versions: Vec<Version>) -> Vec<Version> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > REMEMBERED_MAX {
            known.clear();
        }
        known.extend(versions.iter().map(|it| (it.key.clone(), it.id.clone())));
        versions
    }

    /// The first version of a name, if it is there.
    fn version(&self, key: &str) -> io::Result<Option<String>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.versions(key)?.into_iter().find(|it| it.key == key);
        Ok(found.map(|it| it.id))
    }

    fn get(&self, key: &str, range: Option<String>) -> io::Result<Answer> {
        let version = self.version(key)?.ok_or(io::ErrorKind::NotFound)?;
        let asked = Asked::new("GET", key).query(format!("versionId={}", encoded(&version)));
        let asked = match range {
            Some(range) => asked.header("range", range),
            None => asked,
        };
        self.ask(asked)?.good()
    }

    /// Writes a name, locked for some days.
    fn put(&self, key: &str, content: Bytes, days: u64) -> io::Result<()> {
        let asked = Asked::new("PUT", key)
            .header("x-amz-object-lock-mode", MODE.to_owned())
            .header("x-amz-object-lock-retain-until-date", in_days(days)?)
            .body(content);
        self.ask(asked)?.good().map(drop)
    }

    fn delete(&self, key: &str, version: Option<&str>) -> io::Result<()> {
        let asked = Asked::new("DELETE", key);
        let asked = match version {
            Some(version) => asked
                .query(format!("versionId={}", encoded(version)))
                .header("x-amz-bypass-governance-retention", "true".to_owned()),
            None => asked,
        };
        self.ask(asked)?.good().map(drop)
    }

    /// Has one version locked in this mode until then.
    fn lock(&self, key: &str, version: &str, mode: &str, until: &str) -> io::Result<()> {
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
             <RetainUntilDate>{until}</RetainUntilDate></Retention>"
        );
        let query = format!("retention&versionId={}", encoded(version));
        let asked = Asked::new("PUT", key).query(query).body(Bytes::from(body));
        let bypass = asked.header("x-amz-bypass-governance-retention", "true".to_owned());
        self.ask(bypass)?.good().map(drop)
    }

    /// Whether the bucket locks at all.
    fn locks_names(&self) -> io::Result<()> {
        let answer = self.ask(Asked::new("GET", "").query("object-lock".to_owned()))?.good()?;
        let text = String::from_utf8_lossy(&answer.body);
        match element(&text, "ObjectLockEnabled").as_deref() {
            Some("Enabled") => Ok(()),
            _ => Err(io::Error::other("Object Lock is off: it is chosen when a bucket is made")),
        }
    }
}

/// The mode that nobody ends before its time.
const MODE: &str = "COMPLIANCE";

/// The region of an endpoint of AWS (`s3.eu-central-1.amazonaws.com`); others take any.
fn region(host: &str) -> String {
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        ["s3", region, "amazonaws", ..] => (*region).to_owned(),
        _ => "us-east-1".to_owned(),
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The moment some days from now, as S3 writes it.
fn in_days(days: u64) -> io::Result<String> {
    at(super::now().plus_seconds(days.saturating_mul(DAY_SECONDS)))
}

/// A moment as S3 writes it.
fn at(moment: Timestamp) -> io::Result<String> {
    let seconds = moment.0 / 1000;
    let seconds = i64::try_from(seconds).map_err(io::Error::other)?;
    Ok(jiff::Timestamp::new(seconds, 0).map_err(io::Error::other)?.to_string())
}

impl Elsewhere for S3 {
    fn place(&self) -> String {
        self.at.to_string()
    }

    fn list(&self, of: FileType) -> io::Result<Vec<(Id, u32)>> {
        let prefix = self.places().1;
        if of == FileType::Config {
            let key = self.key(of, &Id::default());
            let found = self.versions(&key)?.into_iter().find(|it| it.key == key);
            return Ok(found.map(|it| (Id::default(), it.size)).into_iter().collect());
        }
        let versions = self.versions(&format!("{prefix}{}/", of.dirname()))?;
        let id = |it: Version| Some((it.key.rsplit('/').next()?.parse::<Id>().ok()?, it.size));
        Ok(versions.into_iter().filter_map(id).collect())
    }

    fn read(&self, of: FileType, id: &Id, at: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let key = self.key(of, id);
        let Some((offset, length)) = at else {
            return Ok(self.get(&key, None)?.body.to_vec());
        };
        let end = (u64::from(offset) + u64::from(length)).saturating_sub(1);
        part(self.get(&key, Some(format!("bytes={offset}-{end}")))?, offset, length)
    }

    fn add(&self, of: FileType, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let (key, content) = (self.key(of, id), Bytes::from(parts.concat()));
        // A second configuration would be another version, which nobody reads.
        if of == FileType::Config && self.version(&key)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.put(&key, content, self.lock_days)
    }

    fn remove(&self, of: FileType, id: &Id) -> io::Result<()> {
        let key = self.key(of, id);
        let Some(version) = self.version(&key)? else { return Ok(()) };
        self.delete(&key, Some(&version))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        Ok(())
    }

    fn locks(&self) -> bool {
        true
    }

    fn renew(&self, files: &[(FileType, Id)]) -> io::Result<()> {
        let until = in_days(self.lock_days)?;
        for (of, id) in files {
            let key = self.key(*of, id);
            let Some(version) = self.version(&key)? else { continue };
            self.lock(&key, &version, MODE, &until)?;
        }
        Ok(())
    }

    fn check(&self, _saved: &HashSet<PathBuf>) -> io::Result<Vec<Finding>> {
        let key = format!("{}probe-{}", self.places().1, super::now().0);
        let added = self.put(&key, Bytes::from_static(b"probe"), PROBE_DAYS);
        let body = || self.get(&key, None).map(|answer| answer.body);
        let read = body().map(drop);
        let version = self.version(&key)?.unwrap_or_default();
        let replaced = self.put(&key, Bytes::from_static(b""), PROBE_DAYS);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        let replace = match body() {
            Ok(now) if now == "probe" => Err(io::Error::other(match replaced {
                Ok(()) => "what is put over it is another version, and the first one is read",
                Err(_) => "it is refused",
            })),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        // In the past is no time at all: whoever could choose it would choose a later one.
        let sooner = at(super::now().plus_seconds(SOONER_SECONDS))?;
        let shorten = self
            .lock(&key, &version, MODE, &sooner)
            .or_else(|_| self.lock(&key, &version, "GOVERNANCE", &sooner));
        let remove = self.delete(&key, Some(&version));
        Ok(vec![
            can("lock", self.locks_names()),
            can("add", added),
            can("read", read),
            cannot("shorten", shorten, WHO),
            cannot("replace", replace, WHO),
            cannot("remove", remove, WHO),
            super::here(&self.at),
        ])
    }
}

/// What to do where whoever writes can do more.
const WHO: &str =
    "whoever has the login of the gateway can do it: make the bucket with Object Lock";

#[cfg(test)]
mod tests {
    use super::region;

    #[test]
    fn an_endpoint_tells_its_region() {
        assert_eq!(region("s3.eu-central-1.amazonaws.com"), "eu-central-1");
        assert_eq!(region("s3.amazonaws.com"), "us-east-1");
        assert_eq!(region("minio.example.com"), "us-east-1");
    }
}
