//! Names, texts, members, and what joins them.

use std::rc::Rc;

use tree_sitter::Node;

use super::call::CHAIN_MAX;
use super::{Language, Reader, Role, UNKNOWN, Value, ansi, children, field, flow, grammar};
use crate::{Unreadable, shell::call::Pipe};

impl<'t> Reader<'_, '_, 't> {
    /// The text of a literal: its pieces, with what is put in when it runs.
    pub(super) fn text(&mut self, node: Node<'t>) -> Result<String, Unreadable> {
        let mut text = String::new();
        self.pieces(node, &mut text)?;
        if crate::shell::targets::is_url(&text) || grammar::is_database_file(&text) {
            self.addresses.push(text.clone());
        }
        Ok(text)
    }

    fn pieces(&mut self, node: Node<'t>, text: &mut String) -> Result<(), Unreadable> {
        self.deeper(|reader| reader.piece_by_piece(node, text)).unwrap_or(Ok(()))
    }

    fn piece_by_piece(&mut self, node: Node<'t>, text: &mut String) -> Result<(), Unreadable> {
        let content = grammar::is_content(node.kind());
        let mut at = node.start_byte();
        for child in children(node) {
            if content {
                text.push_str(self.code.get(at..child.start_byte()).unwrap_or_default());
            }
            at = child.end_byte();
            match child.kind() {
                kind if grammar::is_content(kind) => self.pieces(child, text)?,
                kind if grammar::is_delimiter(kind) => {}
                "escape_sequence" | "escape_interpolation" => {
                    text.push_str(&ansi(self.slice(child)));
                }
                _ => text.push_str(&self.visit(child)?.text()),
            }
        }
        if content {
            text.push_str(self.code.get(at..node.end_byte()).unwrap_or_default());
        }
        Ok(())
    }

    /// A pattern of letters; code may be in it, and in what is put in its place.
    pub(super) fn regex(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        self.unclear |= self.slice(node).contains("(?{") || self.slice(node).contains("(??{");
        for child in children(node) {
            self.visit(child)?;
        }
        let put_in = children(node).into_iter().find(|it| it.kind() == "replacement");
        let how = children(node).into_iter().rfind(|it| it.kind().ends_with("_modifiers"));
        if let (Some(put_in), Some(how)) = (put_in, how)
            && self.slice(how).contains('e')
        {
            let code = self.slice(put_in).replace("\\/", "/");
            self.evaluates(&code)?;
        }
        if is_substitution(node.kind()) {
            self.set("_", Value::Unknown);
        }
        Ok(Value::Name("regex".to_owned()))
    }

    /// `%w[a b]`, `qw(a b)`.
    pub(super) fn words(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = children(node);
        let words: Vec<&str> = match parts.as_slice() {
            [one] if one.kind() == "string_content" => {
                self.slice(*one).split_whitespace().collect()
            }
            parts => parts.iter().map(|it| self.slice(*it)).collect(),
        };
        Value::list(words.into_iter().map(|it| Value::Text(it.to_owned())).collect())
    }

    pub(super) fn heredoc(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        match self.heredocs.get(&node.start_byte()).copied() {
            Some(body) => Ok(Value::Text(self.text(body)?)),
            None => Ok(Value::Unknown),
        }
    }

    /// A text that a shell runs, and what that prints.
    pub(super) fn shell(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let script = self.text(node)?;
        let printed = self.walk.script(&mut self.scope.clone(), &script, &Pipe::captured(None))?;
        Ok(Value::of(printed))
    }

