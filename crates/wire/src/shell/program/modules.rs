//! Modules that a program uses, and what the names of their calls say.

use super::Token;

/// Other names that one program gives to modules, at most.
const RENAMED_MAX: usize = 200;

/// Modules that reach nothing beyond what their calls say.
const PLAIN: &str =
    "os sys json re math time datetime pathlib shutil subprocess glob collections itertools
    functools typing random string textwrap csv io hashlib base64 argparse logging tempfile
    uuid decimal enum dataclasses copy pprint statistics struct zlib gzip zipfile tarfile
    configparser difflib unittest traceback types abc contextlib fs path util child_process
    assert events url crypto process fs/promises stream test readline perf_hooks buffer
    fileutils set date pp yaml tomllib toml ast sqlite3 psycopg2 psycopg pymysql mysql
    asyncpg pg requests httpx urllib axios node-fetch http https net/http strict warnings
    __future__ inspect platform getpass chalk dotenv numpy pandas matplotlib django
    sqlalchemy pytest flask secrets bisect heapq operator fnmatch locale signal queue
    threading concurrent asyncio select html";

/// Modules whose calls are known, and other than those: what they do nobody here knows.
pub(super) fn are_unclear(code: &str) -> bool {
    // A call whose name is made when it runs.
    let made =
        ["getattr(os", "getattr(shutil", "getattr(subprocess", "getattr(builtins", "__builtins__"];
    made.iter().any(|it| code.contains(it))
        || code.split(['\n', ';']).any(|line| named(line.trim()).any(|module| !is_plain(module)))
}

/// The modules that a line of a program names.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let several = line.strip_prefix("import ").filter(|it| !it.contains(['\'', '"', '{']));
    let quotes =
        line.starts_with("import ") || line.contains("require(") || line.starts_with("require ");
    let one = match line.strip_prefix("from ") {
        Some(rest) => rest.split_whitespace().next(),
        None if quotes && several.is_none() => {
            let quoted = line.rsplit(['\'', '"']).nth(1);
            quoted.map(|module| module.trim_start_matches("node:"))
        }
        None => None,
    };
    let first = |module| str::split_whitespace(module).next().unwrap_or_default();
    one.into_iter().chain(several.into_iter().flat_map(|it| it.split(',')).map(first))
}

fn is_plain(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    let listed = |name: &str| PLAIN.split_whitespace().any(|plain| plain == name);
    listed(module) || listed(first) || module.starts_with("@types/")
}

/// Puts a module's own name where a program has given it another (`import subprocess as s`,
/// `const s = require('child_process')`), and the module before a name that was taken out of it.
pub(super) fn renamed(tokens: &mut [Token]) {
    let names = names(tokens);
    for token in tokens.iter_mut() {
        let Token::Name(name) = token else { continue };
        let (first, rest) = name.split_once('.').unwrap_or((name.as_str(), ""));
        let Some((_, own)) = names.iter().find(|(other, _)| other == first) else { continue };
        *name = if rest.is_empty() { own.clone() } else { format!("{own}.{rest}") };
    }
}

/// Other names, each with what it stands for.
fn names(tokens: &[Token]) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let mut from = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |more: usize| tokens.get(at + more);
        match (token, next(1), next(2)) {
            (Token::Name(word), Some(Token::Name(module)), _) if word == "from" => {
                from.clone_from(module);
            }
            (Token::Sign('\n' | ';'), ..) => from.clear(),
            (Token::Name(own), Some(Token::Name(word)), Some(Token::Name(other)))
                if word == "as" && names.len() < RENAMED_MAX =>
            {
                let own = if from.is_empty() { own.clone() } else { format!("{from}.{own}") };
                names.push((other.clone(), own));
            }
            (Token::Name(other), Some(Token::Sign('=')), Some(Token::Name(word)))
                if word == "require" && names.len() < RENAMED_MAX =>
            {
                if let Some(Token::Text(module)) = next(4) {
                    let module = module.trim_start_matches("node:").to_owned();
                    names.push((other.clone(), module));
                }
            }
            _ => {}
        }
    }
    names
}

/// Whether a call of this name takes a file away.
pub(super) fn is_file_call(name: &str) -> bool {
    ["os.", "fs.", "File", "Path", "promises", "Deno.", "fsp.", "fse."]
        .iter()
        .any(|it| name.contains(it))
        || name == "unlink"
        || name.ends_with(".unlink")
        || name.ends_with(".rmdir")
        || name == "rmdir"
        || name == "rm"
}

/// Whether a call of this name starts a program.
pub(super) fn is_process_call(name: &str) -> bool {
    !name.contains('.')
        || [
            "subprocess",
            "os.",
            "child_process",
            "cp.",
            "process.",
            "sp.",
            "Kernel",
            "Open3",
            "Deno",
            "Bun",
            "commands",
        ]
        .iter()
        .any(|it| name.contains(it))
}

/// Whether a call of this name sends something over HTTP.
pub(super) fn is_http_call(name: &str) -> bool {
    [
        "requests.",
        "httpx.",
        "axios.",
        "fetch",
        "urllib",
        "urlopen",
        "http.",
        "https.",
        "session.",
        "client.",
        "got.",
        "HTTP",
        "ky.",
    ]
    .iter()
    .any(|it| name.contains(it))
        || name == "axios"
}
