//! Programs that listen on loopback for something that lies elsewhere, and where that is, as far as
//! their command lines say.

/// What somebody who listens on a port of this machine is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// A database or a broker, by the well-known name of its program: what it is told stays here.
    Database,
    /// A server: what it does, it does here.
    Server,
    /// A tunnel, to these places where its command line names any: `host` or `host:port`.
    Tunnel(Vec<String>),
}

/// The servers of databases and brokers, by the name of the file.
const DATABASES: [&str; 8] = [
    "keydb-server",
    "mariadbd",
    "mongod",
    "mysqld",
    "postgres",
    "postmaster",
    "redis-server",
    "valkey-server",
];

/// Programs that are tunnels whatever they are told, by the name of the file.
const ALWAYS: [&str; 21] = [
    "autossh",
    "chisel",
    "cloud-sql-proxy",
    "cloud_sql_proxy",
    "cloudflared",
    "dbproxy",
    "frpc",
    "gost",
    "haproxy",
    "ncat",
    "rinetd",
    "session-manager-plugin",
    "socat",
    "ssh",
    "sshd",
    "sshuttle",
    "ssm-session",
    "stunnel",
    "stunnel4",
    "tsh",
    "alloydb-auth-proxy",
];

/// Programs that are tunnels if these words are among their arguments, in this order.
const BY_WORDS: [(&str, &[&str]); 17] = [
    ("kubectl", &["port-forward"]),
    ("kubectl", &["proxy"]),
    ("oc", &["port-forward"]),
    ("k9s", &[]),
    ("kubefwd", &[]),
    ("telepresence", &[]),
    ("aws", &["ssm", "start-session"]),
    ("gcloud", &["start-iap-tunnel"]),
    ("gcloud", &["ssh"]),
    ("gcloud", &["sql", "connect"]),
    ("az", &["tunnel"]),
    ("fly", &["proxy"]),
    ("flyctl", &["proxy"]),
    ("railway", &["connect"]),
    ("heroku", &["pg:psql"]),
    ("teleport", &[]),
    // Another gateway, or its console.
    ("holdpoint", &["up"]),
];

/// Interpreters, which are what they are told to run.
const INTERPRETERS: [&str; 8] = ["bash", "bun", "dash", "deno", "node", "perl", "python", "sh"];

/// What the process with these `arguments` is to whoever connects to its port.
pub fn listener(arguments: &[&str], port: u16) -> Listener {
    let named = |argument: &&str| name(argument).to_owned();
    let Some(program) = arguments.first().map(named) else { return Listener::Tunnel(Vec::new()) };
    // An interpreter is its script; some programs write a title over their arguments.
    let stem = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let script = INTERPRETERS
        .contains(&stem)
        .then(|| arguments.iter().skip(1).find(|it| !it.starts_with('-')).map(named));
    let words = || arguments.iter().flat_map(|argument| argument.split_ascii_whitespace());
    let is = |tool: &str| program == tool || script.iter().flatten().any(|it| it == tool);
    let by_words = |(tool, wanted): &(&str, &[&str])| is(tool) && in_order(words(), wanted);
    if !(ALWAYS.iter().any(|tool| is(tool)) || BY_WORDS.iter().any(by_words)) {
        return match DATABASES.contains(&program.as_str()) {
            true => Listener::Database,
            false => Listener::Server,
        };
    }
    Listener::Tunnel(far_end(words(), port).into_iter().collect())
}

fn name(argument: &str) -> &str {
    let first = argument.split_ascii_whitespace().next().unwrap_or(argument);
    let name = first.rsplit('/').next().unwrap_or(first).trim_end_matches(':');
    name.strip_suffix(".exe").unwrap_or(name)
}

fn in_order<'a>(mut words: impl Iterator<Item = &'a str>, wanted: &[&str]) -> bool {
    wanted.iter().all(|wanted| words.any(|word| word == *wanted))
}

