//! Programs in other languages, read for their calls: what they delete, write, start, ask a
//! database and send. What cannot be followed is code that nobody sees.

mod call;
mod modules;
mod token;
mod value;

use super::{
    expand::{UNKNOWN, ansi},
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;
use token::{TOKENS_MAX, Token, tokens};

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

    /// The options that carry a program.
    pub(super) fn inline(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["-c"],
            Self::JavaScript => &["-e", "--eval", "-p", "--print", "-pe"],
            Self::Ruby => &["-e"],
            Self::Perl => &["-e", "-E", "-ne", "-pe", "-i -pe"],
            Self::Php => &["-r"],
        }
    }
}

/// Reads a program, and notes what it would do.
pub(super) fn read(
    walk: &mut Walk<'_>,
    scope: &mut Scope,
    code: &str,
    language: Language,
) -> Result<(), Unreadable> {
    let mut tokens = tokens(code, language);
    modules::renamed(&mut tokens);
    let mut reader = Reader {
        walk,
        scope,
        variables: Vec::new(),
        unclear: code.contains(UNKNOWN) || modules::are_unclear(code),
        tokens: &tokens,
    };
    let mut at = 0;
    while at < tokens.len() {
        reader.token(at)?;
        at += 1;
    }
    if reader.unclear || tokens.len() >= TOKENS_MAX {
        walk.unseen_program(scope, "code", tokens.len() >= TOKENS_MAX);
    }
    Ok(())
}

struct Reader<'r, 'a> {
    walk: &'r mut Walk<'a>,
    scope: &'r mut Scope,
    variables: Vec<(String, String)>,
    unclear: bool,
    tokens: &'r [Token],
}

impl Reader<'_, '_> {
    fn token(&mut self, at: usize) -> Result<(), Unreadable> {
        let Some(Token::Name(name)) = self.tokens.get(at) else { return Ok(()) };
        match self.tokens.get(at + 1) {
            Some(Token::Sign('=')) if self.tokens.get(at + 2) != Some(&Token::Sign('=')) => {
                let end = self.end_of_value(at + 2);
                let value = self.value(at + 2, end);
                self.variables.retain(|(own, _)| own != name);
                self.variables.push((name.clone(), value));
                Ok(())
            }
            Some(Token::Sign('(')) => {
                let arguments = self.arguments(at + 2);
                self.called(name, at, &arguments)
            }
            // Perl and Ruby call without brackets.
            Some(Token::Text(_))
                if matches!(
                    name.as_str(),
                    "system" | "exec" | "unlink" | "rmtree" | "FileUtils.rm_rf" | "File.delete"
                ) =>
            {
                let words = self.listed(at + 1);
                self.called(name, at, &[words])
            }
            // Ruby calls without any.
            _ if [".delete_all", ".destroy_all"].iter().any(|end| name.ends_with(end)) => {
                self.called(name, at, &[])
            }
            _ => Ok(()),
        }
    }
}
