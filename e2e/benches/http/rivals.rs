//! The three, each a process of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use e2e::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

use crate::{
    client::Way,
    upstream::{NAMES, Upstream},
};

/// What is measured.
pub(crate) enum Kind {
    /// Ends TLS and forwards.
    Bare,
    /// The gateway, with its ledger on this disk and a listed host.
    Holdpoint,
    /// This program of mitmproxy's, without scripts.
    Mitmproxy(String),
}

/// A running one; it ends with the value.
pub(crate) struct Rival {
    name: &'static str,
    way: Way,
    process: Process,
}

enum Process {
    Child(Child),
    Gateway(Gateway, #[expect(dead_code, reason = "the state lives as long")] Holdpoint),
}

impl Rival {
    pub(crate) fn start(kind: Kind, upstream: &Upstream) -> Self {
        match kind {
            Kind::Bare => bare(upstream),
            Kind::Holdpoint => holdpoint(upstream),
            Kind::Mitmproxy(program) => mitmproxy(&program, upstream),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn way(&self) -> Way {
        self.way.clone()
    }

    pub(crate) fn is_mitmproxy(&self) -> bool {
        self.name == "mitmproxy"
    }

    /// Nanoseconds that its threads have run.
    pub(crate) fn cpu_nanos(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a process");
        let ran =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        ran.filter_map(|ran| ran.split(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Memory that it has now, in KiB.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn pid(&self) -> u32 {
        match &self.process {
            Process::Child(child) => child.id(),
            Process::Gateway(gateway, _) => gateway.pid(),
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        if let Process::Child(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn bare(upstream: &Upstream) -> Rival {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("interceptor").arg(upstream.ca()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the interceptor");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("its address");
    let address = line.trim().parse().expect("an address");
    let way = Way { proxy: address, bearer: None, name: NAMES[0] };
    Rival { name: "bare interceptor", way, process: Process::Child(child) }
}

fn holdpoint(upstream: &Upstream) -> Rival {
    let holdpoint = Holdpoint::new(env!("CARGO_BIN_EXE_holdpoint-under-test"));
    let configuration = "[limits]\nconnections = 20000\n";
    fs::write(holdpoint.state().join("holdpoint.toml"), configuration).expect("its configuration");
    let host = NAMES[0];
    holdpoint.json(&[
        "hosts",
        "add",
        host,
        "--speaks",
        "rest",
        "--environment",
        "development",
        "--json",
    ]);
    let ca = upstream.ca();
    let resolve = format!("{host}:{}:{}", upstream.address().port(), upstream.address());
    let gateway =
        holdpoint.up(&["--upstream-ca", ca.to_str().expect("a path"), "--resolve", &resolve], &[]);
    let agent = Curl::new(&holdpoint.json(&["agents", "new", "load", "--json"]));
    let user = agent.proxy().trim_start_matches("http://").split('@').next().unwrap_or_default();
    let bearer = Some(format!("Basic {}", STANDARD.encode(user)));
    let proxy = gateway.proxy().parse().expect("an address");
    let way = Way { proxy, bearer, name: host };
    Rival { name: "holdpoint", way, process: Process::Gateway(gateway, holdpoint) }
}

fn mitmproxy(program: &str, upstream: &Upstream) -> Rival {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address")
        .port();
    let ca = format!("ssl_verify_upstream_trusted_ca={}", upstream.ca().display());
    let mut command = Command::new(program);
    command.args([
        "--quiet",
        "--listen-host",
        "127.0.0.1",
        "--listen-port",
        &port.to_string(),
        "--set",
        &ca,
    ]);
    let home = upstream.ca().with_file_name("mitmproxy");
    command.arg("--set").arg(format!("confdir={}", home.display()));
    let child = command.spawn().expect("mitmproxy");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listens = || std::net::TcpStream::connect(address).is_ok();
    (0..200)
        .find(|_| {
            listens() || {
                thread::sleep(Duration::from_millis(100));
                false
            }
        })
        .expect("it listens");
    let way = Way { proxy: address, bearer: None, name: NAMES[1] };
    Rival { name: "mitmproxy", way, process: Process::Child(child) }
}
