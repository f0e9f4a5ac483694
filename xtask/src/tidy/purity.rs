//! Purity: where things are decided there is no clock, socket, file, environment or random
//! number. What is needed of them is an argument.

use super::{
    Finding, names,
    tree::{Source, Tree},
};

/// The pure crates.
const PURE: &[&str] = &["core", "wire", "catalog"];

const CLOCK: &str = "reads a clock; take the time as an argument (`Timestamp`)";
const SOCKET: &str = "opens a socket; do it in `gateway` and give the bytes as an argument";
const FILE: &str = "touches a file; ask the `World`, or do it in `store`";
const SURROUNDINGS: &str = "looks at its surroundings; take what it says as an argument";
const RANDOM: &str = "draws a random number; take it as an argument";
const OUTPUT: &str = "prints; return the text";

/// What is not named there, and why.
const DENIED: &[(&[&str], &str)] = &[
    (&["std", "time", "Instant"], CLOCK),
    (&["std", "time", "SystemTime"], CLOCK),
    (&["std", "net"], SOCKET),
    (&["std", "os"], SURROUNDINGS),
    (&["std", "fs"], FILE),
    (&["std", "io", "stdin"], SURROUNDINGS),
    (&["std", "io", "stdout"], OUTPUT),
    (&["std", "io", "stderr"], OUTPUT),
    (&["std", "env"], SURROUNDINGS),
    (&["std", "process"], SURROUNDINGS),
    (&["std", "thread"], SURROUNDINGS),
    (&["std", "hash", "RandomState"], RANDOM),
    (&["std", "collections", "hash_map", "RandomState"], RANDOM),
    (&["print!"], OUTPUT),
    (&["println!"], OUTPUT),
    (&["eprint!"], OUTPUT),
    (&["eprintln!"], OUTPUT),
    (&["std", "print!"], OUTPUT),
    (&["std", "println!"], OUTPUT),
    (&["std", "eprint!"], OUTPUT),
    (&["std", "eprintln!"], OUTPUT),
];

/// Plain values among what is denied.
const ALLOWED: &[&[&str]] = &[
    &["std", "net", "AddrParseError"],
    &["std", "net", "IpAddr"],
    &["std", "net", "Ipv4Addr"],
    &["std", "net", "Ipv6Addr"],
    &["std", "os", "raw"],
];

/// Methods of `std::path::Path` that go to the disk; `.name` as `names` writes a method.
const PATH_METHODS: &[&str] = &[
    ".canonicalize",
    ".exists",
    ".is_dir",
    ".is_file",
    ".is_symlink",
    ".metadata",
    ".read_dir",
    ".read_link",
    ".symlink_metadata",
    ".try_exists",
];

/// Crates that do what the pure ones must not. What no manifest names, no source can name.
const DENIED_CRATES: &[(&str, &str)] = &[
    ("async-std", SOCKET),
    ("chrono", CLOCK),
    ("dirs", SURROUNDINGS),
    ("fastrand", RANDOM),
    ("getrandom", RANDOM),
    ("hyper", SOCKET),
    ("hyper-util", SOCKET),
    ("jiff", CLOCK),
    ("libc", SURROUNDINGS),
    ("mio", SOCKET),
    ("nix", SURROUNDINGS),
    ("quanta", CLOCK),
    ("rand", RANDOM),
    ("rand_core", RANDOM),
    ("reqwest", SOCKET),
    ("rusqlite", FILE),
    ("rustix", SURROUNDINGS),
    ("rustls", SOCKET),
    ("smol", SOCKET),
    ("socket2", SOCKET),
    ("tempfile", FILE),
    ("time", CLOCK),
    ("tokio", SOCKET),
    ("tokio-rustls", SOCKET),
    ("ureq", SOCKET),
    ("uuid", RANDOM),
    ("walkdir", FILE),
];

/// What is not pure in the pure crates.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let pure = |path: &str, under: &str| {
        PURE.iter().any(|room| path.starts_with(&format!("crates/{room}/{under}")))
    };
    let sources = tree.sources().iter().filter(|source| pure(&source.path, "src/") && !source.test);
    let mut findings: Vec<Finding> = sources.flat_map(check_source).collect();
    for manifest in tree.manifests().iter().filter(|manifest| pure(&manifest.path, "Cargo.toml")) {
        for dependency in manifest.dependencies.iter().filter(|dependency| !dependency.test) {
            if let Some(why) = denied_crate(&dependency.package) {
                let text = format!("`{}` {why}", dependency.package);
                let path = manifest.path.clone();
                findings.push(Finding { path, line: dependency.line, rule: "purity", text });
            }
        }
    }
    findings
}

fn check_source(source: &Source) -> Vec<Finding> {
    let named = names::of(&source.syntax);
    let paths = named.iter().any(|named| named.starts_with(&["std", "path"]));
    let found = named.iter().filter(|named| !named.test).filter_map(|named| {
        let why = denied(named).or_else(|| {
            let method = named.parts.first()?;
            (paths && PATH_METHODS.contains(&method.as_str())).then_some(FILE)
        })?;
        let text = format!("`{}` {why}", named.text());
        Some(Finding { path: source.path.clone(), line: named.line, rule: "purity", text })
    });
    found.collect()
}

fn denied(named: &names::Named) -> Option<&'static str> {
    if ALLOWED.iter().any(|allowed| named.starts_with(allowed)) {
        return None;
    }
    let glob = named.parts.split_last().and_then(|(last, rest)| (last == "*").then_some(rest));
    let brings_in = |denied: &[&str]| {
        glob.is_some_and(|of| denied.len() > of.len() && of.iter().zip(denied).all(|(a, b)| a == b))
    };
    let (_, why) =
        DENIED.iter().find(|(denied, _)| named.starts_with(denied) || brings_in(denied))?;
    Some(why)
}

fn denied_crate(name: &str) -> Option<&'static str> {
    let (_, why) = DENIED_CRATES.iter().find(|(denied, _)| *denied == name)?;
    Some(why)
}
