//! Programs in other languages, parsed by tree-sitter and read for their calls: what they delete,
//! write, start, ask a database and send. What cannot be followed is code that nobody sees.
//!
//! - `budget`: how much of it is read
//! - `grammar`: what a node is, and what a call does; one table for each language
//! - `value`: what expressions come to
//! - `expression`: names, texts, members and what joins them
//! - `flow`: assignments, loops, functions
//! - `import`: modules, and which of them reach nothing that their calls do not say
//! - `module`: those that lie beside a program, and what it calls of them
//! - `call`: which call it is, and with what
//! - `gives`: calls that answer something known
//! - `effect`, `file`: calls that change something

mod budget;
mod call;
mod effect;
mod expression;
mod file;
mod flow;
mod gives;
mod grammar;
mod import;
mod module;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser, Tree};

use super::{
    expand::{UNKNOWN, ansi},
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;
pub(super) use budget::Budget;
use grammar::{Grammar, Role};
use value::Value;

/// Programs within programs: `eval`, modules that lie beside.
const LEVELS_MAX: usize = 4;
/// Letters of one program; a longer one is not read.
const CODE_BYTES_MAX: usize = 1024 * 1024;

/// A language whose programs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Ruby,
    Perl,
    Php,
}

impl Language {
    /// The language that an interpreter of this name speaks.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.') {
            "python" | "pypy" | "ipython" => Self::Python,
            "node" | "nodejs" | "deno" | "tsx" | "ts-node" | "mynode" => Self::JavaScript,
            "bun" if name == "bun" => Self::JavaScript,
            "ruby" | "irb" => Self::Ruby,
            "perl" => Self::Perl,
            "php" => Self::Php,
            _ => return None,
        })
    }
}

/// Where a program comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Source<'s> {
    /// The file that it stands in: its modules lie beside it.
    pub(super) file: Option<&'s str>,
    /// What it is handed, where that is known.
    pub(super) handed: Option<&'s [String]>,
}

/// Reads a program, and notes what it would do.
pub(super) fn read(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
    source: &Source<'_>,
) -> Result<(), Unreadable> {
    walk.programs.begin();
    // Where a program goes, and what it exports, is its own.
    read_within(walk, &mut scope.clone(), code, language, source, 0, Entry::Whole).map(drop)
}

/// Reads a program that defines tasks, and what those do that are `wanted`.
pub(super) fn read_tasks(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
    wanted: &[String],
) -> Result<(), Unreadable> {
    walk.programs.begin();
    let entry = Entry::Tasks(wanted);
    read_within(walk, scope, code, language, &Source::default(), 0, entry).map(drop)
}

/// What a file of configuration comes to, as JSON: what a module exports, else the names that it
/// gives values to.
pub(super) fn exports(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
) -> serde_json::Value {
    let Some(tree) = parsed(language, code) else { return serde_json::Value::Null };
    walk.programs.begin();
    let mut reader = Reader::new(walk, scope, code, language, &Source::default(), 0);
    reader.survey(tree.root_node());
    if reader.visit(tree.root_node()).is_err() {
        return serde_json::Value::Null;
    }
    let named = ["exports", "default"].into_iter().find_map(|name| reader.variables.get(name));
    if let Some(value) = named {
        return value.json();
    }
    // `export const AppDataSource = new DataSource({…})`
    let source = reader
        .variables
        .values()
        .find(|value| matches!(value, Value::Made(by, _) if by.ends_with("DataSource")));
    if let Some(source) = source {
        return source.json();
    }
    let pairs = reader.variables.iter().map(|(name, value)| (name.clone(), value.json()));
    serde_json::Value::Object(pairs.collect())
}

/// The tree of a program, by the first grammar of its language that fits.
fn parsed(language: Language, code: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    let mut first = None;
    for tongue in (Grammar::of(language).tongues)(code) {
        parser.set_language(&tongue).ok()?;
        let tree = parser.parse(code, None)?;
        if !tree.root_node().has_error() {
            return Some(tree);
        }
        first.get_or_insert(tree);
    }
    first
}

