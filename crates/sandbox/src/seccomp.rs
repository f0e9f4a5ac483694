//! System calls that nobody inside needs and that lead outside, or into the kernel's corners.
//!
//! User namespaces may be nested (Chromium's sandbox is one): there is no road out of the network
//! namespace above them, mounting is refused in them as well, and what they own is theirs.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};

use crate::error::{Result, SandboxError};

/// Linux 6.15: the same number everywhere.
const OPEN_TREE_ATTR: i64 = 467;

/// Answered with "not permitted".
const REFUSED: &[i64] = &[
    // Mounts and other namespaces than new ones of users, processes and networks.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    // The kernel itself: its code, its keys, its clock, what watches it.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // A second way to do any of the calls above and below (io_uring(7)).
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // x86 has them, and its ports.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

/// Terminal requests that type for the human who watches (ioctl_tty(2)), or for the console.
const TYPING: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// The families of addresses that there are inside; AF_VSOCK, for one, is in no namespace.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Filters the system calls of this process and all that it will start.
pub(crate) fn filter() -> Result<()> {
    let programs = programs().map_err(|error| failed(&error))?;
    for program in programs {
        apply_filter(&program).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn failed(error: &dyn std::error::Error) -> SandboxError {
    SandboxError::new("cannot filter system calls", error)
}

fn programs() -> std::result::Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let typing = TYPING.iter().map(|&request| rule(&[(1, SeccompCmpOp::Eq, request)]));
    refused.insert(libc::SYS_ioctl, typing.collect::<std::result::Result<_, _>>()?);
    let families = [(libc::SYS_socket, sockets()?), (libc::SYS_socketpair, sockets()?)];
    let programs = [program(refused, libc::EPERM)?, program(families.into(), libc::EAFNOSUPPORT)?];
    Ok(programs.into_iter().chain(other_numbers()).collect())
}

/// Any family but those that there are, and any netlink but the routes that `getaddrinfo` asks.
fn sockets() -> std::result::Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let others: Vec<_> =
        FAMILIES.iter().map(|&family| (0, SeccompCmpOp::Ne, number(family))).collect();
    let netlink = [
        (0, SeccompCmpOp::Eq, number(libc::AF_NETLINK)),
        (2, SeccompCmpOp::Ne, number(libc::NETLINK_ROUTE)),
    ];
    Ok(vec![rule(&others)?, rule(&netlink)?])
}

fn number(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}

/// What holds if each condition holds: argument, comparison, value.
fn rule(
    conditions: &[(u8, SeccompCmpOp, u64)],
) -> std::result::Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, compare, value)| {
            SeccompCondition::new(*argument, Dword, compare.clone(), *value)
        })
        .collect::<std::result::Result<_, _>>()?;
    SeccompRule::new(conditions)
}

fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
) -> std::result::Result<BpfProgram, seccompiler::BackendError> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

/// x86 has a second set of numbers for the same calls (x32), which the rules above do not know.
fn other_numbers() -> Option<BpfProgram> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    let step = |code, k| sock_filter { code, jt: 0, jf: 0, k };
    let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    cfg!(target_arch = "x86_64").then(|| {
        vec![
            step(LOAD_NUMBER, 0),
            sock_filter { jf: 1, ..step(JUMP_IF_AT_LEAST, X32) },
            step(RETURN, refuse),
            step(RETURN, libc::SECCOMP_RET_ALLOW),
        ]
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_compiles() {
        let programs = super::programs().unwrap();
        assert!(programs.len() >= 2 && programs.iter().all(|program| program.len() > 3));
    }
}
