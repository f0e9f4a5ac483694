//! PowerShell: parsed by tree-sitter, its values followed as far as constants go, and walked in
//! every branch.
//!
//! - `value`: what expressions come to
//! - `command`: commands, their words, and what they are handed
//! - `cmdlet`: what PowerShell's own commands do
//! - `invoke`: those that run something, or send something
//! - `method`: what methods of .NET do
//! - `kind`: what kinds of .NET make and do
//! - `flow`: branches and loops
//!
//! What none of these models is a step that nobody sees through: only what is listed as harmless
//! yields none.

mod cmdlet;
mod command;
mod flow;
mod invoke;
mod kind;
mod method;
mod value;

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser, Tree};

use super::{Step, call::Pipe, expand::UNKNOWN, scope::Scope, walk::Walk};
use crate::Unreadable;
use value::{Value, Values};

/// Texts within texts: blocks, functions, `iex`.
const DEPTH_MAX: usize = 12;
/// Nodes that are looked at, counted as often as they are.
const NODES_MAX: usize = 60_000;
/// How deep a tree may be.
const TREE_MAX: usize = 400;
/// Rounds of one loop.
const ROUNDS_MAX: usize = 32;

/// Reads a script, and answers what it prints.
pub(super) fn read(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    text: &str,
    pipe: &Pipe,
) -> Result<String, Unreadable> {
    let mut session = Session {
        walk,
        scope,
        variables: BTreeMap::new(),
        functions: BTreeMap::new(),
        aliases: BTreeMap::new(),
        depth: 0,
        branches: 0,
        doubtful: false,
        tree: 0,
        nodes: 0,
        captured: pipe.captured,
    };
    let values = session.script(text)?;
    Ok(values.iter().map(|value| format!("{}\n", value.text())).collect())
}

const ASSIGNMENT: &str = "assignment_expression";

/// What a function is: the names of its parameters, and its text.
type Function = (Vec<String>, String);

/// What is known while a script is read.
struct Session<'r, 'a> {
    walk: &'r mut Walk<'a>,
    scope: &'r mut Scope,
    /// By their names in small letters.
    variables: BTreeMap<String, Values>,
    functions: BTreeMap<String, Function>,
    aliases: BTreeMap<String, String>,
    depth: usize,
    /// Branches, blocks and functions that are open: what happens there may not.
    branches: usize,
    /// A function or an alias may not be what its name means.
    doubtful: bool,
    tree: usize,
    nodes: usize,
    /// What is printed is not shown.
    captured: bool,
}

impl Session<'_, '_> {
    /// Reads a text as a script.
    fn script(&mut self, text: &str) -> Result<Values, Unreadable> {
        if text.contains(UNKNOWN) && text.trim().chars().all(|letter| letter == UNKNOWN) {
            self.walk.push(Step::opaque("shell:powershell", true));
            return Ok(value::unknown());
        }
        if self.depth >= DEPTH_MAX {
            self.walk.push(Step::opaque("shell:too_deep", true));
            return Ok(value::unknown());
        }
        // The grammar wants a statement, and every one of them to end.
        let begins = if text.trim_start().to_ascii_lowercase().starts_with("param") {
            ""
        } else {
            "$null\n"
        };
        let text = format!("{begins}{}\n", text.replace("\r\n", "\n"));
        // It knows the units of sizes in small letters only.
        let (tree, text) = match parse(&text) {
            Some(tree) => (tree, text),
            None => {
                let text = small_units(&text);
                let unread = "this cannot be read as PowerShell; write it more plainly";
                (parse(&text).ok_or_else(|| Unreadable::new(unread))?, text)
            }
        };
        self.depth += 1;
        let values = self.statements(tree.root_node(), &text);
        self.depth -= 1;
        values
    }

    /// Every statement below a node, one after the other.
    fn statements(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let mut values = Values::new();
        for child in children(node) {
            let own = self.node(child, text)?;
            // An assignment says nothing, unless it stands in brackets.
            let assigns = child.named_child(0).is_some_and(|it| it.kind() == ASSIGNMENT);
            if node.kind() == "parenthesized_expression" || !assigns {
                values.extend(own);
            }
            value::cut(&mut values);
        }
        Ok(values)
    }

