//! What a path says of its file: how its lines are written, and whether what lies in it is meant
//! to be real.

use std::path::Path;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    /// How names and values are written in it.
    pub(super) writes: Writes,
    /// Only what can be nothing else counts in it: it is an example, a fixture, a list of digests,
    /// or somebody else's code.
    pub(super) quiet: bool,
}

/// How names and values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// `NAME=value` to the end of the line: `.env`, INI, properties, YAML, TOML, JSON.
    Settings,
    /// Values stand in quotes; what does not is code.
    Code,
    /// Commands: words, with or without quotes.
    Commands,
    /// Text for people, and whatever else.
    Prose,
    /// `name value`, in any order on any lines: `.netrc`.
    Netrc,
    /// `host:port:database:user:password`: `.pgpass`.
    Pgpass,
    /// The whole file is one value.
    Bare,
}

const CODE: &[&str] = &[
    "c", "cc", "clj", "cljs", "cpp", "cs", "css", "cts", "cxx", "dart", "ex", "exs", "elm", "erl",
    "fs", "go", "graphql", "groovy", "h", "hpp", "hs", "htm", "html", "java", "jl", "js", "jsx",
    "kt", "kts", "less", "lua", "m", "mjs", "cjs", "ml", "mm", "mts", "nim", "php", "pl", "pm",
    "proto", "py", "pyi", "r", "rb", "rs", "sass", "scala", "scss", "sol", "sql", "svelte",
    "swift", "ts", "tsx", "vb", "vue", "zig", "tf", "tfvars", "hcl",
];
const COMMANDS: &[&str] =
    &["bash", "bat", "cmd", "fish", "ksh", "ps1", "psm1", "sh", "zsh", "mk", "history"];
const SETTINGS: &[&str] = &[
    "cfg",
    "cnf",
    "conf",
    "config",
    "credentials",
    "env",
    "envrc",
    "ini",
    "json",
    "json5",
    "jsonc",
    "netrc",
    "npmrc",
    "plist",
    "properties",
    "tfrc",
    "tfstate",
    "toml",
    "xml",
    "yaml",
    "yml",
    "tfbackend",
    "local",
    "secret",
    "secrets",
    "har",
    "ovpn",
];
/// By their names.
const COMMAND_FILES: &[&str] = &[
    "dockerfile",
    "containerfile",
    "makefile",
    "justfile",
    "procfile",
    ".bashrc",
    ".zshrc",
    ".profile",
    ".bash_profile",
    ".zshenv",
    ".zprofile",
    ".bash_history",
    ".zsh_history",
    ".sh_history",
    "fish_history",
    ".bash_aliases",
    ".histfile",
    ".psql_history",
    ".mysql_history",
    ".python_history",
    ".node_repl_history",
    ".rediscli_history",
    "crontab",
];
/// Lists of digests, which look like nothing else but secrets.
const LOCKS: &[&str] = &[
    "bun.lock",
    "cargo.lock",
    "composer.lock",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
    ".terraform.lock.hcl",
    "sha256sums",
    "sha512sums",
    "md5sums",
    "checksums.txt",
    "verification-metadata.xml",
    ".cargo-checksum.json",
    ".package-lock.json",
];
/// Directories of examples, fixtures and of others' code.
const QUIET: &[&str] = &[
    "__fixtures__",
    "__mocks__",
    "__snapshots__",
    "__tests__",
    "cassettes",
    "dist-packages",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "mock",
    "mocks",
    "node_modules",
    "sample",
    "samples",
    "site-packages",
    "spec",
    "specs",
    "test",
    "test-data",
    "test_data",
    "testdata",
    "testing",
    "tests",
    "third_party",
    "vendor",
    ".venv",
    "venv",
    "registry",
];
/// Compiled programs: strings of many libraries lie in them side by side, and a masked copy of one
/// would be another program.
const COMPILED: &[&str] = &[
    "a", "class", "dll", "dylib", "exe", "lib", "node", "o", "pyc", "rlib", "rmeta", "so", "wasm",
];
/// Parts of a file's name that say the same.
const QUIET_PARTS: &[&str] = &[
    "example", "sample", "template", "tmpl", "tpl", "dist", "defaults", "fixture", "mock", "spec",
    "snap", "test",
];

/// Where package managers put what others published.
const INSTALLED: &[&str] = &["node_modules", "site-packages", "dist-packages"];

/// The path as [`Finder::find_in`](super::Finder::find_in) reads it: what lies below `root`, the
/// name of a root that is a file, and all from where packages are installed if `root` lies there.
pub fn relative(root: &Path, path: &Path) -> String {
    let is_of_packages =
        |at: &Path| at.file_name().is_some_and(|name| INSTALLED.iter().any(|it| name == *it));
    let installed = root.ancestors().find(|at| is_of_packages(at)).and_then(Path::parent);
    let below = path.strip_prefix(installed.unwrap_or(root)).ok();
    let below = below.filter(|below| !below.as_os_str().is_empty());
    let name = || path.file_name().map_or(path, Path::new);
    below.unwrap_or_else(name).to_string_lossy().into_owned()
}

