//! A PostgreSQL server of its own, with a gateway in front of it, and real clients.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    holdpoint::{Gateway, Holdpoint, until},
    postgres_versions::programs,
};

/// Where Debian keeps the programs of clients.
const CLIENTS: &str = "/usr/lib/postgresql/15/bin";
/// The role that agents work as, and its real password.
pub const ROLE: &str = "app";
/// What no agent may ever see.
pub const PASSWORD: &str = "wR9kT2mZ7qLx4Vn8";

/// A running server; stopped with the value.
#[derive(Debug)]
pub struct Server {
    dir: TempDir,
    port: u16,
}

/// How a client call came out.
#[derive(Debug)]
pub struct Said {
    /// The exit status.
    pub status: i32,
    /// What it printed.
    pub out: String,
    /// What it said.
    pub err: String,
}

impl Server {
    /// A server with a database `shop`, whose `ROLE` owns its schema `public`, and in which `setup`
    /// was run.
    pub fn start(setup: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("hp-pg-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let server = Self { dir, port };
        let data = server.data();
        server.program(
            "initdb",
            &[
                "-D",
                &data,
                "-A",
                "scram-sha-256",
                "-U",
                "postgres",
                "--no-sync",
                "--pwfile",
                &server.file("superuser", "postgres"),
                "--encoding=UTF8",
                "--locale=C",
            ],
        );
        server.configure("fsync = off\nmax_connections = 300\nautovacuum = off\n");
        server.begin();
        server.admin("postgres", &format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"));
        server.admin("postgres", &format!("CREATE DATABASE shop OWNER {ROLE}"));
        server.admin("shop", &format!("ALTER SCHEMA public OWNER TO {ROLE}"));
        server.app(setup);
        server
    }

    /// Starts it, or starts it again.
    pub fn begin(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1",
            self.port,
            self.dir.path().display()
        );
        let log = self.dir.path().join("log");
        self.program(
            "pg_ctl",
            &["-D", &self.data(), "-w", "-o", &options, "-l", log.to_str().unwrap(), "start"],
        );
    }

    /// Ends it as a power cut would.
    pub fn cut(&self) {
        self.program("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
    }

    /// Adds lines to its configuration.
    pub fn configure(&self, lines: &str) {
        let path = Path::new(&self.data()).join("postgresql.conf");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + "\n" + lines).unwrap();
    }

    /// Takes nothing unencrypted any more, but from its superuser.
    pub fn encrypt(&self, certificate: &Path, key: &Path) {
        let place = |name: &str, path: &Path| {
            let text = std::fs::read_to_string(path).unwrap();
            let place = self.file(name, &text);
            let owner =
                std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(self.data()).unwrap());
            std::os::unix::fs::chown(&place, Some(owner), None).unwrap();
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o600)).unwrap();
            place
        };
        let (certificate, key) = (place("server.pem", certificate), place("server.key", key));
        self.configure(&format!(
            "ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n"
        ));
        let hba = Path::new(&self.data()).join("pg_hba.conf");
        let rules = "host all postgres 127.0.0.1/32 scram-sha-256\n\
            hostssl all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(hba, rules).unwrap();
        self.cut();
        self.begin();
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements as its superuser, past the gateway.
    pub fn admin(&self, database: &str, text: &str) -> String {
        self.direct("postgres", "postgres", database, text)
    }

    /// Runs statements as the role, past the gateway.
    pub fn app(&self, text: &str) -> String {
        self.direct(ROLE, PASSWORD, "shop", text)
    }

    fn direct(&self, user: &str, password: &str, database: &str, text: &str) -> String {
        let said = psql(
            self.port,
            user,
            password,
            database,
            "prefer",
            &["-v", "ON_ERROR_STOP=1", "-c", text],
        );
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        said.out.trim().to_owned()
    }

    /// Makes the tables of pgbench, past the gateway.
    pub fn bench(&self) {
        let output = Command::new(program("pgbench"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", ROLE, "-i", "-q", "shop"])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A digest of all rows of a table.
    pub fn checksum(&self, table: &str) -> String {
        self.app(&format!("SELECT count(*) || ':' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"))
    }

    /// Where its files lie.
    pub fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    /// Puts a file beside its own; where it lies.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs one of the server's programs, as an ordinary user where it refuses to be root's.
    pub fn program(&self, name: &str, arguments: &[&str]) {
        let program = programs().join(name);
        let mut command = match nix::unistd::geteuid().is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(&program);
                command
            }
            false => Command::new(&program),
        };
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null());
        // A server keeps what it inherits open.
        let said = self.dir.path().join("said");
        let file = std::fs::File::create(&said).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.status().unwrap();
        assert!(status.success(), "{name}: {}", std::fs::read_to_string(&said).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid"));
        if let Some(pid) = pid.ok().and_then(|text| text.lines().next().map(str::to_owned)) {
            let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        }
    }
}

/// A server, a gateway in front of it, and the phantom that opens it.
#[derive(Debug)]
pub struct Guarded {
    /// The server.
    pub server: Server,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The gateway.
    pub gateway: Gateway,
    /// What agents hold in place of the password.
    pub phantom: String,
}

impl Guarded {
    /// A server with `setup`, whose database lies in `environment`; `terms` are further lines of
    /// `holdpoint.toml`.
    pub fn start(binary: &str, environment: &str, terms: &str, setup: &str) -> Self {
        let entry = format!("environment = \"{environment}\"");
        Self::before(Server::start(setup), binary, ROLE, &entry, terms)
    }

    /// A gateway before a server that is there, for a role with the password of [`ROLE`]; `entry`
    /// are further lines of its `[[database]]`.
    pub fn before(server: Server, binary: &str, role: &str, entry: &str, terms: &str) -> Self {
        let port = server.port();
        Self::before_port(server, port, binary, role, entry, terms)
    }

