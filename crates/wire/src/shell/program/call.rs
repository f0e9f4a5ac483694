//! Calls in a program: what they delete, write, start, ask a database and send.

use holdpoint_core::Effect;

use super::{
    Reader, Token, UNKNOWN,
    modules::{is_file_call, is_http_call, is_process_call},
};
use crate::{
    Unreadable,
    shell::{call::Pipe, targets},
};

impl Reader<'_, '_> {
    /// What a call does.
    pub(super) fn called(
        &mut self,
        name: &str,
        at: usize,
        arguments: &[Vec<String>],
    ) -> Result<(), Unreadable> {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        if self.changes_files(name, at, arguments)? {
            return Ok(());
        }
        match last {
            "run" | "call" | "check_call" | "check_output" | "Popen" | "system" | "popen"
            | "execSync" | "exec" | "spawn" | "spawnSync" | "execFile" | "execFileSync"
            | "shell_exec" | "passthru" | "getoutput" | "execa"
                if is_process_call(name) =>
            {
                self.starts(arguments)?;
            }
            "execute" | "executescript" | "executemany" | "query" | "exec_driver_sql"
            | "executeRawUnsafe" | "queryRawUnsafe" | "raw" | "unsafe" | "execute_batch" => {
                let first = arguments.first().and_then(|texts| texts.first());
                let text = first.cloned().unwrap_or_else(|| UNKNOWN.to_string());
                self.asks(&text);
            }
            "drop_all" | "deleteMany" | "delete_all" | "destroy_all" | "dropDatabase"
            | "drop_database" | "flushall" | "flushdb" | "truncate_all" | "dropTable"
            | "dropAllTables" | "truncate" | "bulk_delete" => {
                let target = targets::ambient(self.walk, self.scope, None);
                self.walk.at_database(self.scope, &target, &format!("orm:{last}"), Effect::Destroy);
            }
            "get" | "post" | "put" | "patch" | "delete" | "request" | "fetch" | "urlopen"
            | "urlretrieve"
                if is_http_call(name) =>
            {
                self.sends(last, arguments)?;
            }
            "eval" | "compile" | "__import__" | "import_module" | "loads"
                if name == last || name.contains("pickle") || name.contains("marshal") =>
            {
                self.unclear |= last != "loads" || name.contains("pickle")
            }
            _ => {}
        }
        Ok(())
    }

