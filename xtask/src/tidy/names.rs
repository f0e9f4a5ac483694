//! The paths that a source names, as a compiler would resolve them: imports, aliases and the
//! inside of macros included.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprPath, ImplItem, Item, ItemExternCrate, ItemType, Macro, Path, QSelf, Stmt,
    Type, TypePath, UseTree, spanned::Spanned, visit::Visit,
};

/// How often an alias may stand for another alias.
const ALIAS_DEPTH_MAX: usize = 8;

/// One path as it is named at one place.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// `std::time::Instant` in parts; `core` and `alloc` are written `std`, the last part is `*`
    /// for a glob, and ends in `!` for a macro.
    pub(crate) parts: Vec<String>,
    /// Counted from 1.
    pub(crate) line: usize,
    /// It is named only where tests are compiled.
    pub(crate) test: bool,
}

impl Named {
    /// As it would be written.
    pub(crate) fn text(&self) -> String {
        self.parts.join("::")
    }

    /// Whether it is `prefix` or lies in it.
    pub(crate) fn starts_with(&self, prefix: &[&str]) -> bool {
        self.parts.len() >= prefix.len() && self.parts.iter().zip(prefix).all(|(a, b)| a == b)
    }

    /// Whether it ends in `suffix`.
    pub(crate) fn ends_with(&self, suffix: &[&str]) -> bool {
        let skipped = self.parts.len().checked_sub(suffix.len());
        skipped.is_some_and(|skipped| self.parts.iter().skip(skipped).eq(suffix.iter()))
    }
}

/// Every path that `file` names.
pub(crate) fn of(file: &syn::File) -> Vec<Named> {
    let mut names = Names::default();
    names.visit_file(file);
    let Names { named, aliases, .. } = names;
    named.into_iter().map(|named| resolve(named, &aliases)).collect()
}

/// Every function that `file` defines, by name.
pub(crate) fn functions(file: &syn::File) -> Vec<String> {
    struct Functions(Vec<String>);
    impl Visit<'_> for Functions {
        fn visit_signature(&mut self, signature: &syn::Signature) {
            self.0.push(signature.ident.to_string());
        }
    }
    let mut functions = Functions(Vec::new());
    functions.visit_file(file);
    functions.0
}

/// Whether an item with these attributes is compiled for tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// The folder in which the modules that the file at `path` declares lie.
pub(crate) fn module_folder(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    }
}

#[derive(Default)]
struct Names {
    named: Vec<Named>,
    aliases: BTreeMap<String, Vec<String>>,
    test: bool,
}

impl Names {
    fn push(&mut self, parts: Vec<String>, line: usize) {
        self.named.push(Named { parts, line, test: self.test });
    }

    /// Visits something that may be for tests only.
    fn guarded(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let outside = self.test;
        self.test |= is_test(attributes);
        visit(self);
        self.test = outside;
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        let mut parts = prefix.to_vec();
        match tree {
            UseTree::Path(path) => {
                parts.push(path.ident.to_string());
                self.import(&path.tree, &parts);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, prefix);
                }
            }
            UseTree::Name(name) => self.imported(parts, &name.ident, &name.ident),
            UseTree::Rename(rename) => self.imported(parts, &rename.ident, &rename.rename),
            UseTree::Glob(glob) => {
                parts.push("*".to_owned());
                self.push(parts, glob.span().start().line);
            }
        }
    }

    /// `name` of the module `parts` is known as `alias` from now on.
    fn imported(&mut self, mut parts: Vec<String>, name: &syn::Ident, alias: &syn::Ident) {
        let alias = if name == "self" && name == alias {
            parts.last().cloned().unwrap_or_default()
        } else {
            alias.to_string()
        };
        if name != "self" {
            parts.push(name.to_string());
        }
        self.push(parts.clone(), name.span().start().line);
        self.aliases.insert(alias, parts);
    }

    /// `<Type>::name` is a path as well.
    fn qualified(&mut self, qself: Option<&QSelf>, path: &Path) {
        if let Some(QSelf { ty, position: 0, .. }) = qself
            && let Type::Path(of) = ty.as_ref()
        {
            let parts = parts(&of.path).into_iter().chain(parts(path)).collect();
            self.push(parts, path.span().start().line);
        }
    }

    /// Paths among tokens that nobody has parsed: what is given to a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut parts: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(&mut parts, line);
                        line = ident.span().start().line;
                    }
                    parts.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.flush(&mut parts, line);
                    self.tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == '!' && !parts.is_empty() => {
                    mark_macro(&mut parts);
                    self.flush(&mut parts, line);
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.flush(&mut parts, line);
                    colons = 0;
                }
            }
        }
        self.flush(&mut parts, line);
    }

    fn flush(&mut self, parts: &mut Vec<String>, line: usize) {
        if !parts.is_empty() {
            self.push(std::mem::take(parts), line);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        self.guarded(attributes(item), |names| match item {
            Item::Use(item) => names.import(&item.tree, &[]),
            item => syn::visit::visit_item(names, item),
        });
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => item.attrs.as_slice(),
            ImplItem::Const(item) => item.attrs.as_slice(),
            _ => &[],
        };
        self.guarded(attributes, |names| syn::visit::visit_impl_item(names, item));
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        match statement {
            Stmt::Local(local) => {
                self.guarded(&local.attrs, |names| syn::visit::visit_local(names, local));
            }
            statement => syn::visit::visit_stmt(self, statement),
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        let parts = vec![item.ident.to_string()];
        let alias = item.rename.as_ref().map_or(&item.ident, |(_, alias)| alias);
        self.push(parts.clone(), item.span().start().line);
        self.aliases.insert(alias.to_string(), parts);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        if let Type::Path(of) = item.ty.as_ref() {
            self.aliases.insert(item.ident.to_string(), parts(&of.path));
        }
        syn::visit::visit_item_type(self, item);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        if let Expr::MethodCall(call) = expression {
            self.push(vec![format!(".{}", call.method)], call.method.span().start().line);
        }
        syn::visit::visit_expr(self, expression);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.qualified(path.qself.as_ref(), &path.path);
        syn::visit::visit_expr_path(self, path);
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        self.qualified(path.qself.as_ref(), &path.path);
        syn::visit::visit_type_path(self, path);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.push(parts(path), path.span().start().line);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let mut parts = parts(&called.path);
        mark_macro(&mut parts);
        self.push(parts, called.path.span().start().line);
        self.tokens(called.tokens.clone());
    }
}

fn parts(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn mark_macro(parts: &mut [String]) {
    if let Some(name) = parts.last_mut() {
        name.push('!');
    }
}

/// The path with aliases put in, and `core` and `alloc` written as `std`.
fn resolve(mut named: Named, aliases: &BTreeMap<String, Vec<String>>) -> Named {
    for _ in 0..ALIAS_DEPTH_MAX {
        let Some((first, rest)) = named.parts.split_first() else { break };
        match aliases.get(first) {
            Some(full) if full.first() != Some(first) => {
                named.parts = full.iter().chain(rest).cloned().collect();
            }
            _ => break,
        }
    }
    if let Some(first) = named.parts.first_mut()
        && (first == "core" || first == "alloc")
    {
        "std".clone_into(first);
    }
    named
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
