//! Volumes of Docker and Podman are saved before an agent removes them, and come back: made as they
//! were, with what was in them. What cannot be saved is held.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{
    engines::Containers,
    holdpoint::{Called, Gateway},
    hooks::{Desk, Dialect, Said},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// What compose writes on what it makes for a project called `work`.
const OF_WORK: &str = "--label com.docker.compose.project=work --label keep=this";

/// An agent's desk beside an engine, which the gateway finds as the agent does.
struct Room {
    engine: Containers,
    desk: Desk,
    _up: Gateway,
}

impl Room {
    fn new(engine: Containers) -> Self {
        let desk = Desk::new(BINARY);
        let led = led(&engine, &desk);
        let led: Vec<(&str, &str)> = led.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let _up = desk.holdpoint.up(&[], &led);
        Self { engine, desk, _up }
    }

    fn ask(&self, command: &str) -> (String, Said) {
        let said = self.desk.before(Dialect::Claude, command, true);
        (Dialect::Claude.word(&said), said)
    }

    /// Asks until nothing is being saved any more: engines take their time.
    fn hears(&self, command: &str) -> (String, Said) {
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            let (word, said) = self.ask(command);
            if !said.text().contains("(preparing)") {
                return (word, said);
            }
            assert!(Instant::now() < patience, "waited in vain: {command}");
            sleep(Duration::from_millis(50));
        }
    }

    fn passes(&self, command: &str) {
        let (word, said) = self.hears(command);
        assert_eq!(word, "allow", "{command}: {said:?}");
    }

    /// A human is asked: nothing of it was saved.
    fn is_held(&self, command: &str) {
        let before = self.saved().len();
        let (word, said) = self.hears(command);
        assert_eq!(word, "ask", "{command}: {said:?}");
        assert_eq!(self.saved().len(), before, "{command}");
    }

    /// The volumes that were saved, the newest first.
    fn saved(&self) -> Vec<Value> {
        let all = self.desk.holdpoint.json(&["snapshots", "--json"]);
        let all = all.as_array().unwrap().iter();
        all.filter(|it| it["kind"] == "volume").cloned().collect()
    }

    fn saved_of(&self, volume: &str) -> String {
        let end = format!(":{volume}");
        let saved = self.saved();
        let found = saved.iter().find(|it| it["what"].as_str().unwrap().ends_with(&end));
        let found = found.unwrap_or_else(|| panic!("no {volume} in {saved:?}"));
        found["id"].as_str().unwrap().to_owned()
    }

    fn undo(&self, id: &str) -> Called {
        let mut command = self.desk.holdpoint.command(&["undo", id, "--yes", "--json"]);
        Called::from(command.envs(led(&self.engine, &self.desk)).output().unwrap())
    }

    fn made(&self, volume: &str) -> (Value, Value, Value) {
        let text = self.engine.says(&format!("volume inspect {volume}"));
        let it = serde_json::from_str::<Value>(&text).unwrap()[0].clone();
        (it["Driver"].clone(), it["Labels"].clone(), it["Options"].clone())
    }
}

/// What leads to the engine, and whose home it is.
fn led(engine: &Containers, desk: &Desk) -> Vec<(String, String)> {
    let work = desk.path("");
    let home = Path::new(&work).parent().unwrap().display().to_string();
    let mut led = engine.environment();
    led.push(("HOME".to_owned(), home));
    led
}

/// Removed by each of these, a volume comes back as it was.
fn comes_back(engine: Containers) {
    let room = Room::new(engine);
    room.desk.write("compose.yaml", "services:\n  db:\n    image: postgres\nvolumes:\n  data:\n");
    let remove = room.engine.command("volume rm work_data");
    let command = |words: &str| room.engine.command(words);
    for (asked, done) in [
        (remove.clone(), remove.clone()),
        (command("volume prune --force --all"), remove.clone()),
        (command("system prune --force --volumes --filter all=1"), remove.clone()),
        (command("compose down --volumes"), remove.clone()),
        (command("compose --project-name work down -v --remove-orphans"), remove.clone()),
    ] {
        room.engine.volume("work_data", OF_WORK);
        let (before, made) = (room.engine.contents("work_data"), room.made("work_data"));
        room.passes(&asked);
        let id = room.saved_of("work_data");
        room.engine.does(&done);
        assert!(!room.engine.place("work_data").exists());
        let undone = room.undo(&id);
        assert_eq!(undone.status, 0, "{asked}: {undone:?}");
        assert_eq!(room.engine.contents("work_data"), before, "{asked}");
        assert_eq!(room.made("work_data"), made, "{asked}");
        room.engine.does(&remove);
    }
}

#[test]
fn a_volume_of_podman_comes_back() {
    comes_back(Containers::podman());
}

#[test]
fn a_volume_of_docker_comes_back() {
    let Some(engine) = Containers::docker() else { return println!("only root starts Docker") };
    comes_back(engine);
}

