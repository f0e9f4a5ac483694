//! Docker: volumes are read and written through a container that is made for that and never runs
//! (docs.docker.com, "Docker Engine API": `ContainerArchive`, `PutContainerArchive`).

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use holdpoint_core::Digest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Engine, Listed, Made,
    http::{Body, Server},
};
use crate::error::{Result, SnapshotError};

/// The oldest of its interfaces that has all that is asked for here; newer ones answer to it too.
const VERSION: &str = "/v1.41";
/// From which one on it takes volumes with a name only where it is told so.
const SPARING: (u32, u32) = (1, 42);
/// Where it listens (Docker's own default).
const SOCKET: &str = "unix:///var/run/docker.sock";
/// How long it may say nothing; and to the first question, for which somebody waits.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const GREETING_MAX: Duration = Duration::from_secs(1);
/// What a container of ours is known by: whose process made it.
const OURS: &str = "holdpoint.pid";
/// Where in it the volume is.
const PLACE: &str = "volume";

/// An engine.
#[derive(Debug)]
pub(super) struct Docker {
    address: String,
    server: Server,
}

/// Where its own program would look, if nobody tells it (docs.docker.com, "Docker contexts").
pub(super) fn usual() -> Result<String, String> {
    let told = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    if let Some(host) = told("DOCKER_HOST") {
        return Ok(host);
    }
    let home = told("DOCKER_CONFIG").or_else(|| Some(format!("{}/.docker", told("HOME")?)));
    let home = PathBuf::from(home.unwrap_or_default());
    let read = |path: PathBuf| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    };
    let current =
        || Some(read(home.join("config.json"))?.get("currentContext")?.as_str()?.to_owned());
    let Some(context) = told("DOCKER_CONTEXT").or_else(current).filter(|it| it != "default") else {
        return Ok(SOCKET.to_owned());
    };
    let place = Digest::of(context.as_bytes()).to_string();
    let meta = read(home.join("contexts/meta").join(place).join("meta.json"));
    let host = meta.as_ref().and_then(|it| it.pointer("/Endpoints/docker/Host")?.as_str());
    host.map(str::to_owned).ok_or_else(|| format!("Docker's context {context} cannot be read"))
}

impl Docker {
    /// The one at this address, if it answers and is one.
    pub(super) fn at(address: &str) -> Result<Self, String> {
        let path = address.strip_prefix("unix://").filter(|it| it.starts_with('/'));
        let path = path.ok_or_else(|| format!("{address} is no socket of this machine"))?;
        let greeted = Server { path: path.into(), silence: GREETING_MAX };
        let mut it = Self { address: address.to_owned(), server: greeted };
        let version = it.version().map_err(|error| error.to_string())?;
        let parts = version.get("Components").and_then(Value::as_array);
        let named = |it: &Value| it.get("Name").and_then(Value::as_str) == Some("Engine");
        // Podman answers there as well, and hands volumes out without their owners.
        if !parts.is_some_and(|parts| parts.iter().any(named)) {
            return Err(format!("what answers at {address} is not Docker"));
        }
        it.server.silence = SILENCE_MAX;
        Ok(it)
    }

    fn version(&self) -> Result<Value> {
        let text = self.server.ask("GET", "/version", &Body::Nothing).map_err(failed)?;
        serde_json::from_str(&text).map_err(|error| failed(error.into()))
    }

    fn ask(&self, method: &str, path: &str, body: &Body<'_>) -> Result<Value> {
        let path = format!("{VERSION}{path}");
        let text = self.server.ask(method, &path, body).map_err(failed)?;
        match text.trim() {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text).map_err(|error| failed(error.into())),
        }
    }

    /// The containers that answer to these filters, as their list has them.
    fn containers(&self, filters: &Value, all: bool) -> Result<Vec<Value>> {
        let filters = filters.to_string();
        let path = format!("/containers/json?all={}&filters={}", u8::from(all), escaped(&filters));
        let listed = self.ask("GET", &path, &Body::Nothing)?;
        Ok(listed.as_array().cloned().unwrap_or_default())
    }

    /// A container that has the volume, for as long as somebody looks into it.
    fn mounted(&self, volume: &str) -> Result<Mounted<'_>> {
        self.sweep()?;
        let nothing = Body::Empty(&super::END);
        let made = self.ask("POST", "/images/create?fromSrc=-", &nothing)?;
        let image = made.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut mounted = Mounted { docker: self, image, container: String::new() };
        let asked = json!({
            "Image": mounted.image, "Cmd": ["-"], "NetworkDisabled": true,
            "Labels": { OURS: std::process::id().to_string() },
            "HostConfig": { "NetworkMode": "none", "Binds": [format!("{volume}:/{PLACE}:nocopy")] },
        });
        let made = self.ask("POST", "/containers/create", &Body::Json(asked.to_string()))?;
        let id = made.get("Id").and_then(Value::as_str).unwrap_or_default();
        mounted.container = id.to_owned();
        Ok(mounted)
    }

    /// Removes containers that somebody made here who was ended: they would keep a volume.
    fn sweep(&self) -> Result<()> {
        for left in self.containers(&json!({ "label": [OURS] }), true)? {
            let label = left.get("Labels").and_then(|it| it.get(OURS)?.as_str());
            let lives = label.is_some_and(|pid| Path::new("/proc").join(pid).exists());
            if let Some(id) = left.get("Id").and_then(Value::as_str).filter(|_| !lives) {
                self.ask("DELETE", &format!("/containers/{id}?force=1"), &Body::Nothing)?;
            }
        }
        Ok(())
    }
}

