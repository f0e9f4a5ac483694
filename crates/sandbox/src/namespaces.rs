//! New namespaces: of users, mounts, processes, networks, System V IPC and host names.

use std::fs;

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use crate::{
    error::{During as _, Result},
    offers::namespaces_mend,
};

/// Moves this process into new namespaces; its next child is the first of the new processes. It
/// keeps its own user and group and nobody else's.
pub(crate) fn enter() -> Result<()> {
    // What hinders it here is looked up only when it does.
    tried().map_err(|error| error.mend(namespaces_mend()))
}

/// The same, for whoever says by himself what to do where it fails.
pub(crate) fn tried() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(all).during("cannot make namespaces")?;
    // user_namespaces(7): without CAP_SETGID outside, groups can be mapped only after this.
    for (file, map) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), map).during(&format!("cannot write {file}"))?;
    }
    // After the change of user namespace, which forgets it.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .during("cannot tie this process to its parent")
}
