//! What is hidden beside something harmless: rows emptied next to a table that is only rewritten,
//! rights given next to one that is made, statements whose answer is lost in a pipeline, values
//! that the session writes so that nobody reads them back.

use std::process::{Command, Output};

use e2e::{
    postgres::{Guarded, ROLE, Server, kept},
    postgres_versions::is_described,
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE notes (id int PRIMARY KEY, text text);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO notes SELECT g, 'note' FROM generate_series(1, 20) g;";

/// What could be lost, or given away.
const STATE: &str = "\
SELECT (SELECT count(*) FROM customers) || ' ' || (SELECT count(*) FROM notes) || ' ' || coalesce(
 (SELECT string_agg(concat_ws(' ', relname, relacl, relrowsecurity), ',' ORDER BY relname) FROM pg_class
  WHERE relname IN ('customers', 'notes')), '') || coalesce(
 (SELECT string_agg(concat_ws(' ', tgname, tgenabled), ',' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal), '')
 || coalesce((SELECT string_agg(attacl::text, ',') FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid = 'customers'::regclass), '')
 || (SELECT count(*) FROM pg_default_acl) || (SELECT count(*) FROM pg_rewrite)";

fn stopped(guarded: &Guarded, text: &str) {
    let before = guarded.server.admin("shop", STATE);
    let said = guarded.run(text);
    assert_eq!(guarded.server.admin("shop", STATE), before, "{text}: {}", said.err);
    assert!(
        said.status != 0 && said.err.contains("Holdpoint"),
        "{text}: {} {}",
        said.out,
        said.err
    );
}

/// A table whose rows are written anew keeps them; what is emptied beside it is saved first, and so
/// is that table itself where it is emptied besides.
#[test]
fn what_is_emptied_beside_a_rewritten_table_is_saved() {
    let setup = format!(
        "{SHOP}
CREATE FUNCTION empties() RETURNS int LANGUAGE plpgsql AS
 $$ BEGIN TRUNCATE customers; RETURN 1; END $$;
CREATE VIEW innocent AS SELECT empties() AS n;"
    );
    let guarded = Guarded::start(BINARY, "development", TERMS, &setup);
    let sum = || guarded.server.checksum("customers");
    let before = sum();
    for text in [
        "BEGIN; ALTER TABLE notes SET (fillfactor = 90); SELECT n FROM innocent; COMMIT",
        "BEGIN; ALTER TABLE customers SET (fillfactor = 90); SELECT n FROM innocent; COMMIT",
    ] {
        let said = guarded.run(text);
        assert!(said.err.contains("kept the rows"), "{text}: {}", said.err);
        assert_ne!(sum(), before, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(sum(), before, "{text}");
    }
    let said = guarded.run("ALTER TABLE notes SET (fillfactor = 80)");
    assert!(said.status == 0 && !said.err.contains("kept the rows"), "{}", said.err);
}

/// Who makes a table says nothing of rights that something else gives meanwhile.
#[test]
fn rights_that_are_given_beside_a_new_table_are_held() {
    let setup = format!(
        "{SHOP}
CREATE FUNCTION guards() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER guards BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION guards();
CREATE FUNCTION does(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; RETURN 1; END $$;
CREATE VIEW opens AS SELECT does('GRANT ALL ON customers TO PUBLIC') AS n;
CREATE VIEW column_opens AS SELECT does('GRANT SELECT (name) ON customers TO PUBLIC') AS n;
CREATE VIEW disables AS SELECT does('ALTER TABLE customers DISABLE TRIGGER guards') AS n;
CREATE VIEW defaults AS SELECT does('ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC') AS n;
CREATE VIEW unguards AS SELECT does('ALTER TABLE customers ENABLE ROW LEVEL SECURITY') AS n;"
    );
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    for view in ["opens", "column_opens", "disables", "defaults", "unguards"] {
        stopped(&guarded, &format!("SELECT n FROM {view}"));
        stopped(
            &guarded,
            &format!("BEGIN; CREATE TABLE scratch (a int); SELECT n FROM {view}; COMMIT"),
        );
    }
    guarded.well("BEGIN; CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child (a int REFERENCES parent); CREATE INDEX ON child (a); COMMIT");
    guarded.well("CREATE TABLE grandchild (a int REFERENCES customers)");
}

/// Who lets a rule of a table hold says nothing of another that holds no more, or of rights.
#[test]
fn rules_that_hold_from_now_on_explain_none_that_end() {
    let setup = format!(
        "{SHOP}
CREATE TABLE hole (a text);
CREATE FUNCTION does() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE NEW.a; RETURN NEW; END $$;
CREATE TRIGGER does AFTER INSERT ON hole FOR EACH ROW EXECUTE FUNCTION does();
CREATE TRIGGER one BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION does();
CREATE TRIGGER other BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION does();
ALTER TABLE customers DISABLE TRIGGER other;"
    );
    let guarded = Guarded::start(BINARY, "development", TERMS, &setup);
    for text in [
        "ALTER TABLE customers ENABLE TRIGGER other",
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
    ] {
        guarded.well(text);
        guarded.server.app(&text.replace("ENABLE", "DISABLE"));
        for hidden in [
            "ALTER TABLE customers DISABLE TRIGGER one",
            "GRANT ALL ON customers TO PUBLIC",
            "CREATE POLICY open ON notes USING (true)",
        ] {
            let text = format!("BEGIN; {text}; INSERT INTO hole VALUES ('{hidden}'); COMMIT");
            stopped(&guarded, &text);
        }
    }
}

/// A text that comes to nothing, or that is about what is nobody else's, explains no change of what is
/// there; and what is new explains none of what was there before.
#[test]
fn what_comes_to_nothing_explains_nothing() {
    let setup = format!(
        "{SHOP}
CREATE TABLE empty (a int);
CREATE FUNCTION rate() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION does() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN EXECUTE TG_ARGV[0]; RETURN NEW; END $$;
CREATE TABLE drops (a int);
CREATE TRIGGER does AFTER INSERT ON drops FOR EACH ROW EXECUTE FUNCTION does('DROP FUNCTION rate()');
CREATE TABLE unguards (a int);
CREATE TRIGGER does AFTER INSERT ON unguards FOR EACH ROW
 EXECUTE FUNCTION does('ALTER TABLE customers DROP CONSTRAINT customers_pkey');
CREATE TABLE grants (a int);
CREATE TRIGGER does AFTER INSERT ON grants FOR EACH ROW
 EXECUTE FUNCTION does('GRANT ALL ON customers TO PUBLIC');
CREATE FUNCTION really() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.notes; RETURN 1; END $$;
CREATE FUNCTION purges(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE TABLE indexed (a int); CREATE INDEX ON indexed (purges(a));
CREATE TABLE emptied (a int);
CREATE TRIGGER does BEFORE TRUNCATE ON emptied EXECUTE FUNCTION does('DELETE FROM notes');
CREATE TABLE replaces (a int);
CREATE TRIGGER does AFTER INSERT ON replaces FOR EACH ROW
 EXECUTE FUNCTION does('CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql AS ''SELECT 2''');"
    );
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    // Everyday work, and first: what was refused before makes the gateway careful.
    for text in [
        "CREATE TEMP TABLE q (a serial PRIMARY KEY, b int); \
         INSERT INTO q (b) SELECT generate_series(1, 50); DROP TABLE q",
        "BEGIN; CREATE TEMP TABLE q (a int); TRUNCATE q; DROP TABLE q; COMMIT",
        "BEGIN; CREATE TEMP TABLE q (a serial PRIMARY KEY); DISCARD TEMP; COMMIT",
        "DROP TABLE IF EXISTS fresh; \
         CREATE TABLE fresh (a serial PRIMARY KEY, b int REFERENCES notes)",
        "BEGIN; CREATE TEMP TABLE q AS SELECT 1 AS id; \
         UPDATE customers c SET name = 'x' FROM q WHERE c.id = q.id; DROP TABLE q; COMMIT",
    ] {
        guarded.well(text);
    }
    let one_by_one = ["CREATE TEMP TABLE q (a int)", "TRUNCATE q", "DROP TABLE q"];
    let said = guarded.psql(&one_by_one.iter().flat_map(|it| ["-c", it]).collect::<Vec<_>>());
    assert!(said.status == 0 && !said.err.contains("ERROR"), "{}", said.err);
    for before in [
        "DISCARD PLANS",
        "DROP TABLE IF EXISTS nothing",
        "DROP VIEW IF EXISTS nothing; DROP POLICY IF EXISTS nothing ON notes",
        "ALTER TABLE notes DROP CONSTRAINT IF EXISTS nothing",
        "ANALYZE notes",
        "TRUNCATE empty",
        "CREATE TEMP TABLE q (a int); TRUNCATE q",
        "CREATE TEMP TABLE q (a int); DROP TABLE q",
        "CREATE TEMP TABLE q (a int)",
    ] {
        for table in ["drops", "unguards", "grants", "replaces"] {
            stopped(&guarded, &format!("BEGIN; {before}; INSERT INTO {table} VALUES (1); COMMIT"));
        }
    }
    guarded.server.app("INSERT INTO indexed SELECT generate_series(1, 90)");
    guarded.server.app(
        "CREATE OR REPLACE FUNCTION purges(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \
        $$ BEGIN PERFORM public.really(); RETURN $1; END $$",
    );
    stopped(&guarded, "ANALYZE indexed");
    stopped(&guarded, "TRUNCATE emptied");
    let still = "SELECT prosrc || (SELECT count(*) FROM pg_constraint WHERE conname = 'customers_pkey') \
        || coalesce((SELECT relacl::text FROM pg_class WHERE relname = 'customers'), '') \
        FROM pg_proc WHERE proname = 'rate'";
    assert_eq!(guarded.server.app(still), "SELECT 11");
}

/// What ran before something else failed in the same pipeline is still there after a way back to a
/// mark, and so is what it means.
#[test]
fn what_ran_before_a_failure_in_a_pipeline_is_judged() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let script = r#"
import sys, psycopg
url = sys.argv[1]
for hidden in ["GRANT ALL ON customers TO PUBLIC", "CREATE RULE swallow AS ON DELETE TO customers DO INSTEAD NOTHING"]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE scratch (a int)")
        try:
            with connection.pipeline():
                for text in ["SAVEPOINT a", hidden, "SAVEPOINT b", "SELECT 1/0"]:
                    connection.execute(text, ())
        except psycopg.Error as error:
            print(error.sqlstate)
        connection.execute("ROLLBACK TO b")
        try:
            connection.execute("COMMIT")
            print("committed")
        except psycopg.Error as error:
            print(error.sqlstate)
"#;
    let before = guarded.server.admin("shop", STATE);
    let said = python(&guarded, script);
    assert_eq!(guarded.server.admin("shop", STATE), before, "{said}");
    assert!(said.starts_with("22012\n") && !said.contains("committed"), "{said}");
}

fn python(guarded: &Guarded, script: &str) -> String {
    let python = Python::with(FOLDER, &PSYCOPG);
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python.packages()).args(["-c", script, &guarded.url()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}{errors}{}", guarded.gateway.said());
    said.trim().to_owned()
}

/// However a session, or its role, has values written: what is kept is all of them.
#[test]
fn values_are_kept_exactly_whatever_the_session_says() {
    let setup = "\
CREATE TABLE public.values (id int PRIMARY KEY, f float8, d date, i interval, t timestamptz, m money, r regclass);
INSERT INTO public.values SELECT g, 1 / (g + 2)::float8, date '2024-03-01' + g, make_interval(days => -g, secs => 90 + g), \
 timestamptz '2024-03-04 05:06:07+00' + make_interval(mins => g), g * 1.25, 'pg_class' FROM generate_series(1, 30) g;
CREATE SCHEMA apart;
CREATE TYPE apart.mood AS ENUM ('sad', 'glad');
CREATE TABLE apart.moods (id int PRIMARY KEY, mood apart.mood, f float4 CHECK (f > 0));
CREATE INDEX by_mood ON apart.moods (mood);
CREATE TABLE public.moods (id int PRIMARY KEY, f float4);
INSERT INTO apart.moods SELECT g, 'glad', 1 / g::float4 FROM generate_series(1, 30) g;
UPDATE public.values SET r = 'apart.moods';";
    let mut guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let constraints = "SELECT string_agg(conrelid::regclass || conname, ',' ORDER BY 1) FROM \
        (SELECT * FROM pg_constraint WHERE contype = 'c' ORDER BY oid) c";
    let state = |guarded: &Guarded| {
        // By somebody whose own settings are nobody's.
        let sum = |table: &str| {
            let text = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM {table} t");
            guarded.server.admin("shop", &text)
        };
        (
            ["public.values", "apart.moods"].map(sum),
            guarded.server.admin("shop", &constraints.replace(" ORDER BY 1", "")),
        )
    };
    let strange = "SET extra_float_digits = -15; SET datestyle = 'SQL, DMY'; \
        SET intervalstyle = 'sql_standard'; SET search_path = apart, public";
    let before = state(&guarded);
    let mut texts = vec![
        "DELETE FROM public.values WHERE id > 3",
        "TRUNCATE public.values",
        "BEGIN; UPDATE public.values SET f = f / 7, i = i * 2, d = d + 1; DELETE FROM public.values WHERE id = 9; COMMIT",
        "BEGIN; TRUNCATE moods; INSERT INTO moods VALUES (1, 'sad', 0.3); COMMIT",
        "ALTER TABLE moods DROP CONSTRAINT moods_f_check",
    ];
    if is_described() {
        texts.push("DROP TABLE public.values");
    }
    for role in [false, true] {
        if role {
            let settings =
                ["extra_float_digits = -10", "datestyle = 'German'", "intervalstyle = 'iso_8601'"];
            for setting in settings {
                guarded.server.admin("shop", &format!("ALTER ROLE {ROLE} SET {setting}"));
            }
            // Sessions of the gateway's own begin anew.
            guarded.restart();
        }
        for text in &texts {
            let said = guarded.psql(&["-c", strange, "-c", text]);
            assert!(said.err.contains("kept the rows"), "{text}: {}", said.err);
            if !text.starts_with("DROP") {
                assert_ne!(state(&guarded), before, "{text}");
            }
            let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
            assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
            assert_eq!(state(&guarded), before, "{role} {text}");
        }
    }
}

/// A role that began as a weaker one can still become all that its login may.
#[test]
fn a_role_that_began_as_a_weaker_one_counts_by_its_login() {
    let server = Server::start(SHOP);
    server.admin("shop", "CREATE ROLE chief SUPERUSER NOINHERIT; CREATE ROLE weak");
    server.admin(
        "shop",
        &format!("GRANT chief, weak TO {ROLE}; ALTER ROLE {ROLE} SET role = 'weak'"),
    );
    let dir = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), open).unwrap();
    let guarded = Guarded::before(server, BINARY, ROLE, "environment = \"production\"", TERMS);
    let file = dir.path().join("ran");
    let hidden = format!(
        "DO $$ BEGIN EXECUTE 'SET ROLE chief'; \
         EXECUTE 'COPY notes TO PROGRAM ''cat > {}'''; END $$",
        file.display()
    );
    let said = guarded.run(&hidden);
    assert!(!file.exists() && said.status != 0, "{}", said.err);
}

/// The tool that describes what is dropped is shown the real password, and shows it to nobody whom
/// the gateway would not believe.
#[test]
fn the_password_goes_to_no_server_that_nobody_vouches_for() {
    let dir = tempfile::tempdir().unwrap();
    let make = "\
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=ours' 2>/dev/null &&
openssl req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj '/CN=127.0.0.1' 2>/dev/null &&
printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > ext &&
openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out own.pem 2>/dev/null &&
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj '/CN=127.0.0.1' \
 -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null";
    let made = Command::new("sh").args(["-c", make]).current_dir(dir.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = Server::start(SHOP);
    server.encrypt(&dir.path().join("own.pem"), &dir.path().join("own.key"));
    let trust = format!("upstream_ca = [\"{}\"]\n{TERMS}", dir.path().join("ca.pem").display());
    let verify = "environment = \"development\"\ntls = \"verify\"";
    let guarded = Guarded::before(server, BINARY, ROLE, verify, &trust);
    if is_described() {
        let said = guarded.run("DROP TABLE notes");
        assert!(said.err.contains("kept the rows"), "{}", said.err);
    }
    // The sessions that are open go on; whoever comes now meets somebody else.
    let script = r#"
import os, subprocess, sys, time, psycopg
url, other, place, admin = sys.argv[1:5]
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("DELETE FROM customers WHERE id > 90")
    for kind in ("pem", "key"):
        with open(os.path.join(place, "server." + kind), "r+") as file:
            file.truncate()
            file.write(open(os.path.join(other, "other." + kind)).read())
    with psycopg.connect(admin, autocommit=True) as master:
        master.execute("SELECT pg_reload_conf()")
    time.sleep(1)
    try:
        connection.execute("DROP TABLE customers")
        print("dropped")
    except psycopg.Error as error:
        print(error.sqlstate)
"#;
    let python = Python::with(FOLDER, &PSYCOPG);
    let place = std::path::Path::new(&guarded.server.data()).parent().unwrap().to_owned();
    let admin = format!("postgres://postgres:postgres@127.0.0.1:{}/shop", guarded.server.port());
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", script, &guarded.url()])
        .args([dir.path(), &place])
        .arg(admin)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    // Where nothing was dropped before, no session is left that could look at what others see.
    let expected = if is_described() { "HP001" } else { "08006" };
    assert_eq!(said.trim(), expected, "{}", guarded.gateway.said());
    assert_eq!(guarded.server.admin("shop", "SELECT count(*) FROM customers"), "90");
}

/// What is run again sees of others what it saw the first time.
#[test]
fn what_is_run_again_is_as_isolated_as_it_was() {
    let setup = format!("{SHOP}\nCREATE TABLE seen (id serial PRIMARY KEY, isolation text);");
    for environment in ["development", "production"] {
        let guarded = Guarded::start(BINARY, environment, TERMS, &setup);
        let insert = "INSERT INTO seen (isolation) SELECT current_setting('transaction_isolation')";
        for (number, begin) in [
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "BEGIN",
        ]
        .into_iter()
        .enumerate()
        {
            guarded.server.app("INSERT INTO notes VALUES (1000)");
            let said =
                guarded.run(&format!("{begin}; {insert}; TRUNCATE notes /* {number} */; COMMIT"));
            if environment == "production" {
                assert!(said.err.contains("holdpoint approve"), "{begin}: {}", said.err);
                guarded.approve(guarded.hold()["hold"].as_str().unwrap());
            } else {
                assert!(said.err.contains("kept the rows"), "{begin}: {}", said.err);
            }
            let levels = ["repeatable read", "serializable", "read committed"];
            let seen = "SELECT isolation FROM seen ORDER BY id DESC LIMIT 1";
            assert_eq!(guarded.server.app(seen), levels[number], "{environment}");
        }
    }
}

/// What is run again has to change what it changed the first time: that is what was saved, or
/// released.
#[test]
fn what_changes_something_else_each_time_is_refused() {
    let setup = format!("{SHOP}\nCREATE SEQUENCE turns;");
    let guarded = Guarded::start(BINARY, "development", TERMS, &setup);
    let state = || ["customers", "notes"].map(|it| guarded.server.checksum(it));
    let before = state();
    let less = "DELETE FROM customers WHERE id <= (SELECT nextval('turns') * 20)";
    let said = guarded.run(&format!("BEGIN; {less}; TRUNCATE notes; COMMIT"));
    assert!(said.status != 0 && said.err.contains("something else each time"), "{}", said.err);
    assert_eq!(state(), before);
    let said = guarded.run("BEGIN; DELETE FROM customers WHERE id <= 20; TRUNCATE notes; COMMIT");
    assert!(said.err.contains("kept the rows"), "{}", said.err);
}
