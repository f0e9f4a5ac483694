//! Modules that a program uses: what their names stand for, and whether anybody knows what they do.

use tree_sitter::Node;

use super::{
    Entry, Language, Reader, Source, Value, children, field, grammar, module::Module, read_within,
};
use crate::{Unreadable, shell::configured::load_variables};

/// Modules that reach nothing beyond what their calls say.
const PLAIN: &str =
    "os sys socket importlib json re math time datetime pathlib shutil subprocess glob collections itertools
    functools typing random string textwrap csv io hashlib base64 argparse logging tempfile
    uuid decimal enum dataclasses copy pprint statistics struct zlib gzip zipfile tarfile
    configparser difflib unittest traceback types abc contextlib fs path util child_process
    assert events url crypto process fs/promises stream test readline perf_hooks buffer
    fileutils set date pp yaml tomllib toml ast sqlite3 psycopg2 psycopg pymysql mysql
    asyncpg pg requests httpx urllib axios node-fetch http https net/http strict warnings
    __future__ inspect platform getpass chalk dotenv numpy pandas matplotlib django
    sqlalchemy pytest flask secrets bisect heapq operator fnmatch locale signal queue
    threading concurrent asyncio select html
    rich tqdm click typer tabulate colorama termcolor jinja2 markupsafe markdown pygments bs4 lxml
    pydantic attr attrs dateutil pytz zoneinfo tzdata PIL cv2 scipy sklearn seaborn networkx sympy
    polars pyarrow openpyxl xlrd docx pypdf tiktoken regex orjson msgpack cattrs more_itertools
    array cmath fractions numbers calendar graphlib codecs unicodedata stringprep gettext
    weakref gc dis tokenize keyword symtable ctypes.util cProfile pstats timeit doctest
    lodash underscore ramda commander yargs minimist zod uuid nanoid dayjs moment date-fns luxon
    glob fast-glob picomatch semver prettier typescript esbuild acorn cheerio marked js-yaml
    csv-parse ora kleur picocolors cli-table3 immer rxjs d3 mathjs
    optparse erb securerandom stringio bigdecimal forwardable open3 benchmark
    Data::Dumper List::Util Scalar::Util POSIX Time::HiRes Getopt::Long File::Basename File::Spec
    Cwd Text::Wrap File::Path File::Copy File::Temp File::Find File::Glob JSON::PP Encode DBI
    LWP::UserAgent HTTP::Tiny HTTP::Request utf8 feature vars lib autodie constant parent base IPC::Open3 Term::ANSIColor
    fs-extra tmpdir tempfile pathname net/http uri active_record English shellwords digest zip logger tsort";