    /// `<*.c>`
    pub(super) fn globbed(&mut self, node: Node<'t>) -> Value<'t> {
        let pattern = self.slice(node).trim_matches(['<', '>']);
        Value::List(vec![Value::Text(pattern.to_owned())])
    }

    pub(super) fn name(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let text = self.slice(node);
        let name = flow::bare(text);
        if let Some(value) = self.variables.get(name).cloned() {
            self.walk.programs.weigh(value.weight());
            return Ok(value);
        }
        if let Some(handed) = self.handed_to_program(name) {
            return Ok(handed);
        }
        // Ruby calls without brackets; the other languages name functions.
        if self.language == Language::Ruby && node.kind() == "identifier" {
            return self.called_as(None, name, Vec::new());
        }
        if let Some(function) = self.functions.get(name) {
            return Ok(Value::Code(*function));
        }
        let variable = text.starts_with(['$', '@']);
        let known = matches!(name, "ENV" | "_ENV" | "_SERVER" | "this" | "self");
        Ok(match variable && !known {
            true => Value::Unknown,
            false => Value::Name(self.spelt_out(&grammar::dotted(name))),
        })
    }

    /// What the program was handed, if that is what this is called and anybody knows it.
    pub(super) fn handed_to_program(&self, name: &str) -> Option<Value<'t>> {
        let before: &[&str] = match (self.language, name) {
            (Language::Python, "sys.argv") | (Language::Php, "argv" | "_SERVER.argv") => {
                &["program"]
            }
            (Language::JavaScript, "process.argv") => &["node", "program"],
            (Language::Ruby | Language::Perl, "ARGV") => &[],
            _ => return None,
        };
        let before = before.iter().map(|it| (*it).to_owned());
        let all = before.chain(self.source.handed?.iter().cloned());
        Some(Value::list(all.map(Value::of).collect()))
    }

    pub(super) fn member(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let object = field(node, grammar::OBJECTS).or_else(|| node.named_child(0));
        let Some(object) = object else { return Ok(Value::Unknown) };
        let property = field(node, grammar::PROPERTIES).filter(|it| it.id() != object.id());
        let own = self.visit(object)?;
        let property = property.map_or("", |it| self.slice(it));
        let property = match self.language {
            Language::Php => property.trim_start_matches('$'),
            _ => property.trim_start_matches('#'),
        };
        Ok(self.got(&own, property))
    }

