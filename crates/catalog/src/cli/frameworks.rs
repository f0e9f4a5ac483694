//! Tools of frameworks that change or wipe the database that they are pointed at.

use holdpoint_core::Effect::{self, Destroy, Modify, Observe};

/// Options whose value is a word of its own.
pub const VALUED: &[&str] = &[
    "--schema",
    "--config",
    "--url",
    "--db-url",
    "--env",
    "-e",
    "--settings",
    "-c",
    "--name",
    "-n",
    "--path",
    "--database",
    "-d",
    "--dir",
    "-f",
    "--seeder",
    "--to",
    "--step",
    "--project",
    "--cwd",
    "-m",
    "--message",
    "-path",
    "-database",
    "-source",
];

/// A framework's tool.
#[derive(Debug)]
pub struct Framework {
    /// What its operations are called after.
    pub name: &'static str,
    /// Where nobody says anything, it works on this machine.
    pub local: bool,
    /// It runs tests, which do what their texts say.
    pub tests: bool,
    /// Its tests begin by wiping the database.
    pub wipes: bool,
    /// Where it looks for the address of its database, in its own order: `flag:` an option,
    /// `load:` files of variables that are taken in where nothing else says so (`@` is the
    /// environment that it runs as), `var:` variables, `host:` variables of a host and a database,
    /// `module:` files that are evaluated, and what the tools of one name alone do.
    pub sources: &'static str,
    verbs: &'static [Verb],
}

/// What a verb does, perhaps only with a flag.
#[derive(Debug)]
pub struct Verb {
    /// Its words.
    pub words: &'static str,
    flag: &'static str,
    /// What it does to the database.
    pub effect: Effect,
}

impl Framework {
    /// What `words` do, given which flags are there; `None` if no verb says anything.
    pub fn verb(&self, words: &[&str], has: &dyn Fn(&str) -> bool) -> Option<&'static Verb> {
        self.verbs.iter().find(|verb| {
            let own = verb.words.split_whitespace();
            let fits = own.clone().count() <= words.len()
                && own.zip(words).all(|(own, word)| own == "*" || own == *word);
            fits && (verb.flag.is_empty() || verb.flag.split_whitespace().any(has))
        })
    }
}

macro_rules! frameworks {
    ($($names:literal => $name:literal [$sources:literal] { local: $local:literal, tests: $tests:literal, wipes: $wipes:literal; $($words:literal [$flag:literal] $effect:ident),* $(,)? })*) => {
        const FRAMEWORKS: &[(&str, Framework)] = &[$(($names, Framework {
            name: $name, local: $local, tests: $tests, wipes: $wipes, sources: $sources,
            verbs: &[$(Verb { words: $words, flag: $flag, effect: $effect },)*],
        }),)*];
    };
}

