//! Real agents from their npm packages in an enclosure, with a scripted model, a code host and a
//! stand-in for Railway at the far end.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use holdpoint_drill::railway::{self, FakeRailway};
use serde_json::{Value, json};

use crate::{
    enclosed::Enclosed,
    far_ends::lead,
    git_host::{self, GitHost},
    holdpoint::Called,
    model::{self, ModelHost, Step},
    npm,
};

/// The packages, each in one version.
const PACKAGES: [&str; 4] = [
    "@openai/codex@0.169.0",
    "opencode-ai@1.18.33",
    "@google/gemini-cli@0.61.0",
    "@anthropic-ai/claude-code@2.1.329",
];
/// Those of them that complete themselves by a script.
const SCRIPTED: [&str; 2] = ["opencode-ai", "@anthropic-ai/claude-code"];
/// The repository that agents work on.
pub const REPOSITORY: &str = "acme/shop.git";
/// The real keys, which no agent ever holds.
pub const MODEL_KEY: &str = "sk-real-9f27c1d4e8b35a60f7d2c49b81e6a35d";
/// The password of the code host.
pub const CODE_KEY: &str = "ghp_R3alR3alR3alR3alR3alR3alR3alR3alR3al";
/// An agent ends within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// An agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// `@openai/codex`.
    Codex,
    /// `opencode-ai`.
    OpenCode,
    /// `@google/gemini-cli`.
    Gemini,
    /// `@anthropic-ai/claude-code`.
    Claude,
}

impl Agent {
    /// Its command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::OpenCode => "opencode",
            Self::Gemini => "gemini",
            Self::Claude => "claude",
        }
    }

    /// What is said to it: it asks nobody, as nobody is there.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Codex => &["exec", "--skip-git-repo-check", "go on"],
            Self::OpenCode => &["run", "go on"],
            Self::Gemini => &["--yolo", "--skip-trust", "-p", "go on"],
            Self::Claude => &["-p", "go on", "--allowedTools", "Bash,Read,Edit"],
        }
    }

    /// The model API's host, and the shape in which the key arrives there.
    fn model(self) -> (&'static str, String) {
        match self {
            Self::Gemini => (model::HOSTS[1], MODEL_KEY.to_owned()),
            Self::Claude => (model::HOSTS[2], MODEL_KEY.to_owned()),
            Self::Codex | Self::OpenCode => (model::HOSTS[0], format!("Bearer {MODEL_KEY}")),
        }
    }

    /// Its settings, with the model at this URL where they say so: where in the home, and what.
    pub fn settings(self, model: &str) -> (&'static str, String) {
        match self {
            Self::Codex => (
                ".codex/config.toml",
                format!(
                    "model = \"scripted\"\nmodel_provider = \"far\"\n\
                     [model_providers.far]\nname = \"far\"\nbase_url = \"{model}/v1\"\n\
                     env_key = \"OPENAI_API_KEY\"\nwire_api = \"responses\"\n"
                ),
            ),
            Self::OpenCode => (".config/opencode/opencode.json", open_code(model).to_string()),
            // The first start asks its human; nobody is there.
            Self::Claude => (".claude.json", json!({"hasCompletedOnboarding": true}).to_string()),
            Self::Gemini => (
                ".gemini/settings.json",
                json!({"security": {"auth": {"selectedType": "gemini-api-key"}}}).to_string(),
            ),
        }
    }
}

fn open_code(model: &str) -> Value {
    json!({
        "model": "far/scripted", "small_model": "far/scripted", "autoupdate": false,
        "permission": "allow",
        "provider": {"far": {
            "npm": "@ai-sdk/openai-compatible", "name": "far",
            "options": {
                "baseURL": format!("{model}/v1"), "apiKey": "{env:OPENAI_API_KEY}",
            },
            "models": {"scripted": {
                "name": "scripted", "tool_call": true, "limit": {"context": 100_000, "output": 8_000},
            }},
        }},
    })
}

/// A place to run an agent in, and its far ends.
pub struct AgentRoom {
    /// The place.
    pub place: Enclosed,
    /// The model.
    pub model: ModelHost,
    /// The code host.
    pub code: GitHost,
    /// The platform.
    pub railway: FakeRailway,
    agent: Agent,
    programs: PathBuf,
}

