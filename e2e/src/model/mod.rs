//! A model host that plays a script: whatever agent asks, the next step is a call of one of the
//! agent's own tools, until the script is over. It speaks OpenAI's Responses and Chat Completions,
//! Anthropic's Messages and Gemini's `generateContent`, with server-sent events.
//!
//! - `responses`, `chat`, `messages`, `gemini`: the dialects

mod chat;
mod gemini;
mod messages;
mod responses;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// The names under which agents know it.
pub const HOSTS: [&str; 3] =
    ["api.openai.com", "generativelanguage.googleapis.com", "api.anthropic.com"];
/// The name under which agents outside of an enclosure know it.
const NEAR: &str = "localhost";

/// What the model says when the script is over.
pub const LAST_WORDS: &str = "That is all.";

/// What the model wants next.
#[derive(Debug, Clone)]
pub enum Step {
    /// Read this file.
    Read(String),
    /// In this file, put one text in place of another.
    Edit {
        /// Which.
        path: String,
        /// What is there, one line.
        old: String,
        /// What is to be there.
        new: String,
    },
    /// Run this in a shell.
    Shell(String),
}

/// What arrived at the host.
#[derive(Debug, Default)]
struct Heard {
    /// What each step came to, as the agent told the model.
    outcomes: Vec<String>,
    /// Every credential that arrived.
    credentials: Vec<String>,
    /// Method and path of everything that was asked.
    asked: Vec<String>,
}

/// A running model host; ended with the value.
pub struct ModelHost {
    addr: SocketAddr,
    authority: Authority,
    heard: Arc<Mutex<Heard>>,
    serving: JoinHandle<()>,
}

impl Drop for ModelHost {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ModelHost {
    /// Starts on a free loopback port with this script.
    pub async fn start(script: Vec<Step>) -> Self {
        let authority = Authority::new("Model host").unwrap();
        let names: Vec<String> = HOSTS.into_iter().chain([NEAR]).map(str::to_owned).collect();
        let tls = TlsAcceptor::from(authority.server(&names).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (script, log) = (Arc::new(script), Arc::clone(&heard));
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, script, log) = (tls.clone(), Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                        async move { Ok::<_, Infallible>(serve(request, &script, &log).await) }
                    });
                    // A client that goes away is its own business.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { addr, authority, heard, serving }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as a URL, for agents that reach it without a gateway.
    pub fn near(&self) -> String {
        format!("https://{NEAR}:{}", self.addr.port())
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// What each step came to, in order.
    pub fn outcomes(&self) -> Vec<String> {
        self.heard.lock().unwrap().outcomes.clone()
    }

    /// Every credential that arrived, once.
    pub fn credentials(&self) -> Vec<String> {
        let mut all = self.heard.lock().unwrap().credentials.clone();
        all.sort();
        all.dedup();
        all
    }

    /// Method and path of everything that was asked.
    pub fn asked(&self) -> Vec<String> {
        self.heard.lock().unwrap().asked.clone()
    }
}

/// What a request of a model is, in any dialect.
struct Turn {
    /// What the steps so far came to.
    outcomes: Vec<String>,
    /// The names of the tools that the model may call.
    tools: Vec<String>,
}

impl Turn {
    fn has(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }
}

/// A call of a tool of the agent's.
struct Call {
    tool: &'static str,
    arguments: Value,
}

/// How a dialect says the step with this number, or the last words.
type Say = fn(Option<(usize, Call)>) -> String;

async fn serve(
    request: Request<Incoming>,
    script: &[Step],
    log: &Mutex<Heard>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let mut heard = log.lock().unwrap();
    heard.asked.push(format!("{} {path}", head.method));
    for name in ["authorization", "x-goog-api-key", "x-api-key"] {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        heard.credentials.extend(value.map(str::to_owned));
    }
    let (turn, say): (Turn, Say) = match path.as_str() {
        "/v1/responses" => (responses::turn(&body), responses::say),
        "/v1/chat/completions" => (chat::turn(&body), chat::say),
        "/v1/messages" if body["stream"] != true => {
            return answer(StatusCode::OK, "application/json", messages::whole());
        }
        "/v1/messages" => (messages::turn(&body), messages::say),
        path if path.ends_with(":streamGenerateContent") => (gemini::turn(&body), gemini::say),
        path if path.ends_with(":generateContent") => {
            return answer(StatusCode::OK, "application/json", gemini::whole());
        }
        _ => return answer(StatusCode::NOT_FOUND, "application/json", "{}".to_owned()),
    };
    // What asks without tools is a title, a summary, a check: no step of the script.
    let number = turn.outcomes.len();
    let step = script.get(number).filter(|_| !turn.tools.is_empty());
    let call = step.map(|step| (number, call(step, &turn)));
    if turn.outcomes.len() >= heard.outcomes.len() && !turn.tools.is_empty() {
        heard.outcomes = turn.outcomes;
    }
    answer(StatusCode::OK, "text/event-stream", say(call))
}

/// A step as a call of whichever tool this agent has for it.
fn call(step: &Step, turn: &Turn) -> Call {
    use serde_json::json;
    let shell = |command: &str| match () {
        () if turn.has("exec_command") => Call {
            tool: "exec_command",
            arguments: json!({"cmd": command, "yield_time_ms": 20_000}),
        },
        () if turn.has("shell_command") => {
            Call { tool: "shell_command", arguments: json!({"command": command}) }
        }
        () if turn.has("run_shell_command") => Call {
            tool: "run_shell_command",
            arguments: json!({"command": command, "description": "a step"}),
        },
        () if turn.has("Bash") => {
            Call { tool: "Bash", arguments: json!({"command": command, "description": "a step"}) }
        }
        () if turn.has("bash") => {
            Call { tool: "bash", arguments: json!({"command": command, "description": "a step"}) }
        }
        () => panic!("an agent without a shell: {:?}", turn.tools),
    };
    match step {
        Step::Shell(command) => shell(command),
        Step::Read(path) => match () {
            () if turn.has("read_file") => {
                Call { tool: "read_file", arguments: json!({"file_path": path}) }
            }
            () if turn.has("Read") => Call { tool: "Read", arguments: json!({"file_path": path}) },
            () if turn.has("read") => Call { tool: "read", arguments: json!({"filePath": path}) },
            () => shell(&format!("cat {path}")),
        },
        Step::Edit { path, old, new } => match () {
            () if turn.has("replace") => {
                let arguments = json!({
                    "file_path": path, "old_string": old, "new_string": new,
                    "instruction": "put the one in place of the other",
                });
                Call { tool: "replace", arguments }
            }
            () if turn.has("Edit") => {
                let arguments = json!({"file_path": path, "old_string": old, "new_string": new});
                Call { tool: "Edit", arguments }
            }
            () if turn.has("edit") => {
                let arguments = json!({"filePath": path, "oldString": old, "newString": new});
                Call { tool: "edit", arguments }
            }
            // Codex applies a patch that stands in a shell command itself.
            () => shell(&format!(
                "apply_patch <<'END'\n*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n\
                 +{new}\n*** End Patch\nEND\n"
            )),
        },
    }
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// One server-sent event.
fn sent(name: &str, data: &Value) -> String {
    match name.is_empty() {
        true => format!("data: {data}\n\n"),
        false => format!("event: {name}\ndata: {data}\n\n"),
    }
}

/// Text that a tool gave back, however it is wrapped.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The elements of an array; none if it is no array.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
