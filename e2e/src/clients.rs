//! A gateway in front of the [`fakes`](crate::fakes), whoever asks them, and what each of these
//! prints where it is refused.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    curl::Curl,
    fakes::{API, CLUSTER, Fakes, HOSTS},
    holdpoint::{Called, Gateway, Holdpoint},
};

/// A hold is answered at once.
const CONFIGURATION: &str = "hold.wait_seconds = 0\n";
/// Lines that tell of the machine, of the hour or of a client's version.
const NOISE: [&str; 9] = [
    "Log files were not written",
    "A complete log of this run",
    "Packaged ",
    // npm's own advice, which each version breaks into lines of its own.
    "In most cases, you or one of your dependencies",
    "a package version that is forbidden",
    "on a server you do not have access to",
    // kubectl's own log, before it says the same.
    "memcache.go",
    "Client Version: ",
    "Kustomize Version: ",
];

/// The fakes, and a gateway that dials them.
pub struct ClientsStage {
    /// The registries, the cluster and the API.
    pub fakes: Fakes,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    _ca: tempfile::NamedTempFile,
}

impl ClientsStage {
    /// Starts both. A human has listed the API for development and the cluster for staging.
    pub async fn set(binary: &str) -> Self {
        let fakes = Fakes::start().await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), fakes.ca_pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), CONFIGURATION).unwrap();
        for (host, speaks, environment) in
            [(API, "rest", "development"), (CLUSTER, "kubernetes", "staging")]
        {
            let listed = ["hosts", "add", host, "--speaks", speaks, "--environment", environment];
            holdpoint.json(&[&listed[..], &["--json"]].concat());
        }
        let names = HOSTS.map(|host| format!("{host}:443:{}", fakes.addr()));
        let resolved = names.iter().flat_map(|name| ["--resolve", name]);
        let trusted = ["--upstream-ca", ca.path().to_str().unwrap()];
        let arguments: Vec<&str> = trusted.into_iter().chain(resolved).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        Self { fakes, holdpoint, gateway, _ca: ca }
    }

    /// A new agent that works in a folder of its own.
    pub fn client(&self) -> Client {
        let made = self.holdpoint.json(&["agents", "new", "worker", "--json"]);
        let trusted = made["env"]["SSL_CERT_FILE"].as_str().unwrap().into();
        Client { agent: Curl::new(&made), trusted, folder: tempfile::tempdir().unwrap() }
    }

    /// Gives a secret for everything that `provider` has at `host`, in an environment if there
    /// is one; the phantom.
    pub fn phantom(&self, provider: &str, host: &str, environment: &[&str]) -> String {
        let purpose = format!("{provider}:*");
        let add = ["secrets", "add", "own", "--host", host, "--purpose", &purpose, "--json"];
        let within = environment.iter().flat_map(|name| ["--environment", name]);
        let add: Vec<&str> = add.into_iter().chain(within).collect();
        let added = self.holdpoint.call_with(&add, "the-real-secret-of-the-registry");
        assert_eq!(added.status, 0, "{}", added.stderr);
        added.json()["phantom"].as_str().unwrap().to_owned()
    }

    /// Panics if anything but reading arrived at a fake, or nothing at all.
    pub fn only_read(&self) {
        let arrived = self.fakes.arrived();
        assert!(!arrived.is_empty(), "nothing passed");
        let reads = |line: &String| line.starts_with("GET ") || line.starts_with("HEAD ");
        assert!(arrived.iter().all(reads), "{arrived:?}");
    }

    /// What `called` printed, without what changes from run to run.
    fn settled(&self, client: &Client, called: &Called) -> String {
        let folder = client.path().to_str().unwrap();
        let mut text = format!("{}{}", called.stdout, called.stderr)
            .replace(folder, "FOLDER")
            .replace(self.gateway.proxy(), "PROXY")
            .replace("npm ERR!", "npm error");
        let holds = self.holdpoint.json(&["holds", "--all", "--json"]);
        for hold in holds.as_array().unwrap() {
            text = text.replace(hold["hold"].as_str().unwrap(), "HOLD");
        }
        let lines = text.lines().map(str::trim_end);
        let told = lines.filter(|line| !NOISE.iter().any(|noise| line.contains(noise)));
        told.filter(|line| !line.is_empty()).map(without_reference).collect::<Vec<_>>().join("\n")
    }
}

/// A line whose `Ref 12 (mistaken? …)` is `Ref REF (mistaken? …)`.
pub fn without_reference(line: &str) -> String {
    let cut = |line: &str, before: &str| {
        let mut parts = line.split(before);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(part.len());
            text += &format!("{before}REF{}", &part[end..]);
        }
        text
    };
    cut(&cut(line, "Ref "), "`holdpoint wrong ")
}

/// An agent with programs of its own.
pub struct Client {
    /// What it is given to get out.
    pub agent: Curl,
    /// The certificate that it has to trust.
    pub trusted: PathBuf,
    folder: TempDir,
}

impl Client {
    /// Where it works, and has its home.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file there.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// `program` with `arguments`.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        self.at_home(self.agent.program(program), arguments)
    }

    /// `command` with `arguments`, in its folder, with no settings of this machine.
    pub fn at_home(&self, mut command: Command, arguments: &[&str]) -> Command {
        let home = self.path();
        command.args(arguments).current_dir(home).env("HOME", home).env("TERM", "dumb");
        command
    }
}

/// Ends well, or panics; what it printed.
pub fn done(mut command: Command) -> String {
    let called = Called::from(command.output().unwrap());
    assert_eq!(called.status, 0, "{command:?}\n{}\n{}", called.stdout, called.stderr);
    called.stdout
}

/// What clients printed where they were refused, to be compared with a file.
pub struct Golden<'a> {
    stage: &'a ClientsStage,
    text: String,
}

impl<'a> Golden<'a> {
    /// Nothing yet.
    pub fn new(stage: &'a ClientsStage) -> Self {
        Self { stage, text: String::new() }
    }

    /// Runs what must fail under a short `name`, in our words.
    pub fn refused(&mut self, name: &str, client: &Client, mut command: Command) {
        let called = Called::from(command.output().unwrap());
        let said = self.stage.settled(client, &called);
        assert_ne!(called.status, 0, "{name}: {said}");
        assert!(said.contains("Holdpoint"), "{name}: {said}");
        self.text += &format!("$ {name}\n{said}\n\n");
    }

    /// Compares with `tests/http/clients/NAME.txt`; `HOLDPOINT_GOLDEN=1` writes it anew.
    pub fn compare(self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/clients");
        let path = folder.join(name).with_extension("txt");
        if std::env::var_os("HOLDPOINT_GOLDEN").is_some() {
            std::fs::write(&path, &self.text).unwrap();
        }
        assert_eq!(self.text, std::fs::read_to_string(path).unwrap());
    }
}

/// The folder with undici, which is Node's own `fetch` with a proxy: Node itself reads the
/// variables of a proxy from version 24 on.
pub fn undici(folder: &str) -> PathBuf {
    const UNDICI: &str = "undici@6.21.3";
    let installed = Path::new(folder).join(format!("node-{UNDICI}"));
    if !installed.exists() {
        let made = tempfile::tempdir_in(folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", UNDICI]);
        let output = npm.arg("--prefix").arg(made.path()).output().unwrap();
        assert!(output.status.success(), "npm: {output:?}");
        // Where another test was first, ours is thrown away with `made`.
        if let Err(error) = std::fs::rename(made.path(), &installed) {
            assert!(installed.exists(), "{error}");
        }
    }
    installed.join("node_modules")
}
