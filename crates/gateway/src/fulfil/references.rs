//! What a push takes off a git remote is fetched first: our own message with the credentials of
//! the push, which only reads.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use holdpoint_core::{Digest, Judged, identity::Principal};
use holdpoint_enforce::{
    keep::{Fetched, Keep, Occasion, Unkept},
    resolve::loses_references,
};
use holdpoint_store::State;
use holdpoint_wire::http::{Body, Message, git};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::{
    body::ResponseBody,
    forward::Route,
    listen::Arrival,
    point::{Arrived, HttpPoint},
};

/// The end of the path of a push, and of a fetch.
const PUSH: &str = "/git-receive-pack";
const FETCH: &str = "/git-upload-pack";
/// How long a fetch may take while the push waits.
const FETCH_MAX: Duration = Duration::from_secs(300);
/// What a server says before the pack to a client that has nothing (git's
/// `Documentation/gitprotocol-pack`, "Packfile Negotiation").
const NOTHING_IN_COMMON: &[u8] = b"0008NAK\n";
/// What a bundle begins with (git's `Documentation/gitformat-bundle`).
const BUNDLE: &str = "# v2 git bundle\n";
/// Headers of a push that say who asks; the rest is the push's own.
const ASKING: &[&str] = &["authorization", "cookie", "private-token", "x-csrf-token"];

/// A reference that goes, and the object that it names.
struct Going {
    reference: String,
    object: String,
}

/// A file of ours for as long as something passes through it.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // Whoever kept it has taken it away.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl HttpPoint {
    /// Fetches and keeps what the push would take off its remote.
    pub(super) async fn save_references(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
    ) -> Result<Digest, Unkept> {
        let cannot = |text: &str| Unkept::Cannot(text.to_owned());
        let keeper = self.keeper().ok_or_else(|| cannot("nobody here saves anything"))?;
        let push = &judged.message().message;
        let path = push.raw_path().strip_suffix(PUSH).ok_or_else(|| cannot("it is no push"))?;
        let going =
            going(judged).ok_or_else(|| cannot("its push does not say what was there before"))?;
        let url = format!("{}://{}{path}", push.scheme.as_str(), push.authority());
        let passing = passing(&self.state)?;
        let fetching = tokio::time::timeout(FETCH_MAX, self.fetch(push, path, &going, &passing.0));
        fetching.await.map_err(|_| cannot("its remote takes too long to say what it has"))??;
        let references = going.into_iter().map(|it| it.reference).collect();
        keep(Arc::clone(keeper), url, references, passing, principal.run.clone()).await
    }

    /// Asks for the objects with the credentials of the push, and writes them to `file`.
    async fn fetch(
        &self,
        push: &Message,
        path: &str,
        going: &[Going],
        file: &Path,
    ) -> Result<(), Unkept> {
        let cannot =
            |text: String| Unkept::Cannot(format!("its remote does not say what it has: {text}"));
        let known = self.known();
        let message = asking(push, path, going);
        let listed_privately = known.may_lie_inside(&message.host, message.port);
        let mut asking = Arrived::from_agent(Arrival { message, rest: None }, false);
        self.put_in(&mut asking, &known)
            .await
            .map_err(|refusal| cannot(refusal.text().to_owned()))?;
        let route = Route { listed_privately, ..Route::default() };
        let rest = asking.rest.into_inner().unwrap_or_else(PoisonError::into_inner);
        let answer = self.client.send(asking.message, rest, &route).await;
        let answer = answer.map_err(|error| cannot(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(cannot(format!("it answers {}", answer.status())));
        }
        let max = self.config().snapshots.bytes;
        write(answer, &head(going), file, max).await.map_err(cannot)
    }
}

/// The references that the push forces or deletes; `None` unless it says of each what was there.
fn going(judged: &Judged<Arrived>) -> Option<Vec<Going>> {
    let lossy = judged.judgements().iter().filter(|it| loses_references(&it.operation));
    let lossy: HashSet<_> = lossy.map(|it| &it.operation.resource.id).collect();
    let mut moves = git::moves(&judged.message().message);
    moves.retain(|it| lossy.contains(&it.resource));
    let named: HashSet<_> = moves.iter().map(|it| &it.resource).collect();
    if lossy.is_empty() || named.len() < lossy.len() {
        return None;
    }
    let going = |it: git::Move| Some(Going { reference: it.reference, object: it.old? });
    moves.into_iter().map(going).collect()
}

