//! The database that a framework's own tool would go to: its options, variables, files of variables
//! and configuration, in the order in which it looks at them.

use holdpoint_catalog::cli::frameworks::Framework;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{
    call::Call,
    expand::UNKNOWN,
    path,
    program::{self, Language},
    scope::Scope,
    secret,
    targets::{self, Target},
    walk::Walk,
    yaml,
};

/// How deep a configuration is looked into.
const DEPTH_MAX: usize = 6;
/// Options that say as what a tool runs.
const ENVIRONMENTS: &[&str] = &["--env", "--environment", "-e"];
/// Names under which a configuration holds an address.
const ADDRESSES: &[&str] = &[
    "url",
    "connectionString",
    "connection_string",
    "uri",
    "dsn",
    "URL",
    "datasourceUrl",
    "directUrl",
];
/// Names under which it holds what holds one.
const PLACES: &[&str] =
    &["connection", "dbCredentials", "datasource", "db", "database", "default", "primary"];

/// One look for a database.
struct Search<'s, 'c> {
    scope: Scope,
    call: &'s Call<'c>,
    /// What the tool runs as.
    environment: String,
    /// The schema that Prisma's configuration names, if it has one: nothing else is loaded then.
    schema: Option<Option<String>>,
}

impl Walk<'_> {
    /// Where `framework` goes when it is called so; `None` if nothing that it looks at says so.
    pub(super) fn database_of(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
        framework: &Framework,
    ) -> Option<Target> {
        let environment = environment(scope, call, framework);
        let mut search = Search { scope: scope.clone(), call, environment, schema: None };
        framework.sources.split_whitespace().find_map(|source| {
            let (kind, what) = source.split_once(':')?;
            self.looked_at(&mut search, kind, what)
        })
    }

    fn looked_at(&mut self, search: &mut Search<'_, '_>, kind: &str, what: &str) -> Option<Target> {
        let names: Vec<&str> = what.split(',').collect();
        match kind {
            "flag" => {
                let told = search.call.value(&names)?;
                Some(address(told).unwrap_or_else(unknown))
            }
            "load" => {
                self.load(search, &names);
                None
            }
            "var" => names.iter().find_map(|name| {
                let told = search.scope.value(name).filter(|it| !it.is_empty())?;
                Some(address(told).unwrap_or_else(unknown))
            }),
            "host" => {
                let [host, database] = names.as_slice() else { return None };
                if search.scope.value("DB_CONNECTION") == Some("sqlite") {
                    return Some(targets::at_host("sqlite", "", ""));
                }
                let host = search.scope.value(host)?;
                let database = search.scope.value(database).unwrap_or_default();
                let whole = || targets::at_host("database", host, database);
                Some(in_parts(&search.scope, host, database).unwrap_or_else(whole))
            }
            "module" => self.modules(search, &names),
            "schema" => self.schema(search, &names),
            "django" => self.settings(search),
            "alembic" => self.ini(search, &names),
            "mix" => self.mix(search, &names),
            "line" => self.lines(search, &names),
            _ => None,
        }
    }

    /// Takes in files of variables: what is set already stays.
    fn load(&mut self, search: &mut Search<'_, '_>, files: &[&str]) {
        for file in files {
            for file in file.split('|') {
                let file = file.replace('@', &search.environment);
                let there = load_variables(self, &mut search.scope, &file);
                if there {
                    break;
                }
            }
        }
    }

    /// The files that an option or a name says, the first that is there.
    fn named_file(&self, search: &Search<'_, '_>, names: &[&str]) -> Option<(String, String)> {
        let (options, files): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|it| it.starts_with('-'));
        let told = search.call.value(&options);
        let files = told.map_or(files, |told| vec![told]);
        files.into_iter().find_map(|file| {
            let file = file.replace('@', &search.environment);
            let path = path::normal(&file, search.scope.directory());
            Some((path.clone(), self.files.text(&path)?.to_string()))
        })
    }

    fn modules(&mut self, search: &mut Search<'_, '_>, names: &[&str]) -> Option<Target> {
        let (file, text) = self.named_file(search, names)?;
        if file.ends_with(".sequelizerc") {
            let told = self.evaluated(search, &file, &text);
            let config = told.get("config").and_then(Value::as_str)?.to_owned();
            let text = self.files.text(&path::normal(&config, search.scope.directory()))?;
            let told = self.evaluated(search, &config, &text);
            return Some(search.pick(&told, DEPTH_MAX).unwrap_or_else(unknown));
        }
        let told = self.evaluated(search, &file, &text);
        let picked = search.pick(&told, DEPTH_MAX);
        if picked.is_none() && names.iter().any(|it| it.starts_with("prisma.config.")) {
            search.schema = Some(told.get("schema").and_then(Value::as_str).map(str::to_owned));
            return None;
        }
        Some(picked.unwrap_or_else(unknown))
    }

    /// What a file of configuration comes to.
    fn evaluated(&mut self, search: &mut Search<'_, '_>, file: &str, text: &str) -> Value {
        let ending = file.rsplit('.').next().unwrap_or_default();
        let read = match ending {
            "json" => serde_json::from_str(text).ok(),
            "yml" | "yaml" => yaml::read(&plain_erb(text, &search.scope)),
            _ => {
                // What it does besides is none of the command's doing.
                let mut aside = Walk::new(self.machine());
                aside.files.written = self.files.written.clone();
                let language = if ending == "py" { Language::Python } else { Language::JavaScript };
                Some(program::exports(&mut aside, &mut search.scope, text, language))
            }
        };
        read.unwrap_or(Value::Null)
    }

    /// The datasource of a schema of Prisma: what migrates goes to `directUrl`, where there is one.
    fn schema(&mut self, search: &mut Search<'_, '_>, names: &[&str]) -> Option<Target> {
        let package = path::normal("package.json", search.scope.directory());
        let package: Option<Value> =
            self.files.text(&package).and_then(|it| serde_json::from_str(&it).ok());
        let told = package.and_then(|it| Some(it.pointer("/prisma/schema")?.as_str()?.to_owned()));
        let told = search.schema.clone().flatten().or(told);
        let mut all = vec!["--schema"];
        all.extend(told.as_deref());
        if told.is_none() {
            all.extend(names);
        }
        let (file, text) = self.named_file(search, &all)?;
        let beside = path::normal("../.env", &file);
        if search.schema.is_none() {
            self.load(search, &[".env", &beside, "prisma/.env"]);
        }
        let source = text.split("datasource").nth(1)?.split('}').next()?;
        let said = |key: &str| {
            let line = source.lines().find_map(|line| line.trim().strip_prefix(key))?;
            let value = line.trim().strip_prefix('=')?.trim();
            let quoted = value.split('"').nth(1)?;
            Some(match value.starts_with("env(") {
                true => search
                    .scope
                    .value(quoted)
                    .map_or_else(|| UNKNOWN.to_string(), |value| expanded(value, &search.scope)),
                false => quoted.to_owned(),
            })
        };
        let told = said("directUrl").filter(|it| !it.contains(UNKNOWN)).or_else(|| said("url"))?;
        Some(address(&told).unwrap_or_else(unknown))
    }

    fn settings(&mut self, search: &mut Search<'_, '_>) -> Option<Target> {
        let told = search.call.value(&["--settings"]).map(str::to_owned);
        let told =
            told.or_else(|| search.scope.exported("DJANGO_SETTINGS_MODULE").map(str::to_owned));
        let told = told.or_else(|| {
            let manage = path::normal("manage.py", search.scope.directory());
            let text = self.files.text(&manage)?;
            let (_, behind) = text.split_once("DJANGO_SETTINGS_MODULE")?;
            Some(behind.split(['\'', '"']).nth(2)?.to_owned())
        })?;
        let file = format!("{}.py", told.replace('.', "/"));
        let (file, text) = self.named_file(search, &[&file])?;
        let told = self.evaluated(search, &file, &text);
        let alias = search.call.value(&["--database"]).unwrap_or("default");
        let database = told.get("DATABASES")?.get(alias)?;
        Some(search.pick(database, DEPTH_MAX).unwrap_or_else(unknown))
    }

    /// `alembic.ini`, unless the program beside it says otherwise.
    fn ini(&mut self, search: &mut Search<'_, '_>, names: &[&str]) -> Option<Target> {
        let (file, text) = self.named_file(search, names)?;
        let section = search.call.value(&["-n", "--name"]).unwrap_or("alembic").to_owned();
        let own = text.lines().skip_while(|it| it.trim() != format!("[{section}]")).skip(1);
        let own: Vec<&str> = own.take_while(|it| !it.starts_with('[')).collect();
        let said = |key: &str| {
            let found =
                own.iter().find_map(|line| line.split_once('=').filter(|it| it.0.trim() == key));
            found.map(|(_, value)| value.trim().to_owned())
        };
        let beside = file.rsplit_once('/').map_or("/", |(directory, _)| directory).to_owned();
        let place = said("script_location").unwrap_or_else(|| ".".to_owned());
        let place = path::normal(&place.replace("%(here)s", &beside), &beside);
        let program = format!("{place}/env.py");
        let told = self.files.text(&program).map(|text| self.evaluated(search, &program, &text));
        let told = told.as_ref().and_then(|it| it.get("sqlalchemy.url")?.as_str());
        let told = told.map(str::to_owned).or_else(|| said("sqlalchemy.url"))?;
        Some(address(&told.replace("%%", "%")).unwrap_or_else(unknown))
    }

    /// The configuration of Ecto, read by its lines.
    fn mix(&mut self, search: &mut Search<'_, '_>, names: &[&str]) -> Option<Target> {
        let (_, text) = self.named_file(search, names)?;
        let said = |key: &str| {
            let line = text.lines().find_map(|it| it.trim().strip_prefix(key))?;
            let value = line.strip_prefix(':')?.trim();
            Some(match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
                None => UNKNOWN.to_string(),
            })
        };
        if let Some(url) = said("url").filter(|it| !it.contains(UNKNOWN)) {
            return address(&url);
        }
        let host = said("hostname")?;
        Some(targets::at_host("postgres", &host, &said("database").unwrap_or_default()))
    }

    /// A file of properties: the line that holds an address.
    fn lines(&mut self, search: &mut Search<'_, '_>, names: &[&str]) -> Option<Target> {
        let (_, text) = self.named_file(search, names)?;
        let line = text.lines().find_map(|line| {
            let line = line.trim();
            let (key, value) = line.split_once(['=', ':']).filter(|_| !line.starts_with('#'))?;
            let key = key.trim();
            let key = key.rsplit('.').next().unwrap_or(key);
            (key == "url" || key == "endpoint").then(|| value.trim().trim_matches('"').to_owned())
        })?;
        Some(address(&line).unwrap_or_else(unknown))
    }
}

