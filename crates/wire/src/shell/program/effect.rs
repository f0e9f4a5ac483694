//! Calls that change something: files, processes, databases, what is at the other end of a line.

use holdpoint_core::Effect;

use super::{
    Language, Reader, UNKNOWN, Value,
    call::Made,
    grammar::{self, Does},
    value::Argument,
};
use crate::{
    Unreadable,
    shell::{At, call::Pipe, configured::load_variables, secret, targets},
};

/// Words that a statement of SQL begins with.
const STATEMENTS: &str = "select insert update delete drop truncate alter create grant revoke with \
                          merge replace call do begin commit set show explain vacuum copy reindex \
                          refresh reassign rename purge optimize pragma attach detach prepare exec \
                          execute declare lock load handler flush kill discard cluster comment";
/// Modules that send over HTTP.
const SENDERS: &str = "requests httpx aiohttp axios got ky urllib http https superagent undici \
                       node-fetch Net.HTTP LWP HTTP HTTParty Faraday RestClient Http GuzzleHttp \
                       Guzzle fetch nock needle";
/// What they call sending.
const SENDING: &str = "get post put patch delete head options request fetch urlopen send Request \
                       urlretrieve call new";

impl<'t> Reader<'_, '_, 't> {
    /// What a call does; `None` if nobody knows it.
    pub(super) fn done(&mut self, call: &Made<'_, 't>) -> Result<Option<Value<'t>>, Unreadable> {
        let Some(does) = grammar::does(self.language, call.name) else {
            if is_sender(call) {
                self.sends(call);
                if let ("urlretrieve", Some(file)) = (call.verb(), call.at(1)) {
                    self.walk.writes(self.scope, &file.text(), &UNKNOWN.to_string(), false);
                }
            } else if let Some(place) = grammar::written_by(call) {
                self.walk.writes(self.scope, &place.text(), &UNKNOWN.to_string(), false);
            }
            // A call that nobody knows, of what can change something; or one that is told to believe
            // what it reads.
            let believes = call.named(&["allow_pickle"]).and_then(Value::known);
            self.unclear |=
                grammar::is_unlisted(self.language, call.name) || believes == Some("True");
            return self.cloud(call);
        };
        Ok(Some(match does {
            Does::Gives(gives) => self.gives(gives, call),
            Does::Deletes | Does::Writes | Does::Appends | Does::Truncates => {
                self.changes(does, call);
                Value::Unknown
            }
            Does::Copies | Does::Moves => self.carries(does, call)?,
            Does::Like(command) => self.like(command, call)?,
            Does::Unpacks => self.unpacked(call),
            Does::Opens => return self.opens(call).map(Some),
            Does::Reads => self.reads(call),
            Does::Starts => self.starts(call)?,
            Does::Script => {
                let script = call.text(0);
                Value::of(self.walk.script(&mut self.scope.clone(), &script, &shown())?)
            }
            Does::Asks => return Ok(self.asks(call)),
            Does::Wipes if call.verb() == "truncate" && !empties_a_table(call) => return Ok(None),
            Does::Wipes => self.wipes(call),
            Does::Syncs if call.named(&["force"]).and_then(Value::known) == Some("true") => {
                self.wipes(call)
            }
            Does::Syncs => return Ok(None),
            Does::Artisan => {
                let words = ["php", "artisan", &call.text(0)].map(str::to_owned);
                self.walk.call(self.scope, &words, &shown())?;
                Value::Unknown
            }
            Does::Evaluates | Does::Loads => self.runs_text(does, call)?,
            Does::Template => self.template(&call.text(0))?,
            Does::TakesIn => {
                let file = call.at(0).or_else(|| call.named(&["path", "dotenv_path"]));
                let file = file.and_then(Value::known).unwrap_or(".env").to_owned();
                load_variables(self.walk, self.scope, &file);
                Value::Unknown
            }
            Does::Names => self.meant(call)?,
            Does::Imports => self.taken_in(call)?,
            Does::Goes => self.goes(call)?,
            Does::Prints => self.prints(call),
            Does::Shifts => self.shifts(),
            Does::Sets => self.sets(call),
            Does::Defines => {
                self.defines(call.verb(), call.arguments)?;
                Value::Unknown
            }
            Does::Each => {
                self.maps(call)?;
                Value::Unknown
            }
            Does::Binds => self.binds(call)?,
        }))
    }

    /// Takes a module in.
    fn taken_in(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let Some(module) = call.at(0).and_then(Value::known).map(str::to_owned) else {
            self.unclear = true;
            return Ok(Value::Unknown);
        };
        let beside = call.verb() == "require_relative";
        let module = if beside { format!("./{module}") } else { module };
        self.uses(&module).map(Value::Name)
    }

    /// Makes a function of another one and what that is handed first, as if it were called at once.
    fn binds(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let Some(((_, function), rest)) = call.arguments.split_first() else {
            return Ok(Value::Unknown);
        };
        if !rest.is_empty() {
            self.applied(function.clone(), rest.to_vec())?;
        }
        Ok(function.clone())
    }

    /// Calls a function for each item: it stands first, and Perl's behind its items.
    fn maps(&mut self, call: &Made<'_, 't>) -> Result<(), Unreadable> {
        let called = |(_, value): &Argument<'t>| match value {
            Value::Code(_) => true,
            Value::Name(name) => grammar::does(self.language, name).is_some(),
            Value::Text(name) if self.language == Language::Php => {
                grammar::does(self.language, name).is_some() || self.functions.contains_key(name)
            }
            _ => false,
        };
        let place = call.arguments.iter().position(called).unwrap_or_default();
        let mut rest = call.arguments.to_vec();
        if rest.is_empty() {
            return Ok(());
        }
        let function = rest.remove(place);
        let listed = rest.iter().find_map(|(_, value)| match value {
            list @ Value::List(_) => Some(list.rounds()),
            _ => None,
        });
        let items = listed.unwrap_or_else(|| rest.iter().map(|(_, it)| it.clone()).collect());
        self.each(&[function], &items)
    }

    /// Starts a program: a text that a shell reads, or its words.
    fn starts(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let first = call.at(0).or_else(|| call.named(&["args", "cmd", "command", "file"]));
        // Whoever calls it says what is started.
        let first = first.unwrap_or(&Value::Unknown);
        let second = call.at(1);
        let unnamed = call.arguments.iter().filter(|(name, _)| name.is_none());
        let texts: Vec<String> = unnamed
            .map(|(_, value)| value)
            .filter(|it| !matches!(it, Value::List(_) | Value::Table(_) | Value::Code(_)))
            .map(Value::text)
            .collect();
        let replaces = call.verb().starts_with("exec") && call.name.starts_with("os.")
            || call.verb().starts_with("spawn") && call.name.starts_with("os.");
        let listed = matches!(self.language, Language::Ruby | Language::Perl) && texts.len() > 1
            || call.verb() == "create_subprocess_exec";
        let words: Vec<String> = match (first, second) {
            (Value::List(items), _) => items.iter().map(Value::text).collect(),
            (_, Some(how @ Value::Table(_))) if how.under(&["args"]).is_some() => {
                let args = how.under(&["args"]).map(Value::texts).unwrap_or_default();
                std::iter::once(first.text()).chain(args).collect()
            }
            // Variables of its environment come first.
            (Value::Table(_), _) if !texts.is_empty() => texts,
            (Value::Table(_), _) => {
                let own = first.under(&["args", "cmd", "command"]).map(Value::texts);
                own.unwrap_or_else(|| vec![UNKNOWN.to_string()])
            }
            (_, Some(Value::List(items))) if replaces => items.iter().map(Value::text).collect(),
            (_, Some(Value::List(items))) if !items.is_empty() => {
                std::iter::once(first.text()).chain(items.iter().map(Value::text)).collect()
            }
            _ if replaces => texts.into_iter().skip(1).collect(),
            _ if listed => texts,
            _ => vec![first.text()],
        };
        let mut inner = self.scope.clone();
        if let Some(directory) = call.named(&["cwd", "chdir"]) {
            inner.go(&directory.text(), true);
        }
        let mut words: Vec<String> = words.into_iter().filter(|it| !it.is_empty()).collect();
        // What is started is not what it is called.
        if let (Some(program), Some(first)) = (call.named(&["executable"]), words.first_mut()) {
            *first = program.text();
        }
        let printed = match words.as_slice() {
            [] => String::new(),
            [script] => self.walk.script(&mut inner, script, &shown())?,
            words => self.walk.call(&mut inner, words, &shown())?,
        };
        Ok(Value::of(printed))
    }

    /// Sends a statement; what is no statement is not meant.
    fn asks(&mut self, call: &Made<'_, 't>) -> Option<Value<'t>> {
        let texts = call.arguments.iter().map(|(_, value)| value);
        let text = texts.map(Value::text).find(|it| !it.is_empty() && is_statement(it));
        match text {
            Some(text) => {
                let handed = call.at(0).filter(|it| matches!(it, Value::Made(..)));
                let target = self.database(handed.or(call.on));
                self.walk.statements(self.scope, &text, &target);
            }
            // A statement that nobody knows.
            None if asks_always(call.verb())
                && call.at(0).is_some_and(|it| it.known().is_none()) =>
            {
                self.unclear = true;
            }
            None => {}
        }
        None
    }

    fn wipes(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        let target = self.database(call.on);
        let name = format!("orm:{}", call.verb());
        self.walk.at_database(self.scope, &target, &name, Effect::Destroy);
        Value::Unknown
    }

    /// The database that a value leads to: told where it was made, else anywhere in the program,
    /// else what the project is set up with.
    fn database(&mut self, on: Option<&Value<'t>>) -> targets::Target {
        let mut texts = Vec::new();
        if let Some(Value::Made(by, with)) = on {
            let call = Made { name: by, on: None, arguments: with };
            let host = call.named(&["host", "server", "hostname", "unix_socket"]);
            let name = call.named(&["dbname", "database", "db"]).map(Value::text);
            if let Some(host) = host {
                return targets::at_host(provider(by), &host.text(), &name.unwrap_or_default());
            }
            texts = with.iter().flat_map(|(_, value)| value.texts()).collect();
            if by.contains("mysqli")
                && let Some(host) = texts.first()
            {
                return targets::at_host("mysql", host, "");
            }
        }
        if let Some(url) =
            texts.iter().find(|it| targets::is_url(it) || grammar::is_database_file(it))
        {
            return targets::of_url(url);
        }
        // `pgsql:host=…;dbname=…`, `dbi:Pg:dbname=…;host=…`, `host=… dbname=…`
        for text in &texts {
            let part = |name: &str| {
                let mut parts = text.split([';', ' ', ':']);
                parts.find_map(|it| it.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
            };
            if let Some(host) = part("host") {
                let name = part("dbname").unwrap_or_default();
                return targets::at_host(provider(text), &host, &name);
            }
        }
        match self.addresses.last() {
            Some(url) => targets::of_url(url),
            None => targets::ambient(self.walk, self.scope, None),
        }
    }

    /// Sends something over HTTP.
    pub(super) fn sends(&mut self, call: &Made<'_, 't>) {
        let own: Vec<String> = call.arguments.iter().flat_map(|(_, value)| value.texts()).collect();
        let of: Vec<String> = match call.on {
            Some(Value::Made(_, with)) => with.iter().flat_map(|(_, it)| it.texts()).collect(),
            _ => Vec::new(),
        };
        let is_url = |it: &&String| it.starts_with("http://") || it.starts_with("https://");
        let spoken = |it: &&String| {
            matches!(
                it.to_ascii_uppercase().as_str(),
                "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD"
            )
        };
        let said = call.named(&["method", "type"]).map(Value::text);
        let unsaid = said.as_deref().is_some_and(|it| it.contains(UNKNOWN))
            || self.language == Language::Python
                && call.name.ends_with(".request")
                && call.at(0).is_some_and(|it| it.known().is_none())
            || self.language == Language::JavaScript
                && matches!(call.at(1), Some(Value::Unknown | Value::Given));
        let name = call.name.to_ascii_lowercase();
        let verb = ["delete", "put", "patch", "post", "head", "get"]
            .into_iter()
            .find(|it| name.split('.').rev().take(2).any(|part| part == *it));
        let method = said
            .filter(|it| it != &UNKNOWN.to_string())
            .or_else(|| verb.map(str::to_owned))
            .or_else(|| own.iter().find(spoken).cloned())
            // What nobody knows is judged as the strictest that could stand there.
            .unwrap_or_else(|| if unsaid { "DELETE" } else { "GET" }.to_owned())
            .to_ascii_uppercase();
        let url = own.iter().find(is_url).cloned().or_else(|| {
            let path = own
                .iter()
                .find(|it| it.starts_with('/'))
                .cloned()
                .or_else(|| call.named(&["path", "pathname"]).map(Value::text));
            let host = call.named(&["hostname", "host"]).map(Value::text);
            let host =
                host.or_else(|| of.iter().find(|it| is_url(it) || it.contains('.')).cloned());
            let host = host.map(|it| if is_url(&&it) { it } else { format!("https://{it}") });
            Some(format!("{}{}", host?.trim_end_matches('/'), path.unwrap_or_default()))
        });
        let reads = matches!(method.as_str(), "GET" | "HEAD");
        let Some(url) = url.or((!reads).then(|| format!("https://{UNKNOWN}/"))) else { return };
        let body = call.named(&["json", "data", "body", "content", "form_params"]);
        let body = body.map_or_else(String::new, |body| match body {
            Value::Text(text) => text.clone(),
            body => body.json().to_string(),
        });
        self.walk.send(&method, &url, Vec::new(), body);
    }

    /// A cloud's own library, as the command that says the same.
    fn cloud(&mut self, call: &Made<'_, 't>) -> Result<Option<Value<'t>>, Unreadable> {
        let Some(Value::Made(by, with)) = call.on else { return Ok(None) };
        let service = with.first().and_then(|(_, value)| value.known());
        if let (true, Some(service)) = (by.starts_with("boto3.client"), service) {
            let words = ["aws", service, &call.verb().replace('_', "-")].map(str::to_owned);
            self.walk.call(self.scope, &words, &shown())?;
        }
        Ok(None)
    }

    fn runs_text(&mut self, does: Does, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        match (does, call.arguments.last().map(|(_, value)| value)) {
            (Does::Evaluates, Some(Value::Code(block))) => return self.invoke(*block, &[]),
            (Does::Evaluates, _) if call.at(0).and_then(Value::known).is_some() => {
                let code = call.text(0);
                match matches!(call.verb(), "load" | "do" | "run_path") {
                    true => self.runs_file(&code)?,
                    false => self.evaluates(&code)?,
                }
            }
            // A block of Perl was read where it stands.
            (Does::Evaluates, None | Some(Value::Unknown)) if self.language == Language::Perl => {}
            _ => self.unclear = true,
        }
        Ok(Value::Unknown)
    }

    /// Goes to another directory: for good, or for what a block does.
    fn goes(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let before = self.scope.directories.clone();
        self.scope.go(&call.text(0), self.branches == 0 && self.open.is_empty());
        for (_, value) in call.arguments {
            if let Value::Code(block) = value {
                self.invoke(*block, &[(None, Value::Path(call.text(0)))])?;
                self.scope.directories.clone_from(&before);
            }
        }
        Ok(Value::Unknown)
    }

    /// `<% code %>`, `<%= code %>`
    fn template(&mut self, text: &str) -> Result<Value<'t>, Unreadable> {
        self.unclear |= text.contains(UNKNOWN);
        let parts = text.split("<%").skip(1).filter_map(|it| it.split("%>").next());
        let code: Vec<&str> = parts.map(|it| it.trim_start_matches(['=', '-'])).collect();
        self.evaluates(&code.join("\n"))?;
        Ok(Value::Unknown)
    }

    /// What is called by a text that says its name.
    fn meant(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let (on, name, rest) = match self.language {
            Language::Python => (call.at(0).cloned(), call.at(1), 2),
            Language::Php => (None, call.at(0), 1),
            _ => (call.on.cloned(), call.at(0), 1),
        };
        let Some(name) = name.and_then(Value::known) else {
            self.unclear = true;
            return Ok(Value::Unknown);
        };
        if self.language == Language::Python || matches!(call.verb(), "const_get" | "method") {
            return Ok(on.map_or(Value::Unknown, |on| self.got(&on, name)));
        }
        let mut arguments: Vec<_> = call.arguments.get(rest..).unwrap_or_default().to_vec();
        if call.verb() == "call_user_func_array" {
            let spread = arguments.into_iter().flat_map(|(_, value)| value.rounds());
            arguments = spread.map(|value| (None, value)).collect();
        }
        self.called_as(on, name, arguments)
    }

    fn prints(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        for (_, value) in call.arguments {
            let all = matches!(value, Value::Name(name) if grammar::is_environment(name));
            if all {
                self.walk.dump(self.scope);
            }
            if secret::shows(self.scope, &value.text()) && !self.walk.machine().masked() {
                let resource = holdpoint_core::ResourceId::of("machine", "environment", "program");
                self.walk.push(crate::shell::Step::reveals("shell:print", resource, At::Here));
            }
        }
        Value::Unknown
    }

    fn shifts(&mut self) -> Value<'t> {
        // Outside of every function it is the program's own.
        let name = if self.open.is_empty() { "ARGV" } else { "_" };
        let handed = self.variables.get(name).cloned().or_else(|| self.handed_to_program(name));
        let Some(Value::List(mut items)) = handed else { return Value::Unknown };
        let first = if items.is_empty() { Value::Absent } else { items.remove(0) };
        self.variables.insert(name.to_owned(), Value::List(items));
        first
    }

    /// `curl_setopt($c, CURLOPT_CUSTOMREQUEST, 'DELETE')`
    fn sets(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        if call.verb().starts_with("set_") {
            if let [.., (_, key), (_, value)] = call.arguments {
                self.variables.insert(key.text(), value.clone());
            }
            return Value::Unknown;
        }
        let method =
            matches!(call.at(1), Some(Value::Name(name)) if name == "CURLOPT_CUSTOMREQUEST");
        if let (true, Some(Value::Made(_, with))) = (method, call.at(0)) {
            let url = with.first().map_or_else(|| UNKNOWN.to_string(), |(_, value)| value.text());
            self.walk.send(&call.text(2), &url, Vec::new(), String::new());
        }
        Value::Unknown
    }
}