/// Where `ssh -L` leads from `port` (ssh(1)), or socat: only what is certain. A forwarding for
/// another port says nothing of this one, and two say nothing at all.
fn far_end<'a>(words: impl Iterator<Item = &'a str>, port: u16) -> Option<String> {
    let mut ends = Vec::new();
    let mut is_forwarding = false;
    for word in words {
        let attached = word.strip_prefix("-L").filter(|rest| !rest.is_empty());
        let forwarding = attached.or_else(|| is_forwarding.then_some(word));
        is_forwarding =
            word == "-L" || word.starts_with('-') && !word.starts_with("--") && word.ends_with('L');
        ends.extend(forwarding.and_then(|it| forwarded(it, port)));
        let socat = ["TCP:", "TCP4:", "tcp:", "tcp4:", "OPENSSL:", "openssl:"];
        let to = socat.iter().find_map(|prefix| word.strip_prefix(prefix));
        ends.extend(to.map(|to| to.split(',').next().unwrap_or(to).to_ascii_lowercase()));
    }
    match ends.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// `[bind:]port:host:hostport`.
fn forwarded(word: &str, port: u16) -> Option<String> {
    let mut parts = word.rsplitn(4, ':');
    let (far_port, host, near) = (parts.next()?, parts.next()?, parts.next()?);
    let leads = near.parse() == Ok(port) && far_port.parse::<u16>().is_ok();
    // `localhost` is the other machine's.
    let named = !host.is_empty() && !matches!(host, "localhost" | "127.0.0.1" | "::1");
    (leads && named).then(|| format!("{}:{far_port}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::{Listener, listener};

    #[test]
    fn servers_and_tunnels() {
        let far = |it: &str| Listener::Tunnel(vec![it.to_owned()]);
        let unknown = || Listener::Tunnel(Vec::new());
        for (line, expect) in [
            ("/usr/lib/postgresql/16/bin/postgres -D /var/lib/x", Listener::Database),
            ("postgres: 16/main: checkpointer", Listener::Database),
            ("/usr/bin/redis-server 127.0.0.1:6379", Listener::Database),
            ("node postgres", Listener::Server),
            ("postgres-proxy", Listener::Server),
            ("node server.js", Listener::Server),
            ("/usr/bin/python3 -m http.server", Listener::Server),
            ("docker-proxy -host-port 5432 -container-ip 172.17.0.2", Listener::Server),
            ("kubectl get pods", Listener::Server),
            ("/usr/bin/holdpoint run -- sh", Listener::Server),
            ("/usr/bin/holdpoint up", unknown()),
            ("sshd: dev [listener] 0 of 10-100 startups", unknown()),
            ("ssh -N -L 5432:db.prod.example:5432 bastion", far("db.prod.example:5432")),
            ("/usr/bin/ssh -fNL 127.0.0.1:5432:DB.example:5433 b", far("db.example:5433")),
            ("ssh -L5432:db.example:5432 b", far("db.example:5432")),
            ("ssh -L 6000:other.example:1 b", unknown()),
            ("ssh -L 5432:a.example:1 -L 5432:b.example:1 c", unknown()),
            ("ssh -L 5432:localhost:5432 db.example", unknown()),
            ("ssh bastion", unknown()),
            ("kubectl --context prod port-forward svc/db 5432:5432", unknown()),
            ("aws ssm start-session --target i-1", unknown()),
            ("/usr/bin/python3 /usr/bin/gcloud compute start-iap-tunnel vm 22", unknown()),
            ("session-manager-plugin {\"SessionId\":1}", unknown()),
            ("cloud-sql-proxy p:r:i", unknown()),
            ("flyctl proxy 5432", unknown()),
            ("socat TCP-LISTEN:5432,fork TCP:db.example:5432", far("db.example:5432")),
            ("stunnel /etc/stunnel.conf", unknown()),
            ("", unknown()),
        ] {
            let arguments: Vec<&str> = line.split_ascii_whitespace().collect();
            assert_eq!(listener(&arguments, 5432), expect, "{line}");
        }
    }
}
