//! Values of PowerShell: texts, blocks, tables; and what expressions come to.

use tree_sitter::Node;

use super::{Session, UNKNOWN, children, name_of, slice};
use crate::Unreadable;

/// Values of one list, at most.
pub(super) const VALUES_MAX: usize = 200;
/// Bytes of one text.
pub(super) const TEXT_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A block, by its source.
    Block(String),
    /// A table, by its keys in small letters.
    Table(Vec<(String, Values)>),
}

pub(super) type Values = Vec<Value>;

impl Value {
    /// The value as a text; what has none nobody knows.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Block(text) => text.clone(),
            Self::Table(_) => UNKNOWN.to_string(),
        }
    }
}

/// One value that nobody knows.
pub(super) fn unknown() -> Values {
    vec![Value::Text(UNKNOWN.to_string())]
}

/// One text.
pub(super) fn text(text: impl Into<String>) -> Values {
    let mut text = text.into();
    if text.len() > TEXT_MAX {
        text = UNKNOWN.to_string();
    }
    vec![Value::Text(text)]
}

/// A list that is too long ends with one that nobody knows.
pub(super) fn cut(values: &mut Values) {
    if values.len() > VALUES_MAX {
        values.truncate(VALUES_MAX);
        values.extend(unknown());
    }
}

/// A text with another put in for a part of it; unknown if it would grow too long.
pub(super) fn replaced(whole: &str, old: &str, new: &str) -> String {
    let grown = whole.matches(old).count().saturating_mul(new.len()).saturating_add(whole.len());
    if old.is_empty() || grown > TEXT_MAX { UNKNOWN.to_string() } else { whole.replace(old, new) }
}

/// Several values in one text, as PowerShell puts them into one.
pub(super) fn line(values: &[Value]) -> String {
    values.iter().map(Value::text).collect::<Vec<_>>().join(" ")
}

/// Two values added: texts are joined, lists grow.
pub(super) fn sum(left: &[Value], right: &[Value]) -> Values {
    match (left, right) {
        ([Value::Text(left)], [Value::Text(right)]) => text(format!("{left}{right}")),
        ([], right) => right.to_vec(),
        (left, right) => {
            let mut all = [left, right].concat();
            cut(&mut all);
            all
        }
    }
}

impl Session<'_, '_> {
    /// What an expression comes to. A kind that is not named here is what its one part is; of
    /// several parts nobody knows what they make.
    pub(super) fn expression(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let own = slice(node, text);
        match node.kind() {
            "variable" | "braced_variable" => Ok(self.variable(own)),
            "verbatim_string_characters" => {
                let inner = own.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
                Ok(self::text(inner.unwrap_or(own).replace("''", "'")))
            }
            "verbatim_here_string_characters" => Ok(self::text(here(own))),
            "expandable_string_literal" | "expandable_here_string_literal" => {
                self.expanded(node, text)
            }
            "generic_token" | "command_name" | "path_command_name" => self.token(node, text),
            "decimal_integer_literal"
            | "hexadecimal_integer_literal"
            | "real_literal"
            | "command_parameter"
            | "simple_name"
            | "path_command_name_token" => Ok(self::text(own)),
            "script_block_expression" => {
                let inner = own.trim().trim_start_matches('{');
                Ok(vec![Value::Block(inner.strip_suffix('}').unwrap_or(inner).to_owned())])
            }
            "hash_literal_expression" => self.table(node, text),
            "type_literal" => Ok(self::text(own)),
            "redirected_file_name" => self.statements(node, text),
            "parenthesized_expression" | "sub_expression" | "array_expression" => {
                let captured = std::mem::replace(&mut self.captured, true);
                let values = self.statements(node, text);
                self.captured = captured;
                values
            }
            "member_access" => self.member(node, text),
            "element_access" => self.element(node, text),
            "invokation_expression" => self.invoked(node, text),
            "invokation_foreach_expression" => self.for_each_of(node, text),
            kind => self.operation(node, kind, text),
        }
    }

