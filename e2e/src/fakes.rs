//! The world that package managers and clients of HTTP know: a registry of each kind, a cluster
//! and an API, in one small server that records what arrives.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use holdpoint_drill::Authority;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// An API that a human lists.
pub const API: &str = "api.example.test";
/// The API of a cluster that a human lists.
pub const CLUSTER: &str = "cluster.example.test";
/// A host that nobody lists.
pub const UNLISTED: &str = "unlisted.example.test";
/// A registry of images.
pub const IMAGES: &str = "ghcr.io";
/// Every host.
pub const HOSTS: [&str; 12] = [
    API,
    CLUSTER,
    UNLISTED,
    IMAGES,
    "registry.npmjs.org",
    "pypi.org",
    "files.pythonhosted.org",
    "upload.pypi.org",
    "crates.io",
    "index.crates.io",
    "static.crates.io",
    "proxy.golang.org",
];

/// The package that every registry has.
pub const PACKAGE: &str = "holdpoint-tiny";
/// The same for Go, whose packages have the names of hosts.
pub const MODULE: &str = "example.test/tiny";
/// The layer of the only image.
pub const LAYER: &str = "a layer";

/// An answer: status, media type, body.
type Answer = (u16, &'static str, Bytes);

/// A running server for all of [`HOSTS`]; ended with the value.
pub struct Fakes {
    addr: SocketAddr,
    authority: Authority,
    arrived: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Fakes {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Fakes {
    /// Starts on a free loopback port.
    pub async fn start() -> Self {
        let authority = Authority::new("Registries").unwrap();
        let tls = TlsAcceptor::from(authority.server(&HOSTS.map(str::to_owned)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&arrived);
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, log) = (tls.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let response = serve(&request, &log);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    // A client that goes away is its own business.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { addr, authority, arrived, serving }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Method, host and path of everything that arrived.
    pub fn arrived(&self) -> Vec<String> {
        self.arrived.lock().unwrap().clone()
    }
}

fn serve(request: &Request<Incoming>, log: &Mutex<Vec<String>>) -> Response<Full<Bytes>> {
    let named = request.headers().get("host").and_then(|host| host.to_str().ok());
    let host = named.unwrap_or_default().trim_end_matches(":443");
    let (method, path) = (request.method().as_str(), request.uri().path());
    log.lock().unwrap().push(format!("{method} {host}{path}"));
    let (status, media, body) = answer(host, path);
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", media.parse().unwrap());
    response
}

/// What each host says to whoever asks for `path`.
fn answer(host: &str, path: &str) -> Answer {
    match host {
        API => whole(&json!({"host": host, "path": path})),
        CLUSTER => cluster(path),
        IMAGES => image(path),
        "registry.npmjs.org" => npm(path),
        "pypi.org" | "files.pythonhosted.org" => pypi(path),
        "index.crates.io" | "static.crates.io" => crates(path),
        "proxy.golang.org" => go(path),
        _ => missing(),
    }
}

fn whole(value: &Value) -> Answer {
    (200, "application/json", value.to_string().into())
}

fn missing() -> Answer {
    (404, "application/json", "{}".into())
}

fn npm(path: &str) -> Answer {
    let tarball = format!("/{PACKAGE}/-/{PACKAGE}-1.0.0.tgz");
    if path == tarball {
        let described = json!({"name": PACKAGE, "version": "1.0.0"}).to_string();
        let file = archive(&[("package/package.json", described.as_bytes())]);
        return (200, "application/octet-stream", file);
    }
    if path == format!("/-/package/{PACKAGE}/dist-tags") {
        return whole(&json!({"latest": "1.0.0"}));
    }
    if path != format!("/{PACKAGE}") {
        return missing();
    }
    let dist = json!({"tarball": format!("https://registry.npmjs.org{tarball}")});
    let version = json!({"name": PACKAGE, "version": "1.0.0", "dist": dist});
    whole(&json!({"_id": PACKAGE, "_rev": "1-0", "name": PACKAGE, "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": version}}))
}

/// The simple index (PEP 503), and one source distribution that needs nothing to be built.
fn pypi(path: &str) -> Answer {
    let wheel = format!("{}-1.0.0-py3-none-any.whl", PACKAGE.replace('-', "_"));
    if path == format!("/simple/{PACKAGE}/") {
        let link =
            format!("<a href=\"https://files.pythonhosted.org/packages/{wheel}\">{wheel}</a>");
        return (200, "text/html", link.into());
    }
    if path == format!("/packages/{wheel}") {
        return (200, "application/octet-stream", wheel_file());
    }
    missing()
}

/// The sparse index, and one crate (the Cargo Book, "Registry Index").
fn crates(path: &str) -> Answer {
    let source = crate_file();
    if path == "/config.json" {
        return whole(
            &json!({"dl": "https://static.crates.io/crates", "api": "https://crates.io"}),
        );
    }
    if path == format!("/ho/ld/{PACKAGE}") {
        let checksum = holdpoint_core::Digest::of(&source).to_string();
        return whole(&json!({"name": PACKAGE, "vers": "1.0.0", "deps": [], "cksum": checksum,
            "features": {}, "yanked": false}));
    }
    if path == format!("/crates/{PACKAGE}/1.0.0/download") {
        return (200, "application/gzip", source);
    }
    missing()
}

/// One module ("Go Modules Reference", GOPROXY protocol).
fn go(path: &str) -> Answer {
    let manifest = format!("module {MODULE}\n");
    let Some(asked) = path.strip_prefix(&format!("/{MODULE}/@v/")) else { return missing() };
    match asked {
        "list" => (200, "text/plain", "v1.0.0\n".into()),
        "v1.0.0.info" => whole(&json!({"Version": "v1.0.0"})),
        "v1.0.0.mod" => (200, "text/plain", manifest.into()),
        "v1.0.0.zip" => {
            let folder = format!("{MODULE}@v1.0.0");
            let source = "package tiny\n\nconst Greeting = \"hello\"\n";
            let files = [("go.mod", &*manifest), ("tiny.go", source)];
            let files = files.map(|(name, content)| (format!("{folder}/{name}"), content));
            let files = files.each_ref().map(|(name, content)| (&**name, *content));
            (200, "application/zip", zip(&files))
        }
        _ => missing(),
    }
}

/// One image of one layer (OCI distribution specification).
fn image(path: &str) -> Answer {
    match path {
        "/v2/" => whole(&json!({})),
        "/v2/acme/shop/manifests/1.0" => whole(&json!({"schemaVersion": 2})),
        path if path.starts_with("/v2/acme/shop/blobs/") => {
            (200, "application/octet-stream", LAYER.into())
        }
        _ => missing(),
    }
}

/// A cluster with one pod (Kubernetes API, discovery and core v1).
fn cluster(path: &str) -> Answer {
    let kind = |name: &str, kind: &str, namespaced: bool| {
        json!({"name": name, "singularName": kind.to_lowercase(), "kind": kind,
            "namespaced": namespaced, "verbs": ["get", "list", "delete"]})
    };
    let kinds = [kind("pods", "Pod", true), kind("namespaces", "Namespace", false)];
    let pod = json!({"kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "shop-1", "namespace": "default"}});
    match path {
        "/version" => whole(&json!({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})),
        "/api" => whole(&json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => whole(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})),
        "/api/v1" => whole(&json!({"kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": "v1", "resources": kinds})),
        "/api/v1/namespaces/default/pods" => whole(&json!({"kind": "PodList", "apiVersion": "v1",
            "metadata": {}, "items": [pod]})),
        _ => missing(),
    }
}

/// The crate as a file.
fn crate_file() -> Bytes {
    let folder = format!("{PACKAGE}-1.0.0");
    let manifest =
        format!("[package]\nname = \"{PACKAGE}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    archive(&[
        (&format!("{folder}/Cargo.toml"), manifest.as_bytes()),
        (&format!("{folder}/src/lib.rs"), b""),
    ])
}

/// Files as a compressed archive of tar (POSIX `ustar`).
fn archive(files: &[(&str, &[u8])]) -> Bytes {
    let mut tar = Vec::new();
    for (name, content) in files {
        let mut head = [0_u8; 512];
        let size = format!("{:011o}", content.len());
        for (at, field) in [
            (0, *name),
            (100, "0000644"),
            (108, "0000000"),
            (116, "0000000"),
            (124, &size),
            (136, "00000000000"),
            (148, "        "),
            (156, "0"),
            (257, "ustar\u{0}00"),
        ] {
            head[at..at + field.len()].copy_from_slice(field.as_bytes());
        }
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
        tar.extend(head);
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    gzip.finish().unwrap().into()
}

/// A wheel: an archive of zip (stored, not compressed).
fn wheel_file() -> Bytes {
    let name = PACKAGE.replace('-', "_");
    let info = format!("{name}-1.0.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0.0\n");
    let wheel = "Wheel-Version: 1.0\nGenerator: e2e\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = format!("{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n");
    zip(&[
        (&format!("{name}.py"), "GREETING = 'hello'\n"),
        (&format!("{info}/METADATA"), &metadata),
        (&format!("{info}/WHEEL"), wheel),
        (&format!("{info}/RECORD"), &record),
    ])
}

fn zip(files: &[(&str, &str)]) -> Bytes {
    let (mut local, mut central) = (Vec::new(), Vec::new());
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let four = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    for (name, content) in files {
        let mut checksum = flate2::Crc::new();
        checksum.update(content.as_bytes());
        // Versions, flags and method; the first day that zip knows.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(checksum.sum().to_le_bytes());
        common.extend([four(content.len()), four(content.len())].concat());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        central.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &four(local.len())].concat());
        central.extend(name.as_bytes());
        local.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content.as_bytes()].concat());
    }
    let end = [&count[..], &count, &four(central.len()), &four(local.len()), &[0, 0]].concat();
    [&local[..], &central, b"PK\x05\x06\x00\x00\x00\x00", &end].concat().into()
}
