//! Calls: which one it is, on what, and with what.

use tree_sitter::Node;

use super::{
    Language, Reader, Role, UNKNOWN, Value, children, field, flow, grammar,
    value::{Argument, ITEMS_MAX},
};
use crate::Unreadable;

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
        match self.role(callee) {
            Role::Member => {
                let object = field(callee, grammar::OBJECTS).or_else(|| callee.named_child(0));
                let property = field(callee, grammar::PROPERTIES).map_or("", |it| self.slice(it));
                let Some(object) = object else { return Ok(Value::Unknown) };
                let own = self.visit(object)?;
                self.grown(object, property, &own, &arguments);
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

    /// A list that something is put into.
    fn grown(&mut self, object: Node<'t>, verb: &str, own: &Value<'t>, with: &[Argument<'t>]) {
        let (Value::List(items), Role::Name) = (own, self.role(object)) else { return };
        let mut items = items.clone();
        for (_, value) in with.iter().take(ITEMS_MAX) {
            match (verb, value) {
                ("append" | "push" | "add", value) => items.push(value.clone()),
                ("extend" | "concat", Value::List(more)) => items.extend(more.clone()),
                _ => return,
            }
        }
        self.variables.insert(flow::bare(self.slice(object)).to_owned(), Value::list(items));
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
            Value::Name(name) => self.called_as(None, &name, arguments),
            Value::Made(by, with) => self.called_as(Some(Value::Made(by, with)), "call", arguments),
            // PHP calls a function by its name.
            Value::Text(name) if self.language == Language::Php => {
                self.called_as(None, &name, arguments)
            }
            _ => {
                self.handed_on(&arguments)?;
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
        if let Some(own) = self.own_function(on.as_ref(), verb) {
            let answer = self.invoke(own, &arguments)?;
            // Nobody knows whose it is.
            if !matches!(on, Some(Value::Unknown)) {
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
            Some(Value::Code(_) | Value::Unknown) => format!("?.{verb}"),
        };
        if name.contains(UNKNOWN) {
            // Which call it is is made up when it runs.
            self.unclear = true;
        }
        let call = Made { name: &name, on: on.as_ref(), arguments: &arguments };
        if let Some(value) = self.done(&call)? {
            // `File.open(x) { |file| … }`
            for (_, function) in &arguments {
                if let Value::Code(function) = function
                    && !self.called.contains(&function.id())
                {
                    self.invoke(*function, &[(None, value.clone())])?;
                }
            }
            return Ok(value);
        }
        self.handed_over(&call)?;
        let known = !name.starts_with("?.") && name.matches('.').count() <= CHAIN_MAX;
        Ok(match on {
            _ if !known => Value::Unknown,
            Some(Value::Made(_, with)) => Value::Made(name, with),
            _ => Value::made(name, &arguments),
        })
    }

    /// A function of the program that is meant by `verb`.
    fn own_function(&self, on: Option<&Value<'t>>, verb: &str) -> Option<Node<'t>> {
        let own = |name: &str| {
            let root = name.split('.').next().unwrap_or(name);
            matches!(root, "self" | "this" | "cls") || self.classes.contains(root)
        };
        let meant = match on {
            None | Some(Value::Unknown) => true,
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

    /// Functions that are handed to something that is not known may be called with anything; those
    /// that are handed to a list are called with each of its items.
    fn handed_over(&mut self, call: &Made<'_, 't>) -> Result<(), Unreadable> {
        let items = match call.on {
            Some(list @ Value::List(_)) => Some(list.rounds()),
            _ => None,
        };
        match items {
            Some(items) => self.each(call.arguments, &items),
            None => self.handed_on(call.arguments),
        }
    }

    fn handed_on(&mut self, arguments: &[Argument<'t>]) -> Result<(), Unreadable> {
        for (_, value) in arguments {
            if let Value::Code(function) = value {
                self.invoke(*function, &[])?;
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
            let named = matches!(function, Value::Name(_))
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
