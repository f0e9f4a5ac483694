//! Modules that lie beside a program: what it calls of them is read with what it hands over, and
//! what it may call unseen as if anything were handed over.

use std::{collections::BTreeSet, rc::Rc};

use super::{
    Entry, Language, Reader, Source, Value, read_within,
    value::{self, Argument},
};
use crate::Unreadable;

/// What makes an object of a class, by what languages call it.
const MAKERS: &[&str] = &["__init__", "constructor", "initialize", "__construct", "new"];

/// A module that a program has taken in.
#[derive(Debug, Clone)]
pub(in super::super) struct Module {
    code: Rc<str>,
    /// Functions and classes that it gives a name.
    pub(super) defines: BTreeSet<String>,
    /// Those of them that were read as they are called.
    pub(super) called: BTreeSet<String>,
}

/// A function of a module that is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Called<'c> {
    pub(super) name: &'c str,
    pub(super) arguments: &'c [Argument<'static>],
}

impl Module {
    pub(super) fn new(code: &str) -> Self {
        Self { code: code.into(), defines: BTreeSet::new(), called: BTreeSet::new() }
    }
}

impl<'t> Reader<'_, '_, 't> {
    /// The names of what the program defines, and which function each is.
    pub(super) fn named_functions(&self) -> Vec<(String, usize)> {
        let own = self.functions.iter().map(|(name, node)| (name.clone(), node.id()));
        let exported = ["exports", "default"].into_iter().filter_map(|it| self.variables.get(it));
        let tables = exported.filter_map(|it| match it {
            Value::Table(pairs) => Some(pairs.iter().map(|(name, value)| (name, value))),
            _ => None,
        });
        let held = self.variables.iter().chain(tables.flatten());
        let held = held.filter_map(|(name, value)| match value {
            Value::Code(node) if name == "exports" => Some(("default".to_owned(), node.id())),
            Value::Code(node) => Some((name.clone(), node.id())),
            _ => None,
        });
        own.chain(held).collect()
    }

    /// The file and the function of a module that a call of this name means.
    pub(super) fn elsewhere(&self, name: &str) -> Option<(String, String)> {
        let known = |file: &str| self.walk.programs.beside.get(file);
        let mut own = self.modules.iter().filter_map(|(prefix, file)| {
            let rest = name.strip_prefix(prefix.as_str())?;
            let rest = if rest.is_empty() { "default" } else { rest.strip_prefix('.')? };
            Some((file.clone(), rest.rsplit('.').next().unwrap_or(rest).to_owned()))
        });
        let defined = |(file, verb): &(String, String)| {
            known(file).is_some_and(|it| it.defines.contains(verb))
        };
        if let Some(found) = own.find(defined) {
            return Some(found);
        }
        let (of, verb) = name.rsplit_once('.').unwrap_or(("", name));
        let root = of.split('.').next().unwrap_or(of);
        let open = match self.language {
            Language::Ruby | Language::Perl | Language::Php => true,
            Language::Python => self.modules.iter().any(|(prefix, _)| self.spread.contains(prefix)),
            Language::JavaScript => false,
        };
        let mut files = self.modules.iter().map(|(_, file)| file).filter(|_| open);
        let found = files.find(|file| {
            let module = known(file.as_str());
            module.is_some_and(|it| {
                it.defines.contains(verb) && (root.is_empty() || it.defines.contains(root))
            })
        });
        found.map(|file| (file.clone(), verb.to_owned()))
    }

    /// Reads a function of a module with what it is handed.
    pub(super) fn invoke_elsewhere(
        &mut self,
        file: &str,
        function: &str,
        arguments: &[Argument<'t>],
    ) -> Result<Value<'t>, Unreadable> {
        let with: Vec<Argument<'static>> =
            arguments.iter().map(|(name, value)| (name.clone(), value.detached())).collect();
        // Whoever is handed a function may call it.
        for (_, value) in arguments {
            for function in value.callables() {
                if let Value::Code(own) = function {
                    self.invoke(*own, &[])?;
                }
            }
        }
        let called = Called { name: function, arguments: &with };
        Ok(self.within(file, Entry::Called(called))?.unwrap_or(Value::Unknown))
    }

    /// Reads what of the modules may be called unseen: each function whose name is said somewhere
    /// else than where it is defined.
    pub(super) fn left_over(&mut self) -> Result<(), Unreadable> {
        let files: Vec<String> = self.walk.programs.beside.keys().cloned().collect();
        for file in files {
            let Some(module) = self.walk.programs.beside.get(&file).cloned() else { continue };
            let others = self.walk.programs.beside.iter().filter(|(own, _)| **own != file);
            let texts: Vec<&str> = others.map(|(_, it)| &*it.code).chain([self.code]).collect();
            let unseen: Vec<String> = module
                .defines
                .iter()
                .filter(|name| !module.called.contains(*name))
                .filter(|name| {
                    let said = texts.iter().map(|it| words(it, name)).sum::<usize>();
                    said > 0 || words(without_exports(&module.code).as_str(), name) > 1
                })
                .cloned()
                .collect();
            self.within(&file, Entry::LeftOver(&unseen))?;
        }
        Ok(())
    }

