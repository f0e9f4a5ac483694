//! A code host: `git http-backend` behind HTTPS, as git's own manual sets it up.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// The name under which agents know it.
pub const HOST: &str = "github.com";

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// The value of `Authorization`, if there was one.
    pub authorization: Option<String>,
    /// The content coding of the body; empty if there is none.
    pub encoding: String,
    /// The bytes of the body.
    pub body_bytes: usize,
}

/// A running code host with repositories of its own; ended with the value.
pub struct GitHost {
    addr: SocketAddr,
    authority: Authority,
    root: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Drop for GitHost {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl GitHost {
    /// Starts on a free loopback port, for everybody.
    pub async fn start() -> Self {
        Self::start_for(None).await
    }

    /// Starts on a free loopback port, for those who know this password.
    pub async fn start_private(password: &str) -> Self {
        Self::start_for(Some(password.to_owned())).await
    }

    async fn start_for(password: Option<String>) -> Self {
        let password: Arc<Option<String>> = Arc::new(password);
        let authority = Authority::new("Code host").unwrap();
        let tls = TlsAcceptor::from(authority.server(&[HOST.to_owned()]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let root = tempfile::Builder::new().prefix("git-host-").tempdir().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (path, log) = (root.path().to_owned(), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, path, log) = (tls.clone(), path.clone(), Arc::clone(&log));
                let password = Arc::clone(&password);
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let (path, log) = (path.clone(), Arc::clone(&log));
                        let password = Arc::clone(&password);
                        async move {
                            Ok::<_, Infallible>(match knows(&request, password.as_deref()) {
                                true => serve(request, &path, &log).await,
                                false => stranger(),
                            })
                        }
                    });
                    // A client that goes away is its own business.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { addr, authority, root, asked, serving }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Makes `name` with one commit on `main`; it takes push options.
    pub fn add_repository(&self, name: &str) {
        let path = self.root.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        for arguments in [
            &["init", "--quiet", "--bare", "--initial-branch=main"][..],
            &["config", "receive.advertisePushOptions", "true"],
        ] {
            self.git(name, arguments);
        }
        let tree = self.git(name, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let commit = self.git(name, &["commit-tree", "-m", "the beginning", &tree]);
        self.git(name, &["update-ref", "refs/heads/main", &commit]);
    }

    /// Makes branches where `main` is.
    pub fn add_branches(&self, name: &str, branches: &[&str]) {
        for branch in branches {
            self.git(name, &["update-ref", &format!("refs/heads/{branch}"), "refs/heads/main"]);
        }
    }

    /// Makes `branch` the one that is checked out unless another is asked for.
    pub fn set_default(&self, name: &str, branch: &str) {
        self.git(name, &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
    }

    /// Where `reference` of a repository points, if it is there.
    pub fn tip(&self, name: &str, reference: &str) -> Option<String> {
        let found = self.git(name, &["for-each-ref", "--format=%(objectname)", reference]);
        (!found.is_empty()).then_some(found)
    }

    /// Everything that arrived.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Calls git in a repository.
    fn git(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root.path().join(name)).args(arguments).env_clear();
        let output = with_identity(&mut command).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Lets `command` be nobody's git but ours: no configuration of this machine, a fixed identity.
pub fn with_identity(command: &mut Command) -> &mut Command {
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ada")
            .env(format!("GIT_{who}_EMAIL"), "ada@example.com");
    }
    command
}

/// Whether the request shows the password, if there has to be one.
fn knows(request: &Request<Incoming>, password: Option<&str>) -> bool {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let shown = shown.and_then(|shown| BASE64_STANDARD.decode(shown.strip_prefix("Basic ")?).ok());
    let shown = String::from_utf8(shown.unwrap_or_default()).unwrap_or_default();
    password.is_none_or(|password| shown.split_once(':').is_some_and(|(_, it)| it == password))
}

fn stranger() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = header::HeaderValue::from_static("Basic realm=\"code\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Answers one request by CGI (RFC 3875): the body goes in as it comes.
async fn serve(
    request: Request<Incoming>,
    root: &Path,
    log: &Mutex<Vec<Asked>>,
) -> Response<Full<Bytes>> {
    let (head, mut body) = request.into_parts();
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authorization = head.headers.contains_key("authorization").then(|| header("authorization"));
    let mut command = Command::new(exec_path().join("git-http-backend"));
    with_identity(command.env_clear())
        .env("REQUEST_METHOD", head.method.as_str())
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "agent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut backend = tokio::process::Command::from(command).spawn().unwrap();
    let mut stdin = backend.stdin.take().unwrap();
    let feed = async move {
        let mut count = 0;
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            count += data.len();
            // A backend that has heard enough closes its end.
            let _ = stdin.write_all(&data).await;
        }
        count
    };
    let (body_bytes, output) = tokio::join!(feed, backend.wait_with_output());
    let line = format!("{} {}", head.method, head.uri);
    let encoding = header("content-encoding");
    log.lock().unwrap().push(Asked { line, authorization, encoding, body_bytes });
    answer(&output.unwrap().stdout)
}

/// What a CGI program printed, as an HTTP answer.
fn answer(printed: &[u8]) -> Response<Full<Bytes>> {
    let end = printed.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&printed[..end]).unwrap();
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(&printed[end + 4..])));
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => {
                let status = value.split(' ').next().unwrap();
                *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).unwrap();
            }
            name => {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                response.headers_mut().insert(name, value.parse().unwrap());
            }
        }
    }
    response
}

/// Where git keeps its programs.
fn exec_path() -> PathBuf {
    let output = Command::new("git").arg("--exec-path").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().into()
}
