//! The upstream that echoes, asked over the wire.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::EchoUpstream;

async fn curl(arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.env_clear().args(["-sS", "--max-time", "20"]).args(arguments).stdin(Stdio::null());
    command.output().await.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn it_echoes_what_arrived_and_keeps_it() {
    let upstream = EchoUpstream::http().await.unwrap();
    assert_eq!(upstream.ca_pem(), None);
    let url = format!("http://{}/echo?a=1", upstream.addr());
    let output = curl(&["-H", "X-Key: k1", "-H", "X-Key: k2", "-d", "body", &url]).await;
    let echoed: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(echoed["target"], "/echo?a=1");
    assert_eq!(echoed["body"], "body");
    let log = upstream.log();
    assert_eq!((log.len(), log[0].method.as_str()), (1, "POST"));
    assert_eq!(log[0].header("x-key"), Some("k1"));
    assert_eq!(log[0].headers.iter().filter(|(name, _)| name == "x-key").count(), 2);
}

#[tokio::test]
async fn it_speaks_tls_under_the_names_it_was_given() {
    let directory = TempDir::new().unwrap();
    let upstream = EchoUpstream::https(&["api.example.com"]).await.unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, upstream.ca_pem().unwrap()).unwrap();
    let to = |name: &str| format!("{name}:443:{}", upstream.addr());
    for (name, exit) in [("api.example.com", 0), ("other.example.com", 60)] {
        let (to, url) = (to(name), format!("https://{name}/reflect"));
        let output = curl(&[
            "--cacert",
            ca.to_str().unwrap(),
            "--connect-to",
            &to,
            "-H",
            "Authorization: Bearer s",
            "-D",
            "-",
            "-o",
            "/dev/null",
            &url,
        ])
        .await;
        assert_eq!(output.status.code(), Some(exit));
        assert_eq!(text(&output).contains("x-reflected-authorization: Bearer s"), exit == 0);
    }
}

#[tokio::test]
async fn it_streams_stalls_and_breaks_off() {
    let upstream = EchoUpstream::http().await.unwrap();
    for (path, exit, seconds_min, expect) in [
        ("/sse?chunks=3&pause_ms=100", 0, 0.2, "data: {\"chunk\":2}\n\n"),
        ("/slow?ms=200", 0, 0.2, "slow"),
        // 18: the transfer ended before what was promised.
        ("/short?promise=100&send=10", 18, 0.0, "xxxxxxxxxx"),
        ("/pieces?bytes=1", 0, 0.0, "\"body\":\"\"}"),
        ("/large?bytes=3", 0, 0.0, "xxx"),
        ("/status/418", 0, 0.0, "status"),
        ("/status/42", 0, 0.0, "status"),
        ("/location?status=308&to=/echo", 0, 0.0, "elsewhere"),
    ] {
        let began = std::time::Instant::now();
        let output = curl(&[&format!("http://{}{path}", upstream.addr())]).await;
        assert_eq!(output.status.code(), Some(exit), "{path}");
        assert!(text(&output).ends_with(expect), "{path} {}", text(&output));
        assert!(began.elapsed().as_secs_f64() >= seconds_min, "{path}");
    }
    let url = format!("http://{}/status/418", upstream.addr());
    let output = curl(&["-o", "/dev/null", "-w", "%{http_code}", &url]).await;
    assert_eq!(text(&output), "418");
}
