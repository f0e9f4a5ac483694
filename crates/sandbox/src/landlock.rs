//! The second wall, where the kernel has it: Landlock.
//!
//! It repeats what the mounts say about writing, so that a mistake in them is not a hole; it
//! forbids all mounting, in nested namespaces too; and it keeps signals, abstract sockets and
//! (from its ninth version on) sockets in the file system from reaching out.

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use std::path::PathBuf;

use crate::{
    SIGNER,
    error::{Result, SandboxError},
};

/// The newest version that this crate knows; an older kernel enforces what it has.
const NEWEST: ABI = ABI::V9;

/// Lets this process and all that it will start write below `writable` only.
pub(crate) fn restrict(writable: &[PathBuf]) -> Result<()> {
    match try_restrict(writable) {
        // A kernel without it: namespaces, mounts and the filter stand alone.
        Ok(RulesetStatus::NotEnforced) if !kernel_has_it() => Ok(()),
        Ok(RulesetStatus::NotEnforced) => {
            Err(SandboxError::new("cannot restrict writing", "Landlock was not enforced"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(SandboxError::new("cannot restrict writing", error)),
    }
}

fn try_restrict(writable: &[PathBuf]) -> std::result::Result<RulesetStatus, RulesetError> {
    let write = AccessFs::from_write(NEWEST);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(write)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for path in writable {
        // What is not there cannot be written either.
        let Ok(opened) = PathFd::new(path) else { continue };
        let allowed = match path.is_dir() {
            true => write & !AccessFs::ResolveUnix,
            false => AccessFs::from_file(NEWEST) & write & !AccessFs::ResolveUnix,
        };
        ruleset = ruleset.add_rule(PathBeneath::new(opened, allowed))?;
    }
    // Whoever listens there is outside of the wall.
    if let Ok(signer) = PathFd::new(SIGNER) {
        ruleset = ruleset.add_rule(PathBeneath::new(signer, AccessFs::ResolveUnix))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

fn kernel_has_it() -> bool {
    let probe = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_write(ABI::V1));
    probe.and_then(Ruleset::create).is_ok()
}
