//! Approvals: a human's signed answer about one exact operation.
//!
//! What is signed is the canonical JSON (RFC 8785) of an [`ApprovalContext`], behind a line that
//! says what it is, so that no other signature of the same key can be taken for one. It names
//! the operation, the policies and the resources' state by digest, carries the hold's nonce, and
//! the digest of the very text that the human was shown.

use ed25519_dalek::{Signature, VerifyingKey};
use holdpoint_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    approvers::Sign,
    error::StoreError,
    holds::{Hold, HoldState},
};

/// What every signed text begins with.
const DOMAIN: &[u8] = b"holdpoint approval 1\n";
/// More than this is no approval.
const APPROVAL_BYTES_MAX: usize = 8192;

/// What a human says to a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Let it pass, once.
    Approve,
    /// Do not.
    Deny,
}

impl Release {
    /// The answer's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// What an answer is about, and how long it is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalContext {
    /// The version of this shape; 1.
    pub v: u8,
    /// The hold's id.
    pub hold: String,
    /// The operation, with its message and its principal.
    pub operation_digest: Digest,
    /// The policies that held it.
    pub policy_digest: Digest,
    /// The state of its resources.
    pub state_digest: Digest,
    /// The hold's nonce.
    pub nonce: String,
    /// Who answers.
    pub approver: String,
    /// The answer.
    pub decision: Release,
    /// When it was given.
    pub at: Timestamp,
    /// When it is void.
    pub expires_at: Timestamp,
    /// The gateway that it is meant for.
    pub audience: String,
    /// The digest of exactly the text that was shown.
    pub display_digest: Digest,
}

impl ApprovalContext {
    /// The answer `decision` of `approver` to what `card` showed of `hold`, good for so many
    /// minutes. `audience` is the gateway's id.
    pub fn about(
        hold: &Hold,
        audience: &str,
        approver: &str,
        decision: Release,
        at: Timestamp,
        minutes: u64,
    ) -> Self {
        Self {
            v: 1,
            hold: hold.id.clone(),
            operation_digest: hold.operation_digest,
            policy_digest: hold.policy_digest,
            state_digest: hold.state_digest,
            nonce: hold.nonce.clone(),
            approver: approver.to_owned(),
            decision,
            at,
            expires_at: at.plus_seconds(minutes.saturating_mul(60)),
            audience: audience.to_owned(),
            display_digest: Digest::of(hold.card().as_bytes()),
        }
    }

    /// Signs this answer. The signer has to be the approver that it names.
    pub fn sign(self, signer: &dyn Sign) -> Result<Approval, ApprovalError> {
        if signer.approver() != self.approver {
            return Err(ApprovalError::UnknownApprover(self.approver));
        }
        let signature = hex::encode(signer.sign(&self.signed_text()?));
        Ok(Approval { context: self, signature })
    }

    fn signed_text(&self) -> Result<Vec<u8>, ApprovalError> {
        let json = serde_json_canonicalizer::to_vec(self).map_err(|_| ApprovalError::Unreadable)?;
        Ok([DOMAIN, &json].concat())
    }
}

/// An answer with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// What is signed.
    pub context: ApprovalContext,
    /// The Ed25519 signature, as 128 hexadecimal digits.
    pub signature: String,
}

impl Approval {
    /// The approval as it travels and is kept: canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ApprovalError> {
        serde_json_canonicalizer::to_vec(self).map_err(|_| ApprovalError::Unreadable)
    }

    /// The approval that was written as `bytes`, if they are exactly how it is written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ApprovalError> {
        if bytes.len() > APPROVAL_BYTES_MAX {
            return Err(ApprovalError::Unreadable);
        }
        let approval: Self =
            serde_json::from_slice(bytes).map_err(|_| ApprovalError::Unreadable)?;
        if approval.to_bytes()? == bytes { Ok(approval) } else { Err(ApprovalError::Unreadable) }
    }

    /// Checks the signature, strictly: no weak keys, no second encoding of a signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), ApprovalError> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(&self.signature, &mut bytes).map_err(|_| ApprovalError::Unreadable)?;
        // Upper-case digits would be a second way to write the same answer.
        if hex::encode(bytes) != self.signature {
            return Err(ApprovalError::Unreadable);
        }
        key.verify_strict(&self.context.signed_text()?, &Signature::from_bytes(&bytes))
            .map_err(|_| ApprovalError::Signature)
    }

    /// The digest of the signed answer, for the ledger.
    pub fn evidence(&self) -> Result<Digest, ApprovalError> {
        Ok(Digest::of(&self.to_bytes()?))
    }
}

/// Why an answer has no effect.
#[derive(Debug, Error)]
pub enum ApprovalError {
    /// It is no approval, or not written the one way.
    #[error("this is no approval as Holdpoint writes it; answer the hold again")]
    Unreadable,
    /// The signature is not the approver's.
    #[error("the signature is not the approver's; answer the hold again")]
    Signature,
    /// No such approver.
    #[error("`{0}` is no approver; enrol first")]
    UnknownApprover(String),
    /// Who asks cannot release.
    #[error("`{0}` is the name of an agent, and an agent releases nothing")]
    Agent(String),
    /// It is about another hold, another gateway, or another card than was shown.
    #[error("the answer's {0} is not that of the hold; look at the hold again and answer it")]
    Other(&'static str),
    /// Its time is over, or has not come, or is too long.
    #[error("the answer is not good now; look at the hold again and answer it")]
    Stale,
    /// There is nothing to answer.
    #[error("there is no hold `{0}`")]
    NoHold(String),
    /// The hold waits no more.
    #[error("the hold is {0} and waits for no answer")]
    NotOpen(HoldState),
    /// Whoever asked for it was killed.
    #[error(
        "whoever asked for it was killed: nothing of it can be released (`holdpoint revive {0}` takes the kill back)"
    )]
    Killed(String),
    /// One human counts once.
    #[error("`{0}` has already answered; another approver is needed")]
    Answered(String),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ApprovalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