    /// What is not modelled may do anything.
    fn unmodelled(&mut self) -> Values {
        self.walk.unseen_program(self.scope, "powershell", true);
        value::unknown()
    }

    /// What a node does, and what it comes to.
    fn node(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.tree > TREE_MAX {
            self.walk.push(Step::opaque("shell:too_much", true));
            return Ok(value::unknown());
        }
        self.tree += 1;
        let values = self.one(node, text);
        self.tree -= 1;
        values
    }

    fn one(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        match node.kind() {
            "comment" | "empty_statement" | "enum_statement" | "background_operator" => {
                Ok(Values::new())
            }
            // What a parameter is without a value, and what checks it.
            "param_block" | "function_parameter_declaration" => {
                self.statements(node, text)?;
                self.blocks_below(node, text)?;
                Ok(Values::new())
            }
            "function_statement" => {
                self.define(node, text)?;
                Ok(Values::new())
            }
            "if_statement" | "switch_statement" | "try_statement" | "trap_statement" => {
                self.ways(node, text)
            }
            "foreach_statement" => self.each(node, text),
            "while_statement" | "do_statement" | "for_statement" => self.rounds(node, text),
            ASSIGNMENT => self.assign(node, text),
            "pipeline" | "pipeline_chain" => self.pipeline(node, text),
            "command" => self.command(node, text, None),
            _ => self.expression(node, text),
        }
    }

    fn define(&mut self, node: Node<'_>, text: &str) -> Result<(), Unreadable> {
        self.doubtful |= self.branches > 0;
        let parts: Vec<Node<'_>> = children(node).collect();
        let of = |kind: &str| parts.iter().find(|it| it.kind() == kind).copied();
        let name = of("function_name").map(|it| slice(it, text).to_ascii_lowercase());
        let body = of("script_block");
        if let Some(declared) = of("function_parameter_declaration") {
            self.node(declared, text)?;
        }
        let declared = of("function_parameter_declaration").or(body);
        let parameters = declared.map(|it| parameters(it, text)).unwrap_or_default();
        if let (Some(name), Some(body)) = (name, body) {
            self.functions.insert(name, (parameters, slice(body, text).to_owned()));
        }
        Ok(())
    }

    /// Runs a block or a function, with what it is given.
    fn run(
        &mut self,
        text: &str,
        parameters: &[String],
        given: &[Values],
        input: Option<&Values>,
    ) -> Result<Values, Unreadable> {
        let outer = self.variables.clone();
        for (at, name) in parameters.iter().enumerate() {
            let value = given.get(at).cloned().unwrap_or_else(value::unknown);
            self.variables.insert(name.clone(), value);
        }
        self.variables.insert("args".to_owned(), given.concat());
        if let Some(input) = input {
            self.variables.insert("_".to_owned(), input.clone());
            self.variables.insert("psitem".to_owned(), input.clone());
            self.variables.insert("input".to_owned(), input.clone());
        }
        self.branches += 1;
        let values = self.script(text);
        self.branches -= 1;
        let inner = std::mem::replace(&mut self.variables, outer);
        // Nobody knows whose variable it was that a block has set.
        let own = |name: &String| ["args", "_", "psitem", "input"].contains(&name.as_str());
        for (name, now) in inner {
            if !own(&name) && !parameters.contains(&name) && self.variables.get(&name) != Some(&now)
            {
                self.variables.insert(name, value::unknown());
            }
        }
        values
    }

    fn assign(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [left, operator, right @ ..] = parts.as_slice() else { return Ok(self.unmodelled()) };
        let captured = std::mem::replace(&mut self.captured, true);
        let mut values = Values::new();
        for part in right {
            values.extend(self.node(*part, text)?);
        }
        self.captured = captured;
        let target = slice(*left, text).trim().to_owned();
        match target.strip_prefix('$').or_else(|| target.rsplit_once("]$").map(|it| it.1)) {
            Some(own) if is_plain(own) => {
                let name = name_of(own);
                values = match slice(*operator, text) {
                    "=" => values,
                    "+=" => value::sum(&self.variable(&name), &values),
                    _ => value::unknown(),
                };
                let lower = own.to_ascii_lowercase();
                // Whose it is there may be another's.
                if self.branches > 0
                    && ["global:", "script:"].iter().any(|it| lower.starts_with(it))
                {
                    self.variables.insert(name, value::unknown());
                } else {
                    self.set_variable(name, values.clone());
                }
            }
            // A part of something: what it is now nobody knows, and a method may be set.
            _ => self.set_member(*left, &values, text)?,
        }
        Ok(values)
    }