/// A value with the other variables in it, as some read their files: `${NAME}`.
fn expanded(value: &str, scope: &Scope) -> String {
    let mut parts = value.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        whole.push_str(scope.value(name).unwrap_or(&UNKNOWN.to_string()));
        whole.push_str(rest);
    }
    whole
}

impl Search<'_, '_> {
    /// The database that a configuration is about, for what the tool runs as.
    fn pick(&self, told: &Value, depth: usize) -> Option<Target> {
        if depth == 0 {
            return None;
        }
        let table = match told {
            Value::String(text) => return address(text),
            Value::Array(items) => return items.iter().find_map(|it| self.pick(it, depth - 1)),
            Value::Object(table) => table,
            _ => return None,
        };
        let text = |names: &[&str]| {
            names.iter().find_map(|name| table.get(*name)?.as_str()).filter(|it| !it.is_empty())
        };
        if let Some(own) = table.get(&self.environment).filter(|it| !it.is_string()) {
            return self.pick(own, depth - 1);
        }
        if let Some(name) = text(&["use_env_variable"]) {
            return Some(self.scope.value(name).and_then(address).unwrap_or_else(unknown));
        }
        if let Some(told) = text(ADDRESSES) {
            return Some(address(told).unwrap_or_else(unknown));
        }
        let named =
            text(&["database", "NAME", "dbname", "storage", "filename"]).unwrap_or_default();
        let kind = text(&["adapter", "dialect", "client", "ENGINE", "type", "driver"])
            .unwrap_or("database");
        let kind = kind.rsplit('.').next().unwrap_or(kind);
        if kind.contains("sqlite") {
            return Some(targets::at_host("sqlite", "", named));
        }
        if let Some(host) = text(&["host", "HOST", "hostname", "server"]) {
            return Some(targets::at_host(provider(kind), host, named));
        }
        let inner = PLACES.iter().find_map(|name| table.get(*name).filter(|it| !it.is_string()));
        // What is exported by one name.
        let inner =
            inner.or_else(|| table.values().next().filter(|it| table.len() == 1 && it.is_object()));
        match inner {
            Some(inner) => self.pick(inner, depth - 1),
            // A database that has a name and no host is on this machine.
            None if !named.is_empty() && !named.contains(UNKNOWN) => {
                Some(targets::at_host(provider(kind), "", named))
            }
            None => text(&["connection"]).and_then(address),
        }
    }
}

