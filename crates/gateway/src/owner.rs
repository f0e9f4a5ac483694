//! Who owns the sockets that listen on a port of this machine: a local server, or a tunnel to
//! somewhere else (proc(5)).

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use holdpoint_catalog::tunnels::{Listener, listener};
use holdpoint_core::{Code, Environment, Refusal, refusal::RefusalKind};

use crate::{known::Known, point::unavailable};

/// The state of a listener in `/proc/net/tcp`.
const LISTENS: &str = "0A";
/// Bytes of a command line that are looked at.
const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// Where what listens on `port` of this machine really is. What nobody listens on is local: it
/// cannot be reached either.
pub(crate) async fn environment(port: u16, known: &Known) -> Result<Environment, Refusal> {
    let owners = tokio::task::spawn_blocking(move || owners(port)).await.map_err(unavailable)?;
    let mut strictest = Environment::Local;
    for owner in owners {
        strictest = strictest.max(match owner {
            Owner::Ours => return Err(ours()),
            Owner::Unreadable => Environment::Unknown,
            Owner::Process(Listener::Database | Listener::Server) => Environment::Local,
            Owner::Process(Listener::Tunnel(ends)) => {
                let ends = ends.iter().filter_map(|end| known.far_end(end));
                ends.max().unwrap_or(Environment::Unknown)
            }
        });
    }
    Ok(strictest)
}

/// Whether all that listens on `port` of this machine's loopback is a database of its own, by its
/// program and not only by what it calls itself, and something does.
pub fn is_database(port: u16) -> bool {
    let owners = owners(port);
    let database = |owner: &Owner| *owner == Owner::Process(Listener::Database);
    !owners.is_empty() && owners.iter().all(database)
}

fn ours() -> Refusal {
    let text = "what listens there is Holdpoint itself, which no agent talks to in this way";
    Refusal::new(RefusalKind::Deny, Code::Tamper, text)
}

/// Who owns a socket.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// This very process.
    Ours,
    /// A process whose command line could be read.
    Process(Listener),
    /// A process of somebody else.
    Unreadable,
}

/// A socket that listens.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    inode: u64,
    user: u32,
}

/// The owners of every socket that a connection to `port` over loopback could reach.
fn owners(port: u16) -> Vec<Owner> {
    let table = |name| fs::read_to_string(Path::new("/proc/net").join(name)).unwrap_or_default();
    let tables = ["tcp", "tcp6"].map(table);
    let sockets = tables.iter().flat_map(|table| listening(table, port));
    sockets.flat_map(|socket| owners_of(&socket, port)).collect()
}

/// The sockets in a table that listen on `port` where loopback reaches them.
fn listening(table: &str, port: u16) -> Vec<Socket> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (address, number) = fields.get(1)?.split_once(':')?;
        let here = u16::from_str_radix(number, 16) == Ok(port) && is_reached(address);
        let listens = fields.get(3) == Some(&LISTENS);
        let socket =
            Socket { user: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? };
        (here && listens).then_some(socket)
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Whether an address of the table is loopback's, or everybody's.
fn is_reached(address: &str) -> bool {
    // Each word is written as the number that it is in memory.
    let words: Option<Vec<u8>> = (0..address.len() / 8)
        .map(|at| {
            let word = address.get(at * 8..at * 8 + 8)?;
            u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
        })
        .collect::<Option<Vec<_>>>()
        .map(|words| words.concat());
    let ip = match words.as_deref() {
        Some([a, b, c, d]) => IpAddr::from(Ipv4Addr::new(*a, *b, *c, *d)),
        Some(bytes) => match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => Ipv6Addr::from(bytes).to_canonical(),
            Err(_) => return true,
        },
        None => return true,
    };
    ip.is_loopback() || ip.is_unspecified()
}

/// Every process that holds `socket`.
fn owners_of(socket: &Socket, port: u16) -> Vec<Owner> {
    let own = std::process::id();
    let (mut owners, mut others) = (Vec::new(), Vec::new());
    for process in processes() {
        let path = Path::new("/proc").join(process.to_string());
        match holds(&path, socket.inode) {
            Some(true) if process == own => owners.push(Owner::Ours),
            Some(true) => owners.push(Owner::Process(judged(&path, port))),
            Some(false) => {}
            None => others.push(path),
        }
    }
    if !owners.is_empty() {
        return owners;
    }
    match others.iter().find_map(|path| container(path, socket, port)) {
        Some(address) => {
            let database = others.iter().any(|path| is_database_at(path, address, port));
            let listener = if database { Listener::Database } else { Listener::Server };
            vec![Owner::Process(listener)]
        }
        None => somebody_s(&others, socket.user, port),
    }
}

