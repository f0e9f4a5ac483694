//! The calls, against a stand-in for the binary.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::Holdpoint;

#[tokio::test]
async fn what_a_command_says_wrongly_is_an_error_that_names_it() {
    for (script, expect) in [
        ("echo 'no such host' >&2; exit 2", "no such host"),
        ("echo hello", "printed something else"),
        ("kill -9 $$", "signal"),
    ] {
        let directory = TempDir::new().unwrap();
        let binary = directory.path().join("holdpoint");
        fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let holdpoint = Holdpoint::new(&binary, &directory.path().join("state")).unwrap();
        let error = holdpoint.new_agent("a", "t", Some("staging")).await.unwrap_err().to_string();
        assert!(error.contains("agents new a") && error.contains(expect), "{error}");
        let ca = directory.path().join("ca.pem");
        let error = holdpoint.up(&["h"], "127.0.0.1:1", &ca).await.unwrap_err().to_string();
        assert!(error.contains("`holdpoint up`"), "{error}");
    }
}

#[tokio::test]
async fn a_gateway_is_ended_even_if_it_does_not_want_to() {
    let directory = TempDir::new().unwrap();
    let binary = directory.path().join("holdpoint");
    let pid = directory.path().join("pid");
    let script = format!(
        "#!/bin/sh\ntrap '' TERM\necho $$ > {}\necho '{{\"proxy\":\"p\",\"ca\":\"c\"}}'\n\
         while :; do sleep 0.1; done\n",
        pid.display()
    );
    fs::write(&binary, script).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let holdpoint = Holdpoint::new(&binary, &directory.path().join("state")).unwrap();
    let gateway = holdpoint.up(&[], "127.0.0.1:1", directory.path()).await.unwrap();
    assert_eq!(gateway.listening.proxy, "p");
    let pid = fs::read_to_string(pid).unwrap();
    gateway.end().await;
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists());
}
