//! A gateway that is a system user's own, for agents of another user; what is said where it is not,
//! and where this machine lets nobody make an enclosure.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use e2e::{
    echo::{LISTED, UNLISTED},
    enclosed::Enclosed,
    holdpoint::Gateway,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Whoever works as an agent; the gateway is of another user.
const AGENT: &str = "1002";

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_another_user_is_out_of_reach() {
    // Only root can be two users.
    let Some(place) = Enclosed::each(BINARY).await.into_iter().nth(1) else { return };
    let mut up = place.outside(place.path("holdpoint"));
    up.args(["up", "--json"]);
    let gateway = Gateway::start(up);
    let made = place.call(&["agents", "new", "worker", "--json"]).json();
    // Its certificate is everybody's to read, where somebody puts it.
    let ca = place.path("elsewhere/ca.pem");
    fs::copy(place.path("state/ca.pem"), &ca).unwrap();
    fs::set_permissions(&ca, fs::Permissions::from_mode(0o644)).unwrap();
    let proxy = made["env"]["HTTPS_PROXY"].as_str().unwrap();
    let agent = |script: &str| {
        let mut shell = Command::new("setpriv");
        shell.args(["--reuid", AGENT, "--regid", AGENT, "--clear-groups", "bash", "-c", script]);
        shell.env_clear().env("PATH", "/usr/bin:/bin").env("HTTPS_PROXY", proxy);
        let said = shell.env("CURL_CA_BUNDLE", &ca).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    let status = "curl -s -m 20 -o /dev/null -w '%{http_code} '";
    let asked =
        format!("{status} https://{LISTED}/get; {status} -X DELETE https://{LISTED}/items/1");
    assert_eq!(agent(&asked), "200 428 ");
    let refused = agent(&format!("curl -s -m 20 https://{UNLISTED}/"));
    assert!(refused.contains("unlisted_host"), "{refused}");
    // Nothing of the guard's is within its reach.
    let state = place.path("state").display().to_string();
    let reach = [
        format!("ls {state}"),
        format!("cat {state}/state.db"),
        format!("echo x >> {state}/holdpoint.toml"),
        format!("kill -0 {}", gateway.pid()),
        format!("cat /proc/{}/environ", gateway.pid()),
        format!("python3 -c 'import socket; socket.socket(1).connect(\"{state}/control.sock\")'"),
        format!("{} --state {state} agents new thief", place.path("holdpoint").display()),
    ];
    for way in reach {
        let said = agent(&format!("( {way} ) >/dev/null 2>&1 && echo reached"));
        assert_eq!(said, "", "{way}");
    }
    let targets: Vec<String> = place.arrived().iter().map(|it| it.target.clone()).collect();
    assert_eq!(targets, ["/get"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_a_hook_alone_leaves_open() {
    let Some(place) = Enclosed::each(BINARY).await.into_iter().next() else { return };
    let reach = || {
        let findings = place.call(&["doctor", "--json"]).json();
        findings.as_array().unwrap().iter().find(|it| it["what"] == "reach").cloned()
    };
    assert!(reach().is_none(), "nobody has a hook");
    let put = place.call(&["init", "--yes", "--agent", "claude"]);
    assert_eq!(put.status, 0, "{}", put.stderr);
    let found = reach().unwrap();
    let said = found["found"].as_str().unwrap();
    let state = place.path("state").display().to_string();
    for part in ["claude only ask", &state, "take their own hooks out", "holdpoint up --state"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_namespaces_are_off_nothing_is_started_and_the_mend_is_said() {
    for place in Enclosed::each(BINARY).await {
        let run =
            format!("{} run --no-snapshot -- touch started", place.path("holdpoint").display());
        // The limit counts for those below a namespace, so that one of its own can be without.
        let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && {run}");
        let mut without = place.outside("unshare");
        let without = without.args(["--map-root-user", "bash", "-c", &script]).output().unwrap();
        let said = String::from_utf8(without.stderr).unwrap();
        assert_eq!(without.status.code(), Some(3), "{}: {said}", place.who());
        for part in ["sysctl -w user.max_user_namespaces", "nothing was started", "`--unguarded`"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!place.path("work/started").exists());
    }
}