frameworks! {
    "prisma" => "prisma" ["flag:--url module:prisma.config.ts,prisma.config.js,.config/prisma.ts schema:prisma/schema.prisma,schema.prisma"] { local: false, tests: false, wipes: false;
        "migrate reset" [""] Destroy, "db push" ["--force-reset --accept-data-loss"] Destroy,
        "db push" [""] Modify, "migrate dev" [""] Modify, "migrate deploy" [""] Modify, "migrate resolve" [""] Modify,
        "db execute" [""] Destroy, "db seed" [""] Modify }
    "drizzle-kit" => "drizzle" ["flag:--url load:.env module:--config,drizzle.config.ts,drizzle.config.js,drizzle.config.json"] { local: false, tests: false, wipes: false;
        "push" ["--force"] Destroy, "push" [""] Modify, "migrate" [""] Modify, "drop" [""] Modify }
    "sequelize sequelize-cli" => "sequelize" ["flag:--url module:--config,.sequelizerc,config/config.json,config/config.js,config.json"] { local: false, tests: false, wipes: false;
        "db:drop" [""] Destroy, "db:migrate:undo:all" [""] Destroy, "db:migrate:undo" [""] Destroy, "db:seed:undo:all" [""] Destroy,
        "db:migrate" [""] Modify, "db:seed:all" [""] Modify, "db:create" [""] Modify }
    "typeorm typeorm-ts-node-commonjs typeorm-ts-node-esm" => "typeorm" ["module:-d,--dataSource,src/data-source.ts,data-source.ts,data-source.js,ormconfig.json,ormconfig.js"] { local: false, tests: false, wipes: false;
        "schema:drop" [""] Destroy, "migration:revert" [""] Destroy, "schema:sync" [""] Destroy, "migration:run" [""] Modify }
    "knex" => "knex" ["flag:--connection module:--knexfile,knexfile.js,knexfile.cjs,knexfile.mjs,knexfile.ts"] { local: false, tests: false, wipes: false;
        "migrate:rollback" [""] Destroy, "migrate:down" [""] Destroy, "migrate:latest" [""] Modify, "migrate:up" [""] Modify, "seed:run" [""] Destroy }
    "node-pg-migrate db-migrate migrate-mongo umzug kysely" => "migrate" ["load:.env var:DATABASE_URL module:--config-file,database.json,migrate-mongo-config.js"] { local: false, tests: false, wipes: false;
        "down" [""] Destroy, "reset" [""] Destroy, "redo" [""] Destroy, "drop" [""] Destroy, "up" [""] Modify, "migrate" [""] Modify }
    "rails rake" => "rails" ["load:.env.@.local,.env.local,.env.@,.env var:DATABASE_URL module:config/database.yml"] { local: false, tests: false, wipes: false;
        "db:drop" [""] Destroy, "db:drop:all" [""] Destroy, "db:reset" [""] Destroy, "db:schema:load" [""] Destroy, "db:purge" [""] Destroy,
        "db:migrate:reset" [""] Destroy, "db:setup" [""] Destroy, "db:truncate_all" [""] Destroy, "db:seed:replant" [""] Destroy,
        "db:rollback" [""] Destroy, "db:migrate:down" [""] Destroy, "db:migrate" [""] Modify, "db:seed" [""] Modify, "db:create" [""] Modify, "db:prepare" [""] Modify,
        "destroy" [""] Observe, "db:structure:load" [""] Destroy, "db:fixtures:load" [""] Destroy, "db:migrate:redo" [""] Destroy }
    "manage.py django-admin" => "django" ["django:--settings"] { local: false, tests: false, wipes: false;
        "flush" [""] Destroy, "reset_db" [""] Destroy, "sqlflush" [""] Observe, "migrate * zero" [""] Destroy, "migrate" [""] Modify, "loaddata" [""] Modify,
        "dbshell" [""] Modify, "delete_all" [""] Destroy, "clean_duplicate_history" [""] Destroy, "truncate" [""] Destroy }
    "alembic" => "alembic" ["alembic:-c,--config,alembic.ini"] { local: false, tests: false, wipes: false;
        "downgrade" [""] Destroy, "upgrade" [""] Modify, "stamp" [""] Modify }
    "flask" => "flask" ["load:.env,.flaskenv var:SQLALCHEMY_DATABASE_URI,DATABASE_URL alembic:migrations/alembic.ini"] { local: false, tests: false, wipes: false;
        "db downgrade" [""] Destroy, "db upgrade" [""] Modify, "drop-db" [""] Destroy, "reset-db" [""] Destroy, "init-db" [""] Destroy }
    "artisan" => "laravel" ["load:.env.@|.env var:DB_URL,DATABASE_URL host:DB_HOST,DB_DATABASE"] { local: false, tests: false, wipes: false;
        "migrate:fresh" [""] Destroy, "migrate:reset" [""] Destroy, "migrate:refresh" [""] Destroy, "db:wipe" [""] Destroy, "migrate:rollback" [""] Destroy,
        "migrate" [""] Modify, "db:seed" [""] Modify }
    "doctrine" => "doctrine" ["load:.env.@.local,.env.@,.env.local,.env var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "orm:schema-tool:drop" [""] Destroy, "migrations:migrate" [""] Modify }
    "console" => "symfony" ["load:.env.@.local,.env.@,.env.local,.env var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "doctrine:database:drop" [""] Destroy, "doctrine:schema:drop" [""] Destroy, "doctrine:fixtures:load" [""] Destroy, "doctrine:schema:update" [""] Destroy,
        "doctrine:migrations:migrate" [""] Modify }
    "mix" => "ecto" ["mix:config/@.exs,config/runtime.exs var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "ecto.drop" [""] Destroy, "ecto.reset" [""] Destroy, "ecto.rollback" [""] Destroy, "ecto.migrate" [""] Modify, "ecto.create" [""] Modify, "ecto.setup" [""] Modify }
    "flyway" => "flyway" ["flag:-url var:FLYWAY_URL line:flyway.toml,flyway.conf,conf/flyway.conf,conf/flyway.toml"] { local: false, tests: false, wipes: false;
        "clean" [""] Destroy, "migrate" [""] Modify, "repair" [""] Modify, "baseline" [""] Modify, "undo" [""] Destroy }
    "liquibase" => "liquibase" ["flag:--url var:LIQUIBASE_COMMAND_URL line:--defaults-file,liquibase.properties"] { local: false, tests: false, wipes: false;
        "drop-all" [""] Destroy, "dropAll" [""] Destroy, "rollback" [""] Destroy, "update" [""] Modify }
    "dbmate" => "dbmate" ["flag:--url,-u load:.env var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "drop" [""] Destroy, "down" [""] Destroy, "rollback" [""] Destroy, "up" [""] Modify, "migrate" [""] Modify }
    "goose migrate atlas tern" => "goose" ["flag:-database,--database,--url,-u load:.env var:GOOSE_DBSTRING,DATABASE_URL"] { local: false, tests: false, wipes: false;
        "reset" [""] Destroy, "down" [""] Destroy, "down-to" [""] Destroy, "* * down" [""] Destroy, "* * reset" [""] Destroy, "drop" [""] Destroy,
        "schema clean" [""] Destroy, "schema apply" ["--auto-approve"] Destroy, "up" [""] Modify, "migrate" [""] Modify }
    "sqlx" => "sqlx" ["flag:--database-url,-D load:.env var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "database drop" [""] Destroy, "database reset" [""] Destroy, "migrate revert" [""] Destroy, "migrate run" [""] Modify, "database create" [""] Modify }
    "diesel" => "diesel" ["flag:--database-url load:.env var:DATABASE_URL"] { local: false, tests: false, wipes: false;
        "database reset" [""] Destroy, "database drop" [""] Destroy, "migration redo" [""] Destroy, "migration revert" [""] Destroy, "migration run" [""] Modify, "setup" [""] Modify }
    "supabase" => "supabase" ["flag:--db-url"] { local: true, tests: false, wipes: false;
        "db reset" [""] Destroy, "db push" ["--dry-run"] Observe, "db push" [""] Modify, "migration up" [""] Modify, "migration down" [""] Destroy,
        "migration repair" [""] Modify, "stop" ["--no-backup"] Destroy, "projects delete" [""] Destroy, "branches delete" [""] Destroy, "secrets set" [""] Modify,
        "functions delete" [""] Destroy }
    "hasura" => "hasura" ["flag:--endpoint load:.env var:HASURA_GRAPHQL_ENDPOINT line:config.yaml"] { local: true, tests: false, wipes: false;
        "migrate delete" [""] Destroy, "migrate apply" ["--down --goto"] Destroy, "migrate apply" [""] Modify, "metadata clear" [""] Destroy }
    "pytest py.test nose2 tox nox unittest" => "pytest" [""] { local: false, tests: true, wipes: false; "" [""] Modify }
    "rspec phpunit pest jest vitest mocha ava" => "tests" [""] { local: false, tests: true, wipes: false; "" [""] Modify }
}

/// The framework whose tool is called `program`.
pub fn framework(program: &str) -> Option<&'static Framework> {
    let named = FRAMEWORKS.iter().find(|(names, _)| names.split(' ').any(|name| name == program));
    named.map(|(_, framework)| framework)
}
