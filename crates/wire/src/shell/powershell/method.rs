//! Methods and properties: of .NET's own kinds, and of what a script holds.

use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, ResourceId};
use tree_sitter::Node;

use super::{
    Session, UNKNOWN, children, slice,
    value::{self, Value, Values},
};
use crate::{
    Unreadable,
    shell::{At, Step, windows},
};

/// Kinds of .NET that reach nothing.
const PLAIN: &str =
    "math string guid datetime timespan int int32 int64 double decimal bool char array
    object void regex version uri bitconverter console environment convert datetimeoffset random
    io.path text.encoding text.stringbuilder collections.arraylist collections.generic.list
    collections.hashtable pscustomobject psobject ordered hashtable switch xml io.pathtype
    globalization.cultureinfo stringcomparison system.consolecolor security.cryptography.sha256
    net.dns nullable securestring type threading.thread diagnostics.stopwatch
    text.regularexpressions.regex net.servicepointmanager net.securityprotocoltype";

impl Session<'_, '_> {
    /// `x.Name`, `[x]::Name`.
    pub(super) fn member(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, name, ..] = parts.as_slice() else { return Ok(value::unknown()) };
        let name = slice(*name, text).trim_matches(['\'', '"']).to_ascii_lowercase();
        let values = self.node(*of, text)?;
        if let [Value::Table(pairs)] = values.as_slice() {
            let found = pairs.iter().find(|(own, _)| *own == name);
            return Ok(found.map_or_else(value::unknown, |(_, values)| values.clone()));
        }
        let itself = [
            "fullname",
            "path",
            "name",
            "pspath",
            "value",
            "content",
            "definition",
            "utf8",
            "unicode",
            "ascii",
            "source",
            "basename",
        ];
        Ok(if itself.contains(&name.as_str()) { values } else { value::unknown() })
    }

    /// A property is set: only that of a request says anything.
    pub(super) fn set_member(
        &mut self,
        left: Node<'_>,
        values: &[Value],
        text: &str,
    ) -> Result<(), Unreadable> {
        let own = slice(left, text);
        let of = deepest(left);
        let receiver = match children(of).next() {
            Some(first) => self.node(first, text)?,
            None => Values::new(),
        };
        if own.to_ascii_lowercase().ends_with(".method")
            && let Some(url) = receiver.iter().map(Value::text).find(|it| it.contains("://"))
        {
            self.walk.send(
                &value::line(values).to_ascii_uppercase(),
                &url,
                Vec::new(),
                String::new(),
            );
        }
        Ok(())
    }

    /// `x.Name(…)`, `[x]::Name(…)`.
    pub(super) fn invoked(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, name, rest @ ..] = parts.as_slice() else {
            return self.statements(node, text);
        };
        let mut given = Vec::new();
        for list in rest.iter().flat_map(|it| children(*it)).collect::<Vec<_>>() {
            match list.kind() {
                "argument_expression_list" => {
                    for one in children(list) {
                        given.push(self.node(one, text)?);
                    }
                }
                _ => given.push(self.node(list, text)?),
            }
        }
        let name = slice(*name, text).trim_matches(['\'', '"']).to_ascii_lowercase();
        if of.kind() == "type_literal" {
            let kind = slice(*of, text).trim_matches(['[', ']']).to_ascii_lowercase();
            let kind = kind.strip_prefix("system.").unwrap_or(&kind).to_owned();
            return self.of_kind(&kind, &name, &given);
        }
        let receiver = self.node(*of, text)?;
        self.of_value(&receiver, &name, &given)
    }

    /// `x.foreach{ … }`.
    pub(super) fn for_each_of(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, block, ..] = parts.as_slice() else { return Ok(value::unknown()) };
        let (of, block) = (self.node(*of, text)?, self.node(*block, text)?);
        self.for_each(&block, &of)
    }

    /// A method of a kind.
    fn of_kind(&mut self, kind: &str, name: &str, given: &[Values]) -> Result<Values, Unreadable> {
        let argument = |at: usize| given.get(at).map(|it| value::line(it));
        if let Some(values) = self.of_file_kind(kind, name, given) {
            return Ok(values);
        }
        match (kind, name) {
            ("diagnostics.process", "start") => {
                let words = given.iter().flatten().map(Value::text);
                let words: Vec<String> = words
                    .flat_map(|it| it.split(' ').map(str::to_owned).collect::<Vec<_>>())
                    .collect();
                self.program(&words, None)?;
            }
            ("scriptblock", "create") => {
                return Ok(vec![Value::Block(argument(0).unwrap_or_default())]);
            }
            ("convert", "frombase64string") => {
                let text = argument(0).and_then(|it| windows::decoded(&it));
                return Ok(value::text(text.unwrap_or_else(|| UNKNOWN.to_string())));
            }
            ("string", "join") => {
                let all = given.get(1..).unwrap_or_default().concat();
                let by = argument(0).unwrap_or_default();
                let all: Vec<String> = all.iter().map(Value::text).collect();
                return Ok(value::text(all.join(&by)));
            }
            ("string", "concat") => {
                let all = given.concat();
                return Ok(value::text(all.iter().map(Value::text).collect::<String>()));
            }
            ("string", "format") => {
                let rest = given.get(1..).unwrap_or_default().concat();
                return Ok(value::formatted(given.first().map_or(&[], Vec::as_slice), &rest));
            }
            ("environment", "getenvironmentvariable") => {
                return Ok(self.variable(&format!("$env:{}", argument(0).unwrap_or_default())));
            }
            ("environment", "getfolderpath") => {
                return Ok(value::text(
                    self.scope.value("HOME").unwrap_or("/").to_owned() + "/Documents",
                ));
            }
            ("io.path", "combine" | "join") => {
                let parts: Vec<String> = given.concat().iter().map(Value::text).collect();
                return Ok(value::text(parts.join("/")));
            }
            ("io.path", "getfullpath") => {
                return Ok(value::text(windows::path(&argument(0).unwrap_or_default())));
            }
            ("net.webrequest" | "net.httpwebrequest" | "uri", "create" | "new") => {
                return Ok(value::text(argument(0).unwrap_or_default()));
            }
            _ if PLAIN.split_whitespace().any(|it| it == kind) => {}
            // What it makes is judged by what is called on it.
            (_, "new") => {}
            _ => self.walk.unseen_program(self.scope, "powershell", false),
        }
        Ok(value::unknown())
    }

    /// A method of a kind that is about files; `None` if it is none.
    fn of_file_kind(&mut self, kind: &str, name: &str, given: &[Values]) -> Option<Values> {
        const KINDS: [&str; 3] =
            ["io.file", "io.directory", "microsoft.visualbasic.fileio.filesystem"];
        if !KINDS.contains(&kind) {
            return None;
        }
        let argument = |at: usize| given.get(at).map(|it| value::line(it));
        let path =
            |at: usize| argument(at).map_or_else(|| UNKNOWN.to_string(), |it| windows::path(&it));
        match (kind, name) {
            (_, name) if name.starts_with("delete") => {
                self.walk.deletes(self.scope, &path(0), "program:delete");
            }
            ("io.file" | "io.directory", "move") => {
                self.walk.deletes(self.scope, &path(0), "program:delete");
            }
            ("io.file", "copy" | "replace") => {
                self.walk.writes(self.scope, &path(1), &UNKNOWN.to_string(), false);
            }
            ("io.file", _)
                if name.starts_with("write")
                    || name.starts_with("create")
                    || name == "openwrite" =>
            {
                let text = argument(1).unwrap_or_default();
                self.walk.writes(self.scope, &path(0), &text, false);
            }
            ("io.file", _) if name.starts_with("append") => {
                self.walk.writes(self.scope, &path(0), &argument(1).unwrap_or_default(), true);
            }
            ("io.file", _) if name.starts_with("read") || name.starts_with("open") => {
                let text = self.walk.read(self.scope, &path(0), self.captured);
                return Some(value::text(text));
            }
            ("io.directory", _) if name.starts_with("enumerate") || name.starts_with("get") => {
                return Some(value::text(format!("{}/{UNKNOWN}", path(0))));
            }
            _ => {}
        }
        Some(value::unknown())
    }

    /// A method of something that a script holds.
    fn of_value(
        &mut self,
        of: &[Value],
        name: &str,
        given: &[Values],
    ) -> Result<Values, Unreadable> {
        let argument = |at: usize| given.get(at).map(|it| value::line(it)).unwrap_or_default();
        let whole = value::line(of);
        if let [Value::Block(text)] = of {
            let text = text.clone();
            return self.run(&text, &[], given, None);
        }
        match name {
            "invoke" | "invokescript" => {
                let text = if given.is_empty() { whole } else { argument(0) };
                return self.script(&text);
            }
            "getstring" | "tostring" | "trim" => {
                return Ok(value::text(if given.is_empty() { whole } else { argument(0) }));
            }
            "tolower" | "tolowerinvariant" => return Ok(value::text(whole.to_lowercase())),
            "toupper" | "toupperinvariant" => return Ok(value::text(whole.to_uppercase())),
            "replace" if !argument(0).is_empty() => {
                return Ok(value::text(whole.replace(&argument(0), &argument(1))));
            }
            "deletefile" | "deletefolder" | "deletedirectory" => {
                let path = windows::path(&argument(0));
                self.walk.deletes(self.scope, &path, "program:delete");
            }
            "delete" | "moveto" => {
                for one in of {
                    let path = windows::path(&one.text());
                    self.walk.deletes(self.scope, &path, "program:delete");
                }
            }
            "run" | "exec" | "shellexecute" | "start" if !given.is_empty() => {
                let words: Vec<String> = argument(0).split(' ').map(str::to_owned).collect();
                self.program(&words, None)?;
            }
            name if verbs::effect_of_words(name) == Some(Effect::Destroy) && !is_of_list(name) => {
                let id = ResourceId::of("powershell", "object", name);
                let step =
                    Step::guessed(format!("powershell:{name}"), Effect::Destroy, id, At::Somewhere);
                self.walk.push(step);
            }
            _ => {}
        }
        Ok(value::unknown())
    }
}

/// Methods of lists and texts, which are the script's own.
fn is_of_list(name: &str) -> bool {
    ["remove", "removeat", "clear", "removeall", "removerange"].contains(&name)
}

/// The innermost node that has more than one part.
fn deepest(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while at.named_child_count() == 1 {
        let Some(next) = at.named_child(0) else { break };
        at = next;
    }
    at
}