/// What is started is shown.
pub(super) fn shown() -> Pipe {
    Pipe { stdin: None, captured: false, piped: false }
}

/// Whether a text may be a statement of SQL: it begins with a word of it, or with what may stand
/// before one.
fn is_statement(text: &str) -> bool {
    let plain = text.trim_start_matches(|it: char| it.is_whitespace() || it == '\u{feff}');
    let first: String = plain.chars().take_while(|it| it.is_ascii_alphabetic()).collect();
    let first = first.to_ascii_lowercase();
    ["--", "/*", "(", ";", "#"].iter().any(|it| plain.starts_with(it))
        || STATEMENTS.split_whitespace().any(|it| it == first)
}

/// Whether a call of this name is handed a statement, and nothing else.
fn asks_always(verb: &str) -> bool {
    ["execute", "query", "$execute", "$query", "unsafe", "statement", "unprepared"]
        .iter()
        .any(|it| verb.starts_with(it))
}

/// Whether a call of `truncate` is about rows, and not about letters or a file.
fn empties_a_table(call: &Made<'_, '_>) -> bool {
    let length = call.at(0).and_then(Value::known).is_some_and(|it| it.parse::<f64>().is_ok());
    let root = call.name.split('.').next().unwrap_or_default();
    !length && !matches!(root, "lodash" | "_" | "underscore" | "file" | "text")
}

/// Whether a call sends over HTTP, by the module that it is of.
fn is_sender(call: &Made<'_, '_>) -> bool {
    let of = |module: &str| {
        let rest = call.name.strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    SENDERS.split_whitespace().any(of)
        && (call.name == "fetch"
            || call.name == "axios"
            || SENDING.split_whitespace().any(|it| it.eq_ignore_ascii_case(call.verb())))
}

/// Which kind of database the name of a module, or a source, is about.
fn provider(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    match () {
        () if name.contains("mysql") || name.contains("maria") => "mysql",
        () if name.contains("mongo") => "mongodb",
        () => "postgres",
    }
}
