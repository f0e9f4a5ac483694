//! Taskfiles (taskfile.dev, version 3).

use serde_json::{Map, Value};

use super::{
    super::{call::Call, expand::UNKNOWN, scope::Scope, walk::Walk, yaml},
    TARGETS_MAX,
};
use crate::Unreadable;

const NAMES: &[&str] =
    &["Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml", "Taskfile.dist.yml"];
/// Taskfiles that take others in.
const FILES_MAX: usize = 4;
/// Options whose value is a word of its own.
const VALUED: &[&str] =
    &["-d", "--dir", "-t", "--taskfile", "-o", "--output", "-C", "-I", "--interval"];

/// What is known while tasks are read.
struct Run {
    variables: Vec<(String, String)>,
    done: Vec<String>,
    files: usize,
}

impl Walk<'_> {
    /// The tasks of a Taskfile.
    pub(in super::super) fn tasks(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let looks = [
            "-l",
            "--list",
            "-a",
            "--list-all",
            "--summary",
            "--status",
            "-n",
            "--dry",
            "--init",
            "-i",
        ];
        if call.has(&looks) {
            return Ok(UNKNOWN.to_string());
        }
        let mut inner = scope.clone();
        if call.has(&["-g", "--global"]) {
            inner.go(self.machine().home(), true);
        }
        if let Some(directory) = call.value(&["-d", "--dir"]) {
            inner.go(directory, true);
        }
        let file = call.value(&["-t", "--taskfile"]).map(str::to_owned);
        let Some(file) = file.or_else(|| self.first_file(&inner, NAMES)) else {
            self.unseen_program(scope, call.name, false);
            return Ok(UNKNOWN.to_string());
        };
        let before: Vec<String> =
            call.arguments.iter().take_while(|it| *it != "--").cloned().collect();
        let behind: Vec<String> = call.arguments.iter().skip(before.len() + 1).cloned().collect();
        let own = Call { arguments: &before, ..Call::new(&[], call.pipe) };
        let mut run = Run {
            variables: vec![("CLI_ARGS".to_owned(), behind.join(" "))],
            done: Vec::new(),
            files: 0,
        };
        let mut wanted = Vec::new();
        for word in own.operands(VALUED) {
            match word.split_once('=') {
                Some((name, value)) => run.variables.push((name.to_owned(), value.to_owned())),
                None => wanted.push(word.to_owned()),
            }
        }
        if wanted.is_empty() {
            wanted.push("default".to_owned());
        }
        self.taskfile(&mut inner, &file, &wanted, &mut run, call)?;
        Ok(UNKNOWN.to_string())
    }

    fn taskfile(
        &mut self,
        scope: &mut Scope,
        file: &str,
        wanted: &[String],
        run: &mut Run,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        run.files += 1;
        let text = self.read(scope, file, true);
        let Some(Value::Object(taskfile)) = yaml::read(&text).filter(|_| run.files <= FILES_MAX)
        else {
            self.unseen_program(scope, "task", false);
            return Ok(());
        };
        run.variables.extend(variables(taskfile.get("vars")));
        for (name, value) in variables(taskfile.get("env")) {
            scope.export(&name, Some(value));
        }
        for name in wanted {
            self.task(scope, &taskfile, name, run, call)?;
        }
        Ok(())
    }

    fn task(
        &mut self,
        scope: &mut Scope,
        taskfile: &Map<String, Value>,
        name: &str,
        run: &mut Run,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        if run.done.iter().any(|it| it == name) || run.done.len() >= TARGETS_MAX {
            return Ok(());
        }
        run.done.push(name.to_owned());
        let Some(task) = taskfile.get("tasks").and_then(|it| named(it, name)) else {
            return self.included(scope, taskfile, name, run, call);
        };
        let mut inner = scope.clone();
        let field = |key: &str| task.get(key);
        let outer = run.variables.len();
        run.variables.extend(variables(field("vars")));
        for (name, value) in variables(field("env")) {
            inner.export(&name, Some(filled(&value, &run.variables)));
        }
        if let Some(directory) = field("dir").and_then(Value::as_str) {
            inner.go(&filled(directory, &run.variables), true);
        }
        for needed in items(field("deps")) {
            self.task_command(&mut inner, taskfile, needed, true, run, call)?;
        }
        let commands = match task {
            Value::String(_) | Value::Array(_) => items(Some(task)),
            _ => items(field("cmds")).into_iter().chain(field("cmd")).collect(),
        };
        for command in commands {
            self.task_command(&mut inner, taskfile, command, false, run, call)?;
        }
        run.variables.truncate(outer);
        Ok(())
    }

    /// One command of a task, or another task that it needs.
    fn task_command(
        &mut self,
        scope: &mut Scope,
        taskfile: &Map<String, Value>,
        command: &Value,
        needed: bool,
        run: &mut Run,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let deferred = command.get("defer").unwrap_or(command);
        let other = deferred.get("task").and_then(Value::as_str);
        let other = other.or_else(|| deferred.as_str().filter(|_| needed));
        if let Some(other) = other {
            let outer = run.variables.len();
            run.variables.extend(variables(deferred.get("vars")));
            let other = filled(other, &run.variables);
            self.task(scope, taskfile, &other, run, call)?;
            run.variables.truncate(outer);
            return Ok(());
        }
        let text = deferred.as_str().or_else(|| command.get("cmd").and_then(Value::as_str));
        let Some(text) = text else { return Ok(()) };
        self.script(&mut scope.clone(), &filled(text, &run.variables), call.pipe)?;
        Ok(())
    }

    /// A task of a Taskfile that is taken in.
    fn included(
        &mut self,
        scope: &mut Scope,
        taskfile: &Map<String, Value>,
        name: &str,
        run: &mut Run,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        let (space, rest) = name.split_once(':').unwrap_or((name, ""));
        let Some(file) = taskfile.get("includes").and_then(|it| it.get(space)) else {
            // Nobody sees where it is: only its name says something.
            self.wiped(scope, call);
            return Ok(());
        };
        let path = file.as_str().or_else(|| file.get("taskfile").and_then(Value::as_str));
        let Some(path) = path else { return Ok(()) };
        let path = match path.ends_with(".yml") || path.ends_with(".yaml") {
            true => path.to_owned(),
            false => format!("{path}/Taskfile.yml"),
        };
        let mut inner = scope.clone();
        if let Some(directory) = file.get("dir").and_then(Value::as_str) {
            let path = self.paths(scope, &path).into_iter().next().unwrap_or(path);
            inner.go(directory, true);
            return self.taskfile(&mut inner, &path, &[rest.to_owned()], run, call);
        }
        self.taskfile(&mut inner, &path, &[rest.to_owned()], run, call)
    }
}

/// A task by its name, or by another that it is given.
fn named<'v>(tasks: &'v Value, name: &str) -> Option<&'v Value> {
    let aliased =
        |task: &&Value| items(task.get("aliases")).iter().any(|alias| alias.as_str() == Some(name));
    tasks.get(name).or_else(|| tasks.as_object()?.values().find(aliased))
}

fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one @ Value::String(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn variables(value: Option<&Value>) -> Vec<(String, String)> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| UNKNOWN.to_string(), str::to_owned);
    pairs.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A text with the variables that it names put in.
fn filled(text: &str, variables: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (name, after) = behind.split_once("}}").unwrap_or((behind, ""));
        let name = name.trim().trim_start_matches('.');
        let known = variables.iter().rev().find(|(own, _)| own == name);
        out.push_str(before);
        out.push_str(known.map_or(&UNKNOWN.to_string(), |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}