/// A container of ours, and the image that it was made of; both go with it.
struct Mounted<'a> {
    docker: &'a Docker,
    image: String,
    container: String,
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let remove = |path: String| {
            if let Err(error) = self.docker.ask("DELETE", &path, &Body::Nothing) {
                tracing::warn!(%error, path, "what was made to read a volume is left behind");
            }
        };
        // Without `v=1`: its volume stays.
        if !self.container.is_empty() {
            remove(format!("/containers/{}?force=1", self.container));
        }
        remove(format!("/images/{}", self.image));
    }
}

impl Engine for Docker {
    fn name(&self) -> String {
        self.address.clone()
    }

    fn all(&self) -> Result<Vec<Made>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Volumes {
            volumes: Option<Vec<Listed>>,
        }
        let listed = self.ask("GET", "/volumes", &Body::Nothing)?;
        let listed: Volumes =
            serde_json::from_value(listed).map_err(|error| failed(error.into()))?;
        let made = |it: Listed| Made {
            name: it.name,
            driver: it.driver,
            labels: it.labels.unwrap_or_default(),
            options: it.options.unwrap_or_default(),
            root: None,
        };
        Ok(listed.volumes.unwrap_or_default().into_iter().map(made).collect())
    }

    fn root(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn had(&self, running: bool) -> Result<Vec<String>> {
        let containers = self.containers(&json!({}), !running)?;
        Ok(containers.iter().flat_map(volumes_of).collect())
    }

    fn of_container(&self, name: &str) -> Result<Vec<String>> {
        let path = format!("/containers/{}/json", escaped(name));
        Ok(volumes_of(&self.ask("GET", &path, &Body::Nothing)?))
    }

    fn of_project(&self, project: &str) -> Result<Vec<String>> {
        let filters = json!({ "label": [format!("com.docker.compose.project={project}")] });
        let containers = self.containers(&filters, true)?;
        let id = |it: &Value| Some(it.get("Id")?.as_str()?.to_owned());
        Ok(containers.iter().filter_map(id).collect())
    }

    fn users(&self, volume: &str) -> Result<Vec<String>> {
        let containers = self.containers(&json!({ "volume": [volume] }), true)?;
        // The filter takes a place in a container for a name as well.
        let uses = containers.iter().filter(|it| volumes_of(it).iter().any(|own| own == volume));
        let name =
            |it: &Value| Some(it.pointer("/Names/0")?.as_str()?.trim_matches('/').to_owned());
        Ok(uses.filter_map(name).collect())
    }

    fn spares_named(&self) -> Result<bool> {
        let version = self.version()?;
        let version = version.get("ApiVersion").and_then(Value::as_str).unwrap_or_default();
        let number = |it: Option<&str>| it.and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut parts = version.split('.');
        Ok((number(parts.next()), number(parts.next())) >= SPARING)
    }

    fn read(&self, volume: &str, into: &mut dyn Write, max: Duration) -> Result<()> {
        let mounted = self.mounted(volume)?;
        let path = format!("{VERSION}/containers/{}/archive?path=/{PLACE}", mounted.container);
        self.server.fetch(&path, into, max).map_err(failed)
    }

    fn make(&self, made: &Made, contents: &Path) -> Result<()> {
        let Made { name, driver, labels, options, .. } = made;
        let asked =
            json!({ "Name": name, "Driver": driver, "Labels": labels, "DriverOpts": options });
        self.ask("POST", "/volumes/create", &Body::Json(asked.to_string()))?;
        let mounted = self.mounted(name)?;
        let path = format!("/containers/{}/archive?path=/", mounted.container);
        self.ask("PUT", &path, &Body::Archive(contents)).map(drop)
    }

    fn remove(&self, volume: &str) -> Result<()> {
        self.ask("DELETE", &format!("/volumes/{}", escaped(volume)), &Body::Nothing).map(drop)
    }
}

/// The volumes of a container, as a list or its description have it.
fn volumes_of(container: &Value) -> Vec<String> {
    let mounts = container.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let volumes = mounts.filter(|it| it.get("Type").and_then(Value::as_str) == Some("volume"));
    volumes.filter_map(|it| Some(it.get("Name")?.as_str()?.to_owned())).collect()
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn failed(error: io::Error) -> SnapshotError {
    SnapshotError::Program { program: "Docker", text: error.to_string() }
}
