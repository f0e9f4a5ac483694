//! Every number that can be set, with its default, its least and its greatest value.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::error::Fault;

/// What can be said about one number in `holdpoint.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub name: &'static str,
    /// What it is when nobody sets it.
    pub default: u64,
    /// The least that is accepted.
    pub min: u64,
    /// The greatest that is accepted.
    pub max: u64,
    /// What it is for, with its unit.
    pub doc: &'static str,
}

impl Setting {
    fn check(&self, section: &str, value: Option<Spanned<i64>>) -> Result<u64, Fault> {
        let Some(value) = value else { return Ok(self.default) };
        let Self { name, min, max, .. } = *self;
        let allowed: RangeInclusive<u64> = min..=max;
        match u64::try_from(*value.get_ref()) {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => Err(Fault::at(
                value.span(),
                format!(
                    "{section}.{name} = {}: write a number from {min} to {max}",
                    value.get_ref()
                ),
            )),
        }
    }
}

macro_rules! settings {
    ($(#[$doc:meta])* $type:ident, $raw:ident, $section:literal,
     $($name:ident = $default:literal, $min:literal..=$max:literal, $about:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type { $(#[doc = $about] pub $name: u64,)* }

        impl $type {
            /// What can be set here.
            pub const SETTINGS: &[Setting] = &[$(Setting {
                name: stringify!($name), default: $default, min: $min, max: $max, doc: $about,
            },)*];
        }

        impl Default for $type {
            fn default() -> Self { Self { $($name: $default,)* } }
        }

        /// As written, not yet checked.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $raw { $(#[serde(default)] $name: Option<Spanned<i64>>,)* }

        impl $raw {
            pub(super) fn check(self) -> Result<$type, Fault> {
                Ok($type { $($name: Setting {
                    name: stringify!($name), default: $default, min: $min, max: $max, doc: $about,
                }.check($section, self.$name)?,)* })
            }
        }
    };
}

settings! {
    /// How much of anything there may be at once: `[limits]`.
    Limits, RawLimits, "limits",
    body_bytes = 10_485_760, 1024..=1_073_741_824, "Bytes of a body that is read whole.";
    bodies_bytes = 268_435_456, 1024..=1_099_511_627_776, "Bytes of all bodies that are being read and judged, together; whoever needs more waits.";
    stored_body_bytes = 10_485_760, 1024..=1_073_741_824, "Bytes of one stored body or response; a larger message cannot be held.";
    stored_bytes = 1_073_741_824, 1_048_576..=1_099_511_627_776, "Bytes of all stored bodies and responses together.";
    header_bytes = 65_536, 4096..=1_048_576, "Bytes of a message's head.";
    connections = 1000, 1..=100_000, "Connections of agents at the same time.";
    operations = 100, 1..=10_000, "Operations that one message may be.";
    holds_open = 1000, 1..=100_000, "Holds that wait at the same time.";
    holds_open_each = 20, 1..=100_000, "Holds of one agent that wait at the same time.";
    schedules = 1000, 1..=100_000, "Released operations that wait for their time.";
    agents = 1000, 1..=100_000, "Agents.";
    approvers = 100, 1..=1000, "Approvers.";
    secrets = 1000, 1..=100_000, "Secrets.";
    hosts = 10_000, 1..=100_000, "Listed hosts.";
    inventory = 100_000, 1..=1_000_000, "Resources in the inventory.";
    refusals = 1000, 10..=100_000, "Refusals remembered for one run; beyond it, everything that changes is as if refused before.";
    issued = 1000, 10..=100_000, "Credentials remembered that upstreams issued to one run; the oldest make room.";
    leaf_cache = 1000, 1..=100_000, "TLS certificates kept for hosts that agents speak to.";
}

settings! {
    /// How long what waits for a human waits: `[hold]`.
    HoldTerms, RawHold, "hold",
    wait_seconds = 25, 0..=3600, "Seconds that a message waits for its release before it is answered `held`.";
    open_hours = 24, 1..=720, "Hours that a hold can be released.";
    answer_minutes = 10, 1..=1440, "Minutes that the stored response is given to whoever asks again.";
    approval_minutes = 5, 1..=15, "Minutes that an approval lives unless it is consumed.";
    unlock_minutes = 10, 0..=60, "Minutes that an approver's key stays unlocked in its terminal, but for production.";
    denied_minutes = 30, 1..=1440, "Minutes that a human's no stands for the same operation.";
}

settings! {
    /// How long a refusal is remembered: `[refusals]`.
    RefusalTerms, RawRefusals, "refusals",
    remember_minutes = 30, 1..=1440, "Minutes that a refusal makes the same aim wait for a human.";
}

settings! {
    /// What snapshots take, and how long they are kept: `[snapshots]`.
    SnapshotTerms, RawSnapshots, "snapshots",
    files = 1_000_000, 100..=100_000_000, "Files and directories of one workspace that is saved.";
    bytes = 68_719_476_736, 1_048_576..=1_099_511_627_776, "Bytes of one workspace that is saved.";
    file_bytes = 4_294_967_296, 1024..=1_099_511_627_776, "Bytes of one file that is saved; a larger one is left out, and said.";
    ignored_bytes = 1_073_741_824, 0..=1_099_511_627_776, "Bytes of what git ignores that one snapshot takes; the largest files are left out first, and said.";
    keep_days = 14, 1..=3650, "Days that a snapshot is kept.";
}

settings! {
    /// When a run is ended that nobody has ended: `[run]`.
    RunTerms, RawRun, "run",
    away_seconds = 0, 0..=604_800, "Seconds that the gateway of a run may stay away before the run is killed; 0: however long it takes.";
    refusals_max = 0, 0..=100_000, "Changes that a run may have held or refused before it is killed; 0: any number.";
}

settings! {
    /// What SQL may change at once, and how much of it is kept: `[sql]`.
    SqlTerms, RawSql, "sql",
    small_rows = 10, 0..=1000, "Rows that a transaction may change in production with a pre-image alone.";
    preimage_bytes = 67_108_864, 1024..=1_099_511_627_776, "Bytes of one pre-image; beyond it a restore point stands for the rows, or they are not lost.";
    backup_hours = 168, 1..=8760, "Hours since the last base backup, beyond which no restore point stands for a pre-image.";
    script_bytes = 1_048_576, 1024..=1_073_741_824, "Bytes of the statements of one transaction that can wait for a human.";
    sessions = 1000, 1..=100_000, "Connections to one database at the same time.";
}
