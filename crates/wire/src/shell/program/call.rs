//! Calls: which one it is, on what, and with what.

use tree_sitter::Node;

use super::{
    Language, Reader, Role, UNKNOWN, Value, children, field, flow, grammar,
    value::{Argument, ITEMS_MAX},
};
use crate::Unreadable;

/// What a name begins with that is a call of each item: `each(&:delete)`.
const OF_ITEM: &str = "&:";
/// What only says where something lies that everybody has.
const ROOTS: &[&str] = &[
    "globalThis.",
    "global.",
    "window.",
    "__builtins__.",
    "builtins.",
    "Kernel.",
    "CORE.GLOBAL.",
    "CORE.",
    "main.",
];
/// How often what is got out of something is followed.
pub(super) const CHAIN_MAX: usize = 12;

/// A call, as what changes something needs it.
pub(super) struct Made<'c, 't> {
    pub(super) name: &'c str,
    /// What it is called on.
    pub(super) on: Option<&'c Value<'t>>,
    pub(super) arguments: &'c [Argument<'t>],
}

impl<'t> Made<'_, 't> {
    /// The last part of its name.
    pub(super) fn verb(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// An argument by its place.
    pub(super) fn at(&self, place: usize) -> Option<&Value<'t>> {
        let unnamed = self.arguments.iter().filter(|(name, _)| name.is_none());
        unnamed.map(|(_, value)| value).nth(place)
    }

    /// An argument by one of these names: its own, or that of a table among them.
    pub(super) fn named(&self, names: &[&str]) -> Option<&Value<'t>> {
        let own = |(name, _): &&Argument<'t>| name.as_deref().is_some_and(|it| names.contains(&it));
        let found = self.arguments.iter().find(own).map(|(_, value)| value);
        found.or_else(|| self.arguments.iter().find_map(|(_, value)| value.under(names)))
    }

    /// The text of an argument by its place.
    pub(super) fn text(&self, place: usize) -> String {
        self.at(place).map_or_else(|| UNKNOWN.to_string(), Value::text)
    }
}

impl<'t> Reader<'_, '_, 't> {
    pub(super) fn call(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        if node.kind() == "method_call_expression"
            || field(node, &["receiver", "scope"]).is_some()
            || node.kind().contains("member_call")
        {
            return self.method(node);
        }
        let callee = field(node, &["function", "constructor", "method"]);
        let block = field(node, &["block", "callback"]);
        let Some(callee) =
            callee.or_else(|| node.named_child(0)).filter(|_| !is_built_in(node.kind()))
        else {
            let name = self.slice(node).split(['(', ' ', '{']).next().unwrap_or_default();
            let arguments = self.arguments(node, None)?;
            return self.called_as(None, name, self.with_block(arguments, block));
        };
        let arguments = self.arguments(node, Some(callee))?;
        let arguments = self.with_block(arguments, block);
        // `&$name(…)`, `&{'name'}(…)`
        if let Some(own) = callee.named_child(0).filter(|it| it.kind() == "code_deref_expression") {
            let value = self.visit(own)?;
            return self.applied(value, arguments);
        }
        match self.role(callee) {
            Role::Member => {
                let object = field(callee, grammar::OBJECTS).or_else(|| callee.named_child(0));
                let property = field(callee, grammar::PROPERTIES).map_or("", |it| self.slice(it));
                let Some(object) = object else { return Ok(Value::Unknown) };
                let own = self.visit(object)?;
                self.grown(object, property, &own, &arguments);
                if matches!(self.slice(object), "Object" | "Reflect" | "_") {
                    self.assigned_to(node, property);
                }
                self.called_as(Some(own), property, arguments)
            }
            Role::Name | Role::Last if callee.kind() != "variable_name" => {
                let name = self.slice(callee).trim_start_matches('&').to_owned();
                match self.variables.get(flow::bare(&name)).cloned() {
                    Some(value) => self.applied(value, arguments),
                    None => self.called_as(None, &grammar::dotted(&name), arguments),
                }
            }
            _ => {
                let value = self.visit(callee)?;
                self.applied(value, arguments)
            }
        }
    }

    /// A call on something: `a.b()`, `a->b()`, `A::b()`.
    fn method(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let Some(object) = field(node, grammar::OBJECTS) else { return Ok(Value::Unknown) };
        let own = self.visit(object)?;
        let method = field(node, &["method"]).or_else(|| field(node, &["name"]));
        let arguments = self.arguments(node, None)?;
        let arguments = self.with_block(arguments, field(node, &["block"]));
        let name = match method {
            Some(method) if self.slice(method).starts_with('$') => {
                self.visit(method)?.known().unwrap_or(&UNKNOWN.to_string()).to_owned()
            }
            method => method.map_or("call", |it| self.slice(it)).to_owned(),
        };
        self.grown(object, &name, &own, &arguments);
        self.called_as(Some(own), &name, arguments)
    }