    fn operation(&mut self, node: Node<'_>, kind: &str, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let mut values = Vec::new();
        for part in &parts {
            values.push(match part.kind() {
                "comparison_operator" | "format_operator" => self::text(slice(*part, text)),
                _ => self.node(*part, text)?,
            });
        }
        if !is_modelled(kind) {
            return Ok(self.unmodelled());
        }
        if let ("cast_expression", Some(kind)) = (kind, parts.first()) {
            self.makes(&super::kind::name(slice(*kind, text)));
        }
        if kind.ends_with("crement_expression") {
            self.forget(node, text);
        }
        let sign = sign(node, text);
        Ok(match (kind, values.as_slice()) {
            ("cast_expression", [_, value]) => value.clone(),
            (_, [one]) if sign.is_empty() || sign == "," || sign == "+" => one.clone(),
            ("expression_with_unary_operator", [one]) if sign == "-join" => {
                self::text(one.iter().map(Value::text).collect::<String>())
            }
            (kind, [left, right]) if kind.starts_with("additive") && sign == "+" => {
                sum(left, right)
            }
            (kind, _)
                if kind.starts_with("array_literal") || kind == "argument_expression_list" =>
            {
                values.concat()
            }
            (kind, [left, _, right]) if kind.starts_with("format") => formatted(left, right),
            (kind, [left, operator, right]) if kind.starts_with("comparison") => {
                let operator = line(operator).to_ascii_lowercase();
                if operator == "-as" {
                    self.makes(&super::kind::name(&line(right)));
                }
                compared(left, &operator, right)
            }
            (_, []) => Values::new(),
            ("statement_list" | "script_block" | "script_block_body" | "program", _) => {
                values.concat()
            }
            ("named_block_list" | "named_block" | "statement_block", _) => values.concat(),
            _ => unknown(),
        })
    }

    /// `$x`, `$env:X`, and what every session has.
    pub(super) fn variable(&self, own: &str) -> Values {
        let name = name_of(own);
        if let Some(values) = self.variables.get(&name) {
            return values.clone();
        }
        if let Some(variable) = name.strip_prefix("env:") {
            let mut all = self.scope.variables.iter();
            let found = all.find(|(own, _)| own.eq_ignore_ascii_case(variable));
            let known = found.and_then(|(_, values)| values.first()).cloned();
            let home = ["userprofile", "homepath", "home"].contains(&variable);
            let home = home.then(|| self.scope.value("HOME").unwrap_or("/").to_owned());
            let known = known.or(home).or_else(|| match variable {
                "temp" | "tmp" => Some("/tmp".to_owned()),
                "systemroot" | "windir" => Some("C:\\Windows".to_owned()),
                "systemdrive" => Some("C:".to_owned()),
                "homedrive" => Some(String::new()),
                _ => None,
            });
            return self::text(known.unwrap_or_else(|| UNKNOWN.to_string()));
        }
        match name.as_str() {
            "home" | "~" => self::text(self.scope.value("HOME").unwrap_or("/")),
            "pwd" => self::text(self.scope.directory()),
            "psscriptroot" => self::text(self.scope.directory()),
            "null" => Values::new(),
            "true" | "false" => self::text(name),
            _ => unknown(),
        }
    }

    /// A text with what stands in it put in.
    fn expanded(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let own = slice(node, text);
        let here = own.starts_with('@');
        let opening = if here { own.find('\n').map_or(2, |at| at + 1) } else { 1 };
        let closing = if here { 3 } else { 1 };
        let (start, end) = (node.start_byte() + opening, node.end_byte().saturating_sub(closing));
        let mut out = String::new();
        let mut at = start;
        let plain = |from: usize, to: usize| unescaped(text.get(from..to).unwrap_or_default());
        for child in children(node) {
            out += &plain(at, child.start_byte());
            let values = self.node(child, text)?;
            if out.len() <= TEXT_MAX {
                out += &line(&values);
            }
            at = child.end_byte();
        }
        out += &plain(at, end.max(at));
        Ok(self::text(out))
    }

    /// A bare word; quotes within it hold texts.
    fn token(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let own = slice(node, text);
        // A variable alone is what it holds, and that may be a block.
        if let Some(child) = children(node).find(|it| it.byte_range() == node.byte_range()) {
            return match child.kind() {
                "path_command_name_token" => Ok(self::text(own)),
                _ => self.node(child, text),
            };
        }
        let mut out = String::new();
        let mut at = node.start_byte();
        for child in children(node) {
            out += text.get(at..child.start_byte()).unwrap_or_default();
            let values = self.node(child, text)?;
            if out.len() <= TEXT_MAX {
                out += &line(&values);
            }
            at = child.end_byte();
        }
        out += text.get(at..node.end_byte()).unwrap_or(own);
        Ok(self::text(unescaped(&out).replace(['"', '\''], "")))
    }

