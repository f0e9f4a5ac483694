//! Commands: their words and parameters, what they are handed, and who reads them.

use tree_sitter::Node;

use super::{
    Session, children, name_of, slice,
    value::{self, Value, Values},
};
use crate::{
    Unreadable,
    shell::{call::Pipe, windows},
};

/// Parameters that take no value, by their whole names.
const SWITCHES: &str =
    "recurse force confirm whatif verbose passthru nonewline noclobber append wait
    usebasicparsing directory hidden raw asjob quiet simplematch casesensitive notmatch allmatches
    autosize unique descending asplaintext noprofile nonewwindow literal";

/// What a command is given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Its parameters by their names in small letters, each with its value.
    pub(super) parameters: Vec<(String, Option<Values>)>,
    /// What stands without a parameter, in order.
    pub(super) positional: Vec<Values>,
    /// All of it as a program would be handed it.
    pub(super) words: Vec<String>,
}

impl Given {
    /// The value of the parameter `name`, however it is abbreviated.
    pub(super) fn value(&self, name: &str) -> Option<&Values> {
        let short = |own: &str| !own.is_empty() && name.starts_with(own);
        let found = self.parameters.iter().find(|(own, _)| short(own));
        found.and_then(|(_, value)| value.as_ref())
    }

    /// Whether a switch is given, however it is abbreviated.
    pub(super) fn has(&self, name: &str) -> bool {
        let on = |value: &Option<Values>| {
            value.as_ref().is_none_or(|it| !value::line(it).eq_ignore_ascii_case("false"))
        };
        self.parameters
            .iter()
            .any(|(own, value)| own.len() >= 2 && name.starts_with(own.as_str()) && on(value))
    }

    /// Whether it is only rehearsed: what `-WhatIf` is given may say no.
    pub(super) fn rehearsed(&self) -> bool {
        let own = |it: &&(String, Option<Values>)| it.0.len() >= 2 && "whatif".starts_with(&it.0);
        let yes = |value: &Option<Values>| {
            value.as_ref().is_none_or(|it| value::line(it).eq_ignore_ascii_case("true"))
        };
        let mut all = self.parameters.iter().filter(own).peekable();
        all.peek().is_some() && all.all(|(_, value)| yes(value))
    }

    /// The value of the first of these parameters, or what stands at `place` without one.
    pub(super) fn either(&self, names: &[&str], place: usize) -> Option<&Values> {
        let named = names.iter().find_map(|name| self.value(name));
        named.or_else(|| self.positional.get(place))
    }

    fn add(&mut self, name: String, value: Option<Values>) {
        self.parameters.push((name, value));
    }
}

/// Whether a parameter takes no value.
fn is_switch(name: &str) -> bool {
    let bundled = name.len() <= 3 && name.chars().all(|it| "rfivd".contains(it));
    bundled || name.len() >= 2 && SWITCHES.split_whitespace().any(|it| it.starts_with(name))
}

impl Session<'_, '_> {
    /// Commands that hand each other what they print.
    pub(super) fn pipeline(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let mut carried: Option<Values> = None;
        let mut values = Values::new();
        for child in children(node) {
            match child.kind() {
                "command" => carried = Some(self.command(child, text, carried.take())?),
                "redirections" | "redirection" => {
                    let printed = carried.take().unwrap_or_default();
                    self.redirected(child, text, &printed)?;
                }
                "pipeline_chain" | "pipeline" => values.extend(self.pipeline(child, text)?),
                super::ASSIGNMENT => values = self.node(child, text)?,
                "pipeline_chain_tail" => {}
                _ => carried = Some(self.node(child, text)?),
            }
        }
        values.extend(carried.unwrap_or_default());
        Ok(values)
    }

    fn redirected(
        &mut self,
        node: Node<'_>,
        text: &str,
        printed: &[Value],
    ) -> Result<(), Unreadable> {
        let own = slice(node, text).trim_start();
        if node.kind() == "redirections" {
            for child in children(node) {
                self.redirected(child, text, printed)?;
            }
            return Ok(());
        }
        let Some(file) = children(node).find(|it| it.kind() == "redirected_file_name") else {
            return Ok(());
        };
        let values = self.node(file, text)?;
        // What goes to `$null` goes nowhere.
        if values.is_empty() || own.starts_with('<') {
            return Ok(());
        }
        let path = self.path(&value::line(&values));
        self.walk.writes(self.scope, &path, &value::line(printed), own.contains(">>"));
        Ok(())
    }

