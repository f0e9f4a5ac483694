//! Kinds of .NET: what they make, and what they do.

use super::{
    Session, UNKNOWN,
    value::{self, Value, Values},
};
use crate::{Unreadable, shell::windows};

/// Kinds of .NET that reach nothing.
const PLAIN: &str =
    "math string guid datetime timespan byte sbyte int int16 int32 int64 long short uint16 uint32 uint64
    uint ulong single float double decimal bigint numerics.biginteger bool boolean char array object void
    regex version semver uri bitconverter console environment convert datetimeoffset random io.path
    text.encoding text.utf8encoding text.asciiencoding text.unicodeencoding text.stringbuilder
    collections.arraylist collections.generic.list collections.generic.dictionary
    collections.generic.hashset collections.generic.queue collections.generic.stack collections.hashtable
    collections.stack collections.queue collections.specialized.ordereddictionary pscustomobject psobject
    management.automation.psobject ordered hashtable switch xml io.pathtype globalization.cultureinfo
    cultureinfo stringcomparison stringsplitoptions consolecolor security.cryptography.sha256
    security.cryptography.md5 security.cryptography.sha1 net.dns nullable securestring
    security.securestring threading.thread diagnostics.stopwatch text.regularexpressions.regex
    net.servicepointmanager net.securityprotocoltype text.json.jsondocument linq.enumerable
    net.mail.mailaddress ipaddress net.ipaddress timezoneinfo mailaddress enum dayofweek
    security.principal.windowsidentity security.principal.windowsprincipal
    security.principal.windowsbuiltinrole security.cryptography.randomnumbergenerator";

/// Kinds that do nothing by being made: what is called on them is judged.
const MADE: &str =
    "scriptblock io.fileinfo io.directoryinfo io.driveinfo io.stringreader io.memorystream
    io.streamreader net.webclient net.http.httpclient net.webrequest net.httpwebrequest
    management.automation.pscredential pscredential type net.networkcredential
    diagnostics.processstartinfo net.sockets.tcpclient timers.timer";

/// The name of a kind as its brackets hold it, in small letters and without what it is made of.
pub(super) fn name(literal: &str) -> String {
    let lower = literal.trim().trim_start_matches('[').to_ascii_lowercase();
    let bare = lower.split(['[', ']', '`', ',']).next().unwrap_or_default().trim();
    bare.strip_prefix("system.").unwrap_or(bare).to_owned()
}

fn is(list: &str, kind: &str) -> bool {
    list.split_whitespace().any(|it| it == kind)
}

/// Methods that only make a text of others; `None` if it is none of these.
fn of_text(kind: &str, name: &str, given: &[Values]) -> Option<Values> {
    let argument = |at: usize| given.get(at).map(|it| value::line(it));
    let text = match (kind, name) {
        ("convert", "frombase64string") => {
            let text = argument(0).and_then(|it| windows::decoded(&it));
            text.unwrap_or_else(|| UNKNOWN.to_string())
        }
        ("string", "join") => {
            let all = given.get(1..).unwrap_or_default().concat();
            let all: Vec<String> = all.iter().map(Value::text).collect();
            all.join(&argument(0).unwrap_or_default())
        }
        ("string", "concat") => given.concat().iter().map(Value::text).collect(),
        ("string", "format") => {
            let rest = given.get(1..).unwrap_or_default().concat();
            return Some(value::formatted(given.first().map_or(&[], Vec::as_slice), &rest));
        }
        ("io.path", "combine" | "join") => {
            let parts: Vec<String> = given.concat().iter().map(Value::text).collect();
            parts.join("/")
        }
        ("io.path", "getfullpath") => windows::path(&argument(0).unwrap_or_default()),
        ("net.webrequest" | "net.httpwebrequest" | "uri", "create" | "new") => {
            argument(0).unwrap_or_default()
        }
        _ => return None,
    };
    Some(value::text(text))
}

impl Session<'_, '_> {
    /// Something of a kind is made: that of some kinds opens files, or runs code.
    pub(super) fn makes(&mut self, kind: &str) {
        if !is(PLAIN, kind) && !is(MADE, kind) {
            self.unmodelled();
        }
    }

