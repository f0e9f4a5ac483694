//! pgbouncer and the gateway, each a process of its own before the same server.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use e2e::{
    holdpoint::{Gateway, Holdpoint},
    postgres::{PASSWORD, ROLE, Server},
};

/// A running one; it ends with the value.
pub(crate) struct Rival {
    name: &'static str,
    port: u16,
    password: String,
    process: Process,
}

enum Process {
    Pgbouncer(Child, #[expect(dead_code, reason = "its files live as long")] tempfile::TempDir),
    Gateway(Gateway, #[expect(dead_code, reason = "the state lives as long")] Holdpoint),
}

/// A server with pgbench's tables, that writes to its disk as it should.
pub(crate) fn server(scale: usize) -> Server {
    let server = Server::start("SELECT 1");
    server.configure("fsync = on\nshared_buffers = 512MB\nmax_wal_size = 4GB\n");
    server.cut();
    server.begin();
    let output = Command::new(e2e::postgres::program("pgbench"))
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "-U", ROLE, "-i", "-q"])
        .args(["-s", &scale.to_string(), "shop"])
        .env("PGPASSWORD", PASSWORD)
        .output()
        .expect("pgbench");
    assert!(output.status.success(), "{output:?}");
    server
}

impl Rival {
    pub(crate) fn pgbouncer(server: &Server) -> Self {
        let dir = tempfile::Builder::new().prefix("hp-bouncer-").tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its rights");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = port.expect("a port").port();
        let users = dir.path().join("users");
        fs::write(&users, format!("\"{ROLE}\" \"{PASSWORD}\"\n")).expect("its users");
        let settings = format!(
            "[databases]\nshop = host=127.0.0.1 port={} dbname=shop\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = session\n\
             default_pool_size = 64\nmax_client_conn = 200\nlog_connections = 0\n\
             log_disconnections = 0\n",
            server.port(),
            users.display(),
        );
        let file = dir.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("its settings");
        let mut command = match nix::unistd::geteuid().is_root() {
            true => {
                let mut command = Command::new("setpriv");
                let nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];
                command.args(nobody).arg("pgbouncer");
                command
            }
            false => Command::new("pgbouncer"),
        };
        let child = command.arg("-q").arg(&file).stdin(Stdio::null()).spawn().expect("pgbouncer");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        let (password, process) = (PASSWORD.to_owned(), Process::Pgbouncer(child, dir));
        Self { name: "pgbouncer", port, password, process }
    }

    /// The gateway, for an `environment`.
    pub(crate) fn holdpoint(name: &'static str, server: &Server, environment: &str) -> Self {
        let own = env!("CARGO_BIN_EXE_holdpoint-under-test");
        let binary = std::env::var_os("HOLDPOINT_BINARY").unwrap_or_else(|| own.into());
        let holdpoint = Holdpoint::new(binary);
        holdpoint.json(&["agents", "new", "worker", "--json"]);
        let arguments =
            ["secrets", "add", "shop", "--host", "127.0.0.1", "--purpose", "postgres:*", "--json"];
        let added = holdpoint.call_with(&arguments, PASSWORD).json();
        let configuration = format!(
            "[limits]\nstored_bytes = 1099511627776\n[[database]]\nlisten = \"127.0.0.1:0\"\n\
             secret = \"shop\"\nagent = \"worker\"\nenvironment = \"{environment}\"\n\
             upstream = \"postgres://{ROLE}@127.0.0.1:{}/shop\"\n",
            server.port()
        );
        fs::write(holdpoint.state().join("holdpoint.toml"), configuration).expect("its settings");
        let gateway = holdpoint.up(&[], &[]);
        let listen = gateway.addresses()["databases"][0]["listen"].as_str().expect("an address");
        let port = listen.rsplit(':').next().and_then(|it| it.parse().ok()).expect("a port");
        let password = added["phantom"].as_str().expect("a phantom").to_owned();
        Self { name, port, password, process: Process::Gateway(gateway, holdpoint) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Nanoseconds that its threads have run.
    pub(crate) fn cpu_nanos(&self) -> u64 {
        let pid = match &self.process {
            Process::Pgbouncer(child, _) => child.id(),
            Process::Gateway(gateway, _) => gateway.pid(),
        };
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
        let ran =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        ran.filter_map(|ran| ran.split(' ').next()?.parse::<u64>().ok()).sum()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        if let Process::Pgbouncer(child, _) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