    /// A list or a table that something is put into, where anybody has it by a name.
    fn grown(&mut self, object: Node<'t>, verb: &str, own: &Value<'t>, with: &[Argument<'t>]) {
        let holds = matches!(own, Value::List(_) | Value::Table(_))
            || self.language == Language::Ruby && matches!(own, Value::Text(_));
        if !holds || self.role(object) != Role::Name {
            return;
        }
        let value = match own {
            Value::List(items) if matches!(verb, "append" | "push" | "add" | "unshift") => {
                let mut items = items.clone();
                items.extend(with.iter().take(ITEMS_MAX).map(|(_, value)| value.clone()));
                Value::list(items)
            }
            Value::List(items) if matches!(verb, "extend" | "concat") => {
                let more = with.iter().flat_map(|(_, value)| match value {
                    Value::List(more) => more.clone(),
                    _ => vec![Value::Unknown],
                });
                Value::list(items.iter().cloned().chain(more).collect())
            }
            _ if grammar::is_changing(verb) || verb.ends_with('!') => Value::Unknown,
            _ => return,
        };
        self.change(self.slice(object), own, value);
    }

    /// `Object.assign(a, …)`: what the first of its arguments holds is not what it was.
    fn assigned_to(&mut self, node: Node<'t>, verb: &str) {
        let list = field(node, &["arguments"]).map(children).unwrap_or_default();
        let first = list.first().copied().filter(|it| self.role(*it) == Role::Name);
        if let Some(first) = first
            && ["assign", "define", "set", "merge", "extend"].iter().any(|it| verb.starts_with(it))
        {
            self.set(self.slice(first), Value::Unknown);
        }
    }

    fn with_block(
        &self,
        mut arguments: Vec<Argument<'t>>,
        block: Option<Node<'t>>,
    ) -> Vec<Argument<'t>> {
        arguments.extend(block.map(|block| (None, Value::Code(block))));
        arguments
    }

