//! `holdpoint status`: whether this shell is guarded, and by what.

use std::{collections::HashMap, fs, path::Path};

use clap::Args;
use holdpoint_sandbox::{Mark, home};
use serde::Serialize;
use serde_json::json;

use super::{Here, up};
use crate::status::{CommandError, Ended};

/// At most so many ancestors of a process are looked at.
const ANCESTORS_MAX: usize = 64;

/// Whether this shell is guarded, and by what.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint status --json | jq .guarded")]
pub struct Status {}

/// What ends with the first of its processes (pid_namespaces(7)), whoever was started in it.
const KILLED_BY: &str = "namespace of processes";

/// Where agents read which hooks they ask: in the home, and in the project.
const HOOKS: [(&str, &str); 6] = [
    ("claude", ".claude/settings.json"),
    ("codex", ".codex/hooks.json"),
    ("cursor-agent", ".cursor/hooks.json"),
    ("gemini", ".gemini/settings.json"),
    ("copilot", ".copilot/hooks/holdpoint.json"),
    ("opencode", ".config/opencode/plugins/holdpoint.js"),
];
/// What is in them, once they ask us.
const OUR_HOOK: [&str; 3] = ["holdpoint", "hook", "--agent"];

/// What became of the guard for one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Guard {
    /// It works inside of a run.
    Enclosed,
    /// A hook of ours is asked before its tools; what these start is not looked at.
    Advised,
    /// It works, or would work, with nothing around it.
    Outside,
}

/// One agent found here.
#[derive(Debug, Serialize)]
struct Found {
    agent: &'static str,
    guard: Guard,
    /// Its processes; none if it is only installed.
    processes: Vec<u32>,
    /// The run that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// By what all of the run is killed at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    killed_by: Option<&'static str>,
}

/// Runs `holdpoint status` inside of the run that `mark` is of.
pub fn inside(mark: &Mark, json: bool) -> Ended {
    let Mark { run, task } = mark;
    let fact = json!({
        "guarded": true, "run": run, "ring": task.ring, "task": task.description,
        "environment": task.environment,
    });
    let description = task.description.as_deref().unwrap_or("not said");
    let place = task.environment.map_or_else(|| "any".to_owned(), |it| it.to_string());
    let text = format!(
        "guarded: run {run}, ring {} ({})\ntask: {description}; environment: {place}",
        task.ring,
        task.ring.as_str()
    );
    println!("{}", if json { fact.to_string() } else { text });
    Ok(crate::Status::Done)
}

/// Runs `holdpoint status` outside; ends with 1, as nothing guards this shell.
pub fn run(_status: &Status, here: &Here) -> Ended {
    let unguarded = std::env::var_os("HOLDPOINT").is_some_and(|value| value == "unguarded");
    let gateway = up::listening(here).is_some();
    let found = found(here)?;
    let line = |found: &Found| {
        let Found { agent, guard, processes, run, .. } = found;
        let what = match (guard, run, processes.as_slice()) {
            (_, Some(run), _) => {
                format!("enclosed, run {run}; `holdpoint kill {run}` ends its {KILLED_BY}")
            }
            (Guard::Advised, ..) => {
                "advised: by its hook only; `holdpoint run` encloses it".to_owned()
            }
            (_, None, []) => "outside: start it with `holdpoint run`".to_owned(),
            (_, None, processes) => format!("outside, processes {processes:?}: nothing guards it"),
        };
        format!("{agent:<14} {what}\n")
    };
    let why = if unguarded { "this is a run with `--unguarded`" } else { "this is no run" };
    let up = if gateway { "a gateway is up" } else { "no gateway is up" };
    let agents: String = found.iter().map(line).collect();
    let fact =
        json!({ "guarded": false, "unguarded": unguarded, "gateway": gateway, "agents": found });
    here.print(&fact, &format!("not guarded: {why}; {up}\n{agents}"))?;
    Ok(crate::Status::Wanting)
}

/// The agents that work here, and those that are installed.
fn found(here: &Here) -> Result<Vec<Found>, CommandError> {
    let runs = here.state.run_processes().map_err(CommandError::unable)?;
    let processes = processes();
    let mut found = Vec::new();
    for agent in home::agents() {
        let mut by_run: HashMap<Option<&str>, Vec<u32>> = HashMap::new();
        for (&process, it) in &processes {
            if it.is(agent) {
                by_run.entry(run_of(process, &processes, &runs)).or_default().push(process);
            }
        }
        if by_run.is_empty() && is_installed(agent) {
            by_run.insert(None, Vec::new());
        }
        found.extend(by_run.into_iter().map(|(run, mut processes)| {
            processes.sort_unstable();
            let guard = match run {
                Some(_) => Guard::Enclosed,
                None if is_advised(agent) => Guard::Advised,
                None => Guard::Outside,
            };
            let killed_by = run.map(|_| KILLED_BY);
            Found { agent, guard, processes, run: run.map(str::to_owned), killed_by }
        }));
    }
    found.sort_by(|one, other| (one.agent, &one.run).cmp(&(other.agent, &other.run)));
    Ok(found)
}

/// One process, as far as it matters here.
struct Process {
    parent: u32,
    /// Its program, and the script that it runs, if it is an interpreter.
    names: [String; 2],
}

impl Process {
    fn read(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t"))?.parse().ok()?;
        let words = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let mut words = words.split(|&byte| byte == 0).map(|word| {
            let word = String::from_utf8_lossy(word);
            let name = Path::new(word.as_ref()).file_stem();
            name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        });
        let mut name = || words.next().unwrap_or_default();
        Some(Self { parent, names: [name(), name()] })
    }

    fn is(&self, agent: &str) -> bool {
        let [program, script] = &self.names;
        let interpreter = ["node", "bun", "deno", "python", "python3"].contains(&program.as_str());
        program == agent || interpreter && script == agent
    }
}

fn processes() -> HashMap<u32, Process> {
    let numbers = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter_map(|number| Some((number, Process::read(number)?))).collect()
}

/// The run whose process is among the ancestors.
fn run_of<'a>(
    process: u32,
    processes: &HashMap<u32, Process>,
    runs: &'a [(String, u32)],
) -> Option<&'a str> {
    let mut at = process;
    for _ in 0..ANCESTORS_MAX {
        if let Some((run, _)) = runs.iter().find(|(_, ends)| *ends == at) {
            return Some(run);
        }
        at = processes.get(&at)?.parent;
    }
    None
}

fn is_advised(agent: &str) -> bool {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let files = HOOKS.iter().filter(|(of, _)| *of == agent);
    files.flat_map(|(_, file)| [Path::new(&home).join(file), file.into()]).any(|file| {
        fs::read_to_string(file).is_ok_and(|text| OUR_HOOK.iter().all(|it| text.contains(it)))
    })
}

fn is_installed(agent: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(agent).is_file())
}