/// The address that is told in parts (laravel.com/docs, "Database: Getting Started"); none where one
/// is missing that matters, or nobody knows it.
fn in_parts(scope: &Scope, host: &str, database: &str) -> Option<Target> {
    let part = |name: &str| scope.value(name).unwrap_or_default();
    let scheme = match part("DB_CONNECTION") {
        kind @ ("mysql" | "mariadb") => kind,
        "pgsql" => "postgres",
        _ => return None,
    };
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut who = escaped(part("DB_USERNAME"));
    let (password, port) = (part("DB_PASSWORD"), part("DB_PORT"));
    if !password.is_empty() {
        who = format!("{who}:{}", escaped(password));
    }
    let port = if port.is_empty() { String::new() } else { format!(":{port}") };
    let url = format!("{scheme}://{who}@{host}{port}/{}", escaped(database));
    let known = !who.is_empty() && !database.is_empty() && part("DB_SOCKET").is_empty();
    let known = known && ![part("DB_USERNAME"), password, &port].concat().contains(UNKNOWN);
    let target = targets::of_url(&url);
    let resource = targets::at_host(scheme, host, database).resource;
    known.then_some(Target { resource, ..target })
}

/// What a tool runs as: by an option, by a variable, or as developers run it.
fn environment(scope: &Scope, call: &Call<'_>, framework: &Framework) -> String {
    let variables: &[&str] = match framework.name {
        "rails" => &["RAILS_ENV", "RACK_ENV"],
        "laravel" | "symfony" | "doctrine" => &["APP_ENV"],
        "ecto" => &["MIX_ENV"],
        _ => &["NODE_ENV"],
    };
    let usual = match framework.name {
        "ecto" | "symfony" | "doctrine" => "dev",
        "laravel" => "local",
        _ => "development",
    };
    let told = call.value(ENVIRONMENTS).filter(|_| framework.name != "dbmate");
    let told = told.or_else(|| variables.iter().find_map(|name| scope.exported(name)));
    told.unwrap_or(usual).to_owned()
}

