//! The address of a proxy towards the world. It may hold a password, so it is printed without.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;
use thiserror::Error;
use zeroize::Zeroizing;

use super::authority;

/// A proxy that speaks HTTP: `http://user:password@proxy.example.com:3128`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    tls: bool,
    host: String,
    port: u16,
    credentials: Option<Zeroizing<Vec<u8>>>,
}

/// Why a text is no address of a proxy. It never repeats the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyUrlError {
    /// A proxy of another kind.
    #[error(
        "SOCKS proxies are not spoken here; name a proxy that speaks HTTP, as http://HOST:PORT"
    )]
    Socks,
    /// Another scheme.
    #[error("a proxy is written as http://HOST:PORT or https://HOST:PORT")]
    Scheme,
    /// No host, or no port.
    #[error(
        "write a host and a port from 1 to 65535, such as http://proxy.example.com:3128, without a path"
    )]
    Authority,
    /// What stands before the `@`.
    #[error(
        "user and password are written as USER:PASSWORD@, each percent-encoded, without control characters"
    )]
    Credentials,
}

impl ProxyUrl {
    /// Whether the proxy itself is spoken to over TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Its host, lower case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `USER:PASSWORD` as `Basic` encodes it (RFC 7617), where there is one.
    pub fn credentials(&self) -> Option<&[u8]> {
        self.credentials.as_deref().map(Vec::as_slice)
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        // Without a scheme it is HTTP, as every client reads it.
        let (scheme, rest) = text.trim().split_once("://").unwrap_or(("http", text.trim()));
        let scheme = scheme.to_ascii_lowercase();
        let tls = match scheme.as_str() {
            "http" => false,
            "https" => true,
            socks if socks.starts_with("socks") => return Err(ProxyUrlError::Socks),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, authority) =
            rest.rsplit_once('@').map_or((None, rest), |(user, authority)| (Some(user), authority));
        let (host, port) = authority::read(authority, if tls { 443 } else { 80 })
            .ok_or(ProxyUrlError::Authority)?;
        let credentials = user.map(read_credentials).transpose()?;
        Ok(Self { tls, host, port, credentials })
    }
}

/// `USER:PASSWORD`, decoded. A colon within the user would move the border between them.
fn read_credentials(text: &str) -> Result<Zeroizing<Vec<u8>>, ProxyUrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let user: Vec<u8> = percent_decode_str(user).collect();
    let mut decoded = Zeroizing::new(user);
    if decoded.contains(&b':') {
        return Err(ProxyUrlError::Credentials);
    }
    decoded.push(b':');
    decoded.extend(percent_decode_str(password));
    match decoded.iter().any(u8::is_ascii_control) {
        true => Err(ProxyUrlError::Credentials),
        false => Ok(decoded),
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port, .. } = self;
        let scheme = if *tls { "https" } else { "http" };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

// By hand: the credentials reach no log.
impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{ProxyUrl, ProxyUrlError};

    #[test]
    fn a_proxy_is_a_host_a_port_and_perhaps_a_user() {
        for (text, shown, credentials) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128", None),
            ("proxy.example.com:3128", "http://proxy.example.com:3128", None),
            ("  HTTP://Proxy.Example.com.:3128/ ", "http://proxy.example.com:3128", None),
            ("http://proxy.example.com", "http://proxy.example.com:80", None),
            ("https://proxy.example.com", "https://proxy.example.com:443", None),
            ("http://[::1]:3128", "http://[::1]:3128", None),
            ("http://[2001:db8:0::1]", "http://[2001:db8::1]:80", None),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080", None),
            ("http://user:pass@proxy:1", "http://proxy:1", Some("user:pass")),
            ("http://user@proxy:1", "http://proxy:1", Some("user:")),
            ("http://us%40er:p%3Ass%2F@proxy:1", "http://proxy:1", Some("us@er:p:ss/")),
            ("http://user:p@ss@proxy:1", "http://proxy:1", Some("user:p@ss")),
        ] {
            let proxy: ProxyUrl = text.parse().unwrap();
            assert_eq!(proxy.to_string(), shown, "{text}");
            assert_eq!(proxy.credentials(), credentials.map(str::as_bytes), "{text}");
            let debugged = format!("{proxy:?}");
            assert!(!debugged.contains("pass") && !debugged.contains("user"), "{debugged}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_repeated() {
        use ProxyUrlError::{Authority, Credentials, Scheme, Socks};
        for (text, expect) in [
            ("socks5://proxy:1080", Socks),
            ("SOCKS5h://user:hunter2@proxy:1080", Socks),
            ("ftp://proxy:21", Scheme),
            ("http://", Authority),
            ("", Authority),
            ("http://proxy:0", Authority),
            ("http://proxy:65536", Authority),
            ("http://proxy:x", Authority),
            ("http://proxy:1/path", Authority),
            ("http://*.example.com:1", Authority),
            ("http://::1:3128", Authority),
            ("http://[::1", Authority),
            ("http://a%3Ab:hunter2@proxy:1", Credentials),
            ("http://a:hunter2%0d%0aX:%20y@proxy:1", Credentials),
        ] {
            let error = text.parse::<ProxyUrl>().unwrap_err();
            assert_eq!(error, expect, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
