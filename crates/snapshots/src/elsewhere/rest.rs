//! Restic's REST protocol (restic.readthedocs.io, "REST Backend"), as a server speaks it that only
//! appends: whoever writes adds and reads, and is refused everything else.

use std::{collections::HashSet, io, path::PathBuf};

use bytes::Bytes;
use holdpoint_core::Digest;
use holdpoint_store::config::StoreUrl;
use http::{Method, Request, header};
use http_body_util::Full;
use rustic_core::{FileType, Id};

use super::{
    Elsewhere, Login,
    client::{Answer, Client},
};
use crate::check::{Finding, can, cannot};

/// How a list is asked for that has lengths.
const LIST: &str = "application/vnd.x.restic.rest.v2";
/// Where restic keeps locks, which we have no use for: what is tried is tried there.
const LOCKS: &str = "locks";

/// A store that speaks REST.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client,
    at: StoreUrl,
    login: Option<Login>,
}

impl Rest {
    pub(super) fn new(at: &StoreUrl, client: Client, login: Option<Login>) -> Self {
        Self { client, at: at.clone(), login }
    }

    fn path(of: FileType, id: &Id) -> String {
        match of {
            FileType::Config => of.dirname().to_owned(),
            of => format!("{}/{}", of.dirname(), id.to_hex().as_str()),
        }
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: Bytes,
    ) -> io::Result<Answer> {
        let StoreUrl { host, port, path: base, .. } = &self.at;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header(header::HOST, format!("{host}:{port}"));
        if let Some(login) = &self.login {
            request = request.header(header::AUTHORIZATION, login.basic().as_str());
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.client.ask(request.body(Full::new(body)).map_err(io::Error::other)?)
    }

    fn put(&self, path: &str, content: Bytes) -> io::Result<()> {
        self.ask(Method::POST, path, &[], content)?.good().map(drop)
    }

    fn get(&self, path: &str) -> io::Result<Bytes> {
        Ok(self.ask(Method::GET, path, &[], Bytes::new())?.good()?.body)
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        self.ask(Method::DELETE, path, &[], Bytes::new())?.good().map(drop)
    }

    /// How long a file is, if it is there.
    fn length(&self, path: &str) -> io::Result<Option<u32>> {
        match self.ask(Method::HEAD, path, &[], Bytes::new())?.good() {
            Ok(answer) => {
                let length = answer.headers.get(header::CONTENT_LENGTH);
                let length = length.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
                Ok(Some(length.unwrap_or(0)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a file can be removed: asked for one that nobody has, so that nothing is lost. A
    /// server that only appends says no before it looks.
    fn removes(&self, of: FileType) -> io::Result<()> {
        let id = Digest::of(format!("nobody has this {}", super::now().0).as_bytes()).to_string();
        match self.delete(&format!("{}/{id}", of.dirname())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            tried => tried,
        }
    }

    /// Whether what is at `path` is another after `content` was put there.
    fn replaces(&self, path: &str, before: &[u8], content: &'static [u8]) -> io::Result<()> {
        let put = self.put(path, Bytes::from_static(content));
        match self.get(path) {
            Ok(now) if now == before => put.and(Err(io::Error::other("it stays what it was"))),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Elsewhere for Rest {
    fn place(&self) -> String {
        self.at.to_string()
    }

    fn create(&self) -> io::Result<()> {
        self.put("?create=true", Bytes::new())
    }

    fn list(&self, of: FileType) -> io::Result<Vec<(Id, u32)>> {
        if of == FileType::Config {
            let length = self.length(of.dirname())?;
            return Ok(length.map(|length| (Id::default(), length)).into_iter().collect());
        }
        #[derive(serde::Deserialize)]
        struct Listed {
            name: String,
            size: u32,
        }
        let path = format!("{}/", of.dirname());
        let answer = self.ask(Method::GET, &path, &[(header::ACCEPT, LIST)], Bytes::new())?.good();
        let answer = match answer {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            answer => answer?,
        };
        let listed: Vec<Listed> = serde_json::from_slice(&answer.body)?;
        let id = |Listed { name, size }: Listed| Some((name.parse::<Id>().ok()?, size));
        Ok(listed.into_iter().filter_map(id).collect())
    }

    fn read(&self, of: FileType, id: &Id, part: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let path = Self::path(of, id);
        let Some((offset, length)) = part else { return self.get(&path).map(Vec::from) };
        let end = u64::from(offset) + u64::from(length);
        let range = format!("bytes={offset}-{}", end.saturating_sub(1));
        let answer = self.ask(Method::GET, &path, &[(header::RANGE, &range)], Bytes::new())?;
        super::client::part(answer.good()?, offset, length)
    }

    fn add(&self, of: FileType, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let (path, content) = (Self::path(of, id), Bytes::from(parts.concat()));
        let length = u32::try_from(content.len()).ok();
        let Err(refused) = self.put(&path, content) else { return Ok(()) };
        // Content-addressed: what is there under the name is this.
        let there = of != FileType::Config && length.is_some();
        if there && self.length(&path).is_ok_and(|it| it == length) {
            return Ok(());
        }
        Err(refused)
    }

    fn remove(&self, of: FileType, id: &Id) -> io::Result<()> {
        self.delete(&Self::path(of, id))
    }

    fn check(&self, _saved: &HashSet<PathBuf>) -> io::Result<Vec<Finding>> {
        let probe = format!("probe {}", super::now().0).into_bytes();
        let path = format!("{LOCKS}/{}", Digest::of(&probe));
        let added = self.put(&path, Bytes::from(probe.clone()));
        let read = self.get(&path).and_then(|found| match found == probe {
            true => Ok(()),
            false => Err(io::Error::other("it is not what was added")),
        });
        let shorten = self.replaces(&path, &probe, b"");
        let replace = self.replaces(&path, &probe, b"another");
        let kinds = [FileType::Snapshot, FileType::Index, FileType::Pack, FileType::Key];
        let remove = kinds.iter().map(|of| self.removes(*of)).find(Result::is_ok);
        let remove = remove.unwrap_or_else(|| self.removes(FileType::Snapshot));
        // Locks may go: restic itself removes them.
        let _ = self.delete(&path);
        Ok(vec![
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
const WHO: &str = "whoever has the login of the gateway can do it: have the server only append \
                   (`rest-server --append-only`)";