    /// A method of a kind.
    pub(super) fn of_kind(
        &mut self,
        kind: &str,
        name: &str,
        given: &[Values],
    ) -> Result<Values, Unreadable> {
        let argument = |at: usize| given.get(at).map(|it| value::line(it));
        if let Some(values) = of_text(kind, name, given) {
            return Ok(values);
        }
        if let Some(values) = self.of_file_kind(kind, name, given) {
            return Ok(values);
        }
        match (kind, name) {
            ("diagnostics.process", "start") => {
                let words = windows::words(&value::line(&given.concat()));
                if words.is_empty() {
                    return Ok(self.unmodelled());
                }
                self.program(&words, None)?;
            }
            ("scriptblock", "create") => {
                return Ok(vec![Value::Block(argument(0).unwrap_or_default())]);
            }
            (
                "diagnostics.process",
                "getcurrentprocess" | "getprocesses" | "getprocessesbyname",
            ) => {}
            ("environment", "setenvironmentvariable") => {
                let value = argument(1).unwrap_or_else(|| UNKNOWN.to_string());
                let name = argument(0).unwrap_or_default().to_ascii_lowercase();
                self.set_variable(format!("env:{name}"), value::text(value));
            }
            ("environment", "getenvironmentvariable") => {
                return Ok(self.variable(&format!("$env:{}", argument(0).unwrap_or_default())));
            }
            ("environment", "getfolderpath") => {
                return Ok(value::text(
                    self.scope.value("HOME").unwrap_or("/").to_owned() + "/Documents",
                ));
            }
            _ if is(PLAIN, kind) => {}
            ("io.fileinfo" | "io.directoryinfo", "new") => {
                return Ok(value::text(argument(0).unwrap_or_default()));
            }
            (kind, "new") if is(MADE, kind) => {}
            _ => return Ok(self.unmodelled()),
        }
        Ok(value::unknown())
    }

    /// A method of a kind that is about files; `None` if it is none.
    fn of_file_kind(&mut self, kind: &str, name: &str, given: &[Values]) -> Option<Values> {
        const KINDS: [&str; 3] =
            ["io.file", "io.directory", "microsoft.visualbasic.fileio.filesystem"];
        if !KINDS.contains(&kind) {
            return None;
        }
        let argument = |at: usize| given.get(at).map(|it| value::line(it));
        let path =
            |at: usize| argument(at).map_or_else(|| UNKNOWN.to_string(), |it| windows::path(&it));
        match (kind, name) {
            (_, name) if name.starts_with("delete") => {
                self.walk.deletes(self.scope, &path(0), "program:delete");
            }
            ("io.file" | "io.directory", "move") => {
                self.walk.deletes(self.scope, &path(0), "program:delete");
            }
            ("io.file", "copy" | "replace") => {
                self.walk.writes(self.scope, &path(1), &UNKNOWN.to_string(), false);
            }
            ("io.file", _)
                if name.starts_with("write")
                    || name.starts_with("create")
                    || matches!(name, "openwrite" | "open" | "openhandle") =>
            {
                let text = argument(1).unwrap_or_default();
                self.walk.writes(self.scope, &path(0), &text, false);
            }
            ("io.file", _) if name.starts_with("append") => {
                self.walk.writes(self.scope, &path(0), &argument(1).unwrap_or_default(), true);
            }
            ("io.file", _)
                if name.starts_with("read") || matches!(name, "openread" | "opentext") =>
            {
                let text = self.walk.read(self.scope, &path(0), self.captured);
                return Some(value::text(text));
            }
            ("io.directory", _) if name.starts_with("enumerate") || name.starts_with("get") => {
                return Some(value::text(format!("{}/{UNKNOWN}", path(0))));
            }
            (
                _,
                "exists"
                | "createdirectory"
                | "fileexists"
                | "directoryexists"
                | "setcurrentdirectory",
            ) => {}
            (_, name) if name.starts_with("get") => {}
            _ => return Some(self.unmodelled()),
        }
        Some(value::unknown())
    }
}
