//! How commits are signed in a run: by a socket that signs git objects with one SSH key and does
//! nothing else; or not at all, and then the human is told why.

use std::{
    fs::{self, DirBuilder},
    io::{self, BufRead as _, BufReader},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use holdpoint_sandbox::signer::{Signer, ask, connect, has};

use super::Here;

/// How long an agent outside may take: it may ask its human, or wait for a touch.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it may take to say which keys it has: nobody is asked for that, and a run waits.
const GLANCE: Duration = Duration::from_secs(2);
/// Keys that lie in the open say so behind these words (OpenSSH's PROTOCOL.key).
const OPEN: &[u8] = b"openssh-key-v1\0\0\0\0\x04none";

/// What is done about signing.
pub(super) enum Signing {
    /// Nothing is signed outside either.
    Unasked,
    /// Nothing is signed inside, for this reason.
    Unsigned(&'static str),
    /// By this key.
    By(Key),
}

/// An SSH key that signs outside.
pub(super) struct Key {
    /// As git is told of it: kind and key.
    line: String,
    public: Vec<u8>,
    source: Source,
}

/// Who has it.
enum Source {
    /// The human's own agent, which listens there.
    Agent(PathBuf),
    /// A file, of which an agent is made when something is to be signed.
    File(PathBuf),
}

impl Signing {
    /// Of what is committed in `workspace`.
    pub(super) fn of(workspace: &Path) -> Self {
        let settings = Settings::of(workspace);
        if !settings.signs {
            return Self::Unasked;
        }
        if settings.format != "ssh" {
            return Self::Unsigned("only SSH keys sign in there (gpg.format=ssh)");
        }
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let (line, file) = match settings.key.strip_prefix("key::").unwrap_or(&settings.key) {
            "" => return Self::Unsigned("user.signingKey does not say which key"),
            line if line.contains(' ') => (line.to_owned(), None),
            file => {
                let file = file.strip_prefix("~/").map_or(PathBuf::from(file), |it| home.join(it));
                let private = file.with_extension("");
                let private =
                    if file.extension().is_some_and(|it| it == "pub") { private } else { file };
                let mut public = private.clone().into_os_string();
                public.push(".pub");
                (fs::read_to_string(public).unwrap_or_default(), Some(private))
            }
        };
        let mut words = line.split_whitespace();
        let (Some(kind), Some(key)) = (words.next(), words.next()) else {
            return Self::Unsigned("its public key is not beside it");
        };
        let Ok(public) = BASE64_STANDARD.decode(key) else {
            return Self::Unsigned("user.signingKey is no SSH key");
        };
        let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
        let agent = agent.filter(|at| has_key(at, &public));
        let source = match (agent, file) {
            (Some(agent), _) => Source::Agent(agent),
            (None, Some(file)) if lies_open(&file) => Source::File(file),
            _ => return Self::Unsigned("no ssh-agent has its key: `ssh-add` it"),
        };
        Self::By(Key { line: format!("{kind} {key}"), public, source })
    }

    /// The key, as git is told of it.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::By(key) => Some(&key.line),
            Self::Unasked | Self::Unsigned(_) => None,
        }
    }

    /// What the human is told.
    pub(super) fn notice(&self) -> Option<String> {
        match self {
            Self::Unsigned(why) => Some(format!("commits go unsigned in there: {why}")),
            Self::Unasked | Self::By(_) => None,
        }
    }
}

impl Key {
    /// What answers whoever asks for signatures; an agent of our own would listen in `dir`.
    pub(super) fn signer(self, dir: PathBuf) -> Signer {
        let mut own = None;
        let Self { public, source, .. } = self;
        let sign = move |message: &[u8]| match &source {
            Source::Agent(at) => ask(&mut connect(at, PATIENCE)?, message),
            Source::File(file) => {
                let own = match &mut own {
                    Some(own) => own,
                    none => none.insert(OwnAgent::start(file, &dir)?),
                };
                ask(&mut connect(&own.socket, PATIENCE)?, message)
            }
        };
        Signer::new(public, Box::new(sign))
    }
}

/// Where an agent of our own listens, for as long as `run` goes on. It signs logins, too: whoever is
/// inside never sees the state, wherever else they may look.
pub(super) fn directory(here: &Here, run: &str) -> PathBuf {
    here.dir.join(format!("signs-{run}"))
}

/// Removes what signing left of `run`; the agent itself ends with us.
pub(super) fn end(here: &Here, run: &str) {
    // Most often there was none.
    let _ = fs::remove_dir_all(directory(here, run));
}

/// Whether the agent at `agent` says soon that it has this key.
fn has_key(agent: &Path, public: &[u8]) -> bool {
    connect(agent, GLANCE).and_then(|mut it| has(&mut it, public)).unwrap_or_default()
}

/// Whether a private key needs no passphrase.
fn lies_open(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(body).is_ok_and(|key| key.starts_with(OPEN))
}

/// An agent with one key, which ends with this process.
struct OwnAgent {
    socket: PathBuf,
    _shell: Child,
}

impl OwnAgent {
    fn start(key: &Path, dir: &Path) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(dir)?;
        let socket = dir.join("agent");
        let mut shell = Command::new("ssh-agent");
        shell.arg("-a").arg(&socket);
        // The agent ends with the shell, and the shell with its standard input, which is ours.
        shell.args(["sh", "-c", "ssh-add -q \"$0\" </dev/null && echo && exec cat"]).arg(key);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn()?;
        let mut ready = String::new();
        let said = shell.stdout.take().map(BufReader::new);
        said.map_or(Ok(0), |mut said| said.read_line(&mut ready))?;
        match ready.is_empty() {
            true => Err(io::Error::other("ssh-agent does not take the key")),
            false => Ok(Self { socket, _shell: shell }),
        }
    }
}

/// What git is told about signing, outside.
#[derive(Default)]
struct Settings {
    signs: bool,
    format: String,
    key: String,
}

impl Settings {
    fn of(workspace: &Path) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let places = [
            home.join(".gitconfig"),
            home.join(".config/git/config"),
            workspace.join(".git/config"),
        ];
        // Only where one of the words stands is git asked what it means.
        let mentioned = places.iter().any(|path| {
            let text = fs::read_to_string(path).unwrap_or_default().to_ascii_lowercase();
            text.contains("gpgsign") || text.contains("signingkey")
        });
        if !mentioned {
            return Self::default();
        }
        let mut git = Command::new("git");
        let wanted = "^(commit\\.gpgsign|tag\\.gpgsign|gpg\\.format|user\\.signingkey)$";
        git.args(["config", "-z", "--get-regexp", wanted]).current_dir(workspace);
        let said = git.output().map(|said| said.stdout).unwrap_or_default();
        let mut settings = Self::default();
        for entry in String::from_utf8_lossy(&said).split('\0') {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            match key {
                "gpg.format" => value.clone_into(&mut settings.format),
                "user.signingkey" => value.clone_into(&mut settings.key),
                "commit.gpgsign" | "tag.gpgsign" => {
                    settings.signs |= matches!(value, "true" | "yes" | "on" | "1");
                }
                _ => {}
            }
        }
        // A key for SSH that was named is there to be signed with, if only by `git commit -S`.
        settings.signs |= settings.format == "ssh" && !settings.key.is_empty();
        settings
    }
}