    fn set_variable(&mut self, name: String, values: Values) {
        match name.strip_prefix("env:") {
            Some(own) => {
                let own = own.to_ascii_uppercase();
                self.scope.export(&own, Some(value::line(&values)));
            }
            None => drop(self.variables.insert(name, values)),
        }
    }

    /// Runs every block that stands below a node.
    fn blocks_below(&mut self, node: Node<'_>, text: &str) -> Result<(), Unreadable> {
        for child in children(node) {
            if child.kind() == "script_block_expression" {
                let block = self.node(child, text)?;
                self.run_all(&block, None)?;
            } else if node.descendant_count() < NODES_MAX {
                self.blocks_below(child, text)?;
            }
        }
        Ok(())
    }

    /// Runs every block among values, and in tables among them.
    fn run_all(&mut self, values: &[Value], input: Option<&Values>) -> Result<(), Unreadable> {
        for value in values {
            match value {
                Value::Block(text) => drop(self.run(text, &parameters_of(text), &[], input)?),
                Value::Table(pairs) => {
                    for (_, values) in pairs {
                        self.run_all(values, input)?;
                    }
                }
                Value::Text(_) => {}
            }
        }
        Ok(())
    }
}

/// The tree of a text that is read without a hole.
fn parse(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).ok()?;
    parser.parse(text, None).filter(|tree| !tree.root_node().has_error())
}

/// `1MB` as `1mb`.
fn small_units(text: &str) -> String {
    let mut out = text.to_owned();
    for unit in ["KB", "MB", "GB", "TB", "PB"] {
        for digit in '0'..='9' {
            let (unit, small) =
                (format!("{digit}{unit}"), format!("{digit}{}", unit.to_lowercase()));
            out = out.replace(&unit, &small);
        }
    }
    out
}

/// The children of a node that mean something.
fn children<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let count = u32::try_from(node.named_child_count()).unwrap_or(u32::MAX);
    (0..count).filter_map(move |at| node.named_child(at as _))
}

/// The text of a node.
fn slice<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// A variable's name, in small letters and without where it holds.
fn name_of(variable: &str) -> String {
    let name = variable.trim_start_matches(['$', '@']).trim_matches(['{', '}']);
    let lower = name.to_ascii_lowercase();
    let places = ["global:", "local:", "script:", "private:", "using:", "variable:"];
    let bare = places.iter().find_map(|place| lower.strip_prefix(place)).map(str::to_owned);
    bare.unwrap_or(lower)
}

fn is_plain(name: &str) -> bool {
    let name = name.trim_matches(['{', '}']);
    !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || "_:?".contains(it))
}

/// The names of the parameters that stand below a node.
fn parameters(node: Node<'_>, text: &str) -> Vec<String> {
    let list = children(node).flat_map(|it| match it.kind() {
        "param_block" => children(it).collect::<Vec<_>>(),
        _ => vec![it],
    });
    let list = list.filter(|it| it.kind() == "parameter_list");
    let all = list.flat_map(|it| children(it).collect::<Vec<_>>());
    all.filter_map(|it| children(it).find(|it| it.kind() == "variable"))
        .map(|it| name_of(slice(it, text)))
        .collect()
}

/// The names of the parameters that a block declares.
fn parameters_of(block: &str) -> Vec<String> {
    let Some((_, behind)) = block.trim_start().split_once("param(") else { return Vec::new() };
    let declared = behind.split(')').next().unwrap_or_default();
    let names = declared.split(',').filter_map(|it| it.split('$').nth(1));
    names.map(|it| name_of(it.split(['=', ' ']).next().unwrap_or(it))).collect()
}