    fn within(&mut self, file: &str, entry: Entry<'_>) -> Result<Option<Value<'t>>, Unreadable> {
        let Some(module) = self.walk.programs.beside.get(file).cloned() else { return Ok(None) };
        let source = Source { file: Some(file), handed: self.source.handed };
        let level = self.level + 1;
        let mut scope = self.scope.clone();
        let inner = |reader: &mut Self| {
            let walk = &mut *reader.walk;
            read_within(walk, &mut scope, &module.code, reader.language, &source, level, entry)
        };
        self.deeper(inner).transpose()
    }

    /// Reads one function of a module, or those that are left over.
    pub(super) fn enter(&mut self, entry: Entry<'_>) -> Result<Value<'t>, Unreadable> {
        let named = self.named_functions();
        match entry {
            Entry::Called(call) => {
                self.forget_what_changes()?;
                let meant = |name: &str| {
                    let own = named.iter().find(|(own, _)| own == name).map(|(_, id)| *id);
                    own.and_then(|id| self.defined.iter().find(|it| it.id() == id).copied())
                };
                let mut all: Vec<_> = meant(call.name).into_iter().collect();
                if all.is_empty() && self.classes.contains_key(call.name) {
                    all = MAKERS.iter().filter_map(|it| meant(it)).collect();
                }
                let mut answer = Value::Unknown;
                for function in all {
                    answer = self.invoke(function, call.arguments)?;
                }
                Ok(answer)
            }
            Entry::LeftOver(names) => {
                let unnamed = |id: usize| !named.iter().any(|(_, own)| *own == id);
                let wanted = |id: usize| {
                    unnamed(id)
                        || named.iter().any(|(name, own)| *own == id && names.contains(name))
                };
                for function in self.defined.clone() {
                    // What stands in another function is read with it.
                    let inner = self.defined.iter().any(|it| {
                        it.id() != function.id()
                            && it.start_byte() <= function.start_byte()
                            && function.end_byte() <= it.end_byte()
                    });
                    if !inner && !self.called.contains(&function.id()) && wanted(function.id()) {
                        self.invoke(function, &[])?;
                    }
                }
                Ok(Value::Unknown)
            }
            Entry::Whole | Entry::Module | Entry::Tasks(_) => Ok(Value::Unknown),
        }
    }

    /// What other functions of the module may have changed before is not known.
    fn forget_what_changes(&mut self) -> Result<(), Unreadable> {
        let lets = ["let ", "var ", "our "].iter().any(|it| self.code.contains(it));
        if matches!(self.language, Language::JavaScript | Language::Perl) && lets {
            let steps = self.walk.noted();
            for function in self.defined.clone() {
                self.invoke(function, &[])?;
            }
            self.walk.forget(steps);
        }
        for name in self.shared.clone() {
            if let Some(value) = self.variables.get_mut(&name) {
                *value = Value::Unknown;
            }
        }
        Ok(())
    }

    /// Notes what a module that was read defines, and what of it was called.
    pub(super) fn notes_module(&mut self) {
        let named = self.named_functions();
        let Some(file) = self.source.file else { return };
        let Some(module) = self.walk.programs.beside.get_mut(file) else { return };
        let called = named.iter().filter(|(_, id)| self.called.contains(id));
        module.called.extend(called.map(|(name, _)| name.clone()));
        module.defines.extend(named.into_iter().map(|(name, _)| name));
        module.defines.extend(self.classes.keys().cloned());
    }
}

impl Value<'_> {
    /// The same value for another program, without the functions of this one.
    pub(super) fn detached<'u>(&self) -> Value<'u> {
        match self {
            Value::Unknown => Value::Unknown,
            Value::Given | Value::Code(_) => Value::Given,
            Value::Absent => Value::Absent,
            Value::Text(text) => Value::Text(text.clone()),
            Value::Path(path) => Value::Path(path.clone()),
            Value::Name(name) => Value::Name(name.clone()),
            Value::List(items) => Value::List(items.iter().map(Self::detached_of).collect()),
            Value::Table(pairs) => {
                let pairs = pairs.iter().map(|(name, it)| (name.clone(), it.detached()));
                Value::Table(pairs.collect())
            }
            Value::Made(by, with) => {
                let with: Vec<value::Argument<'u>> =
                    with.iter().map(|(name, it)| (name.clone(), it.detached())).collect();
                Value::Made(by.clone(), with.into())
            }
        }
    }

    fn detached_of<'u>(value: &Value<'_>) -> Value<'u> {
        value.detached()
    }
}

/// How often a name is said in a text.
fn words(text: &str, name: &str) -> usize {
    text.split(|it: char| !it.is_alphanumeric() && it != '_').filter(|it| it == &name).count()
}

/// A module's text without the list of what it gives away.
fn without_exports(code: &str) -> String {
    let Some((before, rest)) = code.split_once("module.exports = {") else {
        return code.to_owned();
    };
    let list = rest.split_once('}');
    format!("{before}{}", list.map_or(rest, |(_, behind)| behind))
}
