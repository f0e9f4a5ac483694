//! What the files of a project make of a command: hooks, aliases, targets, services, settings.

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::Effect;

use super::{Command, Dialect, interpret};
use crate::machine::Bare;

const FILES: &[(&str, &str)] = &[
    (
        "/w/app/.git/config",
        "[alias]\n\tnuke = !rm -rf /data/x\n\tst = status\n[core]\n\thooksPath = .husky\n",
    ),
    ("/w/app/.husky/pre-commit", "#!/bin/sh\nrm -rf /data/hook\n"),
    ("/w/app/.cargo/config.toml", "[alias]\nwipe = [\"run\", \"--\", \"x\"]\nb = \"build\"\n"),
    ("/w/app/table", "# nightly\nSHELL=/bin/sh\n0 3 * * * rm -rf /data/night\n@daily echo hi\n"),
    (
        "/w/app/Rakefile",
        "task :a do\n  rm_rf '/data/a'\nend\nnamespace :b do\n  task c: [:a] do\n    sh \"rm -rf #{'/data/'}c\"\n  end\nend\n",
    ),
    (
        "/w/app/build.gradle.kts",
        "tasks.register<Delete>(\"wipe\") {\n  delete(\"/data/g\")\n}\ntasks.register(\"hello\") { doLast { println(\"delete '/data/no'\") } }\n",
    ),
    (
        "/w/app/Taskfile.yml",
        "vars: {DIR: /data/t}\ntasks:\n  a: {deps: [b], cmds: ['rm -rf {{.DIR}}']}\n  b:\n    cmds:\n      - cmd: rm -rf /data/u\n      - task: c\n        vars: {X: v}\n  c: rm -rf /data/{{.X}}\n  d: echo {{.X}}\n",
    ),
    (
        "/w/app/composer.json",
        r#"{"scripts": {"a": ["@b", "A\\B::c", "@php gone.php"], "b": "rm -rf /data/p"}}"#,
    ),
    ("/w/app/gone.php", "<?php unlink('/data/q');"),
    (
        "/w/app/compose.yml",
        "services:\n  db: {image: postgres:17}\n  db.prod.example.com: {image: postgres:17}\n  web:\n    image: web\n    environment:\n      DATABASE_URL: postgres://a@db:5432/shop\n  far:\n    environment: ['DATABASE_URL=postgres://a@db.prod.example.com/shop']\n",
    ),
    ("/w/app/helper.py", "import os\ndef wipe(path):\n    os.remove(path)\n"),
];

/// What a command takes away, in the project of these files.
fn taken(text: &str) -> Vec<String> {
    let of =
        |path: &str| FILES.iter().find(|(own, _)| *own == path).map(|(_, text)| Arc::from(*text));
    let desk = Bare { workspace: "/w/app".to_owned(), text: of, masked: true };
    let environment = BTreeMap::new();
    let command =
        Command { dialect: Dialect::Bash, text, directory: "/w/app", environment: &environment };
    let steps = interpret(&command, &desk).unwrap_or_else(|error| panic!("{text}: {error}")).steps;
    let takes = |effect| matches!(effect, Effect::Destroy | Effect::Remove);
    let taken = steps.iter().filter(|it| takes(it.operation.effect));
    taken.map(|it| it.operation.resource.id.to_string()).collect()
}

#[test]
fn what_a_project_hangs_on_a_command_is_read() {
    let check = |text: &str, expect: &[&str]| assert_eq!(taken(text), expect, "{text}");
    check("git commit -m x", &["file:/data/hook"]);
    check("git commit --no-verify -m x", &[]);
    check("git st", &[]);
    check("git nuke", &["file:/data/x"]);
    check("crontab table", &["file:/data/night"]);
    check("crontab -l", &[]);
    check("echo 'rm -rf /data/x' | at now", &["file:/data/x"]);
    check("at -l", &[]);
    check("screen -dm sh -c 'rm -rf /data/x'", &["file:/data/x"]);
    check("screen -S a -X stuff 'rm -rf /data/x\\n'", &["file:/data/x"]);
    check("rake a", &["file:/data/a"]);
    check("rake b:c", &["file:/data/c", "file:/data/a"]);
    check("rake -T", &[]);
    check("gradle wipe", &["file:/data/g"]);
    check("./gradlew :hello", &[]);
    check("task a", &["file:/data/u", "file:/data/v", "file:/data/t"]);
    check("task d", &[]);
    check("task --dry a", &[]);
    check("composer a", &["file:/data/q", "file:/data/p"]);
    check("composer install", &[]);
    // What is moved among what is built goes with it.
    check("mv helper.py dist/ && rm -rf dist", &["file:/w/app/helper.py", "file:/w/app/dist"]);
    check("pushd /data; popd; rm -rf src", &["file:/w/app/src"]);
    // Nobody knows whether `/data` is there.
    check("cd /data; pushd /w/app; popd; rm -rf src", &["file:/data/src", "file:/w/app/src"]);
}

#[test]
fn a_service_is_started_with_what_its_file_says() {
    let check = |text: &str, expect: &[&str]| assert_eq!(taken(text), expect, "{text}");
    let reset = "npx prisma migrate reset --force";
    check(&format!("docker compose exec web {reset}"), &["postgres:localhost/shop"]);
    check(&format!("docker compose run far {reset}"), &["postgres:db.prod.example.com/shop"]);
    check(
        &format!("docker compose run -e DATABASE_URL=postgres://a@db2.example.com/b web {reset}"),
        &["postgres:db2.example.com/b"],
    );
}

#[test]
fn a_program_takes_away_what_its_calls_name() {
    let check = |text: &str, expect: &[&str]| assert_eq!(taken(text), expect, "{text}");
    for (program, expect) in [
        ("python3 -c \"from shutil import rmtree as r; r('/data/x')\"", "file:/data/x"),
        ("python3 -c \"import os; getattr(os, 'rem' + 'ove')('/data/x')\"", "file:/data/x"),
        ("python3 -c \"from helper import wipe; wipe('/data/x')\"", "file:/data/x"),
        ("node -e \"const { rmSync: gone } = require('fs'); gone('/data/x')\"", "file:/data/x"),
        ("node -e \"['/data/x'].forEach(f => require('fs').unlinkSync(f))\"", "file:/data/x"),
        ("ruby -e 'Dir[\"/data/x\"].each { |f| File.delete f }'", "file:/data/x"),
        ("perl -e 'my $d = \"/data\"; unlink \"$d/x\" or die'", "file:/data/x"),
        ("php -r 'array_map(\"unlink\", [\"/data/x\"]);'", "file:/data/x"),
    ] {
        check(program, &[expect]);
    }
    for quoted in [
        "python3 -c \"print('os.remove(\\\"/data/x\\\")')\"",
        "node -e \"new Map().delete('/data/x')\"",
        "ruby -e 'a = [1]; a.delete(1)'",
        "perl -e 'print \"unlink /data/x\"'",
        "php -r '// unlink(\"/data/x\");\necho 1;'",
    ] {
        check(quoted, &[]);
    }
}
