//! What is too large to be kept is lost only where a restore point stands for it, and that is a
//! place to which one can go back: the test does.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    holdpoint::until,
    postgres::{Guarded, PASSWORD, ROLE, Said, Server, program, psql},
    postgres_versions::{is_described, programs},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// A pre-image holds a tenth of the rows.
const TERMS: &str = "[hold]\nwait_seconds = 0\n[refusals]\nremember_minutes = 1\n\
    [sql]\npreimage_bytes = 50000\nbackup_hours = 24\n";
const SETUP: &str = "\
CREATE TABLE large (id int PRIMARY KEY, text text);
INSERT INTO large SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g;
CREATE TABLE small (id int PRIMARY KEY);
INSERT INTO small SELECT generate_series(1, 20);";
const GRANTS: &str = "GRANT pg_monitor TO app; \
    GRANT EXECUTE ON FUNCTION pg_create_restore_point(text), pg_switch_wal() TO app";

/// A folder that the server's own user can write to.
fn folder(name: &str) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix(name).tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    dir
}

/// Archives into `folder` from now on.
fn archive(server: &Server, folder: &Path) {
    let to = folder.display();
    server.configure(&format!("archive_mode = on\narchive_command = 'cp %p {to}/%f'\n"));
    server.cut();
    server.begin();
}

/// Makes a base backup.
fn back_up(server: &Server, to: &Path) {
    let output = Command::new(program("pg_basebackup"))
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "-U", "postgres"])
        .args(["--checkpoint=fast", "--wal-method=none", "-D"])
        .arg(to)
        .env("PGPASSWORD", "postgres")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs what takes too many rows away, and has to be refused for this reason. Each time by itself:
/// what was refused before makes the same aim wait.
fn refused(guarded: &Guarded, why: &str) {
    let script = "import sqlite3, sys\nstore = sqlite3.connect(sys.argv[1], isolation_level=None, \
        timeout=20)\nstore.execute('DELETE FROM refusals')";
    let store = guarded.holdpoint.state().join("state.db");
    let forgotten = Command::new("python3").args(["-c", script]).arg(store).status().unwrap();
    assert!(forgotten.success());
    let said = guarded.run("DELETE FROM large WHERE id > 10");
    assert!(said.status != 0 && said.err.contains(why), "{why}: {}", said.err);
    assert!(said.err.contains("sql.preimage_bytes"), "{}", said.err);
    assert_eq!(guarded.server.app("SELECT count(*) FROM large"), "5000");
}

/// The name that a client was told of, and what an undo says of it.
fn way_back(guarded: &Guarded, said: &Said) -> String {
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.err.contains("has a restore point"), "{}", said.err);
    let after = said.err.split("holdpoint undo ").nth(1).unwrap();
    let undone = guarded.holdpoint.call(&["undo", after.split('`').next().unwrap(), "--yes"]);
    assert_ne!(undone.status, 0, "{}", undone.stdout);
    let text = undone.stderr;
    let name = text.split("recovery_target_name = '").nth(1).unwrap_or_else(|| panic!("{text}"));
    name.split('\'').next().unwrap().to_owned()
}

