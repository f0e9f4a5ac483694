//! Size: a file fits a head, a function fits a screen.

use proc_macro2::Span;
use syn::{
    Block, ImplItemFn, ItemFn, Signature, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::{Finding, tree::Tree};

/// Lines of a file, tests and comments included.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// What is too long.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let mut add = |line, text| {
            findings.push(Finding { path: source.path.clone(), line, rule: "size", text });
        };
        if source.lines > FILE_LINES_MAX {
            let lines = source.lines;
            add(lines, format!("{lines} lines, of {FILE_LINES_MAX}; split it by what it is about"));
        }
        let mut functions = Functions::default();
        functions.visit_file(&source.syntax);
        for Function { name, line, lines } in functions.0 {
            if lines > FUNCTION_LINES_MAX {
                let of = format!("{lines} lines, of {FUNCTION_LINES_MAX}");
                add(line, format!("`{name}` has {of}; name its steps and call them"));
            }
        }
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn push(&mut self, signature: &Signature, body: &Block) {
        let begin = |span: Span| span.start().line;
        let line = begin(signature.span());
        let end = body.brace_token.span.close().end().line;
        self.0.push(Function { name: signature.ident.to_string(), line, lines: end + 1 - line });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.push(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.push(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.push(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
