//! HTTP on the command line: the message that would be sent, read by the same dialect as at the
//! gateway.

use bytes::Bytes;
use holdpoint_core::{Effect, ResourceId};

use super::{At, Step, call::Call, expand::UNKNOWN, scope::Scope, secret, walk::Walk};
use crate::{
    Unreadable,
    http::{self, Address, Body, Message, RawMessage},
};

/// Options of curl and wget that take a value.
const VALUED: &[&str] = &[
    "-X",
    "--request",
    "-H",
    "--header",
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "--data-ascii",
    "--json",
    "-F",
    "--form",
    "-o",
    "--output",
    "-u",
    "--user",
    "-A",
    "--user-agent",
    "-e",
    "--referer",
    "-b",
    "--cookie",
    "-c",
    "--cookie-jar",
    "-T",
    "--upload-file",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "-w",
    "--write-out",
    "-x",
    "--proxy",
    "-K",
    "--config",
    "--cacert",
    "--cert",
    "--key",
    "-r",
    "--resolve",
    "--connect-to",
    "--url",
    "-O-none",
    "--method",
    "--body-data",
    "--body-file",
    "--post-data",
    "--post-file",
    "-P",
    "--limit-rate",
    "--retry-delay",
    "--retry-max-time",
    "--interface",
    "-t",
    "--form-string",
    "--output-dir",
    "-D",
    "--dump-header",
    "--url-query",
    "-U",
    "-Q",
    "--output-document",
    "--tries",
    "--timeout",
    "--directory-prefix",
    "-f",
    "--raw-field",
    "--field",
    "--method",
    "--input",
    "--jq",
    "-q",
    "-a",
    "--auth",
    "--hostname",
    "-p",
    "--preview",
    "--cache",
    "-t",
    "--template",
];

