//! Options as getopt_long(3) reads them, for tools of which all options are known: whoever acts
//! upon a value has to know that it is one.

/// The options of a tool.
pub(super) struct Syntax {
    /// Its letters; a colon follows those that take a value.
    letters: &'static str,
    /// Its long names, and the letters that they stand for.
    names: &'static [(&'static str, char)],
}

/// What was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given<'w> {
    values: Vec<(char, &'w str)>,
    pub(super) operands: Vec<&'w str>,
}

/// Source: PostgreSQL 17, `src/bin/psql/startup.c`.
const PSQL: Syntax = Syntax {
    letters: "aAbc:d:eEf:F:h:HlL:no:p:P:qR:sStT:U:v:VwWxXz01",
    names: &[
        ("echo-all", 'a'),
        ("no-align", 'A'),
        ("echo-errors", 'b'),
        ("command", 'c'),
        ("csv", '1'),
        ("dbname", 'd'),
        ("echo-queries", 'e'),
        ("echo-hidden", 'E'),
        ("file", 'f'),
        ("field-separator", 'F'),
        ("field-separator-zero", 'z'),
        ("host", 'h'),
        ("html", 'H'),
        ("list", 'l'),
        ("log-file", 'L'),
        ("no-readline", 'n'),
        ("single-transaction", '1'),
        ("output", 'o'),
        ("port", 'p'),
        ("pset", 'P'),
        ("quiet", 'q'),
        ("record-separator", 'R'),
        ("record-separator-zero", '0'),
        ("single-step", 's'),
        ("single-line", 'S'),
        ("tuples-only", 't'),
        ("table-attr", 'T'),
        ("username", 'U'),
        ("set", 'v'),
        ("variable", 'v'),
        ("no-password", 'w'),
        ("password", 'W'),
        ("expanded", 'x'),
        ("no-psqlrc", 'X'),
    ],
};
/// Source: PostgreSQL 17, `src/bin/scripts/dropdb.c`. What has no letter shares one.
const DROPDB: Syntax = Syntax {
    letters: "efh:im:p:U:wW",
    names: &[
        ("echo", 'e'),
        ("force", 'f'),
        ("host", 'h'),
        ("if-exists", 'f'),
        ("interactive", 'i'),
        ("maintenance-db", 'm'),
        ("port", 'p'),
        ("username", 'U'),
        ("no-password", 'w'),
        ("password", 'W'),
    ],
};

/// The options of a tool of which all are known.
pub(super) fn syntax(tool: &str) -> Option<&'static Syntax> {
    match tool {
        "psql" => Some(&PSQL),
        "dropdb" => Some(&DROPDB),
        _ => None,
    }
}

impl Syntax {
    /// Reads `words`; `None` where one of them is no option of this tool, or lacks its value.
    pub(super) fn read<'w>(&self, words: &'w [String]) -> Option<Given<'w>> {
        let mut given = Given { values: Vec::new(), operands: Vec::new() };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                given.operands.extend(words.by_ref());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                let (_, letter) = self.names.iter().find(|(own, _)| *own == name)?;
                match (self.takes_value(*letter)?, value) {
                    (true, Some(value)) => given.values.push((*letter, value)),
                    (true, None) => given.values.push((*letter, words.next()?)),
                    (false, None) => {}
                    (false, Some(_)) => return None,
                }
            } else if let Some(cluster) = word.strip_prefix('-').filter(|it| !it.is_empty()) {
                let mut letters = cluster.chars();
                while let Some(letter) = letters.next() {
                    if self.takes_value(letter)? {
                        let rest = letters.as_str();
                        let value = if rest.is_empty() { words.next()? } else { rest };
                        given.values.push((letter, value));
                        break;
                    }
                }
            } else {
                given.operands.push(word);
            }
        }
        Some(given)
    }

    fn takes_value(&self, letter: char) -> Option<bool> {
        let (_, rest) = self.letters.split_once(letter).filter(|_| letter != ':')?;
        Some(rest.starts_with(':'))
    }
}

impl<'w> Given<'w> {
    /// The value of an option; the last counts.
    pub(super) fn value(&self, letter: char) -> Option<&'w str> {
        self.values.iter().rev().find(|(own, _)| *own == letter).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::shell::{Command, Dialect, interpret, tests::Fake};

    /// The address and the directory of the step that drops something.
    fn address(text: &str) -> (Option<String>, Option<String>) {
        let environment = BTreeMap::new();
        let dialect = Dialect::Bash;
        let command = Command { dialect, text, directory: "/w/app", environment: &environment };
        let steps = interpret(&command, &Fake(true)).unwrap().steps;
        let drops = |name: &str| name.contains("drop");
        let mut found = steps.into_iter().filter(|it| drops(it.operation.name.as_str()));
        let step = found.next().unwrap();
        assert!(found.next().is_none(), "{text}");
        (step.address, step.directory)
    }

    #[test]
    fn the_database_that_would_be_saved_is_the_one_that_is_meant() {
        let check = |text: &str, expect: Option<&str>| {
            let expect = expect.map(|it| format!("postgres://{it}"));
            assert_eq!(address(text).0, expect, "{text}");
        };
        let shop = Some("dev:@localhost:5432/shop");
        for text in [
            "psql -h localhost -U dev shop -c 'DROP TABLE users'",
            "psql -h localhost -U dev -o postgres shop -c 'DROP TABLE users'",
            "psql -h localhost -U dev -XqAto postgres shop -c 'DROP TABLE users'",
            "psql -h localhost -L postgres --output postgres shop dev -c 'DROP TABLE users'",
            "psql -qh localhost -v a=b --set c=d -e shop dev -c 'DROP TABLE users'",
            "psql --dbname=shop -h localhost dev -c 'DROP TABLE users'",
            "dropdb -h localhost --maintenance-db postgres -U dev --if-exists shop",
        ] {
            check(text, shop);
        }
        for text in [
            "psql -h localhost -U dev --new-option postgres shop -c 'DROP TABLE users'",
            "psql -h localhost -U dev -Y postgres shop -c 'DROP TABLE users'",
            "psql -h localhost -U dev 'dbname=shop' -c 'DROP TABLE users'",
            "psql -h localhost,10.0.0.5 -U dev shop -c 'DROP TABLE users'",
            "psql -h localhost -U dev postgres -c 'DROP DATABASE shop'",
            "psql 'postgresql://localhost/postgres?dbname=shop' -c 'DROP TABLE users'",
            "psql 'postgresql:///shop?host=localhost&hostaddr=10.0.0.5' -c 'DROP TABLE users'",
            "PGHOSTADDR=10.0.0.5 psql -h localhost -U dev shop -c 'DROP TABLE users'",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_file_is_named_from_where_the_shell_is() {
        let check = |text: &str, expect: Option<&str>| {
            let (address, directory) = address(text);
            assert_eq!(address.as_deref(), Some("file:app.db"), "{text}");
            assert_eq!(directory.as_deref(), expect, "{text}");
        };
        check("sqlite3 app.db 'DROP TABLE users'", Some("/w/app"));
        check("cd src && sqlite3 app.db 'DROP TABLE users'", Some("/w/app/src"));
        check("cd $(cat where) && sqlite3 app.db 'DROP TABLE users'", None);
    }
}
