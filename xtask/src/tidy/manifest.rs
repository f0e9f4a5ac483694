//! A crate's manifest, as far as the rules ask: its name, and whom it depends on.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue, Error};

/// A `Cargo.toml`.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// The package's name; the root of the workspace has none.
    pub(crate) name: Option<String>,
    /// Whom it depends on.
    pub(crate) dependencies: Vec<Dependency>,
    /// Names of `[workspace.dependencies]` that stand for another package.
    pub(crate) renamed: BTreeMap<String, String>,
}

/// One dependency.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package's name, also where it is imported under another.
    pub(crate) package: String,
    /// Only tests, benches and examples see it.
    pub(crate) test: bool,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let document = DeTable::parse(text)?.into_inner();
        let mut manifest = Self {
            path: path.to_owned(),
            name: table(&document, "package")
                .and_then(|package| package.get("name")?.get_ref().as_str())
                .map(str::to_owned),
            dependencies: Vec::new(),
            renamed: BTreeMap::new(),
        };
        manifest.read_sections(&document, text);
        for target in table(&document, "target").into_iter().flat_map(DeTable::values) {
            if let Some(target) = target.get_ref().as_table() {
                manifest.read_sections(target, text);
            }
        }
        if let Some(shared) =
            table(&document, "workspace").and_then(|workspace| table(workspace, "dependencies"))
        {
            let renamed = shared.iter().filter_map(|(name, dependency)| {
                Some((name.get_ref().to_string(), package(dependency.get_ref())?))
            });
            manifest.renamed = renamed.collect();
        }
        Ok(manifest)
    }

    fn read_sections(&mut self, document: &DeTable<'_>, text: &str) {
        let sections =
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)];
        for (section, test) in sections {
            for (name, dependency) in table(document, section).into_iter().flatten() {
                let package =
                    package(dependency.get_ref()).unwrap_or_else(|| name.get_ref().to_string());
                let before = text.get(..name.span().start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                self.dependencies.push(Dependency { package, test, line });
            }
        }
    }
}

fn table<'a, 'i>(document: &'a DeTable<'i>, name: &str) -> Option<&'a DeTable<'i>> {
    document.get(name)?.get_ref().as_table()
}

fn package(dependency: &DeValue<'_>) -> Option<String> {
    dependency.as_table()?.get("package")?.get_ref().as_str().map(str::to_owned)
}