impl Walk<'_> {
    /// `curl`, `wget` and HTTPie.
    pub(super) fn fetch(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<String, Unreadable> {
        let curl = matches!(call.name, "curl" | "curlie");
        let wget = call.name == "wget";
        if let Some(file) = call.value(&["-K", "--config"]).filter(|_| curl) {
            let text = self.read(scope, file, true);
            let words: Vec<String> = call
                .arguments
                .iter()
                .cloned()
                .chain(configured(&text))
                .filter(|it| it != "-K" && it != "--config" && it != file)
                .collect();
            let inner = Call { arguments: &words, ..Call::new(&[], call.pipe) };
            let inner = Call { name: call.name, program: call.program, ..inner };
            return self.fetch(scope, &inner);
        }
        let mut operands: Vec<String> =
            call.operands(&valued(call.name)).into_iter().map(str::to_owned).collect();
        operands.extend(call.values(&["--url"]).into_iter().map(str::to_owned));
        let body = self.body(scope, call, &mut operands, !curl && !wget)?;
        let method = method(call, &mut operands, body.is_some());
        let headers = headers(call, body.is_some());
        let mut outputs: Vec<&str> = call
            .values(&["-o", "--output"])
            .into_iter()
            .chain(call.values(&["-O"]).into_iter().filter(|_| wget))
            .collect();
        outputs.extend(bundled(call, if wget { 'O' } else { 'o' }));
        outputs.retain(|path| *path != "-" && !path.starts_with("http"));
        operands.retain(|it| !outputs.contains(&it.as_str()));
        for path in outputs {
            self.writes(scope, path, &format!("fetched{UNKNOWN}"), false);
        }
        let shown = operands.iter().filter(|it| {
            it.contains('.') || it.contains(':') || it.contains("localhost") || it.contains(UNKNOWN)
        });
        for url in shown.cloned().collect::<Vec<_>>() {
            self.send(&method, &url, headers.clone(), body.clone().unwrap_or_default());
        }
        Ok(format!("fetched{UNKNOWN}"))
    }

    /// The body that is sent, if there is one. HTTPie takes its fields from the operands.
    fn body(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        operands: &mut Vec<String>,
        httpie: bool,
    ) -> Result<Option<String>, Unreadable> {
        let mut parts: Vec<String> = Vec::new();
        for text in call.values(&[
            "-d",
            "--data",
            "--data-binary",
            "--data-ascii",
            "--json",
            "--body-data",
            "--post-data",
            "--data-urlencode",
        ]) {
            parts.push(match text.strip_prefix('@') {
                Some("-") => call.pipe.stdin.clone().unwrap_or_default(),
                Some(file) => self.sent(scope, file),
                None => text.to_owned(),
            });
        }
        parts.extend(call.values(&["--data-raw"]).into_iter().map(str::to_owned));
        for text in call.values(&["-F", "--form", "--form-string"]) {
            let file = text.split_once('=').and_then(|(_, value)| value.strip_prefix(['@', '<']));
            parts.push(match file {
                Some(file) => self.sent(scope, file.split(';').next().unwrap_or(file)),
                None => text.to_owned(),
            });
        }
        for file in call.values(&["-T", "--upload-file", "--post-file", "--body-file"]) {
            parts.push(self.sent(scope, file));
        }
        if httpie {
            let fields: Vec<String> = operands
                .iter()
                .filter(|it| !it.contains("://") && it.contains('=') && !it.starts_with('/'))
                .cloned()
                .collect();
            operands.retain(|it| {
                let authority = it.starts_with(':') || it.starts_with("localhost");
                let header = it.contains(':') && !it.contains('/') && !authority;
                !header && !fields.contains(it)
            });
            let pairs: serde_json::Map<String, serde_json::Value> = fields
                .iter()
                .filter_map(|it| {
                    let (name, value) = it.split_once('=')?;
                    let raw = name.strip_suffix(':').and_then(|name| {
                        Some((name.to_owned(), serde_json::from_str(value).ok()?))
                    });
                    Some(raw.unwrap_or_else(|| (name.to_owned(), value.into())))
                })
                .collect();
            if !pairs.is_empty() {
                parts.push(serde_json::Value::Object(pairs).to_string());
            }
            if let (true, Some(text)) = (parts.is_empty(), &call.pipe.stdin) {
                parts.push(text.clone());
            }
        }
        Ok((!parts.is_empty()).then(|| parts.join("&")))
    }

    /// A file that is sent away: one that is made of secrets is shown to whoever gets it.
    fn sent(&mut self, scope: &Scope, file: &str) -> String {
        for path in self.paths(scope, file) {
            if secret::is_revealing(&self.files, &path) && !self.machine().masked() {
                let id = super::path::resource(&path).id;
                self.push(Step::reveals("file:send", id, At::Here));
            }
        }
        self.read(scope, file, true)
    }

    /// Reads one message as the gateway would.
    pub(super) fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: Vec<(String, Bytes)>,
        body: String,
    ) {
        let url = match url.contains("://") {
            true => url.to_owned(),
            false if url.starts_with(':') => format!("http://localhost{url}"),
            false => format!("http://{url}"),
        };
        let host = host_of(&url);
        let unknown_body = body.contains(UNKNOWN);
        let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
        if host.contains(UNKNOWN) || host.is_empty() {
            if !reads {
                let id = ResourceId::of("http", "host", "unknown");
                let name = format!("rest:{method}");
                self.push(Step::guessed(name, Effect::Execute, id, At::Somewhere));
            }
            return;
        }
        let raw = RawMessage {
            headers,
            body: Body::Whole(Bytes::from(body.replace(UNKNOWN, "unknown"))),
            ..RawMessage::new(method, Address::Url(url.replace(UNKNOWN, "unknown")))
        };
        let read = Message::try_from(raw).and_then(|message| {
            let operations = http::interpret(&message, self.machine())?;
            Ok((message.host.clone(), operations))
        });
        match read {
            Ok((host, operations)) => {
                for operation in operations {
                    self.push(Step::new(operation, At::Host(host.clone())));
                }
            }
            Err(_) if reads => {}
            Err(_) => {
                let id = ResourceId::of("http", "host", &host);
                let (name, at) = (format!("rest:{method}"), At::Host(host.clone()));
                self.push(Step::guessed(name, Effect::Execute, id, at));
            }
        }
        if unknown_body && !reads && !is_here(&host) {
            let id = ResourceId::of("http", "host", &host);
            self.push(Step::guessed("http:unknown_body", Effect::Execute, id, At::Host(host)));
        }
    }

    /// `gh api`: a message to GitHub.
    pub(super) fn gh_api(&mut self, scope: &mut Scope, call: &Call<'_>) {
        let operands = call.operands(VALUED);
        let path = operands.get(1).copied().unwrap_or_default().trim_start_matches('/');
        let mut fields = serde_json::Map::new();
        for field in call.values(&["-f", "--raw-field", "-F", "--field"]) {
            if let Some((name, value)) = field.split_once('=') {
                let value = match value.strip_prefix('@') {
                    Some(file) => self.read(scope, file, true),
                    None => value.to_owned(),
                };
                fields.insert(name.to_owned(), value.into());
            }
        }
        let input = call.value(&["--input"]).map(|file| match file {
            "-" => call.pipe.stdin.clone().unwrap_or_default(),
            file => self.read(scope, file, true),
        });
        let has_body = !fields.is_empty() || input.is_some();
        let method =
            call.value(&["-X", "--method"]).unwrap_or(if has_body { "POST" } else { "GET" });
        let body = input.unwrap_or_else(|| {
            if fields.is_empty() {
                String::new()
            } else {
                serde_json::Value::Object(fields).to_string()
            }
        });
        let headers = vec![("content-type".to_owned(), Bytes::from("application/json"))];
        let body = if method == "GET" { String::new() } else { body };
        self.send(
            &method.to_ascii_uppercase(),
            &format!("https://api.github.com/{path}"),
            headers,
            body,
        );
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "0.0.0.0"
}