    fn table(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let bodies = children(node).flat_map(|it| match it.kind() {
            "hash_literal_body" => children(it).collect::<Vec<_>>(),
            _ => vec![it],
        });
        let mut pairs = Vec::new();
        for entry in bodies.filter(|it| it.kind() == "hash_entry").collect::<Vec<_>>() {
            let parts: Vec<Node<'_>> = children(entry).collect();
            let Some((key, parts)) = parts.split_first() else { continue };
            let mut values = Values::new();
            for part in parts {
                values.extend(self.node(*part, text)?);
            }
            let key = line(&self.node(*key, text)?).to_ascii_lowercase();
            pairs.push((key, values));
        }
        Ok(vec![Value::Table(pairs)])
    }

    fn element(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, index, ..] = parts.as_slice() else { return Ok(unknown()) };
        let (of, index) = (self.node(*of, text)?, self.node(*index, text)?);
        let key = line(&index).to_ascii_lowercase();
        if let [Value::Table(pairs)] = of.as_slice() {
            let found = pairs.iter().find(|(own, _)| *own == key);
            return Ok(found.map_or_else(unknown, |(_, values)| values.clone()));
        }
        let at = key.parse::<usize>().ok();
        Ok(at.and_then(|at| of.get(at)).map_or_else(unknown, |it| vec![it.clone()]))
    }
}

/// Kinds of nodes that do nothing but what their parts do.
fn is_modelled(kind: &str) -> bool {
    const KINDS: &str = "additive_argument_expression additive_expression argument_expression
        argument_expression_list argument_list array_literal_expression array_type_name attribute
        attribute_argument attribute_arguments attribute_list attribute_name
        bitwise_argument_expression bitwise_expression cast_expression catch_type_list
        command_argument_sep command_name_expr comparison_argument_expression comparison_expression
        comparison_operator dimension expression_with_unary_operator flow_control_statement
        for_condition for_initializer for_iterator foreach_parameter format_argument_expression
        format_expression format_operator integer_literal key_expression label label_expression
        left_assignment_expression logical_argument_expression logical_expression member_name
        multiplicative_argument_expression multiplicative_expression named_block named_block_list
        block_name parameter_list post_decrement_expression post_increment_expression
        pre_decrement_expression pre_increment_expression program range_argument_expression
        range_expression script_block script_block_body script_parameter script_parameter_default
        statement_block statement_list string_literal switch_clause_condition switch_condition
        switch_parameter switch_parameters type_identifier type_name type_spec unary_expression
        while_condition argument_expression pipeline_chain_tail generic_type_arguments
        generic_type_name";
    KINDS.split_whitespace().any(|it| it == kind)
}

/// The first sign of a node that is no part of it.
pub(super) fn sign<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    let mut cursor = node.walk();
    let unnamed = node.children(&mut cursor).find(|it| !it.is_named());
    unnamed.map_or("", |it| slice(it, text))
}

/// A text without the marks that hide a letter.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.replace("\"\"", "\"").chars().collect::<Vec<_>>().into_iter();
    while let Some(letter) = letters.next() {
        match letter {
            '`' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('0' | '\n') | None => {}
                Some(other) => out.push(other),
            },
            letter => out.push(letter),
        }
    }
    out
}

/// The lines of a here-string.
fn here(own: &str) -> String {
    let inner = own.split_once('\n').map_or("", |(_, rest)| rest);
    inner.rsplit_once('\n').map_or("", |(lines, _)| lines).to_owned()
}

/// `'{1}{0}' -f 'a', 'b'`.
pub(super) fn formatted(left: &[Value], right: &[Value]) -> Values {
    let mut out = line(left);
    for (at, value) in right.iter().enumerate() {
        let place = format!("{{{at}}}");
        if out.contains(&place) {
            out = replaced(&out, &place, &value.text());
        }
    }
    text(out)
}

fn compared(left: &[Value], operator: &str, right: &[Value]) -> Values {
    let operator = operator.trim_start_matches('-').trim_start_matches(['c', 'i']);
    match operator {
        "join" => {
            let by = line(right);
            text(left.iter().map(Value::text).collect::<Vec<_>>().join(&by))
        }
        "replace" => {
            let (old, new) = match right {
                [old, new] => (old.text(), new.text()),
                [old] => (old.text(), String::new()),
                _ => return unknown(),
            };
            let plain = old.chars().all(|it| it.is_alphanumeric() || " _-/\\:#@!%".contains(it));
            let whole = line(left);
            if plain && !old.is_empty() { text(replaced(&whole, &old, &new)) } else { unknown() }
        }
        "split" => {
            let by = line(right);
            let whole = line(left);
            if by.is_empty() {
                unknown()
            } else {
                whole.split(&by).map(|it| Value::Text(it.to_owned())).collect()
            }
        }
        "as" => left.to_vec(),
        _ => unknown(),
    }
}
