//! A MySQL or MariaDB database on this machine, by its own dump and its own client.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Login, MARK_MAX, PROGRAM_MAX, Preserve, fresh, is_here, run, run_for, run_with};
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "database.sql";
/// The name of what the database gives its tables where they say nothing: no dump of one has it.
const DEFAULTS: &str = "defaults";
/// How every whole dump ends (MariaDB and MySQL: `mysqldump.c`, `write_footer`).
const END: &str = "-- Dump completed";
/// Bytes at the end of a dump in which that stands.
const END_BYTES: u64 = 256;
/// Statements that change something, as both count them (`SHOW GLOBAL STATUS`): also those within
/// procedures and triggers. InnoDB's own counters are not there everywhere.
const COUNTED: &str = "'Com_insert','Com_insert_select','Com_replace','Com_replace_select',\
    'Com_update','Com_update_multi','Com_delete','Com_delete_multi','Com_truncate','Com_load',\
    'Com_create_table','Com_create_view','Com_create_db','Com_create_index','Com_create_trigger',\
    'Com_create_procedure','Com_create_function','Com_create_event','Com_drop_table',\
    'Com_drop_view','Com_drop_db','Com_drop_index','Com_drop_trigger','Com_drop_procedure',\
    'Com_drop_function','Com_drop_event','Com_alter_table','Com_alter_db','Com_rename_table'";

/// A database.
#[derive(Debug, Clone)]
pub struct Mysql {
    /// A host of this machine.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As whom.
    pub user: String,
    /// Its name.
    pub database: String,
    /// The password, where one is needed. It goes by the environment, never by an argument.
    pub password: Option<String>,
}