/// What stands behind letters of which the last takes a value: `-sSLo FILE`.
fn bundled<'c>(call: &Call<'c>, letter: char) -> Option<&'c str> {
    let is_bundle = |word: &String| {
        word.strip_prefix('-').is_some_and(|rest| {
            rest.len() > 1
                && rest.ends_with(letter)
                && rest.chars().all(|it| it.is_ascii_alphabetic())
        })
    };
    let at = call.arguments.iter().position(is_bundle)?;
    call.arguments.get(at + 1).map(String::as_str)
}

/// The options of a file of curl's, as words.
fn configured(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (name, value) = line.split_once(['=', ' ', ':']).unwrap_or((line, ""));
        let name = name.trim();
        words.push(if name.starts_with('-') { name.to_owned() } else { format!("--{name}") });
        let value = value.trim().trim_start_matches(['=', ':']).trim().trim_matches('"');
        if !value.is_empty() {
            words.push(value.replace("\\\"", "\""));
        }
    }
    words
}

/// The host of a URL, without its port and whoever asks.
fn host_of(url: &str) -> String {
    let behind = url.split("://").nth(1).unwrap_or_default();
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':').next().unwrap_or(host).to_ascii_lowercase()
}

/// The options of a client whose value is a word of its own: one letter means several things.
fn valued(client: &str) -> Vec<&'static str> {
    const NOT_CURL: &[&str] = &["-f", "-q", "-a", "-p", "--preview", "-O-none"];
    const NOT_WGET: &[&str] =
        &["-c", "-r", "-m", "-p", "-x", "-K", "-H", "-F", "-q", "-d", "-b", "-N", "-k"];
    let (not, more): (&[&str], &[&str]) = match client {
        "curl" | "curlie" => (NOT_CURL, &[]),
        "wget" => (NOT_WGET, &["-O"]),
        _ => (&[], &[]),
    };
    VALUED.iter().filter(|it| !not.contains(it)).chain(more).copied().collect()
}

/// The method that is sent. HTTPie takes it from the first operand.
fn method(call: &Call<'_>, operands: &mut Vec<String>, has_body: bool) -> String {
    let curl = matches!(call.name, "curl" | "curlie");
    let glued = || {
        let glued = |it: &&str| !it.is_empty() && curl;
        call.arguments.iter().find_map(|it| it.strip_prefix("-X").filter(glued))
    };
    let named = call.value(&["-X", "--request", "--method"]).or_else(glued);
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let is_method = |it: &String| {
        it.chars().all(|it| it.is_ascii_uppercase())
            || methods.contains(&it.to_ascii_uppercase().as_str())
    };
    let first = !curl && call.name != "wget" && operands.first().is_some_and(is_method);
    let first = first.then(|| operands.remove(0).to_ascii_uppercase());
    if let Some(method) = named.map(str::to_owned).or(first) {
        return method;
    }
    let get = call.flag('G') || call.has(&["--get"]);
    let method = match () {
        () if curl && (call.flag('I') || call.has(&["--head"])) => "HEAD",
        () if call.value(&["-T", "--upload-file"]).is_some() => "PUT",
        () if has_body && !(curl && get) => "POST",
        () => "GET",
    };
    method.to_owned()
}

/// The headers that are sent, with the type that the client adds to a body.
fn headers(call: &Call<'_>, has_body: bool) -> Vec<(String, Bytes)> {
    let mut headers: Vec<(String, Bytes)> = Vec::new();
    for header in call.values(&["-H", "--header"]) {
        if let Some((name, value)) = header.split_once(':') {
            headers.push((name.trim().to_owned(), Bytes::from(value.trim().to_owned())));
        }
    }
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if has_body && !typed {
        let json = call.has(&["--json"]) || !matches!(call.name, "curl" | "curlie" | "wget");
        let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        if call.values(&["-F", "--form"]).is_empty() {
            headers.push(("content-type".to_owned(), Bytes::from(kind)));
        }
    }
    headers
}
