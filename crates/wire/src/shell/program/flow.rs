//! Assignments, loops and functions: what a name stands for when something is done with it.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::{
    Language, Reader, Role, UNKNOWN, Value, children, expression::joined, field, grammar, value,
};
use crate::Unreadable;

/// Functions that call each other, at most.
const CALLS_MAX: usize = 12;

impl<'t> Reader<'_, '_, 't> {
    pub(super) fn assign(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let parts = children(node);
        let left = field(node, &["left", "name", "alias"]).or_else(|| match node.kind() {
            "as_pattern" => parts.last().copied(),
            _ => parts.first().copied(),
        });
        let right = field(node, &["right", "value", "default_value"]).or_else(|| {
            parts.iter().find(|it| left.is_none_or(|own| own.id() != it.id())).copied()
        });
        let (Some(left), Some(right)) =
            (left, right.filter(|it| Some(it.id()) != left.map(|it| it.id())))
        else {
            // Only declared.
            return Ok(Value::Unknown);
        };
        if node.kind().starts_with("reference_") {
            // Who changes one changes both.
            self.bind(right, Value::Unknown)?;
        }
        let mut value = self.visit(right)?;
        let between = self.code.get(left.end_byte()..right.start_byte()).unwrap_or_default().trim();
        if between.len() > 1 && between.ends_with('=') {
            let before = self.visit(left)?;
            // `+=` joins by itself what `+` does.
            let sign = between.strip_suffix('=').filter(|it| it.len() > 1).unwrap_or(between);
            value = joined(before, sign, value);
        }
        self.bind(left, value.clone())?;
        Ok(value)
    }

    /// Gives what a pattern names a value.
    pub(super) fn bind(&mut self, pattern: Node<'t>, value: Value<'t>) -> Result<(), Unreadable> {
        self.deeper(|reader| reader.bound(pattern, value)).unwrap_or(Ok(()))
    }

    fn bound(&mut self, pattern: Node<'t>, value: Value<'t>) -> Result<(), Unreadable> {
        match self.role(pattern) {
            Role::Name => self.set(self.slice(pattern), value),
            Role::Member => {
                let property = field(pattern, grammar::PROPERTIES).map_or("", |it| self.slice(it));
                let Some(object) = pattern.named_child(0) else { return Ok(()) };
                if grammar::is_environment(&grammar::dotted(self.slice(object))) {
                    self.scope.export(property, Some(value.text()));
                    return Ok(());
                }
                if let table @ Value::Table(_) = self.visit(object)? {
                    let whole = table.clone().with(Some(property), value);
                    if self.role(object) == Role::Name {
                        self.change(self.slice(object), &table, whole);
                        return Ok(());
                    }
                    return self.bind(object, whole);
                }
                // A module that is changed from outside is not what its text says.
                let own = grammar::dotted(self.slice(object));
                self.unclear |= self.modules.iter().any(|(name, _)| *name == own);
                // Whoever has the object may change it.
                self.shared.insert(bare(property).to_owned());
                self.set(property, value);
            }
            Role::Index => {
                let parts = children(pattern);
                let (Some(object), Some(key)) = (parts.first(), parts.last()) else {
                    return Ok(());
                };
                let own = self.visit(*object)?;
                let key = self.visit(*key)?;
                match own {
                    Value::Name(name) if grammar::is_environment(&name) => {
                        if let Some(key) = key.known() {
                            self.scope.export(key, Some(value.text()));
                        }
                    }
                    Value::List(_) | Value::Table(_) => {
                        let whole = own.clone().with(key.known(), value);
                        // Perl writes `$h{key}` for an element of `%h`.
                        match self.role(*object) {
                            Role::Name => self.change(self.slice(*object), &own, whole),
                            _ => self.bind(*object, whole)?,
                        }
                    }
                    _ => {}
                }
            }
            _ => self.bind_parts(pattern, &value)?,
        }
        Ok(())
    }