    /// One command.
    pub(super) fn command(
        &mut self,
        node: Node<'_>,
        text: &str,
        input: Option<Values>,
    ) -> Result<Values, Unreadable> {
        let Some(name) = node.child_by_field_name("command_name") else {
            return Ok(self.unmodelled());
        };
        let named = self.node(name, text)?;
        let elements: Vec<Node<'_>> = children(node)
            .filter(|it| *it != name && it.kind() != "command_invokation_operator")
            .flat_map(|it| match it.kind() {
                "command_elements" => children(it).collect::<Vec<_>>(),
                _ => vec![it],
            })
            .collect();
        let (given, sinks) = self.given(&elements, text)?;
        let printed = match named.as_slice() {
            [Value::Block(block)] => {
                let block = block.clone();
                let own = super::parameters_of(&block);
                self.run(&block, &own, &given.positional, input.as_ref())?
            }
            named => self.named(&value::line(named), &given, input)?,
        };
        if sinks.is_empty() {
            return Ok(printed);
        }
        for sink in sinks {
            self.redirected(sink, text, &printed)?;
        }
        Ok(Values::new())
    }

    /// A command by its name: a function, an alias, one of PowerShell's own, or a program.
    pub(super) fn named(
        &mut self,
        name: &str,
        given: &Given,
        input: Option<Values>,
    ) -> Result<Values, Unreadable> {
        let lower = name.to_ascii_lowercase();
        if let Some((parameters, body)) = self.functions.get(&lower).cloned() {
            let mut all = given.positional.clone();
            for (own, value) in &given.parameters {
                if let Some(at) = parameters.iter().position(|it| it.starts_with(own.as_str())) {
                    while all.len() <= at {
                        all.push(value::unknown());
                    }
                    all.insert(at, value.clone().unwrap_or_default());
                }
            }
            let body = self.functions.remove(&lower).map_or(body, |(_, body)| body);
            let values = self.run(&body, &parameters, &all, input.as_ref());
            self.functions.entry(lower.clone()).or_insert((parameters, body));
            // An alias comes before it, and what is defined in a branch may not be.
            let alias = self.aliases.contains_key(&lower) || super::cmdlet::is_alias(&lower);
            if !alias && !self.doubtful {
                return values;
            }
        }
        if let Some(other) = self.aliases.remove(&lower) {
            let values = self.named(&other, given, input.clone());
            self.aliases.insert(lower.clone(), other);
            if !self.doubtful {
                return values;
            }
        }
        self.makes_unknown(given);
        let module = lower.rsplit_once('\\').filter(|(module, _)| module.contains('.'));
        let own = module.map_or(lower.as_str(), |(_, own)| own);
        if let Some(values) = self.cmdlet(own, given, input.as_ref())? {
            return Ok(values);
        }
        let words: Vec<String> =
            [name.to_owned()].into_iter().chain(given.words.iter().cloned()).collect();
        self.program(&words, input)
    }

    /// Variables that a command sets by its parameters.
    fn makes_unknown(&mut self, given: &Given) {
        const SETS: [&str; 10] = [
            "outvariable",
            "ov",
            "errorvariable",
            "ev",
            "warningvariable",
            "wv",
            "informationvariable",
            "iv",
            "pipelinevariable",
            "pv",
        ];
        let sets = |own: &str| {
            SETS.iter().any(|it| *it == own || own.len() > 2 && it.starts_with(own))
                || own == "variable"
        };
        for (_, value) in given.parameters.iter().filter(|(own, _)| sets(own)) {
            let name = value.as_ref().map(|it| value::line(it)).unwrap_or_default();
            let name = name_of(name.trim_start_matches('+'));
            self.variables.insert(name, value::unknown());
        }
    }