    /// What a call does to files; whether it is one that does anything to them.
    fn changes_files(
        &mut self,
        name: &str,
        at: usize,
        arguments: &[Vec<String>],
    ) -> Result<bool, Unreadable> {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let unknown = || UNKNOWN.to_string();
        let argument = |at: usize| arguments.get(at).and_then(|texts| texts.first()).cloned();
        let first = argument(0);
        let receiver = || self.receiver(name, at);
        match last {
            "rmtree" | "removedirs" | "rmSync" | "unlinkSync" | "rmdirSync" | "rm_rf" | "rm_r"
            | "remove_dir_all" | "removeSync" | "emptyDirSync" | "rimraf" | "remove_tree"
            | "emptyDir" => {
                self.walk.deletes(self.scope, &first.unwrap_or_else(unknown), "program:delete");
            }
            "remove" | "unlink" | "rm" | "rmdir" | "delete" if is_file_call(name) => {
                let path = first.or_else(receiver).unwrap_or_else(unknown);
                self.walk.deletes(self.scope, &path, "program:delete");
            }
            "writeFileSync" | "writeFile" | "file_put_contents" | "outputFile"
            | "outputFileSync" | "copyFileSync" | "copyfile" | "copy2" | "writeTextFile" => {
                let copies = last.starts_with("copy");
                let path = argument(usize::from(copies)).unwrap_or_else(unknown);
                let text = argument(1).unwrap_or_else(unknown);
                self.walk.writes(self.scope, &path, &text, false);
            }
            "write_text" | "write_bytes" => {
                let path = receiver().unwrap_or_else(unknown);
                self.walk.writes(self.scope, &path, &first.unwrap_or_else(unknown), false);
            }
            "appendFileSync" | "appendFile" => {
                self.walk.writes(self.scope, &first.unwrap_or_else(unknown), "", true)
            }
            "open" | "fopen" | "createWriteStream" if name != "os.open" => {
                let mode = arguments
                    .iter()
                    .skip(1)
                    .flatten()
                    .find(|mode| mode.len() <= 3 && mode.starts_with(['w', 'a', 'x']));
                if last == "createWriteStream" || mode.is_some() {
                    let append = mode.is_some_and(|mode| mode.starts_with('a'));
                    self.walk.writes(
                        self.scope,
                        &first.unwrap_or_else(unknown),
                        &unknown(),
                        append,
                    );
                } else if let Some(path) = first {
                    self.walk.read(self.scope, &path, false);
                }
            }
            "move" | "rename" | "renameSync" | "moveSync" if arguments.len() == 2 => {
                let words: Vec<String> = ["mv".to_owned()]
                    .into_iter()
                    .chain(arguments.iter().flatten().cloned())
                    .collect();
                self.walk.call(self.scope, &words, &Pipe::captured(None))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn starts(&mut self, arguments: &[Vec<String>]) -> Result<(), Unreadable> {
        let Some(first) = arguments.first() else { return Ok(()) };
        let mut words = first.clone();
        // `spawn('rm', ['-rf', 'x'])`
        let lists = arguments
            .get(1)
            .filter(|list| list.len() > 1 || words.first().is_some_and(|it| !it.contains(' ')));
        if let Some(list) = lists.filter(|list| {
            words.len() == 1
                && !list.is_empty()
                && list.iter().all(|it| !it.contains(UNKNOWN) || it.len() > 3)
        }) {
            words.extend(list.iter().filter(|it| !it.is_empty()).cloned());
        }
        let pipe = Pipe { stdin: None, captured: false, piped: false };
        match words.as_slice() {
            [script] => self.walk.script(&mut self.scope.clone(), script, &pipe)?,
            words => self.walk.call(self.scope, words, &pipe)?,
        };
        Ok(())
    }

    fn asks(&mut self, text: &str) {
        let url = self
            .variables
            .iter()
            .map(|(_, value)| value.as_str())
            .find(|value| targets::is_url(value));
        let literal = self.tokens.iter().find_map(|token| match token {
            Token::Text(text) if targets::is_url(text) => Some(text.as_str()),
            Token::Text(text)
                if [".db", ".sqlite", ".sqlite3"].iter().any(|end| text.ends_with(end))
                    || text == ":memory:" =>
            {
                Some(text.as_str())
            }
            _ => None,
        });
        let target = match url.or(literal) {
            Some(url) => targets::of_url(url),
            None => targets::ambient(self.walk, self.scope, None),
        };
        self.walk.statements(self.scope, text, &target);
    }

    fn sends(&mut self, method: &str, arguments: &[Vec<String>]) -> Result<(), Unreadable> {
        let texts: Vec<&String> = arguments.iter().flatten().collect();
        let Some(url) = texts.iter().find(|text| text.starts_with("http")) else { return Ok(()) };
        let words: Vec<&str> = texts
            .iter()
            .map(|it| it.as_str())
            .filter(|it| ["POST", "PUT", "PATCH", "DELETE", "GET"].contains(it))
            .collect();
        let named =
            self.tokens.iter().any(|token| matches!(token, Token::Name(name) if name == "method"));
        let literal = self.tokens.iter().find_map(|token| match token {
            Token::Text(text)
                if named && ["POST", "PUT", "PATCH", "DELETE"].contains(&text.as_str()) =>
            {
                Some(text.as_str())
            }
            _ => None,
        });
        let method = match method {
            "post" | "put" | "patch" | "delete" => method.to_ascii_uppercase(),
            _ => words.first().copied().or(literal).unwrap_or("GET").to_owned(),
        };
        let call: Vec<String> =
            ["curl", "-X", &method, url.as_str()].iter().map(|it| (*it).to_owned()).collect();
        self.walk.call(self.scope, &call, &Pipe::captured(None))?;
        Ok(())
    }
}