    fn bind_parts(&mut self, pattern: Node<'t>, value: &Value<'t>) -> Result<(), Unreadable> {
        let parts = children(pattern);
        let several = parts.len() > 1;
        for (at, part) in parts.into_iter().enumerate() {
            let own = match (part.kind(), value) {
                ("pair_pattern", _) => {
                    let key = match field(part, &["key"]) {
                        Some(key) if key.kind().starts_with("computed") => self.visit(key)?.text(),
                        key => key.map_or("", |it| self.slice(it)).to_owned(),
                    };
                    let own = self.got(value, &key);
                    if let Some(inner) = field(part, &["value"]) {
                        self.bind(inner, own)?;
                    }
                    continue;
                }
                ("shorthand_property_identifier_pattern", _) => self.got(value, self.slice(part)),
                // `my @all = …` takes the whole list, `my ($one) = …` its first.
                ("array" | "hash", value) if !several => value.clone(),
                (_, Value::List(items)) if several || self.language == Language::Perl => {
                    items.get(at).cloned().unwrap_or(Value::Unknown)
                }
                // `($file, $name) = tempfile()`, `const [state, set] = useState(0)`
                (_, value) if !several => value.clone(),
                (_, Value::Path(_) | Value::Made(..) | Value::Given) => value.clone(),
                (_, Value::Name(name)) => Value::Name(format!("{name}.{UNKNOWN}")),
                _ => Value::Unknown,
            };
            self.bind(part, own)?;
        }
        Ok(())
    }

    /// A list or a table is not what it was: under this name, and under every other one that may be
    /// the same.
    pub(super) fn change(&mut self, name: &str, before: &Value<'t>, after: Value<'t>) {
        let name = bare(name);
        let same: Vec<String> = self
            .variables
            .iter()
            .filter(|(other, value)| *other != name && *value == before)
            .map(|(other, _)| other.clone())
            .collect();
        for other in same {
            self.variables.insert(other.clone(), Value::Unknown);
            self.shared.insert(other);
        }
        self.set(name, after);
    }

    pub(super) fn set(&mut self, name: &str, value: Value<'t>) {
        let name = bare(name).to_owned();
        // What happens in a branch may not have happened.
        let before = self.variables.get(&name).filter(|_| self.branches > 0);
        let value = before.cloned().map_or(value.clone(), |before| before.either(value));
        self.variables.insert(name, value);
    }

    pub(super) fn branch(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let before = grammar::is_loop(node.kind()).then(|| self.variables.clone());
        self.branches += 1;
        let value = self.last(node);
        if let Some(before) = before
            && self.is_other(&before)
        {
            // The next round begins with what this one left.
            self.last(node)?;
        }
        self.branches -= 1;
        value.map(|_| Value::Unknown)
    }

    /// Whether a name that was known stands for something else now.
    fn is_other(&mut self, before: &BTreeMap<String, Value<'t>>) -> bool {
        let weight: usize = before.values().map(Value::weight).sum();
        self.walk.programs.weigh(weight);
        before.iter().any(|(name, value)| self.variables.get(name).is_some_and(|it| it != value))
    }

    /// A loop, round by round.
    pub(super) fn each_round(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let parts = children(node);
        let over = field(node, &["right", "list"])
            .or_else(|| field(node, &["value"]).and_then(|it| it.named_child(0)))
            .or_else(|| parts.first().copied());
        let Some(over) = over else { return Ok(Value::Unknown) };
        let bare_loop = node.kind() == "foreach_statement";
        let body = field(node, &["body", "block"])
            .or_else(|| parts.last().copied().filter(|_| !bare_loop));
        let variable = field(node, &["left", "pattern", "variable"]).or_else(|| {
            let between = parts
                .iter()
                .find(|it| it.id() != over.id() && body.is_none_or(|body| body.id() != it.id()));
            between.map(|it| match it.kind() {
                "pair" => it.named_child(1).unwrap_or(*it),
                _ => *it,
            })
        });
        let body = body
            .filter(|it| it.id() != over.id())
            .or_else(|| parts.first().copied().filter(|_| !bare_loop));
        let mut rounds = self.visit(over)?.rounds();
        // How often it goes round nobody knows: twice shows what the first round left.
        if let [one] = rounds.as_slice()
            && one.known().is_none()
        {
            rounds.push(one.clone());
        }
        let before = self.variables.clone();
        for (at, value) in rounds.into_iter().enumerate() {
            if at == 1 && value.known().is_none() && !self.is_other(&before) {
                break;
            }
            match variable.filter(|it| body.is_none_or(|body| body.id() != it.id())) {
                Some(variable) => self.bind(variable, value)?,
                None => self.set("_", value),
            }
            match body {
                // `unlink for @files`
                Some(body) if body.kind() == "function" => {
                    self.called_as(None, self.slice(body), Vec::new())?;
                }
                Some(body) => drop(self.visit(body)?),
                None => {}
            }
        }
        Ok(Value::Unknown)
    }

