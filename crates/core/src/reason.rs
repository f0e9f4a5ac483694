//! Why a message did not pass: a closed set of codes, the same in the ledger, on the command
//! line, in refusals and in policy annotations.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// A stable code for why something was held or refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it is written everywhere.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    /// The operation needs a human's release.
    NeedsApproval = "needs_approval",
    /// No policy allows it, whatever is done first.
    NoPolicyApplies = "no_policy_applies",
    /// A policy could not be evaluated.
    PolicyError = "policy_error",
    /// The message could not be read, or could be read in two ways.
    Unparsed = "unparsed",
    /// A credential that Holdpoint did not give out.
    ForeignCredential = "foreign_credential",
    /// A known credential that nobody has bound to hosts and a purpose.
    UnboundCredential = "unbound_credential",
    /// A phantom on its way to a host, or in a place, that it is not bound to.
    PhantomLeaving = "phantom_leaving",
    /// The credential or the task belongs to another environment.
    WrongEnvironment = "wrong_environment",
    /// Outside what the task is about.
    OutsideTask = "outside_task",
    /// Outside what the agent's ring allows.
    OutsideRing = "outside_ring",
    /// Outside what the credential was made for.
    OutsidePurpose = "outside_purpose",
    /// The host is on no list.
    UnlistedHost = "unlisted_host",
    /// It would take away a way back.
    RecoveryPath = "recovery_path",
    /// Nothing here can save what it would destroy.
    NoWayBack = "no_way_back",
    /// It would show secrets to the agent.
    SecretUnmasked = "secret_unmasked",
    /// What it would do cannot be seen.
    Opaque = "opaque",
    /// It would change the guard itself.
    Tamper = "tamper",
    /// The same aim was refused a short while ago.
    RefusedBefore = "refused_before",
    /// The run was killed.
    Killed = "killed",
    /// A limit was reached.
    OverLimit = "over_limit",
    /// Too large to be kept until a human has decided.
    TooLargeToHold = "too_large_to_hold",
    /// The decision could not be recorded.
    LedgerUnavailable = "ledger_unavailable",
    /// A fact that the decision needs could not be had.
    Unresolved = "unresolved",
    /// A human said no.
    ApprovalDenied = "approval_denied",
    /// The state that a human approved is not the present one.
    ApprovalVoid = "approval_void",
    /// Others changed what it is about while it was looked at; nothing was done.
    ChangedMeanwhile = "changed_meanwhile",
    /// What it would take away is being saved, which takes longer than it may wait; nothing was
    /// done.
    Preparing = "preparing",
    /// It waits for its time, in which it can be cancelled; nothing was sent.
    Scheduled = "scheduled",
    /// The upstream could not be reached; nothing was sent.
    UpstreamUnreachable = "upstream_unreachable",
    /// It was sent, and what became of it is not known.
    OutcomeUnknown = "outcome_unknown",
    /// Who asks could not be proven.
    Unidentified = "unidentified",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no reason code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no reason code")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == word)
            .ok_or_else(|| UnknownCode(word.to_owned()))
    }
}

/// One reason why something was held or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable code.
    pub code: Code,
    /// The id of the policy that said so; empty where no policy did.
    pub policy: String,
    /// One sentence for a human or an agent.
    pub text: String,
}

impl Reason {
    /// A reason that comes from no policy.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, policy: String::new(), text: text.into() }
    }
}