/// Takes in a file of variables, for those that are not set; whether it is there.
pub(super) fn load_variables(walk: &Walk<'_>, scope: &mut Scope, file: &str) -> bool {
    let path = path::normal(file, scope.directory());
    let Some(text) = walk.files.text(&path) else { return false };
    for (name, value) in secret::pairs(&text) {
        if scope.exported(name).is_none() {
            scope.export(name, Some(value.to_owned()));
        }
    }
    true
}

/// The database at an address, if it is one.
fn address(told: &str) -> Option<Target> {
    let is_web = told.starts_with("http://") || told.starts_with("https://");
    match () {
        () if targets::is_url(told) && !told.contains(UNKNOWN) => Some(targets::of_url(told)),
        () if is_web => {
            let host = told.split("://").nth(1)?.split(['/', ':']).next()?;
            Some(targets::at_host("hasura", host, ""))
        }
        () => None,
    }
}

/// Something says where, and nobody can know what.
fn unknown() -> Target {
    Target { told: true, ..targets::somewhere() }
}

fn provider(kind: &str) -> &str {
    match kind {
        "pg" | "postgresql" | "pgnative" | "postgis" | "postgresql_psycopg2" => "postgres",
        "mysql2" | "trilogy" => "mysql",
        kind => kind,
    }
}

/// A text without the marks of ERB, the variables that it names put in.
fn plain_erb(text: &str, scope: &Scope) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("<%") {
        let (code, after) = behind.split_once("%>").unwrap_or((behind, ""));
        out.push_str(before);
        let quoted: Vec<&str> = code.split(['\'', '"']).collect();
        let named = quoted.get(1).filter(|_| code.contains("ENV"));
        if code.starts_with('=') {
            let known = named.and_then(|name| scope.value(name));
            // `ENV.fetch('X', 'usual')`
            let usual = quoted.get(3).filter(|_| code.contains("fetch")).copied();
            out.push_str(known.or(usual).unwrap_or(&UNKNOWN.to_string()));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
