//! `holdpoint.toml`: read whole, checked whole, and refused with file, line and mend.
//!
//! # Precedence
//!
//! A flag of the command line wins over `holdpoint.toml`, and that over the default. Lists
//! (`resolve`, `upstream_ca`) are joined, the flags' entries first. Hosts and inventory of the
//! file are merged with those that `holdpoint hosts` and `holdpoint inventory` keep in the
//! store: of two environments for the same thing the stricter holds, and for what a host speaks
//! the file wins. What `[upstream]` says wins over the proxy variables of the environment
//! ([`Upstream`]). A gateway that runs keeps the last good configuration ([`LastGood`]).

mod authority;
mod database;
mod error;
mod git;
mod issuer;
mod limits;
mod no_proxy;
mod proxy_url;
mod raw;
mod resolve;
mod reverse;
mod store_url;
#[cfg(test)]
mod tests;
mod upstream;

use std::{
    fs::File,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use holdpoint_core::{Environment, ResourceId, policy::Modes};
use toml::Spanned;

pub use database::{Database, Tls};
pub use error::ConfigError;
use error::Fault;
pub use git::GitTerms;
pub use issuer::ListedIssuer;
pub use limits::{HoldTerms, Limits, RefusalTerms, RunTerms, Setting, SnapshotTerms, SqlTerms};
pub use no_proxy::{Entry, EntryError, NoProxy};
pub use proxy_url::{ProxyUrl, ProxyUrlError};
use raw::{RawConfig, RawHost, RawPlaced};
pub use resolve::Resolve;
pub use reverse::Reverse;
pub use store_url::{StoreProtocol, StoreUrl, StoreUrlError};
pub use upstream::{Chosen, Upstream};

use crate::{
    hosts::{self, ListedHost},
    inventory::{self, Placed},
};

/// More than this is no configuration.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// The configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where agents connect to.
    pub proxy: SocketAddr,
    /// Where the console is.
    pub console: SocketAddr,
    /// The OpenTelemetry collector that numbers and spans are told to, by OTLP over HTTP.
    pub otlp: Option<SocketAddr>,
    /// What becomes of a "no": of every one, and of single rules'.
    pub modes: Modes,
    /// How much of anything there may be.
    pub limits: Limits,
    /// How long holds and approvals live.
    pub hold: HoldTerms,
    /// How long refusals are remembered.
    pub refusals: RefusalTerms,
    /// When a run is ended that nobody has ended.
    pub run: RunTerms,
    /// The socket behind which another user's gateway guards runs.
    pub run_door: Option<PathBuf>,
    /// What snapshots take, and how long they are kept.
    pub snapshots: SnapshotTerms,
    /// The socket behind which another user keeps them.
    pub snapshots_door: Option<PathBuf>,
    /// The store of another machine in which they lie.
    pub snapshots_store: Option<StoreUrl>,
    /// What statements may do, and how much of it is kept.
    pub sql: SqlTerms,
    /// Addresses that stand for one database each.
    pub databases: Vec<Database>,
    /// Addresses where clients are served that cannot use a proxy.
    pub reverse: Vec<Reverse>,
    /// Addresses to dial instead of what a name resolves to.
    pub resolve: Vec<Resolve>,
    /// Files with certificates of private upstreams (PEM).
    pub upstream_ca: Vec<PathBuf>,
    /// The proxy towards the world.
    pub upstream: Upstream,
    /// Policy files beside the starter set.
    pub policies: Vec<PathBuf>,
    /// Which branches are protected.
    pub git: GitTerms,
    /// Hosts that a human listed here.
    pub hosts: Vec<ListedHost>,
    /// Resources that a human placed here.
    pub inventory: Vec<Placed>,
    /// Endpoints whose answers are credentials, beside those that the catalogue knows.
    pub issuers: Vec<ListedIssuer>,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--proxy`.
    pub proxy: Option<SocketAddr>,
    /// `--console`.
    pub console: Option<SocketAddr>,
    /// `--resolve`, repeatable.
    pub resolve: Vec<Resolve>,
    /// `--upstream-ca`, repeatable.
    pub upstream_ca: Vec<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            proxy: SocketAddr::from((Ipv4Addr::LOCALHOST, 7080)),
            console: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            modes: Modes::default(),
            limits: Limits::default(),
            otlp: None,
            hold: HoldTerms::default(),
            refusals: RefusalTerms::default(),
            run: RunTerms::default(),
            run_door: None,
            snapshots: SnapshotTerms::default(),
            snapshots_door: None,
            snapshots_store: None,
            sql: SqlTerms::default(),
            databases: Vec::new(),
            reverse: Vec::new(),
            resolve: Vec::new(),
            upstream_ca: Vec::new(),
            upstream: Upstream::default(),
            policies: Vec::new(),
            git: GitTerms::default(),
            hosts: Vec::new(),
            inventory: Vec::new(),
            issuers: Vec::new(),
        }
    }
}

impl Config {
    /// The configuration in `dir`'s `holdpoint.toml`, or the defaults where there is none.
    pub fn load(dir: &Path, flags: &Flags) -> Result<Self, ConfigError> {
        let path = dir.join("holdpoint.toml");
        let text = read(&path)?;
        Ok(Self::parse(&text, &path)?.with(flags))
    }

    /// The configuration in `text`, which was read from `path`. Files that it names relative to
    /// nothing lie beside it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str::<RawConfig>(text)
            .map_err(Fault::from)
            .and_then(|raw| Self::check(raw, path.parent().unwrap_or(Path::new(""))))
            .map_err(|fault| fault.in_file(path.to_owned(), text))
    }

    fn check(raw: RawConfig, dir: &Path) -> Result<Self, Fault> {
        let default = Self::default();
        let address = "write an address and a port such as 127.0.0.1:7080";
        let collector = "write the address and the port of a collector's OTLP over HTTP, such as 127.0.0.1:4318";
        let beside = |file: Spanned<String>| match file.get_ref().as_str() {
            "" => Err(Fault::at(file.span(), "write the name of a file")),
            name => Ok(dir.join(name)),
        };
        if let (Some(store), Some(_)) = (&raw.snapshots_store, &raw.snapshots_door) {
            let text = "snapshots lie in one place: leave out this, or `snapshots_door`";
            return Err(Fault::at(store.span(), text));
        }
        Ok(Self {
            proxy: optional(raw.proxy, address)?.unwrap_or(default.proxy),
            console: optional(raw.console, address)?.unwrap_or(default.console),
            otlp: optional(raw.otlp, collector)?,
            modes: Modes {
                all: raw.mode.map(parse_with_mend).transpose()?.unwrap_or_default(),
                rules: raw
                    .modes
                    .into_iter()
                    .map(|(rule, mode)| Ok((rule, parse_with_mend(mode)?)))
                    .collect::<Result<_, Fault>>()?,
            },
            limits: raw.limits.check()?,
            hold: raw.hold.check()?,
            refusals: raw.refusals.check()?,
            run: raw.run.check()?,
            run_door: raw.run_door.map(beside).transpose()?,
            snapshots: raw.snapshots.check()?,
            snapshots_door: raw.snapshots_door.map(beside).transpose()?,
            snapshots_store: raw.snapshots_store.map(parse_with_mend).transpose()?,
            sql: raw.sql.check()?,
            databases: database::check(raw.database)?,
            reverse: reverse::check(raw.reverse)?,
            resolve: each(raw.resolve, parse_with_mend)?,
            upstream_ca: each(raw.upstream_ca, beside)?,
            upstream: raw.upstream.check()?,
            policies: each(raw.policies, beside)?,
            git: raw.git.check()?,
            hosts: check_hosts(raw.hosts)?,
            inventory: each(raw.inventory, check_placed)?,
            issuers: each(raw.issuers, issuer::check)?,
        })
    }

    /// This configuration with what the command line says.
    #[must_use]
    pub fn with(mut self, flags: &Flags) -> Self {
        self.proxy = flags.proxy.unwrap_or(self.proxy);
        self.console = flags.console.unwrap_or(self.console);
        self.resolve.splice(0..0, flags.resolve.iter().cloned());
        self.upstream_ca.splice(0..0, flags.upstream_ca.iter().cloned());
        self
    }

    /// A configuration with every key, each at its default or with an example.
    pub fn example() -> String {
        let section = |name: &str, settings: &[Setting]| {
            let line = |Setting { name, default, min, max, doc }: &Setting| {
                format!("# {doc} From {min} to {max}.\n{name} = {default}\n")
            };
            format!("[{name}]\n{}\n", settings.iter().map(line).collect::<String>())
        };
        [
            include_str!("example.toml").to_owned(),
            section("limits", Limits::SETTINGS),
            section("hold", HoldTerms::SETTINGS),
            section("refusals", RefusalTerms::SETTINGS),
            section("run", RunTerms::SETTINGS),
            section("snapshots", SnapshotTerms::SETTINGS),
            section("sql", SqlTerms::SETTINGS),
        ]
        .concat()
    }
}

/// The configuration of a running gateway: replaced only by a good one.
#[derive(Debug)]
pub struct LastGood {
    dir: PathBuf,
    flags: Flags,
    config: RwLock<Arc<Config>>,
}

impl LastGood {
    /// The configuration in `dir`, which has to be good to begin with.
    pub fn load(dir: &Path, flags: Flags) -> Result<Self, ConfigError> {
        let config = RwLock::new(Arc::new(Config::load(dir, &flags)?));
        Ok(Self { dir: dir.to_owned(), flags, config })
    }

    /// The last good configuration.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again. If it is refused, what was good before stays.
    pub fn reload(&self) -> Result<Arc<Config>, ConfigError> {
        let config = Arc::new(Config::load(&self.dir, &self.flags)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config.clone();
        Ok(config)
    }
}

/// The file's text; nothing, if there is no file.
fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        file => file.map_err(unreadable)?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    Ok(text)
}

fn each<R, T>(raw: Vec<R>, check: impl Fn(R) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    raw.into_iter().map(check).collect()
}

/// A value whose own error says what to write.
fn parse_with_mend<T: FromStr<Err: std::fmt::Display>>(raw: Spanned<String>) -> Result<T, Fault> {
    let value = format!("`{}`", raw.get_ref());
    raw.get_ref().parse().map_err(|error: T::Err| {
        let text = error.to_string();
        // Some say themselves what it was.
        let said = text.starts_with(&value);
        Fault::at(raw.span(), if said { text } else { format!("{value}: {text}") })
    })
}

fn optional<T: FromStr>(raw: Option<Spanned<String>>, mend: &str) -> Result<Option<T>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let parsed = raw.get_ref().parse();
    parsed.map(Some).map_err(|_| Fault::at(raw.span(), format!("`{}`: {mend}", raw.get_ref())))
}

fn check_hosts(raw: Vec<RawHost>) -> Result<Vec<ListedHost>, Fault> {
    let mut checked: Vec<ListedHost> = Vec::new();
    for host in raw {
        let span = host.host.span();
        let host = check_host(host)?;
        if checked.iter().any(|other| other.host == host.host && other.port == host.port) {
            let message = format!("`{}` is listed twice; keep one of them", host.host);
            return Err(Fault::at(span, message));
        }
        checked.push(host);
    }
    Ok(checked)
}

fn check_host(raw: RawHost) -> Result<ListedHost, Fault> {
    let port = raw.port.map(|port| {
        let number = u16::try_from(*port.get_ref()).ok().filter(|port| *port != 0);
        number.ok_or_else(|| Fault::at(port.span(), "write a port from 1 to 65535"))
    });
    let speaks = hosts::check_speaks(raw.speaks.get_ref())
        .map_err(|error| Fault::at(raw.speaks.span(), error.to_string()))?;
    let environment = raw.environment.map(parse_with_mend).transpose()?;
    Ok(ListedHost {
        host: parse_with_mend(raw.host)?,
        port: port.transpose()?,
        environment: environment.unwrap_or_else(|| hosts::default_environment(&speaks)),
        speaks,
    })
}

fn check_placed(raw: RawPlaced) -> Result<Placed, Fault> {
    let resource = ResourceId::new(raw.resource.get_ref().as_str());
    inventory::check_resource(&resource)
        .map_err(|error| Fault::at(raw.resource.span(), error.to_string()))?;
    let environment: Environment = parse_with_mend(raw.environment)?;
    Ok(Placed { resource, environment })
}