impl<'t> Reader<'_, '_, 't> {
    /// `import a.b as c`, `from a import b`, `import { a as b } from 'c'`, `use a`.
    pub(super) fn imports(&mut self, node: Node<'t>) -> Result<Value<'t>, Unreadable> {
        match node.kind() {
            "import_statement" if self.language == Language::Python => {
                for name in children(node) {
                    let (own, other) = self.renamed(name);
                    self.uses(&own)?;
                    let first = own.split('.').next().unwrap_or(&own).to_owned();
                    let (name, value) = match other {
                        Some(other) => (other, own),
                        None => (first.clone(), first),
                    };
                    self.variables.insert(name, Value::Name(value));
                }
            }
            "import_from_statement" | "future_import_statement" => {
                let module =
                    field(node, &["module_name"]).map_or("", |it| self.slice(it)).to_owned();
                self.uses(&module)?;
                for name in children(node).into_iter().skip(1) {
                    if name.kind() == "wildcard_import" {
                        self.spread.push(grammar::dotted(&module));
                        continue;
                    }
                    let (own, other) = self.renamed(name);
                    let path = format!("{}/{own}", module.trim_matches('.').replace('.', "/"));
                    let path = path.trim_start_matches('/');
                    let files = [format!("{path}.py"), format!("{path}/__init__.py")];
                    self.runs_beside(&files, &format!("{module}.{own}"))?;
                    let value = Value::Name(format!("{module}.{own}"));
                    self.variables.insert(other.unwrap_or(own), value);
                }
            }
            "import_statement" => self.imports_of_javascript(node)?,
            "namespace_use_clause" => {
                let (own, other) = self.renamed(node);
                let last = own.rsplit('.').next().unwrap_or(&own).to_owned();
                self.variables.insert(other.unwrap_or(last), Value::Name(own));
            }
            "use_statement" => {
                let module = field(node, &["module"]).map_or("", |it| self.slice(it)).to_owned();
                self.uses(&module)?;
            }
            // `include 'x.php'`
            _ => {
                let file = self.first(node)?.text();
                self.runs_file(&file)?;
            }
        }
        Ok(Value::Unknown)
    }

    /// What is named, and the other name that it is given.
    fn renamed(&self, node: Node<'t>) -> (String, Option<String>) {
        let alias = field(node, &["alias"]);
        let own = field(node, &["name"]).or_else(|| match alias {
            Some(_) => node.named_child(0),
            None if node.kind() == "namespace_use_clause" => node.named_child(0),
            None => None,
        });
        let own = match (self.slice(own.unwrap_or(node)), self.language) {
            (own, Language::JavaScript) => own.to_owned(),
            (own, _) => grammar::dotted(own),
        };
        (own, alias.map(|it| self.slice(it).to_owned()))
    }

    fn imports_of_javascript(&mut self, node: Node<'t>) -> Result<(), Unreadable> {
        let Some(source) = field(node, &["source"]) else { return Ok(()) };
        let module = self.text(source)?;
        let name = self.uses(&module)?;
        let clause = children(node).into_iter().find(|it| it.kind() == "import_clause");
        for part in clause.map(children).unwrap_or_default() {
            match part.kind() {
                "named_imports" => {
                    for own in children(part) {
                        let (own, other) = self.renamed(own);
                        let value = Value::Name(format!("{name}.{own}"));
                        self.variables.insert(other.unwrap_or(own), value);
                    }
                }
                _ => {
                    let own = part.named_child(0).unwrap_or(part);
                    self.variables.insert(self.slice(own).to_owned(), Value::Name(name.clone()));
                }
            }
        }
        Ok(())
    }

    /// Notes that a module is used, and answers what it is called. One that lies beside the program
    /// is read, whatever its name; what any other does that is not known, nobody knows.
    pub(super) fn uses(&mut self, module: &str) -> Result<String, Unreadable> {
        let module = module.trim_start_matches("node:");
        if matches!(module, "dotenv/config" | "decouple") {
            load_variables(self.walk, self.scope, ".env");
        }
        let is_file = module.starts_with(['.', '/']);
        let beside: Vec<String> = match self.language {
            Language::Python => {
                let path = module.trim_start_matches('.').replace('.', "/");
                vec![format!("{path}.py"), format!("{path}/__init__.py")]
            }
            Language::JavaScript if is_file => {
                ["", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx", "/index.js", "/index.ts"]
                    .map(|ending| format!("{module}{ending}"))
                    .to_vec()
            }
            Language::Ruby => ["", ".rb"].map(|ending| format!("{module}{ending}")).to_vec(),
            Language::Perl => {
                let path = module.replace("::", "/");
                vec![format!("{path}.pm"), format!("lib/{path}.pm"), path]
            }
            _ => Vec::new(),
        };
        let is_data = self.language == Language::JavaScript && module.ends_with(".json");
        if !self.runs_beside(&beside, &grammar::dotted(module))?
            && !is_data
            && (!is_plain(module) || is_file)
        {
            self.unclear = true;
        }
        Ok(grammar::dotted(module))
    }

    /// Reads the first of these files that lies beside the program; whether there is one.
    fn runs_beside(&mut self, files: &[String], name: &str) -> Result<bool, Unreadable> {
        let directory = self.source.file.and_then(|it| it.rsplit_once('/')).map(|it| it.0);
        for file in files {
            let beside = directory.filter(|_| !file.starts_with('/'));
            let file = beside.map_or_else(|| file.clone(), |it| format!("{it}/{file}"));
            let there = self
                .walk
                .paths(self.scope, &file)
                .iter()
                .any(|it| self.walk.files.text(it).is_some());
            if there {
                self.takes_in(name, &file)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a module for what it does when it is taken in, unless that was read before.
    fn takes_in(&mut self, name: &str, file: &str) -> Result<(), Unreadable> {
        self.modules.push((name.to_owned(), file.to_owned()));
        if file.ends_with(".json") || !self.walk.programs.first_time(file) {
            return Ok(());
        }
        let code = self.walk.read(self.scope, file, true);
        self.walk.programs.beside.insert(file.to_owned(), Module::new(&code));
        self.runs_code(&code, Some(file), Entry::Module)
    }

    /// Reads a file as a program of the same language, unless it was read before.
    pub(super) fn runs_file(&mut self, file: &str) -> Result<(), Unreadable> {
        if file.ends_with(".json") || !self.walk.programs.first_time(file) {
            return Ok(());
        }
        let code = self.walk.read(self.scope, file, true);
        self.runs_code(&code, Some(file), Entry::Whole)
    }

    /// Reads a text as a program of the same language.
    pub(super) fn evaluates(&mut self, code: &str) -> Result<(), Unreadable> {
        self.runs_code(code, None, Entry::Whole)
    }

    fn runs_code(
        &mut self,
        code: &str,
        file: Option<&str>,
        entry: Entry<'_>,
    ) -> Result<(), Unreadable> {
        // What nobody knows of it may be more of it.
        self.unclear |= code.contains(super::UNKNOWN);
        if code.chars().all(|it| it == super::UNKNOWN) {
            return Ok(());
        }
        let source = Source { file: file.or(self.source.file), handed: self.source.handed };
        let level = self.level + 1;
        let inner = |reader: &mut Self| {
            let (walk, scope) = (&mut *reader.walk, &mut *reader.scope);
            read_within(walk, scope, code, reader.language, &source, level, entry).map(drop)
        };
        self.deeper(inner).unwrap_or(Ok(()))
    }
}

fn is_plain(module: &str) -> bool {
    let first = module.split(['.', '/']).next().unwrap_or(module);
    let listed = |name: &str| PLAIN.split_whitespace().any(|plain| plain == name);
    !module.contains("..") && (listed(module) || listed(first) || module.starts_with("@types/"))
}
