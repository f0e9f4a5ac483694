//! New namespaces: of users, mounts, processes, networks, System V IPC and host names.

use std::fs;

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use crate::error::{During as _, Result, SandboxError};

/// What to do where user namespaces are off.
const MEND: &str = "user namespaces are switched off here: as root, set \
                    `sysctl kernel.unprivileged_userns_clone=1` (Debian), give the binary an \
                    AppArmor profile with `userns` (Ubuntu 24.04), or let the container have them";

/// Moves this process into new namespaces; its next child is the first of the new processes. It
/// keeps its own user and group and nobody else's.
pub(crate) fn enter() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(all).map_err(|error| SandboxError::new("cannot make namespaces", error).mend(MEND))?;
    // user_namespaces(7): without CAP_SETGID outside, groups can be mapped only after this.
    for (file, map) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), map)
            .map_err(|error| SandboxError::new(format!("cannot write {file}"), error).mend(MEND))?;
    }
    // After the change of user namespace, which forgets it.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .during("cannot tie this process to its parent")
}
