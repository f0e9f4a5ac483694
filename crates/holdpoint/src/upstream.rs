//! The gateway's own way into the world: its proxies and whom it trusts, by file and environment.

use std::{ffi::OsString, net::SocketAddr};

use holdpoint_gateway::{
    forward::{Dialer, Override, Proxies},
    tls::Roots,
};
use holdpoint_store::Config;

use crate::{running::CONNECT_TIMEOUT, status::CommandError};

/// The way into the world, as far as humans say it.
#[derive(Debug, Clone)]
pub struct Upstream {
    proxies: Proxies,
    roots: Roots,
}

impl Upstream {
    /// What configuration and environment of this process say.
    pub fn new(config: &Config) -> Result<Self, CommandError> {
        // What is no text is no proxy either, but it is not taken for nothing.
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let variable = |name: &str| std::env::var_os(name).map(text);
        let proxies = Proxies::chosen(&config.upstream, variable).map_err(CommandError::usage)?;
        let roots = Roots::load(&config.upstream_ca).map_err(CommandError::usage)?;
        Ok(Self { proxies, roots })
    }

    /// Refuses a way that comes back to the gateway that listens at `own`.
    pub fn refuse_loop(&self, own: SocketAddr) -> Result<(), CommandError> {
        self.proxies.refuse_ourselves(own).map_err(CommandError::usage)
    }

    /// Whom it trusts.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Where messages are dialled.
    pub fn dialer(self, config: &Config) -> Result<Dialer, CommandError> {
        let overrides = config.resolve.iter().map(|resolve| Override {
            host: resolve.host.clone(),
            port: resolve.port,
            address: resolve.to,
        });
        let tls = self.roots.client().map_err(CommandError::usage)?;
        Ok(Dialer::new(overrides, tls, CONNECT_TIMEOUT).through(self.proxies))
    }

    /// What a human is told of it: no passwords; an error if no certificate can be trusted.
    pub fn describe(&self) -> Result<String, String> {
        let text = format!("{}; {}", self.proxies.describe(), self.roots.describe());
        if self.roots.is_empty() { Err(text) } else { Ok(text) }
    }
}
