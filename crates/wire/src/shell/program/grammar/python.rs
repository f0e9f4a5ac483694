//! Python: `tree-sitter-python`, and the calls of its own library.

use super::{Does, Gives, Grammar, Role};

pub(super) const GRAMMAR: Grammar =
    Grammar { tongues: |_| vec![tree_sitter_python::LANGUAGE.into()], role, calls: CALLS };

fn role(kind: &str) -> Role {
    match kind {
        "comment" | "type" | "type_conversion" | "format_specifier" => Role::Nothing,
        "string" => Role::Text,
        "integer" | "float" | "true" | "false" | "none" => Role::Plain,
        "identifier" => Role::Name,
        "attribute" => Role::Member,
        "subscript" => Role::Index,
        "call" => Role::Call,
        "binary_operator" | "concatenated_string" => Role::Join,
        "boolean_operator" | "conditional_expression" => Role::Otherwise,
        "list" | "tuple" | "set" | "expression_list" => Role::List,
        "dictionary" => Role::Table,
        "assignment" | "augmented_assignment" | "named_expression" | "as_pattern" => Role::Assign,
        "function_definition" => Role::Function,
        "lambda" => Role::Lambda,
        "class_definition" => Role::Class,
        "for_statement" => Role::Loop,
        "list_comprehension"
        | "set_comprehension"
        | "generator_expression"
        | "dictionary_comprehension" => Role::Comprehension,
        "if_statement" | "while_statement" | "try_statement" | "except_clause"
        | "match_statement" | "else_clause" => Role::Branch,
        "return_statement" | "yield" => Role::Return,
        "import_statement" | "import_from_statement" | "future_import_statement" => Role::Import,
        "unary_operator" | "not_operator" => Role::Sign,
        "decorator" => Role::Call,
        "parenthesized_expression" | "await" | "interpolation" | "list_splat" => Role::First,
        _ => Role::Last,
    }
}

