//! A stand-in for AWS that records what arrives and checks each signature with botocore's own
//! signer, with a gateway in front of it; and AWS's own clients behind it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use holdpoint_drill::Authority;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    curl::Curl,
    holdpoint::{Called, Gateway, Holdpoint, PASSPHRASE},
};

/// The clients, at the versions that were tried.
const PACKAGES: [&str; 2] = ["awscli==1.46.2", "boto3==1.44.5"];

/// The real credential.
pub const KEY_ID: &str = "AKIAREALREALREALREAL";
/// Its secret.
pub const SECRET: &str = "Rea1Secret/Rea1Secret+Rea1SecretRea1Secr";

/// Where agents go.
const REGION: &str = "eu-west-1";
/// The hosts that the stand-in answers for.
const HOSTS: [&str; 10] = [
    "s3.eu-west-1.amazonaws.com",
    "shop-backups.s3.eu-west-1.amazonaws.com",
    "s3.amazonaws.com",
    "shop-backups.s3.amazonaws.com",
    "ec2.eu-west-1.amazonaws.com",
    "rds.eu-west-1.amazonaws.com",
    "sts.eu-west-1.amazonaws.com",
    "dynamodb.eu-west-1.amazonaws.com",
    "monitoring.eu-west-1.amazonaws.com",
    "lambda.eu-west-1.amazonaws.com",
];

/// Bodies stream from 1 MiB on, and a hold is answered at once.
const CONFIGURATION: &str = "limits.body_bytes = 1048576\nhold.wait_seconds = 0\n";

/// The stand-in's program.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws_stand_in.py");

/// AWS, and a gateway that dials it.
pub struct AwsStage {
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    /// The phantom, as the variables of AWS's tools.
    pub variables: Vec<(String, String)>,
    stand_in: Child,
    folder: TempDir,
}

impl Drop for AwsStage {
    fn drop(&mut self) {
        let _ = self.stand_in.kill();
        let _ = self.stand_in.wait();
    }
}

impl AwsStage {
    /// Starts both; all hosts are in staging, and an agent may do everything there that policy
    /// lets it do.
    pub fn set(binary: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("aws-").tempdir().unwrap();
        let (stand_in, port) = stand_in(folder.path());
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), CONFIGURATION).unwrap();
        let names = HOSTS
            .iter()
            .flat_map(|host| ["--resolve".to_owned(), format!("{host}:443:127.0.0.1:{port}")]);
        let ca = folder.path().join("server.pem").to_str().unwrap().to_owned();
        let arguments: Vec<String> = names.chain(["--upstream-ca".to_owned(), ca]).collect();
        for host in HOSTS {
            let listed = ["hosts", "add", host, "--speaks", "rest", "--environment", "staging"];
            holdpoint.json(&[&listed[..], &["--json"]].concat());
        }
        let bound = ["--host", "*.amazonaws.com", "--purpose", "aws:*", "--environment", "staging"];
        let add = [&["secrets", "add", "aws-staging", "--aws", "--json"][..], &bound].concat();
        let added = holdpoint.call_with(&add, &format!("{KEY_ID}:{SECRET}"));
        assert_eq!(added.status, 0, "{}", added.stderr);
        let variables = variables_of(&added.json());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        holdpoint.enrol("ada");
        Self { holdpoint, gateway, variables, stand_in, folder }
    }

    /// A new agent with AWS's clients.
    pub fn agent(&self, name: &str) -> AwsAgent {
        let agent = Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]));
        let variables = self.variables.clone();
        AwsAgent { agent, variables, folder: tempfile::tempdir().unwrap() }
    }

    /// What arrived: method, host, target, whose signature, whether it is right, and what the body
    /// came to.
    pub fn arrived(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("arrived")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The newest open hold.
    pub fn hold(&self) -> String {
        let holds = self.holdpoint.json(&["holds", "--json"]);
        holds[0]["hold"].as_str().unwrap_or_else(|| panic!("no hold: {holds}")).to_owned()
    }

    /// Releases a hold.
    pub fn approve(&self, hold: &str) {
        let approved = self.holdpoint.call_with(&["approve", hold], PASSPHRASE);
        assert_eq!(approved.status, 0, "{} {}", approved.stdout, approved.stderr);
    }
}

/// The variables that `secrets add --aws --json` printed.
fn variables_of(added: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = added["env"].as_object().unwrap().iter();
    variables.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Starts the stand-in, which makes its own certificate and says its port.
fn stand_in(folder: &Path) -> (Child, u16) {
    let authority = Authority::new("AWS stand-in").unwrap();
    let (certificate, key) = authority.leaf_pem(&HOSTS.map(str::to_owned)).unwrap();
    std::fs::write(folder.join("server.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("leaf.pem"), certificate).unwrap();
    std::fs::write(folder.join("leaf.key"), key).unwrap();
    let mut command = Command::new(clients().join("python"));
    command
        .arg(STAND_IN)
        .arg(folder)
        .env_clear()
        .envs([("KEY_ID", KEY_ID), ("SECRET", SECRET)])
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().parse().unwrap_or_else(|_| panic!("no stand-in: {line}"));
    (child, port)
}

/// An agent with AWS's clients.
pub struct AwsAgent {
    agent: Curl,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl AwsAgent {
    /// Where it works.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command line of AWS.
    pub fn aws(&self, arguments: &[&str]) -> Called {
        self.run("aws", arguments)
    }

    /// Python with boto3.
    pub fn python(&self, script: &str) -> Called {
        self.run("python", &["-c", script])
    }

    /// The same agent with the credential of somebody else.
    #[must_use]
    pub fn with_keys(self, id: &str, secret: &str) -> Self {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let variables = vec![pair("AWS_ACCESS_KEY_ID", id), pair("AWS_SECRET_ACCESS_KEY", secret)];
        Self { variables, ..self }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Called {
        let mut command = self.agent.program(clients().join(program).to_str().unwrap());
        command
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().unwrap().into()
    }
}

/// The folder with the programs of AWS's clients: installed from PyPI once, beside what is built.
pub fn clients() -> PathBuf {
    static INSTALLED: Mutex<()> = Mutex::new(());
    let _one = INSTALLED.lock().unwrap();
    let target = option_env!("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let folder = target.join("tools").join(format!("aws-{}", PACKAGES.join("-").replace('=', "")));
    let programs = folder.join("bin");
    let done = folder.join("installed");
    if done.exists() {
        return programs;
    }
    std::fs::create_dir_all(&folder).unwrap();
    // Tests run in processes of their own: only one of them installs.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let mut pip = Command::new(programs.join("pip"));
        call(
            pip.args(["install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"])
                .args(PACKAGES),
        );
        std::fs::write(done, "").unwrap();
    }
    programs
}

fn call(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
