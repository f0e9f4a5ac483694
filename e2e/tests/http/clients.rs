//! What developers and agents work with, through the gateway: package managers, clients of
//! registries and clusters, and the HTTP of five languages. What is honest works; what is refused
//! or held, each of them says in our words, which are golden files beside this one.

#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails here is a failed test")]

use std::process::Command;

use e2e::{
    clients::{Client, ClientsStage, Golden, done, undici},
    fakes::{API, CLUSTER, IMAGES, LAYER, MODULE, PACKAGE, UNLISTED},
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

/// Python's clients of HTTP, pinned: their words are compared.
const LIBRARIES: [&str; 2] = ["httpx==0.28.1", "requests==2.32.5"];
/// Its clients of registries.
const PACKAGING: [&str; 2] = ["pip==25.3", "twine==6.2.0"];

/// A deletion of a listed API, which is held, and reading an unlisted one, which is refused.
fn refused() -> [(&'static str, String); 2] {
    [("DELETE", format!("https://{API}/items/5")), ("GET", format!("https://{UNLISTED}/items"))]
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_and_does_not_publish() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let token = format!(
        "//registry.npmjs.org/:_authToken={}\n",
        stage.phantom("npm", "registry.npmjs.org", &[])
    );
    let quiet = "audit=false\nfund=false\nupdate-notifier=false\nlogs-max=0\nloglevel=error\n";
    client.write(".npmrc", &format!("{token}{quiet}fetch-retries=0\n"));
    client.write("package.json", r#"{"name": "holdpoint-own", "version": "1.0.0"}"#);
    done(client.command("npm", &["install", "--no-package-lock", PACKAGE]));
    assert!(client.path().join("node_modules").join(PACKAGE).join("package.json").exists());

    let mut golden = Golden::new(&stage);
    let elsewhere = format!("https://{UNLISTED}/");
    for (name, arguments) in [
        ("npm publish", &["publish"][..]),
        ("npm unpublish", &["unpublish", "--force", PACKAGE]),
        ("npm dist-tag add", &["dist-tag", "add", &format!("{PACKAGE}@1.0.0"), "stable"]),
        ("npm view, at an unlisted registry", &["view", PACKAGE, "--registry", &elsewhere]),
    ] {
        golden.refused(name, &client, client.command("npm", arguments));
    }
    golden.compare("npm");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_and_twine_does_not_upload() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let python = Python::with(FOLDER, &PACKAGING);
    let call = |arguments: &[&str]| {
        let mut command = client.at_home(python.program(&client.agent), arguments);
        command.env("TWINE_USERNAME", "__token__").env("PIP_NO_COLOR", "1");
        command
    };
    let quiet = ["--disable-pip-version-check", "--no-input", "--retries", "0"];
    let pip = |arguments: &[&str]| call(&[&["-m", "pip"], arguments, &quiet].concat());
    done(pip(&["install", "--no-deps", "--target", "here", PACKAGE]));
    assert!(client.path().join("here/holdpoint_tiny.py").exists());
    done(pip(&["download", "--no-deps", "--dest", "dist", PACKAGE]));

    let mut golden = Golden::new(&stage);
    let elsewhere = format!("https://{UNLISTED}/simple/");
    let link = format!("https://{UNLISTED}/{PACKAGE}-1.0.0.tar.gz");
    // Of an index pip says only to the very curious why a page was not there.
    let index = ["install", "--target", "there", "--index-url", &elsewhere, PACKAGE];
    let curious = pip(&[&index[..], &["-vv"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&curious.stdout);
    assert!(said.contains("403 Client Error: Refused by Holdpoint (unlisted_host)"), "{said}");
    golden.refused("pip install, of an unlisted file", &client, pip(&["download", &link]));
    let wheel = "dist/holdpoint_tiny-1.0.0-py3-none-any.whl";
    let mut upload = call(&["-m", "twine", "upload", "--disable-progress-bar", wheel]);
    upload.env("TWINE_PASSWORD", stage.phantom("pypi", "upload.pypi.org", &[]));
    golden.refused("twine upload", &client, upload);
    golden.compare("python-packages");
    stage.only_read();
}

/// Cargo itself: what `cargo` is on the path may be rustup, which looks for itself at home.
fn cargo(client: &Client, arguments: &[&str]) -> Command {
    let mut command = client.command(env!("CARGO"), arguments);
    command.env("CARGO_HOME", client.path().join("cargo")).env("CARGO_NET_RETRY", "0");
    command.env("CARGO_TERM_COLOR", "never").env("RUSTC", rustc());
    command
}

/// The compiler beside cargo.
fn rustc() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO")).with_file_name("rustc")
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_fetches_and_does_not_yank() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let manifest = "[package]\nname = \"holdpoint-own\"\nversion = \"1.0.1\"\nedition = \"2021\"\n\
                    description = \"A package\"\nlicense = \"Apache-2.0\"\n\
                    homepage = \"https://example.com\"\n";
    client.write("Cargo.toml", &format!("{manifest}[dependencies]\n{PACKAGE} = \"1\"\n"));
    client.write("src/lib.rs", "");
    done(cargo(&client, &["fetch"]));
    let lock = std::fs::read_to_string(client.path().join("Cargo.lock")).unwrap();
    assert!(lock.contains(PACKAGE), "{lock}");

    let mut golden = Golden::new(&stage);
    let phantom = stage.phantom("crates", "crates.io", &[]);
    for (name, arguments) in [
        ("cargo publish", &["publish", "--no-verify", "--allow-dirty"][..]),
        ("cargo yank", &["yank", "--version", "1.0.0", PACKAGE]),
        ("cargo owner", &["owner", "--add", "eve", PACKAGE]),
    ] {
        let mut command = cargo(&client, arguments);
        command.env("CARGO_REGISTRY_TOKEN", &phantom);
        golden.refused(name, &client, command);
    }
    let elsewhere = format!("sparse+https://{UNLISTED}/");
    let mut fetch = cargo(&client, &["search", "--registry", "elsewhere", PACKAGE]);
    fetch.env("CARGO_REGISTRIES_ELSEWHERE_INDEX", elsewhere);
    golden.refused("cargo search, at an unlisted registry", &client, fetch);
    golden.compare("cargo");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_pulled_and_not_pushed() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let repository = format!("https://{IMAGES}/v2/acme/shop");
    let curl =
        |arguments: &[&str]| client.command("curl", &[&["-sS", "-w", "\n"], arguments].concat());
    let blob = format!("{repository}/blobs/sha256:{}", "0".repeat(64));
    done(curl(&["-f", &format!("https://{IMAGES}/v2/")]));
    let manifest = done(curl(&["-f", &format!("{repository}/manifests/1.0")]));
    assert!(manifest.contains("schemaVersion"), "{manifest}");
    assert_eq!(done(curl(&["-f", &blob])).trim(), LAYER);

    let mut golden = Golden::new(&stage);
    let tag = format!("{repository}/manifests/1.0");
    for (name, arguments) in [
        ("push of a tag", &["-T", "image.json", &tag][..]),
        ("deletion of a tag", &["-X", "DELETE", &tag]),
        ("deletion of a layer", &["-X", "DELETE", &blob]),
    ] {
        client.write("image.json", "{\"schemaVersion\": 2}");
        let fails = [&["--fail-with-body"], arguments].concat();
        golden.refused(name, &client, curl(&fails));
    }
    golden.compare("images");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_and_does_not_delete() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let (server, token) =
        (format!("--server=https://{CLUSTER}"), stage.phantom("kubernetes", CLUSTER, &["staging"]));
    // Without a token, kubectl asks for a name and a password.
    let token = format!("--token={token}");
    let kubectl =
        |arguments: &[&str]| client.command("kubectl", &[&[&*server, &*token], arguments].concat());
    let pods = done(kubectl(&["get", "pods", "-n", "default"]));
    assert!(pods.contains("shop-1"), "{pods}");

    let mut golden = Golden::new(&stage);
    let elsewhere = format!("--server=https://{UNLISTED}");
    for (name, arguments) in [
        ("kubectl delete namespace", &["delete", "namespace", "shop"][..]),
        ("kubectl delete --raw", &["delete", "--raw", "/api/v1/namespaces/shop"]),
        (
            "kubectl get --raw, at an unlisted cluster",
            &["get", "--raw", "/api/v1/pods", &elsewhere],
        ),
        // What every command may ask first: some versions pass over a no to the rest of it.
        ("kubectl version, of an unlisted cluster", &["version", &elsewhere]),
    ] {
        golden.refused(name, &client, kubectl(arguments));
    }
    golden.compare("kubectl");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_says_what_the_body_says() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    done(client.command("curl", &["-sSf", &format!("https://{API}/items/5")]));
    let mut golden = Golden::new(&stage);
    for (method, url) in &refused() {
        for version in ["--http1.1", "--http2"] {
            let fails = ["-sS", version, "--fail-with-body", "-w", "\n", "-X", method, url];
            golden.refused(
                &format!("curl {version} -X {method}"),
                &client,
                client.command("curl", &fails),
            );
        }
        let head = ["-sSfv", "--http1.1", "--stderr", "said", "-X", method, url];
        // Even where the body is thrown away, the status line says it.
        let _ = client.command("curl", &head).output().unwrap();
        let said = std::fs::read_to_string(client.path().join("said")).unwrap();
        assert!(
            said.lines()
                .any(|line| line.starts_with("< HTTP/1.1 4") && line.contains("by Holdpoint (")),
            "{said}"
        );
    }
    golden.compare("curl");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_of_node_shows_phrase_and_body() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let modules = undici(FOLDER);
    let ask = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/clients/ask.mjs");
    let fetch = |method: &str, url: &str| {
        let mut command = client.command("node", &[ask, method, url]);
        command.env("UNDICI", &modules).env("NODE_NO_WARNINGS", "1");
        command
    };
    let passed = done(fetch("GET", &format!("https://{API}/items/5")));
    assert!(passed.contains("/items/5"), "{passed}");
    let mut golden = Golden::new(&stage);
    for (method, url) in &refused() {
        golden.refused(&format!("fetch {method}"), &client, fetch(method, url));
    }
    golden.compare("node");
    stage.only_read();
}

/// What Python's clients raise for a status. Arguments: client, method, URL.
const RAISE: &str = "
import importlib, sys
client, method, url = sys.argv[1:]
answer = importlib.import_module(client).request(method, url)
try:
    answer.raise_for_status()
    print(answer.text)
except Exception as error:
    print(error)
    sys.exit(1)
";

#[tokio::test(flavor = "multi_thread")]
async fn what_python_raises_has_our_words() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let python = Python::with(FOLDER, &LIBRARIES);
    let mut golden = Golden::new(&stage);
    for library in ["requests", "httpx"] {
        let ask = |method: &str, url: &str| {
            let script = ["-c", RAISE, library, method, url];
            client.at_home(python.program(&client.agent), &script)
        };
        let passed = done(ask("GET", &format!("https://{API}/items/5")));
        assert!(passed.contains("/items/5"), "{passed}");
        for (method, url) in &refused() {
            golden.refused(&format!("{library} {method}"), &client, ask(method, url));
        }
    }
    golden.compare("python");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn java_reads_our_words() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let (ca, store) = (client.trusted.to_str().unwrap(), "trusted.p12");
    let password = ["-storepass", "changeit"];
    let import =
        ["-importcert", "-noprompt", "-alias", "holdpoint", "-file", ca, "-keystore", store];
    done(client.command("keytool", &[&import[..], &password].concat()));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/clients/Ask.java");
    done(client.command("javac", &["-d", ".", source]));
    // Java does not give a password to a tunnel of its own accord.
    let settings = [
        "-Djdk.http.auth.tunneling.disabledSchemes=",
        "-Djavax.net.ssl.trustStore=trusted.p12",
        "-Djavax.net.ssl.trustStorePassword=changeit",
    ];
    let ask = |method: &str, url: &str| {
        client.command("java", &[&settings[..], &["-cp", ".", "Ask", method, url]].concat())
    };
    let passed = done(ask("GET", &format!("https://{API}/items/5")));
    assert!(passed.contains("/items/5"), "{passed}");
    let mut golden = Golden::new(&stage);
    for (method, url) in &refused() {
        golden.refused(&format!("HttpClient {method}"), &client, ask(method, url));
    }
    golden.compare("java");
    stage.only_read();
}

#[tokio::test(flavor = "multi_thread")]
async fn go_fetches_modules_and_reads_our_words() {
    let stage = ClientsStage::set(BINARY).await;
    let client = stage.client();
    let built = std::path::Path::new(FOLDER).join("go-build");
    let go = |arguments: &[&str]| {
        let mut command = client.command("go", arguments);
        command.env("GOCACHE", &built).env("GOMODCACHE", client.path().join("modules"));
        // The checksum database signs what it says; ours cannot.
        command.env("GOSUMDB", "off").env("GOFLAGS", "-modcacherw").env("GOTOOLCHAIN", "local");
        command
    };
    client.write("go.mod", &format!("module own.test/own\n\nrequire {MODULE} v1.0.0\n"));
    done(go(&["mod", "download", MODULE]));
    assert!(client.path().join(format!("modules/{MODULE}@v1.0.0/tiny.go")).exists());

    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/clients/ask.go");
    done(go(&["build", "-o", "ask", source]));
    let program = client.path().join("ask");
    let ask = |method: &str, url: &str| client.command(program.to_str().unwrap(), &[method, url]);
    let passed = done(ask("GET", &format!("https://{API}/items/5")));
    assert!(passed.contains("/items/5"), "{passed}");

    let mut golden = Golden::new(&stage);
    for (method, url) in &refused() {
        golden.refused(&format!("net/http {method}"), &client, ask(method, url));
    }
    let mut elsewhere = go(&["mod", "download", "example.test/other@v1.0.0"]);
    elsewhere.env("GOPROXY", format!("https://{UNLISTED}"));
    golden.refused("go mod download, of an unlisted proxy", &client, elsewhere);
    golden.compare("go");
    stage.only_read();
}
