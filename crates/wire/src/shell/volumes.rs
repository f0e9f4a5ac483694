//! Volumes of a container engine that a command takes away: whose they are, and which.

use std::collections::BTreeMap;

use holdpoint_core::ResourceId;
use serde_json::Value;

use super::{
    At, Step, call::Call, container::COMPOSE, expand::UNKNOWN, path, scope::Scope, secret,
    targets::Target, walk::Walk, yaml,
};

/// Volumes that a command takes away.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Volumes {
    /// Whose they are.
    pub engine: Engine,
    /// The variables by which its program finds the engine and its volumes, as the command has
    /// them.
    pub led: BTreeMap<String, String>,
    /// Which.
    pub which: Which,
}

/// A container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Docker: a program asks a server, at a socket.
    Docker,
    /// Podman: a program that does it itself.
    Podman,
}

/// Which volumes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Which {
    /// The one of this name.
    Named(String),
    /// All that no container has.
    Unused {
        /// Those with a name of their own stay, where the engine does not take them by itself.
        spared: bool,
    },
    /// All that no container has that runs: the others go first.
    Idle {
        /// Those with a name of their own stay, where the engine does not take them by itself.
        spared: bool,
    },
    /// All.
    Every,
    /// Those of a compose project.
    Project {
        /// Its name, under which the engine knows what was made for it.
        name: String,
        /// The volumes that its file names.
        volumes: Vec<String>,
    },
    /// Those of these containers that have no name of their own.
    Containers(Vec<String>),
}

impl Engine {
    /// The variables by which its program finds the engine and its volumes (docs.docker.com,
    /// "Environment variables"; containers-storage.conf(5), podman(1)).
    pub fn leading(self) -> &'static [&'static str] {
        match self {
            Self::Docker => &["DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "HOME"],
            Self::Podman => &[
                "CONTAINERS_CONF",
                "CONTAINERS_CONF_OVERRIDE",
                "CONTAINERS_STORAGE_CONF",
                "CONTAINER_CONNECTION",
                "CONTAINER_HOST",
                "HOME",
                "STORAGE_DRIVER",
                "STORAGE_OPTS",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME",
                "XDG_RUNTIME_DIR",
            ],
        }
    }
}

impl Engine {
    fn led(self, scope: &Scope) -> BTreeMap<String, String> {
        let told = self.leading().iter().map(|name| (*name, scope.exported(name)));
        told.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
    }
}

impl Which {
    /// What is taken away, as policies and humans name it.
    pub(super) fn resource(&self) -> ResourceId {
        let of = |kind: &str, name: &str| ResourceId::of("docker", kind, name);
        match self {
            Self::Named(name) => of("volume", name),
            Self::Unused { .. } => of("volumes", "unused"),
            Self::Idle { .. } => of("volumes", "idle"),
            Self::Every => of("volumes", "all"),
            Self::Project { name, .. } => of("project", name),
            Self::Containers(names) => of("container", &names.join(" ")),
        }
    }
}

impl Walk<'_> {
    /// `step`, once for each of what it takes away.
    pub(super) fn takes_volumes(&mut self, scope: &Scope, call: &Call<'_>, step: Step) {
        let all = self.volumes(scope, call);
        if all.is_empty() {
            return self.push(step);
        }
        for volumes in all {
            let mut step = step.clone();
            step.operation.resource = volumes.which.resource().into();
            self.push(Step { volumes: Some(volumes), ..step });
        }
    }

    /// The volumes that `call` takes away; none where it says something that is not known here, so
    /// that others could be meant.
    fn volumes(&self, scope: &Scope, call: &Call<'_>) -> Vec<Volumes> {
        let engine = match call.name {
            "docker" | "docker-compose" => Engine::Docker,
            "podman" | "podman-compose" => Engine::Podman,
            _ => return Vec::new(),
        };
        if scope.is_another || call.arguments.iter().any(|it| it.contains(UNKNOWN)) {
            return Vec::new();
        }
        let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
        let all = match words.as_slice() {
            words if call.name.ends_with("-compose") => self.of_project(scope, words),
            ["compose", words @ ..] => self.of_project(scope, words),
            words => of_engine(engine, words),
        };
        let of = |which| Volumes { engine, led: engine.led(scope), which };
        all.unwrap_or_default().into_iter().map(of).collect()
    }

    /// The volume that `supabase db reset` makes anew: that of the project's database
    /// (supabase.com/docs, "Local development": `project_id`).
    pub(super) fn of_supabase(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        target: &Target,
    ) -> Option<Volumes> {
        let resets = call.name == "supabase" && call.operands(&[]) == ["db", "reset"];
        let elsewhere = call.has(&["--workdir", "--network-id", "--profile"]);
        if !resets || elsewhere || target.at != At::Here || scope.is_another {
            return None;
        }
        let directory = scope.only_directory()?;
        let text = self.files.text(&path::normal("supabase/config.toml", &directory));
        let told = text.as_deref().and_then(|text| {
            let line = text.lines().find_map(|it| it.trim().strip_prefix("project_id"))?;
            line.split('"').nth(1).map(str::to_owned)
        });
        let name = told.or_else(|| directory.rsplit('/').next().map(str::to_owned));
        let name = name.filter(|it| !it.is_empty() && !it.contains(['$', UNKNOWN]))?;
        let (engine, which) = (Engine::Docker, Which::Named(format!("supabase_db_{name}")));
        Some(Volumes { engine, led: engine.led(scope), which })
    }

    /// `docker compose down -v` and `rm -v`: what was made for the project, and what its file
    /// names.
    fn of_project(&self, scope: &Scope, words: &[&str]) -> Option<Vec<Which>> {
        let asked = Asked::read(words)?;
        let directory = scope.only_directory()?;
        let files = match asked.files.is_empty() {
            false => asked.files.iter().map(|it| path::normal(it, &directory)).collect(),
            true => self.composed(&directory),
        };
        let first = files.first();
        let home = first.map_or(directory.as_str(), |it| it.rsplit_once('/').map_or("", |it| it.0));
        let kept = self.files.text(&path::normal(".env", home));
        let kept: Vec<(&str, &str)> =
            kept.as_deref().map(|text| secret::pairs(text).collect()).unwrap_or_default();
        let told = |name: &str| {
            let own = kept.iter().rev().find(|(it, _)| *it == name).map(|(_, value)| *value);
            scope.exported(name).or(own)
        };
        if asked.files.is_empty() && told("COMPOSE_FILE").is_some() {
            return None;
        }
        let documents: Option<Vec<Value>> =
            files.iter().map(|it| yaml::read(&self.files.text(it)?)).collect();
        let documents = documents?;
        let named = documents.iter().rev().find_map(|it| it.get("name")?.as_str());
        let name = match asked.name.or(told("COMPOSE_PROJECT_NAME")).or(named) {
            Some(name) => name,
            None => first.map(|_| home.rsplit('/').next().unwrap_or_default())?,
        };
        let name = (!name.contains(['$', UNKNOWN])).then(|| normal(name))?;
        let volumes: Option<Vec<Vec<String>>> =
            documents.iter().map(|it| of_document(it, &name)).collect();
        let volumes = volumes?.concat();
        (!name.is_empty()).then(|| vec![Which::Project { name, volumes }])
    }

    /// The files of services that are found from a directory: its own, or those of one above it.
    fn composed(&self, directory: &str) -> Vec<String> {
        let mut at = directory;
        loop {
            let there = |name: &&&str| self.files.text(&path::normal(name, at)).is_some();
            if let Some(found) = COMPOSE.iter().find(there) {
                let over = found.replace(".y", ".override.y");
                let both = [(*found).to_owned(), over];
                let both = both.iter().map(|name| path::normal(name, at));
                return both.filter(|it| self.files.text(it).is_some()).collect();
            }
            match at.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() => at = above,
                _ => return Vec::new(),
            }
        }
    }
}

