//! The configuration as written: its keys and types, with where each value stands.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    database::RawDatabase,
    git::RawGit,
    limits::{RawHold, RawLimits, RawRefusals, RawRun, RawSnapshots, RawSql},
    upstream::RawUpstream,
};

/// `holdpoint.toml`, not yet checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) proxy: Option<Spanned<String>>,
    pub(super) console: Option<Spanned<String>>,
    pub(super) otlp: Option<Spanned<String>>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) modes: BTreeMap<String, Spanned<String>>,
    pub(super) limits: RawLimits,
    pub(super) hold: RawHold,
    pub(super) refusals: RawRefusals,
    pub(super) run: RawRun,
    pub(super) run_door: Option<Spanned<String>>,
    pub(super) snapshots: RawSnapshots,
    pub(super) snapshots_door: Option<Spanned<String>>,
    pub(super) snapshots_store: Option<Spanned<String>>,
    pub(super) sql: RawSql,
    pub(super) database: Vec<RawDatabase>,
    pub(super) resolve: Vec<Spanned<String>>,
    pub(super) upstream_ca: Vec<Spanned<String>>,
    pub(super) upstream: RawUpstream,
    pub(super) policies: Vec<Spanned<String>>,
    pub(super) git: RawGit,
    pub(super) reverse: Vec<RawReverse>,
    pub(super) hosts: Vec<RawHost>,
    pub(super) inventory: Vec<RawPlaced>,
    pub(super) issuers: Vec<RawIssuer>,
}

/// One of `[[issuers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIssuer {
    pub(super) endpoint: Spanned<String>,
    #[serde(default)]
    pub(super) hosts: Vec<Spanned<String>>,
}

/// One of `[[reverse]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReverse {
    pub(super) listen: Spanned<String>,
    pub(super) upstream: Spanned<String>,
    pub(super) agent: Spanned<String>,
}

/// One of `[[hosts]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    pub(super) host: Spanned<String>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) speaks: Spanned<String>,
    pub(super) environment: Option<Spanned<String>>,
}

/// One of `[[inventory]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlaced {
    pub(super) resource: Spanned<String>,
    pub(super) environment: Spanned<String>,
}