    /// `[f(x) for x in xs]`
    pub(super) fn comprehension(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let parts = children(node);
        let (clauses, bodies): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|it| it.kind() == "for_in_clause");
        let mut values = Vec::new();
        let Some((first, inner)) = clauses.split_first() else { return Ok(Value::Unknown) };
        let (Some(left), Some(right)) = (field(*first, &["left"]), field(*first, &["right"]))
        else {
            return Ok(Value::Unknown);
        };
        for round in self.visit(right)?.rounds() {
            self.bind(left, round)?;
            for clause in inner {
                if let (Some(left), Some(right)) =
                    (field(*clause, &["left"]), field(*clause, &["right"]))
                {
                    let over = self.visit(right)?;
                    self.bind(left, over.rounds().first().cloned().unwrap_or(Value::Unknown))?;
                }
            }
            let mut all = bodies.iter();
            if let Some(body) = all.next() {
                values.push(self.visit(*body)?);
            }
            for rest in all {
                self.visit(*rest)?;
            }
        }
        Ok(Value::list(values))
    }

    /// What the function that is read answers.
    pub(super) fn answers(&mut self, value: Value<'t>) {
        self.returned = Some(match self.returned.take() {
            Some(own) => own.either(value),
            None => value,
        });
    }

    /// Reads a function of the program with what it is handed.
    pub(super) fn invoke(
        &mut self,
        function: Node<'t>,
        arguments: &[value::Argument<'t>],
    ) -> Result<Value<'t>, Unreadable> {
        self.called.insert(function.id());
        if self.open.contains(&function.id()) || self.open.len() >= CALLS_MAX {
            return Ok(Value::Unknown);
        }
        let weight: usize = self.variables.values().map(Value::weight).sum();
        self.walk.programs.weigh(weight);
        let before = self.variables.clone();
        let outer = (self.returned.take(), std::mem::take(&mut self.branches));
        self.open.push(function.id());
        self.hand_over(function, arguments)?;
        let mut last = Value::Unknown;
        match field(function, &["body"]) {
            Some(body) => last = self.visit(body)?,
            None => {
                for child in children(function) {
                    last = self.visit(child)?;
                }
            }
        }
        self.open.pop();
        let returned = self.returned.take().unwrap_or(last);
        (self.returned, self.branches) = outer;
        self.leave(function, before);
        Ok(returned)
    }

    /// The parameters of a function are what it is handed.
    fn hand_over(
        &mut self,
        function: Node<'t>,
        arguments: &[value::Argument<'t>],
    ) -> Result<(), Unreadable> {
        let given: Vec<Value<'t>> = arguments
            .iter()
            .filter(|(name, _)| name.is_none())
            .map(|(_, value)| value.clone())
            .collect();
        self.variables.insert(
            "_".to_owned(),
            match (self.language, given.first()) {
                (Language::Perl, Some(_)) => Value::List(given.clone()),
                (_, first) => first.cloned().unwrap_or(Value::Given),
            },
        );
        let one = field(function, &["parameter"]).into_iter();
        let list = field(function, &["parameters"]).map(children).unwrap_or_default();
        let mut given = given.into_iter();
        for parameter in one.chain(list) {
            let inner =
                field(parameter, &["name", "pattern"]).unwrap_or(match self.role(parameter) {
                    Role::Name => parameter,
                    _ => parameter.named_child(0).unwrap_or(parameter),
                });
            let name = bare(self.slice(inner)).to_owned();
            if matches!(name.as_str(), "self" | "cls" | "this") {
                continue;
            }
            let named = arguments.iter().find(|(own, _)| own.as_deref() == Some(name.as_str()));
            let value = match named {
                Some((_, value)) => value.clone(),
                None => match (given.next(), field(parameter, &["value", "default_value"])) {
                    (Some(value), _) => value,
                    (None, Some(usual)) => match (self.visit(usual)?, arguments.is_empty()) {
                        (usual, false) => usual,
                        (usual, true) => usual.either(Value::Given),
                    },
                    (None, None) => Value::Given,
                },
            };
            self.variables.insert(name, Value::Given);
            match self.role(inner) {
                Role::Name => self.variables.insert(bare(self.slice(inner)).to_owned(), value),
                _ => {
                    self.bind(inner, value)?;
                    None
                }
            };
        }
        Ok(())
    }

    /// Behind a function: its own variables are gone; what it may have changed around it is not
    /// known.
    fn leave(&mut self, function: Node<'t>, before: BTreeMap<String, Value<'t>>) {
        let after = std::mem::replace(&mut self.variables, before);
        let all = matches!(self.language, Language::JavaScript | Language::Perl)
            || matches!(function.kind(), "block" | "do_block" | "lambda" | "arrow_function");
        for (name, value) in after {
            if name == "_" || !all && !self.shared.contains(&name) {
                continue;
            }
            match self.variables.get_mut(&name) {
                Some(own) => *own = own.clone().either(value),
                None if self.shared.contains(&name) => drop(self.variables.insert(name, value)),
                None => {}
            }
        }
    }

    /// A task, or a space that tasks are named in.
    pub(super) fn defines(
        &mut self,
        verb: &str,
        arguments: &[value::Argument<'t>],
    ) -> Result<(), Unreadable> {
        let block = arguments.iter().find_map(|(_, value)| match value {
            Value::Code(block) => Some(*block),
            _ => None,
        });
        // `task :a`, `task a: :b`, `task :a, [:x] => [:b]`
        let (name, needs) = match arguments.first() {
            Some((Some(name), needs)) => (name.clone(), needs.texts()),
            Some((None, name)) => {
                let needs = arguments.iter().filter(|(name, _)| name.is_some());
                (name.text(), needs.flat_map(|(_, value)| value.texts()).collect())
            }
            None => return Ok(()),
        };
        self.space.push(name);
        if verb == "namespace" {
            if let Some(block) = block {
                self.invoke(block, &[])?;
            }
        } else {
            self.called.extend(block.map(|block| block.id()));
            self.tasks.push((self.space.join(":"), needs, block));
        }
        self.space.pop();
        Ok(())
    }

    /// Runs the tasks that are asked for, and those that they need.
    pub(super) fn run_tasks(&mut self, wanted: &[String]) -> Result<(), Unreadable> {
        let mut wanted = wanted.to_vec();
        let mut done: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop() {
            if done.contains(&name) {
                continue;
            }
            for (_, needs, block) in
                self.tasks.clone().into_iter().filter(|(own, _, _)| *own == name)
            {
                wanted.extend(needs);
                if let Some(block) = block {
                    self.invoke(block, &[])?;
                }
            }
            done.push(name);
        }
        Ok(())
    }

    /// Functions that nobody was seen to call may be called with anything.
    pub(super) fn uncalled(&mut self) -> Result<(), Unreadable> {
        for function in self.defined.clone() {
            if !self.called.contains(&function.id()) {
                self.invoke(function, &[])?;
            }
        }
        Ok(())
    }
}

/// A variable's name without the sign before it.
pub(super) fn bare(name: &str) -> &str {
    let bare = name.trim_start_matches(['$', '@', '&', '%', '*', ':', '#', '.', '\\']);
    let bare = bare.trim_matches(['{', '}']);
    // `$` is a name of its own.
    if bare.is_empty() { name } else { bare }
}