/// What a call of compose says before its verb.
#[derive(Default)]
struct Asked<'w> {
    name: Option<&'w str>,
    files: Vec<&'w str>,
}

impl<'w> Asked<'w> {
    /// Reads the options before the verb; `None` with one that leads elsewhere, or that nobody
    /// knows.
    fn read(words: &[&'w str]) -> Option<Self> {
        let mut asked = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            match option {
                "-p" | "--project-name" => asked.name = Some(value.or_else(|| words.next())?),
                "-f" | "--file" => asked.files.push(value.or_else(|| words.next())?),
                "--profile" => drop(value.or_else(|| words.next())?),
                "down" | "rm" => return Some(asked),
                _ => return None,
            }
        }
        None
    }
}

/// What the engine's own verbs take away.
fn of_engine(engine: Engine, words: &[&str]) -> Option<Vec<Which>> {
    let has = |rest: &[&str], names: &[&str]| rest.iter().any(|it| names.contains(it));
    match words {
        ["volume", "rm" | "remove", rest @ ..] => {
            if engine == Engine::Podman && has(rest, &["-a", "--all", "-af", "-fa"]) {
                return Some(vec![Which::Every]);
            }
            let names = named(rest, &["-f", "--force"])?;
            Some(names.into_iter().map(Which::Named).collect())
        }
        ["volume", "prune", rest @ ..] => {
            let told = rest.iter().any(|it| !["-f", "--force"].contains(it));
            Some(vec![Which::Unused { spared: engine == Engine::Docker && !told }])
        }
        ["system", "prune", rest @ ..] if has(rest, &["--volumes", "--volumes=true"]) => {
            Some(vec![Which::Idle { spared: engine == Engine::Docker }])
        }
        ["rm", rest @ ..] | ["container", "rm" | "remove", rest @ ..] => {
            let options = ["-f", "--force", "-v", "--volumes", "-fv", "-vf"];
            Some(vec![Which::Containers(named(rest, &options)?)])
        }
        _ => None,
    }
}

/// The operands, if there are some and no options but these.
fn named(words: &[&str], options: &[&str]) -> Option<Vec<String>> {
    let (flags, names): (Vec<&str>, Vec<&str>) =
        words.iter().copied().partition(|it| it.starts_with('-'));
    let known = flags.iter().all(|it| options.contains(it));
    (known && !names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect())
}

/// The volumes that a file of services names, but for those that are others'; `None` where it does
/// not say all of them itself.
fn of_document(document: &Value, project: &str) -> Option<Vec<String>> {
    if document.get("include").is_some() {
        return None;
    }
    let Some(volumes) = document.get("volumes").and_then(Value::as_object) else {
        return Some(Vec::new());
    };
    let foreign = |it: &Value| it.get("external").is_some_and(|it| *it != "false");
    let own = volumes.iter().filter(|(_, it)| !foreign(it));
    let names = own.map(|(key, it)| match it.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => format!("{project}_{key}"),
    });
    let names: Vec<String> = names.collect();
    names.iter().all(|it| !it.contains(['$', UNKNOWN])).then_some(names)
}

/// A project's name as compose has it (compose-spec, "Version and name top-level elements").
fn normal(name: &str) -> String {
    let name = name.to_lowercase();
    let kept = name.chars().filter(|it| it.is_ascii_alphanumeric() || "-_".contains(*it));
    kept.collect::<String>().trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests;
