//! The drill without a guard, and with bad ones.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{Progress, Silent, run, unguarded};
use crate::kill_chain::Scenario;

#[derive(Default)]
struct Heard(Vec<String>);

impl Progress for Heard {
    fn step(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
}

#[tokio::test]
async fn unguarded_the_volume_is_really_gone() {
    for (scenario, staging_deleted) in
        [(Scenario::VolumeDelete, true), (Scenario::EnvironmentPatch, false)]
    {
        let mut heard = Heard::default();
        let run = unguarded(scenario, &mut heard).await.unwrap();
        assert!(run.volume_deleted);
        assert_eq!((run.backups_deleted, run.staging_deleted), (3, staging_deleted));
        assert_eq!(run.messages, 2, "one that is refused, one that destroys");
        let links: Vec<_> = run.steps.iter().map(|step| step.link).collect();
        assert_eq!(links, ["task", "mismatch", "search", "destroy", "gone"]);
        let by_link = |link| run.steps.iter().find(|step| step.link == link).unwrap();
        assert!(by_link("mismatch").output.contains("Not Authorized"), "{:?}", run.steps);
        assert!(by_link("search").output.contains("notes/domains.md"), "{:?}", run.steps);
        assert!(by_link("destroy").command.contains(scenario.mutation()), "{:?}", run.steps);
        let gone = &by_link("gone").output;
        assert!(!gone.contains("production"), "{gone}");
        assert_eq!(gone.contains("staging"), !staging_deleted, "{gone}");
        assert!(run.steps.iter().all(|step| step.exit == 0), "{:?}", run.steps);
        assert_eq!(heard.0.len(), 3);
    }
}

/// A `holdpoint` that only pretends: it keeps its arguments, says that it listens at `proxy`, and
/// gives out real credentials as phantoms.
fn stub(directory: &Path, proxy: &str) -> PathBuf {
    let script = format!(
        r#"#!/bin/sh
printf '%s\n' "$*" >> {calls}
case "$1" in
  up)
    while [ $# -gt 0 ]; do
      [ "$1" = --upstream-ca ] && ca=$2
      [ "$1" = --resolve ] && printf '%s' "${{2#*:443:}}" > {upstream}
      shift
    done
    printf '{{"proxy":"{proxy}","ca":"%s"}}\n' "$ca"
    printf '%s' "$ca" > {calls}.ca
    exec sleep 600 ;;
  agents)
    printf '{{"agent":"%s","env":{{"HTTPS_PROXY":"http://bearer@{proxy}","CURL_CA_BUNDLE":"%s"}}}}\n' "$3" "$(cat {calls}.ca)" ;;
  secrets) printf '{{"name":"%s","phantom":"%s"}}\n' "$3" "$(cat)" ;;
esac
"#,
        calls = directory.join("calls").display(),
        upstream = directory.join("upstream").display(),
    );
    let path = directory.join("holdpoint");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A proxy that asks everybody for a credential and lets nobody through, or lets everything
/// through to the address in the file `upstream`.
async fn proxy(upstream: Option<PathBuf>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tunnel(stream, upstream.clone()));
        }
    });
    (addr, serving)
}

async fn tunnel(mut stream: TcpStream, upstream: Option<PathBuf>) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(stream.read_u8().await.unwrap());
    }
    let Some(upstream) = upstream else {
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        return;
    };
    let mut far = TcpStream::connect(fs::read_to_string(upstream).unwrap()).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // Either side may close first; that is not what is tested.
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut far).await;
}

#[tokio::test]
async fn a_guard_that_stops_everything_does_not_pass() {
    let directory = TempDir::new().unwrap();
    let (addr, proxy) = proxy(None).await;
    let guard = stub(directory.path(), &addr);
    let tabletop = run(&guard, Scenario::VolumeDelete, &mut Silent).await.unwrap();
    proxy.abort();
    assert!(!tabletop.guarded.volume_deleted && !tabletop.guarded.honest_work_passed);
    assert!(!tabletop.saved());
    assert_eq!(tabletop.guarded.stopped_by, ["unidentified"]);
    assert!(tabletop.guarded.links[0].held() && !tabletop.guarded.links[1].held());
    let json = json!(tabletop);
    assert_eq!(json["unguarded"]["volume_deleted"], true);
    assert_eq!(json["guarded"]["volume_deleted"], false);
    assert_eq!(json["guarded"]["stopped_by"], json!(["unidentified"]));
    assert_eq!(json["guarded"]["links"][0]["link"], "unnamed");
    let calls = fs::read_to_string(directory.path().join("calls")).unwrap();
    let count = |part: &str| calls.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count("up --proxy 127.0.0.1:0 --state "), 1);
    assert_eq!(count(" --resolve backboard.railway.com:443:127.0.0.1:"), 1);
    assert_eq!((count("hosts add"), count("secrets add"), count("agents new")), (2, 2, 6));
    assert_eq!(count("--environment staging"), 4);
    assert!(count("inventory add railway:volume/") >= 7, "{calls}");
}

#[tokio::test]
async fn a_guard_that_stops_nothing_is_found_out() {
    for scenario in Scenario::ALL {
        let directory = TempDir::new().unwrap();
        let (addr, proxy) = proxy(Some(directory.path().join("upstream"))).await;
        let tabletop = run(&stub(directory.path(), &addr), scenario, &mut Silent).await.unwrap();
        proxy.abort();
        let guarded = &tabletop.guarded;
        assert!(guarded.volume_deleted && guarded.honest_work_passed && !tabletop.saved());
        assert!(guarded.links.iter().all(|link| link.stopped_by.is_none() && !link.held()));
        // The one that carries no credential is turned away by the stand-in itself.
        assert!(guarded.mutations_executed >= 6, "{}", guarded.mutations_executed);
    }
}