/// Who owns a socket of a `user` whose files are out of reach, as a database's own user's are: the
/// kernel says whose it is, and the command lines say whether that user has any tunnel at all.
fn somebody_s(others: &[PathBuf], user: u32, port: u16) -> Vec<Owner> {
    let theirs = others.iter().filter(|path| user_of(path) == Some(user));
    let lines = theirs.map(|path| command_line(path)).filter(|line| !line.is_empty());
    let listeners: Vec<Listener> = lines
        .map(|line| listener(&line.iter().map(String::as_str).collect::<Vec<_>>(), port))
        .collect();
    let (tunnels, servers): (Vec<_>, Vec<_>) =
        listeners.into_iter().partition(|it| matches!(it, Listener::Tunnel(_)));
    match tunnels.is_empty() {
        true if servers.is_empty() => vec![Owner::Unreadable],
        // A user who runs databases and nothing else runs one here.
        true if servers.iter().all(|it| *it == Listener::Database) => {
            vec![Owner::Process(Listener::Database)]
        }
        true => vec![Owner::Process(Listener::Server)],
        false => tunnels.into_iter().map(Owner::Process).collect(),
    }
}

/// The real user of a process. The owner of its directory is root's where it may not be traced.
fn user_of(process: &Path) -> Option<u32> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a process holds a socket; none if that cannot be seen.
fn holds(process: &Path, inode: u64) -> Option<bool> {
    let wanted = format!("socket:[{inode}]");
    let files = fs::read_dir(process.join("fd")).ok()?.flatten();
    let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    Some(targets.any(|target| target.as_os_str() == wanted.as_str()))
}

/// What a process is by its command line, and by its program whatever it calls itself.
fn judged(process: &Path, port: u16) -> Listener {
    let line = command_line(process);
    let arguments: Vec<&str> = line.iter().map(String::as_str).collect();
    let called = listener(&arguments, port);
    let program = fs::read_link(process.join("exe")).unwrap_or_default();
    let program = program.to_string_lossy();
    let mut really = arguments;
    match really.first_mut() {
        Some(first) => *first = &program,
        None => really.push(&program),
    }
    match listener(&really, port) {
        // Both say that it is one: the command line says to where.
        Listener::Tunnel(_) if matches!(called, Listener::Tunnel(_)) => called,
        Listener::Tunnel(ends) => Listener::Tunnel(ends),
        // Anybody may call itself a database.
        Listener::Server if called == Listener::Database => Listener::Server,
        Listener::Database | Listener::Server => called,
    }
}

/// The address of the container that listens on `port`, if a process of somebody else is the one by
/// which Docker lets it.
fn container(process: &Path, socket: &Socket, port: u16) -> Option<IpAddr> {
    let line = command_line(process);
    let named = line.first().is_some_and(|it| it.rsplit('/').next() == Some("docker-proxy"));
    let said = |option: &str| {
        let mut pairs = line.windows(2);
        pairs.find_map(|pair| matches!(pair, [it, _] if it == option).then(|| pair.last()))?
    };
    let told = said("-host-port").is_some_and(|it| *it == port.to_string());
    let same_user = || fs::metadata(process).is_ok_and(|it| it.uid() == socket.user);
    (named && told && same_user()).then(|| said("-container-ip")?.parse().ok())?
}

/// Whether a process is a database in the container with this address.
fn is_database_at(process: &Path, address: IpAddr, port: u16) -> bool {
    let line = command_line(process);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let routes = || fs::read_to_string(process.join("net/fib_trie")).unwrap_or_default();
    listener(&line, port) == Listener::Database && has_address(&routes(), address)
}

/// Whether `address` is one of its own in a table of `/proc/net/fib_trie`.
fn has_address(routes: &str, address: IpAddr) -> bool {
    let leaf = format!("|-- {address}");
    let lines = routes.lines().zip(routes.lines().skip(1));
    lines.into_iter().any(|(line, next)| line.trim() == leaf && next.trim() == "/32 host LOCAL")
}

fn command_line(process: &Path) -> Vec<String> {
    let mut bytes = fs::read(process.join("cmdline")).unwrap_or_default();
    bytes.truncate(ARGUMENTS_BYTES_MAX);
    let arguments = bytes.split(|byte| *byte == 0).filter(|argument| !argument.is_empty());
    arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Owner, Socket, has_address, is_database, listening, owners};

    #[test]
    fn what_listens_on_loopback_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   113        0 77 1\n\
            1: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000   113        0 78 1\n\
            2: 0501A8C0:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 79 1\n\
            3: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 80 1\n\
            4: 00000000000000000000000001000000:1538 0:0 0A 0:0 0:0 0     0        0 81 1\n\
            5: 0100007F:1539 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 82 1\n";
        let found = listening(table, 5432);
        assert_eq!(found.iter().map(|it| it.inode).collect::<Vec<_>>(), [77, 80, 81]);
        assert_eq!(found.first(), Some(&Socket { inode: 77, user: 113 }));
    }

    #[test]
    fn what_this_process_listens_on_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(owners(port), [Owner::Ours]);
        assert!(!is_database(port));
        drop(listener);
        assert_eq!(owners(port), []);
    }

    #[test]
    fn a_container_has_its_own_address() {
        let routes = "Local:\n  +-- 0.0.0.0/0 3 0 5\n        |-- 172.17.0.0\n           /16 link UNICAST\n\
            \x20       |-- 172.17.0.2\n           /32 host LOCAL\n\
            \x20       |-- 172.17.255.255\n           /32 link BROADCAST\n";
        for (address, expect) in
            [("172.17.0.2", true), ("172.17.0.0", false), ("172.17.255.255", false), ("::1", false)]
        {
            assert_eq!(has_address(routes, address.parse().unwrap()), expect, "{address}");
        }
    }
}
