//! Real agents outside of any enclosure, with a scripted model: nothing stands between them and the
//! machine but the hooks that `holdpoint init` puts into their home.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    agent_room::{Agent, MODEL_KEY, programs},
    holdpoint::{Called, Holdpoint},
    model::{ModelHost, Step},
};

/// An agent ends within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(240);

/// A home with photos, a repository in it, and an agent that works there.
pub struct Hooked {
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The model.
    pub model: ModelHost,
    agent: Agent,
    programs: PathBuf,
    home: TempDir,
}

/// What an agent is told beside its task.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// Further words.
    pub words: &'a [&'a str],
    /// Further variables.
    pub environment: &'a [(&'a str, &'a str)],
}

impl Hooked {
    /// A place for this agent; `script` is given the home.
    pub async fn new(binary: &str, agent: Agent, script: impl FnOnce(&Path) -> Vec<Step>) -> Self {
        // Not among temporary files, which are judged otherwise.
        let built = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
        let built = fs::canonicalize(built).unwrap();
        let home = tempfile::Builder::new().prefix("hooked-").tempdir_in(built).unwrap();
        let model = ModelHost::start(script(home.path())).await;
        let programs = programs();
        let this = Self { holdpoint: Holdpoint::new(binary), model, agent, programs, home };
        let (path, text) = agent.settings(&this.model.near());
        this.write(path, &text);
        this.write("ca.pem", this.model.ca_pem());
        this.write("photos/a.jpg", "a photo");
        this.write("work/.gemini/settings.json", "{}\n");
        this.write("work/src/a.rs", "fn main() {}\n");
        this.write(".gitconfig", "[user]\nname = Ada\nemail = ada@example.com\n");
        for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-qm", "1"]]
        {
            let done = this.command("git").args(arguments).status().unwrap();
            assert!(done.success(), "git {arguments:?}");
        }
        this
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What is in a file in the home.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program in the repository that sees this home and nothing else of its human's.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().current_dir(self.path("work")).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("HOLDPOINT_STATE", self.holdpoint.state());
        command
    }

    /// Puts the agent's hooks into the home, as its human would.
    pub fn init(&self) -> Called {
        let mut init = self.holdpoint.command(&["init", "--yes", "--agent", self.agent.command()]);
        let called: Called = init.env("HOME", self.home.path()).output().unwrap().into();
        assert_eq!(called.status, 0, "{}", called.stderr);
        called
    }

    /// Lets the agent go through the script; it asks nobody, as nobody is there.
    pub fn go(&self, told: Told<'_>) -> Called {
        let mut run = self.command("timeout");
        run.args(["--kill-after=2", &PATIENCE.as_secs().to_string()]);
        run.arg(self.programs.join(self.agent.command()));
        run.args(match self.agent {
            Agent::Codex => {
                &["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"][..]
            }
            Agent::OpenCode => &["run"],
            Agent::Gemini => &["--yolo", "--skip-trust"],
            Agent::Claude => &["--allowedTools", "Bash,Read,Edit"],
        });
        run.args(told.words);
        run.args(match self.agent {
            Agent::Codex | Agent::OpenCode => &["go on"][..],
            Agent::Gemini | Agent::Claude => &["-p", "go on"],
        });
        let ca = self.path("ca.pem");
        run.env("SSL_CERT_FILE", &ca).env("NODE_EXTRA_CA_CERTS", &ca);
        for key in ["OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"] {
            run.env(key, MODEL_KEY);
        }
        let near = self.model.near();
        run.env("GOOGLE_GEMINI_BASE_URL", &near).env("ANTHROPIC_BASE_URL", &near);
        // Calls home would leave the machine.
        run.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("OPENCODE_DISABLE_MODELS_FETCH", "1");
        run.envs(told.environment.iter().copied());
        run.output().unwrap().into()
    }
}
