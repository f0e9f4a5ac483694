//! Words: what `docs/glossary.md` says not to say is the name of no type, function or module.

use syn::{
    Ident, ImplItem, Item, ItemImpl, TraitItem,
    visit::{self, Visit},
};

use super::{
    Finding,
    tree::{Source, Tree},
};

const GLOSSARY: &str = "docs/glossary.md";

/// The fence that begins the list: one entry a line, `words: what to say instead`, or
/// `words (except folder): …`.
const FENCE: &str = "```not-names";

/// A word, or several in a row, that names nothing here.
struct Entry {
    words: Vec<String>,
    except: Option<String>,
    instead: String,
}

/// What is named with such a word.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let entries = entries(tree.text(GLOSSARY).unwrap_or_default());
    if entries.is_empty() {
        let text = format!("has no list of words between `{FENCE}` and its end; write it");
        return vec![Finding { path: GLOSSARY.to_owned(), line: 1, rule: "words", text }];
    }
    tree.sources().iter().flat_map(|source| check_source(source, &entries)).collect()
}

fn check_source(source: &Source, entries: &[Entry]) -> Vec<Finding> {
    let mut definitions = Definitions::default();
    definitions.visit_file(&source.syntax);
    let mut findings = Vec::new();
    for ident in definitions.0 {
        let words = words(&ident.to_string());
        for entry in entries.iter().filter(|entry| entry.names(&words, &source.path)) {
            let line = ident.span().start().line;
            let not = entry.words.join(" ");
            let text = format!("`{ident}` says \"{not}\"; {}", entry.instead);
            findings.push(Finding { path: source.path.clone(), line, rule: "words", text });
        }
    }
    findings
}

impl Entry {
    /// Whether the name made of `words`, in the file at `path`, says this.
    fn names(&self, words: &[String], path: &str) -> bool {
        let same = |word: &String, not: &String| {
            word.strip_prefix(not).is_some_and(|s| s.is_empty() || s == "s")
        };
        !self.except.as_ref().is_some_and(|folder| path.starts_with(folder))
            && words
                .windows(self.words.len())
                .any(|window| window.iter().zip(&self.words).all(|(word, not)| same(word, not)))
    }
}

/// The list in the glossary.
fn entries(glossary: &str) -> Vec<Entry> {
    let list = glossary.lines().skip_while(|line| *line != FENCE).skip(1);
    list.take_while(|line| *line != "```").filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let (name, instead) = line.split_once(": ")?;
    let (name, except) = match name.split_once(" (except ") {
        Some((name, folder)) => (name, folder.strip_suffix(')').map(str::to_owned)),
        None => (name, None),
    };
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    (!words.is_empty()).then(|| Entry { words, except, instead: instead.to_owned() })
}

/// `PendingRequest` and `pending_request` in words: `pending`, `request`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for letter in name.chars() {
        if letter == '_' || (lower && letter.is_uppercase()) {
            words.push(String::new());
        }
        lower = letter.is_lowercase();
        if let Some(word) = words.last_mut()
            && letter != '_'
        {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// The names that this source gives: of types, traits, functions, modules. Names in a trait's
/// implementation were given elsewhere.
#[derive(Default)]
struct Definitions(Vec<Ident>);

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item(&mut self, item: &'ast Item) {
        let ident = match item {
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Mod(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        self.0.extend(ident.cloned());
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if item.trait_.is_none() {
            let named = item.items.iter().filter_map(|item| match item {
                ImplItem::Fn(function) => Some(function.sig.ident.clone()),
                _ => None,
            });
            self.0.extend(named);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let ident = match item {
            TraitItem::Fn(item) => Some(&item.sig.ident),
            TraitItem::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.0.extend(ident.cloned());
        visit::visit_trait_item(self, item);
    }
}