impl Role {
    /// What the file at `path` is: relative to what is searched, so that a workspace below a
    /// directory `tests` is none of its own fixtures.
    pub(super) fn of(path: &str) -> Self {
        let lower = path.to_ascii_lowercase();
        let (directories, file) = lower.rsplit_once(['/', '\\']).unwrap_or(("", &lower));
        let dotenv = file.starts_with(".env") || file.ends_with(".env");
        let (first, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        let within =
            |names: &[&str]| directories.split(['/', '\\']).any(|part| names.contains(&part));
        let named = file.split(['.', '-', '_']).any(|part| QUIET_PARTS.contains(&part));
        // `.env.test` is what tests run with, `.env` in a directory of tests too: both are used.
        let quiet = match dotenv {
            true => named && !file.contains("test"),
            false => {
                let digests = LOCKS.contains(&file) || extension == "lock";
                named || within(QUIET) || digests || COMPILED.contains(&extension)
            }
        };
        Self { writes: writes(directories, file, first, extension), quiet }
    }
}

fn writes(directories: &str, file: &str, first: &str, extension: &str) -> Writes {
    let in_secrets = directories.ends_with("run/secrets") || directories.ends_with(".secrets");
    match file {
        ".netrc" | "_netrc" | "netrc" => Writes::Netrc,
        ".pgpass" | "pgpass.conf" | "pgpass" => Writes::Pgpass,
        ".vault-token" | "access-token" | "access_token" | "api_token" | "api-token" | "token"
        | ".token" | "api_key" | "api-key" | "apikey" | "token.txt" | "password.txt"
        | "apikey.txt" => Writes::Bare,
        _ if in_secrets && !file.contains('.') => Writes::Bare,
        _ if COMMAND_FILES.contains(&file) || first == "dockerfile" => Writes::Commands,
        _ if file.starts_with(".env") || SETTINGS.contains(&extension) => Writes::Settings,
        _ if file.starts_with('.') && file.ends_with("rc") => Writes::Settings,
        "credentials" | "config" | "hosts" | "auth" | ".pypirc" | ".s3cfg" | ".boto"
        | ".git-credentials" => Writes::Settings,
        _ if CODE.contains(&extension) => Writes::Code,
        _ if COMMANDS.contains(&extension) => Writes::Commands,
        _ => Writes::Prose,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Role, Writes, relative};

    #[test]
    fn a_path_counts_from_what_is_searched_and_from_where_packages_are() {
        for (root, path, expect) in [
            ("/w/tests/shop", "/w/tests/shop/src/a.js", "src/a.js"),
            ("/w/.env", "/w/.env", ".env"),
            ("/opt/node_modules", "/opt/node_modules/a/b.js", "node_modules/a/b.js"),
            ("/opt/node_modules/a", "/opt/node_modules/a/b.js", "node_modules/a/b.js"),
            ("/w", "/v/a.js", "a.js"),
        ] {
            assert_eq!(relative(Path::new(root), Path::new(path)), expect);
        }
    }

    #[test]
    fn a_path_says_how_its_lines_are_written_and_whether_they_are_meant() {
        for (path, writes, quiet) in [
            (".env", Writes::Settings, false),
            ("tests/.env", Writes::Settings, false),
            ("app/.env.production", Writes::Settings, false),
            (".env.example", Writes::Settings, true),
            (".env.test", Writes::Settings, false),
            ("notes/domains.md", Writes::Prose, false),
            ("src/main.rs", Writes::Code, false),
            ("src/__tests__/login.ts", Writes::Code, true),
            ("src/login.test.ts", Writes::Code, true),
            ("deploy.sh", Writes::Commands, false),
            ("Dockerfile", Writes::Commands, false),
            ("Cargo.lock", Writes::Prose, true),
            ("package-lock.json", Writes::Settings, true),
            ("node_modules/a/index.js", Writes::Code, true),
            ("target/debug/deps/liburl-717c.rlib", Writes::Prose, true),
            ("target/debug/build/out/.env", Writes::Settings, false),
            (".netrc", Writes::Netrc, false),
            (".pgpass", Writes::Pgpass, false),
            (".aws/credentials", Writes::Settings, false),
            (".vault-token", Writes::Bare, false),
            ("settings.example.json", Writes::Settings, true),
        ] {
            assert_eq!(Role::of(path), Role { writes, quiet }, "{path}");
        }
    }
}