    /// What a call is handed.
    fn arguments(
        &mut self,
        node: Node<'t>,
        callee: Option<Node<'t>>,
    ) -> Result<Vec<Argument<'t>>, Unreadable> {
        let is_list = |it: &Node<'_>| {
            matches!(
                it.kind(),
                "argument_list" | "arguments" | "list_expression" | "sequence_expression"
            )
        };
        let mut list = field(node, &["arguments", "list"]);
        if list.is_none() {
            list = children(node).into_iter().find(|it| is_list(it));
        }
        let parts = match list {
            Some(list) if is_list(&list) => children(list),
            Some(one) => vec![one],
            // `print $x`, `shift @_`, `echo 'x'`
            None if callee.is_none() => children(node),
            None => Vec::new(),
        };
        let skipped = [callee, field(node, &["method", "name", "receiver", "scope", "block"])];
        let mut arguments = Vec::new();
        for part in parts {
            if skipped.iter().flatten().any(|it| it.id() == part.id())
                || self.role(part) == Role::Nothing
            {
                continue;
            }
            match part.kind() {
                "keyword_argument" | "pair" => {
                    let (key, value) = (field(part, &["name", "key"]), field(part, &["value"]));
                    let key = key.map_or("", |it| self.slice(it).trim_start_matches(':'));
                    let value = value.map(|it| self.visit(it)).transpose()?;
                    arguments.push((Some(key.to_owned()), value.unwrap_or(Value::Unknown)));
                }
                "argument" => {
                    let name = field(part, &["name"]).map(|it| self.slice(it).to_owned());
                    arguments.push((name, self.last(part)?));
                }
                _ => match self.visit(part)? {
                    // A list of Perl is spread out, and so is `*list`.
                    Value::List(items)
                        if self.language == Language::Perl || part.kind().contains("spl") =>
                    {
                        arguments.extend(items.into_iter().map(|it| (None, it)));
                    }
                    // `each(&:delete)`
                    Value::Text(verb) if part.kind() == "block_argument" => {
                        arguments.push((None, Value::Name(format!("{OF_ITEM}{verb}"))));
                    }
                    value => arguments.push((None, value)),
                },
            }
        }
        Ok(arguments)
    }

    /// Calls a value.
    pub(super) fn applied(
        &mut self,
        value: Value<'t>,
        arguments: Vec<Argument<'t>>,
    ) -> Result<Value<'t>, Unreadable> {
        match value {
            Value::Code(function) => self.invoke(function, &arguments),
            Value::Name(name) => match (name.strip_prefix(OF_ITEM), arguments.split_first()) {
                (Some(verb), Some(((_, item), rest))) => {
                    self.called_as(Some(item.clone()), verb, rest.to_vec())
                }
                _ => self.called_as(None, &name, arguments),
            },
            Value::Made(by, with) => self.called_as(Some(Value::Made(by, with)), "call", arguments),
            // PHP and Perl call a function by its name.
            Value::Text(name) if matches!(self.language, Language::Php | Language::Perl) => {
                self.called_as(None, &name, arguments)
            }
            // Whoever handed it over is read where that happens.
            Value::Given => {
                self.handed_on(None, &arguments)?;
                Ok(Value::Given)
            }
            _ => {
                self.unclear = true;
                self.handed_on(None, &arguments)?;
                Ok(Value::Unknown)
            }
        }
    }

    /// A call of `verb`, on something or on nothing.
    pub(super) fn called_as(
        &mut self,
        on: Option<Value<'t>>,
        verb: &str,
        arguments: Vec<Argument<'t>>,
    ) -> Result<Value<'t>, Unreadable> {
        let done = self.deeper(|reader| reader.called_on(on, verb, arguments));
        done.unwrap_or(Ok(Value::Unknown))
    }

    fn called_on(
        &mut self,
        on: Option<Value<'t>>,
        verb: &str,
        arguments: Vec<Argument<'t>>,
    ) -> Result<Value<'t>, Unreadable> {
        let weight: usize = arguments.iter().map(|(_, value)| value.weight()).sum();
        self.walk.programs.weigh(weight);
        // `fs.rmSync.call(null, 'x')`, `method(:system).call('x')`
        if let (Some(Value::Name(name)), Some(arguments)) =
            (&on, grammar::indirect(self.language, verb, &arguments))
            && grammar::does(self.language, name).is_some()
        {
            return self.called_as(None, name, arguments);
        }
        if let Some(own) = self.own_function(on.as_ref(), verb) {
            let answer = self.invoke(own, &arguments)?;
            // Nobody knows whose it is.
            if !matches!(on, Some(Value::Unknown | Value::Given)) {
                return Ok(answer);
            }
        }
        let name = match &on {
            None => verb.to_owned(),
            Some(Value::Name(name)) => format!("{name}.{verb}"),
            Some(Value::Made(by, _)) => format!("{by}.{verb}"),
            Some(Value::Text(_)) => format!("text.{verb}"),
            Some(Value::Path(_)) => format!("path.{verb}"),
            Some(Value::List(_)) => format!("list.{verb}"),
            Some(Value::Table(_)) => format!("table.{verb}"),
            Some(Value::Code(_) | Value::Unknown | Value::Given | Value::Absent) => {
                format!("?.{verb}")
            }
        };
        let name = self.spelt_out(&self.of_base(&name));
        if let Some((file, function)) = self.elsewhere(&name) {
            let answer = self.invoke_elsewhere(&file, &function, &arguments)?;
            let is_class = function.starts_with(char::is_uppercase);
            return Ok(if is_class { Value::made(name, &arguments) } else { answer });
        }
        // Which call it is is made up when it runs.
        self.unclear |= name.contains(UNKNOWN);
        let call = Made { name: &name, on: on.as_ref(), arguments: &arguments };
        if let Some(value) = self.done(&call)? {
            self.handed_the_answer(&call, &value)?;
            return Ok(value);
        }
        self.handed_over(&call)?;
        let known = !name.starts_with("?.") && name.matches('.').count() <= CHAIN_MAX;
        Ok(match on {
            Some(Value::Given) => Value::Given,
            _ if !known => Value::Unknown,
            Some(Value::Made(_, with)) => Value::Made(name, with),
            _ => Value::made(name, &arguments),
        })
    }

    /// A name of a class of the program, as that of what the class is made of.
    fn of_base(&self, name: &str) -> String {
        let (root, rest) = name.split_once('.').map_or((name, None), |(root, it)| (root, Some(it)));
        let Some(base) = self.classes.get(root).filter(|base| !base.is_empty()) else {
            return name.to_owned();
        };
        let base = match self.variables.get(base) {
            Some(Value::Name(own)) => own,
            _ => base,
        };
        rest.map_or_else(|| base.clone(), |rest| format!("{base}.{rest}"))
    }

    /// A name without what only says where it lies, and with the module that it was taken in from.
    pub(super) fn spelt_out(&self, name: &str) -> String {
        let mut own = name;
        while let Some(rest) = ROOTS.iter().find_map(|root| own.strip_prefix(root)) {
            own = rest;
        }
        let of =
            |module: &&String| grammar::does(self.language, &format!("{module}.{own}")).is_some();
        match self.spread.iter().find(of).filter(|_| !own.contains('.')) {
            Some(module) => format!("{module}.{own}"),
            None => own.to_owned(),
        }
    }

    /// A function of the program that is meant by `verb`.
    fn own_function(&self, on: Option<&Value<'t>>, verb: &str) -> Option<Node<'t>> {
        let own = |name: &str| {
            let root = name.split('.').next().unwrap_or(name);
            matches!(root, "self" | "this" | "cls") || self.classes.contains_key(root)
        };
        let meant = match on {
            None | Some(Value::Unknown | Value::Given) => true,
            Some(Value::Name(name) | Value::Made(name, _)) => own(name),
            Some(Value::Table(pairs)) => {
                let found = pairs.iter().find(|(name, _)| name == verb);
                return found.and_then(|(_, value)| match value {
                    Value::Code(function) => Some(*function),
                    _ => None,
                });
            }
            _ => false,
        };
        meant.then(|| self.functions.get(verb).copied()).flatten()
    }

    /// `File.open(x) { |file| … }`, `sorted(all, key=os.remove)`
    fn handed_the_answer(
        &mut self,
        call: &Made<'_, 't>,
        value: &Value<'t>,
    ) -> Result<(), Unreadable> {
        for (name, function) in call.arguments {
            match function {
                Value::Code(function) if !self.called.contains(&function.id()) => {
                    self.invoke(*function, &[(None, value.clone())])?;
                }
                Value::Name(_) if name.as_deref() == Some("key") => {
                    self.handed_on(None, &[(None, function.clone())])?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Functions that are handed to something that is not known may be called with anything; those
    /// that are handed to a list are called with each of its items.
    fn handed_over(&mut self, call: &Made<'_, 't>) -> Result<(), Unreadable> {
        let waits = matches!(call.verb(), "then" | "tap" | "yield_self" | "pipe");
        match call.on {
            Some(list @ Value::List(_)) if !waits => self.each(call.arguments, &list.rounds()),
            on => self.handed_on(on.filter(|_| waits), call.arguments),
        }
    }

    /// Functions that somebody unseen is handed, with what it hands to them, where that is known.
    fn handed_on(
        &mut self,
        with: Option<&Value<'t>>,
        arguments: &[Argument<'t>],
    ) -> Result<(), Unreadable> {
        let with: Vec<Argument<'t>> = with.map(|it| (None, it.clone())).into_iter().collect();
        let all = arguments.iter().map(|(_, value)| value).flat_map(Value::callables);
        for value in all {
            match value {
                Value::Code(function) => drop(self.invoke(*function, &with)?),
                Value::Name(name) if grammar::is_reach(name) => self.unclear = true,
                Value::Name(name) => match grammar::does(self.language, name) {
                    Some(does) if does.reads_text() => self.unclear = true,
                    Some(does) if does.changes() => {
                        let unknown = vec![(None, Value::Unknown)];
                        let with = if with.is_empty() { unknown } else { with.clone() };
                        self.called_as(None, name, with)?;
                    }
                    None => self.unclear |= grammar::is_unlisted(self.language, name),
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// Calls the functions among some arguments with each item.
    pub(super) fn each(
        &mut self,
        functions: &[Argument<'t>],
        items: &[Value<'t>],
    ) -> Result<(), Unreadable> {
        for (_, function) in functions {
            let named = matches!(function, Value::Name(_) | Value::Made(..))
                || self.language == Language::Php && matches!(function, Value::Text(_));
            if !named && !matches!(function, Value::Code(_)) {
                continue;
            }
            for item in items {
                self.set("_", item.clone());
                self.applied(function.clone(), vec![(None, item.clone())])?;
            }
        }
        Ok(())
    }
}

/// Whether a node is a call whose name is a word of the language.
fn is_built_in(kind: &str) -> bool {
    kind.starts_with("func") && kind.contains("op_call")
        || matches!(
            kind,
            "eval_expression"
                | "require_expression"
                | "echo_statement"
                | "print_intrinsic"
                | "map_grep_expression"
        )
}
