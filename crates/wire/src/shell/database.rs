//! Databases: clients with their statements, and frameworks that change or wipe what they are
//! pointed at. The target decides, not the command.

use holdpoint_catalog::cli::{
    frameworks::{self, Framework},
    tools,
};
use holdpoint_core::{Effect, Operation, operation::Place};

use super::{
    At, Step,
    call::{Call, Pipe},
    client::client_target,
    expand::UNKNOWN,
    program::{self, Source},
    scope::Scope,
    targets::{self, Target},
    volumes::Volumes,
    walk::Walk,
};
use crate::{
    Unreadable,
    sql::{self, Dialect},
};

/// Options of database clients whose value is a word of its own.
const CLIENT_VALUED: &[&str] = &[
    "-h",
    "-p",
    "-U",
    "-d",
    "-u",
    "-c",
    "-e",
    "-f",
    "--eval",
    "-n",
    "-a",
    "-P",
    "-D",
    "--host",
    "--port",
    "--user",
    "--username",
    "--dbname",
    "--database",
    "-v",
    "-q",
    "--command",
    "--execute",
    "--file",
];

impl Walk<'_> {
    /// A step at a database.
    pub(super) fn at_database(
        &mut self,
        scope: &Scope,
        target: &Target,
        name: &str,
        effect: Effect,
    ) {
        self.at_database_in(scope, target, name, effect, None);
    }

    /// The same, of a database that lies in volumes which go with it.
    fn at_database_in(
        &mut self,
        scope: &Scope,
        target: &Target,
        name: &str,
        effect: Effect,
        volumes: Option<Volumes>,
    ) {
        // Where nobody says which database, a tool has nothing but what is on this machine; what
        // would be lost there is too much for a guess.
        let at = match (&target.at, target.told, effect) {
            (At::Somewhere, false, Effect::Create | Effect::Modify) => At::Here,
            (at, _, _) => at.clone(),
        };
        let (address, directory) = (target.address.clone(), scope.only_directory());
        let known = Step::known(name, effect, target.resource.clone(), at);
        self.push(Step { address, directory, volumes, ..known });
    }

    /// Statements that are sent to `target`.
    pub(super) fn statements(&mut self, scope: &Scope, text: &str, target: &Target) {
        let dialect = match target.resource.provider() {
            "postgres" | "postgis" | "cockroachdb" | "cockroach" | "database" => Dialect::Postgres,
            "mysql" | "mariadb" | "mysql2" => Dialect::Mysql,
            "sqlite" | "duckdb" | "libsql" | "turso" => Dialect::Sqlite,
            _ => Dialect::Other,
        };
        let unknown = sql::Target::unknown(dialect);
        let read = match dialect {
            Dialect::Postgres => sql::psql::interpret(text, &unknown),
            _ => sql::interpret(text, &unknown),
        };
        let (resource, at) = (&target.resource, &target.at);
        let Ok(operations) = read else {
            let (id, at) = (resource.clone(), at.clone());
            return self.push(Step::guessed("sql:unread", Effect::Execute, id, at));
        };
        for operation in operations {
            // What the client runs by itself runs here.
            if operation.place == Place::ThisMachine {
                self.push(Step { unseen: true, ..Step::new(operation, At::Here) });
                continue;
            }
            let operation = Operation { resource: resource.clone().into(), ..operation };
            // Another database may be meant than the one that the statement is sent to.
            let own = !operation.name.as_str().ends_with(":drop_database");
            let address = target.address.clone().filter(|_| own);
            let directory = scope.only_directory();
            self.push(Step { address, directory, ..Step::new(operation, at.clone()) });
        }
    }

    pub(super) fn database(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        match call.name {
            "psql" | "mysql" | "mariadb" | "sqlite3" | "mongosh" | "mongo" | "redis-cli"
            | "clickhouse-client" | "sqlcmd" | "duckdb" | "cqlsh" | "pgcli" | "mycli" | "usql"
            | "cockroach" | "clickhouse" | "valkey-cli" | "keydb-cli" | "trino" | "presto"
            | "snowsql" | "snow" | "impala-shell" | "hive" | "beeline" | "spark-sql"
            | "cypher-shell" | "surreal" => self.client(scope, call)?,
            "dropdb" | "mysqladmin" | "pg_restore" | "createdb" | "dropuser" => {
                let target = client_target(scope, call);
                let effect = match call.name {
                    "dropdb" => Effect::Destroy,
                    "mysqladmin" if call.arguments.iter().any(|it| it == "drop") => Effect::Destroy,
                    "pg_restore" if call.has(&["--clean", "-c"]) => Effect::Destroy,
                    "dropuser" => Effect::Remove,
                    "mysqladmin" => Effect::Observe,
                    _ => Effect::Create,
                };
                self.at_database(scope, &target, &format!("{}:run", call.name), effect);
            }
            _ => {
                return Ok(self.framework(scope, call, call.name)?.then(|| UNKNOWN.to_string()));
            }
        }
        Ok(Some(UNKNOWN.to_string()))
    }

    fn client(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<(), Unreadable> {
        let target = client_target(scope, call);
        if call.has(&["-l", "--list"]) && call.name == "psql" {
            return Ok(());
        }
        // `cockroach node decommission`: what is no statement.
        if tools::destroys(&call.operands(CLIENT_VALUED))
            && matches!(call.name, "cockroach" | "clickhouse")
        {
            self.at_database(scope, &target, &format!("{}:run", call.name), Effect::Destroy);
        }
        let given = ["-c", "--command", "-e", "--execute", "--eval", "-q", "--query", "-Q", "-cmd"];
        let mut texts: Vec<String> = call.values(&given).into_iter().map(str::to_owned).collect();
        for file in call.values(&["-f", "--file", "-i"]) {
            texts.push(self.read(scope, file, true));
        }
        let operands = call.operands(CLIENT_VALUED);
        match call.name {
            "sqlite3" | "duckdb" => {
                texts.extend(operands.iter().skip(1).map(|it| (*it).to_owned()))
            }
            "redis-cli" | "valkey-cli" | "keydb-cli" => texts.push(operands.join(" ")),
            "cypher-shell" => texts.extend(operands.iter().map(|it| (*it).to_owned())),
            _ => {}
        }
        if let (true, Some(text)) = (texts.is_empty() || texts == [""], &call.pipe.stdin) {
            texts.push(text.clone());
        }
        for text in texts {
            match call.name {
                "mongosh" | "mongo" => {
                    self.at_database(scope, &target, "mongo:eval", mongo(&text));
                }
                "redis-cli" | "valkey-cli" | "keydb-cli" => {
                    self.at_database(scope, &target, "redis:command", redis(&text));
                }
                "cypher-shell" => self.at_database(scope, &target, "cypher:run", cypher(&text)),
                _ if text.chars().all(|it| it == UNKNOWN) && !text.is_empty() => {
                    self.push(Step::guessed(
                        "sql:unknown",
                        Effect::Execute,
                        target.resource.clone(),
                        target.at.clone(),
                    ));
                }
                "sqlite3" | "duckdb" if text.starts_with('.') => self.dotted(scope, &text)?,
                _ => self.statements(scope, &text, &target),
            }
        }
        Ok(())
    }

    /// A command of SQLite's own terminal.
    fn dotted(&mut self, scope: &mut Scope, text: &str) -> Result<(), Unreadable> {
        for line in text.lines() {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            match name {
                ".shell" | ".system" => {
                    self.script(&mut scope.clone(), rest, &Pipe::captured(None))?;
                }
                ".read" | ".import" | ".load" | ".restore" => {
                    self.unseen_program(scope, "sqlite", false)
                }
                ".output" | ".once" | ".backup" | ".save" | ".clone" if !rest.is_empty() => {
                    self.writes(scope, rest.trim(), "", false)
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A framework's own tool. `name` is the program, or the script that it is started with.
    pub(super) fn framework(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
        name: &str,
    ) -> Result<bool, Unreadable> {
        let name = super::call::base(name);
        let known = frameworks::framework(name).filter(|_| self.machine().knows_tools());
        let Some(framework) = known else { return Ok(false) };
        let own: Vec<String> = call
            .arguments
            .iter()
            .skip_while(|it| name != call.name && super::call::base(it) != name)
            .skip(usize::from(name != call.name))
            .cloned()
            .collect();
        let own = Call { name: framework.name, arguments: &own, ..Call::new(&[], call.pipe) };
        if let Some(code) = own.value(&["-c", "--command"]).filter(|_| {
            own.arguments
                .first()
                .is_some_and(|it| it == "shell" || it == "runner" || it == "shell_plus")
        }) {
            program::read(self, scope, code, program::Language::Python, &Source::default())?;
            return Ok(true);
        }
        // The language of these is close enough to Ruby for the calls that matter.
        if let Some(code) = own.value(&["-e", "--eval"]).filter(|_| framework.name == "ecto") {
            program::read(self, scope, code, program::Language::Ruby, &Source::default())?;
            return Ok(true);
        }
        if let Some(first @ ("runner" | "tinker")) = own.arguments.first().map(String::as_str) {
            let rest = own.arguments.iter().skip(1).filter(|it| *it != "--execute");
            let rest = rest.map(|it| it.strip_prefix("--execute=").unwrap_or(it));
            let code = rest.collect::<Vec<_>>().join(" ");
            let language = match first {
                "tinker" => program::Language::Php,
                _ => program::Language::Ruby,
            };
            program::read(self, scope, &code, language, &Source::default())?;
            return Ok(true);
        }
        let words: Vec<&str> = own.operands(frameworks::VALUED);
        let Some(verb) = framework.verb(&words, &|flag| own.has(&[flag])) else {
            let formats = words.first().is_some_and(|it| *it == "format");
            if !formats && !self.wiped(scope, &own) && tools::destroys(&words) {
                let target = self.framework_target(scope, &own, framework);
                let name = format!("{}:{}", framework.name, words.join("_"));
                self.at_database(scope, &target, &name, Effect::Destroy);
            }
            return Ok(true);
        };
        if verb.effect == Effect::Observe {
            return Ok(true);
        }
        if framework.tests && self.wiped(scope, &own) {
            return Ok(true);
        }
        if framework.tests {
            self.tests(scope, call, framework);
            return Ok(true);
        }
        let target = self.framework_target(scope, &own, framework);
        let name = format!("{}:{}", framework.name, verb.words.replace(' ', "_"));
        let volumes = self.of_supabase(scope, &own, &target);
        self.at_database_in(scope, &target, &name, verb.effect, volumes);
        Ok(true)
    }

    fn framework_target(
        &mut self,
        scope: &Scope,
        call: &Call<'_>,
        framework: &Framework,
    ) -> Target {
        let target = self.framework_told(scope, call, framework);
        // Files are named from where Prisma's schema is.
        let from_schema = framework.name == "prisma";
        let address = target.address.map(|it| match it.starts_with("file:") && from_schema {
            true => format!("prisma+{it}"),
            false => it,
        });
        Target { address, ..target }
    }

    fn framework_told(&mut self, scope: &Scope, call: &Call<'_>, framework: &Framework) -> Target {
        let remote = call.has(&["--linked", "--remote", "--production"]);
        if remote {
            return Target { told: true, ..targets::somewhere() };
        }
        if let Some(url) = call.arguments.iter().map(String::as_str).find(|it| targets::is_url(it))
        {
            return targets::of_url(url);
        }
        if call.has(&["--local"]) {
            return targets::at_host(framework.name, "", "");
        }
        if let Some(target) = self.database_of(scope, call, framework) {
            return target;
        }
        if framework.local {
            return targets::at_host(framework.name, "", "");
        }
        let named = scope
            .exported("RAILS_ENV")
            .or(scope.exported("APP_ENV"))
            .or(scope.exported("NODE_ENV"));
        let environment =
            call.value(&["--env", "--environment", "-e"]).or(named).map(str::to_owned);
        targets::ambient(self, scope, environment.as_deref())
    }

    /// A run of tests: what the texts of the tests say, or else code that nobody sees.
    fn tests(&mut self, scope: &mut Scope, call: &Call<'_>, framework: &Framework) {
        let environment = call.value(&["--env"]).unwrap_or("testing").to_owned();
        let own: Vec<String> = scope
            .directories
            .iter()
            .flat_map(|directory| self.files.below(directory))
            .filter(|it| {
                it.contains("test")
                    || it.contains("spec")
                    || it.contains("conftest")
                    || it.contains("database/factories")
            })
            .collect();
        let wipes = [
            "drop_all",
            "drop_database",
            "RefreshDatabase",
            "DatabaseMigrations",
            "deleteMany",
            "DROP ",
            "TRUNCATE",
            "migrate:fresh",
            "DELETE FROM",
            "dropDatabase",
            "delete_all",
            "truncate",
            "DatabaseCleaner",
            "sync({ force",
            "sync({force",
            "dropSchema",
        ];
        let text_of = |path: &String| self.files.text(path);
        let named: Vec<&str> = call
            .operands(&[])
            .into_iter()
            .filter(|it| it.contains("test") || it.contains("spec"))
            .collect();
        let counts = |path: &String| {
            named.is_empty()
                || path.contains("conftest")
                || named.iter().any(|name| path.ends_with(name.split("::").next().unwrap_or(name)))
        };
        let harmful = own
            .iter()
            .filter(|path| counts(path))
            .filter_map(text_of)
            .any(|text| wipes.iter().any(|it| text.contains(it)));
        if harmful || framework.wipes {
            let target = targets::ambient(self, scope, Some(&environment));
            if target.told && target.at != At::Here {
                return self.at_database(
                    scope,
                    &target,
                    &format!("{}:test", framework.name),
                    Effect::Destroy,
                );
            }
        }
        let read = own.iter().any(|path| counts(path) && self.files.text(path).is_some());
        if !read {
            self.unseen_program(scope, call.name, false);
        }
    }
}

fn redis(text: &str) -> Effect {
    let upper = text.trim().to_ascii_uppercase();
    match upper.split_whitespace().next().unwrap_or_default() {
        "FLUSHALL" | "FLUSHDB" | "DEL" | "UNLINK" | "SHUTDOWN" | "EVAL" | "DEBUG" => {
            Effect::Destroy
        }
        "SET" | "HSET" | "LPUSH" | "RPUSH" | "SADD" | "ZADD" | "EXPIRE" | "INCR" | "RENAME"
        | "CONFIG" | "HDEL" => Effect::Modify,
        _ => Effect::Observe,
    }
}

/// What a statement of Cypher does, by its words.
fn cypher(text: &str) -> Effect {
    let upper = text.to_ascii_uppercase();
    let has = |all: &[&str]| {
        upper.split(|it: char| !it.is_ascii_alphabetic()).any(|it| all.contains(&it))
    };
    match () {
        () if has(&["DELETE", "DETACH", "DROP", "REMOVE"]) => Effect::Destroy,
        () if has(&["SET", "CREATE", "MERGE", "LOAD", "CALL"]) => Effect::Modify,
        () => Effect::Observe,
    }
}

/// What a script for MongoDB does, by the calls that it has.
fn mongo(text: &str) -> Effect {
    let has = |calls: &[&str]| calls.iter().any(|it| text.contains(it));
    if has(&["drop", "deleteMany", "deleteOne", "remove(", "findOneAndDelete"]) {
        Effect::Destroy
    } else if has(&["insert", "update", "replace", "createIndex", "createCollection"]) {
        Effect::Modify
    } else {
        Effect::Observe
    }
}
