//! Endpoints that a human named because their answers are credentials: `[[issuers]]`.

use super::{error::Fault, parse_with_mend, raw::RawIssuer};
use crate::host_pattern::HostPattern;

/// An endpoint whose answers are captured, and where the access tokens from it may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedIssuer {
    /// The endpoint's host.
    host: String,
    /// Its port.
    port: u16,
    /// Its path, without a query.
    path: String,
    /// Where access tokens may be sent, beside the issuer itself.
    pub hosts: Vec<String>,
}

impl ListedIssuer {
    /// Whether a message goes to this endpoint, in whatever case and with whatever end servers
    /// read alike.
    pub fn is_at(&self, host: &str, port: u16, path: &str) -> bool {
        let plain = |path: &str| {
            let path = path.to_ascii_lowercase();
            let path = path.strip_suffix('/').unwrap_or(&path);
            path.strip_suffix(".json").unwrap_or(path).to_owned()
        };
        self.host == host && self.port == port && plain(&self.path) == plain(path)
    }
}

/// The endpoint is `https://HOST[:PORT]/PATH`: what has no TLS keeps no token.
pub(super) fn check(raw: RawIssuer) -> Result<ListedIssuer, Fault> {
    let (host, port, path) = endpoint(raw.endpoint.get_ref()).ok_or_else(|| {
        let mend = "write an endpoint such as https://id.example.com/oauth/token";
        Fault::at(raw.endpoint.span(), mend)
    })?;
    let hosts: Vec<HostPattern> =
        raw.hosts.into_iter().map(parse_with_mend).collect::<Result<_, _>>()?;
    let hosts = hosts.iter().map(|host| host.as_str().to_owned()).collect();
    Ok(ListedIssuer { host, port, path, hosts })
}

fn endpoint(url: &str) -> Option<(String, u16, String)> {
    let (authority, path) = url.strip_prefix("https://")?.split_once('/')?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let host: HostPattern = host.parse().ok()?;
    let plain = !host.is_wildcard() && !path.contains(['?', '#']);
    plain.then_some((host.as_str().to_owned(), port.parse().ok()?, format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::ListedIssuer;

    #[test]
    fn an_endpoint_is_one_however_it_is_written() {
        let issuer = ListedIssuer {
            host: "id.example.com".to_owned(),
            port: 443,
            path: "/OAuth/Token".to_owned(),
            hosts: Vec::new(),
        };
        for (path, expect) in [
            ("/OAuth/Token", true),
            ("/oauth/token", true),
            ("/OAuth/Token/", true),
            ("/OAuth/Token.json", true),
            ("/OAuth", false),
            ("/OAuth/Tokens", false),
        ] {
            assert_eq!(issuer.is_at("id.example.com", 443, path), expect, "{path}");
        }
        assert!(!issuer.is_at("id.example.com", 444, "/OAuth/Token"));
    }
}
