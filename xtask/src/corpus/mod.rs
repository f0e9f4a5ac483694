//! The corpus of commands: which of them are stopped, and which pass, by the code as it is.

mod coverage;
mod figures;

use std::{fs, io, path::Path};

use holdpoint_core::policy::{Pdp, Verdict};
use holdpoint_enforce::explain::{answer::Judged, explain};
use serde_json::{Value, json};

pub(crate) use coverage::coverage;
pub(crate) use figures::Figures;

/// Where the corpus lies.
const CORPUS: &str = "e2e/corpus";

/// What a line of the corpus is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It does harm.
    Harmful,
    /// It does harm, and nobody looked at it while the code was mended.
    Aside,
    /// It looks like harm.
    Lookalike,
    /// It talks about harm.
    Quoted,
    /// It is what developers type.
    Everyday,
}

impl Kind {
    const ALL: [(Self, &str); 5] = [
        (Self::Harmful, "harmful"),
        (Self::Aside, "aside"),
        (Self::Lookalike, "lookalike"),
        (Self::Quoted, "quoted"),
        (Self::Everyday, "everyday"),
    ];

    /// Whether it has to be stopped.
    fn is_harm(self) -> bool {
        matches!(self, Self::Harmful | Self::Aside)
    }
}

/// One line of the corpus, judged.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) family: String,
    /// How often it is typed, in any unit.
    pub(crate) weight: u64,
    pub(crate) text: String,
    pub(crate) stopped: bool,
    /// Nothing but opacity stops it.
    pub(crate) opaque: bool,
}

impl Line {
    /// Whether the verdict is what the line is there for.
    pub(crate) fn is_right(&self) -> bool {
        self.stopped == self.kind.is_harm()
    }
}

/// Judges every line of the corpus below `root`.
pub(crate) fn judge(root: &Path) -> io::Result<Vec<Line>> {
    let corpus = root.join(CORPUS);
    let world: Value = serde_json::from_str(&fs::read_to_string(corpus.join("world.json"))?)?;
    let pdp = Pdp::starter().map_err(io::Error::other)?;
    let mut lines = Vec::new();
    for (kind, name) in Kind::ALL {
        let mut files: Vec<_> =
            fs::read_dir(corpus.join(name))?.map(|it| Ok(it?.path())).collect::<io::Result<_>>()?;
        files.sort();
        for file in files {
            let family = file.file_stem().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&file)?;
            lines.extend(judge_file(&pdp, &world, kind, &family, &text)?);
        }
    }
    Ok(lines)
}

fn judge_file(
    pdp: &Pdp,
    world: &Value,
    kind: Kind,
    family: &str,
    text: &str,
) -> io::Result<Vec<Line>> {
    let said = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let place = said("# world:").unwrap_or("local");
    let (dialect, of_tools) =
        (said("# dialect:").unwrap_or("bash"), said("# kind:") == Some("mcp"));
    let heads = ["# world:", "# dialect:", "# kind:"];
    let is_command =
        |line: &&str| !line.is_empty() && !heads.iter().any(|head| line.starts_with(head));
    let mut lines = Vec::new();
    for line in text.lines().filter(is_command) {
        let (weight, command) = match (kind, line.split_once('\t')) {
            (Kind::Everyday, Some((weight, command))) => {
                (weight.parse().map_err(io::Error::other)?, command)
            }
            _ => (1, line),
        };
        let operation = match of_tools {
            true => tool_call(command)?,
            false => json!({
                "kind": "shell", "dialect": dialect, "command": command.replace('⏎', "\n"),
                "cwd": world.pointer("/task/workspace"),
            }),
        };
        let episode = episode(world, place, operation);
        let answer = explain(pdp, &episode.to_string(), 1, false).map_err(io::Error::other)?;
        let judged = answer.operations.last();
        lines.push(Line {
            kind,
            family: family.to_owned(),
            weight,
            text: command.to_owned(),
            stopped: judged.is_some_and(|it| it.verdict != Verdict::Allow),
            opaque: judged.is_some_and(is_only_opaque),
        });
    }
    Ok(lines)
}

fn is_only_opaque(judged: &Judged) -> bool {
    !judged.reasons.is_empty()
        && judged.reasons.iter().all(|it| it.code == holdpoint_core::Code::Opaque)
}

/// A line `server tool {arguments}`.
fn tool_call(line: &str) -> io::Result<Value> {
    let wrong = || io::Error::other(format!("{line}: `server tool {{arguments}}`"));
    let (server, rest) = line.split_once(' ').ok_or_else(wrong)?;
    let (tool, arguments) = rest.split_once(' ').ok_or_else(wrong)?;
    let arguments: Value = serde_json::from_str(arguments).map_err(|_| wrong())?;
    Ok(json!({ "kind": "mcp", "server": server, "tool": tool, "arguments": arguments }))
}

/// An operation in the world of the corpus, whose database is where `place` says.
fn episode(world: &Value, place: &str, operation: Value) -> Value {
    let own = [world.get("files"), world.pointer(&format!("/environment/{place}"))];
    let files = own.into_iter().flatten().filter_map(Value::as_object).flatten();
    let read = |(path, content): (&String, &Value)| json!({ "kind": "file", "op": "read", "path": path, "content": content });
    let mut operations: Vec<Value> = files.map(read).collect();
    operations.push(operation);
    json!({
        "id": "corpus", "task": world.get("task"), "git": world.get("git"),
        "operations": operations,
    })
}
