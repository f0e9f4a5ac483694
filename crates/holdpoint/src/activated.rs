//! The socket that a service manager listened on before it started us (sd_listen_fds(3)).

use std::{io, net::TcpListener, os::fd::RawFd};

use nix::unistd::close;
use rustix::{
    net::sockopt::socket_acceptconn,
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// The first file that is passed.
const FIRST: RawFd = 3;
/// Files that are passed.
const PASSED_MAX: usize = 16;
/// What `holdpoint.socket` calls it (`FileDescriptorName`).
const PROXY: &str = "proxy";

/// What is said of the files that are passed.
#[derive(Debug, Default, Clone, Copy)]
struct Said<'a> {
    process: &'a str,
    count: &'a str,
    names: Option<&'a str>,
}

/// Where agents connect to, if somebody listens there for us already.
pub fn proxy() -> io::Result<Option<TcpListener>> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (process, count) = (variable("LISTEN_PID"), variable("LISTEN_FDS"));
    let names = std::env::var("LISTEN_FDNAMES").ok();
    let said = Said { process: &process, count: &count, names: names.as_deref() };
    let Some((proxy, others)) = passed(said, std::process::id()) else { return Ok(None) };
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let file = pidfd_getfd(own, proxy, PidfdGetfdFlags::empty())?;
    // What is started later has none of them: they were passed without the mark that closes them.
    others.into_iter().chain([proxy]).try_for_each(close)?;
    if !socket_acceptconn(&file)? {
        return Err(io::Error::other("the socket that was passed does not listen"));
    }
    let listener = TcpListener::from(file);
    listener.set_nonblocking(true)?;
    // Of another family it has no address that agents could be told.
    listener.local_addr()?;
    Ok(Some(listener))
}

/// The file that is the proxy's, and the others; nothing if they are not for process `own`.
fn passed(said: Said<'_>, own: u32) -> Option<(RawFd, Vec<RawFd>)> {
    let count: usize = said.count.parse().ok().filter(|count| (1..=PASSED_MAX).contains(count))?;
    if said.process.parse() != Ok(own) {
        return None;
    }
    let files = (FIRST..).take(count);
    let names: Vec<&str> = said.names.map(|names| names.split(':').collect()).unwrap_or_default();
    let named = files.clone().zip(names).find(|(_, name)| *name == PROXY).map(|(file, _)| file);
    let proxy = named.or((count == 1).then_some(FIRST))?;
    Some((proxy, files.filter(|file| *file != proxy).collect()))
}

#[cfg(test)]
mod tests {
    use super::{Said, passed};

    #[test]
    fn what_is_passed_and_to_whom() {
        let said = |process, count, names| passed(Said { process, count, names }, 7);
        for (said, expect) in [
            (said("7", "1", None), Some((3, vec![]))),
            (said("7", "1", Some("holdpoint.socket")), Some((3, vec![]))),
            (said("7", "3", Some("a:proxy:b")), Some((4, vec![3, 5]))),
            (said("7", "2", Some("a:b")), None),
            (said("8", "1", None), None),
            (said("", "1", None), None),
            (said("7", "0", None), None),
            (said("7", "17", Some("proxy")), None),
            (said("7", "-1", None), None),
        ] {
            assert_eq!(said, expect);
        }
    }
}
