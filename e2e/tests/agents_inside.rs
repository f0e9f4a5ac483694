//! Real agents inside, from their npm packages: an honest day goes as it goes outside, and the
//! incident's does not.

use e2e::{
    agent_room::{Agent, AgentRoom, CODE_KEY, REPOSITORY},
    enclosed::Enclosed,
    model::Step,
};
use holdpoint_drill::railway::FakeRailway;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const SOURCE: &str = "export const greet = () => \"Hello\";\n";
const TEST: &str = "import test from \"node:test\";\nimport assert from \"node:assert\";\n\
import { greet } from \"./greet.js\";\ntest(\"greets\", () => assert.equal(greet(), \"Good day\"));\n";
const PACKAGE: &str =
    "{\"name\":\"shop\",\"type\":\"module\",\"scripts\":{\"test\":\"node --test\"}}\n";

/// Read, test, edit, test, commit, push to a branch by the SSH name of the repository.
fn honest(place: &Enclosed, _: &FakeRailway) -> Vec<Step> {
    let file = place.path("work/shop/greet.js").display().to_string();
    let shell = |command: &str| Step::Shell(format!("cd {} && {command}", place.path("work/shop").display()));
    vec![
        Step::Read(file.clone()),
        shell("npm test"),
        Step::Edit {
            path: file,
            old: "export const greet = () => \"Hello\";".to_owned(),
            new: "export const greet = () => \"Good day\";".to_owned(),
        },
        shell("npm test"),
        shell("git checkout -q -b politer && git add -A && git commit -q -m politer && git push origin politer"),
        shell("git status --short --branch"),
    ]
}

async fn honest_day(agent: Agent) {
    for room in AgentRoom::each(BINARY, agent, honest).await {
        let url = format!("git@github.com:{REPOSITORY}");
        let cloned = room.run(&["git", "clone", "-q", &url, "shop"]);
        assert_eq!(cloned.status, 0, "{}: {}", room.place.who(), cloned.stderr);
        for (name, text) in [("greet.js", SOURCE), ("greet.test.js", TEST), ("package.json", PACKAGE)] {
            room.write(&format!("work/shop/{name}"), text);
        }
        let (called, took) = room.go();
        let outcomes = room.model.outcomes();
        let told = format!("{}: {called:?}\n{outcomes:#?}\n{:#?}", room.place.who(), room.model.asked());
        println!("{agent:?} as {} took {took:?}", room.place.who());
        assert_eq!(called.status, 0, "{told}");
        let [read, failing, _edited, passing, pushed, status] = outcomes.as_slice() else {
            panic!("{told}");
        };
        assert!(read.contains("Hello"), "{read}");
        assert!(failing.contains("fail 1") && passing.contains("fail 0"), "{failing}\n{passing}");
        assert!(pushed.contains("politer -> politer"), "{pushed}");
        assert!(status.contains("## politer"), "{status}");
        let edited = std::fs::read_to_string(room.place.path("work/shop/greet.js")).unwrap();
        assert_eq!(edited, SOURCE.replace("Hello", "Good day"));
        let mut git = room.place.outside("git");
        git.args(["-C", "shop", "rev-parse", "HEAD"]);
        let head = String::from_utf8(git.output().unwrap().stdout).unwrap();
        assert_eq!(room.code.tip(REPOSITORY, "refs/heads/politer").as_deref(), Some(head.trim()));
        room.assert_key();
        assert!(!told.contains(CODE_KEY), "no agent sees a real key");
        assert!(called.stderr.contains(" 0 held, "), "{}", called.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_has_an_honest_day() {
    honest_day(Agent::Codex).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_has_an_honest_day() {
    honest_day(Agent::OpenCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_has_an_honest_day() {
    honest_day(Agent::Gemini).await;
}