    /// The same where something else stands before the server, at `port`.
    pub fn before_port(
        server: Server,
        port: u16,
        binary: &str,
        role: &str,
        entry: &str,
        terms: &str,
    ) -> Self {
        let holdpoint = Holdpoint::new(binary);
        holdpoint.json(&["agents", "new", "worker", "--json"]);
        holdpoint.enrol("ada");
        let arguments =
            ["secrets", "add", "shop", "--host", "127.0.0.1", "--purpose", "postgres:*", "--json"];
        let added = holdpoint.call_with(&arguments, PASSWORD);
        let phantom = added.json()["phantom"].as_str().unwrap().to_owned();
        let configuration = format!(
            "{terms}\n[[database]]\nlisten = \"127.0.0.1:0\"\nsecret = \"shop\"\nagent = \"worker\"\n\
             upstream = \"postgres://{role}@127.0.0.1:{port}/shop\"\n{entry}\n"
        );
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let gateway = holdpoint.up(&[], &[]);
        Self { server, holdpoint, gateway, phantom }
    }

    /// Ends the gateway as a power cut would, and starts another.
    pub fn restart(&mut self) {
        self.gateway.cut();
        self.gateway = self.holdpoint.up(&[], &[]);
    }

    /// The port that agents connect to.
    pub fn port(&self) -> u16 {
        let addresses = self.gateway.addresses();
        let listen = addresses["databases"][0]["listen"].as_str().unwrap();
        listen.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Runs psql through the gateway.
    pub fn psql(&self, arguments: &[&str]) -> Said {
        psql(self.port(), ROLE, &self.phantom, "shop", "disable", arguments)
    }

    /// Runs one text of statements through the gateway.
    pub fn run(&self, text: &str) -> Said {
        self.psql(&["-c", text])
    }

    /// Runs one statement that has to come out well; what it printed.
    pub fn well(&self, text: &str) -> String {
        let said = self.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        said.out.trim().to_owned()
    }

    /// A URL for clients.
    pub fn url(&self) -> String {
        format!("postgres://{ROLE}:{}@127.0.0.1:{}/shop", self.phantom, self.port())
    }

    /// The only hold that waits.
    pub fn hold(&self) -> serde_json::Value {
        let holds = self.holdpoint.json(&["holds", "--json"]);
        let holds = holds.as_array().unwrap();
        assert_eq!(holds.len(), 1, "{holds:?}");
        holds[0].clone()
    }

    /// Releases a hold, and waits until it is done.
    pub fn approve(&self, hold: &str) {
        let shown = self.holdpoint.call(&["holds", "--json"]);
        let state = self.released(hold);
        let done = state == holdpoint_store::HoldState::Done;
        assert!(done, "{state}: {} {}", self.gateway.said(), shown.stdout);
    }

    /// Releases a hold, and waits until it is over; how it ended.
    pub fn released(&self, hold: &str) -> holdpoint_store::HoldState {
        let state = holdpoint_store::State::open(self.holdpoint.state()).unwrap();
        release(&self.holdpoint, hold);
        let terms = holdpoint_store::config::HoldTerms::default();
        let holds = state.holds(terms);
        until("the release is run", || {
            let now = holdpoint_core::Timestamp(now());
            let found = holds.find(hold, now).unwrap().unwrap();
            use holdpoint_store::HoldState::{Approved, Consuming, Open};
            match found.state {
                Open | Approved | Consuming => None,
                state => Some(state),
            }
        })
    }
}

/// Releases a hold as its approver does at a terminal.
pub fn release(holdpoint: &Holdpoint, hold: &str) {
    let holds = holdpoint.json(&["holds", "--json"]);
    let found = holds.as_array().unwrap().iter().find(|it| it["hold"] == hold).unwrap();
    // In production the name of what it is about is typed: one of these.
    let meanings = found["meanings"].as_array().unwrap();
    let names = meanings.iter().map(|meaning| {
        let resource = meaning["resource"].as_str().unwrap();
        resource.rsplit('/').next().unwrap().to_owned()
    });
    let answer = format!("{}\n", crate::holdpoint::PASSPHRASE);
    let mut tried =
        names.map(|name| holdpoint.call_with(&["approve", hold, "--name", &name], &answer));
    let released = tried.any(|called| called.status == 0);
    assert!(released, "nobody could release {found}");
}

fn now() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Runs psql.
pub fn psql(
    port: u16,
    user: &str,
    password: &str,
    database: &str,
    sslmode: &str,
    arguments: &[&str],
) -> Said {
    let url = format!("postgresql://{user}@127.0.0.1:{port}/{database}?sslmode={sslmode}");
    let output = Command::new(program("psql"))
        .args(["-X", "-A", "-t", "-d", &url])
        .args(arguments)
        .env("PGPASSWORD", password)
        .env("PGCONNECT_TIMEOUT", "20")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The path of one of PostgreSQL's clients.
pub fn program(name: &str) -> PathBuf {
    Path::new(CLIENTS).join(name)
}

impl Guarded {
    /// The names of everything that is kept in the side store, as it is on disk.
    pub fn payloads(&self) -> Vec<String> {
        let script = "import sqlite3, sys\n\
            for row in sqlite3.connect(sys.argv[1], timeout=20).execute('SELECT id FROM payloads'): print(row[0])";
        let store = self.holdpoint.state().join("state.db");
        let output = Command::new("python3").args(["-c", script]).arg(store).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// The pre-image that a client was told of.
pub fn kept(said: &str) -> String {
    let after = said.split("holdpoint undo ").nth(1).unwrap_or_else(|| panic!("{said}"));
    after.split('`').next().unwrap_or(after).to_owned()
}