impl Mysql {
    /// The first of these programs that is there: MariaDB's own names, and MySQL's.
    fn command(&self, programs: [&'static str; 2]) -> (&'static str, Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = |program: &&str| {
            std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        };
        let program = programs.iter().copied().find(|it| there(it)).unwrap_or(programs[0]);
        let mut command = Command::new(program);
        let port = self.port.to_string();
        // What stands in files of options could leave tables out, or lead elsewhere; and no server
        // is handed a file of ours because it asks for one.
        command.args(["--no-defaults", "--loose-local-infile=0"]);
        command.args(["--protocol=tcp", "--host", &self.host, "--port", &port]);
        command.args(["--user", &self.user]).env("MYSQL_TEST_LOGIN_FILE", "/dev/null");
        for name in ["MYSQL_HOST", "LIBMYSQL_PLUGINS", "LIBMYSQL_PLUGIN_DIR"] {
            command.env_remove(name);
        }
        if let Some(password) = &self.password {
            command.env("MYSQL_PWD", password);
        }
        (program, command)
    }

    fn client(&self) -> (&'static str, Command) {
        let (program, mut command) = self.command(["mariadb", "mysql"]);
        command.args(["--batch", "--skip-column-names"]);
        (program, command)
    }

    fn ask(&self, sql: &str) -> Result<String> {
        self.ask_for(PROGRAM_MAX, sql)
    }

    fn ask_for(&self, max: Duration, sql: &str) -> Result<String> {
        let (program, mut client) = self.client();
        let output = run_for(max, program, client.stdin(Stdio::null()).args(["--execute", sql]))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Has a dump carried out in `database`.
    fn load(&self, database: &str, dump: &Path) -> Result<()> {
        let (program, mut client) = self.client();
        let dump = File::open(dump).map_err(SnapshotError::io("open", dump))?;
        client.arg("--database").arg(database);
        run_with(Stdio::from(dump), program, &mut client).map(drop)
    }

    /// The character set and the collation of the database, as `CREATE DATABASE` takes them.
    fn defaults(&self) -> Result<String> {
        let sql = format!(
            "SELECT CONCAT('CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', \
             DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
            literal(&self.database)
        );
        self.ask(&sql)
    }

    fn is_there(&self) -> Result<bool> {
        let literal = literal(&self.database);
        let sql =
            format!("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {literal}");
        Ok(self.ask(&sql)? == "1")
    }

    /// Only what is on this machine, and only what every tool takes for a name.
    fn check(&self) -> Result<()> {
        let refused = |text: String| SnapshotError::Program { program: "mariadb-dump", text };
        if !is_here(&self.host) {
            return Err(refused(format!("is not asked: {} is not on this machine", self.host)));
        }
        let name = &self.database;
        let system = ["mysql", "information_schema", "performance_schema", "sys"];
        if name.is_empty() || name.starts_with('-') || name.contains(char::is_control) {
            return Err(refused(format!("is not asked: {name:?} is no name to be sure of")));
        }
        match system.contains(&name.as_str()) {
            true => Err(refused(format!("is not asked: {name} is the server's own"))),
            false => Ok(()),
        }
    }
}

impl Preserve for Mysql {
    fn kind(&self) -> &'static str {
        "mysql"
    }

    fn what(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    /// What was written since the server started, in all of its databases.
    fn mark(&self) -> Result<String> {
        self.check()?;
        let counted = format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({COUNTED})");
        self.ask_for(MARK_MAX, &counted)
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        self.check()?;
        Login::keep(into, &self.user, self.password.as_deref())?;
        let (program, mut dump) = self.command(["mariadb-dump", "mysqldump"]);
        dump.args(["--single-transaction", "--routines", "--triggers", "--events"]);
        dump.args(["--hex-blob", "--no-tablespaces"]);
        let file = into.join(FILE);
        let mut to = std::ffi::OsString::from("--result-file=");
        to.push(&file);
        run(program, dump.arg(to).arg("--").arg(&self.database))?;
        let defaults = into.join(DEFAULTS);
        let written = fs::write(&defaults, self.defaults()?);
        written.map_err(SnapshotError::io("write", &defaults))?;
        is_whole(&file)
    }

    fn is_gone(&self) -> bool {
        self.is_there().is_ok_and(|there| !there)
    }

    /// Into a database of its own first: what cannot be taken in whole takes nothing away. MySQL
    /// does not rename a database, so that it is emptied and filled then; cut short, the same undo
    /// again does it.
    fn take_in(&self, from: &Path) -> Result<()> {
        self.check()?;
        // A name that nobody has: what is called so is somebody's.
        let (dump, trial) = (from.join(FILE), format!("holdpoint_undo_{}", fresh()?));
        is_whole(&dump)?;
        let defaults = fs::read_to_string(from.join(DEFAULTS)).unwrap_or_default();
        let make = |name: &str| self.ask(&format!("CREATE DATABASE {} {defaults}", quoted(name)));
        let drop_it = |name: &str| self.ask(&format!("DROP DATABASE IF EXISTS {}", quoted(name)));
        make(&trial)?;
        let loaded = self.load(&trial, &dump);
        drop_it(&trial)?;
        loaded?;
        drop_it(&self.database)?;
        make(&self.database)?;
        self.load(&self.database, &dump)
    }

    fn with_login(&self, from: &Path) -> Option<Box<dyn Preserve>> {
        let Login { user, password } = Login::kept(from).filter(|_| self.password.is_none())?;
        Some(Box::new(Self { user, password: Some(password), ..self.clone() }))
    }
}

/// Whether a dump came to its end.
fn is_whole(file: &Path) -> Result<()> {
    let end = || -> std::io::Result<bool> {
        use std::os::unix::fs::FileExt as _;
        let length = fs::metadata(file)?.len();
        let mut bytes = vec![0; usize::try_from(length.min(END_BYTES)).unwrap_or_default()];
        File::open(file)?.read_exact_at(&mut bytes, length.saturating_sub(END_BYTES))?;
        Ok(String::from_utf8_lossy(&bytes).contains(END))
    };
    if end().is_ok_and(|whole| whole) {
        return Ok(());
    }
    Err(SnapshotError::Program { program: "mariadb-dump", text: "wrote no whole dump".to_owned() })
}

/// An identifier (MySQL: 11.2).
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{Mysql, is_whole};

    #[test]
    fn only_databases_of_this_machine_and_none_of_the_server_s_own() {
        let check = |host: &str, database: &str, expect: bool| {
            let (host, database) = (host.to_owned(), database.to_owned());
            let it = Mysql { host, port: 1, user: String::new(), database, password: None };
            assert_eq!(it.check().is_ok(), expect, "{it:?}");
        };
        check("127.0.0.1", "it's `a` shop", true);
        check("localhost", "shop", true);
        for name in ["", "--execute=DROP", "mysql", "a\nb"] {
            check("localhost", name, false);
        }
        check("10.0.0.5", "shop", false);
        check("db.example.com", "shop", false);
    }

    #[test]
    fn no_file_of_options_has_a_say() {
        let (host, database) = ("localhost".to_owned(), "shop".to_owned());
        let it = Mysql { host, port: 1, user: String::new(), database, password: None };
        let (_, command) = it.command(["mariadb-dump", "mysqldump"]);
        // Only the first argument can say so (MariaDB: "Configuring MariaDB with Option Files").
        assert_eq!(command.get_args().next().unwrap(), "--no-defaults");
    }

    #[test]
    fn what_broke_off_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("database.sql");
        assert!(is_whole(&file).is_err());
        std::fs::write(&file, "CREATE TABLE t (a int);\n".repeat(100)).unwrap();
        assert!(is_whole(&file).is_err());
        std::fs::write(&file, format!("{}-- Dump completed on x\n", "a;\n".repeat(100))).unwrap();
        assert!(is_whole(&file).is_ok());
    }
}
