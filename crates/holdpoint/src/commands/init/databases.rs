//! Databases that the `.env` files of a workspace name, each offered as an entry of
//! `holdpoint.toml`. The passwords in them are neither shown nor kept.

use std::{collections::BTreeMap, fs, path::Path};

use holdpoint_core::plain::shell;
use holdpoint_store::{
    Config,
    config::{Database, Flags},
};
use percent_encoding::percent_decode_str;
use serde::Serialize;

/// Files that are looked at, and bytes of one.
const FILES_MAX: usize = 64;
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Databases that are offered, and references within references.
const OFFERS_MAX: usize = 16;
const REFERENCES_MAX: usize = 8;
/// The first port that is proposed.
const PORT: usize = 6432;

/// A database that could stand behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Offer {
    /// Which file names it.
    pub(super) file: String,
    /// In which variable.
    pub(super) variable: String,
    /// Where it is, without its password.
    pub(super) upstream: String,
    /// What its secret could be called.
    pub(super) secret: String,
    /// What keeps its password, which is asked for.
    pub(super) command: String,
    /// The lines of `holdpoint.toml`.
    pub(super) entry: String,
}

/// The databases that the files at the top of `workspace` name, but for those that the
/// configuration in `state` has.
pub(super) fn found(workspace: &Path, state: &Path) -> Vec<Offer> {
    let configured =
        Config::load(state, &Flags::default()).map(|config| config.databases).unwrap_or_default();
    let entries = fs::read_dir(workspace).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.take(4096).filter_map(|it| it.file_name().into_string().ok()).collect();
    names.retain(|name| name == ".env" || name.starts_with(".env.") && !is_example(name));
    names.sort();
    names.truncate(FILES_MAX);
    let files: Vec<(String, BTreeMap<String, String>)> = names
        .into_iter()
        .map(|name| (name.clone(), settings(&text(&workspace.join(&name)))))
        .collect();
    offers(&files, &configured)
}

/// What is shown where nothing works by it: it names nothing that is there.
fn is_example(name: &str) -> bool {
    ["example", "sample", "template", "dist"].iter().any(|it| name.ends_with(it))
}

fn text(path: &Path) -> String {
    let regular = fs::symlink_metadata(path);
    let regular = regular.is_ok_and(|found| found.is_file() && found.len() <= FILE_BYTES_MAX);
    // What cannot be read names nothing.
    let text = if regular { fs::read_to_string(path) } else { Ok(String::new()) };
    text.unwrap_or_default()
}

/// `NAME=value` lines, as the usual readers of `.env` take them.
fn settings(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| {
            let rest = value.strip_prefix(*quote)?;
            rest.split(*quote).next()
        });
        let plain = value.split(" #").next().unwrap_or(value).trim_end();
        let named = !name.trim().is_empty() && !name.starts_with('#');
        named.then(|| (name.trim().to_owned(), quoted.unwrap_or(plain).to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// What the files offer; each is read over `.env` itself, where the others are but differences.
fn offers(files: &[(String, BTreeMap<String, String>)], configured: &[Database]) -> Vec<Offer> {
    let base = files.iter().find(|(name, _)| name == ".env").map(|(_, all)| all.clone());
    let base = base.unwrap_or_default();
    let mut found: Vec<Offer> = Vec::new();
    for (file, own) in files {
        let mut all = base.clone();
        all.extend(own.clone());
        let urls = own.iter().map(|(name, value)| (name.as_str(), expanded(value, &all, 0)));
        let of_parts = ["PGHOST", "PGDATABASE"].iter().any(|it| own.contains_key(*it));
        let of_parts = of_parts.then(|| parts(&all)).flatten().map(|url| ("PGHOST", url));
        for (variable, url) in urls.chain(of_parts) {
            let Some(upstream) = upstream(&url) else { continue };
            let known = configured.iter().any(|it| it.to_string() == upstream.with_port())
                || found.iter().any(|it| it.upstream == upstream.to_string());
            if !known && found.len() < OFFERS_MAX {
                found.push(upstream.offered(file, variable, PORT + found.len()));
            }
        }
    }
    found
}

/// A value with what it refers to: `${NAME}` and `$NAME`.
fn expanded(value: &str, all: &BTreeMap<String, String>, depth: usize) -> String {
    let Some((before, rest)) = value.split_once('$').filter(|_| depth < REFERENCES_MAX) else {
        return value.to_owned();
    };
    let (name, after) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((name, after)) => (name.split(":-").next().unwrap_or(name), after),
        None => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()))
        }
    };
    let named = all.get(name).map(|value| expanded(value, all, depth + 1)).unwrap_or_default();
    format!("{before}{named}{}", expanded(after, all, depth + 1))
}

/// The URL that libpq's own variables come to.
fn parts(all: &BTreeMap<String, String>) -> Option<String> {
    let of = |name: &str| all.get(name).map(|value| expanded(value, all, 0));
    let port = of("PGPORT").unwrap_or_else(|| "5432".to_owned());
    let (user, host, database) = (of("PGUSER")?, of("PGHOST")?, of("PGDATABASE")?);
    Some(format!("postgres://{user}@{host}:{port}/{database}"))
}

