//! What of this machine's loopback there is inside: what a human names, and what the workspace's
//! own configuration names while somebody listens there.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    net::{SocketAddr, TcpStream},
    path::Path,
    str::FromStr,
    time::Duration,
};

use holdpoint_sandbox::{PORT, publish::Published};
use holdpoint_store::passing::SERVICES_MAX;

use crate::status::CommandError;

/// Bytes of a configuration file that are looked at.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Compose files, by their names.
const COMPOSE: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// How URLs and settings name this machine.
const HERE: [&str; 3] = ["localhost:", "127.0.0.1:", "[::1]:"];
/// How long a service of this very machine may take to accept.
const PATIENCE: Duration = Duration::from_millis(200);

/// A service of this machine, as it is named in `--local`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service(u16);

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = HERE.iter().find_map(|here| text.strip_prefix(here)).unwrap_or(text);
        let port = port.parse::<u16>().ok().filter(|port| *port > 0 && *port != PORT);
        port.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is no service of this machine: say localhost:PORT, such as \
                 localhost:5432 ({PORT} is the gateway inside)"
            )
        })
    }
}

/// The ports that are there inside: those that were `named`, and those of the workspace.
pub(super) fn of(named: &[Service], workspace: &Path) -> Result<Vec<u16>, CommandError> {
    let mut ports: BTreeSet<u16> = named.iter().map(|service| service.0).collect();
    if ports.len() > SERVICES_MAX {
        let text = format!("--local: no more than {SERVICES_MAX} services can be named");
        return Err(CommandError::usage(text));
    }
    for port in configured(workspace) {
        // Where nobody listens, the agent may want to do so itself.
        if ports.len() < SERVICES_MAX && port != PORT && !ports.contains(&port) && is_up(port) {
            ports.insert(port);
        }
    }
    Ok(ports.into_iter().collect())
}

fn is_up(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// The ports that the configuration at the top of the workspace names.
fn configured(workspace: &Path) -> BTreeSet<u16> {
    let entries = fs::read_dir(workspace).into_iter().flatten().flatten();
    let mut ports = BTreeSet::new();
    for entry in entries.take(4096) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == ".env" || name.starts_with(".env.") {
            ports.extend(text(&entry.path()).lines().filter_map(of_setting));
        } else if COMPOSE.contains(&&*name) {
            ports.extend(text(&entry.path()).lines().filter_map(of_compose));
        }
    }
    ports
}

/// The text of a regular file; nothing if it is none.
fn text(path: &Path) -> String {
    let regular = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let mut bytes = Vec::new();
    if let Some(file) = regular.then(|| File::open(path).ok()).flatten() {
        // What cannot be read names nothing.
        let _ = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `NAME=scheme://user:password@localhost:5432/name`, or `NAME=localhost:5432`.
fn of_setting(line: &str) -> Option<u16> {
    let (name, value) = line.split_once('=')?;
    if name.trim_start().starts_with('#') {
        return None;
    }
    HERE.iter().find_map(|here| {
        let (before, after) = value.split_once(here)?;
        // A longer name that ends alike is another host.
        let whole = before.chars().last().is_none_or(|c| matches!(c, '/' | '@' | '"' | '\'' | ' '));
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        whole.then(|| after.get(..end)?.parse().ok()).flatten().filter(|port| *port > 0)
    })
}

/// `- "5432:5432"`, `- 127.0.0.1:5432:5432/tcp`.
fn of_compose(line: &str) -> Option<u16> {
    let entry = line.trim().strip_prefix('-')?.split('#').next()?.trim();
    let entry = entry.trim_matches(['"', '\'']);
    let entry = entry.strip_suffix("/tcp").unwrap_or(entry);
    let (outside, inside) = entry.rsplit_once(':')?;
    inside.parse::<u16>().ok()?;
    let outside = match outside.rsplit_once(':') {
        Some(("127.0.0.1" | "0.0.0.0" | "localhost", port)) => port,
        Some(_) => return None,
        None => outside,
    };
    outside.parse().ok().filter(|port| *port > 0)
}

/// Tells which services there are.
pub(super) fn tell(ports: &[u16]) {
    if !ports.is_empty() {
        let all: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        eprintln!("  services     {} of this machine", all.join(", "));
    }
}

/// Tells of a port that the host has now.
pub(super) fn published(published: Published) {
    eprintln!("holdpoint: {published}");
}

#[cfg(test)]
mod tests {
    use super::{Service, of_compose, of_setting};

    #[test]
    fn what_settings_name() {
        for (line, expect) in [
            ("DATABASE_URL=postgres://u:p@localhost:5432/app", Some(5432)),
            ("export CACHE=\"redis://127.0.0.1:6379/0\"", Some(6379)),
            ("BROKER=localhost:9092", Some(9092)),
            ("SIX=http://[::1]:8000", Some(8000)),
            ("# OLD=postgres://localhost:1/x", None),
            ("ELSEWHERE=postgres://db.example.com:5432/app", None),
            ("EVIL=postgres://evil-localhost:5432/app", None),
            ("NONE=http://localhost/", None),
            ("PORT=3000", None),
            ("LARGE=localhost:99999", None),
        ] {
            assert_eq!(of_setting(line), expect, "{line}");
        }
    }

    #[test]
    fn what_compose_files_name() {
        for (line, expect) in [
            ("      - \"5432:5432\"", Some(5432)),
            ("      - 127.0.0.1:15432:5432/tcp # db", Some(15432)),
            ("      - '8080:80'", Some(8080)),
            ("      - 10.0.0.1:5432:5432", None),
            ("      - 53:53/udp", None),
            ("      - ./data:/var/lib/data", None),
            ("      - \"5432\"", None),
            ("  image: postgres:16", None),
        ] {
            assert_eq!(of_compose(line), expect, "{line}");
        }
    }

    #[test]
    fn what_a_human_names() {
        for (text, expect) in [
            ("localhost:5432", Some(5432)),
            ("127.0.0.1:1", Some(1)),
            ("[::1]:5432", Some(5432)),
            ("5432", Some(5432)),
            ("db.example.com:5432", None),
            ("localhost:0", None),
            ("localhost:7080", None),
        ] {
            assert_eq!(text.parse::<Service>().ok().map(|it| it.0), expect, "{text}");
        }
    }
}
