//! Which proxy leads to which host: what `holdpoint.toml` says, else the environment.

use std::{net::SocketAddr, sync::Arc};

use holdpoint_enforce::resolve::is_loopback;
use holdpoint_store::config::{Chosen, NoProxy, ProxyUrl, ProxyUrlError, Upstream};
use holdpoint_wire::http::Scheme;
use thiserror::Error;

/// The proxies towards the world.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    https: Option<Arc<ProxyUrl>>,
    http: Option<Arc<ProxyUrl>>,
    no_proxy: NoProxy,
}

/// Why it is not known which way leads into the world. Going there without the proxy would be
/// another way than the human's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxiesError {
    /// A variable is not usable; its value is not repeated, as it may hold a password.
    #[error("{variable}: {error}; or say it in [upstream] of holdpoint.toml")]
    Variable {
        /// Which.
        variable: &'static str,
        /// Why.
        error: ProxyUrlError,
    },
    /// It is this gateway.
    #[error(
        "the proxy {0} is this gateway itself; start it without the environment of an agent, or write \
         proxy = \"\" below [upstream] of holdpoint.toml"
    )]
    Ourselves(String),
}

impl Proxies {
    /// What the file says, and for what it does not say, the `variable`s: of two spellings the
    /// one in small letters counts, as in curl, and an empty one is none.
    pub fn chosen(
        upstream: &Upstream,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ProxiesError> {
        let first = |names: &[&'static str]| {
            let said = names.iter().filter_map(|name| Some((*name, variable(name)?)));
            said.map(|(name, value)| (name, value.trim().to_owned()))
                .find(|(_, value)| !value.is_empty())
        };
        let proxy = |names: &[&'static str]| match first(names) {
            None => Ok(None),
            Some((variable, value)) => match value.parse() {
                Ok(proxy) => Ok(Some(Arc::new(proxy))),
                Err(error) => Err(ProxiesError::Variable { variable, error }),
            },
        };
        let (https, http) = match &upstream.proxy {
            Chosen::Direct => (None, None),
            Chosen::Proxy(one) => {
                let one = Arc::new(one.clone());
                (Some(Arc::clone(&one)), Some(one))
            }
            Chosen::Environment => (
                proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
                proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])?,
            ),
        };
        let no_proxy = upstream.no_proxy.clone().unwrap_or_else(|| {
            let (_, value) = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
            let (no_proxy, errors) = NoProxy::read(&value);
            for error in errors {
                tracing::warn!(%error, "an entry of NO_PROXY counts for nothing");
            }
            no_proxy
        });
        Ok(Self { https, http, no_proxy })
    }

    /// The proxy through which `host` is reached; none for this machine, which a proxy would take
    /// for itself.
    pub fn towards(&self, scheme: Scheme, host: &str, port: u16) -> Option<&ProxyUrl> {
        let proxy = match scheme {
            Scheme::Https => &self.https,
            Scheme::Http => &self.http,
        };
        let direct = is_loopback(host) || self.no_proxy.covers(host, port);
        proxy.as_deref().filter(|_| !direct)
    }

    /// Refuses a proxy that is the gateway that listens at `own`: every message would come back.
    pub fn refuse_ourselves(&self, own: SocketAddr) -> Result<(), ProxiesError> {
        let is_own = |proxy: &&Arc<ProxyUrl>| {
            let ip = proxy.host().parse::<std::net::IpAddr>().ok();
            let here = is_loopback(proxy.host()) || ip.is_some_and(|ip| ip == own.ip());
            here && proxy.port() == own.port()
        };
        let own = self.https.iter().chain(&self.http).find(is_own);
        own.map_or(Ok(()), |proxy| Err(ProxiesError::Ourselves(proxy.to_string())))
    }

    /// What is said of it to a human, without passwords.
    pub fn describe(&self) -> String {
        let one = |proxy: &Option<Arc<ProxyUrl>>| {
            proxy.as_ref().map_or_else(|| "no proxy".to_owned(), ToString::to_string)
        };
        let proxies = match self.https == self.http {
            true => one(&self.https),
            false => format!("{} for https, {} for http", one(&self.https), one(&self.http)),
        };
        match (self.https.is_some() || self.http.is_some(), self.no_proxy.to_string()) {
            (true, except) if !except.is_empty() => format!("{proxies}, except for {except}"),
            _ => proxies,
        }
    }
}