/// What was put there since is saved, and an undo can be undone.
fn goes_back_and_forth(engine: Containers) {
    let room = Room::new(engine);
    room.engine.volume("db", "");
    let remove = room.engine.command("volume rm db");
    let before = room.engine.contents("db");
    room.passes(&remove);
    let first = room.saved_of("db");
    std::fs::write(room.engine.place("db").join("PG_VERSION"), "16, and newer\n").unwrap();
    std::fs::remove_file(room.engine.place("db").join("link")).unwrap();
    std::fs::write(room.engine.place("db").join("added"), "since\n").unwrap();
    let later = room.engine.contents("db");
    let undone = room.undo(&first);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(room.engine.contents("db"), before);
    let back = undone.json()["saved"].as_str().unwrap().to_owned();
    let undone = room.undo(&back);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(room.engine.contents("db"), later);
    assert_eq!(room.engine.says("container ls --all --quiet"), "", "nothing of ours is left");
    assert_eq!(room.engine.says("image ls --all --quiet"), "");
    assert_eq!(room.engine.says("volume ls --quiet"), "db");
}

#[test]
fn what_was_put_into_a_volume_of_podman_since_is_saved_as_well() {
    goes_back_and_forth(Containers::podman());
}

#[test]
fn what_was_put_into_a_volume_of_docker_since_is_saved_as_well() {
    let Some(engine) = Containers::docker() else { return println!("only root starts Docker") };
    goes_back_and_forth(engine);
}

/// A container that has it, and one whose volume has no name.
#[test]
fn volumes_that_containers_have() {
    let Some(engine) = Containers::docker() else { return println!("only root starts Docker") };
    let room = Room::new(engine);
    let (engine, nothing) = (&room.engine, room.desk.path("../empty"));
    std::fs::create_dir(&nothing).unwrap();
    engine.does(&format!("tar -cC {nothing} . | {}", engine.command("import - nothing")));
    engine.volume("db", "");
    engine.does(&engine.command("create --name uses -v db:/a -v /b nothing -"));
    let id = room.engine.says("volume ls --quiet --filter dangling=false");
    let nameless = id.lines().find(|it| it.len() == 64).unwrap().to_owned();
    std::fs::write(engine.place(&nameless).join("only here"), "rows").unwrap();
    let before = engine.contents(&nameless);
    let command = engine.command("rm --force --volumes uses");
    room.passes(&command);
    assert_eq!(room.saved().len(), 1, "what has a name stays");
    // As long as a container has it, it is not put back.
    let id = room.saved_of(&nameless);
    let refused = room.undo(&id);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("uses"), "{refused:?}");
    engine.does(&command);
    assert!(!engine.place(&nameless).exists());
    assert_eq!(room.undo(&id).status, 0);
    assert_eq!(engine.contents(&nameless), before);
}

#[test]
fn what_cannot_be_saved_is_held() {
    let room = Room::new(Containers::podman());
    room.engine.volume("db", "");
    let led = room.engine.environment();
    let elsewhere = room.desk.path("other.conf");
    let remove = room.engine.command("volume rm db");
    for command in [
        // Nobody listens there; no such volume; another storage; another user.
        format!("DOCKER_HOST=unix://{} docker volume rm db", room.desk.path("no.sock")),
        room.engine.command("volume rm gone"),
        remove.replace(&led[0].1, &elsewhere),
        remove.replace(" podman ", " sudo podman "),
        remove.replace(" db", " $(cat names)"),
        "nerdctl volume rm db".to_owned(),
        room.engine.command("system reset --force"),
    ] {
        room.is_held(&command);
    }
    assert_eq!(room.saved(), Vec::<Value>::new());
}

/// Live and `explain` name the same.
#[test]
fn explain_says_of_volumes_what_is_done() {
    let room = Room::new(Containers::podman());
    room.engine.volume("db", "");
    let directory = room.desk.path("").trim_end_matches('/').to_owned();
    let command = room.engine.command("volume rm db");
    let episode = json!({"id": "e", "task": {"description": "t", "workspace": directory},
        "operations": [{"kind": "shell", "command": command, "cwd": directory}]});
    let explained =
        room.desk.holdpoint.call_with(&["explain", "--batch", "-"], &format!("{episode}\n"));
    let told = explained.json()["operations"][0].clone();
    assert_eq!(told["meanings"][0]["resource"], "docker:volume/db", "{told}");
    assert_eq!(told["obligations"], json!(["snapshot"]), "{told}");
    room.passes(&command);
    let records = room.desk.holdpoint.records_from(0);
    let decided = records.iter().map(|it| &it["record"]).rfind(|it| it["kind"] == "decision");
    let decided = decided.unwrap();
    assert_eq!(
        (&decided["verdict"], &decided["obligations"]),
        (&told["verdict"], &told["obligations"])
    );
}
