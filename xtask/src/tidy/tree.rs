//! The tree under check: its texts, its Rust sources as syntax, its manifests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, visit::Visit};

use super::{
    Finding, TidyError,
    manifest::Manifest,
    names::{self, is_test},
};

/// A file that is text.
#[derive(Debug)]
pub(crate) struct Text {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// Its whole text.
    pub(crate) text: String,
}

/// A Rust file.
pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// How many lines it has.
    pub(crate) lines: usize,
    /// What a compiler would read.
    pub(crate) syntax: syn::File,
    /// Its first line.
    pub(crate) first_line: String,
    /// Nothing of it is in a release: it is under `tests`, `benches` or `examples`, in the crate
    /// of end-to-end tests, or behind `#[cfg(test)] mod`.
    pub(crate) test: bool,
}

/// Everything under the root that is read.
pub(crate) struct Tree {
    texts: Vec<Text>,
    sources: Vec<Source>,
    manifests: Vec<Manifest>,
    unparsed: Vec<Finding>,
}

impl Tree {
    /// Reads the tree at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, TidyError> {
        if !root.join("Cargo.toml").is_file() {
            return Err(TidyError::NoWorkspace(root.display().to_string()));
        }
        let mut tree = Self {
            texts: read_texts(root)?,
            sources: Vec::new(),
            manifests: Vec::new(),
            unparsed: Vec::new(),
        };
        tree.parse();
        tree.unalias();
        tree.mark_tests();
        Ok(tree)
    }

    /// Every file that is text.
    pub(crate) fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|text| text.path == path).map(|text| text.text.as_str())
    }

    /// Every Rust file that could be parsed.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Every manifest that could be parsed.
    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// The files that could not be parsed, and so not be checked.
    pub(crate) fn unparsed(&self) -> &[Finding] {
        &self.unparsed
    }

    fn parse(&mut self) {
        for Text { path, text } in &self.texts {
            if path.ends_with(".rs") {
                match syn::parse_file(text) {
                    Ok(syntax) => self.sources.push(source(path, text, syntax)),
                    Err(error) => {
                        let line = error.span().start().line;
                        self.unparsed.push(unparsed(path, line, &error.to_string()));
                    }
                }
            } else if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
                match Manifest::parse(path, text) {
                    Ok(manifest) => self.manifests.push(manifest),
                    Err(error) => self.unparsed.push(unparsed(path, 1, error.message())),
                }
            }
        }
    }

    /// Gives dependencies that the workspace renames the names of their packages.
    fn unalias(&mut self) {
        let renamed: BTreeMap<String, String> =
            self.manifests.iter().flat_map(|manifest| manifest.renamed.clone()).collect();
        for dependency in self.manifests.iter_mut().flat_map(|manifest| &mut manifest.dependencies)
        {
            if let Some(package) = renamed.get(&dependency.package) {
                dependency.package.clone_from(package);
            }
        }
    }

    /// Marks what only tests compile.
    fn mark_tests(&mut self) {
        let roots: BTreeSet<String> = self.sources.iter().flat_map(test_modules).collect();
        for source in &mut self.sources {
            source.test |= roots.iter().any(|root| is_module(&source.path, root));
        }
    }
}

fn unparsed(path: &str, line: usize, cause: &str) -> Finding {
    let text = format!("cannot be parsed, so not be checked: {cause}");
    Finding { path: path.to_owned(), line, rule: "parse", text }
}

fn source(path: &str, text: &str, syntax: syn::File) -> Source {
    let folders = ["tests", "benches", "examples"];
    let test = path.starts_with("e2e/") || path.split('/').any(|part| folders.contains(&part));
    let first_line = text.lines().next().unwrap_or_default().to_owned();
    Source { path: path.to_owned(), lines: text.lines().count(), syntax, first_line, test }
}

/// Whether the file at `path` is the module `root` (`a/b` for `a/b.rs` and all under `a/b/`).
fn is_module(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The modules in other files that `source` declares for tests only, as paths without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    struct Modules(Vec<String>);
    impl Visit<'_> for Modules {
        fn visit_item(&mut self, item: &Item) {
            match item {
                Item::Mod(module) if module.content.is_none() && is_test(&module.attrs) => {
                    self.0.push(module.ident.to_string());
                }
                _ => {}
            }
        }
    }
    let mut modules = Modules(Vec::new());
    modules.visit_file(&source.syntax);
    let folder = names::module_folder(&source.path);
    modules.0.into_iter().map(|name| format!("{folder}/{name}")).collect()
}

/// What a fuzzer leaves, and changes while it runs.
const FUZZED: [&str; 2] = ["fuzz/corpus", "fuzz/artifacts"];

/// Every text under `root`, without what is built, downloaded, found by a fuzzer or git's own.
fn read_texts(root: &Path) -> Result<Vec<Text>, TidyError> {
    let mut texts = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable =
            |cause| TidyError::Unreadable { path: folder.display().to_string(), cause };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() {
                let fuzzed = FUZZED.iter().any(|it| entry.path().ends_with(it));
                if !name.starts_with("target") && name != ".git" && !fuzzed {
                    folders.push(entry.path());
                }
            } else if kind.is_file() && name != ".git" && name != "Cargo.lock" {
                texts.extend(read_text(root, entry.path())?);
            }
        }
    }
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(texts)
}

/// The file as text; `None` if it is not text.
fn read_text(root: &Path, file: PathBuf) -> Result<Option<Text>, TidyError> {
    let bytes = fs::read(&file)
        .map_err(|cause| TidyError::Unreadable { path: file.display().to_string(), cause })?;
    let relative = file.strip_prefix(root).unwrap_or(&file);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    Ok(String::from_utf8(bytes).ok().map(|text| Text { path: parts.join("/"), text }))
}
