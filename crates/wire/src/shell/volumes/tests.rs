//! Which volumes a command takes away, and which commands do not say it.

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::Effect;

use super::{Engine, Volumes, Which};
use crate::{
    machine::Bare,
    shell::{Command, Dialect, Step, interpret},
};

const FILES: &[(&str, &str)] = &[
    (
        "/w/My.App/compose.yml",
        "volumes:\n  data:\n  other: {name: shared}\n  theirs: {external: true}\n",
    ),
    ("/w/My.App/compose.override.yml", "volumes:\n  more: {}\n"),
    ("/w/named/docker-compose.yml", "name: shop\nvolumes: {data: {}}\n"),
    ("/w/told/compose.yaml", "name: shop\n"),
    ("/w/told/.env", "COMPOSE_PROJECT_NAME=told_by_env\n"),
    ("/w/open/compose.yaml", "volumes:\n  data: {name: \"${WHICH}\"}\n"),
    ("/w/parts/compose.yaml", "include: [other.yaml]\n"),
    ("/w/base/supabase/config.toml", "project_id = \"shop\"\n"),
];

/// What a command does in a directory.
fn steps(text: &str, directory: &str) -> Vec<Step> {
    let of =
        |path: &str| FILES.iter().find(|(own, _)| *own == path).map(|(_, text)| Arc::from(*text));
    let desk = Bare { workspace: "/w".to_owned(), text: of, masked: true };
    let command =
        Command { dialect: Dialect::Bash, text, directory, environment: &BTreeMap::new() };
    interpret(&command, &desk).unwrap_or_else(|error| panic!("{text}: {error}")).steps
}

/// The volumes that a command takes away there.
fn taken(text: &str, directory: &str) -> Vec<Volumes> {
    steps(text, directory).into_iter().filter_map(|it| it.volumes).collect()
}

#[test]
fn options_before_the_verb_hide_nothing() {
    for text in [
        "podman --root /elsewhere volume rm a",
        "podman --storage-driver vfs volume prune -f",
        "docker --log-level debug volume rm a",
        "docker --config /c volume rm a",
        "docker compose --env-file x down -v",
        "docker compose --project-directory x down -v",
        "docker-compose --env-file x down -v",
    ] {
        let steps = steps(text, "/w/My.App");
        let destroys = |it: &Step| it.operation.effect == Effect::Destroy && it.volumes.is_none();
        assert!(steps.iter().any(destroys), "{text}: {steps:?}");
    }
}

fn which(text: &str, directory: &str) -> Vec<Which> {
    taken(text, directory).into_iter().map(|it| it.which).collect()
}

fn named(names: &[&str]) -> Vec<Which> {
    names.iter().map(|it| Which::Named((*it).to_owned())).collect()
}

#[test]
fn volumes_of_an_engine() {
    let check = |text: &str, expect: &[Which]| assert_eq!(which(text, "/w"), expect, "{text}");
    check("docker volume rm a b", &named(&["a", "b"]));
    check("podman volume rm -f a", &named(&["a"]));
    check("podman volume rm --all", &[Which::Every]);
    check("docker volume prune -f", &[Which::Unused { spared: true }]);
    check("docker volume prune -af", &[Which::Unused { spared: false }]);
    check("podman volume prune -f", &[Which::Unused { spared: false }]);
    check("docker system prune -af --volumes", &[Which::Idle { spared: true }]);
    let containers =
        |names: &[&str]| Which::Containers(names.iter().map(|it| (*it).to_owned()).collect());
    check("docker rm -fv web db", &[containers(&["web", "db"])]);
    check("podman container rm --volumes web", &[containers(&["web"])]);
    // Nothing goes, or nobody knows what.
    for text in [
        "docker volume ls",
        "docker rm web",
        "docker system prune -f",
        "docker volume rm $(docker volume ls -q)",
        "docker -H tcp://far:2375 volume rm a",
        "DOCKER_HOST=tcp://far:2375 docker volume rm a",
        "podman --root /elsewhere volume rm a",
        "sudo podman volume rm a",
        "su -c 'docker volume rm a'",
        "docker rm -v --filter x web",
        "nerdctl volume rm a",
        "podman system reset -f",
    ] {
        check(text, &[]);
    }
}

#[test]
fn volumes_of_a_project() {
    let check = |directory: &str, text: &str, expect: Option<(&str, &[&str])>| {
        let expect = expect.map(|(name, volumes)| Which::Project {
            name: name.to_owned(),
            volumes: volumes.iter().map(|it| (*it).to_owned()).collect(),
        });
        let found = which(text, directory);
        assert_eq!(found, expect.into_iter().collect::<Vec<_>>(), "{directory}: {text}");
    };
    let own: &[&str] = &["myapp_data", "shared", "myapp_more"];
    check("/w/My.App", "docker compose down -v", Some(("myapp", own)));
    check("/w/My.App/src", "docker-compose down --volumes", Some(("myapp", own)));
    check("/w", "podman-compose -f My.App/compose.yml down -v", Some(("myapp", own.split_at(2).0)));
    check("/w/My.App", "docker compose -p x down -v", Some(("x", &["x_data", "shared", "x_more"])));
    check("/w/named", "docker compose rm -fsv", Some(("shop", &["shop_data"])));
    check("/w/told", "docker compose down -v", Some(("told_by_env", &[])));
    check("/w/told", "COMPOSE_PROJECT_NAME=b docker compose down -v", Some(("b", &[])));
    check("/w/none", "docker compose -p x down -v", Some(("x", &[])));
    for (directory, text) in [
        ("/w/My.App", "docker compose down"),
        ("/w/My.App", "docker compose --env-file x down -v"),
        ("/w/My.App", "COMPOSE_FILE=x docker compose down -v"),
        ("/w/none", "docker compose down -v"),
        ("/w/open", "docker compose down -v"),
        ("/w/parts", "docker compose down -v"),
        ("/w", "docker compose -f gone.yml down -v"),
    ] {
        check(directory, text, None);
    }
}

#[test]
fn the_database_of_a_supabase_project() {
    let reset = "supabase db reset";
    assert_eq!(which(reset, "/w/base"), named(&["supabase_db_shop"]));
    assert_eq!(which(reset, "/w/other"), named(&["supabase_db_other"]));
    for text in ["supabase db reset --linked", "supabase db push", "supabase --workdir x db reset"]
    {
        assert_eq!(which(text, "/w/base"), [], "{text}");
    }
}

#[test]
fn what_leads_the_program_is_told() {
    let found = taken("DOCKER_HOST=unix:///run/own.sock docker volume rm a", "/w");
    let host = ("DOCKER_HOST".to_owned(), "unix:///run/own.sock".to_owned());
    let expect = Volumes {
        engine: Engine::Docker,
        led: BTreeMap::from([host]),
        which: Which::Named("a".to_owned()),
    };
    assert_eq!(found, [expect]);
}
