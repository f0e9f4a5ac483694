//! What a file imports, by which names.

use super::{
    Language,
    code::{CHAIN_MAX, Code, DECLARED_MAX, Range},
    lexer::Token,
};

impl Code<'_> {
    /// What is imported, by which names.
    pub(super) fn imported(&mut self) {
        let mut found: Vec<(Option<String>, String)> = Vec::new();
        for at in 0..self.len() {
            let begins = matches!(self.word(at), Some("use" | "import" | "using"));
            if begins && !self.joins(at.wrapping_sub(1)) {
                match self.language {
                    Language::Go => self.imported_by_go(at + 1, &mut found),
                    _ => {
                        self.import(at + 1, "", 0, &mut found);
                    }
                }
            }
        }
        for (name, path) in found {
            match name {
                Some(name) => drop(self.imports.insert(name, path)),
                None => self.all_of.push(path),
            }
        }
    }

    fn imported_by_go(&self, at: usize, found: &mut Vec<(Option<String>, String)>) {
        let until = if self.is(at, "(") { self.pair(at).unwrap_or(at) } else { at + 2 };
        for at in at..until {
            let Some(Token::Text(path)) = self.token(at) else { continue };
            let usual = path.rsplit('/').next().unwrap_or(path);
            let other = self.word(at - 1).filter(|it| *it != "import");
            let whole = self.is(at - 1, ".");
            let name = Some(other.unwrap_or(usual).to_owned()).filter(|_| !whole);
            found.push((name, path.clone()));
        }
    }

    /// One path of what is imported, or several in braces; where it ends.
    fn import(
        &self,
        from: usize,
        before: &str,
        deep: usize,
        found: &mut Vec<(Option<String>, String)>,
    ) -> usize {
        let (mut path, mut at, mut alias) = (before.to_owned(), from, None);
        for _ in 0..CHAIN_MAX {
            match self.token(at) {
                Some(Token::Word("static" | "func" | "class" | "struct" | "unsafe")) => at += 1,
                Some(Token::Word("as")) => {
                    alias = self.word(at + 1);
                    at += 2;
                }
                Some(Token::Word("self")) if !path.is_empty() => at += 1,
                Some(Token::Word("_")) => {
                    found.push((None, path));
                    return at + 1;
                }
                Some(Token::Word(word)) if path.is_empty() || self.joins(at - 1) => {
                    // `using Name = A.B;`
                    if self.is(at + 1, "=") {
                        alias = Some(word);
                        at += 2;
                        continue;
                    }
                    path =
                        if path.is_empty() { (*word).to_owned() } else { format!("{path}.{word}") };
                    at += 1;
                }
                Some(Token::Sign("." | "::")) => at += 1,
                Some(Token::Sign("*")) => {
                    found.push((None, path));
                    return at + 1;
                }
                Some(Token::Sign("{")) if deep < DECLARED_MAX => {
                    for part in self.parts(at) {
                        // Each begins behind the dots.
                        let mut own = Vec::new();
                        self.import_part(part, &path, deep, &mut own);
                        found.append(&mut own);
                    }
                    return self.pair(at).unwrap_or(at) + 1;
                }
                _ => break,
            }
        }
        let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
        if self.language == Language::CSharp && alias.is_none() {
            found.push((None, path));
        } else if !path.is_empty() {
            found.push((Some(alias.map_or(last, str::to_owned)), path));
        }
        at
    }

    fn import_part(
        &self,
        part: Range,
        before: &str,
        deep: usize,
        found: &mut Vec<(Option<String>, String)>,
    ) {
        match (self.word(part.start), self.is(part.start, "*")) {
            (Some(word), _) => {
                let path = match word {
                    "self" => before.to_owned(),
                    word => format!("{before}.{word}"),
                };
                if part.len() == 1 {
                    let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
                    found.push((Some(last), path));
                } else {
                    self.import(part.start + 1, &path, deep + 1, found);
                }
            }
            (None, true) => found.push((None, before.to_owned())),
            (None, false) => {}
        }
    }
}