#[test]
fn a_restore_point_that_is_not_proven_stands_for_nothing() {
    // The machine's pg_basebackup takes no server that is newer.
    if !is_described() {
        return;
    }
    let guarded = Guarded::start(BINARY, "development", TERMS, SETUP);
    refused(&guarded, "archives nothing");
    let archived = folder("hp-archive-");
    archive(&guarded.server, archived.path());
    refused(&guarded, "permission denied");
    guarded.server.admin("shop", GRANTS);
    refused(&guarded, "no base backup");
    let backup = folder("hp-backup-");
    back_up(&guarded.server, &backup.path().join("base"));
    let aged = std::fs::read_dir(Path::new(&guarded.server.data()).join("pg_wal")).unwrap();
    let aged: Vec<PathBuf> = aged.map(|entry| entry.unwrap().path()).collect();
    let of_backup = |path: &&PathBuf| path.extension().is_some_and(|it| it == "backup");
    let file = aged.iter().find(of_backup).unwrap();
    assert!(Command::new("touch").args(["-d", "2 days ago"]).arg(file).status().unwrap().success());
    refused(&guarded, "sql.backup_hours");
    assert!(Command::new("touch").arg(file).status().unwrap().success());
    guarded.server.admin("shop", "ALTER SYSTEM SET archive_command = 'false'");
    guarded.server.admin("shop", "SELECT pg_reload_conf()");
    guarded.server.admin("shop", "CREATE TABLE other (id int)");
    guarded.server.admin("shop", "SELECT pg_switch_wal()");
    let failed = "SELECT failed_count > 0 FROM pg_stat_archiver";
    until("the archive fails", || (guarded.server.admin("shop", failed) == "t").then_some(()));
    refused(&guarded, "last attempt to archive");
    // What fits is kept all the same.
    let said = guarded.run("DELETE FROM small");
    assert!(said.err.contains("kept the rows"), "{}", said.err);
}

#[test]
fn one_can_go_back_to_where_a_restore_point_stands_for_the_rows() {
    if !is_described() {
        return;
    }
    let server = Server::start(SETUP);
    let (archived, backup) = (folder("hp-archive-"), folder("hp-backup-"));
    archive(&server, archived.path());
    server.admin("shop", GRANTS);
    let base = backup.path().join("base");
    back_up(&server, &base);
    // It is in the archive alone that the backup does not hold.
    server.app("INSERT INTO large VALUES (5001, 'late')");
    let guarded = Guarded::before(server, BINARY, ROLE, "environment = \"development\"", TERMS);
    let before = guarded.server.checksum("large");
    let name = way_back(&guarded, &guarded.run("DELETE FROM large WHERE id > 10"));
    assert_eq!(guarded.server.app("SELECT count(*) FROM large"), "10");
    let fill = "INSERT INTO large SELECT g, repeat('x', 100) FROM generate_series(11, 5000) g";
    guarded.server.app(fill);
    way_back(&guarded, &guarded.run("TRUNCATE large"));
    assert_eq!(guarded.server.app("SELECT count(*) FROM large"), "0");
    assert_eq!(restored(&base, archived.path(), &name), before);
    assert!(guarded.holdpoint.verified() > 0);
}

/// The checksum of the table in a server that was brought back to `name`.
fn restored(base: &Path, archived: &Path, name: &str) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = |script: &str| {
        let output = Command::new("sh")
            .args(["-c", script])
            .env("BASE", base)
            .env("ARCHIVED", archived)
            .env("PROGRAMS", programs())
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    };
    run(&format!(
        "touch \"$BASE/recovery.signal\" && cat >> \"$BASE/postgresql.conf\" <<END\n\
         restore_command = 'cp $ARCHIVED/%f %p'\nrecovery_target_name = '{name}'\n\
         recovery_target_action = 'promote'\narchive_mode = off\nEND\n\
         if [ $(id -u) = 0 ]; then chown -R nobody:nogroup \"$BASE\"; fi; chmod 700 \"$BASE\""
    ));
    let by = if nix::unistd::geteuid().is_root() {
        "setpriv --reuid=nobody --regid=nogroup --clear-groups"
    } else {
        ""
    };
    run(&format!(
        "cd / && {by} \"$PROGRAMS/pg_ctl\" -D \"$BASE\" -w -o '-p {port} -k /tmp -c listen_addresses=127.0.0.1' \
         -l \"$BASE/log\" start > /dev/null"
    ));
    let text = "SELECT count(*) || ':' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM large t";
    let said = until("it is restored", || {
        let said = psql(port, ROLE, PASSWORD, "shop", "disable", &["-c", text]);
        (said.status == 0).then_some(said)
    });
    run(&format!("cd / && {by} \"$PROGRAMS/pg_ctl\" -D \"$BASE\" -m immediate stop > /dev/null"));
    said.out.trim().to_owned()
}