    /// A program, by its words.
    pub(super) fn program(
        &mut self,
        words: &[String],
        input: Option<Values>,
    ) -> Result<Values, Unreadable> {
        let stdin = input
            .map(|values| values.iter().map(|it| format!("{}\n", it.text())).collect::<String>());
        let pipe = Pipe { stdin, captured: self.captured, piped: false };
        let printed = windows::program(self.walk, self.scope, words, &pipe)?;
        Ok(printed.lines().map(|line| Value::Text(line.to_owned())).collect())
    }

    /// The words and parameters of a command, and where its output goes.
    fn given<'t>(
        &mut self,
        elements: &[Node<'t>],
        text: &str,
    ) -> Result<(Given, Vec<Node<'t>>), Unreadable> {
        let (mut given, mut sinks) = (Given::default(), Vec::new());
        let mut waiting: Option<String> = None;
        let mut at = 0;
        while let Some(element) = elements.get(at) {
            at += 1;
            let own = slice(*element, text);
            match element.kind() {
                "redirection" | "redirections" => sinks.push(*element),
                "command_parameter" => {
                    if let Some(before) = waiting.take() {
                        given.add(before, None);
                    }
                    let name = own.trim_start_matches('-').to_ascii_lowercase();
                    given.words.push(own.trim_end_matches(':').to_owned());
                    let tied = elements.get(at).is_some_and(|next| {
                        next.start_byte() == element.end_byte()
                            && slice(*next, text).starts_with(':')
                    });
                    match is_switch(&name) && !tied {
                        true => given.add(name, None),
                        false => waiting = Some(name.trim_end_matches(':').to_owned()),
                    }
                }
                "command_argument_sep" | "comment" => {}
                // What comes behind it is handed over as it stands.
                "stop_parsing" => {
                    let rest = own.trim_start_matches("--%").split_whitespace();
                    given.words.extend(rest.map(str::to_owned));
                }
                _ => {
                    if own.strip_prefix('@').is_some_and(super::is_plain) {
                        let table = self.variables.get(&name_of(own)).cloned();
                        splat(&mut given, table.unwrap_or_else(value::unknown));
                        continue;
                    }
                    let (values, after) = self.argument(elements, at - 1, text)?;
                    at = after;
                    given.words.extend(values.iter().map(Value::text));
                    match waiting.take() {
                        Some(name) => given.add(name, Some(values)),
                        None => given.positional.push(values),
                    }
                }
            }
        }
        if let Some(before) = waiting {
            given.add(before, None);
        }
        Ok((given, sinks))
    }

    /// An argument: what stands together without a space, and what commas join to a list.
    fn argument(
        &mut self,
        elements: &[Node<'_>],
        from: usize,
        text: &str,
    ) -> Result<(Values, usize), Unreadable> {
        let mut list: Values = Values::new();
        let mut at = from;
        let mut end: Option<usize> = None;
        while let Some(element) = elements.get(at) {
            let own = slice(*element, text);
            let between = end.and_then(|end| text.get(end..element.start_byte()));
            let comma = between.is_some_and(|it| it.trim() == ",") || own.starts_with(',');
            let touches = between == Some("");
            let is_part = !matches!(
                element.kind(),
                "command_parameter" | "redirection" | "redirections" | "command_argument_sep"
            );
            if !is_part || !(end.is_none() || touches || comma) {
                break;
            }
            at += 1;
            end = Some(element.end_byte());
            let values = self.node(*element, text)?;
            match (touches && !comma, values.as_slice(), list.last_mut()) {
                (true, [one], Some(Value::Text(last))) => last.push_str(&one.text()),
                _ => list.extend(values),
            }
        }
        Ok((list, at.max(from + 1)))
    }
}

/// The pairs of a table as parameters.
fn splat(given: &mut Given, values: Values) {
    for value in values {
        match value {
            Value::Table(pairs) => {
                for (name, value) in pairs {
                    given.words.push(format!("-{name}"));
                    given.words.push(value::line(&value));
                    given.add(name, Some(value));
                }
            }
            other => given.positional.push(vec![other]),
        }
    }
}