/// What is read of a program.
#[derive(Debug, Clone, Copy)]
enum Entry<'e> {
    /// What it does, and what may be called of it.
    Whole,
    /// What it does when it is taken in; what is called of it is read where that is seen.
    Module,
    /// Those of its tasks.
    Tasks(&'e [String]),
    /// One function of a module that was read before.
    Called(module::Called<'e>),
    /// Functions of such a module that may be called with anything.
    LeftOver(&'e [String]),
}

/// Reads a program that another one runs, `level` programs deep, and answers what a function that
/// is called answers.
fn read_within<'u>(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
    source: &Source<'_>,
    level: usize,
    entry: Entry<'_>,
) -> Result<Value<'u>, Unreadable> {
    let room = level < LEVELS_MAX && code.len() <= CODE_BYTES_MAX;
    let Some(tree) = room.then(|| parsed(language, code)).flatten() else {
        walk.unseen_program(scope, "code", true);
        return Ok(Value::Unknown);
    };
    let mut reader = Reader::new(walk, scope, code, language, source, level);
    let root = tree.root_node();
    reader.unclear = root.has_error();
    reader.survey(root);
    // What a module does when it is taken in was noted when it was.
    let noted = reader.walk.noted();
    reader.visit(root)?;
    let mut answer = Value::Unknown;
    match entry {
        Entry::Tasks(wanted) => {
            reader.run_tasks(wanted)?;
            reader.left_over()?;
        }
        Entry::Whole => {
            reader.uncalled()?;
            if level == 0 {
                reader.left_over()?;
            }
        }
        Entry::Module => reader.notes_module(),
        Entry::Called(_) | Entry::LeftOver(_) => {
            reader.walk.forget(noted);
            answer = reader.enter(entry)?.detached();
            reader.notes_module();
        }
    }
    // A tool that runs tasks has modules of its own, and a name.
    let unclear = reader.unclear && !matches!(entry, Entry::Tasks(_));
    let whole = !reader.walk.programs.is_spent();
    if unclear || !whole {
        walk.unseen_program(scope, "code", !whole);
    }
    Ok(answer)
}

/// A task: its name, the names of those that it needs, and what it does.
type Task<'t> = (String, Vec<String>, Option<Node<'t>>);

/// What is known while a program is read.
struct Reader<'r, 'a, 't> {
    walk: &'r mut Walk<'a>,
    scope: &'r mut Scope,
    code: &'t str,
    language: Language,
    grammar: &'static Grammar,
    source: Source<'r>,
    level: usize,
    variables: BTreeMap<String, Value<'t>>,
    /// By their names: what the program defines itself.
    functions: BTreeMap<String, Node<'t>>,
    /// What it makes objects of, and what that is made of.
    classes: BTreeMap<String, String>,
    /// Every function, with a name or without.
    defined: Vec<Node<'t>>,
    /// Functions that were read where they are called.
    called: BTreeSet<usize>,
    /// Functions that are being read.
    open: Vec<usize>,
    /// Bodies of here-documents that nobody has come to, by where each begins in the text.
    heredocs: BTreeMap<usize, Node<'t>>,
    /// Addresses of databases that were said.
    addresses: Vec<String>,
    /// Tasks that it defines: what each is called, needs and does.
    tasks: Vec<Task<'t>>,
    /// Where tasks are that are being defined: `db`, `db:test`.
    space: Vec<String>,
    returned: Option<Value<'t>>,
    /// Branches that are open: what happens there may not.
    branches: usize,
    /// Names that more than one function may change.
    shared: BTreeSet<String>,
    /// Modules whose names are all taken in.
    spread: Vec<String>,
    /// Modules that lie beside: what each is called, and its file.
    modules: Vec<(String, String)>,
    /// Something in it cannot be followed.
    unclear: bool,
}

impl<'r, 'a, 't> Reader<'r, 'a, 't> {
    fn new(
        walk: &'r mut Walk<'a>,
        scope: &'r mut Scope,
        code: &'t str,
        language: Language,
        source: &Source<'r>,
        level: usize,
    ) -> Self {
        Self {
            walk,
            scope,
            code,
            language,
            grammar: Grammar::of(language),
            source: *source,
            level,
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            classes: BTreeMap::new(),
            defined: Vec::new(),
            called: BTreeSet::new(),
            open: Vec::new(),
            heredocs: BTreeMap::new(),
            addresses: Vec::new(),
            tasks: Vec::new(),
            space: Vec::new(),
            returned: None,
            branches: 0,
            shared: BTreeSet::new(),
            spread: Vec::new(),
            modules: Vec::new(),
            unclear: false,
        }
    }

