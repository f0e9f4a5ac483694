//! Binding: what was found works for what it is for, by its phantom, in this run and no other.

use std::fs;

use e2e::{
    echo::LISTED,
    enclosed::Enclosed,
    fakes::{Fakes, HOSTS, PACKAGE, PRIVATE_NPM, PRIVATE_PYPI, TOKEN},
    far_ends::lead,
    git_host::{GitHost, HOST},
    holdpoint::Called,
};
use holdpoint_drill::upstream::EchoUpstream;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const STRIPE: &str = "api.stripe.com";
const RAILWAY: &str = "backboard.railway.com";
const TEST_KEY: &str = concat!("sk_te", "st_51Nx8QpLmV3kTz9RbYw2HcJd7GfSa4Ue");
const LIVE_KEY: &str = concat!("sk_li", "ve_51Kw3TpLmV8kTz2RbYw7HcJd9GfSa6Xq");
const SHOP_KEY: &str = "kJ8sN2pQ7vXr4TzWm6YbAcDe";
const SIGNING: &str = "f3Kq9ZxT7vLm2Wb8RnYp4CdHs6JgAe1U";
const PUSH: &str = "ghp_R3alR3alR3alR3alR3alR3alR3alR3alR3al";

/// Writes a file of the place as its user.
fn write(place: &Enclosed, path: &str, text: &str) {
    let path = place.path(path);
    let script = format!(
        "mkdir -p '{}'; printf %s \"$TEXT\" > '{}'",
        path.parent().unwrap().display(),
        path.display()
    );
    let written = place.outside("sh").args(["-c", &script]).env("TEXT", text).status().unwrap();
    assert!(written.success());
}

fn outside(place: &Enclosed, script: &str) -> Called {
    place.outside("bash").args(["-ec", script]).output().unwrap().into()
}

fn curl(method: &str, host: &str, credential: &str) -> String {
    format!(
        "curl -sS -o /dev/null -w '%{{http_code}} ' -X {method} https://{host}/v1/things -H \"Authorization: Bearer {credential}\"; "
    )
}

/// Places with a `.env`, and an upstream for what it names.
async fn places() -> Vec<(Enclosed, EchoUpstream)> {
    let mut all = Vec::new();
    for place in Enclosed::each(BINARY).await {
        let upstream = EchoUpstream::https(&[STRIPE, RAILWAY]).await.unwrap();
        lead(&place, &[(&[STRIPE, RAILWAY], upstream.addr(), upstream.ca_pem().unwrap())]);
        write(
            &place,
            "work/.env",
            &format!(
                "STRIPE_TEST_KEY={TEST_KEY}\nSTRIPE_SECRET_KEY={LIVE_KEY}\nSHOP_API_TOKEN={SHOP_KEY}\nJWT_SECRET={SIGNING}\n"
            ),
        );
        all.push((place, upstream));
    }
    all
}