impl AgentRoom {
    /// A room for every kind of user that this process can be and that can read the programs; but
    /// for Codex, which starts fast, only for the last of them unless this is a soak.
    pub async fn each(
        binary: &str,
        agent: Agent,
        script: impl Fn(&Enclosed, &FakeRailway) -> Vec<Step>,
    ) -> Vec<Self> {
        let programs = programs();
        let mut rooms = Vec::new();
        let mut places = Enclosed::each(binary).await;
        if agent != Agent::Codex && std::env::var_os("HOLDPOINT_SOAK").is_none() {
            places.drain(..places.len() - 1);
        }
        for place in places {
            let program = programs.join(agent.command());
            if !place.outside("test").arg("-x").arg(program).status().unwrap().success() {
                println!("{} cannot read {}", place.who(), programs.display());
                continue;
            }
            rooms.push(Self::set(place, agent, programs.clone(), &script).await);
        }
        assert!(!rooms.is_empty(), "nobody can read {}", programs.display());
        rooms
    }

    async fn set(
        place: Enclosed,
        agent: Agent,
        programs: PathBuf,
        script: impl Fn(&Enclosed, &FakeRailway) -> Vec<Step>,
    ) -> Self {
        let railway = FakeRailway::start(railway::Config::default()).await.unwrap();
        let model = ModelHost::start(script(&place, &railway)).await;
        let code = GitHost::start_private(CODE_KEY).await;
        code.add_repository(REPOSITORY);
        let room = Self { place, model, code, railway, agent, programs };
        lead(
            &room.place,
            &[
                (&model::HOSTS, room.model.addr(), room.model.ca_pem()),
                (&railway::HOSTS, room.railway.addr(), room.railway.ca_pem()),
                (&[git_host::HOST], room.code.addr(), room.code.ca_pem()),
            ],
        );
        let (path, text) = agent.settings("https://api.openai.com");
        room.write(&format!("home/{path}"), &text);
        for host in railway::HOSTS {
            room.ask(&["hosts", "add", host, "--speaks", "graphql"], "");
        }
        let (host, _) = agent.model();
        room.ask(&["secrets", "add", "model", "--host", host, "--purpose", "model:*"], MODEL_KEY);
        let code = ["secrets", "add", "code", "--host", git_host::HOST, "--purpose", "git:*"];
        room.ask(&code, CODE_KEY);
        room
    }

    /// Writes a file of this user's in the place.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.place.path(name);
        let folder = path.parent().unwrap().to_owned();
        let made = self.place.outside("mkdir").arg("-p").arg(folder).status().unwrap();
        assert!(made.success());
        let script = "cat > \"$0\"";
        let mut shell = self.place.outside("sh");
        shell.args(["-c", script]).arg(&path);
        assert_eq!(with_input(shell, text).status, 0);
    }

    /// Calls the binary outside, which must end well.
    pub fn ask(&self, arguments: &[&str], input: &str) -> Called {
        let mut command = self.place.outside(self.place.path("holdpoint"));
        command.args(arguments);
        let called = with_input(command, input);
        assert_eq!(called.status, 0, "{arguments:?}: {}", called.stderr);
        called
    }

    /// Runs a command inside to its end, with the model's key granted.
    pub fn run(&self, command: &[&str]) -> Called {
        let mut run = self.place.outside("timeout");
        run.args(["--kill-after=2", &PATIENCE.as_secs().to_string()]);
        run.arg(self.place.path("holdpoint"));
        run.args(["run", "--task", "a test", "--environment", "staging", "--grant", "model"]);
        // The programs lie beside what is built, which is nobody's home.
        let packages = self.programs.parent().unwrap().display();
        run.args(["--also", &format!("{packages}:ro"), "--"]).args(command);
        run.output().unwrap().into()
    }

    /// Lets the agent go through the script; how long it took.
    pub fn go(&self) -> (Called, Duration) {
        let began = Instant::now();
        let program = self.programs.join(self.agent.command());
        let mut command = vec![program.to_str().unwrap()];
        command.extend(self.agent.words());
        (self.run(&command), began.elapsed())
    }

    /// Whether the model got the real key, and nothing but it.
    pub fn assert_key(&self) {
        assert_eq!(self.model.credentials(), [self.agent.model().1]);
    }
}

fn with_input(mut command: Command, input: &str) -> Called {
    use std::{io::Write as _, process::Stdio};
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// The folder with the agents' programs.
pub fn programs() -> PathBuf {
    npm::installed("agents", &PACKAGES, &SCRIPTED).join(".bin")
}