/// A database's address, without its password.
struct Upstream {
    role: String,
    host: String,
    port: u16,
    name: String,
}

/// Reads a URL of PostgreSQL's.
fn upstream(url: &str) -> Option<Upstream> {
    let (scheme, rest) = url.split_once("://")?;
    let postgres = ["postgres", "postgresql"].contains(&scheme.split('+').next()?);
    let rest = postgres.then_some(rest)?.split(['?', '#']).next()?;
    let (user, rest) = rest.rsplit_once('@')?;
    let (address, name) = rest.split_once('/')?;
    let role = user.split(':').next()?;
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (address, 5432),
    };
    let plain = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
        let odd = |c: char| c.is_control() || c.is_whitespace() || ":/?#@%\"\\,".contains(c);
        (!text.is_empty() && !text.contains(odd)).then_some(text)
    };
    let bare = host.trim_matches(['[', ']']);
    let address = bare.parse::<std::net::Ipv6Addr>().is_ok();
    let host = if address { format!("[{bare}]") } else { plain(host)?.to_ascii_lowercase() };
    Some(Upstream { role: plain(role)?, host, port, name: plain(name)? })
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            5432 => write!(f, "postgres://{}@{}/{}", self.role, self.host, self.name),
            _ => f.write_str(&self.with_port()),
        }
    }
}

impl Upstream {
    /// As a configured database says it.
    fn with_port(&self) -> String {
        format!("postgres://{}@{}:{}/{}", self.role, self.host, self.port, self.name)
    }

    fn offered(&self, file: &str, variable: &str, port: usize) -> Offer {
        let environment = [("prod", "production"), ("stag", "staging"), ("dev", "development")];
        let said = environment.iter().find(|(word, _)| file.contains(word));
        let plain: String =
            self.name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let secret = match said {
            Some((_, environment)) => format!("{plain}-{environment}"),
            None => format!("{plain}-database"),
        };
        let said = said.map(|(_, it)| format!("environment = \"{it}\"\n")).unwrap_or_default();
        let entry = format!(
            "[[database]]\nlisten = \"127.0.0.1:{port}\"\nupstream = \"{self}\"\n\
             secret = \"{secret}\"\n{said}"
        );
        let command = format!(
            "holdpoint secrets add {secret} --host {} --purpose 'postgres:*'",
            shell(self.host.trim_matches(['[', ']']))
        );
        let (file, variable) = (file.to_owned(), variable.to_owned());
        Offer { file, variable, upstream: self.to_string(), secret, command, entry }
    }
}

/// What a human is told of them.
pub(super) fn shown(offers: &[Offer]) -> String {
    let one = |offer: &Offer| {
        let Offer { file, variable, upstream, command, entry, .. } = offer;
        let lines: String = entry.lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "{file} names a database in {variable}: {upstream}\n  to have it behind the gateway, keep \
             its password with\n    {command}\n  and add to holdpoint.toml:\n{lines}"
        )
    };
    offers.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{offers, settings};

    fn upstreams(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(name, text)| ((*name).to_owned(), settings(text))).collect();
        offers(&files, &[]).into_iter().map(|it| format!("{} {}", it.file, it.upstream)).collect()
    }

    #[test]
    fn what_files_name() {
        for (text, expect) in [
            (
                "DATABASE_URL=postgres://app:s3cret@db.example.com/shop",
                Some("app@db.example.com/shop"),
            ),
            (
                "export X=\"postgresql://a:b%40c@DB.example.com:6543/shop?sslmode=require\"",
                Some("a@db.example.com:6543/shop"),
            ),
            ("X='postgresql+psycopg://a:b@localhost:5432/shop' # here", Some("a@localhost/shop")),
            ("X=postgres://a:b@[::1]:5433/shop", Some("a@[::1]:5433/shop")),
            (
                "U=app\nP=s\nX=postgres://${U}:${P}@$H/shop\nH=db.example.com",
                Some("app@db.example.com/shop"),
            ),
            ("PGHOST=h.example\nPGUSER=u\nPGDATABASE=d", Some("u@h.example/d")),
            ("X=$X", None),
            ("X=postgres://db.example.com/shop", None),
            ("X=postgres://a:b@h.example/", None),
            ("X=mysql://a:b@h.example/shop", None),
            ("# X=postgres://a:b@h.example/shop", None),
            ("X=postgres://a:b@h.example/sh\"op", None),
        ] {
            let expect: Vec<String> =
                expect.into_iter().map(|it| format!(".env postgres://{it}")).collect();
            assert_eq!(upstreams(&[(".env", text)]), expect, "{text}");
        }
    }

    #[test]
    fn files_stand_over_the_first_and_name_each_once() {
        let found = upstreams(&[
            (".env", "H=localhost\nURL=postgres://a:b@${H}/shop"),
            (".env.local", "URL=postgres://a:b@${H}/shop"),
            (".env.production", "H=db.example.com\nURL=postgres://a:b@${H}/shop"),
        ]);
        let expect = [
            ".env postgres://a@localhost/shop",
            ".env.production postgres://a@db.example.com/shop",
        ];
        assert_eq!(found, expect);
    }
}