/// What arrived with a credential, as method and credential.
fn carried(upstream: &EchoUpstream) -> Vec<(String, String)> {
    let all = upstream.log().into_iter();
    all.map(|it| (it.method.clone(), it.header("authorization").unwrap_or_default().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn known_names_bind_themselves_a_test_key_in_full_and_a_live_one_to_reads() {
    for (place, upstream) in places().await {
        let who = place.who();
        let script = format!(
            ". ./.env; {}{}{}",
            curl("POST", STRIPE, "$STRIPE_TEST_KEY"),
            curl("GET", STRIPE, "$STRIPE_SECRET_KEY"),
            curl("POST", STRIPE, "$STRIPE_SECRET_KEY"),
        );
        let called = place.script(&script);
        let codes: Vec<&str> = called.stdout.split_whitespace().collect();
        assert_eq!(codes, ["200", "200", "403"], "{who}: {}{}", called.stdout, called.stderr);
        assert_eq!(
            carried(&upstream),
            [
                ("POST".to_owned(), format!("Bearer {TEST_KEY}")),
                ("GET".to_owned(), format!("Bearer {LIVE_KEY}"))
            ],
            "{who}"
        );
        // At another host it has left home, as it has in a body.
        let stray = place.script(&format!(
            ". ./.env; curl -sS https://{LISTED}/ -d \"note=$STRIPE_TEST_KEY\"; \
             curl -sS https://{LISTED}/ -H \"Authorization: Bearer $STRIPE_TEST_KEY\""
        ));
        assert_eq!(
            stray.stdout.matches("\"code\":\"phantom_leaving\"").count(),
            2,
            "{who}: {}",
            stray.stdout
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bound_to_nothing_is_sent_nowhere_until_a_human_says() {
    for (place, upstream) in places().await {
        let who = place.who();
        let ask = format!(
            ". ./.env; curl -sS https://{RAILWAY}/graphql/v2 -H 'content-type: application/json' \
             -d '{{\"query\":\"query {{ me {{ id }} }}\"}}' -H \"Authorization: Bearer $SHOP_API_TOKEN\""
        );
        write(
            &place,
            "work/.env",
            &format!(
                "SHOP_API_TOKEN={SHOP_KEY}\nRAILWAY_TOKEN=5e0c2a14-8f3b-4d6e-9a71-c2d4b6e8f013\n"
            ),
        );
        let called = place.script(&ask);
        let said = &called.stdout;
        assert!(said.contains("unbound_credential"), "{who}: {said}{}", called.stderr);
        let name = said.split("holdpoint secrets bind ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(name.starts_with("shop-api-token-"), "{who}: {name}");
        // The banner says it as well.
        assert!(
            called.stderr.contains(&format!("secrets bind {name} ")),
            "{who}: {}",
            called.stderr
        );
        assert_eq!(upstream.log().len(), 0, "{who}");
        let bound =
            place.call(&["secrets", "bind", name, "--host", RAILWAY, "--purpose", "railway:*"]);
        assert_eq!(bound.status, 0, "{who}: {}", bound.stderr);
        let called = place.script(&format!("{ask} -o /dev/null -w '%{{http_code}}'"));
        assert_eq!(called.stdout, "200", "{who}: {}", called.stderr);
        assert_eq!(carried(&upstream)[0].1, format!("Bearer {SHOP_KEY}"), "{who}");
        assert!(!called.stderr.contains("unbound"), "{who}: asked once: {}", called.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phantom_of_one_project_is_worthless_in_another() {
    for (place, upstream) in places().await {
        let who = place.who();
        let phantom = place.script("sed -n 's/^STRIPE_TEST_KEY=//p' .env").stdout;
        let script = curl("GET", STRIPE, phantom.trim());
        let mut run = place.run(&["bash", "-c", &script]);
        let called: Called = run.current_dir(place.path("elsewhere")).output().unwrap().into();
        assert_eq!(called.stdout.trim(), "403", "{who}: {}", called.stderr);
        // Nor is it once its run is over, for whoever is not enclosed.
        assert_eq!(upstream.log().len(), 0, "{who}");
        let here = place.script(&script);
        assert_eq!(here.stdout.trim(), "200", "{who}: {}", here.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_signs_and_verifies_with_what_is_used_here() {
    let script = r#"
. ./.env; export JWT_SECRET; echo "$JWT_SECRET" >&2
/usr/bin/python3 - <<'END'
import base64, hashlib, hmac, json, os, threading, http.server, urllib.request
key = os.environ["JWT_SECRET"].encode()
b = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
sign = lambda text: b(hmac.new(key, text.encode(), hashlib.sha256).digest())
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        head, _, seal = self.headers["Authorization"].split()[1].rpartition(".")
        self.send_response(200 if hmac.compare_digest(seal, sign(head)) else 401); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), App)
threading.Thread(target=server.serve_forever, daemon=True).start()
text = b(b'{"alg":"HS256"}') + "." + b(json.dumps({"sub": "ada"}).encode())
request = urllib.request.Request("http://127.0.0.1:%d/" % server.server_port, headers={"Authorization": "Bearer " + text + "." + sign(text)})
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).status)
END
"#;
    for (place, _upstream) in places().await {
        let who = place.who();
        let called = place.script(script);
        assert_eq!(called.stdout.trim(), "200", "{who}: {}", called.stderr);
        assert!(!called.stderr.contains(SIGNING), "{who}: a development value: {}", called.stderr);
        let name = called.stderr.split("secrets bind jwt-secret-").nth(1).unwrap();
        let name = format!("jwt-secret-{}", name.split(' ').next().unwrap());
        let local = place.call(&["secrets", "bind", &name, "--local"]);
        assert_eq!(local.status, 0, "{who}: {}", local.stderr);
        let called = place.script(script);
        assert_eq!(called.stdout.trim(), "200", "{who}: {}", called.stderr);
        assert!(
            called.stderr.contains(SIGNING),
            "{who}: real where a human said so: {}",
            called.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_a_private_registry_are_installed() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let fakes = Fakes::start().await;
        lead(&place, &[(&HOSTS, fakes.addr(), fakes.ca_pem())]);
        write(
            &place,
            "home/.npmrc",
            &format!("registry=https://{PRIVATE_NPM}/\n//{PRIVATE_NPM}/:_authToken={TOKEN}\n"),
        );
        write(
            &place,
            "home/.config/pip/pip.conf",
            &format!("[global]\nindex-url = https://ada:{TOKEN}@{PRIVATE_PYPI}/simple\n"),
        );
        let script = format!(
            "cat ~/.npmrc ~/.config/pip/pip.conf; env; \
             npm install --no-audit --no-fund --no-progress {PACKAGE} 2>&1 && ls node_modules && \
             {python} -m pip install -q --disable-pip-version-check --no-cache-dir --target out {PACKAGE} 2>&1 && ls out",
            python = python(),
        );
        let called = place.script(&script);
        assert_eq!(called.status, 0, "{who}: {}{}", called.stdout, called.stderr);
        assert!(called.stdout.contains(&PACKAGE.replace('-', "_")), "{who}: {}", called.stdout);
        assert!(!called.stdout.contains(TOKEN), "{who}: {}", called.stdout);
        let arrived = fakes.arrived();
        for line in [
            format!("GET {PRIVATE_NPM}/{PACKAGE}/-/{PACKAGE}-1.0.0.tgz"),
            format!("GET {PRIVATE_PYPI}/simple/{PACKAGE}/"),
        ] {
            assert!(arrived.contains(&line), "{who}: {line}: {arrived:#?}");
        }
        // It was made to read there.
        let publish = place.script(&format!(
            "token=$(sed -n 's/.*_authToken=//p' ~/.npmrc); curl -sS -X PUT https://{PRIVATE_NPM}/x -d '{{}}' -H \"Authorization: Bearer $token\""
        ));
        assert!(publish.stdout.contains("outside_purpose"), "{who}: {}", publish.stdout);
        // What a tool writes there ends with the run, whichever way it writes.
        let before = fs::read_to_string(place.path("home/.npmrc")).unwrap();
        let taken =
            place.script("cd; echo x >> .npmrc && cp .npmrc y && mv y .npmrc && echo written");
        assert!(taken.stdout.contains("written"), "{who}: {taken:?}");
        let kept = fs::read_to_string(place.path("home/.npmrc")).unwrap();
        assert!(kept == before && kept.contains(TOKEN), "{who}: outside it is what it was");
    }
}

/// A Python with pip that every user can run, if there is one.
fn python() -> &'static str {
    "/usr/bin/python3"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_goes_with_the_password_in_its_remote() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let host = GitHost::start_private(PUSH).await;
        host.add_repository("acme/shop.git");
        lead(&place, &[(&[HOST], host.addr(), host.ca_pem())]);
        let made = outside(
            &place,
            &format!(
                "git init -q -b main .; git commit -q --allow-empty -m one; \
                 git remote add origin https://x-access-token:{PUSH}@{HOST}/acme/shop.git"
            ),
        );
        assert_eq!(made.status, 0, "{who}: {}", made.stderr);
        let called = place.script(
            "git remote -v; cat .git/config; git checkout -q -b fix; git commit -q --allow-empty -m two; \
             git push -q origin fix 2>&1; git ls-remote origin 2>&1",
        );
        assert!(!called.stdout.contains(PUSH), "{who}: {}", called.stdout);
        assert!(
            host.tip("acme/shop.git", "refs/heads/fix").is_some(),
            "{who}: {}{}",
            called.stdout,
            called.stderr
        );
        let asked = host.asked();
        assert!(asked.iter().any(|it| it.authorization.is_some()), "{who}");
        let kept = outside(&place, "git config remote.origin.url").stdout;
        assert!(kept.contains(PUSH), "{who}: {kept}");
    }
}