/// A fetch of these objects and everything that they reach, by a client that has nothing.
fn asking(push: &Message, path: &str, going: &[Going]) -> Message {
    let line = |text: String| format!("{:04x}{text}", text.len() + 4);
    let mut objects: Vec<&str> = going.iter().map(|it| it.object.as_str()).collect();
    objects.sort_unstable();
    objects.dedup();
    let mut body = String::new();
    for (number, object) in objects.iter().enumerate() {
        let capabilities = if number == 0 { " ofs-delta no-progress" } else { "" };
        body += &line(format!("want {object}{capabilities}\n"));
    }
    body += "0000";
    body += &line("done\n".to_owned());
    let own = push.headers.iter().filter(|(name, _)| ASKING.contains(&name.as_str())).cloned();
    let text = |name: &str, value: &str| (name.to_owned(), Bytes::from(value.to_owned()));
    let content = "application/x-git-upload-pack-request";
    let fixed = [
        text("host", &push.authority()),
        text("content-type", content),
        text("accept", "application/x-git-upload-pack-result"),
        text("user-agent", "git/holdpoint"),
    ];
    Message {
        method: "POST".to_owned(),
        target: format!("{path}{FETCH}"),
        headers: fixed.into_iter().chain(own).collect(),
        body: Body::Whole(Bytes::from(body)),
        coded: None,
        ..push.clone()
    }
}

/// The head of a bundle of these references.
fn head(going: &[Going]) -> String {
    let lines = going.iter().map(|Going { reference, object }| format!("{object} {reference}\n"));
    let lines: String = lines.collect();
    format!("{BUNDLE}{lines}\n")
}

/// Writes the pack that `answer` is into a bundle.
async fn write(
    answer: Response<ResponseBody>,
    head: &str,
    file: &Path,
    max: u64,
) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(file).await.map_err(io)?;
    file.write_all(head.as_bytes()).await.map_err(io)?;
    let (mut body, mut begin, mut length) = (answer.into_body(), Vec::new(), 0_u64);
    let mut begun = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len() as u64);
        if length > max {
            return Err("it is more than `snapshots.bytes`".to_owned());
        }
        if begun {
            file.write_all(&data).await.map_err(io)?;
            continue;
        }
        begin.extend_from_slice(&data);
        if let Some(pack) = begin.strip_prefix(NOTHING_IN_COMMON) {
            file.write_all(pack).await.map_err(io)?;
            begun = true;
        } else if begin.len() >= NOTHING_IN_COMMON.len() {
            return Err("it answers otherwise than git does".to_owned());
        }
    }
    file.flush().await.map_err(io)?;
    if begun { Ok(()) } else { Err("its answer broke off".to_owned()) }
}

/// A new file's name in our own directory.
fn passing(state: &State) -> Result<Passing, Unkept> {
    let cannot = |text: String| Unkept::Cannot(text);
    let dir = state.dir().ok_or_else(|| cannot("there is no state directory".to_owned()))?;
    let mut name = [0_u8; 8];
    getrandom::fill(&mut name).map_err(|error| cannot(error.to_string()))?;
    Ok(Passing(dir.join(format!("passage-{}.bundle", hex::encode(name)))))
}

/// Has it saved, away from what serves agents.
async fn keep(
    keeper: Arc<dyn Keep>,
    url: String,
    references: Vec<String>,
    passing: Passing,
    run: String,
) -> Result<Digest, Unkept> {
    let keeping = tokio::task::spawn_blocking(move || {
        let fetched = Fetched { url: &url, references: &references, bundle: &passing.0 };
        let occasion = Occasion { run: &run, operation: "a push that takes them away" };
        keeper.keep_fetched(&fetched, &occasion)
    });
    keeping.await.unwrap_or_else(|error| Err(Unkept::Cannot(error.to_string())))
}
