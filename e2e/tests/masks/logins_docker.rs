//! `docker login` inside, by Docker's own client and without an engine: what it keeps are phantoms of its
//! registry, with which it reads images, in this run and by the file of the human.

use e2e::{
    enclosed::Enclosed,
    far_ends::lead,
    holdpoint::Called,
    registry_host::{HOSTS, IMAGE, PASSWORD, REGISTRY, RegistryHost, SERVICE, USER},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Writes a file of the place as its user.
fn write(place: &Enclosed, path: &str, text: &str) {
    let path = place.path(path);
    let script = "mkdir -p \"$(dirname \"$1\")\"; printf %s \"$TEXT\" > \"$1\"";
    let mut written = place.outside("sh");
    written.args(["-c", script, "sh"]).arg(path).env("TEXT", text);
    assert!(written.status().unwrap().success());
}

/// Places with the password of the registry in `.env`, bound to it by a human.
async fn places(lasting: bool) -> Vec<(Enclosed, RegistryHost)> {
    let mut all = Vec::new();
    for place in Enclosed::each(BINARY).await {
        let host = RegistryHost::start(lasting).await;
        lead(&place, &[(&HOSTS, host.addr(), host.ca_pem())]);
        write(&place, "work/.env", &format!("REGISTRY_PASSWORD={PASSWORD}\n"));
        let script = "printf %s \"$1\" | \"$0\" secrets add registry --host \"$2\" --host \"$3\" \
                      --purpose 'rest:*'";
        let mut added = place.outside("sh");
        added.args(["-c", script]).arg(place.path("holdpoint"));
        let added: Called = added.args([PASSWORD, REGISTRY, SERVICE]).output().unwrap().into();
        assert_eq!(added.status, 0, "{}", added.stderr);
        for name in HOSTS {
            let words = ["hosts", "add", name, "--speaks", "rest", "--environment", "development"];
            assert_eq!(place.call(&words).status, 0);
        }
        all.push((place, host));
    }
    all
}

fn nothing_real(who: &str, called: &Called, host: &RegistryHost) {
    for real in host.all() {
        let seen = called.stdout.contains(&real) || called.stderr.contains(&real);
        assert!(!seen, "{who}: {real}: {called:?}");
    }
}

fn log_in() -> String {
    format!(
        ". ./.env; echo \"$REGISTRY_PASSWORD\" | docker login -u {USER} --password-stdin {REGISTRY}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_logs_in_inside_and_reads_images_with_phantoms() {
    for lasting in [true, false] {
        for (place, host) in places(lasting).await {
            let who = place.who();
            let script = format!(
                "{}; cat ~/.docker/config.json; docker manifest inspect {REGISTRY}/{IMAGE}:1",
                log_in()
            );
            let called = place.script(&script);
            assert!(called.stdout.contains("Login Succeeded"), "{who}: {called:?}");
            assert_eq!(called.stdout.contains("identitytoken"), lasting, "{who}: {called:?}");
            let given = host.given();
            assert!(called.stdout.contains("image.v1+json"), "{who}: {called:?}: {given:#?}");
            nothing_real(who, &called, &host);
            let again = if lasting { "by refresh token" } else { "by password" };
            assert!(
                host.given().iter().skip(2).any(|it| it.ends_with(again)),
                "{who}: {:?}",
                host.given()
            );
            // Nothing of it is the human's.
            assert!(!place.path("home/.docker/config.json").exists(), "{who}");
        }
    }
}
