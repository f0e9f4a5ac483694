//! `[upstream]`: how the gateway itself reaches the world.

use serde::Deserialize;
use toml::Spanned;

use super::{NoProxy, ProxyUrl, each, error::Fault};

/// The proxy towards the world, as far as the file says it. Each key that is written replaces its
/// variables in the environment of `holdpoint up`: `proxy` replaces `HTTPS_PROXY`, `HTTP_PROXY`
/// and `ALL_PROXY`, and `no_proxy` replaces `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstream {
    /// Which proxy.
    pub proxy: Chosen,
    /// Hosts that are reached without it.
    pub no_proxy: Option<NoProxy>,
}

/// What the file says about the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Chosen {
    /// Nothing: the environment does.
    #[default]
    Environment,
    /// That there is none, whatever the environment says (`proxy = ""`).
    Direct,
    /// This one, for everything.
    Proxy(ProxyUrl),
}

/// As written, not yet checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpstream {
    proxy: Option<Spanned<String>>,
    no_proxy: Option<Vec<Spanned<String>>>,
}

impl RawUpstream {
    pub(super) fn check(self) -> Result<Upstream, Fault> {
        let proxy = match &self.proxy {
            None => Chosen::Environment,
            Some(raw) if raw.get_ref().is_empty() => Chosen::Direct,
            // The text is not repeated: it may hold a password.
            Some(raw) => {
                Chosen::Proxy(raw.get_ref().parse().map_err(|error: super::ProxyUrlError| {
                    Fault::at(raw.span(), format!("upstream.proxy: {error}"))
                })?)
            }
        };
        let no_proxy = self.no_proxy.map(|raw| each(raw, super::parse_with_mend)).transpose()?;
        Ok(Upstream { proxy, no_proxy: no_proxy.map(NoProxy::new) })
    }
}