const CALLS: &[(Does, &str)] = &[
    (
        Does::Deletes,
        "os.remove os.unlink os.rmdir Path.unlink Path.rmdir path.unlink path.rmdir path.rmtree path.remove path.delete remove unlink",
    ),
    (Does::Writes, "path.write_text path.write_bytes Path.write_text Path.write_bytes"),
    (
        Does::Appends,
        "logging.FileHandler *.RotatingFileHandler *.TimedRotatingFileHandler *.WatchedFileHandler",
    ),
    (Does::Truncates, "os.truncate os.ftruncate sqlite3.connect.backup"),
    (Does::Copies, "shutil.copy shutil.copy2 shutil.copyfile shutil.copytree"),
    (
        Does::Moves,
        "shutil.move os.rename os.renames os.replace path.rename path.replace path.move Path.rename Path.replace",
    ),
    (Does::Like("ln -s {0} {1}"), "os.symlink os.link"),
    (
        Does::Like("ln -s {1} {0}"),
        "path.symlink_to path.hardlink_to path.link_to Path.symlink_to Path.hardlink_to",
    ),
    (Does::Like("chmod {1} {0}"), "os.chmod os.lchmod os.fchmod path.chmod path.lchmod Path.chmod"),
    (Does::Like("chown {1} {0}"), "os.chown os.lchown os.fchown shutil.chown"),
    (Does::Like("tee {0}.zip"), "shutil.make_archive"),
    (Does::Unpacks, "text.extractall text.extract *.extractall shutil.unpack_archive"),
    (
        Does::Opens,
        "io.FileIO FileIO open os.open io.open path.open codecs.open gzip.open bz2.open lzma.open tarfile.open tarfile.TarFile zipfile.ZipFile gzip.GzipFile bz2.BZ2File",
    ),
    (Does::Reads, "path.read_text path.read_bytes"),
    (
        Does::Starts,
        "os.system os.popen subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen subprocess.getoutput subprocess.getstatusoutput os.execv os.execve os.execvp os.execvpe os.execl os.execle os.execlp os.execlpe os.spawnv os.spawnvp os.spawnl os.spawnlp os.posix_spawn os.posix_spawnp pty.spawn commands.getoutput asyncio.create_subprocess_shell asyncio.create_subprocess_exec pexpect.run pexpect.spawn system popen",
    ),
    (
        Does::Asks,
        "*.execute *.executemany *.executescript *.exec_driver_sql *.execute_batch *.execute_values",
    ),
    (Does::Evaluates, "exec eval compile execfile builtins.exec builtins.eval runpy.run_path"),
    (Does::TakesIn, "dotenv.load_dotenv load_dotenv environ.Env.read_env"),
    (Does::Sets, "*.set_main_option *.set_section_option"),
    (
        Does::Gives(Gives::Variable),
        "dj_database_url.config decouple.config environ.Env.call environ.Env.db environ.Env.str environ.Env.url",
    ),
    (
        Does::Loads,
        "yaml.unsafe_load yaml.unsafe_load_all yaml.full_load_all pandas.read_pickle *.subprocess_exec *.subprocess_shell ctypes.CDLL ctypes.cdll.LoadLibrary types.FunctionType importlib.reload pickle.loads pickle.load marshal.loads dill.loads",
    ),
    (Does::Binds, "functools.partial partial"),
    (Does::Names, "getattr operator.attrgetter operator.methodcaller"),
    (Does::Imports, "__import__ importlib.import_module import_module"),
    (Does::Goes, "os.chdir contextlib.chdir os.fchdir"),
    (Does::Prints, "print pprint.pprint sys.stdout.write"),
    (Does::Gives(Gives::Path), "pathlib.Path Path pathlib.PosixPath pathlib.PurePath"),
    (Does::Gives(Gives::PathJoin), "os.path.join path.joinpath"),
    (Does::Gives(Gives::Home), "pathlib.Path.home Path.home path.home"),
    (Does::Gives(Gives::Here), "os.getcwd pathlib.Path.cwd Path.cwd"),
    (
        Does::Gives(Gives::Same),
        "os.path.expanduser os.path.abspath os.path.realpath os.path.normpath os.fspath os.fsencode str bytes list tuple sorted set reversed sqlalchemy.text text path.resolve path.expanduser path.absolute path.as_posix text.read path.read asyncio.run",
    ),
    (Does::Gives(Gives::Trimmed), "text.strip text.rstrip text.lstrip"),
    (Does::Gives(Gives::Lower), "text.lower text.casefold"),
    (Does::Gives(Gives::Decoded), "text.encode text.decode"),
    (Does::Gives(Gives::Quoted), "shlex.quote pipes.quote"),
    (Does::Gives(Gives::One), "table.get table.pop list.pop"),
    (Does::Gives(Gives::Variable), "os.getenv os.environ.get environ.get getenv"),
    (Does::Gives(Gives::Split), "shlex.split text.split text.splitlines"),
    (Does::Gives(Gives::Format), "text.format"),
    (Does::Gives(Gives::JoinText), "text.join"),
    (Does::Gives(Gives::Files), "glob.glob glob.iglob glob.glob1 path.glob path.rglob"),
    (Does::Gives(Gives::Names), "os.listdir os.scandir path.iterdir"),
    (Does::Gives(Gives::Walk), "os.walk path.walk os.fwalk"),
    (
        Does::Gives(Gives::Temporary),
        "tempfile.mkdtemp tempfile.mkstemp tempfile.mktemp tempfile.NamedTemporaryFile tempfile.TemporaryDirectory tempfile.TemporaryFile",
    ),
    (Does::Gives(Gives::Json), "json.dumps"),
    (
        Does::Gives(Gives::Base64),
        "base64.b64decode base64.standard_b64decode base64.urlsafe_b64decode",
    ),
    (Does::Each, "map filter"),
];