    /// What is called `property` in a value.
    pub(super) fn got(&self, own: &Value<'t>, property: &str) -> Value<'t> {
        match own {
            Value::Name(name) if matches!(name.as_str(), "self" | "this" | "cls") => {
                let known = self.variables.get(property).cloned();
                known.unwrap_or_else(|| Value::Name(format!("self.{property}")))
            }
            Value::Name(name) if grammar::is_environment(name) && property != "get" => {
                self.of_environment(property)
            }
            // What stands for the module itself.
            Value::Name(_) | Value::Made(..) if matches!(property, "default" | "__dict__") => {
                own.clone()
            }
            Value::Name(name) => {
                let name = format!("{name}.{property}");
                self.handed_to_program(&name).unwrap_or(Value::Name(name))
            }
            Value::Given => Value::Given,
            Value::Table(_) => own.under(&[property]).cloned().unwrap_or(Value::Unknown),
            Value::Made(by, _) if by.matches('.').count() > CHAIN_MAX => Value::Unknown,
            Value::Made(by, with) => Value::Made(format!("{by}.{property}"), Rc::clone(with)),
            Value::Path(path) => self.part_of(path, property),
            // What a program that was started has printed.
            Value::Text(_) if matches!(property, "stdout" | "buffer" | "text" | "value") => {
                own.clone()
            }
            _ => Value::Unknown,
        }
    }

    fn part_of(&self, path: &str, part: &str) -> Value<'t> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        match part {
            "parent" => Value::Path(parent.to_owned()),
            "name" if !path.starts_with(super::gives::TEMPORARY) => Value::Text(name.to_owned()),
            "name" | "path" => Value::Text(path.to_owned()),
            _ => Value::Unknown,
        }
    }

    /// The value of a variable of the environment.
    pub(super) fn of_environment(&self, name: &str) -> Value<'t> {
        self.scope.value(name).map_or(Value::Absent, |value| Value::Text(value.to_owned()))
    }

    pub(super) fn index(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let parts = children(node);
        let Some((object, keys)) = parts.split_first() else { return Ok(Value::Unknown) };
        let own = self.visit(*object)?;
        let (mut key, mut exact) = (Value::Unknown, true);
        for part in keys {
            key = self.visit(*part)?;
            exact &= !matches!(part.kind(), "slice" | "range" | "unary_operator" | "unary");
        }
        // `$h{key}`, where the key is a word.
        if let (Value::Name(word), Language::Perl) = (&key, self.language) {
            key = Value::Text(word.clone());
        }
        Ok(match exact {
            true => self.at_key(own, &key),
            // Some of it: `all[1:]`, `all[-1]`.
            false => match own {
                Value::List(items) => {
                    let any = items.clone().into_iter().reduce(Value::either);
                    let part = keys.first().map_or("", |it| self.slice(*it)).split_once(':');
                    let bound = |it: &str, usual: usize| match it.trim() {
                        "" => Some(usual),
                        it => it.parse().ok(),
                    };
                    match part.map(|(from, to)| (bound(from, 0), bound(to, items.len()))) {
                        Some((Some(from), Some(to))) => {
                            Value::List(items.into_iter().take(to).skip(from).collect())
                        }
                        Some(_) => Value::List(vec![any.unwrap_or(Value::Absent)]),
                        None => any.unwrap_or(Value::Absent),
                    }
                }
                Value::Given => Value::Given,
                _ => Value::Unknown,
            },
        })
    }

    /// What lies under a key.
    pub(super) fn at_key(&mut self, own: Value<'t>, key: &Value<'t>) -> Value<'t> {
        let place = key.known().and_then(|it| it.parse::<usize>().ok());
        match (&own, place, key.known()) {
            (Value::List(items), Some(at), _) => items.get(at).cloned().unwrap_or(Value::Absent),
            (Value::List(items), None, None) => {
                items.iter().cloned().reduce(Value::either).unwrap_or(Value::Unknown)
            }
            (Value::Table(pairs), None, None) => {
                let values = pairs.iter().map(|(_, value)| value.clone());
                values.reduce(Value::either).unwrap_or(Value::Unknown)
            }
            (Value::Name(name), None, None) if !grammar::is_environment(name) => {
                Value::Name(format!("{name}.{UNKNOWN}"))
            }
            (Value::Name(name), None, _) if name == "Dir" => Value::List(vec![key.clone()]),
            (Value::Given, ..) => Value::Given,
            // What destructures it: `const [state, set] = useState(0)`.
            (Value::Made(..), Some(_), _) => own,
            (_, _, Some(name)) => self.got(&own, name),
            _ => Value::Unknown,
        }
    }

    /// Two values with a sign between them.
    pub(super) fn join(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let parts = children(node);
        let (Some(left), Some(right)) = (parts.first(), parts.last()) else {
            return Ok(Value::Unknown);
        };
        if parts.len() > 2 || left.id() == right.id() {
            return self.together(&parts);
        }
        let between = self.code.get(left.end_byte()..right.start_byte()).unwrap_or_default();
        let between = between.trim();
        if between == "=~" && is_substitution(right.kind()) {
            self.visit(*right)?;
            self.bind(*left, Value::Unknown)?;
            return Ok(Value::Unknown);
        }
        let named = Some(*left).filter(|it| between == "<<" && self.role(*it) == Role::Name);
        let left = self.visit(*left)?;
        let may_not = is_choice(between);
        self.branches += usize::from(may_not);
        let right = self.visit(*right);
        self.branches -= usize::from(may_not);
        let all = joined(left.clone(), between, right?);
        if let (Some(named), Language::Ruby) = (named, self.language) {
            self.change(self.slice(named), &left, all.clone());
        }
        Ok(all)
    }

    /// Texts that stand side by side are one.
    fn together(&mut self, parts: &[Node<'t>]) -> Result<Value<'t>, Unreadable> {
        let mut text = String::new();
        for part in parts {
            text.push_str(&self.visit(*part)?.text());
        }
        Ok(Value::of(text))
    }

    /// `a or b`, `a ? b : c`: either may be what it comes to.
    pub(super) fn otherwise(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        if matches!(node.kind(), "boolean_operator" | "lowprec_logical_expression") {
            return self.join(node);
        }
        let mut parts: Vec<_> = children(node);
        parts.retain(|it| self.role(*it) != Role::Nothing);
        // `b if a else c` has its condition in the middle.
        let condition = field(node, &["condition"]).or(match node.kind() {
            "conditional_expression" if self.language == Language::Python => parts.get(1).copied(),
            _ => parts.first().copied().filter(|_| parts.len() > 2),
        });
        let mut either: Option<Value<'t>> = None;
        self.branches += 1;
        for child in parts {
            let value = self.visit(child)?;
            if condition.is_none_or(|it| it.id() != child.id()) {
                either = Some(either.map_or(value.clone(), |own| own.either(value)));
            }
        }
        self.branches -= 1;
        Ok(either.unwrap_or(Value::Unknown))
    }

    pub(super) fn list(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let mut items = Vec::new();
        for child in children(node) {
            match (self.role(child), self.visit(child)?) {
                (Role::Nothing, _) => {}
                // `[*a, b]`, `(@a, 'b')`
                (_, Value::List(inner))
                    if self.language == Language::Perl || child.kind().contains("spl") =>
                {
                    items.extend(inner);
                }
                (_, value) => items.push(value),
            }
        }
        Ok(Value::list(items))
    }

    pub(super) fn table(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let mut pairs = Vec::new();
        let mut items = Vec::new();
        for child in children(node) {
            let parts = children(child);
            match parts.as_slice() {
                [key, value] if grammar::is_pair(child.kind()) => {
                    let name = self.key(*key)?;
                    pairs.push((name, self.visit(*value)?));
                }
                _ if child.kind() == "shorthand_property_identifier" => {
                    let name = self.slice(child);
                    pairs.push((name.to_owned(), self.name(child)?));
                }
                _ if child.kind() == "method_definition" => {
                    let name = field(child, &["name"]).map_or("", |it| self.slice(it));
                    pairs.push((name.to_owned(), Value::Code(child)));
                }
                // `{ a => 1 }` of Perl, and the lists of PHP.
                _ => match self.visit(child)? {
                    Value::List(list) if child.kind() == "list_expression" => items.extend(list),
                    // `{**a, 'b': 1}`, `{ ...a, b: 1 }`
                    Value::Table(inner) if child.kind().contains("sp") => pairs.extend(inner),
                    value => items.push(value),
                },
            }
        }
        if pairs.is_empty() && self.language == Language::Perl {
            let named = items.chunks(2).filter_map(|it| match it {
                [key, value] => Some((key.text(), value.clone())),
                _ => None,
            });
            return Ok(Value::table(named.collect()));
        }
        Ok(match pairs.is_empty() && !items.is_empty() {
            true => Value::list(items),
            false => Value::table(pairs),
        })
    }

    /// The key of a pair: a word, or a text.
    fn key(&mut self, node: Node<'t>) -> Result<String, Unreadable> {
        Ok(match node.kind() {
            "property_identifier" | "hash_key_symbol" | "name" => self.slice(node).to_owned(),
            _ => self.visit(node)?.text(),
        })
    }
}

/// What two values with this sign between them come to.
pub(super) fn joined<'t>(left: Value<'t>, sign: &str, right: Value<'t>) -> Value<'t> {
    let slash = |left: String, right: String| match right.starts_with('/') {
        true => right,
        false => format!("{}/{right}", left.trim_end_matches('/')),
    };
    match (left, sign, right) {
        (Value::Path(left), "/" | "+", right) => Value::Path(slash(left, right.text())),
        (Value::List(mut left), "+" | "+=", Value::List(right)) => {
            left.extend(right);
            Value::list(left)
        }
        (Value::List(mut left), "<<", right) => {
            left.push(right);
            Value::list(left)
        }
        (Value::Absent, "||" | "??" | "?:" | "or" | "//", right) => right,
        (left, "||" | "??" | "?:" | "or" | "//", right) => match left.known() {
            Some("") => right,
            Some("0" | "false" | "False" | "null" | "nil" | "None" | "undefined") => {
                left.either(right)
            }
            Some(_) => left,
            None => left.either(right),
        },
        (left, "&&" | "and", right) => left.either(right),
        (Value::Text(format), "%", right) => {
            let values = match right {
                Value::List(items) => items,
                value => vec![value],
            };
            let values: Vec<_> = values.into_iter().map(|it| (None, it)).collect();
            Value::of(grammar::formatted(&format, &values))
        }
        (left, "+" | "." | "+=" | ".=" | "<<" | "", right) => {
            Value::of(format!("{}{}", left.text(), right.text()))
        }
        _ => Value::Unknown,
    }
}

/// Whether what stands behind this sign may not happen.
fn is_choice(sign: &str) -> bool {
    matches!(sign, "||" | "??" | "?:" | "or" | "//" | "&&" | "and")
}

/// Whether a pattern puts something in the place of what it is matched with.
fn is_substitution(kind: &str) -> bool {
    matches!(kind, "substitution_regexp" | "transliteration_expression")
}
