//! Which volumes would go, and what is done with an engine that does not do what it should.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use holdpoint_wire::shell::volumes::Which;

use super::{Engine, Made, taken};
use crate::error::Result;

/// An engine in memory.
#[derive(Debug, Clone, Default)]
struct Fake {
    volumes: Arc<Mutex<Vec<Made>>>,
    /// What containers have, by their names; those that begin with `run` are running.
    containers: HashMap<&'static str, Vec<String>>,
    sparing: bool,
}

const NAMELESS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn made(name: &str, labels: &[(&str, &str)]) -> Made {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Made {
        name: name.to_owned(),
        driver: "local".to_owned(),
        labels: labels.collect(),
        options: BTreeMap::new(),
        root: None,
    }
}

impl Engine for Fake {
    fn name(&self) -> String {
        "fake".to_owned()
    }

    fn all(&self) -> Result<Vec<Made>> {
        Ok(self.volumes.lock().unwrap().clone())
    }

    fn root(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn had(&self, running: bool) -> Result<Vec<String>> {
        let counts = |name: &str| !running || name.starts_with("run");
        let had = self.containers.iter().filter(|(name, _)| counts(name));
        Ok(had.flat_map(|(_, volumes)| volumes.clone()).collect())
    }

    fn of_container(&self, name: &str) -> Result<Vec<String>> {
        let found = self.containers.get(name).cloned();
        found.ok_or_else(|| super::failed(format!("has no container {name}")))
    }

    fn of_project(&self, project: &str) -> Result<Vec<String>> {
        let own = self.containers.keys().filter(|name| name.contains(project));
        Ok(own.map(|name| (*name).to_owned()).collect())
    }

    fn users(&self, volume: &str) -> Result<Vec<String>> {
        let uses = |it: &&Vec<String>| it.iter().any(|own| own == volume);
        let users = self.containers.iter().filter(|(_, volumes)| uses(volumes));
        Ok(users.map(|(name, _)| (*name).to_owned()).collect())
    }

    fn spares_named(&self) -> Result<bool> {
        Ok(self.sparing)
    }

    fn read(&self, _: &str, _: &mut dyn Write, _: Duration) -> Result<()> {
        Ok(())
    }

    fn make(&self, _: &Made, _: &Path) -> Result<()> {
        Ok(())
    }

    fn remove(&self, volume: &str) -> Result<()> {
        self.volumes.lock().unwrap().retain(|it| it.name != volume);
        Ok(())
    }
}

fn fake(sparing: bool) -> Fake {
    let volumes = vec![
        made("shop_data", &[("com.docker.compose.project", "shop")]),
        made("byhand", &[]),
        made("stopped", &[]),
        made("running", &[]),
        made(NAMELESS, &[]),
    ];
    let of = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let containers =
        HashMap::from([("shop-db", of(&["stopped", NAMELESS])), ("run-web", of(&["running"]))]);
    Fake { volumes: Arc::new(Mutex::new(volumes)), containers, sparing }
}

#[test]
fn what_a_command_takes_away() {
    let check = |which: Which, sparing: bool, expect: Option<&[&str]>| {
        let found = taken(&fake(sparing), &which).ok();
        let expect = expect.map(|names| names.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(found, expect, "{which:?}");
    };
    check(Which::Named("byhand".into()), false, Some(&["byhand"]));
    check(Which::Named("gone".into()), false, None);
    let all: &[&str] = &[NAMELESS, "byhand", "running", "shop_data", "stopped"];
    check(Which::Every, false, Some(all));
    check(Which::Unused { spared: false }, true, Some(&["byhand", "shop_data"]));
    check(Which::Unused { spared: true }, true, Some(&[]));
    check(Which::Unused { spared: true }, false, Some(&["byhand", "shop_data"]));
    check(Which::Idle { spared: true }, true, Some(&[NAMELESS]));
    let idle: &[&str] = &[NAMELESS, "byhand", "shop_data", "stopped"];
    check(Which::Idle { spared: true }, false, Some(idle));
    let project = |volumes: &[&str]| Which::Project {
        name: "shop".into(),
        volumes: volumes.iter().map(|it| (*it).to_owned()).collect(),
    };
    check(project(&[]), false, Some(&[NAMELESS, "shop_data"]));
    check(project(&["byhand", "gone"]), false, Some(&[NAMELESS, "byhand", "shop_data"]));
    check(Which::Containers(vec!["shop-db".into()]), false, Some(&[NAMELESS]));
    check(Which::Containers(vec!["gone".into()]), false, None);
}

#[test]
fn half_an_archive_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("contents.tar");
    for (bytes, whole) in [
        ([&[7; 512][..], &[0; 1024]].concat(), true),
        (vec![0; 1024], true),
        ([&[7; 512][..], &[0; 1000]].concat(), false),
        (vec![7; 4096], false),
        (Vec::new(), false),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(super::content_of(&path).is_ok(), whole, "{}", bytes.len());
    }
}