    /// What the program defines, wherever it does.
    fn survey(&mut self, root: Node<'t>) {
        let (mut tokens, mut bodies) = (Vec::new(), Vec::new());
        let mut cursor = root.walk();
        loop {
            self.surveyed(cursor.node(), &mut tokens, &mut bodies);
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    self.heredocs = tokens.into_iter().zip(bodies).collect();
                    return;
                }
            }
        }
    }

    fn surveyed(&mut self, node: Node<'t>, tokens: &mut Vec<usize>, bodies: &mut Vec<Node<'t>>) {
        let name = || node.child_by_field_name("name").map(|it| self.slice(it).to_owned());
        match self.role(node) {
            _ if !node.is_named() => {}
            Role::Heredoc => tokens.push(node.start_byte()),
            Role::HeredocBody => bodies.push(node),
            Role::Class => {
                let base = field(node, grammar::BASES).or_else(|| {
                    children(node).into_iter().find(|it| grammar::BASES.contains(&it.kind()))
                });
                let base = base.and_then(|it| it.named_child(0)).map(|it| {
                    let inner = it.named_child(0).filter(|_| it.kind().ends_with("_clause"));
                    grammar::dotted(self.slice(inner.unwrap_or(it)))
                });
                self.classes.extend(name().map(|name| (name, base.unwrap_or_default())));
            }
            Role::Lambda => self.defined.push(node),
            Role::Function => {
                let name = name();
                self.defined.push(node);
                self.functions.extend(name.map(|name| (name, node)));
            }
            _ if grammar::is_shared(node.kind()) => {
                let names = children(node);
                let names = if names.is_empty() { vec![node] } else { names };
                let names: Vec<String> =
                    names.iter().map(|it| flow::bare(self.slice(*it)).to_owned()).collect();
                self.shared.extend(names);
            }
            _ => {}
        }
    }

    fn role(&self, node: Node<'_>) -> Role {
        (self.grammar.role)(node.kind())
    }

    fn slice(&self, node: Node<'_>) -> &'t str {
        self.code.get(node.byte_range()).unwrap_or_default()
    }

    /// What a node comes to, once it has done what it does.
    fn visit(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        match self.deeper(|reader| reader.visited(node)) {
            Some(value) => value,
            None => Ok(Value::Unknown),
        }
    }

    /// Does something one level deeper, if there is room; else it is unclear.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if !self.walk.programs.node() || !self.walk.programs.down() {
            self.unclear = true;
            return None;
        }
        let done = inner(self);
        self.walk.programs.up();
        Some(done)
    }

    fn visited(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        match self.role(node) {
            Role::Nothing | Role::HeredocBody => Ok(Value::Unknown),
            Role::Text => Ok(Value::Text(self.text(node)?)),
            Role::Plain => Ok(Value::Text(plain(self.slice(node)).to_owned())),
            Role::Regex => self.regex(node),
            Role::Heredoc => self.heredoc(node),
            Role::Words => Ok(self.words(node)),
            Role::Shell => self.shell(node),
            Role::Glob => Ok(self.globbed(node)),
            Role::Name => self.name(node),
            Role::Member => self.member(node),
            Role::Index => self.index(node),
            Role::Call => self.call(node),
            Role::Join => self.join(node),
            Role::Otherwise => self.otherwise(node),
            Role::List => self.list(node),
            Role::Table => self.table(node),
            Role::Assign => self.assign(node),
            Role::Function | Role::Lambda => Ok(Value::Code(node)),
            Role::Loop => self.each_round(node),
            Role::Comprehension => self.comprehension(node),
            Role::Branch => self.branch(node),
            Role::Sign => self.last(node).map(|_| Value::Unknown),
            Role::Return => {
                let value = self.last(node)?;
                self.answers(value);
                Ok(Value::Unknown)
            }
            Role::Import => self.imports(node),
            Role::First => self.first(node),
            Role::Export => {
                let value = self.last(node)?;
                self.variables.insert("default".to_owned(), value);
                Ok(Value::Unknown)
            }
            Role::Class | Role::Last => self.last(node),
        }
    }

    /// The value of the first of a node's children; the others are read for what they do.
    fn first(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let mut first = None;
        for child in children(node) {
            let value = self.visit(child)?;
            if self.role(child) != Role::Nothing {
                first.get_or_insert(value);
            }
        }
        Ok(first.unwrap_or(Value::Unknown))
    }

    /// The value of the last of a node's children.
    fn last(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        let mut last = Value::Unknown;
        for child in children(node) {
            let value = self.visit(child)?;
            if self.role(child) != Role::Nothing {
                last = value;
            }
        }
        Ok(last)
    }
}

/// The children of a node that mean something.
fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    node.named_children(&mut node.walk()).collect()
}

/// The first of these fields that a node has.
fn field<'t>(node: Node<'t>, names: &[&str]) -> Option<Node<'t>> {
    names.iter().find_map(|name| node.child_by_field_name(name))
}

/// A number, or a word without what marks it as one.
fn plain(text: &str) -> &str {
    text.trim_start_matches(':')
}

#[cfg(test)]
mod tests;
