//! Podman, by its own program: what it hands out at a socket is without owners (4.3), and a socket
//! need not be there.

use std::{
    fs::File,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Engine, Listed, Made, failed};
use crate::{
    error::{Result, SnapshotError},
    preserve::{run, run_into, run_with},
};

/// What it is called.
const PODMAN: &str = "podman";

/// The engine of this user.
#[derive(Debug)]
pub(super) struct Podman;

impl Podman {
    /// If its program is there, and asks nobody else.
    pub(super) fn found() -> Result<Self, String> {
        let remote = ["CONTAINER_HOST", "CONTAINER_CONNECTION"];
        if remote.iter().any(|name| std::env::var_os(name).is_some()) {
            return Err("podman asks another machine".to_owned());
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = std::env::split_paths(&path).any(|directory| directory.join(PODMAN).is_file());
        there.then_some(Self).ok_or_else(|| "podman is not there".to_owned())
    }

    fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(PODMAN);
        command.args(words);
        command
    }

    fn said(&self, words: &[&str]) -> Result<String> {
        let output = run(PODMAN, &mut self.command(words.iter().copied()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn lines(&self, words: &[&str]) -> Result<Vec<String>> {
        Ok(self.said(words)?.lines().map(str::to_owned).collect())
    }

    /// What it says as JSON; where there is nothing, nothing.
    fn json(&self, words: &[&str]) -> Result<Value> {
        match self.said(words)?.as_str() {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text).map_err(|error| failed(error.to_string())),
        }
    }

    fn listed(&self) -> Result<Vec<Listed>> {
        let names = self.lines(&["volume", "ls", "--quiet"])?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let words = ["volume", "inspect"].into_iter().chain(names.iter().map(String::as_str));
        let listed = self.json(&words.collect::<Vec<_>>())?;
        serde_json::from_value(listed).map_err(|error| failed(error.to_string()))
    }

    /// A program as whoever owns the files of volumes, whom only a user's Podman knows by name.
    fn as_owner(&self, program: &'static str, words: &[&str]) -> Result<String> {
        let mut command = match rustix::process::geteuid().is_root() {
            true => Command::new(program),
            false => self.command(["unshare", program]),
        };
        let output = run(program, command.args(words))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn place(&self, volume: &str) -> Result<String> {
        self.said(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume])
    }

    fn containers(&self, all: bool) -> Result<Vec<String>> {
        let mut words = vec!["container", "ls", "--quiet", "--no-trunc"];
        words.extend(all.then_some("--all"));
        self.lines(&words)
    }
}

impl Engine for Podman {
    fn name(&self) -> String {
        PODMAN.to_owned()
    }

    fn all(&self) -> Result<Vec<Made>> {
        let made = |it: Listed| Made {
            name: it.name,
            driver: it.driver,
            labels: it.labels.unwrap_or_default(),
            options: it.options.unwrap_or_default(),
            root: None,
        };
        Ok(self.listed()?.into_iter().map(made).collect())
    }

    fn root(&self, volume: &str) -> Result<Option<String>> {
        let place = self.place(volume)?;
        self.as_owner("stat", &["--format", "%u:%g %a", &place]).map(Some)
    }

    fn had(&self, running: bool) -> Result<Vec<String>> {
        let mut had = Vec::new();
        for container in self.containers(!running)? {
            had.extend(self.of_container(&container)?);
        }
        Ok(had)
    }

    fn of_container(&self, name: &str) -> Result<Vec<String>> {
        let format = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}}\n{{end}}{{end}}";
        let lines = self.lines(&["container", "inspect", "--format", format, "--", name])?;
        Ok(lines.into_iter().filter(|it| !it.is_empty()).collect())
    }

    fn of_project(&self, project: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for label in ["com.docker.compose.project", "io.podman.compose.project"] {
            let filter = format!("label={label}={project}");
            let words = ["container", "ls", "--all", "--quiet", "--no-trunc", "--filter", &filter];
            found.extend(self.lines(&words)?);
        }
        Ok(found)
    }

    fn users(&self, volume: &str) -> Result<Vec<String>> {
        let filter = format!("volume={volume}");
        let format = ["--format", "{{.Names}}", "--filter", &filter];
        self.lines(&[&["container", "ls", "--all"][..], &format].concat())
    }

    fn spares_named(&self) -> Result<bool> {
        Ok(false)
    }

    fn read(&self, volume: &str, into: &mut dyn Write, max: Duration) -> Result<()> {
        let mut command = self.command(["volume", "export", volume]);
        run_into(into, max, PODMAN, command.stdin(Stdio::null()))
    }

    fn make(&self, made: &Made, contents: &Path) -> Result<()> {
        let mut command = self.command(["volume", "create", "--driver", &made.driver]);
        for (name, value) in &made.labels {
            command.arg("--label").arg(format!("{name}={value}"));
        }
        for (name, value) in &made.options {
            command.arg("--opt").arg(format!("{name}={value}"));
        }
        run(PODMAN, command.arg(&made.name))?;
        let file = File::open(contents).map_err(SnapshotError::io("open", contents))?;
        let mut import = self.command(["volume", "import", &made.name, "-"]);
        run_with(Stdio::from(file), PODMAN, &mut import)?;
        let place = self.place(&made.name)?;
        if let Some((owner, mode)) = made.root.as_deref().and_then(|it| it.split_once(' ')) {
            self.as_owner("chown", &[owner, &place])?;
            self.as_owner("chmod", &[mode, &place])?;
        }
        Ok(())
    }

    fn remove(&self, volume: &str) -> Result<()> {
        self.said(&["volume", "rm", volume]).map(drop)
    }
}
