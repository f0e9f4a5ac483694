//! Modules that a program uses: what their names stand for, and whether anybody knows what they do.

use tree_sitter::Node;

use super::{Language, Reader, Value, children, field, grammar, read_within};
use crate::{Unreadable, shell::configured::load_variables};

/// Modules that reach nothing beyond what their calls say.
const PLAIN: &str =
    "os sys importlib json re math time datetime pathlib shutil subprocess glob collections itertools
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
                    let (own, other) = self.renamed(name);
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
    /// is read; what any other does that is not known, nobody knows.
    pub(super) fn uses(&mut self, module: &str) -> Result<String, Unreadable> {
        let module = module.trim_start_matches("node:");
        if matches!(module, "dotenv/config" | "decouple") {
            load_variables(self.walk, self.scope, ".env");
        }
        let beside = match self.language {
            Language::Python if !module.contains('/') => {
                Some(format!("{}.py", module.trim_start_matches('.').replace('.', "/")))
            }
            Language::JavaScript | Language::Ruby if module.starts_with('.') => {
                Some(module.to_owned())
            }
            _ => None,
        };
        let own = !is_plain(module)
            && beside.is_some_and(|file| self.runs_beside(&file).unwrap_or(false));
        if !own && !is_plain(module) && !module.ends_with(".json") {
            self.unclear = true;
        }
        Ok(grammar::dotted(module))
    }

    /// Reads a file of the program's own; whether there is one.
    fn runs_beside(&mut self, file: &str) -> Result<bool, Unreadable> {
        let endings: &[&str] = match self.language {
            Language::JavaScript => &["", ".js", ".ts", ".mjs", ".cjs", "/index.js"],
            Language::Ruby => &["", ".rb"],
            _ => &[""],
        };
        for ending in endings {
            let file = format!("{file}{ending}");
            let there = self
                .walk
                .paths(self.scope, &file)
                .iter()
                .any(|it| self.walk.files.text(it).is_some());
            if there {
                self.runs_file(&file)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a file as a program of the same language.
    pub(super) fn runs_file(&mut self, file: &str) -> Result<(), Unreadable> {
        if file.ends_with(".json") {
            return Ok(());
        }
        let code = self.walk.read(self.scope, file, true);
        self.evaluates(&code)
    }

    /// Reads a text as a program of the same language.
    pub(super) fn evaluates(&mut self, code: &str) -> Result<(), Unreadable> {
        if code.chars().all(|it| it == super::UNKNOWN) {
            self.unclear = true;
            return Ok(());
        }
        read_within(self.walk, self.scope, code, self.language, self.level + 1, None)
    }
}

fn is_plain(module: &str) -> bool {
    let first = module.split(['.', '/']).next().unwrap_or(module);
    let listed = |name: &str| PLAIN.split_whitespace().any(|plain| plain == name);
    listed(module) || listed(first) || module.starts_with("@types/")
}
