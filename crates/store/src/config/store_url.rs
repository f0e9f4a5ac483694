//! Where snapshots lie that another machine keeps. It holds no password: that is sealed.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use super::authority;

/// What a store of snapshots speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreProtocol {
    /// Restic's own, "REST backend" (restic.readthedocs.io), of a server that only appends.
    Rest,
    /// Amazon's S3, in a bucket with Object Lock.
    S3,
}

/// A store of snapshots: `rest:https://backup.example.com:8000/team/` or
/// `s3:https://s3.eu-central-1.amazonaws.com/bucket/team`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    /// What it speaks.
    pub protocol: StoreProtocol,
    /// Whether over TLS.
    pub tls: bool,
    /// Its host, lower case, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where in it, with a slash at both ends; of S3 the bucket comes first.
    pub path: String,
}

/// Why a text is no address of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StoreUrlError {
    /// What it speaks.
    #[error("write rest:https://HOST[:PORT]/PATH/ or s3:https://HOST[:PORT]/BUCKET[/PATH]")]
    Protocol,
    /// A login.
    #[error("a login does not stand in an address; keep it with `holdpoint snapshots login`")]
    Login,
    /// No TLS.
    #[error("without TLS anybody on the way reads the login; only this machine is reached so")]
    Plain,
    /// No host, or no port.
    #[error("write a host, and a port from 1 to 65535")]
    Authority,
    /// What a store may be called.
    #[error("of a path only letters, digits and `-_.` are taken; of S3 it begins with the bucket")]
    Path,
}

impl StoreUrl {
    /// Whether it is on this machine, by its address.
    pub fn is_here(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            StoreProtocol::Rest => "rest",
            StoreProtocol::S3 => "s3",
        };
        let scheme = if self.tls { "https" } else { "http" };
        let Self { host, port, path, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        write!(f, "{protocol}:{scheme}://{host}:{port}{path}")
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let (protocol, url) = text.trim().split_once(':').ok_or(StoreUrlError::Protocol)?;
        let protocol = match protocol {
            "rest" => StoreProtocol::Rest,
            "s3" => StoreProtocol::S3,
            _ => return Err(StoreUrlError::Protocol),
        };
        let (tls, rest) = match url.split_once("://").ok_or(StoreUrlError::Protocol)? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return Err(StoreUrlError::Protocol),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(StoreUrlError::Login);
        }
        let (host, port) = authority::read(authority, if tls { 443 } else { 80 })
            .ok_or(StoreUrlError::Authority)?;
        let path = read_path(path).filter(|path| protocol == StoreProtocol::Rest || path != "/");
        let path = path.ok_or(StoreUrlError::Path)?;
        let url = Self { protocol, tls, host, port, path };
        if url.tls || url.is_here() { Ok(url) } else { Err(StoreUrlError::Plain) }
    }
}

/// A path with a slash at both ends, if nothing in it could be read in two ways.
fn read_path(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let plain = |part: &&str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        part.bytes().all(letter) && !part.bytes().all(|byte| byte == b'.')
    };
    let path = match parts.is_empty() {
        true => "/".to_owned(),
        false => format!("/{}/", parts.join("/")),
    };
    parts.iter().all(plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{StoreUrl, StoreUrlError};

    #[test]
    fn stores() {
        let check = |text: &str, expect: Result<&str, StoreUrlError>| {
            let read = text.parse::<StoreUrl>().map(|url| url.to_string());
            assert_eq!(read, expect.map(str::to_owned), "{text}");
        };
        check("rest:https://b.example.com", Ok("rest:https://b.example.com:443/"));
        check("rest:https://B.example.com:8000/team", Ok("rest:https://b.example.com:8000/team/"));
        check("rest:http://127.0.0.1:8000/", Ok("rest:http://127.0.0.1:8000/"));
        check("rest:http://[::1]:8000/", Ok("rest:http://[::1]:8000/"));
        check(
            "s3:https://s3.eu-central-1.amazonaws.com/bucket/a",
            Ok("s3:https://s3.eu-central-1.amazonaws.com:443/bucket/a/"),
        );
        check("s3:https://s3.amazonaws.com/", Err(StoreUrlError::Path));
        check("rest:https://h/a/../b", Err(StoreUrlError::Path));
        check("rest:https://h/a?x", Err(StoreUrlError::Path));
        check("rest:http://backup.example.com/", Err(StoreUrlError::Plain));
        check("rest:https://me:secret@h/", Err(StoreUrlError::Login));
        check("rest:https://*.example.com/", Err(StoreUrlError::Authority));
        check("rest:https://h:0/", Err(StoreUrlError::Authority));
        check("sftp:https://h/", Err(StoreUrlError::Protocol));
        check("https://h/", Err(StoreUrlError::Protocol));
        check("/var/lib", Err(StoreUrlError::Protocol));
    }
}
